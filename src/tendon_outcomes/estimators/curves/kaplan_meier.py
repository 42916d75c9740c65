"""Kaplan-Meier: the probability of still being without the event, from right-censored times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import Clusters, labelled_clusters
from tendon_outcomes.estimators.curves.beta_product import beta_product_limits, falling
from tendon_outcomes.estimators.curves.influence import (
    Martingale,
    clustered_moments,
    quadratic,
    row_values,
    settled_value,
    start_of,
    value_after,
)
from tendon_outcomes.estimators.limits import (
    IntervalKind,
    Pointwise,
    SurvivalInterval,
    exact_limit_beside_zero,
    probability_limits,
)
from tendon_outcomes.estimators.observations import (
    EMPTY_SHARE,
    TIE_TOLERANCE,
    FloatArray,
    RiskTable,
    checked_level,
    refuse,
    risk_table,
    summed_by,
)

# Below this number at risk the default limits are beta-product: log-log limits then miss their level.
SMALL_RISK_SET = 20.0


class TimeQuantile(NamedTuple):
    """A time with its limits, in the unit of the input; `inf` = not reached."""

    estimate: float
    conf_low: float
    conf_high: float


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """A fitted Kaplan-Meier curve; one value for each distinct day with an event or a censoring, in order of time.

    `robust` tells whether the standard error is the infinitesimal jackknife (weights are not copies, clusters) or Greenwood's.
    `interval` is "mixed" when the limits are log-log with beta-product limits where few are at risk.
    """

    time: FloatArray
    n_at_risk: FloatArray
    n_events: FloatArray
    n_censored: FloatArray
    survival: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    n: int
    conf_level: float
    interval: SurvivalInterval
    robust: bool
    _table: RiskTable = field(repr=False)
    _clusters: Clusters | None = field(default=None, repr=False)

    def at(self, days: npt.ArrayLike) -> Pointwise:
        """Survival, standard error and limits on each of `days`.

        A right-continuous step; NaN after the last day of the table unless the curve is at 0 there, because nobody was followed
        so far. Before the first day nothing has happened: estimate 1, standard error 0, and the limits of 0 events among those
        followed from time 0 (1 and 1 on day 0, and on the scales plain and log, which have none).
        """
        position, beyond = _position(self, days)
        low: float | FloatArray = 1.0
        if self.interval not in ("plain", "log"):
            none = exact_limit_beside_zero(self._table.n_from_start[:1], conf_level=self.conf_level)[0]
            low = np.where(np.asarray(days, dtype=np.float64) > 0.0, 1.0 - none, 1.0)
        columns = ((self.survival, 1.0), (self.std_error, 0.0), (self.conf_low, low), (self.conf_high, 1.0))
        return Pointwise(*(step(values, start, position, beyond) for values, start in columns))

    def quantile(self, p: float) -> TimeQuantile:
        """The time by which a fraction `p` has had the event, with Brookmeyer-Crowley limits; `inf` = not reached.

        When the curve is flat at exactly 1 - p the middle of the flat stretch is taken (to the last day of the table when it
        is the last stretch), within 1.5e-8, as quantile.survfit of R does. The limits invert the pointwise limits the same way.
        """
        if not 0.0 < p < 1.0:
            raise refuse("`p` must lie strictly between 0 and 1")
        low, high = self.conf_low, self.conf_high
        if self.interval in ("plain", "log", "log-log", "logit"):
            # Where the log-log and logit limits do not exist (survival 0 or 1) R leaves them out; so does the inversion.
            low, high = probability_limits(self.survival, self.std_error, conf_level=self.conf_level, interval=self.interval)
        return TimeQuantile(*(_crossing(self.time, 1.0 - curve, p) for curve in (self.survival, low, high)))

    def influence_at(self, days: npt.ArrayLike) -> FloatArray:
        """dS(t)/dw_i, (n, d), for each of the n rows passed in and each of the d `days`; 0 for rows of weight 0.

        The robust variance is the sum over rows, or over clusters of rows, of (sum w_i dS/dw_i)^2. A day after the last one is
        refused while the curve is above 0.
        """
        return row_values(self._table, influence_by_pattern(self, days))


def influence_by_pattern(curve: SurvivalCurve, days: npt.ArrayLike) -> FloatArray:
    """dS(t)/dw of each pattern of the curve's table, (patterns, d)."""
    position, beyond = _position(curve, np.atleast_1d(np.asarray(days, dtype=np.float64)))
    refuse_beyond(beyond, curve.time)
    survival = np.concatenate(([1.0], curve.survival))[position]
    influence: FloatArray = -survival * value_after(curve._table, log_martingale(curve._table), position)
    return influence


