"""Immutable, content-addressed data locks; the one way to write a durable file; the audit log; verification."""

from tendon_outcomes.snapshots.audit import AuditState, append, read_state
from tendon_outcomes.snapshots.durable import atomic_write, write_new
from tendon_outcomes.snapshots.lock import Manifest, Source, content_id, list_snapshots, lock, open_snapshot
from tendon_outcomes.snapshots.verify import OUTPUTS, outputs_manifest, verify

__all__ = [
    "OUTPUTS",
    "AuditState",
    "Manifest",
    "Source",
    "append",
    "atomic_write",
    "content_id",
    "list_snapshots",
    "lock",
    "open_snapshot",
    "outputs_manifest",
    "read_state",
    "verify",
    "write_new",
]
