"""On which days the curves of two strategies, and what is made of both, may be told outside the clinic.

A contrast speaks of those who reached the endpoint by its day in each strategy, and of those who did not. It is told where each
of these are enough, and where no two told days, of contrasts or of curves, differ by a small count in one of the strategies. How
many are still followed does not bear on it: a curve is cut where few are, and a contrast is not.
"""

from __future__ import annotations

import polars as pl

from tendon_outcomes.results.small_counts import is_small, longest_chain
from tendon_outcomes.results.withholding import days_between

SUSTAINED = ("clone-censor-weight", "sequential trials", "g-formula")
"""Estimators of what was done, whose counts are those of the clones; those of all others are of what was prescribed."""
TWO = " - "
_CLONES = SUSTAINED[0]
Days = dict[int, int]
"""Days that are told, with how many had reached the endpoint by them."""


def contrast_days(rows: pl.DataFrame, contrast: str, estimator: str, min_cell_count: int) -> set[int] | None:
    """Days on which a contrast by this estimator is told; None where nobody drew a curve of either strategy.

    Of days that cannot both be told, that of the sensitivity analyses goes first, then the later one.
    """
    milestones = rows.filter(pl.col("statistic") == "strategy_incidence", pl.col("term") == "milestone")
    own = milestones.filter((pl.col("estimator") == _CLONES) == (estimator in SUSTAINED))
    if own.is_empty():
        return None if milestones.is_empty() else set()
    counts = [_enough(own.filter(pl.col("stratum") == one), min_cell_count) for one in contrast.split(TWO)]
    both = set.intersection(*(set(of) for of in counts))
    asked = set(asked_days(rows))
    told: list[int] = []
    for day in sorted(both, key=lambda one: (one not in asked, -one)):
        if not any(is_small(abs(of[day] - of[other]), min_cell_count) for of in counts for other in told):
            told.append(day)
    return set(told)


def curve_days(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> Days:
    """Days on which one curve is told, with their counts.

    Beside the days of the contrasts, which come first: milestones, as many as events allow, then what fits between. A day of
    which few are still followed tells its contrast only.
    """
    asked = asked_days(rows)
    first = ~pl.col("day").is_in(asked)
    still = part.filter((pl.col("n_at_risk") >= min_cell_count).fill_null(value=True)).sort(first, "day")
    events = dict(part.select("day", pl.col("n_events").fill_null(0)).iter_rows())
    anchors = {day: events[day] for day in _days_of_contrasts(part, rows, min_cell_count) if day in events}
    milestones = still.filter(pl.col("term") == "milestone")
    if anchors:
        anchors = days_between(milestones.filter(~pl.col("day").is_in(list(anchors))), "n_events", anchors, min_cell_count)
    else:
        milestones = milestones.sort("day")
        counts = [value or 0 for value in milestones["n_events"]]
        chain = longest_chain(counts, min_cell_count, prefer=[day in asked for day in milestones["day"]])
        anchors = {int(milestones["day"][position]): counts[position] for position in chain}
    rest = still.filter(pl.col("term") != "milestone", ~pl.col("day").is_in(milestones["day"].to_list()))
    told = days_between(rest, "n_events", anchors, min_cell_count)
    return {day: count for day, count in told.items() if day in set(still["day"])}


def asked_days(rows: pl.DataFrame) -> list[int]:
    """The days of the sensitivity analyses."""
    return rows.filter(pl.col("statistic").is_in(["e_value", "multiverse_difference", "tipping_point"]))["day"].to_list()


def _days_of_contrasts(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> set[int]:
    """Days of every contrast that this curve is one side of."""
    own = part["stratum"][0], part["estimator"][0]
    contrasts = rows.filter(pl.col("statistic") == "incidence_difference")["stratum"].unique(maintain_order=True)
    found = (contrast_days(rows, one, own[1], min_cell_count) for one in contrasts if own[0] in one.split(TWO))
    return {day for days in found for day in days or ()}


def _enough(part: pl.DataFrame, min_cell_count: int) -> Days:
    """Days of one strategy by which enough had reached the endpoint and enough had not; the fewest where estimators differ."""
    reached = pl.col("n_events").fill_null(0)
    others = pl.col("n_at_risk").fill_null(0) + pl.col("n_censored").fill_null(0)
    by_day = part.group_by("day").agg(reached.min().alias("reached"), others.min().alias("others")).sort("day")
    enough = by_day.filter(pl.col("reached") >= min_cell_count, pl.col("others") >= min_cell_count)
    return dict(enough.select("day", "reached").iter_rows())
