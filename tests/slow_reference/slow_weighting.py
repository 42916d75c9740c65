"""Regressions of categories, balancing weights and balance, slowly: loops over rows, cells counted in fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from tests.slow_reference.slow_resampling import solved

Rows = list[list[float]]


def determinant(matrix: list[list[int]]) -> int:
    """By the first row, in whole numbers."""
    if not matrix:
        return 1
    minors = ([row[:j] + row[j + 1 :] for row in matrix[1:]] for j in range(len(matrix)))
    return sum((-1) ** j * matrix[0][j] * determinant(minor) for j, minor in enumerate(minors) if matrix[0][j])


def separated(x: list[list[int]], codes: list[int]) -> bool:
    """Whether a direction exists in which no row's own category loses against another and some row's gains, exactly.

    All such directions form a cone. If the rows of its inequalities span the space, the cone is spanned by rays at right angles
    to all but one dimension of them: every choice of that many rows is tried, both ways.
    """
    k = max(codes)
    cuts = set()
    for xi, own in zip(x, codes, strict=True):
        for other in range(k + 1):
            if other != own:
                cut = [0] * (k * (len(xi) + 1))
                for sign, category in ((1, own), (-1, other)):
                    for j, value in enumerate([1, *xi]):
                        if category:
                            cut[(category - 1) * (len(xi) + 1) + j] += sign * value
                cuts.add(tuple(cut))
    rows = sorted(cuts)
    size = len(rows[0])
    for chosen in combinations(rows, size - 1):
        ray = [(-1) ** j * determinant([list(row[:j] + row[j + 1 :]) for row in chosen]) for j in range(size)]
        if any(ray):
            margins = [sum(r * c for r, c in zip(ray, row, strict=True)) for row in rows]
            if all(m >= 0 for m in margins) or all(m <= 0 for m in margins):
                return True
    return False


def probabilities(beta: list[float], xi: Sequence[float], k: int) -> list[float]:
    q = len(xi)
    odds = [math.exp(math.fsum(b * v for b, v in zip(beta[m * q : (m + 1) * q], xi, strict=True))) for m in range(k)]
    return [o / (1.0 + math.fsum(odds)) for o in odds]


def derivatives(beta: list[float], x: Rows, y: Rows, w: list[float]) -> tuple[list[float], Rows]:
    """Score and information of categories 1 to K - 1, y their indicators (or fractions)."""
    k, q = len(y[0]), len(x[0])
    score, information = [0.0] * (k * q), [[0.0] * (k * q) for _ in range(k * q)]
    for xi, yi, wi in zip(x, y, w, strict=True):
        p = probabilities(beta, xi, k)
        for a in range(k):
            for i in range(q):
                score[a * q + i] += wi * (yi[a] - p[a]) * xi[i]
                for b in range(k):
                    for j in range(q):
                        information[a * q + i][b * q + j] += wi * p[a] * ((a == b) - p[b]) * xi[i] * xi[j]
    return score, information


def categories(x: Rows, y: Rows, w: list[float]) -> list[float] | None:
    """Coefficients category by category, by Newton's steps shortened until the score falls; None when they do not settle."""
    beta = [0.0] * (len(y[0]) * len(x[0]))
    score, information = derivatives(beta, x, y, w)
    for _ in range(60):
        step = solved(information, score)
        if step is None:
            return None
        if max(map(abs, step)) < 1e-12:
            return beta
        for _ in range(30):
            trial = [b + s for b, s in zip(beta, step, strict=True)]
            after = derivatives(trial, x, y, w) if max(map(abs, trial)) < 100 else None
            downhill = None if after is None else solved(after[1], after[0])
            short = downhill is not None and sum(map(abs, downhill)) < 20 * sum(map(abs, step))
            if after is not None and short and _smaller(after, score, information):
                break
            step = [s / 2 for s in step]
        else:
            return None
        beta, (score, information) = trial, after
    return None


def _smaller(after: tuple[list[float], Rows], score: list[float], information: Rows) -> bool:
    """Whether the score has become shorter, measured with the information before."""

    def length(of: list[float]) -> float:
        there = solved(information, of)
        return math.inf if there is None else math.fsum(a * b for a, b in zip(of, there, strict=True))

    return length(after[0]) <= length(score) * (1 + 1e-12)


def sandwich(beta: list[float], x: Rows, y: Rows, w: list[float], cluster: list[int]) -> Rows:
    """C J C with the scores of clusters."""
    k, q = len(y[0]), len(x[0])
    sums: dict[int, list[float]] = {}
    for xi, yi, wi, c in zip(x, y, w, cluster, strict=True):
        p = probabilities(beta, xi, k)
        own = [wi * (yi[a] - p[a]) * v for a in range(k) for v in xi]
        sums[c] = [s + o for s, o in zip(sums.get(c, [0.0] * (k * q)), own, strict=True)]
    information = derivatives(beta, x, y, w)[1]
    moved = [solved(information, total) or [] for total in sums.values()]
    return [[math.fsum(m[i] * m[j] for m in moved) for j in range(k * q)] for i in range(k * q)]


def cell_weights(
    cells: list[int], codes: list[int], copies: list[int], target: str, compared: tuple[int, int]
) -> list[Fraction] | None:
    """Unstabilised weights of rows with the propensity of their cell; None when a cell lacks a treatment."""
    found: list[Fraction] = []
    for cell, code in zip(cells, codes, strict=True):
        there = [(c, m) for d, c, m in zip(cells, codes, copies, strict=True) if d == cell]
        total = sum(m for _, m in there)
        e = {k: Fraction(sum(m for c, m in there if c == k), total) for k in set(codes)}
        if not all(e.values()):
            return None
        first, second = (e[k] for k in compared)
        tilt = {
            "everyone": Fraction(1),
            "treated": second,
            "overlap": 1 / (1 / first + 1 / second),
            "matching": min(first, second),
        }[target]
        found.append(tilt / e[code] if code in compared else Fraction(0))
    return found


def weighted_mean(values: list[Fraction], weights: list[Fraction]) -> Fraction:
    return sum((v * w for v, w in zip(values, weights, strict=True)), Fraction(0)) / sum(weights)


def ks_distance(values: list[Fraction], weights: list[Fraction], arms: list[int]) -> Fraction:
    """The largest distance of the two weighted distribution functions, value by value."""
    farthest = Fraction(0)
    for at in values:
        below = []
        for arm in (0, 1):
            there = [(v, w) for v, w, a in zip(values, weights, arms, strict=True) if a == arm]
            below.append(sum((w for v, w in there if v <= at), Fraction(0)) / sum(w for _, w in there))
        farthest = max(farthest, abs(below[1] - below[0]))
    return farthest


def weighted_variance(values: list[Fraction], weights: list[Fraction]) -> Fraction:
    """Unbiased with weights; p (1 - p) where `values` are all 0 or 1 is up to the caller."""
    mean, total = weighted_mean(values, weights), sum(weights)
    lost = total - sum((w * w for w in weights), Fraction(0)) / total
    return sum((w * (v - mean) ** 2 for v, w in zip(values, weights, strict=True)), Fraction(0)) / lost
