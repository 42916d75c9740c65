"""Small exports for tests: files under our own column names, or a clinic's with dates, written into a folder."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tendon_outcomes.declarations import ColumnMap, Declarations, declare
from tendon_outcomes.records import ValidatedRecords, ingest
from tendon_outcomes.vocabulary import OnReject

DECLARED: Declarations = declare()
AS_OF = dt.date(2026, 1, 31)

EPISODE: dict[str, str] = {
    "episode_id": "E1",
    "patient_id": "P1",
    "tendon": "proximal_hamstring",
    "side": "left",
    "index_year": "2024",
}
ROWS: dict[str, dict[str, str]] = {
    "episode": EPISODE,
    "visit": {"episode_id": "E1", "day": "28"},
    "run_week": {"episode_id": "E1", "week": "4", "day": "28"},
    "session": {"session_id": "S1", "episode_id": "E1", "day": "3", "modality": "iso"},
    "procedure": {"episode_id": "E1", "day": "60", "procedure": "eswt"},
    "event": {"episode_id": "E1", "day": "180", "event": "administrative_end"},
}
"""One row of each table with its required cells, and the year that dates need."""


def csv_text(rows: Sequence[Mapping[str, str]], *, delimiter: str = ",") -> str:
    """Rows as a CSV file; a cell that a row does not have is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="", delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def row(table: str, **cells: str) -> dict[str, str]:
    """The small row of one table with some cells changed or added."""
    return {**ROWS[table], **cells}


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files byte by byte as given."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def as_declared(*tables: str, ending: str = "csv") -> ColumnMap:
    """A map that takes TABLE.csv under our own names."""
    sources = [{"file": f"{table}.{ending}", "table": table, "columns": "as_declared"} for table in tables]
    return ColumnMap.model_validate({"clinic": "test", "source": sources})


def export_of(folder: Path, **tables: Sequence[Mapping[str, str]]) -> ColumnMap:
    """Write each table as TABLE.csv and return the map that reads them."""
    write(folder, {f"{name}.csv": csv_text(rows) for name, rows in tables.items()})
    return as_declared(*tables)


def ingested(folder: Path, column_map: ColumnMap, **options: Any) -> ValidatedRecords:
    """Ingest without the rows that break rules."""
    settings = {"as_of": AS_OF, "on_reject": OnReject.EXCLUDE, **options}
    return ingest(folder, column_map, DECLARED, **settings)


def rules_of(records: ValidatedRecords, file: str) -> dict[int, str]:
    """Record number to the rules that rejected it."""
    if file not in records.rejected:
        return {}
    return dict(records.rejected[file].select("record", "rules").iter_rows())
