"""What the items of an instrument come to: the one place where a score is computed."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tendon_outcomes.declarations import Instrument, Item

_DECIMALS = 9
"""Answers may be read off a line in tenths; their sum in binary is rounded, so that it meets a threshold it meets by hand."""


def score_of_items(instrument: Instrument) -> pl.Expr:
    """The sum or mean of the items where enough were answered and of each branch exactly one; null otherwise.

    Null too where an item has points that none of its answers gives.
    """
    items = [pl.col(item.code).cast(pl.Float64) for item in instrument.items]
    combined = pl.mean_horizontal(items) if instrument.combine == "mean" else pl.sum_horizontal(items)
    strange = [odd_points(item) for item in instrument.items if item.values]
    score = pl.when(~pl.any_horizontal(strange)).then(combined.round(_DECIMALS)) if strange else combined.round(_DECIMALS)
    if instrument.min_items:
        return pl.when(answered(item.code for item in instrument.items) >= instrument.min_items).then(score)
    plain = [pl.col(item.code).is_not_null() for item in instrument.items if not item.branch]
    branched = [answered(instrument.branch_items(branch)) == 1 for branch in instrument.branches]
    return pl.when(pl.all_horizontal(*plain, *branched)).then(score)


def odd_points(item: Item) -> pl.Expr:
    """Whether an answer has points that are not among the declared `values` of its item; false where there is no answer."""
    points = pl.col(item.code).cast(pl.Float64)
    return (~points.is_in(list(item.values))).fill_null(value=False)


def answered(codes: Iterable[str]) -> pl.Expr:
    """How many of these items were answered."""
    return pl.sum_horizontal(pl.col(code).is_not_null().cast(pl.Int64) for code in codes)
