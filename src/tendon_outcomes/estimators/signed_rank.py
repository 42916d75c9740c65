"""The middle of paired differences, with the limits that belong to the signed-rank test."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, sqrt

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, checked_level, one_dimensional, refuse

EXACT_UP_TO = 200
"""Pairs up to which the distribution of the rank sum is counted out; beyond, a normal curve takes its place."""
MOST_DISTINCT = 5000


@dataclass(frozen=True, slots=True)
class PairedMedian:
    """The Hodges-Lehmann estimate of n differences with its limits. `exact`: the rank sum's distribution was counted out."""

    estimate: float
    conf_low: float
    conf_high: float
    n: int
    exact: bool
    conf_level: float


def paired_median(difference: npt.ArrayLike, *, conf_level: float = 0.95) -> PairedMedian:
    """The middle of differences within pairs, by Hodges and Lehmann.

    Estimand
        The pseudomedian: the median of (D + D') / 2 for two independent differences; the median where they are symmetric.
    Estimator
        The median of the n(n + 1)/2 Walsh averages (d_i + d_j) / 2, i <= j.
    Interval
        The averages of rank q and n(n + 1)/2 - q + 1, q the smallest number with Pr(V <= q) >= alpha/2, V the rank sum of n
        pairs under symmetry about 0: counted out up to 200 pairs, normal beyond. Coverage is at least conf_level without ties.
    Conventions
        Zeros and ties stay in, as Walsh averages of their own; with many of them the limits are somewhat wide.
    Assumes
        Independent pairs; symmetric differences for the limits.
    Not for
        The difference of two medians. Fewer pairs than the level needs (6 at 95 %): refused, because no limits exist.
    Parameters
        difference: n finite numbers, one a pair. conf_level in (0, 1).
    Returns
        PairedMedian.
    References
        Hodges & Lehmann (1963) Ann Math Stat 34:598; Hollander & Wolfe (1973) Nonparametric Statistical Methods, 3.2-3.3.
    Checked
        Published (Hollander & Wolfe, depression scale), exact (all sign patterns of few pairs):
        tests/estimators/test_signed_rank.py.
    """
    values, level = one_dimensional("difference", difference), checked_level(conf_level)
    n = values.size
    if wrong := int(np.count_nonzero(~np.isfinite(values))):
        raise refuse(f"{wrong} of {n} differences are missing or not finite", way_out="Leave these pairs out.")
    exact = n <= EXACT_UP_TO
    rank = _lower_rank(n, (1.0 - level) / 2.0, exact=exact)
    if rank < 1:
        raise refuse(f"{n} pairs have no limits at this level", way_out="At 95 % six pairs are the fewest.")
    average, count = _walsh_averages(values)
    below = np.cumsum(count)
    pairs = int(below[-1])
    at = [float(average[np.searchsorted(below, place)]) for place in (rank, pairs - rank + 1)]
    middle = [float(average[np.searchsorted(below, place)]) for place in ((pairs + 1) // 2, pairs // 2 + 1)]
    return PairedMedian(sum(middle) / 2.0, at[0], at[1], n, exact, level)


def _walsh_averages(values: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Distinct averages in order, and how often each comes; equal values are counted and not paired one by one."""
    distinct, size = np.unique(values, return_counts=True)
    if distinct.size > MOST_DISTINCT:
        raise refuse(
            f"{distinct.size} different values make too many averages of two",
            way_out=f"Round them to fewer than {MOST_DISTINCT}.",
        )
    first, second = np.triu_indices(distinct.size)
    average = (distinct[first] + distinct[second]) / 2.0
    count = np.where(first == second, size[first] * (size[first] + 1) // 2, size[first] * size[second])
    order = np.argsort(average, kind="stable")
    return average[order], count[order].astype(np.int64)


def _lower_rank(n: int, half: float, *, exact: bool) -> int:
    """The smallest q with Pr(V <= q) >= half; 0 where no average leaves so little below it."""
    if n == 0:
        return 0
    if not exact:
        spread = sqrt(n * (n + 1) * (2 * n + 1) / 24.0)
        return floor(n * (n + 1) / 4.0 - two_sided_z(1.0 - 2.0 * half) * spread)
    probability = np.ones(1)
    for one in range(1, n + 1):
        longer = np.zeros(probability.size + one)
        longer[: probability.size] += probability / 2.0
        longer[one:] += probability / 2.0
        probability = longer
    return int(np.searchsorted(np.cumsum(probability), half, side="left"))
