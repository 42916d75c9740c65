"""The only way to a durable file: written beside its place, flushed to the disk, then moved there whole."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tendon_outcomes.errors import EnvironmentFault, FolderUnwritable, WouldOverwrite

PARTIAL = ".partial"


def atomic_write(path: Path, content: bytes) -> None:
    """Write one file so that a reader, or a crash, finds the old bytes or the new ones and nothing between.

    Raises
    ------
    FolderUnwritable
        The folder cannot be written to.
    EnvironmentFault
        The disk refused, for example because it is full; the old file stands.
    """
    partial = path.with_name(path.name + PARTIAL)
    with faults_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)


def write_new(path: Path, content: bytes, *, force: bool = False) -> bool:
    """Write a file that must not exist, unless its bytes would be the same or ``force`` is given. True when written.

    Raises
    ------
    WouldOverwrite
        Another content stands there.
    """
    if path.exists() and not force:
        if path.is_file() and path.read_bytes() == content:
            return False
        raise WouldOverwrite(f"{path} exists with another content", way_out="Give --force to replace it, or another place.")
    atomic_write(path, content)
    return True


def atomic_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a whole folder at once and make its files read-only: it appears complete, or not at all."""
    partial = path.with_name(path.name + PARTIAL)
    with faults_named(path):
        if partial.exists():
            shutil.rmtree(partial)
        for name, content in files.items():
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            target.chmod(0o444)
        for folder in sorted({target.parent for target in partial.rglob("*")} | {partial}, reverse=True):
            sync_folder(folder)
        partial.rename(path)
        sync_folder(path.parent)


def clear_partials(folder: Path) -> None:
    """Remove what an interrupted run left half-written."""
    for left in folder.glob(f"*{PARTIAL}"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Ask the disk to keep a folder's entries; without it a renamed file may be gone after a power cut."""
    if os.name == "nt":  # Windows has no folder handles to sync
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """Turn what the operating system says into our words; the half-written file is removed."""
    reason: tuple[bool, str] | None = None
    try:
        yield
    except OSError as error:
        refused = isinstance(error, PermissionError | NotADirectoryError | FileExistsError | IsADirectoryError)
        reason = (refused, error.strerror or type(error).__name__)
    if reason is None:
        return
    with contextlib.suppress(OSError):
        clear_partials(path.parent)
    refused, words = reason
    kind = FolderUnwritable if refused else EnvironmentFault
    raise kind(
        f"{path} could not be written ({words}); nothing changed", way_out="Choose a folder you may write to, or free space."
    )
