"""What leaves the room: validated records and their ledger, and no identifier."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tendon_outcomes.declarations import ColumnMap, load_column_map
from tendon_outcomes.errors import RecordsRejected
from tendon_outcomes.records import empty_table
from tendon_outcomes.records.identifiers import named_like
from tendon_outcomes.vocabulary import OnReject
from tests.made_exports import AS_OF, DECLARED, EPISODE, csv_text, export_of, ingested, row, write

REPOSITORY = Path(__file__).parents[2]

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
    source = {"file": "episode.csv", "table": "episode", "columns": columns}
    records = ingested(tmp_path, ColumnMap.model_validate({"clinic": "x", "source": [source]}), on_reject=OnReject.STOP)
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
