"""Cox's partial likelihoods the slow, obvious way: plain loops over events and risk sets, sets of rows enumerated."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """A small sample of a Cox model; `x` (n, p)."""

    time: np.ndarray
    event: np.ndarray
    x: np.ndarray
    entry: np.ndarray
    weight: np.ndarray
    strata: np.ndarray

    def days(self) -> list[tuple[int, float]]:
        """(stratum, day) pairs with an event of positive weight."""
        there = zip(self.strata.tolist(), self.time.tolist(), self.event.tolist(), self.weight.tolist(), strict=True)
        return sorted({(s, t) for s, t, e, w in there if e and w > 0})

    def at_risk(self, stratum: int, day: float) -> list[int]:
        return [
            i
            for i in range(self.time.size)
            if self.weight[i] > 0 and self.strata[i] == stratum and self.entry[i] < day <= self.time[i]
        ]


def distributions(rows: Rows, beta: np.ndarray, ties: str) -> list[tuple[float, float, np.ndarray, np.ndarray]]:
    """For each event in turn: (weight, log of the sum of scores, mean and covariance of x over its risk set)."""
    found = []
    for stratum, day in rows.days():
        risk = rows.at_risk(stratum, day)
        events = [i for i in risk if rows.event[i] and rows.time[i] == day]
        d = len(events)
        share = sum(rows.weight[i] for i in events) / d
        for number in range(d):
            kept = [1.0 - number / d if i in events and ties == "efron" else 1.0 for i in risk]
            score = [k * rows.weight[i] * math.exp(float(rows.x[i] @ beta)) for k, i in zip(kept, risk, strict=True)]
            total = math.fsum(score)
            mean = sum(s * rows.x[i] for s, i in zip(score, risk, strict=True)) / total
            spread = sum(s * np.outer(rows.x[i] - mean, rows.x[i] - mean) for s, i in zip(score, risk, strict=True)) / total
            found.append((share, math.log(total), mean, spread))
    return found


def partial_likelihood(rows: Rows, beta: np.ndarray, ties: str) -> tuple[float, np.ndarray, np.ndarray]:
    """Log partial likelihood, gradient and information."""
    if ties == "exact":
        return _exact(rows, beta)
    happened = [i for i in range(rows.time.size) if rows.event[i] and rows.weight[i] > 0]
    value = math.fsum(float(rows.weight[i] * (rows.x[i] @ beta)) for i in happened)
    gradient = sum((rows.weight[i] * rows.x[i] for i in happened), np.zeros(beta.size))
    information = np.zeros((beta.size, beta.size))
    for share, log_total, mean, spread in distributions(rows, beta, ties):
        value -= share * log_total
        gradient = gradient - share * mean
        information += share * spread
    return value, gradient, information


def _exact(rows: Rows, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    value, gradient, information = 0.0, np.zeros(beta.size), np.zeros((beta.size, beta.size))
    for stratum, day in rows.days():
        risk = rows.at_risk(stratum, day)
        events = [i for i in risk if rows.event[i] and rows.time[i] == day]
        sums = [sum(rows.x[i] for i in chosen) for chosen in itertools.combinations(risk, len(events))]
        score = [math.exp(float(total @ beta)) for total in sums]
        whole = math.fsum(score)
        mean = sum(s * total for s, total in zip(score, sums, strict=True)) / whole
        own = sum(rows.x[i] for i in events)
        value += float(own @ beta) - math.log(whole)
        gradient += own - mean
        information += sum(s * np.outer(t - mean, t - mean) for s, t in zip(score, sums, strict=True)) / whole
    return value, gradient, information


def has_maximum(rows: Rows, ties: str) -> bool:
    """Whether no direction exists along which the likelihood never falls: one linear programme."""
    from scipy.optimize import linprog

    falls = []
    for stratum, day in rows.days():
        risk = rows.at_risk(stratum, day)
        events = [i for i in risk if rows.event[i] and rows.time[i] == day]
        others = risk if ties != "exact" else [i for i in risk if i not in events]
        falls += [rows.x[i] - rows.x[j] for i in events for j in others if i != j]
    differences = np.array(falls).reshape(len(falls), rows.x.shape[1])
    # Is there v with every difference'v >= 0, and one positive? Their sum is the gain; v is boxed.
    found = linprog(-differences.sum(axis=0), A_ub=-differences, b_ub=np.zeros(len(falls)), bounds=[(-1, 1)] * rows.x.shape[1])
    return bool(-found.fun < 1e-7)


def maximum(rows: Rows, ties: str) -> np.ndarray:
    """Damped Newton steps from 0, to the end of the digits."""
    beta = np.zeros(rows.x.shape[1])
    value, gradient, information = partial_likelihood(rows, beta, ties)
    for _ in range(100):
        step = np.linalg.solve(information, gradient)
        while partial_likelihood(rows, beta + step, ties)[0] < value - 1e-12:
            step = step / 2.0
        beta = beta + step
        value, gradient, information = partial_likelihood(rows, beta, ties)
        if np.abs(step).max() < 1e-13:
            break
    return beta


def penalised(rows: Rows, beta: np.ndarray, ties: str) -> float:
    """Log partial likelihood and half the log determinant of the information."""
    value, _, information = partial_likelihood(rows, beta, ties)
    return value + 0.5 * float(np.linalg.slogdet(information)[1])


def penalised_slope(rows: Rows, beta: np.ndarray, ties: str) -> np.ndarray:
    """Gradient of `penalised` by extrapolated central differences."""
    slope = np.zeros(beta.size)
    for j in range(beta.size):
        unit = np.eye(beta.size)[j]

        def central(h: float, unit: np.ndarray = unit) -> float:
            return (penalised(rows, beta + h * unit, ties) - penalised(rows, beta - h * unit, ties)) / (2.0 * h)

        slope[j] = (4.0 * central(5e-4) - central(1e-3)) / 3.0
    return slope
