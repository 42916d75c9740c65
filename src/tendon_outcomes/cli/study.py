"""A study folder: the clinic's own protocol and column map, its snapshots and its reports."""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.declarations import ColumnMap, Protocol, declare, load_column_map, load_protocol, resolve, shipped
from tendon_outcomes.errors import EnvironmentFault, FileAbsent, VerificationFailed, WouldOverwrite, WrongUse
from tendon_outcomes.records import ValidatedRecords, ingest
from tendon_outcomes.results import hash_files
from tendon_outcomes.snapshots import (
    AUDIT_FILE,
    QUARTERS,
    Manifest,
    Source,
    append,
    faults_named,
    last_named,
    lock,
    make_folder,
    manifest_sha256,
    read_state,
    study_lock,
    write_all,
)
from tendon_outcomes.vocabulary import OnReject

PROTOCOL = "protocol.toml"
COLUMN_MAP = "column_map.toml"
REGIMEN = "1"
"""The version of the week states and strategies that one runner is shown and exported by."""
ROOMS = ("snapshots", "reports")


class Stored(Enum):
    """What became of an ingest."""

    NEW = "new snapshot"
    SAME = "same files as stored"
    SAME_ROWS = "same accepted rows as stored, from other files or with other rejected rows"


@dataclass(frozen=True)
class Study:
    """Where one study lies."""

    folder: Path

    @property
    def protocol_file(self) -> Path:
        return self.folder / PROTOCOL

    def protocol(self) -> Protocol:
        return resolve(load_protocol(self.protocol_file), declare())

    def column_map(self) -> ColumnMap:
        return load_column_map(self.folder / COLUMN_MAP)


def open_study(folder: Path) -> Study:
    """The study in a folder that `init` made.

    Raises
    ------
    FileAbsent
        There is no study.
    """
    if not (folder / PROTOCOL).is_file():
        raise FileAbsent(
            f"{folder} is not a study: it holds no {PROTOCOL}", way_out=f"Make one with `tendon-outcomes init {folder}`."
        )
    return Study(folder)


def examples() -> dict[str, Path]:
    """The shipped studies that `init --like` can start from."""
    return {path.parent.name: path.parent for path in sorted(shipped("analyses").glob(f"studies/*/{PROTOCOL}"))}


def create(folder: Path, like: str | None, *, force: bool) -> Study:
    """Make a study folder with a protocol and a column map to edit; nothing is written when one of them would be replaced."""
    known = examples()
    if like is not None and like not in known:
        raise WrongUse(f"there is no example study {like}", way_out=f"Examples: {', '.join(known)}.")
    refuse_file(folder)
    origin = known[like] if like else shipped("analyses")
    with study_lock(folder):
        for room in ROOMS:
            make_folder(folder / room)
        write_all(folder, {name: (origin / name).read_bytes() for name in (PROTOCOL, COLUMN_MAP)}, force=force)
        _log(Study(folder), "init", {"like": like or "the standard export"}, done=f"the study {folder} is made")
    return Study(folder)


def refuse_file(folder: Path) -> None:
    """A folder is to be made or filled: what stands there must not be a file.

    Raises
    ------
    WouldOverwrite
        A file stands there.
    """
    with faults_named(folder):
        is_file = folder.exists() and not folder.is_dir()
    if is_file:
        raise WouldOverwrite(f"{folder} exists and is not a folder", way_out="Choose another place.")


def refuse_own_rooms(target: Path) -> None:
    """Refuse to write patient-level output where a study keeps its own: `verify` would find it there, or it would be gone.

    Raises
    ------
    WrongUse
        ``target`` is a study's folder or one of its files, or lies among its snapshots, quarters or
        reports; whichever study it is.
    """
    there = target.resolve()
    for folder in (there, *there.parents):
        if not (folder / PROTOCOL).is_file():
            continue
        inside = there.relative_to(folder).parts
        if len(inside) == 0 or inside[0] in (*ROOMS, QUARTERS, PROTOCOL, COLUMN_MAP, AUDIT_FILE):
            raise WrongUse(
                "the output would stand among a study's own files; nothing was written", way_out="Give it another place."
            )


