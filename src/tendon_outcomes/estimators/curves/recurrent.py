"""Recurrent events: the mean number of flares by each day."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.curves.histories import Histories, histories
from tendon_outcomes.estimators.curves.kaplan_meier import step
from tendon_outcomes.estimators.limits import Pointwise, two_sided_z
from tendon_outcomes.estimators.observations import (
    EMPTY_SHARE,
    TIE_TOLERANCE,
    BoolArray,
    FloatArray,
    checked_days,
    checked_level,
    one_dimensional,
    refuse,
    refuse_rows,
    summed_by,
)
from tendon_outcomes.estimators.special_functions import chi_square_quantile


@dataclass(frozen=True, slots=True, eq=False)
class MeanCumulativeCount:
    """A fitted mean count; one value for each of the m distinct days on which a row ends, in order.

    `survival` is the Kaplan-Meier curve of the terminal event (1 throughout when there is none). Counts are in units of weight.
    """

    origin: float
    time: FloatArray
    n_at_risk: FloatArray
    n_events: FloatArray
    n_terminal: FloatArray
    survival: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    n: int
    n_subjects: int
    conf_level: float
    robust: bool
    _none_yet: float = field(repr=False)

    def at(self, days: npt.ArrayLike) -> Pointwise:
        """Mean count, standard error and limits by each of `days`.

        A right-continuous step; NaN before the origin and after the last day (unless nobody is left alive), because nobody was
        followed there. Between the origin and the first day nothing has happened: 0, with the exact Poisson limit for no event in
        those seen from the origin (0 on the origin itself).
        """
        day = checked_days(days)
        slack = TIE_TOLERANCE * max(1.0, float(self.time.mean()))
        position = np.searchsorted(self.time, day + slack, side="right")
        unseen = (day < self.origin - slack) | ((day > self.time[-1] + slack) & (self.survival[-1] > 0.0))
        high = np.where(day > self.origin + slack, self._none_yet, 0.0)
        columns = ((self.estimate, 0.0), (self.std_error, 0.0), (self.conf_low, 0.0), (self.conf_high, high))
        return Pointwise(*(step(values, start, position, unseen) for values, start in columns))


def mean_cumulative_count(
    subject: npt.ArrayLike,
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    terminal: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
) -> MeanCumulativeCount:
    """The mean number of events per subject by each day, when events can come back.

    Estimand
        mu(t) = E[N(t)], were censoring absent; with a terminal event, after which there are no more, subjects who have had it
        keep the count that they had (they are not taken out of the mean).
    Estimator
        mu(t) = sum_{t_j <= t} S(t_j-) d_j / n_j, d_j events among n_j under observation on day t_j, S the Kaplan-Meier curve of
        the terminal event (1 when there is none).
    Interval
        The sum over subjects (clusters) of the squared influence: U_i(t) = sum_{t_j <= t} [S(t_j-) w_i (dN_ij - Y_ij d_j / n_j) /
        n_j - (mu(t) - mu(t_j)) w_i (dD_ij - Y_ij D_j / n_j) / (n_j - D_j)], D the terminal events; without them Lawless and
        Nadeau's robust variance. It holds whatever the dependence of a subject's events. Limits on the log scale, mu exp(+-z se
        / mu). At mu = 0 they are 0 and the exact Poisson limit for no event in those seen from the origin and not lost before
        (infinite when there are none); where all influences are 0 (everybody the same count) exact Poisson limits likewise.
        Whole-number weights, the same in all rows of a subject, are copies of the subject unless `robust=True`.
    Conventions
        A row (start, stop] ends with `event` events (0, 1, or more on one day) and perhaps the terminal one. Events on the day
        of a terminal event count, those at risk that day being the same. Times within 1.5e-8 are one day. Late starts and
        gaps are allowed: what happens in a gap is not counted and not needed. A day without anybody at risk adds nothing.
    Assumes
        Censoring, late starts and gaps independent of the events; independent subjects (or clusters).
    Not for
        Events known only to lie between two visits. Terminal events as censorings: the mean is then that of a world without
        them. The chance of at least one event (aalen_johansen) or of being in a flare today (state_occupancy).
    Parameters
        subject: label of each of n rows. start, stop: one unit (days). event: number of events at `stop`. terminal: 1 where the
        subject's last row ends with the terminal event. weight: one number a row. cluster: one label a row.
    Returns
        MeanCumulativeCount over the m distinct days on which rows end.
    References
        Nelson (1988) J Qual Tech 20:24; Lawless & Nadeau (1995) Technometrics 37:158, eqs 2.3 and 2.5; Cook & Lawless (1997) Stat
        Med 16:911; Ghosh & Lin (2000) Biometrics 56:554, eqs 1 and 2.
    Checked
        Exact fractions (by hand), reference (R survfit cumulative hazard with id; mets recurrent marginal; the written-out
        jackknife under ties), reductions to aalen_johansen, a slow version in fractions, properties:
        tests/estimators/test_recurrent.py, tests/reference, tests/slow_reference, tests/properties.
    """
    level = checked_level(conf_level)
    rows = histories(subject=subject, start=start, stop=stop, weight=weight, cluster=cluster, robust=robust)
    n = np.asarray(stop).size
    happened = _checked_counts(event, n)[rows.kept]
    ended = np.zeros(rows.kept.size, dtype=np.bool_) if terminal is None else _checked_terminal(terminal, n)[rows.kept]
    refuse_rows(ended & ~rows.last, "have the terminal event before the subject's last row")
    at_risk = rows.at_risk(rows.weight)
    events, deaths = (summed_by(rows.leave, rows.weight * x, rows.time.size) for x in (happened, ended.astype(np.float64)))
    left = at_risk - deaths
    left[left <= EMPTY_SHARE * at_risk] = 0.0
    kept = np.divide(left, at_risk, out=np.ones_like(left), where=at_risk > 0.0)
    survival = np.asarray(np.cumprod(kept), dtype=np.float64)
    per_event = np.divide(np.concatenate(([1.0], survival[:-1])), at_risk, out=np.zeros_like(left), where=at_risk > 0.0)
    mean = np.cumsum(per_event * events)
    per_death = np.divide(1.0, left, out=np.zeros_like(left), where=left > 0.0)
    hazards = [np.divide(x, at_risk, out=np.zeros_like(left), where=at_risk > 0.0) for x in (events, deaths)]
    variance = _variance(rows, happened, ended, mean, (per_event, per_death), (hazards[0], hazards[1]))
    std_error = np.sqrt(np.where(mean > 0.0, np.maximum(variance, 0.0), 0.0))
    std_error[std_error <= 1e-9 * mean] = 0.0  # rounding of a sum of squares that is 0
    known = rows.followed_from_origin(settled=ended)
    low, high = _limits(mean, std_error, known, level)
    return MeanCumulativeCount(
        origin=rows.origin,
        time=rows.time,
        n_at_risk=at_risk,
        n_events=events,
        n_terminal=deaths,
        survival=survival,
        estimate=mean,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        n=rows.kept.size,
        n_subjects=rows.n_subjects,
        conf_level=level,
        robust=rows.robust,
        _none_yet=float(_poisson_none(known[:1], level)[0]),
    )


def _checked_counts(event: npt.ArrayLike, n: int) -> FloatArray:
    values = one_dimensional("event", event)
    if values.size != n:
        raise refuse(f"`event` has {values.size} values for {n} rows")
    refuse_rows(~np.isfinite(values) | (values < 0.0) | (values != np.rint(values)), "have an `event` that is not 0, 1, 2, …")
    return values


def _checked_terminal(terminal: npt.ArrayLike, n: int) -> BoolArray:
    values = one_dimensional("terminal", terminal)
    if values.size != n:
        raise refuse(f"`terminal` has {values.size} values for {n} rows")
    refuse_rows(~((values == 0.0) | (values == 1.0)), "have a `terminal` that is not 0 or 1")
    return np.asarray(values == 1.0)


def _variance(
    rows: Histories,
    happened: FloatArray,
    ended: BoolArray,
    mean: FloatArray,
    per: tuple[FloatArray, FloatArray],
    hazards: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Sum over units of the squared influence on every day, without a pass over units for each day.

    U(t) = A(t) - mu(t) B(t); A = a - y alpha(t), B = b - y beta(t) with a, b, y (weight at risk) of a unit constant between its
    own days, so that six sums of products, kept up to date at those days, give the sum of squares. mu is counted from its
    last value, which keeps the sums small in the tail.
    """
    (per_event, per_death), (event_hazard, death_hazard) = per, hazards
    centred, m = mean - mean[-1], mean.size
    beta = np.concatenate(([0.0], np.cumsum(per_death * death_hazard)))
    alpha = np.concatenate(([0.0], np.cumsum(per_event * event_hazard + centred * per_death * death_hazard)))
    w, leave, enter = rows.weight, rows.leave, rows.enter
    jump_a = happened * per_event[leave] + ended * (centred * per_death)[leave]
    jump_b = ended * per_death[leave]
    unit, day = np.concatenate((rows.unit, rows.unit)), np.concatenate((enter, leave))
    changes = np.stack(
        [
            np.concatenate((w * alpha[enter], w * (jump_a - alpha[leave + 1]))),
            np.concatenate((w * beta[enter], w * (jump_b - beta[leave + 1]))),
            np.concatenate((w, -w)),
        ]
    )
    order = np.lexsort((day, unit))
    unit, day = unit[order], day[order]
    opens = np.flatnonzero(np.concatenate(([True], unit[1:] != unit[:-1])))
    running = np.cumsum(changes[:, order], axis=1)
    base = np.concatenate((np.zeros((3, 1)), running[:, opens[1:] - 1]), axis=1)
    a, b, y = running - np.repeat(base, np.diff(np.append(opens, unit.size)), axis=1)
    until = np.concatenate((np.where(unit[1:] == unit[:-1], day[1:], m), [m]))
    square = rows.per_unit[unit]

    def held(value: FloatArray) -> FloatArray:
        """For each day, the sum over units of their present value."""
        came, went = summed_by(day, square * value, m), summed_by(until, square * value, m)
        total: FloatArray = np.cumsum(came - went)
        return total

    drift = alpha[1:] - centred * beta[1:]  # U = a - mu b - y drift
    own = held(a * a) - 2.0 * centred * held(a * b) + centred**2 * held(b * b)
    variance: FloatArray = own - 2.0 * drift * (held(a * y) - centred * held(b * y)) + drift**2 * held(y * y)
    return variance


