"""How episodes went from one week state to another, and their weeks as intervals for person-time."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.vocabulary import WeekState


def state_runs(weeks: PersonWeeks) -> pl.DataFrame:
    """Runs of equal weeks: episode_id, from_week, to_week, state, record_ids.

    1. Weeks of an episode that follow each other with the same state are one run.
    2. U is a state of its own: unknown weeks are neither skipped nor filled from their neighbours.
    """
    frame = weeks.frame.sort("episode_id", "week")
    return (
        _numbered_runs(frame)
        .group_by("episode_id", "run", maintain_order=True)
        .agg(
            pl.col("week").min().alias("from_week"),
            pl.col("week").max().alias("to_week"),
            pl.col("state").first(),
            pl.col("record_ids").explode().drop_nulls().unique().sort(),
        )
        .drop("run")
    )


def exposure_intervals(weeks: PersonWeeks, *, lag_weeks: int) -> pl.DataFrame:
    """Start-stop intervals for person-time: episode_id, start_day, stop_day, state. An interval holds the days after start_day.

    1. Week w is the interval (7(w-1), 7w]; with ``lag_weeks`` it carries the state of the week that so many weeks earlier, and
       the first weeks are U. So is, with a lag, a week that was not yet known when the interval began, because a later visit
       note told of it.
    2. Equal neighbours are one interval. The intervals of an episode follow each other without gap from day 0 on.
    3. Nothing is cut off: the analysis ends each episode's time at its event or censoring, before it counts.

    Without a lag, a week's state looks to the end of that week: who recovers on its second day and puts the log away has a week
    of N. A lag of one week uses nothing that was not known when the interval began. So the lag is asked for, and 0 is no default.

    Raises
    ------
    WrongUse
        ``lag_weeks`` is negative: an exposure cannot come after what it is held to have brought about.
    """
    if lag_weeks < 0:
        raise WrongUse("an exposure was asked for from later weeks", way_out="Ask for lag_weeks = 0 or more.")
    frame = weeks.frame.sort("episode_id", "week")
    lagged = pl.col("state").shift(lag_weeks).over("episode_id")
    if lag_weeks:
        known_on = pl.col("known_on_day").shift(lag_weeks).over("episode_id")
        lagged = pl.when(known_on <= 7 * (pl.col("week") - 1)).then(lagged)
    return (
        _numbered_runs(frame.select("episode_id", "week", lagged.fill_null(WeekState.UNKNOWN.value).alias("state")))
        .group_by("episode_id", "run", maintain_order=True)
        .agg(
            (7 * (pl.col("week").min().cast(pl.Int64) - 1)).alias("start_day"),
            (7 * pl.col("week").max().cast(pl.Int64)).alias("stop_day"),
            pl.col("state").first(),
        )
        .drop("run")
    )


def switches(weeks: PersonWeeks) -> pl.DataFrame:
    """Every change of state: episode_id, week, before, after, unknown_weeks, first_of_its_kind.

    1. Changes are read between known weeks; `week` is the first known week in the new state.
    2. `unknown_weeks`: U weeks between the two. The change lies somewhere in them or at `week`; with 0 it is dated exactly.
    3. `first_of_its_kind`: no earlier change of the episode was from this state to that one. The first week in which loading
       followed stretching is the one with before S, after L (or B) and first_of_its_kind.
    """
    known = (
        weeks.frame.filter(pl.col("state") != WeekState.UNKNOWN.value)
        .select("episode_id", "week", pl.col("state").alias("after"))
        .sort("episode_id", "week")
        .with_columns(
            pl.col("after").shift(1).over("episode_id").alias("before"),
            (pl.col("week") - pl.col("week").shift(1).over("episode_id") - 1).alias("unknown_weeks"),
        )
    )
    return (
        known.filter(pl.col("before") != pl.col("after"))
        .with_columns((pl.col("week") == pl.col("week").min()).over("episode_id", "before", "after").alias("first_of_its_kind"))
        .select("episode_id", "week", "before", "after", "unknown_weeks", "first_of_its_kind")
    )


def _numbered_runs(frame: pl.DataFrame) -> pl.DataFrame:
    """The ordered weeks with the number of their run of equal states."""
    changed = (pl.col("state") != pl.col("state").shift(1).over("episode_id")).fill_null(value=False)
    return frame.with_columns(changed.cum_sum().over("episode_id").alias("run"))
