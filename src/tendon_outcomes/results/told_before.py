"""What earlier quarters told outside the clinic, so that no difference of two reports is a small count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tendon_outcomes.results.results import Results
from tendon_outcomes.results.rows import SCHEMA
from tendon_outcomes.results.small_counts import is_small
from tendon_outcomes.results.withholding import COUNTS

KEY = ("estimand", "statistic", "stratum", "term", "day")
_SCHEMA = {name: SCHEMA[name] for name in (*KEY, *COUNTS)}


@dataclass(frozen=True, eq=False)
class ToldBefore:
    """Totals of the flows and of intake, and every row that stood in a shared report with a count, by what it counts."""

    totals: frozenset[int] = frozenset()
    counts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_SCHEMA))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"totals": sorted(self.totals), "counts": [list(row) for row in self.counts.rows()]}


NOTHING_TOLD = ToldBefore()


def told_by(reports: Iterable[Results], *, totals: Iterable[int] = ()) -> ToldBefore:
    """What suppressed results tell; ``totals`` are numbers of episodes that stand elsewhere in the report."""
    gathered = list(reports)
    steps = [step for one in gathered for step in one.attrition.steps]
    of_flows = {n for step in steps for n in (step.n_before, step.n_after) if n is not None}
    told = pl.any_horizontal(pl.col(name).is_not_null() for name in COUNTS)
    rows = [one.rows.filter(told).select(*KEY, *COUNTS) for one in gathered]
    return ToldBefore(frozenset(of_flows | set(totals)), pl.concat(rows) if rows else pl.DataFrame(schema=_SCHEMA))


def gathered_before(told: Sequence[dict[str, Any]]) -> ToldBefore:
    """What several reports told, from the plain values that were kept of each."""
    totals = frozenset(total for one in told for total in one["totals"])
    rows = [row for one in told for row in one["counts"]]
    return ToldBefore(totals, pl.DataFrame(rows, schema=_SCHEMA, orient="row"))


def near_told(rows: pl.DataFrame, before: ToldBefore, min_cell_count: int) -> pl.Series:
    """Whether a count of a row differs by a small number from one told before of the same thing."""
    known: dict[tuple[Any, ...], list[tuple[int | None, ...]]] = {}
    for row in before.counts.rows():
        known.setdefault(row[: len(KEY)], []).append(row[len(KEY) :])
    near = [
        any(_near(row[len(KEY) :], other, min_cell_count) for other in known.get(row[: len(KEY)], ()))
        for row in rows.select(*KEY, *COUNTS).rows()
    ]
    return pl.Series(near, dtype=pl.Boolean)


def without_near_counts(rows: pl.DataFrame, before: ToldBefore, min_cell_count: int) -> pl.DataFrame:
    """Rows without the counts that, beside an earlier report, would tell of few; a total goes with all of its parts."""
    near = near_told(rows, before, min_cell_count)
    marked = rows.with_columns(near.alias("_near"))
    of_total = (pl.col("_near").any().over("estimand", "statistic", "stratum")) & (pl.col("statistic") == "count")
    gone = pl.col("_near") | of_total
    return marked.with_columns(pl.when(~gone).then(pl.col(name)).alias(name) for name in COUNTS).drop("_near")


def _near(now: Sequence[int | None], then: Sequence[int | None], min_cell_count: int) -> bool:
    pairs = [(one, other) for one, other in zip(now, then, strict=True) if one is not None and other is not None]
    return any(is_small(abs(one - other), min_cell_count) for one, other in pairs)


__all__ = ["NOTHING_TOLD", "ToldBefore", "gathered_before", "near_told", "told_by", "without_near_counts"]
