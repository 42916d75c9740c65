"""Looks of a clinic: one a quarter, fixed once reported; when each episode was first seen; what is kept of a quarter."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tendon_outcomes.errors import FileAbsent, VerificationFailed, WrongUse
from tendon_outcomes.snapshots import QuarterRef, append, freeze, frozen, history, look_refs, quarter_of, verify
from tendon_outcomes.snapshots.quarters import protocol_file
from tests.spec.test_snapshots import SOURCE, some, stored

PROTOCOL = b"# a protocol\n"


def clinic(study: Path, *looks: tuple[str, str]) -> list[str]:
    """Snapshots of the named episodes by as-of date."""
    return [stored(study, some(names), SOURCE.__class__(**{**SOURCE.__dict__, "as_of": as_of})) for as_of, names in looks]


def reported(study: Path, quarter: str, told: dict[str, tuple[int, int, int]] | None = None) -> QuarterRef:
    ref = QuarterRef(
        quarter=quarter,
        looks=look_refs(study, until=quarter),
        protocol_sha256=hashlib.sha256(PROTOCOL).hexdigest(),
        declarations="d",
        code="c",
        analyses="a",
        package_version="0",
        before=tuple(frozen(study)),
        reported=told or {},
    )
    kept = freeze(study, ref, PROTOCOL)
    details = {"quarter": quarter, "quarter_sha256": hashlib.sha256(kept).hexdigest()}
    append(study, deed="freeze a quarter", who="w", when="t", details=details)
    return ref


@pytest.mark.parametrize(
    ("day", "quarter"),
    [
        ("2026-01-01", "2026Q1"),
        ("2026-03-31", "2026Q1"),
        ("2026-04-01", "2026Q2"),
        ("2026-09-30", "2026Q3"),
        ("2026-12-31", "2026Q4"),
    ],
)
def test_the_quarter_of_a_day(day: str, quarter: str) -> None:
    # Grade: exact.
    assert quarter_of(date.fromisoformat(day)) == quarter


def test_one_look_a_quarter_is_the_last_within_it_and_the_last_look_is_the_quarter_asked_for(tmp_path: Path) -> None:
    # Grade: exact.
    names = clinic(tmp_path, ("2026-01-10", "a"), ("2026-03-31", "ab"), ("2026-06-30", "abc"), ("2026-08-01", "abcd"))
    found = history(tmp_path, until="2026Q2")
    assert [(one.quarter, one.snapshot_id) for one in found.looks] == [("2026Q1", names[1]), ("2026Q2", names[2])]
    assert [one.quarter for one in history(tmp_path).looks] == ["2026Q1", "2026Q2", "2026Q3"]
    assert found.looks[-1].records.table("episode")["episode_id"].to_list() == ["a", "b", "c"]


def test_a_cohort_is_the_quarter_of_the_first_look_that_holds_the_episode(tmp_path: Path) -> None:
    # Grade: exact: c is gone from the third look and stays in the cohort of the second.
    clinic(tmp_path, ("2026-03-31", "ab"), ("2026-06-30", "abc"), ("2026-09-30", "abd"))
    found = history(tmp_path)
    assert found.entered.rows() == [
        ("a", "2026Q1", date(2026, 3, 31)),
        ("b", "2026Q1", date(2026, 3, 31)),
        ("c", "2026Q2", date(2026, 6, 30)),
        ("d", "2026Q3", date(2026, 9, 30)),
    ]
    assert found.entered.schema == {"episode_id": pl.String, "quarter": pl.String, "first_seen": pl.Date}
    assert found.first_is_open


def test_a_quarter_without_a_snapshot_is_refused_with_those_that_have_one(tmp_path: Path) -> None:
    # Grade: exact.
    with pytest.raises(FileAbsent, match="holds no snapshot"):
        history(tmp_path)
    clinic(tmp_path, ("2026-03-31", "a"), ("2026-09-30", "ab"))
    with pytest.raises(FileAbsent, match=r"2026Q2[\s\S]*2026Q1, 2026Q3"):
        history(tmp_path, until="2026Q2")
    with pytest.raises(WrongUse, match="2026Q3"):
        history(tmp_path, until="Q3 2026")


def test_a_reported_quarter_keeps_its_looks(tmp_path: Path) -> None:
    # Grade: exact: later snapshots, one dated back into the quarter and one before the first look change nothing.
    clinic(tmp_path, ("2026-03-30", "a"), ("2026-06-29", "ab"))
    before = reported(tmp_path, "2026Q2")
    clinic(tmp_path, ("2025-12-31", "ab"), ("2026-03-31", "ab"), ("2026-06-30", "abc"), ("2026-09-30", "abc"))
    assert look_refs(tmp_path, until="2026Q2") == before.looks
    later = history(tmp_path, until="2026Q3")
    assert [one.snapshot_id for one in later.looks[:2]] == [one.snapshot_id for one in before.looks]
    assert [one.protocol_sha256 for one in later.looks] == ["", before.protocol_sha256, ""]
    assert dict(later.entered.select("episode_id", "quarter").iter_rows()) == {"a": "2026Q1", "b": "2026Q2", "c": "2026Q3"}


def test_a_quarter_reported_late_takes_the_look_that_a_later_report_took(tmp_path: Path) -> None:
    # Grade: exact.
    clinic(tmp_path, ("2026-03-30", "a"), ("2026-06-29", "ab"))
    later = reported(tmp_path, "2026Q2")
    clinic(tmp_path, ("2026-03-31", "ab"), ("2025-12-31", "ab"))
    assert look_refs(tmp_path, until="2026Q1") == later.looks[:1]
    with pytest.raises(FileAbsent, match=r"2025Q4[\s\S]*Quarters that have one: 2026Q1, 2026Q2"):
        look_refs(tmp_path, until="2025Q4")


def test_what_a_report_said_goes_with_its_look(tmp_path: Path) -> None:
    # Grade: exact: the look being reported says nothing of itself, so that the first report and its repetition see the same.
    clinic(tmp_path, ("2026-03-30", "a"), ("2026-06-29", "ab"))
    reported(tmp_path, "2026Q1", {"2025Q3": (20, 12, 3)})
    assert [one.reported for one in history(tmp_path, until="2026Q1").looks] == [{}]
    assert [one.reported for one in history(tmp_path, until="2026Q2").looks] == [{"2025Q3": (20, 12, 3)}, {}]


def test_other_pseudonyms_are_refused(tmp_path: Path) -> None:
    # Grade: exact: 1 of 3 episodes left is another export, 2 of 3 are deletions.
    clinic(tmp_path / "fine", ("2026-03-31", "abc"), ("2026-06-30", "abx"))
    assert history(tmp_path / "fine").entered.height == 4
    clinic(tmp_path / "other", ("2026-03-31", "abc"), ("2026-06-30", "axyz"))
    with pytest.raises(VerificationFailed, match=r"of 3 episodes of 2026Q1 the snapshot of 2026Q2 holds 1"):
        history(tmp_path / "other")


def test_a_quarter_is_kept_once_and_under_the_protocol_that_it_names(tmp_path: Path) -> None:
    # Grade: exact.
    clinic(tmp_path, ("2026-03-31", "a"))
    ref = reported(tmp_path, "2026Q1")
    assert frozen(tmp_path) == {"2026Q1": ref}
    assert protocol_file(tmp_path, "2026Q1").read_bytes() == PROTOCOL
    with pytest.raises(WrongUse, match="reported before"):
        freeze(tmp_path, ref, PROTOCOL)


@pytest.mark.parametrize("fault", ["quarter.json", "protocol.toml", "added", "folder", "unlogged", "snapshot"])
def test_verify_finds_what_was_done_to_a_kept_quarter(tmp_path: Path, fault: str) -> None:
    # Grade: exact.
    import shutil

    (name,) = clinic(tmp_path, ("2026-03-31", "a"))
    reported(tmp_path, "2026Q1")
    assert "quarter 2026Q1" in verify(tmp_path)
    folder = tmp_path / "quarters" / "2026Q1"
    folder.chmod(0o700)
    match fault:
        case "added":
            (folder / "more.txt").write_text("x")
        case "folder":
            shutil.rmtree(folder)
        case "unlogged":
            shutil.copytree(folder, tmp_path / "quarters" / "2026Q2")
        case "snapshot":
            shutil.rmtree(tmp_path / "snapshots" / name)
        case _:
            (folder / fault).chmod(0o600)
            (folder / fault).write_bytes((folder / fault).read_bytes() + b" ")
    with pytest.raises(VerificationFailed, match="2026Q"):
        verify(tmp_path)


def test_a_protocol_that_is_not_the_one_kept_stops_every_later_report(tmp_path: Path) -> None:
    # Grade: exact.
    clinic(tmp_path, ("2026-03-31", "a"))
    reported(tmp_path, "2026Q1")
    kept = protocol_file(tmp_path, "2026Q1")
    kept.chmod(0o600)
    kept.write_bytes(b"# another\n")
    with pytest.raises(VerificationFailed, match="2026Q1"):
        history(tmp_path, until="2026Q1")
