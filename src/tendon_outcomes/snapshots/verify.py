"""Is every stored byte what it was? Read again and hashed; dates of files are not trusted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tendon_outcomes.errors import Finding, VerificationFailed
from tendon_outcomes.snapshots import audit
from tendon_outcomes.snapshots.lock import FOLDER, content_id, damaged_files, list_snapshots, open_snapshot

REPORTS = "reports"
OUTPUTS = "outputs.json"


def outputs_manifest(files: dict[str, bytes]) -> bytes:
    """The list that lies beside a report: each file with its hash."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    return (json.dumps(hashes, indent=1) + "\n").encode()


def verify(study: Path) -> tuple[str, ...]:
    """Check snapshots, the audit log and reports of a study; returns what was checked, one line each.

    Raises
    ------
    VerificationFailed
        Something differs; every difference is a finding, named by its file and never by its content.
    """
    checked: list[str] = []
    findings = [*_audit(study, checked)]
    for manifest in list_snapshots(study):
        folder = study / FOLDER / manifest.snapshot_id
        damaged = damaged_files(folder, manifest)
        findings += [Finding("I-10", f"{folder.name}/{name}", "is not what was stored") for name in damaged]
        if not damaged and content_id(open_snapshot(study, manifest.snapshot_id)[0], manifest.as_of) != manifest.snapshot_id:
            findings.append(Finding("I-07", folder.name, "its content does not give its name"))
        if audit.hash_at(study, manifest.audit.lines) != manifest.audit.last_sha256:
            findings.append(Finding("I-08", folder.name, "the audit log is not the one this snapshot was stored under"))
        checked.append(f"snapshot {manifest.snapshot_id}: {len(manifest.files)} files")
    for outputs in sorted((study / REPORTS).glob(f"*/{OUTPUTS}")):
        findings += _report(outputs)
        checked.append(f"report {outputs.parent.name}")
    if findings:
        raise VerificationFailed(
            f"{len(findings)} differences in {study}", findings=findings, way_out="Restore the named files from a backup."
        )
    return tuple(checked)


def _audit(study: Path, checked: list[str]) -> list[Finding]:
    broken = audit.broken_line(study)
    checked.append(f"audit log: {audit.read_state(study).lines} lines")
    if broken is None:
        return []
    return [Finding("I-08", f"{audit.AUDIT_FILE} line {broken}", "does not continue the line before it")]


def _report(outputs: Path) -> list[Finding]:
    try:
        hashes = dict(json.loads(outputs.read_text(encoding="utf-8")))
    except ValueError:
        return [Finding("I-09", f"{outputs.parent.name}/{OUTPUTS}", "cannot be read")]
    wrong = [
        name
        for name, sha256 in hashes.items()
        if not (outputs.parent / name).is_file() or hashlib.sha256((outputs.parent / name).read_bytes()).hexdigest() != sha256
    ]
    return [Finding("I-09", f"{outputs.parent.name}/{name}", "is not what was written") for name in wrong]
