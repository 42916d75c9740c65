"""What the records say to one runner: so many of 100 runners like this one, or that they do not reach that far. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
import polars as pl

from tendon_outcomes.analysis.chronicity.places import CURVE, MILESTONE
from tendon_outcomes.analysis.chronicity.rails import OUTSIDE
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.results import Results

INCIDENCE = "duration_incidence"
LEAD_DAY = 84


@dataclass(frozen=True, slots=True)
class OfHundred:
    """Of 100 runners who had hurt for so long, `count` reached the endpoint by `day`; `low` to `high` are its limits."""

    count: float
    low: float
    high: float
    day: int


def runners_like_this(results: Results, duration_weeks: float, *, day: int | None = None) -> OfHundred:
    """Read the curve of the results at a duration: on its points, and evenly on the logarithm between two neighbours.

    ``day``: week 12 where it is told and none is given, else the first day that is. Between two neighbours the limits are the
    outer ones of either. Nothing is read outside the curve, off a point that is flagged, or across one that is withheld.

    Raises
    ------
    EstimationRefused
        The results hold no curve, none of that day, or it does not reach the duration.
    """
    curve = _curve(results, day)
    weeks = curve["at"].to_numpy()
    if not np.isfinite(duration_weeks) or not weeks[0] <= duration_weeks <= weeks[-1]:
        side = "short" if duration_weeks < weeks[0] else "long"
        raise EstimationRefused(
            f"a duration of {duration_weeks:g} weeks is refused: too few of these runners had hurt for so {side}",
            way_out=f"Durations from {ceil(weeks[0])} to {floor(weeks[-1])} weeks can be told.",
        )
    after = int(np.searchsorted(weeks, duration_weeks))
    before = after if weeks[after] == duration_weeks else after - 1
    return _between(curve, before, after, duration_weeks)


def _curve(results: Results, day: int | None) -> pl.DataFrame:
    """The points of one day that may be told, the shortest duration first."""
    flagged = pl.col("warning").fill_null("").str.contains(OUTSIDE, literal=True)
    rows = results.select(INCIDENCE).filter(
        pl.col("term").is_in([CURVE, MILESTONE]),
        ~flagged,
        *(pl.col(name).is_not_null() for name in ("at", "estimate", "conf_low")),
    )
    days = sorted(rows["day"].unique().to_list())
    if not days or (day is not None and day not in days):
        told = f"Days that can be told: {', '.join(map(str, days))}." if days else "See what the report says under refusals."
        raise EstimationRefused(
            "these records tell no curve over durations" + ("" if not days else f" by day {day}"), way_out=told
        )
    chosen = day if day is not None else (LEAD_DAY if LEAD_DAY in days else days[0])
    return rows.filter(pl.col("day") == chosen).unique("at", keep="first").sort("at")


def _between(curve: pl.DataFrame, before: int, after: int, duration_weeks: float) -> OfHundred:
    first, last = curve.row(before, named=True), curve.row(after, named=True)
    gap = np.log(last["at"] / first["at"]) if before != after else 1.0
    share = float(np.log(duration_weeks / first["at"]) / gap)
    count = (1.0 - share) * first["estimate"] + share * last["estimate"]
    low, high = min(first["conf_low"], last["conf_low"]), max(first["conf_high"], last["conf_high"])
    return OfHundred(100.0 * count, 100.0 * low, 100.0 * high, int(first["day"]))