def refuse_beyond(beyond: npt.NDArray[np.bool_], time: FloatArray) -> None:
    """Refuse days on which nobody was followed any more."""
    if beyond.any():
        raise refuse(
            f"{int(np.count_nonzero(beyond))} of {beyond.size} days lie beyond the last follow-up",
            way_out=f"The last day that these data allow is {float(time[-1]):g}.",
        )


def _position(curve: SurvivalCurve, days: npt.ArrayLike) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """How many days of the table each of `days` has behind it, and whether it is beyond follow-up."""
    day = np.asarray(days, dtype=np.float64)
    if np.isnan(day).any():
        raise refuse(f"{int(np.count_nonzero(np.isnan(day)))} of {day.size} days are missing")
    slack = TIE_TOLERANCE * max(1.0, float(curve.time.mean()))
    position = np.searchsorted(curve.time, day + slack, side="right")
    return position, (day > curve.time[-1] + slack) & (curve.survival[-1] > 0.0)


def step(
    values: FloatArray, start: float | FloatArray, position: npt.NDArray[np.intp], beyond: npt.NDArray[np.bool_]
) -> FloatArray:
    """`values` after `position` days of the table, `start` after none, NaN beyond follow-up."""
    stepped: FloatArray = np.where(beyond, np.nan, np.where(position > 0, values[np.maximum(position - 1, 0)], start))
    return stepped


def _crossing(time: FloatArray, risen: FloatArray, p: float) -> float:
    """First time at which a rising step curve reaches p, or the middle of the stretch on which it equals p."""
    known = np.concatenate(([True], np.isfinite(risen)))
    x, y = np.concatenate(([0.0], time))[known], np.concatenate(([0.0], risen))[known]
    first = np.concatenate(([True], y[1:] != y[:-1]))
    last_time, x, y = float(time[-1]), x[first], y[first]
    reached = np.flatnonzero(y + TIE_TOLERANCE >= p)
    if reached.size == 0:
        return float("inf")
    exceeded = np.flatnonzero(y - TIE_TOLERANCE >= p)
    if exceeded.size:
        return float(x[reached[0]] + x[exceeded[0]]) / 2.0
    return (float(x[reached[0]]) + last_time) / 2.0


