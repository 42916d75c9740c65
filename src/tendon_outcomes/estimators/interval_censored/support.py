"""Where the mass of an interval-censored sample can lie: innermost intersections, exact days, and an open tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.interval_censored.simplex import RangeMixture
from tendon_outcomes.estimators.observations import (
    FloatArray,
    IntArray,
    checked_weights,
    one_dimensional,
    refuse,
    refuse_rows,
    summed_by,
    tie_classes,
)

DAY = 1.0  # A competing event known to its day d happened in (d - 1, d].


@dataclass(frozen=True, slots=True, eq=False)
class IntervalSample:
    """Checked rows of weight above 0: `left`, `right`, cause and weight; `entry` when some are followed from a later day on.

    `kept` says which of the `n_given` rows these are.
    """

    left: FloatArray
    right: FloatArray
    cause: IntArray
    weight: FloatArray
    entry: FloatArray | None
    kept: IntArray
    n_given: int


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells (left, right] of one cause each, in order of `right`; cause 0 with right = inf is the open tail of no known cause."""

    left: FloatArray
    right: FloatArray
    cause: IntArray


def checked_sample(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    entry: npt.ArrayLike | None = None,
) -> IntervalSample:
    """Rows that mean something; refuses empty samples, negative or missing days, empty intervals and unknown causes.

    Who enters on a day is free of every cause through it, so `left` is at least `entry`.
    """
    low, high = one_dimensional("left", left), one_dimensional("right", right)
    n = low.size
    if n == 0:
        raise refuse("there are no rows")
    code = np.asarray(cause)
    if high.size != n or code.shape != (n,):
        raise refuse(f"`left`, `right` and `cause` have {n}, {high.size} and {code.size} values")
    values = code.astype(np.float64)
    refuse_rows(~np.isfinite(values) | (values < 0) | (values != np.rint(values)), "have a cause that is not 0, 1, 2, …")
    causes = values.astype(np.int64)
    recovered, competing = causes == 1, causes >= 2
    refuse_rows((causes <= 1) & ~(np.isfinite(low) & (low >= 0.0)), "have a negative or missing `left`")
    refuse_rows((causes == 0) & np.isfinite(high), "are right-censored (cause 0) but have a finite `right`; give inf")
    refuse_rows((causes == 0) & ~(high > low), "are right-censored (cause 0) with a missing `right`; give inf")
    refuse_rows((causes >= 1) & ~np.isfinite(high), "have an event without a finite `right`")
    refuse_rows(recovered & (low >= high), "have an empty interval: `left` is not below `right`")
    refuse_rows(competing & (high <= 0.0), "have a competing event at or before day 0")
    weights = checked_weights(weight, n)
    start = None if entry is None else _checked_entry(entry, high)
    kept = np.flatnonzero(weights > 0.0)
    if kept.size < n:
        low, high, causes, weights = low[kept], high[kept], causes[kept], weights[kept]
        start = None if start is None else start[kept]
    recovered, competing = causes == 1, causes >= 2
    if start is not None:
        low = np.where(competing, low, np.maximum(low, start))
    low, high, start = _same_days(low, high, causes, start)
    refuse_rows(recovered & (low >= high), "have an interval that is empty under the tie rule")
    if competing.any():
        low = np.where(competing, np.maximum(high - DAY, 0.0), low)
    if start is not None:
        refuse_rows(start >= high, "enter and leave at what the tie rule takes for the same time")
        if float(start.min()) == float(start.max()):
            start = None  # All are given the same: the curve begins there.
    return IntervalSample(low, high, causes, weights, start, kept, n)


def _checked_entry(entry: npt.ArrayLike, high: FloatArray) -> FloatArray:
    start = one_dimensional("entry", entry)
    if start.size != high.size:
        raise refuse(f"`entry` has {start.size} values for {high.size} rows")
    refuse_rows(~np.isfinite(start) | (start < 0.0), "have a negative or missing `entry`")
    refuse_rows(start >= high, "enter at or after the end of what is known of them")
    return start


