"""Natural cubic splines of log time, described by their values at the knots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.natural_spline import natural_spline


@dataclass(frozen=True, slots=True, eq=False)
class LogTimeBasis:
    """A natural cubic spline in x = log(1 + t/origin), linear outside its knots; one column a knot, 1 there and 0 at the others.

    A coefficient is the value of the spline at its knot. The columns sum to 1, so equal coefficients are a constant; with one
    knot the spline is that constant, with two a straight line in x. The shift by `origin` keeps the value at time 0 finite.
    """

    knots: FloatArray  # in the unit of time, ascending
    origin: float
    _mixing: FloatArray  # takes (1, x, truncated cubics) to the columns

    @classmethod
    def at(cls, knots: FloatArray, origin: float) -> LogTimeBasis:
        at = np.log1p(knots / origin)
        return cls(knots=knots, origin=origin, _mixing=np.asarray(np.linalg.inv(natural_spline(at, at))))

    @property
    def size(self) -> int:
        return int(self.knots.size)

    def columns(self, time: FloatArray) -> FloatArray:
        """The columns at each time, in a last axis."""
        x = np.log1p(time / self.origin)
        return np.asarray(natural_spline(x, np.log1p(self.knots / self.origin)) @ self._mixing, dtype=np.float64)


def spread_quantiles(begin: FloatArray, end: FloatArray, weight: FloatArray, p: FloatArray) -> FloatArray:
    """Quantiles of events each spread evenly over its (begin, end]: no ties, whatever the visit grid."""
    edges = np.unique(np.concatenate((begin, end)))
    density = weight / (end - begin)
    start, stop = np.searchsorted(edges, begin), np.searchsorted(edges, end)
    slope = np.cumsum(
        np.bincount(start, weights=density, minlength=edges.size) - np.bincount(stop, weights=density, minlength=edges.size)
    )
    reached = np.concatenate(([0.0], np.cumsum(np.maximum(slope[:-1], 0.0) * np.diff(edges))))
    rising = np.concatenate(([True], np.diff(reached) > 1e-12 * reached[-1]))
    quantiles: FloatArray = np.interp(p * reached[-1], reached[rising], edges[rising])
    return quantiles
