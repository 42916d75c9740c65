"""Files into validated records, or a refusal that names rule, place, count and way out."""

from tendon_outcomes.records.ingest import ingest, validate
from tendon_outcomes.records.raw import RawFile, RawTables
from tendon_outcomes.records.readers import read_files
from tendon_outcomes.records.validated import (
    RECORD_ID,
    LedgerLine,
    RuleCount,
    ValidatedRecords,
    dtype_of,
    empty_table,
    with_unrecorded,
)

__all__ = [
    "RECORD_ID",
    "LedgerLine",
    "RawFile",
    "RawTables",
    "RuleCount",
    "ValidatedRecords",
    "dtype_of",
    "empty_table",
    "ingest",
    "read_files",
    "validate",
    "with_unrecorded",
]
