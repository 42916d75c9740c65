"""Recovery and relapse: the whole path of an episode between symptomatic, pain-free and what ends it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.outcome.ascertain import FollowUp
from tendon_outcomes.cohort.outcome.assessments import flagged
from tendon_outcomes.cohort.outcome.endings import endings_of, observed
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
    3. Steps 1 and 2 take turns. A competing event ends the path on its exact day, whatever the state; a withdrawal ends it too.
    4. A silence of ``gap_days`` (the population's `recurrence_gap_days` unless given; 0: not asked) after a passing look ends the
       path as lost: pain that comes after it is a recurrence, and an episode of its own.

    Painful looks are judged on every row, also on one that a pain killer voids as an assessment: pain in spite of it is pain.

    Raises
    ------
    WrongUse
        The endpoint declares no relapse.
    """
    relapse = follow_up.endpoint.relapse
    if relapse is None:
        raise WrongUse(
            f"{follow_up.endpoint.reference} declares no relapse", way_out="Add [relapse] to its file in data_schemas/endpoints."
        )
    gap = cohort.population.recurrence_gap_days if gap_days is None else gap_days
    competing, endings = endings_of(cohort)
    looks, silent = _before_a_silence(_looks(cohort, follow_up, relapse, competing, endings), gap)
    moves = _moves(looks, follow_up.endpoint.version.confirmation, relapse)
    last = _last_rows(follow_up, moves, looks, competing, endings, silent)
    return Histories(pl.concat([moves, last]).sort("episode_id", "number"), gap)


def _looks(cohort: Cohort, follow_up: FollowUp, relapse: Relapse, competing: pl.DataFrame, endings: pl.DataFrame) -> pl.DataFrame:
    """One row an episode and day: passes (null where it is no assessment), painful, at_once, record_id."""
    flags = {"painful": relapse.painful_when, "at_once": relapse.at_once_when}
    rows = flagged(cohort, follow_up.endpoint.version.assessed_in, flags).filter(pl.col("painful") | pl.col("at_once"))
    own = observed(rows.join(follow_up.episodes.select("episode_id"), on="episode_id", how="semi"), competing, endings)
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


def _before_a_silence(looks: pl.DataFrame, gap_days: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Step 4: the looks up to the first such silence, and the episodes that have one."""
    if not gap_days:
        return looks, looks.select("episode_id").clear()
    gap = (pl.col("day") - pl.col("day").shift(1) >= gap_days) & pl.col("passes").shift(1)
    parted = looks.with_columns(gap.fill_null(value=False).cum_sum().over("episode_id").alias("silences"))
    after = parted.filter(pl.col("silences") > 0).select("episode_id").unique()
    return parted.filter(pl.col("silences") == 0).drop("silences"), after


def _moves(looks: pl.DataFrame, confirmation: Confirmation, relapse: Relapse) -> pl.DataFrame:
    since = looks.select(
        "episode_id", pl.lit(-1, dtype=pl.Int64()).alias("since"), pl.lit(None, dtype=pl.String()).alias("since_record")
    ).unique()
    moves: list[pl.DataFrame] = []
    for number in count(1):
        ahead = looks.join(since, on="episode_id").filter(pl.col("day") > pl.col("since")).sort("episode_id", "day")
        found = _recoveries(ahead, confirmation) if number % 2 else _relapses(ahead, relapse)
        origin, target = _TURNS[number % 2]
        moves.append(
            found.select(
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
        )
        if found.is_empty():
            break
        since = found.select("episode_id", pl.col("right").alias("since"), pl.col("right_record").alias("since_record"))
    return pl.concat(moves)


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
    competing: pl.DataFrame,
    endings: pl.DataFrame,
    silent: pl.DataFrame,
) -> pl.DataFrame:
    """How observation ended, and in which state."""
    last_move = moves.sort("episode_id", "number").unique("episode_id", keep="last")
    last_look = looks.unique("episode_id", keep="last", maintain_order=True)
    known = follow_up.episodes.select("episode_id")
    for part in (
        last_move.select("episode_id", "number", "to_state"),
        last_look.select("episode_id", pl.col("day").alias("last_look"), pl.col("record_id").alias("last_record")),
        competing,
        endings,
        silent.with_columns(pl.lit(value=True).alias("silent")),
    ):
        known = known.join(part, on="episode_id", how="left")
    ends = pl.col("competing_day").is_not_null() & pl.col("silent").is_null()
    reason = pl.when(pl.col("silent").is_null()).then("ending_code").fill_null(Code.LOST.value)
    return known.select(
        "episode_id",
        (pl.col("number").fill_null(0) + 1).alias("number"),
        pl.col("to_state").fill_null(State.SYMPTOMATIC.value).alias("from_state"),
        pl.lit(None, dtype=pl.String()).alias("to_state"),
        pl.when(ends).then(pl.col("competing_day") - 1).otherwise(pl.col("last_look").fill_null(0)).alias("left"),
        pl.when(ends).then("competing_day").alias("right"),
        pl.when(ends).then("competing_code").otherwise(reason).alias("code"),
        pl.when(~ends).then("last_record").alias("left_record"),
        pl.when(ends).then("competing_record").alias("right_record"),
    )
