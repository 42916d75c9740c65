"""Rules that hold for any file and any map, before a declared table is known. Table rules stand in data_schemas/tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

Action = Literal["reject", "flag"]

STRUCTURAL: dict[str, str] = {
    "F-01": "the file is empty",
    "F-02": "the file is not UTF-8 text, or not what its name promises",
    "F-03": "quotation marks do not pair up, so rows cannot be told apart",
    "F-04": "the header must name every column, each with its own name",
    "F-05": "the file is cut off",
    "F-06": "a row must have as many cells as the header",
    "F-07": "the header stands a second time among the rows",
    "F-08": "a cell holds bytes that are not UTF-8 text",
    "F-09": "the file changed while it was being read",
    "F-10": "a column must hold text, numbers, booleans or dates",
    "F-11": "a line ends in LF or CR LF; here a carriage return stands alone",
    "F-12": "a cell holds more characters than a cell may have",
    "M-01": "a column that the table or the column map needs is not in the file",
    "M-02": "a column of the file is neither mapped nor listed in left_out with a reason",
    "M-03": "no entry of the column map takes this row (only_rows)",
    "M-04": "the episode has no readable index date, so no day can be counted",
    "M-05": "the header is an abbreviation of two scales, and its values do not tell that the scale of this column was meant",
    "I-01": "a column named like an identifier may not be loaded",
    "I-02": "ids must be pseudonyms, not e-mail addresses, phone numbers, dates or the like",
}
"""What each rule says, by id. F: files, M: the column map, I: identifiers."""

CELL_RULES: dict[str, str] = {
    "type": "the cell cannot be read as the declared type",
    "range": "the value lies outside the declared range",
    "code": "the code is not declared",
    "required": "a required cell is empty",
    "null_code": "a declared missing-value code was read as missing",
    "trimmed": "spaces around a value were removed",
    "rounded": "a number with decimals was rounded as the column map asks",
}
"""Rules that every declared column has; their ids are TABLE.COLUMN.NAME. The last three are repairs, counted and never silent."""

REPAIRS = ("null_code", "trimmed", "rounded")


@dataclass(frozen=True)
class Breach:
    """The rows (positions in the table being validated) that break one rule."""

    rule: str
    column: str
    says: str
    rows: pl.Series
    action: Action = "reject"

    def shifted(self, by: int) -> Breach:
        """The same breach when ``by`` rows stand before this part of the table."""
        return replace(self, rows=self.rows + by)


def rows_of(breaches: Iterable[Breach]) -> pl.Series:
    """Every row that breaks one of them, once, in order."""
    return pl.concat([pl.Series([], dtype=pl.Int64), *(one.rows for one in breaches)]).unique().sort()


def without_rows(one: Breach, rows: pl.Series) -> list[Breach]:
    """The same breach without ``rows``, or none when nothing is left."""
    left = one.rows.filter(~one.rows.is_in(rows.implode()))
    return [replace(one, rows=left)] if len(left) else []


def breach(rule: str, column: str, says: str, broken: pl.Series, action: Action = "reject") -> list[Breach]:
    """One breach from a mask of broken rows, or none. A null in the mask is not a breach."""
    rows = broken.fill_null(value=False).arg_true().cast(pl.Int64)
    return [Breach(rule, column, says, rows, action)] if len(rows) else []
