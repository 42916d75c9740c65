"""What was done, compared: clones, their weights, and two further opinions on the same strategies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.rails import MIN_AT_RISK
from tendon_outcomes.analysis.strategies import rails_causal as causal
from tendon_outcomes.analysis.strategies.by_weeks import STATES
from tendon_outcomes.analysis.strategies.design import ARMS, Design
from tendon_outcomes.analysis.strategies.mean_rows import asked_of, contrast_row
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.agreement import WeeklyContrast, agreement
from tendon_outcomes.estimators.causal.sustained.clone_censor_weight import CloneCensorWeight, clone_censor_weight
from tendon_outcomes.estimators.causal.sustained.g_formula import g_formula
from tendon_outcomes.estimators.causal.sustained.sequential_trials import sequential_trials
from tendon_outcomes.estimators.contrasts import Contrast
from tendon_outcomes.results import Row, finite
from tendon_outcomes.vocabulary import WeekState

CLONES, SEQUENTIAL, G_FORMULA = "clone-censor-weight", "sequential trials", "g-formula"
PRIMARY, AGREEMENT = "primary", "agreement"
IntArray = NDArray[np.int64]


def sustained(design: Design) -> Iterator[Row]:
    """The primary answer by clone-censor-weight, then sequential trials and g-formula beside it, and whether they agree.

    Nothing where more than the allowed share of the weeks is unknown or positivity fails: the design has said so. A week to
    which fewer than 10 runners kept to a strategy is refused; where the estimator refuses the last week, the earlier ones are
    asked for without it.
    """
    if not design.sustains:
        return
    weeks, counts = _weeks_kept_to(design)
    for week in design.trial.estimand.at_weeks:
        if week not in weeks:
            needed = ceil(design.trial.n * MIN_AT_RISK / max(int(counts[week - 1]), 1))
            rail = causal.kept_to_it(week, int(np.flatnonzero(counts >= MIN_AT_RISK).max(initial=-1)) + 1, needed)
            behind = int(counts[week - 1])
            yield replace(rail, n_behind=behind).refusal(estimator=CLONES, day=7 * week)
    if not weeks:
        return
    primary: CloneCensorWeight | None = None
    while primary is None and weeks:
        asked = _asked(design, weeks)
        try:
            primary = clone_censor_weight(design.trial.sample, **asked, truncate=design.declared.truncate)
        except EstimationRefused as refused:
            yield causal.not_estimated(refused.summary).refusal(estimator=CLONES, day=7 * weeks[-1])
            weeks = weeks[:-1]
    if primary is None:
        return
    yield from weight_rows(design, primary, weeks)
    yield from _too_few_left(design, primary, weeks)
    reach = min(_last_week_of(primary, arm) for arm in ARMS)
    if weeks[0] > reach:
        return
    yield from _curves(design, primary.contrast, reach)
    yield from _contrasts(design, primary.contrast, PRIMARY, CLONES, reach)
    yield from _opinions(design, primary.contrast, asked, reach)


def _weeks_kept_to(design: Design) -> tuple[tuple[int, ...], IntArray]:
    """The weeks asked about that enough clones of both strategies reach, and the smaller count by week."""
    counts = np.array(
        [min(clones_by(design, arm, week)[1] for arm in ARMS) for week in range(1, design.trial.sample.weeks + 1)], dtype=np.int64
    )
    return tuple(week for week in design.trial.estimand.at_weeks if counts[week - 1] >= MIN_AT_RISK), counts


def _asked(design: Design, weeks: tuple[int, ...]) -> dict[str, Any]:
    return {
        "weeks": weeks,
        "horizon": max(weeks),
        "groups": design.declared.jackknife_groups,
        "seed": design.declared.seed,
        "conf_level": design.trial.estimand.conf_level,
    }


def _opinions(design: Design, primary: WeeklyContrast, asked: dict[str, Any], reach: int) -> Iterator[Row]:
    """Sequential trials and g-formula, each on its own; then the distance of the three."""
    sample, declared = design.trial.sample, design.declared
    reference, compared = (tuple(STATES.index(state) for state in one.phase[0].follows) for one in declared.sustained)
    states = reference, compared
    first_weeks = tuple(range(1, ceil(declared.grace_days / 7) + 1))
    opinions: dict[str, Callable[[], object]] = {
        SEQUENTIAL: partial(
            sequential_trials, sample, start_states=states, first_weeks=first_weeks, truncate=declared.truncate, **asked
        ),
        G_FORMULA: partial(
            g_formula, sample, states=states, lapses=(STATES.index(WeekState.NEITHER),), sustain=declared.sustain_weeks, **asked
        ),
    }
    found = [primary]
    yield from _contrasts(design, primary, AGREEMENT, CLONES, reach)
    for name, opinion in opinions.items():
        try:
            contrast = opinion().contrast  # type: ignore[attr-defined]
        except EstimationRefused as refused:
            yield causal.not_estimated(refused.summary).refusal(estimator=name)
            continue
        found.append(contrast)
        yield from _contrasts(design, contrast, AGREEMENT, name, reach)
    yield from _disagreement(found)


def _disagreement(found: list[WeeklyContrast]) -> Iterator[Row]:
    """A caution for each week in which two methods are further apart than their joint uncertainty."""
    for week in found[0].weeks if len(found) > 1 else ():
        seen = agreement(found, week=week)
        apart = [" and ".join(pair.methods) for pair in seen.pairs if not pair.within]
        rail = causal.methods_disagree(week, apart)
        if rail is not None:
            yield rail.caution(estimator=AGREEMENT)


def _contrasts(design: Design, found: WeeklyContrast, term: str, estimator: str, reach: int) -> Iterator[Row]:
    """The contrasts of the weeks up to ``reach``."""
    for week, one in zip(found.weeks, found.difference, strict=True):
        if week <= reach:
            yield _row(design, "incidence_difference", term, estimator, week, one)
    if found.horizon == design.trial.estimand.horizon_weeks <= reach:
        yield _row(design, "restricted_mean_difference", term, estimator, found.horizon, found.restricted_mean_difference)


def _row(design: Design, statistic: str, term: str, estimator: str, week: int, one: Contrast) -> Row:
    """A contrast with all runners, and the clones of both strategies that reached the endpoint by the week, behind it."""
    row = contrast_row(design, statistic, term, estimator, 7 * week, _limits(one))
    return replace(row, n_at_risk=design.trial.n, n_events=sum(clones_by(design, arm, week)[0] for arm in ARMS))


def _limits(one: Contrast) -> tuple[float, float, float, float]:
    return one.estimate, one.std_error, one.conf_low, one.conf_high


def _curves(design: Design, found: WeeklyContrast, reach: int) -> Iterator[Row]:
    """The curve of each strategy by the end of each week, with the clones behind it."""
    for arm in ARMS:
        curve = found.curve(arm)
        for week in range(1, min(found.horizon, reach) + 1):
            events, at_risk = clones_by(design, arm, week)
            numbers = (curve.estimate, curve.std_error, curve.conf_low, curve.conf_high)
            estimate, error, low, high = (float(number[week - 1]) for number in numbers)
            for term in ("curve", "milestone") if 7 * week in asked_of(design) and week in found.weeks else ("curve",):
                yield Row(
                    estimator=CLONES,
                    statistic="strategy_incidence",
                    stratum=design.strategies[arm],
                    term=term,
                    day=7 * week,
                    estimate=estimate,
                    std_error=finite(error),
                    conf_low=finite(low),
                    conf_high=finite(high),
                    n_at_risk=at_risk,
                    n_events=events,
                )


def clones_by(design: Design, arm: int, week: int) -> tuple[int, int]:
    """Clones of a strategy that reached the endpoint by the end of a week, and those still followed without it."""
    sample = design.trial.sample
    deviates = sample.deviates[arm]
    reached = (sample.cause == 1) & (sample.right <= np.minimum(week, deviates - 1))
    last = np.where(sample.cause == 0, sample.left, sample.right - 1)
    still = (last >= week) & (deviates > week)
    return int(np.count_nonzero(reached)), int(np.count_nonzero(still))


def weight_rows(design: Design, found: CloneCensorWeight, weeks: tuple[int, ...]) -> Iterator[Row]:
    """Weights of the clones, the effective number by week, and how many fit both strategies."""
    for arm in ARMS:
        name, summary = design.strategies[arm], found.weights[arm]
        counted = summary.count > 0
        largest = float(summary.largest[counted].max(initial=1.0))
        mean = float(np.average(summary.mean[counted], weights=summary.count[counted])) if counted.any() else 1.0
        for term, value in (("mean", mean), ("largest", largest)):
            yield Row(estimator=CLONES, statistic="weight_summary", stratum=name, term=term, estimate=value)
        yield Row(
            estimator=CLONES, statistic="weight_summary", stratum=name, term="truncated", n_events=int(summary.n_truncated.sum())
        )
        for week in range(1, min(summary.count.size, design.trial.sample.weeks) + 1):
            yield Row(
                estimator=CLONES,
                statistic="effective_at_risk",
                stratum=name,
                term="curve",
                day=7 * week,
                estimate=finite(float(summary.effective_n[week - 1])),
                n_at_risk=int(summary.count[week - 1]),
            )
        for week in weeks:
            few = causal.few_by_week(float(summary.effective_n[week - 1]), week)
            if few is not None:
                yield few.caution(estimator=CLONES, stratum=name)
            yield Row(
                estimator=CLONES,
                statistic="effective_sample_size",
                stratum=name,
                term=f"week {week}",
                estimate=finite(float(summary.effective_n[week - 1])),
                n_at_risk=int(summary.count[week - 1]),
            )
        rail = causal.extreme_weights(largest, mean)
        if rail is not None:
            yield rail.caution(estimator=CLONES, stratum=name)


def _last_week_of(found: CloneCensorWeight, arm: int) -> int:
    """The last week up to which the weights leave enough of those who count."""
    summary = found.weights[arm]
    thin = (summary.count > 0) & (summary.effective_n < causal.MIN_EFFECTIVE_SHARE * summary.count)
    return int(np.flatnonzero(thin)[0]) if thin.any() else int(summary.count.size)


def _too_few_left(design: Design, found: CloneCensorWeight, weeks: tuple[int, ...]) -> Iterator[Row]:
    """Refusals of the weeks that lie at or after one in which the weights leave too little of a strategy."""
    for arm in ARMS:
        last = _last_week_of(found, arm)
        for week in weeks:
            if week > last:
                rail = causal.clones_left(last + 1, week)
                yield rail.refusal(estimator=CLONES, stratum=design.strategies[arm], day=7 * week)


def clone_flow(design: Design) -> Iterator[Row]:
    """What became of the clones: a total with its parts; and how long they were followed, and how many fit both strategies."""
    sample = design.trial.sample
    last = np.where(sample.cause == 0, sample.left, np.minimum(sample.right, sample.weeks)).astype(np.int64)
    reasons = [one.fill_null("").to_numpy() for one in _of_clones(design, "reason")]
    starts = [one.is_not_null() for one in _of_clones(design, "start_week")]
    for arm, name in zip(ARMS, design.strategies, strict=True):
        departed = sample.deviates[arm] <= last
        stays = ~departed
        counts = {"cloned": sample.n, "started": int(starts[arm].sum())}
        for reason in ("other_regimen", "not_started", "not_met"):
            counts[reason] = int(np.count_nonzero(departed & (reasons[arm] == reason)))
        end = sample.weeks
        counts["reached"] = int(np.count_nonzero(stays & (sample.cause == 1)))
        counts["competing"] = int(np.count_nonzero(stays & (sample.cause > 1)))
        counts["lost"] = int(np.count_nonzero(stays & (sample.cause == 0) & (sample.left < end)))
        counts["followed_to_end"] = int(np.count_nonzero(stays & (sample.cause == 0) & (sample.left >= end)))
        for term, count in counts.items():
            yield Row(estimator="count", statistic="clone_flow", stratum=name, term=term, n_events=count)
        weeks = np.minimum(last, sample.deviates[arm] - 1).sum()
        yield Row(
            estimator="count",
            statistic="person_time_share",
            stratum=name,
            estimate=float(weeks / max(last.sum(), 1)),
            n_at_risk=sample.n,
        )
    yield from _overlap_of_clones(design, last)


def _overlap_of_clones(design: Design, last: np.ndarray) -> Iterator[Row]:
    sample = design.trial.sample
    fits_both_until = sample.deviates.min(axis=0) - 1
    for week in range(1, min(design.declared.sustain_weeks, sample.weeks) + 1):
        followed = last >= week
        both = int(np.count_nonzero(followed & (fits_both_until >= week)))
        total = int(np.count_nonzero(followed))
        if total:
            yield Row(
                estimator="count", statistic="clone_overlap", day=7 * week, estimate=both / total, n_at_risk=total, n_events=both
            )


def _of_clones(design: Design, column: str) -> list[pl.Series]:
    """A column of the clones in the order of the trial, by strategy."""
    episodes, found = design.trial.episode_id.to_frame("episode_id"), []
    for name in design.strategies:
        own = design.trial.clones.filter(pl.col("strategy") == name)
        found.append(episodes.join(own, on="episode_id", how="left", maintain_order="left")[column])
    return found
