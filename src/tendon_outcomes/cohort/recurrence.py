"""Which episodes go on from an earlier one: the gap rule for recurrences of the same tendon on the same side."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tendon_outcomes.cohort.contacts import contacts_of

SAME_TENDON = ("patient_id", "tendon", "side")


def days_since_earlier(episodes: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """For every episode that names an earlier one: episode_id and days_between, from its last contact to this day 0.

    1. An episode has a predecessor where `previous_episode_id` or `previous_index_day` is recorded. Where only the day is, and
       one other episode of the same patient, tendon and side is on record that names no predecessor itself, it is that one.
    2. The predecessor's last contact is its last visit, report or session; without one its own day 0.
    3. days_between is null where it cannot be told: no day is recorded, or the predecessor that is named is not on record.
    """
    named = pl.col("previous_episode_id").is_not_null() | pl.col("previous_index_day").is_not_null()
    later = episodes.filter(named).select(
        "episode_id", *SAME_TENDON, "previous_episode_id", days_before=-pl.col("previous_index_day")
    )
    first = episodes.filter(~named).select(*SAME_TENDON, pl.col("episode_id").alias("only"))
    only = first.group_by(SAME_TENDON).agg(pl.col("only").first(), pl.len().alias("n")).filter(pl.col("n") == 1).drop("n")
    known = later.join(only, on=SAME_TENDON, how="left").with_columns(pl.coalesce("previous_episode_id", "only").alias("earlier"))
    last = contacts_of(tables).group_by("episode_id").agg(pl.col("day").max().alias("last_contact"))
    known = known.join(last, left_on="earlier", right_on="episode_id", how="left")
    on_record = pl.col("previous_episode_id").is_null() | pl.col("previous_episode_id").is_in(episodes["episode_id"].implode())
    between = pl.col("days_before") - pl.col("last_contact").fill_null(0)
    return known.select("episode_id", pl.when(on_record).then(between).alias("days_between"))
