"""Inputs that a program could choke on. Each is refused with its rule, place and way out, and with nobody's values."""

from __future__ import annotations

import io
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from tendon_outcomes.declarations import ColumnMap
from tendon_outcomes.errors import (
    ColumnsMissing,
    DataFindings,
    EnvironmentFault,
    FileAbsent,
    FileUnreadable,
    NoUsableRows,
    RecordsRejected,
    TendonOutcomesError,
    WrongUse,
)
from tendon_outcomes.records import ingest
from tendon_outcomes.vocabulary import OnReject
from tests.made_exports import AS_OF, DECLARED, as_declared, csv_text, row, write

CANARY = "7Q31zv"
"""Stands in every cell a refusal could quote. No refusal may."""

HEADER = "episode_id,patient_id,tendon,side,age_y\n"
GOOD = f"E{CANARY},P{CANARY},gluteal,left,43\n"


@dataclass(frozen=True)
class Case:
    """One bad file and the refusal it deserves."""

    content: str | bytes
    error: type[TendonOutcomesError]
    exit_code: int
    says: tuple[str, ...]
    name: str = "episode.csv"


def _parquet() -> bytes:
    content = io.BytesIO()
    pl.DataFrame([row("episode", episode_id=f"E{CANARY}")]).write_parquet(content)
    return content.getvalue()


def _nested() -> bytes:
    content = io.BytesIO()
    pl.DataFrame({"episode_id": [[CANARY]], "side": [CANARY]}).write_parquet(content)
    return content.getvalue()


