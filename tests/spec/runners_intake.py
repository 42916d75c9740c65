"""Runs the cases of intake and scoring, through the same door as an export: rows to rejections and flags, answers to a score."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tendon_outcomes.cohort import score
from tendon_outcomes.declarations import ColumnMap
from tendon_outcomes.errors import TendonOutcomesError
from tendon_outcomes.records import ValidatedRecords
from tests.made_exports import ROWS, csv_text, ingested, rules_of, write
from tests.made_records import DECLARED
from tests.spec.runners_endpoints import Improvement, improvement, reading

Row = Mapping[str, Any]

LEGENDS: dict[str, dict[str, Any]] = {
    "intake": {
        "episode": {**ROWS["episode"], "patient_id": "another one for each episode"},
        "visit": ROWS["visit"],
        "run_week": ROWS["run_week"],
        "session": ROWS["session"],
        "event": ROWS["event"],
        "procedure": ROWS["procedure"],
    }
}
"""The row of each table before a case changes its cells. Without a row of its own the case has one episode."""


@dataclass(frozen=True)
class Intake:
    """Rows of each table with only the cells that matter, read with --on-reject=exclude.

    `header` stands over the column that fills the visit's `fills` in the clinic's own export, with the scale that the map names.
    """

    episode: Sequence[Row] = ({},)
    visit: Sequence[Row] = ()
    run_week: Sequence[Row] = ()
    session: Sequence[Row] = ()
    procedure: Sequence[Row] = ()
    event: Sequence[Row] = ()
    header: str = ""
    fills: str = ""
    scale: str = ""


@dataclass(frozen=True)
class Scoring:
    """One filled form of an instrument, as recorded at one visit.

    `answers` are those to the plain items in their order, "-" where there is none; `branch` those to alternatives, as "b 14".
    """

    instrument: str
    answers: str = ""
    branch: str = ""
    total: float | bool | None = None
    cells: Row = field(default_factory=dict)
    tendon: str = "proximal_hamstring"


def intake(given: Intake) -> dict[str, Any]:
    """Refused or not; the rules that reject rows, by table and row number; the rules that flag, with how many rows and where."""
    tables: dict[str, Sequence[Row]] = {name: getattr(given, name) for name in ROWS if getattr(given, name)}
    try:
        kept = _ingested({name: [_row(name, at, row) for at, row in enumerate(rows, 1)] for name, rows in tables.items()}, given)
    except TendonOutcomesError as refusal:
        return {
            "refused": [one.rule for one in refusal.findings],
            "exit_code": refusal.exit_code,
            "count": sum(one.count for one in refusal.findings),
            "place": "; ".join(one.place for one in refusal.findings),
        }
    flags = [one for one in kept.rule_counts if one.action == "flag"]
    return {
        "refused": None,
        "rejected": {f"{name} {at}": rules for name in tables for at, rules in rules_of(kept, f"{name}.csv").items()},
        "flagged": {rule: sum(one.count for one in flags if one.rule == rule) for rule in {one.rule for one in flags}},
        "places": {rule: "; ".join(one.column for one in flags if one.rule == rule) for rule in {one.rule for one in flags}},
        "days": kept.table("visit")["day"].to_list(),
        "kept": {name: kept.table(name).height for name in tables},
    }


def scoring(given: Scoring) -> dict[str, Any]:
    """The score as a cohort of the instrument's own population gets it, and what intake had to say about the form."""
    instrument = DECLARED.instruments[given.instrument]
    cells = {**_answered(given), **given.cells} | ({instrument.total_column: given.total} if given.total is not None else {})
    rows = {"episode": [_row("episode", 1, {"tendon": given.tendon})], "visit": [_row("visit", 1, cells)]}
    kept = _ingested(rows, Intake())
    scored = score(kept.table("visit"), [instrument])[instrument.total_column].to_list()
    rated = {name: value for name, value in cells.items() if name in ("groc", "groc_scale", "pgic")}
    status = improvement(Improvement("meaningful_improvement.1", {"0": {}, "30": rated}))["status"] if rated else None
    return {
        "score": next(iter(scored), None),
        "rejected": rules_of(kept, "visit.csv").get(1),
        "flagged": [one.rule for one in kept.rule_counts if one.action == "flag"],
        "much_better": status,
    }


RUNNERS = {"intake": reading(Intake, intake), "scoring": reading(Scoring, scoring)}


def _row(table: str, number: int, cells: Row) -> dict[str, str]:
    """The small row of one table with cells changed; every episode is of its own patient and every session has its own id."""
    own = {"episode": {"episode_id": f"E{number}", "patient_id": f"P{number}"}, "session": {"session_id": f"S{number}"}}
    return {name: _text(value) for name, value in {**ROWS[table], **own.get(table, {}), **cells}.items()}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _answered(given: Scoring) -> dict[str, Any]:
    items = DECLARED.instruments[given.instrument].items
    plain = zip([item.code for item in items if not item.branch], given.answers.split(), strict=False)
    branched = (part.split() for part in given.branch.split(",") if part.strip())
    ends = {item.code[-1]: item.code for item in items if item.branch}
    return {code: value for code, value in plain if value != "-"} | {ends[letter]: value for letter, value in branched}


def _ingested(tables: Mapping[str, Sequence[Mapping[str, str]]], given: Intake) -> ValidatedRecords:
    sources = []
    for name, rows in tables.items():
        columns: dict[str, Any] = {column: column for one in rows for column in one}
        if name == "visit" and given.header:
            scale = {"scale": given.scale} if given.scale else {}
            columns[given.fills] = {"from": given.header, **scale}
        sources.append({"file": f"{name}.csv", "table": name, "columns": columns})
    column_map = ColumnMap.model_validate({"clinic": "of the case", "source": sources})
    with tempfile.TemporaryDirectory() as place:
        renamed = {name: [_headed(one, given) for one in rows] if name == "visit" else rows for name, rows in tables.items()}
        write(Path(place), {f"{name}.csv": csv_text(rows) for name, rows in renamed.items()})
        return ingested(Path(place), column_map)


def _headed(row: Mapping[str, str], given: Intake) -> dict[str, str]:
    return {given.header if given.header and name == given.fills else name: value for name, value in row.items()}
