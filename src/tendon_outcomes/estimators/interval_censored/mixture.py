"""The likelihood of rows that each allow a range of ordered cells.

Rows i say "one of these cells"; the cells carry masses p >= 0 with sum 1; the log-likelihood is sum_i w_i log(P_i), P_i the mass
of row i's cells. Rows that enter late are given what lies after their entry: sum_i w_i (log P_i - log B_i), B_i the mass of the
cells from that entry on. Because every row is a range, P, B, their gradients and information are cumulated sums: O(rows + cells).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray, summed_by

BoolArray = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class RangeMixture:
    """Row i covers cells first[i] <= j < last[i]; a `restricted` row covers only the `marked` cells among them.

    `entered` are the distinct first cells that lie after the entry of some row, `entered_weight` the weight of the rows that
    entered there; None when everybody is followed from the start.
    """

    first: IntArray
    last: IntArray
    restricted: BoolArray
    marked: FloatArray
    weight: FloatArray
    first_slot: IntArray
    last_slot: IntArray
    entered: IntArray | None = None
    entered_weight: FloatArray | None = None

    @classmethod
    def of(
        cls,
        first: IntArray,
        last: IntArray,
        restricted: BoolArray,
        marked: BoolArray,
        weight: FloatArray,
        *,
        entered: IntArray | None = None,
        entered_weight: FloatArray | None = None,
    ) -> RangeMixture:
        shift = restricted * (marked.size + 1)
        marks = marked.astype(np.float64)
        return cls(first, last, restricted, marks, weight, first + shift, last + shift, entered, entered_weight)

    def row_masses(self, mass: FloatArray) -> FloatArray:
        """P_i, the mass of each row's cells."""
        m = mass.size
        running = np.zeros(2 * (m + 1))
        np.cumsum(mass, out=running[1 : m + 1])
        np.cumsum(mass * self.marked, out=running[m + 2 :])
        rows: FloatArray = running[self.last_slot] - running[self.first_slot]
        return rows

    def gradient(self, rows: FloatArray) -> FloatArray:
        """d_j = sum over the rows that cover cell j of w_i / P_i."""
        m = self.marked.size
        pull = self.weight / rows
        size = 2 * (m + 1)
        edges = summed_by(self.first_slot, pull, size) - summed_by(self.last_slot, pull, size)
        free, only_marked = np.cumsum(edges.reshape(2, m + 1), axis=1)[:, :m]
        slope: FloatArray = free + self.marked * only_marked
        return slope

    def still_to_come(self, mass: FloatArray) -> FloatArray:
        """B, the mass from each entered cell on."""
        behind = np.cumsum(mass[::-1])[::-1]
        return np.asarray(behind[self.entered], dtype=np.float64)

    def allowance(self, behind: FloatArray) -> FloatArray:
        """c_j = sum over the rows whose entry lies before cell j of w_i / B_i: what d_j must not exceed at the maximum."""
        assert self.entered is not None
        assert self.entered_weight is not None
        allowed: FloatArray = np.cumsum(summed_by(self.entered, self.entered_weight / behind, self.marked.size))
        return allowed

    def conditioning(self, support: IntArray, behind_weight: FloatArray) -> FloatArray:
        """G_jk = sum over the entries that lie before both cells of `behind_weight`, for the cells of `support`."""
        assert self.entered is not None
        running = np.cumsum(summed_by(self.entered, behind_weight, self.marked.size))[support]
        both: FloatArray = running[np.minimum.outer(np.arange(support.size), np.arange(support.size))]
        return both

    def log_likelihood(self, mass: FloatArray) -> float:
        """sum_i w_i (log P_i - log B_i); the masses need not sum to 1."""
        reached = float(np.dot(self.weight, np.log(self.row_masses(mass))))
        if self.entered is None or self.entered_weight is None:
            return reached - float(self.weight.sum()) * float(np.log(mass.sum()))
        return reached - float(np.dot(self.entered_weight, np.log(self.still_to_come(mass))))

    def information(self, support: IntArray, row_weight: FloatArray) -> FloatArray:
        """H_jk = sum over the rows that cover both cells of `row_weight`, for the cells of `support`, in order.

        Rows are put at (position of their first cell, position after their last) and summed from two sides.
        """
        k = support.size
        position = np.searchsorted(support, np.arange(self.marked.size + 1))
        corner = position[self.first] * (k + 1) + position[self.last]
        marked = self.marked[support]
        total = _reaching(corner, np.where(self.restricted, 0.0, row_weight), k)
        total += _reaching(corner, np.where(self.restricted, row_weight, 0.0), k) * np.outer(marked, marked)
        both: FloatArray = np.minimum(total, total.T)
        return both


def _reaching(corner: IntArray, weight: FloatArray, k: int) -> FloatArray:
    """Weight of the rows that begin by cell j and end after cell k: those that cover both when j <= k, more when j > k."""
    grid = summed_by(corner, weight, (k + 1) * (k + 1)).reshape(k + 1, k + 1)
    reached = np.cumsum(np.cumsum(grid, axis=0)[:, ::-1], axis=1)[:, ::-1]
    result: FloatArray = reached[:k, 1:]
    return result