CASES: dict[str, Case] = {
    "no byte": Case(b"", FileUnreadable, 1, ("F-01", "episode.csv", "Export it again")),
    "only a byte-order mark": Case(b"\xef\xbb\xbf", FileUnreadable, 1, ("F-01", "episode.csv")),
    "only blank lines": Case("\n\n \n", FileUnreadable, 1, ("F-01", "episode.csv")),
    "header only": Case(HEADER, NoUsableRows, 1, ("no episode is left", "Correct the export")),
    "two columns of one name": Case(
        f"episode_id,side,side\n{CANARY},left,{CANARY}\n", FileUnreadable, 1, ("F-04", "columns 2, 3", "its own name")
    ),
    "a column without a name": Case(
        f"episode_id,,side\n{CANARY},{CANARY},left\n", FileUnreadable, 1, ("F-04", "columns 2", "its own name")
    ),
    "no header at all": Case(GOOD * 2, ColumnsMissing, 1, ("M-01", "M-02", "episode.csv column 1", "column_map.toml")),
    "no header, and a value that looks like the name of a column": Case(
        f"E1,P1,Anna Meier {CANARY},left,43\nE2,P2,Eva {CANARY},left,44\n",
        ColumnsMissing,
        1,
        ("M-01", "M-02", "episode.csv column 3"),
    ),
    "a value as the name of a column": Case(
        f"{HEADER.strip()},{CANARY}123\n{GOOD.strip()},\n", ColumnsMissing, 1, ("M-02", "episode.csv column 6")
    ),
    "a lone quotation mark to the end": Case(
        HEADER + GOOD + f'"E2{CANARY},P2,gluteal,left,40\n' + GOOD * 3, FileUnreadable, 1, ("F-03", "line 6", "quotation")
    ),
    "two lone quotation marks that pair up": Case(
        HEADER + GOOD + f'E2,P2,gluteal,"left{CANARY},40\n' + f'E3,P3,gluteal,left{CANARY}",41\n' + GOOD,
        FileUnreadable,
        1,
        ("F-03", "line 3", "quotation"),
    ),
    "ten thousand rows inside a pair of quotation marks": Case(
        HEADER + f'E2,P2,gluteal,"{CANARY},40\n' + GOOD * 10_000 + f'E3,P3,gluteal,{CANARY}",41\n',
        FileUnreadable,
        1,
        ("F-03", "line", "quotation"),
    ),
    "text after a closing quotation mark": Case(
        HEADER + f'"E2{CANARY}"x,P2,gluteal,left,40\n', FileUnreadable, 1, ("F-03", "line 2")
    ),
    "a quotation mark inside a bare cell": Case(
        HEADER + f'E2"{CANARY},P2,gluteal,left,40\n', FileUnreadable, 1, ("F-03", "1 records counted", "not doubled")
    ),
    "cut off inside a cell in quotation marks": Case(
        HEADER + GOOD + f'E2,"P{CANARY}', FileUnreadable, 1, ("F-03", "line 3", "export again")
    ),
    "cut off inside the last line": Case(
        HEADER + GOOD + f"E2,P{CANARY},glut", FileUnreadable, 1, ("F-05", "line 3", "copy the file again")
    ),
    "a NUL byte": Case(HEADER + GOOD + f"E2\0{CANARY},P2,gluteal,left,40\n", FileUnreadable, 1, ("F-02", "line 3", "UTF-8")),
    "UTF-16": Case((HEADER + GOOD).encode("utf-16"), FileUnreadable, 1, ("F-02", "episode.csv", "UTF-8")),
    "a header that is not UTF-8": Case(
        HEADER.replace("side", "s\u00efde").encode("latin-1") + GOOD.encode(), FileUnreadable, 1, ("F-02", "line 1", "UTF-8")
    ),
    "an id that is not UTF-8": Case(
        HEADER.encode() + f"E\u00e9{CANARY},P2,gluteal,left,40\n".encode("latin-1"),
        RecordsRejected,
        1,
        ("F-08", "episode_id", "1 rows", "--on-reject=exclude"),
    ),
    "carriage returns alone": Case((HEADER + GOOD).replace("\n", "\r"), FileUnreadable, 1, ("F-11", "line 1")),
    "carriage returns alone, after quotation marks": Case(
        '"episode_id","side"\r"E1","' + CANARY + '"\r', FileUnreadable, 1, ("F-11", "line 1", "CR LF")
    ),
    "a carriage return inside a bare cell": Case(
        HEADER + GOOD + GOOD.replace("left", f"le\rft{CANARY}"), FileUnreadable, 1, ("F-11", "line 3", "CR LF")
    ),
    "a cell of 131073 characters": Case(
        HEADER + GOOD + GOOD.replace("left", CANARY + "x" * 131_067), FileUnreadable, 1, ("F-12", "line 3", "131072 characters")
    ),
    "a cell of 143000 characters on many lines": Case(
        HEADER + GOOD + GOOD.replace("left", f'"{CANARY}' + f"said, {CANARY}\n" * 11_000 + '"') + GOOD,
        FileUnreadable,
        1,
        ("F-12", "line 3", "leave its column out"),
    ),
    "a lone quotation mark in the header, then ten thousand rows": Case(
        HEADER.replace("side", '"side') + GOOD * 10_000, FileUnreadable, 1, ("F-03", "line", "quotation")
    ),
    "bytes of another kind": Case(bytes(range(256)) * 40, FileUnreadable, 1, ("F-02", "episode.csv")),
    "a Parquet file named .csv": Case(_parquet(), FileUnreadable, 1, ("F-02", "episode.csv")),
    "a CSV file named .parquet": Case(HEADER + GOOD, FileUnreadable, 1, ("F-02", "episode.parquet"), "episode.parquet"),
    "a Parquet file cut in half": Case(
        _parquet()[: len(_parquet()) // 2], FileUnreadable, 1, ("F-05", "episode.parquet"), "episode.parquet"
    ),
    "a Parquet file with a torn footer": Case(
        _parquet()[:-60] + _parquet()[-8:], FileUnreadable, 1, ("F-05", "episode.parquet"), "episode.parquet"
    ),
    "lists in a Parquet file": Case(_nested(), FileUnreadable, 1, ("F-10", "columns 1"), "episode.parquet"),
    "a row with a cell too few": Case(
        HEADER + f"E2{CANARY},P2,gluteal,left\n" + GOOD, RecordsRejected, 1, ("F-06", "1 rows", "episode.csv", "--on-reject")
    ),
    "a row with a cell too many": Case(
        HEADER + f"E2{CANARY},P2,gluteal,left,40,{CANARY}\n" + GOOD, RecordsRejected, 1, ("F-06", "1 rows", "episode.csv")
    ),
    "values that break rules": Case(
        HEADER + GOOD.replace("43", f"4{CANARY}") + GOOD.replace("left", CANARY).replace("E", "F"),
        RecordsRejected,
        1,
        ("episode.age_y.type", "episode.side.code", "1 rows", "2 of 2 rows break 2 rules", "--on-reject=exclude"),
    ),
    "an identifier as id": Case(
        HEADER + GOOD.replace(f"P{CANARY}", f"{CANARY}@clinic.org"), RecordsRejected, 1, ("I-02", "episode patient_id", "1 rows")
    ),
    "the same episode twice, differing": Case(HEADER + GOOD + GOOD.replace("43", "44"), RecordsRejected, 1, ("X-03", "2 rows")),
    "as_declared with a column nobody declared": Case(
        f"{HEADER.strip()},Patient name\n{GOOD.strip()},{CANARY}\n",
        ColumnsMissing,
        1,
        ("M-02", "episode.csv column Patient name", "left_out"),
    ),
}


def _refused(action: Callable[[], object]) -> TendonOutcomesError:
    with pytest.raises(TendonOutcomesError) as caught:
        action()
    return caught.value


def _assert_discreet(error: TendonOutcomesError) -> None:
    printed = str(error) + repr(error) + "".join(traceback.format_exception(error))
    assert CANARY not in printed
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("name", CASES)
def test_a_bad_file_is_refused_by_rule_and_place_without_a_value(tmp_path: Path, name: str) -> None:
    # Exact: made by hand; the rule ids are those of records/rules.py and data_schemas/tables.
    case = CASES[name]
    folder = write(tmp_path / "export", {case.name: case.content})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    column_map = as_declared("episode", ending=case.name.partition(".")[2])
    error = _refused(lambda: ingest(folder, column_map, DECLARED, as_of=AS_OF, on_reject=OnReject.STOP))
    assert type(error) is case.error
    assert error.exit_code == case.exit_code
    for words in case.says:
        assert words in str(error)
    assert error.way_out
    _assert_discreet(error)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("make", "error", "exit_code"),
    [
        (lambda folder: None, FileAbsent, 2),
        (lambda folder: folder.mkdir(), FileAbsent, 2),
        (lambda folder: (folder / "episode.csv").mkdir(parents=True), FileUnreadable, 1),
        (lambda folder: (folder.mkdir(), os.mkfifo(folder / "episode.csv")), FileUnreadable, 1),
        (lambda folder: (folder.mkdir(), (folder / "episode.csv").symlink_to("nowhere")), FileAbsent, 2),
    ],
    ids=["no folder", "no file", "a folder instead", "a pipe instead", "a link to nowhere"],
)
def test_what_is_no_file_is_refused_before_it_is_read(
    tmp_path: Path, make: Callable[[Path], object], error: type[TendonOutcomesError], exit_code: int
) -> None:
    # Exact: a pipe would otherwise be waited for without end.
    folder = tmp_path / "export"
    make(folder)
    refused = _refused(lambda: ingest(folder, as_declared("episode"), DECLARED, as_of=AS_OF, on_reject=OnReject.STOP))
    assert type(refused) is error
    assert refused.exit_code == exit_code
    assert refused.way_out
    assert refused.__context__ is None


