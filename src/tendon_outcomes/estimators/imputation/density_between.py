"""A smooth density from the values that lie between some windows, and what it would put into them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.regression.natural_spline import natural_spline
from tendon_outcomes.estimators.regression.spline_columns import harrell_knots

FEWEST_AWAY = 20
MANY_AWAY = 80  # from here on five knots, below three
PIECES, STEPS, HALVINGS, SETTLED = 60, 60, 40, 1e-10
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True, slots=True, eq=False)
class WindowOdds:
    """Odds (h,) of a window against all that lies between the windows, with variances of their logarithms from the fit alone."""

    odds: FloatArray
    variance: FloatArray
    overall_variance: float


def density_between(x: FloatArray, windows: FloatArray, *, span: tuple[float, float]) -> WindowOdds:
    """Fit exp(spline) to values between the windows (h, 2), ascending and apart, and integrate it over them.

    The likelihood is that of values seen only between the windows and within the span, which is widened to hold the windows. It
    is concave: Newton's steps, halved where they do not climb. 8 Gauss nodes in each of about 60 pieces integrate to rounding.
    """
    start, end = min(span[0], windows[0, 0]), max(span[1], windows[-1, 1])
    knots = np.array(harrell_knots(x, 5 if x.size >= MANY_AWAY else 3))
    distinct = np.unique(x).size
    if knots.size < 3 or distinct <= knots.size:
        raise refuse(f"the values away from the heaps have only {distinct} different ones", way_out="Name fewer heaps.")
    columns = natural_spline(x, knots)[:, 1:]
    centre, scale = columns.mean(axis=0), columns.std(axis=0)

    def basis(u: FloatArray) -> FloatArray:
        return np.asarray((natural_spline(u, knots)[:, 1:] - centre) / scale)

    edges = np.concatenate(([start], windows.ravel(), [end])).reshape(-1, 2)
    nodes, weights = _quadrature(edges, end - start)
    between = basis(nodes)
    theta, covariance = _fitted(basis(x).mean(axis=0), between, weights, x.size)
    outer, outer_mean, _ = _moments(between, weights, theta)
    inside = [_quadrature(window[None, :], end - start) for window in windows]
    parts = [_moments(basis(u), w, theta) for u, w in inside]
    odds = np.exp([total - outer for total, _, _ in parts])
    slope = np.array([mean - outer_mean for _, mean, _ in parts])
    together = odds @ slope / odds.sum()
    variance = np.einsum("hi,ij,hj->h", slope, covariance, slope)
    return WindowOdds(odds, variance, float(together @ covariance @ together))


def _quadrature(edges: FloatArray, whole: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights over some stretches, each cut into pieces no longer than a share of the whole."""
    nodes, weights = [], []
    for low, high in edges:
        cuts = np.linspace(low, high, max(2, int(np.ceil(PIECES * (high - low) / whole)) + 1))
        half = 0.5 * np.diff(cuts)[:, None]
        nodes.append((cuts[:-1, None] + half * (1.0 + _NODES)).ravel())
        weights.append((half * _WEIGHTS).ravel())
    return np.concatenate(nodes), np.concatenate(weights)


def _moments(basis: FloatArray, weight: FloatArray, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Log integral of exp(basis theta), and the mean and covariance of the basis under it."""
    eta = basis @ theta
    top = float(eta.max())
    mass = weight * np.exp(eta - top)
    total = float(mass.sum())
    mean = mass @ basis / total
    away = basis - mean
    return top + float(np.log(total)), mean, (away * mass[:, None]).T @ away / total


def _fitted(target: FloatArray, basis: FloatArray, weight: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Where target'theta - log integral is largest, and the covariance of theta from n values."""
    theta = np.zeros(target.size)
    total, mean, curvature = _moments(basis, weight, theta)
    value = -total
    for _ in range(STEPS):
        step = _solved(curvature, target - mean)
        if float((target - mean) @ step) < SETTLED:
            return theta + step, np.linalg.inv(curvature) / n
        for halving in range(HALVINGS):
            trial = theta + step * 0.5**halving
            total, mean, curvature = _moments(basis, weight, trial)
            if target @ trial - total > value:
                break
        else:
            break
        theta, value = trial, float(target @ trial - total)
    raise _unsettled()


def _solved(curvature: FloatArray, gap: FloatArray) -> FloatArray:
    try:
        step = np.linalg.solve(curvature, gap)
    except np.linalg.LinAlgError:
        step = np.full(gap.size, np.nan)
    if not np.isfinite(step).all():
        raise _unsettled()
    return np.asarray(step)


def _unsettled() -> NotConverged:
    return NotConverged(
        "the density of the values away from the heaps did not settle", way_out="Name fewer heaps, or look at their histogram."
    )
