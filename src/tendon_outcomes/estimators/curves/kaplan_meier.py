"""Kaplan-Meier: the probability of still being without the event, from right-censored times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import IntervalKind, Pointwise, exact_limit_beside_zero, probability_limits
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


class TimeQuantile(NamedTuple):
    """A time with its limits, in the unit of the input; `inf` = not reached."""

    estimate: float
    conf_low: float
    conf_high: float


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """A fitted Kaplan-Meier curve; one value for each distinct day with an event or a censoring, in order of time.

    `robust` tells whether the standard error is the infinitesimal jackknife (weights are not copies) or Greenwood's.
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
    interval: IntervalKind
    robust: bool
    _table: RiskTable = field(repr=False)

    def at(self, days: npt.ArrayLike) -> Pointwise:
        """Survival, standard error and limits on each of `days`.

        A right-continuous step; (1, 0, 1, 1) before the first day of the table; NaN after the last unless the curve is at 0
        there, because nobody was followed so far.
        """
        day = np.asarray(days, dtype=np.float64)
        slack = TIE_TOLERANCE * max(1.0, float(self.time.mean()))
        position = np.searchsorted(self.time, day + slack, side="right")
        beyond = (day > self.time[-1] + slack) & (self.survival[-1] > 0.0)
        columns = ((self.survival, 1.0), (self.std_error, 0.0), (self.conf_low, 1.0), (self.conf_high, 1.0))
        return Pointwise(*(_step(values, start, position, beyond) for values, start in columns))

    def quantile(self, p: float) -> TimeQuantile:
        """The time by which a fraction `p` has had the event, with Brookmeyer-Crowley limits; `inf` = not reached.

        When the curve is flat at exactly 1 - p the middle of the flat stretch is taken (to the last day of the table when it
        is the last stretch), within 1.5e-8, as quantile.survfit of R does. The limits invert the pointwise limits the same way.
        """
        if not 0.0 < p < 1.0:
            raise refuse("`p` must lie strictly between 0 and 1")
        # Where the log-log and logit limits do not exist (survival 0 or 1) R leaves them out; so does the inversion.
        low, high = probability_limits(self.survival, self.std_error, conf_level=self.conf_level, interval=self.interval)
        return TimeQuantile(*(_crossing(self.time, 1.0 - curve, p) for curve in (self.survival, low, high)))


