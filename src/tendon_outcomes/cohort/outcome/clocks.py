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

    Only what was known by ``day`` decides who is kept, so the follow-up must be dated by its confirmations: that a first pass
    began a confirmed run, or did not, is seen later.

    1. Left out, and counted apart: the endpoint or a competing event had come by ``day``.
    2. Left out too: nobody had looked in the `max_gap_days` up to ``day``. Whether something was heard later does not count.
    3. And those who were looked at then and never after: they have no time at risk.
    4. The others enter on ``day``, or when they entered before, if that is later. A whole-window label that ends by ``day`` is an
       exposure for them.

    Raises
    ------
    NoUsableRows
        Nobody is left.
    WrongUse
        The follow-up is dated by first passes, or no longer counts from day 0.
    """
    if follow_up.dated != "confirmed_on" or follow_up.clock != "day_0":
        raise WrongUse(
            "a landmark needs a follow-up that is dated by its confirmations and counts from day 0",
            way_out='Make it with ascertain(..., dated="confirmed_on"), and set the landmark before another clock.',
        )
    gap = follow_up.endpoint.version.max_gap_days
    seen = follow_up.assessments.filter(pl.col("day") <= day).group_by("episode_id").agg(pl.col("day").max().alias("seen"))
    people = follow_up.episodes.join(seen, on="episode_id", how="left", maintain_order="left")
    settled = pl.col("right").is_not_null() & (pl.col("right") <= day)
    steps = (
        (f"reached {follow_up.endpoint.phrase}, or a competing event, by day {day}", settled),
        (f"not looked at in the {gap} days up to day {day}", pl.col("seen").fill_null(0) < day - gap),
        (f"not looked at after day {day}", pl.col("right").is_null() & (pl.col("left") <= day)),
    )
    flow = follow_up.attrition
    for says, out in steps:
        kept = people.filter(~out)
        flow = flow.then(says, n_before=people.height, n_after=kept.height)
        people = kept
    if people.is_empty():
        raise NoUsableRows(f"nobody is at risk on day {day}", way_out="Ask for an earlier landmark.")
    entered = people.drop("seen").with_columns(pl.max_horizontal("entry", pl.lit(day, dtype=pl.Int64())).alias("entry"))
    return replace(follow_up, episodes=entered, attrition=flow)


def from_onset(follow_up: FollowUp, cohort: Cohort) -> FollowUp:
    """The follow-up counted from the onset of symptoms: everybody enters late, on the day 0 of the clinic.

    1. Left out, and counted: episodes whose duration of symptoms is not known.
    2. entry moves by the duration in whole days, as left, right and every other day do; entry_low and entry_high say what the
       precision of the onset leaves open.
    3. The horizon stays one of follow-up: no episode is observed longer than before.

    A runner who recovered before coming to the clinic is in no record of it. Entry at the duration conditions on that; it does
    not undo that the quick to recover are missing.

    Raises
    ------
    NoUsableRows
        No duration is known.
    WrongUse
        The population does not say how precise an onset is, or the follow-up counts from onset already.
    """
    if follow_up.clock != "day_0":
        raise WrongUse("this follow-up counts from onset already", way_out="Give the one that counts from day 0.")
    if DURATION not in cohort.episodes.columns:
        raise WrongUse("the population does not say how precise an onset is", way_out="Take it from a resolved protocol.")
    durations = cohort.episodes.select("episode_id", DURATION, DURATION_LOW, DURATION_HIGH).filter(pl.col(DURATION).is_not_null())
    known = follow_up.episodes.join(durations, on="episode_id", how="inner")
    flow = follow_up.attrition.then("duration of symptoms not known", n_before=follow_up.episodes.height, n_after=known.height)
    if known.is_empty():
        raise NoUsableRows("no duration of symptoms is known", way_out="This clock needs onset_day or symptom_duration_wk.")
    moved = known.with_columns(
        *((pl.col(name) + pl.col(DURATION)).alias(name) for name in _DAYS),
        (pl.col("entry") + pl.col(DURATION_LOW)).alias("entry_low"),
        (pl.col("entry") + pl.col(DURATION_HIGH)).alias("entry_high"),
    )
    columns = [*follow_up.episodes.columns, "entry_low", "entry_high"]
    looks = follow_up.assessments.join(durations, on="episode_id").with_columns(pl.col("day") + pl.col(DURATION))
    return replace(
        follow_up,
        episodes=moved.select(columns).sort("episode_id"),
        assessments=looks.select(follow_up.assessments.columns),
        attrition=flow,
        clock="onset",
    )


_DAYS = ("entry", "left", "right", "last_failing", "last_day", "last_contact", "confirmed_day")
"""The columns of a follow-up that hold days."""
