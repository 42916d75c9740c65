"""Raw tables into validated records: map, check every rule, split accepted from rejected, balance the ledger."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import polars as pl

from tendon_outcomes.declarations import ColumnMap, Declarations
from tendon_outcomes.errors import DeclarationInvalid, Finding, NoUsableRows, RecordsRejected, TendonOutcomesError
from tendon_outcomes.records.checks import row_breaches
from tendon_outcomes.records.columns import Assignment, assign_columns
from tendon_outcomes.records.cross_checks import cross_breaches, refuse_unchecked_rules, story_breaches
from tendon_outcomes.records.evidence import Evidence
from tendon_outcomes.records.gates import refuse_identifiers, refuse_unsettled_scales
from tendon_outcomes.records.ledger import (
    HOW_COUNTED,
    CheckedTable,
    ledger_line,
    place_of,
    record_numbers,
    rejected_rows,
    rule_counts,
)
from tendon_outcomes.records.mapping import MappedTable, map_table
from tendon_outcomes.records.raw import RawTables
from tendon_outcomes.records.readers import Progress, read_files
from tendon_outcomes.records.rules import Breach, rows_of, without_rows
from tendon_outcomes.records.validated import RECORD_ID, ValidatedRecords
from tendon_outcomes.vocabulary import OnReject

_WITHIN_A_TABLE = ("X-02", "X-03", "X-04")
_TO_THE_EPISODE = ("X-01", "X-05")
_ENDS = ("event", "procedure")
"""Tables that say what came before recovery."""

_LOGS = ("session", "run_week", "visit")
"""Tables of which a day with a rejected row is kept in mind: something was recorded there, and it was no silence."""

_NOT_UNREAD = ("X-01", "X-02", "X-05")
"""Rules of rows that say nothing of their episode which is not known otherwise: copies, and rows without an accepted episode."""


def ingest(
    folder: Path,
    column_map: ColumnMap,
    declarations: Declarations,
    *,
    as_of: dt.date,
    on_reject: OnReject,
    progress: Progress | None = None,
) -> ValidatedRecords:
    """Read and validate one export: :func:`read_files`, then :func:`validate`."""
    raw = read_files(folder, column_map, progress=progress)
    return validate(raw, declarations, column_map, as_of=as_of, on_reject=on_reject, progress=progress)


def validate(
    raw: RawTables,
    declarations: Declarations,
    column_map: ColumnMap,
    *,
    as_of: dt.date,
    on_reject: OnReject,
    progress: Progress | None = None,
) -> ValidatedRecords:
    """Accept the rows that keep every declared rule, and keep the others apart with the rules they break.

    Raises
    ------
    DeclarationInvalid
        The column map or the rules do not fit the declared tables.
    ColumnsMissing
        A file and the column map do not fit each other.
    RecordsRejected
        Rows break rules and ``on_reject`` is STOP; or ids look like identifiers, whatever ``on_reject`` is.
    DataFindings
        A column is headed by an abbreviation of two scales and its values do not tell which, whatever ``on_reject`` is.
    NoUsableRows
        No episode is left.
    """
    refuse_unchecked_rules(declarations)
    if "episode" not in {entry.table for entry in column_map.source}:
        raise DeclarationInvalid(
            "no entry of the column map fills the table episode", way_out="Add a [[source]] with table = 'episode'."
        )
    assignments = assign_columns(raw, declarations, column_map)
    checked = _check_tables(raw, declarations, column_map, assignments, as_of, progress)
    records = _split(raw, column_map, assignments, checked)
    is_empty = not len(records.table("episode"))
    if on_reject is OnReject.STOP or is_empty:
        broken = _broken_rules(records, record_numbers(raw, assignments, checked))
        if broken and on_reject is OnReject.STOP:
            _stop_at_rejected(records, broken)
        if is_empty:
            _refuse_empty(broken)
    return records


def _check_tables(
    raw: RawTables,
    declarations: Declarations,
    column_map: ColumnMap,
    assignments: tuple[Assignment, ...],
    as_of: dt.date,
    progress: Progress | None,
) -> dict[str, CheckedTable]:
    """Every table checked. Other tables ask about the episode of a row and about what ended it, and so come later."""
    checked: dict[str, CheckedTable] = {}
    for name in ("episode", *_ENDS, *(name for name in declarations.tables if name not in ("episode", *_ENDS))):
        if progress is not None:
            progress(f"checking {name}")
        mapped = map_table(declarations.tables[name], assignments, raw, column_map)
        refuse_identifiers(mapped, assignments)
        refuse_unsettled_scales(mapped, assignments, declarations)
        checked[name] = _check(mapped, declarations, checked, as_of)
        if name == _ENDS[-1]:
            checked = _without_untold(checked, declarations, as_of)
    return checked


def _without_untold(checked: dict[str, CheckedTable], declarations: Declarations, as_of: dt.date) -> dict[str, CheckedTable]:
    """Episodes, events and procedures checked again, where the first look rejected an event or a procedure of an episode."""
    untold = pl.concat([unread_rows(checked[name])["episode_id"] for name in _ENDS]).drop_nulls().unique()
    if not len(untold):
        return checked
    again: dict[str, CheckedTable] = {}
    for name in ("episode", *_ENDS):
        again[name] = _check(checked[name].mapped, declarations, again, as_of, untold)
    return {**checked, **again}


def unread_rows(checked: CheckedTable) -> pl.DataFrame:
    """The rejected rows of a table that say of their episode what is not known otherwise."""
    breaches = [one for one in checked.breaches if one.action == "reject"]
    other = rows_of(one for one in breaches if one.rule not in _NOT_UNREAD)
    lost = rows_of(one for one in breaches if one.rule in ("X-01", "X-05"))
    return checked.mapped.frame[other.filter(~other.is_in(lost.implode()))]


def _check(
    mapped: MappedTable,
    declarations: Declarations,
    before: dict[str, CheckedTable],
    as_of: dt.date,
    untold: pl.Series | None = None,
) -> CheckedTable:
    if not len(mapped.frame):
        return CheckedTable(mapped, (), pl.Series([], dtype=pl.Boolean))
    from tendon_outcomes.records.schema import schema_breaches  # noqa: PLC0415  pandera takes most of a second to load

    evidence = _evidence(mapped, declarations, before, as_of)
    evidence = evidence if untold is None else replace(evidence, untold=untold)
    by_cell = list(mapped.breaches)
    by_cell += _without_unread(schema_breaches(mapped.table, mapped.frame, mapped.recorded), by_cell)
    by_row = row_breaches(mapped.table, mapped.frame)
    by_row += cross_breaches(evidence, _WITHIN_A_TABLE)
    by_row += story_breaches(evidence)
    to_episode = cross_breaches(evidence, _TO_THE_EPISODE)
    breaches = (*_without_lost_episodes(by_cell, to_episode), *by_row, *to_episode)
    rejected = rows_of(one for one in breaches if one.action == "reject")
    accepted = ~pl.int_range(len(mapped.frame), eager=True).is_in(rejected.implode())
    return CheckedTable(mapped, breaches, accepted)


def _evidence(mapped: MappedTable, declarations: Declarations, before: dict[str, CheckedTable], as_of: dt.date) -> Evidence:
    episodes = before["episode"].mapped.frame if "episode" in before else mapped.frame
    events = before["event"].mapped.frame if "event" in before else pl.DataFrame()
    return Evidence(
        declarations=declarations,
        table=mapped.table,
        frame=mapped.frame,
        recorded=frozenset(mapped.recorded),
        unread=rows_of(one for one in mapped.breaches if one.action == "reject"),
        episodes=episodes,
        accepted_episodes=episodes["episode_id"].filter(before["episode"].accepted)
        if "episode" in before
        else episodes["episode_id"],
        accepted_events=events.filter(before["event"].accepted) if "event" in before else events,
        as_of=as_of,
    )


def _without_unread(required: list[Breach], by_cell: list[Breach]) -> list[Breach]:
    """A cell that was filled but could not be read is not called empty as well."""
    kept: list[Breach] = []
    for one in required:
        kept += without_rows(one, rows_of(other for other in by_cell if other.column == one.column and other.action == "reject"))
    return kept


def _without_lost_episodes(by_cell: list[Breach], to_episode: list[Breach]) -> list[Breach]:
    """A row whose episode is absent or rejected lacks its index date for that reason; it is not told twice."""
    lost = rows_of(to_episode)
    return [left for one in by_cell for left in (without_rows(one, lost) if one.rule == "M-04" else [one])]


def _split(
    raw: RawTables, column_map: ColumnMap, assignments: tuple[Assignment, ...], checked: dict[str, CheckedTable]
) -> ValidatedRecords:
    tables = {name: _accepted(one) for name, one in checked.items()}
    ledger = tuple(ledger_line(at, one, raw, checked) for at, one in enumerate(assignments))
    unbalanced = [line.file for line in ledger if not line.balances]
    if unbalanced:
        raise TendonOutcomesError(
            f"the ledger of {', '.join(unbalanced)} does not balance; nothing was analysed.", way_out="Report this as a defect."
        )
    left_out: dict[str, dict[str, str]] = {}
    for entry in column_map.source:
        left_out.setdefault(entry.file, {}).update(entry.left_out)
    return ValidatedRecords(
        tables=tables,
        ledger=ledger,
        rule_counts=rule_counts(raw, assignments, checked),
        recorded={name: one.mapped.recorded for name, one in checked.items()},
        rejected=rejected_rows(raw, assignments, checked, column_map),
        inputs={name: file.sha256 for name, file in raw.files.items()},
        left_out_columns={file: columns for file, columns in left_out.items() if columns},
        unread={name: days for name in _LOGS for days in [_unread_days(checked[name])] if len(days)},
    )


def _unread_days(checked: CheckedTable) -> pl.DataFrame:
    """Episode and day of every rejected row of an accepted episode, as far as its day could be read; each once, in order."""
    return unread_rows(checked).select("episode_id", "day").drop_nulls().unique().sort("episode_id", "day")


def _accepted(checked: CheckedTable) -> pl.DataFrame:
    """Accepted rows by key, so that neither the order of rows nor the cutting into files changes a table."""
    table = checked.mapped.table
    return checked.mapped.frame.filter(checked.accepted).select(RECORD_ID, *table.column).sort(table.key)


def _broken_rules(records: ValidatedRecords, places: dict[tuple[str, str, str], str]) -> list[Finding]:
    return [
        Finding(one.rule, place_of(one.table, one.column, places[one.rule, one.table, one.column]), one.says, one.count)
        for one in records.rule_counts
        if one.action == "reject"
    ]


def _stop_at_rejected(records: ValidatedRecords, broken: list[Finding]) -> None:
    n_rejected, n_read = sum(line.rejected for line in records.ledger), sum(line.read for line in records.ledger)
    raise RecordsRejected(
        f"{n_rejected} of {n_read} rows break {len({one.rule for one in broken})} rules; nothing was analysed.",
        findings=broken,
        way_out=f"Correct the export. {HOW_COUNTED} To go on without these rows, run with --on-reject=exclude: they are then "
        "counted in the ledger and in the report's data intake table.",
    )


def _refuse_empty(broken: list[Finding]) -> None:
    raise NoUsableRows(
        "no episode is left; nothing was analysed.",
        findings=broken,
        way_out="Correct the export; every analysis needs at least one row of the table episode."
        + (f" {HOW_COUNTED}" if broken else ""),
    )
