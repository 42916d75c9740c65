"""How many were lost, and what they could make of the difference at week 12: weighted for, and in four extremes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.rails import LOSS_DAY, MIN_EPISODES, Rail
from tendon_outcomes.analysis.strategies.design import Design
from tendon_outcomes.analysis.strategies.rails_causal import REFUSE_PER_PARAMETER
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.week_twelve import (
    DAY,
    ESTIMATOR,
    Compared,
    difference_row,
    refused,
    strategies,
    with_factor,
)
from tendon_outcomes.analysis.verdict import decide
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.proportions import wilson
from tendon_outcomes.estimators.regression.logistic import logistic
from tendon_outcomes.results import Row
from tendon_outcomes.vocabulary import Verdict

LOSS_WEIGHTED = "sensitivity: loss weighted"
ALL_REACHED = "sensitivity: everybody lost reached it"
NONE_REACHED = "sensitivity: nobody lost reached it"
FAVOURING = "sensitivity: those lost favour {}"
EXTREMES = "Read the four extremes."

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def lost_by_strategy(design: Design) -> Iterator[Row]:
    """Of the runners who were prescribed each strategy: how many were lost before week 12, their share with Wilson limits.

    Lost as in the caution about loss and in the extremes below. Fewer than 10 runners of a strategy: the count without a share.
    """
    for name, arm in zip(design.strategies, design.arms, strict=True):
        if not arm.n:
            continue
        lost = int(np.count_nonzero(arm.lost & (arm.left < LOSS_DAY)))
        row = Row(estimator="Wilson", statistic="lost_share", stratum=name, day=LOSS_DAY, n_at_risk=arm.n, n_events=lost)
        if arm.n >= MIN_EPISODES:
            share = wilson(lost, arm.n, conf_level=design.trial.estimand.conf_level)
            row = replace(row, estimate=share.estimate, conf_low=share.conf_low, conf_high=share.conf_high)
        yield row


def loss_robustness(found: Compared) -> Iterator[Row]:
    """The difference at week 12 under other assumptions about those lost before it.

    1. Loss weighted: those who stayed stand in for those who were lost with the same treatment, covariates and last reports.
    2. Everybody lost had reached the endpoint by week 12; nobody had.
    3. Those lost under one strategy had and those under the other had not: for either strategy.
    4. A caution when the limits exclude no difference, and under one of these do not, or exclude it on the other side.
    Nothing when nobody was lost.
    """
    lost = found.lost_before()
    if not lost.size:
        return
    try:
        declared = difference_row(found, found.means(), "")
    except EstimationRefused as why:
        yield refused("loss_robustness", why, found.stratum)
        return
    rows = [*_weighted(found, lost), *_extremes(found, lost)]
    yield from rows
    if any(_lost_its_verdict(declared, row) for row in rows):
        yield not_robust(found).caution(estimator=ESTIMATOR, stratum=found.stratum)


def not_robust(found: Compared) -> Rail:
    """The caution of rule 4."""
    reference, compared = strategies(found.trial)
    return Rail(
        "not_robust_to_loss",
        "not robust to drop-out: with other results of those lost before week 12 the records would not tell "
        f"{compared} and {reference} apart, or would prefer the other.",
    )


def _lost_its_verdict(declared: Row, other: Row) -> bool:
    if other.statistic == "refusal":
        return False
    verdict = decide(declared.conf_low, declared.conf_high, 0.0)
    return verdict in (Verdict.SUPPORTED, Verdict.REFUTED) and decide(other.conf_low, other.conf_high, 0.0) is not verdict


def _extremes(found: Compared, lost: IntArray) -> Iterator[Row]:
    arm = found.treatment[lost]
    reference, compared = strategies(found.trial)
    cases = {
        ALL_REACHED: lost,
        NONE_REACHED: lost[:0],
        FAVOURING.format(compared): lost[arm == 1],
        FAVOURING.format(reference): lost[arm == 0],
    }
    for term, reached in cases.items():
        others = np.setdiff1d(lost, reached)
        outcome = found.outcome.not_reached(others, DAY).reached(reached, DAY)
        yield difference_row(found, found.means(outcome), term)


def _weighted(found: Compared, lost: IntArray) -> Iterator[Row]:
    try:
        weights = with_factor(found.weights, loss_weights(found, lost))
        yield difference_row(found, found.means(weights=weights), LOSS_WEIGHTED)
    except EstimationRefused as why:
        yield refused("loss_weighted", why, found.stratum)


def loss_weights(found: Compared, lost: IntArray) -> FloatArray:
    """1 / the probability of not being lost up to week 12, or to what was known before it; 0 for those lost.

    A logistic model of the weeks: its number, the treatment, what was last reported, then baseline covariates in the order of the
    protocol, as many as there are lost runners for (5 each). Truncated at the protocol's quantiles; mean 1.

    Raises
    ------
    EstimationRefused
        Too few were lost for a model, or it cannot be fitted.
    """
    most = int(lost.size / REFUSE_PER_PARAMETER) - 1
    if most < 2:
        raise EstimationRefused("too few were lost for a model of loss", way_out=EXTREMES)
    row, week, left = _weeks(found, lost)
    trial = found.trial
    columns = np.column_stack(
        [np.log(week), found.treatment[row] == 1, trial.sample.varying[found.rows[row], week - 1], found.covariates[row]]
    )[:, :most]
    stayed = 1.0 - _lost_in_week(left, columns, _names(trial)[:most])
    kept = np.exp(np.bincount(row, np.log(stayed), found.rows.size))
    counted = np.setdiff1d(np.flatnonzero(found.weights.weight > 0.0), lost)
    low, high = np.quantile(1.0 / kept[counted], trial.estimand.trial.truncate if trial.estimand.trial else (0.0, 1.0))
    factor = np.zeros(found.rows.size)
    factor[counted] = np.clip(1.0 / kept[counted], low, high)
    return np.asarray(factor / factor[counted].mean())


def _names(trial: Trial) -> tuple[str, ...]:
    """The columns of the model of loss, in their order."""
    reported = (f"last reported {name}" for name in trial.sample.varying_names)
    return ("week", f"strategy {strategies(trial)[1]}", *reported, *trial.covariate_names)


def _lost_in_week(left: FloatArray, columns: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """The probability of being lost in each week; columns with one value everywhere say nothing."""
    told = np.ptp(columns, axis=0) > 0.0
    try:
        return logistic(left, columns[:, told], names=[name for name, own in zip(names, told, strict=True) if own]).probability
    except EstimationRefused as why:
        reason = why.summary
    raise EstimationRefused(f"who was lost cannot be modelled: {reason}", way_out=EXTREMES)


def _weeks(found: Compared, lost: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Row, week (from 1) and whether it was lost in it, for every week in which it could be."""
    outcome, last = found.outcome, DAY // 7
    known = np.where(outcome.cause == 0, np.where(found.lost, np.inf, outcome.left), outcome.right)
    until = np.clip(np.ceil(np.minimum(known, DAY) / 7), 0, last).astype(np.int64)
    until[lost] = np.minimum(outcome.left[lost] // 7 + 1, last).astype(np.int64)
    until[found.weights.weight <= 0.0] = 0
    row = np.repeat(np.arange(until.size), until)
    week = np.arange(row.size) - np.repeat(np.cumsum(until) - until, until) + 1
    is_lost = np.isin(row, lost) & (week == until[row])
    return row, week.astype(np.int64), is_lost.astype(np.float64)
