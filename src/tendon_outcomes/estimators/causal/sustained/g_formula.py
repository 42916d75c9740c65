"""Incidence under sustained strategies by the parametric g-formula: weekly models, put together exactly week after week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.causal.sustained.agreement import Resampling, WeeklyContrast, resampled_patients, weekly_contrast
from tendon_outcomes.estimators.causal.sustained.g_formula_models import (
    HIGHEST,
    OTHER,
    Fitter,
    PersonWeeks,
    Setting,
    WeeklyModel,
    WeeklyModels,
    fit_models,
    person_weeks,
)
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.weekly_models import PRIOR
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse

LEVELS = np.arange(HIGHEST + 1.0)
FITS = slice(1, None)  # of the models' coefficients: all but the whole sample's
FEWEST_EVENTS = 5
MOST_CELLS = 1_500_000  # of weight rows times person-weeks in one batch
KNOTS = (0.05, 0.35, 0.65, 0.95)  # Harrell (2015), table 2.3


@dataclass(frozen=True, slots=True, eq=False)
class GFormula:
    """`contrast` of the strategies, and what it was made from.

    `models` in the order of fitting, each with the whole sample's coefficients first. `n_events` and `n_weeks` (3,): events of
    cause 1 (by the last week in which they can have been) and person-weeks, under the reference, the compared and any other
    treatment. `knots` of the spline in the week.
    """

    contrast: WeeklyContrast
    models: tuple[WeeklyModel, ...]
    n_events: FloatArray
    n_weeks: FloatArray
    knots: FloatArray
    sustain: int


@dataclass(frozen=True, slots=True, eq=False)
class GFormulaStatistic:
    """Prepared by `g_formula`: weights of rows (b, n) to incidences by week (b, 2, K)."""

    table: PersonWeeks
    next_level: IntArray = field(repr=False)
    next_category: IntArray = field(repr=False)
    level: IntArray = field(repr=False)
    baseline: FloatArray = field(repr=False)
    names: tuple[str, ...]
    knots: FloatArray
    last_week: int
    sustain: int
    prior: float

    def models(self, weights: FloatArray) -> WeeklyModels:
        """The models for the whole sample and for each row of `weights`."""
        fitter = Fitter(self.baseline, self.names, np.concatenate([np.ones((1, weights.shape[1])), weights]), self.prior)
        return fit_models(
            self.table,
            fitter,
            knots=self.knots,
            last_week=self.last_week,
            next_level=self.next_level,
            next_category=self.next_category,
        )

    def __call__(self, weights: FloatArray) -> FloatArray:
        size = max(1, MOST_CELLS // max(1, self.table.week.size))
        parts = [self._batch(weights[i : i + size]) for i in range(0, weights.shape[0], size)]
        return np.concatenate(parts)

    def _batch(self, weights: FloatArray) -> FloatArray:
        models = self.models(weights)
        return np.stack([self.under(models, strategy, weights) for strategy in (0, 1)], axis=1)

    def under(self, models: WeeklyModels, strategy: int, weights: FloatArray) -> FloatArray:
        """Incidence by week (b, K) had everyone been held to the strategy through week `sustain`, by forward recursion."""
        treatments = range(OTHER + 1) if self.sustain < self.last_week else (strategy,)
        factor = {model.name: model.baseline_odds(self.baseline, FITS) for model in models.listed()}
        on = {category: _Treatment.of(models, factor, category, self.last_week) for category in treatments}
        people = np.zeros((weights.shape[0], self.level.size, LEVELS.size))
        people[:, np.arange(self.level.size), self.level] = 1.0
        share = {strategy: people}
        share_of_row = weights / weights.sum(axis=1, keepdims=True)
        added = np.empty((weights.shape[0], self.last_week))
        for week in range(self.last_week):
            total, free = np.zeros(weights.shape), {}
            for category, people in share.items():
                hazard = on[category].chance(models.event, week)
                total += np.einsum("bnl,bnl->bn", people, hazard)
                left = people * np.maximum(1.0 - hazard - on[category].chance(models.competing, week), 0.0)
                free[category] = on[category].moved(left, week)
            added[:, week] = np.einsum("bn,bn->b", share_of_row, total)
            share = free if week + 1 < self.sustain or week + 1 == self.last_week else _switched(models, on, free, week)
        return np.cumsum(added, axis=1)


def _switched(models: WeeklyModels, on: dict[int, _Treatment], free: dict[int, FloatArray], week: int) -> dict[int, FloatArray]:
    """People by the category of treatment that they are in next, left to themselves."""
    result: dict[int, FloatArray] = {}
    for category, people in free.items():
        leaving = people * on[category].chance(models.leave, week)
        for then in range(OTHER + 1):
            part = people - leaving if then == category else models.destination[category, then] * leaving
            result[then] = result[then] + part if then in result else part
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Treatment:
    """The models under one category of treatment: odds (b, weeks, levels) beside the rows' own factors (b, n)."""

    models: WeeklyModels
    factor: dict[str, FloatArray]
    odds: dict[str, FloatArray]
    falls: FloatArray  # (b, weeks, from, to)
    rises: FloatArray

    @classmethod
    def of(cls, models: WeeklyModels, factor: dict[str, FloatArray], category: int, last_week: int) -> _Treatment:
        week, level, step = np.arange(1.0, last_week + 1.0), LEVELS, np.arange(1.0, HIGHEST + 1.0)
        number = np.array(float(category))
        plain = Setting(week[:, None], number, level, models.knots, models.share)
        steps = Setting(week[:, None, None], number, level[:, None], models.knots, models.share, step)
        by_level = (models.event, models.competing, models.change, models.down, models.leave)
        return cls(
            models,
            factor,
            {model.name: model.odds(plain, FITS) for model in by_level},
            _places(models.further_down.odds(steps, FITS), -1),
            _places(models.further_up.odds(steps, FITS), 1),
        )

    def chance(self, model: WeeklyModel, week: int) -> FloatArray:
        """Probabilities (b, n, levels) in the week of this number from 0."""
        odds = self.factor[model.name][:, :, None] * self.odds[model.name][:, week, None, :]
        return np.asarray(odds / (1.0 + odds))

    def moved(self, people: FloatArray, week: int) -> FloatArray:
        """People (b, n, levels) of the next week's level."""
        leaving = people * self.chance(self.models.change, week)
        down = self.chance(self.models.down, week)
        down[..., 0], down[..., -1] = 0.0, 1.0
        falling = leaving * down
        return people - leaving + falling @ self.falls[:, week] + (leaving - falling) @ self.rises[:, week]


