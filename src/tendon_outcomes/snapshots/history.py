"""The looks that a clinic took, one a quarter, and the quarter in which each episode was first seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import polars as pl

from tendon_outcomes.errors import FileAbsent, VerificationFailed
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.snapshots.lock import FOLDER, Manifest, list_snapshots, open_snapshot
from tendon_outcomes.snapshots.quarters import (
    LookRef,
    QuarterRef,
    counts_told,
    frozen,
    quarter_named,
    quarter_of,
)

ENTERED: dict[str, pl.DataType] = {"episode_id": pl.String(), "quarter": pl.String(), "first_seen": pl.Date()}


@dataclass(frozen=True, eq=False)
class Look:
    """One quarter's data lock.

    `protocol_sha256` is that of the protocol under which the quarter was reported, "" when it was not, and of the look that is
    being reported; `reported` is what the report said of each cohort then: its size, the improved and the unknown.
    """

    quarter: str
    as_of: date
    snapshot_id: str
    records: ValidatedRecords = field(repr=False)
    protocol_sha256: str
    reported: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


class StoredLook(Look):
    """A look whose records are read, and every byte of them checked, when they are first asked for."""

    def __init__(self, study: Path, ref: LookRef, of_quarter: QuarterRef | None) -> None:
        for name, value in {
            "quarter": ref.quarter,
            "as_of": date.fromisoformat(ref.as_of),
            "snapshot_id": ref.snapshot_id,
            "protocol_sha256": ref.protocol_sha256,
            "reported": counts_told(of_quarter if ref.protocol_sha256 else None),
            "_study": study,
        }.items():
            object.__setattr__(self, name, value)

    @cached_property
    def records(self) -> ValidatedRecords:
        study: Path = self.__dict__["_study"]
        return open_snapshot(study, self.snapshot_id)[0]


@dataclass(frozen=True, eq=False)
class History:
    """Looks in the order of time; the last one is the look reported.

    `entered` has a row for every episode: the quarter of the first look that holds it and that look's as-of date. Of the
    episodes of the first look nobody knows when they came (`first_is_open`).
    """

    looks: tuple[Look, ...]
    entered: pl.DataFrame
    first_is_open: bool


def history(study: Path, *, until: str | None = None) -> History:
    """The looks up to a quarter, the last that has a snapshot when none is named.

    A look is the last snapshot of its quarter by as-of date, until a report has been made of that quarter or a later one:
    from then on the looks stand as that report took them, so that no snapshot dated back can change what was reported.

    Raises
    ------
    FileAbsent
        The study holds no snapshot, or none of that quarter.
    VerificationFailed
        A stored byte is not what was stored, or the snapshots cannot be of one and the same clinic.
    """
    refs = look_refs(study, until=until)
    reported = frozen(study)
    looks = tuple(StoredLook(study, ref, reported.get(ref.quarter)) for ref in refs)
    of_looks = [_episodes(study, ref) for ref in refs]
    _refuse_new_pseudonyms(looks, of_looks)
    return History(looks=looks, entered=entered(looks, of_looks), first_is_open=bool(of_looks[0]))


def look_refs(study: Path, *, until: str | None = None) -> tuple[LookRef, ...]:
    """Which snapshot is the look of which quarter, up to ``until``; see `history`."""
    latest = {quarter_of(date.fromisoformat(one.as_of)): one for one in list_snapshots(study)}
    if not latest:
        raise FileAbsent(f"{study} holds no snapshot", way_out="Run `tendon-outcomes ingest` first.")
    last = max(latest) if until is None else quarter_named(until)
    reported = frozen(study)
    if last in reported:
        return reported[last].looks
    later = next((ref for quarter, ref in sorted(reported.items()) if quarter > last), None)
    if later is not None:
        refs = [_now(one, reported) for one in later.looks if one.quarter <= last]
    else:
        before = max((quarter for quarter in reported if quarter < last), default="")
        fixed = [_now(one, reported) for one in reported[before].looks] if before else []
        refs = [*fixed, *(_ref(quarter, latest[quarter]) for quarter in sorted(latest) if before < quarter <= last)]
    if not refs or refs[-1].quarter != last:
        known = ", ".join(one.quarter for one in (later.looks if later else ())) or ", ".join(sorted(latest))
        raise FileAbsent(f"no snapshot has its as-of date in {last}", way_out=f"Quarters that have one: {known}.")
    return tuple(refs)


def entered(looks: Sequence[Look], episodes: Sequence[Sequence[str]]) -> pl.DataFrame:
    """The quarter and the as-of date of the first look that holds each episode; ``episodes`` are those of each look."""
    first: dict[str, Look] = {}
    for look, names in zip(looks, episodes, strict=True):
        for name in names:
            first.setdefault(name, look)
    rows = [(name, look.quarter, look.as_of) for name, look in sorted(first.items())]
    return pl.DataFrame(rows, schema=ENTERED, orient="row")


def _ref(quarter: str, manifest: Manifest) -> LookRef:
    return LookRef(quarter=quarter, as_of=manifest.as_of, snapshot_id=manifest.snapshot_id, protocol_sha256="")


def _now(ref: LookRef, reported: Mapping[str, QuarterRef]) -> LookRef:
    """A look as a report took it, with the protocol under which its own quarter has been reported since."""
    own = reported.get(ref.quarter)
    return LookRef(ref.quarter, ref.as_of, ref.snapshot_id, own.protocol_sha256 if own else "")


def _episodes(study: Path, ref: LookRef) -> list[str]:
    """The episodes of a snapshot; its records are read, and checked, when an analysis asks for them."""
    file = study / FOLDER / ref.snapshot_id / "tables" / "episode.parquet"
    if not file.is_file():
        raise VerificationFailed(
            f"snapshot {ref.snapshot_id}, on which {ref.quarter} rests, is absent or damaged",
            way_out="Restore the folder from a backup.",
        )
    return pl.read_parquet(file, columns=["episode_id"])["episode_id"].unique().sort().to_list()


def _refuse_new_pseudonyms(looks: Sequence[Look], episodes: Sequence[Sequence[str]]) -> None:
    """Most episodes of a look are still there in the next: else the pseudonyms are others, and no cohort can be followed."""
    for (before, look), (old, new) in zip(pairwise(looks), pairwise(episodes), strict=True):
        kept = len(set(old) & set(new))
        if 2 * kept < len(old):
            raise VerificationFailed(
                f"of {len(old)} episodes of {before.quarter} the snapshot of {look.quarter} holds {kept}: "
                "it is not the whole clinic, or the pseudonyms changed",
                way_out="Export with the same pseudonyms as before, and the whole clinic each time, not the new episodes alone.",
            )


__all__ = ["ENTERED", "History", "Look", "StoredLook", "entered", "history", "look_refs", "quarter_of"]
