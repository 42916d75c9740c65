"""Curves over an exposure from their definitions: bends by hand, plain Newton steps, influences one row at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from tests.slow_reference.slow_point_treatment import PRIOR

MOST_LEVERAGE = 0.9


@dataclass(frozen=True)
class Runners:
    """Shares y, exposures a, covariates x, the patient of each row, knots (none: straight) and places asked for."""

    y: list[float]
    a: list[float]
    x: list[list[float]]
    patient: list[int]
    knots: list[float]
    at: list[float]
    linear: bool
    arm: list[int]

    @property
    def n(self) -> int:
        return len(self.y)


def bent(a: float, knots: list[float]) -> list[float]:
    """The exposure and its truncated cubics, straight beyond the outer knots (Harrell 2015, eq. 2.25), in no special unit."""
    columns = [a]
    for knot in knots[:-2]:
        before, last = knots[-2], knots[-1]
        cubes = [max(a - one, 0.0) ** 3 for one in (knot, before, last)]
        columns.append(cubes[0] - cubes[1] * (last - knot) / (last - before) + cubes[2] * (before - knot) / (last - before))
    return columns


class Columns:
    """A one; the bends, each without what those before it tell; the covariates: all of mean 0 and mean square 1 in the rows."""

    def __init__(self, sample: Runners, rows: list[int]) -> None:
        self.knots = sample.knots
        table = [bent(sample.a[i], sample.knots) + sample.x[i] for i in rows]
        self.bends, m = len(bent(0.0, sample.knots)), len(rows)
        self.mean = [sum(row[j] for row in table) / m for j in range(len(table[0]))]
        self.steps: list[tuple[list[float], float]] = []
        done: list[list[float]] = []
        for j in range(len(table[0])):
            column = [row[j] - self.mean[j] for row in table]
            shares = []
            for other in done[: self.bends] if j < self.bends else []:
                share = sum(u * v for u, v in zip(column, other, strict=True)) / m
                column = [u - share * v for u, v in zip(column, other, strict=True)]
                shares.append(share)
            size = sqrt(sum(u * u for u in column) / m)
            done.append([u / size for u in column])
            self.steps.append((shares, size))

    def __call__(self, a: float, x: list[float]) -> list[float]:
        z: list[float] = []
        for j, value in enumerate(bent(a, self.knots) + x):
            shares, size = self.steps[j]
            away = value - self.mean[j] - sum(share * one for share, one in zip(shares, z, strict=False))
            z.append(away / size)
        return [1.0, *z]


class Model:
    """The penalised quasi-logistic, or straight, regression of some rows."""

    def __init__(self, sample: Runners, rows: list[int]) -> None:
        self.columns, self.linear, self.rows = Columns(sample, rows), sample.linear, rows
        self.z = [self.columns(sample.a[i], sample.x[i]) for i in rows]
        self.y = [sample.y[i] for i in rows]
        q = len(self.z[0])
        self.penalty = [0.0] + [PRIOR] * (q - 1)
        self.beta = [0.0] * q
        for _ in range(200):
            slope, self.information = np.zeros(q), np.diag(self.penalty)
            for z, y in zip(self.z, self.y, strict=True):
                p = self.share(z)
                for j in range(q):
                    slope[j] += z[j] * (y - p)
                    for k in range(q):
                        self.information[j, k] += self.bend(p) * z[j] * z[k]
            slope -= [f * b for f, b in zip(self.penalty, self.beta, strict=True)]
            step = np.linalg.solve(self.information, slope)
            if float(np.abs(step).max()) < 1e-13:
                break
            shrink = min(1.0, 2.0 / float(np.abs(step).max()))
            self.beta = [b + shrink * float(s) for b, s in zip(self.beta, step, strict=True)]

    def share(self, z: list[float]) -> float:
        eta = sum(b * v for b, v in zip(self.beta, z, strict=True))
        return eta if self.linear else 1.0 / (1.0 + exp(-eta))

    def bend(self, p: float) -> float:
        return 1.0 if self.linear else p * (1.0 - p)

    def at(self, a: float, x: list[list[float]]) -> tuple[float, list[float]]:
        """The mean had all rows of x this exposure, and what each of them moves it by."""
        z = [self.columns(a, one) for one in x]
        predicted, m = [self.share(one) for one in z], len(self.rows)
        mean = sum(predicted) / len(x)
        slope = [sum(self.bend(p) * one[j] for p, one in zip(predicted, z, strict=True)) / len(x) for j in range(len(self.beta))]
        along = np.linalg.solve(self.information, slope)
        moved = [(p - mean) / len(x) for p in predicted]
        for i, own, y in zip(self.rows, self.z, self.y, strict=True):
            p = self.share(own)
            score = [v * (y - p) - f * b / m for v, f, b in zip(own, self.penalty, self.beta, strict=True)]
            pull = self.bend(p) * float(np.array(own) @ np.linalg.solve(self.information, own))
            moved[i] += sum(s * c for s, c in zip(score, along, strict=True)) / sqrt(1.0 - min(pull, MOST_LEVERAGE))
        return mean, moved


def variance(moved: list[float], patient: list[int]) -> float:
    """Squares of the influences summed by patient, times m / (m - 1)."""
    summed: dict[int, float] = {}
    for value, one in zip(moved, patient, strict=True):
        summed[one] = summed.get(one, 0.0) + value
    return sum(v * v for v in summed.values()) * len(summed) / (len(summed) - 1)


def logit_limits(mean: float, error: float, reach: float) -> tuple[float, float]:
    """Limits on the logit scale, back as shares."""
    low, high = (log(mean / (1.0 - mean)) + sign * reach * error / (mean * (1.0 - mean)) for sign in (-1, 1))
    return 1.0 / (1.0 + exp(-low)), 1.0 / (1.0 + exp(-high))
