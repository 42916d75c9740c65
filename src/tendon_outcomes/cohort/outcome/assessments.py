"""Every look at an endpoint: which day, and whether the definition held, failed, was void or cannot be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.logic import BASELINE, assessable, baseline_variables, every, some
from tendon_outcomes.declarations import Criterion, EndpointVersion
from tendon_outcomes.vocabulary import Status

SCHEMA = {
    "episode_id": pl.String(),
    "day": pl.Int64(),
    "status": pl.String(),
    "scheduled": pl.Boolean(),
    "record_id": pl.String(),
}


def assess(cohort: Cohort, version: EndpointVersion) -> pl.DataFrame:
    """One row for each episode, day and source row, in that order.

    A row whose void conditions hold is void: it neither passes nor fails. `scheduled` is false for a visit that the patient's
    state brought about (a flare).
    """
    parts = [assess_table(cohort, version, table) for table in version.assessed_in]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *parts]).sort("episode_id", "day", "status", "record_id")


def assessable_episodes(cohort: Cohort, version: EndpointVersion) -> pl.DataFrame:
    """Episodes in which some look could pass: what the endpoint is measured against is on record, in one of its tables."""
    starts = []
    for table in version.assessed_in:
        first = cohort.episodes.select("episode_id", pl.lit(0, dtype=pl.Int64()).alias("day"))
        rows = cohort.tables[table].filter(pl.col("day") == 0)
        one_each = first.join(rows.unique("episode_id", keep="first").drop("day"), on="episode_id", how="left")
        context = with_context(cohort, one_each, version.criterion)
        starts.append(context.filter(assessable(version.criterion)).select("episode_id"))
    return pl.concat(starts).unique().sort("episode_id")


def one_a_day(assessments: pl.DataFrame) -> pl.DataFrame:
    """The assessments that passed or failed, one a day: when two of a day disagree, the failing one stands.

    Columns episode_id, day, passes, scheduled (one that decided was), record_id: the records that decided, joined by `;`.
    """
    judged = assessments.filter(pl.col("status").is_in([Status.PASSES.value, Status.FAILS.value])).select(
        "episode_id", "day", (pl.col("status") == Status.PASSES.value).alias("passes"), "scheduled", "record_id"
    )
    # Few days have two looks: only those are grouped, because joining record ids is what costs time.
    several = judged.select("episode_id", "day").is_duplicated()
    once, twice = judged.filter(~several), judged.filter(several)
    deciding = pl.col("passes") == pl.col("passes").all()
    merged = twice.group_by("episode_id", "day").agg(
        pl.col("passes").all(),
        pl.col("scheduled").filter(deciding).any(),
        pl.col("record_id").filter(deciding).sort().str.join(";"),
    )
    return pl.concat([once, merged]).sort("episode_id", "day")


def flagged(cohort: Cohort, tables: Sequence[str], flags: Mapping[str, Sequence[Criterion]]) -> pl.DataFrame:
    """For every row of ``tables``: episode_id, day, record_id and, for each name in ``flags``, whether one of its criteria holds.

    What cannot be judged from the row is false.
    """
    criteria = [one for several in flags.values() for one in several]
    raised = [some(several).fill_null(value=False).alias(name) for name, several in flags.items()]
    parts = [
        with_context(cohort, cohort.tables[table], criteria).select("episode_id", "day", "record_id", *raised) for table in tables
    ]
    return pl.concat(parts)


def with_context(cohort: Cohort, rows: pl.DataFrame, criteria: Sequence[Criterion]) -> pl.DataFrame:
    """What the criteria read of ``rows``, beside the key: columns (absent ones as unknown), the episode's, the day-0 values."""
    named = frozenset[str]().union(*(one.variables() for one in criteria))
    of_episode = sorted(name.removeprefix("episode.") for name in named if name.startswith("episode."))
    wanted = sorted(name for name in named if not name.startswith("episode."))
    # A visit has some 200 columns; only those that are read go through the joins.
    kept = [name for name in ("record_id", "episode_id", "day", "visit_reason") if name in rows.columns and name not in wanted]
    own = [pl.col(name) if name in rows.columns else _unrecorded(cohort, name).alias(name) for name in wanted]
    read = rows.select(*kept, *own)
    episodes = cohort.episodes.select("episode_id", *(pl.col(name).alias(f"episode.{name}") for name in of_episode))
    with_episode = read.join(episodes, on="episode_id", how="left", maintain_order="left") if of_episode else read
    measured_from = sorted(baseline_variables(criteria))
    return (
        with_episode.join(_baseline(read, measured_from), on="episode_id", how="left", maintain_order="left")
        if measured_from
        else with_episode
    )


def assess_table(cohort: Cohort, version: EndpointVersion, table: str) -> pl.DataFrame:
    """The rows of one table in their order, judged as in :func:`assess`."""
    rows = with_context(cohort, cohort.tables[table], (*version.criterion, *version.void_when))
    held = every(version.criterion)
    voided = some(version.void_when).fill_null(value=False)
    status = (
        pl.when(voided)
        .then(pl.lit(Status.VOID.value))
        .when(held)
        .then(pl.lit(Status.PASSES.value))
        .when(~held)
        .then(pl.lit(Status.FAILS.value))
        .otherwise(pl.lit(Status.UNKNOWN.value))
    )
    scheduled = (
        (pl.col("visit_reason") != "flare").fill_null(value=True) if "visit_reason" in rows.columns else pl.lit(value=True)
    )
    return rows.select("episode_id", "day", status.alias("status"), scheduled.alias("scheduled"), "record_id")


def _unrecorded(cohort: Cohort, name: str) -> pl.Expr:
    """A variable of another assessed table: unknown here, in its own type."""
    for table in cohort.tables.values():
        if name in table.columns:
            return pl.lit(None, dtype=table.schema[name])
    return pl.lit(None, dtype=pl.Float64())


def _baseline(rows: pl.DataFrame, variables: list[str]) -> pl.DataFrame:
    """The day-0 value of each variable, one row an episode."""
    return (
        rows.filter(pl.col("day") == 0)
        .group_by("episode_id")
        .agg(pl.col(name).drop_nulls().first().alias(BASELINE + name) for name in variables)
    )
