"""The weekly models behind the parametric g-formula: event, competing event, change of the confounder, change of treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.weekly_models import (
    PRIOR,
    Columns,
    IntervalEvents,
    expected_weeks,
    interval_hazard,
    ridge_logistic,
)
from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.natural_spline import natural_spline

HIGHEST = 10  # of the confounder, in whole points from 0
EVENTS_PER_COLUMN = 5.0
NEVER = -40.0  # log odds
FARTHEST = 300.0  # log odds on either side that are still numbers when multiplied
OTHER = 2  # category of treatment that is neither strategy's

# In the order in which terms are given up, last first, when the events are too few; "baseline" stands for all its columns.
EVENT_TERMS = (
    "category 1", "level", "week 1", "category 2", "baseline", "week 2", "level x week", "category 1 x week 1", "week 3",
    "level squared", "category 1 x week 2", "category 1 x week 3",
)  # fmt: skip
COMPETING_TERMS = ("category 1", "level", "week 1", "category 2", "baseline")
CHANGE_TERMS = ("share changed", "level", "category 1", "category 2", "level squared", "week 1", "baseline", "level x week")
DOWN_TERMS = ("level", "category 1", "category 2", "week 1", "level squared", "baseline")
FURTHER_TERMS = ("step", "level", "category 1", "category 2", "week 1")
LEAVE_TERMS = ("category 1", "level", "category 2", "week 1", "baseline")


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Where a model is evaluated: arrays that broadcast. `share` are log odds by week that the confounder's record changes."""

    week: FloatArray
    category: FloatArray
    level: FloatArray
    knots: FloatArray
    share: FloatArray
    step: FloatArray | float = 0.0

    def column(self, term: str) -> FloatArray:
        """The values of one term."""
        shape = np.broadcast_shapes(self.week.shape, self.category.shape, self.level.shape, np.shape(self.step))
        return np.asarray(np.broadcast_to(self._value(term), shape), dtype=np.float64)

    def _value(self, term: str) -> FloatArray:
        if " x " in term:
            first, second = term.split(" x ")
            return np.asarray(self._value(first) * self._value(second if second != "week" else "week 1"))
        if term == "level":
            return np.asarray(self.level)
        if term == "level squared":
            return np.asarray((self.level - HIGHEST / 2.0) ** 2)
        if term == "step":
            return np.asarray(self.step)
        if term == "share changed":
            return np.asarray(self.share[np.asarray(self.week, dtype=np.int64) - 1])
        word, number = term.split(" ")
        if word == "category":
            return np.asarray(self.category == int(number), dtype=np.float64)
        return np.asarray(natural_spline(self.week, self.knots)[..., int(number)])


@dataclass(frozen=True, slots=True, eq=False)
class WeeklyModel:
    """log odds = intercept + `terms` + baseline columns. `estimate` (b, 1 + terms + baseline), the whole sample's fit first.

    `left_out` names what the events were too few for, or what did not vary. Without rows or events there is no model: the
    probability is that of `constant`.
    """

    name: str
    terms: tuple[str, ...]
    baseline: IntArray
    baseline_names: tuple[str, ...]
    left_out: tuple[str, ...]
    n_events: float
    centre: FloatArray  # of the baseline columns: odds are split there, so that neither part is out of the range of numbers
    estimate: FloatArray = field(repr=False)

    def odds(self, setting: Setting, b: slice) -> FloatArray:
        """exp(intercept + terms) where the model is evaluated, (b, ...)."""
        each = (-1,) + (1,) * setting.column("level").ndim
        central = self.estimate[b, 0] + self.estimate[b, 1 + len(self.terms) :] @ self.centre
        total = central.reshape(each) + np.zeros_like(setting.column("level"))
        for j, term in enumerate(self.terms):
            total = total + self.estimate[b, 1 + j].reshape(each) * setting.column(term)
        return np.asarray(np.exp(np.clip(total, -FARTHEST, FARTHEST)))

    def baseline_odds(self, baseline: FloatArray, b: slice) -> FloatArray:
        """The factor (b, n) that each row's baseline puts on the odds."""
        slopes = self.estimate[b, 1 + len(self.terms) :]
        linear = slopes @ (baseline[:, self.baseline] - self.centre).T
        return np.asarray(np.exp(np.clip(linear, -FARTHEST, FARTHEST)))