def _same_days(
    left: FloatArray, right: FloatArray, cause: IntArray, entry: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Ends that the tie rule takes for one time get one value; whole days are left alone."""
    ends = [left[cause <= 1], right[cause >= 1], *([] if entry is None else [entry])]
    if all(np.array_equal(end, np.rint(end)) for end in ends):
        return left, right, entry
    distinct, (low, high, *start) = tie_classes(*ends)
    left, right = left.copy(), right.copy()
    left[cause <= 1], right[cause >= 1] = distinct[low], distinct[high]
    return left, right, distinct[start[0]] if start else None


def off_grid(sample: IntervalSample, grid: npt.ArrayLike) -> int:
    """How many rows have an end that is not one of the visit days of `grid` (0 belongs to every grid)."""
    days = np.unique(np.append(one_dimensional("grid", grid), 0.0))
    known_left = np.isin(sample.left, days) | (sample.cause >= 2)
    known_right = np.isin(sample.right, days) | (sample.cause != 1)
    return int(np.count_nonzero(~(known_left & known_right)))


def candidate_cells(sample: IntervalSample, *, split: tuple[int, float] | None = None) -> Cells:
    """The cells outside which no maximiser needs mass.

    Cause 1: innermost intersections (q, p], q a left end and p a right end with no other end between (Turnbull 1976; Peto
    1973), where q = p of another interval does not touch. Causes 2..: the days on which they happened. A tail, when the last
    censoring lies at or after everything else.

    An entry is an end too: mass between the last left end before an entry and that entry counts for those whose interval holds
    both, and not in what the later row is given (Frydman 1994). Where no interval does, nobody's event can lie there.

    `split` (cause, day) asks for the cells outside which no maximiser needs mass when the incidence of that cause at that day is
    held at any value: no cell spans the day, and each side of it has a cell.
    """
    left, right, cause = sample.left, sample.right, sample.cause
    recovered, censored = cause == 1, cause == 0
    begins, ends = np.unique(left[cause <= 1]), np.unique(right[recovered])
    if split is not None:
        start = 0.0 if sample.entry is None else float(sample.entry.min())
        begins, ends = np.union1d(begins, [start, split[1]]), np.union1d(ends, split[1])
    if sample.entry is not None:
        ends = np.union1d(ends, _entries_as_ends(sample, begins, every=split is not None))
    begin = begins[np.searchsorted(begins, ends, side="left") - 1] if ends.size else ends
    innermost = np.concatenate(([-np.inf], ends[:-1])) <= begin if ends.size else np.zeros(0, dtype=np.bool_)
    lefts, rights, causes = [begin[innermost]], [ends[innermost]], [np.ones(int(innermost.sum()), dtype=np.int64)]
    for k in range(2, int(cause.max(initial=0)) + 1):
        days = np.unique(right[cause == k])
        if split is not None and split[0] == k:
            days = np.union1d(days, [split[1], *_entries_before(sample, split[1])])
        lefts.append(np.maximum(days - DAY, 0.0))
        rights.append(days)
        causes.append(np.full(days.size, k, dtype=np.int64))
    if censored.any() or split is not None:
        last = float(left[censored].max(initial=0.0))
        if split is not None:
            last = max([last, split[1], *(float(r[-1]) for r in rights if r.size)])
        if last >= max((float(r[-1]) for r in rights if r.size), default=-np.inf):
            lefts.append(np.array([last]))
            rights.append(np.array([np.inf]))
            causes.append(np.zeros(1, dtype=np.int64))
    key, code = np.concatenate(rights), np.concatenate(causes)
    order = np.lexsort((code, key))
    return Cells(left=np.concatenate(lefts)[order], right=key[order], cause=code[order])


def _entries_as_ends(sample: IntervalSample, begins: FloatArray, *, every: bool) -> FloatArray:
    """Entry days after which mass can be moved out of what a later row is given, to the gain of a row that may lie before."""
    entries = np.unique(sample.entry[sample.entry > begins.min(initial=np.inf)]) if sample.entry is not None else np.zeros(0)
    if every or entries.size == 0:
        return entries
    recovered = np.flatnonzero(sample.cause == 1)
    order = recovered[np.argsort(sample.left[recovered], kind="stable")]
    furthest = np.maximum.accumulate(np.concatenate(([-np.inf], sample.right[order])))
    begin = begins[np.searchsorted(begins, entries, side="left") - 1]
    reach: FloatArray = furthest[np.searchsorted(sample.left[order], begin, side="right")]
    return np.asarray(entries[reach >= entries], dtype=np.float64)


def _entries_before(sample: IntervalSample, day: float) -> FloatArray:
    if sample.entry is None:
        return np.zeros(0)
    return np.unique(sample.entry[(sample.entry > sample.entry.min()) & (sample.entry < day)])


def mixture_of(sample: IntervalSample, cells: Cells) -> tuple[RangeMixture, IntArray]:
    """The likelihood over those cells with equal rows put together, and where in it each row went."""
    left, right, cause, weight = sample.left, sample.right, sample.cause, sample.weight
    m = cells.right.size
    first = np.searchsorted(cells.right, left, side="right")
    last = np.where(cause == 0, m, np.searchsorted(cells.right, right, side="right"))
    for k in range(2, int(cause.max(initial=0)) + 1):
        rows = cause == k
        of_cause = np.flatnonzero(cells.cause == k)
        first[rows] = of_cause[np.searchsorted(cells.right[of_cause], right[rows])]
        last[rows] = first[rows] + 1
    recovered = cause == 1
    key = (first * (m + 1) + last) * 2 + recovered
    distinct, row = np.unique(key, return_inverse=True)
    entered, entered_weight = None, None
    if sample.entry is not None:
        entered, of_entry = np.unique(np.searchsorted(cells.right, sample.entry, side="right"), return_inverse=True)
        entered_weight = summed_by(of_entry, weight, entered.size)
    mixture = RangeMixture.of(
        first=(distinct // 2) // (m + 1),
        last=(distinct // 2) % (m + 1),
        restricted=(distinct % 2).astype(np.bool_),
        marked=cells.cause == 1,
        weight=summed_by(row, weight, distinct.size),
        entered=entered,
        entered_weight=entered_weight,
    )
    return mixture, row.astype(np.int64)
