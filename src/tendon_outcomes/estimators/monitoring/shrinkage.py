"""Shares of small groups drawn towards the common one, as far as their numbers are too small to say otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, checked_level, one_dimensional, refuse, refuse_rows
from tendon_outcomes.estimators.special_functions import log_beta

MEANS, CORRELATIONS, PLACES = 49, 24, 500  # of the grids: mean, intra-class correlation, share of a group
LARGEST = 0.5  # correlation that is thought of
REACH = 8.0  # standard deviations to either side on which a share is looked for


@dataclass(frozen=True, slots=True, eq=False)
class Shrunken:
    """Shares of k groups as observed and as drawn towards `centre`, with limits; `correlation` of outcomes within a group."""

    observed: FloatArray
    trials: FloatArray
    centre: float
    correlation: float
    estimate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    conf_level: float


def beta_binomial_shrinkage(successes: npt.ArrayLike, trials: npt.ArrayLike, *, conf_level: float = 0.95) -> Shrunken:
    """What the share of each group is likely to be, given all groups.

    Estimand
        pi_j of group j, taken as drawn from a beta distribution of mean m and intra-class correlation r.
    Estimator
        Posterior mean of pi_j, averaged over a grid of m (even in 0 to 1) and r (even in 0 to 0.5) by their beta-binomial
        likelihood, so that not knowing m and r counts. `centre`, `correlation`: their posterior means.
    Interval
        Posterior quantiles of the mixture of beta distributions.
    Conventions
        Groups without trials get the distribution of a new group.
    Assumes
        Groups alike but for chance and their own share; independent outcomes within a group given that share.
    Not for
        Ranking; fewer than three groups (refused): how much groups differ cannot be seen from two.
    Parameters
        successes, trials: k counts. conf_level in (0, 1).
    Returns
        Shrunken.
    References
        Gelman et al. (2013) Bayesian Data Analysis, 3rd ed., section 5.3; Spiegelhalter, Abrams & Myles (2004) Bayesian
        Approaches to Clinical Trials and Health-Care Evaluation, section 3.17.
    Checked
        Exact (equal groups, one-sided limits of large groups), simulation: tests/estimators/test_shrinkage.py.
    """
    x, n, level = one_dimensional("successes", successes), one_dimensional("trials", trials), checked_level(conf_level)
    if x.size != n.size or x.size < 3:
        raise refuse(f"{x.size} groups with {n.size} sizes", way_out="Shrinkage needs three groups or more.")
    refuse_rows(~((n >= 0.0) & (x >= 0.0) & (x <= n) & np.isfinite(n)), "have successes that are not 0 to `trials`")
    if not n.sum():
        raise refuse("no group has a trial")
    a, b, weight = _grid(x, n)
    after_a, after_b = a[:, None] + x, b[:, None] + n - x
    estimate = weight @ (after_a / (after_a + after_b))
    low, high = _limits(after_a, after_b, weight, level)
    observed = np.divide(x, n, out=np.full(x.size, np.nan), where=n > 0.0)
    centre, correlation = float(weight @ (a / (a + b))), float(weight @ (1.0 / (a + b + 1.0)))
    return Shrunken(observed, n, centre, correlation, estimate, low, high, level)


def _grid(x: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Beta distributions and how likely the groups make each."""
    mean = (np.arange(MEANS) + 0.5) / MEANS
    root = (np.arange(CORRELATIONS) + 0.5) / CORRELATIONS  # closer where correlations are small
    correlation = LARGEST * root**2
    together = (1.0 - correlation) / correlation
    a, b = np.outer(mean, together).ravel(), np.outer(1.0 - mean, together).ravel()
    fit = (log_beta(a[:, None] + x, b[:, None] + n - x) - log_beta(a, b)[:, None]).sum(axis=1)
    weight = np.exp(fit - fit.max()) * np.tile(root, MEANS)
    kept = weight > 1e-5 * weight.max()
    return a[kept], b[kept], weight[kept] / weight[kept].sum()


def _limits(a: FloatArray, b: FloatArray, weight: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Quantiles of mixtures of beta distributions, one mixture a column, from their densities around the middle."""
    mean = a / (a + b)
    centre = weight @ mean
    spread = np.sqrt(weight @ (mean * (1.0 - mean) / (a + b + 1.0) + (mean - centre) ** 2))
    found = np.empty((2, centre.size))
    for j in range(centre.size):
        ends = np.clip([centre[j] - REACH * spread[j], centre[j] + REACH * spread[j]], 0.0, 1.0)
        edges = np.linspace(ends[0], ends[1], PLACES + 1)
        at = 0.5 * (edges[1:] + edges[:-1])
        log_density = (
            np.outer(a[:, j] - 1.0, np.log(at)) + np.outer(b[:, j] - 1.0, np.log1p(-at)) - log_beta(a[:, j], b[:, j])[:, None]
        )
        below = np.concatenate(([0.0], np.cumsum(weight @ np.exp(log_density))))
        found[:, j] = np.interp([(1.0 - level) / 2.0, (1.0 + level) / 2.0], below / below[-1], edges)
    return found[0], found[1]
