"""Declared criteria as polars expressions in three-valued logic: true, false, or not known from what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

import polars as pl

from tendon_outcomes.declarations import Criterion

_DECIMALS = 9
BASELINE = "baseline."
"""Prefix of the columns that hold the day-0 value of a variable."""


def every(criteria: Iterable[Criterion]) -> pl.Expr:
    """True when all hold, false when one fails whatever else is unknown, else unknown."""
    return _combine([truth(one) for one in criteria], lambda a, b: a & b, neutral=True)


def some(criteria: Iterable[Criterion]) -> pl.Expr:
    """True when one holds, false when all fail, else unknown."""
    return _combine([truth(one) for one in criteria], lambda a, b: a | b, neutral=False)


def truth(criterion: Criterion) -> pl.Expr:
    """One criterion on a frame that holds its variables, the `episode.` columns and the `baseline.` columns."""
    if criterion.any:
        value = _group(criterion.any, some, neutral=False)
    elif criterion.all:
        value = _group(criterion.all, every, neutral=True)
    elif criterion.of:
        value = _at_least(criterion.n, criterion.of)
    else:
        value = _comparison(criterion)
    if criterion.when:
        value = ~every(criterion.when) | value
    if criterion.unrecorded in ("fails", "passes"):
        value = value.fill_null(value=criterion.unrecorded == "passes")
    return value


def assessable(criteria: Iterable[Criterion]) -> pl.Expr:
    """False where no look could ever pass, because a day-0 or index value that the criteria measure against is missing.

    It rests on what was known on day 0 alone, so leaving such episodes out says nothing about how they fared.
    """
    return _combine([_could_hold(one) for one in criteria], lambda a, b: a & b, neutral=True)


def _could_hold(criterion: Criterion) -> pl.Expr:
    if criterion.when or criterion.unrecorded in ("fails", "passes"):
        return pl.lit(value=True)
    if criterion.any or criterion.all:
        stands_aside = any(one.unrecorded == "ignore" for one in criterion.all)
        either = bool(criterion.any) or stands_aside
        parts = [_could_hold(one) for one in (*criterion.any, *criterion.all)]
        return _combine(parts, (lambda a, b: a | b) if either else (lambda a, b: a & b), neutral=not either)
    if criterion.of:
        possible = pl.sum_horizontal(_could_hold(one).cast(pl.Int64) for one in criterion.of)
        return possible >= criterion.n
    if criterion.measure == "share_of_index":
        return (pl.col(f"episode.{criterion.index_variable}") > 0).fill_null(value=False)
    baseline = pl.col(BASELINE + criterion.variable)
    if criterion.not_assessable_above is not None:
        return (baseline <= criterion.not_assessable_above).fill_null(value=False)
    return pl.lit(value=True) if criterion.measure == "value" else baseline.is_not_null()


def baseline_variables(criteria: Iterable[Criterion]) -> frozenset[str]:
    """The variables whose day-0 value the criteria need."""
    found: set[str] = set()
    for one in criteria:
        if one.variable and (one.measure in ("gain", "drop", "drop_share") or one.not_assessable_above is not None):
            found.add(one.variable)
        found |= baseline_variables((*one.when, *one.any, *one.all, *one.of))
    return frozenset(found)


def _combine(parts: list[pl.Expr], join: Callable[[pl.Expr, pl.Expr], pl.Expr], *, neutral: bool) -> pl.Expr:
    return reduce(join, parts) if parts else pl.lit(neutral)


def _group(parts: tuple[Criterion, ...], rule: Callable[[Iterable[Criterion]], pl.Expr], *, neutral: bool) -> pl.Expr:
    """A group in which parts marked `ignore` stand aside when they were not recorded; with nothing recorded it is unknown."""
    if not any(one.unrecorded == "ignore" for one in parts):
        return rule(parts)
    values = [truth(one).fill_null(value=neutral) if one.unrecorded == "ignore" else truth(one) for one in parts]
    combined = _combine(values, (lambda a, b: a & b) if neutral else (lambda a, b: a | b), neutral=neutral)
    recorded = _combine([truth(one).is_not_null() for one in parts], lambda a, b: a | b, neutral=False)
    return pl.when(recorded).then(combined)


def _at_least(n: int, parts: tuple[Criterion, ...]) -> pl.Expr:
    """True when n hold, false when too few still could, else unknown. Parts marked `ignore` count as not held."""
    values = [truth(one).fill_null(value=False) if one.unrecorded == "ignore" else truth(one) for one in parts]
    held = pl.sum_horizontal(value.fill_null(value=False).cast(pl.Int64) for value in values)
    could = pl.sum_horizontal(value.fill_null(value=True).cast(pl.Int64) for value in values)
    return pl.when(held >= n).then(pl.lit(value=True)).when(could < n).then(pl.lit(value=False))


def _comparison(criterion: Criterion) -> pl.Expr:
    value = _measured(criterion)
    tests: list[pl.Expr] = []
    if criterion.at_least is not None:
        tests.append(value >= criterion.at_least)
    if criterion.at_most is not None:
        tests.append(value <= criterion.at_most)
    if criterion.above is not None:
        tests.append(value > criterion.above)
    if criterion.equals is not None:
        tests.append(value == criterion.equals)
    if criterion.one_of:
        tests.append(value.is_in(list(criterion.one_of)))
    if criterion.contains:
        tests.append((";" + value + ";").str.contains(f";{criterion.contains};", literal=True))
    held = reduce(lambda a, b: a & b, tests)
    if criterion.not_assessable_above is not None:
        reachable = pl.col(BASELINE + criterion.variable) <= criterion.not_assessable_above
        held = pl.when(reachable).then(held)
    return held


def _measured(criterion: Criterion) -> pl.Expr:
    value = pl.col(criterion.variable)
    if criterion.measure == "value":
        return value
    if criterion.measure == "share_of_index":
        index = pl.col(f"episode.{criterion.index_variable}")
        return _exact(pl.when(index > 0).then(value / index))
    baseline = pl.col(BASELINE + criterion.variable)
    if criterion.measure == "gain":
        return _exact(value - baseline)
    if criterion.measure == "drop":
        return _exact(baseline - value)
    return _exact(pl.when(baseline > 0).then((baseline - value) / baseline))


def _exact(value: pl.Expr) -> pl.Expr:
    """46.3 less 24.3 is 22 to whoever filled in the form; in binary it falls short of 22."""
    return value.cast(pl.Float64).round(_DECIMALS)
