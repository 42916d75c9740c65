"""One column of text cells into one typed column. Nothing is guessed: what cannot be read as declared is null and named."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import polars as pl

from tendon_outcomes.declarations import Column, ColumnSource
from tendon_outcomes.records.raw import BLANKS
from tendon_outcomes.records.validated import dtype_of

TRUE_WORDS = ("true", "1", "yes")
FALSE_WORDS = ("false", "0", "no")

CODES_JOINED_BY = ";"

_FIRST_BELIEVABLE_DATE = dt.date(1900, 1, 1)  # %Y reads the two-digit year 23 as the year 23
_FIRST_DATE_SERIAL = 36526  # a spreadsheet's number for 2000-01-01; no clinic follows a runner for a hundred years
_LARGEST_WHOLE = 2.0**53  # beyond it a float no longer holds every whole number

_TO_BASE: dict[str, tuple[str, float]] = {
    "m": ("length", 1.0),
    "km": ("length", 1000.0),
    "mi": ("length", 1609.344),
    "kg": ("mass", 1.0),
    "lb": ("mass", 0.45359237),
    "days": ("days", 1.0),
    "weeks": ("days", 7.0),
    "months": ("days", 365.2425 / 12),
    "seconds": ("clock", 1.0),
    "minutes": ("clock", 60.0),
    "hours": ("clock", 3600.0),
}
"""Unit to (dimension, size in the base unit). Mile and pound are exact by the international agreement of 1959; a month is
a twelfth of the mean Gregorian year."""


@dataclass(frozen=True)
class Converted:
    """A typed column and, by name of the cell rule (or M-04), which rows broke it. A cell becomes null only by such a rule."""

    values: pl.Series
    broken: dict[str, pl.Series] = field(default_factory=dict)


def unit_factor(from_unit: str, to_unit: str) -> float | None:
    """What a number in ``from_unit`` is multiplied by, or None when the two measure different things."""
    if from_unit == to_unit:
        return 1.0
    if from_unit not in _TO_BASE or to_unit not in _TO_BASE or _TO_BASE[from_unit][0] != _TO_BASE[to_unit][0]:
        return None
    return _TO_BASE[from_unit][1] / _TO_BASE[to_unit][1]


def convert(cells: pl.Series, column: Column, source: ColumnSource, *, index_dates: pl.Series) -> Converted:
    """Read one column of text. ``index_dates`` holds the date of day 0 of each row's episode; only dated columns use it."""
    stripped = cells.str.strip_chars(BLANKS)
    text = _none_if(stripped, stripped == "")
    trimmed = (stripped != cells) & text.is_not_null()
    null_coded = text.is_in(list(source.null_codes)).fill_null(value=False)
    text = _none_if(text, null_coded)
    values, broken = _read(text, column, source, index_dates)
    return Converted(values, {"trimmed": trimmed, "null_code": null_coded, **broken})


def constant_series(column: Column, source: ColumnSource, n_rows: int) -> pl.Series:
    """The same declared value in every row."""
    value = source.constant
    if column.type == "codes" and isinstance(value, str):
        value = CODES_JOINED_BY.join(sorted({code.strip() for code in value.split(CODES_JOINED_BY)}))
    return pl.Series([value]).cast(dtype_of(column)).new_from_index(0, n_rows)


def _none_if(cells: pl.Series, mask: pl.Series) -> pl.Series:
    if not mask.any():
        return cells
    return pl.select(pl.when(mask).then(None).otherwise(cells).alias(cells.name)).to_series()


def _read(
    text: pl.Series, column: Column, source: ColumnSource, index_dates: pl.Series
) -> tuple[pl.Series, dict[str, pl.Series]]:
    if source.date:
        return _dates(text, source, index_dates)
    match column.type:
        case "id":
            return text, {}
        case "code":
            return _codes(text, source)
        case "codes":
            return _several_codes(text, source)
        case "boolean":
            return _booleans(text, source)
        case "number" | "integer" | "day":
            return _numbers(text, column, source)