@dataclass(frozen=True, slots=True, eq=False)
class PersonWeeks:
    """N person-weeks in which the event may still come, person by person: `person`, `week` (from 1), `category`, `level`.

    `sure` marks the weeks that were free of the event or are its only possible one's rivals: at risk with certainty and no
    event in them. `competing` marks weeks with a competing event; `events` are those of cause 1.
    """

    person: IntArray = field(repr=False)
    week: IntArray = field(repr=False)
    category: IntArray = field(repr=False)
    level: IntArray = field(repr=False)
    sure: FloatArray = field(repr=False)
    competing: FloatArray = field(repr=False)
    events: IntervalEvents

    def setting(self, knots: FloatArray, share: FloatArray) -> Setting:
        return Setting(
            self.week.astype(np.float64), self.category.astype(np.float64), self.level.astype(np.float64), knots, share
        )


def person_weeks(sample: LongitudinalSample, category: IntArray, level: IntArray, *, last_week: int) -> PersonWeeks:
    """Lay the weeks at risk end to end. What happened after `last_week` is not looked at: rows are free of it through then."""
    event = (sample.cause == 1) & (sample.right <= last_week)
    competed = (sample.cause > 1) & (sample.right <= last_week)
    ends = np.where(event | competed, np.where(np.isfinite(sample.right), sample.right, 0), np.minimum(sample.left, last_week))
    ends = ends.astype(np.int64)
    person = np.repeat(np.arange(sample.n), ends)
    first = np.cumsum(ends) - ends
    week = np.arange(person.size) - first[person] + 1
    who = np.flatnonzero(event)
    width = ends[who] - sample.left[who]
    place = first[who, None] + sample.left[who, None] + np.arange(int(width.max(initial=1)))
    place = np.where(np.arange(place.shape[1]) < width[:, None], place, -1)
    sure = np.ones(person.size)
    sure[place[place >= 0]] = 0.0
    competing = (competed[person] & (week == ends[person])).astype(np.float64)
    at = (person, week - 1)
    return PersonWeeks(person, week, category[at], level[at], sure, competing, IntervalEvents(place, who))


