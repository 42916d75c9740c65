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
    checked_labels,
    checked_weights,
    one_dimensional,
    refuse,
    refuse_rows,
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
    refuse_rows(~np.isfinite(stop), "have a missing or infinite time")
    happened = _checked_events(event, n)
    weights = None if weight is None else checked_weights(weight, n)
    start = None if entry is None else _checked_entry(entry, stop)
    groups = None if cluster is None else checked_clusters(cluster, n)
    stratum_labels, stratum = _checked_strata(strata, n)
    x = np.asarray(covariates, dtype=np.float64)
    if x.shape[:1] != (n,):
        raise refuse(f"covariates have {x.shape[0] if x.ndim else 0} rows for {n} times")
    kept = np.arange(n)
    if weights is not None and not weights.all():
        kept = np.flatnonzero(weights)
        stop, happened, weights, x = stop[kept], happened[kept], weights[kept], x[kept]
        start = None if start is None else start[kept]
        groups = None if groups is None else checked_clusters(groups[kept], kept.size)
        stratum_labels, stratum = _still_there(stratum_labels, stratum[kept])
    design = design_matrix(x, names, n=kept.size)
    days, stop_class, start_class = _numbered_days(stop, start)
    return CoxSample(
        time=days,
        stop=stop_class,
        start=start_class,
        event=happened,
        x=design.x,
        names=design.names,
        weight=weights,
        stratum=stratum,
        stratum_labels=stratum_labels,
        cluster=groups,
        kept=kept,
    )


def _checked_strata(strata: npt.ArrayLike | None, n: int) -> tuple[tuple[object, ...], IntArray]:
    """Sorted labels and the number of each row's stratum."""
    if strata is None:
        return (0,), np.zeros(n, dtype=np.int64)
    values, numbers = np.unique(checked_labels(strata, n, "strata"), return_inverse=True)
    return tuple(values.tolist()), numbers.astype(np.int64)


def _still_there(labels: tuple[object, ...], stratum: IntArray) -> tuple[tuple[object, ...], IntArray]:
    present, numbers = np.unique(stratum, return_inverse=True)
    return tuple(labels[number] for number in present), numbers.astype(np.int64)


def _checked_events(event: npt.ArrayLike, n: int) -> BoolArray:
    raw = np.asarray(event)
    if raw.shape != (n,):
        raise refuse(f"`event` has shape {raw.shape} for {n} rows")
    if raw.dtype == np.bool_:
        return np.array(raw)
    if raw.dtype.kind not in "iufO":
        raise refuse(f"`event` has values of kind {raw.dtype}", way_out="Give 0 and 1, or False and True.")
    try:
        values = raw.astype(np.float64)
    except (TypeError, ValueError):
        raise refuse("`event` has values that are no numbers", way_out="Give 0 and 1, or False and True.") from None
    refuse_rows(~((values == 0.0) | (values == 1.0)), "have an event that is not 0 or 1")
    return np.asarray(values == 1.0)


def _checked_entry(entry: npt.ArrayLike, stop: FloatArray) -> FloatArray:
    start = one_dimensional("entry", entry)
    if start.size != stop.size:
        raise refuse(f"`entry` has {start.size} values for {stop.size} rows")
    refuse_rows(~np.isfinite(start) | (start >= stop), "enter at or after their time, or have a missing entry")
    return start


def _numbered_days(stop: FloatArray, start: FloatArray | None) -> tuple[FloatArray, IntArray, IntArray | None]:
    if start is None:
        if float(stop.min()) >= 0.0 and float(stop.max()) <= 4 * stop.size + 4096:
            day = stop.astype(np.int64)
            if np.array_equal(day, stop):  # whole days need no sorting
                is_day = np.bincount(day) > 0
                number = np.cumsum(is_day) - 1
                return np.flatnonzero(is_day).astype(np.float64), number[day], None
        days, (stop_class,) = tie_classes(stop)
        return days, stop_class, None
    days, (stop_class, start_class) = tie_classes(stop, start)
    refuse_rows(start_class >= stop_class, "enter and leave at what the tie rule takes for the same time")
    is_stop = np.zeros(days.size, dtype=np.bool_)
    is_stop[stop_class] = True
    rank = np.cumsum(is_stop) - 1
    first_later = rank[start_class]  # number of the last stop at or before the entry, -1 when there is none
    return days[is_stop], rank[stop_class], None if (first_later < 0).all() else first_later
