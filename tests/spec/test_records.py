"""Files become validated records: what is read how, which row breaks which rule, and where every row went."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.declarations import Column, ColumnMap, ColumnSource, Rule, Table, load_column_map
from tendon_outcomes.errors import ColumnsMissing, DeclarationInvalid, NoUsableRows, RecordsRejected
from tendon_outcomes.records import RECORD_ID, LedgerLine, empty_table, read_files
from tendon_outcomes.records.checks import ROW_CHECKS
from tendon_outcomes.records.conversion import convert
from tendon_outcomes.records.cross_checks import CROSS_CHECKS, refuse_unchecked_rules
from tendon_outcomes.records.identifiers import named_like
from tendon_outcomes.records.schema import schema_breaches, table_schema
from tendon_outcomes.vocabulary import OnReject
from tests.made_exports import AS_OF, DECLARED, EPISODE, as_declared, csv_text, export_of, ingested, row, rules_of, write

REPOSITORY = Path(__file__).parents[2]

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


# --- Files


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("byte_order_mark", [b"", b"\xef\xbb\xbf"])
def test_delimiter_line_end_and_byte_order_mark_do_not_matter(
    tmp_path: Path, delimiter: str, line_end: str, byte_order_mark: bytes
) -> None:
    # Exact: the same two rows, written in twelve ways.
    text = csv_text([row("episode"), row("episode", episode_id="E2", meds="statin;nsaid_regular")], delimiter=delimiter)
    write(tmp_path, {"episode.csv": byte_order_mark + text.replace("\n", line_end).encode()})
    episodes = ingested(tmp_path, as_declared("episode")).table("episode")
    assert episodes.select("episode_id", "meds").rows() == [("E1", None), ("E2", "nsaid_regular;statin")]


def test_rows_without_the_headers_shape_are_put_aside_and_counted(tmp_path: Path) -> None:
    # Exact: five records below the header; the third has a cell too few, the fourth is the header again, the fifth is blank.
    lines = ["episode_id,patient_id,tendon,side,age_y", "E1,P1,gluteal,left,40", "E2,P2,gluteal,left,41", "E3,P3,gluteal,left"]
    write(tmp_path, {"episode.csv": "\n".join([*lines, lines[0], ",,,,", ""])})
    records = ingested(tmp_path, as_declared("episode"))
    assert records.ledger == (LedgerLine("episode.csv", "episode", read=5, accepted=2, rejected=2, blank=1),)
    assert rules_of(records, "episode.csv") == {3: "F-06", 4: "F-07"}


def test_a_line_break_and_a_delimiter_inside_a_cell_are_part_of_the_cell(tmp_path: Path) -> None:
    # Exact: one record on two lines whose cell holds a comma, a quotation mark and a line break.
    write(tmp_path, {"episode.csv": 'episode_id,Notes\nE1,"said ""tight, not sore""\nworse uphill"\n'})
    raw = read_files(tmp_path, as_declared("episode")).files["episode.csv"]
    assert raw.n_records == 1
    assert raw.frame["Notes"].to_list() == ['said "tight, not sore"\nworse uphill']


def test_bytes_that_are_not_utf8_reject_the_row_only_in_a_mapped_column(tmp_path: Path) -> None:
    # Exact: Latin-1 e acute in an id of record 1 and in a note of record 2.
    header = b"episode_id,patient_id,tendon,side,Notes\n"
    write(tmp_path, {"episode.csv": header + b"E\xe9,P1,gluteal,left,\nE2,P2,gluteal,left,caf\xe9\n"})
    column_map = _mapped("episode", ["episode_id", "patient_id", "tendon", "side"], left_out={"Notes": "free text"})
    records = ingested(tmp_path, column_map)
    assert rules_of(records, "episode.csv") == {1: "F-08"}
    assert [(count.rule, count.action, count.count) for count in records.rule_counts] == [
        ("F-08", "reject", 1),
        ("F-08", "flag", 1),
    ]


def test_a_parquet_file_gives_the_rows_of_the_csv_file(tmp_path: Path) -> None:
    # Exact: typed cells of a Parquet file against the same cells as text.
    typed = pl.DataFrame(
        {
            "episode_id": ["E1", "E2"],
            "patient_id": ["P1", "P2"],
            "tendon": pl.Series(["gluteal", "gluteal"], dtype=pl.Categorical),
            "side": ["left", "right"],
            "bilateral": [True, None],
            "age_y": [40, 41],
            "wk_km_preinjury": [30.0, 12.5],
        }
    )
    typed.write_parquet(tmp_path / "episode.parquet")
    typed.write_csv(tmp_path / "episode.csv")
    from_parquet = ingested(tmp_path, as_declared("episode", ending="parquet")).table("episode")
    from_csv = ingested(tmp_path, as_declared("episode")).table("episode")
    assert from_parquet.drop(RECORD_ID).equals(from_csv.drop(RECORD_ID))
    assert from_parquet.select("bilateral", "age_y", "wk_km_preinjury").rows() == [(True, 40, 30.0), (None, 41, 12.5)]


def test_a_file_name_that_differs_only_in_case_or_accent_form_is_found(tmp_path: Path) -> None:
    # Exact: file systems store the same name in different forms.
    write(tmp_path, {"E\u0301pisode.CSV": csv_text([row("episode")])})
    source = {"file": "\u00e9pisode.csv", "table": "episode", "columns": "as_declared"}
    assert len(ingested(tmp_path, ColumnMap.model_validate({"clinic": "x", "source": [source]})).table("episode")) == 1


# --- Columns


def _mapped(table: str, columns: list[str] | dict[str, Any], **entry: Any) -> ColumnMap:
    named = columns if isinstance(columns, dict) else {name: name for name in columns}
    source = {"file": f"{table}.csv", "table": table, "columns": named, **entry}
    return ColumnMap.model_validate({"clinic": "test", "source": [source]})


def test_missing_and_unaccounted_columns_are_named_and_nothing_is_read(tmp_path: Path) -> None:
    # Exact: side is required and absent, shoe is in the file and unknown. With side absent the first row need not be a header.
    write(tmp_path, {"episode.csv": "episode_id,patient_id,tendon,shoe\nE1,P1,gluteal,brand\n"})
    with pytest.raises(ColumnsMissing) as refused:
        ingested(tmp_path, as_declared("episode"))
    assert [(one.rule, one.place) for one in refused.value.findings] == [
        ("M-01", "episode.csv column side"),
        ("M-02", "episode.csv column 4"),
    ]


@pytest.mark.parametrize("declared", [True, False])
def test_an_unaccounted_column_is_named_once_every_column_that_the_map_names_is_there(tmp_path: Path, declared: bool) -> None:
    # Exact: four required columns and one more.
    write(tmp_path, {"episode.csv": "episode_id,patient_id,tendon,side,shoe\nE1,P1,gluteal,left,brand\n"})
    column_map = as_declared("episode") if declared else _mapped("episode", ["episode_id", "patient_id", "tendon", "side"])
    with pytest.raises(ColumnsMissing) as refused:
        ingested(tmp_path, column_map)
    assert [(one.rule, one.place) for one in refused.value.findings] == [("M-02", "episode.csv column shoe")]


def test_a_column_left_out_with_a_reason_is_not_loaded_and_the_reason_is_kept(tmp_path: Path) -> None:
    # Exact: the free text of a rejected row stays out of the rejected rows as well.
    rows = [row("episode", Notes="canary"), row("episode", episode_id="E2", age_y="7", Notes="canary")]
    write(tmp_path, {"episode.csv": csv_text(rows)})
    column_map = _mapped("episode", [*EPISODE, "age_y"], left_out={"Notes": "free text"})
    records = ingested(tmp_path, column_map)
    assert records.left_out_columns == {"episode.csv": {"Notes": "free text"}}
    assert records.rejected["episode.csv"].columns == [
        "file", "record", "table", "rules", *(f"raw_{name}" for name in EPISODE), "raw_age_y",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "source"),
    [
        ("no_such_column", "x"),
        ("side", {"constant": "middle"}),
        ("age_y", {"constant": 7}),
        ("age_y", {"constant": "40"}),
        ("bilateral", {"constant": "yes"}),
        ("sex", {"from": "x", "codes": {"1": "man"}}),
        ("bilateral", {"from": "x", "codes": {"1": "both"}}),
        ("wk_km_preinjury", {"from": "x", "unit": "kg"}),
        ("age_y", {"from": "x", "unit": "km"}),
        ("wk_km_preinjury", {"from": "x", "round": "floor"}),
        ("site_id", {"from": "x", "codes": {"1": "2"}}),
        ("sex", {"from": "x", "date": "%Y", "part": "year"}),
        ("payer_class", {"from": "Member number"}),
    ],
)
def test_a_column_map_that_cannot_be_meant_is_refused_before_a_cell_is_read(tmp_path: Path, column: str, source: object) -> None:
    # Exact: one impossible entry in an otherwise good map.
    write(tmp_path, {"episode.csv": csv_text([row("episode", x="1")])})
    with pytest.raises(DeclarationInvalid) as refused:
        ingested(tmp_path, _mapped("episode", {**{name: name for name in EPISODE}, column: source}))
    assert len(refused.value.findings) == 1
    assert column in str(refused.value) or "Member number" in str(refused.value)


def test_required_columns_must_be_mapped(tmp_path: Path) -> None:
    # Exact: tendon and side are required and the map is silent about them.
    write(tmp_path, {"episode.csv": csv_text([row("episode")])})
    with pytest.raises(DeclarationInvalid, match=r"episode\.csv side") as refused:
        ingested(tmp_path, _mapped("episode", ["episode_id", "patient_id"]))
    assert len(refused.value.findings) == 2


# --- Dates become days


def _dated(tmp_path: Path, **changed: str) -> ColumnMap:
    evaluations = [{"Pt": "E1", "Eval": "2024-03-01", "Onset": "2024-01-01"}, {"Pt": "E2", "Eval": "2024-05-01", "Onset": ""}]
    reports = [{"Pt": "E1", "Date": "2024-03-29"}, {"Pt": "E2", "Date": changed.pop("date", "2024-05-29")}]
    evaluations[1] |= changed
    write(tmp_path, {"evaluations.csv": csv_text(evaluations), "reports.csv": csv_text(reports)})
    iso = "%Y-%m-%d"
    return ColumnMap.model_validate(
        {
            "clinic": "test",
            "index_date": {"file": "evaluations.csv", "episode_id": "Pt", "column": "Eval", "date": iso},
            "source": [
                {
                    "file": "evaluations.csv",
                    "table": "episode",
                    "columns": {
                        "episode_id": "Pt",
                        "patient_id": "Pt",
                        "tendon": {"constant": "gluteal"},
                        "side": {"constant": "unknown"},
                        "index_year": {"from": "Eval", "date": iso, "part": "year"},
                        "onset_day": {"from": "Onset", "date": iso},
                    },
                },
                {"file": "reports.csv", "table": "visit", "columns": {"episode_id": "Pt", "day": {"from": "Date", "date": iso}}},
            ],
        }
    )


def test_dates_become_days_since_the_index_date_and_are_dropped(tmp_path: Path) -> None:
    # Exact: 2024 is a leap year; 60 days from 1 January to 1 March, 28 from 1 March to 29 March.
    records = ingested(tmp_path, _dated(tmp_path))
    assert records.table("episode").select("index_year", "onset_day").rows() == [(2024, -60), (2024, None)]
    assert records.table("visit")["day"].to_list() == [28, 28]
    assert not [name for frame in records.tables.values() for name, kind in frame.schema.items() if kind.is_temporal()]
    assert all(frame.columns == [RECORD_ID, *DECLARED.tables[name].column] for name, frame in records.tables.items())


@pytest.mark.parametrize(
    ("changed", "evaluations", "reports"),
    [
        ({"date": "2026-02-01"}, {}, {2: "X-04"}),
        ({"date": "2026-01-31"}, {}, {}),
        ({"Eval": "2026-02-01", "date": "2026-02-28"}, {2: "X-04"}, {2: "X-04 X-05"}),
        ({"Eval": "1 May 2024"}, {2: "M-04 episode.index_year.type"}, {2: "X-05"}),
        ({"Eval": ""}, {2: "M-04"}, {2: "X-05"}),
    ],
)
def test_a_date_that_cannot_be_a_day_rejects_its_row(
    tmp_path: Path, changed: dict[str, str], evaluations: dict[int, str], reports: dict[int, str]
) -> None:
    # Exact: the as-of date is 2026-01-31 and itself allowed.
    records = ingested(tmp_path, _dated(tmp_path, **changed))
    assert rules_of(records, "evaluations.csv") == evaluations
    assert rules_of(records, "reports.csv") == reports


def test_no_calendar_date_is_kept_with_a_rejected_row(tmp_path: Path) -> None:
    # Exact: one row with an unreadable onset, one whose shape is not the header's; visit 3 is of no episode.
    column_map = _dated(tmp_path, Onset="January 2024")
    with (tmp_path / "evaluations.csv").open("a") as file:
        file.write("E3,2024-06-01,2024-01-01,2024-02-02\n")
    with (tmp_path / "reports.csv").open("a") as file:
        file.write("E9,2024-07-01\n")
    records = ingested(tmp_path, column_map)
    assert rules_of(records, "evaluations.csv") == {2: "episode.onset_day.type", 3: "F-06"}
    assert records.rejected["evaluations.csv"].columns == ["file", "record", "table", "rules", "raw_Pt"]
    assert records.rejected["evaluations.csv"]["raw_Pt"].to_list() == ["E2", None]
    assert records.rejected["reports.csv"].columns == ["file", "record", "table", "rules", "raw_Pt"]
    assert "2024" not in "".join(frame.write_csv() for frame in records.rejected.values())


def test_two_index_dates_of_one_episode_are_none(tmp_path: Path) -> None:
    # Exact: E1 was evaluated twice on different days; E3 keeps its own single date.
    column_map = _dated(tmp_path, Pt="E1")
    with (tmp_path / "evaluations.csv").open("a") as file:
        file.write("E3,2024-06-01,\n")
    records = ingested(tmp_path, column_map)
    assert rules_of(records, "evaluations.csv") == {1: "M-04 X-03", 2: "M-04 X-03"}
    assert rules_of(records, "reports.csv") == {1: "X-05", 2: "X-01"}


def test_no_episode_left_is_refused_with_the_rules_that_took_them(tmp_path: Path) -> None:
    # Exact: the only episode is too young.
    with pytest.raises(NoUsableRows) as refused:
        ingested(tmp_path, export_of(tmp_path, episode=[row("episode", age_y="7")]))
    assert [(one.rule, one.count) for one in refused.value.findings] == [("episode.age_y.range", 1)]


def test_a_refusal_says_in_which_records_of_which_file(tmp_path: Path) -> None:
    # Exact: one file with twelve rows too young, another with one too young and one too short.
    young = [row("episode", episode_id=f"E{at}", age_y="7") for at in range(12)]
    more = [row("episode", episode_id="F1", age_y="40"), row("episode", episode_id="F2", age_y="7")]
    text = {"episode.csv": csv_text(young), "more.csv": csv_text(more) + "E9,P9\n"}
    write(tmp_path, text)
    sources = [{"file": name, "table": "episode", "columns": "as_declared"} for name in text]
    with pytest.raises(RecordsRejected) as refused:
        ingested(tmp_path, ColumnMap.model_validate({"clinic": "x", "source": sources}), on_reject=OnReject.STOP)
    first_ten = "episode.csv records 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …"
    assert [(one.rule, one.place, one.count) for one in refused.value.findings] == [
        ("F-06", "episode more.csv record 3", 1),
        ("episode.age_y.range", f"episode age_y, {first_ten}; more.csv record 2", 13),
    ]
    assert "counted from 1 below the header" in refused.value.way_out
    assert "the ledger and in the report's data intake table" in refused.value.way_out
    assert "attrition" not in refused.value.way_out


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
    column_map = export_of(tmp_path, episode=[row("episode", age_y=age), row("episode", episode_id="E2")])
    assert rules_of(ingested(tmp_path, column_map), "episode.csv").get(1, "") == rules


def test_a_cell_that_cannot_be_read_is_not_called_empty_as_well(tmp_path: Path) -> None:
    # Exact: the day of visit 1 is a word, that of visit 2 is empty; day is required.
    visits = [row("visit", day="soon"), row("visit", day="", nprs_run="3")]
    column_map = export_of(tmp_path, episode=[row("episode")], visit=visits)
    assert rules_of(ingested(tmp_path, column_map), "visit.csv") == {1: "visit.day.type", 2: "visit.day.required"}


# --- Rules across columns and tables

VISA = {f"visa_h_{item}": "5" for item in range(1, 7)} | {"visa_h_7": "7", "visa_h_8b": "10"}

BROKEN: list[tuple[str, str, dict[str, str], dict[str, str]]] = [
    # rule, table, cells that break it, cells on its right side
    ("E-02", "episode", {"onset_day": "1"}, {"onset_day": "0"}),
    ("E-03", "episode", {"onset_day": "-350", "symptom_duration_wk": "12"}, {"onset_day": "-350", "symptom_duration_wk": "60"}),
    ("E-03", "episode", {"onset_day": "-14", "symptom_duration_wk": "6"}, {"onset_day": "-14", "symptom_duration_wk": "5.5"}),
    ("E-04", "episode", {"prior_treatment": "csi;surgery"}, {"prior_treatment": "surgery", "excl_pht_surgery": "true"}),
    ("P-02", "procedure", {"stop_day": "59"}, {"stop_day": "60"}),
    ("S-02", "session", {"sets": "3", "reps": "134"}, {"sets": "4", "reps": "100"}),
    ("V-03", "visit", {"nprs_run_fast": "0", "nprs_run_fast_reason": "not_attempted_pain"}, {"nprs_run_fast": "0"}),
    ("V-04", "visit", {"nprs_run": "0", "wk_km": "0"}, {"nprs_run": "0", "wk_km": "0.1"}),
    ("V-05", "visit", {"groc": "3"}, {"groc": "3", "groc_scale": "groc_7"}),
    ("V-06", "visit", {"groc": "-4", "groc_scale": "groc_7"}, {"groc": "-5", "groc_scale": "groc_11"}),
    ("V-11", "visit", {"day": "-1"}, {"day": "0"}),
    ("V-21", "visit", {"visa_h_8a": "7", "visa_h_8b": "0"}, {"visa_h_8a": "7"}),
    ("V-22", "visit", VISA | {"visa_h_total": "48"}, VISA | {"visa_h_total": "47.5"}),
    ("W-03", "run_week", {"nprs_run": "2", "nprs_run_reason": "not_asked"}, {"nprs_run_reason": "not_asked"}),
    ("W-04", "run_week", {"nprs_hill": "0", "run_status": "stopped"}, {"nprs_hill": "0", "run_status": "modified"}),
    ("W-04", "run_week", {"nprs_run": "0", "wk_km": "0"}, {"nprs_run": "0", "wk_km": "0", "run_attempted": "true"}),
    ("W-11", "run_week", {"day": "-1"}, {"day": "0"}),
    ("X-01", "visit", {"episode_id": "E9"}, {}),
    ("X-04", "visit", {"day": "762"}, {"day": "761"}),
    ("X-04", "episode", {"index_year": "2027"}, {"index_year": "2026"}),
]


@pytest.mark.parametrize(("rule", "table", "broken", "kept"), BROKEN)
def test_a_rule_is_broken_on_one_side_of_its_edge_only(
    tmp_path: Path, rule: str, table: str, broken: dict[str, str], kept: dict[str, str]
) -> None:
    # Exact: by hand at each rule's edge; 2024-01-01 is the earliest index date of 2024, 761 days before 2026-01-31.
    for cells, expected in ((broken, 1), (kept, 0)):
        rows = {"episode": [row("episode", episode_id="E0")], table: [row(table, **cells)]}
        if table == "episode":
            rows = {"episode": [row("episode", episode_id="E0"), row("episode", **cells)]}
        else:
            rows["episode"] = [row("episode")]
        column_map = export_of(tmp_path / str(expected), **rows)
        counts = {one.rule: one for one in ingested(tmp_path / str(expected), column_map).rule_counts}
        assert (counts[rule].count if rule in counts else 0) == expected
        declared = next(one for part in DECLARED.tables.values() for one in part.rule if one.id == rule)
        assert not expected or counts[rule].action == declared.action


def test_every_declared_rule_has_its_check_and_its_example() -> None:
    # Exact: the rules of data_schemas/tables, the functions in records/checks.py, and the examples of this file.
    declared = {rule.id for table in DECLARED.tables.values() for rule in table.rule}
    assert declared == {*ROW_CHECKS, *CROSS_CHECKS}
    assert declared == {rule for rule, *_ in BROKEN} | {"X-02", "X-03", "X-05"}


@pytest.mark.parametrize("change", ["unchecked", "undeclared", "twice"])
def test_a_rule_without_a_check_or_a_check_without_a_rule_is_refused(tmp_path: Path, change: str) -> None:
    # Exact: one rule too many, one too few, one said twice.
    event = DECLARED.tables["event"]
    extra = Rule(id="E-02" if change == "twice" else "E-99", says="x", why="x", place="x")
    rules = () if change == "undeclared" else (*event.rule, extra)
    changed = "episode" if change == "undeclared" else "event"
    table = DECLARED.tables[changed].model_copy(update={"rule": rules})
    with pytest.raises(DeclarationInvalid, match="D-03"):
        refuse_unchecked_rules(replace(DECLARED, tables={**DECLARED.tables, changed: table}))


def test_copies_are_collapsed_and_contradictions_take_nobodys_side(tmp_path: Path) -> None:
    # Exact: week 1 twice the same, week 2 twice different, week 3 twice the same and once different.
    weeks = [("1", "4"), ("1", "4"), ("2", "4"), ("2", "5"), ("3", "4"), ("3", "4"), ("3", "5")]
    rows = [row("run_week", week=week, nprs_run=pain) for week, pain in weeks]
    records = ingested(tmp_path, export_of(tmp_path, episode=[row("episode")], run_week=rows))
    assert rules_of(records, "run_week.csv") == {2: "X-02", 3: "X-03", 4: "X-03", 5: "X-03", 6: "X-03", 7: "X-03"}
    assert records.table("run_week").select("week", "nprs_run", RECORD_ID).rows() == [(1, 4, "run_week.csv#1")]


@pytest.mark.parametrize("ages", [("", "old"), ("old", ""), ("old", "ancient")])
def test_a_row_with_an_unreadable_cell_is_nobodys_copy(tmp_path: Path, ages: tuple[str, str]) -> None:
    # Exact: read, both rows have no age; what the word meant is not known, so the rows contradict each other in any order.
    episodes = [row("episode", age_y=age) for age in ages] + [row("episode", episode_id="E2")]
    records = ingested(tmp_path, export_of(tmp_path, episode=episodes))
    rules = {"": "X-03", "old": "X-03 episode.age_y.type", "ancient": "X-03 episode.age_y.type"}
    assert rules_of(records, "episode.csv") == {at: rules[age] for at, age in enumerate(ages, 1)}


def test_a_row_of_no_episode_cannot_contradict_one_that_has_an_episode(tmp_path: Path) -> None:
    # Exact: session S1 is logged for E1 and, mistyped, for E9, which is nobody.
    sessions = [row("session"), row("session", episode_id="E9")]
    records = ingested(tmp_path, export_of(tmp_path, episode=[row("episode")], session=sessions))
    assert rules_of(records, "session.csv") == {2: "X-01"}


def test_rows_of_a_rejected_episode_are_told_apart_from_orphans(tmp_path: Path) -> None:
    # Exact: E2 is too young, E9 does not exist.
    episodes = [row("episode"), row("episode", episode_id="E2", age_y="7")]
    visits = [row("visit"), row("visit", episode_id="E2"), row("visit", episode_id="E9"), row("visit", episode_id="e1")]
    records = ingested(tmp_path, export_of(tmp_path, episode=episodes, visit=visits))
    assert rules_of(records, "visit.csv") == {2: "X-05", 3: "X-01", 4: "X-01"}


def test_a_rejected_row_carries_every_rule_it_breaks(tmp_path: Path) -> None:
    # Exact: pain 11, day -1 and a word for kilometres, in a row of no episode.
    rows = [row("run_week", episode_id="E9", day="-1", nprs_run="11", wk_km="far")]
    records = ingested(tmp_path, export_of(tmp_path, episode=[row("episode")], run_week=rows))
    assert rules_of(records, "run_week.csv") == {1: "W-11 X-01 run_week.nprs_run.range run_week.wk_km.type"}
    assert records.rejected["run_week.csv"]["raw_wk_km"].to_list() == ["far"]


# --- Identifiers


def test_pseudonyms_pass_the_gate_and_identifiers_do_not(tmp_path: Path) -> None:
    # Exact: ids of the forms clinics use for pseudonyms, then two e-mail addresses among them.
    good = ["PHT00001", "E1", "007", "site-2-0013", "a3f9c2", "2024-017", "20231"]
    episodes = [row("episode", episode_id=name, patient_id=name) for name in good]
    assert len(ingested(tmp_path / "good", export_of(tmp_path / "good", episode=episodes)).table("episode")) == len(good)
    bad = [
        *episodes,
        row("episode", episode_id="X1", patient_id="a.b@c.org"),
        row("episode", episode_id="X2", patient_id="d@e.org"),
    ]
    with pytest.raises(RecordsRejected) as refused:
        ingested(tmp_path / "bad", export_of(tmp_path / "bad", episode=bad))
    assert [(one.rule, one.place, one.count) for one in refused.value.findings] == [
        ("I-02", "episode patient_id, episode.csv records 8, 9", 2)
    ]


@pytest.mark.parametrize("value", ["555-010-7788", "+43 660 1234567", "078-05-1120", "JD_19840312", "12/03/1984", "192.0.2.1"])
def test_an_id_that_looks_like_an_identifier_is_refused(tmp_path: Path, value: str) -> None:
    # Exact: invented identifiers; the number 078-05-1120 is the one the Social Security Administration voided.
    column_map = export_of(tmp_path, episode=[row("episode", patient_id=value)])
    with pytest.raises(RecordsRejected, match="I-02") as refused:
        ingested(tmp_path, column_map)
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "refused"),
    [("Patient Name", True), ("patient_name", True), ("DOB", True), ("MRN", True), ("E-mail", True), ("HomePhone", True),
     ("Pt ID", False), ("Location", False), ("NRS while running", False), ("Done", False)],
)  # fmt: skip
def test_columns_are_known_by_the_look_of_their_name(name: str, refused: bool) -> None:
    # Exact: names from clinics' exports.
    assert bool(named_like([name])) is refused


# --- What leaves the room


def test_only_rows_sends_rows_to_tables_and_what_nobody_takes_is_flagged(tmp_path: Path) -> None:
    # Exact: one end, one operation, one reason that neither entry takes.
    discharges = [{"Pt": "E1", "Day": day, "Reason": reason} for day, reason in (("90", "end"), ("50", "op"), ("70", "moved"))]
    write(tmp_path, {"episode.csv": csv_text([row("episode")]), "discharges.csv": csv_text(discharges)})
    own = {"episode_id": "Pt", "day": "Day"}
    event = {**own, "event": {"from": "Reason", "codes": {"end": "administrative_end"}}}
    procedure = {**own, "procedure": {"from": "Reason", "codes": {"op": "surgery"}}}
    sources = [
        {"file": "episode.csv", "table": "episode", "columns": "as_declared"},
        {"file": "discharges.csv", "table": "event", "columns": event, "only_rows": {"Reason": ["end"]}},
        {"file": "discharges.csv", "table": "procedure", "columns": procedure, "only_rows": {"Reason": ["op"]}},
    ]
    records = ingested(tmp_path, ColumnMap.model_validate({"clinic": "x", "source": sources}))
    assert records.table("event").select("day", "event").rows() == [(90, "administrative_end")]
    assert records.table("procedure").select("day", "procedure").rows() == [(50, "surgery")]
    assert [(line.read, line.accepted, line.left_out) for line in records.ledger] == [(1, 1, 0), (3, 1, 2), (3, 1, 2)]
    assert [(count.rule, count.action, count.count) for count in records.rule_counts] == [("M-03", "flag", 1)]


def test_every_declared_table_and_column_is_there_and_recorded_says_which_are_filled(tmp_path: Path) -> None:
    # Exact: one episode with five columns and nothing else.
    records = ingested(tmp_path, export_of(tmp_path, episode=[row("episode")]))
    assert set(records.tables) == set(DECLARED.tables)
    for name, table in DECLARED.tables.items():
        assert records.table(name).schema == empty_table(table).schema
    assert records.recorded["episode"] == tuple(EPISODE)
    assert records.recorded["visit"] == ()


def test_repairs_are_counted_by_rule(tmp_path: Path) -> None:
    # Exact: one id with a space, one 999 that means missing.
    columns = {**{name: name for name in EPISODE}, "age_y": {"from": "age_y", "null_codes": ["999"]}}
    write(tmp_path, {"episode.csv": csv_text([row("episode", episode_id=" E1", age_y="999")])})
    records = ingested(tmp_path, _mapped("episode", columns), on_reject=OnReject.STOP)
    assert {(count.rule, count.action, count.count) for count in records.rule_counts} == {
        ("episode.episode_id.trimmed", "flag", 1),
        ("episode.age_y.null_code", "flag", 1),
    }
    assert records.table("episode").select("episode_id", "age_y").rows() == [("E1", None)]


def test_progress_is_told_and_inputs_are_hashed(tmp_path: Path) -> None:
    # Exact: the sha256 of the bytes, by the standard library elsewhere.
    column_map = export_of(tmp_path, episode=[row("episode")])
    told: list[str] = []
    records = ingested(tmp_path, column_map, progress=told.append)
    assert told[0] == "reading episode.csv"
    assert len(told) == 1 + len(DECLARED.tables)
    assert set(records.inputs) == {"episode.csv"}
    assert all(len(digest) == 64 for digest in records.inputs.values())


def test_the_shipped_column_map_of_clinic_a_reads_its_five_files(tmp_path: Path) -> None:
    # Exact: one patient in the clinic's own columns, with an operation on day 93.
    write(
        tmp_path,
        {
            "evaluations.csv": "Pt ID,Initial Eval,Sx onset,Wks of sx,Age,Sex,Both sides,Km/wk before,VISA-H IE,NRS run IE,"
            "Plan of care,Location,Notes\nPHT00001,2023-02-26,2023-01-25,4.5,39.9,M,0,13.6,62,4,loading,C2,\n",
            "outcome_forms.csv": "Pt ID,Visit,Date,VISA-H,NRS sitting\nPHT00001,week_0,2023-02-26,62,2\n"
            "PHT00001,week_4,2023-03-27,NULL,1\n",
            "weekly_checkin.csv": "Pt ID,Date,Wk,NRS while running,Km,Comment\nPHT00001,2023-03-06,1,4,4.4,sore\n",
            "exercise_log.csv": "Row,Pt ID,Date,Type,Min,Sets,Load,NRS,Done\nS1,PHT00001,2023-03-03,stretching,12,2,,3,0.76\n",
            "discharges.csv": "Pt ID,DC date,DC reason\nPHT00001,2023-05-30,surgery\n",
        },
    )
    column_map = load_column_map(REPOSITORY / "analyses" / "studies" / "clinic_a" / "column_map.toml")
    records = ingested(tmp_path, column_map, on_reject=OnReject.STOP)
    episode = records.table("episode").row(0, named=True)
    assert (episode["age_y"], episode["onset_day"], episode["strategy_prescribed"]) == (39, -32, "loading_led")
    assert records.table("visit").select("day", "visit_label", "visa_h_total", "nprs_run", "nprs_sit_hard").rows() == [
        (0, "baseline", 62.0, 4, None),
        (29, "wk_4", None, None, 1),
    ]
    assert records.table("run_week").select("week", "day", "nprs_run", "wk_km").rows() == [(1, 8, 4, 4.4)]
    assert records.table("session").select("day", "modality", "completed_frac").rows() == [(5, "stretch_unspecified", 0.76)]
    assert records.table("procedure").select("day", "procedure").rows() == [(93, "surgery")]
    assert not len(records.table("event"))
    assert dt.date(2023, 5, 30) < AS_OF
