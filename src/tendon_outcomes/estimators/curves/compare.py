"""Comparisons of two curves: probabilities on a day, restricted means, time lost; as differences and as ratios."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tendon_outcomes.estimators.clusters import Clusters
from tendon_outcomes.estimators.contrasts import Contrast, Scale, contrast, square_and_add
from tendon_outcomes.estimators.curves import aalen_johansen, kaplan_meier
from tendon_outcomes.estimators.curves.aalen_johansen import CumulativeIncidence
from tendon_outcomes.estimators.curves.by_group import comparable_until
from tendon_outcomes.estimators.curves.influence import shared_covariance
from tendon_outcomes.estimators.curves.kaplan_meier import SurvivalCurve
from tendon_outcomes.estimators.curves.restricted_mean import (
    RestrictedMean,
    lost_influence_by_pattern,
    mean_influence_by_pattern,
    restricted_mean,
    restricted_mean_time_lost,
)
from tendon_outcomes.estimators.limits import Pointwise
from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, refuse

Curve = SurvivalCurve | CumulativeIncidence
LimitsOfContrast = Literal["square-and-add", "normal"]


def milestone_difference(
    curve: Curve, reference: Curve, *, day: float, cause: int | None = None, limits: LimitsOfContrast = "square-and-add"
) -> Contrast:
    """The difference of two probabilities on a day: curve less reference.

    Estimand
        S_1(t) - S_0(t) for survival curves, F_k1(t) - F_k0(t) for cumulative incidences, t the milestone day.
    Estimator
        The difference of the two estimates.
    Interval
        "square-and-add": put together from the limits of the two curves (contrasts.square_and_add); at an estimate of 0 or 1 it
        keeps the uncertainty that a standard error of 0 hides. "normal": estimate -+ z se, se^2 = se_1^2 + se_0^2 - 2 cov. cov is
        the sum over shared clusters of the products of their influence totals, and 0 for fits without clusters. Level: that of
        the curves.
    Conventions
        A day beyond the last follow-up of a curve that is not at its end is refused.
    Assumes
        What the curves assume; patients in both groups are named by `cluster` in both fits.
    Not for
        Causal statements without adjustment. Several days at once: each interval holds for its day alone.
    Parameters
        curve, reference: two SurvivalCurves, or two CumulativeIncidences with `cause`. day: in the unit of time. limits: above.
    Returns
        Contrast on the difference scale.
    References
        Klein, Logan, Harhoff & Andersen (2007) Stat Med 26:4505; Zou & Donner (2008) Stat Med 27:1693.
    Checked
        Exact (Newcombe's structure; two sides of the same patients), reference (R survfit and its influence):
        tests/estimators/test_compare.py, tests/reference, tests/slow_reference.
    """
    return _milestone(curve, reference, day, cause, "difference", limits)


def milestone_ratio(
    curve: Curve, reference: Curve, *, day: float, cause: int | None = None, limits: LimitsOfContrast = "square-and-add"
) -> Contrast:
    """The ratio of two probabilities on a day: curve over reference.

    Estimand
        S_1(t) / S_0(t), or F_k1(t) / F_k0(t).
    Estimator
        The ratio of the two estimates.
    Interval
        As milestone_difference, on the logarithmic scale (standard error se/p of each log p).
    Conventions
        An estimate of 0 is refused; a lower limit of 0 in the reference leaves no upper limit (inf).
    Assumes
        As milestone_difference.
    Not for
        Statements about absolute benefit: give the difference beside it.
    Parameters
        As milestone_difference.
    Returns
        Contrast on the ratio scale; `std_error` is of its logarithm.
    References
        As milestone_difference.
    Checked
        As milestone_difference.
    """
    return _milestone(curve, reference, day, cause, "ratio", limits)


def restricted_mean_difference(
    curve: SurvivalCurve, reference: SurvivalCurve, *, horizon: float, at_least: float = 10.0, share: float = 0.1
) -> Contrast:
    """The difference of two mean event-free times up to a horizon: curve less reference.

    Estimand
        E[min(T_1, tau)] - E[min(T_0, tau)].
    Estimator
        The difference of the areas under the two curves.
    Interval
        Normal, with the variances of restricted_mean and the covariance from shared clusters. Where a standard error is 0, put
        together from the limits of the two means (contrasts.square_and_add).
    Conventions
        A horizon beyond the last day on which both groups have max(`at_least`, `share` of their size) at risk is refused, unless
        the curve ended at 0 before; 0 for both lifts the rule up to the last follow-up.
    Assumes
        As restricted_mean.
    Not for
        A horizon chosen after looking at the curves.
    Parameters
        curve, reference: SurvivalCurves of one conf_level. horizon: tau. at_least, share: the rule above.
    Returns
        Contrast on the difference scale.
    References
        Royston & Parmar (2013) BMC Med Res Methodol 13:152; Klein & Moeschberger (2003), 4.5.
    Checked
        Exact (no censoring: means of min(T, tau)), reference (R survmean and influence): tests/estimators/test_compare.py,
        tests/reference, tests/slow_reference.
    """
    return _means(curve, reference, None, horizon, "difference", (at_least, share))


def restricted_mean_ratio(
    curve: SurvivalCurve, reference: SurvivalCurve, *, horizon: float, at_least: float = 10.0, share: float = 0.1
) -> Contrast:
    """The ratio of two mean event-free times up to a horizon: curve over reference.

    Estimand
        E[min(T_1, tau)] / E[min(T_0, tau)].
    Estimator
        The ratio of the areas under the two curves.
    Interval
        Normal on the logarithmic scale (delta method).
    Conventions
        As restricted_mean_difference; a mean of 0 is refused.
    Assumes
        As restricted_mean.
    Not for
        As restricted_mean_difference.
    Parameters
        As restricted_mean_difference.
    Returns
        Contrast on the ratio scale; `std_error` is of its logarithm.
    References
        Uno et al. (2014) J Clin Oncol 32:2380.
    Checked
        As restricted_mean_difference.
    """
    return _means(curve, reference, None, horizon, "ratio", (at_least, share))


def time_lost_difference(
    incidence: CumulativeIncidence,
    reference: CumulativeIncidence,
    *,
    cause: int,
    horizon: float,
    at_least: float = 10.0,
    share: float = 0.1,
) -> Contrast:
    """The difference of two mean times lost to a cause before a horizon.

    Estimand
        Integral of F_k1 - F_k0 from 0 to tau.
    Estimator
        The difference of the areas under the two curves.
    Interval
        Normal, with the variances of restricted_mean_time_lost and the covariance from shared clusters.
    Conventions
        The horizon as in restricted_mean_difference.
    Assumes
        As restricted_mean_time_lost.
    Not for
        Time lost "to recovery": for a good event the same number is time gained.
    Parameters
        incidence, reference: CumulativeIncidences of one conf_level. cause: 1..K. Otherwise as restricted_mean_difference.
    Returns
        Contrast on the difference scale.
    References
        Andersen (2013) Stat Med 32:5278; Conner & Trinquart (2021) Stat Med 40:2177.
    Checked
        As restricted_mean_difference.
    """
    return _means(incidence, reference, cause, horizon, "difference", (at_least, share))


def time_lost_ratio(
    incidence: CumulativeIncidence,
    reference: CumulativeIncidence,
    *,
    cause: int,
    horizon: float,
    at_least: float = 10.0,
    share: float = 0.1,
) -> Contrast:
    """The ratio of two mean times lost to a cause before a horizon.

    Estimand
        Integral of F_k1 over integral of F_k0, from 0 to tau.
    Estimator
        The ratio of the areas under the two curves.
    Interval
        Normal on the logarithmic scale (delta method).
    Conventions
        As time_lost_difference; no time lost in a group is refused.
    Assumes
        As restricted_mean_time_lost.
    Not for
        As time_lost_difference.
    Parameters
        As time_lost_difference.
    Returns
        Contrast on the ratio scale; `std_error` is of its logarithm.
    References
        As time_lost_difference.
    Checked
        As restricted_mean_difference.
    """
    return _means(incidence, reference, cause, horizon, "ratio", (at_least, share))


def _milestone(curve: Curve, reference: Curve, day: float, cause: int | None, scale: Scale, limits: LimitsOfContrast) -> Contrast:
    level = _shared_level(curve, reference)
    if limits not in ("square-and-add", "normal"):
        raise refuse("`limits` is square-and-add or normal")
    one, by_pattern = _on_day(curve, day, cause)
    other, by_other = _on_day(reference, day, cause)
    shared = _shared(curve, reference, by_pattern, by_other)
    if limits == "square-and-add":
        return square_and_add(one, other, scale=scale, covariance=shared, conf_level=level)
    return contrast(
        float(one.estimate),
        float(one.std_error),
        float(other.estimate),
        float(other.std_error),
        scale=scale,
        covariance=shared,
        conf_level=level,
    )


def _on_day(curve: Curve, day: float, cause: int | None) -> tuple[Pointwise, FloatArray]:
    if isinstance(curve, CumulativeIncidence):
        if cause is None:
            raise refuse("a comparison of incidences needs `cause`")
        return curve.at(cause, day), aalen_johansen.influence_by_pattern(curve, cause, day)
    if cause is not None:
        raise refuse("`cause` belongs to incidences; a survival curve has none")
    return curve.at(day), kaplan_meier.influence_by_pattern(curve, day)


def _means(
    curve: Curve, reference: Curve, cause: int | None, horizon: float, scale: Scale, rule: tuple[float, float]
) -> Contrast:
    level = _shared_level(curve, reference)
    one, other = (_mean(each, cause, horizon) for each in (curve, reference))
    _refuse_thin_tail((curve, reference), horizon, rule)
    by_pattern, by_other = (_mean_influence(each, cause, horizon) for each in (curve, reference))
    if min(one.std_error, other.std_error) <= 1e-9 * horizon:
        parts = (Pointwise(*map(np.array, (m.estimate, m.std_error, m.conf_low, m.conf_high))) for m in (one, other))
        shared = _shared(curve, reference, by_pattern, by_other)
        return square_and_add(*parts, scale=scale, covariance=shared, conf_level=level)
    return contrast(
        one.estimate,
        one.std_error,
        other.estimate,
        other.std_error,
        scale=scale,
        covariance=_shared(curve, reference, by_pattern, by_other),
        conf_level=level,
    )


def _mean(curve: Curve, cause: int | None, horizon: float) -> RestrictedMean:
    if isinstance(curve, CumulativeIncidence):
        return restricted_mean_time_lost(curve, 0 if cause is None else cause, horizon=horizon)
    return restricted_mean(curve, horizon=horizon)


def _mean_influence(curve: Curve, cause: int | None, horizon: float) -> FloatArray:
    if isinstance(curve, CumulativeIncidence):
        return lost_influence_by_pattern(curve, 0 if cause is None else cause, horizon)
    return mean_influence_by_pattern(curve, horizon)


def _refuse_thin_tail(curves: tuple[Curve, Curve], horizon: float, rule: tuple[float, float]) -> None:
    at_least, share = rule
    until = np.inf
    for curve in curves:
        ended = curve.survival[-1] <= 0.0 and curve.time[-1] <= horizon
        if not ended:
            until = min(until, comparable_until(curve._table, at_least=at_least, share=share))
    if horizon > until + TIE_TOLERANCE * max(1.0, until):
        raise refuse(
            f"at the horizon {horizon:g} a group has fewer than {at_least:g} people, or {share:.0%} of its size, at risk",
            way_out=f"The largest horizon that this rule allows is {until:g}.",
        )


def _shared_level(curve: Curve, reference: Curve) -> float:
    if type(curve) is not type(reference):
        raise refuse("a comparison needs two curves of one kind")
    if curve.conf_level != reference.conf_level:
        raise refuse("the two curves have limits of different confidence levels")
    return curve.conf_level


def _shared(curve: Curve, reference: Curve, by_pattern: FloatArray, by_other: FloatArray) -> float:
    """The covariance of two estimates through the clusters that both fits have; 0 without clusters."""
    one, other = _clusters(curve), _clusters(reference)
    if one is None and other is None:
        return 0.0
    if one is None or other is None:
        raise refuse("one of the two curves has clusters and the other has none", way_out="Fit both with `cluster`.")
    return float(shared_covariance((curve._table, by_pattern, one), (reference._table, by_other, other))[0, 0])


def _clusters(curve: Curve) -> Clusters | None:
    return curve._clusters
