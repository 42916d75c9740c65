"""What each row does to a curve: influence functions, and how their squares add up to variances, within clusters or without."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import Clusters, in_common
from tendon_outcomes.estimators.observations import EMPTY_SHARE, FloatArray, IntArray, summed_by
from tendon_outcomes.estimators.risk_table import RiskTable, at_risk_between


@dataclass(frozen=True, slots=True, eq=False)
class Martingale:
    """X_i(t) = sum over days t_j <= t of c_j dM_ij for every pattern i: `jump` at its own exit, less what `drift` gained so far.

    `drift` has m + 1 values: the sum of c_j times the hazard over the first 0, 1, …, m days.
    """

    jump: FloatArray
    drift: FloatArray


def start_of(table: RiskTable, drift: FloatArray) -> FloatArray:
    """The drift at which each pattern comes under observation."""
    return np.zeros(table.exit_index.size) if table.entry_index is None else drift[table.entry_index]


def settled_value(table: RiskTable, part: Martingale) -> FloatArray:
    """X_i once pattern i has left."""
    value: FloatArray = part.jump - part.drift[table.exit_index + 1] + start_of(table, part.drift)
    return value


def value_after(table: RiskTable, part: Martingale, position: npt.NDArray[np.intp]) -> FloatArray:
    """X_i after the first `position` days, as (patterns, positions)."""
    gone = table.exit_index[:, None] < position
    start = start_of(table, part.drift)[:, None]
    present = start - part.drift[position]
    if table.entry_index is not None:
        present = np.where(table.entry_index[:, None] < position, present, 0.0)
    value: FloatArray = np.where(gone, settled_value(table, part)[:, None], present)
    return value


def row_values(table: RiskTable, by_pattern: FloatArray) -> FloatArray:
    """Values by pattern, (patterns, d), as (rows passed in, d); 0 for rows that are not in the table."""
    spread = np.zeros((table.patterns.n, by_pattern.shape[1]))
    spread[table.patterns.rows()] = by_pattern[table.patterns.pattern()]
    return spread


def cluster_totals(table: RiskTable, by_pattern: FloatArray, number: IntArray, size: int) -> FloatArray:
    """sum of w_i u_i over the rows of each cluster, (size, d); `number` is the cluster of each row passed in."""
    rows, pattern, weight = number[table.patterns.rows()], table.patterns.pattern(), table.patterns.weights()
    return np.column_stack([summed_by(rows, weight * column[pattern], size) for column in by_pattern.T])


def covariance(table: RiskTable, by_pattern: FloatArray, clusters: Clusters | None) -> FloatArray:
    """The (d, d) covariance of d statistics from their influence by pattern.

    sum over clusters of (sum w_i u_i)(sum w_i u_i)'; without clusters sum_i w_i^2 u_i u_i', or sum_i w_i u_i u_i' when weights
    are copies of a row.
    """
    if clusters is None:
        product: FloatArray = by_pattern.T @ (table.pattern_square[:, None] * by_pattern)
        return product
    totals = cluster_totals(table, by_pattern, clusters.number, clusters.labels.size)
    within: FloatArray = totals.T @ totals
    return within


def shared_covariance(one: tuple[RiskTable, FloatArray, Clusters], other: tuple[RiskTable, FloatArray, Clusters]) -> FloatArray:
    """Covariance (d, d') of the statistics of two fits that share clusters: sum over clusters of their totals' products."""
    first, second, size = in_common(one[2], other[2])
    product: FloatArray = cluster_totals(one[0], one[1], first, size).T @ cluster_totals(other[0], other[1], second, size)
    return product


def clustered_moments(table: RiskTable, parts: tuple[Martingale, ...], clusters: Clusters) -> FloatArray:
    """sum over clusters of s s' after each day, (m, p + 1, p + 1), for s = (A_1, …, A_p, W).

    For each of the p parts the cluster's sum of w_i X_i(t) is A - drift(t) W: A collects what is settled and the drifts at which
    present rows entered, W is the weight present. Both change only when a row comes or leaves, so all days cost one sort of
    the rows.
    """
    pattern, weight = table.patterns.pattern(), table.patterns.weights()
    number = clusters.number[table.patterns.rows()]
    leave = table.exit_index[pattern]
    come = np.zeros_like(leave) if table.entry_index is None else table.entry_index[pattern]
    arrive = np.column_stack([*(weight * part.drift[come] for part in parts), weight])
    depart = np.column_stack([*(weight * (part.jump[pattern] - part.drift[leave + 1]) for part in parts), -weight])
    return _running_moments(
        np.concatenate((arrive, depart)), np.concatenate((come, leave)), np.concatenate((number, number)), table.time.size
    )


def effective_units(unit: IntArray, weight: FloatArray, gone: IntArray, m: int) -> FloatArray:
    """(sum W_c)^2 / sum W_c^2 on each of m days, W_c the weight of unit c that is still there: gone after day `gone` - 1.

    The number of independent units that the weights stand for: rows of one unit count as one, whatever their number.
    """
    change = np.concatenate((weight, -weight))[:, None]
    day = np.concatenate((np.zeros_like(gone), np.minimum(gone, m)))
    square = _running_moments(change, day, np.concatenate((unit, unit)), m + 1)[:m, 0, 0]
    total = at_risk_between(summed_by(np.zeros_like(gone), weight, m), summed_by(np.maximum(gone, 1) - 1, weight, m))
    some = square > EMPTY_SHARE * max(float(square.max(initial=0.0)), 1e-300)
    return np.divide(total**2, square, out=np.zeros(m), where=some)


def with_clusters(table: RiskTable, clusters: Clusters | None) -> RiskTable:
    """The table with clusters, not rows, counted among those who are followed from time 0."""
    if clusters is None:
        return table
    pattern, weight = table.patterns.pattern(), table.patterns.weights()
    if table.from_start is not None:
        weight = np.where(table.from_start[pattern], weight, 0.0)
    number = clusters.number[table.patterns.rows()]
    return replace(table, n_from_start=effective_units(number, weight, table.exit_index[pattern] + 1, table.time.size))


def _running_moments(change: FloatArray, day: IntArray, of: IntArray, m: int) -> FloatArray:
    """sum over units of s s' after each day, s the running sum of a unit's rows of `change`, (m, q, q)."""
    width = change.shape[1]
    order = np.lexsort((day, of))
    change, day, of = change[order], day[order], of[order]
    first = np.concatenate(([True], of[1:] != of[:-1]))
    after = np.cumsum(change, axis=0)
    begin = np.flatnonzero(first)
    before_unit = np.concatenate((np.zeros((1, width)), after))[begin]
    after -= np.repeat(before_unit, np.diff(np.append(begin, of.size)), axis=0)
    before = np.concatenate((np.zeros((1, width)), after[:-1]))
    before[first] = 0.0
    moments = np.empty((m, width, width))
    for a in range(width):
        for b in range(a + 1):
            grown = summed_by(day, after[:, a] * after[:, b] - before[:, a] * before[:, b], m)
            moments[:, a, b] = moments[:, b, a] = np.cumsum(grown)
    return moments


def quadratic(moments: FloatArray, direction: FloatArray) -> FloatArray:
    """v(t)' Q(t) v(t) for every day; never below 0."""
    value: FloatArray = np.maximum(np.einsum("ta,tab,tb->t", direction, moments, direction), 0.0)
    return value
