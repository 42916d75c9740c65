"""Tables as the bytes of a file: CSV in which no cell begins a formula, Parquet whose footer repeats no value."""

from __future__ import annotations

import io

import polars as pl

_FORMULA = r"^[=+\-@'\t\r\n＝＋－＠]"
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection), and the apostrophe itself."""


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """A table as CSV in which no cell is a formula: text that could begin one gets an apostrophe; numbers stay as they are."""
    text = [name for name, dtype in frame.schema.items() if dtype == pl.String()]
    guarded = [
        pl.when(pl.col(name).str.contains(_FORMULA)).then(pl.lit("'") + pl.col(name)).otherwise(name).alias(name) for name in text
    ]
    return frame.with_columns(guarded).write_csv().encode()


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """A table as Parquet, without statistics: they would repeat patient values in the footer."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue()
