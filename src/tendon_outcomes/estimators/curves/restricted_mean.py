"""Restricted means: the area under a survival curve, or under a cumulative incidence, up to a horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.curves.aalen_johansen import CumulativeIncidence, event_free, martingale_coefficients
from tendon_outcomes.estimators.curves.influence import covariance, row_values
from tendon_outcomes.estimators.curves.kaplan_meier import SurvivalCurve
from tendon_outcomes.estimators.limits import exact_limit_beside_zero, two_sided_z
from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, refuse
from tendon_outcomes.estimators.risk_table import RiskTable


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """A mean time up to `horizon`, in the unit of the curve's time, with normal limits cut to [0, horizon]."""

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    horizon: float
    conf_level: float


def restricted_mean(curve: SurvivalCurve, *, horizon: float) -> RestrictedMean:
    """The mean event-free time up to the horizon, from a Kaplan-Meier curve.

    Estimand
        E[min(T, tau)] = integral of S from 0 to tau.
    Estimator
        The area under the step curve, a finite sum.
    Interval
        Var = sum_{t_j <= tau} A_j^2 d_j / (n_j (n_j - d_j)), A_j the area from t_j to tau. For a robust curve (weights that are
        not copies, clusters) the infinitesimal jackknife sum_i w_i^2 U_i^2, U_i = -sum_j A_j dM_ij / (n_j - d_j), with w_i U_i
        summed within clusters before squaring. Normal limits cut to [0, tau]. Where the standard error is 0 (no event by tau;
        everybody on one day) the limits are the areas under the log-log limits of the curve.
    Conventions
        An event on tau itself costs nothing. Where n_j = d_j the curve is 0 from then on and A_j = 0: the term is 0. A horizon
        within the tie tolerance of the last day counts as that day. No factor d/(d-1) is applied, as in R.
    Assumes
        What the curve assumes.
    Not for
        A horizon beyond the last follow-up while the curve is above 0: refused, the area is unknown. Comparing groups at a tau
        that was chosen after looking.
    Parameters
        curve: a SurvivalCurve. horizon: tau > 0, in the unit of its time.
    Returns
        RestrictedMean, same unit.
    References
        Klein & Moeschberger (2003) Survival Analysis, 2nd ed., eqs 4.5.1-4.5.2; R survival, print.survfit(rmean=).
    Checked
        Exact fractions, published (waltons miR-137, tau 10), reference (R rmean; robust against the written-out jackknife),
        properties: tests/estimators/test_restricted_mean.py, tests/reference, tests/properties/test_estimators.py.
    """
    last = _last_day_within(curve.time, curve.survival[-1], horizon)
    survival, table = curve.survival[:last], curve._table
    area = _area_from(curve.time[:last], survival, horizon)
    estimate = _area(curve.time[:last], survival, 1.0, horizon)
    if table.robust:
        variance = float(covariance(table, mean_influence_by_pattern(curve, horizon), curve._clusters)[0, 0])
    else:
        _, before, left = event_free(table)
        _, any_cause = martingale_coefficients(table, left, before)
        terms = table.n_events[0][:last] / table.n_at_risk.clip(1e-300)[:last] * any_cause[:last]
        variance = float(np.dot(area**2, terms))
    low, high = curve.limits("log-log")
    room = float(exact_limit_beside_zero(table.n_from_start[:1], conf_level=curve.conf_level)[0])
    areas = _area(curve.time[:last], low[:last], 1.0 - room, horizon), _area(curve.time[:last], high[:last], 1.0, horizon)
    return _with_limits(estimate, variance, horizon, curve.conf_level, areas)


def restricted_mean_influence(curve: SurvivalCurve, *, horizon: float) -> FloatArray:
    """d(restricted mean)/dw_i, (n,), for each row passed to the curve; 0 for rows of weight 0. See restricted_mean."""
    return row_values(curve._table, mean_influence_by_pattern(curve, horizon))[:, 0]


def mean_influence_by_pattern(curve: SurvivalCurve, horizon: float) -> FloatArray:
    """d(restricted mean)/dw of each pattern of the curve's table, (patterns, 1)."""
    last = _last_day_within(curve.time, curve.survival[-1], horizon)
    area = _area_from(curve.time[:last], curve.survival[:last], horizon)
    _, before, left = event_free(curve._table)
    _, any_cause = martingale_coefficients(curve._table, left, before)
    return _influence(curve._table, -area * any_cause[:last], None, np.zeros(last))


