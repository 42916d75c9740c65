"""Rows of a Cox model: checked once, times reduced to numbered days, so that ties are ties whatever the unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.observations import (
    FloatArray,
    IntArray,
    checked_weights,
    one_dimensional,
    refuse,
    tie_classes,
)
from tendon_outcomes.estimators.regression.design_matrix import design_matrix

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class CoxSample:
    """n rows in the order given (rows of weight 0 left out; `kept` are their places in the input).

    A row is at risk on the days `start` < day <= `stop` (numbers of `time`; `start` is None when everybody is there from the
    beginning, -1 stands for "from before the first time"), has the event at `stop` where `event`, belongs to `stratum`
    (0..S-1) and to `cluster` (0..C-1, None when every row is its own). `x` is as given, not centred.
    """

    time: FloatArray  # (m,) distinct times under the tie rule, in order
    stop: IntArray
    start: IntArray | None
    event: BoolArray
    x: FloatArray  # (n, p), C order
    names: tuple[str, ...]
    weight: FloatArray | None
    stratum: IntArray
    stratum_labels: tuple[object, ...]
    cluster: IntArray | None
    kept: IntArray

    @property
    def n(self) -> int:
        return int(self.stop.size)

    @property
    def weights(self) -> FloatArray:
        return np.ones(self.n) if self.weight is None else self.weight


def cox_sample(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    names: Sequence[str] | None = None,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
) -> CoxSample:
    """Check the rows of a Cox model; (entry, time] with whole-day or continuous times under the tie rule of `tie_classes`."""
    stop = one_dimensional("time", time)
    n = stop.size
    if n == 0:
        raise refuse("there are no rows")
    _refuse_rows(~np.isfinite(stop), "have a missing or infinite time")
    happened = _checked_events(event, n)
    weights = checked_weights(weight, n)
    kept = np.flatnonzero(weights > 0.0)
    x = np.asarray(covariates, dtype=np.float64)
    design = design_matrix(x if kept.size == n else x[kept], names, n=kept.size)
    labels = np.zeros(n, dtype=np.int64) if strata is None else np.asarray(strata)
    if labels.shape != (n,):
        raise refuse(f"`strata` has shape {labels.shape} for {n} rows")
    values, stratum = np.unique(labels[kept], return_inverse=True)
    groups = None if cluster is None else checked_clusters(np.asarray(cluster)[kept], kept.size)
    days, stop_class, start_class = _numbered_days(stop[kept], None if entry is None else _checked_entry(entry, stop)[kept])
    return CoxSample(
        time=days,
        stop=stop_class,
        start=start_class,
        event=happened[kept],
        x=design.x,
        names=design.names,
        weight=None if weight is None else weights[kept],
        stratum=stratum.astype(np.int64),
        stratum_labels=tuple(values.tolist()),
        cluster=groups,
        kept=kept,
    )


def _checked_events(event: npt.ArrayLike, n: int) -> BoolArray:
    raw = np.asarray(event)
    if raw.shape != (n,):
        raise refuse(f"`event` has shape {raw.shape} for {n} rows")
    values = raw.astype(np.float64)
    _refuse_rows(~((values == 0.0) | (values == 1.0)), "have an event that is not 0 or 1")
    return np.asarray(values == 1.0)


def _checked_entry(entry: npt.ArrayLike, stop: FloatArray) -> FloatArray:
    start = one_dimensional("entry", entry)
    if start.size != stop.size:
        raise refuse(f"`entry` has {start.size} values for {stop.size} rows")
    _refuse_rows(~np.isfinite(start) | (start >= stop), "enter at or after their time, or have a missing entry")
    return start


def _numbered_days(stop: FloatArray, start: FloatArray | None) -> tuple[FloatArray, IntArray, IntArray | None]:
    if start is None:
        longest = float(stop.max())
        if float(stop.min()) >= 0.0 and longest <= 4 * stop.size + 4096:
            day = stop.astype(np.int64)
            if np.array_equal(day, stop):  # whole days need no sorting
                present = np.flatnonzero(np.bincount(day))
                number = np.zeros(present[-1] + 1, dtype=np.int64)
                number[present] = np.arange(present.size)
                return present.astype(np.float64), number[day], None
        days, (stop_class,) = tie_classes(stop)
        return days, stop_class, None
    days, (stop_class, start_class) = tie_classes(stop, start)
    _refuse_rows(start_class >= stop_class, "enter and leave at what the tie rule takes for the same time")
    is_stop = np.zeros(days.size, dtype=np.bool_)
    is_stop[stop_class] = True
    rank = np.cumsum(is_stop) - 1
    first_later = rank[start_class]  # number of the last stop at or before the entry, -1 when there is none
    return days[is_stop], rank[stop_class], None if (first_later < 0).all() else first_later


def _refuse_rows(wrong: BoolArray, what: str) -> None:
    count = int(np.count_nonzero(wrong))
    if count:
        raise refuse(f"{count} of {wrong.size} rows {what}")
