"""Cumulative sums that watch for a lasting change: of the share improved by the audit's week, and of the rate of improvement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.audit.cohorts import IMPROVED, UNKNOWN, audit_day
from tendon_outcomes.analysis.audit.expected import Rates, RiskModel, rates, risk_model, seen_times
from tendon_outcomes.analysis.audit.looks import Told
from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.audit import AuditEntry
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.cusum import Cusum, grouped_cusum, time_to_event_cusum
from tendon_outcomes.estimators.monitoring.run_length import DAYS_A_QUARTER, RunLength, limit_for_run_length
from tendon_outcomes.results import Row

SERIES = 5  # a simulated series is so many times as long as the run that the limit is set for
MOST_RUNNERS = 2_000_000  # simulated at once; of large clinics fewer series are drawn, and the Monte-Carlo error tells it
LEAST_SERIES = 300
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Baseline:
    """The quarters that expectations come from, as the first look knew them at which all were mature; and the looks after it."""

    quarters: tuple[str, ...]
    told: Told
    later: tuple[Told, ...] = field(repr=False)

    @property
    def people(self) -> pl.DataFrame:
        return self.told.people.filter(pl.col("quarter").is_in(self.quarters))


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """What each later look added: `quarters` of the looks, what was seen and what was to be expected."""

    quarters: tuple[str, ...]
    seen: FloatArray
    expected: FloatArray


def cusums(told: Sequence[Told], estimand: Estimand) -> Iterator[Row]:
    """Four sums, each with its limit and the run length in control that this has, once there are looks after the baseline."""
    assert estimand.audit is not None
    entry = estimand.audit.entry
    baseline = baseline_of(told, entry.baseline_quarters)
    if baseline is None or not baseline.later:
        yield _refusal("No cumulative sum: no look has been taken since the baseline was complete.", "one more quarter")
        return
    day, window = audit_day(estimand), estimand.grid.days // 2
    try:
        yield from _by_share(baseline, entry)
    except EstimationRefused as refused:
        yield _refusal(f"No cumulative sum of shares: {refused.summary}", "")
    try:
        yield from _by_time(baseline, entry, day, window)
    except EstimationRefused as refused:
        yield _refusal(f"No cumulative sum of times: {refused.summary}", "")


def baseline_of(told: Sequence[Told], quarters: int) -> Baseline | None:
    """The first so many mature cohorts of which anything is known; None while there are fewer."""
    for position, one in enumerate(told):
        known = sorted(quarter for quarter, counts in one.mature.items() if counts.improved + counts.not_improved)
        if len(known) >= quarters:
            return Baseline(tuple(known[:quarters]), one, tuple(told[position + 1 :]))
    return None


def _by_share(baseline: Baseline, entry: AuditEntry) -> Iterator[Row]:
    """Risk-adjusted: the cohorts that each look found newly mature, of whom the state is known, in one step."""
    declared = entry.cusum
    model = risk_model(baseline.people, declared)
    seen, risks, quarters = _newly_mature(baseline, model)
    own = _known(baseline.people).with_columns(pl.Series("risk", model.risk(_known(baseline.people))))
    groups = [part["risk"].to_numpy() for part in own.sort("quarter", "episode_id").partition_by("quarter")]
    for term, ratio in (("share worse", declared.odds_ratio_worse), ("share better", declared.odds_ratio_better)):
        limit = limit_for_run_length(share_increments(groups, ratio, entry), design=declared.in_control_quarters)
        found = grouped_cusum(seen, risks, odds_ratio=ratio, limit=limit.limit)
        yield from _rows(term, quarters, found, limit, declared.in_control_quarters)


def _newly_mature(baseline: Baseline, model: RiskModel) -> tuple[FloatArray, list[FloatArray], tuple[str, ...]]:
    before = set(baseline.told.mature)
    seen, risks, quarters = [], [], []
    # Cohorts that were mature with the last of the baseline, and are none of it, belong to its look.
    for one in (baseline.told, *baseline.later):
        new = (set(one.mature) - before) if one is not baseline.told else before - set(baseline.quarters)
        before |= set(one.mature)
        people = _known(one.people.filter(pl.col("quarter").is_in(sorted(new))))
        if one is baseline.told and not people.height:
            continue
        seen.append(float((people["state"] == IMPROVED).sum()))
        risks.append(model.risk(people) if people.height else np.zeros(0))
        quarters.append(one.look.quarter)
    return np.array(seen), risks, tuple(quarters)


def share_increments(groups: Sequence[FloatArray], ratio: float, entry: AuditEntry) -> FloatArray:
    """Simulated steps (series, looks) in control: each a baseline quarter drawn anew, its runners improving at their own risk."""
    looks = int(np.ceil(SERIES * entry.cusum.in_control_quarters))
    rng = np.random.default_rng([entry.seed, 1])
    drawn = rng.integers(0, len(groups), (entry.cusum.replicates, looks))
    u = rng.random(drawn.shape)
    steps = np.empty(drawn.shape)
    for number, risk in enumerate(groups):
        here = drawn == number
        improved = np.searchsorted(np.cumsum(sum_distribution(risk)), u[here])
        steps[here] = np.minimum(improved, risk.size) * np.log(ratio) - np.log1p((ratio - 1.0) * risk).sum()
    return steps


def sum_distribution(risk: FloatArray) -> FloatArray:
    """Pr(X = 0, ..., n) of the number of events when each runner has his own chance."""
    chance = np.ones(1)
    for p in risk:
        chance = np.convolve(chance, (1.0 - p, p))
    return chance


def _by_time(baseline: Baseline, entry: AuditEntry, day: int, window: int) -> Iterator[Row]:
    """Improvements that became known from look to look, against the rates of the baseline over the days seen since."""
    declared = entry.cusum
    expected = rates(baseline.people, declared, day=day, window_days=window)
    steps = time_steps(baseline, expected, day, window)
    sizes = baseline.people.group_by("quarter").len().sort("quarter")["len"].to_numpy().astype(np.int64)
    looks = int(np.ceil(SERIES * declared.in_control_quarters))
    series = int(np.clip(MOST_RUNNERS / (looks * sizes.mean()), LEAST_SERIES, declared.replicates))
    histories = seen_times(baseline.people, day=day, window_days=window)
    events, gathered = resampled_looks(sizes, *histories, expected, looks=looks, replicates=series, seed=entry.seed)
    for term, ratio in (("time worse", declared.hazard_ratio_worse), ("time better", declared.hazard_ratio_better)):
        simulated = events * np.log(ratio) - (ratio - 1.0) * gathered
        limit = limit_for_run_length(simulated, design=declared.in_control_quarters)
        found = time_to_event_cusum(steps.seen, steps.expected, hazard_ratio=ratio, limit=limit.limit)
        yield from _rows(term, steps.quarters, found, limit, declared.in_control_quarters)


def resampled_looks(
    sizes: NDArray[np.int64],
    time: FloatArray,
    event: NDArray[np.bool_],
    expected: Rates,
    *,
    looks: int,
    replicates: int,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Events and cumulative rates (series, looks) that quarterly looks add in control: runners of the baseline come once more.

    Each quarter has a size of the baseline and entries even over its days. A runner has the days under observation and the
    outcome of one drawn from the baseline: improvements at visits only, losses and other events come as they did there. Drawn
    from rates alone, runners would be followed without loss, their steps would vary more than those of the chart, and its limits
    would lie too far out.
    """
    rng = np.random.default_rng([seed, 2])
    earlier = int(np.ceil(expected.cuts[-1] / DAYS_A_QUARTER))
    spans = looks + earlier
    drawn = sizes[rng.integers(0, sizes.size, (replicates, spans))]
    cell = np.repeat(np.arange(drawn.size), drawn.ravel())
    quarter, row = cell % spans, cell // spans
    start = rng.random(cell.size) * DAYS_A_QUARTER
    who = rng.integers(0, time.size, cell.size)
    until, came, whole = time[who], event[who], expected.expected(time)[who]
    cuts, so_far = expected.cuts, np.concatenate(([0.0], np.cumsum(np.diff(expected.cuts) * expected.rate)))
    events, gathered = np.zeros(drawn.size), np.zeros(drawn.size)
    before = np.zeros((2, cell.size))
    for ahead in range(earlier + 1):
        age = DAYS_A_QUARTER * (ahead + 1) - start
        now = np.array([came & (until <= age), np.where(until <= age, whole, np.interp(age, cuts, so_far))])
        inside = quarter + ahead < spans
        at = (row * spans + quarter + ahead)[inside]
        events += np.bincount(at, (now - before)[0, inside], drawn.size)
        gathered += np.bincount(at, (now - before)[1, inside], drawn.size)
        before = now
    return events.reshape(drawn.shape)[:, earlier:], gathered.reshape(drawn.shape)[:, earlier:]


