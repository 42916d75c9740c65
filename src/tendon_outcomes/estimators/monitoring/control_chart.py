"""Shares quarter by quarter against limits that were fixed beforehand: p-chart with varying n, and its moving average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.monitoring.funnel import funnel_limits
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, one_dimensional, refuse, refuse_rows

SIGMAS = 3.0
INSIDE = 0.9973  # of a normal variable within three standard deviations
MEAN_RANGE = 1.128  # of two normal variables: mean range over standard deviation


@dataclass(frozen=True, slots=True, eq=False)
class ControlChart:
    """One value a point with the limits that chance explains around `centre`; the first `baseline` points fixed these.

    `dispersion`: how many times wider than binomial the points of the baseline spread (1 unless asked for).
    """

    value: FloatArray
    trials: FloatArray
    centre: float
    low: FloatArray
    high: FloatArray
    outside: BoolArray
    baseline: int
    dispersion: float


def p_chart(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    *,
    baseline: int,
    limits: Literal["exact", "three_sigma"] = "exact",
    prime: bool = False,
) -> ControlChart:
    """Does a share vary from point to point by more than chance?

    Estimand
        Whether the probability of each point is that of the baseline.
    Estimator
        x_i / n_i; centre sum x / sum n of the first `baseline` points.
    Interval
        exact: each leaves 0.135 % of binomial shares around the centre outside or fewer (`funnel_limits`). three_sigma:
        centre +- 3 sqrt(c (1 - c) / n_i), with `prime` times s_z, the mean moving range of the standardised shares of the
        baseline over 1.128 (Laney), which lets the points spread more than binomially.
    Conventions
        Later points never move the centre or an earlier limit. A point on its limit is inside. Limits stay in [0, 1]. A baseline
        in which all succeeded, or nobody, has limits without width.
    Assumes
        Independent points; a baseline that was itself in control, and is long enough for its error not to matter.
    Not for
        A centre from fewer than about 8 points; shares of a handful (the limits then say nothing).
    Parameters
        successes, trials: k counts, trials above 0. baseline: 1 to k. limits. prime: three_sigma with Laney's width.
    Returns
        ControlChart.
    References
        Montgomery (2013) Introduction to Statistical Quality Control, 7th ed., section 7.2; Laney (2002) Qual Eng 14:531;
        Spiegelhalter (2005) Stat Med 24:1185, appendix (interpolation).
    Checked
        Exact (by hand, binomial sums): tests/estimators/test_control_chart.py.
    """
    x, n = _points(successes, trials, baseline)
    share, centre = x / n, float(x[:baseline].sum() / n[:baseline].sum())
    dispersion = 1.0
    if limits == "exact" and not prime:
        around = funnel_limits(n, centre, levels=(INSIDE,))
        low, high = around.low[0], around.high[0]
    elif limits == "three_sigma" or prime:
        sigma = np.sqrt(centre * (1.0 - centre) / n)
        if prime:
            dispersion = _moving_spread(share[:baseline], centre, sigma[:baseline])
        low, high = centre - SIGMAS * dispersion * sigma, centre + SIGMAS * dispersion * sigma
    else:
        raise refuse("`limits` is exact or three_sigma")
    low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    return ControlChart(share, n, centre, low, high, _outside(share, low, high), baseline, dispersion)


def ewma(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, baseline: int, weight: float = 0.2, width: float = 2.962
) -> ControlChart:
    """The exponentially weighted moving average of shares: small lasting changes that a p-chart overlooks.

    Estimand
        Whether the probability has drifted from that of the baseline.
    Estimator
        z_i = w x_i / n_i + (1 - w) z_{i-1}, z_0 = centre.
    Interval
        centre +- width sqrt(v_i), v_i = w^2 c (1 - c) / n_i + (1 - w)^2 v_{i-1}, v_0 = 0: each point counts with its own n.
    Conventions
        As `p_chart`. With weight 0.2 a width of 2.962 leaves about 500 points between false signals (0.1: 2.814; 0.4: 3.054).
    Assumes
        As `p_chart`; the normal approximation, which averaging helps.
    Not for
        Finding out when a sudden change came.
    Parameters
        As `p_chart`; weight in (0, 1], width above 0.
    Returns
        ControlChart.
    References
        Roberts (1959) Technometrics 1:239; Lucas & Saccucci (1990) Technometrics 32:1 (weight and width); Montgomery (2013),
        section 9.2.
    Checked
        Exact (by hand), published (points between false signals): tests/estimators/test_control_chart.py.
    """
    x, n = _points(successes, trials, baseline)
    if not 0.0 < weight <= 1.0 or not width > 0.0:
        raise refuse("`weight` lies above 0 and at most at 1, `width` above 0")
    share, centre = x / n, float(x[:baseline].sum() / n[:baseline].sum())
    value, variance = np.empty(x.size), np.empty(x.size)
    before, spread = centre, 0.0
    for i in range(x.size):
        before = weight * share[i] + (1.0 - weight) * before
        spread = weight**2 * centre * (1.0 - centre) / n[i] + (1.0 - weight) ** 2 * spread
        value[i], variance[i] = before, spread
    reach = width * np.sqrt(variance)
    low, high = np.clip(centre - reach, 0.0, 1.0), np.clip(centre + reach, 0.0, 1.0)
    return ControlChart(value, n, centre, low, high, _outside(value, low, high), baseline, 1.0)


def _points(successes: npt.ArrayLike, trials: npt.ArrayLike, baseline: int) -> tuple[FloatArray, FloatArray]:
    x, n = one_dimensional("successes", successes), one_dimensional("trials", trials)
    if x.size != n.size:
        raise refuse(f"`successes` and `trials` have {x.size} and {n.size} values")
    refuse_rows(~((n > 0.0) & (x >= 0.0) & (x <= n) & np.isfinite(n)), "have no trial, or successes that are not 0 to `trials`")
    if not 1 <= baseline <= x.size:
        raise refuse(
            f"a baseline of {baseline} points among {x.size}", way_out="Wait for more points, or take fewer as baseline."
        )
    return x, n


def _moving_spread(share: FloatArray, centre: float, sigma: FloatArray) -> float:
    if share.size < 2 or not 0.0 < centre < 1.0:
        raise refuse("the width of the baseline needs two points or more, not all of them 0 or all 1")
    return float(np.abs(np.diff((share - centre) / sigma)).mean() / MEAN_RANGE)


def _outside(value: FloatArray, low: FloatArray, high: FloatArray) -> BoolArray:
    return np.asarray((value < low - 1e-12) | (value > high + 1e-12))
