"""Categorical regressions, balancing weights and balance beside loops over rows and exact fractions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import get_args

import numpy as np

from tendon_outcomes.estimators.causal.weighting.balance import balance
from tendon_outcomes.estimators.causal.weighting.balancing_weights import Target, balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tendon_outcomes.estimators.observations import EstimationRefused
from tendon_outcomes.estimators.regression.categorical_separation import SeparatedOutcomes
from tendon_outcomes.estimators.regression.logistic import logistic
from tendon_outcomes.estimators.regression.multinomial import multinomial
from tests.slow_reference import slow_weighting as slow
from tests.slow_reference.check import Check, Deviation, deviations


@dataclass(frozen=True)
class Categories:
    """Small whole covariates, codes 0 to K - 1, quarter weights, clusters."""

    x: np.ndarray
    codes: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray


def categories(rng: np.random.Generator, levels: int = 2) -> Categories:
    n, p = int(rng.integers(6, 22)), int(rng.integers(1, 3)) if levels == 2 else 1
    x = np.column_stack([rng.integers(-2, 3, n), rng.integers(0, 2, n)])[:, :p]
    codes = rng.integers(0, levels, n)
    if rng.random() < 0.4:
        codes = np.clip(np.where(rng.random(n) < 0.7, x[:, 0] > 0, codes), 0, levels - 1).astype(np.int64)
    return Categories(x, codes, rng.integers(1, 9, n) / 4, np.arange(n) // 2 if rng.random() < 0.5 else np.arange(n))


def _fit(sample: Categories) -> object:
    """The fit, or the refusal."""
    how = {"weight": sample.weight, "cluster": sample.cluster}
    model = logistic if sample.codes.max() < 2 else multinomial
    try:
        return model(sample.codes, sample.x, **how)  # type: ignore[operator]
    except EstimationRefused as refused:
        return refused


def compare_categories(sample: Categories) -> list[Deviation]:
    """Refused as separated exactly when an exact search finds a direction; otherwise the same coefficients and sandwich."""
    fit = _fit(sample)
    if isinstance(fit, EstimationRefused) and not isinstance(fit, SeparatedOutcomes):
        return []
    apart = slow.separated(sample.x.tolist(), sample.codes.tolist())
    found = deviations("separated", isinstance(fit, SeparatedOutcomes), apart)
    if apart or isinstance(fit, SeparatedOutcomes):
        return found
    rows = [[1.0, *map(float, xi)] for xi in sample.x]
    y = [[float(code == k) for k in range(1, int(sample.codes.max()) + 1)] for code in sample.codes]
    beta = slow.categories(rows, y, sample.weight.tolist())
    if beta is None:
        return [Deviation("the slow reference did not settle", 0.0, math.nan)]
    c = fit.coefficients  # type: ignore[attr-defined]
    close = slow.sandwich(beta, rows, y, sample.weight.tolist(), sample.cluster.tolist())
    return [
        *found,
        *deviations("coefficients", c.estimate, beta, 1e-8),
        *deviations("covariance", c.covariance, close, 1e-7),
    ]


def compare_fractions(sample: Categories) -> list[Deviation]:
    """The quasi-likelihood of values around 0 and 1; a sample whose mean is driven to an end has no fit in either."""
    value = sample.codes + (sample.weight - 1.0) / 8.0
    rows = [[1.0, *map(float, xi)] for xi in sample.x]
    beta = slow.categories(rows, [[float(v)] for v in value], sample.weight.tolist())
    try:
        fit = logistic(value, sample.x, weight=sample.weight, fractional=True)
    except EstimationRefused:
        return deviations("refused", 1.0, beta is None)
    if beta is None:
        return [Deviation("the slow reference did not settle", 0.0, math.nan)]
    return deviations("coefficients", fit.coefficients.estimate, beta, 1e-7)


@dataclass(frozen=True)
class Cells:
    """Rows in two or three cells, treated with one of two or three treatments, as copies."""

    cells: np.ndarray
    codes: np.ndarray
    copies: np.ndarray


def cells(rng: np.random.Generator) -> Cells:
    n = int(rng.integers(8, 30))
    return Cells(rng.integers(0, int(rng.integers(2, 4)), n), rng.integers(0, int(rng.integers(2, 4)), n), rng.integers(1, 4, n))


def compare_weights(sample: Cells) -> list[Deviation]:
    """A saturated propensity is the share in the cell."""
    dummies = (sample.cells[:, None] == np.unique(sample.cells)[1:]).astype(float)
    try:
        fit = propensity(sample.codes, dummies, weight=sample.copies)
    except EstimationRefused:
        return []
    found: list[Deviation] = []
    for target in get_args(Target):
        theirs = slow.cell_weights(sample.cells.tolist(), sample.codes.tolist(), sample.copies.tolist(), target, (0, 1))
        if theirs is None:
            return [Deviation("a cell without a treatment was fitted", 0.0, 1.0)]
        made = balancing_weights(fit, sample.codes, target=target, stabilised=False)
        counted = [w * int(m) for w, m in zip(theirs, sample.copies, strict=True)]
        found += deviations(f"{target} weights", made.weight, [float(w) for w in counted])
        for arm in (0, 1):
            there = [(w, int(m)) for w, m, c in zip(theirs, sample.copies, sample.codes, strict=True) if c == arm]
            size = sum(w * m for w, m in there) ** 2 / sum(w * w * m for w, m in there)
            found += deviations(f"{target} effective size", made.effective_n[arm], float(size))
    return found


def compare_balance(sample: Categories) -> list[Deviation]:
    """Distances in fractions; a column of 0 and 1 has variance p (1 - p)."""
    if min(np.bincount(sample.codes, minlength=2)) < 2:
        return []
    names = [f"x{j}" for j in range(sample.x.shape[1])]
    made = balance(sample.x, sample.codes, names=names, weight=sample.weight)
    found: list[Deviation] = []
    weights, arms = [Fraction(w) for w in sample.weight], sample.codes.tolist()
    for j, name in enumerate(names):
        values = [Fraction(int(v)) for v in sample.x[:, j]]
        parts = [
            ([v for v, a in zip(values, arms, strict=True) if a == k], [w for w, a in zip(weights, arms, strict=True) if a == k])
            for k in (0, 1)
        ]
        means = [slow.weighted_mean(*part) for part in parts]
        binary = set(values) <= {0, 1}

        def spread(v: list[Fraction], w: list[Fraction], binary: bool = binary) -> Fraction:
            mean = slow.weighted_mean(v, w)
            return mean * (1 - mean) if binary else slow.weighted_variance(v, w)

        pooled = sum(spread(v, [Fraction(1)] * len(v)) for v, _ in parts) / 2
        apart = means[1] - means[0]
        theirs = 0.0 if apart == 0 else math.copysign(math.inf, apart) if pooled == 0 else float(apart) / math.sqrt(pooled)
        above, below = (spread(*part) for part in parts[::-1])
        ratio = 1.0 if above == below == 0 else math.inf if below == 0 else float(above / below)
        found += deviations(f"{name}: difference", made.smd[j], theirs)
        found += deviations(f"{name}: variance ratio", made.variance_ratio[j], ratio)
        found += deviations(f"{name}: ks", made.ks_distance[j], float(slow.ks_distance(values, weights, arms)))
    return found


CHECKS: tuple[Check, ...] = (
    Check("logistic and separation", categories, compare_categories, 0.4),
    Check("multinomial and separation", lambda rng: categories(rng, 3), compare_categories, 0.2),
    Check("quasi-logistic of fractions", categories, compare_fractions, 0.15),
    Check("balancing weights", cells, compare_weights, 0.5),
    Check("balance", categories, compare_balance, 0.5),
)
