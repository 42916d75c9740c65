"""Instrument totals from items: enough answers, exactly one branch, and the items before any supplied total."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tendon_outcomes.declarations import Instrument, Item


def score(visits: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Visits with every instrument's total column replaced by its score.

    1. No item recorded: the supplied total stands.
    2. All items recorded, and of each branch group exactly one, or at least the declared `min_items` of a list that the patient
       chooses: their sum or mean as the instrument declares, also where the supplied total disagrees.
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
    combine = pl.mean_horizontal if instrument.combine == "mean" else pl.sum_horizontal
    total = combine(item.cast(pl.Float64) for item in items)
    return pl.when(nothing).then(pl.col(instrument.total_column).cast(pl.Float64)).when(_enough(instrument)).then(total)


def _enough(instrument: Instrument) -> pl.Expr:
    """Every plain item and exactly one of each branch group were answered, or `min_items` where the patient chooses how many."""
    if instrument.min_items:
        return _filled(instrument.items) >= instrument.min_items
    return pl.all_horizontal(_filled(group) == 1 for group in _groups(instrument))


def _groups(instrument: Instrument) -> list[list[Item]]:
    alone = [[item] for item in instrument.items if not item.branch]
    names = dict.fromkeys(item.branch for item in instrument.items if item.branch)
    return alone + [[item for item in instrument.items if item.branch == name] for name in names]


def _filled(items: Sequence[Item]) -> pl.Expr:
    """How many of the items were answered."""
    return pl.sum_horizontal(pl.col(item.code).is_not_null().cast(pl.Int64) for item in items)
