"""Rows of a parametric model of time: exact, right-, left- or interval-censored, some entering late; checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import labelled_clusters
from tendon_outcomes.estimators.observations import (
    FloatArray,
    IntArray,
    are_copies,
    checked_weights,
    one_dimensional,
    refuse,
    refuse_rows,
)
from tendon_outcomes.estimators.regression.design_matrix import design_matrix

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalRows:
    """n rows of weight above 0: `left` <= `right`, equal when the time is exact; left 0 and right inf are open ends."""

    left: FloatArray
    right: FloatArray
    entry: FloatArray | None
    weight: FloatArray
    stratum: IntArray
    stratum_labels: tuple[object, ...]
    cluster: IntArray | None
    kept: IntArray
    by_weight: bool  # weights are sampling weights, not copies

    @property
    def n(self) -> int:
        return int(self.left.size)

    @property
    def exact(self) -> BoolArray:
        return np.asarray(self.left == self.right)

    @property
    def last_follow_up(self) -> float:
        """The last finite end of any row."""
        return float(np.where(np.isfinite(self.right), self.right, self.left).max())


def interval_rows(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None,
    weight: npt.ArrayLike | None,
    strata: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
    robust: bool | None,
) -> IntervalRows:
    """Check the rows; refuses missing or negative times, reversed intervals, times of 0 and samples without an event."""
    low, high = one_dimensional("left", left), one_dimensional("right", right)
    n = low.size
    if n == 0:
        raise refuse("there are no rows")
    if high.size != n:
        raise refuse(f"`left` and `right` have {n} and {high.size} values")
    refuse_rows(~(np.isfinite(low) & (low >= 0.0)), "have a negative, missing or infinite `left`")
    refuse_rows(np.isnan(high), "have a missing `right`; give inf where the time is right-censored")
    refuse_rows(high < low, "have a `right` below `left`")
    refuse_rows(high <= 0.0, "have an event on day 0, where no such distribution has any probability")
    weights = checked_weights(weight, n)
    kept = np.flatnonzero(weights > 0.0)
    start = None if entry is None else _checked_entry(entry, low, high)[kept]
    labels = np.zeros(n, dtype=np.int64) if strata is None else np.asarray(strata)
    if labels.shape != (n,):
        raise refuse(f"`strata` has shape {labels.shape} for {n} rows")
    values, stratum = np.unique(labels[kept], return_inverse=True)
    numbers = None if cluster is None else labelled_clusters(cluster, n).number[kept]
    rows = IntervalRows(
        left=low[kept],
        right=high[kept],
        entry=start if start is not None and start.any() else None,
        weight=weights[kept],
        stratum=stratum.astype(np.int64),
        stratum_labels=tuple(values.tolist()),
        cluster=numbers,
        kept=kept,
        by_weight=not are_copies(weights) if robust is None else bool(robust),
    )
    empty = [str(label) for g, label in enumerate(values) if not np.isfinite(rows.right[stratum == g]).any()]
    if empty:
        where = "" if strata is None else f" in stratum {', '.join(empty)}"
        raise refuse(f"no row has an event{where}: every time is right-censored")
    return rows


def covariate_columns(
    covariates: npt.ArrayLike | None, names: Sequence[str] | None, rows: IntervalRows, n: int
) -> tuple[FloatArray, tuple[str, ...]]:
    """An intercept and the checked covariates of the rows kept."""
    if covariates is None:
        if names:
            raise refuse(f"{len(names)} names for no covariates")
        return np.ones((rows.n, 1)), ("(intercept)",)
    x = np.asarray(covariates, dtype=np.float64)
    if x.shape[:1] != (n,):
        raise refuse(f"covariates have shape {x.shape} for {n} rows")
    design = design_matrix(x[rows.kept], names, intercept=True, n=rows.n)
    return design.x, design.names


def _checked_entry(entry: npt.ArrayLike, left: FloatArray, right: FloatArray) -> FloatArray:
    start = one_dimensional("entry", entry)
    if start.size != left.size:
        raise refuse(f"`entry` has {start.size} values for {left.size} rows")
    late = (start > left) | ((start >= right) & (left == right))
    refuse_rows(~np.isfinite(start) | (start < 0.0) | late, "have a missing or negative entry, or enter after `left`")
    return start
