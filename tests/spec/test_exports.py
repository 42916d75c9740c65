"""The person-level export: every column declared, rows that agree with the follow-up, and files that stay in the clinic."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.cohort.assemble import assemble_cohort
from tendon_outcomes.cohort.outcome.ascertain import ascertain
from tendon_outcomes.cohort.patient_level.adam import AnalysisData, analysis_data
from tendon_outcomes.declarations import Criterion, declare
from tendon_outcomes.declarations.exports import ExportDataset, Exports
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid, NoUsableRows
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.snapshots import csv_bytes
from tendon_outcomes.vocabulary import Code
from tests.made_records import DECLARED, FAILING, REPORTS, episode, records, weekly
from tests.spec.runners_export import EVERYONE, asked

EXPORTS: Exports = DECLARED.exports
REGIMEN = DECLARED.regimen("1")
STORIES: dict[str, tuple[dict[int, str], list[tuple[str, int]], list[tuple[str, int]]]] = {
    "e1": ({0: "F", 7: "P", 21: "P"}, [], []),
    "e2": ({0: "F", 30: "F", 37: "P"}, [], []),
    "e3": ({0: "F", 56: "F"}, [], [("administrative_end", 60)]),
    "e4": ({0: "F", 14: "F"}, [], [("withdrew", 20)]),
    "e5": ({0: "F"}, [("surgery", 20)], []),
    "e6": ({0: "F"}, [("prp", 21)], []),
    "e7": ({0: "F"}, [("corticosteroid_injection", 22)], []),
    "e8": ({0: "F"}, [("eswt", 23)], []),
    "e9": ({0: "F"}, [], [("other_injury", 24)]),
    "f1": ({0: "F"}, [], [("stopped_running", 25)]),
    "f2": ({0: "F"}, [], [("pregnancy_illness", 26)]),
    "f3": ({0: "F"}, [], [("rupture", 27)]),
    "f4": ({0: "F"}, [], [("death", 28)]),
    "f5": ({0: "P", 14: "P"}, [], []),
    "f6": ({7: "P", 21: "P"}, [], []),
    "f7": ({0: "F", 175: "F", 189: "F", 196: "P", 210: "P"}, [], []),
    "f8": ({}, [], []),
}


def looked(name: str, looks: dict[int, str]) -> dict[str, list[dict[str, Any]]]:
    """Looks of one episode: that of day 0 as a visit, the others as weekly reports."""
    on_day_zero = [{"episode_id": name, "day": 0, "visa_h_total": 50.0, **REPORTS[looks[0]]}] if 0 in looks else []
    return {"visit": on_day_zero, "run_week": weekly(name, {day: letter for day, letter in looks.items() if day})}


def stories() -> ValidatedRecords:
    """Every story, one an episode."""
    made = [looked(name, looks) for name, (looks, _, _) in STORIES.items()]
    return records(
        episode=[episode(name) for name in STORIES],
        visit=[row for one in made for row in one["visit"]],
        run_week=[row for one in made for row in one["run_week"]],
        procedure=[{"episode_id": n, "day": day, "procedure": what} for n in STORIES for what, day in STORIES[n][1]],
        event=[{"episode_id": n, "day": day, "event": what} for n in STORIES for what, day in STORIES[n][2]],
    )


QUESTIONS = [asked("pain_free_running.2"), asked("meaningful_improvement.2"), asked("pain_free_running.3")]


@pytest.fixture(scope="module")
def data() -> AnalysisData:
    return analysis_data(stories(), QUESTIONS, DECLARED, REGIMEN, study="stories")


# --- What is declared


@pytest.mark.parametrize("name", ["adsl", "adqs", "adtte", "weeks"])
def test_every_exported_column_is_declared_and_the_reverse(data: AnalysisData, name: str) -> None:
    # Grade: exact: data_schemas/exports.toml is the truth of what leaves, in its order and types.
    types = {"text": pl.String(), "flag": pl.String(), "integer": pl.Int64(), "float": pl.Float64()}
    declared = EXPORTS.dataset[name].expanded(len(QUESTIONS))
    assert dict(data.frames[name].schema) == {column.name: types[column.type] for column in declared}
    assert data.frames[name].columns == [column.name for column in declared]
    assert data.frames[name].height > 0


def test_the_definitions_have_a_row_for_every_exported_column(data: AnalysisData) -> None:
    # Grade: exact.
    rows = EXPORTS.definitions(DECLARED.tables, n_questions=len(QUESTIONS))
    assert [(row["dataset"], row["variable"]) for row in rows] == [
        (name, column) for name, frame in data.frames.items() for column in frame.columns
    ]
    assert all(row["label"] and row["derivation"] for row in rows)


def test_weeks_are_exported_whole() -> None:
    # Grade: exact: the frame of person-weeks has no column that the export leaves out, and lacks none that it declares.
    from tendon_outcomes.cohort.exposure.weeks import person_weeks

    frame = person_weeks(assemble_cohort(stories(), EVERYONE), REGIMEN, weeks=12).frame
    assert frame.columns == [column.name for column in EXPORTS.dataset["weeks"].columns]


def test_names_labels_and_codes_are_as_short_as_the_transport_format_wants() -> None:
    # Grade: published, SAS V5 transport as CDISC uses it: names of 8 characters and labels of 40.
    for dataset in EXPORTS.dataset.values():
        for column in dataset.expanded(12):
            assert len(column.label) <= 40
            assert dataset.manner == "plain" or re.fullmatch(r"[A-Z][A-Z0-9]{0,7}", column.name)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]{0,7}", code) for code in EXPORTS.parameter)


def test_the_words_of_endings_are_those_of_the_vocabulary() -> None:
    # Grade: exact, domain.md §2d: 0 event, distinct positive integers for censoring, 11 and above competing.
    kinds = {one.code: one.kind for one in EXPORTS.outcome}
    assert kinds == {
        code.value: "EVENT" if code is Code.EVENT else "COMPETING" if code.is_competing else "CENSORED" for code in Code
    }
    assert len({one.says for one in EXPORTS.outcome}) == len(Code)


def test_every_score_every_pain_and_the_distance_is_a_parameter() -> None:
    # Grade: exact: BDS holds instrument totals, nprs_* columns and wk_km; each parameter names a column that there is.
    columns = {name for table in ("visit", "run_week") for name in DECLARED.tables[table].column}
    pains = {name for name in columns if name.startswith("nprs_") and not name.endswith("_reason")}
    of_tendons = {name for tendon in DECLARED.tendons.values() for name in tendon.instruments}
    totals = {DECLARED.instruments[name].total_column for name in of_tendons}
    named = {one.column for one in EXPORTS.parameter.values()}
    assert named >= pains | totals | {"wk_km"}
    assert named <= columns
    assert {one.instrument for one in EXPORTS.parameter.values()} - {""} <= set(DECLARED.instruments)
    for one in EXPORTS.parameter.values():
        for column, code in one.only_where.items():
            assert code in DECLARED.tables["visit"].column[column].codes
    scales = {one.only_where["groc_scale"] for one in EXPORTS.parameter.values() if one.column == "groc"}
    assert scales == set(DECLARED.tables["visit"].column["groc_scale"].codes)


def test_sources_and_code_lists_name_columns_of_the_records() -> None:
    # Grade: exact.
    tables = DECLARED.tables
    for dataset in EXPORTS.dataset.values():
        for column in dataset.columns:
            for source in filter(None, (part.strip() for part in (*column.where.split(","), column.codes_from))):
                table, _, name = source.partition(".")
                if table in tables:
                    assert not name or name in tables[table].column, source
                else:
                    assert table in ("protocol", "SRCVAR"), source


def test_every_endpoint_has_a_code() -> None:
    # Grade: exact.
    assert set(EXPORTS.endpoint_codes) == set(DECLARED.endpoints)


def test_codes_of_questions_are_short_and_differ() -> None:
    # Grade: exact: 8 characters; the same version asked for again (another population or horizon) ends in B, C, ...
    references = ["pain_free_running.2", "pain_free_running.weekly_any_pace", "pain_free_running.2", "pain_free_running.2"]
    assert EXPORTS.parameter_codes(references) == ("PFR2", "PFRWEEKL", "PFR2B", "PFR2C")
    assert EXPORTS.parameter_codes(["pain_free_running.weekly_any_pace"] * 2) == ("PFRWEEKL", "PFRWEEKB")
    with pytest.raises(DeclarationInvalid, match="endpoint nothing has no code"):
        EXPORTS.parameter_codes(["nothing.1"])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"columns": [{"name": "TOOLONGNAME"}]}, "longer than 8 characters"),
        ({"columns": [{"name": "A"}, {"name": "A"}]}, "named twice: A"),
        ({"columns": [{"name": "A"}], "keys": ["B"]}, "keys that are no column: B"),
        ({"columns": [{"name": "A", "label": "x" * 41}]}, "at most 40 characters"),
    ],
)
def test_a_declaration_that_no_file_could_hold_is_refused(wrong: dict[str, Any], says: str) -> None:
    # Grade: exact.
    plain = {"label": "l", "type": "text", "derivation": "d"}
    written = {"title": "t", "structure": "s", "manner": "cdisc", "keys": [], **wrong}
    written["columns"] = [{**plain, **column} for column in written["columns"]]
    with pytest.raises(DeclarationInvalid, match=says):
        build(ExportDataset, written, origin="exports.toml")


# --- Rows that agree with each other and with the follow-up


def test_one_row_for_every_episode_and_question(data: AnalysisData) -> None:
    # Grade: published, CDISC ADaM: one record per subject per parameter in ADTTE.
    rows = data.frames["adtte"]
    assert not rows.select("USUBJID", "PARAMCD").is_duplicated().any()
    assert not data.frames["adsl"]["USUBJID"].is_duplicated().any()
    assert not data.frames["weeks"].select("episode_id", "week").is_duplicated().any()
    assert not data.frames["adqs"].select(EXPORTS.dataset["adqs"].keys).is_duplicated().any()


def test_codes_bounds_and_durations_of_a_row_agree(data: AnalysisData) -> None:
    # Grade: exact: CNSR = 0 if and only if the right bound is set by no competing event; AVAL by the rule of CDISC.
    rows = data.frames["adtte"]
    event, competing = pl.col("CNSR") == 0, pl.col("CNSR") >= 11
    assert rows.filter(event != (pl.col("AVALR").is_not_null() & ~competing)).is_empty()
    assert rows.filter(event != (pl.col("EVNTTYPE") == "EVENT")).is_empty()
    assert rows.filter(competing != (pl.col("EVNTTYPE") == "COMPETING")).is_empty()
    assert rows.filter(event != pl.col("CNSDTDSC").is_null()).is_empty()
    assert rows.filter(pl.col("AVAL") != pl.col("ADY") - pl.col("STARTDY") + 1).is_empty()
    assert rows.filter(pl.col("AVALR") <= pl.col("AVALL")).is_empty()
    assert rows.filter(event, pl.col("CONFDY") < pl.col("ADY")).is_empty()
    assert set(rows["CNSR"]) == {code.value for code in Code}


def test_the_times_are_those_of_the_follow_up(data: AnalysisData) -> None:
    # Grade: exact: the export adds words and records to the intervals, and changes none.
    cohort = assemble_cohort(stories(), EVERYONE)
    for question, code in zip(QUESTIONS, ("PFR2", "MI2", "PFR3"), strict=True):
        follow_up = ascertain(cohort, question.endpoint, horizon_weeks=26)
        exported = data.frames["adtte"].filter(pl.col("PARAMCD") == code).sort("USUBJID")
        same = ["episode_id", "left", "right", "code", "last_day", "last_contact", "n_assessments"]
        given = exported.select("USUBJID", "AVALL", "AVALR", "CNSR", "LASTDY", "LSTCTDY", "NASSESS")
        assert given.rows() == follow_up.episodes.select(same).rows()


def test_the_flags_of_episodes_are_the_rows_of_times(data: AnalysisData) -> None:
    # Grade: exact: QxxFL is Y for those and only those with a row; who has none is not assessable or had reached it on day 0.
    for number, code in enumerate(("PFR2", "MI2", "PFR3"), start=1):
        flag = f"Q{number:02d}"
        flagged = data.frames["adsl"].filter(pl.col(f"{flag}FL") == "Y")["USUBJID"]
        assert set(flagged) == set(data.frames["adtte"].filter(pl.col("PARAMCD") == code)["USUBJID"])
        unfollowed = data.frames["adsl"].filter(pl.col(f"{flag}FL") == "N")
        assert unfollowed.filter((pl.col(f"{flag}ASFL") == "Y") & (pl.col(f"{flag}D0FL") == "N")).is_empty()
    assert data.frames["adsl"].filter(pl.col("Q01D0FL") == "Y")["USUBJID"].to_list() == ["f5"]


def test_every_person_of_the_other_tables_is_in_adsl(data: AnalysisData) -> None:
    # Grade: exact.
    people = set(data.frames["adsl"]["USUBJID"])
    assert people == set(STORIES)
    assert set(data.frames["weeks"]["episode_id"]) == people
    assert set(data.frames["adtte"]["USUBJID"]) | set(data.frames["adqs"]["USUBJID"]) <= people


def test_an_episode_of_two_populations_is_exported_once() -> None:
    # Grade: exact: adsl holds the union of the questions' populations, with a flag for each.
    adults = replace(EVERYONE, name="adults", criteria=(Criterion(id="age", says="50 or older", variable="age_y", at_least=50),))
    younger = replace(EVERYONE, name="younger", criteria=(Criterion(id="age", says="below 60", variable="age_y", at_most=59),))
    people = records(
        episode=[episode("x", age_y=40), episode("y", age_y=55), episode("z", age_y=70)],
        run_week=[row for name in "xyz" for row in weekly(name, {7: "F", 14: "F"})],
    )
    questions = [replace(QUESTIONS[0], population=adults), replace(QUESTIONS[0], population=younger)]
    data = analysis_data(people, questions, DECLARED, REGIMEN, study="two")
    flags = data.frames["adsl"].select("USUBJID", "Q01POPFL", "Q02POPFL").rows()
    assert flags == [("x", "N", "Y"), ("y", "Y", "Y"), ("z", "Y", "N")]
    assert data.frames["adtte"].select("USUBJID", "PARAMCD").rows() == [
        ("x", "PFR2B"),
        ("y", "PFR2"),
        ("y", "PFR2B"),
        ("z", "PFR2"),
    ]
    assert data.frames["weeks"].height == 3 * 26
    assert data.frames["adqs"].filter(pl.col("PARAMCD") == "NPEASY")["USUBJID"].to_list() == ["x", "x", "y", "y", "z", "z"]


def test_a_question_without_anybody_leaves_the_others_and_says_why() -> None:
    # Grade: exact: a refusal is a result; only when there is nobody at all is there no export.
    nobody = replace(EVERYONE, name="nobody", criteria=(Criterion(id="age", says="90", variable="age_y", at_least=90),))
    questions = [replace(QUESTIONS[0], population=nobody), QUESTIONS[0]]
    data = analysis_data(stories(), questions, DECLARED, REGIMEN, study="s")
    assert data.questions[0].refused == "no episode is in population nobody"
    assert set(data.frames["adsl"]["Q01POPFL"]) == {"N"}
    assert set(data.frames["adtte"]["PARAMCD"]) == {"PFR2B"}
    with pytest.raises(NoUsableRows, match="nothing to export"):
        analysis_data(stories(), questions[:1], DECLARED, REGIMEN, study="s")


def test_the_strategy_describes_the_weeks_before_the_question_was_settled() -> None:
    # Grade: exact, regimens.toml version 1: 12 weeks of loading are A; settled on day 21, 3 weeks are left, and 4 are asked.
    sessions = [
        {"session_id": f"{name}{day}", "episode_id": name, "day": day, "modality": "isotonic_low_flex", "sets": 4}
        for name in "xy"
        for week in range(12)
        for day in (7 * week + 1, 7 * week + 3)
    ]
    looks = [*weekly("x", {84: "F"}), *weekly("y", {14: "F", 21: "P", 35: "P"})]
    people = records(episode=[episode("x"), episode("y")], run_week=looks, session=sessions)
    rows = analysis_data(people, QUESTIONS[:1], DECLARED, REGIMEN, study="s").frames["adsl"]
    assert rows.select("USUBJID", "STRATA", "STRATARS", "STRATAWD").rows() == [
        ("x", "A", "rule", 84),
        ("y", "X", "too_few_weeks", 84),
    ]


def test_the_same_records_give_the_same_rows_in_any_order() -> None:
    # Grade: exact: nothing hangs on the order of the rows that came in.
    made = stories()
    turned = replace(made, tables={name: table.reverse() for name, table in made.tables.items()})
    one, other = (analysis_data(given, QUESTIONS, DECLARED, REGIMEN, study="s").frames for given in (made, turned))
    assert all(one[name].equals(other[name]) for name in one)


# --- Files


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "\t=1", "\r=1", "\n=1", "＝1"])
def test_a_cell_that_could_begin_a_formula_is_text(cell: str) -> None:
    # Grade: published, OWASP "CSV injection": such a cell gets an apostrophe; taking one away gives the text back.
    written = csv_bytes(pl.DataFrame({"id": [cell, "plain", None], "number": [-1.5, 0.0, None]})).decode()
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows == [["id", "number"], [f"'{cell}", "-1.5"], ["plain", "0.0"], ["", ""]]


def test_no_cell_of_the_export_begins_a_formula() -> None:
    # Grade: exact: ids that are formulas in every table, and our own words about the columns.
    name = '=HYPERLINK("http://x")'
    made = records(
        episode=[episode(name, site_id="@site", clinician_id="+c")],
        run_week=weekly(name, {7: "F", 14: "F"}),
        visit=[{"episode_id": name, "day": 0, **FAILING}],
    )
    data = analysis_data(made, QUESTIONS[:1], DECLARED, REGIMEN, study="-study")
    definitions = pl.DataFrame(EXPORTS.definitions(DECLARED.tables, n_questions=1))
    assert any(str(text).startswith("-") for text in definitions["derivation"])
    for frame in (*data.frames.values(), definitions):
        rows = list(csv.reader(io.StringIO(csv_bytes(frame).decode(), newline="")))
        texts = [row[place] for row in rows[1:] for place, dtype in enumerate(frame.dtypes) if dtype == pl.String()]
        assert len(rows) == frame.height + 1
        assert texts
        assert not [text for text in texts if re.match(r"[=+\-@\t\r\n]", text)]


# --- The command

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def command() -> Run:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "tendon_outcomes", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, command: Run) -> Path:
    folder = tmp_path_factory.mktemp("export")
    steps = [
        ("simulate", "--episodes", 60, "--seed", 5, "--out", folder / "clinic"),
        ("init", folder / "study"),
        ("ingest", folder / "study", folder / "clinic", "--as-of", "2026-06-30", "--on-reject", "exclude"),
    ]
    for step in steps:
        done = command(*step)
        assert done.returncode == 0, done.stderr
    return folder / "study"


def test_the_command_writes_tables_metadata_and_a_warning(command: Run, study: Path, tmp_path: Path) -> None:
    # Grade: exact: what was promised is there, the row counts agree, the hashes are those of the files, and there is no clock.
    import hashlib

    done = command("export", study, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(files) == [
        "README.txt", "adqs.csv", "adsl.csv", "adtte.csv", "define.csv", "define.json", "weeks.csv",
    ]  # fmt: skip
    rows = json.loads(done.stdout)["rows"]
    assert rows == {name: pl.read_csv(files[f"{name}.csv"], infer_schema=False).height for name in rows}
    define = json.loads(files["define.json"])
    assert {name: one["rows"] for name, one in define["datasets"].items()} == rows
    assert [one["paramcd"] for one in define["questions"]] == ["PFR2", "MI1", "PFR2B", "PFR2C"]
    readme = files["README.txt"].decode()
    assert readme.startswith("PATIENT-LEVEL DATA: keep it in the clinic.")
    assert all(hashlib.sha256(content).hexdigest() in readme for name, content in files.items() if name != "README.txt")
    assert declare().sha256 in readme
    assert command("export", study, "--out", tmp_path / "again").returncode == 0
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}


def test_both_formats_hold_the_same(command: Run, study: Path, tmp_path: Path) -> None:
    # Grade: exact: ids of this clinic need no apostrophe, so the cells are equal as text.
    assert command("export", study, "--out", tmp_path / "csv").returncode == 0
    assert command("export", study, "--out", tmp_path / "parquet", "--format", "parquet").returncode == 0
    for name in ("adsl", "adqs", "adtte", "weeks"):
        frame = pl.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        assert frame.write_csv().encode() == (tmp_path / "csv" / f"{name}.csv").read_bytes()
    assert command("verify", study).returncode == 0


def test_what_stands_there_is_kept(command: Run, study: Path, tmp_path: Path) -> None:
    # Grade: exact: the same export again is no change, another one needs --force, and what is no export never gives way.
    out = tmp_path / "out"
    assert command("export", study, "--out", out).returncode == 0
    assert command("export", study, "--out", out).returncode == 0
    refused = command("export", study, "--out", out, "--format", "parquet")
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    assert (out / "adsl.csv").is_file()
    assert command("export", study, "--out", out, "--format", "parquet", "--force").returncode == 0
    assert sorted(path.suffix for path in out.iterdir()) == [".csv", ".json", *[".parquet"] * 4, ".txt"]
    (out / "letter.txt").write_text("mine", encoding="utf-8")
    refused = command("export", study, "--out", out, "--force")
    assert (refused.returncode, "1 other files" in refused.stderr) == (2, True)
    assert (out / "letter.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--tier", "shareable"), "cannot be shareable"),
        (("--snapshot", "0" * 16), "0 snapshots"),
        (("--format", "xpt"), "xpt"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    command: Run, study: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    # Grade: exact: exit 2 and nothing written.
    done = command("export", study, "--out", tmp_path / "out", *arguments)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "out").exists()


def test_the_studys_own_folders_are_left_alone(command: Run, study: Path) -> None:
    # Grade: exact: an export among snapshots or reports would be found by `verify` as a folder that nobody logged.
    for place in (study, study / "reports" / "export", study / "snapshots"):
        assert command("export", study, "--out", place, "--force").returncode == 2
    assert command("verify", study).returncode == 0
