"""Incidence under sustained strategies by the parametric g-formula: regressions of one week on the next, from the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.causal.sustained.agreement import Resampling, WeeklyContrast, resampled_patients, weekly_contrast
from tendon_outcomes.estimators.causal.sustained.g_formula_models import (
    FIRST_RISK_WEEKS,
    OTHER,
    Design,
    Followed,
    History,
    WeeklyOutcome,
    columns_kept,
    weekly_outcome,
)
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.weekly_models import probability, ridge_logistic
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse
from tendon_outcomes.estimators.resampling.sums import linear_predictors

HIGHEST = 10  # of the confounder, in points from 0
SLIGHT_PRIOR = 0.005  # of slopes per standard deviation: keeps regressions finite where a week has hardly an event
FEWEST_EVENTS = 5
MOST_CELLS = 3_000_000  # of weight rows times weeks times rows in one batch
RESAMPLED_SETTLED = 1e-4  # of resampled fits, which start at the whole sample's: the step after it is of the order of its square
KNOTS = (0.05, 0.35, 0.65, 0.95)  # Harrell (2015), table 2.3


@dataclass(frozen=True, slots=True, eq=False)
class GFormula:
    """`contrast` of the strategies, and what it was made from, the reference strategy first.

    `n_events` (2,) and `n_weeks` (2,): expected events and person-weeks at risk of rows that have kept to the strategy since they
    started. `columns`: of the regression of week 1 and, beside them, of the following weeks; `left_out`: what the events were too
    few for, or what told nothing of its own in week 2. `first_risk` (2,): mean risk of week 1.
    """

    contrast: WeeklyContrast
    n_events: FloatArray
    n_weeks: FloatArray
    columns: tuple[tuple[str, ...], tuple[str, ...]]
    left_out: tuple[tuple[str, ...], tuple[str, ...]]
    first_risk: FloatArray
    sustain: int


@dataclass(frozen=True, slots=True, eq=False)
class _Strategy:
    """Rows under one strategy: `weight` (n, K) their chance of being at risk in weeks that count, and columns by week."""

    weight: FloatArray = field(repr=False)
    design: Design


@dataclass(frozen=True, slots=True, eq=False)
class GFormulaStatistic:
    """Prepared by `g_formula`: weights of rows (b, n) to incidences by week (b, 2, K)."""

    outcome: WeeklyOutcome
    strategies: tuple[_Strategy, _Strategy]
    first: FirstRisk | None
    prior: float

    def __call__(self, weights: FloatArray) -> FloatArray:
        size = max(1, MOST_CELLS // max(1, self.outcome.event.size))
        whole = np.ones((1, weights.shape[1]))
        parts = [weights[i : i + size] for i in range(0, weights.shape[0], size)]
        curves = []
        for number in (0, 1):
            starts = self.under(number, whole)[1]
            curves.append(np.concatenate([self.under(number, part, starts)[0] for part in parts]))
        return np.stack(curves, axis=1)

    def under(
        self, number: int, weights: FloatArray, starts: Sequence[FloatArray] = ()
    ) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        """Incidence by week (b, K) had everyone been held to the strategy, and the coefficients by week from the first.

        `later` (b, K, n): for each row the probability of the event from the week reached through each week.
        """
        own, (n, weeks) = self.strategies[number], self.outcome.event.shape
        later = np.zeros((weights.shape[0], weeks, n))
        found: list[FloatArray] = []
        for week in reversed(range(weeks)):
            rows = np.flatnonzero(own.weight[:, week] > 0.0)
            if not rows.size:
                found.append(np.empty((0, 1)))
                continue
            start = starts[week] if starts else None
            beta = self._regression(own, week, rows, weights, later[:, week:][:, :, rows], start)
            across = np.column_stack([np.ones(n), own.design.x[week]]).T
            fitted = probability(linear_predictors(beta, np.ascontiguousarray(across)))
            later[:, week:] = fitted.reshape(weights.shape[0], weeks - week, n)
            found.append(beta)
        if self.first is not None:
            later = self._through_week_1(number, weights, later)
        share = weights / weights.sum(axis=1, keepdims=True)
        return np.einsum("bn,bkn->bk", share, later), tuple(reversed(found))

    def _regression(
        self, own: _Strategy, week: int, rows: IntArray, weights: FloatArray, later: FloatArray, start: FloatArray | None
    ) -> FloatArray:
        """Coefficients (b times targets, p + 1) of the event in this week, or of free of it and what is to be expected later."""
        at_risk, event = own.weight[rows, week], self.outcome.event[rows, week]
        if self.first is not None and week == 0:
            at_risk, event = np.maximum(at_risk - event, 0.0), np.zeros(rows.size)
        free = np.maximum(at_risk - event, 0.0) * (1.0 - self.outcome.competing[rows, week])
        outcome = weights[:, None, rows] * (event + free * later)
        weight = np.broadcast_to(weights[:, None, rows] * at_risk, outcome.shape)
        shape = (-1, rows.size)
        return ridge_logistic(
            own.design.x[week][rows],
            outcome.reshape(shape),
            weight.reshape(shape),
            what=f"week {week + 1}",
            prior=self.prior,
            start=None if start is None else np.tile(start, (weights.shape[0], 1)),
            **({} if start is None else {"precise": RESAMPLED_SETTLED}),
        )

    def _through_week_1(self, number: int, weights: FloatArray, later: FloatArray) -> FloatArray:
        assert self.first is not None
        risk = self.first.risk(number, weights, self.outcome, self.prior)
        competing = weights @ self.outcome.competing[:, 0] / weights.sum(axis=1)
        free = np.maximum(1.0 - risk - competing[:, None], 0.0)
        return np.asarray(risk[:, None, :] + free[:, None, :] * later)


@dataclass(frozen=True, slots=True, eq=False)
class FirstRisk:
    """The risk of week 1, told by that of the weeks after: rows and weeks that count, and columns of all rows.

    log odds = intercept + treatment + log week + what is known on day 0.
    """

    row: IntArray = field(repr=False)
    week: IntArray = field(repr=False)  # from 0
    treatment: FloatArray = field(repr=False)
    known: FloatArray = field(repr=False)  # (n, p)

    @classmethod
    def of(cls, weight: Sequence[FloatArray], event: FloatArray, given: Sequence[FloatArray]) -> FirstRisk:
        early = [np.nonzero(own[:, :FIRST_RISK_WEEKS] * (np.arange(own.shape[1])[:FIRST_RISK_WEEKS] > 0)) for own in weight]
        row, week = (np.concatenate(parts) for parts in zip(*early, strict=True))
        treatment = np.repeat([0.0, 1.0], [rows.size for rows, _ in early])
        events = float(event[row, week].sum())
        which = columns_kept(given, at_most=max(2, int(events // 5.0) - 2))[1]
        return cls(row, week, treatment, np.column_stack([np.empty((given[0].size, 0)), *(given[j] for j in which)]))

    def risk(self, number: int, weights: FloatArray, outcome: WeeklyOutcome, prior: float) -> FloatArray:
        """(b, n) under the strategy of this number."""
        at, own = (self.row, self.week), weights[:, self.row]
        x = np.column_stack([self.treatment, np.log(self.week + 1.0), self.known[self.row]])
        beta = ridge_logistic(x, own * outcome.event[at], own * outcome.at_risk[at], what="the first weeks", prior=prior)
        return probability(beta[:, :1] + beta[:, 1:2] * number + beta[:, 3:] @ self.known.T)


def g_formula(
    sample: LongitudinalSample,
    *,
    strategies: tuple[int, int] = (0, 1),
    states: tuple[Sequence[int], Sequence[int]],
    lapses: Sequence[int] = (),
    recorded_if_free: bool = True,
    sustain: int | None = None,
    weeks: Sequence[int] = (8, 12, 26),
    horizon: int = 26,
    std_error: Resampling = "jackknife",
    groups: int = 30,
    replicates: int = 500,
    seed: int,
    conf_level: float = 0.95,
    knots: Sequence[float] | None = None,
    prior: float = SLIGHT_PRIOR,
) -> GFormula:
    """Incidence by week had everyone been held to each of two strategies, by regressions from the last week to the first.

    Estimand
        Pr(event by the end of week k, before any competing event) had everyone been treated by the strategy in weeks 1 to
        `sustain` and been left to themselves after; compared less reference; and the difference of the mean days between the
        event and the end of week `horizon`.
    Estimator
        The g-formula as iterated conditional expectations. Q(k + 1) = 0 after the target week k; backwards for j = k, ..., 1:
        Q(j) = E[event in j + free of both events in j times Q(j + 1) | followed the strategy through j, at risk in j, H_j, x], a
        logistic regression of its own for every target, week and strategy; the mean of Q(1) over everybody. H_j: of varying[0]
        the level of day 0, the last level, and the fall since day 0 on the least-squares line through all levels so far.
        No model of how the covariate moves is needed, and nothing is simulated.
    Interval
        Groups of patients left out in turn, t with groups - 1 degrees of freedom; or bootstrap of patients, percentiles. All
        regressions are fitted anew each time, with the whole sample's columns and weeks of events.
    Conventions
        Treatment in force: a strategy from its first week until the week of departure (week `sustain` at the latest); else that
        of the last known state that is no lapse: a week of nothing ends no treatment whose effect outlasts the week. A row counts
        from the week it starts, in time and with nothing of the other before, until its treatment in force changes; after
        `sustain` whatever it does. With `recorded_if_free` a week's treatment is on record only of those still free of the event:
        a row counts from the week after its first record, and the risk of week 1, in which nobody would count, is that of a
        logistic model of weeks 2 to 8 (treatment, log week, first level, x). An event known to several weeks is shared
        out among them by one hazard model of everybody's weeks. Columns are given up in the order: last level, x from its last;
        below 5 events under the strategy a column, but six stay. Slopes have a slight normal prior (precision `prior` per
        standard deviation). A week without rows at risk adds nothing.
    Assumes
        No confounding of treatment or loss given x and H; each regression right; rows that start or are recorded later are like
        those before given x and H.
    Not for
        Confounders besides varying[0] that change with treatment; confounders that work through a past that level and mean pace
        do not carry (levels that jump or turn). Treatment that is
        rarely recorded: a start counts when it is recorded, and the week of the true start is not guessed. Few events: in
        synthetic clinics of 300 whose log ends with recovery, with 22 to 39 events under the reference, the difference at week
        12 was 1.5 points nearer to none than the true 10.5 (Monte-Carlo error 0.7).
    Parameters
        sample. strategies: which two of the sample's, the reference first. states: codes that follow each. lapses: codes that
        leave in force what was in force before. recorded_if_free: see above; False where treatment is known of everybody. weeks:
        of the incidence differences. knots: of the week's spline in the model that shares events out (quantiles 5, 35, 65, 95 %
        of the events by default).
    Returns
        GFormula.
    References
        Robins (1986) Math Model 7:1393; Bang & Robins (2005) Biometrics 61:962; Wen et al. (2021) Biometrics 77:740 (iterated
        expectations for survival); Hernán & Robins (2020) Causal Inference: What If, 21.1.
    Checked
        Exact (saturated: Kaplan-Meier of each arm, standardised; two weeks with feedback by hand), simulation of
        treatment-confounder feedback with known truth: tests/estimators/test_g_formula.py; bias and coverage:
        tests/simulation/strategies_bias_coverage.py.
    """
    last_week = max(horizon, *weeks)
    until = last_week if sustain is None else min(sustain, last_week)
    statistic = _prepared(sample, strategies, (states, lapses), last_week, until, knots, prior, recorded_if_free=recorded_if_free)
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
    return _with_counts(statistic, contrast, sample, until)


def _with_counts(statistic: GFormulaStatistic, contrast: WeeklyContrast, sample: LongitudinalSample, sustain: int) -> GFormula:
    both, event = statistic.strategies, statistic.outcome.event
    names = [tuple(dict.fromkeys((*own.design.names[0], *own.design.names[1]))) for own in both]
    offered = ("fall", "first level", *_baseline_names(sample), "last level")
    return GFormula(
        contrast,
        np.array([float(event[own.weight > 0.0].sum()) for own in both]),
        np.array([float(own.weight.sum()) for own in both]),
        (names[0], names[1]),
        tuple(tuple(one for one in offered if one not in own) for own in names),  # type: ignore[arg-type]
        np.asarray(contrast.incidence[:, 0]),
        sustain,
    )


def _prepared(
    sample: LongitudinalSample,
    strategies: tuple[int, int],
    codes: tuple[tuple[Sequence[int], Sequence[int]], Sequence[int]],
    last_week: int,
    sustain: int,
    knots: Sequence[float] | None,
    prior: float,
    *,
    recorded_if_free: bool,
) -> GFormulaStatistic:
    if not 2 <= last_week <= sample.weeks:
        raise refuse(
            f"week {last_week} was asked for and {sample.weeks} weeks were followed",
            way_out=f"The largest week these data allow is {sample.weeks}.",
        )
    history = History.of(_levels(sample))
    category = treatment_in_force(sample, strategies, codes[0], lapses=codes[1], sustain=sustain)
    _refuse_too_few(sample, last_week)
    outcome = weekly_outcome(sample, category, history, last_week=last_week, knots=_knots(sample, last_week, knots))
    counted = [
        _counted(Followed.of(category, number, sample.deviates[strategy], sustain=sustain), outcome, recorded_if_free)
        for number, strategy in enumerate(strategies)
    ]
    for number, strategy in enumerate(strategies):
        _refuse_nobody(sample, strategy, counted[number], outcome)
    baseline = np.asarray(sample.baseline, dtype=np.float64)
    both = [
        _Strategy(own, Design.of(history, baseline, _baseline_names(sample), own, events=float(outcome.event[own > 0.0].sum())))
        for own in counted
    ]
    first = FirstRisk.of(counted, outcome.event, [history.level[:, 0], *baseline.T]) if recorded_if_free else None
    return GFormulaStatistic(outcome, (both[0], both[1]), first, prior)


def _counted(followed: Followed, outcome: WeeklyOutcome, recorded_if_free: bool) -> FloatArray:
    """(n, K): the chance of being at risk in the weeks in which a row counts for a strategy."""
    weeks = outcome.at_risk.shape[1]
    on = followed.on[:, :weeks].copy()
    if recorded_if_free:
        on[:, 1:] &= followed.first[:, None] < np.arange(1, weeks)
    return np.asarray(outcome.at_risk * on)


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


def _levels(sample: LongitudinalSample) -> FloatArray:
    if sample.varying.shape[2] == 0:
        raise refuse("no time-varying covariate is given", way_out="The first one is the confounder that treatment changes.")
    value = np.asarray(sample.varying[:, :, 0], dtype=np.float64)
    wrong = int(np.count_nonzero(~((value >= 0.0) & (value <= HIGHEST)).all(axis=1)))
    if wrong:
        raise refuse(f"{wrong} of {sample.n} rows have a first time-varying covariate outside 0 to {HIGHEST} points")
    return value


def _refuse_too_few(sample: LongitudinalSample, last_week: int) -> None:
    n_events = int(np.count_nonzero((sample.cause == 1) & (sample.right <= last_week)))
    if n_events < FEWEST_EVENTS:
        raise refuse(f"{n_events} events; the weekly models need {FEWEST_EVENTS}", way_out="Report counts.")


def _refuse_nobody(sample: LongitudinalSample, strategy: int, counted: FloatArray, outcome: WeeklyOutcome) -> None:
    name = (sample.strategy_names or ("the reference", "the compared strategy"))[strategy]
    if not counted.any():
        raise refuse(f"nobody was ever on {name} while at risk", way_out="A comparison needs both treatments.")
    if not counted[:, 0].any():
        raise refuse(
            f"nobody is known to have been on {name} in week 1", way_out="Its first weeks cannot be told: report counts."
        )
    n_events = float(outcome.event[counted > 0.0].sum())
    if n_events < FEWEST_EVENTS:
        raise refuse(f"{n_events:.0f} events under {name}; its regressions need {FEWEST_EVENTS}", way_out="Report counts.")


def _baseline_names(sample: LongitudinalSample) -> tuple[str, ...]:
    return sample.baseline_names or tuple(f"x{j + 1}" for j in range(sample.baseline.shape[1]))


def _knots(sample: LongitudinalSample, last_week: int, knots: Sequence[float] | None) -> FloatArray:
    if knots is not None:
        given = np.unique(np.asarray(knots, dtype=np.float64))
    else:
        event = (sample.cause == 1) & (sample.right <= last_week)
        given = np.unique(np.quantile((sample.left[event] + 1.0 + sample.right[event]) / 2.0, KNOTS))
    return given if given.size >= 2 else np.array([1.0, float(last_week)])
