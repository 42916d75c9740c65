"""The largest value of a concave quadratic over masses that must not be negative."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray

CURVATURE_RIDGE = 1e-11  # Added to the unit diagonal of the scaled information, so that non-unique masses stay put.


def nonnegative_quadratic(curvature: FloatArray, slope: FloatArray, present: FloatArray) -> FloatArray:
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
