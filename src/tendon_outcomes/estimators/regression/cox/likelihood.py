"""Partial likelihood of a Cox model, its gradient and its information, with Breslow's or Efron's approximation for ties."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.blocks import block_rows, weighted_cross
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation, hazard_borne, scores, tied_sums
from tendon_outcomes.estimators.regression.cox.sorted_rows import SortedRows, at_risk_sums
from tendon_outcomes.estimators.regression.cox.untied import untied

# From so many rows a group on, second moments group by group cost less than a second look at the rows.
ROWS_WORTH_A_PRODUCT = 200

# Below so many rows a cell, running sums over rows cost less than sums over groups; strata must be long enough for blocks.
FEW_ROWS = 5
LONG_STRATUM = 2000


def evaluate(rows: SortedRows, beta: FloatArray, ties: str) -> Evaluation:
    """The log partial likelihood with its derivatives; -inf where a score overflows.

    With A the cumulated hazard that a row bears, r its score and w its weight, the gradient is the sum of x over the events
    less sum w r A x, and the information sum w r A x x' less products of the risk sets' sums, cell by cell: the sums over
    cells are taken inside those over rows.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = _evaluate(rows, beta, ties, shift=0.0)
        if not np.isfinite(found.log_likelihood):  # exp() overflowed or a risk set came out as 0: scores about the largest
            found = _evaluate(rows, beta, ties, shift=float((rows.x[:, :-1] @ beta).max()))
    return found if np.isfinite(found.log_likelihood) and np.isfinite(found.information).all() else _impossible(beta.size)


def _impossible(p: int) -> Evaluation:
    return Evaluation(-np.inf, np.full(p, np.nan), np.full((p, p), np.nan))


def _evaluate(rows: SortedRows, beta: FloatArray, ties: str, *, shift: float) -> Evaluation:
    slope = np.append(beta, -shift)
    if _mostly_untied(rows):
        return untied(rows, beta, slope, ties)
    dense = rows.x.shape[0] >= ROWS_WORTH_A_PRODUCT * rows.group.size
    if dense:
        second = _second_moments(rows, slope)
        sums = second[:, -1, :]
    else:
        score, sums = _first_moments(rows, slope)
    at_risk, sums = at_risk_sums(rows, sums), np.asarray(sums, dtype=np.float64)
    events = sums[1::2]
    s1, e1 = at_risk[:, :-1], events[:, :-1]
    tied = tied_sums(rows, at_risk[:, -1], events[:, -1], ties)
    mean_weight = rows.event_weight / rows.n_events
    borne = hazard_borne(rows, mean_weight * tied.inverse, mean_weight * tied.once)
    if dense:
        information = np.tensordot(borne, second, axes=1)[:-1, :-1]
    else:
        per_row = np.repeat(borne[rows.group], np.diff(rows.group_start))
        per_row *= score
        information = weighted_cross(rows.x, per_row, rows.x)[:-1, :-1]
    information = information - weighted_cross(s1, mean_weight * tied.square, s1)
    if tied.square_once.any():
        at = rows.tied
        s1, e1, once = s1[at], e1[at], (mean_weight * tied.square_once)[at]
        cross = weighted_cross(s1, once, e1)
        information += cross + cross.T - weighted_cross(e1, (mean_weight * tied.square_twice)[at], e1)
    value = float(rows.event_sum @ beta - np.sum(mean_weight * tied.log) - shift * rows.event_weight.sum())
    return Evaluation(value, rows.event_sum - borne @ sums[:, :-1], (information + information.T) / 2.0)


def _mostly_untied(rows: SortedRows) -> bool:
    n = rows.x.shape[0]
    return n > LONG_STRATUM * len(rows.stratum_end) and n < FEW_ROWS * rows.n_cells and not rows.delayed


def _first_moments(rows: SortedRows, slope: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Score of every row, and (2 K, p + 1) sums over groups of score times covariates, and of scores."""
    n, q = rows.x.shape
    sums = np.zeros((2 * rows.n_cells, q))
    block = block_rows(q)
    if n <= block:
        score = scores(rows, slope, 0, n)
        scaled = score[:, None] * rows.x
        if rows.delayed:  # late entries are taken away again: more digits, so that what is left keeps its own
            scaled, sums = scaled.astype(np.longdouble), sums.astype(np.longdouble)
        sums[rows.group] = np.add.reduceat(scaled, rows.group_start[:-1], axis=0)
        return score, sums
    score, buffer = np.empty(n), np.empty((block, q))
    cuts = np.arange(0, n, block)
    owner = np.searchsorted(rows.group_start, cuts, side="right") - 1
    ends = np.append(np.searchsorted(rows.group_start, cuts[1:], side="left"), rows.group.size)
    for begin, first, end in zip(cuts.tolist(), owner.tolist(), ends.tolist(), strict=True):
        stop = min(begin + block, n)
        score[begin:stop] = scores(rows, slope, begin, stop)
        scaled = np.multiply(rows.x[begin:stop], score[begin:stop, None], out=buffer[: stop - begin])
        places = rows.group_start[first:end] - begin
        places[0] = 0
        sums[rows.group[first:end]] += np.add.reduceat(scaled, places, axis=0)
    return score, sums


def _second_moments(rows: SortedRows, slope: FloatArray) -> FloatArray:
    """(2 K, p + 1, p + 1) sums over groups of score times products of (x, 1)."""
    q = slope.size
    moments = np.zeros((2 * rows.n_cells, q, q))
    block = block_rows(q)
    buffer = np.empty((block, q))
    start = rows.group_start.tolist()
    for g, first, last in zip(rows.group.tolist(), start[:-1], start[1:], strict=True):
        for begin in range(first, last, block):
            stop = min(begin + block, last)
            x = rows.x[begin:stop]
            scaled = np.multiply(x, scores(rows, slope, begin, stop)[:, None], out=buffer[: stop - begin])
            moments[g] += x.T @ scaled
    return moments
