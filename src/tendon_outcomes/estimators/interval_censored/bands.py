"""Bands that hold an interval-censored incidence on all days of a visit grid at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from tendon_outcomes.estimators.interval_censored.incidence import IntervalIncidence
from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, checked_level, refuse


@dataclass(frozen=True, slots=True, eq=False)
class IntervalBand:
    """The bounds of the incidence on each day and limits that hold on all of them together.

    `critical_value` stands in place of the pointwise normal quantile.
    """

    day: FloatArray
    lower: FloatArray
    upper: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    critical_value: float
    conf_level: float


def interval_band(
    fit: IntervalIncidence,
    cause: int,
    days: Sequence[float] | FloatArray,
    *,
    rng: np.random.Generator,
    replicates: int = 20_000,
    conf_level: float | None = None,
) -> IntervalBand:
    """Limits within which the whole incidence lies on the asked days, with one probability for all of them.

    Estimand
        F_k(t) for t in `days`, together.
    Estimator
        The bounds of the fit on these days.
    Interval
        Equal precision on the complementary log-log scale: each day's limits with q in place of the normal quantile, q the
        `conf_level` quantile of max_t |Z_t|, Z normal with the correlations of the estimates (both bounds of every day), drawn
        `replicates` times. Days on which the incidence is 0 or 1 keep exact binomial limits, at the level that belongs to q.
    Conventions
        A day on which the data determine nothing has limits (0, 1) and no part in q. q is at least the pointwise quantile.
    Assumes
        What the fit assumes: a shared grid, so that the masses are jointly normal in large samples.
    Not for
        Days between the asked ones (bounds there hold only where no cell spans them). Visits on continuous times.
    Parameters
        fit: an NPMLE. cause: 1, 2, ... days: one or more, not beyond its last follow-up. rng: the source of the draws.
        conf_level: that of the fit when not given.
    Returns
        IntervalBand, days in increasing order.
    References
        Nair (1984) Technometrics 26:265 (equal precision); Lin, Fleming & Wei (1994) Biometrika 81:73 (critical values by
        simulation of the limiting process).
    Checked
        Exact (one day: the pointwise limits; independent increments known in closed form), simulation of joint coverage:
        tests/estimators/test_interval_bands.py.
    """
    level = checked_level(fit.conf_level if conf_level is None else conf_level)
    asked = np.unique(np.asarray(days, dtype=np.float64))
    if asked.size == 0 or not np.isfinite(asked).all() or replicates < 1:
        raise refuse("a band needs at least one day, all of them finite, and at least one replicate")
    if asked[-1] > fit.last_follow_up:
        raise refuse(
            f"day {asked[-1]:g} lies beyond the last follow-up",
            way_out=f"The largest day these data allow is {fit.last_follow_up:g}.",
        )
    critical = max(_critical_value(fit.joint_correlation(cause, asked), level, rng, replicates), two_sided_z(level))
    wider = replace(fit, conf_level=2.0 * NormalDist().cdf(critical) - 1.0)
    lower, upper = wider.lower(cause, asked), wider.upper(cause, asked)
    return IntervalBand(asked, lower.estimate, upper.estimate, lower.conf_low, upper.conf_high, critical, level)


def _critical_value(correlation: FloatArray, level: float, rng: np.random.Generator, replicates: int) -> float:
    """The `level` quantile of the largest of jointly normal |Z|; 0 when there are none."""
    if correlation.shape[0] == 0:
        return 0.0
    value, vector = np.linalg.eigh(correlation)
    root = vector * np.sqrt(np.maximum(value, 0.0))
    largest = np.abs(rng.standard_normal((replicates, value.size)) @ root.T).max(axis=1)
    return float(np.quantile(largest, level))
