"""Files into validated records, or a refusal that names rule, place, count and way out."""

from tendon_outcomes.records.checks import RUN_PAINS, nobody_ran
from tendon_outcomes.records.ingest import ingest, validate
from tendon_outcomes.records.raw import RawFile, RawTables
from tendon_outcomes.records.readers import read_files
from tendon_outcomes.records.scoring import score_of_items
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
    "RUN_PAINS",
    "LedgerLine",
    "RawFile",
    "RawTables",
    "RuleCount",
    "ValidatedRecords",
    "dtype_of",
    "empty_table",
    "ingest",
    "nobody_ran",
    "read_files",
    "score_of_items",
    "validate",
    "with_unrecorded",
]
