"""The rows of a Cox model sorted once into groups that share a risk set, so that an iteration costs days and blocks, not rows.

A cell is a distinct event day of a stratum. A row counts in every cell from its entry to its last one, so the sums over risk
sets are running sums, from the last cell of a stratum back to its first, of sums over groups of rows: the rows that had the
event in a cell, and the rows without the event whose last cell it is. A delayed entry is one more row with a negative weight in
the last cell that was missed: it takes away what the running sum has too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.blocks import block_rows, column_means, weighted_sum
from tendon_outcomes.estimators.regression.cox.sample import CoxSample

TERM_BY_TERM = 4096  # Up to so many tied events in all, summing over them is as quick as a formula for their sum.

AnyInt = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class SortedRows:
    """K cells in order of stratum and time; groups 2 k (leaving at cell k without the event) and 2 k + 1 (its events).

    `x` holds the rows in order of their group: the covariates about `centre`, and a last column of ones, so that one product
    gives sums of weights, of covariates and of their products. `group` names the groups that have rows, `group_start` where
    they begin (one more entry: the number of rows). `signed_weight` is None when every weight is 1 and nobody entered late.
    """

    x: FloatArray  # (rows, p + 1)
    signed_weight: FloatArray | None  # (rows,)
    group: AnyInt
    group_start: IntArray
    stratum_end: tuple[int, ...]  # one past the last cell of each stratum that has cells
    n_events: IntArray  # (K,) rows with the event
    event_weight: FloatArray  # (K,) their weight
    event_sum: FloatArray  # (p,) sum of weight times centred covariates over the events
    centre: FloatArray  # (p,)
    delayed: bool
    tied: IntArray  # cells with more than one event
    tied_start: IntArray  # where each of them begins in `fraction`
    fraction: FloatArray | None  # l / d for l = 0..d - 1 of every tied cell; None when there are too many to go term by term

    @property
    def n_cells(self) -> int:
        return int(self.n_events.size)

    @property
    def p(self) -> int:
        return int(self.centre.size)


def sorted_rows(sample: CoxSample) -> SortedRows:
    """Sort the rows of a sample into groups; rows that are in no risk set with an event are left out."""
    m, n_strata = sample.time.size, len(sample.stratum_labels)
    day = sample.stop if n_strata == 1 else sample.stratum * m + sample.stop
    happened = np.flatnonzero(sample.event)
    n_all = np.bincount(day[happened], minlength=m * n_strata)
    cells = np.flatnonzero(n_all)
    last = _last_cells(n_all, m, n_strata)
    rows, keys, sign = _keyed_rows(sample, day, last, m)
    start = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    weight = None if sample.weight is None and sign is None else sample.weights[rows] * (1.0 if sign is None else sign)
    centre = column_means(sample.x[:: max(1, sample.n // 4096)])  # near the mean is enough for sums that do not cancel
    n_events = n_all[cells]
    own = None if sample.weight is None else sample.weight[happened]
    event_weight = np.asarray(np.bincount(last[day[happened]] >> 1, own, cells.size), dtype=np.float64)
    happening = (keys & 1).astype(np.float64)
    x, event_sum = _gathered(sample.x, rows, centre, happening if weight is None else happening * weight)
    ends = np.unique(np.searchsorted(cells, (np.arange(n_strata) + 1) * m)) if n_strata > 1 else (cells.size,)
    tied = np.flatnonzero(n_events > 1)
    d: IntArray = n_events[tied]
    begin = np.cumsum(d) - d
    few = int(d.sum()) <= TERM_BY_TERM
    return SortedRows(
        x=x,
        signed_weight=weight,
        group=keys[start],
        group_start=np.append(start, keys.size),
        stratum_end=tuple(int(end) for end in ends if end > 0),
        n_events=n_events,
        event_weight=event_weight,
        event_sum=event_sum,
        centre=centre,
        delayed=sign is not None,
        tied=tied,
        tied_start=begin,
        fraction=(np.arange(int(d.sum())) - np.repeat(begin, d)) / np.repeat(d, d) if few else None,
    )


def _last_cells(n_all: IntArray, m: int, n_strata: int) -> AnyInt:
    """Group (2 k) of the last cell at or before each (stratum, day) pair, in the smallest type that holds it; -2 for none."""
    number = 2 * np.cumsum(n_all > 0) - 2
    if n_strata > 1:
        before = np.concatenate(([-2], number[m - 1 : -1 : m]))  # what the strata before have used up
        number = np.where(number > np.repeat(before, m), number, -2)
    # 16 bits are sorted by counting, ten times as fast.
    kind = np.int16 if number[-1] < 2**15 - 2 and int(number.max()) < 2**15 - 2 else np.int64
    return number.astype(kind)


def _keyed_rows(sample: CoxSample, day: IntArray, last: AnyInt, m: int) -> tuple[IntArray, AnyInt, FloatArray | None]:
    """(row, group, sign) in order of group; sign is None when nobody entered late."""
    keys = last[day]
    keys += sample.event
    if sample.start is None:
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        absent = int(np.searchsorted(keys, 0))
        return order[absent:], keys[absent:], None
    missed = np.where(sample.start >= 0, last[sample.stratum * m + sample.start], -2)  # -1 would be the day before the first
    present = np.flatnonzero((keys >> 1) > (missed >> 1))  # an event between entry and exit; both are negative when there is none
    came = present[missed[present] >= 0]
    rows, keys = np.concatenate([present, came]), np.concatenate([keys[present], missed[came]])
    sign = np.concatenate([np.ones(present.size), -np.ones(came.size)])
    order = np.argsort(keys, kind="stable")
    return rows[order], keys[order], sign[order] if came.size else None


def _gathered(x: FloatArray, rows: IntArray, centre: FloatArray, event: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rows about the centre beside a column of ones, and their sum over the events; each block while it is in the cache."""
    p = centre.size
    out, total = np.empty((rows.size, p + 1)), np.zeros(p + 1)
    out[:, p] = 1.0
    block = block_rows(p)
    for begin in range(0, rows.size, block):
        part = out[begin : begin + block]
        np.subtract(x.take(rows[begin : begin + block], axis=0), centre, out=part[:, :p])
        total += weighted_sum(event[begin : begin + block], part)
    return out, total[:p]


