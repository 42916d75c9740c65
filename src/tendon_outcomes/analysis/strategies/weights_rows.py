"""Rows about who was prescribed what and how far weighting made them alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.strategies.design import ARMS, Design, PropensityModel
from tendon_outcomes.analysis.strategies.mean_rows import histogram
from tendon_outcomes.estimators.causal.weighting.balance import Balance
from tendon_outcomes.results import Row, finite

MODEL = "propensity"
WEIGHT_EDGES = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0])
FloatArray = NDArray[np.float64]
NOTHING_SHARED = "the strategies share no value"


def balance_and_weights(design: Design) -> Iterator[Row]:
    """Balance before and after, overlap, effective sizes, weights, and the histograms that stay in the clinic."""
    model = design.model
    if model is None:
        return
    yield from _balance(design, model.before, "before")
    yield from _balance(design, model.after, "after")
    yield from _overlap(design, model)
    for arm in ARMS:
        yield from _weights(design, model, arm)
    yield Row(
        estimator=MODEL,
        statistic="weight_summary",
        term="truncated",
        n_events=model.everyone.n_truncated,
        n_at_risk=int(model.everyone.n_by_arm.sum()),
    )


def _balance(design: Design, found: Balance, when: str) -> Iterator[Row]:
    arms = [design.trial.covariates[design.trial.treatment == arm] for arm in ARMS]
    numbers = (
        ("standardised_mean_difference", found.standardised_difference),
        ("variance_ratio", found.variance_ratio),
        ("ks_distance", found.ks_distance),
    )
    for statistic, values in numbers:
        for column, name in enumerate(found.names):
            value = float(values[column])
            yield Row(
                estimator=MODEL,
                statistic=statistic,
                stratum=when,
                term=name,
                estimate=finite(value),
                n_at_risk=sum(len(one) for one in arms),
                n_events=_fewest([one[:, column] for one in arms]),
                warning="" if np.isfinite(value) else NOTHING_SHARED,
            )


def _fewest(arms: Sequence[FloatArray]) -> int | None:
    """The smallest group, but an empty one, that a yes-or-no covariate makes of a strategy; None for other numbers.

    A standardised difference and a ratio of variances, or the largest distance alone, give the share in each strategy.
    """
    values = np.unique(np.concatenate(arms))
    if values.size != 2:
        return None
    return min(count for column in arms for value in values if (count := int(np.count_nonzero(column == value))))


def _overlap(design: Design, model: PropensityModel) -> Iterator[Row]:
    found, n = model.overlap, int(design.known.sum())
    low, high = found.low, found.high
    rows = (
        (f"share outside {low:g}-{high:g}", found.share_outside, found.n_outside),
        ("overlap coefficient", found.coefficient, None),
        ("overlap coefficient if alike", found.coefficient_if_alike, None),
        ("common support", found.common_support, round((1.0 - found.common_support) * n)),
    )
    for term, value, count in rows:
        yield Row(estimator=MODEL, statistic="overlap", term=term, estimate=float(value), n_at_risk=n, n_events=count)


def _weights(design: Design, model: PropensityModel, arm: int) -> Iterator[Row]:
    name, everyone = design.strategies[arm], model.everyone
    treatment = model.propensity.treatment
    own = everyone.weight[(treatment == arm) & (everyone.weight > 0)]
    n = int(own.size)
    for term, effective in (
        ("point treatment", everyone.effective_n[arm]),
        ("overlap population", model.overlap_population.effective_n[arm]),
    ):
        yield Row(
            estimator=MODEL, statistic="effective_sample_size", stratum=name, term=term, estimate=float(effective), n_at_risk=n
        )
    summary = {"mean": own.mean(), "largest": own.max(), "p99": np.quantile(own, 0.99)}
    for term, value in summary.items():
        yield Row(estimator=MODEL, statistic="weight_summary", stratum=name, term=term, estimate=float(value), n_at_risk=n)
    yield from _histograms(design, model, arm, own)


def _histograms(design: Design, model: PropensityModel, arm: int, weights: FloatArray) -> Iterator[Row]:
    name, found = design.strategies[arm], model.overlap
    for statistic, edges, shares in (
        ("propensity_share", found.edges, found.share[arm]),
        ("weight_share", WEIGHT_EDGES, histogram(weights, WEIGHT_EDGES)),
    ):
        for edge, share in zip(edges[:-1], shares, strict=True):
            yield Row(estimator=MODEL, statistic=statistic, stratum=name, term=f"{edge:g}", estimate=float(share))
