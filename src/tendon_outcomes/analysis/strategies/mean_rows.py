"""Rows of curves and contrasts of two strategies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tendon_outcomes.analysis.strategies.design import Design
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans, MeanLimits
from tendon_outcomes.results import Row, finite

Limits = tuple[float, ...]
"""Estimate, standard error, lower and upper limit."""


def asked_of(design: Design) -> set[int]:
    """The days that the protocol asks about."""
    return {7 * week for week in design.trial.estimand.at_weeks}


def incidence_rows(
    estimator: str, strategy: str, data: GriddedFollowUp, day: int, limits: Limits, *, milestone: bool
) -> Iterator[Row]:
    """One day of a strategy's curve, and again as a milestone where the protocol asks about it."""
    for term in ("curve", "milestone") if milestone else ("curve",):
        yield Row(
            estimator=estimator,
            statistic="strategy_incidence",
            stratum=strategy,
            term=term,
            day=day,
            estimate=limits[0],
            std_error=finite(limits[1]),
            conf_low=finite(limits[2]),
            conf_high=finite(limits[3]),
            n_at_risk=data.n_at_risk(day),
            n_events=data.n_events(day),
            n_censored=data.n_left(day),
        )


def contrast_rows(
    design: Design, means: ArmMeans, term: str, estimator: str, *, days: Sequence[int], horizon: int | None
) -> Iterator[Row]:
    """Differences, ratios and the difference of the restricted means."""
    difference = means.difference()
    for i, day in enumerate(days):
        yield _row(design, "incidence_difference", term, estimator, day, difference, i)
    for i, day in enumerate(days):
        try:
            ratio = means.ratio([means.names[i]])
        except EstimationRefused:
            continue
        yield _row(design, "incidence_ratio", term, estimator, day, ratio, 0)
    if horizon is not None:
        yield _row(design, "restricted_mean_difference", term, estimator, horizon, difference, len(days))


def _row(design: Design, statistic: str, term: str, estimator: str, day: int, found: MeanLimits, i: int) -> Row:
    limits = [float(numbers[i]) for numbers in (found.estimate, found.std_error, found.conf_low, found.conf_high)]
    return contrast_row(design, statistic, term, estimator, day, limits)


def contrast_row(design: Design, statistic: str, term: str, estimator: str, day: int, limits: Sequence[float]) -> Row:
    """One contrast of the two strategies on a day, with the runners and events of both prescriptions behind it."""
    return Row(
        estimator=estimator,
        statistic=statistic,
        stratum=design.contrast,
        term=term,
        day=day,
        estimate=finite(limits[0]),
        std_error=finite(limits[1]),
        conf_low=finite(limits[2]),
        conf_high=finite(limits[3]),
        n_at_risk=sum(arm.n for arm in design.arms),
        n_events=sum(arm.n_events(day) for arm in design.arms),
    )


def histogram(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Shares of the values in bins; those beyond the last edge count with the last bin."""
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    return np.asarray(counts / max(values.size, 1))
