"""What each row stands for beside an interval-censored incidence with competing causes: one number a row, day and group."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.interval_censored.exact import ROUNDING
from tendon_outcomes.estimators.interval_censored.incidence import IntervalIncidence
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence
from tendon_outcomes.estimators.observations import (
    FloatArray,
    checked_days,
    checked_labels,
    checked_weights,
    no_such_group,
    refuse,
)


@dataclass(frozen=True, slots=True, eq=False)
class PseudoValues:
    """`value` (n, k) of k outcomes named `names`, NaN in rows of groups that are not compared and of weight 0.

    `estimate` holds the k estimates of every group compared. `largest` (k) is what no estimate can exceed: 1 for the incidence
    on a day, the horizon for the time lost.
    """

    names: tuple[str, ...]
    value: FloatArray = field(repr=False)
    estimate: Mapping[Hashable, FloatArray]
    largest: FloatArray


def pseudo_values(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    group: npt.ArrayLike | None = None,
    compared: Sequence[Hashable] | None = (0, 1),
    days: npt.ArrayLike,
    horizon: float | None = None,
    cluster: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
) -> PseudoValues:
    """Pseudo-values of the incidence of cause 1 on some days, and of the time lost to it, when it is interval-censored.

    Estimand
        Numbers whose mean given covariates and group is, in large samples, the incidence F(day | x, group), or the mean time
        after the event and before the horizon.
    Estimator
        F_g(day) + W_g u_i: the estimate of interval_censored_incidence in the row's group g, plus the total weight times the
        derivative u_i of the estimate with respect to the row's weight (infinitesimal-jackknife pseudo-values). Time lost: events
        evenly within their cells.
    Interval
        None: who takes means of them has their variance, and treats them as outcomes.
    Conventions
        The weighted mean of a group's values is its estimate. Without censoring a value is 0 or 1, or the time lost itself.
        Values of censored rows may lie outside [0, 1].
    Assumes
        In each group, visits and end of follow-up unrelated to the outcome and to the covariates. Treating values as outcomes
        leaves out that they share one estimate: it changes no variance of a group's mean, and makes those of regressions slightly
        too large.
    Not for
        Days that a cell with mass spans, and days after the last follow-up of a group: refused. Drop-out that depends on
        covariates: give weights that undo it.
    Parameters
        left, right, cause: as interval_censored_incidence. group: n labels, or None for one group. compared: the groups that get
        values, None for all. days: in the unit of the ends. horizon: of the time lost, None for none. cluster: n labels; they do
        not change values. weight: n non-negative numbers.
    Returns
        PseudoValues, outcomes named "day 84" and "time lost to day 182".
    References
        Andersen, Klein & Rosthoj (2003) Biometrika 90:15; Jaeckel (1972), infinitesimal jackknife; Overgaard, Parner & Pedersen
        (2017) Ann Stat 45:1988 (theory, variance); Parner, Andersen & Overgaard (2023) Lifetime Data Anal 29:654.
    Checked
        Exact (no censoring; the derivative against a weight moved a little), mean equals the estimate:
        tests/estimators/test_pseudo_values.py, tests/slow_reference/checks_point_treatment.py.
    """
    columns = [np.asarray(column) for column in (left, right, cause)]
    n = columns[0].size
    if n == 0 or any(column.shape != (n,) for column in columns):
        raise refuse(f"`left`, `right` and `cause` have {', '.join(str(column.size) for column in columns)} values")
    asked = np.atleast_1d(checked_days(days))
    if asked.size == 0 and horizon is None:
        raise refuse("neither a day nor a horizon is asked for")
    if cluster is not None:
        checked_labels(cluster, n, "cluster")
    label = np.zeros(n, dtype=np.int64) if group is None else checked_labels(group, n, "group")
    weights = checked_weights(weight, n)
    present = np.unique(label).tolist()
    wanted = present if compared is None or group is None else list(compared)
    value, estimate = np.full((n, outcome_names(asked, horizon)[1].size), np.nan), {}
    for one in wanted:
        if one not in present:
            raise no_such_group(one, present)
        rows = np.flatnonzero((label == one) & (weights > 0.0))
        if rows.size == 0:
            raise refuse(f"every weight is zero in group {one}")
        fit = interval_censored_incidence(*(column[rows] for column in columns), weight=weights[rows])
        estimate[one], influence = incidence_outcomes(fit, asked, horizon, of=f"group {one}" if len(wanted) > 1 else "")
        value[rows] = estimate[one] + weights[rows].sum() * influence / weights[rows, None]
    names, largest = outcome_names(asked, horizon)
    return PseudoValues(names, value, estimate, largest)


def outcome_names(days: FloatArray, horizon: float | None) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the outcomes asked for, and the largest value of each."""
    names = [f"day {day:g}" for day in days]
    largest = [1.0] * days.size
    if horizon is not None:
        names.append(f"time lost to day {horizon:g}")
        largest.append(float(horizon))
    return tuple(names), np.array(largest)


