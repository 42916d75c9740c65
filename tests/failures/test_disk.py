"""Full disks, busy studies, closed pipes: old or new, never between, and the sentence is true."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tendon_outcomes.cli.study import Stored, Study, as_of_date, create, log_report, open_study, store
from tendon_outcomes.cli.terminal import guarded
from tendon_outcomes.errors import EnvironmentFault, FolderUnwritable, TendonOutcomesError
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.snapshots import OUTPUTS, outputs_manifest, study_lock, verify, write_whole
from tests.made_records import episode, records, weekly

DAY = as_of_date("2026-06-30")
COMMAND = [sys.executable, "-m", "tendon_outcomes"]


def some(names: str) -> ValidatedRecords:
    return records(episode=[episode(name) for name in names], run_week=[row for name in names for row in weekly(name, {0: "F"})])


def ingest_one(study: Study) -> None:
    store(study, some("abc"), DAY)


def report_one(study: Study) -> None:
    files = {"report.html": b"new", "results.json": b"new"}
    outputs = outputs_manifest(files)
    write_whole(study.folder / "reports/r", {**files, OUTPUTS: outputs}, force=True)
    log_report(study, study.folder / "reports/r", outputs)


def old_report(study: Study) -> None:
    files = {"report.html": b"old", "results.json": b"old"}
    outputs = outputs_manifest(files)
    write_whole(study.folder / "reports/r", {**files, OUTPUTS: outputs})
    log_report(study, study.folder / "reports/r", outputs)


def full_at(nth: int, call: str, monkeypatch: pytest.MonkeyPatch, *, times: int = 1000) -> list[int]:
    """The nth call of this kind, and those after it, find the disk full; the list counts the calls."""
    calls: list[int] = []
    real = getattr(os, call)

    def counted(*arguments: object, **options: object) -> object:
        calls.append(1)
        if nth <= len(calls) < nth + times:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, counted)
    return calls


@pytest.mark.parametrize("call", ["fsync", "mkdir", "rename", "replace"])
@pytest.mark.parametrize("step", [ingest_one, report_one])
def test_a_disk_full_at_any_point_is_exit_3_and_doing_it_again_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, step: Callable[[Study], None]
) -> None:
    # Grade: exact, faults 8-12: at every point the old report is whole and the rerun verifies.
    for nth in range(1, 40):
        study = create(tmp_path / f"{nth}", None, force=False)
        old_report(study)
        faults: list[str] = []
        with monkeypatch.context() as patch:
            full_at(nth, call, patch, times=1 if call == "rename" else 1000)
            try:
                step(study)
            except EnvironmentFault as error:
                faults.append(error.way_out)
        if not faults:
            break
        assert all(faults)
        assert not list(study.folder.rglob("*.partial"))
        report = {path.name: path.read_bytes() for path in (study.folder / "reports/r").iterdir()}
        assert report["report.html"] == report["results.json"]
        assert outputs_manifest({name: report[name] for name in ("report.html", "results.json")}) == report[OUTPUTS]
        step(study)
        verify(study.folder)
    else:
        pytest.fail("the step never came through")


def test_an_old_report_that_cannot_step_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: moving the new report in fails, and moving the old one back fails too; the old one is still whole.
    study = create(tmp_path / "s", None, force=False)
    old_report(study)
    with monkeypatch.context() as patch:
        full_at(2, "rename", patch)
        with pytest.raises(EnvironmentFault, match="the old one is whole") as caught:
            report_one(study)
    left = [path for path in (study.folder / "reports").iterdir() if str(path) in str(caught.value)]
    assert [(path / "report.html").read_bytes() for path in left] == [b"old"]
    report_one(study)
    verify(study.folder)


def test_a_full_disk_at_the_log_says_that_the_snapshot_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: the message tells what happened, and the log holds no half line.
    study = create(tmp_path / "s", None, force=False)
    before = (study.folder / "audit.jsonl").read_bytes()
    with monkeypatch.context() as patch:
        full_at(1, "replace", patch)  # only files are put in place by replace, and the log is the only one
        with pytest.raises(EnvironmentFault, match="is stored, but its line in the audit log failed"):
            store(study, some("abc"), DAY)
    assert (study.folder / "audit.jsonl").read_bytes() == before
    with pytest.raises(TendonOutcomesError, match="is not named in the log"):
        verify(study.folder)
    assert store(study, some("abc"), DAY)[1] is Stored.SAME
    verify(study.folder)


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, text=True, check=False, stderr=subprocess.PIPE, **{"stdout": subprocess.PIPE, **options})  # type: ignore[call-overload,no-any-return]


def tree(folder: Path) -> dict[str, bytes]:
    return {path.as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_command_in_a_busy_study_does_nothing(tmp_path: Path) -> None:
    # Grade: exact, faults 17 and 18.
    study = create(tmp_path / "s", None, force=False)
    before = tree(tmp_path)
    with study_lock(study.folder):
        for arguments in (
            ("ingest", study.folder, tmp_path, "--as-of", "2026-06-30"),
            ("report", study.folder),
            ("init", study.folder, "--force"),
        ):
            done = run(*arguments)
            assert done.returncode == 3, done.stderr
            assert "another command is at work in this study" in done.stderr
    assert tree(tmp_path) == before


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    # Grade: exact, fault 19: the system takes the lock back, so there is no stale one to steal.
    code = (
        "import sys, time; from pathlib import Path; from tendon_outcomes.snapshots import study_lock\n"
        "with study_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(EnvironmentFault), study_lock(tmp_path):
            pass
        holder.kill()
    with study_lock(tmp_path):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [("snapshots", "--json"), ("verify",), ("--help",)])
def test_a_full_stdout_is_exit_3(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    # Grade: exact.
    study = create(tmp_path / "s", None, force=False)
    places = [study.folder] if arguments != ("--help",) else []
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = run(*arguments, *places, stdout=full)
    assert done.returncode == 3, done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes close otherwise there")
def test_a_reader_that_left_is_no_fault(tmp_path: Path) -> None:
    # Grade: exact, fault 22.
    study = create(tmp_path / "s", None, force=False)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = run("snapshots", study.folder, stdout=closed)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise there")
def test_ctrl_c_is_exit_130(tmp_path: Path) -> None:
    # Grade: exact, fault 20, in the middle of a simulation.
    command = [*COMMAND, "simulate", "--episodes", "20000", "--out", str(tmp_path / "clinic")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as child:
        assert child.stderr is not None
        assert child.stderr.readline().startswith("simulate: 20000 episodes")
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        says = child.stderr.read()
    assert (child.returncode, says) == (130, "stopped; what is stored is whole\n")
    assert not list(tmp_path.iterdir())


def test_snapshots_that_is_a_file(tmp_path: Path) -> None:
    # Grade: exact.
    study = create(tmp_path / "s", None, force=False)
    (study.folder / "snapshots").rmdir()
    (study.folder / "snapshots").write_text("x", encoding="utf-8")
    with pytest.raises(FolderUnwritable):
        store(open_study(study.folder), some("abc"), DAY)
    assert run("init", study.folder, "--force").returncode == 3


def test_a_folder_name_longer_than_the_system_allows(tmp_path: Path) -> None:
    # Grade: exact.
    place = tmp_path / ("n" * 300)
    for arguments in (("init", place), ("simulate", "--episodes", "5", "--out", place), ("demo", place)):
        done = run(*arguments)
        assert done.returncode == 3, done.stderr
        assert "FolderUnwritable" in done.stderr
        assert "Traceback" not in done.stderr
    assert run("report", place).returncode in {2, 3}


def test_an_unforeseen_error_claims_nothing_and_shows_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    # Grade: exact.
    def failing() -> None:
        raise ZeroDivisionError("SECRETVALUE")

    assert guarded(failing) == 4
    says = capsys.readouterr().err
    assert "ZeroDivisionError" in says
    assert "SECRETVALUE" not in says
    assert "changed" not in says
