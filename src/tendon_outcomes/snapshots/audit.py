"""Who did what when, one line a deed, each line holding the hash of the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tendon_outcomes.snapshots.durable import atomic_write

AUDIT_FILE = "audit.jsonl"
_FIRST = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditState:
    """How long the log is and what its last line hashes to."""

    lines: int
    last_sha256: str


def append(study: Path, *, deed: str, who: str, when: str, details: Mapping[str, Any]) -> AuditState:
    """Add one line. ``when`` and ``who`` come from the command line: this room has no clock.

    The log is written again as a whole, so that a full disk cannot leave half a line.
    """
    lines = read_lines(study)
    state = read_state(study)
    entry = {"line": state.lines + 1, "before": state.last_sha256, "when": when, "who": who, "deed": deed, **details}
    text = json.dumps(entry, ensure_ascii=False).encode()
    atomic_write(study / AUDIT_FILE, b"".join(line + b"\n" for line in [*lines, text]))
    return AuditState(state.lines + 1, _hash(text))


def read_state(study: Path) -> AuditState:
    """The log's length and last hash; an absent log is empty."""
    lines = read_lines(study)
    return AuditState(len(lines), _hash(lines[-1]) if lines else _FIRST)


def read_lines(study: Path) -> list[bytes]:
    """The lines as bytes: a damaged log need not be text."""
    path = study / AUDIT_FILE
    return path.read_bytes().removesuffix(b"\n").split(b"\n") if path.is_file() and path.stat().st_size else []


def last_named(study: Path, key: str) -> dict[str, dict[str, Any]]:
    """For every snapshot or report (the ``key``) that the log names, the last line that names it."""
    entries = (_entry(line) for line in read_lines(study))
    return {entry[key]: entry for entry in entries if isinstance(entry.get(key), str)}


def hash_at(study: Path, line: int) -> str | None:
    """The hash of one line (0 is the empty log), or None when the log has no such line."""
    lines = read_lines(study)
    if not 0 <= line <= len(lines):
        return None
    return _hash(lines[line - 1]) if line else _FIRST


def broken_line(study: Path) -> int | None:
    """The first line that does not continue the one before it, or None when the log is whole."""
    before = _FIRST
    for number, line in enumerate(read_lines(study), start=1):
        entry = _entry(line)
        if entry.get("line") != number or entry.get("before") != before:
            return number
        before = _hash(line)
    return None


def _entry(line: bytes) -> dict[str, Any]:
    """What a line says; nothing when it is damaged."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
