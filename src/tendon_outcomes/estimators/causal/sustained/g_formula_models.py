"""What the parametric g-formula is made from: who follows a strategy week by week, what is known of them, when events were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.weekly_models import (
    PRIOR,
    Columns,
    IntervalEvents,
    expected_weeks,
    interval_hazard,
)
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, IntArray
from tendon_outcomes.estimators.regression.natural_spline import natural_spline

EVENTS_PER_COLUMN = 5.0
FEWEST_COLUMNS = 6  # kept whatever the number of events: the history and the first four of baseline
OTHER = 2  # category of treatment that is neither strategy's
FIRST_RISK_WEEKS = 8  # whose risk tells that of week 1

# In the order in which terms are given up, last first, when the events are too few; "baseline" stands for all its columns.
TERMS = ("fall", "first level", "baseline", "last level")


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What is known before each week: the first time-varying covariate then, on day 0, and the pace of its fall between, (n, K).

    `pace`: points a week, the least-squares line from the level of day 0 through all levels since. The line averages the noise of
    single records away, which the last level does not.
    """

    level: FloatArray = field(repr=False)
    pace: FloatArray = field(repr=False)

    @classmethod
    def of(cls, level: FloatArray) -> History:
        since = np.arange(float(level.shape[1]))
        squares = np.cumsum(since**2)
        fallen = np.cumsum(since * (level[:, :1] - level), axis=1)
        return cls(level, np.asarray(fallen / np.where(squares > 0.0, squares, 1.0)))

    def column(self, term: str, week: int) -> FloatArray:
        """One term before the week of this number from 0."""
        if term == "fall":
            return np.asarray(self.pace[:, week] * week)
        return self.level[:, 0 if term == "first level" else week]


class Followed(NamedTuple):
    """`on` (n, K): weeks in which a row has kept to a strategy since it started; `first` (n,) the start, from 0, K for none."""

    on: BoolArray
    first: IntArray

    @classmethod
    def of(cls, category: IntArray, number: int, deviates: IntArray, *, sustain: int) -> Followed:
        """Rows that start in time, before any of the other treatment. After `sustain` they stay, whatever they do."""
        weeks = category.shape[1]
        own = category == number
        first = np.where(own.any(axis=1), own.argmax(axis=1), weeks)
        week = np.arange(weeks)
        since = week >= first[:, None]
        before = ((category == 1 - number) & ~since).any(axis=1)
        starts = (first < weeks) & ~before & (first + 1 < deviates)
        on = since & starts[:, None] & ~np.logical_or.accumulate(since & ~own, axis=1)
        on[:, sustain:] = on[:, sustain - 1 : sustain]
        return cls(on, np.where(starts, first, weeks))


@dataclass(frozen=True, slots=True, eq=False)
class WeeklyOutcome:
    """By row and week (n, K): chance of being at risk of the event, of having it, and whether a competing event was seen."""

    at_risk: FloatArray = field(repr=False)
    event: FloatArray = field(repr=False)
    competing: FloatArray = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class _PersonWeeks:
    """Weeks at risk person by person. `sure`: free of the event with certainty. `competing`: a competing event was in it."""

    person: IntArray
    week: IntArray  # from 0
    sure: FloatArray
    competing: FloatArray
    events: IntervalEvents


def _person_weeks(sample: LongitudinalSample, last_week: int) -> _PersonWeeks:
    """Lay the weeks at risk end to end. What happened after `last_week` is not looked at: rows are free of it through then."""
    event = (sample.cause == 1) & (sample.right <= last_week)
    competed = (sample.cause > 1) & (sample.right <= last_week)
    ends = np.where(event | competed, np.where(np.isfinite(sample.right), sample.right, 0), np.minimum(sample.left, last_week))
    ends = ends.astype(np.int64)
    person = np.repeat(np.arange(sample.n), ends)
    first = np.cumsum(ends) - ends
    week = np.arange(person.size) - first[person]
    who = np.flatnonzero(event)
    width = ends[who] - sample.left[who]
    place = first[who, None] + sample.left[who, None] + np.arange(int(width.max(initial=1)))
    place = np.where(np.arange(place.shape[1]) < width[:, None], place, -1)
    sure = np.ones(person.size)
    sure[place[place >= 0]] = 0.0
    competing = (competed[person] & (week + 1 == ends[person])).astype(np.float64)
    return _PersonWeeks(person, week, sure, competing, IntervalEvents(place, who))


