"""Middles of pairs by writing out every average and every sign pattern; means over patients in fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.patient_means import mean_over_patients
from tendon_outcomes.estimators.signed_rank import paired_median
from tests.slow_reference.check import Check, Deviation, both_refuse, deviations, refused


@dataclass(frozen=True)
class Pairs:
    difference: list[int]
    conf_level: float


def pairs(rng: np.random.Generator) -> Pairs:
    n = int(rng.integers(1, 12))
    return Pairs(rng.integers(-3, 6, n).tolist(), float(rng.choice([0.8, 0.9, 0.95])))


def slow_middle(sample: Pairs) -> tuple[Fraction, Fraction, Fraction]:
    """Estimate and limits; refused where no sign pattern is rare enough."""
    n, half = len(sample.difference), (1 - Fraction(sample.conf_level)) / 2
    sums = sorted(sum(r for r, sign in zip(range(1, n + 1), signs, strict=True) if sign) for signs in product((0, 1), repeat=n))
    rank = next(q for q in range(n * (n + 1)) if Fraction(sum(one <= q for one in sums), 2**n) >= half)
    averages = sorted(Fraction(a + b, 2) for i, a in enumerate(sample.difference) for b in sample.difference[i:])
    if rank == 0:
        raise EstimationRefused("no limits")
    m = len(averages)
    return (averages[(m - 1) // 2] + averages[m // 2]) / 2, averages[rank - 1], averages[m - rank]


def compare_middle(sample: Pairs) -> list[Deviation]:
    if refused(lambda: slow_middle(sample)):
        return both_refuse(
            "pairs", lambda: paired_median(sample.difference, conf_level=sample.conf_level), lambda: slow_middle(sample)
        )
    found = paired_median(sample.difference, conf_level=sample.conf_level)
    return deviations("middle", [found.estimate, found.conf_low, found.conf_high], slow_middle(sample))


@dataclass(frozen=True)
class Repeats:
    value: list[int]
    patient: list[int]


def repeats(rng: np.random.Generator) -> Repeats:
    n = int(rng.integers(2, 15))
    return Repeats(rng.integers(-5, 6, n).tolist(), np.r_[0, 1, rng.integers(0, 5, n - 2)].tolist())


def compare_means(sample: Repeats) -> list[Deviation]:
    own = [
        Fraction(sum(v for v, p in zip(sample.value, sample.patient, strict=True) if p == one), sample.patient.count(one))
        for one in sorted(set(sample.patient))
    ]
    mean = sum(own, Fraction(0)) / len(own)
    spread = sum((one - mean) ** 2 for one in own) / (len(own) - 1) / len(own)
    found = mean_over_patients(sample.value, sample.patient)
    return deviations("mean over patients", [found.estimate, found.std_error**2], [mean, spread])


CHECKS = (
    Check("paired median", pairs, compare_middle, 0.3),
    Check("mean over patients", repeats, compare_means),
)
