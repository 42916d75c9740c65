"""Text cells into the declared columns, entry by entry of the column map. Calendar dates become days here."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tendon_outcomes.declarations import Column, ColumnMap, ColumnSource, Table
from tendon_outcomes.records.columns import Assignment
from tendon_outcomes.records.conversion import Converted, constant_series, convert, read_dates
from tendon_outcomes.records.raw import BLANKS, RECORD, RawFile, RawTables
from tendon_outcomes.records.rules import CELL_RULES, REPAIRS, STRUCTURAL, Action, Breach, breach
from tendon_outcomes.records.validated import RECORD_ID, dtype_of

ENTRY = " entry"
"""Position of the column-map entry a row came through; dropped before the rows leave the room, like INDEX_DATE."""

INDEX_DATE = " index_date"

_UNREADABLE_CHARACTER = "\ufffd"


@dataclass(frozen=True)
class MappedTable:
    """The rows of one table from every entry that feeds it, typed, with the cell rules they break so far.

    `frame` holds every declared column after RECORD_ID, ENTRY, RECORD and INDEX_DATE. `recorded` are the columns that the
    export fills.
    """

    table: Table
    frame: pl.DataFrame
    breaches: tuple[Breach, ...]
    recorded: tuple[str, ...]


def map_table(table: Table, assignments: tuple[Assignment, ...], raw: RawTables, column_map: ColumnMap) -> MappedTable:
    """Convert and stack the rows of every entry that feeds ``table``."""
    parts: list[pl.DataFrame] = []
    breaches: list[Breach] = []
    n_rows = 0
    for position, one in enumerate(assignments):
        if one.table.table != table.table:
            continue
        part, broken = _map_entry(one, raw.files[one.entry.file], index_dates(raw, column_map))
        parts.append(part.with_columns(pl.lit(position, dtype=pl.Int64).alias(ENTRY)))
        breaches += [item.shifted(n_rows) for item in broken]
        n_rows += len(part)
    recorded = {name for one in assignments if one.table.table == table.table for name in one.columns}
    own = {RECORD_ID: pl.String(), ENTRY: pl.Int64(), RECORD: pl.Int64(), INDEX_DATE: pl.Date()}
    stacked = _told_apart(pl.concat(parts, how="diagonal")) if parts else pl.DataFrame(schema=own)
    absent = [pl.lit(None, dtype=dtype_of(column)).alias(name) for name, column in table.column.items() if name not in stacked]
    frame = stacked.with_columns(absent).select(*own, *table.column)
    return MappedTable(table, frame, tuple(breaches), tuple(name for name in table.column if name in recorded))


def _told_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of which several may come from one record, each with an id of its own."""
    if not rows[RECORD_ID].is_duplicated().any():
        return rows
    number = pl.int_range(1, pl.len() + 1).over(RECORD_ID)
    numbered = pl.when(number > 1).then(pl.format("{}/{}", RECORD_ID, number)).otherwise(RECORD_ID)
    return rows.with_columns(numbered.alias(RECORD_ID))


def rows_taken(assignment: Assignment, file: RawFile) -> pl.DataFrame:
    """The rows that `only_rows` gives to this entry; all of them without it."""
    frame = file.frame
    for column, values in assignment.entry.only_rows.items():
        frame = frame.filter(pl.col(column).str.strip_chars(BLANKS).is_in(list(values)))
    return frame


def index_dates(raw: RawTables, column_map: ColumnMap) -> pl.DataFrame | None:
    """Episode to the date of its day 0; an episode with two different dates has none. None for exports without dates."""
    index = column_map.index_date
    if index is None:
        return None
    cells = raw.files[index.file].frame
    dates = pl.DataFrame(
        {"episode": cells[index.episode_id].str.strip_chars(BLANKS), INDEX_DATE: read_dates(cells[index.column], index.date)}
    )
    one_date = dates.drop_nulls().unique().group_by("episode").agg(pl.col(INDEX_DATE).first(), pl.len().alias("n"))
    return one_date.filter(pl.col("n") == 1).drop("n")


def _map_entry(assignment: Assignment, file: RawFile, known_dates: pl.DataFrame | None) -> tuple[pl.DataFrame, list[Breach]]:
    table, rows = assignment.table, rows_taken(assignment, file)
    episode = _episode_of(assignment, rows)
    dates = _dates_of(episode, known_dates)
    columns: list[pl.Series] = []
    breaches: list[Breach] = []
    for name, source in assignment.columns.items():
        column = table.column[name]
        if not source.from_:
            columns.append(constant_series(column, source, len(rows)).alias(name))
            continue
        cells = rows[source.from_]
        converted = convert(cells, column, source, index_dates=dates)
        columns.append(converted.values.alias(name))
        breaches += _cell_breaches(table, name, column, source, converted)
        if file.not_utf8:
            breaches += breach("F-08", name, STRUCTURAL["F-08"], cells.str.contains(_UNREADABLE_CHARACTER, literal=True))
    if known_dates is not None and table.table == "episode":
        breaches += breach("M-04", "episode_id", STRUCTURAL["M-04"], episode.is_not_null() & dates.is_null())
    record_id = pl.format("{}#{}", pl.lit(file.name), pl.col(RECORD)).alias(RECORD_ID)
    frame = rows.select(RECORD, record_id).with_columns(dates.alias(INDEX_DATE), *columns)
    return frame, breaches


def _episode_of(assignment: Assignment, rows: pl.DataFrame) -> pl.Series:
    source = assignment.columns.get("episode_id")
    if source is None or not source.from_:
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(rows))
    return rows[source.from_].str.strip_chars(BLANKS)


def _dates_of(episode: pl.Series, known_dates: pl.DataFrame | None) -> pl.Series:
    if known_dates is None:
        return pl.Series([None], dtype=pl.Date).new_from_index(0, len(episode))
    rows = pl.DataFrame({"episode": episode})
    return rows.join(known_dates, on="episode", how="left", maintain_order="left")[INDEX_DATE]


def _cell_breaches(table: Table, name: str, column: Column, source: ColumnSource, converted: Converted) -> list[Breach]:
    found: list[Breach] = []
    for rule, broken in converted.broken.items():
        if rule in STRUCTURAL:
            found += breach(rule, name, STRUCTURAL[rule], broken)
            continue
        action: Action = "flag" if rule in REPAIRS else "reject"
        found += breach(f"{table.table}.{name}.{rule}", name, _says(rule, column, source), broken, action)
    return found


def _says(rule: str, column: Column, source: ColumnSource) -> str:
    if rule != "type":
        return CELL_RULES[rule]
    if source.date:
        return f"not a calendar date written as {source.date}"
    kinds = {"integer": "a whole number", "day": "a whole number of days", "number": "a number", "boolean": "true or false"}
    return f"not {kinds.get(column.type, 'readable')}"
