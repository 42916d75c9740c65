"""The interval-censored estimate from its definition: one column for every day and cause, plain loops, nothing reduced."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

TAIL = 0  # the column of what happens after everything, of no known cause


@dataclass(frozen=True)
class Rows:
    """Whole days. Cause 0: free of everything at `left`; 1: in (left, right]; 2 and above: on day `right`."""

    left: list[int]
    right: list[float]
    cause: list[int]
    entry: list[int]
    weight: list[float]

    @property
    def n(self) -> int:
        return len(self.left)


def columns_of(rows: Rows, last_day: int) -> list[tuple[int, int]]:
    """Every (day, cause), and the tail."""
    causes = sorted({1, *(c for c in rows.cause if c > 0)})
    return [(day, c) for day in range(1, last_day + 1) for c in causes] + [(last_day + 1, TAIL)]


def allows(rows: Rows, i: int, column: tuple[int, int]) -> bool:
    """Whether the event of row i may be that day and cause."""
    day, of = column
    if rows.cause[i] == 0:
        return day > rows.left[i]
    if rows.cause[i] == 1:
        return of == 1 and max(rows.left[i], rows.entry[i]) < day <= rows.right[i]
    return of == rows.cause[i] and day == rows.right[i]


def matrices(rows: Rows, last_day: int) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """0/1 matrices of what each row allows and of what it is given (T > entry), and the columns."""
    columns = columns_of(rows, last_day)
    allowed = np.array([[float(allows(rows, i, column)) for column in columns] for i in range(rows.n)])
    given = np.array([[float(day > rows.entry[i]) for day, _ in columns] for i in range(rows.n)])
    return allowed, given, columns


def log_likelihood(allowed: np.ndarray, given: np.ndarray, weight: np.ndarray, mass: np.ndarray) -> float:
    total = 0.0
    for i in range(len(weight)):
        total += weight[i] * (log(float(allowed[i] @ mass)) - log(float(given[i] @ mass)))
    return total


def optimality_gap(allowed: np.ndarray, given: np.ndarray, weight: np.ndarray, mass: np.ndarray) -> float:
    """The largest gain, per unit of weight, from a little mass on any column: at most 0 at a maximum."""
    gain = allowed.T @ (weight / (allowed @ mass)) - given.T @ (weight / (given @ mass))
    return float(gain.max() / weight.sum())


def std_errors(
    allowed: np.ndarray, given: np.ndarray, weight: np.ndarray, mass: np.ndarray, functionals: np.ndarray
) -> np.ndarray | None:
    """Of sums of masses, from second derivatives written out row by row and the inverse bordered by sum p = 1.

    `mass` has one column for every cell with mass; None when the masses are not unique.
    """
    k = mass.size
    border = np.zeros((k + 1, k + 1))
    for i in range(len(weight)):
        seen, before = allowed[i], given[i]
        border[:k, :k] += weight[i] * np.outer(seen, seen) / (seen @ mass) ** 2
        border[:k, :k] -= weight[i] * np.outer(before, before) / (before @ mass) ** 2
    size = np.concatenate((mass, [1.0]))
    border[:k, k] = border[k, :k] = 1.0
    scaled = border * np.outer(size, size)
    if np.linalg.cond(scaled) > 1e10:
        return None
    inverse = (np.linalg.inv(scaled) * np.outer(size, size))[:k, :k]
    return np.array([np.sqrt(max(float(c @ inverse @ c), 0.0)) for c in functionals])


def constrained_log_likelihood(
    allowed: np.ndarray, weight: np.ndarray, chosen: np.ndarray, share: float, *, sweeps: int
) -> float:
    """The largest log-likelihood when the chosen columns hold `share` of the mass: EM, both parts rescaled; no late entry."""
    inside, outside = chosen > 0, chosen == 0
    mass = np.where(inside, share / inside.sum(), (1 - share) / outside.sum())
    for _ in range(sweeps):
        mass = mass * (allowed.T @ (weight / (allowed @ mass)))
        for part, of in ((inside, share), (outside, 1 - share)):
            total = mass[part].sum()
            mass[part] = of * mass[part] / total if total > 0 else of / part.sum()
    return float(weight @ np.log(allowed @ mass))


def sun_scores(left: list[int], right: list[float], day: list[float], mass: list[float]) -> list[float]:
    """[S(L) log S*(L) - S(R) log S*(R)] / [S(L) - S(R)], S* the exponential of minus the summed hazards (one cause)."""

    def survival(t: float) -> float:
        return 1.0 - sum(m for d, m in zip(day, mass, strict=True) if d <= t)

    def cumulative_hazard(t: float) -> float:
        return sum(m / survival(d - 0.5) for d, m in zip(day, mass, strict=True) if d <= t and m > 0)

    def bracket(t: float) -> float:
        return 0.0 if t == np.inf else -survival(t) * cumulative_hazard(t)

    scores = []
    for low, high in zip(left, right, strict=True):
        probability = survival(low) - (0.0 if high == np.inf else survival(high))
        scores.append((bracket(low) - bracket(high)) / probability)
    return scores


def permutation_covariance(scores: list[float], group: list[int], n_groups: int) -> list[list[float]]:
    """Covariance of the group sums over all orders of the labels, from its formula entry by entry."""
    n, mean = len(scores), sum(scores) / len(scores)
    spread = sum((c - mean) ** 2 for c in scores) / (n - 1)
    count = [sum(1 for g in group if g == a) for a in range(n_groups)]
    return [[spread * (count[a] * (a == b) - count[a] * count[b] / n) for b in range(n_groups)] for a in range(n_groups)]
