"""Aalen-Johansen: the cumulative incidence of each of several causes that exclude one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import Clusters, labelled_clusters
from tendon_outcomes.estimators.curves.aalen_variance import aalen_variance
from tendon_outcomes.estimators.curves.crossing import TimeQuantile, crossing
from tendon_outcomes.estimators.curves.influence import (
    Martingale,
    clustered_moments,
    quadratic,
    row_values,
    settled_value,
    start_of,
    value_after,
    with_clusters,
)
from tendon_outcomes.estimators.curves.kaplan_meier import is_robust, refuse_beyond, step
from tendon_outcomes.estimators.curves.product_limit import present_sum, remaining
from tendon_outcomes.estimators.limits import Pointwise, exact_limit_beside_zero, exact_where_cancelled, probability_limits
from tendon_outcomes.estimators.observations import (
    TIE_TOLERANCE,
    FloatArray,
    IntArray,
    checked_days,
    checked_level,
    refuse,
    summed_by,
)
from tendon_outcomes.estimators.risk_table import RiskTable, risk_table

VarianceKind = Literal["jackknife", "aalen"]


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
    _clusters: Clusters | None = field(default=None, repr=False)
    variance: VarianceKind = "jackknife"

    def row(self, cause: int) -> int:
        """The row of `cause` in the (K, m) arrays; refuses a cause that was not fitted."""
        if cause not in self.causes:
            raise refuse(f"cause {cause} is not one of 1 to {self.causes.size}")
        return cause - 1

    def at(self, cause: int, days: npt.ArrayLike) -> Pointwise:
        """Incidence of `cause`, standard error and limits on each of `days`.

        A right-continuous step; NaN after the last day of the table unless everybody has had an event by then, because nobody
        was followed so far. Before the first day nothing has happened: estimate 0, standard error 0, and the limits of 0 events
        among those followed from time 0 (0 and 0 on day 0).
        """
        k = self.row(cause)
        position, beyond = _position(self, days)
        none = exact_limit_beside_zero(self._table.n_from_start[:1], conf_level=self.conf_level)[0]
        high = np.where(np.asarray(days, dtype=np.float64) > 0.0, none, 0.0)
        columns = ((self.incidence[k], 0.0), (self.std_error[k], 0.0), (self.conf_low[k], 0.0), (self.conf_high[k], high))
        return Pointwise(*(step(values, start, position, beyond) for values, start in columns))

    def quantile(self, cause: int, p: float) -> TimeQuantile:
        """The time by which a fraction `p` of everybody has had `cause`; `inf` = not reached, perhaps because other causes win.

        The middle of the stretch on which the incidence is exactly p, within 1.5e-8; limits by inverting the pointwise limits.
        """
        k = self.row(cause)
        if not 0.0 < p < 1.0:
            raise refuse("`p` must lie strictly between 0 and 1")
        curves = (self.incidence[k], self.conf_high[k], self.conf_low[k])
        return TimeQuantile(*(crossing(self.time, curve, p) for curve in curves))

    def influence_at(self, cause: int, days: npt.ArrayLike) -> FloatArray:
        """dF_k(t)/dw_i, (n, d), for each of the n rows passed in and each of the d `days`; 0 for rows of weight 0.

        The jackknife variance is the sum over rows, or over clusters of rows, of (sum w_i dF_k/dw_i)^2. A day after the last one
        is refused while somebody is still event-free.
        """
        return row_values(self._table, influence_by_pattern(self, cause, days))


def influence_by_pattern(fit: CumulativeIncidence, cause: int, days: npt.ArrayLike) -> FloatArray:
    """dF_k(t)/dw of each pattern of the fit's table, (patterns, d)."""
    k, table = fit.row(cause), fit._table
    position, beyond = _position(fit, np.atleast_1d(np.asarray(days, dtype=np.float64)))
    refuse_beyond(beyond, fit.time)
    _, before, left = event_free(table)
    own, any_cause, centred = _martingales(table, k, fit.incidence[k], before, left)
    level = np.concatenate(([0.0], centred))[position]
    value = value_after(table, own, position) - level * value_after(table, any_cause, position)
    nothing_yet = np.concatenate(([0.0], fit.incidence[k]))[position] <= 0.0
    influence: FloatArray = np.where(nothing_yet, 0.0, value)  # rounding only
    return influence