def _codes(text: pl.Series, source: ColumnSource) -> tuple[pl.Series, dict[str, pl.Series]]:
    """The clinic's codes into ours. Without a `codes` map the file has ours already; the schema checks them."""
    if not source.codes:
        return text, {}
    values = text.replace_strict(source.codes, default=None, return_dtype=pl.String)
    return values, {"code": text.is_not_null() & values.is_null()}


def _several_codes(text: pl.Series, source: ColumnSource) -> tuple[pl.Series, dict[str, pl.Series]]:
    element = pl.element().str.strip_chars(BLANKS)
    if source.codes:
        element = element.replace_strict(source.codes, default=None, return_dtype=pl.String)
    parts = text.str.split(CODES_JOINED_BY).list.eval(element)
    unknown = parts.list.eval(pl.element().is_null()).list.any() & text.is_not_null()
    joined = parts.list.unique().list.sort().list.join(CODES_JOINED_BY, ignore_nulls=True)
    return _none_if(joined, unknown | text.is_null()), {"code": unknown}


def _booleans(text: pl.Series, source: ColumnSource) -> tuple[pl.Series, dict[str, pl.Series]]:
    words = {**dict.fromkeys(TRUE_WORDS, True), **dict.fromkeys(FALSE_WORDS, False)}
    if source.codes:
        read = {code: words[meaning.lower()] for code, meaning in source.codes.items()}
        values = text.replace_strict(read, default=None, return_dtype=pl.Boolean)
        return values, {"code": text.is_not_null() & values.is_null()}
    values = text.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)
    return values, {"type": text.is_not_null() & values.is_null()}


def _numbers(text: pl.Series, column: Column, source: ColumnSource) -> tuple[pl.Series, dict[str, pl.Series]]:
    if source.codes:
        text = text.replace(source.codes)
    numbers = text.cast(pl.Float64, strict=False)
    # The cast also reads "inf" and "nan", which are no measurements.
    numbers = _none_if(numbers, ~numbers.is_finite())
    wrong_type = text.is_not_null() & numbers.is_null()
    factor = unit_factor(source.unit, column.unit) if source.unit else None
    if factor is not None:
        numbers = numbers * factor
    if column.type == "number":
        return numbers, {"type": wrong_type}
    return _whole(numbers, wrong_type, column, source)


def _whole(
    numbers: pl.Series, wrong_type: pl.Series, column: Column, source: ColumnSource
) -> tuple[pl.Series, dict[str, pl.Series]]:
    broken: dict[str, pl.Series] = {}
    if source.round:
        rounded = numbers.floor() if source.round == "floor" else (numbers + 0.5).floor()
        broken["rounded"] = (rounded != numbers).fill_null(value=False)
        numbers = rounded
    odd = (numbers != numbers.floor()) | (numbers.abs() > _LARGEST_WHOLE)
    if column.type == "day":
        odd = odd | (numbers >= _FIRST_DATE_SERIAL)
    odd = odd.fill_null(value=False)
    return _none_if(numbers, odd).cast(pl.Int64), {**broken, "type": wrong_type | odd}


def _dates(text: pl.Series, source: ColumnSource, index_dates: pl.Series) -> tuple[pl.Series, dict[str, pl.Series]]:
    dates = read_dates(text, source.date)
    unread = text.is_not_null() & dates.is_null()
    if source.part == "year":
        return dates.dt.year().cast(pl.Int64), {"type": unread}
    days = (dates - index_dates).dt.total_days().cast(pl.Int64)
    return days, {"type": unread, "M-04": dates.is_not_null() & index_dates.is_null()}


def read_dates(text: pl.Series, date_format: str) -> pl.Series:
    """Calendar dates in one declared format; whatever else stands in the cell is null."""
    dates = text.str.strip_chars(BLANKS).str.to_date(date_format, strict=False)
    return _none_if(dates, dates < _FIRST_BELIEVABLE_DATE)
