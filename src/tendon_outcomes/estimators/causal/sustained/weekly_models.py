"""Logistic models of what happens week by week, for many weight rows at once; also of events known to an interval of weeks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, IntArray
from tendon_outcomes.estimators.resampling.sums import (
    cross_products,
    linear_predictors,
    solve_each,
    sums_from_the_end,
    times_columns,
    triangle_places,
)

# Precision of the normal prior on slopes per standard deviation of the column: a tenth of what one observation with even odds
# says. It keeps the fits of resampled patients finite where a column happens to decide the outcome.
PRIOR = 0.025
NO_EVENT = 1e-9  # of the intercept: it ends near -20 where resampled patients have no event at all
COLLINEAR = 1e-6  # share of a column's length that must be left beside the columns before it
SETTLED = 1e-8
NO_GAIN = 1e-13  # of the log likelihood
MOST_STEPS = 200
HALVINGS = 20
LONGEST_STEP = 4.0
EXPECTATION_STEPS = 2  # before the observed information is trusted
CAUTIOUS_FROM = 60  # steps after which it no longer is


class Columns:
    """Columns chosen one by one: those that vary and say something that an intercept and the columns before do not."""

    def __init__(self, n: int) -> None:
        self.chosen: list[FloatArray] = []
        self._basis = [np.full(n, n**-0.5)] if n else []

    def add(self, column: FloatArray) -> bool:
        """Take the column unless it is a combination of those before it."""
        centred = column - column.mean() if column.size else column
        rest = centred
        for _ in range(2):
            for one in self._basis:
                rest = rest - (one @ rest) * one
        length = float(np.sqrt(rest @ rest))
        if not length > COLLINEAR * float(np.sqrt(centred @ centred)):
            return False
        self._basis.append(rest / length)
        self.chosen.append(column)
        return True


class Standardised(NamedTuple):
    """Columns with mean 0 and standard deviation 1 beside an intercept; `back` (p, p) leads to coefficients of those given."""

    z: FloatArray
    back: FloatArray
    penalty: FloatArray


def standardised_columns(x: FloatArray, prior: float) -> Standardised:
    """`x` (N, p) without intercept, as N rows of p + 1 columns, intercept first."""
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0.0, spread, 1.0)
    z = np.column_stack([np.ones(x.shape[0]), (x - centre) / spread])
    back = np.diag(np.concatenate(([1.0], 1.0 / spread)))
    back[1:, 0] = -centre / spread
    return Standardised(np.ascontiguousarray(z), back, np.concatenate(([NO_EVENT], np.full(x.shape[1], prior))))


def ridge_logistic(
    x: FloatArray,
    events: FloatArray,
    at_risk: FloatArray,
    *,
    what: str,
    prior: float = PRIOR,
    start: FloatArray | None = None,
    precise: float = SETTLED,
) -> FloatArray:
    """Coefficients (b, p + 1), intercept first, of the log odds of `events` (b, N) among `at_risk` (b, N) given `x` (N, p).

    Both may be expected counts. Newton steps on the log likelihood less half of `prior` times the squared slopes per standard
    deviation. `start` (p + 1,), or a row for each row of weights, on the scale of `x`. The last step is below `precise`.
    """
    columns = standardised_columns(x, prior)
    beta = _first(columns, events, at_risk, start)
    cross, places, across = cross_products(columns.z), triangle_places(columns.z.shape[1]), np.ascontiguousarray(columns.z.T)
    toward = times_columns(events, columns.z)
    linear = linear_predictors(beta, across)
    value = _log_likelihood(events, at_risk, linear, columns.penalty, beta)
    result = np.empty_like(beta)
    open_rows = np.arange(beta.shape[0])
    for _ in range(MOST_STEPS):
        share = probability(linear)
        expected = at_risk * share
        score = toward - times_columns(expected, columns.z) - columns.penalty * beta
        information = times_columns(expected * (1.0 - share), cross)[:, places] + np.diag(columns.penalty)
        step = shortened(solve_each(information, score))
        if not np.isfinite(step).all():
            break
        done = settled_rows(step, information, precise)
        result[open_rows[done]] = beta[done] + step[done]
        if done.all():
            return np.asarray(result @ columns.back)
        if done.any():
            events, at_risk, toward, beta, step, value = (rows[~done] for rows in (events, at_risk, toward, beta, step, value))
            open_rows = open_rows[~done]
        for _ in range(HALVINGS):
            linear = linear_predictors(beta + step, across)
            tried = _log_likelihood(events, at_risk, linear, columns.penalty, beta + step)
            worse = tried < value - 1e-12 * np.abs(value)
            if not worse.any():
                break
            step[worse] /= 2.0
        beta, value = beta + step, tried
    raise _unsettled(what)


def _log_likelihood(
    events: FloatArray, at_risk: FloatArray, linear: FloatArray, penalty: FloatArray, beta: FloatArray
) -> FloatArray:
    """Of each row of weights, (b,), with the prior's log density."""
    each = events * linear - at_risk * np.logaddexp(0.0, linear)
    return np.asarray(each.sum(axis=1) - 0.5 * (penalty * beta**2).sum(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class IntervalEvents:
    """Events known to have happened in one of several weeks of one person.

    `place` (E, D): the numbers of these weeks among the N person-weeks, in order, -1 beyond the last; `person` (E,).
    """

    place: IntArray = field(repr=False)
    person: IntArray = field(repr=False)

    @property
    def known(self) -> BoolArray:
        return np.asarray(self.place >= 0)


class Expected(NamedTuple):
    """Probabilities (b, E, D) that the event was in each week, and that the person was at risk in it, given the interval."""

    event: FloatArray
    at_risk: FloatArray


def expected_weeks(linear: FloatArray, events: IntervalEvents) -> Expected:
    """Where in its interval each event was, given linear predictors (b, N) of the weekly hazard."""
    known = events.known
    log_free = np.where(known, -np.logaddexp(0.0, linear[:, events.place]), 0.0)
    before = np.cumsum(log_free, axis=2) - log_free
    log_event = np.where(known, before + linear[:, events.place] + log_free, -np.inf)
    event = np.exp(log_event - log_event.max(axis=2, keepdims=True))
    event /= event.sum(axis=2, keepdims=True)
    return Expected(event, sums_from_the_end(event))


def interval_hazard(
    x: FloatArray,
    at_risk: FloatArray,
    events: IntervalEvents,
    weight: FloatArray,
    *,
    what: str,
    prior: float = PRIOR,
    start: FloatArray | None = None,
) -> FloatArray:
    """Coefficients (b, p + 1) of the log odds of an event in a week among those free of it, events known to intervals of weeks.

    `at_risk` (b, N): weights of the person-weeks that were free of the event, 0 in the weeks of `events`; `weight` (b, E) of the
    events. Two steps of expectation and maximisation, then Newton steps with the information that the intervals leave
    (complete less missing; Louis 1982), where that is positive definite.
    """
    columns = standardised_columns(x, prior)
    z, penalty = columns.z, np.diag(columns.penalty)
    cross, places, across = cross_products(z), triangle_places(z.shape[1]), np.ascontiguousarray(z.T)
    known = events.known
    inside = events.place[known]
    first = np.zeros_like(at_risk)
    first[:, inside] = (weight[:, :, None] * (known / known.sum(axis=1, keepdims=True)))[:, known]
    total = at_risk.copy()
    total[:, inside] = np.repeat(weight, known.sum(axis=1), axis=1)
    beta = _first(columns, first, total, start)
    for count in range(MOST_STEPS):
        linear = linear_predictors(beta, across)
        share = probability(linear)
        found = expected_weeks(linear, events)
        toward = np.zeros_like(at_risk)
        toward[:, inside] = (weight[:, :, None] * found.event)[:, known]
        total[:, inside] = (weight[:, :, None] * found.at_risk)[:, known]
        expected = total * share
        score = times_columns(toward - expected, z) - columns.penalty * beta
        information = times_columns(expected * (1.0 - share), cross)[:, places] + penalty
        if EXPECTATION_STEPS <= count < CAUTIOUS_FROM:
            information = _observed(information, _missing(z, share, found.event, events, weight))
        step = shortened(solve_each(information, score))
        if not np.isfinite(step).all():
            break
        beta = beta + step
        if settled(step, information):
            return np.asarray(beta @ columns.back)
    raise _unsettled(what)


def _missing(z: FloatArray, share: FloatArray, event: FloatArray, events: IntervalEvents, weight: FloatArray) -> FloatArray:
    """(b, p, p): the variance of the score over the weeks in which each event may have been."""
    several = events.known.sum(axis=1) > 1
    place, known = events.place[several], events.known[several]
    own = np.where(known[..., None], z[place], 0.0)
    chance = event[:, several]
    result = np.empty((share.shape[0], z.shape[1], z.shape[1]))
    for b in range(share.shape[0]):
        score = own - np.cumsum(share[b][place][..., None] * own, axis=1)
        score = score - np.einsum("ed,edp->ep", chance[b], score)[:, None, :]
        flat = score.reshape(-1, z.shape[1])
        mass = (weight[b, several, None] * chance[b] * known).ravel()
        result[b] = (flat * mass[:, None]).T @ flat
    return result


def _observed(complete: FloatArray, missing: FloatArray) -> FloatArray:
    """Complete less missing information; the complete one where the rest is not safely positive definite."""
    observed = complete - missing
    smallest = np.linalg.eigvalsh(observed)[:, 0]
    return np.where((smallest > 1e-3)[:, None, None], observed, complete)


def probability(linear: FloatArray) -> FloatArray:
    """1 / (1 + exp(-linear))."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-linear)))


def settled(step: FloatArray, information: FloatArray) -> bool:
    """Whether every step is short, or gains nothing: where resampled patients have no event the likelihood is flat far away."""
    return bool(settled_rows(step, information).all())


def settled_rows(step: FloatArray, information: FloatArray, precise: float = SETTLED) -> BoolArray:
    """Which steps (b, p) are."""
    gain = np.einsum("bp,bpq,bq->b", step, information, step)
    return np.asarray((np.abs(step).max(axis=1) <= precise) | (gain <= NO_GAIN))


def shortened(step: FloatArray) -> FloatArray:
    """Steps (b, p) none of which goes further than is safe from far away."""
    longest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, LONGEST_STEP / np.maximum(longest, 1e-300)))


def _first(columns: Standardised, events: FloatArray, at_risk: FloatArray, start: FloatArray | None) -> FloatArray:
    if start is not None:
        own = np.linalg.solve(columns.back.T, np.atleast_2d(start).T).T
        return np.asarray(np.broadcast_to(own, (events.shape[0], own.shape[1])).copy())
    beta = np.zeros((events.shape[0], columns.z.shape[1]))
    share = (events.sum(axis=1) + 0.5) / (at_risk.sum(axis=1) + 1.0)
    beta[:, 0] = np.log(share / (1.0 - np.minimum(share, 1.0 - 1e-9)))
    return beta


def _unsettled(what: str) -> NotConverged:
    return NotConverged(
        f"the weekly model of {what} did not settle in {MOST_STEPS} steps",
        way_out="Leave out or coarsen the covariates that decide the outcome.",
    )
