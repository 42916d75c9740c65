"""Files, their columns and their dates: what is taken, what is refused, what is left out with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.declarations import ColumnMap
from tendon_outcomes.errors import ColumnsMissing, DeclarationInvalid
from tendon_outcomes.records import RECORD_ID, LedgerLine, read_files
from tendon_outcomes.records.scales import scales_meant
from tests.made_exports import DECLARED, EPISODE, as_declared, csv_text, ingested, row, rules_of, write

# --- Files


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("byte_order_mark", [b"", b"\xef\xbb\xbf"])
def test_delimiter_line_end_and_byte_order_mark_do_not_matter(
    tmp_path: Path, delimiter: str, line_end: str, byte_order_mark: bytes
) -> None:
    # Exact: the same two rows, written in twelve ways.
    text = csv_text(
        [row("episode"), row("episode", episode_id="E2", patient_id="P2", meds="statin;nsaid_regular")], delimiter=delimiter
    )
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
    rows = [row("episode", Notes="canary"), row("episode", episode_id="E2", patient_id="P2", age_y="7", Notes="canary")]
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
        ("wk_km_preinjury", {"from": "x", "scale": "numeric_pain_rating"}),
    ],
)
def test_a_column_map_that_cannot_be_meant_is_refused_before_a_cell_is_read(tmp_path: Path, column: str, source: object) -> None:
    # Exact: one impossible entry in an otherwise good map.
    write(tmp_path, {"episode.csv": csv_text([row("episode", x="1")])})
    with pytest.raises(DeclarationInvalid) as refused:
        ingested(tmp_path, _mapped("episode", {**{name: name for name in EPISODE}, column: source}))
    assert len(refused.value.findings) == 1
    assert column in str(refused.value) or "Member number" in str(refused.value)


@pytest.mark.parametrize(
    ("header", "bare"),
    [("NPRS", True), ("nprs", True), (" N P R S ", False), ("NPRS score", True), ("nprs_total", True), ("NPRS-IE", True),
     ("NPRS week 12", True), ("NPRS (wk4)", True), ("Pain NPRS today", True), ("\uff2e\uff30\uff32\uff33", True), ("NRS", False),
     ("NPRS 0-10", False), ("NPRS while running", False), ("Nirschl NPRS", False), ("NPRS12", True), ("nprs_run", False),
     ("NPRS_1", True), ("NPRS1", True), ("NPRS 2", True),
     ("NPRS T0", True), ("NPRS_pre", True), ("NPRS_post", True), ("NPRS_4wk", True), ("NPRS 4 wk", True), ("NPRS month 3", True),
     ("NPRSscore", True), ("N.P.R.S.", True), ("n.p.r.s", True), ("NPRS discharge", True), ("NPRS (0-7)", True),
     ("NPRS 10", True), ("NPRS (0-10)", False),
     ("NPRS 0 to 10", False), ("NPRS/10", False), ("NPRS out of 10", False), ("NPRS 3/10/2024", True),
     ("NPRS 0-100", True), ("NPRSrun", False), ("NPRS worst", False), ("NPRS hill 2", False)],
)  # fmt: skip
def test_a_bare_abbreviation_is_known_by_its_header(header: str, bare: bool) -> None:
    # Exact: by hand; bare is a header that says neither the task, nor the ends, nor the name of its scale.
    assert bool(scales_meant(header, "nprs_run", DECLARED.tables["visit"], DECLARED)) is bare


@pytest.mark.parametrize(("header", "bare"), [("nprs_pre", False), ("NPRS_pre", True), ("nprs pre", True), ("nprs_post", True)])
def test_our_own_name_of_the_column_is_no_abbreviation(header: str, bare: bool) -> None:
    # Exact: session.nprs_pre is declared; any other way to write it is a clinic's.
    assert bool(scales_meant(header, "nprs_pre", DECLARED.tables["session"], DECLARED)) is bare


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