def _step(values: FloatArray, start: float, position: npt.NDArray[np.intp], beyond: npt.NDArray[np.bool_]) -> FloatArray:
    stepped: FloatArray = np.where(beyond, np.nan, np.concatenate(([start], values))[position])
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
    conf_level: float = 0.95,
    interval: IntervalKind = "log-log",
    robust: bool | None = None,
) -> SurvivalCurve:
    """The product-limit estimate of the probability of being event-free beyond each day.

    Estimand
        S(t) = Pr(T > t), were censoring absent.
    Estimator
        S(t) = prod_{t_j <= t} (1 - d_j / n_j), d_j events on day t_j among n_j at risk (entry < t_j <= exit).
    Interval
        Greenwood: se(t) = S(t) sqrt(sum d_j / (n_j (n_j - d_j))). When weights are not copies (some are not whole numbers, or
        `robust=True`), the infinitesimal jackknife: se(t)^2 = sum_i w_i^2 (dS(t)/dw_i)^2, as R does with robust=TRUE. Normal
        limits on the scale `interval`. Where a scale has no limit: at S = 1 the exact binomial lower limit for 0 events among
        those followed from time 0 and still at risk, and 1; at S = 0 the limits are 0 and the upper limit of the day before,
        which holds because S cannot rise (exact binomial when the whole sample fails on its first day). R has NA there.
    Conventions
        Events come before censorings on the same day. Times within 1.5e-8 (absolutely, or relative to the mean time) are one
        day, R's timefix. Rows of weight 0 are left out. Once S is 0 it stays 0; a day without anybody at risk changes nothing.
    Assumes
        Censoring and delayed entry independent of the event given nothing; independent rows (use a bootstrap by patient when
        patients give several rows).
    Not for
        Competing events as censorings: 1 - S then overstates the incidence (aalen_johansen). Events known only between two
        visits (interval_censored_incidence). Pointwise limits are not a band for the whole curve.
    Parameters
        time: exit of each of n rows, one unit (days). event: 1 or True = event at `time`, 0 = censored there. entry: time at
        which the row comes under observation, same unit. weight: n non-negative numbers. conf_level in (0, 1). interval:
        "plain", "log", "log-log" or "logit". robust: overrides what the weights say.
    Returns
        SurvivalCurve over the m distinct exit days; counts in units of weight.
    References
        Kaplan & Meier (1958) JASA 53:457, eq. 3b; Klein & Moeschberger (2003) Survival Analysis, 2nd ed., eqs 4.2.1, 4.2.2,
        4.3.1-4.3.2; Therneau & Grambsch (2000) Modeling Survival Data, 2.2; Brookmeyer & Crowley (1982) Biometrics 38:29.
    Checked
        Exact fractions (six runners), published (Freireich 6-MP), reference (R survival, four scales, entry, weights, ties),
        properties: tests/estimators/test_kaplan_meier.py, tests/reference, tests/properties/test_estimators.py.
    """
    level = checked_level(conf_level)
    if interval not in ("plain", "log", "log-log", "logit"):
        raise refuse("`interval` is one of plain, log, log-log, logit")
    table = risk_table(time=time, cause=event, n_causes=1, entry=entry, weight=weight, robust=robust)
    survival, std_error = _product_limit(table)
    low, high = _limits(table, survival, std_error, level, interval)
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
        conf_level=level,
        interval=interval,
        robust=table.robust,
        _table=table,
    )


def remaining(table: RiskTable) -> FloatArray:
    """Weight at risk that the day's events leave behind; rounding is not a survivor."""
    left = table.n_at_risk - table.n_events.sum(axis=0)
    left[left <= EMPTY_SHARE * table.n_at_risk] = 0.0
    return np.asarray(left)


def _product_limit(table: RiskTable) -> tuple[FloatArray, FloatArray]:
    """Survival and its standard error; the latter is 0 from the day on which survival is 0."""
    left, events, at_risk = remaining(table), table.n_events[0], table.n_at_risk
    survival = np.asarray(np.cumprod(np.divide(left, at_risk, out=np.ones_like(left), where=at_risk > 0.0)), dtype=np.float64)
    if table.robust:
        variance = _jackknife_of_log(table, left)
    else:
        product = at_risk * left
        variance = np.asarray(np.cumsum(np.divide(events, product, out=np.zeros_like(left), where=product > 0.0)))
    return survival, np.where(survival > 0.0, survival * np.sqrt(variance), np.zeros_like(survival))


def _jackknife_of_log(table: RiskTable, left: FloatArray) -> FloatArray:
    """sum_i w_i^2 (d log S(t)/dw_i)^2 for every t, in one pass.

    d log S(t)/dw_i = sum over days i is at risk, up to t, of h_j / (n_j - d_j), less 1/(n_e - d_e) at i's own event.
    Rows that are gone by t have a fixed value; for the others it is a difference of the running sum, expanded as a square.
    """
    m = table.time.size
    inverse = np.divide(1.0, left, out=np.zeros(m), where=left > 0.0)
    hazard = np.divide(table.n_events[0], table.n_at_risk, out=np.zeros(m), where=table.n_at_risk > 0.0)
    drift = np.concatenate(([0.0], np.cumsum(hazard * inverse)))
    leave, square = table.exit_index, table.pattern_square
    start = np.zeros(leave.size) if table.entry_index is None else drift[table.entry_index]
    gone = drift[leave + 1] - start - np.where(table.exit_cause > 0, inverse[leave], 0.0)
    settled = np.cumsum(summed_by(leave, square * gone**2, m))
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
