"""The commands that show one runner: told, drawn, exported and logged, and only inside the clinic."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

FIRST = "S0001-E00001"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tendon_outcomes", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    assert run("simulate", "--episodes", 60, "--seed", 1, "--out", folder / "clinic").returncode == 0
    assert run("init", folder / "study").returncode == 0
    assert run("ingest", folder / "study", folder / "clinic", "--as-of", "2026-06-30").returncode == 0
    return folder / "study"


def test_a_runner_is_explained_in_one_command(study: Path) -> None:
    # Grade: snapshot of the words, exact in what they must hold: the answer of each question, numbered steps, record ids.
    done = run("explain", FIRST, study)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Patient-level: keep it in the clinic.")
    assert (
        f"{FIRST}, pain_free_running.2: pain-free running reached after day 49 and no later than day 56 (code 0)" in done.stdout
    )
    assert f"{FIRST}, meaningful_improvement.1: " in done.stdout
    assert "day 56: the first pass of the run that counts  [run_week.csv#" in done.stdout


def test_a_story_is_json_too_and_another_definition_can_be_asked_for(study: Path) -> None:
    # Grade: exact.
    done = run("explain", FIRST, study, "--endpoint", "pain_free_running.0", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [one["endpoint"] for one in told["stories"]] == ["pain_free_running.0"]
    assert all(step["says"] for step in told["stories"][0]["steps"])


def test_a_time_line_is_drawn_and_nothing_is_overwritten(study: Path, tmp_path: Path) -> None:
    # Grade: exact: two drawings of one runner are the same bytes, and a file that stands there stays.
    one, other = tmp_path / "one.svg", tmp_path / "other.svg"
    assert run("explain", FIRST, study, "--figure", one).returncode == 0
    assert run("explain", FIRST, study, "--figure", other).returncode == 0
    assert one.read_bytes() == other.read_bytes()
    assert b"<svg" in one.read_bytes()
    one.write_text("mine")
    assert run("explain", FIRST, study, "--figure", one).returncode == 2
    assert one.read_text() == "mine"


def test_who_is_not_there_is_wrong_use(study: Path) -> None:
    # Grade: exact: exit 2, and what was typed is not repeated.
    done = run("explain", "Smith", study)
    assert done.returncode == 2
    assert "Smith" not in done.stderr


def test_an_export_is_logged_by_the_hash_of_its_readme(study: Path, tmp_path: Path) -> None:
    # Grade: exact: the log says that patient-level tables left the store, and the store is still as it was.
    assert run("export", study, "--out", tmp_path / "tables").returncode == 0
    readme = (tmp_path / "tables" / "README.txt").read_bytes()
    last = json.loads((study / "audit.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (last["deed"], last["readme_sha256"]) == ("export", hashlib.sha256(readme).hexdigest())
    assert run("verify", study).returncode == 0
    assert run("report", study).returncode == 0


@pytest.mark.parametrize("place", ["audit.jsonl", "protocol.toml", "reports/x.svg", "snapshots/x.svg"])
def test_a_time_line_is_not_drawn_over_what_a_study_keeps(study: Path, place: str) -> None:
    # Grade: exact: neither over a file nor beside those that `verify` counts, not even with --force.
    before = (study / place).read_bytes() if (study / place).exists() else None
    done = run("explain", FIRST, study, "--figure", study / place, "--force")
    assert done.returncode == 2, done.stderr
    assert ((study / place).read_bytes() if (study / place).exists() else None) == before


def test_an_export_does_not_go_into_any_study(study: Path, tmp_path: Path) -> None:
    # Grade: exact: another study's rooms are as closed as one's own.
    other = tmp_path / "other"
    assert run("init", other).returncode == 0
    for place in (other, other / "reports" / "x", other / "snapshots"):
        assert run("export", study, "--out", place, "--force").returncode == 2
    assert run("export", study, "--out", other / "tables").returncode == 0


def test_what_a_file_browser_leaves_does_not_block_an_export(study: Path, tmp_path: Path) -> None:
    # Grade: exact.
    assert run("export", study, "--out", tmp_path / "tables").returncode == 0
    (tmp_path / "tables" / ".DS_Store").write_bytes(b"")
    assert run("export", study, "--out", tmp_path / "tables", "--force").returncode == 0
