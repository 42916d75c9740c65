"""What ended an episode's follow-up: competing events on their day, or why nobody looked any longer."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
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


def endings_of(cohort: Cohort) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Competing events up to the day on which a patient withdrew or left, and the recorded reasons of censoring."""
    endings = censoring_reasons(cohort)
    competing = (
        competing_events(cohort)
        .join(_withdrawals(endings), on="episode_id", how="left")
        .filter(pl.col("withdrew").is_null() | (pl.col("competing_day") <= pl.col("withdrew")))
        .drop("withdrew")
    )
    return competing, endings


def observed(rows: pl.DataFrame, competing: pl.DataFrame, endings: pl.DataFrame) -> pl.DataFrame:
    """The rows (episode_id, day, ...) before the first competing event and up to a withdrawal, in their order."""
    return (
        rows.join(competing.select("episode_id", "competing_day"), on="episode_id", how="left", maintain_order="left")
        .join(_withdrawals(endings), on="episode_id", how="left", maintain_order="left")
        .filter(
            pl.col("competing_day").is_null() | (pl.col("day") < pl.col("competing_day")),
            pl.col("withdrew").is_null() | (pl.col("day") <= pl.col("withdrew")),
        )
        .drop("competing_day", "withdrew")
    )


def competing_events(cohort: Cohort) -> pl.DataFrame:
    """The first competing event after day 0 of each episode: episode_id, competing_day, competing_code, competing_record.

    Two on one day: the one with the smaller code, so that the answer does not depend on row order.
    """
    coded = pl.concat([_coded(cohort, "procedure", PROCEDURE_CODES), _coded(cohort, "event", EVENT_CODES)])
    return (
        coded.filter(pl.col("code") >= Code.SURGERY.value, pl.col("day") > 0)
        .sort("episode_id", "day", "code", "record_id")
        .group_by("episode_id", maintain_order=True)
        .first()
        .rename({"day": "competing_day", "code": "competing_code", "record_id": "competing_record"})
    )


def censoring_reasons(cohort: Cohort) -> pl.DataFrame:
    """The recorded reason why follow-up ended without an event: episode_id, ending_day, ending_code, ending_record."""
    coded = _coded(cohort, "event", EVENT_CODES)
    return (
        coded.filter(pl.col("code") < Code.SURGERY.value)
        .sort("episode_id", "day", "code", "record_id")
        .group_by("episode_id", maintain_order=True)
        .first()
        .rename({"day": "ending_day", "code": "ending_code", "record_id": "ending_record"})
    )


def last_contacts(cohort: Cohort) -> pl.DataFrame:
    """The last day on which anything was heard of each episode: a visit, a report or a logged session."""
    rows = [cohort.tables[name].select("episode_id", "day") for name in ("visit", "run_week", "session")]
    return pl.concat(rows).group_by("episode_id").agg(pl.col("day").max().alias("last_contact"))


def _withdrawals(endings: pl.DataFrame) -> pl.DataFrame:
    return endings.filter(pl.col("ending_code") == Code.WITHDREW.value).select("episode_id", withdrew="ending_day")


def _coded(cohort: Cohort, table: str, codes: dict[str, Code]) -> pl.DataFrame:
    values = {name: code.value for name, code in codes.items()}
    code = pl.col(table).replace_strict(values, default=None, return_dtype=pl.Int64())
    return cohort.tables[table].select("episode_id", "day", code.alias("code"), "record_id").filter(pl.col("code").is_not_null())
