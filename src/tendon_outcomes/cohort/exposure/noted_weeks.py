"""What visit notes say of weeks: the components in use since the visit before."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tendon_outcomes.cohort.exposure.logged_weeks import cell_of, week_of
from tendon_outcomes.declarations import RegimenVersion, Tendon


def noted_weeks(
    visits: pl.DataFrame, episodes: pl.DataFrame, tendon: Tendon, regimen: RegimenVersion, *, weeks: int
) -> pl.DataFrame:
    """One row for every cell that a note speaks for: cell, note_loads, note_stretches, note_day, note_record.

    1. A visit with `treatment_components` speaks for the days after the visit before it up to its own, whether the visit before
       had a note or not. Before the first visit there is day 0; a note of day 0 speaks of earlier times and says nothing here.
    2. It speaks for the weeks of which at least `min_days` lie in that span; no week belongs to two notes.
    3. The note loads with a component of `loading`, and stretches with one of `stretching` that is a modality of the tendon.
    4. note_stretches is null with a component of `unplaced`, in a tendon whose own muscle has no component among `stretching`:
       nobody knows then which muscle was stretched.
    """
    rule = regimen.visit_notes
    own = [name for name in rule.stretching if name in tendon.stretch_modalities]
    stretches = _any_of(own)
    if not own:
        stretches = pl.when(~_any_of(rule.unplaced)).then(stretches)
    spans = (
        visits.select("episode_id", "day", "treatment_components", "record_id")
        .join(episodes.select("who", "episode_id"), on="episode_id")
        .filter(pl.col("day") > 0)
        .sort("who", "day")
        .with_columns((pl.col("day").shift(1).over("who").fill_null(0) + 1).alias("first_day"))
        .filter(pl.col("treatment_components").is_not_null(), pl.col("first_day") <= 7 * weeks)
        .with_columns(pl.col("treatment_components").str.split(";"))
        .select(
            "who", "first_day", "day", _any_of(rule.loading).alias("note_loads"), stretches.alias("note_stretches"), "record_id"
        )
    )
    first_week, last_week = week_of(pl.col("first_day")), week_of(pl.col("day")).clip(upper_bound=weeks)
    days_in = pl.min_horizontal("day", 7 * pl.col("week")) - pl.max_horizontal("first_day", 7 * pl.col("week") - 6) + 1
    return (
        spans.with_columns(
            pl.int_ranges(
                first_week,
                last_week + 1,
            ).alias("week")
        )
        .explode("week")
        .filter(days_in >= rule.min_days.value)
        .select(
            cell_of(pl.col("week"), weeks=weeks),
            "note_loads",
            "note_stretches",
            pl.col("day").alias("note_day"),
            pl.col("record_id").alias("note_record"),
        )
    )


def _any_of(components: Iterable[str]) -> pl.Expr:
    noted = pl.col("treatment_components")
    return pl.any_horizontal(pl.lit(value=False), *(noted.list.contains(name) for name in components))