def test_a_file_that_may_not_be_read_is_the_environments_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Exact: the system's refusal is simulated, because an administrator may read everything.
    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    write(tmp_path, {"episode.csv": HEADER + GOOD})
    monkeypatch.setattr(Path, "read_bytes", denied)
    refused = _refused(lambda: ingest(tmp_path, as_declared("episode"), DECLARED, as_of=AS_OF, on_reject=OnReject.STOP))
    assert type(refused) is EnvironmentFault
    assert refused.exit_code == 3
    assert "episode.csv could not be read: Permission denied" in str(refused)
    assert refused.__context__ is None


@pytest.mark.parametrize("name", ["../episode.csv", "/etc/hostname", "a/../../episode.csv"])
def test_a_file_outside_the_exports_folder_is_refused(tmp_path: Path, name: str) -> None:
    # Exact: three ways out of a folder.
    folder = write(tmp_path / "export", {"x.csv": ""})
    write(tmp_path, {"episode.csv": HEADER + GOOD})
    column_map = ColumnMap.model_validate(
        {"clinic": "x", "source": [{"file": name, "table": "episode", "columns": "as_declared"}]}
    )
    refused = _refused(lambda: ingest(folder, column_map, DECLARED, as_of=AS_OF, on_reject=OnReject.STOP))
    assert type(refused) is WrongUse


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    # Exact: the first file changes when the reading of the second begins.
    write(tmp_path, {"episode.csv": HEADER + GOOD, "visit.csv": csv_text([row("visit", episode_id=f"E{CANARY}")])})

    def change(message: str) -> None:
        if message == "reading visit.csv":
            (tmp_path / "episode.csv").write_text(HEADER + GOOD.replace("43", "44"))

    column_map = as_declared("episode", "visit")
    refused = _refused(lambda: ingest(tmp_path, column_map, DECLARED, as_of=AS_OF, on_reject=OnReject.EXCLUDE, progress=change))
    assert type(refused) is FileUnreadable
    assert "F-09" in str(refused)
    _assert_discreet(refused)


