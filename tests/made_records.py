"""Small validated records for tests, written as rows with only the cells that matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from tendon_outcomes.declarations import Declarations, declare
from tendon_outcomes.records import RECORD_ID, ValidatedRecords, dtype_of

DECLARED: Declarations = declare()

ELIGIBLE: dict[str, Any] = {
    "site_id": "site1",
    "tendon": "proximal_hamstring",
    "side": "left",
    "age_y": 40,
    "wk_km_preinjury": 30.0,
    "speed_sessions_wk_preinjury": 0.0,
    "hill_sessions_wk_preinjury": 0.0,
}

PASSING: dict[str, Any] = {
    "run_attempted": True,
    "run_longest_min": 40.0,
    "run_longest_km": 7.0,
    "wk_km": 20.0,
    "nprs_run_easy": 0,
    "nprs_run_next_morning": 0,
    "analgesic_on_run": False,
    "run_status": "full",
}
FAILING: dict[str, Any] = {**PASSING, "nprs_run_easy": 4}
UNKNOWN: dict[str, Any] = {}
VOID: dict[str, Any] = {**PASSING, "analgesic_on_run": True}
REPORTS = {"P": PASSING, "F": FAILING, "U": UNKNOWN, "V": VOID}


def records(**tables: Iterable[Mapping[str, Any]]) -> ValidatedRecords:
    """Validated records of the given rows; absent cells are null, absent tables are empty."""
    frames = {}
    for name, table in DECLARED.tables.items():
        rows = [
            {**dict.fromkeys(table.column), RECORD_ID: f"{name}.csv#{number}", **row}
            for number, row in enumerate(tables.get(name, ()), start=1)
        ]
        schema = {RECORD_ID: pl.String(), **{column: dtype_of(declared) for column, declared in table.column.items()}}
        frames[name] = pl.DataFrame(rows, schema=schema)
    return ValidatedRecords(tables=frames, ledger=())


def episode(name: str, **cells: Any) -> dict[str, Any]:
    """An eligible episode of its own patient."""
    return {**ELIGIBLE, "episode_id": name, "patient_id": f"p{name}", **cells}


def weekly(name: str, story: Mapping[int, str]) -> list[dict[str, Any]]:
    """Weekly reports by day: P passes pain-free running tier 2, F fails, U is unknown, V void."""
    return [
        {"episode_id": name, "week": max(1, day // 7), "day": day, **REPORTS[letter]} for day, letter in sorted(story.items())
    ]
