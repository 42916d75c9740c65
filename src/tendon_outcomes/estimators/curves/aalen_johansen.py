"""Aalen-Johansen: the cumulative incidence of each of several causes that exclude one another."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.curves.kaplan_meier import present_sum, remaining
from tendon_outcomes.estimators.limits import Pointwise, exact_limit_beside_zero, probability_limits
from tendon_outcomes.estimators.observations import (
    TIE_TOLERANCE,
    FloatArray,
    IntArray,
    RiskTable,
    checked_level,
    refuse,
    risk_table,
    summed_by,
)


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeIncidence:
    """Fitted cumulative incidences; rows are the causes 1..K, columns the m distinct exit days in order of time."""

    time: FloatArray
    causes: IntArray
    incidence: FloatArray  # (K, m)
    std_error: FloatArray  # (K, m)
    conf_low: FloatArray  # (K, m)
    conf_high: FloatArray  # (K, m)
    survival: FloatArray
    n_at_risk: FloatArray
    n_events: FloatArray  # (K, m)
    n_censored: FloatArray
    n: int
    conf_level: float
    robust: bool
    _table: RiskTable = field(repr=False)

    def row(self, cause: int) -> int:
        """The row of `cause` in the (K, m) arrays; refuses a cause that was not fitted."""
        if not 1 <= cause <= self.causes.size:
            raise refuse(f"cause {cause} is not one of 1 to {self.causes.size}")
        return cause - 1

    def at(self, cause: int, days: npt.ArrayLike) -> Pointwise:
        """Incidence of `cause`, standard error and limits on each of `days`.

        A right-continuous step; (0, 0, 0, 0) before the first day of the table; NaN after the last unless everybody has had
        an event by then, because nobody was followed so far.
        """
        k = self.row(cause)
        day = np.asarray(days, dtype=np.float64)
        slack = TIE_TOLERANCE * max(1.0, float(self.time.mean()))
        position = np.searchsorted(self.time, day + slack, side="right")
        beyond = (day > self.time[-1] + slack) & (self.survival[-1] > 0.0)
        columns = (self.incidence[k], self.std_error[k], self.conf_low[k], self.conf_high[k])
        return Pointwise(*(np.where(beyond, np.nan, np.concatenate(([0.0], column))[position]) for column in columns))


def aalen_johansen(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    n_causes: int | None = None,
    robust: bool | None = None,
) -> CumulativeIncidence:
    """The probability of having had each cause by each day, when the causes compete.

    Estimand
        F_k(t) = Pr(T <= t, cause k), were censoring absent; the other causes stay in the world.
    Estimator
        F_k(t) = sum_{t_j <= t} S(t_j-) d_kj / n_j, S the Kaplan-Meier curve of any cause. Sum_k F_k + S = 1 on every day.
    Interval
        Infinitesimal jackknife, se_k(t)^2 = sum_i w_i^2 (dF_k(t)/dw_i)^2: what survfit of R's survival reports. With unit
        weights and no delayed entry it equals the delta-method (multinomial) variance term by term, and Greenwood's when K = 1.
        Whole-number weights are copies of the row (sum_i w_i instead of w_i^2) unless `robust=True`. Limits are log-log,
        F^exp(+-z se / (F log F)). At F = 0 they are 0 and the exact binomial limit for 0 of those followed from time 0 and
        still at risk; at F = 1 the lower limit of the day before and 1 (exact binomial if there is none). R has NA there.
    Conventions
        Exact under ties: events of all causes on a day share that day's risk set, and censorings on it come after them. Times
        within 1.5e-8 (absolutely, or relative to the mean) are one day. Rows of weight 0 are left out. Once S is 0 nothing
        changes; a day without anybody at risk changes nothing.
    Assumes
        Censoring and delayed entry independent of time and cause; independent rows (bootstrap by patient otherwise).
    Not for
        "What would happen without the competing cause" (not identified from these data). Events known only between two visits
        (interval_censored_incidence). Recurrent or reversible states.
    Parameters
        time: exit of each of n rows, one unit (days). cause: 0 censored, 1..K the cause. entry, weight: as in kaplan_meier.
        n_causes: K, when the largest cause may be absent from the sample.
    Returns
        CumulativeIncidence over the m distinct exit days; counts in units of weight.
    References
        Aalen & Johansen (1978) Scand J Stat 5:141, eq. 2.2; Gaynor et al. (1993) JASA 88:400, eq. 3 (delta variance); Therneau
        & Grambsch (2000) Modeling Survival Data, 7.2 (infinitesimal jackknife); Kalbfleisch & Prentice (2002), 8.2.3.
    Checked
        Exact fractions (six runners, two causes), reference (R survival: entry, weights, ties, three causes; cmprsk estimates),
        properties: tests/estimators/test_aalen_johansen.py, tests/reference, tests/properties/test_estimators.py.
    """
    level = checked_level(conf_level)
    table = risk_table(time=time, cause=cause, n_causes=n_causes, entry=entry, weight=weight, robust=robust)
    survival, before, left = event_free(table)
    hazard = np.divide(table.n_events, table.n_at_risk, out=np.zeros_like(table.n_events), where=table.n_at_risk > 0.0)
    incidence = np.cumsum(before * hazard, axis=1)
    std_error = np.sqrt(np.stack([_jackknife(table, k, incidence[k], before, left) for k in range(incidence.shape[0])]))
    limits = [_limits(table, f, se, level) for f, se in zip(incidence, std_error, strict=True)]
    return CumulativeIncidence(
        time=table.time,
        causes=np.arange(1, incidence.shape[0] + 1, dtype=np.int64),
        incidence=incidence,
        std_error=std_error,
        conf_low=np.stack([low for low, _ in limits]),
        conf_high=np.stack([high for _, high in limits]),
        survival=survival,
        n_at_risk=table.n_at_risk,
        n_events=table.n_events,
        n_censored=table.n_censored,
        n=table.n,
        conf_level=level,
        robust=table.robust,
        _table=table,
    )


def event_free(table: RiskTable) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Survival after each day, just before it, and the weight that the day's events leave at risk."""
    left = remaining(table)
    kept = np.divide(left, table.n_at_risk, out=np.ones_like(left), where=table.n_at_risk > 0.0)
    survival = np.asarray(np.cumprod(kept), dtype=np.float64)
    return survival, np.concatenate(([1.0], survival[:-1])), left