def weekly_outcome(
    sample: LongitudinalSample, category: IntArray, history: History, *, last_week: int, knots: FloatArray
) -> WeeklyOutcome:
    """Events at their weeks; one known to several weeks is shared out by a hazard model of everybody's weeks."""
    table = _person_weeks(sample, last_week)
    at_risk, event = table.sure.copy(), np.zeros_like(table.sure)
    known = table.events.known
    if known.shape[1] > 1:
        x = _hazard_columns(sample, table, category, history, knots)
        weight = np.ones((1, table.events.person.size))
        beta = interval_hazard(x, table.sure[None], table.events, weight, what="the event", prior=PRIOR)
        found = expected_weeks(beta[:, :1] + beta[:, 1:] @ x.T, table.events)
        at_risk[table.events.place[known]] = found.at_risk[0][known]
        event[table.events.place[known]] = found.event[0][known]
    else:
        at_risk[table.events.place[known]] = event[table.events.place[known]] = 1.0
    result = np.zeros((3, sample.n, last_week))
    result[:, table.person, table.week] = at_risk, event, table.competing
    return WeeklyOutcome(*result)


def _hazard_columns(
    sample: LongitudinalSample, table: _PersonWeeks, category: IntArray, history: History, knots: FloatArray
) -> FloatArray:
    at = (table.person, table.week)
    spline = natural_spline(table.week.astype(np.float64) + np.float64(1.0), knots)[:, 1:]
    fall, first = history.pace[at] * table.week, history.level[table.person, 0]
    given = [*spline.T, (category[at] == 1) * 1.0, fall, first, (category[at] == OTHER) * 1.0, history.level[at]]
    return columns_kept([*given, *sample.baseline[table.person].T], at_most=_allowed(float(table.events.person.size)))[0]


def columns_kept(given: Sequence[FloatArray], *, at_most: int) -> tuple[FloatArray, IntArray]:
    """As a matrix the first `at_most` columns that say something that those before do not, and which they are."""
    size = given[0].size
    kept = Columns(size)
    which = [j for j, column in enumerate(given) if len(kept.chosen) < at_most and kept.add(np.asarray(column, dtype=np.float64))]
    return np.column_stack([np.empty((size, 0)), *kept.chosen]), np.array(which, dtype=np.int64)


def _allowed(events: float) -> int:
    return max(FEWEST_COLUMNS, int(events // EVENTS_PER_COLUMN))


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Columns of one strategy's regressions, by week: `x[k]` (n, p) of all rows, in the declared order, and their `names[k]`."""

    x: tuple[FloatArray, ...] = field(repr=False)
    names: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, history: History, baseline: FloatArray, names: Sequence[str], weight: FloatArray, *, events: float) -> Design:
        """Chosen among rows with positive `weight` (n, K), of which there are some before each week that has columns."""
        chosen = [_of_week(history, baseline, names, weight[:, k] > 0.0, k, _allowed(events)) for k in range(weight.shape[1])]
        return cls(tuple(x for x, _ in chosen), tuple(kept for _, kept in chosen))


def _of_week(
    history: History, baseline: FloatArray, names: Sequence[str], rows: BoolArray, week: int, at_most: int
) -> tuple[FloatArray, tuple[str, ...]]:
    given: list[tuple[str, FloatArray]] = []
    for term in TERMS:
        own = zip(names, baseline.T, strict=True) if term == "baseline" else [(term, history.column(term, week))]
        given.extend(own)
    if not rows.any():
        return np.empty((rows.size, 0)), ()
    _, which = columns_kept([column[rows] for _, column in given], at_most=at_most)
    table = np.column_stack([np.empty((rows.size, 0)), *(given[j][1] for j in which)])
    return table, tuple(given[j][0] for j in which)