def at_risk_sums(rows: SortedRows, groups: FloatArray) -> FloatArray:
    """Sums over each cell's risk set from sums over its groups: (2 K, ...) to (K, ...).

    Summed within strata, never as a difference of running totals, except for those who entered late.
    """
    leaving = groups[0::2] + groups[1::2]
    if rows.delayed:
        # What entered late is taken away again: more digits, so that a small early risk set keeps its own.
        leaving = leaving.astype(np.longdouble)
    return np.asarray(_running(leaving[::-1], rows, backwards=True)[::-1], dtype=np.float64)


def running_sums(rows: SortedRows, cells: FloatArray) -> FloatArray:
    """Sums from the first cell of its stratum through each cell."""
    return np.asarray(_running(cells, rows, backwards=False), dtype=np.float64)


def _running(values: npt.NDArray[np.floating], rows: SortedRows, *, backwards: bool) -> npt.NDArray[np.floating]:
    ends = rows.stratum_end
    if len(ends) == 1:
        return np.cumsum(values, axis=0)
    k = values.shape[0]
    bounds = np.array((0, *ends))
    if backwards:
        bounds = k - bounds[::-1]
    lengths = np.diff(bounds)
    longest = int(lengths.max())
    result = np.array(values)
    if lengths.size <= longest:
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            np.cumsum(values[begin:end], axis=0, out=result[begin:end])
        return result
    for level in range(1, longest):  # many short strata: the next cell of all of them at once
        at = bounds[:-1][lengths > level] + level
        result[at] += result[at - 1]
    return result
