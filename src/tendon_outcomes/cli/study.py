"""A study folder: the clinic's own protocol and column map, its snapshots and its reports."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.declarations import ColumnMap, Protocol, declare, load_column_map, load_protocol, resolve, shipped
from tendon_outcomes.errors import FileAbsent, WouldOverwrite, WrongUse
from tendon_outcomes.records import ValidatedRecords, ingest
from tendon_outcomes.results import hash_files
from tendon_outcomes.snapshots import Manifest, Source, append, lock, read_state, write_new
from tendon_outcomes.vocabulary import OnReject

PROTOCOL = "protocol.toml"
COLUMN_MAP = "column_map.toml"


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
    """Make a study folder with a protocol and a column map to edit."""
    known = examples()
    if like is not None and like not in known:
        raise WrongUse(f"there is no example study {like}", way_out=f"Examples: {', '.join(known)}.")
    if folder.exists() and not folder.is_dir():
        raise WouldOverwrite(f"{folder} exists and is not a folder", way_out="Choose another place.")
    origin = known[like] if like else shipped("analyses")
    for name in (PROTOCOL, COLUMN_MAP):
        write_new(folder / name, (origin / name).read_bytes(), force=force)
    (folder / "snapshots").mkdir(exist_ok=True)
    (folder / "reports").mkdir(exist_ok=True)
    append(folder, deed="init", who=_who(), when=_now(), details={"like": like or "the standard export"})
    return Study(folder)


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


def store(study: Study, records: ValidatedRecords, as_of: date) -> tuple[Manifest, bool]:
    """Lock validated records into the study and log it."""
    column_map = study.folder / COLUMN_MAP
    source = Source(
        as_of=as_of.isoformat(),
        clinic=study.column_map().clinic,
        column_map=hash_files((column_map,)),
        declarations=declare().sha256,
        package_version=version("tendon-outcomes"),
    )
    manifest, is_new = lock(records, study.folder, source, read_state(study.folder))
    deed = "ingest" if is_new else "ingest again, same content"
    append(study.folder, deed=deed, who=_who(), when=_now(), details={"snapshot": manifest.snapshot_id, "as_of": source.as_of})
    return manifest, is_new


def log_report(study: Study, folder: Path) -> None:
    append(study.folder, deed="report", who=_who(), when=_now(), details={"report": folder.name})


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="seconds")
