"""Pooling in fractions, two counts by summing binomial terms, and told values by dense matrices."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb, inf, sqrt

import numpy as np

from tendon_outcomes.estimators.imputation.heaping import compared_counts, heaping, more_than_expected
from tendon_outcomes.estimators.imputation.pooling import pooled
from tendon_outcomes.estimators.imputation.told_model import told_model
from tests.slow_reference.check import Check, Deviation, deviations


@dataclass(frozen=True)
class Imputed:
    estimate: list[int]
    variance: list[int]
    complete: int | None


def imputed(rng: np.random.Generator) -> Imputed:
    m = int(rng.integers(2, 8))
    complete = int(rng.integers(1, 50)) if rng.random() < 0.7 else None
    return Imputed(rng.integers(-4, 5, m).tolist(), rng.integers(1, 9, m).tolist(), complete)


def compare_pooled(sample: Imputed) -> list[Deviation]:
    m = len(sample.estimate)
    centre = Fraction(sum(sample.estimate), m)
    within = Fraction(sum(sample.variance), m)
    between = sum((one - centre) ** 2 for one in sample.estimate) / (m - 1)
    total = within + (1 + Fraction(1, m)) * between
    df: Fraction | float = inf if sample.complete is None else Fraction(sample.complete)
    missing: Fraction | float = 0
    if between:
        share = (total - within) / total
        imputed_df = (m - 1) / share**2
        r = (total - within) / within
        missing = (r + 2 / (imputed_df + 3)) / (r + 1)
        c = sample.complete
        df = imputed_df if c is None else 1 / (1 / imputed_df + 1 / (Fraction(c + 1, c + 3) * c * (1 - share)))
    found = pooled(sample.estimate, sample.variance, df_complete=inf if sample.complete is None else sample.complete)
    return [
        *deviations("estimate", found.estimate, [centre]),
        *deviations("error", found.std_error, [sqrt(total)]),
        *deviations("df", found.df, [df]),
        *deviations("missing", found.missing_information, [missing]),
    ]


@dataclass(frozen=True)
class Counts:
    near: int
    away: int
    expected: Fraction


def counts(rng: np.random.Generator) -> Counts:
    return Counts(int(rng.integers(0, 25)), int(rng.integers(20, 60)), Fraction(int(rng.integers(1, 60)), 4))


def compare_counts(sample: Counts) -> list[Deviation]:
    """The p-value, and that the limits are where a tail has 2.5 %."""
    together = sample.near + sample.away

    def tail(p: Fraction, at_least: int) -> Fraction:
        return sum((comb(together, i) * p**i * (1 - p) ** (together - i) for i in range(at_least, together + 1)), Fraction(0))

    p = sample.expected / (sample.expected + sample.away)
    expected = float(sample.expected)
    found = compared_counts(sample.near, expected, 0.0, sample.away, 0.95)
    shares = [Fraction(limit * expected / (limit * expected + sample.away)) for limit in (found.conf_low, found.conf_high)]
    above = [tail(shares[0], sample.near)] if sample.near else []
    return [
        *deviations("p", more_than_expected(sample.near, expected, 0.0, sample.away), tail(p, sample.near)),
        *deviations("low", above, [0.025] * len(above)),
        *deviations("high", 1 - tail(shares[1], sample.near + 1), 0.025),
    ]


@dataclass(frozen=True)
class Told:
    value: np.ndarray
    spread: np.ndarray
    x: np.ndarray
    copies: np.ndarray


def told(rng: np.random.Generator) -> Told:
    n = int(rng.integers(12, 25))
    x = rng.integers(-3, 4, (n, int(rng.integers(0, 3)))) + 0.1 * rng.normal(size=(n, 1))
    spread = np.where(rng.random(n) < 0.2, np.inf, rng.choice([0.3, 0.6, 1.0], n))
    return Told(2.0 * rng.normal(size=n), spread, x, rng.integers(0, 3, n).astype(float))


def compare_told(sample: Told) -> list[Deviation]:
    """At the variance found, rows spelled out as copies: y'PPy = trace P, and least squares."""
    model = told_model(sample.value, sample.spread**2, sample.x, sample.copies[None, :])
    rows = np.repeat(np.arange(sample.value.size), (sample.copies * np.isfinite(sample.spread)).astype(int))
    if rows.size <= sample.x.shape[1] + 3 or model.residual_variance[0] == 0.0:
        return []
    design = np.column_stack([np.ones(rows.size), sample.x[rows]])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return []
    weight = np.diag(1.0 / (model.residual_variance[0] + sample.spread[rows] ** 2))
    gram = design.T @ weight @ design
    projection = weight - weight @ design @ np.linalg.solve(gram, design.T @ weight)
    y = sample.value[rows]
    slopes, errors = model.slopes()
    return [
        *deviations("score", y @ projection @ projection @ y / np.trace(projection), 1.0, 1e-6),
        *deviations("slopes", slopes[0], np.linalg.solve(gram, design.T @ weight @ y)[1:], 1e-6),
        *deviations("errors", errors[0], np.sqrt(np.diagonal(np.linalg.inv(gram)))[1:], 1e-6),
    ]


@dataclass(frozen=True)
class Durations:
    value: list[int]
    width: float


def durations(rng: np.random.Generator) -> Durations:
    return Durations(rng.geometric(0.06, 120).tolist(), float(rng.choice([0.5, 1.0, 1.5])))


def compare_windows(sample: Durations) -> list[Deviation]:
    found = heaping(sample.value, heaps=(6.0, 12.0), width=sample.width)
    observed = [sum(abs(value - heap) <= sample.width for value in sample.value) for heap in (6, 12)]
    return [
        *deviations("observed", found.observed, observed),
        *deviations("away", found.away, len(sample.value) - sum(observed)),
        *deviations("ratio", found.ratio, [o / e for o, e in zip(observed, found.expected.tolist(), strict=True)]),
        *deviations("overall", found.overall.expected, sum(found.expected.tolist())),
    ]


CHECKS: tuple[Check, ...] = (
    Check("pooled imputations", imputed, compare_pooled),
    Check("counts near heaps", counts, compare_counts, 0.2),
    Check("model of told values", told, compare_told, 0.5),
    Check("values near heaps", durations, compare_windows, 0.1),
)
