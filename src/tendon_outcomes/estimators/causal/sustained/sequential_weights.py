"""Weights of sequential trials: of having started what one started, of not having departed since, of not having been lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.weekly_models import Columns, probability, ridge_logistic
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, IntArray
from tendon_outcomes.estimators.regression.natural_spline import natural_spline

EVENTS_PER_COLUMN = 5.0
SURE = 1.0 - 1e-6  # a chance to depart is never taken as larger


@dataclass(frozen=True, slots=True, eq=False)
class TrialRows:
    """Rows that start one of the two strategies: `person`, `start` (first week), `arm` (0, 1), `until` (S) last week looked at.

    `eligible` (E, 2): person and week of all who had not started before; `outcome` (E,) 0, 1 what they start, -1 neither.
    """

    person: IntArray = field(repr=False)
    start: IntArray = field(repr=False)
    arm: IntArray = field(repr=False)
    until: IntArray = field(repr=False)
    eligible: IntArray = field(repr=False)
    outcome: IntArray = field(repr=False)


def trial_rows(
    sample: LongitudinalSample, strategies: tuple[int, int], start_states: Sequence[Sequence[int]], first_weeks: Sequence[int]
) -> TrialRows:
    """Who is eligible in which week, and what they start.

    Eligible in week m: no state of either strategy was seen before, one of the two can still be followed, and neither the event,
    nor a competing one, nor the end of follow-up is known to have come before week m.
    """
    starts: list[BoolArray] = [np.isin(sample.state, np.asarray(codes)) & (sample.state >= 0) for codes in start_states]
    begun = np.logical_or.accumulate(starts[0] | starts[1], axis=1)
    alive_to = np.where(sample.cause == 0, sample.left, np.where(np.isfinite(sample.right), sample.right - 1, 0))
    departs = sample.deviates[list(strategies)]
    eligible, outcome = list[IntArray](), list[IntArray]()
    fresh: BoolArray
    for week in first_weeks:
        fresh = ~begun[:, week - 2] if week > 1 else np.ones(sample.n, dtype=np.bool_)
        rows = np.flatnonzero(fresh & (alive_to >= week - 1) & (departs >= week).any(axis=0))
        now = np.full(rows.size, -1)
        for number in (0, 1):
            now[starts[number][rows, week - 1] & (departs[number][rows] > week)] = number
        eligible.append(np.column_stack([rows, np.full(rows.size, week)]))
        outcome.append(now)
    table, what = np.concatenate(eligible), np.concatenate(outcome)
    took = what >= 0
    person, start, arm = table[took, 0], table[took, 1], what[took]
    until = np.minimum(departs[arm, person] - 1, _seen_to(sample)[person])
    return TrialRows(person, start, arm, until, table, what)


def _seen_to(sample: LongitudinalSample) -> IntArray:
    """The last week about which each row says something."""
    last = np.where(sample.cause == 0, sample.left, np.where(np.isfinite(sample.right), sample.right, 0))
    return np.asarray(np.minimum(last, sample.weeks), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class WeightModel:
    """One logistic model behind the weights: its covariates, those that its events were too few for, and the whole fit."""

    name: str
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    n_events: int
    estimate: FloatArray = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class WeeklyRisk:
    """Prepared logistic model of what happens in `outcome` (N,) of N person-weeks; its first `always` columns always stay."""

    name: str
    x: FloatArray = field(repr=False)
    always: int
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    outcome: FloatArray = field(repr=False)
    person: IntArray = field(repr=False)
    prior: float

    def chances(self, weights: FloatArray, *, marginal: bool = False) -> tuple[FloatArray, FloatArray]:
        """Chances (b, N) under the weights of patients (b, n), and the coefficients; `marginal`: from the `always` columns."""
        x = self.x[:, : self.always] if marginal else self.x
        if self.outcome.size == 0 or self.outcome.min() == self.outcome.max():
            return np.tile(self.outcome, (weights.shape[0], 1)), np.zeros((weights.shape[0], 0))
        own = weights[:, self.person]
        whole = np.ones((1, x.shape[0]))
        start = ridge_logistic(x, whole * self.outcome, whole, what=self.name, prior=self.prior)
        fit = ridge_logistic(x, own * self.outcome, own, what=self.name, prior=self.prior, start=start[0])
        return probability(fit[:, :1] + fit[:, 1:] @ x.T), fit

    def model(self) -> WeightModel:
        whole = np.ones((1, int(self.person.max(initial=0)) + 1))
        return WeightModel(self.name, self.names, self.left_out, int(self.outcome.sum()), self.chances(whole)[1][0])


def weekly_risk(
    name: str,
    sample: LongitudinalSample,
    person: IntArray,
    week: IntArray,
    outcome: FloatArray,
    *,
    always: Sequence[tuple[str, FloatArray]],
    varying_first: bool,
    prior: float,
) -> WeeklyRisk:
    """The design: `always`, then as many baseline and varying columns as the events allow, those of one kind first."""
    fewer = min(float(outcome.sum()), float(outcome.size - outcome.sum()))
    allowed = max(0, int(fewer // EVENTS_PER_COLUMN) - len(always))
    kinds = [
        (sample.baseline_names or _numbered("x", sample.baseline), sample.baseline[person].T),
        (sample.varying_names or _numbered("v", sample.varying), sample.varying[person, week - 1].T),
    ]
    kept, names, left_out = Columns(person.size), list[str](), list[str]()
    fixed = [(label, column) for label, column in always if kept.add(column)]
    ordered = reversed(kinds) if varying_first else kinds
    for label, column in (pair for labels, values in ordered for pair in zip(labels, values, strict=True)):
        if len(names) < allowed and kept.add(column):
            names.append(label)
        else:
            left_out.append(label)
    x = np.column_stack([np.empty((person.size, 0)), *kept.chosen])
    return WeeklyRisk(name, x, len(fixed), (*(n for n, _ in fixed), *names), tuple(left_out), outcome, person, prior)


def _numbered(letter: str, columns: FloatArray) -> tuple[str, ...]:
    return tuple(f"{letter}{j + 1}" for j in range(columns.shape[-1]))


def start_models(sample: LongitudinalSample, rows: TrialRows, prior: float) -> tuple[WeeklyRisk, WeeklyRisk]:
    """Of starting either strategy in a week among those eligible; of its being the compared one."""
    person, week = rows.eligible.T
    took = rows.outcome >= 0
    models = []
    for name, which, outcome in (
        ("start of either strategy", np.ones(person.size, dtype=np.bool_), took),
        ("start of the compared strategy", took, rows.outcome == 1),
    ):
        late = [(f"trial {m}", (week[which] == m).astype(np.float64)) for m in np.unique(week[which])[1:]]
        models.append(
            weekly_risk(
                name,
                sample,
                person[which],
                week[which],
                outcome[which].astype(np.float64),
                always=late,
                varying_first=False,
                prior=prior,
            )
        )
    return models[0], models[1]


@dataclass(frozen=True, slots=True, eq=False)
class FollowedWeeks:
    """The weeks after the start in which rows could depart or be lost: numbers of the trial rows, weeks, whether they did."""

    row: IntArray = field(repr=False)
    risk: WeeklyRisk

    def factors(self, weights: FloatArray, shape: tuple[int, int], week: IntArray) -> FloatArray:
        """(b, rows, weeks): the product over weeks so far of (1 - marginal chance) / (1 - chance)."""
        total = np.zeros((weights.shape[0], *shape))
        if self.row.size:
            own, overall = self.risk.chances(weights)[0], self.risk.chances(weights, marginal=True)[0]
            total[:, self.row, week - 1] = np.log1p(-np.minimum(overall, SURE)) - np.log1p(-np.minimum(own, SURE))
        return np.asarray(np.exp(np.cumsum(total, axis=2)))


def departure_weeks(
    sample: LongitudinalSample, rows: TrialRows, strategy: int, arm: int, last_week: int, prior: float
) -> tuple[FollowedWeeks, IntArray]:
    """Weeks after the start in which rows of an arm could depart from their strategy."""
    own = np.flatnonzero(rows.arm == arm)
    row, week = _each_week(rows.start[own] + 1, np.minimum(_seen_to(sample)[rows.person[own]], last_week))
    row = own[row]
    held = sample.phase[strategy, rows.person[row], week - 1] == 3
    row, week = row[held], week[held]
    gone = (sample.deviates[strategy][rows.person[row]] == week).astype(np.float64)
    spline = _week_columns(week)
    name = f"departure from {(sample.strategy_names or tuple(map(str, range(sample.deviates.shape[0]))))[strategy]}"
    return FollowedWeeks(
        row, weekly_risk(name, sample, rows.person[row], week, gone, always=spline, varying_first=True, prior=prior)
    ), week


def loss_weeks(sample: LongitudinalSample, rows: TrialRows, last_week: int, prior: float) -> tuple[FollowedWeeks, IntArray]:
    """Weeks from the start in which rows could be lost; a row censored after week l was lost in week l + 1."""
    seen = _seen_to(sample)[rows.person]
    lost = (sample.cause[rows.person] == 0) & (seen < last_week)
    row, week = _each_week(rows.start, np.minimum(np.minimum(seen + lost, last_week), rows.until + 1))
    gone = (lost[row] & (week == seen[row] + 1)).astype(np.float64)
    n, count = np.bincount(week, minlength=last_week + 1), np.bincount(week, weights=gone, minlength=last_week + 1)
    overall = (count.sum() + 0.5) / (n.sum() + 1.0)
    share = (count + overall) / (n + 1.0)
    always = [("weekly log odds", np.log(share / (1.0 - share))[week]), ("compared", rows.arm[row].astype(np.float64))]
    return FollowedWeeks(
        row, weekly_risk("loss", sample, rows.person[row], week, gone, always=always, varying_first=True, prior=prior)
    ), week


def _each_week(first: IntArray, last: IntArray) -> tuple[IntArray, IntArray]:
    """The numbers of rows and their weeks from first to last, end to end."""
    length = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(first.size), length)
    week = first[row] + np.arange(row.size) - np.repeat(np.cumsum(length) - length, length)
    return row, week


def _week_columns(week: IntArray) -> list[tuple[str, FloatArray]]:
    """A natural spline with three knots in the week, or nothing where there are too few."""
    values = week.astype(np.float64)
    knots = np.unique(np.quantile(values, (0.1, 0.5, 0.9))) if values.size else np.zeros(0)
    if knots.size < 2:
        return []
    return [(f"week {j}", column) for j, column in enumerate(natural_spline(values, knots).T) if j > 0]
