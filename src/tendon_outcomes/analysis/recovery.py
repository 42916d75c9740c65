"""Time to an endpoint that is seen only at assessments, while other events can come first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis import rails
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp, to_grid
from tendon_outcomes.cohort import FollowUp
from tendon_outcomes.declarations import Estimand, Grid
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.estimators import IntervalIncidence, interval_censored_incidence
from tendon_outcomes.results import Row, finite
from tendon_outcomes.vocabulary import Code

ESTIMATOR = "interval-censored NPMLE with competing events"
INTERPOLATE_UP_TO_DAYS = 14
"""A restricted mean is given as one number only when grid days are at most this far apart; else as bounds."""


@dataclass(frozen=True)
class Stratum:
    """One group's follow-up on the grid and its fit; `fit` is None when the group is too small."""

    name: str
    data: GriddedFollowUp
    fit: IntervalIncidence | None
    refused: rails.Rail | None

    @property
    def last_answerable_day(self) -> int:
        """The last grid day with enough still at risk; 0 when there is none."""
        needed = rails.at_risk_needed(self.data.n)
        return max((day for day in self.data.grid_days if self.data.n_at_risk(day) >= needed), default=0)


def fit_strata(follow_up: FollowUp, *, grid: Grid, by: str = "tendon", conf_level: float = 0.95) -> tuple[Stratum, ...]:
    """Fit every stratum of ``by`` once; the verbs below read these fits.

    Raises
    ------
    WrongUse
        ``by`` is not a column of the follow-up.
    """
    if by not in follow_up.episodes.columns:
        raise WrongUse(f"follow-up cannot be split by {by}", way_out=f"Columns: {', '.join(follow_up.episodes.columns)}.")
    parts = follow_up.episodes.partition_by(by, maintain_order=True)
    return tuple(_fit(str(part[by][0]), follow_up, part, grid, conf_level) for part in sorted(parts, key=lambda p: str(p[by][0])))


def _fit(name: str, follow_up: FollowUp, episodes: pl.DataFrame, grid: Grid, conf_level: float) -> Stratum:
    data = to_grid(follow_up, grid, episodes=episodes)
    refused = rails.too_small(data.n, int(np.count_nonzero(data.cause == 1)))
    fit = None
    if refused is None:
        fit = interval_censored_incidence(data.left, data.right, data.cause, conf_level=conf_level)
    return Stratum(name, data, fit, refused)


def cumulative_incidence(strata: Sequence[Stratum], *, at_weeks: Sequence[int]) -> Iterator[Row]:
    """Share that has reached the endpoint by each week, with competing events keeping their own share.

    A week on the grid gets an estimate with its interval. A week between grid days gets bounds, each with its limit, and a
    refusal of the point. A week with too few at risk is refused.
    """
    for one in strata:
        if one.fit is None or one.refused is not None:
            if one.refused is not None:
                yield one.refused.refusal(estimator=ESTIMATOR, stratum=one.name)
            continue
        yield from _milestones(one, one.fit, [7 * week for week in at_weeks])
        yield from _incidence_rows(one, one.fit, [day for day in one.data.grid_days if day <= one.last_answerable_day], "curve")


