"""The estimators of point treatments beside their slow versions."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.causal.point_treatment.aipw import aipw
from tendon_outcomes.estimators.causal.point_treatment.folds import patient_folds
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import iptw_means
from tendon_outcomes.estimators.causal.point_treatment.monotone import monotone
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import pseudo_values
from tendon_outcomes.estimators.causal.point_treatment.tmle import tmle
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tests.slow_reference.check import REFUSALS, Check, Deviation, deviations
from tests.slow_reference.checks_npmle import draw as draw_rows
from tests.slow_reference.slow_npmle import Rows
from tests.slow_reference.slow_point_treatment import PRIOR, Sample, doubly_robust, g_means, rising

FOLDS = 2


def draw(rng: np.random.Generator) -> Sample:
    """A few dozen rows, some of them second sides; one or two covariates of few values; sometimes a third treatment."""
    n = int(rng.integers(20, 40))
    patient = np.sort(rng.integers(0, n, n)) if rng.random() < 0.5 else np.arange(n)
    patient = np.unique(patient, return_inverse=True)[1]
    by_patient = rng.choice(3, size=n, p=[0.45, 0.45, 0.1] if rng.random() < 0.5 else [0.5, 0.5, 0.0])
    y = rng.choice([0.0, 1.0], size=n, p=[0.5, 0.5]) if rng.random() < 0.8 else rng.random(n).round(2)
    y = np.where(by_patient[patient] == 0, 0.0, y) if rng.random() < 0.1 else y
    x = rng.integers(0, 4, (n, int(rng.integers(1, 3))))
    return Sample(y.tolist(), by_patient[patient].tolist(), x.astype(float).tolist(), patient.tolist())


def compare_g_computation(sample: Sample) -> list[Deviation]:
    try:
        found = g_computation(sample.y, sample.arm, sample.x, cluster=sample.patient)
    except REFUSALS:
        return []
    return deviations("mean", found.mean[:, 0], g_means(sample, PRIOR), 1e-7)


def compare_doubly_robust(sample: Sample) -> list[Deviation]:
    extra = {"outcome_covariates": sample.x, "propensity_covariates": sample.x, "cluster": sample.patient}
    given = {"folds": FOLDS, "repeats": 1, "seed": 5, "clip": (0.05, 0.95)}
    try:
        found, targeted = (method(sample.y, sample.arm, **extra, **given) for method in (aipw, tmle))  # type: ignore[operator]
    except REFUSALS:
        return []
    fold = patient_folds(np.array(sample.patient), np.array(sample.arm), folds=FOLDS, seed=5)
    slow = doubly_robust(sample, fold.tolist(), clip=(0.05, 0.95))
    wrong = deviations("AIPW", found.mean[:, 0], [one.aipw for one in slow], 1e-7)
    wrong += deviations("AIPW, variance", np.diagonal(found.covariance()), [one.variance for one in slow], 1e-7)
    return wrong + deviations("TMLE", targeted.mean[:, 0], [one.tmle for one in slow], 1e-7)


def compare_weighted(sample: Sample) -> list[Deviation]:
    """Everybody seen on day 7: the weighted shares of each arm."""
    event = np.array(sample.y) > 0.5
    left, right = np.where(event, 0.0, 7.0), np.where(event, 7.0, np.inf)
    try:
        score = propensity(sample.arm, sample.x)
        weights = balancing_weights(score, sample.arm)
    except REFUSALS:
        return []
    if min(int(event[np.array(sample.arm) == a].sum()) for a in (0, 1)) == 0:
        return []
    found = iptw_means(left, right, event.astype(int), sample.arm, weights, score, days=7, cluster=sample.patient)
    shares = []
    for a in (0, 1):
        weight = [1 / score.probability[i, a] if sample.arm[i] == a else 0.0 for i in range(sample.n)]
        shares.append(sum(w * e for w, e in zip(weight, event, strict=True)) / sum(weight))
    return deviations("IPTW", found.mean[:, 0], shares, 1e-6)


def compare_pseudo_values(rows: Rows) -> list[Deviation]:
    """On dated data: the estimate and the derivative of the Aalen-Johansen sum, by moving each weight."""
    last = max([*(r for r in rows.right if np.isfinite(r)), *rows.left])
    days = [day for day in (2, 5) if day <= last]
    if not days:
        return []
    try:
        found = pseudo_values(rows.left, rows.right, rows.cause, days=days)
    except REFUSALS:
        return []
    wrong, step = [], 1e-5
    ones = [1.0] * rows.n
    for i in range(rows.n):
        moved = [[w + sign * step * (j == i) for j, w in enumerate(ones)] for sign in (-1, 1)]
        for k, day in enumerate(days):
            low, high = (incidence(rows, weight, day) for weight in moved)
            slow = incidence(rows, ones, day) + rows.n * (high - low) / (2 * step)
            wrong += deviations(f"row {i}, day {day}", found.value[i, k], slow, 1e-5)
    return wrong


def incidence(rows: Rows, weight: list[float], day: int) -> float:
    """Aalen-Johansen incidence of cause 1: all of a day's causes leave together."""
    free, total = 1.0, 0.0
    for one in range(1, day + 1):
        at_risk = sum(w for w, left, right, c in zip(weight, rows.left, rows.right, rows.cause, strict=True)
                      if (left >= one if c == 0 else right >= one))  # fmt: skip
        leave = {
            c: sum(w for w, r, k in zip(weight, rows.right, rows.cause, strict=True) if k == c and r == one) for c in (1, 2, 3)
        }
        if sum(leave.values()) > 0:
            total += free * leave[1] / at_risk
            free *= 1 - sum(leave.values()) / at_risk
    return total


def compare_monotone(curve: list[float]) -> list[Deviation]:
    weight = [1.0 + (7 * i) % 3 for i in range(len(curve))]
    return deviations("curve", monotone(curve, weight=weight), rising(curve, weight))


CHECKS: tuple[Check, ...] = (
    Check("g-computation: means of standardised predictions", draw, compare_g_computation, share=0.05),
    Check("AIPW and TMLE, fold by fold", draw, compare_doubly_robust, share=0.02),
    Check("IPTW of complete follow-up", draw, compare_weighted, share=0.2),
    Check(
        "pseudo-values on dated data",
        lambda rng: draw_rows(rng, dated=True, entries=False, weighted=False),
        compare_pseudo_values,
        share=0.2,
    ),
    Check("isotonic projection", lambda rng: (rng.integers(-2, 9, int(rng.integers(1, 9))) / 6).tolist(), compare_monotone),
)
