"""One command at work in a study: a lock that the system takes back when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tendon_outcomes.errors import EnvironmentFault
from tendon_outcomes.snapshots.durable import faults_named, make_folder

LOCK_FILE = ".lock"


@contextlib.contextmanager
def study_lock(study: Path) -> Iterator[None]:
    """Keep every other writing command out of a study. The file stays behind; only the system's mark on it counts.

    Raises
    ------
    EnvironmentFault
        Another command is at work in this study, or its disk cannot lock.
    """
    make_folder(study)
    path = study / LOCK_FILE
    with faults_named(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with faults_named(path, "could not be locked ({}); nothing was done"):
            free = _taken(handle)
        if not free:
            raise EnvironmentFault(
                f"another command is at work in this study ({study}); nothing was done", way_out="Wait until it has ended."
            )
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _taken(handle: int) -> bool:
        with contextlib.suppress(PermissionError):
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            return True
        return False

else:
    import fcntl

    def _taken(handle: int) -> bool:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False
