"""Natural cubic splines: smooth between the knots, straight beyond them."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray


def natural_spline(x: FloatArray, knots: FloatArray) -> FloatArray:
    """The K columns 1, x and K - 2 truncated cubics, in a last axis, for K ascending knots.

    Linear beyond the outer knots; x is scaled to them, so that the columns are of one size (Harrell 2015, eq. 2.25).
    """
    if knots.size == 1:
        return np.ones((*x.shape, 1))
    first, before_last, last = knots[0], knots[-2], knots[-1]
    unit = last - first
    z = (x - first) / unit
    columns = [np.ones_like(z), z]
    for knot in knots[:-2]:
        a, b = (before_last - knot) / unit, (last - knot) / unit
        gap = (last - before_last) / unit
        cubes = [np.maximum((x - k) / unit, 0.0) ** 3 for k in (knot, before_last, last)]
        columns.append(cubes[0] - cubes[1] * b / gap + cubes[2] * a / gap)
    return np.stack(columns, axis=-1)
