"""Is every stored byte what it was? Read again and hashed; dates of files are not trusted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl

from tendon_outcomes.errors import Finding, VerificationFailed
from tendon_outcomes.snapshots import audit
from tendon_outcomes.snapshots.durable import hidden
from tendon_outcomes.snapshots.lock import (
    FOLDER,
    MANIFEST,
    Manifest,
    content_id,
    damaged_files,
    differing,
    read_manifest,
    read_records,
    sha256_of,
)
from tendon_outcomes.snapshots.quarters import FROZEN_PROTOCOL, QUARTER_FILE, QUARTERS, read_quarter

REPORTS = "reports"
OUTPUTS = "outputs.json"


def outputs_manifest(files: dict[str, bytes]) -> bytes:
    """The list that lies beside a report: each file with its hash."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    return (json.dumps(hashes, indent=1) + "\n").encode()


def verify(study: Path) -> tuple[str, ...]:
    """Check snapshots, the audit log, reports and reported quarters of a study; returns what was checked, one line each.

    The log is a chain: every line holds the hash of the one before it, every snapshot, report and reported quarter stands in
    it with the hash of its list of files, and every snapshot holds the log's length and hash from before it was stored. So a
    changed, missing or added file, a line taken out or moved, and a log cut before a snapshot or report that is still there are
    found.

    Not found: somebody who rewrites log and files consistently; who cuts the log and removes what the cut lines named; and
    the loss of last lines that name nothing new (`init`, the same export ingested again). A copy of the log's last line,
    kept elsewhere, shows all three. A command that is storing at the same moment can look like a difference.

    Raises
    ------
    VerificationFailed
        Something differs; every difference is a finding, named by its file and never by its content.
    """
    checked: list[str] = []
    findings = _log(study, checked)
    for folder in _named_alike(study, FOLDER, "snapshot", "I-08", findings):
        findings += _snapshot(study, folder)
        checked.append(f"snapshot {folder.name}")
    for folder in _named_alike(study, REPORTS, "report", "I-09", findings):
        findings += _report(study, folder)
        checked.append(f"report {folder.name}")
    for folder in _named_alike(study, QUARTERS, "quarter", "I-09", findings):
        findings += _quarter(study, folder)
        checked.append(f"quarter {folder.name}")
    if findings:
        raise VerificationFailed(
            f"{len(findings)} differences in {study}", findings=findings, way_out="Restore the named files from a backup."
        )
    return tuple(checked)


def _log(study: Path, checked: list[str]) -> list[Finding]:
    broken = audit.broken_line(study)
    lines = audit.read_state(study).lines
    checked.append(f"audit log: {lines} lines")
    if not lines:
        return [Finding("I-08", audit.AUDIT_FILE, "is absent or empty")]
    if broken is None:
        return []
    return [Finding("I-08", f"{audit.AUDIT_FILE} line {broken}", "does not continue the line before it")]


def _named_alike(study: Path, room: str, key: str, rule: str, findings: list[Finding]) -> list[Path]:
    """The folders of a room; those that only the log knows, and those that it does not know, become findings."""
    there = {path.name: path for path in (study / room).glob("*") if not hidden(path)}
    logged = audit.last_named(study, key)
    findings += [
        Finding(rule, f"{room}/{name}", "is named in the log and is absent") for name in sorted(set(logged) - set(there))
    ]
    findings += [Finding(rule, f"{room}/{name}", "is not named in the log") for name in sorted(set(there) - set(logged))]
    return [there[name] for name in sorted(there)]


def _snapshot(study: Path, folder: Path) -> list[Finding]:
    place = f"{folder.name}/{MANIFEST}"
    findings = _as_logged(study, "snapshot", folder / MANIFEST, "manifest_sha256", "I-08")
    try:
        manifest = read_manifest(folder)
    except VerificationFailed:
        return [*findings, Finding("I-09", place, "is absent, unreadable or of another format")]
    damaged = damaged_files(folder, manifest)
    findings += [Finding("I-10", f"{folder.name}/{name}", "is not what was stored") for name in damaged]
    if not findings and not _gives_its_name(folder, manifest):
        findings.append(Finding("I-07", folder.name, "its content does not give its name"))
    if audit.hash_at(study, manifest.audit.lines) != manifest.audit.last_sha256:
        findings.append(Finding("I-08", folder.name, "the audit log is not the one this snapshot was stored under"))
    return findings


def _gives_its_name(folder: Path, manifest: Manifest) -> bool:
    try:
        return content_id(read_records(folder, manifest), manifest.as_of) == folder.name
    except pl.exceptions.PolarsError:
        return False


def _report(study: Path, folder: Path) -> list[Finding]:
    findings = _as_logged(study, "report", folder / OUTPUTS, "outputs_sha256", "I-09")
    hashes = _hashes(folder / OUTPUTS)
    if hashes is None:
        return [*findings, Finding("I-09", f"{folder.name}/{OUTPUTS}", "is absent or cannot be read")]
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file() and not hidden(path)}
    there.pop(OUTPUTS)
    wrong = differing(there, hashes)
    return [*findings, *(Finding("I-09", f"{folder.name}/{name}", "is not what was written") for name in wrong)]


def _quarter(study: Path, folder: Path) -> list[Finding]:
    """A reported quarter: its file as the log names it, its protocol as the file names it, and its snapshots there."""
    findings = _as_logged(study, "quarter", folder / QUARTER_FILE, "quarter_sha256", "I-09")
    try:
        ref = read_quarter(folder)
    except VerificationFailed:
        return [*findings, Finding("I-09", f"{QUARTERS}/{folder.name}", "is not what was written")]
    there = {path.name for path in folder.iterdir() if not hidden(path)} - {QUARTER_FILE, FROZEN_PROTOCOL}
    findings += [Finding("I-09", f"{folder.name}/{name}", "is not what was written") for name in sorted(there)]
    gone = [one.snapshot_id for one in ref.looks if not (study / FOLDER / one.snapshot_id).is_dir()]
    return [*findings, *(Finding("I-10", f"{FOLDER}/{name}", f"stands behind {folder.name} and is absent") for name in gone)]


def _as_logged(study: Path, key: str, file: Path, field: str, rule: str) -> list[Finding]:
    """Nothing, when the last line that names a folder holds this file's hash. An unknown folder is a finding already."""
    entry = audit.last_named(study, key).get(file.parent.name)
    if entry is None or not file.is_file() or entry.get(field) == sha256_of(file):
        return []
    return [Finding(rule, f"{file.parent.name}/{file.name}", "is not the one that the log names")]


def _hashes(outputs: Path) -> dict[str, Any] | None:
    if not outputs.is_file():
        return None
    try:
        content = json.loads(outputs.read_bytes())
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
