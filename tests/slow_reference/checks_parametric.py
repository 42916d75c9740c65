"""The parametric models of time beside plain likelihoods: the same value at the maximum, and no slope left there.

A maximum of these likelihoods is where their slopes are 0, so agreement of value, slope and (for the time model) curvature is
agreement of the fit. Slopes are differences, hence their tolerance.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.observations import refuse
from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
from tendon_outcomes.estimators.regression.parametric.mixture_cure import mixture_cure
from tendon_outcomes.estimators.regression.parametric.spline_incidence import spline_incidence
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog
from tests.slow_reference.check import Check, Deviation, both_refuse, deviations
from tests.slow_reference.slow_parametric import (
    cells_alike,
    cure_log_likelihood,
    grouped_log_likelihood,
    incidence,
    nothing_seen,
    slope,
    spline_hazard,
    time_log_likelihood,
)

FLAT = 1e-6
GRID = (14.0, 28.0, 42.0)


class Rows(NamedTuple):
    """Rows with a covariate, a weight and a distribution."""

    left: np.ndarray
    right: np.ndarray
    cause: np.ndarray
    x: np.ndarray
    weight: np.ndarray
    law: str


def _pairs(rows: Rows) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in zip(rows.left, rows.right, strict=True)]


def _weights(rng: np.random.Generator, n: int) -> np.ndarray:
    """Whole, fractional, or some zero."""
    return (np.ones(n), rng.integers(1, 4, n).astype(float), np.round(rng.random(n) * 2 + 0.1, 1))[int(rng.integers(3))]


def draw_times(rng: np.random.Generator) -> Rows:
    """Three dated times at least in each group (so that the scale exists), other rows of every kind; sometimes only censored."""
    n = int(rng.integers(8, 13))
    day = rng.integers(1, 9, n).astype(float)
    day[:6] = [1, 3, 6, 2, 4, 8]
    kind = np.append(np.zeros(6, dtype=int), rng.integers(0, 4, n - 6))
    left = np.where(kind == 2, 0.0, np.where(kind == 3, day - 1, day))
    right = np.where(kind == 1, np.inf, day)
    if rng.random() < 0.05:
        left, right = day, np.full(n, np.inf)
    x = np.append([0, 0, 0, 1, 1, 1], rng.integers(0, 2, n - 6)).astype(float)
    weight = _weights(rng, n)
    if rng.random() < 0.3:
        weight[-1] = 0.0
    law = ("weibull", "exponential", "lognormal", "loglogistic")[int(rng.integers(4))]
    return Rows(left, right, np.ones(n, dtype=int), x, weight, law)


def compare_times(rows: Rows) -> list[Deviation]:
    if nothing_seen(_pairs(rows)):
        return both_refuse("time", lambda: accelerated_failure_time(rows.left, rows.right, rows.x), _refuse_nothing)
    fit = accelerated_failure_time(
        rows.left,
        rows.right,
        rows.x,
        weight=rows.weight,
        distribution=rows.law,
        robust=False,  # type: ignore[arg-type]
    )
    columns = [(1.0, float(v)) for v in rows.x]

    def value(b: object) -> float:
        return float(rows.weight @ time_log_likelihood(rows.law, _pairs(rows), columns, b))  # type: ignore[arg-type]

    at = fit.coefficients.estimate.tolist()
    curvature = -np.array([slope(lambda b, j=j: slope(value, b, 1e-3)[j], at, 1e-3) for j in range(len(at))])  # type: ignore[misc]
    return [
        *deviations("log-likelihood", fit.log_likelihood, value(at)),
        *deviations("slope", np.zeros(len(at)), slope(value, at), FLAT),
        *deviations("information", np.linalg.inv(fit.coefficients.covariance), curvature, 1e-5),
    ]


def draw_looks(rng: np.random.Generator) -> Rows:
    """Cells of a grid, looks skipped; both groups have somebody who recovers and somebody who does not."""
    n = int(rng.integers(5, 13))
    edges = np.array([0.0, *GRID])
    low = rng.integers(0, 3, n)
    high = np.minimum(low + rng.integers(1, 4, n), 3)
    seen = rng.random(n) < 0.6
    left, right = edges[low], np.where(seen, edges[high], np.inf)
    left[:4], right[:4] = [0.0, 42.0, 0.0, 42.0], [14.0, np.inf, 14.0, np.inf]
    x = np.append([0, 0, 1, 1], rng.integers(0, 2, n - 4)).astype(float)
    return Rows(left, right, np.isfinite(right).astype(int), x, _weights(rng, n), "")


def compare_looks(rows: Rows) -> list[Deviation]:
    if cells_alike(_pairs(rows), GRID):
        return both_refuse("cells", lambda: pooled_cloglog(*rows[:3], rows.x, grid=GRID), _refuse_nothing)
    fit = pooled_cloglog(*rows[:3], rows.x, grid=GRID, weight=rows.weight)
    held = np.isfinite(fit.baseline)

    def full(b: object, beta: float) -> float:
        levels = np.full(3, -np.inf)
        levels[held] = b  # type: ignore[call-overload]
        return float(rows.weight @ grouped_log_likelihood(_pairs(rows), rows.x.tolist(), GRID, levels.tolist(), beta))

    at = [*fit.baseline[held].tolist(), float(fit.coefficients.estimate[0])]
    found = [
        *deviations("log-likelihood", fit.log_likelihood, full(at[:-1], at[-1])),
        *deviations("slope", np.zeros(len(at)), slope(lambda b: full(b[:-1], b[-1]), at), FLAT),
    ]
    for j in np.flatnonzero(~held):
        levels = fit.baseline.copy()
        levels[j] = -18.0
        more = rows.weight @ grouped_log_likelihood(_pairs(rows), rows.x.tolist(), GRID, levels.tolist(), at[-1])
        if more > fit.log_likelihood + 1e-11 * abs(fit.log_likelihood) + 1e-11:
            found.append(Deviation(f"empty cell {j} would gain", fit.log_likelihood, float(more)))
    return found


def draw_plateau(rng: np.random.Generator) -> Rows:
    """Dated and interval-censored recoveries by day 9, and a long wait for the others."""
    n = int(rng.integers(8, 13))
    day = np.append([1.0, 3.0, 6.0], rng.integers(1, 10, n - 3))
    looked = np.append(np.zeros(3, dtype=bool), rng.random(n - 3) < 0.4)
    never = np.arange(n) >= n - int(rng.integers(1, 4))
    left = np.where(never, 1e4, np.where(looked, day - 1, day))
    law = ("weibull", "lognormal", "loglogistic")[int(rng.integers(3))]
    return Rows(left, np.where(never, np.inf, day), (~never).astype(int), np.zeros(n), _weights(rng, n), law)


def compare_plateau(rows: Rows) -> list[Deviation]:
    fit = mixture_cure(rows.left, rows.right, weight=rows.weight, distribution=rows.law, robust=True)  # type: ignore[arg-type]
    at = [*fit.ever.estimate.tolist(), *fit.time.estimate.tolist()]

    def value(b: object) -> float:
        return float(rows.weight @ cure_log_likelihood(rows.law, _pairs(rows), b))  # type: ignore[arg-type]

    return [
        *deviations("log-likelihood", fit.log_likelihood, value(at)),
        *deviations("slope", np.zeros(3), slope(value, at), FLAT),
    ]


def draw_clinic(rng: np.random.Generator) -> Rows:
    """Looks, a dated competing cause, everything tied; up to five knots; sometimes nobody recovers."""
    n = int(rng.integers(6, 13))
    low = 7.0 * rng.integers(0, 5, n)
    cause = rng.choice([0, 1, 1, 2], n)
    if rng.random() < 0.95:
        cause[0] = 1
    right = np.where(cause == 0, np.inf, low + 7.0 * rng.integers(1, 3, n))
    return Rows(low, right, cause, np.zeros(n), _weights(rng, n), str(int(rng.integers(1, 6))))


def compare_clinic(rows: Rows) -> list[Deviation]:
    if not (rows.cause == 1).any():
        return both_refuse("spline", lambda: spline_incidence(rows.left, rows.right, rows.cause), _refuse_nothing)
    knots = [4.0, 11.0, 20.0, 27.0, 33.0][: int(rows.law)]
    end = np.where(rows.cause == 0, rows.left, rows.right).max()
    fit = spline_incidence(rows.left, rows.right, rows.cause, knots=[k for k in knots if k <= end], weight=rows.weight)
    sizes = [basis.size for basis in fit.model.bases]

    def split(b: object) -> list[list[float]]:
        whole, ends = list(b), np.cumsum([0, *sizes]).tolist()  # type: ignore[call-overload]
        return [whole[i:j] for i, j in pairwise(ends)]

    def hazards(b: object) -> list:
        parts = zip(fit.model.bases, split(b), strict=True)
        return [spline_hazard(basis.knots.tolist(), values, basis.origin) for basis, values in parts]

    days = sorted({*rows.left.tolist(), *rows.right[np.isfinite(rows.right)].tolist()} - {0.0})

    def value(b: object, penalised: bool = True) -> float:
        curves = hazards(b)
        at = incidence(curves, days)
        total = 0.0
        for left, right, cause, weight in zip(rows.left, rows.right, rows.cause, rows.weight, strict=True):
            if cause == 0:
                total -= weight * at[left][1]
            elif cause == 1:
                total += weight * np.log(at[right][0][0] - at[left][0][0])
            else:
                total += weight * (np.log(curves[1](right)) - at[right][1])
        for values in split(b) if penalised else []:
            total -= sum((v - sum(values) / len(values)) ** 2 for v in values) / (2 * 2.0**2)
        return float(total)

    at = fit.log_hazard_at_knots.tolist()
    day = float(end) * 0.7
    risen, _ = incidence(hazards(at), [day], 1000)[day]
    return [
        *deviations("incidence", [float(fit.at(k, day).estimate) for k in fit.causes], risen, 1e-7),
        *deviations("log-likelihood", fit.log_likelihood, value(at, penalised=False), 1e-6),
        *deviations("slope", np.zeros(len(at)), slope(value, at), 1e-5),
    ]


def _refuse_nothing() -> object:
    raise refuse("no event")


CHECKS: tuple[Check, ...] = (
    Check("accelerated failure time", draw_times, compare_times, share=0.3),
    Check("grouped proportional hazards", draw_looks, compare_looks),
    Check("mixture cure", draw_plateau, compare_plateau),
    Check("spline incidence", draw_clinic, compare_clinic, share=0.02),
)
