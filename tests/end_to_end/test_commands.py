"""The commands as a clinic researcher runs them: in a process of their own, with exit codes, stdout, stderr and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
AS_OF = ("--as-of", "2026-06-30")


@pytest.fixture(scope="session")
def tendon_outcomes() -> Run:
    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tendon_outcomes", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)

    return run


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory, tendon_outcomes: Run) -> Path:
    folder = tmp_path_factory.mktemp("made") / "clinic"
    done = tendon_outcomes("simulate", "--episodes", 120, "--seed", 3, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory, tendon_outcomes: Run, clinic: Path) -> Path:
    folder = tmp_path_factory.mktemp("made") / "study"
    assert tendon_outcomes("init", folder).returncode == 0
    done = tendon_outcomes("ingest", folder, clinic, *AS_OF)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_whole_way_gives_a_report_a_results_file_and_their_hashes(tendon_outcomes: Run, study: Path) -> None:
    # Grade: exact.
    done = tendon_outcomes("report", study, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    report = Path(answer["report"])
    assert report.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    results = json.loads((report.parent / "results.json").read_text(encoding="utf-8"))
    assert [one["estimand"] for one in results["results"]] == [
        "pain_free_by_26_weeks",
        "stretching_versus_loading",
        "chronicity_and_recovery",
        "meaningful_improvement_by_12_weeks",
        "claims_register",
    ]
    assert all(one["min_cell_count"] == 11 for one in results["results"])
    assert tendon_outcomes("verify", study).returncode == 0


def test_the_same_files_again_change_nothing(tendon_outcomes: Run, study: Path, clinic: Path) -> None:
    # Grade: exact, promise I5 (the same bytes are a no-op).
    before = sorted((study / "snapshots").iterdir())
    done = tendon_outcomes("ingest", study, clinic, *AS_OF, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["new"] is False
    assert sorted((study / "snapshots").iterdir()) == before


def test_one_analysis_prints_its_milestones(tendon_outcomes: Run, study: Path) -> None:
    # Grade: exact (form), the numbers are tested elsewhere.
    done = tendon_outcomes("run", "a1", study)
    assert done.returncode == 0, done.stderr
    assert "day 84" in done.stdout


def test_the_internal_report_says_so_in_its_name(tendon_outcomes: Run, study: Path) -> None:
    # Grade: exact, reliability.md §3.2.
    done = tendon_outcomes("report", study, "--tier", "internal")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("report-internal-do-not-share.html")


def test_snapshots_are_listed(tendon_outcomes: Run, study: Path) -> None:
    # Grade: exact.
    listed = json.loads(tendon_outcomes("snapshots", study, "--json").stdout)["snapshots"]
    assert [one["as_of"] for one in listed] == ["2026-06-30"]


def test_check_stores_nothing(tendon_outcomes: Run, tmp_path: Path, clinic: Path) -> None:
    # Grade: exact.
    tendon_outcomes("init", tmp_path / "s")
    done = tendon_outcomes("check", tmp_path / "s", clinic, *AS_OF)
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "s/snapshots").iterdir())


def copied(clinic: Path, target: Path) -> Path:
    target.mkdir()
    for file in clinic.glob("*.csv"):
        (target / file.name).write_bytes(file.read_bytes())
    return target


def drop_column(folder: Path) -> None:
    path = folder / "episode.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    place = lines[0].split(",").index("tendon")
    path.write_text("\n".join(",".join(c for i, c in enumerate(x.split(",")) if i != place) for x in lines), encoding="utf-8")


def put(folder: Path, column: str, value: str, file: str = "episode.csv") -> None:
    path = folder / file
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    lines[1][lines[0].index(column)] = value
    path.write_text("\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")


BAD_INPUT: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "a missing column": (drop_column, 1, "tendon"),
    "an unknown code": (lambda f: put(f, "tendon", "SECRETVALUE"), 1, "episode.tendon.code"),
    "a text where a number belongs": (lambda f: put(f, "age_y", "SECRETVALUE"), 1, "episode.age_y.type"),
    "an empty file": (lambda f: (f / "episode.csv").write_bytes(b""), 1, "episode.csv"),
    "a file cut off inside quotes": (
        lambda f: (f / "episode.csv").write_bytes((f / "episode.csv").read_bytes()[:3000] + b'\n"SECRETVALUE'),
        1,
        "episode.csv",
    ),
    "a file that is not UTF-8": (
        lambda f: (f / "episode.csv").write_bytes((f / "episode.csv").read_bytes() + b"SECRETVALUE\xff\xfe\n"),
        1,
        "episode.csv",
    ),
    "an absent file": (lambda f: (f / "episode.csv").unlink(), 2, "episode.csv"),
}


@pytest.mark.parametrize("fault", BAD_INPUT)
def test_bad_input_is_named_and_nothing_is_written(tendon_outcomes: Run, tmp_path: Path, clinic: Path, fault: str) -> None:
    # Grade: exact, the error form of design.md: rule, place, count and way out; no value, no traceback.
    spoil, code, named = BAD_INPUT[fault]
    files = copied(clinic, tmp_path / "files")
    spoil(files)
    tendon_outcomes("init", tmp_path / "s")
    before = sorted(path for path in (tmp_path / "s").rglob("*"))
    done = tendon_outcomes("ingest", tmp_path / "s", files, *AS_OF)
    assert done.returncode == code, done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert "SECRETVALUE" not in done.stderr + done.stdout
    assert done.stdout == ""
    assert sorted(path for path in (tmp_path / "s").rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; test_a_folder_that_is_a_file covers the form")
def test_an_unwritable_folder(tendon_outcomes: Run, tmp_path: Path) -> None:
    # Grade: exact.
    tmp_path.chmod(0o500)
    done = tendon_outcomes("init", tmp_path / "s")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_a_file(tendon_outcomes: Run, tmp_path: Path) -> None:
    # Grade: exact: writing below a plain file is refused by the system for every user.
    (tmp_path / "file").write_text("x", encoding="utf-8")
    done = tendon_outcomes("simulate", "--out", tmp_path / "file/clinic", "--episodes", 5)
    assert done.returncode == 3
    assert "FolderUnwritable" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("ingest", "absent", "absent", *AS_OF), 2, "not a study"),
        (("report", "absent"), 2, "not a study"),
        (("init", "made", "--like", "nobody"), 2, "Examples"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_wrong_use_is_exit_2(tendon_outcomes: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, named: str) -> None:
    # Grade: exact, exit codes of design.md.
    done = tendon_outcomes(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert named in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_impossible_date_is_wrong_use(tendon_outcomes: Run, study: Path, clinic: Path) -> None:
    # Grade: exact.
    done = tendon_outcomes("ingest", study, clinic, "--as-of", "yesterday")
    assert done.returncode == 2
    assert "YYYY-MM-DD" in done.stderr


def test_an_unknown_analysis_and_an_unknown_snapshot_are_wrong_use(tendon_outcomes: Run, study: Path) -> None:
    # Grade: exact.
    assert tendon_outcomes("run", "a99", study).returncode == 2
    assert tendon_outcomes("report", study, "--snapshot", "ffff").returncode == 2


def test_nothing_is_overwritten_without_force(tendon_outcomes: Run, tmp_path: Path) -> None:
    # Grade: exact.
    folder = tmp_path / "s"
    assert tendon_outcomes("init", folder).returncode == 0
    (folder / "protocol.toml").write_text("mine", encoding="utf-8")
    assert tendon_outcomes("init", folder).returncode == 2
    assert (folder / "protocol.toml").read_text(encoding="utf-8") == "mine"
    assert tendon_outcomes("init", folder, "--force").returncode == 0


def test_a_flipped_bit_is_found_and_named(tendon_outcomes: Run, tmp_path: Path, clinic: Path) -> None:
    # Grade: exact.
    folder = tmp_path / "s"
    tendon_outcomes("init", folder)
    tendon_outcomes("ingest", folder, clinic, *AS_OF)
    victim = next(folder.glob("snapshots/*/tables/visit.parquet"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(bytes(content))
    done = tendon_outcomes("verify", folder)
    assert done.returncode == 1
    assert "tables/visit.parquet" in done.stderr
    assert tendon_outcomes("report", folder).returncode == 1


def test_the_same_rows_from_other_files_leave_the_stored_ledger(tendon_outcomes: Run, tmp_path: Path, clinic: Path) -> None:
    # Grade: exact: a copy of the last row is rejected (rule X-02), so that every accepted row is as it was.
    folder, files = tmp_path / "s", copied(clinic, tmp_path / "files")
    tendon_outcomes("init", folder)
    tendon_outcomes("ingest", folder, clinic, *AS_OF)
    path = files / "episode.csv"
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[-1])
    done = tendon_outcomes("ingest", folder, files, *AS_OF, "--on-reject", "exclude", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["new"] is False
    assert answer["stored_ledger"] != answer["ledger"]
    text = tendon_outcomes("ingest", folder, files, *AS_OF, "--on-reject", "exclude").stdout
    assert "the accepted rows are the same as in snapshot" in text
    assert "the ledger stored there stands" in text
    log = [json.loads(line) for line in (folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    assert log[1]["inputs"]["episode.csv"] != log[2]["inputs"]["episode.csv"]
    assert log[1]["manifest_sha256"] == log[2]["manifest_sha256"]
    assert tendon_outcomes("verify", folder).returncode == 0


def test_a_changed_manifest_is_not_made_good_by_ingesting_again(tendon_outcomes: Run, tmp_path: Path, clinic: Path) -> None:
    # Grade: exact: else the log would take over the hash of the forged manifest.
    folder = tmp_path / "s"
    tendon_outcomes("init", folder)
    tendon_outcomes("ingest", folder, clinic, *AS_OF)
    manifest = next(folder.glob("snapshots/*/manifest.json"))
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes().replace(b'"package_version": "', b'"package_version": "9'))
    assert tendon_outcomes("ingest", folder, clinic, *AS_OF).returncode == 1
    assert tendon_outcomes("verify", folder).returncode == 1


def test_demo_leaves_alone_what_it_did_not_make(tendon_outcomes: Run, tmp_path: Path) -> None:
    # Grade: exact.
    (tmp_path / "study").mkdir()
    mine = tmp_path / "study/protocol.toml"
    mine.write_text("mine", encoding="utf-8")
    for arguments in ((), ("--force",)):
        done = tendon_outcomes("demo", tmp_path, *arguments)
        assert done.returncode == 2
        assert "WouldOverwrite" in done.stderr
    assert mine.read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["protocol.toml", "study"]
    assert tendon_outcomes("demo", mine).returncode == 2


def test_demo_makes_its_own_folder_anew(tendon_outcomes: Run, tmp_path: Path) -> None:
    # Grade: exact.
    folder = tmp_path / "d"
    assert tendon_outcomes("demo", folder).returncode == 0
    (folder / "study/left").write_text("x", encoding="utf-8")
    assert tendon_outcomes("demo", folder).returncode == 2
    assert tendon_outcomes("demo", folder, "--force").returncode == 0
    assert not (folder / "study/left").exists()
    assert tendon_outcomes("verify", folder / "study").returncode == 0


def test_init_and_simulate_write_nothing_when_one_file_is_in_the_way(tendon_outcomes: Run, tmp_path: Path) -> None:
    # Grade: exact.
    (tmp_path / "column_map.toml").write_text("mine", encoding="utf-8")
    (tmp_path / "visit.csv").write_text("mine", encoding="utf-8")
    assert tendon_outcomes("init", tmp_path).returncode == 2
    assert tendon_outcomes("simulate", "--episodes", 5, "--out", tmp_path).returncode == 2
    assert not (tmp_path / "protocol.toml").exists()
    assert not (tmp_path / "episode.csv").exists()


def test_help_of_verify_says_what_it_does(tendon_outcomes: Run) -> None:
    # Grade: exact.
    done = tendon_outcomes("verify", "--help")
    assert done.returncode == 0
    assert "every difference" in " ".join(done.stdout.split())
