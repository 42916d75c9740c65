"""A declared table as a pandera schema. Only rule, column and row leave it; its own messages quote patients' values."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.errors import SchemaErrors

from tendon_outcomes.declarations import Column, Table
from tendon_outcomes.records.conversion import CODES_JOINED_BY
from tendon_outcomes.records.rules import CELL_RULES, Breach
from tendon_outcomes.records.validated import dtype_of

_NULL_CHECK = "not_nullable"


def table_schema(table: Table, recorded: tuple[str, ...]) -> pa.DataFrameSchema:
    """The declared types, ranges, codes and required cells of the recorded columns, as pandera checks them."""
    columns = {
        name: pa.Column(dtype_of(column), list(_checks(column)), nullable=not column.required, required=True)
        for name, column in ((name, table.column[name]) for name in recorded)
    }
    return pa.DataFrameSchema(columns, name=table.table, coerce=False, strict=False)


def schema_breaches(table: Table, frame: pl.DataFrame, recorded: tuple[str, ...]) -> list[Breach]:
    """Rows that break the declared range, codes or requiredness of a column."""
    cases = _failure_cases(table_schema(table, recorded), frame.select(recorded))
    found = []
    for (name, check), group in cases.group_by("column", "check", maintain_order=True):
        rule = "required" if check == _NULL_CHECK else str(check)
        rows = group["index"].cast(pl.Int64).sort()
        found.append(Breach(f"{table.table}.{name}.{rule}", str(name), _says(rule, table.column[str(name)]), rows))
    return sorted(found, key=lambda one: (recorded.index(one.column), one.rule))


def _failure_cases(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> pl.DataFrame:
    # Eager on purpose: given a LazyFrame, pandera looks at column names and types only and every bad row passes.
    cases = pl.DataFrame(schema={"column": pl.String, "check": pl.String, "index": pl.Int64})
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.select("column", "check", "index")
    misfits = cases.filter(pl.col("index").is_null() | ~pl.col("check").is_in([_NULL_CHECK, "range", "code"]))
    if len(misfits):
        raise AssertionError(f"the schema of {schema.name} does not fit the columns it was made for")
    return cases


def _checks(column: Column) -> Iterator[pa.Check]:
    if column.range is not None:
        yield pa.Check.in_range(*column.range, error="range")
    if column.type == "code":
        yield pa.Check.isin(list(column.codes), error="code")
    if column.type == "codes":
        yield pa.Check(_every_part_in(list(column.codes)), error="code")


def _every_part_in(codes: list[str]) -> Callable[[PolarsData], pl.LazyFrame]:
    def check(data: PolarsData) -> pl.LazyFrame:
        parts = pl.col(data.key or "").str.split(CODES_JOINED_BY)
        return data.lazyframe.select(parts.list.eval(pl.element().is_in(codes)).list.all())

    return check


def _says(rule: str, column: Column) -> str:
    if rule == "range" and column.range is not None:
        low, high = column.range
        return f"outside the declared range {low:g} to {high:g}"
    return CELL_RULES[rule]
