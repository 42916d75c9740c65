"""A synthetic clinic's tables as accepted records, without the way over files; and the population that takes every episode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from tendon_outcomes.declarations import Declarations, Population, load_protocol, resolve, shipped
from tendon_outcomes.records import RECORD_ID, ValidatedRecords, dtype_of


def records_of(tables: Mapping[str, pl.DataFrame], declared: Declarations) -> ValidatedRecords:
    """What `ingest` accepts of these tables: every declared column in its type, and where each row comes from."""
    return ValidatedRecords(tables={name: _declared(name, tables[name], declared) for name in declared.tables}, ledger=())


def _declared(name: str, rows: pl.DataFrame, declared: Declarations) -> pl.DataFrame:
    origin = pl.format(f"{name}.csv#{{}}", pl.int_range(1, pl.len() + 1)).alias(RECORD_ID)
    columns = declared.tables[name].column
    return rows.select(
        origin,
        *((pl.col(one) if one in rows.columns else pl.lit(None)).cast(dtype_of(of)).alias(one) for one, of in columns.items()),
    )


def everyone(declared: Declarations) -> Population:
    """All episodes of the proximal hamstring: the synthetic clinic's truth holds for those outside the usual population too."""
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    usual = protocol.estimand("pain_free_by_26_weeks").population
    return replace(
        usual,
        name="everyone",
        says="every episode",
        criteria=(),
        washout_procedures=(),
        excluded_procedures=(),
        phenotype=None,
        phenotypes=(),
        recurrence_gap_days=0,
    )
