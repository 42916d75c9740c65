"""CSV files that people open in a spreadsheet: no cell of a patient's record begins a formula there."""

from __future__ import annotations

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