def martingale_coefficients(table: RiskTable, left: FloatArray, before: FloatArray) -> tuple[FloatArray, FloatArray]:
    """S(t_j-)/n_j and 1/(n_j - d_j), each 0 where its denominator is: nothing happens after such a day."""
    zero = np.zeros_like(left)
    return (
        np.divide(before, table.n_at_risk, out=zero.copy(), where=table.n_at_risk > 0.0),
        np.divide(1.0, left, out=zero, where=left > 0.0),
    )


def _jackknife(table: RiskTable, k: int, incidence: FloatArray, before: FloatArray, left: FloatArray) -> FloatArray:
    """sum_i w_i^2 (dF_k(t)/dw_i)^2 for every t, in one pass.

    With dM_kij = dN_kij - Y_ij d_kj/n_j, dF_k(t)/dw_i = sum_{t_j <= t} [S(t_j-) dM_kij / n_j - (F_k(t) - F_k(t_j)) dM_.ij /
    (n_j - d_j)], linear in F_k(t): a_i(t) - F_k(t) b_i(t). F is counted from its last value, so that the sums stay small in
    the tail, where b is large.
    """
    own, any_cause = martingale_coefficients(table, left, before)
    centred = incidence - incidence[-1]
    at_risk = np.maximum(table.n_at_risk, 1e-300)
    own_hazard, hazard = table.n_events[k] / at_risk, table.n_events.sum(axis=0) / at_risk
    leave, cause = table.exit_index, table.exit_cause
    a_jump = np.where(cause == k + 1, own[leave], 0.0) + np.where(cause > 0, (centred * any_cause)[leave], 0.0)
    b_jump = np.where(cause > 0, any_cause[leave], 0.0)
    a_drift = np.concatenate(([0.0], np.cumsum(own * own_hazard + centred * any_cause * hazard)))
    b_drift = np.concatenate(([0.0], np.cumsum(any_cause * hazard)))
    a_start = 0.0 if table.entry_index is None else a_drift[table.entry_index]
    b_start = 0.0 if table.entry_index is None else b_drift[table.entry_index]
    gone_a, gone_b = a_jump - a_drift[leave + 1] + a_start, b_jump - b_drift[leave + 1] + b_start
    square = table.pattern_square

    def settled(value: FloatArray) -> FloatArray:
        total: FloatArray = np.cumsum(summed_by(leave, square * value, centred.size))
        return total

    done = settled(gone_a**2) - 2.0 * centred * settled(gone_a * gone_b) + centred**2 * settled(gone_b**2)
    now = a_drift[1:] - centred * b_drift[1:]
    active = present_sum(table, square) * now**2
    if table.entry_index is not None:
        first = present_sum(table, square * a_start) - centred * present_sum(table, square * b_start)
        second = (
            present_sum(table, square * a_start**2)
            - 2.0 * centred * present_sum(table, square * a_start * b_start)
            + centred**2 * present_sum(table, square * b_start**2)
        )
        active = np.maximum(active - 2.0 * now * first + second, 0.0)
    variance: FloatArray = np.where(incidence > 0.0, np.maximum(done + active, 0.0), 0.0)  # no event yet: rounding only
    return variance


def _limits(table: RiskTable, incidence: FloatArray, std_error: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    certain = 1.0 - 1e-12  # A sum of steps that should be 1 may miss it by rounding.
    low, high = probability_limits(
        np.where(incidence >= certain, 1.0, incidence), std_error, conf_level=level, interval="log-log"
    )
    none, every = incidence <= 0.0, incidence >= certain
    low[none], high[none] = 0.0, exact_limit_beside_zero(table.n_from_start[none], conf_level=level)
    if every.any():
        first = int(np.argmax(every))
        at_once = 1.0 - exact_limit_beside_zero(table.n_from_start[first : first + 1], conf_level=level)[0]
        low[every], high[every] = low[first - 1] if first and incidence[first - 1] > 0.0 else at_once, 1.0
    return low, high
