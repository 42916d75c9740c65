"""The only way to a durable file: written beside its place, flushed to the disk, then moved there whole."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tendon_outcomes.errors import EnvironmentFault, FolderUnwritable, WouldOverwrite

_OURS = re.compile(r"\..+\.\d+-\d+\.partial")
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG}
_STANDS = "could not be written ({}); what stood there before stands"
_UNCONFIRMED = "is written, but the disk did not confirm it ({}); a power cut could lose it"


def atomic_write(path: Path, content: bytes) -> None:
    """Write one file so that a reader, or a crash, finds the old bytes or the new ones and nothing between.

    Raises
    ------
    FolderUnwritable
        The folder cannot be written to.
    EnvironmentFault
        The disk refused, for example because it is full; the old file stands.
    """
    make_folder(path.parent)
    with faults_named(path):
        partial = _beside(path)
        try:
            _write_flushed(partial, content)
            partial.replace(path)
        finally:
            remove(partial)
    _confirm(path)


def write_new(path: Path, content: bytes, *, force: bool = False) -> bool:
    """Write a file that must not exist, unless its bytes would be the same or ``force`` is given. True when written.

    Raises
    ------
    WouldOverwrite
        Another content stands there.
    """
    if not force and _stands_already(path, content):
        return False
    atomic_write(path, content)
    return True


def write_all(folder: Path, files: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write several files as `write_new` does; every target and its folder is checked before the first is written.

    Raises
    ------
    WouldOverwrite
        Another content stands in one of the places; nothing was written.
    """
    for name, content in files.items():
        with faults_named(folder / name):
            is_folder = (folder / name).is_dir()
        if is_folder or not force:
            _stands_already(folder / name, content)
    for name in files:
        make_folder((folder / name).parent)
    for name, content in files.items():
        write_new(folder / name, content, force=force)


def write_whole(path: Path, files: Mapping[str, bytes], *, force: bool = False, private: bool = False) -> bool:
    """Write a folder that holds these files and no other, complete or not at all. True when written, False when it stood so.

    With ``private`` nobody but its owner can enter the folder or read its files, also where they stood so already.

    Raises
    ------
    WouldOverwrite
        Another content stands there and ``force`` was not given.
    """
    with faults_named(path):
        if path.is_dir() and _content(path) == dict(files):
            if private:
                _close(path)
            return False
        taken = path.exists()
    if taken and not force:
        raise _overwrites(path)
    atomic_folder(path, files, private=private)
    return True


def atomic_folder(path: Path, files: Mapping[str, bytes], *, locked: bool = False, private: bool = False) -> None:
    """Write a whole folder at once, in place of what stands there: it appears complete, or the old one stays.

    With ``private`` nobody but its owner can enter the folder or read its files; with ``locked`` nobody but its owner can enter
    the folder, and its files are read-only.
    """
    make_folder(path.parent)
    with faults_named(path):
        partial = _beside(path)
        try:
            partial.mkdir(mode=0o700 if locked or private else 0o777)
            _fill(partial, files, locked=locked)
            if private:
                _close(partial)
            _put_in_place(partial, path)
        finally:
            remove(partial)
    _confirm(path)


def make_folder(path: Path) -> None:
    """Make a folder and those above it; one that is there already is left alone."""
    with faults_named(path):
        path.mkdir(parents=True, exist_ok=True)


def clear_partials(folder: Path) -> None:
    """Remove what a killed run of ours left half-written. Only under the study's lock: a live run's would look the same."""
    for left in folder.glob(".*.partial"):
        if _OURS.fullmatch(left.name):
            remove(left)


def remove(path: Path) -> None:
    """Remove a file or a folder as far as the system lets us; an absent one is no fault."""
    with contextlib.suppress(OSError):
        if not path.is_dir() or path.is_symlink():
            path.unlink()
            return
        _open(path)
        shutil.rmtree(path)


def _open(folder: Path) -> None:
    """Let its owner remove a folder: nothing is removed from one that is closed, and on Windows nothing that is read-only."""
    folder.chmod(0o700)
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink():
            _open(one)
        elif not one.is_symlink():
            one.chmod(0o700)


def _close(folder: Path) -> None:
    """Only the owner enters the folder and those in it, and reads their files."""
    for one in (folder, *folder.rglob("*")):
        if not one.is_symlink():
            one.chmod(0o700 if one.is_dir() else 0o600)


def hidden(path: Path) -> bool:
    """Names with a dot in front are not content: half-written folders, the lock, what file browsers leave."""
    return path.name.startswith(".")


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
def faults_named(path: Path, says: str = _STANDS) -> Iterator[None]:
    """Turn what the operating system says into our words."""
    reason: OSError | None = None
    try:
        yield
    except OSError as error:
        reason = error
    if reason is None:
        return
    kind = FolderUnwritable if reason.errno in _REFUSED else EnvironmentFault
    words = reason.strerror or type(reason).__name__
    raise kind(f"{path} {says.format(words)}", way_out="Choose a folder you may write to, or free space, and run it again.")


def _confirm(path: Path) -> None:
    with faults_named(path, _UNCONFIRMED):
        sync_folder(path.parent)


def _beside(path: Path) -> Path:
    """A free hidden name in the same folder, so that the move into place stays on one disk."""
    names = (path.with_name(f".{path.name}.{os.getpid()}-{number}.partial") for number in itertools.count())
    return next(name for name in names if not name.exists())


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _fill(folder: Path, files: Mapping[str, bytes], *, locked: bool) -> None:
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_flushed(target, content)
        if locked:
            target.chmod(0o444)
    for inner in sorted({target.parent for target in folder.rglob("*")} | {folder}, reverse=True):
        sync_folder(inner)


def _put_in_place(new: Path, path: Path) -> None:
    """Move a finished folder to its place. No system moves a folder onto another, so the old one first steps aside."""
    if not path.exists():
        new.rename(path)
        return
    old = _beside(path)
    path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        _step_back(old, path)
        raise
    remove(old)


def _step_back(old: Path, path: Path) -> None:
    with contextlib.suppress(OSError):
        old.rename(path)
        return
    raise EnvironmentFault(f"{path} could not be replaced; the old one is whole, as {old}", way_out=f"Rename it to {path.name}.")


def _content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not hidden(path))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _stands_already(path: Path, content: bytes) -> bool:
    with faults_named(path):
        if not path.exists():
            return False
        same = path.is_file() and path.read_bytes() == content
    if same:
        return True
    raise _overwrites(path)


def _overwrites(path: Path) -> WouldOverwrite:
    way_out = "Choose another place." if path.is_dir() else "Give --force to replace it, or another place."
    return WouldOverwrite(f"{path} exists with another content", way_out=way_out)
