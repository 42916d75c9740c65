"""Immutable, content-addressed data locks; the one way to write a durable file; the audit log; verification."""

from tendon_outcomes.snapshots.audit import AUDIT_FILE, AuditState, append, last_named, read_state
from tendon_outcomes.snapshots.durable import atomic_write, faults_named, make_folder, remove, write_all, write_new, write_whole
from tendon_outcomes.snapshots.history import History, Look, history, look_refs
from tendon_outcomes.snapshots.lock import Manifest, Source, content_id, list_snapshots, lock, manifest_sha256, open_snapshot
from tendon_outcomes.snapshots.one_at_a_time import LOCK_FILE, study_lock
from tendon_outcomes.snapshots.quarters import QUARTERS, QuarterRef, freeze, frozen, quarter_of
from tendon_outcomes.snapshots.table_files import csv_bytes, parquet_bytes
from tendon_outcomes.snapshots.verify import OUTPUTS, outputs_manifest, verify

__all__ = [
    "AUDIT_FILE",
    "LOCK_FILE",
    "OUTPUTS",
    "QUARTERS",
    "AuditState",
    "History",
    "Look",
    "Manifest",
    "QuarterRef",
    "Source",
    "append",
    "atomic_write",
    "content_id",
    "csv_bytes",
    "faults_named",
    "freeze",
    "frozen",
    "history",
    "last_named",
    "list_snapshots",
    "lock",
    "look_refs",
    "make_folder",
    "manifest_sha256",
    "open_snapshot",
    "outputs_manifest",
    "parquet_bytes",
    "quarter_of",
    "read_state",
    "remove",
    "study_lock",
    "verify",
    "write_all",
    "write_new",
    "write_whole",
]