def restricted_mean_time_lost(incidence: CumulativeIncidence, cause: int, *, horizon: float) -> RestrictedMean:
    """The mean time lost to one cause before the horizon, from Aalen-Johansen curves.

    Estimand
        E[(tau - T) 1(T <= tau, cause k)] = integral of F_k from 0 to tau: time spent after the event. Over all causes these
        add up, with the restricted mean event-free time, to tau.
    Estimator
        The area under the step curve F_k, a finite sum.
    Interval
        Infinitesimal jackknife sum_i w_i^2 U_i^2 (sum_i w_i U_i^2 when weights are copies), U_i = sum_{t_j <= tau}
        [(tau - t_j) S(t_j-) dM_kij / n_j - B_j dM_.ij / (n_j - d_j)], B_j = integral from t_j to tau of F_k - F_k(t_j); with
        clusters w_i U_i is summed within them before squaring. R reports the same as se(rmean) of a multi-state curve. Normal
        limits cut to [0, tau]; where the standard error is 0, the areas under the limits of F_k.
    Conventions
        An event on tau itself loses nothing. Where n_j = d_j, B_j = 0 and the term is 0.
    Assumes
        What the curves assume.
    Not for
        A horizon beyond the last follow-up while somebody is still event-free: refused.
    Parameters
        incidence: a CumulativeIncidence. cause: 1..K. horizon: tau > 0, in the unit of its time.
    Returns
        RestrictedMean, same unit.
    References
        Andersen (2013) Stat Med 32:5278, eq. 4 (time lost to a cause); R survival, survfit of a multi-state Surv, rmean.
    Checked
        Exact fractions, reference (R rmean with influence), properties: tests/estimators/test_restricted_mean.py,
        tests/reference, tests/properties/test_estimators.py.
    """
    k = incidence.row(cause)
    if incidence.variance != "jackknife":
        raise refuse("the time lost has a jackknife variance only", way_out='Fit the curves with variance="jackknife".')
    last = _last_day_within(incidence.time, incidence.survival[-1], horizon)
    estimate = float(np.dot(np.diff(incidence.incidence[k][:last], prepend=0.0), horizon - incidence.time[:last]))
    influence = lost_influence_by_pattern(incidence, cause, horizon)
    variance = float(covariance(incidence._table, influence, incidence._clusters)[0, 0])
    low, high = incidence.conf_low[k][:last], incidence.conf_high[k][:last]
    room = float(exact_limit_beside_zero(incidence._table.n_from_start[:1], conf_level=incidence.conf_level)[0])
    areas = _area(incidence.time[:last], low, 0.0, horizon), _area(incidence.time[:last], high, room, horizon)
    return _with_limits(estimate, variance, horizon, incidence.conf_level, areas)


def time_lost_influence(incidence: CumulativeIncidence, cause: int, *, horizon: float) -> FloatArray:
    """d(time lost)/dw_i, (n,), for each row passed to the curves; 0 for rows of weight 0. See restricted_mean_time_lost."""
    return row_values(incidence._table, lost_influence_by_pattern(incidence, cause, horizon))[:, 0]


def lost_influence_by_pattern(incidence: CumulativeIncidence, cause: int, horizon: float) -> FloatArray:
    """d(time lost)/dw of each pattern of the curves' table, (patterns, 1)."""
    k, table = incidence.row(cause), incidence._table
    last = _last_day_within(incidence.time, incidence.survival[-1], horizon)
    time, curve = incidence.time[:last], incidence.incidence[k][:last]
    to_come = horizon - time
    beyond = _area_from(time, curve, horizon) - to_come * curve
    _, before, left = event_free(table)
    own, any_cause = martingale_coefficients(table, left, before)
    return _influence(table, -beyond * any_cause[:last], k, to_come * own[:last])


def _last_day_within(time: FloatArray, survival_at_end: float, horizon: float) -> int:
    """How many days of the table lie at or before the horizon; refuses a horizon that nobody was followed to."""
    if not (np.isfinite(horizon) and horizon > 0.0):
        raise refuse("`horizon` must be a positive number")
    slack = TIE_TOLERANCE * max(1.0, float(time.mean()))
    if horizon > time[-1] + slack and survival_at_end > 0.0:
        raise refuse(
            f"the horizon {horizon:g} lies beyond the last follow-up, and the curve is not at its end there",
            way_out=f"The largest horizon these data allow is {float(time[-1]):g}.",
        )
    return int(np.searchsorted(time, horizon, side="right"))


def _area(time: FloatArray, curve: FloatArray, start: float, horizon: float) -> float:
    """Area under a step curve, `start` before the first day, from 0 to the horizon."""
    width = np.diff(np.concatenate(([0.0], time, [horizon])))
    return float(np.dot(np.concatenate(([start], curve)), width))


def _area_from(time: FloatArray, curve: FloatArray, horizon: float) -> FloatArray:
    """Area under the step curve from each day to the horizon."""
    width = np.diff(np.concatenate((time, [horizon])))
    area: FloatArray = np.cumsum((curve * width)[::-1])[::-1]
    return area


def _influence(table: RiskTable, any_cause: FloatArray, k: int | None, own: FloatArray) -> FloatArray:
    """U_i = sum_j [own_j dM_kij + any_cause_j dM_.ij] over the days j that the coefficients cover, (patterns, 1)."""
    last = any_cause.size
    at_risk = table.n_at_risk[:last].clip(1e-300)
    hazard = table.n_events[:, :last].sum(axis=0) / at_risk
    drift = any_cause * hazard
    if k is not None:
        drift = drift + own * table.n_events[k, :last] / at_risk
    running = np.concatenate(([0.0], np.cumsum(drift)))
    leave = table.exit_index
    inside = leave < last
    influence = -running[np.minimum(leave + 1, last)]
    if table.entry_index is not None:
        influence = influence + running[np.minimum(table.entry_index, last)]
    had_event = inside & (table.exit_cause > 0)
    influence[had_event] += any_cause[leave[had_event]]
    if k is not None:
        of_cause = inside & (table.exit_cause == k + 1)
        influence[of_cause] += own[leave[of_cause]]
    return influence[:, None]


def _with_limits(
    estimate: float, variance: float, horizon: float, conf_level: float, areas: tuple[float, float]
) -> RestrictedMean:
    """Normal limits; the areas under the curve's limits when the standard error is 0, which is no certainty."""
    std_error = float(np.sqrt(max(variance, 0.0)))
    if std_error <= 1e-9 * horizon:
        low, high = min(areas[0], estimate), max(areas[1], estimate)
        return RestrictedMean(estimate, std_error, low, min(high, float(horizon)), float(horizon), conf_level)
    reach = two_sided_z(conf_level) * std_error
    return RestrictedMean(
        estimate=estimate,
        std_error=std_error,
        conf_low=max(0.0, estimate - reach),
        conf_high=min(horizon, estimate + reach),
        horizon=float(horizon),
        conf_level=conf_level,
    )
