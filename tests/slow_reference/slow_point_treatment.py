"""Estimators of point treatments from their definitions: plain loops, plain Newton steps, one row at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

PRIOR = 0.25  # the penalty on a coefficient per standard deviation


@dataclass(frozen=True)
class Sample:
    """Outcomes, treatments and covariates of rows, and the patient of each."""

    y: list[float]
    arm: list[int]
    x: list[list[float]]
    patient: list[int]

    @property
    def n(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each column among the rows a model is fitted to."""

    mean: list[float]
    deviation: list[float]

    def __call__(self, row: list[float]) -> list[float]:
        return [1.0] + [(v - m) / s if s > 0 else 0.0 for v, m, s in zip(row, self.mean, self.deviation, strict=True)]


def scale_of(rows: list[list[float]]) -> Scale:
    n = len(rows)
    mean = [sum(row[j] for row in rows) / n for j in range(len(rows[0]))]
    spread = [sqrt(sum((row[j] - mean[j]) ** 2 for row in rows) / n) for j in range(len(rows[0]))]
    return Scale(mean, [s if s > 1e-12 else 0.0 for s in spread])


def probabilities(beta: list[list[float]], z: list[float]) -> list[float]:
    """Of K levels, the first with coefficients 0."""
    odds = [1.0] + [exp(sum(b * v for b, v in zip(one, z, strict=True))) for one in beta]
    return [o / sum(odds) for o in odds]


def multinomial(rows: list[list[float]], level: list[int], levels: int, penalty: float) -> tuple[Scale, list[list[float]]]:
    """Penalised maximum likelihood, the fractional outcome of a binary one as the share of level 1."""
    return fitted(rows, [[1.0 if k == of else 0.0 for k in range(levels)] for of in level], penalty)


def fitted(rows: list[list[float]], share: list[list[float]], penalty: float) -> tuple[Scale, list[list[float]]]:
    scale = scale_of(rows)
    z = [scale(row) for row in rows]
    levels, q = len(share[0]), len(z[0])
    mean = [sum(one[k] for one in share) / len(share) for k in range(levels)]
    beta = [[float(np.log(mean[k] / mean[0]))] + [0.0] * (q - 1) for k in range(1, levels)]
    size = (levels - 1) * q
    for _ in range(200):
        slope, curve = np.zeros(size), np.zeros((size, size))
        for row, own in zip(z, share, strict=True):
            p = probabilities(beta, row)
            for k in range(1, levels):
                for a in range(q):
                    slope[(k - 1) * q + a] += row[a] * (own[k] - p[k])
                    for j in range(1, levels):
                        for b in range(q):
                            weight = p[k] * ((1.0 if j == k else 0.0) - p[j])
                            curve[(k - 1) * q + a, (j - 1) * q + b] += weight * row[a] * row[b]
        for k in range(levels - 1):
            for a in range(1, q):
                slope[k * q + a] -= penalty * beta[k][a]
                curve[k * q + a, k * q + a] += penalty if penalty > 0 else 0.0
                if scale.deviation[a - 1] == 0.0:
                    curve[k * q + a, k * q + a] += 1.0
        step = np.linalg.solve(curve, slope)
        shrink = min(1.0, 2.0 / max(1e-300, float(np.abs(step).max())))
        for k in range(levels - 1):
            for a in range(q):
                beta[k][a] += shrink * float(step[k * q + a])
        if float(np.abs(step).max()) < 1e-12:
            break
    return scale, beta


class Outcome:
    """The model of one outcome in one arm: a quasi-logistic curve, or a line where all its values lie on one side."""

    def __init__(self, rows: list[list[float]], y: list[float], penalty: float) -> None:
        self.line = not 1e-12 < sum(y) / len(y) < 1 - 1e-12
        if self.line:
            self.scale = scale_of(rows)
            z = np.array([self.scale(row) for row in rows])
            ridge = np.diag([0.0] + [penalty if s > 0 else max(penalty, 1.0) for s in self.scale.deviation])
            self.beta = list(np.linalg.solve(z.T @ z + ridge, z.T @ np.array(y)))
        else:
            self.scale, beta = fitted(rows, [[1 - v, v] for v in y], penalty)
            self.beta = beta[0]

    def __call__(self, row: list[float]) -> float:
        eta = sum(b * v for b, v in zip(self.beta, self.scale(row), strict=True))
        return eta if self.line else 1 / (1 + exp(-eta))


