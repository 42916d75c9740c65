"""Sequential trials: one emulated trial for every week in which a strategy may start, pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.causal.sustained.agreement import Resampling, WeeklyContrast, resampled_patients, weekly_contrast
from tendon_outcomes.estimators.causal.sustained.censoring_weights import refuse_sample
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import IncidenceRows, incidence_rows, incidences
from tendon_outcomes.estimators.causal.sustained.sequential_weights import (
    FollowedWeeks,
    TrialRows,
    WeeklyRisk,
    WeightModel,
    departure_weeks,
    loss_weeks,
    start_models,
    trial_rows,
)
from tendon_outcomes.estimators.causal.sustained.slow_sweeps import settled_hazards
from tendon_outcomes.estimators.causal.sustained.weekly_models import PRIOR
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse

Target = Literal["everyone", "starters"]
Clock = Literal["start", "day 0"]

TOLERANCE = 1e-4  # of the hazards' equations: far below any standard error
FEWEST = 10  # rows an arm
FEWEST_EVENTS = 5
MOST_CELLS = 1_500_000  # of weight rows times rows times weeks in one batch


@dataclass(frozen=True, slots=True, eq=False)
class SequentialTrials:
    """`contrast` of the strategies by weeks since the start, and what it was made from.

    `first_weeks` of the trials that had anybody in both arms; `n_eligible` (M,) and `n_started` (2, M) in them. `departures` (2,)
    of those who started. `weight_mean`, `weight_largest` (2,) and `effective_n` (2, K) of the rows at risk in each week since
    the start. `models` behind the weights.
    """

    contrast: WeeklyContrast
    first_weeks: tuple[int, ...]
    n_eligible: IntArray
    n_started: IntArray
    departures: IntArray
    weight_mean: FloatArray
    weight_largest: FloatArray
    effective_n: FloatArray
    models: tuple[WeightModel, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SequentialStatistic:
    """Prepared by `sequential_trials`: weights of rows (b, n) to incidences by week since the start (b, 2, K)."""

    rows: TrialRows
    arms: tuple[IncidenceRows, IncidenceRows]
    members: tuple[IntArray, IntArray]
    start: tuple[WeeklyRisk, WeeklyRisk]
    follow: tuple[tuple[FollowedWeeks, IntArray], ...]
    weeks: int
    last_week: int
    truncate: tuple[float, float] | None
    everyone: bool
    place: IntArray = field(repr=False)  # (rows, K): week since day 0, less 1, of each week that the clock counts
    entered: FloatArray = field(repr=False)  # (rows, K): 0 before the row's trial begins

    def __call__(self, weights: FloatArray) -> FloatArray:
        size = max(1, MOST_CELLS // max(1, self.rows.person.size * self.last_week))
        parts = [self._batch(weights[i : i + size]) for i in range(0, weights.shape[0], size)]
        return np.concatenate(parts)

    def row_weights(self, weights: FloatArray) -> FloatArray:
        """(b, rows, K) by weeks since the start: start, departure and loss, truncated, without the weights of patients."""
        started = self._of_start(weights)
        total = np.ones((weights.shape[0], self.rows.person.size, self.last_week))
        for part, week in self.follow:
            total *= part.factors(weights, (self.rows.person.size, self.last_week), week)
        counted = np.take_along_axis(total, self.place[None], axis=2) * started[:, :, None]
        return self._truncated(counted) * self.entered

    def _of_start(self, weights: FloatArray) -> FloatArray:
        either, which = self.start
        took = np.flatnonzero(self.rows.outcome >= 0)
        compared = which.chances(weights)[0]
        own = np.where(self.rows.arm == 1, compared, 1.0 - compared)
        return 1.0 / (own * either.chances(weights)[0][:, took]) if self.everyone else 1.0 / own

    def _truncated(self, table: FloatArray) -> FloatArray:
        """Weights drawn in to the declared quantiles of those who count in the same arm and week."""
        if self.truncate is None:
            return table
        for arm, members in zip(self.arms, self.members, strict=True):
            for week in range(self.weeks):
                counted = members[arm.by_week[week].rows]
                counted = counted[self.entered[counted, week] > 0.0]
                if counted.size:
                    low, high = np.quantile(table[:, counted, week], self.truncate, axis=1)
                    table[:, counted, week] = np.clip(table[:, counted, week], low[:, None], high[:, None])
        return table

    def _batch(self, weights: FloatArray) -> FloatArray:
        table = self.row_weights(weights) * weights[:, self.rows.person][:, :, None]
        return np.stack([self._curve(arm, table[:, own]) for arm, own in zip(self.arms, self.members, strict=True)], axis=1)

    def _curve(self, arm: IncidenceRows, table: FloatArray) -> FloatArray:
        totals = arm.totals(table.shape[0])
        for week, part in enumerate(arm.by_week):
            arm.add(totals, week, table[:, part.rows, min(week, self.weeks - 1)])
        fit = settled_hazards(totals, tolerance=TOLERANCE)
        missing = int(np.count_nonzero(~fit.converged))
        if missing:
            raise NotConverged(
                f"the hazards by week did not settle in {missing} of {fit.converged.size} resampled sets of patients",
                way_out="Truncate the weights, or take the looks to a coarser grid.",
            )
        return incidences(fit.hazard[:, : self.weeks], fit.competing_hazard[:, : self.weeks])[0]


def sequential_trials(
    sample: LongitudinalSample,
    *,
    strategies: tuple[int, int] = (0, 1),
    start_states: tuple[int | Sequence[int], int | Sequence[int]],
    first_weeks: Sequence[int] = (1, 2, 3),
    weeks: Sequence[int] = (8, 12, 26),
    horizon: int = 26,
    truncate: tuple[float, float] | None = (0.01, 0.99),
    loss: bool = True,
    target: Target = "everyone",
    clock: Clock = "day 0",
    std_error: Resampling = "jackknife",
    groups: int = 30,
    replicates: int = 500,
    seed: int,
    conf_level: float = 0.95,
    prior: float = PRIOR,
) -> SequentialTrials:
    """Incidence by week since the start of one strategy or the other, pooled over the weeks in which they may start.

    Estimand
        Pr(event by the end of week k, before any competing event) had everyone eligible in week m (target "everyone"; or all who
        started either: "starters") started and kept to the strategy, averaged over the trials m with the number eligible;
        compared less reference; and the difference of mean days between the event and the end of week `horizon`.
    Estimator
        In each week m of `first_weeks` those who have started neither are eligible and belong to what they start in it. Weights:
        1 / [Pr(starts either | x, v_m) Pr(which | x, v_m)], pooled logistic over trials; from then on the product over weeks of
        (1 - marginal chance to depart) / (1 - chance to depart given x, v_k), one model a strategy, and the same for loss.
        Weighted cumulative incidence with events known to intervals, by the equations of `self_consistent_incidence`.
    Interval
        Groups of patients left out in turn, t with groups - 1 degrees of freedom; or bootstrap of patients, percentiles. All
        models are fitted anew.
    Conventions
        Weeks count from day 0 and a row counts from its trial's week on (delayed entry), or from each trial's start (clock
        "start"). Visits on a grid from day 0 stay on one grid only under the former; the latter interleaves as many grids as
        trials, with a curve between visits that the data hardly determine. A row counts through the week before its departure
        (`deviates`). A patient is eligible in several trials and starts in one. Weights are drawn in to the `truncate` quantiles
        of their arm and week. Columns beyond one for 5 starts (departures, losses) are left out: varying ones first for starts,
        baseline ones first for the others; slopes have a weak normal prior. Who is censored after week l was lost in week l + 1.
        Weeks that a late trial cannot reach rest on the earlier ones.
    Assumes
        No confounding of start, departure and loss given baseline x and v as known before the week; positivity; right models.
    Not for
        Benefits or harms of waiting: each trial begins with its start. Strategies that nobody starts in these weeks (refused).
    Parameters
        sample. start_states: codes of states that start each strategy, the reference first. prior: precision of
        the slopes. Others as in clone_censor_weight.
    Returns
        SequentialTrials.
    References
        Hernán et al. (2008) Epidemiology 19:766; Danaei et al. (2013) Stat Methods Med Res 22:70; Keogh et al. (2023) Stat Med
        42:2191 (against marginal structural models).
    Checked
        Exact (everyone starts at once and keeps to it: two weighted curves), simulation of treatment-confounder feedback with
        known truth: tests/estimators/test_sequential_trials.py.
    """
    last_week = max(horizon, *weeks)
    if not 1 <= last_week <= sample.weeks:
        raise refuse(
            f"week {last_week} was asked for and {sample.weeks} weeks were followed",
            way_out=f"The largest week these data allow is {sample.weeks}.",
        )
    if target not in ("everyone", "starters") or clock not in ("start", "day 0"):
        raise refuse("`target` is everyone or starters, `clock` is start or day 0")
    for strategy in strategies:
        refuse_sample(sample, strategy, truncate)
    codes = tuple((one,) if isinstance(one, (int, np.integer)) else tuple(one) for one in start_states)
    names = tuple((sample.strategy_names or tuple(map(str, range(sample.deviates.shape[0]))))[s] for s in strategies)
    rows = trial_rows(sample, strategies, codes, _both_arms(sample, strategies, codes, first_weeks, names))
    statistic = _prepared(sample, rows, strategies, last_week, truncate, loss, target == "everyone", names, clock, prior)
    drawn, scheme = resampled_patients(sample.patient, std_error, groups=groups, replicates=replicates, seed=seed)
    curves = statistic(np.concatenate([np.ones((1, sample.n)), drawn]))
    told = _weights_told(statistic, sample.n)
    contrast = weekly_contrast(
        "sequential trials",
        curves[0],
        curves[1:],
        resampling=std_error,
        scheme=scheme,
        strategy_names=names,
        weeks=weeks,
        horizon=horizon,
        effective_n=told.begun,
        conf_level=conf_level,
    )
    return _result(sample, rows, strategies, statistic, contrast, told)


def _both_arms(
    sample: LongitudinalSample,
    strategies: tuple[int, int],
    codes: Sequence[Sequence[int]],
    first_weeks: Sequence[int],
    names: Sequence[str],
) -> tuple[int, ...]:
    """The weeks in which both strategies are started by somebody."""
    asked = sorted(set(first_weeks))
    if not asked or asked[0] < 1 or asked[-1] > sample.weeks:
        raise refuse(f"`first_weeks` must be weeks from 1 to {sample.weeks}")
    found = trial_rows(sample, strategies, codes, asked)
    counts = np.array([[np.sum((found.start == week) & (found.arm == arm)) for week in asked] for arm in (0, 1)])
    for name, n in zip(names, counts.sum(axis=1), strict=True):
        if n < FEWEST:
            raise refuse(
                f"{n} rows start {name} in weeks {asked[0]} to {asked[-1]}; a pooled comparison needs {FEWEST}",
                way_out="Report counts.",
            )
    return tuple(week for week, both in zip(asked, counts.min(axis=0), strict=True) if both > 0)


def _prepared(
    sample: LongitudinalSample,
    rows: TrialRows,
    strategies: tuple[int, int],
    last_week: int,
    truncate: tuple[float, float] | None,
    loss: bool,
    everyone: bool,
    names: Sequence[str],
    clock: Clock,
    prior: float,
) -> SequentialStatistic:
    person = rows.person
    shift = rows.start - 1 if clock == "start" else np.zeros_like(rows.start)
    left = np.maximum(sample.left[person], rows.start - 1) - shift
    right, cause = sample.right[person] - shift, sample.cause[person]
    kept_to = np.maximum(sample.deviates[np.asarray(strategies)[rows.arm], person] - 1 - shift, 0)
    arms, members = [], []
    for arm, name in zip((0, 1), names, strict=True):
        own = np.flatnonzero(rows.arm == arm)
        events = int(np.count_nonzero((cause[own] == 1) & (left[own] < kept_to[own])))
        if events < FEWEST_EVENTS:
            raise refuse(f"{events} events under {name} before departure", way_out="Report counts.")
        arms.append(incidence_rows(left[own], right[own], cause[own], follow_to=kept_to[own], weeks=last_week))
        members.append(own)
    follow = [departure_weeks(sample, rows, strategy, arm, last_week, prior) for arm, strategy in enumerate(strategies)]
    if loss:
        follow.append(loss_weeks(sample, rows, last_week, prior))
    place = np.minimum(shift[:, None] + np.arange(last_week), last_week - 1)
    entered = (place >= rows.start[:, None] - 1).astype(np.float64)
    return SequentialStatistic(
        rows, (arms[0], arms[1]), (members[0], members[1]), start_models(sample, rows, prior), tuple(follow),
        last_week, last_week, truncate, everyone, place, entered,
    )  # fmt: skip


class _Told(NamedTuple):
    """Of each arm: effective number at the start and in each week; mean and largest weight, in means at the start."""

    begun: FloatArray
    effective: FloatArray
    mean: FloatArray
    largest: FloatArray


def _weights_told(statistic: SequentialStatistic, n: int) -> _Told:
    table = statistic.row_weights(np.ones((1, n)))[0]
    effective = np.zeros((2, statistic.weeks))
    begun, mean, largest = np.zeros(2), np.ones(2), np.ones(2)
    for arm, (rows, members) in enumerate(zip(statistic.arms, statistic.members, strict=True)):
        first = table[members, np.argmax(statistic.entered[members] > 0.0, axis=1)]
        begun[arm] = first.sum() ** 2 / float(first @ first)
        found = []
        for week in range(statistic.weeks):
            w = table[members[rows.by_week[week].rows], week] / first.mean()
            w = w[w > 0.0]
            effective[arm, week] = w.sum() ** 2 / max(float(w @ w), 1e-300)
            found.append(w)
        every = np.concatenate(found)
        mean[arm], largest[arm] = every.mean(), every.max()
    return _Told(begun, effective, mean, largest)


def _result(
    sample: LongitudinalSample,
    rows: TrialRows,
    strategies: tuple[int, int],
    statistic: SequentialStatistic,
    contrast: WeeklyContrast,
    told: _Told,
) -> SequentialTrials:
    first = np.unique(rows.eligible[:, 1])
    started = np.array([[np.sum((rows.start == m) & (rows.arm == arm)) for m in first] for arm in (0, 1)])
    last = statistic.last_week
    gone = [sample.deviates[s][rows.person[rows.arm == arm]] <= last for arm, s in enumerate(strategies)]
    models = (*statistic.start, *(part.risk for part, _ in statistic.follow))
    return SequentialTrials(
        contrast=contrast,
        first_weeks=tuple(int(m) for m in first),
        n_eligible=np.array([np.sum(rows.eligible[:, 1] == m) for m in first]),
        n_started=started,
        departures=np.array([int(one.sum()) for one in gone]),
        weight_mean=told.mean,
        weight_largest=told.largest,
        effective_n=told.effective,
        models=tuple(one.model() for one in models),
    )