def incidence_outcomes(
    fit: IntervalIncidence, days: FloatArray, horizon: float | None, *, of: str = ""
) -> tuple[FloatArray, FloatArray]:
    """Incidence of cause 1 on each day and the time lost to the horizon, (k,), with what each row moves them by, (n, k)."""
    refuse_undetermined(fit, days, of=of)
    parts, influence = [fit.lower(1, days).estimate], [fit.influence_at(1, days)] if days.size else []
    if horizon is not None:
        parts.append(np.array([fit.restricted_mean_time_lost(1, horizon).midpoint.estimate]))
        influence.append(fit.time_lost_influence(1, horizon)[:, 1:2])
    return np.concatenate(parts), np.concatenate(influence, axis=1)


def refuse_undetermined(fit: IntervalIncidence, days: FloatArray, *, of: str = "") -> None:
    """Refuse days after the last follow-up, and days that a cell with mass spans, with the cell."""
    whose = f" of {of}" if of else ""
    late = days > fit.last_follow_up
    if late.any():
        raise refuse(
            f"day {days[late][0]:g} lies beyond the last follow-up{whose}",
            way_out=f"The last day about which it says something is {fit.last_follow_up:g}.",
        )
    bounds = fit.bounds(1, days)
    for day in days[bounds.upper - bounds.lower > ROUNDING]:
        cut = (fit.support_cause == 1) & (fit.support_left < day) & (day < fit.support_right) & (fit.mass > ROUNDING)
        begin, end = fit.support_left[cut][0], fit.support_right[cut][0]
        raise refuse(
            f"the incidence{whose} is open on day {day:g}: a cell of it is ({begin:g}, {end:g}]",
            way_out=f"Ask for day {begin:g} or {end:g}, on which looks close a cell.",
        )


def as_outcomes(value: PseudoValues | npt.ArrayLike) -> PseudoValues:
    """Values as they are, or columns of numbers as "outcome 1", ...: of largest value 1 if all lie in [0, 1], else inf."""
    if isinstance(value, PseudoValues):
        return value
    table = np.asarray(value, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or table.size == 0:
        raise refuse(f"values have shape {table.shape} where (rows, outcomes) is expected")
    shares = np.array(
        [bool(((column[~np.isnan(column)] >= 0.0) & (column[~np.isnan(column)] <= 1.0)).all()) for column in table.T]
    )
    names = tuple(f"outcome {j + 1}" for j in range(table.shape[1]))
    return PseudoValues(names, table, {}, np.where(shares, 1.0, np.inf))


def value_range(value: FloatArray, largest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The range of the mean of each outcome: 0 to its largest value where that is known, else that of the values (n, k)."""
    known = np.isfinite(largest)
    low = np.where(known, 0.0, value.min(axis=0))
    high = np.where(known, largest, value.max(axis=0))
    constant = int(np.count_nonzero(~(high > low)))
    if constant:
        raise refuse(f"{constant} of {low.size} outcomes are the same number in every row compared: there is no range of means")
    return low, high
