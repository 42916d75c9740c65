"""Integrals of smooth hazards over cells of time: three Gauss points a cell, running integrals at the points and at the edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray

_ROOT = float(np.sqrt(15.0))
POINTS = np.array([0.5 - _ROOT / 10.0, 0.5, 0.5 + _ROOT / 10.0])  # Gauss-Legendre on [0, 1]
SHARES = np.array([5.0, 8.0, 5.0]) / 18.0
# Integral from 0 to point q of the quadratic that is 1 at point r and 0 at the others (the three-stage Gauss scheme).
PARTIAL = np.array(
    [
        [5 / 36, 2 / 9 - _ROOT / 15, 5 / 36 - _ROOT / 30],
        [5 / 36 + _ROOT / 24, 2 / 9, 5 / 36 - _ROOT / 24],
        [5 / 36 + _ROOT / 30, 2 / 9 + _ROOT / 15, 5 / 36],
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class HazardCells:
    """m cells between m + 1 edges, the first where the curves begin, with three points in each."""

    edges: FloatArray
    width: FloatArray  # (m,)
    points: FloatArray  # (m, 3)

    @classmethod
    def between(cls, *times: FloatArray, begin: float = 0.0) -> HazardCells:
        edges = np.unique(np.concatenate((np.full(1, begin), *times)))
        width = np.diff(edges)
        return cls(edges=edges, width=width, points=edges[:-1, None] + width[:, None] * POINTS)

    def at_edges(self, values: FloatArray) -> FloatArray:
        """Integral from the first edge to each edge of something known at the points, (m, 3, ...) -> (m + 1, ...)."""
        cell = np.einsum("i,q,iq...->i...", self.width, SHARES, values)
        return np.concatenate((np.zeros((1, *cell.shape[1:])), np.cumsum(cell, axis=0)))

    def at_points(self, values: FloatArray, at_edges: FloatArray) -> FloatArray:
        """Integral from the first edge to each point."""
        within = np.einsum("i,qr,ir...->iq...", self.width, PARTIAL, values)
        return np.asarray(at_edges[:-1, None] + within)

    def reversed(self, on_points: FloatArray | None, on_edges: FloatArray) -> FloatArray:
        """The (m, 3) numbers c for which sum c * values = sum on_points * at_points + sum on_edges * at_edges, for any values."""
        later = np.cumsum(on_edges[::-1])[::-1][1:]
        if on_points is None:
            return np.asarray(self.width[:, None] * later[:, None] * SHARES)
        rest = np.concatenate((np.cumsum(on_points.sum(axis=1)[::-1])[::-1][1:], np.zeros(1)))
        return np.asarray(self.width[:, None] * ((later + rest)[:, None] * SHARES + on_points @ PARTIAL))