def _limits(mean: FloatArray, std_error: FloatArray, known: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    relative = np.divide(std_error, mean, out=np.zeros_like(mean), where=mean > 0.0)
    reach = np.exp(two_sided_z(level) * relative)
    low, high = mean / reach, mean * reach
    none = mean <= 0.0
    low[none], high[none] = 0.0, _poisson_none(known[none], level)
    half = (1.0 - level) / 2.0
    for j in np.flatnonzero((std_error == 0.0) & ~none):
        if known[j] <= 0.0:
            low[j], high[j] = 0.0, np.inf
            continue
        count = float(mean[j] * known[j])  # whole unless weights are not, or clusters differ in size
        low[j] = min(chi_square_quantile(half, 2.0 * count) / 2.0 / known[j], float(mean[j]))
        high[j] = max(chi_square_quantile(1.0 - half, 2.0 * count + 2.0) / 2.0 / known[j], float(mean[j]))
    return low, high


def _poisson_none(n: FloatArray, level: float) -> FloatArray:
    """Exact upper limit of a mean count of which none was seen in n: -log((1 - level)/2) / n; infinite for nobody."""
    limit: FloatArray = np.divide(-np.log((1.0 - level) / 2.0), n, out=np.full(n.shape, np.inf), where=n > 0.0)
    return limit
