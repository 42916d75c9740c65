"""The few distributions of the latent process, on NumPy alone."""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import numpy as np

from tendon_outcomes.synthetic.draws import Floats, Integers, choose

_REACH, _STEPS_PER_UNIT = 8.5, 2048
"""The table of the normal distribution function; straight lines between its points are within 8e-9 of it."""


def normal_cdf(z: Floats) -> Floats:
    """Standard normal distribution function, to 8e-9: far below what a day of the calendar can show."""
    table = _table()
    place = np.clip((z + _REACH) * _STEPS_PER_UNIT, 0, table.size - 2)
    low = place.astype(np.int64)
    level: Floats = table[low] + (place - low) * (table[low + 1] - table[low])
    return level


def whole_normal(u: Floats, *, mean: float, sd: float, lowest: int, highest: int, counted_down: bool = False) -> Integers:
    """Quantiles of a normal variable kept within limits and told as a whole number.

    It is rounded to the nearest, or to completed units when ``counted_down``, as ages are.
    """
    normal = NormalDist(mean, sd)
    offset = 0.0 if counted_down else 0.5
    edges = [normal.cdf(value - offset) for value in range(lowest, highest + 2)]
    return lowest + choose(u, tuple(np.diff(edges)))


def weibull_mixture_quantile(u: Floats, *, share: float, scale: float, shape: float, hazard_ratio: Floats) -> Floats:
    """Time at which share * (1 - exp(-hazard_ratio (t / scale)^shape)) reaches u; infinite for u >= share."""
    with np.errstate(divide="ignore"):
        cumulative_hazard = -np.log1p(-np.minimum(u / share, 1.0)) if share > 0 else np.full(u.shape, np.inf)
    time: Floats = scale * (cumulative_hazard / hazard_ratio) ** (1 / shape)
    return time


@lru_cache(maxsize=1)
def _table() -> Floats:
    points = round(2 * _REACH * _STEPS_PER_UNIT) + 1
    return np.array([NormalDist().cdf(number / _STEPS_PER_UNIT - _REACH) for number in range(points)])
