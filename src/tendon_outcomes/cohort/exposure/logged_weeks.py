"""The session log by week: sessions, sets, minutes, dose, stage and pain. A week without a row is absent here, not empty.

A cell is one week of one episode as one number: `who` x weeks + week - 1. Millions of rows group several times faster by it.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from tendon_outcomes.declarations import RegimenVersion, Tendon

ENGINE: Literal["streaming"] = "streaming"
"""Groups millions of rows several times faster than the engine in memory, and in less of it."""
_ANY_EXERCISE = "other"
"""The exercise_code that names no exercise: two rows of it need not be the same one."""
_ROUNDED = 6
"""Decimals of sums of minutes and kilograms, so that a sum meets a threshold whatever order it was added in."""


def week_of(day: pl.Expr) -> pl.Expr:
    """The week that holds a day: days 1 to 7 are week 1, and so is day 0."""
    return pl.max_horizontal((day + 6) // 7, pl.lit(1))


def cell_of(week: pl.Expr, *, weeks: int) -> pl.Expr:
    """The cell of an episode's week, of ``weeks`` that each episode has."""
    return (pl.col("who") * weeks + week - 1).cast(pl.UInt32).alias("cell")


def accepted_pain() -> pl.Expr:
    """The pain accepted in the week: the week's own limit, else the plan's, else the tendon's (`plan_limit` is both of these)."""
    return pl.coalesce("week_limit", "plan_limit")


def of_the_plan(regimen: RegimenVersion) -> pl.Expr:
    """Whether a session row is exercise of the plan: not one of `not_sessions`."""
    return ~pl.col("modality").is_in(list(regimen.adherence.not_sessions))


def session_rows(
    sessions: pl.DataFrame, episodes: pl.DataFrame, tendon: Tendon, regimen: RegimenVersion, *, weeks: int
) -> pl.DataFrame:
    """The rows of day 0 to the end of the last week, narrow, with what each counts as.

    1. Rows of `not_sessions` are left out: they are no exercise of the plan, and no log of it.
    2. `done`: not when `completed_frac` or `sets` is 0; an empty cell is not 0. Such a row still makes its week known.
    3. `loading`: done, and the tendon gives the modality a stage of at least `min_stage`. `stretching`: done, and the modality is
       among the tendon's `stretch_modalities`.
    4. `minutes` at end range: sets x hold_s, where both are recorded. The minutes of the row are those that the exercise took.
    5. `dose`: sets x reps x kilograms as they were done, where all three are recorded. Kilograms are load_kg, else the share of
       the body mass. `dose_prescribed` of a prescribed loading row is its dose / completed_frac (empty: all was done);
       `plan_untold` where that cannot be told, because the row was not done or an amount is missing.
    """
    stage = pl.col("modality").replace_strict(tendon.stages, default=None, return_dtype=pl.Int8)
    done = (pl.col("completed_frac").fill_null(1) > 0) & (pl.col("sets").fill_null(1) > 0)
    kilograms = pl.coalesce("load_kg", pl.col("load_pct_bw") * pl.col("mass_kg") / 100)
    dose = pl.col("sets") * pl.col("reps") * kilograms
    prescribed = pl.col("prescribed").fill_null(value=False)
    loads = (stage >= regimen.loading.min_stage.value).fill_null(value=False)
    loading = done & loads
    planned = pl.when(prescribed & loading).then(dose / pl.col("completed_frac").fill_null(1))
    stretching = done & pl.col("modality").is_in(list(tendon.stretch_modalities))
    return (
        sessions.lazy()
        .filter(pl.col("day").is_between(0, 7 * weeks), of_the_plan(regimen))
        .join(episodes.lazy().select("who", "episode_id", "mass_kg", "plan_limit"), on="episode_id")
        .select(
            cell_of(week_of(pl.col("day")), weeks=weeks),
            pl.col("day").cast(pl.Int32),
            "plan_limit",
            pl.col("modality", "exercise_code").cast(pl.Categorical),
            done.alias("done"),
            prescribed.alias("prescribed"),
            loading.alias("loading"),
            stretching.alias("stretching"),
            pl.when(loading).then("sets").cast(pl.Int32).alias("sets"),
            (loading & pl.col("sets").is_null()).alias("sets_unrecorded"),
            pl.when(stretching).then(pl.col("sets") * pl.col("hold_s") / 60).alias("minutes"),
            pl.when(loading).then(stage).alias("stage"),
            pl.when(loading).then("load_rm").cast(pl.Int8).alias("rm"),
            pl.when(loading).then(dose).alias("dose"),
            planned.alias("dose_prescribed"),
            (prescribed & loads & planned.is_null()).alias("plan_untold"),
            pl.when(done).then("nprs_during").cast(pl.Int8).alias("during"),
            pl.when(done).then(pl.col("nprs_24h") - pl.col("nprs_pre")).cast(pl.Int8).alias("rise_24h"),
        )
        .collect(engine=ENGINE)
    )


