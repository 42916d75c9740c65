"""Instrument totals from items: complete, exactly one branch, and the item sum before any supplied total."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import polars as pl

from tendon_outcomes.declarations import Instrument, Item


def score(visits: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Visits with every instrument's total column replaced by its score.

    1. No item recorded: the supplied total stands.
    2. All items recorded, and of each branch group exactly one: the item sum, also where the supplied total disagrees.
    3. Anything between: no score. The instrument has no validated pro-rating, and a total that its items
       contradict cannot be checked.
    """
    totals = [
        score_expression(instrument).alias(instrument.total_column)
        for instrument in instruments
        if instrument.items and instrument.total_column in visits.columns
    ]
    return visits.with_columns(totals)


def score_expression(instrument: Instrument) -> pl.Expr:
    """The score of one instrument on a frame that holds its item columns and its total column."""
    items = [pl.col(item.code) for item in instrument.items]
    nothing = pl.all_horizontal(item.is_null() for item in items)
    complete = pl.all_horizontal(_answered(group) for group in _groups(instrument))
    total = pl.sum_horizontal(item.cast(pl.Float64) for item in items)
    return pl.when(nothing).then(pl.col(instrument.total_column).cast(pl.Float64)).when(complete).then(total)


def _groups(instrument: Instrument) -> list[list[Item]]:
    alone = [[item] for item in instrument.items if not item.branch]
    names = dict.fromkeys(item.branch for item in instrument.items if item.branch)
    return alone + [[item for item in instrument.items if item.branch == name] for name in names]


def _answered(group: list[Item]) -> pl.Expr:
    """A plain item was answered; of alternatives exactly one was."""
    filled = [pl.col(item.code).is_not_null().cast(pl.Int64) for item in group]
    return reduce(lambda a, b: a + b, filled) == 1
