"""Where every record went: the ledger, the rejected rows with their rules, and how often each rule was broken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl

from tendon_outcomes.records.columns import Assignment
from tendon_outcomes.records.mapping import ENTRY, MappedTable, rows_taken
from tendon_outcomes.records.raw import RECORD, RULE, RawFile, RawTables
from tendon_outcomes.records.rules import STRUCTURAL, Breach
from tendon_outcomes.records.validated import LedgerLine, RuleCount


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
    raw: RawTables, assignments: tuple[Assignment, ...], checked: dict[str, CheckedTable]
) -> dict[str, pl.DataFrame]:
    """Per file with rejected rows: file, record, table, rules, and the raw cells as raw_NAME. Patient-level, internal only.

    Columns that the column map leaves out stay out here too: they may hold names or notes.
    """
    left_out: dict[str, set[str]] = {}
    for one in assignments:
        left_out.setdefault(one.entry.file, set()).update(one.entry.left_out)
    broken = {name: _rules_by_row(one) for name, one in checked.items()}
    parts: dict[str, list[pl.DataFrame]] = {}
    for position, one in enumerate(assignments):
        file, table = raw.files[one.entry.file], one.table.table
        rules = broken[table].filter(pl.col(ENTRY) == position).select(RECORD, "rules")
        whole = file.frame.join(rules, on=RECORD)
        shapeless = file.set_aside.rename({RULE: "rules"})
        named = pl.concat([whole, shapeless], how="diagonal").with_columns(file=pl.lit(file.name), table=pl.lit(table))
        parts.setdefault(file.name, []).append(_internal_view(named, file, left_out[file.name]))
    stacked = {name: pl.concat(frames).sort("record", "table") for name, frames in parts.items()}
    return {name: frame for name, frame in stacked.items() if len(frame)}


def _internal_view(rows: pl.DataFrame, file: RawFile, left_out: set[str]) -> pl.DataFrame:
    raw_cells = [pl.col(name).alias(f"raw_{name}") for name in file.header if name not in left_out]
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
