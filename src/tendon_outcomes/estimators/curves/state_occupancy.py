"""State occupancy: the probability of being in each of several states on each day, with returns allowed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.curves.histories import Histories, histories
from tendon_outcomes.estimators.curves.restricted_mean import RestrictedMean
from tendon_outcomes.estimators.curves.transitions import Transitions, occupancy_path
from tendon_outcomes.estimators.limits import (
    Pointwise,
    exact_limit_beside_zero,
    exact_where_cancelled,
    probability_limits,
    two_sided_z,
)
from tendon_outcomes.estimators.observations import (
    EMPTY_SHARE,
    TIE_TOLERANCE,
    FloatArray,
    IntArray,
    checked_days,
    checked_level,
    one_dimensional,
    refuse,
    refuse_rows,
    summed_by,
)


@dataclass(frozen=True, slots=True, eq=False)
class StateOccupancy:
    """Fitted probabilities; rows are the states 0..S-1, columns the m distinct days on which a row ends, in order.

    `initial` are the probabilities at `origin`. `n_events` are arrivals in a state, `n_transitions` [from, to] all of them;
    counts are in units of weight. `absorbing` are the states that nobody is ever followed in.
    """

    origin: float
    time: FloatArray
    states: IntArray
    initial: FloatArray  # (S,)
    probability: FloatArray  # (S, m)
    std_error: FloatArray  # (S, m)
    conf_low: FloatArray  # (S, m)
    conf_high: FloatArray  # (S, m)
    n_at_risk: FloatArray  # (S, m)
    n_events: FloatArray  # (S, m)
    n_transitions: FloatArray  # (S, S)
    absorbing: npt.NDArray[np.bool_]  # (S,)
    n: int
    n_subjects: int
    conf_level: float
    robust: bool
    _at_origin: Pointwise = field(repr=False)
    _sample: Transitions = field(repr=False)

    def row(self, state: int) -> int:
        """The row of `state` in the arrays; refuses a state that does not exist."""
        if state not in self.states:
            raise refuse(f"state {state} is not one of 0 to {self.states.size - 1}")
        return state

    @property
    def all_absorbed(self) -> bool:
        """Whether everybody is in an absorbing state at the end, so that the curves stay as they are."""
        return float(self.probability[~self.absorbing, -1].sum()) <= EMPTY_SHARE

    def at(self, state: int, days: npt.ArrayLike) -> Pointwise:
        """Probability of `state`, standard error and limits on each of `days`.

        A right-continuous step from the values at the origin; NaN before the origin, and after the last day unless everybody
        is in an absorbing state by then, because nobody was followed there.
        """
        s = self.row(state)
        day = checked_days(days)
        slack = TIE_TOLERANCE * max(1.0, float(self.time.mean()))
        position = np.searchsorted(self.time, day + slack, side="right")
        unseen = (day < self.origin - slack) | ((day > self.time[-1] + slack) & (not self.all_absorbed))
        columns = (self.probability[s], self.std_error[s], self.conf_low[s], self.conf_high[s])
        start = (values[s] for values in self._at_origin)
        return Pointwise(
            *(np.where(unseen, np.nan, np.concatenate(([a], c))[position]) for a, c in zip(start, columns, strict=True))
        )

    def restricted_mean(self, state: int, *, horizon: float) -> RestrictedMean:
        """Mean time spent in `state` from the origin to the horizon: the area under its probability.

        The standard error is the infinitesimal jackknife of the area. Over all states the estimates add up to the time from
        the origin to the horizon. Normal limits cut to that range; where the standard error
        is 0, the areas under the limits. A horizon beyond the last follow-up is refused unless
        everybody is in an absorbing state.
        """
        s = self.row(state)
        slack = TIE_TOLERANCE * max(1.0, float(self.time.mean()))
        if not (np.isfinite(horizon) and horizon > self.origin):
            raise refuse("`horizon` must be a finite number after the origin")
        if horizon > self.time[-1] + slack and not self.all_absorbed:
            raise refuse(
                f"the horizon {horizon:g} lies beyond the last follow-up, and not everybody is in an absorbing state there",
                way_out=f"The largest horizon these data allow is {float(self.time[-1]):g}.",
            )
        edges = np.concatenate(([self.origin], np.minimum(self.time, horizon), [horizon]))
        width = np.diff(edges)
        estimate = float(np.concatenate(([self.initial[s]], self.probability[s])) @ width)
        area = np.zeros(self._sample.rows.per_unit.size)
        for step, (_, influence) in zip(width, occupancy_path(self._sample), strict=True):
            area += step * influence[:, s]
        std_error = float(np.sqrt(self._sample.rows.per_unit @ area**2))
        reach, longest = two_sided_z(self.conf_level) * std_error, float(horizon) - self.origin
        low, high = max(0.0, estimate - reach), min(longest, estimate + reach)
        if std_error <= 1e-9 * longest:
            sides = ((self._at_origin.conf_low[s], self.conf_low[s]), (self._at_origin.conf_high[s], self.conf_high[s]))
            low, high = (float(np.concatenate(([start], later)) @ width) for start, later in sides)
        return RestrictedMean(estimate, std_error, low, high, float(horizon), self.conf_level)


def state_occupancy(
    subject: npt.ArrayLike,
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    from_state: npt.ArrayLike,
    to_state: npt.ArrayLike,
    *,
    n_states: int,
    initial: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
) -> StateOccupancy:
    """The probability of being in each state on each day: symptomatic, pain-free, symptomatic again, or out by another event.

    Estimand
        p_s(t) = Pr(in state s at t), were censoring absent; states may be left and entered again.
    Estimator
        p(t) = p(0) prod_{t_j <= t} H_j, H_j the matrix of observed transition fractions d_rsj / n_rj on day t_j among the n_rj
        in state r and under observation. p(0): `initial`, or the weighted fractions of first states at the earliest start.
    Interval
        Infinitesimal jackknife: se_s(t)^2 = sum over subjects (clusters) of the squared sum of w dp_s(t)/dw, the estimated p(0)
        included. Whole-number weights, the same in all rows of a subject, are copies of the subject (one factor w instead of
        w^2) unless `robust=True`. Limits are log-log; at p = 0 and p = 1, 0 or 1 on one side and on the other the exact
        binomial limit for 0 or all of the subjects seen from the origin and not lost before that day. R has NA there.
    Conventions
        A row says: in `from_state` during (start, stop], in `to_state` right after. The same state twice means that the row
        ends there without a move (a cut, or censoring). Moves of all kinds on a day share their risk sets; censorings come
        after them. Times within 1.5e-8 are one day. Late starts and gaps are allowed. A state without anybody at risk keeps
        its probability. Nothing is Markov about the result: the probabilities hold for other processes too (the transition
        fractions then are averages over histories).
    Assumes
        Censoring, late starts and gaps independent of the process; independent subjects (or clusters).
    Not for
        Moves that are known only to lie between two visits. The probability of a path, or of a state given a state at a later
        day, in a process that is not Markov. A mean number of flares (mean_cumulative_count).
    Parameters
        subject: label of each of n rows. start, stop: one unit (days). from_state, to_state: 0..n_states-1. initial: S
        probabilities, taken as known. weight: one number a row. cluster: one label a row, the same in all rows of a subject.
    Returns
        StateOccupancy with `.at(state, days)` and `.restricted_mean(state, horizon=)`.
    References
        Aalen & Johansen (1978) Scand J Stat 5:141, eq. 2.2; Datta & Satten (2001) Stat Prob Lett 55:403 (not Markov); Therneau &
        Grambsch (2000) Modeling Survival Data, 7.2 (infinitesimal jackknife); Andersen et al. (1993), IV.4.
    Checked
        Exact fractions (six runners with relapse), reference (R survfit with id: estimates, standard errors, limits, mean time
        in state), reductions to kaplan_meier and aalen_johansen, a slow version in fractions, properties:
        tests/estimators/test_state_occupancy.py, tests/reference, tests/slow_reference, tests/properties.
    """
    level = checked_level(conf_level)
    if isinstance(n_states, bool) or n_states != int(n_states) or n_states < 2:
        raise refuse("`n_states` must be a whole number of at least 2")
    rows = histories(subject=subject, start=start, stop=stop, weight=weight, cluster=cluster, robust=robust)
    now, then = (
        _checked_states(x, np.asarray(stop).size, name, n_states)[rows.kept]
        for x, name in ((from_state, "from_state"), (to_state, "to_state"))
    )
    _refuse_broken_paths(rows, now, then)
    begun = rows.first & rows.from_origin
    share = summed_by(now[begun], rows.weight[begun], n_states)
    p0 = share / share.sum() if initial is None else _checked_initial(initial, n_states)
    sample = Transitions(rows, now, then, n_states, p0, initial is None)
    return _fitted(sample, level)


def _checked_states(values: npt.ArrayLike, n: int, name: str, n_states: int) -> IntArray:
    state = one_dimensional(name, values)
    if state.size != n:
        raise refuse(f"`{name}` has {state.size} values for {n} rows")
    wrong = ~np.isfinite(state) | (state != np.rint(state)) | (state < 0.0) | (state >= n_states)
    refuse_rows(wrong, f"have a `{name}` that is not one of 0 to {n_states - 1}")
    return state.astype(np.int64)


def _refuse_broken_paths(rows: Histories, now: IntArray, then: IntArray) -> None:
    arrived = np.concatenate((now[:1], then[:-1]))
    elsewhere = ~rows.first & (now != arrived)
    refuse_rows(elsewhere & rows.touches, "start in another state than the one that the same subject's row before them ended in")
    refuse_rows(elsewhere, "are in another state after a gap than before it: a move that nobody saw")


def _checked_initial(initial: npt.ArrayLike, n_states: int) -> FloatArray:
    p0 = one_dimensional("initial", initial)
    if p0.size != n_states:
        raise refuse(f"`initial` has {p0.size} values for {n_states} states")
    if not (np.isfinite(p0).all() and (p0 >= 0.0).all() and abs(float(p0.sum()) - 1.0) <= 1e-9):
        raise refuse("`initial` must be probabilities that add up to 1")
    return np.asarray(p0 / p0.sum(), dtype=np.float64)


def _fitted(sample: Transitions, level: float) -> StateOccupancy:
    rows, k, m = sample.rows, sample.n_states, sample.rows.time.size
    steps = [(p, np.sqrt(rows.per_unit @ influence**2)) for p, influence in occupancy_path(sample)]
    probability, std_error = np.stack([p for p, _ in steps], axis=1), np.stack([se for _, se in steps], axis=1)
    absorbing = np.bincount(sample.origin_state, minlength=k) == 0
    known = rows.followed_from_origin(settled=absorbing[sample.next_state])
    low, high = _limits(probability, std_error, np.concatenate((known[:1], known)), level, estimated=sample.estimated)
    moved = sample.origin_state != sample.next_state
    pair = sample.origin_state[moved] * k + sample.next_state[moved]
    arrivals = summed_by(sample.next_state[moved] * m + rows.leave[moved], rows.weight[moved], k * m)
    return StateOccupancy(
        origin=rows.origin,
        time=rows.time,
        states=np.arange(k, dtype=np.int64),
        initial=sample.initial,
        probability=probability[:, 1:],
        std_error=std_error[:, 1:],
        conf_low=low[:, 1:],
        conf_high=high[:, 1:],
        n_at_risk=np.stack([rows.at_risk(np.where(sample.origin_state == s, rows.weight, 0.0)) for s in range(k)]),
        n_events=arrivals.reshape(k, m),
        n_transitions=summed_by(pair, rows.weight[moved], k * k).reshape(k, k),
        absorbing=absorbing,
        n=rows.kept.size,
        n_subjects=rows.n_subjects,
        conf_level=level,
        robust=rows.robust,
        _at_origin=Pointwise(probability[:, 0], std_error[:, 0], low[:, 0], high[:, 0]),
        _sample=sample,
    )


def _limits(
    probability: FloatArray, std_error: FloatArray, known: FloatArray, level: float, *, estimated: bool
) -> tuple[FloatArray, FloatArray]:
    none, every = probability <= EMPTY_SHARE, probability >= 1.0 - EMPTY_SHARE
    held = np.where(none, 0.0, np.where(every, 1.0, probability))
    low, high = probability_limits(held, std_error, conf_level=level, interval="log-log")
    if estimated:  # known initial probabilities have a standard error of 0 in earnest
        low, high = exact_where_cancelled((low, high), held, std_error, known, conf_level=level)
    room = np.broadcast_to(exact_limit_beside_zero(known, conf_level=level), probability.shape)
    low[none], high[none] = 0.0, room[none]
    low[every], high[every] = 1.0 - room[every], 1.0
    return low, high
