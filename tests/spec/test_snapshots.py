"""Snapshots: named by content, complete or absent, every byte accounted for."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tendon_outcomes.errors import EnvironmentFault, FileAbsent, FolderUnwritable, VerificationFailed, WouldOverwrite
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.snapshots import (
    OUTPUTS,
    Source,
    append,
    atomic_write,
    content_id,
    list_snapshots,
    lock,
    manifest_sha256,
    open_snapshot,
    outputs_manifest,
    read_state,
    verify,
    write_all,
    write_new,
    write_whole,
)
from tests.made_records import episode, records, weekly

SOURCE = Source(as_of="2026-06-30", clinic="c", column_map="m", declarations="d", package_version="0")


def some(names: str = "abc") -> ValidatedRecords:
    return records(episode=[episode(name) for name in names], run_week=[row for name in names for row in weekly(name, {0: "F"})])


def stored(study: Path, validated: ValidatedRecords, source: Source = SOURCE) -> str:
    manifest, _ = lock(validated, study, source, read_state(study))
    name = manifest.snapshot_id
    append(study, deed="ingest", who="w", when="t", details={"snapshot": name, "manifest_sha256": manifest_sha256(study, name)})
    return name


def reported(study: Path, content: bytes, *, force: bool = False) -> Path:
    folder, files = study / "reports" / "r", {"report.html": content}
    outputs = outputs_manifest(files)
    write_whole(folder, {**files, OUTPUTS: outputs}, force=force)
    details = {"report": folder.name, "outputs_sha256": hashlib.sha256(outputs).hexdigest()}
    append(study, deed="report", who="w", when="t", details=details)
    return folder


def rewritten(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_what_was_stored_is_read_back(tmp_path: Path) -> None:
    # Grade: exact.
    stored(tmp_path, some())
    again, manifest = open_snapshot(tmp_path)
    assert all(again.table(name).equals(frame) for name, frame in some().tables.items())
    assert manifest.as_of == "2026-06-30"


def test_the_same_content_is_stored_once_whatever_the_row_order(tmp_path: Path) -> None:
    # Grade: exact, promise I5.
    first = stored(tmp_path, some("abc"))
    manifest, is_new = lock(some("cab"), tmp_path, SOURCE, read_state(tmp_path))
    assert manifest.snapshot_id == first
    assert not is_new


@pytest.mark.parametrize("table", ["episode", "run_week"])
def test_one_changed_cell_or_another_day_gives_another_name(table: str) -> None:
    # Grade: exact, promise I7.
    whole = some()
    column = {"episode": "age_y", "run_week": "wk_km"}[table]
    changed = whole.table(table).with_columns(pl.lit(41).cast(whole.table(table).schema[column]).alias(column))
    other = ValidatedRecords(tables={**whole.tables, table: changed}, ledger=())
    names = {content_id(whole, "2026-06-30"), content_id(other, "2026-06-30"), content_id(whole, "2026-07-01")}
    assert len(names) == 3


def test_the_latest_as_of_date_is_opened(tmp_path: Path) -> None:
    # Grade: exact, design.md: the report uses the last snapshot as of its end.
    later = Source(as_of="2026-09-30", clinic="c", column_map="m", declarations="d", package_version="0")
    stored(tmp_path, some("abcd"), later)
    stored(tmp_path, some("abc"))
    assert open_snapshot(tmp_path)[1].as_of == "2026-09-30"
    assert [one.as_of for one in list_snapshots(tmp_path)] == ["2026-06-30", "2026-09-30"]


def test_every_flipped_byte_of_a_table_is_found(tmp_path: Path) -> None:
    # Grade: exact, promise I10, on every 50th byte of one file.
    stored(tmp_path, some())
    verify(tmp_path)
    victim = next(tmp_path.glob("snapshots/*/tables/run_week.parquet"))
    victim.chmod(0o644)
    whole = victim.read_bytes()
    for place in range(0, len(whole), 50):
        victim.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(VerificationFailed, match=r"run_week\.parquet"):
            verify(tmp_path)


@pytest.mark.parametrize("harm", ["cut", "swap", "delete", "edit"])
def test_a_changed_audit_log_is_found(tmp_path: Path, harm: str) -> None:
    # Grade: exact, promise I8.
    stored(tmp_path, some("ab"))
    stored(tmp_path, some("abc"))
    stored(tmp_path, some("abcd"))
    log = tmp_path / "audit.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines()
    changed = {
        "cut": lines[:1],
        "swap": [lines[1], lines[0], lines[2]],
        "delete": lines[1:],
        "edit": [lines[0].replace('"w"', '"x"'), *lines[1:]],
    }[harm]
    log.write_text("\n".join(changed) + "\n", encoding="utf-8")
    with pytest.raises(VerificationFailed, match="I-08"):
        verify(tmp_path)


def test_a_missing_and_an_unknown_file_are_found(tmp_path: Path) -> None:
    # Grade: exact.
    folder = tmp_path / "snapshots" / stored(tmp_path, some())
    (folder / "extra.txt").write_text("x", encoding="utf-8")
    with pytest.raises(VerificationFailed, match=r"extra\.txt"):
        verify(tmp_path)


def test_an_unreadable_manifest_is_refused(tmp_path: Path) -> None:
    # Grade: exact.
    folder = tmp_path / "snapshots" / stored(tmp_path, some())
    manifest = folder / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(json.dumps({"format": 99}), encoding="utf-8")
    with pytest.raises(VerificationFailed):
        open_snapshot(tmp_path)


def test_a_study_without_a_snapshot(tmp_path: Path) -> None:
    # Grade: exact.
    with pytest.raises(FileAbsent):
        open_snapshot(tmp_path)


def test_a_half_written_snapshot_is_cleared_and_does_not_count(tmp_path: Path) -> None:
    # Grade: exact, promise I11.
    left, foreign = tmp_path / "snapshots" / ".abc.7-0.partial", tmp_path / "snapshots" / ".abc.partial"
    for one in (left, foreign):
        one.mkdir(parents=True)
        (one / "manifest.json").write_text("{}", encoding="utf-8")
    assert list_snapshots(tmp_path) == ()
    stored(tmp_path, some())
    assert not left.exists()
    assert foreign.exists()
    verify(tmp_path)


def test_a_failing_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: fault "EIO on fsync".
    path = tmp_path / "a"
    atomic_write(path, b"old")

    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(EnvironmentFault, match="what stood there before stands"):
        atomic_write(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a"]


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    # Grade: exact.
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(FolderUnwritable):
        atomic_write(tmp_path / "file" / "a", b"y")


def test_write_new_does_not_replace(tmp_path: Path) -> None:
    # Grade: exact.
    assert write_new(tmp_path / "a", b"1")
    assert not write_new(tmp_path / "a", b"1")
    with pytest.raises(WouldOverwrite):
        write_new(tmp_path / "a", b"2")
    assert write_new(tmp_path / "a", b"2", force=True)


def test_writing_several_files_checks_every_place_first(tmp_path: Path) -> None:
    # Grade: exact.
    (tmp_path / "b").write_bytes(b"mine")
    with pytest.raises(WouldOverwrite):
        write_all(tmp_path, {"a": b"1", "b": b"2"})
    assert not (tmp_path / "a").exists()
    write_all(tmp_path, {"a": b"1", "b": b"2"}, force=True)
    assert (tmp_path / "b").read_bytes() == b"2"


def test_a_folder_is_replaced_as_a_whole_and_only_with_force(tmp_path: Path) -> None:
    # Grade: exact.
    path = tmp_path / "r"
    assert write_whole(path, {"a": b"1", "b": b"1"})
    assert not write_whole(path, {"a": b"1", "b": b"1"})
    with pytest.raises(WouldOverwrite):
        write_whole(path, {"a": b"2"})
    assert write_whole(path, {"a": b"2"}, force=True)
    assert sorted(one.name for one in path.iterdir()) == ["a"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["r"]


def test_a_failed_write_removes_nobody_elses_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: a file that merely ends as ours do.
    (tmp_path / "download.partial").write_bytes(b"theirs")

    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(EnvironmentFault):
        atomic_write(tmp_path / "a", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["download.partial"]


def test_rejected_rows_of_two_files_of_one_stem_are_both_kept(tmp_path: Path) -> None:
    # Grade: exact.
    rejected = {name: pl.DataFrame({"record": [place]}) for place, name in enumerate(("visit.csv", "visit.xlsx"))}
    whole = some()
    name = stored(tmp_path, ValidatedRecords(tables=whole.tables, ledger=(), rejected=rejected))
    folder = tmp_path / "snapshots" / name
    assert sorted(one.name for one in (folder / "rejected").iterdir()) == ["visit.csv.csv", "visit.xlsx.csv"]
    if os.name != "nt":
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_cell_of_a_rejected_row_begins_no_formula(tmp_path: Path) -> None:
    # Grade: published, OWASP "CSV injection": the raw cells of a rejected row are opened in a spreadsheet.
    rejected = {
        "episode.csv": pl.DataFrame({"record": [1], "raw_side": ['=HYPERLINK("http://192.0.2.1/","x")'], "raw_age": ["7"]})
    }
    name = stored(tmp_path, replace(some(), rejected=rejected))
    text = (tmp_path / "snapshots" / name / "rejected" / "episode.csv.csv").read_text(encoding="utf-8")
    assert list(csv.reader(text.splitlines()))[1] == ["1", '\'=HYPERLINK("http://192.0.2.1/","x")', "7"]


DAYS = pl.DataFrame({"episode_id": ["a", "b"], "day": [3, 40]})


def test_the_days_of_rejected_rows_are_read_back(tmp_path: Path) -> None:
    # Grade: exact: a table without such a row has no file.
    name = stored(tmp_path, replace(some(), unread={"session": DAYS, "visit": DAYS.clear()}))
    assert [one.name for one in (tmp_path / "snapshots" / name / "unread").iterdir()] == ["session.parquet"]
    again, _ = open_snapshot(tmp_path)
    assert again.unread.keys() == {"session"}
    assert again.unread["session"].equals(DAYS)
    verify(tmp_path)


def test_a_snapshot_without_days_of_rejected_rows_reads_as_having_none(tmp_path: Path) -> None:
    # Grade: exact: its files and its name are those of a snapshot stored before such days were kept.
    name = stored(tmp_path, some())
    assert not (tmp_path / "snapshots" / name / "unread").exists()
    assert open_snapshot(tmp_path)[0].unread == {}
    assert content_id(some(), "2026-06-30") == content_id(replace(some(), unread={"session": DAYS.clear()}), "2026-06-30")


def test_other_days_of_rejected_rows_are_another_content(tmp_path: Path) -> None:
    # Grade: exact: weeks are read by them; in another order they are the same.
    name = stored(tmp_path, replace(some(), unread={"session": DAYS}))
    others = [{}, {"visit": DAYS}, {"session": DAYS.head(1)}]
    assert len({content_id(replace(some(), unread=days), "2026-06-30") for days in others} | {name}) == 4
    assert content_id(replace(some(), unread={"session": DAYS.reverse()}), "2026-06-30") == name
    rewritten(tmp_path / "snapshots" / name / "unread" / "session.parquet", b"PAR1")
    with pytest.raises(VerificationFailed, match=r"unread/session\.parquet"):
        verify(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such modes")
def test_a_private_folder_is_closed_to_everybody_else(tmp_path: Path) -> None:
    # Grade: exact: 0700 and 0600, also where the same folder stood open before; another folder keeps what the umask gives.
    path, files = tmp_path / "r", {"a": b"1", "inner/b": b"2"}
    modes = lambda: {one.name: one.stat().st_mode & 0o777 for one in (path, *path.rglob("*"))}  # noqa: E731
    closed = {"r": 0o700, "a": 0o600, "inner": 0o700, "b": 0o600}
    assert write_whole(path, files)
    open_to_others = modes()
    assert not write_whole(path, files, private=True)
    assert modes() == closed
    assert write_whole(path, {**files, "a": b"3"}, force=True, private=True)
    assert modes() == closed
    assert write_whole(path, files, force=True)
    assert modes() == open_to_others != closed


def test_a_folder_closed_to_its_owner_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: as the system does to an owner who is no administrator: from a closed folder nothing is removed.
    path = tmp_path / "r"
    write_whole(path, {"a": b"1", "inner/b": b"1"})
    remove_tree = shutil.rmtree

    def as_a_user(folder: Path) -> None:
        for one in (folder, folder / "inner"):
            if one.stat().st_mode & 0o700 != 0o700:
                raise PermissionError(13, "Permission denied")
        remove_tree(folder)

    monkeypatch.setattr("tendon_outcomes.snapshots.durable.shutil.rmtree", as_a_user)
    for one in (path / "inner", path):
        one.chmod(0o555)
    assert write_whole(path, {"a": b"2"}, force=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["r"]


def cut_last_line(study: Path) -> None:
    log = study / "audit.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))


def first_manifest(study: Path) -> Path:
    return next(study.glob("snapshots/*/manifest.json"))


def spoil_recorded(study: Path) -> None:
    path = first_manifest(study)
    rewritten(path, json.dumps({**json.loads(path.read_bytes()), "recorded": []}).encode())


def edit_clinic(study: Path) -> None:
    path = first_manifest(study)
    rewritten(path, json.dumps({**json.loads(path.read_bytes()), "clinic": "another"}, indent=1).encode())


def negative_log_length(study: Path) -> None:
    path = first_manifest(study)
    content = json.loads(path.read_bytes())
    rewritten(path, json.dumps({**content, "audit": {**content["audit"], "lines": -9}}).encode())


def consistent_report(study: Path) -> None:
    files = {"report.html": b"forged"}
    (study / "reports/r/report.html").write_bytes(b"forged")
    (study / "reports/r" / OUTPUTS).write_bytes(outputs_manifest(files))


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "the snapshot is gone": (lambda s: shutil.rmtree(first_manifest(s).parent), "is named in the log and is absent"),
    "all snapshots are gone": (lambda s: shutil.rmtree(s / "snapshots"), "is named in the log and is absent"),
    "the report is gone": (lambda s: shutil.rmtree(s / "reports/r"), "is named in the log and is absent"),
    "outputs.json is gone": (lambda s: (s / "reports/r" / OUTPUTS).unlink(), "outputs.json"),
    "outputs.json is a list": (lambda s: (s / "reports/r" / OUTPUTS).write_bytes(b"[1]"), "outputs.json"),
    "outputs.json is not text": (lambda s: (s / "reports/r" / OUTPUTS).write_bytes(b"\xff\xfe"), "outputs.json"),
    "outputs.json is nested without end": (lambda s: (s / "reports/r" / OUTPUTS).write_bytes(b"[" * 99999), "outputs.json"),
    "page and outputs.json are forged alike": (consistent_report, "is not the one that the log names"),
    "an unknown file lies in the report": (lambda s: (s / "reports/r/x.txt").write_bytes(b""), r"r/x\.txt"),
    "an unknown report": (lambda s: shutil.copytree(s / "reports/r", s / "reports/q"), "is not named in the log"),
    "a file among the snapshots": (lambda s: (s / "snapshots/x").write_bytes(b""), "is not named in the log"),
    "the log is cut before the report": (cut_last_line, "is not named in the log"),
    "the log is gone": (lambda s: (s / "audit.jsonl").unlink(), "is absent or empty"),
    "the log is not text": (lambda s: (s / "audit.jsonl").write_bytes(b"\xff\xfe{\n"), "does not continue"),
    "the log is one list": (lambda s: (s / "audit.jsonl").write_bytes(b"[]\n"), "does not continue"),
    "the manifest is cut off": (lambda s: rewritten(first_manifest(s), b'{"format": 1,'), r"manifest\.json"),
    "the manifest is not text": (lambda s: rewritten(first_manifest(s), b"\xff"), r"manifest\.json"),
    "the manifest is gone": (lambda s: first_manifest(s).unlink(), r"manifest\.json"),
    "recorded is a list": (spoil_recorded, r"manifest\.json"),
    "the manifest names another clinic": (edit_clinic, "is not the one that the log names"),
    "the manifest counts log lines below none": (negative_log_length, "I-08"),
}


@pytest.mark.parametrize("harm", HARM)
def test_verify_finds(tmp_path: Path, harm: str) -> None:
    # Grade: exact, faults 24-31 of the fault list: each is a finding (exit 1), never an internal error.
    stored(tmp_path, some())
    reported(tmp_path, b"page")
    verify(tmp_path)
    do, named = HARM[harm]
    do(tmp_path)
    with pytest.raises(VerificationFailed, match=named) as caught:
        verify(tmp_path)
    assert caught.value.findings
    assert caught.value.way_out


def test_one_damaged_snapshot_does_not_hide_another(tmp_path: Path) -> None:
    # Grade: exact: verify lists every difference.
    names = [stored(tmp_path, some(which)) for which in ("ab", "abc")]
    for name in names:
        rewritten(tmp_path / "snapshots" / name / "manifest.json", b"{")
    with pytest.raises(VerificationFailed) as caught:
        verify(tmp_path)
    assert {name for name in names if any(name in one.place for one in caught.value.findings)} == set(names)


def test_a_replaced_report_is_the_one_its_last_log_line_names(tmp_path: Path) -> None:
    # Grade: exact.
    reported(tmp_path, b"first")
    reported(tmp_path, b"second", force=True)
    assert [line.split()[0] for line in verify(tmp_path)].count("report") == 1


def test_every_flipped_byte_of_a_manifest_and_of_the_log_is_found(tmp_path: Path) -> None:
    # Grade: exact, fault 26; the log's last line has no line after it, so only what it names is guarded there.
    stored(tmp_path, some("ab"))
    stored(tmp_path, some("abc"))
    log = tmp_path / "audit.jsonl"
    first_line = len(log.read_bytes().splitlines()[0])
    for victim, places in ((first_manifest(tmp_path), None), (log, first_line)):
        whole = victim.read_bytes()
        for place in range(0, places or len(whole), 7):
            rewritten(victim, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(VerificationFailed):
                verify(tmp_path)
        rewritten(victim, whole)
    verify(tmp_path)
