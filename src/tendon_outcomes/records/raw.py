"""What a file is before anybody knows what it means: text cells, a record number, an independent count, a hash."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tendon_outcomes.errors import FileUnreadable, Finding
from tendon_outcomes.records.rules import STRUCTURAL

RECORD = " record"
"""Name of the record number among a file's columns. Header names are stripped, so none can begin with a space."""

RULE = " rule"
"""Name of the broken rule among the columns of the rows that were put aside."""

BLANKS = " \t\n\r\x0b\x0c\u00a0\u2007\u202f\u200b\ufeff"
"""What counts as space around a value: exports carry no-break and zero-width spaces as well."""


@dataclass(frozen=True)
class Parsed:
    """Cells by column position ("0", "1", …) after RECORD. `odd` holds the records whose cell count is not the header's."""

    header: tuple[str, ...]
    frame: pl.DataFrame
    odd: pl.DataFrame
    n_records: int
    not_utf8: bool = False


@dataclass(frozen=True)
class RawFile:
    """One file as text. `frame` holds the rows that have the header's shape, `set_aside` those that do not, with their rule.

    `n_records` was counted independently of `frame`; n_records = rows of frame + rows of set_aside + n_blank. `not_utf8`
    tells that some bytes were unreadable; their cells hold U+FFFD.
    """

    name: str
    sha256: str
    n_records: int
    frame: pl.DataFrame
    set_aside: pl.DataFrame
    n_blank: int
    not_utf8: bool

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(name for name in self.frame.columns if name != RECORD)


@dataclass(frozen=True)
class RawTables:
    """Every file that the column map names, read once."""

    files: dict[str, RawFile]


def cells_frame(width: int) -> pl.DataFrame:
    """No record, with ``width`` columns of text."""
    return pl.DataFrame(schema={RECORD: pl.Int64(), **{str(position): pl.String() for position in range(width)}})


def refuse(name: str, rule: str, *, where: str = "", count: int = 0, unit: str = "lines", way_out: str) -> FileUnreadable:
    """The refusal of one file; `where` names lines or columns, never cells."""
    place = f"{name} {where}".strip()
    finding = Finding(rule, place, STRUCTURAL[rule], count, unit)
    return FileUnreadable(f"{name} cannot be read; nothing was analysed.", findings=[finding], way_out=way_out)