def _milestones(one: Stratum, fit: IntervalIncidence, days: list[int]) -> Iterator[Row]:
    needed = rails.at_risk_needed(one.data.n)
    answerable = [day for day in days if one.data.n_at_risk(day) >= needed]
    yield from _incidence_rows(one, fit, answerable, "milestone")
    for day in days:
        if day not in answerable:
            rail = rails.beyond_follow_up(day / 7, one.last_answerable_day // 7)
            yield rail.refusal(estimator=ESTIMATOR, stratum=one.name, day=day)
        elif day not in one.data.grid_days:
            yield rails.undetermined(day / 7).refusal(estimator=ESTIMATOR, stratum=one.name, day=day)


def _incidence_rows(one: Stratum, fit: IntervalIncidence, days: list[int], term: str) -> Iterator[Row]:
    """One row a day; on a day of the grid lower and upper bound are the same number."""
    lower, upper = fit.lower(1, days), fit.upper(1, days)
    for position, day in enumerate(days):
        determined = day in one.data.grid_days
        estimate, highest = float(lower.estimate[position]), float(upper.estimate[position])
        yield Row(
            estimator=ESTIMATOR,
            statistic="cumulative_incidence",
            stratum=one.name,
            term=term,
            day=day,
            estimate=estimate if determined else None,
            std_error=float(lower.std_error[position]) if determined else None,
            conf_low=float(lower.conf_low[position]),
            conf_high=float((lower if determined else upper).conf_high[position]),
            n_at_risk=one.data.n_at_risk(day),
            n_events=one.data.n_events(day),
            n_censored=one.data.n_left(day),
            warning="" if determined else f"bounds: from {estimate:.3f} to {highest:.3f}",
        )


def median_time(strata: Sequence[Stratum]) -> Iterator[Row]:
    """When half had reached the endpoint: `estimate` is the grid day by which, `day` the one before. Null: not reached."""
    for one in strata:
        if one.fit is None:
            continue
        not_before, by, low, high = one.fit.quantile(1, 0.5)
        reached = np.isfinite(by) and by <= one.last_answerable_day
        yield Row(
            estimator=ESTIMATOR,
            statistic="median_days",
            stratum=one.name,
            day=int(not_before) if reached else None,
            estimate=float(by) if reached else None,
            conf_low=finite(low),
            conf_high=finite(high),
            n_at_risk=one.data.n,
            n_events=one.data.n_events(one.last_answerable_day),
            warning="" if reached else f"half had not reached it by week {one.last_answerable_day // 7}",
        )


def restricted_mean_time_lost(strata: Sequence[Stratum], *, horizon_weeks: int) -> Iterator[Row]:
    """Days out of the first ``horizon_weeks`` that lie after the endpoint, on average: the area under the incidence curve.

    The event is good news, so this is time gained. Bounds replace the estimate when grid days are far apart.
    """
    horizon = 7 * horizon_weeks
    for one in strata:
        if one.fit is None:
            continue
        if one.data.n_at_risk(horizon) < rails.at_risk_needed(one.data.n):
            rail = rails.beyond_follow_up(horizon_weeks, one.last_answerable_day // 7)
            yield rail.refusal(estimator="restricted mean", stratum=one.name, day=horizon)
            continue
        lower, middle, upper = one.fit.restricted_mean_time_lost(1, horizon)
        steps = np.diff([0, *one.data.grid_days, *([horizon] if horizon not in one.data.grid_days else [])])
        dense = bool(steps.max() <= INTERPOLATE_UP_TO_DAYS)
        yield Row(
            estimator="restricted mean",
            statistic="restricted_mean_time_lost",
            stratum=one.name,
            day=horizon,
            estimate=middle.estimate if dense else None,
            std_error=finite(middle.std_error) if dense else None,
            conf_low=middle.conf_low if dense else lower.conf_low,
            conf_high=middle.conf_high if dense else upper.conf_high,
            n_at_risk=one.data.n,
            n_events=one.data.n_events(horizon),
            warning="" if dense else f"bounds: from {lower.estimate:.1f} to {upper.estimate:.1f} days",
        )


def competing_incidence(strata: Sequence[Stratum], *, at_weeks: Sequence[int]) -> Iterator[Row]:
    """Share whose follow-up another event ended by each week: all such events together (term `any`), then cause by cause."""
    for one in strata:
        if one.fit is None or not one.data.competing_codes:
            continue
        days = [7 * week for week in at_weeks if one.data.n_at_risk(7 * week) >= rails.at_risk_needed(one.data.n)]
        together = interval_censored_incidence(
            one.data.left, one.data.right, np.minimum(one.data.cause, 2), conf_level=one.fit.conf_level
        )
        yield from _competing_rows(one, together, 2, one.data.cause > 1, "any", days)
        for position, code in enumerate(one.data.competing_codes, start=2):
            yield from _competing_rows(one, one.fit, position, one.data.cause == position, Code(code).name.lower(), days)


def _competing_rows(
    one: Stratum, fit: IntervalIncidence, cause: int, of_cause: NDArray[np.bool_], term: str, days: list[int]
) -> Iterator[Row]:
    found = fit.lower(cause, days)
    for index, day in enumerate(days):
        yield Row(
            estimator=ESTIMATOR,
            statistic="competing_incidence",
            stratum=one.name,
            term=term,
            day=day,
            estimate=float(found.estimate[index]),
            std_error=float(found.std_error[index]),
            conf_low=float(found.conf_low[index]),
            conf_high=float(found.conf_high[index]),
            n_at_risk=one.data.n_at_risk(day),
            n_events=int(np.count_nonzero(of_cause & (one.data.right <= day))),
        )


def sensitivity(follow_up: FollowUp, estimand: Estimand, *, says: str) -> Iterator[Row]:
    """The milestones again under another reading of the records; rows of statistic `sensitivity_cumulative_incidence`."""
    strata = fit_strata(follow_up, grid=estimand.grid, conf_level=estimand.conf_level)
    for row in cumulative_incidence(strata, at_weeks=estimand.at_weeks):
        if row.statistic == "cumulative_incidence" and row.term == "milestone":
            yield replace(row, statistic="sensitivity_cumulative_incidence", term=says)