def _position(fit: CumulativeIncidence, days: npt.ArrayLike) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """How many days of the table each of `days` has behind it, and whether it is beyond follow-up."""
    day = checked_days(days)
    slack = TIE_TOLERANCE * max(1.0, float(fit.time.mean()))
    position = np.searchsorted(fit.time, day + slack, side="right")
    return position, (day > fit.time[-1] + slack) & (fit.survival[-1] > 0.0)


def aalen_johansen(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    n_causes: int | None = None,
    robust: bool | None = None,
    variance: VarianceKind = "jackknife",
) -> CumulativeIncidence:
    """The probability of having had each cause by each day, when the causes compete.

    Estimand
        F_k(t) = Pr(T <= t, cause k), were censoring absent; the other causes stay in the world.
    Estimator
        F_k(t) = sum_{t_j <= t} S(t_j-) d_kj / n_j, S the Kaplan-Meier curve of any cause. Sum_k F_k + S = 1 on every day.
    Interval
        Infinitesimal jackknife, se_k(t)^2 = sum_i w_i^2 (dF_k(t)/dw_i)^2: what survfit of R's survival reports. With unit
        weights and no delayed entry it equals the delta-method (multinomial) variance term by term, and Greenwood's when K = 1.
        Whole-number weights are copies of the row (sum_i w_i instead of w_i^2) unless `robust=True`. With `cluster`, w_i
        dF_k/dw_i is summed over a cluster's rows before squaring. `variance="aalen"` is the counting-process estimate that
        cmprsk reports (aalen_variance), a little larger in small risk sets; copies only. Limits are log-log, F^exp(+-z se / (F
        log F)). At F = 0 they are 0 and the exact binomial limit for 0 of those followed from time 0 and still at risk
        (clusters count once); at F = 1 the lower limit of the day before and 1 (exact binomial if there is none). R has NA
        there.
    Conventions
        Exact under ties: events of all causes on a day share that day's risk set, and censorings on it come after them. Times
        within 1.5e-8 (absolutely, or relative to the mean) are one day. Rows of weight 0 are left out. Once S is 0 nothing
        changes; a day without anybody at risk changes nothing.
    Assumes
        Censoring and delayed entry independent of time and cause; independent rows, or independent clusters of rows.
    Not for
        "What would happen without the competing cause" (not identified from these data). Events known only between two visits
        (interval_censored_incidence). Recurrent or reversible states.
    Parameters
        time: exit of each of n rows, one unit (days). cause: 0 censored, 1..K the cause. entry, weight, cluster: as
        in kaplan_meier. n_causes: K, when the largest cause may be absent from the sample.
    Returns
        CumulativeIncidence over the m distinct exit days; counts in units of weight.
    References
        Aalen & Johansen (1978) Scand J Stat 5:141, eq. 2.2; Gaynor et al. (1993) JASA 88:400, eq. 3 (delta variance); Therneau
        & Grambsch (2000) Modeling Survival Data, 7.2 (infinitesimal jackknife); Kalbfleisch & Prentice (2002), 8.2.3; Aalen
        (1978) Ann Stat 6:534 (`variance="aalen"`).
    Checked
        Exact fractions (six runners, two causes), reference (R survival: entry, weights, clusters, ties, three causes; cmprsk),
        properties: tests/estimators/test_aalen_johansen.py, tests/reference, tests/properties/test_estimators.py.
    """
    level = checked_level(conf_level)
    table = risk_table(time=time, cause=cause, n_causes=n_causes, entry=entry, weight=weight, robust=is_robust(robust, cluster))
    clusters = None if cluster is None else labelled_clusters(cluster, table.patterns.n)
    return cumulative_incidence(table, clusters, conf_level=level, variance=variance)


