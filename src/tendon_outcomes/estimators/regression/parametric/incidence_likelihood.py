"""The likelihood of smooth cause-specific hazards when cause 1 is seen between two looks and the other causes are dated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray, summed_by
from tendon_outcomes.estimators.regression.parametric.hazard_cells import HazardCells
from tendon_outcomes.estimators.regression.parametric.log_time_basis import LogTimeBasis
from tendon_outcomes.estimators.regression.parametric.newton import Evaluation, climb

PRIOR_SD = 2.0  # of the log hazard at a knot about the mean over the knots: a quarter of an event a knot
FILLERS = 160  # Cells that there are at least, evenly over log time: integrals are good to about 1e-9 at five close knots.


@dataclass(frozen=True, slots=True, eq=False)
class HazardModel:
    """log h_k(t) = columns of basis k times its coefficients; the coefficients of all causes stand in one vector."""

    causes: tuple[int, ...]  # 1 first
    bases: tuple[LogTimeBasis, ...]
    begin: float = 0.0  # The first entry: the curves are given that the event comes after it.

    @property
    def blocks(self) -> tuple[slice, ...]:
        ends = np.cumsum([0, *(basis.size for basis in self.bases)]).tolist()
        return tuple(slice(a, b) for a, b in pairwise(ends))

    @property
    def size(self) -> int:
        return sum(basis.size for basis in self.bases)

    def penalty(self) -> FloatArray:
        """The matrix P of the penalty b'Pb/2: squared departures of the log hazard at the knots from their mean."""
        matrix = np.zeros((self.size, self.size))
        for block, basis in zip(self.blocks, self.bases, strict=True):
            matrix[block, block] = (np.eye(basis.size) - 1.0 / basis.size) / PRIOR_SD**2
        return matrix

    def cells(self, *times: FloatArray) -> HazardCells:
        """Cells with an edge at every time asked for, at every knot before the last time, and enough between."""
        last = max(float(t.max(initial=0.0)) for t in times)
        origin = self.bases[0].origin
        steps = np.linspace(np.log1p(self.begin / origin), np.log1p(last / origin), FILLERS + 1)[1:-1]
        between = origin * np.expm1(steps)
        knots = np.concatenate([basis.knots for basis in self.bases])
        return HazardCells.between(*times, between, knots[(knots > self.begin) & (knots < last)], begin=self.begin)


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Cumulative hazard and incidences at the edges of the cells, with their derivatives in the coefficients."""

    hazards: tuple[FloatArray, ...]  # (m, 3) each
    free: FloatArray  # (m, 3): exp(-H)
    slope: FloatArray  # (m, 3, p): dH/db
    hazard_at_edges: FloatArray  # (m + 1,): H
    hazard_slope_at_edges: FloatArray  # (m + 1, p)


def columns_of(model: HazardModel, cells: HazardCells) -> tuple[FloatArray, ...]:
    """The spline columns of every cause at the points."""
    return tuple(basis.columns(cells.points) for basis in model.bases)


def curves(model: HazardModel, cells: HazardCells, columns: Sequence[FloatArray], beta: FloatArray) -> Curves:
    """Hazards at the points and what accumulates from them."""
    with np.errstate(over="ignore"):
        hazards = tuple(np.exp(x @ beta[block]) for x, block in zip(columns, model.blocks, strict=True))
    total = np.sum(hazards, axis=0)
    moved = np.concatenate([x * h[..., None] for x, h in zip(columns, hazards, strict=True)], axis=-1)
    at_edges, slope_at_edges = cells.at_edges(total), cells.at_edges(moved)
    return Curves(
        hazards=hazards,
        free=np.exp(-cells.at_points(total, at_edges)),
        slope=cells.at_points(moved, slope_at_edges),
        hazard_at_edges=at_edges,
        hazard_slope_at_edges=slope_at_edges,
    )


def incidence(
    model: HazardModel, cells: HazardCells, columns: Sequence[FloatArray], found: Curves, j: int
) -> tuple[FloatArray, FloatArray]:
    """F of the j-th cause at the edges, (m + 1,), and its derivatives, (m + 1, p)."""
    density = found.hazards[j] * found.free
    return cells.at_edges(density), cells.at_edges(density[..., None] * log_density_slope(model, columns, found, j))


def log_density_slope(model: HazardModel, columns: Sequence[FloatArray], found: Curves, j: int) -> FloatArray:
    """d log(h_j exp(-H)) / db at the points."""
    slope = -found.slope
    slope[..., model.blocks[j]] += columns[j]
    return slope


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """Rows placed on the cells: `at` is the edge of the end (left for censored rows), `low` the edge of a cause-1 row's left."""

    model: HazardModel
    cells: HazardCells
    columns: tuple[FloatArray, ...]
    which: IntArray  # -1 censored, else the position of the cause
    at: IntArray
    low: IntArray
    entry: IntArray
    dated: FloatArray  # (n, p): columns of a dated cause at its day, in its block; 0 elsewhere
    weight: FloatArray

    @classmethod
    def of(
        cls, model: HazardModel, *, left: FloatArray, right: FloatArray, cause: IntArray, entry: FloatArray, weight: FloatArray
    ) -> Likelihood:
        end = np.where(cause == 0, left, right)
        low = np.where(cause == 1, left, model.begin)
        cells = model.cells(end, low, entry)
        which = np.full(cause.size, -1)
        dated = np.zeros((cause.size, model.size))
        for j, k in enumerate(model.causes):
            rows = cause == k
            which[rows] = j
            if k > 1:
                dated[rows, model.blocks[j]] = model.bases[j].columns(end[rows])
        at, low_at, entry_at = (np.searchsorted(cells.edges, t) for t in (end, low, entry))
        return cls(model, cells, columns_of(model, cells), which, at, low_at, entry_at, dated, weight)

    def rows(self, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, Curves]:
        """(log-likelihood of each row, its derivatives (n, p), probability of each cause-1 row, curves)."""
        found = curves(self.model, self.cells, self.columns, beta)
        seen = self.which == 0
        gone, gone_slope = found.hazard_at_edges, found.hazard_slope_at_edges
        value = gone[self.entry] - np.where(seen, 0.0, gone[self.at]) + self.dated @ beta
        slope = gone_slope[self.entry] - np.where(seen[:, None], 0.0, gone_slope[self.at]) + self.dated
        risen, risen_slope = incidence(self.model, self.cells, self.columns, found, 0)
        mass = risen[self.at[seen]] - risen[self.low[seen]]
        with np.errstate(divide="ignore", invalid="ignore"):
            value[seen] += np.log(np.maximum(mass, 0.0))
            slope[seen] += (risen_slope[self.at[seen]] - risen_slope[self.low[seen]]) / mass[:, None]
        return value, slope, mass, found

    def information(self, slope: FloatArray, mass: FloatArray, found: Curves) -> FloatArray:
        """Minus the second derivatives of the log-likelihood."""
        cells, m = self.cells, self.cells.edges.size
        seen = self.which == 0
        by_mass = self.weight[seen] / mass
        on_edges = summed_by(self.at[seen], by_mass, m) - summed_by(self.low[seen], by_mass, m)
        density = cells.reversed(None, on_edges) * found.hazards[0] * found.free
        flat = log_density_slope(self.model, self.columns, found, 0).reshape(-1, self.model.size)
        # The rows' own slopes less what entry adds: d log P of each cause-1 row.
        own = slope[seen] - found.hazard_slope_at_edges[self.entry[seen]]
        result = (own * self.weight[seen, None]).T @ own - (flat * density.reshape(-1, 1)).T @ flat
        still = summed_by(self.at[~seen], self.weight[~seen], m) - summed_by(self.entry, self.weight, m)
        curvature = cells.reversed(density, still)
        for block, x, h in zip(self.model.blocks, self.columns, found.hazards, strict=True):
            rows = x.reshape(-1, x.shape[-1])
            result[block, block] += (rows * (curvature * h).reshape(-1, 1)).T @ rows
        return np.asarray(result)


@dataclass(frozen=True, slots=True, eq=False)
class PenalisedFit:
    """The maximum, the log-likelihood there without the penalty, the inverse penalised information, scores of the rows."""

    beta: FloatArray
    log_likelihood: float
    covariance: FloatArray
    scores: FloatArray  # (n, p), without weights
    iterations: int


def maximise(likelihood: Likelihood, start: FloatArray) -> PenalisedFit:
    """The penalised maximum."""
    penalty, weight = likelihood.model.penalty(), likelihood.weight

    def evaluate(beta: FloatArray) -> Evaluation:
        value, slope, mass, found = likelihood.rows(beta)
        pull = penalty @ beta
        return float(weight @ value - 0.5 * beta @ pull), lambda: (
            np.asarray(weight @ slope - pull),
            likelihood.information(slope, mass, found) + penalty,
        )

    top = climb(evaluate, start, what="the smooth incidence", way_out="Use fewer knots.")
    value, slope, _, _ = likelihood.rows(top.at)
    return PenalisedFit(top.at, float(weight @ value), top.covariance, slope, top.iterations)
