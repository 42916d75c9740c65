"""When a step curve reaches a height."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray


class TimeQuantile(NamedTuple):
    """A time with its limits, in the unit of the input; `inf` = not reached."""

    estimate: float
    conf_low: float
    conf_high: float


def crossing(time: FloatArray, risen: FloatArray, p: float) -> float:
    """First time at which a rising step curve reaches p, or the middle of the stretch on which it equals p."""
    known = np.concatenate(([True], np.isfinite(risen)))
    x, y = np.concatenate(([0.0], time))[known], np.concatenate(([0.0], risen))[known]
    first = np.concatenate(([True], y[1:] != y[:-1]))
    last_time, x, y = float(time[-1]), x[first], y[first]
    reached = np.flatnonzero(y + TIE_TOLERANCE >= p)
    if reached.size == 0:
        return float("inf")
    exceeded = np.flatnonzero(y - TIE_TOLERANCE >= p)
    if exceeded.size:
        return float(x[reached[0]] + x[exceeded[0]]) / 2.0
    return (float(x[reached[0]]) + last_time) / 2.0
