"""The same follow-up on another clock: from a landmark after day 0, or from the onset of symptoms with delayed entry."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.duration import DURATION, DURATION_HIGH, DURATION_LOW
from tendon_outcomes.cohort.outcome.ascertain import FollowUp
from tendon_outcomes.errors import NoUsableRows, WrongUse


def from_landmark(follow_up: FollowUp, *, day: int) -> FollowUp:
    """Who was still symptomatic and under follow-up on ``day``, entering there; days stay counted from day 0.

    1. Left out, and counted apart: the endpoint or a competing event had come by ``day``; follow-up ended before it.
    2. Left out too: the endpoint came in an interval that holds ``day``, so that nobody knows on which side of it. A follow-up
       dated by its confirmations has no such interval.
    3. The others have entry = ``day``. A whole-window label that ends by ``day`` is an exposure for them.

    Raises
    ------
    NoUsableRows
        Nobody is left.
    """
    people = follow_up.episodes
    settled = pl.col("right").is_not_null() & (pl.col("right") <= day)
    steps = (
        (f"reached {follow_up.endpoint.phrase}, or a competing event, by day {day}", settled),
        (f"follow-up ended before day {day}", pl.col("right").is_null() & (pl.col("left") < day)),
        (
            f"reached {follow_up.endpoint.phrase} some time about day {day}: on which side of it is not known",
            pl.col("left") < day,
        ),
    )
    flow = follow_up.attrition
    for says, out in steps:
        kept = people.filter(~out)
        flow = flow.then(says, n_before=people.height, n_after=kept.height)
        people = kept
    if people.is_empty():
        raise NoUsableRows(f"nobody is at risk on day {day}", way_out="Ask for an earlier landmark.")
    entered = people.with_columns(pl.lit(day, dtype=pl.Int64()).alias("entry"))
    return replace(follow_up, episodes=entered, attrition=flow)


def from_onset(follow_up: FollowUp, cohort: Cohort) -> FollowUp:
    """The follow-up counted from the onset of symptoms: everybody enters late, on the day 0 of the clinic.

    1. Left out, and counted: episodes whose duration of symptoms is not known.
    2. entry is the duration in whole days, and entry_low, entry_high what the precision of the onset leaves open. left, right and
       every other day move by the same number.
    3. The horizon stays one of follow-up: no episode is observed longer than before.

    A runner who recovered before coming to the clinic is in no record of it. Entry at the duration conditions on that; it does
    not undo that the quick to recover are missing.

    Raises
    ------
    NoUsableRows
        No duration is known.
    WrongUse
        The population does not say how precise an onset is.
    """
    if DURATION not in cohort.episodes.columns:
        raise WrongUse("the population does not say how precise an onset is", way_out="Take it from a resolved protocol.")
    durations = cohort.episodes.select(
        "episode_id", pl.col(DURATION).alias("entry"), entry_low=DURATION_LOW, entry_high=DURATION_HIGH
    ).filter(pl.col("entry").is_not_null())
    known = follow_up.episodes.drop("entry").join(durations, on="episode_id", how="inner")
    flow = follow_up.attrition.then("duration of symptoms not known", n_before=follow_up.episodes.height, n_after=known.height)
    if known.is_empty():
        raise NoUsableRows("no duration of symptoms is known", way_out="This clock needs onset_day or symptom_duration_wk.")
    moved = known.with_columns((pl.col(name) + pl.col("entry")).alias(name) for name in _DAYS)
    columns = [*follow_up.episodes.columns, "entry_low", "entry_high"]
    looks = follow_up.assessments.join(durations, on="episode_id").with_columns(pl.col("day") + pl.col("entry"))
    return replace(
        follow_up,
        episodes=moved.select(columns).sort("episode_id"),
        assessments=looks.select(follow_up.assessments.columns),
        attrition=flow,
    )


_DAYS = ("left", "right", "last_failing", "last_day", "last_contact", "confirmed_day")
"""The columns of a follow-up that hold days."""
