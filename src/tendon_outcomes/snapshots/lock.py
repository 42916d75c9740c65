"""A snapshot: one whole export, validated, under the name that its content gives it, never changed again."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from tendon_outcomes.errors import FileAbsent, VerificationFailed
from tendon_outcomes.records import RECORD_ID, LedgerLine, RuleCount, ValidatedRecords, with_unrecorded
from tendon_outcomes.snapshots.audit import AuditState
from tendon_outcomes.snapshots.durable import atomic_folder, clear_partials, hidden
from tendon_outcomes.snapshots.table_files import csv_bytes, parquet_bytes

FORMAT = 1
FOLDER = "snapshots"
MANIFEST = "manifest.json"
_RESTORE = "Restore the folder from a backup, or ingest the export again into a new study."


@dataclass(frozen=True)
class Manifest:
    """What a snapshot holds and what it was made from. `files` maps every stored file to its sha256."""

    format: int
    snapshot_id: str
    as_of: str
    clinic: str
    column_map: str
    declarations: str
    package_version: str
    inputs: dict[str, str]
    ledger: tuple[LedgerLine, ...]
    rule_counts: tuple[RuleCount, ...]
    recorded: dict[str, tuple[str, ...]]
    left_out_columns: dict[str, dict[str, str]]
    files: dict[str, str]
    audit: AuditState = field(default_factory=lambda: AuditState(0, "0" * 64))


@dataclass(frozen=True)
class Source:
    """What the command line knows about an ingest and the records do not."""

    as_of: str
    clinic: str
    column_map: str
    declarations: str
    package_version: str


def lock(records: ValidatedRecords, study: Path, source: Source, audit: AuditState) -> tuple[Manifest, bool]:
    """Store the records as a snapshot; the second value is False when the very same content is stored already.

    The caller holds the study's lock.

    Raises
    ------
    FolderUnwritable, EnvironmentFault
        Nothing was stored.
    """
    snapshot_id = content_id(records, source.as_of)
    folder = study / FOLDER / snapshot_id
    clear_partials(study / FOLDER)
    if folder.exists():
        return _undamaged(folder), False
    files = {f"tables/{name}.parquet": parquet_bytes(frame) for name, frame in sorted(records.tables.items())}
    files |= {f"unread/{name}.parquet": parquet_bytes(frame) for name, frame in sorted(records.unread.items()) if len(frame)}
    files |= {f"rejected/{name}.csv": csv_bytes(frame) for name, frame in sorted(records.rejected.items())}
    manifest = Manifest(
        format=FORMAT,
        snapshot_id=snapshot_id,
        inputs=dict(records.inputs),
        ledger=records.ledger,
        rule_counts=records.rule_counts,
        recorded={name: _held(table, records.recorded.get(name, ())) for name, table in records.tables.items()},
        left_out_columns=records.left_out_columns,
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        audit=audit,
        **asdict(source),
    )
    atomic_folder(folder, {**files, MANIFEST: _json(asdict(manifest))}, locked=True)
    return manifest, True


def content_id(records: ValidatedRecords, as_of: str) -> str:
    """Name of a content: the as-of date and every accepted row, whatever file format or row order they came in.

    The days of rejected rows belong to it, because weeks are read by them. A content without any has the name that it had before
    such days were kept.
    """
    digest = hashlib.sha256(f"{FORMAT}\n{as_of}\n".encode())
    contents = [(name, frame.drop(RECORD_ID)) for name, frame in sorted(records.tables.items())]
    contents += [(f"unread/{name}", frame) for name, frame in sorted(records.unread.items()) if len(frame)]
    for name, content in contents:
        digest.update(f"{name}\n".encode() + content.sort(content.columns).write_csv().encode() + b"\0")
    return digest.hexdigest()[:16]


def open_snapshot(study: Path, snapshot_id: str | None = None) -> tuple[ValidatedRecords, Manifest]:
    """Read a snapshot back, the latest as-of date when none is named; every byte is checked against its manifest.

    Raises
    ------
    FileAbsent
        The study holds no snapshot, or not that one.
    VerificationFailed
        A stored byte is not what was stored.
    """
    manifest = _undamaged(study / FOLDER / _chosen(study, snapshot_id).snapshot_id)
    return read_records(study / FOLDER / manifest.snapshot_id, manifest), manifest


def read_records(folder: Path, manifest: Manifest) -> ValidatedRecords:
    """The stored tables of a folder, with what its manifest says about them."""
    tables = {
        Path(name).stem: _table((folder / name).read_bytes(), manifest.recorded.get(Path(name).stem, ()))
        for name in manifest.files
        if name.startswith("tables/")
    }
    unread = {Path(name).stem: pl.read_parquet(folder / name) for name in manifest.files if name.startswith("unread/")}
    return ValidatedRecords(
        tables=tables,
        ledger=manifest.ledger,
        rule_counts=manifest.rule_counts,
        recorded=manifest.recorded,
        left_out_columns=manifest.left_out_columns,
        inputs=manifest.inputs,
        unread=unread,
    )


def _held(table: pl.DataFrame, recorded: Sequence[str]) -> tuple[str, ...]:
    """The recorded columns, and any other that holds a value: none of them may be passed over when the snapshot is read."""
    return tuple(
        name for name in table.columns if name in recorded or (name != RECORD_ID and table[name].null_count() < table.height)
    )


def _table(content: bytes, recorded: Sequence[str]) -> pl.DataFrame:
    """A stored table. Only columns that the export held are read; all the others are empty."""
    schema = pl.read_parquet_schema(io.BytesIO(content))
    held = [name for name in schema if name == RECORD_ID or name in recorded]
    return with_unrecorded(pl.read_parquet(io.BytesIO(content), columns=held), schema)


def list_snapshots(study: Path) -> tuple[Manifest, ...]:
    """Every snapshot of a study, the latest as-of date last; equal dates in the order of their ingest."""
    folders = sorted(path.parent for path in (study / FOLDER).glob(f"*/{MANIFEST}") if not hidden(path.parent))
    return tuple(sorted((read_manifest(folder) for folder in folders), key=lambda one: (one.as_of, one.audit.lines)))


def damaged_files(folder: Path, manifest: Manifest) -> list[str]:
    """Stored files that are missing, changed, or that the manifest does not know."""
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    there.pop(MANIFEST, None)
    return differing(there, manifest.files)


def differing(there: Mapping[str, Path], hashes: Mapping[str, Any]) -> list[str]:
    """Names of files that are missing, whose bytes do not have their hash, or that no hash was kept for."""
    wrong = {name for name, sha256 in hashes.items() if name not in there or sha256_of(there[name]) != sha256}
    return sorted(wrong | (set(there) - set(hashes)))


def sha256_of(file: Path) -> str:
    """The hash of a stored file's bytes, read anew."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of one snapshot folder, refused when it cannot be read or comes from another format."""
    manifest: Manifest | None = None
    with contextlib.suppress(ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
        manifest = TypeAdapter(Manifest).validate_json((folder / MANIFEST).read_bytes())
    if manifest is None or manifest.format != FORMAT or manifest.snapshot_id != folder.name:
        raise VerificationFailed(
            f"the manifest of snapshot {folder.name} is absent, unreadable or of another format", way_out=_RESTORE
        )
    return manifest


def manifest_sha256(study: Path, snapshot_id: str) -> str:
    """The hash under which the audit log knows a snapshot."""
    return sha256_of(study / FOLDER / snapshot_id / MANIFEST)


def _undamaged(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    damaged = damaged_files(folder, manifest)
    if damaged:
        raise VerificationFailed(
            f"snapshot {folder.name} is damaged: {len(damaged)} of {len(manifest.files)} files, first {damaged[0]}",
            way_out=_RESTORE,
        )
    return manifest


def _chosen(study: Path, snapshot_id: str | None) -> Manifest:
    known = list_snapshots(study)
    if not known:
        raise FileAbsent(f"{study} holds no snapshot", way_out="Run `tendon-outcomes ingest` first.")
    if snapshot_id is None:
        return known[-1]
    found = [one for one in known if one.snapshot_id.startswith(snapshot_id)]
    if len(found) != 1:
        raise FileAbsent(
            f"{len(found)} snapshots of {study} begin with {snapshot_id}",
            way_out="`tendon-outcomes snapshots` lists them.",
        )
    return found[0]


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
