"""Runs the cases of clones: a series of weeks in one sustained strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from tendon_outcomes.cohort.exposure.clones import Clones, clone
from tests.spec.runners_exposure import REGIMEN, Series, reading, series

LEGENDS: dict[str, dict[str, Any]] = {
    "clone": {
        "weeks": "the states of the weeks, as in the page of strategies",
        "met weeks": "weeks in which what was prescribed was done",
        "phases": "a digit a week: 0 cannot depart, 1 may still begin, 2 has to begin now, 3 has begun",
    }
}


@dataclass(frozen=True)
class Followed:
    """One series of weeks in one strategy; `met_weeks`: those in which the plan was met."""

    weeks: str
    strategy: str
    grace_days: int = 14
    sustain_weeks: int = 12
    until_day: int | None = None
    met_weeks: Sequence[int] = ()


def followed(given: Followed) -> dict[str, Any]:
    """What became of the clone, and its phases."""
    made = clones_of(given)
    row = made.frame.row(0, named=True)
    return {**row, "phases": "".join(map(str, made.weeks["phase"]))}


def clones_of(given: Followed) -> Clones:
    weeks = series(Series(weeks=given.weeks))
    met = pl.when(pl.col("week").is_in(list(given.met_weeks))).then(pl.lit("met")).otherwise("adherence")
    until = None if given.until_day is None else pl.DataFrame({"episode_id": ["a"], "until_day": [given.until_day]})
    return clone(
        replace(weeks, frame=weeks.frame.with_columns(met.alias("adherence"))),
        [REGIMEN.sustained[given.strategy]],
        grace_days=given.grace_days,
        sustain_weeks=given.sustain_weeks,
        until=until,
    )


RUNNERS: Mapping[str, Any] = {"clone": reading(Followed, followed)}
