"""Where every record went: the ledger, the rejected rows with their rules, and how often each rule was broken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl

from tendon_outcomes.declarations import ColumnMap
from tendon_outcomes.records.columns import Assignment
from tendon_outcomes.records.mapping import ENTRY, MappedTable, rows_taken
from tendon_outcomes.records.raw import BLANKS, RECORD, RULE, RawFile, RawTables
from tendon_outcomes.records.rules import STRUCTURAL, Breach
from tendon_outcomes.records.validated import LedgerLine, RuleCount

_MOST_RECORDS_NAMED = 10

HOW_COUNTED = "Records are counted from 1 below the header."


@dataclass(frozen=True)
class CheckedTable:
    """A mapped table with every rule its rows break, and which rows stand."""

    mapped: MappedTable
    breaches: tuple[Breach, ...]
    accepted: pl.Series


def ledger_line(position: int, assignment: Assignment, raw: RawTables, checked: dict[str, CheckedTable]) -> LedgerLine:
    """The ledger of one entry of the column map. Rows without the header's shape are rejected for every table of their file."""
    file, table = raw.files[assignment.entry.file], checked[assignment.table.table]
    own = table.mapped.frame[ENTRY] == position
    accepted = int((own & table.accepted).sum())
    return LedgerLine(
        file=file.name,
        table=assignment.table.table,
        read=file.n_records,
        accepted=accepted,
        rejected=int(own.sum()) - accepted + len(file.set_aside),
        blank=file.n_blank,
        left_out=len(file.frame) - len(rows_taken(assignment, file)),
    )


def rejected_rows(
    raw: RawTables, assignments: tuple[Assignment, ...], checked: dict[str, CheckedTable], column_map: ColumnMap
) -> dict[str, pl.DataFrame]:
    """Per file with rejected rows: file, record, table, rules, and the raw cells as raw_NAME. Patient-level, internal only.

    Columns that the column map leaves out stay out here too: they may hold names or notes. So do columns that it reads as
    calendar dates: dates are used and dropped, of a rejected row as well. A row without the header's shape keeps no cell,
    because nobody knows which of its cells is a date or a note; its record number finds it in the export.
    """
    hidden = _never_kept(column_map)
    broken = {name: _rules_by_row(one) for name, one in checked.items()}
    parts: dict[str, list[pl.DataFrame]] = {}
    for position, one in enumerate(assignments):
        file, table = raw.files[one.entry.file], one.table.table
        rules = broken[table].filter(pl.col(ENTRY) == position).select(RECORD, "rules")
        whole = file.frame.join(rules, on=RECORD)
        shapeless = file.set_aside.select(RECORD, pl.col(RULE).alias("rules"))
        named = pl.concat([whole, shapeless], how="diagonal").with_columns(file=pl.lit(file.name), table=pl.lit(table))
        parts.setdefault(file.name, []).append(_internal_view(named, file, hidden[file.name]))
    stacked = {name: pl.concat(frames).sort("record", "table") for name, frames in parts.items()}
    return {name: frame for name, frame in stacked.items() if len(frame)}


def _never_kept(column_map: ColumnMap) -> dict[str, set[str]]:
    """Per file, the columns whose cells are not kept: left out by the map, or read as calendar dates."""
    hidden: dict[str, set[str]] = {}
    for entry in column_map.source:
        names = hidden.setdefault(entry.file, set())
        names.update(left.strip(BLANKS) for left in entry.left_out)
        if entry.columns != "as_declared":
            names.update(source.from_ for source in entry.columns.values() if source.date)
    if column_map.index_date is not None:
        hidden.setdefault(column_map.index_date.file, set()).add(column_map.index_date.column)
    return hidden


def _internal_view(rows: pl.DataFrame, file: RawFile, hidden: set[str]) -> pl.DataFrame:
    raw_cells = [pl.col(name).alias(f"raw_{name}") for name in file.header if name not in hidden]
    return rows.select("file", pl.col(RECORD).alias("record"), "table", "rules", *raw_cells)


def _rules_by_row(checked: CheckedTable) -> pl.DataFrame:
    """Entry, record and rule ids, joined by a space, of every rejected row."""
    rejecting = [one for one in checked.breaches if one.action == "reject"]
    schema = {"row": pl.Int64(), "rule": pl.String()}
    pairs = [pl.DataFrame({"row": one.rows}).with_columns(rule=pl.lit(one.rule)) for one in rejecting]
    rules = pl.concat([pl.DataFrame(schema=schema), *pairs]).unique().sort("row", "rule")
    by_row = rules.group_by("row", maintain_order=True).agg(pl.col("rule").str.join(" ").alias("rules"))
    places = checked.mapped.frame.select(ENTRY, RECORD)[by_row["row"].to_list()] if len(by_row) else None
    if places is None:
        return pl.DataFrame(schema={ENTRY: pl.Int64(), RECORD: pl.Int64(), "rules": pl.String()})
    return places.with_columns(by_row["rules"])


