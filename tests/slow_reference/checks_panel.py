"""Falsification and sensitivity beside loops in fractions: differences within persons, adjusted differences, rulers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import inf, sqrt

import numpy as np

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sensitivity.adjusted_difference import adjusted_difference
from tendon_outcomes.estimators.causal.sensitivity.e_value import confounder_strength
from tendon_outcomes.estimators.causal.sensitivity.within_person import within_person_difference
from tests.slow_reference.check import Check, Deviation, deviations, refused


@dataclass(frozen=True)
class Days:
    value: list[int]
    exposed: list[int]
    person: list[int]
    block: list[int]


def days(rng: np.random.Generator) -> Days:
    n = int(rng.integers(4, 25))
    columns = (rng.integers(0, high, n).tolist() for high in (9, 2, 5, 3))
    return Days(*columns)


def compare_within(sample: Days) -> list[Deviation]:
    cells: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(lambda: {0: [], 1: []})
    for value, exposed, person, block in zip(sample.value, sample.exposed, sample.person, sample.block, strict=True):
        cells[person, block][exposed].append(value)
    weighted: dict[int, list[tuple[Fraction, Fraction]]] = defaultdict(list)
    for (person, _), kinds in cells.items():
        if kinds[0] and kinds[1]:
            gap = Fraction(sum(kinds[1]), len(kinds[1])) - Fraction(sum(kinds[0]), len(kinds[0]))
            weighted[person].append((Fraction(len(kinds[0]) * len(kinds[1]), len(kinds[0]) + len(kinds[1])), gap))
    each = [sum(w * gap for w, gap in parts) / sum(w for w, _ in parts) for _, parts in sorted(weighted.items())]

    def ours() -> object:
        return within_person_difference(sample.value, sample.exposed, sample.person, block=sample.block, seed=1)

    if len(each) < 2:
        return [] if refused(ours) else [Deviation("one person: not refused", 0.0, 1.0)]
    found = within_person_difference(sample.value, sample.exposed, sample.person, block=sample.block, seed=1)
    mean = sum(each) / len(each)
    variance = sum((one - mean) ** 2 for one in each) / (len(each) - 1) / len(each)
    total = abs(sum(each))
    signs = list(product((-1, 1), repeat=len(each)))
    far = sum(abs(sum(s * one for s, one in zip(pattern, each, strict=True))) >= total for pattern in signs)
    return [
        *deviations("mean", found.estimate, mean),
        *deviations("error", found.std_error, sqrt(variance)),
        *deviations("flips", found.flip_p_value, Fraction(far, len(signs))),
        *deviations("persons", found.persons, len(each)),
    ]


@dataclass(frozen=True)
class Groups:
    value: np.ndarray
    arm: np.ndarray
    x: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray


def groups(rng: np.random.Generator) -> Groups:
    n = int(rng.integers(8, 20))
    x = rng.integers(-2, 3, (n, int(rng.integers(0, 3)))).astype(float)
    cluster = rng.integers(0, n, n) if rng.random() < 0.5 else np.arange(n)
    return Groups(rng.integers(0, 9, n).astype(float), rng.integers(0, 2, n), x, rng.integers(1, 4, n).astype(float), cluster)


def compare_adjusted(sample: Groups) -> list[Deviation]:
    try:
        found = adjusted_difference(sample.value, sample.arm, sample.x, weight=sample.weight, cluster=sample.cluster)
    except EstimationRefused:
        return []
    columns = np.column_stack([sample.arm, np.ones(sample.arm.size), sample.x]).astype(float)
    labels = np.unique(sample.cluster)

    def fit(rows: np.ndarray) -> tuple[float, int]:
        root = np.sqrt(sample.weight[rows])[:, None]
        solution, _, rank, _ = np.linalg.lstsq(columns[rows] * root, sample.value[rows] * root[:, 0], rcond=None)
        return float(solution[0]), int(rank)

    whole, rank = fit(np.ones(sample.arm.size, dtype=bool))
    left_out = [fit(sample.cluster != one) for one in labels]
    if any(other != rank for _, other in left_out):
        return []  # without some cluster there is one coefficient fewer: no plain refit to stand beside
    change = sum((estimate - whole) ** 2 for estimate, _ in left_out)
    error = sqrt((labels.size - 1) / labels.size * change)
    return [*deviations("estimate", found.estimate, whole, 1e-8), *deviations("error", found.std_error, error, 1e-7)]


def compare_strength(sample: Groups) -> list[Deviation]:
    middle = sorted(sample.value)
    n = len(middle)
    median = (middle[(n - 1) // 2] + middle[n // 2]) / 2
    distinct = sorted(set(middle))
    cut = median if len(distinct) > 2 and median < distinct[-1] else (distinct[-2] if len(distinct) > 1 else inf)
    high = [value > cut for value in sample.value]
    outcome = [int(w > 1) for w in sample.weight]
    counts = {(a, h): [y for y, b, k in zip(outcome, sample.arm, high, strict=True) if (b, k) == (a, h)] for a, h in _PLACES}
    if not _usable(counts, len(distinct)):
        return []
    share = [Fraction(len(counts[a, True]), len(counts[a, True]) + len(counts[a, False])) for a in (0, 1)]
    first = max(_above(share[1], share[0]), _above(1 - share[1], 1 - share[0]))
    risks = [[Fraction(sum(counts[a, h]), len(counts[a, h])) for h in (True, False)] for a in (0, 1)]
    second = max(_above(*pair) for pair in risks)
    found = confounder_strength(outcome, sample.arm, sample.value)
    return [*deviations("treatment", found.with_treatment, first), *deviations("outcome", found.with_outcome, second)]


_PLACES = tuple(product((0, 1), (True, False)))


def _usable(counts: dict[tuple[int, bool], list[int]], distinct: int) -> bool:
    return distinct > 1 and all(counts[place] for place in _PLACES)


def _above(one: Fraction, other: Fraction) -> float:
    if one == other:
        return 1.0
    if one == 0 or other == 0:
        return inf
    return float(max(one / other, other / one))


CHECKS: tuple[Check, ...] = (
    Check("difference within persons", days, compare_within, 0.5),
    Check("adjusted difference", groups, compare_adjusted, 0.3),
    Check("strength of a confounder", groups, compare_strength, 0.5),
)
