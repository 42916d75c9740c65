"""Scores, pain and distance as rows in the manner of ADaM's BDS: one an episode, parameter and assessment."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.declarations.exports import ExportParameter, Exports
from tendon_outcomes.declarations.visit_windows import VisitWindows

TABLES = ("visit", "run_week")
"""In this order: of two values of one day that of the visit comes first."""
_KEY = ["USUBJID", "PARAMCD"]
_ROW = [*_KEY, "SRCDOM", "RECID"]
"""One row: a file may feed both tables, so that the record alone does not tell."""


def measures(cohort: Cohort, exports: Exports, windows: VisitWindows) -> pl.DataFrame:
    """Every recorded value of every parameter of the cohort's tendon, and every reason why one is empty.

    1. A row for each assessment that holds a value or a reason for its absence.
    2. BASE is the value of day 0, from the visit where there is one; CHG and PCHG follow it after day 0.
    3. AVISIT is the declared window that holds the day; within it ANL01FL marks the value nearest to the target, of two as near
       the later one.
    """
    instruments = {one.instrument for one in cohort.population.instruments}
    parts = [
        _values(cohort.tables[table], table, code, parameter)
        for code, parameter in exports.parameter.items()
        if not parameter.instrument or parameter.instrument in instruments
        for table in TABLES
        if parameter.column in cohort.tables[table].columns
    ]
    people = cohort.episodes.select(USUBJID="episode_id", PATID="patient_id", SITEID="site_id")
    rows = pl.concat(parts).join(people, on="USUBJID", how="left")
    return _in_windows(_against_day_zero(rows), windows).sort(*_KEY, "ADY", "rank").drop("rank")


def _values(records: pl.DataFrame, table: str, code: str, parameter: ExportParameter) -> pl.DataFrame:
    reason = f"{parameter.column}_reason"
    reason_column = pl.col(reason) if reason in records.columns else pl.lit(None, dtype=pl.String())
    of_visit = {name: pl.col(name) if name in records.columns else pl.lit(None, dtype=pl.String()) for name in _VISIT_WORDS}
    kept = records.filter(*(pl.col(name) == value for name, value in parameter.only_where.items()))
    return kept.select(
        USUBJID="episode_id",
        PARAM=pl.lit(parameter.label),
        PARAMCD=pl.lit(code),
        AVAL=pl.col(parameter.column).cast(pl.Float64),
        REASND=pl.when(pl.col(parameter.column).is_null()).then(reason_column),
        ADY="day",
        VISREAS=of_visit["visit_reason"],
        VISLBL=of_visit["visit_label"],
        SRCDOM=pl.lit(table),
        SRCVAR=pl.lit(parameter.column),
        RECID="record_id",
        rank=pl.lit(TABLES.index(table)),
    ).filter(pl.col("AVAL").is_not_null() | pl.col("REASND").is_not_null())


_VISIT_WORDS = ("visit_reason", "visit_label")


def _against_day_zero(rows: pl.DataFrame) -> pl.DataFrame:
    on_day_zero = rows.filter(pl.col("ADY") == 0, pl.col("AVAL").is_not_null()).sort("rank")
    base = on_day_zero.unique(_KEY, keep="first", maintain_order=True)
    later = pl.col("ADY") > 0
    change = pl.col("AVAL") - pl.col("BASE")
    return (
        rows.join(base.select(*_KEY, BASE="AVAL"), on=_KEY, how="left")
        .join(base.select(*_ROW, ABLFL=pl.lit("Y")), on=_ROW, how="left")
        .with_columns(
            CHG=pl.when(later).then(change),
            PCHG=pl.when(later, pl.col("BASE") != 0).then(100 * change / pl.col("BASE")),
        )
    )


def _in_windows(rows: pl.DataFrame, windows: VisitWindows) -> pl.DataFrame:
    declared = [(name, one.target_day, one.from_day, one.to_day) for name, one in windows.window.items()]
    schema = {"AVISIT": pl.String(), "AWTARGET": pl.Int64(), "AWLO": pl.Int64(), "AWHI": pl.Int64()}
    days = rows.select(pl.col("ADY").unique())
    held = days.join(pl.DataFrame(declared, schema=schema, orient="row"), how="cross")
    held = held.filter(pl.col("ADY").is_between("AWLO", "AWHI"))  # no two windows share a day
    labelled = rows.join(held, on="ADY", how="left").with_columns(ADYWIN=pl.col("ADY") - pl.col("AWTARGET"))
    labelled = labelled.with_columns(AWTDIFF=pl.col("ADYWIN").abs())
    recorded = labelled.filter(pl.col("AVAL").is_not_null(), pl.col("AVISIT").is_not_null())
    nearest = recorded.sort("AWTDIFF", -pl.col("ADY"), "rank").unique([*_KEY, "AVISIT"], keep="first", maintain_order=True)
    return labelled.join(nearest.select(*_ROW, ANL01FL=pl.lit("Y")), on=_ROW, how="left")
