"""The likelihood of grouped proportional hazards: rows free in some cells, recovered in one of several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.parametric.grid_rows import GridRows
from tendon_outcomes.estimators.regression.parametric.newton import Derivatives, Evaluation, Maximum, climb

EMPTIED = -18.0  # A baseline this far below the largest is on its way to a hazard of 0.


@dataclass(frozen=True, slots=True, eq=False)
class CloglogLikelihood:
    """Rows over the cells `held` that may have a hazard; coefficients are their baselines and then b."""

    free: FloatArray  # (n, J) 1 where the row is free in the cell
    maybe: FloatArray  # (n, J) 1 where it may have recovered
    x: FloatArray
    weight: FloatArray
    held: IntArray

    @classmethod
    def of(cls, rows: GridRows, x: FloatArray, weight: FloatArray, n_cells: int) -> CloglogLikelihood:
        """Every cell in which somebody may have recovered; the others have hazard 0 at the maximum."""
        cell = np.arange(n_cells)
        free = (rows.start[:, None] <= cell) & (cell < rows.free[:, None])
        maybe = (rows.free[:, None] <= cell) & (cell < rows.seen[:, None])
        held = np.flatnonzero(maybe.any(axis=0))
        return cls(free[:, held].astype(np.float64), maybe[:, held].astype(np.float64), x, weight, held)

    def alike(self) -> IntArray:
        """Held cells that no row tells from the held cell before."""
        both = np.concatenate((self.free, self.maybe))
        return np.asarray(self.held[1:][(both[:, 1:] == both[:, :-1]).all(axis=0)], dtype=np.int64)

    def without(self, emptied: IntArray) -> CloglogLikelihood:
        """The same with hazard 0 in these of the held cells."""
        keep = np.delete(np.arange(self.held.size), emptied)
        return CloglogLikelihood(self.free[:, keep], self.maybe[:, keep], self.x, self.weight, self.held[keep])

    def _parts(self, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """(hazard of each held cell, relative hazard of each row, its D, 1 / expm1(D) or 0)."""
        with np.errstate(over="ignore"):
            cells, relative = np.exp(beta[: self.held.size]), np.exp(self.x @ beta[self.held.size :])
            d = (self.maybe @ cells) * relative
            pull = np.where(d > 0.0, 1.0 / np.expm1(np.where(d > 0.0, d, 1.0)), 0.0)
        return cells, relative, d, pull

    def evaluate(self, beta: FloatArray) -> Evaluation:
        """Weighted log-likelihood and, when asked, its gradient and information."""
        cells, relative, d, pull = self._parts(beta)
        seen = self.maybe.any(axis=1)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            value = -(self.free @ cells) * relative + np.where(seen, np.log(-np.expm1(-np.where(seen, d, 1.0))), 0.0)
        total = float(self.weight @ value)

        def derivatives() -> Derivatives:
            moved = self._moved(self.maybe, cells, relative)
            inner = (moved * (self.weight * pull * (1.0 + pull))[:, None]).T @ moved
            # sum_i w_i (pull_i D2_i - C2_i), with D2 and C2 sums over cells of v v' exp(a_j + x'b).
            share = (self.maybe * pull[:, None] - self.free) * cells * (relative * self.weight)[:, None]
            k = self.held.size
            inner[:k, :k] -= np.diag(share.sum(axis=0))
            across = share.T @ self.x
            inner[:k, k:] -= across
            inner[k:, :k] -= across.T
            inner[k:, k:] -= (self.x * share.sum(axis=1)[:, None]).T @ self.x
            return np.asarray(self.weight @ self.scores(beta)), inner

        return total if np.isfinite(total) else -np.inf, derivatives

    def scores(self, beta: FloatArray) -> FloatArray:
        """Derivatives of every row's log-likelihood, without weights."""
        cells, relative, _, pull = self._parts(beta)
        return self._moved(self.maybe, cells, relative) * pull[:, None] - self._moved(self.free, cells, relative)

    def _moved(self, chosen: FloatArray, cells: FloatArray, relative: FloatArray) -> FloatArray:
        """Derivatives of each row's sum of exp(a_j + x'b) over the chosen cells."""
        each = chosen * cells * relative[:, None]
        return np.concatenate((each, each.sum(axis=1)[:, None] * self.x), axis=1)

    def start(self) -> FloatArray:
        """Baselines of the overall rate: recovered rows over cells spent."""
        seen = self.maybe.any(axis=1)
        spent = float(self.weight @ (self.free.sum(axis=1) + 0.5 * self.maybe.sum(axis=1)))
        level = np.log(float(self.weight @ seen) / spent)
        return np.concatenate((np.full(self.held.size, level), np.zeros(self.x.shape[1])))


def maximise(likelihood: CloglogLikelihood) -> tuple[CloglogLikelihood, Maximum]:
    """The maximum, and the likelihood over the cells whose hazard is above 0 there.

    A hazard that runs to 0 is put there, and the climb starts again; at the end no emptied cell would gain by a hazard.
    """
    full, way_out = likelihood, "Use a coarser grid or fewer covariates."
    start = likelihood.start()
    for _ in range(likelihood.held.size + 1):
        top = climb(likelihood.evaluate, start, what="the complementary log-log model", way_out=way_out)
        baselines = top.at[: likelihood.held.size]
        emptied = np.flatnonzero(baselines < baselines.max() + EMPTIED)
        if emptied.size == 0:
            _refuse_gain(full, likelihood, top)
            return likelihood, top
        start = np.delete(top.at, emptied)
        likelihood = likelihood.without(emptied)
    raise NotConverged("the complementary log-log model lost every cell", way_out=way_out)


def _refuse_gain(full: CloglogLikelihood, reduced: CloglogLikelihood, top: Maximum) -> None:
    """Check d log-likelihood / d hazard <= 0 in the cells that were emptied."""
    out = ~np.isin(full.held, reduced.held)
    if not out.any():
        return
    _, relative, _, pull = reduced._parts(top.at)
    gain = ((full.maybe * pull[:, None] - full.free) * (relative * full.weight)[:, None]).sum(axis=0)[out]
    if (gain > 1e-6 * float(full.weight.sum())).any():
        raise NotConverged("a cell with hazard 0 would gain by a hazard", way_out="Use a coarser grid.")
