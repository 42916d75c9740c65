"""Who did what when, one line a deed, each line holding the hash of the one before it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from tendon_outcomes.snapshots.durable import faults_named, sync_folder

AUDIT_FILE = "audit.jsonl"
_FIRST = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditState:
    """How long the log is and what its last line hashes to."""

    lines: int
    last_sha256: str


def append(study: Path, *, deed: str, who: str, when: str, details: dict[str, str | int]) -> AuditState:
    """Add one line and bring it to the disk. ``when`` and ``who`` come from the command line: this room has no clock."""
    state = read_state(study)
    entry = {"line": state.lines + 1, "before": state.last_sha256, "when": when, "who": who, "deed": deed, **details}
    text = json.dumps(entry, ensure_ascii=False)
    path = study / AUDIT_FILE
    with faults_named(path):
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(study)
    return AuditState(state.lines + 1, _hash(text))


def read_state(study: Path) -> AuditState:
    """The log's length and last hash; an absent log is empty."""
    lines = read_lines(study)
    return AuditState(len(lines), _hash(lines[-1]) if lines else _FIRST)


def read_lines(study: Path) -> list[str]:
    path = study / AUDIT_FILE
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def hash_at(study: Path, line: int) -> str | None:
    """The hash of one line (0 is the empty log), or None when the log is shorter."""
    lines = read_lines(study)
    if line > len(lines):
        return None
    return _hash(lines[line - 1]) if line else _FIRST


def broken_line(study: Path) -> int | None:
    """The first line that does not continue the one before it, or None when the log is whole."""
    before = _FIRST
    for number, text in enumerate(read_lines(study), start=1):
        try:
            entry = json.loads(text)
        except ValueError:
            return number
        if not isinstance(entry, dict) or entry.get("line") != number or entry.get("before") != before:
            return number
        before = _hash(text)
    return None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
