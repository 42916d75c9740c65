"""Which of the clinic's columns is which of ours, with units and codes; every other one is named with why it stays out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tendon_outcomes.declarations.loading import Declared, build, read_toml

Unit = Literal["km", "mi", "m", "kg", "lb", "weeks", "months", "days", "minutes", "seconds"]


class ColumnSource(Declared):
    """How one declared column is filled.

    Either `from` a column of the file, or a `constant`. `date` is a strptime format: the date becomes whole days since the
    episode's index date (or its calendar year, with `part = "year"`) and is dropped. `codes` maps the clinic's codes to ours.
    `unit` is the unit of the file; the declared unit is converted to. `round` is for whole-number columns that the clinic keeps
    with decimals. `null_codes` are values that mean missing. `scale` says which of several scales is meant where the header is an
    abbreviation that they share, as NPRS is: `numeric_pain_rating` (0 to 10) or `nirschl_phase` (0 to 7).
    """

    from_: str = Field(default="", alias="from")
    constant: str | int | float | bool | None = None
    date: str = ""
    part: Literal["day", "year"] = "day"
    unit: Unit | None = None
    codes: dict[str, str] = Field(default_factory=dict)
    round: Literal["floor", "nearest"] | None = None
    null_codes: tuple[str, ...] = ()
    scale: str = ""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if bool(self.from_) == (self.constant is not None):
            raise ValueError("a column comes either `from` a column of the file or from a `constant`")
        return self


class FileSource(Declared):
    """One file feeding one table. The same file may feed several tables, each with its own entry and ledger line.

    `columns = "as_declared"` takes every column that already has our name. `only_rows` keeps the rows whose column has one of
    the given values; the others are counted as not meant for this table.
    """

    file: str
    table: str
    columns: dict[str, ColumnSource] | Literal["as_declared"]
    left_out: dict[str, str] = Field(default_factory=dict)
    only_rows: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if isinstance(value, dict):
            return {name: {"from": entry} if isinstance(entry, str) else entry for name, entry in value.items()}
        return value


class IndexDate(Declared):
    """Where the calendar date of day 0 stands, for exports that keep dates. It is read, used and dropped."""

    file: str
    episode_id: str
    column: str
    date: str


class ColumnMap(Declared):
    """The whole map of one clinic's export."""

    clinic: str
    source: tuple[FileSource, ...]
    index_date: IndexDate | None = None

    @model_validator(mode="after")
    def _dates_need_an_index(self) -> Self:
        dated = any(
            column.date and column.part == "day"
            for source in self.source
            if isinstance(source.columns, dict)
            for column in source.columns.values()
        )
        if dated and self.index_date is None:
            raise ValueError("a date column can become a day only with an [index_date]")
        return self


def load_column_map(path: Path) -> ColumnMap:
    """Read and check one column_map.toml."""
    return build(ColumnMap, read_toml(path), origin=path.name)
