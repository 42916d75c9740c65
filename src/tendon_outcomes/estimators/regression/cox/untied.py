"""Evaluation when most days have one event: running sums over the rows themselves, block by block from the last row back."""

from __future__ import annotations

import itertools

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.blocks import block_rows, weighted_sum
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation, hazard_borne, scores, tied_sums
from tendon_outcomes.estimators.regression.cox.sorted_rows import SortedRows, at_risk_sums

SEGMENT = 32  # Running sums of 32 rows side by side, then of the segments: a third of the time of one long running sum.


def untied(rows: SortedRows, beta: FloatArray, slope: FloatArray, ties: str) -> Evaluation:
    """The evaluation of `likelihood.evaluate`, never holding more than a block of sums over risk sets."""
    n = rows.x.shape[0]
    score = scores(rows, slope, 0, n)
    groups = np.zeros(2 * rows.n_cells)
    groups[rows.group] = np.add.reduceat(score, rows.group_start[:-1])
    tied = tied_sums(rows, at_risk_sums(rows, groups), groups[1::2], ties)
    mean_weight = rows.event_weight / rows.n_events
    borne = hazard_borne(rows, mean_weight * tied.inverse, mean_weight * tied.once)
    per_row = np.repeat(borne[rows.group], np.diff(rows.group_start))
    per_row *= score
    information, at_ties = _products(rows, score, per_row, mean_weight * tied.square)
    if tied.square_once.any():
        at = rows.tied
        e1 = _event_sums(rows, score)
        cross = (at_ties * (mean_weight * tied.square_once)[at, None]).T @ e1
        information += cross + cross.T - (e1 * (mean_weight * tied.square_twice)[at, None]).T @ e1
    # np.sum, not @: a long dot product is split over threads, and waking the second one doubles the time of the whole fit.
    value = float(rows.event_sum @ beta - np.sum(mean_weight * tied.log) + slope[-1] * rows.event_weight.sum())
    gradient = rows.event_sum - _dot(per_row, rows.x)[:-1]
    return Evaluation(value, gradient, (information + information.T) / 2.0)


def _products(rows: SortedRows, score: FloatArray, per_row: FloatArray, square: FloatArray) -> tuple[FloatArray, FloatArray]:
    """X' diag(per_row) X - sum over cells of square s1 s1', and s1 of the tied cells."""
    q = rows.p + 1
    block = max(SEGMENT, block_rows(q) // SEGMENT * SEGMENT)
    buffer, running = np.empty((block, q)), np.empty((block, q))
    total, at_ties = np.zeros((q, q)), np.empty((rows.tied.size, rows.p))
    first = _first_rows(rows)  # where each cell's risk set begins: it holds this row and all after it, to the stratum's end
    tied_first = first[rows.tied]
    bounds = [*(first[k] for k in (0, *rows.stratum_end[:-1])), rows.x.shape[0]]
    for low, high in itertools.pairwise(bounds):
        carry = np.zeros(q)
        stop = int(high)
        while stop > low:
            begin = max(int(low), stop - block)
            x = rows.x[begin:stop]
            scaled = np.multiply(x, per_row[begin:stop, None], out=buffer[: stop - begin])
            total += x.T @ scaled
            sums = np.multiply(x, score[begin:stop, None], out=running[: stop - begin])
            _run_back(sums, carry)
            carry = sums[0].copy()
            a, b = np.searchsorted(first, (begin, stop))
            s1 = sums.take(first[a:b] - begin, axis=0)
            total -= s1.T @ np.multiply(s1, square[a:b, None], out=buffer[: b - a])
            a, b = np.searchsorted(tied_first, (begin, stop))
            at_ties[a:b] = sums[tied_first[a:b] - begin, :-1]
            stop = begin
    return total[:-1, :-1], at_ties


def _first_rows(rows: SortedRows) -> IntArray:
    cell = rows.group >> 1
    is_first = np.concatenate(([True], cell[1:] != cell[:-1]))
    return rows.group_start[:-1][is_first]


def _run_back(sums: FloatArray, carry: FloatArray) -> None:
    """Replace rows by the sums of themselves, all rows after them, and the carry."""
    n, q = sums.shape
    whole = n // SEGMENT
    head = n - whole * SEGMENT
    if whole:
        part = sums[head:].reshape(whole, SEGMENT, q)
        for j in range(SEGMENT - 2, -1, -1):
            part[:, j] += part[:, j + 1]
        later = np.cumsum(part[::-1, 0], axis=0)[::-1]
        part[:-1] += later[1:, None]
    sums[head:] += carry
    if head:
        sums[:head] = np.cumsum(sums[:head][::-1], axis=0)[::-1] + (sums[head] if whole else carry)


def _event_sums(rows: SortedRows, score: FloatArray) -> FloatArray:
    """(tied cells, p) sums of score times covariates over the events of each tied cell."""
    place = np.searchsorted(rows.group, 2 * rows.tied + 1)
    begin, d = rows.group_start[place], rows.n_events[rows.tied]
    offset = np.cumsum(d) - d
    at = np.repeat(begin - offset, d) + np.arange(int(d.sum()))
    return np.asarray(np.add.reduceat(rows.x[at, :-1] * score[at, None], offset, axis=0))


def _dot(weight: FloatArray, x: FloatArray) -> FloatArray:
    block, total = block_rows(x.shape[1]), np.zeros(x.shape[1])
    for begin in range(0, x.shape[0], block):
        total += weighted_sum(weight[begin : begin + block], x[begin : begin + block])
    return total
