"""How many patients would have to have fared otherwise before a difference could no longer be told from none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import IntArray, one_dimensional, refuse

Changed = Callable[[IntArray], tuple[float, float, float]]
"""From the rows whose result is changed to the difference and its limits."""


@dataclass(frozen=True, slots=True)
class TippingPoint:
    """The fewest changed rows whose difference has limits that hold 0, of `of` that could be changed; None when all do not do.

    `estimate`, `conf_low`, `conf_high` are the difference with so many changed (with all of them, when `patients` is None).
    """

    patients: int | None
    of: int
    estimate: float
    conf_low: float
    conf_high: float


def tipping_point(difference: Changed, order: npt.ArrayLike) -> TippingPoint:
    """The fewest rows whose result must be changed, in a given order, for a conclusion to be lost.

    Estimand
        The least m for which the limits of the difference hold 0 once the first m rows of `order` have the other result.
    Estimator
        The analysis itself on the changed records, at m found by halving; m - 1 is computed too.
    Interval
        None: the limits are those of the changed analysis.
    Conventions
        Limits that touch 0 hold it. A difference whose limits hold 0 already has m = 0. When the limits with all rows changed
        still exclude 0 on the same side there is no such m; limits that have jumped to the other side count as lost.
    Assumes
        Changing more rows of `order` moves the difference further the same way.
    Not for
        Probabilities: it says how many, not how likely. Changes against the difference only strengthen it (None).
    Parameters
        difference: from the numbers of the changed rows to estimate, conf_low, conf_high. order: distinct row numbers, the first
        changed first.
    Returns
        TippingPoint.
    References
        Yan, Lee & Li (2009) J Biopharm Stat 19:1085; Walsh et al. (2014) J Clin Epidemiol 67:622 (fragility).
    Checked
        Exact (counts with Newcombe's limits, by trying every m): tests/estimators/test_tipping_point.py.
    """
    rows = _checked_order(order)
    estimate, low, high = _checked(difference(rows[:0]))
    if low <= 0.0 <= high:
        return TippingPoint(0, rows.size, estimate, low, high)
    positive = low > 0.0

    def lost(found: tuple[float, float, float]) -> bool:
        return found[1] <= 0.0 if positive else found[2] >= 0.0

    best = _checked(difference(rows))
    if not lost(best):
        return TippingPoint(None, rows.size, *best)
    kept, gone = 0, rows.size
    while gone - kept > 1:
        middle = (kept + gone) // 2
        found = _checked(difference(rows[:middle]))
        if lost(found):
            gone, best = middle, found
        else:
            kept = middle
    return TippingPoint(gone, rows.size, *best)


def _checked_order(order: npt.ArrayLike) -> IntArray:
    rows = one_dimensional("order", order)
    if (rows != np.rint(rows)).any() or (rows < 0).any() or np.unique(rows).size != rows.size:
        raise refuse("`order` is distinct row numbers")
    return np.asarray(rows, dtype=np.int64)


def _checked(found: tuple[float, float, float]) -> tuple[float, float, float]:
    estimate, low, high = (float(value) for value in found)
    if not (np.isfinite([estimate, low, high]).all() and low <= estimate <= high):
        raise refuse("the difference of the changed records has no limits, or limits that do not hold it")
    return estimate, low, high