def kaplan_meier(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    interval: SurvivalInterval | None = None,
    robust: bool | None = None,
) -> SurvivalCurve:
    """The product-limit estimate of the probability of being event-free beyond each day.

    Estimand
        S(t) = Pr(T > t), were censoring absent.
    Estimator
        S(t) = prod_{t_j <= t} (1 - d_j / n_j), d_j events on day t_j among n_j at risk (entry < t_j <= exit).
    Interval
        Greenwood: se(t) = S(t) sqrt(sum d_j / (n_j (n_j - d_j))). When weights are not copies (some are not whole numbers, or
        `robust=True`), the infinitesimal jackknife: se(t)^2 = sum_i w_i^2 (dS(t)/dw_i)^2, and with `cluster` the same with the
        sum of w_i dS(t)/dw_i over a cluster's rows in place of the single row, as R does with robust=TRUE and cluster. Normal
        limits on the scale `interval`. Where a scale has no limit: at S = 1 the exact binomial lower limit for 0 events among
        those followed from time 0 and still at risk, and 1; at S = 0 the limits are 0 and the upper limit of the day before,
        which holds because S cannot rise (exact binomial when the whole sample fails on its first day). R has NA there.
        By default ("mixed") limits are log-log on days with at least 20 at risk and beta-product on the others, where log-log
        limits fall short of their level; all are then made to fall with time by widening. Robust curves and delayed entry have
        no beta-product limits: their default is log-log throughout.
    Conventions
        Events come before censorings on the same day. Times within 1.5e-8 (absolutely, or relative to the mean time) are one
        day, R's timefix. Rows of weight 0 are left out. Once S is 0 it stays 0; a day without anybody at risk changes nothing.
    Assumes
        Censoring and delayed entry independent of the event given nothing; independent rows, or independent clusters of rows.
    Not for
        Competing events as censorings: 1 - S then overstates the incidence (aalen_johansen). Events known only between two
        visits (interval_censored_incidence). Pointwise limits are not a band for the whole curve.
    Parameters
        time: exit of each of n rows, one unit (days). event: 1 or True = event at `time`, 0 = censored there. entry: time at
        which the row comes under observation, same unit. weight: n non-negative numbers. cluster: n labels; rows with the same
        label belong together. conf_level in (0, 1). interval: "plain", "log", "log-log", "logit", "beta-product", or None for the
        default above. robust: overrides what the weights say.
    Returns
        SurvivalCurve over the m distinct exit days; counts in units of weight.
    References
        Kaplan & Meier (1958) JASA 53:457, eq. 3b; Klein & Moeschberger (2003) Survival Analysis, 2nd ed., eqs 4.2.1, 4.2.2,
        4.3.1-4.3.2; Therneau & Grambsch (2000) Modeling Survival Data, 2.2; Brookmeyer & Crowley (1982) Biometrics 38:29;
        Fay, Brittain & Proschan (2013) Biostatistics 14:723.
    Checked
        Exact fractions (six runners), published (Freireich 6-MP), reference (R survival, four scales, entry, weights, clusters),
        properties: tests/estimators/test_kaplan_meier.py, tests/reference, tests/properties/test_estimators.py.
    """
    level = checked_level(conf_level)
    table = risk_table(time=time, cause=event, n_causes=1, entry=entry, weight=weight, robust=is_robust(robust, cluster))
    clusters = None if cluster is None else labelled_clusters(cluster, table.patterns.n)
    return survival_curve(table, clusters, conf_level=level, interval=interval)


def is_robust(robust: bool | None, cluster: npt.ArrayLike | None) -> bool | None:
    """What `robust` means with clusters: always robust; the contrary is refused."""
    if cluster is None:
        return robust
    if robust is False:
        raise refuse("`cluster` asks for the robust variance and `robust=False` forbids it")
    return True


def survival_curve(
    table: RiskTable, clusters: Clusters | None, *, conf_level: float, interval: SurvivalInterval | None
) -> SurvivalCurve:
    """The curve of a checked sample; see kaplan_meier."""
    kind = checked_interval(interval, table)
    survival, std_error = _product_limit(table, clusters)
    low, high = _limits(table, survival, std_error, conf_level, kind)
    return SurvivalCurve(
        time=table.time,
        n_at_risk=table.n_at_risk,
        n_events=table.n_events[0],
        n_censored=table.n_censored,
        survival=survival,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        n=table.n,
        conf_level=conf_level,
        interval=kind,
        robust=table.robust,
        _table=table,
        _clusters=clusters,
    )


def checked_interval(interval: SurvivalInterval | None, table: RiskTable) -> SurvivalInterval:
    """The kind of limits that the sample allows: the default for None, a refusal for beta-product limits without counts."""
    counted = not table.robust and table.entry_index is None
    if interval is None:
        return "mixed" if counted else "log-log"
    if interval not in ("plain", "log", "log-log", "logit", "beta-product", "mixed"):
        raise refuse("`interval` is one of plain, log, log-log, logit, beta-product")
    if interval in ("beta-product", "mixed") and not counted:
        raise refuse(
            "beta-product limits need whole counts of independent rows that all begin at time 0",
            way_out='Use interval="log-log" with weights, clusters or delayed entry.',
        )
    return interval


def remaining(table: RiskTable) -> FloatArray:
    """Weight at risk that the day's events leave behind; rounding is not a survivor."""
    left = table.n_at_risk - table.n_events.sum(axis=0)
    left[left <= EMPTY_SHARE * table.n_at_risk] = 0.0
    return np.asarray(left)