def record_numbers(
    raw: RawTables, assignments: tuple[Assignment, ...], checked: dict[str, CheckedTable]
) -> dict[tuple[str, str, str], str]:
    """Where each rejecting rule was broken, by (rule, table, column) as in :func:`rule_counts`: the first records per file."""
    places: dict[tuple[str, str, str], str] = {}
    for name, table in checked.items():
        for one in _merged(table.breaches):
            if one.action == "reject":
                places[one.rule, name, one.column] = first_records(table.mapped, one.rows, assignments)
    for entry in assignments:
        file = raw.files[entry.entry.file]
        for (rule,), rows in file.set_aside.group_by(RULE):
            places[str(rule), entry.table.table, file.name] = _listed(rows[RECORD])
    return places


def first_records(mapped: MappedTable, rows: pl.Series, assignments: tuple[Assignment, ...]) -> str:
    """The record numbers of some rows of a table, at most ten a file: `FILE records 3, 7, …`. A number is nobody's value."""
    files = {at: one.entry.file for at, one in enumerate(assignments)}
    places = mapped.frame.select(pl.col(ENTRY).replace_strict(files, return_dtype=pl.String).alias("file"), RECORD)[rows]
    return "; ".join(f"{file} {_listed(part[RECORD])}" for (file,), part in places.group_by("file", maintain_order=True))


def place_of(table: str, column: str, records: str) -> str:
    """`episode age_y, episode.csv records 3, 7`; a rule on whole rows has the file itself as its column."""
    return f"{table} {column} {records}" if records.startswith("record") else f"{table} {column}, {records}"


def _listed(records: pl.Series) -> str:
    numbers = records.unique().sort().to_list()
    shown = [*map(str, numbers[:_MOST_RECORDS_NAMED]), *(["…"] if len(numbers) > _MOST_RECORDS_NAMED else [])]
    return f"record{'s' if len(numbers) > 1 else ''} {', '.join(shown)}"


def rule_counts(raw: RawTables, assignments: tuple[Assignment, ...], checked: dict[str, CheckedTable]) -> tuple[RuleCount, ...]:
    """How often each rule was broken, table by table."""
    counts = [
        RuleCount(one.rule, name, one.column, one.says, one.action, len(one.rows))
        for name, table in checked.items()
        for one in _merged(table.breaches)
    ]
    for one in assignments:
        file = raw.files[one.entry.file]
        for rule, n_rows in Counter(file.set_aside[RULE].to_list()).items():
            counts.append(RuleCount(rule, one.table.table, file.name, STRUCTURAL[rule], "reject", n_rows))
    counts += [flag for name in raw.files for flag in _file_flags(raw.files[name], assignments)]
    return tuple(sorted(counts, key=lambda count: (count.action != "reject", count.table, count.rule, count.column)))


def _merged(breaches: tuple[Breach, ...]) -> list[Breach]:
    """One breach a rule and column, whichever entries of the column map its rows came through."""
    merged: dict[tuple[str, str], Breach] = {}
    for one in breaches:
        key = (one.rule, one.column)
        rows = pl.concat([merged[key].rows, one.rows]) if key in merged else one.rows
        merged[key] = Breach(one.rule, one.column, one.says, rows, one.action)
    return list(merged.values())


def _file_flags(file: RawFile, assignments: tuple[Assignment, ...]) -> list[RuleCount]:
    """What is worth knowing about a file and rejects nothing: rows that no entry takes, unreadable cells left out."""
    own = [one for one in assignments if one.entry.file == file.name]
    flags = []
    taken = pl.concat([pl.Series([], dtype=pl.Int64), *(rows_taken(one, file)[RECORD] for one in own)]).n_unique()
    if own and taken < len(file.frame):
        flags.append(RuleCount("M-03", own[0].table.table, file.name, STRUCTURAL["M-03"], "flag", len(file.frame) - taken))
    if file.not_utf8:
        mapped = {source.from_ for one in own for source in one.columns.values()}
        others = [pl.col(name).str.contains("\ufffd", literal=True) for name in file.header if name not in mapped]
        unreadable = (
            file.frame.select(pl.any_horizontal(others).fill_null(value=False).alias("odd"))["odd"].sum() if others else 0
        )
        if own and unreadable:
            flags.append(RuleCount("F-08", own[0].table.table, file.name, STRUCTURAL["F-08"], "flag", int(unreadable)))
    return flags