def as_of_date(text: str) -> date:
    """An ISO date, or a refusal."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    raise WrongUse("--as-of is not a date of the form YYYY-MM-DD", way_out="Give the day on which the export was made.")


def validate_files(study: Study, files: Path, as_of: date, on_reject: OnReject, say: Say) -> ValidatedRecords:
    """Read and validate an export by the study's column map; nothing is stored."""
    if not files.is_dir():
        raise FileAbsent(f"{files} is not a folder", way_out="Name the folder that holds the export's files.")
    return ingest(files, study.column_map(), declare(), as_of=as_of, on_reject=on_reject, progress=say)


def store(study: Study, records: ValidatedRecords, as_of: date) -> tuple[Manifest, Stored]:
    """Lock validated records into the study and log it. The caller holds the study's lock.

    Raises
    ------
    VerificationFailed
        The same rows are stored already, in a snapshot that is not as the log knows it.
    EnvironmentFault
        Nothing was stored, or the snapshot is stored and only its log line is not; the message says which.
    """
    manifest, is_new = lock(records, study.folder, _source(study, as_of), read_state(study.folder))
    name, sha256 = manifest.snapshot_id, manifest_sha256(study.folder, manifest.snapshot_id)
    known = last_named(study.folder, "snapshot").get(name, {})
    if known and known.get("manifest_sha256") != sha256:
        raise VerificationFailed(
            f"snapshot {name} holds the same rows, but its manifest is not the one that the log names; nothing was logged",
            way_out="`tendon-outcomes verify` lists what differs; restore it from a backup.",
        )
    stored = Stored.NEW if is_new else Stored.SAME if _same_reading(manifest, records) else Stored.SAME_ROWS
    details = {"snapshot": name, "as_of": manifest.as_of, "manifest_sha256": sha256, "inputs": dict(records.inputs)}
    _log(study, f"ingest: {stored.value}", details, done=f"snapshot {name} is stored")
    return manifest, stored


def log_report(study: Study, folder: Path, outputs: bytes) -> None:
    """Log a written report by the hash of its list of files; a report that the log holds already is not logged again."""
    sha256 = hashlib.sha256(outputs).hexdigest()
    if last_named(study.folder, "report").get(folder.name, {}).get("outputs_sha256") == sha256:
        return
    _log(study, "report", {"report": folder.name, "outputs_sha256": sha256}, done=f"the report {folder.name} is written")


def log_quarter(study: Study, quarter: str, kept: bytes) -> None:
    """Log what was kept of a quarter on its first report, by the hash of its file; not again when it is logged."""
    details = {"quarter": quarter, "quarter_sha256": hashlib.sha256(kept).hexdigest()}
    if quarter in last_named(study.folder, "quarter"):
        return
    _log(study, "freeze a quarter", details, done=f"the quarter {quarter} is kept as it is reported")


def log_export(study: Study, snapshot_id: str, readme: bytes) -> None:
    """Log that patient-level tables were written, by the hash of the README that lists their hashes; not where to."""
    details = {"of_snapshot": snapshot_id, "readme_sha256": hashlib.sha256(readme).hexdigest()}
    _log(study, "export", details, done="the export is written")


def _source(study: Study, as_of: date) -> Source:
    return Source(
        as_of=as_of.isoformat(),
        clinic=study.column_map().clinic,
        column_map=hash_files((study.folder / COLUMN_MAP,)),
        declarations=declare().sha256,
        package_version=version("tendon-outcomes"),
    )


def _same_reading(manifest: Manifest, records: ValidatedRecords) -> bool:
    """The same bytes, and every record went the same way."""
    return (manifest.inputs, manifest.ledger, manifest.rule_counts) == (records.inputs, records.ledger, records.rule_counts)


def _log(study: Study, deed: str, details: Mapping[str, Any], *, done: str) -> None:
    """Add a line to the audit log; when that fails, say what is done without being logged."""
    reason = ""
    try:
        append(study.folder, deed=deed, who=_who(), when=_now(), details=details)
    except EnvironmentFault as error:
        reason = error.summary
    if reason:
        raise EnvironmentFault(
            f"{done}, but its line in the audit log failed: {reason}",
            way_out="Free space or allow writing, then give the same command again: it finds the work done and logs it.",
        )


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="seconds")