@pytest.mark.parametrize("first_row", ["E1,P1,Anna Meier,left,43", "episode_id,Anna Meier,gluteal,left", "side,Anna Meier"])
def test_a_file_without_a_header_does_not_tell_its_first_row(tmp_path: Path, first_row: str) -> None:
    # Exact: as soon as one cell of the first row was by chance the name of a declared column, the others were printed.
    write(tmp_path, {"episode.csv": f"{first_row}\n" * 2})
    refused = _refused(lambda: ingest(tmp_path, as_declared("episode"), DECLARED, as_of=AS_OF, on_reject=OnReject.STOP))
    assert type(refused) is ColumnsMissing
    at = first_row.split(",").index("Anna Meier") + 1
    assert f"episode.csv column {at}" in {one.place for one in refused.findings}
    printed = str(refused) + repr(refused) + "".join(traceback.format_exception(refused))
    assert "Anna" not in printed
    assert "Meier" not in printed


@pytest.mark.parametrize("on_reject", list(OnReject))
def test_a_column_of_one_of_two_scales_is_refused_without_a_value(tmp_path: Path, on_reject: OnReject) -> None:
    # Exact: NPRS is the Nirschl phase too (domain dossier, fault 4). Three values of 6 were read as pain for want of a question.
    visits = [row("visit", episode_id=f"E{CANARY}", day=day, NPRS="6") for day in ("0", "28", "84")]
    write(tmp_path, {"episode.csv": HEADER + GOOD, "visit.csv": csv_text(visits)})
    columns = {"episode_id": "episode_id", "day": "day", "nprs_run": "NPRS"}
    sources = [
        {"file": "episode.csv", "table": "episode", "columns": "as_declared"},
        {"file": "visit.csv", "table": "visit", "columns": columns},
    ]
    column_map = ColumnMap.model_validate({"clinic": "x", "source": sources})
    error = _refused(lambda: ingest(tmp_path, column_map, DECLARED, as_of=AS_OF, on_reject=on_reject))
    assert isinstance(error, DataFindings)
    assert [(one.rule, one.place, one.count, one.unit) for one in error.findings] == [
        ("M-05", "visit.csv column NPRS", 3, "values")
    ]
    assert "6" not in str(error)
    assert 'scale = "numeric_pain_rating"' in error.way_out
    _assert_discreet(error)


def test_episodes_kept_apart_are_told_by_record_and_not_by_patient(tmp_path: Path) -> None:
    # Exact: two episodes of one injury; the refusal names their records and no id.
    write(tmp_path, {"episode.csv": HEADER + GOOD + GOOD.replace("E", "F")})
    error = _refused(lambda: ingest(tmp_path, as_declared("episode"), DECLARED, as_of=AS_OF, on_reject=OnReject.STOP))
    assert [(one.rule, one.place, one.count) for one in error.findings] == [
        ("X-06", "episode patient_id, tendon, side, episode.csv records 1, 2", 2)
    ]
    _assert_discreet(error)


def test_the_same_refusals_hold_when_rejected_rows_may_be_excluded(tmp_path: Path) -> None:
    # Exact: --on-reject=exclude lets rows go, never a file whose rows cannot be told apart, nor an identifier.
    for name, case in CASES.items():
        folder = write(tmp_path / name, {case.name: case.content})
        column_map = as_declared("episode", ending=case.name.partition(".")[2])
        if case.error is not RecordsRejected or "I-02" in case.says:
            error = _refused(lambda: ingest(folder, column_map, DECLARED, as_of=AS_OF, on_reject=OnReject.EXCLUDE))  # noqa: B023
            assert type(error) is case.error
            _assert_discreet(error)
