"""The rules across the columns of one row that data_schemas/tables declare, by id. An expression is true where a row breaks it.

Unknown is not a breach: a comparison with a cell that was not recorded is null, and null passes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_

import polars as pl

from tendon_outcomes.declarations import Table
from tendon_outcomes.records.rules import Breach, breach

RUN_PAINS = ("nprs_run", "nprs_run_easy", "nprs_run_fast", "nprs_hill")


def _onset_after_index() -> pl.Expr:
    return pl.col("onset_day") > 0


def _duration_contradicts_onset() -> pl.Expr:
    from_onset = -pl.col("onset_day") / 7
    difference = (pl.col("symptom_duration_wk") - from_onset).abs()
    return (difference > 3.5) & (difference > 0.25 * from_onset.abs())


def _operation_slips_through() -> pl.Expr:
    operated = pl.col("prior_treatment").str.split(";").list.contains("surgery")
    return operated & ~pl.col("excl_pht_surgery").fill_null(value=False)


def _before_day_0() -> pl.Expr:
    return pl.col("day") < 0


def _score_beside_a_reason() -> pl.Expr:
    return reduce(or_, (pl.col(pain).is_not_null() & pl.col(f"{pain}_reason").is_not_null() for pain in RUN_PAINS))


def nobody_ran() -> pl.Expr:
    """The distance is 0 or running was stopped, and no run was attempted. False where nothing of it was recorded."""
    stood_still = (pl.col("wk_km") == 0).fill_null(value=False) | (pl.col("run_status") == "stopped").fill_null(value=False)
    return stood_still & ~pl.col("run_attempted").fill_null(value=False)


def _no_pain_because_nobody_ran() -> pl.Expr:
    no_pain = reduce(or_, ((pl.col(pain) == 0).fill_null(value=False) for pain in RUN_PAINS))
    return nobody_ran() & no_pain


def _rating_without_scale() -> pl.Expr:
    return pl.col("groc").is_not_null() & pl.col("groc_scale").is_null()


def _rating_outside_scale() -> pl.Expr:
    ends = {"groc_7": 3, "groc_11": 5, "groc_15": 7}
    return pl.col("groc").abs() > pl.col("groc_scale").replace_strict(ends, default=None, return_dtype=pl.Int64)


def _repetitions_of_a_day() -> pl.Expr:
    return pl.col("sets") * pl.col("reps") > 400


def _ends_before_it_begins() -> pl.Expr:
    return pl.col("stop_day") < pl.col("day")


def _week_is_another() -> pl.Expr:
    return (pl.col("day") - 7 * pl.col("week")).abs() > 7


ROW_CHECKS: dict[str, Callable[[], pl.Expr]] = {
    "E-02": _onset_after_index,
    "E-03": _duration_contradicts_onset,
    "E-04": _operation_slips_through,
    "P-02": _ends_before_it_begins,
    "S-02": _repetitions_of_a_day,
    "V-03": _score_beside_a_reason,
    "V-04": _no_pain_because_nobody_ran,
    "V-05": _rating_without_scale,
    "V-06": _rating_outside_scale,
    "V-11": _before_day_0,
    "W-03": _score_beside_a_reason,
    "W-04": _no_pain_because_nobody_ran,
    "W-11": _before_day_0,
    "W-12": _week_is_another,
}
"""Rules that one row can break by itself, in the table that declares them."""


def row_breaches(table: Table, frame: pl.DataFrame) -> list[Breach]:
    """The rows of one table that break its rules across columns."""
    rules = [rule for rule in table.rule if rule.id in ROW_CHECKS]
    broken = frame.select(ROW_CHECKS[rule.id]().alias(rule.id) for rule in rules)
    return [found for rule in rules for found in breach(rule.id, rule.place, rule.says, broken[rule.id], rule.action)]
