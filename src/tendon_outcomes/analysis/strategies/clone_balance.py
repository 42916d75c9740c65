"""Whether the clones that keep to a strategy stand for everybody: their weighted covariates against those of all runners."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.rails import MIN_AT_RISK
from tendon_outcomes.analysis.strategies.design import ARMS, Design
from tendon_outcomes.analysis.strategies.sustained import CLONES
from tendon_outcomes.analysis.strategies.weights_rows import NOTHING_SHARED
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.censoring_weights import censoring_weights
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.weighting.balance import balance
from tendon_outcomes.results import Row, finite

WEEKS = (4, 8, 12)
"""Month by month while a strategy has to be kept to (statistics.md, 2: balance by week for clones)."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def clone_balance(design: Design) -> Iterator[Row]:
    """Standardised differences of the clones that still count, weighted, less everybody on day 0: of each strategy by week.

    A clone counts while it has not departed from its strategy and was not lost. Recovery and competing events are no departure:
    such a clone goes on standing for others, with the weight that it had then, because the weights are to give back everybody and
    not only those who are slow to recover. Weights are not stabilised, as those of different weeks stand side by side, and are
    truncated as the protocol says. A week to which fewer than 10 clones kept is left out; nothing where what was done is not
    compared or no weights can be made.
    """
    sample = design.trial.sample
    if not design.sustains or not sample.baseline.shape[1]:
        return
    for arm in ARMS:
        try:
            table = censoring_weights(sample, arm, truncate=design.declared.truncate, stabilised=False).weight
        except EstimationRefused:
            continue
        for week in (one for one in WEEKS if one <= sample.weeks):
            rows, weight = still_counting(sample, table, arm, week)
            if rows.size >= MIN_AT_RISK:
                yield from _rows(design, arm, week, rows, weight)


def still_counting(sample: LongitudinalSample, table: FloatArray, arm: int, week: int) -> tuple[IntArray, FloatArray]:
    """The rows whose clone neither departed nor was lost through the week, with the weight of the last week of their story."""
    ended = (sample.cause > 0) & (sample.right <= week)
    last = np.where(ended, sample.right, week).astype(np.int64)
    followed = (sample.cause > 0) | (sample.left >= week)
    weight = table[np.arange(sample.n), last - 1]
    rows = np.flatnonzero(followed & (sample.deviates[arm] > last) & (weight > 0.0))
    return rows, weight[rows]


def _rows(design: Design, arm: int, week: int, rows: IntArray, weight: FloatArray) -> Iterator[Row]:
    """One row a covariate, by the same formula as before and after the weighting of what was prescribed."""
    everybody = design.trial.covariates
    own = everybody[rows]
    found = balance(
        np.vstack([everybody, own]),
        np.repeat([0, 1], [everybody.shape[0], rows.size]),
        names=design.trial.covariate_names,
        weight=np.concatenate([np.ones(everybody.shape[0]), weight]),
    )
    for column, name in enumerate(found.names):
        value = float(found.standardised_difference[column])
        yield Row(
            estimator=CLONES,
            statistic="standardised_mean_difference",
            stratum=design.strategies[arm],
            term=name,
            day=7 * week,
            estimate=finite(value),
            n_at_risk=int(rows.size),
            n_events=_fewest(everybody[:, column], own[:, column]),
            warning="" if np.isfinite(value) else NOTHING_SHARED,
        )


def _fewest(everybody: FloatArray, own: FloatArray) -> int | None:
    """The smallest group, but an empty one, that a yes-or-no covariate makes of everybody and of the clones; None for others."""
    values = np.unique(everybody)
    if values.size != 2:
        return None
    counts = [int(np.count_nonzero(column == value)) for column in (everybody, own) for value in values]
    return min(count for count in counts if count)