def time_steps(baseline: Baseline, expected: Rates, day: int, window: int) -> Steps:
    """Of the runners who came after the baseline: improvements and cumulative rate that each look added to the one before.

    A correction that takes improvements back waits until others make up for it: a step is never below 0.
    """
    events, gathered = [], []
    for one in (baseline.told, *baseline.later):
        people = one.people.filter(pl.col("quarter") > baseline.quarters[-1])
        time, improved = seen_times(people, day=day, window_days=window)
        events.append(float(improved.sum()))
        gathered.append(float(expected.expected(time).sum()))
    so_far = np.maximum.accumulate(np.array([events, gathered]), axis=1)
    return Steps(tuple(one.look.quarter for one in baseline.later), *np.diff(so_far, axis=1))


def _known(people: pl.DataFrame) -> pl.DataFrame:
    return people.filter(pl.col("state") != UNKNOWN).sort("episode_id")


def _rows(term: str, quarters: Sequence[str], found: Cusum, limit: RunLength, design: float) -> Iterator[Row]:
    for i, quarter in enumerate(quarters):
        yield Row(
            estimator="CUSUM",
            statistic="cusum",
            stratum=quarter,
            term=term,
            estimate=float(found.value[i]),
            bound_high=float(found.expected[i]),
            conf_high=found.limit,
            n_events=int(found.observed[i]),
            warning="signal" if found.signal[i] else "",
        )
    yield Row(
        estimator="simulation",
        statistic="cusum_run_length",
        term=term,
        estimate=limit.mean,
        std_error=limit.std_error,
        bound_low=design,
        n_at_risk=limit.replicates,
    )


def _refusal(says: str, would_do: str) -> Row:
    return Rail("too_few_quarters" if would_do else "not_estimated", says, would_do).refusal(estimator="CUSUM", stratum="charts")
