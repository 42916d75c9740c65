"""The largest likelihood of a mixture whose rows are ranges of ordered cells, over the probability simplex.

Rows i say "one of these cells"; the cells carry masses p >= 0 with sum 1; the log-likelihood is sum_i w_i log(P_i), P_i the mass
of row i's cells. Because every row is a range, P, its gradient and its information are cumulated sums: O(rows + cells).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, IntArray, summed_by

BoolArray = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

BURN_IN_SWEEPS = 12  # EM sweeps before Newton; fewer leave too many cells to drop one by one, more cost without gain.
DENSE_CELLS = 200  # Up to here every cell starts with mass; above, a set of cells that touches every row.
SUPPORT_SLACK = 1e-6  # A cell keeps its mass only while |d_j/N - 1| is below this; otherwise it is still on its way to 0.
CURVATURE_RIDGE = 1e-11  # Added to the unit diagonal of the scaled information, so that non-unique masses stay put.


@dataclass(frozen=True, slots=True, eq=False)
class RangeMixture:
    """Row i covers cells first[i] <= j < last[i]; a `restricted` row covers only the `marked` cells among them."""

    first: IntArray
    last: IntArray
    restricted: BoolArray
    marked: FloatArray
    weight: FloatArray
    first_slot: IntArray
    last_slot: IntArray

    @classmethod
    def of(cls, first: IntArray, last: IntArray, restricted: BoolArray, marked: BoolArray, weight: FloatArray) -> RangeMixture:
        shift = restricted * (marked.size + 1)
        return cls(first, last, restricted, marked.astype(np.float64), weight, first + shift, last + shift)

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


@dataclass(frozen=True, slots=True, eq=False)
class SimplexFit:
    """Masses at the maximum, what they reach, and how far the optimality conditions are from holding."""

    mass: FloatArray
    log_likelihood: float
    kkt_residual: float
    rises: tuple[float, ...]  # what each Newton step added to the log-likelihood; never negative


def maximise(
    mixture: RangeMixture, *, tolerance: float, max_iterations: int = 500, start: FloatArray | None = None
) -> SimplexFit:
    """Masses that maximise sum_i w_i log(P_i) over the simplex, by EM and then a constrained Newton method.

    Each step maximises the quadratic expansion of sum_i w_i log(P_i) - N sum_j p_j over p >= 0 (that penalty is maximal at
    sum p = 1 by itself) on the present support plus, in every gap of it, the cell with the largest gradient above N (Wang
    2007, JRSS B 69:185, the constrained Newton method). A step that would lower the likelihood is halved. It ends when
    max_j d_j / N - 1 <= tolerance, which bounds the distance to the maximum by N * tolerance, and raises NotConverged otherwise.
    """
    total = float(mixture.weight.sum())
    mass = _start(mixture) if start is None else start / start.sum()
    for _ in range(BURN_IN_SWEEPS):
        mass = mass * mixture.gradient(mixture.row_masses(mass))
        mass /= mass.sum()
    rises: list[float] = []
    residual, polished = np.inf, False
    while len(rises) < max_iterations:
        rows = mixture.row_masses(mass)
        slope = mixture.gradient(rows) / total - 1.0
        residual = max(float(slope.max()), 0.0)
        settled = residual <= tolerance and float(np.abs(slope[mass > 0.0]).max()) <= SUPPORT_SLACK
        step = None if settled and polished else _newton_step(mixture, mass, rows, slope, total)
        if step is None and residual <= tolerance:
            return SimplexFit(mass, float(np.dot(mixture.weight, np.log(rows))), residual, tuple(rises))
        if step is None:
            break
        mass, rise = step
        rises.append(rise)
        polished = settled  # One step beyond the tolerance: the convergence is quadratic, so it buys the last digits.
    raise NotConverged(
        f"the likelihood was not maximised: optimality residual {residual:.1e} where {tolerance:.1e} is asked",
        way_out="Coarsen the visit days to a grid, or raise `tolerance` knowingly.",
    )


def _start(mixture: RangeMixture) -> FloatArray:
    """Uniform masses: on every cell when there are few, else on unmarked cells, a thinned grid and one cell for every row."""
    m = mixture.marked.size
    if m <= DENSE_CELLS:
        return np.full(m, 1.0 / m)
    chosen = mixture.marked == 0.0
    chosen[:: max(1, m // (DENSE_CELLS // 4))] = True
    for restricted in (True, False):
        of_kind = mixture.restricted == restricted
        latest_first = np.full(m + 1, -1, dtype=np.int64)  # For each end, the latest beginning of a row that ends there.
        np.maximum.at(latest_first, mixture.last[of_kind], mixture.first[of_kind])
        allowed = np.flatnonzero(mixture.marked > 0.0) if restricted else np.arange(m)
        newest = -1
        for end in np.flatnonzero(latest_first >= 0):
            if latest_first[end] > newest:
                newest = int(allowed[np.searchsorted(allowed, end) - 1])
                chosen[newest] = True
    start: FloatArray = chosen / chosen.sum()
    return start


def _newton_step(
    mixture: RangeMixture, mass: FloatArray, rows: FloatArray, slope: FloatArray, total: float
) -> tuple[FloatArray, float] | None:
    """One accepted step: the new masses and the rise of the log-likelihood; None when no step raises it any more."""
    support = _support(mass, slope)
    present = mass[support]
    curvature = mixture.information(support, mixture.weight / (total * rows * rows))
    target = np.zeros_like(mass)
    target[support] = _nonnegative_quadratic(curvature, slope[support], present)
    target /= target.sum()
    promised = max(float(np.dot(slope, target - mass)), 0.0) * total
    share = 1.0
    while share > 1e-10:
        rise = _rise(mixture, rows, share * (target - mass))
        if rise >= 1e-4 * share * promised and rise > 0.0:
            return (target if share == 1.0 else mass + share * (target - mass)), rise
        share *= 0.5
    sweep = mass * (slope + 1.0)
    sweep /= sweep.sum()
    rise = _rise(mixture, rows, sweep - mass)
    return (sweep, rise) if rise > 0.0 else None


def _rise(mixture: RangeMixture, rows: FloatArray, move: FloatArray) -> float:
    """Change of the log-likelihood along a move, exact to far below the rounding of the log-likelihood itself.

    Rounding leaves the moved masses with a sum of 1 + 1e-16; the likelihood of the normalised masses takes that out.
    """
    relative = mixture.row_masses(move) / rows
    if float(relative.min()) <= -1.0 + 1e-12:
        return -np.inf
    return float(np.dot(mixture.weight, np.log1p(relative) - np.log1p(move.sum())))


def _support(mass: FloatArray, slope: FloatArray) -> IntArray:
    """Cells with mass, and in each gap between them the cell whose gradient exceeds N the most."""
    held = mass > 0.0
    rising = np.flatnonzero((slope > 0.0) & ~held)
    if rising.size == 0:
        return np.flatnonzero(held)
    gap = np.cumsum(held)[rising]
    order = np.lexsort((slope[rising], gap))
    best = order[np.concatenate((gap[order][1:] != gap[order][:-1], [True]))]
    held[rising[best]] = True
    return np.flatnonzero(held)


def _nonnegative_quadratic(curvature: FloatArray, slope: FloatArray, present: FloatArray) -> FloatArray:
    """x >= 0 that maximises slope'(x - p) - (x - p)' curvature (x - p) / 2, from the feasible point p.

    All cells that turn negative are dropped together; if the point found that way does not improve on p, they are dropped one
    by one, on the way from p to the free solution, which cannot fail (Lawson & Hanson 1974, ch. 23).
    """
    size = 1.0 / np.sqrt(np.maximum(np.diagonal(curvature), 1e-300))
    scaled = curvature * np.outer(size, size)
    np.fill_diagonal(scaled, 1.0 + CURVATURE_RIDGE)
    pull = slope * size + scaled @ (present / size)  # The ridge pulls towards the present point, so the optimum is unmoved.
    free = np.arange(slope.size)
    x = np.zeros(slope.size)
    while free.size:
        solved = np.linalg.solve(scaled[np.ix_(free, free)], pull[free])
        kept = solved > 0.0
        if kept.all():
            x[free] = solved * size[free]
            break
        free = free[kept]
    move = x - present
    if float(np.dot(slope, move) - 0.5 * np.dot(move, curvature @ move)) > 0.0:
        return x
    return _one_by_one(scaled, pull, present / size) * size


def _one_by_one(scaled: FloatArray, pull: FloatArray, x: FloatArray) -> FloatArray:
    free = np.arange(x.size)
    x = x.copy()
    while free.size:
        solved = np.linalg.solve(scaled[np.ix_(free, free)], pull[free])
        negative = solved < 0.0
        if not negative.any():
            x[free] = solved
            break
        ratio = x[free][negative] / np.maximum(x[free][negative] - solved[negative], 1e-300)
        share = float(ratio.min())
        x[free] += share * (solved - x[free])
        gone = np.zeros(free.size, dtype=np.bool_)
        gone[np.flatnonzero(negative)[ratio <= share]] = True
        x[free[gone]] = 0.0
        free = free[~gone]
    return x
