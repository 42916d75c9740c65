"""How the follow-up itself went: how it ended, how long it lasted, how often anybody looked, who was lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from tendon_outcomes.analysis.rails import LOSS_DAY, heavy_loss
from tendon_outcomes.cohort import FollowUp
from tendon_outcomes.estimators import aalen_johansen, kaplan_meier, wilson
from tendon_outcomes.results import Row, finite
from tendon_outcomes.vocabulary import Code


def how_it_ended(follow_up: FollowUp) -> Iterator[Row]:
    """Counts of episodes by how their follow-up ended; the parts add up to the total."""
    codes = follow_up.episodes["code"]
    parts = {
        "event": codes == Code.EVENT.value,
        "competing": codes >= Code.SURGERY.value,
        **{code.name.lower(): codes == code.value for code in Code if code.is_censoring},
    }
    yield Row(estimator="count", statistic="count", term="total", n_events=codes.len())
    for term, members in parts.items():
        if members.any():
            yield Row(estimator="count", statistic="count", term=term, n_events=int(members.sum()))


def how_closely_observed(follow_up: FollowUp) -> Iterator[Row]:
    """Median follow-up by the reverse Kaplan-Meier, the usual gap between assessments, and last passes nobody confirmed."""
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
    gaps = (
        follow_up.assessments.sort("episode_id", "day")
        .select(pl.col("day").diff().over("episode_id").alias("gap"), "episode_id")["gap"]
        .drop_nulls()
    )
    if gaps.len():
        middle = gaps.median()
        yield Row(
            estimator="quantile",
            statistic="assessment_gap_median_days",
            estimate=float(middle) if isinstance(middle, int | float) else None,
            n_at_risk=people.height,
        )
    unconfirmed = int(people["unconfirmed"].sum())
    yield Row(
        estimator="count",
        statistic="unconfirmed_last_pass",
        n_events=unconfirmed,
        n_at_risk=people.height,
        warning="counted as not reached; the sensitivity row counts them as reached",
    )


def loss(follow_up: FollowUp, *, conf_level: float = 0.95) -> Iterator[Row]:
    """Share lost before week 12, with a Wilson interval, and the caution that goes with heavy loss."""
    people = follow_up.episodes
    lost = people.filter(pl.col("code").is_in([Code.LOST.value, Code.WITHDREW.value]), pl.col("last_day") < LOSS_DAY).height
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
        yield Row(estimator="Wilson", statistic="caution", term=rail.code, day=LOSS_DAY, warning=rail.says)


def visit_date_incidence(follow_up: FollowUp, *, at_weeks: Sequence[int], conf_level: float = 0.95) -> Iterator[Row]:
    """What taking the day of the first passing visit as the day of recovery would say: late by up to one visit.

    Printed beside the interval-censored answer to show what the shortcut costs; never the answer itself.
    """
    people = follow_up.episodes
    codes = people["code"].to_numpy()
    censored = (codes > Code.EVENT.value) & (codes < Code.SURGERY.value)
    time = np.where(censored, people["left"].to_numpy(), people["right"].fill_null(0).to_numpy()).astype(np.float64)
    competing = np.unique(codes[codes >= Code.SURGERY.value])
    cause = np.where(censored, 0, 1 + np.searchsorted(competing, codes, side="right"))
    cause = np.where(codes == Code.EVENT.value, 1, cause)
    if not np.any(cause == 1):
        return
    curve = aalen_johansen(time, cause, conf_level=conf_level)
    for week in at_weeks:
        estimate, std_error, low, high = curve.at(1, 7 * week)
        yield Row(
            estimator="Aalen-Johansen on visit dates",
            statistic="naive_cumulative_incidence",
            term="milestone",
            day=7 * week,
            estimate=float(estimate),
            std_error=finite(float(std_error)),
            conf_low=finite(float(low)),
            conf_high=finite(float(high)),
            n_at_risk=int(np.count_nonzero(time >= 7 * week)),
            n_events=int(np.count_nonzero((cause == 1) & (time <= 7 * week))),
            warning="late by up to one visit",
        )
