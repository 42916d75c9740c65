"""When the endpoint was reached, as far as the record can tell: a half-open interval (left, right] for every episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.assessments import assess, assessable_episodes, one_a_day
from tendon_outcomes.cohort.endings import censoring_reasons, competing_events, last_contacts
from tendon_outcomes.declarations import Confirmation, EndpointAsked
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.results import Attrition
from tendon_outcomes.vocabulary import Code

Unconfirmed = Literal["censor", "event"]


@dataclass(frozen=True)
class FollowUp:
    """What is known of every episode's time to the endpoint.

    `episodes`, one row an episode: episode_id, patient_id, site_id, tendon, entry, left, right (null: not reached while
    followed), code (vocabulary.Code), last_failing (last failing assessment, also beyond the horizon; 0 when there is none),
    last_day (last assessment used), last_contact, n_assessments, confirmed_day, unconfirmed (the last assessments passed and
    nobody confirmed it), assessed_at_start, competing_record.
    `assessments`: episode_id, day, passes, scheduled: those the intervals were made from.
    """

    endpoint: EndpointAsked
    horizon_days: int
    episodes: pl.DataFrame
    assessments: pl.DataFrame
    attrition: Attrition


def ascertain(cohort: Cohort, endpoint: EndpointAsked, *, horizon_weeks: int, unconfirmed: Unconfirmed = "censor") -> FollowUp:
    """Turn assessments, procedures and events into intervals.

    1. Every record of the endpoint's tables is judged: passes, fails, void or unknown. Void and unknown ones are no assessment.
    2. Not eligible, and counted: episodes in which no look could pass, because a day-0 or index value that the endpoint is
       measured against is missing or leaves no room; and episodes that pass on day 0.
    3. Follow-up stops the day before the first competing event: later assessments, and those of that day, are not used. After
       consent was withdrawn or the patient transferred nothing is used.
    4. The event is the first pass of the first unbroken run of passes that is confirmed as the declaration says. It happened
       in (left, right]: right is that first pass, left the last failing assessment before it, or day 0.
    5. Without an event a competing event counts on its exact day: (day - 1, day].
    6. Otherwise the episode is censored at its last failing assessment, or day 0: a last pass that nobody confirmed proves
       nothing yet. ``unconfirmed = "event"`` takes it as the event, also before a competing event, for another reading.
    7. An event first seen at or after the horizon, in an episode that was still failing at the horizon, is censored there.
    8. A censored episode counts as lost when nothing was heard of it in the `max_gap_days` before its recorded end or the
       horizon, whichever is first; an episode without a recorded end is held against the horizon.

    Raises
    ------
    NoUsableRows
        Nobody is left after step 2.
    """
    looks = one_a_day(assess(cohort, endpoint.version))
    episodes, flow = _eligible(cohort, endpoint, looks)
    competing, endings = competing_events(cohort), censoring_reasons(cohort)
    withdrawn = endings.filter(pl.col("ending_code") == Code.WITHDREW.value).select("episode_id", withdrew="ending_day")
    competing = (
        competing.join(withdrawn, on="episode_id", how="left")
        .filter(pl.col("withdrew").is_null() | (pl.col("competing_day") <= pl.col("withdrew")))
        .drop("withdrew")
    )
    used = (
        looks.join(episodes.select("episode_id"), on="episode_id", how="semi")
        .join(competing.select("episode_id", "competing_day"), on="episode_id", how="left")
        .join(withdrawn, on="episode_id", how="left")
        .filter(
            pl.col("competing_day").is_null() | (pl.col("day") < pl.col("competing_day")),
            pl.col("withdrew").is_null() | (pl.col("day") <= pl.col("withdrew")),
        )
        .drop("competing_day", "withdrew")
    )
    known = episodes.select("episode_id", "patient_id", "site_id", "tendon")
    for part in (
        _reached(used, endpoint.version.confirmation, unconfirmed),
        _last_look(used),
        last_contacts(cohort),
        competing,
        endings,
    ):
        known = known.join(part, on="episode_id", how="left")
    horizon_days = 7 * horizon_weeks
    return FollowUp(endpoint, horizon_days, _intervals(known, horizon_days, endpoint.version.max_gap_days), used, flow)


def _eligible(cohort: Cohort, endpoint: EndpointAsked, looks: pl.DataFrame) -> tuple[pl.DataFrame, Attrition]:
    """Episodes whose endpoint can be assessed and had not been reached on day 0."""
    could = cohort.episodes.join(assessable_episodes(cohort, endpoint.version), on="episode_id", how="semi")
    flow = cohort.attrition.then(
        f"{endpoint.phrase} not assessable: a day-0 value that it is measured against is missing or leaves no room for it",
        n_before=cohort.episodes.height,
        n_after=could.height,
    )
    already = looks.filter(pl.col("day") == 0, "passes").select("episode_id")
    episodes = could.join(already, on="episode_id", how="anti")
    flow = flow.then(f"had reached {endpoint.phrase} on day 0 already", n_before=could.height, n_after=episodes.height)
    if episodes.is_empty():
        raise NoUsableRows(
            f"nobody can be followed to {endpoint.phrase}: all had reached it on day 0 or cannot be assessed for it",
            way_out="Look at the endpoint's definition against what the clinic records.",
        )
    return episodes, flow


def _reached(used: pl.DataFrame, confirmation: Confirmation, unconfirmed: Unconfirmed) -> pl.DataFrame:
    """The first confirmed run of passes of each episode: first_pass, failing_before, confirmed_day."""
    runs = used.sort("episode_id", "day").with_columns((~pl.col("passes")).cum_sum().over("episode_id").alias("run"))
    failing = runs.filter(~pl.col("passes")).select("episode_id", "run", pl.col("day").alias("failing_before"))
    passing = runs.filter("passes")
    needed = pl.col("day") >= pl.col("day").min() + confirmation.days
    later = pl.col("day").filter(needed & (pl.col("day") > pl.col("day").min()))
    confirmed_day = pl.col("day").min() if confirmation.assessments == 1 else later.min()
    grouped = passing.group_by("episode_id", "run").agg(
        pl.col("day").min().alias("first_pass"), confirmed_day.alias("confirmed_day")
    )
    last_run = runs.group_by("episode_id").agg(pl.col("run").max().alias("last_run"))
    open_ended = grouped.join(last_run, on="episode_id").with_columns(
        (pl.col("confirmed_day").is_null() & (pl.col("run") == pl.col("last_run"))).alias("unconfirmed")
    )
    counts = pl.col("confirmed_day").is_not_null()
    if unconfirmed == "event":
        counts = counts | pl.col("unconfirmed")
    events = open_ended.filter(counts).sort("episode_id", "run").group_by("episode_id", maintain_order=True).first()
    ended_open = open_ended.filter("unconfirmed").select("episode_id", "unconfirmed")
    before = events.join(failing, on=["episode_id", "run"], how="left").select(
        "episode_id", "first_pass", "failing_before", "confirmed_day"
    )
    return (
        used.select("episode_id").unique().join(before, on="episode_id", how="left").join(ended_open, on="episode_id", how="left")
    )


def _last_look(used: pl.DataFrame) -> pl.DataFrame:
    return used.group_by("episode_id").agg(
        pl.col("day").filter(~pl.col("passes")).max().alias("last_failing"),
        pl.col("day").max().alias("last_day"),
        pl.len().cast(pl.Int64).alias("n_assessments"),
        (pl.col("day") == 0).any().alias("assessed_at_start"),
    )


def _intervals(known: pl.DataFrame, horizon_days: int, max_gap_days: int) -> pl.DataFrame:
    zero_if_none = [pl.col(name).fill_null(0) for name in ("last_failing", "last_day", "last_contact", "n_assessments")]
    known = known.with_columns(
        *zero_if_none,
        pl.col("first_pass").is_not_null().alias("reached"),
        (pl.col("first_pass").is_null() & pl.col("competing_day").is_not_null()).alias("competed"),
    )
    left = (
        pl.when("reached").then(pl.col("failing_before").fill_null(0)).when("competed").then(pl.col("competing_day") - 1)
    ).otherwise("last_failing")
    right = pl.when("reached").then("first_pass").when("competed").then("competing_day")
    code = pl.when("reached").then(Code.EVENT.value).when("competed").then("competing_code")
    beyond = left >= horizon_days
    return known.select(
        "episode_id",
        "patient_id",
        "site_id",
        "tendon",
        pl.lit(0, dtype=pl.Int64()).alias("entry"),
        pl.min_horizontal(left, pl.lit(horizon_days)).alias("left"),
        pl.when(~beyond).then(right).alias("right"),
        pl.when(beyond)
        .then(Code.ADMINISTRATIVE.value)
        .otherwise(code.otherwise(_why_censored(horizon_days, max_gap_days)))
        .cast(pl.Int64)
        .alias("code"),
        pl.when("reached").then(pl.col("failing_before").fill_null(0)).otherwise("last_failing").alias("last_failing"),
        "last_day",
        "last_contact",
        "n_assessments",
        "confirmed_day",
        (pl.col("unconfirmed").fill_null(value=False) & ~pl.col("reached")).alias("unconfirmed"),
        pl.col("assessed_at_start").fill_null(value=False),
        "competing_record",
    ).sort("episode_id")


def _why_censored(horizon_days: int, max_gap_days: int) -> pl.Expr:
    """Step 8: the recorded reason, unless the episode had fallen silent long before its recorded end or the horizon."""
    end = pl.min_horizontal(pl.col("ending_day").fill_null(horizon_days), pl.lit(horizon_days))
    silent = pl.col("last_contact") < end - max_gap_days
    recorded = pl.col("ending_code").fill_null(Code.ADMINISTRATIVE.value)
    ended_administratively = recorded == Code.ADMINISTRATIVE.value
    return pl.when(ended_administratively & silent).then(Code.LOST.value).otherwise(recorded)
