"""Cells of tables over how long it has hurt: a duration with its flag, a number with its limits, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tendon_outcomes.reporting.chronicity.words import OUTSIDE_MARK, is_outside
from tendon_outcomes.reporting.comparison.words import decimal, signed
from tendon_outcomes.reporting.wording import NBSP, WITHHELD, ResultRow, duration, is_withheld

Cell = Callable[[ResultRow], str]
NOT_TOLD = "–"
_FLAG = f"{OUTSIDE_MARK} outside the 5th to 95th percentile of the durations: few runners stand behind it"


def duration_cell(weeks: float, rows: Iterable[ResultRow]) -> str:
    """The duration, marked where the records are thin."""
    return f"{duration(weeks)}{f'{NBSP}{OUTSIDE_MARK}' if any(is_outside(row) for row in rows) else ''}"


def flagged(caption: str, rows: Iterable[ResultRow]) -> str:
    """The caption, with what the mark means where a row carries it."""
    return f"{caption}. {_FLAG}" if any(is_outside(row) for row in rows) else caption


def told(row: ResultRow, cell: Cell) -> str:
    """The cell, or that it is withheld or does not exist."""
    if is_withheld(row):
        return WITHHELD
    return NOT_TOLD if row["estimate"] is None else cell(row)


def ratio_cell(row: ResultRow) -> str:
    """`0.80 (0.57 to 1.12)`, with a dash for a limit that does not exist."""
    if row["conf_low"] is None and row["conf_high"] is None:
        return decimal(row["estimate"])
    return f"{decimal(row['estimate'])}{NBSP}({decimal(row['conf_low'])}{NBSP}to{NBSP}{decimal(row['conf_high'])})"


def change_cell(row: ResultRow) -> str:
    """`+18 (+14 to +22)` points."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return signed(row["estimate"])
    return f"{signed(row['estimate'])}{NBSP}({signed(row['conf_low'])}{NBSP}to{NBSP}{signed(row['conf_high'])})"
