"""A Parquet file into text cells. The record count comes from the footer, apart from the parsed rows."""

from __future__ import annotations

import io

import polars as pl

from tendon_outcomes.records.raw import RECORD, Parsed, cells_frame, refuse

_MAGIC = b"PAR1"


def parse_parquet(name: str, content: bytes) -> Parsed:
    """Parse one Parquet file that was read whole."""
    if not content.startswith(_MAGIC):
        raise refuse(name, "F-02", way_out="Export it as Parquet, or give it the ending of what it is.")
    frame, footer_count = None, -1
    if content.endswith(_MAGIC):
        try:
            footer_count = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item()
            frame = pl.read_parquet(io.BytesIO(content), glob=False)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
            pass  # its message may quote values; the refusal below is raised outside
    if frame is None or len(frame) != footer_count:
        raise refuse(name, "F-05", way_out="Export or copy the file again.")
    text = _as_text(name, frame)
    unreadable = text.select(pl.any_horizontal(pl.exclude(RECORD).str.contains("\ufffd", literal=True)).any()).item()
    return Parsed(tuple(frame.columns), text, cells_frame(frame.width), footer_count, bool(unreadable))


def _as_text(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    unreadable = [position for position, kind in enumerate(frame.dtypes, 1) if not _is_plain(kind)]
    if unreadable:
        raise refuse(
            name, "F-10", where=f"columns {', '.join(map(str, unreadable))}", count=len(unreadable), unit="columns",
            way_out="Export these columns as text or leave them out of the export.",
        )  # fmt: skip
    cells = [_text_of(frame[column]).alias(str(position)) for position, column in enumerate(frame.columns)]
    return pl.DataFrame([pl.Series(RECORD, range(1, len(frame) + 1), dtype=pl.Int64), *cells])


def _is_plain(kind: pl.DataType) -> bool:
    return not (kind.is_nested() or kind.is_object() or kind in (pl.Binary, pl.Duration, pl.Time))


def _text_of(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Date:
        return column.dt.to_string("%Y-%m-%d")
    if isinstance(column.dtype, pl.Datetime):
        whole_days = _at_midnight(column)
        return column.dt.to_string("%Y-%m-%d" if whole_days else "%Y-%m-%dT%H:%M:%S")
    return column.cast(pl.String)


def _at_midnight(column: pl.Series) -> bool:
    """Whether every instant is the beginning of a day, as when a program stores dates as date-times."""
    return bool((column.dt.truncate("1d") == column).all())