def cumulative_incidence(
    table: RiskTable, clusters: Clusters | None, *, conf_level: float, variance: VarianceKind
) -> CumulativeIncidence:
    """The curves of a checked sample; see aalen_johansen."""
    if variance not in ("jackknife", "aalen"):
        raise refuse("`variance` is jackknife or aalen")
    table = with_clusters(table, clusters)
    survival, before, left = event_free(table)
    hazard = np.divide(table.n_events, table.n_at_risk, out=np.zeros_like(table.n_events), where=table.n_at_risk > 0.0)
    incidence = np.cumsum(before * hazard, axis=1)
    if variance == "aalen":
        squared = [aalen_variance(table, k, incidence[k], before) for k in range(incidence.shape[0])]
    elif clusters is not None:
        squared = [_clustered(table, k, incidence[k], before, left, clusters) for k in range(incidence.shape[0])]
    else:
        squared = [_jackknife(table, k, incidence[k], before, left) for k in range(incidence.shape[0])]
    std_error = np.sqrt(np.stack(squared))
    limits = [_limits(table, f, se, conf_level) for f, se in zip(incidence, std_error, strict=True)]
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
        conf_level=conf_level,
        robust=table.robust,
        variance=variance,
        _table=table,
        _clusters=clusters,
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


def _martingales(
    table: RiskTable, k: int, incidence: FloatArray, before: FloatArray, left: FloatArray
) -> tuple[Martingale, Martingale, FloatArray]:
    """a and b with dF_k(t)/dw_i = a_i(t) - F_k(t) b_i(t), and F_k as it is counted there.

    With dM_kij = dN_kij - Y_ij d_kj/n_j, dF_k(t)/dw_i = sum_{t_j <= t} [S(t_j-) dM_kij / n_j - (F_k(t) - F_k(t_j)) dM_.ij /
    (n_j - d_j)], linear in F_k(t). F is counted from its last value, so that the sums stay small in the tail, where b is large.
    """
    own, any_cause = martingale_coefficients(table, left, before)
    centred = incidence - incidence[-1]
    at_risk = np.maximum(table.n_at_risk, 1e-300)
    own_hazard, hazard = table.n_events[k] / at_risk, table.n_events.sum(axis=0) / at_risk
    leave, cause = table.exit_index, table.exit_cause
    a = Martingale(
        jump=np.where(cause == k + 1, own[leave], 0.0) + np.where(cause > 0, (centred * any_cause)[leave], 0.0),
        drift=np.concatenate(([0.0], np.cumsum(own * own_hazard + centred * any_cause * hazard))),
    )
    b = Martingale(jump=np.where(cause > 0, any_cause[leave], 0.0), drift=np.concatenate(([0.0], np.cumsum(any_cause * hazard))))
    return a, b, centred


def _clustered(
    table: RiskTable, k: int, incidence: FloatArray, before: FloatArray, left: FloatArray, clusters: Clusters
) -> FloatArray:
    """sum over clusters of (sum w_i dF_k(t)/dw_i)^2 for every t."""
    a, b, centred = _martingales(table, k, incidence, before, left)
    direction = np.column_stack((np.ones(centred.size), -centred, centred * b.drift[1:] - a.drift[1:]))
    return np.where(incidence > 0.0, quadratic(clustered_moments(table, (a, b), clusters), direction), 0.0)


def _jackknife(table: RiskTable, k: int, incidence: FloatArray, before: FloatArray, left: FloatArray) -> FloatArray:
    """sum_i w_i^2 (dF_k(t)/dw_i)^2 for every t, in one pass."""
    a, b, centred = _martingales(table, k, incidence, before, left)
    gone_a, gone_b = settled_value(table, a), settled_value(table, b)
    square = table.pattern_square

    def settled(value: FloatArray) -> FloatArray:
        total: FloatArray = np.cumsum(summed_by(table.exit_index, square * value, centred.size))
        return total

    done = settled(gone_a**2) - 2.0 * centred * settled(gone_a * gone_b) + centred**2 * settled(gone_b**2)
    now = a.drift[1:] - centred * b.drift[1:]
    active = present_sum(table, square) * now**2
    if table.entry_index is not None:
        a_start, b_start = start_of(table, a.drift), start_of(table, b.drift)
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
    if table.robust:
        low, high = exact_where_cancelled((low, high), incidence, std_error, table.n_from_start, conf_level=level)
    none, every = incidence <= 0.0, incidence >= certain
    low[none], high[none] = 0.0, exact_limit_beside_zero(table.n_from_start[none], conf_level=level)
    if every.any():
        first = int(np.argmax(every))
        at_once = 1.0 - exact_limit_beside_zero(table.n_from_start[first : first + 1], conf_level=level)[0]
        low[every], high[every] = low[first - 1] if first and incidence[first - 1] > 0.0 else at_once, 1.0
    return low, high
