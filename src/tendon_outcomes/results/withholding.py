"""Blanking numbers of rows, with the reason beside them; and running counts whose steps may be told."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.results.small_counts import is_small

ESTIMATES = ("estimate", "bound_low", "bound_high", "std_error")
NUMBERS = (*ESTIMATES, "conf_low", "conf_high")
WITHHELD = "withheld: "
"""How the reason beside a blanked number begins."""
COUNTS = ("n_at_risk", "n_events", "n_censored")


def withhold(part: pl.DataFrame, hidden: pl.Series, min_cell_count: int) -> pl.DataFrame:
    """Blank the numbers of the chosen rows and say why."""
    reason = f"{WITHHELD}fewer than {min_cell_count} runners, or a number from which so few could be worked out"
    word = (
        pl.when(hidden & pl.col("statistic").is_in(["verdict", "median_verdict"]))
        .then(pl.lit("not shown"))
        .otherwise(pl.col("term"))
    )
    return part.with_columns(
        *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in (*NUMBERS, *COUNTS)),
        pl.when(hidden).then(pl.lit(reason)).otherwise(pl.col("warning")).alias("warning"),
        word.alias("term"),
    )


def withhold_small_rows(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """An estimate is a statistic of its numerator and denominator: it goes when one of them is small."""
    small = pl.any_horizontal(
        pl.col(name).is_between(1, min_cell_count - 1).fill_null(value=False) for name in ("n_at_risk", "n_events")
    )
    return withhold(part, part.select(small.alias("_")).to_series(), min_cell_count)


def without_counts(part: pl.DataFrame, *, keep: bool = False) -> pl.DataFrame:
    """Counts are told in one place only. `keep` leaves those of a row that is itself a count."""
    names = ("n_at_risk", "n_censored") if keep else COUNTS
    return part.with_columns(pl.lit(None, dtype=pl.Int64()).alias(name) for name in names)


def running_count(part: pl.DataFrame, name: str, final: int | None, min_cell_count: int) -> pl.DataFrame:
    """An estimate whose count grows from row to row: each step, and what is left to the final count, is 0 or enough."""
    hidden, last = [], 0
    for count in part[name].fill_null(0).to_list():
        rest = None if final is None else abs(final - count)
        gone = is_small(abs(count - last), min_cell_count) or is_small(rest, min_cell_count)
        hidden.append(gone)
        last = last if gone else count
    return without_counts(withhold(part, pl.Series(hidden, dtype=pl.Boolean), min_cell_count))


def days_between(rows: pl.DataFrame, name: str, told: dict[int, int], min_cell_count: int) -> dict[int, int]:
    """The told days and those that can stand beside them: each differs by 0 or enough from every other, and from 0."""
    told = dict(told)
    for day, count in rows.select("day", pl.col(name).fill_null(0)).iter_rows():
        if not any(is_small(abs(count - other), min_cell_count) for other in (0, *told.values())):
            told[day] = count
    return told
