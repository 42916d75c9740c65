"""From a cohort and its follow-up to the trial that it emulates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.strategies.by_weeks import Clinic, sample_of
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.visit_grid import to_grid
from tendon_outcomes.cohort import Cohort, FollowUp, person_weeks, prescribed_exposure
from tendon_outcomes.cohort.covariates.baseline import BaselineCovariates, baseline_covariates
from tendon_outcomes.cohort.covariates.weekly import weekly_covariates
from tendon_outcomes.cohort.exposure.clones import Clones, clone
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.target_trial import TargetTrial
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.results import Attrition
from tendon_outcomes.vocabulary import Code

OTHER, NOT_KNOWN = 2, -1
EVERYONE = "all"
TOLD = 1e-7
"""What a covariate leaves after those before it, as a share of its size, below which it says nothing of its own."""


@dataclass(frozen=True)
class _Parts:
    """What is derived once for a whole cohort, before it is cut into groups."""

    weeks: PersonWeeks
    clones: Clones
    varying: pl.DataFrame
    treatment: pl.DataFrame


def assemble_trials(cohort: Cohort, follow_up: FollowUp, estimand: Estimand, *, by: str | None = None) -> dict[str, Trial]:
    """The trial of each value of ``by``, a column of the follow-up such as site_id; under the key "all" without one.

    1. Treatment is what was prescribed by the end of grace. A prescription dated later is another strategy: by then neither was
       prescribed. One that nobody recorded or dated is not known.
    2. Events that the estimand handles as hypothetical end the follow-up of their episode without an event: it is censored at
       its last failing assessment before them.
    3. Every episode has a clone under each strategy. Recovery and competing events end a clone's story and are no departure.
    4. Covariates are those of the estimand's adjustment set, known on day 0, and before each week. Those of day 0 are made of
       each group by itself: a level or a median is that of the group.

    Raises
    ------
    WrongUse
        The estimand declares no target trial, or ``by`` is no column of the follow-up.
    """
    trial = declared_trial(estimand)
    if by is not None and by not in follow_up.episodes.columns:
        raise WrongUse(f"trials cannot be cut by {by}", way_out=f"Columns: {', '.join(follow_up.episodes.columns)}.")
    asked = without_hypothetical(follow_up, estimand)
    parts = _parts(cohort, asked, estimand, trial)
    return {key: _trial(part, estimand, trial, parts) for key, part in _groups(cohort, asked, by)}


def declared_trial(estimand: Estimand) -> TargetTrial:
    """The target trial of the estimand; refused where the protocol declares none."""
    if estimand.trial is None:
        raise WrongUse(
            f"estimand {estimand.name} declares no target trial",
            way_out=f"Declare [estimand.{estimand.name}.trial] in protocol.toml.",
        )
    return estimand.trial


def without_hypothetical(follow_up: FollowUp, estimand: Estimand) -> FollowUp:
    """Follow-up in which the events handled as hypothetical end it as an administrative end does."""
    codes = [Code[name.upper()].value for name in estimand.hypothetical]
    set_aside = pl.col("code").is_in(codes)
    people = follow_up.episodes.with_columns(
        pl.when(set_aside).then(pl.lit(None)).otherwise(pl.col("right")).alias("right"),
        pl.when(set_aside).then(pl.col("last_failing")).otherwise(pl.col("left")).alias("left"),
        pl.when(set_aside).then(Code.ADMINISTRATIVE.value).otherwise(pl.col("code")).cast(pl.Int64).alias("code"),
    )
    return replace(follow_up, episodes=people.sort("episode_id"))


def _parts(cohort: Cohort, follow_up: FollowUp, estimand: Estimand, trial: TargetTrial) -> _Parts:
    weeks = person_weeks(cohort, trial.regimen, weeks=estimand.horizon_weeks)
    clones = clone(
        weeks,
        trial.sustained,
        grace_days=trial.grace_days,
        sustain_weeks=trial.sustain_weeks,
        until=resolved_by(follow_up),
    )
    return _Parts(
        weeks=weeks,
        clones=clones,
        varying=weekly_covariates(cohort, weeks=estimand.horizon_weeks, names=trial.varying_names, adherence=weeks.frame),
        treatment=prescribed(cohort, trial),
    )


def resolved_by(follow_up: FollowUp) -> pl.DataFrame:
    """Episodes with the day by which the endpoint or a competing event was known: nothing after it departs from a strategy."""
    resolved = pl.col("right").is_not_null()
    return follow_up.episodes.filter(resolved).select("episode_id", pl.col("right").cast(pl.Int64).alias("until_day"))


def prescribed(cohort: Cohort, trial: TargetTrial) -> pl.DataFrame:
    """episode_id, treatment: 0 the reference strategy, 1 the compared one, 2 another, -1 not known."""
    known = prescribed_exposure(cohort, at_day=trial.grace_days, later="unknown")
    later = (cohort.episodes["prescribed_day"] > trial.grace_days).fill_null(value=False)
    written_later = cohort.episodes.select("episode_id").with_columns(later.alias("later"))
    codes = {trial.strategies[0]: 0, trial.strategies[1]: 1}
    return known.join(written_later, on="episode_id").select(
        "episode_id",
        pl.when(pl.col("strategy").is_not_null())
        .then(pl.col("strategy").replace_strict(codes, default=OTHER, return_dtype=pl.Int64))
        .when("later")
        .then(OTHER)
        .otherwise(NOT_KNOWN)
        .alias("treatment"),
    )


def _groups(cohort: Cohort, follow_up: FollowUp, by: str | None) -> Iterator[tuple[str, Clinic]]:
    if by is None:
        yield EVERYONE, Clinic(cohort, follow_up)
        return
    people = follow_up.episodes.partition_by(by, as_dict=True)
    looks = _of_groups(follow_up.assessments, follow_up.episodes, by)
    tables = {name: _of_groups(table, follow_up.episodes, by) for name, table in cohort.tables.items()}
    for key in sorted(people, key=lambda key: str(key[0])):
        part = people[key].sort("episode_id")
        own = replace(
            cohort,
            episodes=cohort.episodes.filter(pl.col("episode_id").is_in(part["episode_id"].implode())),
            attrition=Attrition(),
            tables={name: groups.get(key, cohort.tables[name].clear()) for name, groups in tables.items()},
        )
        assessed = looks.get(key, follow_up.assessments.clear())
        yield str(key[0]), Clinic(own, replace(follow_up, episodes=part, assessments=assessed))


def _of_groups(rows: pl.DataFrame, people: pl.DataFrame, by: str) -> dict[tuple[object, ...], pl.DataFrame]:
    keyed = rows.join(people.select("episode_id", pl.col(by).alias("_group")), on="episode_id", maintain_order="left")
    parts = keyed.partition_by("_group", as_dict=True, maintain_order=True)
    return {key: part.drop("_group") for key, part in parts.items()}


def _trial(clinic: Clinic, estimand: Estimand, trial: TargetTrial, parts: _Parts) -> Trial:
    people = clinic.follow_up.episodes
    data = to_grid(clinic.follow_up, estimand.grid)
    own = pl.col("episode_id").is_in(people["episode_id"].implode())
    weeks = replace(parts.weeks, frame=parts.weeks.frame.filter(own))
    baseline = baseline_covariates(clinic.cohort, trial)
    covariates, kept = covariate_numbers(people, baseline)
    names = tuple(baseline.names[i] for i in kept)
    return Trial(
        estimand=estimand,
        episode_id=people["episode_id"],
        treatment=people.select("episode_id").join(parts.treatment, on="episode_id", how="left")["treatment"].to_numpy().copy(),
        covariates=covariates,
        covariate_names=names,
        covariate_nodes=tuple(baseline.nodes[i] for i in kept),
        not_recorded=tuple(baseline.not_recorded),
        data=data,
        sample=sample_of(data, people["episode_id"], weeks, parts.clones, parts.varying, (covariates, names), trial),
        cohort=clinic.cohort,
        follow_up=clinic.follow_up,
        weeks=weeks,
        clones=parts.clones.frame.filter(own),
    )


def covariate_numbers(people: pl.DataFrame, baseline: BaselineCovariates) -> tuple[NDArray[np.float64], list[int]]:
    """The numbers of these episodes, and which columns: one that the columns before it already tell adjusts for nothing."""
    rows = people.select("episode_id").join(baseline.frame, on="episode_id", how="left", maintain_order="left")
    numbers = rows.select(baseline.names).to_numpy().astype(np.float64).reshape(people.height, len(baseline.names))
    kept: list[int] = []
    told = np.ones((people.height, 1))
    for column in range(numbers.shape[1]):
        own = numbers[:, column] - told @ (told.T @ numbers[:, column]) / people.height
        own = own - told @ (told.T @ own) / people.height
        size = float(np.sqrt(own @ own))
        if size > TOLD * float(np.sqrt(numbers[:, column] @ numbers[:, column])):
            told = np.column_stack([told, own * np.sqrt(people.height) / size])
            kept.append(column)
    return np.ascontiguousarray(numbers[:, kept]), kept
