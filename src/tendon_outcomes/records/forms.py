"""The rules that every questionnaire has, derived from data_schemas/instruments: branches, totals, points, whose form it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import polars as pl

from tendon_outcomes.declarations import Instrument
from tendon_outcomes.records.evidence import Evidence
from tendon_outcomes.records.scoring import answered, odd_points, score_of_items

_TENDON = " tendon"
"""Name of the episode's tendon among the visit's columns while the rules look at it."""

_SCORE = " score"

_ROUNDED_TOTAL = 0.5
"""A clinic rounds the total, whereas some items are read off a line with decimals."""

_FEWEST_REPEATED = 5
"""Fewer equal answers are common by chance."""

Placed = tuple[str, pl.Expr]
"""The columns that a breach names, and the expression that is true where a row breaks the rule."""


def _branches(instrument: Instrument) -> Iterator[Placed]:
    for branch in instrument.branches:
        codes = instrument.branch_items(branch)
        yield ", ".join(codes), answered(codes) > 1


def _total(instrument: Instrument) -> Iterator[Placed]:
    if instrument.items:
        difference = pl.col(instrument.total_column) - score_of_items(instrument)
        yield instrument.total_column, difference.abs() > _ROUNDED_TOTAL + 1e-9


def _points(instrument: Instrument) -> Iterator[Placed]:
    for item in instrument.items:
        if item.values:
            # Beyond the range the column's own rule speaks.
            yield item.code, pl.col(item.code).cast(pl.Float64).is_between(*item.range) & odd_points(item)


def _tendon(instrument: Instrument) -> Iterator[Placed]:
    if instrument.only_for is not None:
        filled = pl.any_horizontal(pl.col(code).is_not_null() for code in instrument.codes())
        yield instrument.total_column, filled & ~pl.col(_TENDON).is_in(list(instrument.only_for))


def _incomplete(instrument: Instrument) -> Iterator[Placed]:
    if instrument.items:
        begun = pl.any_horizontal(pl.col(item.code).is_not_null() for item in instrument.items)
        told = [answered(instrument.branch_items(branch)) > 1 for branch in instrument.branches]
        told += [odd_points(item) for item in instrument.items if item.values]
        broken = begun & score_of_items(instrument).is_null() & pl.col(instrument.total_column).is_not_null()
        yield instrument.total_column, broken & ~pl.any_horizontal(told) if told else broken


_OF_ONE_FORM: dict[str, Callable[[Instrument], Iterator[Placed]]] = {
    "V-21": _branches,
    "V-22": _total,
    "V-23": _points,
    "V-24": _tendon,
    "V-29": _incomplete,
}


def _one_form(rule: str, evidence: Evidence) -> Iterator[tuple[str, pl.Series]]:
    placed = [found for instrument in _recorded(evidence) for found in _OF_ONE_FORM[rule](instrument)]
    if placed:
        frame = evidence.frame
        if rule == "V-24":
            frame = frame.with_columns(evidence.of_episode("tendon").alias(_TENDON))
        broken = frame.select(expression.alias(place) for place, expression in placed)
        yield from ((place, broken[place]) for place, _ in placed)


def _carried_forward(evidence: Evidence) -> Iterator[tuple[str, pl.Series]]:
    """Every answer is that of the last visit before with this form, unless every one is at its best and may well be so again."""
    for instrument in _recorded(evidence):
        items = [item.code for item in instrument.items]
        if len(evidence.recorded.intersection(items)) < _FEWEST_REPEATED:
            continue
        best = instrument.range[1] if instrument.direction == "higher_better" else instrument.range[0]
        filled = evidence.in_order(*items).filter(answered(items) >= _FEWEST_REPEATED)
        same = pl.all_horizontal(pl.col(item).eq_missing(pl.col(item).shift(1)) for item in items)
        later = (pl.col("episode_id") == pl.col("episode_id").shift(1)) & (pl.col("day") > pl.col("day").shift(1))
        repeated = filled.filter(same & later & score_of_items(instrument).ne_missing(best))
        yield f"{items[0]} to {items[-1]}", evidence.mask(repeated["row"])


def _leaps(evidence: Evidence) -> Iterator[tuple[str, pl.Series]]:
    """The score lies at least the declared threshold above, or below, both its neighbours in time."""
    for instrument in _recorded(evidence):
        least = instrument.threshold_value("implausible_spike")
        if least is None:
            continue
        total = pl.col(instrument.total_column).cast(pl.Float64)
        score = pl.coalesce(score_of_items(instrument), total) if instrument.items else total
        scored = evidence.in_order(*instrument.codes()).with_columns(score.alias(_SCORE)).drop_nulls(_SCORE)
        steps = [_step(by) for by in (1, -1)]
        same_side = steps[0].sign() == steps[1].sign()
        leapt = scored.filter(same_side & pl.all_horizontal(step.abs() >= least for step in steps))
        yield instrument.total_column, evidence.mask(leapt["row"])


def _step(by: int) -> pl.Expr:
    """The score less that of the neighbour ``by`` rows before, within one episode and from another day."""
    neighbour = (pl.col("episode_id").shift(by) == pl.col("episode_id")) & (pl.col("day").shift(by) != pl.col("day"))
    return pl.when(neighbour).then(pl.col(_SCORE) - pl.col(_SCORE).shift(by))


def _recorded(evidence: Evidence) -> list[Instrument]:
    """The instruments of which the export fills a column of this table."""
    declared = evidence.declarations.instruments.values()
    return [
        one for one in declared if evidence.recorded.intersection(one.codes()) and evidence.table.column.keys() >= {*one.codes()}
    ]


FORM_CHECKS: dict[str, Callable[[Evidence], Iterator[tuple[str, pl.Series]]]] = {
    **{rule: partial(_one_form, rule) for rule in _OF_ONE_FORM},
    "V-27": _carried_forward,
    "V-28": _leaps,
}
"""Rules of questionnaires, each giving a place and a mask for every instrument that the export fills."""
