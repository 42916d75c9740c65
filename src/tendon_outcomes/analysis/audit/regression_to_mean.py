"""What a gain in one group may be without any effect of treatment: being measured again, and what others went through."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tendon_outcomes.analysis.rails import MIN_EPISODES, Rail
from tendon_outcomes.cohort import Cohort, FollowUp
from tendon_outcomes.declarations.audit import Benchmark, Reliability, Score
from tendon_outcomes.estimators.patient_means import PatientMean, mean_over_patients
from tendon_outcomes.estimators.proportions import wilson
from tendon_outcomes.results import Row

EXPECTED = "expected from regression to the mean"


def gains(cohort: Cohort, follow_up: FollowUp, score: Score, declared: Reliability, *, conf_level: float) -> Iterator[Row]:
    """The mean gain of a score to the declared week, and how much of it measuring again would give by itself.

    The gain is that of runners who have the score both on day 0 and near the week; who comes back may have gained more than who
    does not. Expected: (1 - r) (m - b), with r the test-retest correlation, m the mean of the runners of whom those of the
    clinic are a selection, and b their own mean on day 0 (Barnett, van der Pols, Dobson 2005, Int J Epidemiol 34:215); the
    limits are those of b at the correlation that gives more. Runners come when it hurts most, which r, measured over days, does
    not hold: the expected gain is a least one.
    """
    paired = _paired(cohort, follow_up, score, declared)
    n = paired["patient_id"].n_unique()
    if n < MIN_EPISODES:
        says = f"no mean gain of {score.name}: too few have it on day 0 and at week {declared.week}."
        yield Rail("too_small", says, f"{MIN_EPISODES} runners").refusal(estimator="mean over runners", day=7 * declared.week)
        return
    gain = mean_over_patients(paired["gain"].to_numpy(), paired["patient_id"].to_numpy(), conf_level=conf_level)
    before = mean_over_patients(paired["before"].to_numpy(), paired["patient_id"].to_numpy(), conf_level=conf_level)
    yield Row(
        estimator="mean over runners",
        statistic="gain",
        term=f"{score.name} at {declared.week} weeks",
        day=7 * declared.week,
        estimate=gain.estimate,
        std_error=gain.std_error,
        conf_low=gain.conf_low,
        conf_high=gain.conf_high,
        n_at_risk=paired.height,
        warning="a change in one group is no effect of treatment",
    )
    yield _expected(before, paired.height, declared)


def expected_gain(mean_before: float, *, population_mean: float, correlation: float) -> float:
    """(1 - r) (m - b): what the mean moves towards that of the population when it is measured again."""
    return (1.0 - correlation) * (population_mean - mean_before)


def _expected(before: PatientMean, n: int, declared: Reliability) -> Row:
    low, high = declared.intraclass
    at = {"population_mean": declared.population_mean}
    middle = expected_gain(before.estimate, correlation=(low + high) / 2.0, **at)
    ends = [
        expected_gain(mean, correlation=correlation, **at)
        for mean in (before.conf_low, before.conf_high)
        for correlation in (low, high)
    ]
    bounds = sorted(expected_gain(before.estimate, correlation=correlation, **at) for correlation in (low, high))
    return Row(
        estimator="regression to the mean",
        statistic="gain",
        term=EXPECTED,
        day=7 * declared.week,
        estimate=middle,
        bound_low=bounds[0],
        bound_high=bounds[1],
        conf_low=min(ends),
        conf_high=max(ends),
        n_at_risk=n,
        warning=f"a least one, for runners come when it hurts most; {declared.source}",
    )


def benchmarks(declared: tuple[Benchmark, ...], *, conf_level: float) -> Iterator[Row]:
    """What became of comparable patients elsewhere, with Wilson limits. No control group."""
    for one in declared:
        share = wilson(one.improved, one.of, conf_level=conf_level)
        yield Row(
            estimator="published counts",
            statistic="benchmark",
            term=one.name,
            day=one.day,
            estimate=share.estimate,
            conf_low=share.conf_low,
            conf_high=share.conf_high,
            n_at_risk=one.of,
            n_events=one.improved,
            warning=f"{one.says}. {one.source}",
        )


def _paired(cohort: Cohort, follow_up: FollowUp, score: Score, declared: Reliability) -> pl.DataFrame:
    """episode_id, patient_id, before, gain: the score of day 0, and that nearest to the week (of two, the earlier)."""
    day = 7 * declared.week
    scored = cohort.tables["visit"].filter(pl.col(score.column).is_not_null()).select("episode_id", "day", score.column)
    before = scored.filter(pl.col("day") == 0).group_by("episode_id").agg(pl.col(score.column).mean().alias("before"))
    distance = (pl.col("day") - day).abs()
    near = scored.filter(distance <= declared.window_days).with_columns(distance.alias("distance")).sort("distance", "day")
    after = near.group_by("episode_id", maintain_order=True).agg(pl.col(score.column).first().alias("after"))
    people = follow_up.episodes.select("episode_id", "patient_id")
    joined = people.join(before, on="episode_id").join(after, on="episode_id").sort("episode_id")
    return joined.with_columns((pl.col("after") - pl.col("before")).alias("gain"))
