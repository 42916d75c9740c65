"""Rules across columns, rows and tables: every one has its check and its example, and breaks on one side of its edge only."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from tendon_outcomes.declarations import ColumnMap, Rule
from tendon_outcomes.errors import DeclarationInvalid, NoUsableRows, RecordsRejected
from tendon_outcomes.records import RECORD_ID
from tendon_outcomes.records.checks import ROW_CHECKS
from tendon_outcomes.records.cross_checks import CROSS_CHECKS, STORY_CHECKS, refuse_unchecked_rules
from tendon_outcomes.vocabulary import OnReject
from tests.made_exports import DECLARED, csv_text, export_of, ingested, row, rules_of, write
from tests.spec.case_files import read_pages

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
    ("W-12", "run_week", {"week": "4", "day": "36"}, {"week": "4", "day": "35"}),
    ("W-12", "run_week", {"week": "4", "day": "20"}, {"week": "4", "day": "21"}),
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
        other = row("episode", episode_id="E0", patient_id="P0")
        rows = {"episode": [other, row("episode", **cells)]} if table == "episode" else {"episode": [other, row("episode")]}
        rows = rows if table == "episode" else {**rows, table: [row(table, **cells)]}
        column_map = export_of(tmp_path / str(expected), **rows)
        counts = {one.rule: one for one in ingested(tmp_path / str(expected), column_map).rule_counts}
        assert (counts[rule].count if rule in counts else 0) == expected
        declared = next(one for part in DECLARED.tables.values() for one in part.rule if one.id == rule)
        assert not expected or counts[rule].action == declared.action


def test_every_declared_rule_has_its_check_and_its_example() -> None:
    # Exact: the rules of data_schemas/tables, the functions in records, and the examples of this file or of the cases of intake.
    declared = {rule.id for table in DECLARED.tables.values() for rule in table.rule}
    assert declared == {*ROW_CHECKS, *CROSS_CHECKS, *STORY_CHECKS}
    expected = [case.expect for page in read_pages() if page.kind == "intake" for case in page.case]
    told = {rule for one in expected for rules in one.get("rejected", {}).values() for rule in rules.split()}
    told |= {rule for one in expected for rule in one.get("flagged", {})}
    assert declared <= {rule for rule, *_ in BROKEN} | told
    assert told >= STORY_CHECKS.keys()


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
    episodes = [row("episode", age_y=age) for age in ages] + [row("episode", episode_id="E2", patient_id="P2")]
    records = ingested(tmp_path, export_of(tmp_path, episode=episodes))
    rules = {"": "X-03", "old": "X-03 episode.age_y.type", "ancient": "X-03 episode.age_y.type"}
    assert rules_of(records, "episode.csv") == {at: rules[age] for at, age in enumerate(ages, 1)}


def test_a_row_of_no_episode_cannot_contradict_one_that_has_an_episode(tmp_path: Path) -> None:
    # Exact: session S1 is logged for E1 and, mistyped, for E9, which is nobody.
    sessions = [row("session"), row("session", episode_id="E9")]
    records = ingested(tmp_path, export_of(tmp_path, episode=[row("episode")], session=sessions))
    assert rules_of(records, "session.csv") == {2: "X-01"}


def test_which_episodes_are_kept_apart_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    # Exact: E1 contradicts itself and is out for that; E3 names E2; E4 and E5 are of one injury and in no order.
    rows = [
        row("episode"),
        row("episode", side="right"),
        row("episode", episode_id="E2"),
        row("episode", episode_id="E3", previous_episode_id="E2"),
        row("episode", episode_id="E4", patient_id="P4"),
        row("episode", episode_id="E5", patient_id="P4"),
    ]
    for number, order in enumerate(permutations(rows)):
        if number % 37 == 0:  # 20 of the 720 orders, spread over all of them
            kept = ingested(tmp_path, export_of(tmp_path, episode=order)).table("episode")
            assert kept["episode_id"].to_list() == ["E2", "E3"]


def test_rows_of_a_rejected_episode_are_told_apart_from_orphans(tmp_path: Path) -> None:
    # Exact: E2 is too young, E9 does not exist.
    episodes = [row("episode"), row("episode", episode_id="E2", patient_id="P2", age_y="7")]
    visits = [row("visit"), row("visit", episode_id="E2"), row("visit", episode_id="E9"), row("visit", episode_id="e1")]
    records = ingested(tmp_path, export_of(tmp_path, episode=episodes, visit=visits))
    assert rules_of(records, "visit.csv") == {2: "X-05", 3: "X-01", 4: "X-01"}


def test_a_rejected_row_carries_every_rule_it_breaks(tmp_path: Path) -> None:
    # Exact: pain 11, day -1 and a word for kilometres, in a row of no episode.
    rows = [row("run_week", episode_id="E9", day="-1", nprs_run="11", wk_km="far")]
    records = ingested(tmp_path, export_of(tmp_path, episode=[row("episode")], run_week=rows))
    assert rules_of(records, "run_week.csv") == {1: "W-11 X-01 run_week.nprs_run.range run_week.wk_km.type"}
    assert records.rejected["run_week.csv"]["raw_wk_km"].to_list() == ["far"]


# --- What a rejected row leaves behind


def test_the_days_of_rejected_rows_are_kept_in_mind(tmp_path: Path) -> None:
    # Exact: S1 has a word for kilograms, S2 is whole and copied, S3 has no readable day, S4 is of a rejected episode, S5 of none;
    # both rows of week 2 contradict each other; the visit of day -1 lies before day 0.
    episodes = [row("episode"), row("episode", episode_id="E2", patient_id="P2", age_y="7")]
    sessions = [
        row("session", day="5", load_kg="20 kg"),
        row("session", session_id="S2"),
        row("session", session_id="S2"),
        row("session", session_id="S3", day="Monday"),
        row("session", session_id="S4", episode_id="E2", load_kg="20 kg"),
        row("session", session_id="S5", episode_id="E9", load_kg="20 kg"),
        row("session", session_id="S6", day="5", rpe="11"),
    ]
    weeks = [row("run_week", week="2", day="14", nprs_run=pain) for pain in ("1", "2")]
    tables = {"episode": episodes, "session": sessions, "run_week": weeks, "visit": [row("visit", day="-1"), row("visit")]}
    records = ingested(tmp_path, export_of(tmp_path, **tables))
    assert {name: days.rows() for name, days in records.unread.items()} == {
        "session": [("E1", 5)],
        "run_week": [("E1", 14)],
        "visit": [("E1", -1)],
    }
    assert records.table("session")["session_id"].to_list() == ["S2"]


def test_where_nothing_is_rejected_nothing_is_kept_in_mind(tmp_path: Path) -> None:
    # Exact: a copy says what its first row says.
    tables = {"episode": [row("episode")], "session": [row("session"), row("session")]}
    assert ingested(tmp_path, export_of(tmp_path, **tables)).unread == {}


@pytest.mark.parametrize("cells", [{"stop_day": "20"}, {"guidance": "by_eye"}, {"day": "800"}, {"procedure": "operation"}])
def test_an_unread_procedure_sets_its_episode_aside_and_the_ledger_balances(tmp_path: Path, cells: dict[str, str]) -> None:
    # Exact: the operation of E1 ends before it begins, has a code or a name of its own, or lies after the export; E2 has none.
    tables = {
        "episode": [row("episode"), row("episode", episode_id="E2", patient_id="P2")],
        "procedure": [row("procedure", **{"day": "40", "procedure": "surgery", **cells})],
        "event": [row("event")],
        "visit": [row("visit", day="90"), row("visit", episode_id="E2", day="90"), row("visit", day="-1")],
    }
    records = ingested(tmp_path, export_of(tmp_path, **tables))
    assert records.table("episode")["episode_id"].to_list() == ["E2"]
    assert rules_of(records, "episode.csv") == {1: "X-10"}
    assert rules_of(records, "procedure.csv")[1].startswith(("P-02 X-05", "X-05 procedure", "X-04 X-05"))
    assert rules_of(records, "event.csv") == {1: "X-05"}
    assert rules_of(records, "visit.csv") == {1: "X-05", 3: "V-11 X-05"}
    assert records.unread == {}
    assert {line.table: (line.read, line.accepted, line.rejected) for line in records.ledger} == {
        "episode": (2, 1, 1),
        "procedure": (1, 0, 1),
        "event": (1, 0, 1),
        "visit": (3, 1, 2),
    }
    with pytest.raises(RecordsRejected, match="X-10"):
        ingested(tmp_path, export_of(tmp_path, **tables), on_reject=OnReject.STOP)


# --- What a refusal says


def test_no_episode_left_is_refused_with_the_rules_that_took_them(tmp_path: Path) -> None:
    # Exact: the only episode is too young.
    with pytest.raises(NoUsableRows) as refused:
        ingested(tmp_path, export_of(tmp_path, episode=[row("episode", age_y="7")]))
    assert [(one.rule, one.count) for one in refused.value.findings] == [("episode.age_y.range", 1)]


def test_a_refusal_says_in_which_records_of_which_file(tmp_path: Path) -> None:
    # Exact: one file with twelve rows too young, another with one too young and one too short.
    young = [row("episode", episode_id=f"E{at}", patient_id=f"P{at}", age_y="7") for at in range(12)]
    more = [row("episode", episode_id=f"F{at}", patient_id=f"Q{at}", age_y=age) for at, age in ((1, "40"), (2, "7"))]
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
