"""Cells: what is read how, and which cell breaks the range, the codes or the requiredness of its column."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.declarations import Column, ColumnSource, Table
from tendon_outcomes.records.conversion import convert
from tendon_outcomes.records.schema import schema_breaches, table_schema
from tests.made_exports import export_of, ingested, row, rules_of

# --- Cells


def _converted(cell: str | None, column: dict[str, Any], source: dict[str, Any]) -> tuple[Any, set[str]]:
    declared = Column.model_validate({"meaning": "x", **column})
    origin = ColumnSource.model_validate({"from": "x", **source})
    index_dates = pl.Series([dt.date(2024, 3, 1)])
    result = convert(pl.Series([cell], dtype=pl.String), declared, origin, index_dates=index_dates)
    return result.values[0], {rule for rule, broken in result.broken.items() if broken.fill_null(value=False)[0]}


WHOLE, NUMBER, DAY, BOOLEAN, ID = ({"type": kind} for kind in ("integer", "number", "day", "boolean", "id"))
CODE = {"type": "code", "codes": {"left": "", "right": ""}}
CODES = {"type": "codes", "codes": {"statin": "", "nsaid": "", "hrt": ""}}
KM = {"type": "number", "unit": "km"}


@pytest.mark.parametrize(
    ("cell", "column", "source", "value", "rules"),
    [
        (None, WHOLE, {}, None, set()),
        ("", WHOLE, {}, None, set()),
        (" \u00a0", WHOLE, {}, None, set()),
        ("4", WHOLE, {}, 4, set()),
        ("4.0", WHOLE, {}, 4, set()),
        (" 4\u00a0", WHOLE, {}, 4, {"trimmed"}),
        ("4.5", WHOLE, {}, None, {"type"}),
        ("4.5", WHOLE, {"round": "floor"}, 4, {"rounded"}),
        ("4.5", WHOLE, {"round": "nearest"}, 5, {"rounded"}),
        ("-4.5", WHOLE, {"round": "floor"}, -5, {"rounded"}),
        ("4", WHOLE, {"round": "floor"}, 4, set()),
        ("4-5", WHOLE, {}, None, {"type"}),
        ("four", WHOLE, {}, None, {"type"}),
        ("3,5", NUMBER, {}, None, {"type"}),
        ("1,000", NUMBER, {}, None, {"type"}),
        ("39.7 kg", NUMBER, {}, None, {"type"}),
        ("inf", NUMBER, {}, None, {"type"}),
        ("-inf", NUMBER, {}, None, {"type"}),
        ("nan", NUMBER, {}, None, {"type"}),
        ("1e400", NUMBER, {}, None, {"type"}),
        ("1e3", NUMBER, {}, 1000.0, set()),
        ("0.5", NUMBER, {}, 0.5, set()),
        ("=1+1", NUMBER, {}, None, {"type"}),
        ("99999999999999999999", WHOLE, {}, None, {"type"}),
        ("-999", WHOLE, {"null_codes": ["-999"]}, None, {"null_code"}),
        ("NASK", WHOLE, {"null_codes": ["-999", "NASK"]}, None, {"null_code"}),
        ("nask", WHOLE, {"null_codes": ["NASK"]}, None, {"type"}),
        ("10", KM, {"unit": "mi"}, 16.09344, set()),
        ("1500", KM, {"unit": "m"}, 1.5, set()),
        ("10", KM, {"unit": "km"}, 10.0, set()),
        ("100", {"type": "number", "unit": "kg"}, {"unit": "lb"}, 45.359237, set()),
        ("3", {"type": "number", "unit": "weeks"}, {"unit": "months"}, 3 * 365.2425 / 12 / 7, set()),
        ("21", {"type": "number", "unit": "weeks"}, {"unit": "days"}, 3.0, set()),
        ("90", {"type": "number", "unit": "minutes"}, {"unit": "seconds"}, 1.5, set()),
        ("TRUE", BOOLEAN, {}, True, set()),
        ("yes", BOOLEAN, {}, True, set()),
        ("0", BOOLEAN, {}, False, set()),
        ("No", BOOLEAN, {}, False, set()),
        ("2", BOOLEAN, {}, None, {"type"}),
        ("J", BOOLEAN, {"codes": {"J": "true", "N": "false"}}, True, set()),
        ("Q", BOOLEAN, {"codes": {"J": "true", "N": "false"}}, None, {"code"}),
        ("L", CODE, {"codes": {"L": "left", "R": "right"}}, "left", set()),
        ("left", CODE, {"codes": {"L": "left", "R": "right"}}, None, {"code"}),
        ("l", CODE, {"codes": {"L": "left", "R": "right"}}, None, {"code"}),
        ("statin; hrt", CODES, {}, "hrt;statin", set()),
        ("statin;statin", CODES, {}, "statin", set()),
        ("1;3", CODES, {"codes": {"1": "statin", "3": "hrt"}}, "hrt;statin", set()),
        ("1;2", CODES, {"codes": {"1": "statin", "3": "hrt"}}, None, {"code"}),
        (" E1 ", ID, {}, "E1", {"trimmed"}),
        ("2024-03-11", DAY, {"date": "%Y-%m-%d"}, 10, set()),
        ("2024-02-29", DAY, {"date": "%Y-%m-%d"}, -1, set()),
        ("29/02/2024", DAY, {"date": "%d/%m/%Y"}, -1, set()),
        ("2024-02-30", DAY, {"date": "%Y-%m-%d"}, None, {"type"}),
        ("11/03/2024", DAY, {"date": "%Y-%m-%d"}, None, {"type"}),
        ("24-03-11", DAY, {"date": "%Y-%m-%d"}, None, {"type"}),
        ("2024-03-11T23:30:00-08:00", DAY, {"date": "%Y-%m-%d"}, None, {"type"}),
        ("45362", DAY, {"date": "%Y-%m-%d"}, None, {"type"}),
        ("2024-03-11", WHOLE, {"date": "%Y-%m-%d", "part": "year"}, 2024, set()),
        ("12", DAY, {}, 12, set()),
        ("-12", DAY, {}, -12, set()),
        ("2024-03-11", DAY, {}, None, {"type"}),
        ("20240311", DAY, {}, None, {"type"}),
        ("45362", DAY, {}, None, {"type"}),
    ],
)
def test_a_cell_is_read_as_declared_or_named(
    cell: str | None, column: dict[str, Any], source: dict[str, Any], value: object, rules: set[str]
) -> None:
    # Exact: by hand; the mile is 1609.344 m and the pound 0.45359237 kg by the agreement of 1959.
    read, broken = _converted(cell, column, source)
    assert read == (pytest.approx(value) if isinstance(value, float) else value)
    assert broken == rules


# --- Declared ranges, codes and required cells


def test_pandera_sees_a_planted_bad_row_and_would_not_on_a_lazy_frame() -> None:
    # Exact: row 1 breaks the range, row 2 the codes, row 3 is empty where a value is required.
    table = Table.model_validate(
        {
            "table": "t",
            "meaning": "x",
            "key": ["k"],
            "column": {
                "k": {"meaning": "x", "type": "id", "required": True},
                "pain": {"meaning": "x", "type": "integer", "range": [0, 10]},
                "meds": {"meaning": "x", "type": "codes", "codes": {"statin": "", "hrt": ""}},
            },
        }
    )
    rows = {"k": ["a", "b", "c", None], "pain": [10, 11, None, 0], "meds": ["hrt;statin", None, "hrt;zinc", "hrt"]}
    frame = pl.DataFrame(rows, schema={"k": pl.String, "pain": pl.Int64, "meds": pl.String})
    found = schema_breaches(table, frame, ("k", "pain", "meds"))
    assert {one.rule: one.rows.to_list() for one in found} == {
        "t.k.required": [3],
        "t.pain.range": [1],
        "t.meds.code": [2],
    }
    # Why the frame is eager: given a lazy one, pandera checks names and types only.
    table_schema(table, ("k", "pain", "meds")).validate(frame.lazy(), lazy=True)


@pytest.mark.parametrize(("age", "rules"), [("17", "episode.age_y.range"), ("18", ""), ("90", ""), ("91", "episode.age_y.range")])
def test_the_ends_of_a_range_belong_to_it(tmp_path: Path, age: str, rules: str) -> None:
    # Exact: the declared range of age_y is 18 to 90.
    column_map = export_of(tmp_path, episode=[row("episode", age_y=age), row("episode", episode_id="E2", patient_id="P2")])
    assert rules_of(ingested(tmp_path, column_map), "episode.csv").get(1, "") == rules


def test_a_cell_that_cannot_be_read_is_not_called_empty_as_well(tmp_path: Path) -> None:
    # Exact: the day of visit 1 is a word, that of visit 2 is empty; day is required.
    visits = [row("visit", day="soon"), row("visit", day="", nprs_run="3")]
    column_map = export_of(tmp_path, episode=[row("episode")], visit=visits)
    assert rules_of(ingested(tmp_path, column_map), "visit.csv") == {1: "visit.day.type", 2: "visit.day.required"}
