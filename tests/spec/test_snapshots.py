"""Snapshots: named by content, complete or absent, every byte accounted for."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tendon_outcomes.errors import EnvironmentFault, FileAbsent, FolderUnwritable, VerificationFailed, WouldOverwrite
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.snapshots import (
    Source,
    append,
    atomic_write,
    content_id,
    list_snapshots,
    lock,
    open_snapshot,
    read_state,
    verify,
    write_new,
)
from tests.made_records import episode, records, weekly

SOURCE = Source(as_of="2026-06-30", clinic="c", column_map="m", declarations="d", package_version="0")


def some(names: str = "abc") -> ValidatedRecords:
    return records(episode=[episode(name) for name in names], run_week=[row for name in names for row in weekly(name, {0: "F"})])


def stored(study: Path, validated: ValidatedRecords, source: Source = SOURCE) -> str:
    manifest, _ = lock(validated, study, source, read_state(study))
    append(study, deed="ingest", who="w", when="t", details={})
    return manifest.snapshot_id


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
    left = tmp_path / "snapshots" / "abc.partial"
    left.mkdir(parents=True)
    (left / "manifest.json").write_text("{}", encoding="utf-8")
    assert list_snapshots(tmp_path) == ()
    stored(tmp_path, some())
    assert not left.exists()


def test_a_failing_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: fault "EIO on fsync".
    path = tmp_path / "a"
    atomic_write(path, b"old")

    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(EnvironmentFault, match="nothing changed"):
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
