"""Curves from their definitions, day by day and row by row: fractions for the estimates, loops for what needs a root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import exp, lgamma, log, log1p, sqrt

NUDGE = Fraction(1, 10**30)
Statistic = Callable[[Sequence[Fraction]], Fraction]


@dataclass(frozen=True)
class Sample:
    """Rows: entry < time (-1: from the start, before day 0), cause 0 = censored, weight, cluster and group."""

    time: tuple[int, ...]
    cause: tuple[int, ...]
    entry: tuple[int, ...]
    weight: tuple[Fraction, ...]
    cluster: tuple[int, ...]
    group: tuple[int, ...]

    @property
    def n(self) -> int:
        return len(self.time)

    def days(self) -> list[int]:
        return sorted({t for t, w in zip(self.time, self.weight, strict=True) if w > 0})


def incidence(sample: Sample, weights: Sequence[Fraction], cause: int, day: Fraction) -> Fraction:
    """Aalen-Johansen from its definition; cause 0 is the survival. Days without anybody at risk change nothing."""
    survival, total = Fraction(1), Fraction(0)
    for now in sorted(set(sample.time)):
        if now > day:
            break
        rows = range(sample.n)
        at_risk = sum((weights[i] for i in rows if sample.entry[i] < now <= sample.time[i]), Fraction(0))
        if at_risk == 0:
            continue
        happened = [i for i in rows if sample.time[i] == now and sample.cause[i] > 0]
        total += survival * sum((weights[i] for i in happened if sample.cause[i] == cause), Fraction(0)) / at_risk
        survival *= 1 - sum((weights[i] for i in happened), Fraction(0)) / at_risk
    return survival if cause == 0 else total


def area(sample: Sample, weights: Sequence[Fraction], cause: int, horizon: Fraction) -> Fraction:
    """Area under a curve up to the horizon."""
    edges = [Fraction(0), *(Fraction(t) for t in sorted(set(sample.time)) if t < horizon), horizon]
    return sum((incidence(sample, weights, cause, a) * (b - a) for a, b in pairwise(edges)), Fraction(0))


def slopes(statistic: Statistic, weights: Sequence[Fraction]) -> list[Fraction]:
    """d statistic / d w_i by rational central differences; 0 for rows of weight 0."""
    found = []
    for i, w in enumerate(weights):
        if w == 0:
            found.append(Fraction(0))
            continue
        up, down = list(weights), list(weights)
        up[i], down[i] = w + NUDGE, w - NUDGE
        found.append((statistic(up) - statistic(down)) / (2 * NUDGE))
    return found


def clustered_product(
    one: Sequence[Fraction], other: Sequence[Fraction], weights: Sequence[Fraction], clusters: Sequence[int]
) -> Fraction:
    """sum over clusters of (sum w u)(sum w v)."""
    total = Fraction(0)
    for label in set(clusters):
        members = [i for i, c in enumerate(clusters) if c == label]
        total += sum((weights[i] * one[i] for i in members), Fraction(0)) * sum(
            (weights[i] * other[i] for i in members), Fraction(0)
        )
    return total


def greenwood(sample: Sample, weights: Sequence[Fraction], day: int) -> Fraction:
    """Greenwood's variance of the survival; 0 where the curve is at 0."""
    total = Fraction(0)
    for now in sorted(set(sample.time)):
        if now > day:
            break
        at_risk = sum((weights[i] for i in range(sample.n) if sample.entry[i] < now <= sample.time[i]), Fraction(0))
        events = sum((weights[i] for i in range(sample.n) if sample.time[i] == now and sample.cause[i] > 0), Fraction(0))
        if events and events == at_risk:
            return Fraction(0)
        if at_risk:
            total += events / (at_risk * (at_risk - events))
    return incidence(sample, weights, 0, Fraction(day)) ** 2 * total


def aalen_variance(sample: Sample, cause: int, day: int) -> Fraction:
    """The counting-process variance as a double sum over days, causes of a day uncorrelated."""
    ones = [Fraction(1)] * sample.n
    final, total = incidence(sample, ones, cause, Fraction(day)), Fraction(0)
    for now in sorted(set(sample.time)):
        if now > day:
            break
        n = sum(1 for i in range(sample.n) if sample.entry[i] < now <= sample.time[i])
        if n <= 1:
            continue
        own = sum(1 for i in range(sample.n) if sample.time[i] == now and sample.cause[i] == cause)
        other = sum(1 for i in range(sample.n) if sample.time[i] == now and sample.cause[i] not in (0, cause))
        before = incidence(sample, ones, 0, Fraction(now) - Fraction(1, 2))
        rest = (final - incidence(sample, ones, cause, Fraction(now))) / (n - own - other) if n > own + other else Fraction(0)
        total += (before / n - rest) ** 2 * Fraction(own * (n - own), n - 1) + rest**2 * Fraction(other * (n - other), n - 1)
    return total


def beta_product(sample: Sample, level: float) -> list[tuple[float, float]]:
    """Beta-product limits for each day (no entry, weights as copies), before they are made monotone."""
    moments = [Fraction(1), Fraction(1)]
    found = []
    for now in sample.days():
        rows = range(sample.n)
        n = int(sum(sample.weight[i] for i in rows if sample.time[i] >= now))
        d = int(sum(sample.weight[i] for i in rows if sample.time[i] == now and sample.cause[i] > 0))
        after = int(sum(sample.weight[i] for i in rows if sample.time[i] > now))
        if d:
            moments = times_beta(moments, n - d + 1, d)
        low = beta_quantile((1 - level) / 2, *shape(times_beta(moments, after, 1))) if after else 0.0
        high = 1.0 if moments[0] == 1 else beta_quantile((1 + level) / 2, *shape(moments))
        found.append((low, high))
    return found


def times_beta(moments: Sequence[Fraction], a: int, b: int) -> list[Fraction]:
    """First and second moment of a product with an independent Beta(a, b)."""
    return [moments[0] * Fraction(a, a + b), moments[1] * Fraction(a * (a + 1), (a + b) * (a + b + 1))]


def shape(moments: Sequence[Fraction]) -> tuple[float, float]:
    """The beta variable with these two moments."""
    mean, second = moments
    common = (mean - second) / (second - mean**2)
    return float(mean * common), float((1 - mean) * common)


def beta_quantile(p: float, a: float, b: float) -> float:
    """By bisection on the incomplete beta function."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if beta_probability(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def beta_probability(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its power series on the side where that converges fast."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_probability(1.0 - x, b, a)
    # I_x(a, b) = x^a (1-x)^b / (a B(a, b)) * sum_k prod_{i<k} (a + b + i) x / (a + 1 + i): all terms positive.
    term, total, k = 1.0, 1.0, 0
    while term > 1e-17 * total:
        term *= (a + b + k) * x / (a + 1.0 + k)
        total += term
        k += 1
    return total * exp(a * log(x) + b * log1p(-x) - log(a) - (lgamma(a) + lgamma(b) - lgamma(a + b)))


def root(value: Fraction) -> float:
    return sqrt(max(float(value), 0.0))
