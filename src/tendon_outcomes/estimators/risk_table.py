"""What a right-censored sample says at each of its days: the one reduction that Kaplan-Meier and Aalen-Johansen share.

Rows are checked once. Afterwards a sample is a table over its distinct exit days, so an estimate costs the number of days and
not the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import (
    EMPTY_SHARE,
    FloatArray,
    IntArray,
    are_copies,
    checked_causes,
    checked_times,
    checked_weights,
    one_dimensional,
    refuse,
    summed_by,
    tie_classes,
)


@dataclass(frozen=True, slots=True, eq=False)
class RowPatterns:
    """Which pattern of a RiskTable each of the rows passed in follows, for what needs single rows (influence, clusters).

    The rows of the table are those with `member == which` (all when `member` is None). `key` and `weight` have a value for each
    row passed in when `whole`, and for each row of the table otherwise; `lookup[key]` is the number of the pattern.
    """

    n: int
    member: npt.NDArray[np.generic] | None
    which: int
    key: IntArray | None
    lookup: IntArray | None
    weight: FloatArray | None
    whole: bool

    def rows(self) -> IntArray:
        """Positions, among the rows passed in, of the rows of the table."""
        return np.arange(self.n) if self.member is None else np.flatnonzero(self.member == self.which)

    def pattern(self) -> IntArray:
        """The pattern of each row of the table."""
        rows = self.rows()
        if self.key is None or self.lookup is None:
            return np.arange(rows.size)
        return self.lookup[self.key[rows] if self.whole else self.key]

    def weights(self) -> FloatArray:
        """The weight of each row of the table."""
        rows = self.rows()
        if self.weight is None:
            return np.ones(rows.size)
        return self.weight[rows] if self.whole else self.weight


@dataclass(frozen=True, slots=True, eq=False)
class RiskTable:
    """The sample over its m distinct exit days; every array is in order of time.

    `exit_index`, `exit_cause`, `entry_index`, `pattern_weight` and `pattern_square` describe the distinct patterns of rows: at
    risk from day number `entry_index` through day number `exit_index`, leaving by `exit_cause` (0 = censored).
    `pattern_square` is what a squared influence is multiplied by: the sum of weights when weights count copies of a row, the
    sum of squared weights when they do not (`robust`).
    """

    time: FloatArray
    n_at_risk: FloatArray
    n_events: FloatArray  # (K, m)
    n_censored: FloatArray
    n_from_start: FloatArray  # effective number followed from time 0 and still at risk
    exit_index: IntArray
    exit_cause: IntArray
    entry_index: IntArray | None
    from_start: npt.NDArray[np.bool_] | None
    pattern_weight: FloatArray
    pattern_square: FloatArray
    n: int
    robust: bool
    patterns: RowPatterns


def risk_table(
    *,
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    n_causes: int | None,
    entry: npt.ArrayLike | None,
    weight: npt.ArrayLike | None,
    robust: bool | None,
) -> RiskTable:
    """Check a right-censored sample and reduce it to its distinct days.

    `cause` is 0 for censored and 1..K for the events; K is `n_causes`, or the largest cause seen. Rows of weight zero are left
    out. With `robust=None` the weights are copies when all of them are whole numbers, and are not otherwise.
    """
    sample = checked_sample(time=time, cause=cause, n_causes=n_causes, entry=entry, weight=weight, robust=robust)
    if sample.weight is None or sample.weight.all():
        return sample.table(None, 1)
    return sample.table(sample.weight > 0.0, 1)


def risk_tables(
    group: IntArray,
    n_groups: int,
    *,
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    n_causes: int | None,
    entry: npt.ArrayLike | None,
    weight: npt.ArrayLike | None,
    robust: bool | None,
) -> list[RiskTable]:
    """One risk table for each of the groups 0 to n_groups - 1, from one pass over the rows where days are whole.

    The number of causes and the reading of the weights are those of the whole sample, the rest is as in a table of the group
    alone. A group whose rows all have weight 0 is refused.
    """
    sample = checked_sample(time=time, cause=cause, n_causes=n_causes, entry=entry, weight=weight, robust=robust)
    if group.shape != sample.time.shape:
        raise refuse(f"`group` has {group.size} values for {sample.time.size} rows")
    seen = summed_by(group, sample.weight, n_groups)
    if not (seen > 0.0).all():
        raise refuse(f"{int(np.count_nonzero(seen <= 0.0))} of {n_groups} groups have no row of positive weight")
    if sample.weight is not None and not sample.weight.all():
        group = np.where(sample.weight > 0.0, group, -1)
    elif sample.entry is None:
        counted = _counted_by_group(sample, group, n_groups)
        if counted is not None:
            return counted
    return [sample.table(group, g) for g in range(n_groups)]


@dataclass(frozen=True, slots=True, eq=False)
class RightCensored:
    """A checked right-censored sample; `weight` is None when all are 1, `entry` when nobody enters late."""

    time: FloatArray
    code: IntArray
    entry: FloatArray | None
    weight: FloatArray | None
    n_causes: int
    robust: bool

    def table(self, member: npt.NDArray[np.generic] | None, which: int) -> RiskTable:
        """The risk table of the rows with `member == which`, or of all."""
        n = self.time.size
        if member is None:
            return self._reduced(RowPatterns(n, None, which, None, None, self.weight, whole=False))
        rows = member == which
        entry = None if self.entry is None or not self.entry[rows].any() else self.entry[rows]
        weight = None if self.weight is None else self.weight[rows]
        part = RightCensored(self.time[rows], self.code[rows], entry, weight, self.n_causes, self.robust)
        return part._reduced(RowPatterns(n, member, which, None, None, weight, whole=False))

    def _reduced(self, patterns: RowPatterns) -> RiskTable:
        if self.entry is None:
            return _without_entry(self, patterns)
        return _with_entry(self, self.entry, patterns)


def checked_sample(
    *,
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    n_causes: int | None,
    entry: npt.ArrayLike | None,
    weight: npt.ArrayLike | None,
    robust: bool | None,
) -> RightCensored:
    """The rows, checked; see risk_table."""
    exit_time = one_dimensional("time", time, truth_values=False)
    n = exit_time.size
    if n == 0:
        raise refuse("there are no rows")
    code = checked_causes(cause, n, n_causes)
    entry_time = checked_times(exit_time, entry)
    weights = None if weight is None else checked_weights(weight, n)
    by_weight = (weights is not None and not are_copies(weights)) if robust is None else bool(robust)
    counted = code if weights is None or weights.all() else code[weights > 0.0]
    k = int(counted.max(initial=0)) if n_causes is None else int(n_causes)
    return RightCensored(exit_time, code, entry_time, weights, max(k, 1), by_weight)


def _positions(exit_time: FloatArray) -> tuple[FloatArray, IntArray, int]:
    """(label of every slot, slot of every row, number of slots): whole days need no sorting, other times do."""
    day = _whole_days(exit_time)
    if day is not None:
        last = int(exit_time.max())
        return np.arange(last + 1, dtype=np.float64), day, last + 1
    distinct, (index,) = tie_classes(exit_time)
    return distinct, index, distinct.size


def _whole_days(exit_time: FloatArray) -> IntArray | None:
    """The times as whole numbers when they are, and not so large that an array over all days would outgrow the rows."""
    if float(exit_time.max()) > 4 * exit_time.size + 4096:
        return None
    day = exit_time.astype(np.int64)
    return day if np.array_equal(day, exit_time) else None


def _without_entry(sample: RightCensored, patterns: RowPatterns) -> RiskTable:
    label, slot, n_slots = _positions(sample.time)
    k = sample.n_causes
    key = sample.code * n_slots + slot if sample.code.any() else slot
    counts = summed_by(key, sample.weight, (k + 1) * n_slots).reshape(k + 1, n_slots)
    square = counts
    if sample.robust and sample.weight is not None:
        square = summed_by(key, sample.weight * sample.weight, (k + 1) * n_slots).reshape(k + 1, n_slots)
    return _from_counts(counts, square, label, n=sample.time.size, robust=sample.robust, patterns=patterns, key=key)


def _counted_by_group(sample: RightCensored, group: IntArray, n_groups: int) -> list[RiskTable] | None:
    """The tables of all groups from one count, when days are whole; None when another way is better."""
    slot = _whole_days(sample.time)
    k, n, n_slots = sample.n_causes, sample.time.size, int(sample.time.max()) + 1
    size = n_groups * (k + 1) * n_slots
    if slot is None or size > 4 * n + 65_536:
        return None
    label = np.arange(n_slots, dtype=np.float64)
    key = sample.code * n_slots + slot
    full = group * ((k + 1) * n_slots) + key
    counts = summed_by(full, sample.weight, size).reshape(n_groups, k + 1, n_slots)
    square = counts
    if sample.robust and sample.weight is not None:
        square = summed_by(full, sample.weight * sample.weight, size).reshape(n_groups, k + 1, n_slots)
    rows = np.bincount(group, minlength=n_groups)
    return [
        _from_counts(
            counts[g],
            square[g] if square is not counts else counts[g],
            label,
            n=int(rows[g]),
            robust=sample.robust,
            patterns=RowPatterns(n, group, g, None, None, sample.weight, whole=True),
            key=key,
        )
        for g in range(n_groups)
    ]


def _from_counts(
    counts: FloatArray,
    square: FloatArray,
    label: FloatArray,
    *,
    n: int,
    robust: bool,
    patterns: RowPatterns,
    key: IntArray,
) -> RiskTable:
    """The table from the (K + 1, slots) weights that leave in each way on each slot; `key` numbers way and slot of each row."""
    k = counts.shape[0] - 1
    present = counts.any(axis=0)
    same = square is counts
    counts = counts[:, present]
    square = counts if same else square[:, present]
    m = counts.shape[1]
    column = np.cumsum(present) - 1
    lookup = (np.arange(k + 1)[:, None] * m + column).ravel()
    at_risk = _still_to_leave(counts)
    return RiskTable(
        time=label[present],
        n_at_risk=at_risk,
        n_events=counts[1:],
        n_censored=counts[0],
        n_from_start=at_risk if same else at_risk**2 / _still_to_leave(square),
        exit_index=np.tile(np.arange(m), k + 1),
        exit_cause=np.repeat(np.arange(k + 1), m),
        entry_index=None,
        from_start=None,
        pattern_weight=counts.ravel(),
        pattern_square=square.ravel(),
        n=n,
        robust=robust,
        patterns=replace(patterns, key=key, lookup=lookup),
    )


def _still_to_leave(counts: FloatArray) -> FloatArray:
    remaining: FloatArray = np.cumsum(counts.sum(axis=0)[::-1])[::-1]
    return remaining


def _with_entry(sample: RightCensored, entry_time: FloatArray, patterns: RowPatterns) -> RiskTable:
    exit_time, code, k, robust = sample.time, sample.code, sample.n_causes, sample.robust
    weight = np.ones(exit_time.size) if sample.weight is None else sample.weight
    distinct, (exit_class, entry_class) = tie_classes(exit_time, entry_time)
    empty = int(np.count_nonzero(exit_class <= entry_class))
    if empty:
        raise refuse(f"{empty} rows enter and leave at what the tie rule takes for the same time")
    is_exit = np.zeros(distinct.size, dtype=np.bool_)
    is_exit[exit_class] = True
    rank = np.cumsum(is_exit) - 1
    time, exit_index, entry_index = distinct[is_exit], rank[exit_class], rank[entry_class] + 1
    m = time.size
    square = weight * weight if robust else weight
    counts = summed_by(code * m + exit_index, weight, (k + 1) * m).reshape(k + 1, m)
    at_risk = _present(entry_index, exit_index, weight, m)
    from_start = entry_time == 0.0
    started = _present(entry_index[from_start], exit_index[from_start], weight[from_start], m)
    started_square = _present(entry_index[from_start], exit_index[from_start], square[from_start], m)
    return RiskTable(
        time=time,
        n_at_risk=at_risk,
        n_events=counts[1:],
        n_censored=counts[0],
        n_from_start=np.divide(started**2, started_square, out=np.zeros(m), where=started_square > 0.0),
        exit_index=exit_index,
        exit_cause=code,
        entry_index=entry_index,
        from_start=from_start,
        pattern_weight=weight,
        pattern_square=square,
        n=exit_time.size,
        robust=robust,
        patterns=patterns,
    )


def _present(entry_index: IntArray, exit_index: IntArray, weight: FloatArray, m: int) -> FloatArray:
    """Weight at risk on each of the m days: entered before it and not gone before it."""
    present = at_risk_between(summed_by(entry_index, weight, m), summed_by(exit_index, weight, m))
    present[present < EMPTY_SHARE * max(float(weight.sum()), 1e-300)] = 0.0
    return present


def at_risk_between(came: FloatArray, went: FloatArray) -> FloatArray:
    """Sum at risk on each day (last axis): of those who `came` by the day, less those who `went` before it.

    Counted from whichever end is nearer: from the start as came less went, from the end as still to go less still to come. So
    neither end of follow-up is a small difference of large sums, and the last day has exactly those who leave on it.
    """
    entered, gone = np.cumsum(came, axis=-1), np.cumsum(went, axis=-1)
    staying = np.cumsum(went[..., ::-1], axis=-1)[..., ::-1]
    awaited = np.cumsum(came[..., ::-1], axis=-1)[..., ::-1]
    from_start = entered - np.concatenate((np.zeros_like(gone[..., :1]), gone[..., :-1]), axis=-1)
    from_end = staying - np.concatenate((awaited[..., 1:], np.zeros_like(awaited[..., :1])), axis=-1)
    present: FloatArray = np.where(entered < staying, from_start, from_end)
    return present
