"""The product-limit estimate of a risk table and its variance: Greenwood's, or the sum of squared influences."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.clusters import Clusters
from tendon_outcomes.estimators.curves.influence import Martingale, clustered_moments, quadratic, settled_value, start_of
from tendon_outcomes.estimators.observations import EMPTY_SHARE, FloatArray, summed_by
from tendon_outcomes.estimators.risk_table import RiskTable


def remaining(table: RiskTable) -> FloatArray:
    """Weight at risk that the day's events leave behind; rounding is not a survivor."""
    left = table.n_at_risk - table.n_events.sum(axis=0)
    left[left <= EMPTY_SHARE * table.n_at_risk] = 0.0
    return np.asarray(left)


def product_limit(table: RiskTable, clusters: Clusters | None) -> tuple[FloatArray, FloatArray]:
    """Survival and its standard error; the latter is 0 from the day on which survival is 0."""
    left, events, at_risk = remaining(table), table.n_events[0], table.n_at_risk
    survival = np.asarray(np.cumprod(np.divide(left, at_risk, out=np.ones_like(left), where=at_risk > 0.0)), dtype=np.float64)
    if clusters is not None:
        part = log_martingale(table)
        direction = np.column_stack((np.ones(left.size), -part.drift[1:]))
        variance = quadratic(clustered_moments(table, (part,), clusters), direction)
        variance[survival >= 1.0] = 0.0
    elif table.robust:
        variance = _jackknife_of_log(table)
    else:
        product = at_risk * left
        variance = np.asarray(np.cumsum(np.divide(events, product, out=np.zeros_like(left), where=product > 0.0)))
    return survival, np.where(survival > 0.0, survival * np.sqrt(variance), np.zeros_like(survival))


def log_martingale(table: RiskTable) -> Martingale:
    """X with d log S(t)/dw_i = -X_i(t): its coefficient on day j is 1/(n_j - d_j), 0 where nobody is left."""
    left = remaining(table)
    m = table.time.size
    inverse = np.divide(1.0, left, out=np.zeros(m), where=left > 0.0)
    hazard = np.divide(table.n_events[0], table.n_at_risk, out=np.zeros(m), where=table.n_at_risk > 0.0)
    return Martingale(
        jump=np.where(table.exit_cause > 0, inverse[table.exit_index], 0.0),
        drift=np.concatenate(([0.0], np.cumsum(hazard * inverse))),
    )


def _jackknife_of_log(table: RiskTable) -> FloatArray:
    """sum_i w_i^2 (d log S(t)/dw_i)^2 for every t, in one pass.

    Rows that are gone by t have a fixed value; for the others it is a difference of the running sum, expanded as a square.
    """
    part, square = log_martingale(table), table.pattern_square
    drift, start = part.drift, start_of(table, part.drift)
    settled = np.cumsum(summed_by(table.exit_index, square * settled_value(table, part) ** 2, table.time.size))
    count = present_sum(table, square)
    if table.entry_index is None:
        undelayed: FloatArray = settled + count * drift[1:] ** 2
        return undelayed
    first, second = present_sum(table, square * start), present_sum(table, square * start**2)
    delayed: FloatArray = settled + np.maximum(count * drift[1:] ** 2 - 2.0 * drift[1:] * first + second, 0.0)
    return delayed


def present_sum(table: RiskTable, value: FloatArray) -> FloatArray:
    """For each day, the sum of `value` over the patterns that entered before it and remain after it."""
    m = table.time.size
    went = summed_by(table.exit_index, value, m)
    if table.entry_index is None:
        # Summed from the end, so that the last days are not a difference of large numbers.
        from_here = np.cumsum(went[::-1])[::-1]
        return np.concatenate((from_here[1:], [0.0]))
    result: FloatArray = np.cumsum(summed_by(table.entry_index, value, m) - went)
    return result
