"""Whether told values pile up at round numbers: as many as lie near each, beside as many as their surroundings lead to expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.imputation.density_between import FEWEST_AWAY, density_between
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_level, one_dimensional, refuse, refuse_rows
from tendon_outcomes.estimators.special_functions import beta_cdf, beta_quantile

# A spline with few knots follows a smooth density to within a few percent (simulated). Without this margin a test on thousands of
# values would find the spline, not the heaps.
MISFIT = 0.03
TEST = "exact binomial comparison of the numbers near and away from the heaps, one-sided"


@dataclass(frozen=True, slots=True)
class HeapCount:
    """How many values lie near a heap, or near any, and how many would: with limits of the ratio of the two."""

    observed: int
    expected: float
    ratio: float
    conf_low: float
    conf_high: float


@dataclass(frozen=True, slots=True, eq=False)
class Heaping:
    """Arrays (h,) over the heaps, `overall` over all of them together, and one p-value by `test`, for more than expected.

    `n` values, `away` of them in no window; `excess` is the share of values that are at heaps beyond what is expected.
    """

    heaps: FloatArray
    width: float
    observed: IntArray
    expected: FloatArray
    ratio: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    overall: HeapCount
    p_value: float
    test: str
    n: int
    away: int
    conf_level: float

    @property
    def detected(self) -> bool:
        """Whether more values lie near the heaps than chance at the level of the limits would put there."""
        return self.p_value < 1.0 - self.conf_level

    @property
    def excess(self) -> float:
        return max(0.0, self.overall.observed - self.overall.expected) / self.n


def heaping(value: npt.ArrayLike, *, heaps: Sequence[float], width: float, conf_level: float = 0.95) -> Heaping:
    """Observed and expected numbers of values near round numbers.

    Estimand
        The ratio of the probability of a window about each heap to what a density that is smooth there would give it.
    Estimator
        O / E with O the values within `width` of the heap and E = (values in no window) I(window) / I(no window), I integrals of
        a density fitted by maximum likelihood to the values in no window: on the log scale, its logarithm a natural cubic spline
        with knots at Harrell's quantiles (`density_between`). So heaps do not raise the density that they are compared with.
    Interval
        E is as uncertain as a count of M: 1/M = 1/away + var(log I(window)/I(no window)), by the information of the fit. Limits
        and p-value are those of the exact (conditional binomial) comparison of O with M: without heaping a share E / (E + M) of
        O + M is near. The p-value is one-sided, of all heaps together. For what a spline of five knots (three below 80 values)
        cannot follow, the p-value is against 1.03 E, and limits have 3 % more error.
    Conventions
        A value exactly `width` away is near. The range is that of the values and windows. `detected` when p < 1 - conf_level: no
        more than that share of smooth samples.
    Assumes
        Independent values; a true density without bumps as narrow as a window.
    Not for
        Who rounded: values near a heap may be true. Values told in coarser units than the windows have: a window must be as wide
        as the units that it holds (1.5 weeks about week 13 for weeks 12, 13 and 14; narrower, every whole week is a heap
        beside the gaps). Fewer than 20 values away from the heaps: refused.
    Parameters
        value: n positive numbers. heaps: round numbers, in the same unit. width: half a window, in that unit; windows must not
        meet. conf_level in (0, 1).
    Returns
        Heaping.
    References
        Przyborowski & Wilenski (1940) Biometrika 31:313 (two counts); Clopper & Pearson (1934) Biometrika 26:404; Kooperberg &
        Stone (1991) Comput Stat Data Anal 12:327 (log-spline densities); Heitjan & Rubin (1990) JASA 85:304 (heaped durations).
    Checked
        Exact (uniform density: binomial), invariance to the unit, size and power by simulation: tests/estimators/test_heaping.py,
        gate row `heaping`.
    """
    told = one_dimensional("value", value, truth_values=False)
    level = checked_level(conf_level)
    refuse_rows(~np.isfinite(told) | (told <= 0.0), "have no value above 0")
    at = _checked_heaps(heaps, width)
    near = np.abs(told[:, None] - at) <= width * (1.0 + 1e-12)
    observed = np.count_nonzero(near, axis=0)
    away = told[~near.any(axis=1)]
    if away.size < FEWEST_AWAY:
        raise refuse(
            f"{away.size} of {told.size} values lie away from the heaps",
            way_out=f"A density needs at least {FEWEST_AWAY} there, and 100 to be of use.",
        )
    windows = np.log(np.column_stack([at - width, at + width]))
    fit = density_between(np.log(away), windows, span=(np.log(told.min()), np.log(told.max())))
    expected = away.size * fit.odds
    columns = zip(observed.tolist(), expected.tolist(), (fit.variance + MISFIT**2).tolist(), strict=True)
    each = [compared_counts(*one, away.size, level) for one in columns]
    total, overall_variance = int(observed.sum()), fit.overall_variance
    overall = compared_counts(total, float(expected.sum()), overall_variance + MISFIT**2, away.size, level)
    ratio, low, high = np.array([(one.ratio, one.conf_low, one.conf_high) for one in each]).T
    p_value = more_than_expected(total, (1.0 + MISFIT) * overall.expected, overall_variance, away.size)
    return Heaping(
        at, float(width), observed.astype(np.int64), expected, ratio, low, high, overall, p_value, TEST,
        told.size, away.size, level,
    )  # fmt: skip


def _checked_heaps(heaps: Sequence[float], width: float) -> FloatArray:
    at = np.unique(one_dimensional("heaps", np.asarray(heaps, dtype=np.float64)))
    if at.size == 0 or not np.isfinite(at).all():
        raise refuse("no heaps, or heaps that are missing or not finite")
    if not 0.0 < width < at[0]:
        raise refuse("`width` is half a window: above 0 and below the least heap")
    if (np.diff(at) <= 2.0 * width).any():
        raise refuse("the windows of two heaps meet", way_out="Make `width` smaller, or name fewer heaps.")
    return at


def _effective(variance: float, away: int) -> float:
    """The count that is as uncertain as the expected number: relative variance 1/M."""
    return 1.0 / (1.0 / away + variance)


def compared_counts(observed: int, expected: float, variance: float, away: int, level: float) -> HeapCount:
    """The exact limits of a ratio of two counts, of which the second stands for a fitted one."""
    m, half = _effective(variance, away), (1.0 - level) / 2.0
    low = float(beta_quantile(half, observed, m + 1.0)) if observed else 0.0
    high = float(beta_quantile(1.0 - half, observed + 1.0, m))
    odds = [share / (1.0 - share) * m / expected for share in (low, high)]
    return HeapCount(observed, float(expected), observed / float(expected), odds[0], odds[1])


def more_than_expected(observed: int, expected: float, variance: float, away: int) -> float:
    """The exact probability of as many near or more, when `expected` were."""
    m = _effective(variance, away)
    return float(beta_cdf(expected / (expected + m), observed, m + 1.0)) if observed else 1.0