def g_means(sample: Sample, penalty: float) -> list[float]:
    """The mean prediction of everybody by each arm's model."""
    means = []
    for a in (0, 1):
        mine = [i for i in range(sample.n) if sample.arm[i] == a]
        model = Outcome([sample.x[i] for i in mine], [sample.y[i] for i in mine], penalty)
        means.append(sum(model(row) for row in sample.x) / sample.n)
    return means


@dataclass(frozen=True)
class Robust:
    """Of one arm: the AIPW and the TMLE mean, and the variance of the first, patients summed first."""

    aipw: float
    tmle: float
    variance: float


def doubly_robust(sample: Sample, fold: list[int], *, clip: tuple[float, float]) -> list[Robust]:
    """Each arm from the given folds, one row at a time."""
    n, levels = sample.n, sorted(set(sample.arm))
    predicted = [[0.0] * n for _ in range(2)]
    weight = [[0.0] * n for _ in range(2)]
    for one in sorted(set(fold)):
        away = [i for i in range(n) if fold[i] != one]
        seen = [level for level in levels if any(sample.arm[i] == level for i in away)]
        scale, beta = multinomial([sample.x[i] for i in away], [seen.index(sample.arm[i]) for i in away], len(seen), PRIOR)
        for a in (0, 1):
            mine = [i for i in away if sample.arm[i] == a]
            model = Outcome([sample.x[i] for i in mine], [sample.y[i] for i in mine], PRIOR)
            for i in range(n):
                if fold[i] == one:
                    predicted[a][i] = model(sample.x[i])
                    if sample.arm[i] == a:
                        chance = probabilities(beta, scale(sample.x[i]))[seen.index(a)]
                        weight[a][i] = 1 / min(max(chance, clip[0]), clip[1])
    return [_one_arm(sample, predicted[a], weight[a]) for a in (0, 1)]


def _one_arm(sample: Sample, predicted: list[float], weight: list[float]) -> Robust:
    n, total = sample.n, sum(weight)
    residual = [y - m if w > 0 else 0.0 for y, m, w in zip(sample.y, predicted, weight, strict=True)]
    extra = sum(w * r for w, r in zip(weight, residual, strict=True)) / total
    standard = sum(predicted) / n
    by_patient: dict[int, float] = {}
    for i in range(n):
        moved = (predicted[i] - standard) / n + weight[i] / total * (residual[i] - extra)
        by_patient[sample.patient[i]] = by_patient.get(sample.patient[i], 0.0) + moved
    kept = min(max(standard + extra, 0.0), 1.0)
    return Robust(kept, _targeted(sample, predicted, weight), sum(v * v for v in by_patient.values()))


def _targeted(sample: Sample, predicted: list[float], weight: list[float]) -> float:
    """The fluctuation of the logits that balances the arm, by halving."""
    inside = [min(max(m, 1e-4), 1 - 1e-4) for m in predicted]
    logits = [float(np.log(m / (1 - m))) for m in inside]
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        left = sum(w * (y - 1 / (1 + exp(-(e + middle)))) for w, y, e in zip(weight, sample.y, logits, strict=True) if w > 0)
        low, high = (middle, high) if left > 0 else (low, middle)
    return sum(1 / (1 + exp(-(e + (low + high) / 2))) for e in logits) / sample.n


def rising(curve: list[float], weight: list[float]) -> list[float]:
    """max over s <= i of min over t >= i of the mean of s..t, cut to [0, 1]."""

    def mean(s: int, t: int) -> float:
        return sum(c * w for c, w in zip(curve[s : t + 1], weight[s : t + 1], strict=True)) / sum(weight[s : t + 1])

    k = len(curve)
    best = [max(min(mean(s, t) for t in range(i, k)) for s in range(i + 1)) for i in range(k)]
    return [min(max(v, 0.0), 1.0) for v in best]
