"""Curves estimated day by day, made to rise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, checked_weights, refuse


def monotone(curve: npt.ArrayLike, *, weight: npt.ArrayLike | None = None) -> FloatArray:
    """The nondecreasing curve in [0, 1] nearest to a curve that was estimated day by day.

    Estimand
        None of its own: an incidence rises and lies in [0, 1], and estimates of its single days need not.
    Estimator
        Least (weighted) squares among nondecreasing curves by pooling adjacent violators, then cut to [0, 1]: the cut of the
        isotonic projection is the projection on both.
    Interval
        None: limits of the single days stay theirs.
    Conventions
        Along the last axis; what rises already and lies in [0, 1] is left as it is.
    Assumes
        Nothing.
    Not for
        Limits, or curves that may fall (being in a state with relapse).
    Parameters
        curve: (..., days) finite numbers. weight: one positive number a day, equal by default.
    Returns
        Array of the shape of `curve`.
    References
        Barlow, Bartholomew, Bremner & Brunk (1972) Statistical Inference under Order Restrictions, 1.2.
    Checked
        Exact (blocks by hand), max-min formula on random curves, properties: tests/estimators/test_point_treatment.py,
        tests/slow_reference/checks_point_treatment.py, tests/properties.
    """
    values = np.asarray(curve, dtype=np.float64)
    if values.ndim == 0 or not np.isfinite(values).all():
        raise refuse("a curve is a row of finite numbers")
    weights = checked_weights(weight, values.shape[-1])
    if not (weights > 0.0).all():
        raise refuse(f"{int(np.count_nonzero(weights <= 0.0))} of {weights.size} days have weight 0")
    rows = [_pooled(row, weights) for row in values.reshape(-1, values.shape[-1])]
    return np.clip(np.array(rows).reshape(values.shape), 0.0, 1.0)


def _pooled(row: FloatArray, weight: FloatArray) -> FloatArray:
    level: list[float] = []
    size: list[float] = []
    count: list[int] = []
    for value, mass in zip(row.tolist(), weight.tolist(), strict=True):
        level.append(value)
        size.append(mass)
        count.append(1)
        while len(level) > 1 and level[-2] > level[-1]:
            total = size[-2] + size[-1]
            level[-2:] = [(level[-2] * size[-2] + level[-1] * size[-1]) / total]
            size[-2:], count[-2:] = [total], [count[-2] + count[-1]]
    return np.repeat(level, count)
