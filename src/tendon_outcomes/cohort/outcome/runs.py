"""Unbroken runs of passing looks: which one is confirmed, what stood before it, and which records say so."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.declarations import Confirmation


def confirmed_runs(looks: pl.DataFrame, confirmation: Confirmation, *, last_run_counts: bool = False) -> pl.DataFrame:
    """The first run of passes of each episode that counts, one row for every episode that has a look.

    1. A run begins with the first pass after a failing look, or with the first look, and ends before the next failing look.
    2. It is confirmed by its first look that lies `days` or more after its first; where one assessment is enough, by the first.
    3. The first confirmed run counts. With ``last_run_counts`` so does a run that no later look has ended, though unconfirmed.

    ``looks`` has one row an episode and day: episode_id, day, passes, record_id. Returned: episode_id, first_pass, right_record,
    failing_before, left_record (null where no failing look stands before), confirmed_day, confirming_record, unconfirmed (the
    last run is not confirmed).
    """
    runs = looks.sort("episode_id", "day").with_columns((~pl.col("passes")).cum_sum().over("episode_id").alias("run"))
    failing = runs.filter(~pl.col("passes")).select(
        "episode_id", "run", pl.col("day").alias("failing_before"), pl.col("record_id").alias("left_record")
    )
    last_run = runs.group_by("episode_id").agg(pl.col("run").last().alias("last_run"))
    passing = _passing_runs(runs.filter("passes"), confirmation).join(last_run, on="episode_id")
    passing = passing.with_columns(
        (pl.col("confirmed_day").is_null() & (pl.col("run") == pl.col("last_run"))).alias("unconfirmed")
    )
    counts = pl.col("confirmed_day").is_not_null() | (pl.col("unconfirmed") if last_run_counts else pl.lit(value=False))
    first = passing.filter(counts).sort("episode_id", "run").unique("episode_id", keep="first")
    first = first.join(failing, on=["episode_id", "run"], how="left").drop("run", "last_run", "unconfirmed")
    open_ended = passing.filter("unconfirmed").select("episode_id", "unconfirmed")
    return last_run.select("episode_id").join(first, on="episode_id", how="left").join(open_ended, on="episode_id", how="left")


def _passing_runs(passing: pl.DataFrame, confirmation: Confirmation) -> pl.DataFrame:
    """One row a run of passes: its first look, and the look that confirms it (null where none does)."""
    first = passing.group_by("episode_id", "run", maintain_order=True).agg(
        pl.col("day").first().alias("first_pass"), pl.col("record_id").first().alias("right_record")
    )
    if confirmation.assessments == 1:
        return first.with_columns(pl.col("first_pass").alias("confirmed_day"), pl.col("right_record").alias("confirming_record"))
    later = passing.join(first.select("episode_id", "run", "first_pass"), on=["episode_id", "run"]).filter(
        pl.col("day") > pl.col("first_pass"), pl.col("day") >= pl.col("first_pass") + confirmation.days
    )
    confirming = later.sort("episode_id", "day").group_by("episode_id", "run", maintain_order=True)
    confirmed = confirming.agg(
        pl.col("day").first().alias("confirmed_day"), pl.col("record_id").first().alias("confirming_record")
    )
    return first.join(confirmed, on=["episode_id", "run"], how="left")


def looks_of(looks: pl.DataFrame) -> pl.DataFrame:
    """What the looks of each episode come to: last_failing with its last_failing_record, last_day, n_assessments,
    assessed_at_start (a look on day 0) and passes_first (the first look passes).
    """
    ordered = looks.sort("episode_id", "day")
    failed = ordered.filter(~pl.col("passes")).group_by("episode_id", maintain_order=True)
    last_failing = failed.agg(pl.col("day").last().alias("last_failing"), pl.col("record_id").last().alias("last_failing_record"))
    seen = ordered.group_by("episode_id", maintain_order=True).agg(
        pl.col("day").last().alias("last_day"),
        pl.len().cast(pl.Int64).alias("n_assessments"),
        (pl.col("day") == 0).any().alias("assessed_at_start"),
        pl.col("passes").first().alias("passes_first"),
    )
    return seen.join(last_failing, on="episode_id", how="left")
