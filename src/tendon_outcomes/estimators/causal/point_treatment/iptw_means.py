"""Weighted incidences under two treatments, interval-censored with competing causes, and curves of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import incidence_outcomes, outcome_names
from tendon_outcomes.estimators.causal.point_treatment.stacked import (
    effective_patients,
    leverage,
    patient_numbers,
    stacked,
    treatment_codes,
)
from tendon_outcomes.estimators.causal.weighting.balancing_weights import BalancingWeights
from tendon_outcomes.estimators.causal.weighting.propensity import Propensity
from tendon_outcomes.estimators.interval_censored.exact import ROUNDING
from tendon_outcomes.estimators.interval_censored.incidence import IntervalIncidence
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_days, checked_level, refuse


@dataclass(frozen=True, slots=True, eq=False)
class IptwCurves:
    """Weighted incidence of cause 1 on each of `days`, (2, days) in every array, reference first.

    `effective_at_risk`: effective number of patients that are followed through the day and have not had the event.
    """

    days: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    effective_at_risk: FloatArray
    means: ArmMeans = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Weighted:
    """Checked rows with one weighted fit an arm; `rows` are the places of its rows of weight above 0."""

    columns: tuple[FloatArray, FloatArray, IntArray]
    weight: FloatArray
    rows: tuple[IntArray, IntArray]
    fits: tuple[IntervalIncidence, IntervalIncidence]
    cluster: IntArray


def iptw_means(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    treatment: npt.ArrayLike,
    weights: BalancingWeights,
    propensity: Propensity,
    *,
    days: npt.ArrayLike,
    horizon: float | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    small_sample: bool = True,
) -> ArmMeans:
    """Incidences on some days, and the time lost, had everybody of the weights' target been given one treatment, or the other.

    Estimand
        F(a)(day) = Pr(T(a) <= day, cause 1), and the mean time after the event and before the horizon, in the target population
        of the weights.
    Estimator
        interval_censored_incidence of each arm with the balancing weights.
    Interval
        Stacked: the derivative of the estimate with respect to each weight times the weight, plus the sum over rows of that
        derivative times the derivative of the weight by the propensity's coefficients, times information^-1 times a row's score.
        `small_sample`: divided by the root of 1 - the row's leverage s_i' I^-1 s_i in the propensity model (as HC2); without it
        the standard error is too small where the propensity has many coefficients for its rows. Summed within patients; t
        limits as ArmMeans has them.
    Conventions
        Weights need no scale: doubling those of an arm changes nothing. Truncated weights are held.
    Assumes
        Exchangeability given the propensity's covariates, positivity, consistency, the propensity model right; in each weighted
        arm visits and end of follow-up unrelated to the outcome, and fixed visit days on a shared grid.
    Not for
        Days that a cell with mass spans and days after the last follow-up of an arm: refused. Hazard ratios.
    Parameters
        left, right, cause: as interval_censored_incidence. treatment: n codes. weights, propensity: of the same n rows.
        days, horizon: as pseudo_values. cluster: n labels of patients.
        small_sample: whether influences are divided by the root of 1 - leverage.
    Returns
        ArmMeans.
    References
        Hernan & Robins (2020) Causal Inference: What If, 12.2-12.4, 17.4; Lunceford & Davidian (2004) Stat Med 23:2937, eq. 19
        (stacked variance); Stefanski & Boos (2002) Am Stat 56:29; MacKinnon & White (1985) J Econometrics 29:305 (HC2).
    Checked
        Exact (saturated propensity: standardisation; equal weights: each arm's own curve), the influence against a row's weight
        moved in the whole pipeline, reference (R survfit with its influence, stacked on glm), simulation of coverage:
        tests/estimators/test_point_treatment_weighted.py, tests/slow_reference/checks_point_treatment.py.
    """
    asked = np.atleast_1d(checked_days(days))
    if asked.size == 0 and horizon is None:
        raise refuse("neither a day nor a horizon is asked for")
    arms = _weighted(left, right, cause, treatment, weights, propensity, cluster=cluster)
    return _means(arms, weights, propensity, asked, horizon, checked_level(conf_level), small_sample=small_sample)


def iptw_curves(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    treatment: npt.ArrayLike,
    weights: BalancingWeights,
    propensity: Propensity,
    *,
    days: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> IptwCurves:
    """The incidences of iptw_means as curves, with the effective number still at risk.

    Estimand
        As iptw_means, on each day.
    Estimator
        As iptw_means.
    Interval
        As iptw_means, day by day.
    Conventions
        Without `days`: every end of an interval on which both arms are determined, through the earlier of their last follow-ups.
        At risk on a day: followed through it, and not known to have had an event by it; the effective number is (sum w)^2 / sum
        w^2 over patients.
    Assumes
        As iptw_means.
    Not for
        As iptw_means; simultaneous statements about all days.
    Parameters
        As iptw_means.
    Returns
        IptwCurves; `means` is the ArmMeans behind it.
    References
        As iptw_means; Cole & Hernan (2004) Comput Methods Programs Biomed 75:45 (adjusted curves).
    Checked
        Equal to iptw_means day by day; effective numbers exact with equal weights:
        tests/estimators/test_point_treatment_weighted.py.
    """
    arms = _weighted(left, right, cause, treatment, weights, propensity, cluster=cluster)
    asked = _determined_days(arms) if days is None else np.atleast_1d(checked_days(days))
    if asked.size == 0:
        raise refuse("there is no day on which both arms are determined")
    means = _means(arms, weights, propensity, asked, None, checked_level(conf_level), small_sample=True)
    limits = [means.arm(a) for a in (0, 1)]
    return IptwCurves(
        days=asked,
        estimate=means.mean,
        std_error=np.stack([one.std_error for one in limits]),
        conf_low=np.stack([one.conf_low for one in limits]),
        conf_high=np.stack([one.conf_high for one in limits]),
        effective_at_risk=np.array([[_at_risk(arms, a, day) for day in asked] for a in (0, 1)]),
        means=means,
    )


def _weighted(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    treatment: npt.ArrayLike,
    weights: BalancingWeights,
    propensity: Propensity,
    *,
    cluster: npt.ArrayLike | None,
) -> _Weighted:
    columns = (np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64), np.asarray(cause))
    n = columns[0].size
    for name, size in (
        ("`right`", columns[1].size),
        ("`cause`", columns[2].size),
        ("`weights`", weights.weight.size),
        ("the propensity's score", propensity.score.shape[0]),
    ):
        if size != n:
            raise refuse(f"{name} has {size} values for {n} rows")
    code = treatment_codes(treatment, n, weights.compared)
    wrong = int(np.count_nonzero(code != propensity.treatment))
    if wrong:
        raise refuse(f"{wrong} of {n} rows have another treatment than the propensity was fitted to")
    if weights.derivative.shape[1] != propensity.score.shape[1]:
        raise refuse("the weights were made of another propensity", way_out="Give the one that balancing_weights was given.")
    rows = tuple(np.flatnonzero((code == one) & (weights.weight > 0.0)) for one in weights.compared)
    for one, place in zip(weights.compared, rows, strict=True):
        if place.size == 0:
            raise refuse(f"every weight of treatment {one} is 0")
    fits = tuple(
        interval_censored_incidence(*(column[place] for column in columns), weight=weights.weight[place]) for place in rows
    )
    return _Weighted(columns, weights.weight, (rows[0], rows[1]), (fits[0], fits[1]), patient_numbers(cluster, n))


def _means(
    arms: _Weighted,
    weights: BalancingWeights,
    propensity: Propensity,
    days: FloatArray,
    horizon: float | None,
    conf_level: float,
    *,
    small_sample: bool,
) -> ArmMeans:
    names, largest = outcome_names(days, horizon)
    mean, influence = np.empty((2, len(names))), np.empty((2, arms.weight.size, len(names)))
    for a, (rows, fit) in enumerate(zip(arms.rows, arms.fits, strict=True)):
        mean[a], moved = incidence_outcomes(fit, days, horizon, of=f"treatment {weights.compared[a]}")
        own = np.zeros((arms.weight.size, len(names)))
        own[rows] = moved
        slope = (moved / arms.weight[rows, None]).T @ weights.derivative[rows]
        influence[a] = stacked(own, slope, propensity.information, propensity.score)
    if small_sample:
        influence /= np.sqrt(1.0 - leverage(propensity.information, propensity.score))[:, None]
    size = np.array([effective_patients(arms.weight[rows], arms.cluster[rows]) for rows in arms.rows])
    return ArmMeans("IPTW", names, mean, influence, arms.cluster, size, conf_level, largest)


def _determined_days(arms: _Weighted) -> FloatArray:
    """Ends of intervals on which no cell of either arm is open."""
    left, right, cause = arms.columns
    rows = np.concatenate(arms.rows)
    ends = np.concatenate([left[rows][cause[rows] <= 1], right[rows][cause[rows] == 1]])
    days = np.unique(ends[np.isfinite(ends) & (ends > 0.0)])
    days = days[days <= min(fit.last_follow_up for fit in arms.fits)]
    for fit in arms.fits:
        bounds = fit.bounds(1, days)
        days = days[bounds.upper - bounds.lower <= ROUNDING]
    return np.asarray(days)


def _at_risk(arms: _Weighted, arm: int, day: float) -> float:
    rows = arms.rows[arm]
    left, right, cause = (column[rows] for column in arms.columns)
    there = np.where(cause == 0, left >= day, right > day)
    return effective_patients(np.where(there, arms.weight[rows], 0.0), arms.cluster[rows])