def _places(odds: FloatArray, sign: int) -> FloatArray:
    """(b, weeks, from, to): where a fall or a rise of at least one point ends, given odds (b, weeks, from, step) of one more."""
    further = odds / (1.0 + odds)
    result = np.zeros((*odds.shape[:3], LEVELS.size))
    for origin in range(LEVELS.size):
        room = origin if sign < 0 else HIGHEST - origin
        reached = np.ones(odds.shape[:2])
        for size in range(1, room + 1):
            more = further[:, :, origin, size - 1] if size < room else 0.0
            result[:, :, origin, origin + sign * size] = reached * (1.0 - more)
            reached = reached * more
    return result


def g_formula(
    sample: LongitudinalSample,
    *,
    strategies: tuple[int, int] = (0, 1),
    states: tuple[Sequence[int], Sequence[int]],
    lapses: Sequence[int] = (),
    sustain: int | None = None,
    weeks: Sequence[int] = (8, 12, 26),
    horizon: int = 26,
    std_error: Resampling = "jackknife",
    groups: int = 30,
    replicates: int = 500,
    seed: int,
    conf_level: float = 0.95,
    knots: Sequence[float] | None = None,
    prior: float = PRIOR,
) -> GFormula:
    """Incidence by week had everyone been held to each of two strategies, by modelling what happens week after week.

    Estimand
        Pr(event by the end of week k, before any competing event) had everyone been treated by the strategy in weeks 1 to
        `sustain` and been left to themselves after; compared less reference; and the difference of the mean days between the
        event and the end of week `horizon`.
    Estimator
        sum over histories of h1(k | a, l_k, x) prod_{j<k} [1 - h1(j) - h2(j)] p(l_{j+1} | l_j, a, x), averaged over the sample's
        x and l_1. l is varying[0] in whole points 0 to 10. Logistic models: h1, h2 of event and competing event; of l changing;
        of which way; of going on by one more point; after `sustain` of leaving the treatment in force, with observed shares of
        where to. The sum is exact (a forward recursion over the points), without simulation.
    Interval
        Groups of patients left out in turn, t with groups - 1 degrees of freedom; or bootstrap of patients, percentiles. Every
        model is fitted anew each time, with the terms and the weekly shares of changes of the whole sample.
    Conventions
        An event in (left, right] is spread over its weeks by the hazard model's own estimate (maximum of the observed-data
        likelihood). A week's competing event leaves its row at risk of the event in that week. Treatment in force: a strategy
        from its first week until the week of departure (week `sustain` at the latest); else that of the last known state that is
        no lapse: a week of nothing ends no treatment whose effect outlasts the week. Terms
        are given up in a declared order, the last first, below 5 events a column; slopes have a weak normal prior (precision
        `prior` per standard deviation). Weeks on treatment count from week 1: the wait of the grace period is not modelled.
    Assumes
        No confounding given x and the last l; l and the treatment in force carry all of the past that matters; right models.
    Not for
        Confounders besides l that change with treatment. Under no effect at all, models that cannot all be right together may
        show one in large samples (g-null paradox).
    Parameters
        sample. strategies: which two of the sample's, the reference first. states: codes that follow each. lapses: codes that
        leave in force what was in force before. weeks: of the incidence differences. knots: of the week's natural spline
        (quantiles 5, 35, 65, 95 % of the events by default).
    Returns
        GFormula.
    References
        Robins (1986) Math Model 7:1393; Taubman et al. (2009) Int J Epidemiol 38:1599; Hernán & Robins (2020) Causal Inference:
        What If, 21.1; Louis (1982) JRSS B 44:226 (intervals).
    Checked
        Exact (saturated: standardised Aalen-Johansen; two weeks by hand), simulation of treatment-confounder feedback with known
        truth: tests/estimators/test_g_formula.py.
    """
    last_week = max(horizon, *weeks)
    statistic = _prepared(sample, strategies, (states, lapses), last_week, sustain, knots, prior)
    drawn, scheme = resampled_patients(sample.patient, std_error, groups=groups, replicates=replicates, seed=seed)
    curves = statistic(np.concatenate([np.ones((1, sample.n)), drawn]))
    people = float(np.unique(sample.patient).size)
    contrast = weekly_contrast(
        "g-formula",
        curves[0],
        curves[1:],
        resampling=std_error,
        scheme=scheme,
        strategy_names=tuple((sample.strategy_names or ("0", "1"))[s] for s in strategies),
        weeks=weeks,
        horizon=horizon,
        effective_n=np.array([people, people]),
        conf_level=conf_level,
    )
    models = statistic.models(np.empty((0, sample.n))).listed()
    n_events, n_weeks = _by_category(statistic)
    return GFormula(contrast, models, n_events, n_weeks, statistic.knots, statistic.sustain)


