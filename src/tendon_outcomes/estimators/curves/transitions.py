"""The Aalen-Johansen product over days, with the influence of every subject (or cluster) on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.curves.histories import Histories
from tendon_outcomes.estimators.observations import EMPTY_SHARE, FloatArray, IntArray, summed_by


class Transitions(NamedTuple):
    """Rows of a multi-state sample: state before and after each, and the probabilities at the origin."""

    rows: Histories
    origin_state: IntArray
    next_state: IntArray
    n_states: int
    initial: FloatArray
    estimated: bool


def occupancy_path(sample: Transitions) -> Iterator[tuple[FloatArray, FloatArray]]:
    """(p, U) at the origin and after each day; U (units, S) is the sum over a unit's rows of w dp/dw.

    One step of p' = p H is U' = U H + sum over the unit's rows at risk of w p_r / n_r (e_next - e_r H), with e_next the row's
    state after the day.
    """
    rows, k, m = sample.rows, sample.n_states, sample.rows.time.size
    n_units, identity = rows.per_unit.size, np.eye(k)
    p, influence = sample.initial.copy(), np.zeros((n_units, k))
    if sample.estimated:
        begun = rows.first & rows.from_origin
        each = rows.weight[begun] / rows.weight[begun].sum()
        np.add.at(influence, rows.unit[begun], each[:, None] * (identity[sample.origin_state[begun]] - p))
    yield p, influence
    by_entry, by_exit = np.argsort(rows.enter, kind="stable"), np.argsort(rows.leave, kind="stable")
    entry_end = np.searchsorted(rows.enter[by_entry], np.arange(m + 1))
    exit_end = np.searchsorted(rows.leave[by_exit], np.arange(m + 1))
    present = np.zeros((n_units, k))  # weight at risk of each unit in each state
    for j in range(m):
        came, gone = by_entry[entry_end[j] : entry_end[j + 1]], by_exit[exit_end[j] : exit_end[j + 1]]
        np.add.at(present, (rows.unit[came], sample.origin_state[came]), rows.weight[came])
        moved = gone[sample.origin_state[gone] != sample.next_state[gone]]
        if moved.size:
            p, influence = _step(sample, p, influence, present, moved)
        np.subtract.at(present, (rows.unit[gone], sample.origin_state[gone]), rows.weight[gone])
        yield p, influence


def _step(
    sample: Transitions, p: FloatArray, influence: FloatArray, present: FloatArray, moved: IntArray
) -> tuple[FloatArray, FloatArray]:
    """p and U after a day on which the rows `moved` change their state."""
    k, weight = sample.n_states, sample.rows.weight[moved]
    source, target = sample.origin_state[moved], sample.next_state[moved]
    at_risk = present.sum(axis=0)
    moves = summed_by(source * k + target, weight, k * k).reshape(k, k)
    staying = at_risk - moves.sum(axis=1)
    staying[staying <= EMPTY_SHARE * at_risk] = 0.0
    matrix = np.eye(k)
    active = moves.any(axis=1)
    matrix[active] = (moves[active] + np.diag(staying)[active]) / at_risk[active, None]
    per_weight = np.divide(p, at_risk, out=np.zeros(k), where=at_risk > 0.0)
    changed = influence @ matrix - (present * per_weight) @ (matrix - np.eye(k))
    np.add.at(changed, (sample.rows.unit[moved], target), weight * per_weight[source])
    np.subtract.at(changed, (sample.rows.unit[moved], source), weight * per_weight[source])
    return p @ matrix, changed
