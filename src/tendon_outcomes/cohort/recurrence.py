"""Which episodes go on from an earlier one: the gap rule for recurrences of the same tendon on the same side."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def continuations(episodes: pl.DataFrame, tables: Mapping[str, pl.DataFrame], *, gap_days: int) -> pl.DataFrame:
    """Episodes that began within ``gap_days`` of the last contact of their predecessor: episode_id, days_between.

    1. An episode has a predecessor where `previous_index_day` says how long before its day 0 the earlier one began.
    2. The predecessor's last contact is its last visit, report or session, where it is on record; else its own day 0.
    3. The gap is the number of days from that contact to this day 0. Below ``gap_days`` it is the same episode, told twice.

    An episode after a longer gap is a recurrence, and one of its own.
    """
    later = episodes.filter(pl.col("previous_index_day").is_not_null()).select(
        "episode_id", "previous_episode_id", (-pl.col("previous_index_day")).alias("days_before")
    )
    contacts = pl.concat([tables[name].select("episode_id", "day") for name in ("visit", "run_week", "session")])
    last = contacts.group_by("episode_id").agg(pl.col("day").max().alias("last_contact"))
    known = later.join(last, left_on="previous_episode_id", right_on="episode_id", how="left")
    between = pl.col("days_before") - pl.col("last_contact").fill_null(0)
    return known.select("episode_id", between.alias("days_between")).filter(pl.col("days_between") < gap_days)
