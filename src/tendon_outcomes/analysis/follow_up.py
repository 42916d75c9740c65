"""How the follow-up itself went: how it ended, how long it lasted, how often anybody looked, who was lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.rails import LOSS_DAY, heavy_loss, unseen_at_start
from tendon_outcomes.analysis.recovery import Stratum
from tendon_outcomes.cohort import FollowUp
from tendon_outcomes.declarations import Grid
from tendon_outcomes.estimators import aalen_johansen, kaplan_meier, wilson
from tendon_outcomes.results import Row, finite
from tendon_outcomes.vocabulary import Code


def describe(
    follow_up: FollowUp, strata: Sequence[Stratum], *, horizon_weeks: int, grid: Grid, conf_level: float = 0.95
) -> Iterator[Row]:
    """Everything below about how the follow-up went."""
    yield from how_it_ended(strata, horizon_weeks=horizon_weeks)
    yield from how_closely_observed(follow_up)
    yield from loss(follow_up, grid=grid, conf_level=conf_level)
    yield from start(follow_up)


def how_it_ended(strata: Sequence[Stratum], *, horizon_weeks: int) -> Iterator[Row]:
    """Counts of episodes by what was known at the horizon; they add up to the total and agree with that day's incidence row."""
    horizon = 7 * horizon_weeks
    for one in strata:
        resolved = one.data.right <= horizon
        parts = {
            "event": (one.data.cause == 1) & resolved,
            "competing": (one.data.cause > 1) & resolved,
            "lost": one.data.lost,
        }
        rest = one.data.n - sum(int(np.count_nonzero(members)) for members in parts.values())
        yield Row(estimator="count", statistic="count", stratum=one.name, term="total", n_events=one.data.n)
        for term, members in parts.items():
            count = int(np.count_nonzero(members))
            yield Row(estimator="count", statistic="count", stratum=one.name, term=term, n_events=count)
        yield Row(estimator="count", statistic="count", stratum=one.name, term="administrative", n_events=rest)


def how_closely_observed(follow_up: FollowUp) -> Iterator[Row]:
    """Median follow-up by the reverse Kaplan-Meier, gaps between assessments, unplanned ones, last passes nobody confirmed."""
    people = follow_up.episodes
    resolved = (people["code"] == Code.EVENT.value) | (people["code"] >= Code.SURGERY.value)
    until = np.where(resolved, people["right"].fill_null(0).to_numpy(), people["last_day"].to_numpy())
    curve = kaplan_meier(until.astype(np.float64), (~resolved).to_numpy())
    estimate, low, high = curve.quantile(0.5)
    yield Row(
        estimator="reverse Kaplan-Meier",
        statistic="follow_up_median_days",
        estimate=finite(estimate),
        conf_low=finite(low),
        conf_high=finite(high),
        n_at_risk=people.height,
    )
    yield from _gaps(follow_up)
    yield from _unplanned(follow_up)
    unconfirmed = int(people["unconfirmed"].sum())
    yield Row(
        estimator="count",
        statistic="unconfirmed_last_pass",
        n_events=unconfirmed,
        n_at_risk=people.height,
        warning="counted as not reached; the sensitivity row counts them as reached",
    )


def _gaps(follow_up: FollowUp) -> Iterator[Row]:
    """How far apart two assessments of an episode lie: the median, and what a tenth of the gaps fall short of or exceed."""
    ordered = follow_up.assessments.sort("episode_id", "day")
    gaps = ordered.select(pl.col("day").diff().over("episode_id").alias("gap"))["gap"].drop_nulls()
    if not gaps.len():
        return
    for statistic, term, share in (
        ("assessment_gap_days", "shortest 10 %", 0.1),
        ("assessment_gap_median_days", "", 0.5),
        ("assessment_gap_days", "longest 10 %", 0.9),
    ):
        yield Row(
            estimator="quantile",
            statistic=statistic,
            term=term,
            estimate=gaps.quantile(share, interpolation="linear"),
            n_at_risk=follow_up.episodes.height,
        )


