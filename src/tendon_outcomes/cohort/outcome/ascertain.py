"""When the endpoint was reached, as far as the record can tell: a half-open interval (left, right] for every episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.outcome.assessments import assess, assessable_episodes, one_a_day
from tendon_outcomes.cohort.outcome.endings import ended_at_the_start, endings_of, observed, why_censored
from tendon_outcomes.cohort.outcome.runs import confirmed_runs, looks_of
from tendon_outcomes.declarations import EndpointAsked
from tendon_outcomes.errors import NoUsableRows, WrongUse
from tendon_outcomes.results import Attrition
from tendon_outcomes.vocabulary import Code

Unconfirmed = Literal["censor", "event"]
Dated = Literal["first_of_run", "confirmed_on"]
Clock = Literal["day_0", "onset"]


@dataclass(frozen=True)
class FollowUp:
    """What is known of every episode's time to the endpoint.

    `episodes`, one row an episode: episode_id, patient_id, site_id, tendon, entry, left, right (null: not reached while
    followed), code (vocabulary.Code), last_failing (last failing assessment, also beyond the horizon; 0 when there is none),
    last_day (last assessment used), last_contact, n_assessments, confirmed_day, unconfirmed (the last assessments passed and
    nobody confirmed it), assessed_at_start, left_censored (no assessment failed before the run of passes that counts, or that is
    the last, and day 0 was not assessed: it may have been reached before day 0), and the records behind them: left_record,
    right_record, confirming_record, competing_record, ending_record (null where no record made the value; several of one day are
    joined by `;`).
    `assessments`: episode_id, day, passes, scheduled, record_id: those the intervals were made from. `dated` says what day an
    event has, `clock` from when days are counted.
    """

    endpoint: EndpointAsked
    horizon_days: int
    episodes: pl.DataFrame
    assessments: pl.DataFrame
    attrition: Attrition
    dated: Dated = "first_of_run"
    clock: Clock = "day_0"


@dataclass(frozen=True)
class Looks:
    """Every assessment of a cohort for one definition, one a day, and the episodes in which some look could pass.

    Confirmations and horizons can be tried on the same looks: only :func:`look` reads the records.
    """

    cohort: Cohort
    endpoint: EndpointAsked
    days: pl.DataFrame
    could: pl.DataFrame


def ascertain(
    cohort: Cohort,
    endpoint: EndpointAsked,
    *,
    horizon_weeks: int,
    unconfirmed: Unconfirmed = "censor",
    dated: Dated = "first_of_run",
) -> FollowUp:
    """Turn assessments, procedures and events into intervals.

    1. Every record of the endpoint's tables is judged: passes, fails, void or unknown. Void and unknown ones are no assessment.
    2. Not eligible, and counted: episodes with an event on day 0 that ends running; those in which no look could pass, because a
       day-0 or index value that the endpoint is measured against is missing or leaves no room; and those that pass on day 0. A
       change since day 0 cannot be passed on day 0.
    3. Follow-up stops the day before the first competing event: later assessments, and those of that day, are not used. (Of
       those who withdrew or went elsewhere the cohort holds nothing after that day.)
    4. The event is the first pass of the first unbroken run of passes that is confirmed as the declaration says. It happened
       in (left, right]: right is that first pass, left the last failing assessment before it, or day 0.
    5. Without an event a competing event counts on its exact day: (day - 1, day].
    6. Otherwise the episode is censored at its last failing assessment, or day 0: a last pass that nobody confirmed proves
       nothing yet. ``unconfirmed = "event"`` takes it as the event, also before a competing event, for another reading.
    7. An event first seen at or after the horizon, in an episode that was still failing at the horizon, is censored there.
    8. A censored episode counts as lost when nothing was heard of it in the `max_gap_days` before its recorded end or the
       horizon, whichever is first; an episode without a recorded end is held against the horizon (`why_censored`).

    ``dated = "first_of_run"`` looks ahead: that a first pass began a confirmed run is known only later, so it describes and
    may not start anything. ``dated = "confirmed_on"`` asks when recovery was known: the event is the confirming look on its
    exact day, (day - 1, day], and who has none is censored at the last look. Landmarks and weights need this reading.

    Raises
    ------
    NoUsableRows
        Nobody is left after step 2.
    WrongUse
        An unconfirmed pass is to count as the event, dated by a confirmation that it lacks.
    """
    return from_looks(look(cohort, endpoint), horizon_weeks=horizon_weeks, unconfirmed=unconfirmed, dated=dated)


def look(cohort: Cohort, endpoint: EndpointAsked) -> Looks:
    """Step 1 of :func:`ascertain`, and who could be seen to reach the endpoint."""
    days = one_a_day(assess(cohort, endpoint.version))
    if endpoint.version.change_since_day_0:
        days = days.with_columns(pl.col("passes") & (pl.col("day") != 0))
    return Looks(cohort, endpoint, days, assessable_episodes(cohort, endpoint.version))


def from_looks(
    looks: Looks, *, horizon_weeks: int, unconfirmed: Unconfirmed = "censor", dated: Dated = "first_of_run"
) -> FollowUp:
    """Steps 2 to 8 of :func:`ascertain`."""
    if unconfirmed == "event" and dated == "confirmed_on":
        raise WrongUse(
            "a pass that nobody confirmed has no day of confirmation",
            way_out='Ask for unconfirmed = "censor", or for dated = "first_of_run".',
        )
    cohort, endpoint = looks.cohort, looks.endpoint
    episodes, flow = eligible(looks)
    if episodes.is_empty():
        raise NoUsableRows(
            f"nobody can be followed to {endpoint.phrase}: all had reached it on day 0 or cannot be assessed for it",
            way_out="Look at the endpoint's definition against what the clinic records.",
        )
    endings, horizon_days, max_gap_days = endings_of(cohort), 7 * horizon_weeks, endpoint.version.max_gap_days
    used = observed(looks.days.join(episodes.select("episode_id"), on="episode_id", how="semi"), endings)
    known = episodes.select("episode_id", "patient_id", "site_id", "tendon")
    for part in (
        confirmed_runs(used, endpoint.version.confirmation, last_run_counts=unconfirmed == "event"),
        looks_of(used),
        why_censored(cohort, endings, horizon_days=horizon_days, max_gap_days=max_gap_days),
        endings.competing,
        endings.reasons,
    ):
        known = known.join(part, on="episode_id", how="left")
    may_precede = not endpoint.version.change_since_day_0
    intervals = _intervals(known, horizon_days=horizon_days, dated=dated, may_precede=may_precede)
    return FollowUp(endpoint, horizon_days, intervals, used, flow, dated)


def eligible(looks: Looks) -> tuple[pl.DataFrame, Attrition]:
    """Step 2 of :func:`ascertain`: the episodes that are followed, perhaps none, and the flow."""
    cohort, phrase = looks.cohort, looks.endpoint.phrase
    running = cohort.episodes.join(ended_at_the_start(cohort), on="episode_id", how="anti")
    could = running.join(looks.could, on="episode_id", how="semi")
    already = looks.days.filter(pl.col("day") == 0, "passes").select("episode_id")
    episodes = could.join(already, on="episode_id", how="anti")
    not_assessable = "a day-0 value that it is measured against is missing or leaves no room for it"
    steps = (
        ("an event on day 0 that ends running", cohort.episodes, running),
        (f"{phrase} not assessable: {not_assessable}", running, could),
        (f"had reached {phrase} on day 0 already", could, episodes),
    )
    flow = cohort.attrition
    for says, before, after in steps:
        flow = flow.then(says, n_before=before.height, n_after=after.height)
    return episodes, flow


def _intervals(known: pl.DataFrame, *, horizon_days: int, dated: Dated, may_precede: bool) -> pl.DataFrame:
    """Steps 4 to 8, one row an episode."""
    zero_if_none = [pl.col(name).fill_null(0) for name in ("last_failing", "last_day", "n_assessments")]
    never_failed = pl.when(pl.col("first_pass").is_not_null()).then("failing_before").otherwise("last_failing").is_null()
    known = known.with_columns(
        (pl.col("passes_first") & never_failed).fill_null(value=False).alias("unseen_before"),
        *zero_if_none,
        pl.col("first_pass").is_not_null().alias("reached"),
        (pl.col("first_pass").is_null() & pl.col("competing_day").is_not_null()).alias("competed"),
        pl.col("failing_before").fill_null(0).alias("begins_after"),
    )
    by_run = dated == "first_of_run"
    reached_left = pl.col("begins_after") if by_run else pl.col("confirmed_day") - 1
    reached_right = pl.col("first_pass") if by_run else pl.col("confirmed_day")
    censored_left = pl.col("last_failing") if by_run else pl.col("last_day")
    left = pl.when("reached").then(reached_left).when("competed").then(pl.col("competing_day") - 1).otherwise(censored_left)
    right = pl.when("reached").then(reached_right).when("competed").then("competing_day")
    code = pl.when("reached").then(Code.EVENT.value).when("competed").then("competing_code")
    known = known.with_columns(left.alias("at_least"), (left >= horizon_days).alias("beyond"))
    return known.select(
        "episode_id",
        "patient_id",
        "site_id",
        "tendon",
        pl.lit(0, dtype=pl.Int64()).alias("entry"),
        pl.min_horizontal("at_least", pl.lit(horizon_days)).alias("left"),
        pl.when(~pl.col("beyond")).then(right).alias("right"),
        pl.when("beyond")
        .then(Code.ADMINISTRATIVE.value)
        .otherwise(code.otherwise("censoring_code"))
        .cast(pl.Int64)
        .alias("code"),
        pl.when("reached").then("begins_after").otherwise("last_failing").alias("last_failing"),
        "last_day",
        "last_contact",
        "n_assessments",
        "confirmed_day",
        (pl.col("unconfirmed").fill_null(value=False) & ~pl.col("reached")).alias("unconfirmed"),
        pl.col("assessed_at_start").fill_null(value=False),
        (pl.col("unseen_before") & ~pl.col("assessed_at_start").fill_null(value=True) & may_precede).alias("left_censored"),
        *_records(by_run=by_run),
        "confirming_record",
        "competing_record",
        "ending_record",
    ).sort("episode_id")


def _records(*, by_run: bool) -> tuple[pl.Expr, pl.Expr]:
    """The records that made left and right: a confirmed day has no failing look before it, a competing day none at all."""
    reached, exact = pl.col("reached"), pl.col("competed") & ~pl.col("beyond")
    left = pl.when(reached).then("left_record" if by_run else None).when(~exact).then("last_failing_record")
    return left.alias("left_record"), pl.when(reached).then("right_record" if by_run else "confirming_record").alias(
        "right_record"
    )
