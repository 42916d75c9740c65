"""Time to an endpoint that is seen only at assessments, while other events can come first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis import rails
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp, next_day, to_grid
from tendon_outcomes.cohort import FollowUp
from tendon_outcomes.declarations import Grid
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.estimators import IntervalIncidence, RestrictedMean, interval_censored_incidence
from tendon_outcomes.results import Row, finite
from tendon_outcomes.vocabulary import Code

ESTIMATOR = "interval-censored NPMLE with competing events"
MEAN_ESTIMATOR = "area under the interval-censored NPMLE"
INTERPOLATE_UP_TO_DAYS = 14
"""A restricted mean is given as one number only when grid days are at most this far apart; else as bounds."""

NONE_OF_THE_LOST = "nobody who was lost reached it"
ALL_OF_THE_LOST = "everybody who was lost reached it by the next assessment"
SAME = 1e-9  # shares closer than this are one share, whatever the last bits of two fits say


@dataclass(frozen=True)
class Stratum:
    """One group's follow-up on the grid and its fits; `fit` is None when the group is too small.

    `generous_data` and `generous` are the other reading of the records, in which a last pass that nobody confirmed counts as
    reached. They are the same objects where the readings do not differ.
    """

    name: str
    grid: Grid
    data: GriddedFollowUp
    generous_data: GriddedFollowUp
    fit: IntervalIncidence | None
    generous: IntervalIncidence | None
    refused: rails.Rail | None

    @property
    def last_answerable_day(self) -> int:
        """The last grid day that can be answered; 0 when there is none."""
        return max((day for day in self.data.grid_days if self.answers(day)), default=0)

    def answers(self, day: float) -> bool:
        """Whether enough were followed to ``day`` for a statement."""
        return rails.followed_enough(self.data.n, self.data.n_just_before(day), self.data.n_known(day))


@dataclass(frozen=True, slots=True)
class _Reading:
    """One day under both readings: the estimate when grid and readings agree on one, else bounds; and their limits."""

    estimate: float | None
    std_error: float | None
    bound_low: float | None
    bound_high: float | None
    conf_low: float
    conf_high: float
    open_because: rails.Rail | None


def fit_strata(
    follow_up: FollowUp, *, grid: Grid, by: str = "tendon", conf_level: float = 0.95, generous: FollowUp | None = None
) -> tuple[Stratum, ...]:
    """Fit every stratum of ``by`` once; the verbs below read these fits.

    ``generous`` is the same cohort ascertained with unconfirmed last passes as events; it makes the verbs give bounds where
    the two readings part.

    Raises
    ------
    WrongUse
        ``by`` is not a column of the follow-up.
    """
    if by not in follow_up.episodes.columns:
        raise WrongUse(f"follow-up cannot be split by {by}", way_out=f"Columns: {', '.join(follow_up.episodes.columns)}.")
    other = generous or follow_up
    parts = follow_up.episodes.partition_by(by, as_dict=True)
    readings = other.episodes.partition_by(by, as_dict=True)
    return tuple(
        _fit(str(key[0]), (follow_up, parts[key]), (other, readings[key]), grid, conf_level)
        for key in sorted(parts, key=lambda key: str(key[0]))
    )


def _fit(
    name: str, strict: tuple[FollowUp, pl.DataFrame], generous: tuple[FollowUp, pl.DataFrame], grid: Grid, conf_level: float
) -> Stratum:
    data = to_grid(strict[0], grid, episodes=strict[1])
    known = ["episode_id", "left", "right", "code"]
    differ = not strict[1].select(known).equals(generous[1].select(known))
    other = to_grid(generous[0], grid, episodes=generous[1]) if differ else data
    refused = rails.too_small(data.n, int(np.count_nonzero(data.cause == 1))) or rails.too_few_patients(data.patient)
    if refused is not None:
        return Stratum(name, grid, data, other, None, None, refused)
    fit = _npmle(data, conf_level)
    return Stratum(name, grid, data, other, fit, _npmle(other, conf_level) if differ else fit, None)


def _npmle(data: GriddedFollowUp, conf_level: float) -> IntervalIncidence:
    return interval_censored_incidence(data.left, data.right, data.cause, cluster=data.patient, conf_level=conf_level)


def cumulative_incidence(strata: Sequence[Stratum], *, at_weeks: Sequence[int]) -> Iterator[Row]:
    """Share that has reached the endpoint by each week, with competing events keeping their own share.

    A week on the grid gets an estimate with its interval. A week between grid days, or one on which the two readings of
    unconfirmed last passes part, gets bounds with limits for both, and a refusal of the point. A week with too few in the risk
    set is refused. After the milestones comes the whole curve, at the days of the grid.
    """
    for one in strata:
        if one.refused is not None:
            yield one.refused.refusal(estimator=ESTIMATOR, stratum=one.name)
        if one.fit is None:
            continue
        days = [7 * week for week in at_weeks]
        yield from _incidence_rows(one, [day for day in days if one.answers(day)], "milestone")
        for day in (day for day in days if not one.answers(day)):
            rail = rails.beyond_follow_up(day / 7, one.last_answerable_day // 7)
            yield rail.refusal(estimator=ESTIMATOR, stratum=one.name, day=day)
        yield from _incidence_rows(one, [day for day in one.data.grid_days if day <= one.last_answerable_day], "curve")


def _incidence_rows(one: Stratum, days: list[int], term: str) -> Iterator[Row]:
    for day, reading in zip(days, _readings(one, days), strict=True):
        yield Row(
            estimator=ESTIMATOR,
            statistic="cumulative_incidence",
            stratum=one.name,
            term=term,
            day=day,
            estimate=reading.estimate,
            bound_low=reading.bound_low,
            bound_high=reading.bound_high,
            std_error=reading.std_error,
            conf_low=reading.conf_low,
            conf_high=reading.conf_high,
            n_at_risk=one.data.n_at_risk(day),
            n_events=one.data.n_events(day),
            n_censored=one.data.n_left(day),
        )
        if term == "milestone" and reading.open_because is not None:
            yield reading.open_because.refusal(estimator=ESTIMATOR, stratum=one.name, day=day)


def _readings(one: Stratum, days: list[int]) -> list[_Reading]:
    assert one.fit is not None
    assert one.generous is not None
    lower, upper = one.fit.lower(1, days), one.generous.upper(1, days)
    strict, generous = lower.estimate, one.generous.lower(1, days).estimate
    found = []
    for i, day in enumerate(days):
        between_grid_days = day not in one.data.grid_days
        parted = abs(float(generous[i] - strict[i])) > one.grid.max_reading_difference + SAME
        limits = float(lower.conf_low[i]), float(lower.conf_high[i])
        if not between_grid_days and not parted:
            found.append(_Reading(float(strict[i]), float(lower.std_error[i]), None, None, *limits, None))
            continue
        rail = rails.undetermined(day / 7) if between_grid_days else rails.unconfirmed(day / 7)
        bounds = float(strict[i]), float(upper.estimate[i])
        found.append(_Reading(None, None, *bounds, limits[0], float(upper.conf_high[i]), rail))
    return found


def median_time(strata: Sequence[Stratum]) -> Iterator[Row]:
    """When half had reached the endpoint: after `bound_low`, by `bound_high`, both grid days.

    `estimate` is `bound_high` where both readings give the same cell; null where they part or half was not reached.
    """
    for one in strata:
        if one.fit is None or one.generous is None or not one.last_answerable_day:
            continue
        strict, generous = one.fit.quantile(1, 0.5), one.generous.quantile(1, 0.5)
        by = strict.by if strict.by <= one.last_answerable_day else np.inf
        soonest = generous.by if generous.by <= one.last_answerable_day else np.inf
        agree = by == soonest
        week = one.last_answerable_day // 7
        yield Row(
            estimator=ESTIMATOR,
            statistic="median_days",
            stratum=one.name,
            estimate=finite(by) if agree else None,
            bound_low=float(generous.not_before) if np.isfinite(soonest) else None,
            bound_high=finite(by),
            conf_low=finite(min(strict.conf_low, generous.conf_low)),
            conf_high=finite(strict.conf_high),
            n_at_risk=one.data.n,
            n_events=one.data.n_events(one.last_answerable_day),
            warning=f"half had not reached it by week {week}" if np.isinf(soonest) else "",
        )


def restricted_mean_time_lost(strata: Sequence[Stratum], *, horizon_weeks: int) -> Iterator[Row]:
    """Days out of the first ``horizon_weeks`` that lie after the endpoint, on average: the area under the incidence curve.

    The event is good news, so this is time gained. Bounds replace the estimate when grid days are far apart or the two readings
    of unconfirmed last passes part by more than the protocol allows.
    """
    horizon = 7 * horizon_weeks
    for one in strata:
        if one.fit is None or one.generous is None:
            continue
        last = min(one.fit.last_follow_up, one.generous.last_follow_up)
        if not one.answers(horizon) or horizon > last:
            rail = rails.beyond_follow_up(horizon_weeks, one.last_answerable_day // 7)
            yield rail.refusal(estimator=MEAN_ESTIMATOR, stratum=one.name, day=horizon)
            continue
        lower, middle, _ = one.fit.restricted_mean_time_lost(1, horizon)
        _, generous, upper = one.generous.restricted_mean_time_lost(1, horizon)
        dense = bool(np.diff([0, *one.data.grid_days, horizon]).max() <= INTERPOLATE_UP_TO_DAYS)
        agree = abs(generous.estimate - middle.estimate) <= one.grid.max_reading_difference * horizon
        yield _mean_row(one, horizon, middle if dense and agree else None, lower, upper)


def _mean_row(one: Stratum, horizon: int, middle: RestrictedMean | None, lower: RestrictedMean, upper: RestrictedMean) -> Row:
    return Row(
        estimator=MEAN_ESTIMATOR,
        statistic="restricted_mean_time_lost",
        stratum=one.name,
        day=horizon,
        estimate=middle.estimate if middle else None,
        bound_low=None if middle else lower.estimate,
        bound_high=None if middle else upper.estimate,
        std_error=finite(middle.std_error) if middle else None,
        conf_low=(middle or lower).conf_low,
        conf_high=(middle or upper).conf_high,
        n_at_risk=one.data.n,
        n_events=one.data.n_events(horizon),
    )


def competing_incidence(strata: Sequence[Stratum], *, at_weeks: Sequence[int]) -> Iterator[Row]:
    """Share whose follow-up another event ended by each week: all such events together (term `any`), then cause by cause."""
    for one in strata:
        if one.fit is None or not one.data.competing_codes:
            continue
        days = [7 * week for week in at_weeks if one.answers(7 * week)]
        together = replace(one.data, cause=np.minimum(one.data.cause, 2))
        yield from _competing_rows(one, _npmle(together, one.fit.conf_level), 2, one.data.cause > 1, "any", days)
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


def sensitivity(strata: Sequence[Stratum], *, at_weeks: Sequence[int], says: str) -> Iterator[Row]:
    """The milestones under the generous reading alone; rows of statistic `sensitivity_cumulative_incidence`."""
    for one in strata:
        if one.generous is not None:
            moved = (one.generous_data.cause == 1) & (one.data.cause != 1)
            days = one.generous_data.right[moved]
            yield from _other_reading(one, one.generous_data, one.generous, at_weeks, (says, days))


def loss_bounds(strata: Sequence[Stratum], *, at_weeks: Sequence[int]) -> Iterator[Row]:
    """The milestones had nobody who was lost reached the endpoint, and had everybody by the assessment after the last.

    The two extremes between which any guess about those lost must lie. Source: statistics.md §4, worst and best case.
    """
    for one in strata:
        if one.fit is None or not one.data.lost.any():
            continue
        data = one.data
        to_the_end = max([*data.grid_days, *(7 * week for week in at_weeks)], default=0)
        never = replace(data, left=np.where(data.lost, to_the_end, data.left))
        following = next_day(data.left + 0.5, data.grid_days, one.grid.days)
        at_once = replace(data, right=np.where(data.lost, following, data.right), cause=np.where(data.lost, 1, data.cause))
        for changed, says in ((never, NONE_OF_THE_LOST), (at_once, ALL_OF_THE_LOST)):
            fit = _npmle(changed, one.fit.conf_level)
            yield from _other_reading(one, changed, fit, at_weeks, (says, data.left[data.lost]))


def _other_reading(
    one: Stratum,
    data: GriddedFollowUp,
    fit: IntervalIncidence,
    at_weeks: Sequence[int],
    reading: tuple[str, NDArray[np.float64]],
) -> Iterator[Row]:
    """Milestones of changed data. `reading` says what was changed, and from which day on for each episode concerned.

    `n_censored` then counts those concerned by the day, because the distance from the primary estimate tells their number.
    """
    says, from_day = reading
    other = replace(one, data=data, fit=fit, generous=fit)
    for row in _incidence_rows(other, [7 * week for week in at_weeks if one.answers(7 * week)], "milestone"):
        if row.statistic == "cumulative_incidence":
            concerned = int(np.count_nonzero(from_day <= (row.day or 0)))
            yield replace(row, statistic="sensitivity_cumulative_incidence", term=says, n_censored=concerned)
