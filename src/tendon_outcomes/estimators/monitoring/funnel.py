"""How far shares of groups of different sizes lie from a common one by chance alone: limits of a funnel plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, checked_level, one_dimensional, refuse, refuse_rows
from tendon_outcomes.estimators.special_functions import log_beta


@dataclass(frozen=True, slots=True, eq=False)
class FunnelLimits:
    """Limits (levels, k) of shares around `centre` for `trials` (k,); `correlation` of outcomes within a group, 0: binomial."""

    trials: FloatArray
    centre: float
    levels: tuple[float, ...]
    low: FloatArray
    high: FloatArray
    correlation: float


def funnel_limits(
    trials: npt.ArrayLike, centre: float, *, levels: Sequence[float] = (0.95, 0.998), correlation: float = 0.0
) -> FunnelLimits:
    """What share of groups of these sizes chance explains, the probability being `centre` in all.

    Estimand
        The middle part, of probability `level`, of the distribution of x / n.
    Estimator
        Binomial; with `correlation` rho > 0 beta-binomial: probabilities vary between groups with variance rho c (1 - c).
    Interval
        Lower, for a tail p: r the smallest whole number with Pr(X <= r) >= p, and r - {Pr(X <= r) - p} / Pr(X = r), so that
        limits change smoothly with n. Upper: the lower limit of the failures, turned over. A share is outside exactly when so
        few, or so many, successes have a probability below p.
    Conventions
        Spiegelhalter interpolates the quantile of 1 - p by the same formula; that upper limit is lower by up to 1/n, and has
        shares outside that chance brings more often than p (8 of 10 at 1/2). It is not used here. Limits stay in [0, 1]; a
        centre of 0 or 1 has no width.
    Assumes
        Independent groups; a centre that is known (from many more than one group).
    Not for
        Ranking groups. Case mix: groups differ in it.
    Parameters
        trials: k sizes, whole numbers above 0. centre in [0, 1]. levels in (0, 1). correlation in [0, 1).
    Returns
        FunnelLimits.
    References
        Spiegelhalter (2005) Stat Med 24:1185, section 2 and appendix A.1; Manktelow & Seaton (2012) PLoS ONE 7:e45723, first
        method.
    Checked
        Published (Seaton & Manktelow 2012, chances of falling outside), exact (binomial sums by hand; correlation 1/3 with
        centre 1/2: all counts alike): tests/estimators/test_funnel.py.
    """
    n = one_dimensional("trials", trials)
    refuse_rows(~((n >= 1.0) & (n == np.round(n))), "have a size that is no whole number above 0")
    if not 0.0 <= centre <= 1.0 or not 0.0 <= correlation < 1.0:
        raise refuse("the centre lies between 0 and 1, the correlation at 0 or above and below 1")
    tails = [(1.0 - checked_level(level)) / 2.0 for level in levels]
    low, high = np.empty((len(tails), n.size)), np.empty((len(tails), n.size))
    for j, size in enumerate(n.astype(np.int64)):
        chance = chances(int(size), centre, correlation)
        low[:, j] = [_place(chance, tail) / size for tail in tails]
        high[:, j] = [1.0 - _place(chance[::-1], tail) / size for tail in tails]
    if centre in (0.0, 1.0):
        low, high = np.full(low.shape, centre), np.full(high.shape, centre)
    return FunnelLimits(n, float(centre), tuple(levels), np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0), float(correlation))


def chances(size: int, centre: float, correlation: float) -> FloatArray:
    """Pr(X = 0, ..., size) of the binomial or beta-binomial distribution."""
    x = np.arange(size + 1.0)
    if centre in (0.0, 1.0):
        return np.asarray(x == size * centre, dtype=np.float64)
    ways = -np.log(size + 1.0) - log_beta(size - x + 1.0, x + 1.0)
    if correlation == 0.0:
        return np.asarray(np.exp(ways + x * np.log(centre) + (size - x) * np.log1p(-centre)))
    together = (1.0 - correlation) / correlation
    a, b = centre * together, (1.0 - centre) * together
    return np.asarray(np.exp(ways + log_beta(a + x, b + size - x) - log_beta(a, b)))


def _place(chance: FloatArray, p: float) -> float:
    """The interpolated quantile of a count."""
    below = np.cumsum(chance)
    r = min(int(np.searchsorted(below, p - 1e-13)), chance.size - 1)
    return r - float((below[r] - p) / chance[r]) if chance[r] > 0.0 else float(r)