def _product_limit(table: RiskTable, clusters: Clusters | None) -> tuple[FloatArray, FloatArray]:
    """Survival and its standard error; the latter is 0 from the day on which survival is 0."""
    left, events, at_risk = remaining(table), table.n_events[0], table.n_at_risk
    survival = np.asarray(np.cumprod(np.divide(left, at_risk, out=np.ones_like(left), where=at_risk > 0.0)), dtype=np.float64)
    if clusters is not None:
        part = log_martingale(table)
        direction = np.column_stack((np.ones(left.size), -part.drift[1:]))
        variance = quadratic(clustered_moments(table, (part,), clusters), direction)
        variance[survival >= 1.0] = 0.0
    elif table.robust:
        variance = _jackknife_of_log(table)
    else:
        product = at_risk * left
        variance = np.asarray(np.cumsum(np.divide(events, product, out=np.zeros_like(left), where=product > 0.0)))
    return survival, np.where(survival > 0.0, survival * np.sqrt(variance), np.zeros_like(survival))


def log_martingale(table: RiskTable) -> Martingale:
    """X with d log S(t)/dw_i = -X_i(t): its coefficient on day j is 1/(n_j - d_j), 0 where nobody is left."""
    left = remaining(table)
    m = table.time.size
    inverse = np.divide(1.0, left, out=np.zeros(m), where=left > 0.0)
    hazard = np.divide(table.n_events[0], table.n_at_risk, out=np.zeros(m), where=table.n_at_risk > 0.0)
    return Martingale(
        jump=np.where(table.exit_cause > 0, inverse[table.exit_index], 0.0),
        drift=np.concatenate(([0.0], np.cumsum(hazard * inverse))),
    )


def _jackknife_of_log(table: RiskTable) -> FloatArray:
    """sum_i w_i^2 (d log S(t)/dw_i)^2 for every t, in one pass.

    Rows that are gone by t have a fixed value; for the others it is a difference of the running sum, expanded as a square.
    """
    part, square = log_martingale(table), table.pattern_square
    drift, start = part.drift, start_of(table, part.drift)
    settled = np.cumsum(summed_by(table.exit_index, square * settled_value(table, part) ** 2, table.time.size))
    count = present_sum(table, square)
    if table.entry_index is None:
        undelayed: FloatArray = settled + count * drift[1:] ** 2
        return undelayed
    first, second = present_sum(table, square * start), present_sum(table, square * start**2)
    delayed: FloatArray = settled + np.maximum(count * drift[1:] ** 2 - 2.0 * drift[1:] * first + second, 0.0)
    return delayed


def present_sum(table: RiskTable, value: FloatArray) -> FloatArray:
    """For each day, the sum of `value` over the patterns that entered before it and remain after it."""
    m = table.time.size
    went = summed_by(table.exit_index, value, m)
    if table.entry_index is None:
        # Summed from the end, so that the last days are not a difference of large numbers.
        from_here = np.cumsum(went[::-1])[::-1]
        return np.concatenate((from_here[1:], [0.0]))
    result: FloatArray = np.cumsum(summed_by(table.entry_index, value, m) - went)
    return result


def _limits(
    table: RiskTable, survival: FloatArray, std_error: FloatArray, level: float, interval: SurvivalInterval
) -> tuple[FloatArray, FloatArray]:
    if interval == "beta-product":
        return beta_product_limits(table.n_at_risk, table.n_events[0], table.n_censored, conf_level=level)
    if interval != "mixed":
        return _normal_limits(table, survival, std_error, level, interval)
    low, high = _normal_limits(table, survival, std_error, level, "log-log")
    first = int(np.count_nonzero(table.n_at_risk >= SMALL_RISK_SET))  # nobody enters late, so the numbers at risk fall
    if first < table.time.size:
        low[first:], high[first:] = beta_product_limits(
            table.n_at_risk, table.n_events[0], table.n_censored, conf_level=level, first=first
        )
    return falling(low, high)


def _normal_limits(
    table: RiskTable, survival: FloatArray, std_error: FloatArray, level: float, interval: IntervalKind
) -> tuple[FloatArray, FloatArray]:
    low, high = probability_limits(survival, std_error, conf_level=level, interval=interval)
    untouched, ended = survival >= 1.0, survival <= 0.0
    if interval in ("log-log", "logit"):
        low[untouched] = 1.0 - exact_limit_beside_zero(table.n_from_start[untouched], conf_level=level)
        high[untouched] = 1.0
    if ended.any():
        first = int(np.argmax(ended))
        at_once = exact_limit_beside_zero(table.n_from_start[first : first + 1], conf_level=level)[0]
        low[ended], high[ended] = 0.0, high[first - 1] if first and survival[first - 1] < 1.0 else at_once
    return low, high
