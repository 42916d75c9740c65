"""Resampled estimators as their definitions say: copies are copied, sums are loops, fractions are exact."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise, permutations
from statistics import NormalDist

Row = tuple[int, int, int, Fraction]  # entry, exit, cause, weight


def incidences(rows: list[Row], day: Fraction, n_causes: int) -> tuple[Fraction, list[Fraction]] | None:
    """(S(day), [F_1(day), ...]) of the weighted rows; None when nobody was followed to the day and the curve has not ended."""
    present = [row for row in rows if row[3] > 0]
    if not present:
        return None
    survival, incidence = Fraction(1), [Fraction(0)] * n_causes
    for t in sorted({row[1] for row in present if row[2] > 0 and row[1] <= day}):
        at_risk = sum((w for entry, leave, _, w in present if entry < t <= leave), Fraction(0))
        events = [
            sum((w for _, leave, cause, w in present if leave == t and cause == k + 1), Fraction(0)) for k in range(n_causes)
        ]
        for k in range(n_causes):
            incidence[k] += survival * events[k] / at_risk
        survival *= 1 - sum(events) / at_risk
    if survival > 0 and max(row[1] for row in present) < day:
        return None
    return survival, incidence


def areas(rows: list[Row], horizon: Fraction, n_causes: int) -> tuple[Fraction, list[Fraction]] | None:
    """Areas under S and each F_k from 0 to the horizon."""
    if incidences(rows, horizon, n_causes) is None:
        return None
    edges = [Fraction(0), *(Fraction(t) for t in sorted({row[1] for row in rows if row[1] < horizon})), horizon]
    under, lost = Fraction(0), [Fraction(0)] * n_causes
    for low, high in pairwise(edges):
        step = incidences(rows, low, n_causes)
        assert step is not None
        under += step[0] * (high - low)
        lost = [total + one * (high - low) for total, one in zip(lost, step[1], strict=True)]
    return under, lost


def greenwood(rows: list[Row], day: Fraction) -> float:
    """Standard error of S(day) with weights as copies."""
    survival, total = Fraction(1), Fraction(0)
    for t in sorted({row[1] for row in rows if row[2] > 0 and row[3] > 0 and row[1] <= day}):
        at_risk = sum((w for entry, leave, _, w in rows if entry < t <= leave), Fraction(0))
        died = sum((w for _, leave, cause, w in rows if leave == t and cause > 0), Fraction(0))
        if died == at_risk:
            return 0.0
        survival *= 1 - died / at_risk
        total += died / (at_risk * (at_risk - died))
    return float(survival) * math.sqrt(total)


def solved(matrix: list[list[float]], vector: list[float]) -> list[float] | None:
    """Gauss with pivots; None when singular."""
    a = [[*row, v] for row, v in zip(matrix, vector, strict=True)]
    p = len(vector)
    for i in range(p):
        best = max(range(i, p), key=lambda r: abs(a[r][i]))
        if abs(a[best][i]) < 1e-11 * max(1e-300, *(abs(v) for row in matrix for v in row)):
            return None
        a[i], a[best] = a[best], a[i]
        for r in range(p):
            if r != i:
                factor = a[r][i] / a[i][i]
                a[r] = [x - factor * y for x, y in zip(a[r], a[i], strict=True)]
    return [a[i][p] / a[i][i] for i in range(p)]


def _maximised(value, derivatives, p: int, bound: float) -> list[float] | None:  # type: ignore[no-untyped-def]
    """Newton with halving from 0; None when the steps carry it away (no finite maximum)."""
    beta = [0.0] * p
    now = value(beta)
    for _ in range(200):
        score, information = derivatives(beta)
        step = solved(information, score)
        if step is None:
            return None
        for _ in range(40):
            new = [b + s for b, s in zip(beta, step, strict=True)]
            try:
                then = value(new)
            except (OverflowError, ValueError, ZeroDivisionError):
                then = -math.inf
            if then >= now - 1e-13 * abs(now):
                break
            step = [s / 2 for s in step]
        beta, now = new, then
        if max(abs(b) for b in beta) > bound:
            return None
        if max(abs(s) for s in step) < 1e-10:
            return beta
    return None


def logistic(x: list[list[float]], y: list[int], w: list[float]) -> list[float] | None:
    """Intercept and slopes; None without a finite maximum."""
    rows = [([1.0, *xi], yi, wi) for xi, yi, wi in zip(x, y, w, strict=True) if wi > 0]
    p = len(x[0]) + 1

    def chance(beta, xi):  # type: ignore[no-untyped-def]
        return 1 / (1 + math.exp(-sum(b * v for b, v in zip(beta, xi, strict=True))))

    def value(beta):  # type: ignore[no-untyped-def]
        total = 0.0
        for xi, yi, wi in rows:
            eta = sum(b * v for b, v in zip(beta, xi, strict=True))
            total += wi * (yi * eta - (math.log1p(math.exp(eta)) if eta < 0 else eta + math.log1p(math.exp(-eta))))
        return total

    def derivatives(beta):  # type: ignore[no-untyped-def]
        score, information = [0.0] * p, [[0.0] * p for _ in range(p)]
        for xi, yi, wi in rows:
            e = chance(beta, xi)
            for j in range(p):
                score[j] += wi * (yi - e) * xi[j]
                for k in range(p):
                    information[j][k] += wi * e * (1 - e) * xi[j] * xi[k]
        return score, information

    return _maximised(value, derivatives, p, 60.0)


def independent(x: list[list[float]], used: list[bool]) -> list[int]:
    """Columns of x that are no combination of a constant and the columns before them, among the rows that are used."""
    basis: list[list[float]] = [[1.0] * sum(used)]
    kept = []
    for j in range(len(x[0])):
        column = [xi[j] for xi, here in zip(x, used, strict=True) if here]
        gram = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in [*basis, column]] for u in [*basis, column]]
        if solved(gram, [0.0] * len(gram)) is not None:
            kept.append(j)
            basis.append(column)
    return kept


def cox(t: list[int], d: list[int], x: list[list[float]], copies: list[int], w: list[float]) -> list[float] | None:
    """Efron's maximum for rows that are written out `copies` times; None without a finite one."""
    rows = [(ti, di, xi, wi) for ti, di, xi, c, wi in zip(t, d, x, copies, w, strict=True) for _ in range(c)]
    p = len(x[0])
    days = sorted({ti for ti, di, _, _ in rows if di})
    if not days:
        return None

    def terms(beta):  # type: ignore[no-untyped-def]
        for day in days:
            risk = [(wi * math.exp(sum(b * v for b, v in zip(beta, xi, strict=True))), xi) for ti, _, xi, wi in rows if ti >= day]
            tied = [(wi, xi) for ti, di, xi, wi in rows if ti == day and di]
            of_tied = [(wi * math.exp(sum(b * v for b, v in zip(beta, xi, strict=True))), xi) for wi, xi in tied]
            mean = sum(wi for wi, _ in tied) / len(tied)
            for place in range(len(tied)):
                f = place / len(tied)
                s0 = sum(r for r, _ in risk) - f * sum(r for r, _ in of_tied)
                s1 = [sum(r * xi[j] for r, xi in risk) - f * sum(r * xi[j] for r, xi in of_tied) for j in range(p)]
                s2 = [
                    [sum(r * xi[j] * xi[k] for r, xi in risk) - f * sum(r * xi[j] * xi[k] for r, xi in of_tied) for k in range(p)]
                    for j in range(p)
                ]
                yield mean, s0, s1, s2

    had = [(wi, xi) for _, di, xi, wi in rows if di]

    def value(beta):  # type: ignore[no-untyped-def]
        linear = sum(wi * sum(b * v for b, v in zip(beta, xi, strict=True)) for wi, xi in had)
        return linear - sum(mean * math.log(s0) for mean, s0, _, _ in terms(beta))

    def derivatives(beta):  # type: ignore[no-untyped-def]
        score = [sum(wi * xi[j] for wi, xi in had) for j in range(p)]
        information = [[0.0] * p for _ in range(p)]
        for mean, s0, s1, s2 in terms(beta):
            for j in range(p):
                score[j] -= mean * s1[j] / s0
                for k in range(p):
                    information[j][k] += mean * (s2[j][k] / s0 - s1[j] * s1[k] / s0**2)
        return score, information

    return _maximised(value, derivatives, p, 15.0)


def order_quantile(values: list[float], p: float) -> float | None:
    """Order statistic (R + 1) p, on the normal scale between two; None outside them."""
    ordered, r = sorted(values), len(values)
    exact = Fraction(p).limit_denominator(10**6) * (r + 1)
    k = math.floor(exact)
    if k < 1 or exact > r:
        return None
    if exact == k:
        return ordered[k - 1]
    z = NormalDist().inv_cdf
    share = (z(p) - z(k / (r + 1))) / (z((k + 1) / (r + 1)) - z(k / (r + 1)))
    return ordered[k - 1] + share * (ordered[k] - ordered[k - 1])


def permutation_p(labels: list[int], values: list[int]) -> Fraction:
    """Share of the orders of the labels whose difference of group sums, centred, is at least as far out."""

    def far(order: tuple[int, ...]) -> Fraction:
        n1 = sum(order)
        total = sum(v for v, one in zip(values, order, strict=True) if one)
        return abs(Fraction(total) - Fraction(n1 * sum(values), len(values)))

    orders = list(permutations(labels))
    observed = far(tuple(labels))
    return Fraction(sum(far(order) >= observed for order in orders), len(orders))
