"""Slow, obvious versions of the estimators, in exact fractions or dense matrices: what the quick ones are held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

Row = tuple[Fraction, Fraction, int]  # entry, exit, cause (0 = censored)
NUDGE = Fraction(1, 10**40)


def risk_set(rows: Sequence[Row], weights: Sequence[Fraction], day: Fraction) -> Fraction:
    return sum((w for (entry, exit_, _), w in zip(rows, weights, strict=True) if entry < day <= exit_), Fraction(0))


def incidence(rows: Sequence[Row], weights: Sequence[Fraction], cause: int, day: Fraction) -> Fraction:
    """Aalen-Johansen from its definition; cause 0 gives the survival."""
    survival, total = Fraction(1), Fraction(0)
    for now in sorted({exit_ for _, exit_, _ in rows}):
        at_risk = risk_set(rows, weights, now)
        if now > day or at_risk == 0:
            continue
        happened = [(c, w) for (_, exit_, c), w in zip(rows, weights, strict=True) if exit_ == now and c > 0]
        total += survival * sum((w for c, w in happened if c == cause), Fraction(0)) / at_risk
        survival *= 1 - sum((w for _, w in happened), Fraction(0)) / at_risk
    return survival if cause == 0 else total


def greenwood(rows: Sequence[Row], weights: Sequence[Fraction], day: Fraction) -> Fraction:
    """Greenwood's variance of the survival on a day."""
    total = Fraction(0)
    for now in sorted({exit_ for _, exit_, c in rows if c > 0 and exit_ <= day}):
        at_risk = risk_set(rows, weights, now)
        events = sum((w for (_, exit_, c), w in zip(rows, weights, strict=True) if exit_ == now and c > 0), Fraction(0))
        if at_risk == events:
            return Fraction(0)
        total += events / (at_risk * (at_risk - events))
    return incidence(rows, weights, 0, day) ** 2 * total


def time_lost(rows: Sequence[Row], weights: Sequence[Fraction], cause: int, horizon: Fraction) -> Fraction:
    """Area under an incidence (or, with cause 0, under the survival) up to the horizon."""
    days = [Fraction(0), *sorted({exit_ for _, exit_, _ in rows if exit_ < horizon}), horizon]
    return sum((incidence(rows, weights, cause, a) * (b - a) for a, b in pairwise(days)), Fraction(0))


def jackknife(
    statistic: Callable[[Sequence[Fraction]], Fraction], weights: Sequence[Fraction], *, copies: bool = False
) -> Fraction:
    """sum_i w_i^2 (d statistic / d w_i)^2, or sum_i w_i (...)^2, by rational central differences (error 1e-80)."""
    total = Fraction(0)
    for i, w in enumerate(weights):
        up, down = list(weights), list(weights)
        up[i], down[i] = w + NUDGE, w - NUDGE
        slope = (statistic(up) - statistic(down)) / (2 * NUDGE)
        total += (w if copies else w * w) * slope**2
    return total


def allowed_cells(
    left: np.ndarray, right: np.ndarray, cause: np.ndarray, *, last_day: int
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """0/1 matrix of rows by (day, cause) cells over every whole day, and a tail: no reduction to innermost intersections."""
    causes = sorted({1, *(int(c) for c in cause if c > 0)})
    cells = [(day, c) for day in range(1, last_day + 1) for c in causes] + [(last_day + 1, 0)]
    matrix = np.zeros((len(left), len(cells)))
    for i, (low, high, c) in enumerate(zip(left, right, cause, strict=True)):
        for j, (day, of) in enumerate(cells):
            if c == 0:
                matrix[i, j] = day > low
            elif c == 1:
                matrix[i, j] = of == 1 and low < day <= high
            else:
                matrix[i, j] = of == c and day == high
    return matrix, cells


def plain_em(matrix: np.ndarray, weight: np.ndarray, *, sweeps: int) -> np.ndarray:
    """Expectation-maximisation, the textbook loop."""
    p = np.full(matrix.shape[1], 1.0 / matrix.shape[1])
    for _ in range(sweeps):
        p = p * (matrix.T @ (weight / (matrix @ p))) / weight.sum()
    return p


def optimality_gap(matrix: np.ndarray, weight: np.ndarray, mass: np.ndarray) -> float:
    """max_j d_j/N - 1 over every column of the dense matrix: at most 0 exactly at a maximum (Gentleman & Geyer 1994)."""
    gradient = matrix.T @ (weight / (matrix @ mass))
    return float(gradient.max() / weight.sum() - 1.0)