def _unplanned(follow_up: FollowUp) -> Iterator[Row]:
    """The share of assessments that a flare brought about: they look at those who hurt, and the visit grid sets them aside."""
    looks = follow_up.assessments
    if looks.height:
        unplanned = looks.filter(~pl.col("scheduled"))
        yield Row(
            estimator="share of assessments",
            statistic="unplanned_assessment_share",
            estimate=unplanned.height / looks.height,
            n_at_risk=follow_up.episodes.height,
            n_events=unplanned["episode_id"].n_unique(),
        )


def loss(follow_up: FollowUp, *, grid: Grid, conf_level: float = 0.95) -> Iterator[Row]:
    """Share lost before the assessments of week 12, with a Wilson interval, and the caution that goes with heavy loss.

    Half a grid step before week 12 belongs to its assessments: who was last seen then was seen at week 12.
    """
    people = follow_up.episodes
    gone = pl.col("code").is_in([Code.LOST.value, Code.WITHDREW.value])
    lost = people.filter(gone, pl.col("last_contact") < LOSS_DAY - grid.days / 2).height
    share = wilson(lost, people.height, conf_level=conf_level)
    yield Row(
        estimator="Wilson",
        statistic="lost_share",
        day=LOSS_DAY,
        estimate=share.estimate,
        conf_low=share.conf_low,
        conf_high=share.conf_high,
        n_at_risk=people.height,
        n_events=lost,
    )
    rail = heavy_loss(share.estimate)
    if rail is not None:
        yield rail.caution(estimator="Wilson")


def start(follow_up: FollowUp) -> Iterator[Row]:
    """The caution that somebody's state on day 0 is not known, for endpoints that can hold on day 0."""
    unseen = not follow_up.episodes["assessed_at_start"].all()
    if unseen and not follow_up.endpoint.version.change_since_day_0:
        yield unseen_at_start(follow_up.endpoint.phrase).caution(estimator="count")


def visit_date_incidence(
    follow_up: FollowUp, strata: Sequence[Stratum], *, at_weeks: Sequence[int], by: str = "tendon"
) -> Iterator[Row]:
    """What taking the day of the first passing visit as the day of recovery would say: late by up to one visit.

    Printed beside the interval-censored answer to show what the shortcut costs, on the weeks that have such an answer.
    """
    for one in strata:
        if one.fit is None:
            continue
        people = follow_up.episodes.filter(pl.col(by).cast(pl.String) == one.name)
        time, cause = _on_visit_dates(people)
        curve = aalen_johansen(time, cause, conf_level=one.fit.conf_level)
        for day in (7 * week for week in at_weeks if one.answers(7 * week)):
            at = curve.at(1, min(day, float(time.max())))
            yield Row(
                estimator="Aalen-Johansen on visit dates",
                statistic="naive_cumulative_incidence",
                stratum=one.name,
                term="milestone",
                day=day,
                estimate=float(at.estimate),
                std_error=finite(float(at.std_error)),
                conf_low=finite(float(at.conf_low)),
                conf_high=finite(float(at.conf_high)),
                n_at_risk=int(np.count_nonzero(time >= day)),
                n_events=int(np.count_nonzero((cause == 1) & (time <= day))),
                warning="late by up to one visit",
            )


def _on_visit_dates(people: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Days and causes as if recovery happened on the day it was first seen; 0 censored, 1 recovery, 2 and above competing."""
    codes = people["code"].to_numpy()
    censored = (codes > Code.EVENT.value) & (codes < Code.SURGERY.value)
    time = np.where(censored, people["left"].to_numpy(), people["right"].fill_null(0).to_numpy()).astype(np.float64)
    competing = np.unique(codes[codes >= Code.SURGERY.value])
    cause = np.where(censored, 0, 1 + np.searchsorted(competing, codes, side="right"))
    return time, np.where(codes == Code.EVENT.value, 1, cause)
