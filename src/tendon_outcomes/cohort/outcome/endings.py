"""What ended an episode's follow-up: competing events on their day, or why nobody looked any longer."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.contacts import contacts_of
from tendon_outcomes.vocabulary import Code

PROCEDURE_CODES = {
    "surgery": Code.SURGERY,
    "prp": Code.PRP,
    "corticosteroid_injection": Code.CORTICOSTEROID_INJECTION,
    "eswt": Code.ESWT,
}
EVENT_CODES = {
    "administrative_end": Code.ADMINISTRATIVE,
    "lost_to_follow_up": Code.LOST,
    "withdrew": Code.WITHDREW,
    "transferred": Code.WITHDREW,
    "other_injury": Code.OTHER_INJURY,
    "stopped_running": Code.STOPPED_RUNNING,
    "pregnancy_illness": Code.PREGNANCY_ILLNESS,
    "rupture": Code.RUPTURE,
    "death": Code.DEATH,
}


@dataclass(frozen=True)
class Endings:
    """What ended each episode's follow-up, at most one row an episode.

    `competing`: episode_id, competing_day, competing_code, competing_record. `reasons`: episode_id, ending_day, ending_code,
    ending_record. Of those who withdrew a cohort holds nothing after that day.
    """

    competing: pl.DataFrame
    reasons: pl.DataFrame


def endings_of(cohort: Cohort) -> Endings:
    """The first competing event after day 0, and the recorded reason of censoring.

    1. Of two competing events on one day the one with the smaller code counts, so that the answer does not depend on row order.
    2. The reason of censoring is the withdrawal or transfer, where there is one; else the first end on record, of two on one day
       the smaller code.
    """
    ends = _coded(cohort, "event", EVENT_CODES).filter(pl.col("code") < Code.SURGERY.value)
    left = _first(ends.filter(pl.col("code") == Code.WITHDREW.value))
    reasons = pl.concat([left, _first(ends.join(left, on="episode_id", how="anti"))])
    happened = pl.concat([_coded(cohort, "procedure", PROCEDURE_CODES), _coded(cohort, "event", EVENT_CODES)])
    competing = _first(happened.filter(pl.col("code") >= Code.SURGERY.value, pl.col("day") > 0))
    return Endings(competing.rename(_named("competing")), reasons.rename(_named("ending")))


def ended_at_the_start(cohort: Cohort) -> pl.DataFrame:
    """Episodes with an event on day 0 after which nobody runs: they have no time in which to recover."""
    coded = _coded(cohort, "event", EVENT_CODES)
    return coded.filter(pl.col("code") >= Code.SURGERY.value, pl.col("day") <= 0).select("episode_id").unique()


def observed(rows: pl.DataFrame, endings: Endings) -> pl.DataFrame:
    """The rows (episode_id, day, ...) before the first competing event, in their order."""
    competing = endings.competing.select("episode_id", "competing_day")
    before = pl.col("competing_day").is_null() | (pl.col("day") < pl.col("competing_day"))
    return rows.join(competing, on="episode_id", how="left", maintain_order="left").filter(before).drop("competing_day")


def why_censored(cohort: Cohort, endings: Endings, *, horizon_days: int, max_gap_days: int) -> pl.DataFrame:
    """Why an episode without an event was no longer looked at: episode_id, last_contact, censoring_code.

    1. The end is that of the recorded reason or the horizon, whichever comes first. A recorded loss is no end: it says that
       nothing was heard, which contacts show better than its day. A reason after the horizon is none.
    2. Lost is who was recorded as lost by the horizon and not heard of since. Lost is also, whatever is on record but a
       withdrawal, of whom nothing was heard in the ``max_gap_days`` before the end.
    3. Else the recorded reason stands, and without one the end is administrative.

    `last_contact` is the last one of all, which may lie after the end.
    """
    lost, withdrew = (pl.col("ending_code") == code.value for code in (Code.LOST, Code.WITHDREW))
    reason = endings.reasons.filter(pl.col("ending_day") <= horizon_days)
    known = cohort.episodes.select("episode_id").join(reason, on="episode_id", how="left")
    end = pl.when(lost).then(horizon_days).otherwise(pl.col("ending_day")).fill_null(horizon_days)
    known = known.with_columns(end.alias("end"))
    contacts = contacts_of(cohort.tables)
    in_time = pl.col("day").filter(pl.col("day") <= horizon_days)
    last = contacts.group_by("episode_id").agg(
        pl.col("day").max().alias("last_contact"), in_time.max().alias("heard_by_the_horizon")
    )
    # Only who ended before the horizon is looked at row by row: the log of a registry has millions of rows.
    early = known.filter(pl.col("end") < horizon_days).select("episode_id", "end")
    by_end = contacts.join(early, on="episode_id").filter(pl.col("day") <= pl.col("end"))
    known = (
        known.join(last, on="episode_id", how="left")
        .join(by_end.group_by("episode_id").agg(pl.col("day").max().alias("heard_early")), on="episode_id", how="left")
        .with_columns(
            pl.col("last_contact").fill_null(0),
            pl.when(pl.col("end") < horizon_days).then("heard_early").otherwise("heard_by_the_horizon").alias("heard_by_the_end"),
        )
    )
    silent = pl.col("heard_by_the_end").fill_null(0) < pl.col("end") - max_gap_days
    lost_for_good = lost & (pl.col("last_contact") <= pl.col("ending_day"))
    code = (
        pl.when(withdrew)
        .then(Code.WITHDREW.value)
        .when(lost_for_good | silent)
        .then(Code.LOST.value)
        .otherwise(Code.ADMINISTRATIVE.value)
    )
    return known.select("episode_id", "last_contact", code.cast(pl.Int64).alias("censoring_code"))


def _first(coded: pl.DataFrame) -> pl.DataFrame:
    """The first row of each episode, of several on one day that with the smallest code."""
    return coded.sort("episode_id", "day", "code", "record_id").unique("episode_id", keep="first", maintain_order=True)


def _named(kind: str) -> dict[str, str]:
    return {"day": f"{kind}_day", "code": f"{kind}_code", "record_id": f"{kind}_record"}


def _coded(cohort: Cohort, table: str, codes: dict[str, Code]) -> pl.DataFrame:
    values = {name: code.value for name, code in codes.items()}
    code = pl.col(table).replace_strict(values, default=None, return_dtype=pl.Int64())
    return cohort.tables[table].select("episode_id", "day", code.alias("code"), "record_id").filter(pl.col("code").is_not_null())