def _prepared(
    sample: LongitudinalSample,
    strategies: tuple[int, int],
    codes: tuple[tuple[Sequence[int], Sequence[int]], Sequence[int]],
    last_week: int,
    sustain: int | None,
    knots: Sequence[float] | None,
    prior: float,
) -> GFormulaStatistic:
    if not 2 <= last_week <= sample.weeks:
        raise refuse(
            f"week {last_week} was asked for and {sample.weeks} weeks were followed",
            way_out=f"The largest week these data allow is {sample.weeks}.",
        )
    level = _levels(sample)
    until = last_week if sustain is None else min(sustain, last_week)
    category = treatment_in_force(sample, strategies, codes[0], lapses=codes[1], sustain=until)
    table = person_weeks(sample, category, level, last_week=last_week)
    _refuse_too_few(sample, table)
    after = np.where(table.week < sample.weeks, table.week, 0)
    there = table.week < sample.weeks
    next_level = np.where(there, level[table.person, after], -1)
    next_category = np.where(there & (table.week >= until), category[table.person, after], -1)
    return GFormulaStatistic(
        table, next_level, next_category, level[:, 0], np.asarray(sample.baseline, dtype=np.float64),
        _baseline_names(sample), _knots(sample, last_week, knots), last_week, until, prior,
    )  # fmt: skip


