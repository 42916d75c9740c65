"""A CSV file into text cells. The csv module counts the records and their cells; polars parses them; both must agree."""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.errors import FileUnreadable
from tendon_outcomes.records.raw import BLANKS, RECORD, Parsed, cells_frame, refuse

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DELIMITERS = (",", ";", "\t")
_MOST_LINES_NAMED = 10


@dataclass(frozen=True)
class _Count:
    """The csv module's view: cells per record, and the physical line (counted from 1) on which each record ends."""

    header: tuple[str, ...]
    header_end: int
    widths: NDArray[np.int64]
    ends: NDArray[np.int64]


def parse_delimited(name: str, content: bytes) -> Parsed:
    """Parse one CSV file that was read whole."""
    text, not_utf8 = _decoded(name, content.removeprefix(_BYTE_ORDER_MARK))
    delimiter = _sniff(text)
    count = _counted(name, text, delimiter)
    lines = text.split("\n") if _needs_lines(count) else []
    _refuse_swallowed_rows(name, count, lines, delimiter)
    width = len(count.header)
    odd_at = np.flatnonzero((count.widths != width) & (count.widths > 0))
    usable = np.flatnonzero(count.widths == width)
    odd = _odd_records(count, lines, odd_at, delimiter)
    _refuse_cut_off(name, text, count, odd)
    frame = _parsed(name, _usable_text(text, count, lines), width, delimiter, expected=len(usable))
    frame = frame.insert_column(0, pl.Series(RECORD, usable + 1, dtype=pl.Int64))
    return Parsed(count.header, frame, odd, len(count.widths), not_utf8)


def _decoded(name: str, body: bytes) -> tuple[str, bool]:
    if b"\0" in body:
        numbers = [number for number, line in enumerate(body.split(b"\n"), 1) if b"\0" in line]
        raise _refuse_lines(name, "F-02", numbers, "Export it as CSV in UTF-8.")
    text = body.decode("utf-8", errors="replace")
    if not text.strip(BLANKS):
        raise refuse(name, "F-01", way_out="Export it again; a table without rows still has its header.")
    not_utf8 = "\ufffd" in text
    if not_utf8 and "\ufffd" in text.partition("\n")[0]:
        raise _refuse_lines(name, "F-02", [1], "Export it as CSV in UTF-8.")
    return text, not_utf8


def _sniff(text: str) -> str:
    """The delimiter that cuts the header into most columns; a comma when there is only one column."""
    first_line = text.lstrip(BLANKS.replace("\t", "")).partition("\n")[0]
    outside_quotes = "".join(first_line.split('"')[::2])
    return max(_DELIMITERS, key=outside_quotes.count)


def _counted(name: str, text: str, delimiter: str) -> _Count:
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    columns, begin = 0, 0
    ends: list[tuple[int, int]] = []
    try:
        header = next(row for row in reader if row)
        columns, begin = len(header), reader.line_num
        header_end = begin
        for row in reader:
            begin = reader.line_num
            ends.append((len(row), begin))
        shape = np.array(ends, dtype=np.int64).reshape(-1, 2)
        return _Count(tuple(header), header_end, shape[:, 0], shape[:, 1])
    except (csv.Error, StopIteration) as error:
        reason = str(error)
        last_line = reader.line_num
    raise _uncountable(name, reason, lines=text.split("\n")[begin:last_line], begin=begin, columns=columns, delimiter=delimiter)


def _uncountable(name: str, reason: str, *, lines: list[str], begin: int, columns: int, delimiter: str) -> FileUnreadable:
    """Why the csv module gave up on the record of these lines. Its reason names no cell; only its first words are looked at."""
    if reason.startswith("new-line character"):
        way_out = "Export it with LF or CR LF at the end of each line, and quotation marks around a cell that holds a line break."
        return _refuse_lines(name, "F-11", [begin + len(lines)], way_out)
    # A lone quotation mark swallows rows until the cell is too long; a cell that is long by itself holds no whole rows.
    swallows = len(lines) > 1 and (not columns or _whole_rows(lines, columns, delimiter) > 1)
    if reason.startswith("field larger") and not swallows:
        way_out = f"Shorten it to {csv.field_size_limit()} characters, or leave its column out of the export."
        return _refuse_lines(name, "F-12", [begin + 1], way_out)
    way_out = "Look for a lone quotation mark or a cut-off end at or above this line and export again."
    return _refuse_lines(name, "F-03", [begin + len(lines)], way_out)