def chosen_terms(
    order: Sequence[str], setting: Setting, baseline: FloatArray, names: Sequence[str], *, events: float
) -> tuple[tuple[str, ...], IntArray, tuple[str, ...]]:
    """The terms and baseline columns that `events` allow in the declared order, and the names of those left out."""
    allowed = int(events // EVENTS_PER_COLUMN)
    terms: list[str] = []
    columns: list[int] = []
    left_out: list[str] = []
    kept = Columns(baseline.shape[0])
    spline = setting.knots.size - 1
    for term in order:
        if term == "baseline":
            for j, name in enumerate(names):
                if len(kept.chosen) < allowed and kept.add(baseline[:, j]):
                    columns.append(j)
                else:
                    left_out.append(name)
        elif not term[-1].isdigit() or "week" not in term or int(term[-1]) <= spline:
            if len(kept.chosen) < allowed and kept.add(setting.column(term)):
                terms.append(term)
            else:
                left_out.append(term)
    return tuple(terms), np.array(columns, dtype=np.int64), tuple(left_out)


@dataclass(frozen=True, slots=True, eq=False)
class WeeklyModels:
    """All the models of the g-formula for the same weight rows."""

    event: WeeklyModel
    competing: WeeklyModel
    change: WeeklyModel
    down: WeeklyModel
    further_down: WeeklyModel
    further_up: WeeklyModel
    leave: WeeklyModel
    destination: FloatArray  # (3, 3): where those go who leave a category
    knots: FloatArray
    share: FloatArray

    def listed(self) -> tuple[WeeklyModel, ...]:
        return self.event, self.competing, self.change, self.down, self.further_down, self.further_up, self.leave


@dataclass(frozen=True, slots=True, eq=False)
class Fitter:
    """What the models share: the sample's baseline, knots, weights of patients (b, n) with the whole sample first."""

    baseline: FloatArray
    names: tuple[str, ...]
    weight: FloatArray
    prior: float = PRIOR

    def logistic(
        self, name: str, order: Sequence[str], setting: Setting, person: IntArray, outcome: FloatArray, at_risk: FloatArray
    ) -> WeeklyModel:
        """A logistic model of `outcome` (N,) among `at_risk` (b, N), which holds the weights. Without rows it never happens."""
        if not float(at_risk[0].sum()) > 0.0:
            return self._model(name, (), np.zeros(0, dtype=np.int64), tuple(order), 0.0, np.full((at_risk.shape[0], 1), NEVER))
        counted = float(at_risk[0] @ outcome)
        fewer = min(counted, float(at_risk[0].sum()) - counted)
        own = self.baseline[person]
        terms, columns, left_out = chosen_terms(order, setting, own, self.names, events=fewer)
        x = _matrix(terms, columns, setting, own)
        estimate = ridge_logistic(x, at_risk * outcome, at_risk, what=name, prior=self.prior)
        return self._model(name, terms, columns, left_out, counted, estimate)

    def event(self, setting: Setting, table: PersonWeeks, order: Sequence[str]) -> WeeklyModel:
        """The hazard of cause 1, its events known to intervals. Resampled fits start at the whole sample's."""
        own, weight = self.baseline[table.person], self.weight[:, table.events.person]
        terms, columns, left_out = chosen_terms(order, setting, own, self.names, events=float(weight[0].sum()))
        x, at_risk = _matrix(terms, columns, setting, own), self.weight[:, table.person] * table.sure
        first = interval_hazard(x, at_risk[:1], table.events, weight[:1], what="the event", prior=self.prior)
        rest = [first]
        if self.weight.shape[0] > 1:
            rest.append(
                interval_hazard(x, at_risk[1:], table.events, weight[1:], what="the event", prior=self.prior, start=first[0])
            )
        return self._model("event", terms, columns, left_out, float(weight[0].sum()), np.concatenate(rest))

    def _model(
        self, name: str, terms: tuple[str, ...], columns: IntArray, left_out: tuple[str, ...], n: float, estimate: FloatArray
    ) -> WeeklyModel:
        centre = self.baseline[:, columns].mean(axis=0)
        return WeeklyModel(name, terms, columns, tuple(self.names[j] for j in columns), left_out, n, centre, estimate)


def _matrix(terms: Sequence[str], columns: IntArray, setting: Setting, own: FloatArray) -> FloatArray:
    return np.column_stack([np.empty((own.shape[0], 0)), *(setting.column(term) for term in terms), own[:, columns]])


def fit_models(
    table: PersonWeeks, fitter: Fitter, *, knots: FloatArray, last_week: int, next_level: IntArray, next_category: IntArray
) -> WeeklyModels:
    """Fit every model. `next_level`, `next_category` (N,): in the week after, -1 where it was not followed so far."""
    nothing = np.zeros(last_week)
    event = fitter.event(table.setting(knots, nothing), table, EVENT_TERMS)
    at_risk, free_after = _risk(table, event, fitter, table.setting(knots, nothing))
    competing = fitter.logistic(
        "competing event", COMPETING_TERMS, table.setting(knots, nothing), table.person, table.competing, at_risk
    )
    moved = np.flatnonzero(next_level >= 0)
    part = free_after[:, moved] * (1.0 - table.competing[moved])
    changed = (next_level[moved] != table.level[moved]).astype(np.float64)
    share = _share_by_week(table.week[moved], changed, part[0], last_week)
    setting = table.setting(knots, share)
    change = fitter.logistic("change", CHANGE_TERMS, _cut(setting, moved), table.person[moved], changed, part)
    steps = _Steps.of(table, next_level, moved[changed > 0.0], part[:, changed > 0.0])
    down, further_down, further_up = steps.fitted(fitter, setting)
    stays = np.flatnonzero(next_category >= 0)
    gone = (next_category[stays] != table.category[stays]).astype(np.float64)
    risk = free_after[:, stays] * (1.0 - table.competing[stays])
    later = _cut(setting, stays)
    leave = fitter.logistic("change of treatment", LEAVE_TERMS, later, table.person[stays], gone, risk)
    destination = _destination(table.category[stays], next_category[stays], risk[0] * gone)
    return WeeklyModels(event, competing, change, down, further_down, further_up, leave, destination, knots, share)


def _risk(table: PersonWeeks, event: WeeklyModel, fitter: Fitter, setting: Setting) -> tuple[FloatArray, FloatArray]:
    """Weights (b, N) of being at risk in each week, and of being free of the event at its end."""
    x = _matrix(event.terms, event.baseline, setting, fitter.baseline[table.person])
    linear = event.estimate[:, :1] + event.estimate[:, 1:] @ x.T
    found, known = expected_weeks(linear, table.events), table.events.known
    at_risk = np.tile(table.sure, (linear.shape[0], 1))
    at_risk[:, table.events.place[known]] = found.at_risk[:, known]
    free_after = at_risk.copy()
    free_after[:, table.events.place[known]] -= found.event[:, known]
    weight = fitter.weight[:, table.person]
    return at_risk * weight, np.maximum(free_after, 0.0) * weight


def _share_by_week(week: IntArray, changed: FloatArray, weight: FloatArray, last_week: int) -> FloatArray:
    """Log odds that the confounder's record changes after each week, drawn a little to the mean of all weeks."""
    n = np.bincount(week - 1, weights=weight, minlength=last_week)
    count = np.bincount(week - 1, weights=weight * changed, minlength=last_week)
    overall = (count.sum() + 0.5) / (n.sum() + 1.0)
    share = (count + overall) / (n + 1.0)
    return np.asarray(np.log(share / (1.0 - share)))


def _cut(setting: Setting, rows: IntArray, step: FloatArray | float = 0.0) -> Setting:
    return Setting(setting.week[rows], setting.category[rows], setting.level[rows], setting.knots, setting.share, step)


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Changes of the confounder: which way, and one by one the points that each went through."""

    table: PersonWeeks
    rows: IntArray
    weight: FloatArray
    size: IntArray  # signed

    @classmethod
    def of(cls, table: PersonWeeks, next_level: IntArray, rows: IntArray, weight: FloatArray) -> _Steps:
        return cls(table, rows, weight, next_level[rows] - table.level[rows])

    def fitted(self, fitter: Fitter, setting: Setting) -> tuple[WeeklyModel, WeeklyModel, WeeklyModel]:
        """Down rather than up, where both are possible; going on by another point, where there is one, downwards and upwards."""
        level = self.table.level[self.rows]
        free = (level > 0) & (level < HIGHEST)
        way = fitter.logistic(
            "direction of change",
            DOWN_TERMS,
            _cut(setting, self.rows[free]),
            self.table.person[self.rows[free]],
            (self.size[free] < 0).astype(np.float64),
            self.weight[:, free],
        )
        return way, self._further(fitter, setting, level, -1), self._further(fitter, setting, HIGHEST - level, 1)

    def _further(self, fitter: Fitter, setting: Setting, room: IntArray, sign: int) -> WeeklyModel:
        """Having moved `step` points with room for one more: whether that one was moved too."""
        moved = np.where(np.sign(self.size) == sign, np.abs(self.size), 0)
        tried = np.minimum(moved, room - 1)
        which = np.repeat(np.arange(moved.size), np.maximum(tried, 0))
        step = np.arange(which.size) - np.repeat(np.cumsum(np.maximum(tried, 0)) - np.maximum(tried, 0), np.maximum(tried, 0)) + 1
        rows = self.rows[which]
        return fitter.logistic(
            "size of a fall" if sign < 0 else "size of a rise",
            FURTHER_TERMS,
            _cut(setting, rows, step.astype(np.float64)),
            self.table.person[rows],
            (moved[which] > step).astype(np.float64),
            self.weight[:, which],
        )


def _destination(now: IntArray, then: IntArray, weight: FloatArray) -> FloatArray:
    """Where those go who leave each of the three categories, as shares; evenly where nobody left."""
    counts = np.zeros((3, 3))
    np.add.at(counts, (now, then), weight)
    np.fill_diagonal(counts, 0.0)
    even = (1.0 - np.eye(3)) / 2.0
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0.0, counts / np.maximum(total, 1e-300), even)
