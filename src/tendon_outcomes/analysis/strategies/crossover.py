"""Pain in the 24 hours after days with stretching, against other days of exercise of the same runner."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tendon_outcomes.analysis.rails import MIN_EPISODES, Rail
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.cohort import Cohort
from tendon_outcomes.cohort.exposure.logged_weeks import of_the_plan, week_of
from tendon_outcomes.declarations import RegimenVersion
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sensitivity.within_person import WithinPerson, within_person_difference
from tendon_outcomes.results import Row

ESTIMATOR = "within-runner difference"
STRATUM = "days with stretching - other exercise days"


def crossover(trial: Trial, *, seed: int) -> Iterator[Row]:
    """The mean over runners of what their stretching days differ by from their other exercise days, in points of pain.

    Days are compared within the same week, so that a course that heals does not count for the days that come late. Who logged
    days of one kind only says nothing. Runners choose the days: it is a difference within persons, not a trial.
    """
    days = exercise_days(trial.cohort, trial.weeks.regimen, last_day=trial.estimand.horizon_days)
    if not days.height:
        yield _too_few(0)
        return
    try:
        found = within_person_difference(
            days["pain"].to_numpy(),
            days["stretched"].to_numpy(),
            days["patient_id"].to_numpy(),
            block=(days["episode_id"] + "\x1f" + days["week"].cast(pl.String)).to_numpy(),
            conf_level=trial.estimand.conf_level,
            seed=seed,
        )
    except EstimationRefused:
        yield _too_few(0)
        return
    if found.persons < MIN_EPISODES:
        yield _too_few(found.persons)
        return
    yield _row(found)


def exercise_days(cohort: Cohort, regimen: RegimenVersion, *, last_day: int) -> pl.DataFrame:
    """One row for each day on which exercise of the plan was done and the pain of the next 24 hours told.

    Columns episode_id, patient_id, day, week, pain (the worst told of the day), stretched (some session stretched the tendon).
    """
    stretches = pl.col("modality").is_in(list(cohort.population.tendon.stretch_modalities))
    done = (pl.col("completed_frac").fill_null(1) > 0) & (pl.col("sets").fill_null(1) > 0)
    return (
        cohort.tables["session"]
        .filter(pl.col("day").is_between(0, last_day), of_the_plan(regimen), done)
        .group_by("episode_id", "day")
        .agg(pl.col("nprs_24h").max().cast(pl.Float64).alias("pain"), stretches.any().alias("stretched"))
        .filter(pl.col("pain").is_not_null())
        .join(cohort.episodes.select("episode_id", "patient_id"), on="episode_id")
        .with_columns(week_of(pl.col("day")).cast(pl.Int64).alias("week"))
        .sort("episode_id", "day")
    )


def _row(found: WithinPerson) -> Row:
    agreement = "" if (found.p_value < 0.05) == (found.flip_p_value < 0.05) else "; the sign-flip test does not agree"
    return Row(
        estimator=ESTIMATOR,
        statistic="crossover_difference",
        stratum=STRATUM,
        term="nprs_24h",
        estimate=found.estimate,
        std_error=found.std_error,
        conf_low=found.conf_low,
        conf_high=found.conf_high,
        n_at_risk=found.persons,
        n_censored=found.one_kind_only,
        warning=f"within runners and weeks; runners chose the days{agreement}",
    )


def _too_few(persons: int) -> Row:
    rail = Rail(
        "crossover",
        "too few runners logged pain after both kinds of days in one week.",
        would_do=f"at least {MIN_EPISODES} such runners",
        n_behind=persons or None,
    )
    return rail.refusal(estimator=ESTIMATOR, stratum=STRATUM)
