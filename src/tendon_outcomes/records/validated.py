"""What leaves this room: accepted rows, rejected rows with the rules they break, and a ledger that balances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from tendon_outcomes.declarations import Column, Table

_DTYPES: dict[str, pl.DataType] = {
    "id": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "code": pl.String(),
    "codes": pl.String(),
    "day": pl.Int64(),
}

RECORD_ID = "record_id"
"""Every accepted row keeps where it came from: `file#record`, the record counted from 1 below the header.

Where one record gives several rows of a table, as a wide sheet with a column for each visit does, a number tells them apart:
`file#record/2` is the row of the second entry of the column map that reads it for this table.
"""


def dtype_of(column: Column) -> pl.DataType:
    """The polars type in which a declared column is held."""
    return _DTYPES[column.type]


def empty_table(table: Table) -> pl.DataFrame:
    """The declared table without a row."""
    return pl.DataFrame(schema={RECORD_ID: pl.String(), **{name: dtype_of(one) for name, one in table.column.items()}})


def with_unrecorded(frame: pl.DataFrame, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """A table with all its declared columns in their order: those that ``frame`` lacks are empty.

    Each is held as one constant, so that the 150 questions which a clinic does not ask cost nothing in a million rows.
    """
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in columns.items() if name not in frame.columns]
    return frame.with_columns(absent).select(list(columns))


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """Where every physical record of one file went for one table: read = accepted + rejected + blank + left_out.

    `read` is counted by a second, independent counter. `left_out` counts rows that the column map's `only_rows` sends
    elsewhere. Copies of a row before them (rule X-02) are part of `rejected`.
    """

    file: str
    table: str
    read: int
    accepted: int
    rejected: int
    blank: int
    left_out: int = 0

    @property
    def balances(self) -> bool:
        return self.read == self.accepted + self.rejected + self.blank + self.left_out


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often one rule was broken, and what followed (`reject` or `flag`)."""

    rule: str
    table: str
    column: str
    says: str
    action: str
    count: int


@dataclass(frozen=True)
class ValidatedRecords:
    """Accepted rows of every declared table, with the ledger and the rejected rows beside them.

    `tables` holds every declared table, with every declared column in declared order (all-null where the clinic does not
    record it) after `record_id`. `recorded` names the columns that the export does hold. `rejected` holds, per file, the
    record number, table and rule ids of each rejected row, and its raw cells except those left out by the map or read as
    calendar dates: patient-level, internal only. `inputs` maps each file to the sha256 of its bytes. `unread` holds, for
    session, run_week and visit, episode and day of the rejected rows of accepted episodes (copies apart): something was recorded
    there that is not in `tables`. A table without such a row is not in it.
    """

    tables: dict[str, pl.DataFrame]
    ledger: tuple[LedgerLine, ...]
    rule_counts: tuple[RuleCount, ...] = ()
    recorded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rejected: dict[str, pl.DataFrame] = field(default_factory=dict)
    left_out_columns: dict[str, dict[str, str]] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    unread: dict[str, pl.DataFrame] = field(default_factory=dict)

    def table(self, name: str) -> pl.DataFrame:
        """The accepted rows of one table."""
        return self.tables[name]