def treatment_in_force(
    sample: LongitudinalSample,
    strategies: tuple[int, int],
    states: tuple[Sequence[int], Sequence[int]],
    *,
    lapses: Sequence[int] = (),
    sustain: int,
) -> IntArray:
    """(n, K): 0 the reference, 1 the compared treatment, 2 any other, or none yet."""
    own = np.full(sample.state.shape, OTHER)
    for number, codes in enumerate(states):
        own[np.isin(sample.state, np.asarray(codes))] = number
    telling = (sample.state >= 0) & ~np.isin(sample.state, np.asarray(lapses, dtype=np.int64))
    position = np.where(telling, np.arange(sample.weeks), -1)
    last = np.maximum.accumulate(position, axis=1)
    result = np.where(last >= 0, np.take_along_axis(own, np.maximum(last, 0), axis=1), OTHER)
    week = np.arange(1, sample.weeks + 1)
    for number, strategy in enumerate(strategies):
        started = np.logical_or.accumulate((own == number) & (sample.state >= 0), axis=1)
        held = started & (week < sample.deviates[strategy][:, None]) & (week <= sustain)
        result[held] = number
    return np.asarray(result, dtype=np.int64)


def _levels(sample: LongitudinalSample) -> IntArray:
    if sample.varying.shape[2] == 0:
        raise refuse("no time-varying covariate is given", way_out="The first one is the confounder that treatment changes.")
    value = sample.varying[:, :, 0]
    wrong = int(np.count_nonzero(~((value >= 0.0) & (value <= HIGHEST)).all(axis=1)))
    if wrong:
        raise refuse(f"{wrong} of {sample.n} rows have a first time-varying covariate outside 0 to {HIGHEST} points")
    return np.rint(value).astype(np.int64)


def _refuse_too_few(sample: LongitudinalSample, table: PersonWeeks) -> None:
    name = sample.strategy_names or ("the reference", "the compared strategy")
    n_events = int(table.events.person.size)
    if n_events < FEWEST_EVENTS:
        raise refuse(f"{n_events} events; the weekly models need {FEWEST_EVENTS}", way_out="Report counts.")
    for number in (0, 1):
        if not (table.category == number).any():
            raise refuse(f"nobody was ever on {name[number]} while at risk", way_out="A comparison needs both treatments.")


def _baseline_names(sample: LongitudinalSample) -> tuple[str, ...]:
    return sample.baseline_names or tuple(f"x{j + 1}" for j in range(sample.baseline.shape[1]))


def _knots(sample: LongitudinalSample, last_week: int, knots: Sequence[float] | None) -> FloatArray:
    if knots is not None:
        given = np.unique(np.asarray(knots, dtype=np.float64))
    else:
        event = (sample.cause == 1) & (sample.right <= last_week)
        given = np.unique(np.quantile((sample.left[event] + 1.0 + sample.right[event]) / 2.0, KNOTS))
    return given if given.size >= 2 else np.array([1.0, float(last_week)])


def _by_category(statistic: GFormulaStatistic) -> tuple[FloatArray, FloatArray]:
    table = statistic.table
    last = np.where(table.events.known, table.events.place, -1).max(axis=1)
    events = np.bincount(table.category[last], minlength=OTHER + 1).astype(np.float64)
    return events, np.bincount(table.category, minlength=OTHER + 1).astype(np.float64)
