"""Recovery and relapse: the whole path of an episode between symptomatic, pain-free and what ends it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.contacts import contacts_of
from tendon_outcomes.cohort.outcome.ascertain import FollowUp
from tendon_outcomes.cohort.outcome.assessments import flagged
from tendon_outcomes.cohort.outcome.endings import Endings, endings_of, observed, why_censored
from tendon_outcomes.cohort.outcome.runs import confirmed_runs
from tendon_outcomes.declarations import Confirmation, Relapse
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.vocabulary import Code, State

MOVES = ("episode_id", "left", "right", "left_record", "right_record")
_TURNS = {1: (State.SYMPTOMATIC, State.PAIN_FREE), 0: (State.PAIN_FREE, State.SYMPTOMATIC)}
"""From and to of the moves with an odd and with an even number."""


@dataclass(frozen=True)
class Histories:
    """The paths of all episodes of one follow-up.

    `transitions`: one row a move, and a last row an episode that says how observation ended: episode_id, number (from 1),
    from_state, to_state (null in the last row), left, right, code (null for a move; else how it ended, a vocabulary.Code),
    left_record, right_record. A move happened in (left, right]. A path that was censored has left = the last look and no right;
    a competing event ends it in (day - 1, day].
    """

    transitions: pl.DataFrame
    gap_days: int


def histories(cohort: Cohort, follow_up: FollowUp, *, gap_days: int | None = None) -> Histories:
    """Follow every episode beyond its first recovery: symptomatic and pain-free in turn, until an absorbing event or silence.

    1. An episode begins symptomatic. It becomes pain-free with the first pass of the first confirmed run of passes since its last
       move, in (last look that does not pass, first pass]: the rule and the looks of `follow_up`.
    2. It is symptomatic again with the first of `occasions` painful looks that no passing look parts, or with one look that is
       enough by itself, in (last look before it that was not painful, that look].
    3. Pain that begins after ``gap_days`` (the population's `recurrence_gap_days` unless given; 0: not asked) in which nothing
       was heard of a pain-free runner is a recurrence and an episode of its own: the path ended, lost, with the look before the
       gap. A gap after which the runner is still pain-free ends nothing.
    4. The steps take turns. A competing event ends the path on its exact day, whatever the state; a withdrawal ends it too. The
       reason of censoring is that of `follow_up` (`why_censored`).

    Painful looks are judged on every row, also on one that a pain killer voids as an assessment: pain in spite of it is pain.

    Raises
    ------
    WrongUse
        The endpoint declares no relapse, or the follow-up counts from another day than day 0, or dates by confirmations.
    """
    relapse = _relapse_of(follow_up)
    gap = cohort.population.recurrence_gap_days if gap_days is None else gap_days
    endings = endings_of(cohort)
    looks = _looks(cohort, follow_up, relapse, endings)
    moves, recurred = _moves(looks, follow_up.endpoint.version.confirmation, relapse, contacts_of(cohort.tables), gap)
    reasons = why_censored(
        cohort, endings, horizon_days=follow_up.horizon_days, max_gap_days=follow_up.endpoint.version.max_gap_days
    )
    last = _last_rows(follow_up, moves, looks, endings, recurred, reasons)
    return Histories(pl.concat([moves, last]).sort("episode_id", "number"), gap)


def _relapse_of(follow_up: FollowUp) -> Relapse:
    relapse = follow_up.endpoint.relapse
    if relapse is None:
        raise WrongUse(
            f"{follow_up.endpoint.reference} declares no relapse", way_out="Add [relapse] to its file in data_schemas/endpoints."
        )
    if follow_up.clock != "day_0" or follow_up.dated != "first_of_run" or (follow_up.episodes["entry"] != 0).any():
        raise WrongUse(
            "a path begins on day 0 and dates by first passes, and this follow-up does not",
            way_out="Give the follow-up as `ascertain` made it, before a landmark or another clock.",
        )
    return relapse


def _looks(cohort: Cohort, follow_up: FollowUp, relapse: Relapse, endings: Endings) -> pl.DataFrame:
    """One row an episode and day: passes (null where it is no assessment), bad, at_once, record_id."""
    flags = {"painful": relapse.painful_when, "at_once": relapse.at_once_when}
    rows = flagged(cohort, follow_up.endpoint.version.assessed_in, flags).filter(pl.col("painful") | pl.col("at_once"))
    own = observed(rows.join(follow_up.episodes.select("episode_id"), on="episode_id", how="semi"), endings)
    hurt = own.group_by("episode_id", "day").agg(
        pl.col("painful").any(), pl.col("at_once").any(), pl.col("record_id").sort().str.join(";").alias("hurt_record")
    )
    judged = follow_up.assessments.select("episode_id", "day", "passes", "record_id")
    return (
        judged.join(hurt, on=["episode_id", "day"], how="full", coalesce=True)
        .with_columns(
            (pl.col("painful") | pl.col("at_once")).fill_null(value=False).alias("bad"),
            pl.col("at_once").fill_null(value=False),
            pl.coalesce("hurt_record", "record_id").alias("record_id"),
        )
        .select("episode_id", "day", "passes", "bad", "at_once", "record_id")
        .sort("episode_id", "day")
    )


def _moves(
    looks: pl.DataFrame, confirmation: Confirmation, relapse: Relapse, contacts: pl.DataFrame, gap_days: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The moves, and the recurrences (as moves that were none) with which paths ended."""
    since = looks.select(
        "episode_id", pl.lit(-1, dtype=pl.Int64()).alias("since"), pl.lit(None, dtype=pl.String()).alias("since_record")
    ).unique()
    moves, recurred = [], []
    for number in count(1):
        ahead = looks.join(since, on="episode_id").filter(pl.col("day") > pl.col("since")).sort("episode_id", "day")
        found = _recoveries(ahead, confirmation) if number % 2 else _relapses(ahead, relapse)
        if not number % 2:
            again = _after_silence(found, contacts, gap_days)
            recurred.append(again)
            found = found.join(again, on="episode_id", how="anti")
        moves.append(_as_moves(found, number))
        if found.is_empty():
            break
        since = found.select("episode_id", pl.col("right").alias("since"), pl.col("right_record").alias("since_record"))
    none = _relapses(looks.clear().with_columns(since=pl.lit(0, dtype=pl.Int64()), since_record=pl.lit("")), relapse)
    return pl.concat(moves), pl.concat([none, *recurred])


def _as_moves(found: pl.DataFrame, number: int) -> pl.DataFrame:
    origin, target = _TURNS[number % 2]
    return found.select(
        "episode_id",
        pl.lit(number, dtype=pl.Int64()).alias("number"),
        pl.lit(origin.value).alias("from_state"),
        pl.lit(target.value).alias("to_state"),
        pl.col("left").clip(lower_bound=0),
        "right",
        pl.lit(None, dtype=pl.Int64()).alias("code"),
        "left_record",
        "right_record",
    )


def _after_silence(relapses: pl.DataFrame, contacts: pl.DataFrame, gap_days: int) -> pl.DataFrame:
    """Step 3: those before whose first painful look nothing was heard for ``gap_days``."""
    if not gap_days:
        return relapses.clear()
    before = contacts.join(relapses.select("episode_id", "right"), on="episode_id").filter(pl.col("day") < pl.col("right"))
    last = before.group_by("episode_id").agg(pl.col("day").max().alias("heard"))
    known = relapses.join(last, on="episode_id")
    return known.filter(pl.col("right") - pl.col("heard") >= gap_days).select(relapses.columns)


def _recoveries(ahead: pl.DataFrame, confirmation: Confirmation) -> pl.DataFrame:
    """Step 1, on assessments alone, so that the first recovery is the one that was ascertained."""
    judged = ahead.filter(pl.col("passes").is_not_null())
    runs = confirmed_runs(judged, confirmation).filter(pl.col("first_pass").is_not_null())
    return _since(
        runs.select("episode_id", pl.col("failing_before").alias("left"), pl.col("first_pass").alias("right"), *MOVES[3:]), ahead
    )


def _relapses(ahead: pl.DataFrame, relapse: Relapse) -> pl.DataFrame:
    """Step 2. Looks that neither pass nor hurt part no spell of painful ones."""
    decided = ahead.filter(pl.col("bad") | pl.col("passes").fill_null(value=False))
    spells = decided.with_columns((~pl.col("bad")).cum_sum().over("episode_id").alias("spell")).filter("bad")
    spells = spells.with_columns(pl.len().over("episode_id", "spell").alias("occasions"))
    begins = (
        spells.filter(pl.col("at_once") | (pl.col("occasions") >= relapse.occasions))
        .unique("episode_id", keep="first", maintain_order=True)
        .select("episode_id", pl.col("day").alias("right"), pl.col("record_id").alias("right_record"))
    )
    well = ahead.filter(~pl.col("bad")).select(
        "episode_id", pl.col("day").alias("left"), pl.col("record_id").alias("left_record")
    )
    before = begins.sort("right").join_asof(
        well.sort("left"),
        left_on="right",
        right_on="left",
        by="episode_id",
        strategy="backward",
        coalesce=False,
        check_sortedness=False,
    )
    return _since(before.select(MOVES), ahead)


def _since(found: pl.DataFrame, ahead: pl.DataFrame) -> pl.DataFrame:
    """Moves whose left end is the last move, and the record of its look, where no look lies between."""
    origin = ahead.unique("episode_id", keep="first", maintain_order=True).select("episode_id", "since", "since_record")
    return found.join(origin, on="episode_id", how="left").select(
        "episode_id",
        pl.coalesce("left", "since").alias("left"),
        "right",
        pl.coalesce("left_record", "since_record").alias("left_record"),
        "right_record",
    )


def _last_rows(
    follow_up: FollowUp,
    moves: pl.DataFrame,
    looks: pl.DataFrame,
    endings: Endings,
    recurred: pl.DataFrame,
    reasons: pl.DataFrame,
) -> pl.DataFrame:
    """How observation ended, and in which state."""
    last_move = moves.sort("episode_id", "number").unique("episode_id", keep="last")
    last_look = looks.unique("episode_id", keep="last", maintain_order=True)
    known = follow_up.episodes.select("episode_id")
    for part in (
        last_move.select("episode_id", "number", "to_state"),
        last_look.select("episode_id", pl.col("day").alias("last_look"), pl.col("record_id").alias("last_record")),
        endings.competing,
        reasons,
        recurred.select("episode_id", pl.col("left").alias("before_gap"), pl.col("left_record").alias("gap_record")),
    ):
        known = known.join(part, on="episode_id", how="left")
    again = pl.col("before_gap").is_not_null()
    ends = pl.col("competing_day").is_not_null() & ~again
    seen = pl.coalesce("before_gap", "last_look").fill_null(0)
    return known.select(
        "episode_id",
        (pl.col("number").fill_null(0) + 1).alias("number"),
        pl.col("to_state").fill_null(State.SYMPTOMATIC.value).alias("from_state"),
        pl.lit(None, dtype=pl.String()).alias("to_state"),
        pl.when(ends).then(pl.col("competing_day") - 1).otherwise(seen).alias("left"),
        pl.when(ends).then("competing_day").alias("right"),
        pl.when(ends).then("competing_code").when(again).then(Code.LOST.value).otherwise("censoring_code").alias("code"),
        pl.when(~ends).then(pl.when(again).then("gap_record").otherwise("last_record")).alias("left_record"),
        pl.when(ends).then("competing_record").alias("right_record"),
    )
