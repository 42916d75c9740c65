"""Two groups of interval-censored runners compared: milestone probabilities and restricted mean times lost."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf, log, sqrt
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.contrasts import Contrast, Scale, contrast
from tendon_outcomes.estimators.interval_censored.exact import ROUNDING
from tendon_outcomes.estimators.interval_censored.groups import GroupedIncidence
from tendon_outcomes.estimators.limits import Pointwise
from tendon_outcomes.estimators.observations import refuse


class ContrastBracket(NamedTuple):
    """The least and the greatest contrast that the visits leave open; one and the same where both incidences are determined.

    `lower.conf_low` and `upper.conf_high` are limits for whatever is left open.
    """

    lower: Contrast
    upper: Contrast

    @property
    def determined(self) -> bool:
        return abs(self.upper.estimate - self.lower.estimate) <= ROUNDING


class TimeLostContrast(NamedTuple):
    """Contrast of restricted mean times lost: the least possible, events evenly within their cells, the greatest possible."""

    lower: Contrast
    midpoint: Contrast
    upper: Contrast


def interval_milestone_contrast(
    groups: GroupedIncidence, cause: int, day: float, *, group: object, reference: object, scale: Scale = "difference"
) -> ContrastBracket:
    """By how much does the incidence at one day differ between two groups whose events are known to intervals?

    Estimand
        F_k(t | group) - F_k(t | reference), or the ratio of the two.
    Estimator
        Difference or ratio of the nonparametric estimates; where a cell spans the day, the least and greatest that the bounds
        allow: lower of `group` against upper of `reference`, and the other way about.
    Interval
        From the limits l, u of each estimate p: p - p' -+ sqrt((p - l)^2 + (u' - p')^2 - 2 r (p - l)(u' - p')) below, with the
        other two distances above; r is the correlation of the two estimates, 0 unless clusters are shared. For the ratio the
        same with logarithms. It keeps the exact limits of an incidence of 0 or 1, where a standard error says nothing.
    Conventions
        `std_error` is the delta-method one (of the log for a ratio). A lower limit of 0 makes the ratio's limit 0.
    Assumes
        What the fits assume; their confidence level is used.
    Not for
        A ratio with an estimate of 0: refused. Days beyond the last follow-up of either group: refused. Choosing the day after
        looking.
    Parameters
        groups: fits by group. cause: 1, 2, ... day: in the unit of the fits. group, reference: two labels.
    Returns
        ContrastBracket.
    References
        Newcombe (1998) Stat Med 17:873, method 10; Zou & Donner (2008) Stat Med 27:1693, eqs 4-6 (correlated estimates, ratios).
    Checked
        Exact (binomial groups: Newcombe's form with these limits), clusters against one row moved at a time, simulation of
        coverage: tests/estimators/test_interval_groups.py.
    """
    one, other = groups[group], groups[reference]
    for label, fit in ((group, one), (reference, other)):
        if day > fit.last_follow_up:
            raise refuse(
                f"day {day:g} lies beyond the last follow-up of group {label}",
                way_out=f"The last day about which it says something is {fit.last_follow_up:g}.",
            )
    least = (one.lower(cause, day), other.upper(cause, day))
    greatest = (one.upper(cause, day), other.lower(cause, day))
    covariance = 0.0
    if groups.shared and all(np.isfinite(part.std_error) for pair in (least, greatest) for part in pair):
        covariance = groups.covariance(group, one.influence_at(cause, day)[:, 0], reference, other.influence_at(cause, day)[:, 0])
    return ContrastBracket(*(_from_limits(*pair, covariance, scale, one.conf_level) for pair in (least, greatest)))


def interval_time_lost_contrast(
    groups: GroupedIncidence, cause: int, horizon: float, *, group: object, reference: object, scale: Scale = "difference"
) -> TimeLostContrast:
    """By how much does the mean time after the event, up to a horizon, differ between two groups?

    Estimand
        E[(tau - T)+ 1(cause k) | group] less, or divided by, the same in `reference`.
    Estimator
        From restricted_mean_time_lost of each fit: with events spread evenly within their cells (`midpoint`), and the least and
        greatest difference that any placing of the events within their cells allows.
    Interval
        Normal, with the delta-method variance of each (log scale for a ratio) and their covariance over shared clusters.
    Conventions
        As restricted_mean_time_lost.
    Assumes
        What the fits assume; for `midpoint`, that events are spread evenly within cells.
    Not for
        Horizons beyond the last follow-up of either group: refused.
    Parameters
        groups: fits by group. cause: 1, 2, ... horizon: tau > 0. group, reference: two labels.
    Returns
        TimeLostContrast.
    References
        Andersen (2013) Stat Med 32:5278, eq. 4 (time lost to a cause).
    Checked
        Exact (dated groups: the difference of Aalen-Johansen areas), swap of groups: tests/estimators/test_interval_groups.py,
        tests/properties/test_npmle_properties.py.
    """
    one, other = groups[group], groups[reference]
    means, others = (fit.restricted_mean_time_lost(cause, horizon) for fit in (one, other))
    if not all(np.isfinite(mean.std_error) for mean in (*means, *others)):
        raise refuse("the masses before the horizon are not unique, so the time lost has no finite standard error")
    shared = np.zeros((3, 3))
    if groups.shared:
        first, second = one.time_lost_influence(cause, horizon), other.time_lost_influence(cause, horizon)
        shared = np.array([[groups.covariance(group, a, reference, b) for b in second.T] for a in first.T])
    pairs = ((0, 2), (1, 1), (2, 0))
    return TimeLostContrast(
        *(
            contrast(
                means[i].estimate,
                means[i].std_error,
                others[j].estimate,
                others[j].std_error,
                scale=scale,
                covariance=float(shared[i, j]),
                conf_level=one.conf_level,
            )
            for i, j in pairs
        )
    )


def _from_limits(one: Pointwise, other: Pointwise, covariance: float, scale: Scale, conf_level: float) -> Contrast:
    """A contrast whose limits come from those of the two estimates."""
    first, second = _numbers(one), _numbers(other)
    errors = tuple(part[1] if np.isfinite(part[1]) else 0.0 for part in (first, second))
    base = contrast(first[0], errors[0], second[0], errors[1], scale=scale, covariance=covariance, conf_level=conf_level)
    product = errors[0] * errors[1]
    correlation = min(1.0, max(-1.0, covariance / product)) if product > 0.0 else 0.0
    if scale == "ratio":
        first, second = _logarithms(first), _logarithms(second)
    value = first[0] - second[0]
    low = value - _joined(first[0] - first[2], second[3] - second[0], correlation)
    high = value + _joined(first[3] - first[0], second[0] - second[2], correlation)
    error = base.std_error if all(np.isfinite(part[1]) for part in (_numbers(one), _numbers(other))) else inf
    if scale == "ratio":
        return replace(base, std_error=error, conf_low=exp(low), conf_high=exp(min(high, 700.0)) if high < inf else inf)
    return replace(base, std_error=error, conf_low=max(low, -1.0), conf_high=min(high, 1.0))


def _numbers(point: Pointwise) -> tuple[float, float, float, float]:
    return float(point.estimate), float(point.std_error), float(point.conf_low), float(point.conf_high)


def _logarithms(numbers: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    estimate, error, low, high = numbers
    return log(estimate), error, log(low) if low > 0.0 else -inf, log(high)


def _joined(own: float, others: float, correlation: float) -> float:
    """Distance of a limit of the difference from its estimate, from the distances of one limit of each part."""
    if inf in (own, others):
        return inf
    return sqrt(max(own**2 + others**2 - 2.0 * correlation * own * others, 0.0))