def _whole_rows(lines: list[str], columns: int, delimiter: str) -> int:
    """How many of these lines have as many delimiters as a whole row; a file of one column has none to go by."""
    return sum(line.count(delimiter) == columns - 1 for line in lines) if columns > 1 else 0


def _needs_lines(count: _Count) -> bool:
    spans = np.diff(count.ends, prepend=count.header_end)
    return bool((count.widths != len(count.header)).any() or (spans != 1).any())


def _refuse_swallowed_rows(name: str, count: _Count, lines: list[str], delimiter: str) -> None:
    """Two lone quotation marks far apart pair up and swallow the rows between them into one cell, and no count differs.

    Such a record shows itself: two or more of its lines have as many delimiters as a whole row.
    """
    starts = np.concatenate([[count.header_end], count.ends[:-1]])
    swallowed = [
        int(starts[at]) + 1
        for at in np.flatnonzero(count.ends - starts > 1)
        if _whole_rows(lines[starts[at] : count.ends[at]], len(count.header), delimiter) > 1
    ]
    if swallowed:
        raise _refuse_lines(name, "F-03", swallowed, "Look for a lone quotation mark on these lines and export again.")


def _odd_records(count: _Count, lines: list[str], odd_at: NDArray[np.int64], delimiter: str) -> pl.DataFrame:
    """The records with too few or too many cells: cut to the header's width or filled up with empty cells."""
    width = len(count.header)
    starts = np.concatenate([[count.header_end], count.ends[:-1]])
    rows = []
    for at in odd_at:
        cells = next(csv.reader([f"{line}\n" for line in lines[starts[at] : count.ends[at]]], delimiter=delimiter))
        rows.append((int(at) + 1, *cells[:width], *([None] * (width - len(cells)))))
    return pl.DataFrame(rows, schema=cells_frame(width).schema, orient="row")


def _refuse_cut_off(name: str, text: str, count: _Count, odd: pl.DataFrame) -> None:
    """A last row that is too short and has no line end was cut, not mistyped."""
    if len(odd) and odd[RECORD][-1] == len(count.widths) and count.widths[-1] < len(count.header) and not text.endswith("\n"):
        raise _refuse_lines(name, "F-05", [int(count.ends[-1])], "Export or copy the file again.")


def _usable_text(text: str, count: _Count, lines: list[str]) -> str:
    """The text without the header, blank lines and odd records."""
    unusable = np.flatnonzero(count.widths != len(count.header))
    if not len(unusable):
        offset = 0
        for _ in range(count.header_end):
            offset = text.find("\n", offset) + 1 or len(text)
        return text[offset:]
    starts = np.concatenate([[count.header_end], count.ends[:-1]])
    kept: list[str] = []
    begin = count.header_end
    for at in unusable.tolist():
        kept += lines[begin : starts[at]]
        begin = int(count.ends[at])
    return "\n".join(kept + lines[begin:])


def _parsed(name: str, text: str, width: int, delimiter: str, *, expected: int) -> pl.DataFrame:
    schema = {str(position): pl.String() for position in range(width)}
    if not expected:
        return pl.DataFrame(schema=schema)
    frame = None
    # Its own message quotes cells; the refusal below is raised outside, so that nothing of it is chained.
    with contextlib.suppress(pl.exceptions.PolarsError, pl.exceptions.PanicException):
        frame = pl.read_csv(text.encode(), has_header=False, schema=schema, separator=delimiter, infer_schema=False, glob=False)
    if frame is None or len(frame) != expected:
        raise refuse(
            name, "F-03", where=f"({expected} records counted)",
            way_out="Look for a quotation mark inside a cell that is not doubled, and export again.",
        )  # fmt: skip
    return frame


def _refuse_lines(name: str, rule: str, numbers: list[int], way_out: str) -> FileUnreadable:
    named = ", ".join(map(str, numbers[:_MOST_LINES_NAMED])) + (", …" if len(numbers) > _MOST_LINES_NAMED else "")
    return refuse(name, rule, where=f"line {named}", count=len(numbers), unit="lines", way_out=way_out)