def logged_weeks(rows: pl.DataFrame, week_limits: pl.DataFrame, regimen: RegimenVersion) -> pl.DataFrame:
    """One row for every cell with a session row. ``week_limits``: the pain accepted in the cells that have a limit of their own.

    1. Sessions are days: n_sessions, n_loading and n_stretching count days with a row of the kind that was done.
    2. A loading day is full with at least `min_sets` sets over all its loading rows. A row whose sets were not recorded makes
       its day full, because the session itself was logged.
    3. The week loads with `min_sessions` full days, and stretches with `min_sessions` stretching days or `min_minutes`.
       first_loading_day and first_stretching_day are the first such day, in weeks that load or stretch.
    4. A sum is null when none of its rows recorded the amount. Sets, minutes and dose are 0 when no row was of the kind.
       dose_prescribed_kg is null with one `plan_untold` row: what was skipped would be missing from the plan too.
    5. session_breaches: days on which a session broke the pain rule. Pain during it above the limit does, and pain within 24
       hours more than `margin_24h` above the pain before it; without that pain this is unknown. Several on one day are one.
       Null when no session of the week recorded its pain.
    """
    enough_sets = (pl.col("sets") >= regimen.loading.min_sets.value).fill_null(value=False)
    full = pl.col("loading") & (pl.col("sets_unrecorded") | enough_sets)
    after = (pl.col("rise_24h") > regimen.pain_rule.margin_24h.value).fill_null(value=False)
    broken = (pl.col("during") > accepted_pain()).fill_null(value=False) | after
    pain_told = pl.col("during").is_not_null() | pl.col("rise_24h").is_not_null()
    weeks = (
        _days(rows)
        .join(week_limits.lazy().filter(pl.col("week_limit").is_not_null()), on="cell", how="left")
        .group_by("cell")
        .agg(
            pl.col("done").sum().cast(pl.Int64).alias("n_sessions"),
            pl.col("loading").sum().cast(pl.Int64).alias("n_loading"),
            pl.col("stretching").sum().cast(pl.Int64).alias("n_stretching"),
            full.sum().alias("n_full"),
            pl.when(full).then("day").min().cast(pl.Int64).alias("first_loading_day"),
            pl.when("stretching").then("day").min().cast(pl.Int64).alias("first_stretching_day"),
            _amount("sets", zero_without="loading").cast(pl.Int64).alias("loading_sets"),
            _amount("minutes", zero_without="stretching").alias("stretch_minutes"),
            _amount("dose", zero_without="loading").alias("dose_kg"),
            pl.when(~pl.col("plan_untold").any()).then(_amount("dose_prescribed")).alias("dose_prescribed_kg"),
            pl.col("stage").max().cast(pl.Int64),
            pl.col("rm").min().cast(pl.Int64),
            pl.when(pain_told.any()).then(broken.sum().cast(pl.Int64)).alias("session_breaches"),
        )
    )
    stretched_often = pl.col("n_stretching") >= regimen.stretching.min_sessions.value
    stretched_long = pl.col("stretch_minutes").fill_null(0) >= regimen.stretching.min_minutes.value
    return (
        weeks.with_columns(
            (pl.col("n_full") >= regimen.loading.min_sessions.value).alias("loads"),
            (stretched_often | stretched_long).alias("stretches"),
        )
        .with_columns(
            pl.when("loads").then("first_loading_day").alias("first_loading_day"),
            pl.when("stretches").then("first_stretching_day").alias("first_stretching_day"),
        )
        .drop("n_full")
        .collect(engine=ENGINE)
    )


def _days(rows: pl.DataFrame) -> pl.LazyFrame:
    """The rows of one day of one episode as one."""
    amounts = ("sets", "minutes", "dose", "dose_prescribed")
    return (
        rows.lazy()
        .group_by("cell", "day")
        .agg(
            pl.col("done", "loading", "stretching", "sets_unrecorded", "plan_untold").any(),
            *(_amount(name) for name in amounts),
            pl.col("stage", "during", "rise_24h").max(),
            pl.col("rm").min(),
            pl.col("plan_limit").first(),
        )
    )


def counted_sessions(rows: pl.DataFrame) -> pl.DataFrame:
    """Sessions of the exercise plan by cell: sessions_done, sessions_logged_prescribed (null when none is marked as prescribed).

    1. A row is one exercise, and the rows of one day are one session.
    2. Where an exercise has several rows on a day, as holds that are done three times a day have, the day has so many sessions.
       Only an `exercise_code` tells that rows are the same exercise; rows without one, or of another exercise, are no repeats.
    """
    prescribed = pl.col("prescribed").sum().cast(pl.Int64)
    named = pl.col("exercise_code").is_not_null() & (pl.col("exercise_code").cast(pl.String) != _ANY_EXERCISE)
    times = [pl.when(named).then(name).otherwise(pl.col(name).clip(upper_bound=1)).alias(name) for name in ("done", "prescribed")]
    return (
        rows.lazy()
        .group_by("cell", "day", "modality", "exercise_code")
        .agg(pl.col("done", "prescribed").sum())
        .with_columns(times)
        .group_by("cell", "day")
        .agg(pl.col("done", "prescribed").max())
        .group_by("cell")
        .agg(
            pl.col("done").sum().cast(pl.Int64).alias("sessions_done"),
            pl.when(prescribed > 0).then(prescribed).alias("sessions_logged_prescribed"),
        )
        .collect(engine=ENGINE)
    )


def _amount(column: str, *, zero_without: str | None = None) -> pl.Expr:
    """The sum of what was recorded, null when nothing was; 0 when no row is of the kind ``zero_without``."""
    told = pl.col(column).count() > 0
    if zero_without is not None:
        told = told | ~pl.col(zero_without).any()
    return pl.when(told).then(pl.col(column).sum().round(_ROUNDED)).alias(column)
