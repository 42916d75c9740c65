"""Rows placed on a visit grid: the cells through which each row is free of cause 1, and the cells among which it recovered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, IntArray, one_dimensional, refuse, refuse_rows

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class GridRows:
    """Row i enters after `start` cells, is free of cause 1 in the cells start..free - 1, and has it in one of free..seen - 1.

    `seen` equals `free` for a row that was never seen to recover.
    """

    start: IntArray
    free: IntArray
    seen: IntArray


def checked_grid(grid: npt.ArrayLike) -> FloatArray:
    """Ascending visit days above 0; cell j runs from day j - 1 (0 before the first) to day j."""
    days = one_dimensional("grid", grid)
    if days.size == 0 or not np.isfinite(days).all() or days[0] <= 0.0 or (np.diff(days) <= 0.0).any():
        raise refuse("`grid` must be ascending days above 0")
    return days


def grid_rows(
    left: npt.ArrayLike, right: npt.ArrayLike, cause: npt.ArrayLike, entry: npt.ArrayLike | None, grid: FloatArray
) -> GridRows:
    """Widen every interval to whole cells: `left` and competing days down to the grid, `right` and `entry` up."""
    low, high = one_dimensional("left", left), one_dimensional("right", right)
    code = np.asarray(cause)
    n = low.size
    if n == 0:
        raise refuse("there are no rows")
    if high.size != n or code.shape != (n,):
        raise refuse(f"`left`, `right` and `cause` have {n}, {high.size} and {code.size} values")
    values = code.astype(np.float64)
    refuse_rows(~np.isfinite(values) | (values < 0) | (values != np.rint(values)), "have a cause that is not 0, 1, 2, …")
    competing, recovered = values >= 2, values == 1
    refuse_rows(~competing & ~(np.isfinite(low) & (low >= 0.0)), "have a negative or missing `left`")
    refuse_rows(competing & ~(np.isnan(low) | (low >= 0.0)), "have a competing event and a negative `left`")
    refuse_rows((values == 0) & ~np.isposinf(high), "are right-censored (cause 0) but have a finite or missing `right`; give inf")
    refuse_rows((values >= 1) & ~(np.isfinite(high) & (high > 0.0)), "have an event without a finite `right` above 0")
    refuse_rows(recovered & (low >= high), "have an empty interval: `left` is not below `right`")
    slack = TIE_TOLERANCE * np.maximum(1.0, grid)
    refuse_rows(recovered & (high > grid[-1] + slack[-1]), "recovered after the last day of the grid; extend it")
    # A competing row's freedom is known through its last look, and never through the day of the event itself.
    before = np.searchsorted(grid + slack, np.where(competing, high, 1.0), side="left")
    looked = np.searchsorted(grid - slack, np.where(np.isnan(low), np.inf, low), side="right")
    free = np.where(competing, np.minimum(looked, before), looked)
    seen = np.where(recovered, np.searchsorted(grid + slack, np.where(recovered, high, 0.0), side="left") + 1, free)
    start = np.zeros(n, dtype=np.int64)
    if entry is not None:
        days = one_dimensional("entry", entry)
        if days.size != n:
            raise refuse(f"`entry` has {days.size} values for {n} rows")
        refuse_rows(~np.isfinite(days) | (days < 0.0), "have a missing or negative entry")
        start = np.where(days > 0.0, np.searchsorted(grid + slack, days, side="left") + 1, 0)
        refuse_rows(recovered & (start > free), "recovered in the cell of their entry or before it: they were never at risk")
        start = np.minimum(start, free)
    return GridRows(start.astype(np.int64), free.astype(np.int64), seen.astype(np.int64))
