"""Weighted hazards by week and censoring weights beside loops over rows and weeks."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from tendon_outcomes.estimators.causal.sustained.censoring_weights import censoring_weights
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import self_consistent_incidence
from tests.slow_reference import slow_clones as slow
from tests.slow_reference.check import Check, Deviation, deviations

WEEKS = 4
WITHOUT_WEEK = 10  # departures from which a model has a term of the week


@dataclass(frozen=True)
class Followed:
    """Rows over four weeks with intervals and two competing causes, weights by week, departures, a covariate of two values."""

    left: np.ndarray
    right: np.ndarray
    cause: np.ndarray
    weight: np.ndarray
    departs: np.ndarray
    x: np.ndarray


def followed(rng: np.random.Generator) -> Followed:
    """One dated event a week with weight in every week, so that the rows tell all weeks apart."""
    n = int(rng.integers(12, 36))
    left = np.append(rng.integers(0, WEEKS, n), np.arange(WEEKS))
    right = np.append(np.minimum(left[:n] + rng.integers(1, 4, n), WEEKS), np.arange(1, WEEKS + 1)).astype(np.float64)
    cause = np.append(rng.choice([0, 1, 1, 2, 3], n), np.ones(WEEKS, np.int64)).astype(np.int64)
    left = np.where(cause >= 2, right - 1, left).astype(np.int64)
    right[cause == 0] = np.inf
    departs = np.append(rng.integers(1, WEEKS + 4, n).clip(max=WEEKS + 1), np.full(WEEKS, WEEKS + 1)).astype(np.int64)
    weight = rng.integers(1, 9, (n + WEEKS, WEEKS)) / 4.0
    return Followed(left, right, cause, weight, departs, rng.integers(0, 2, n + WEEKS))


def compare_hazards(sample: Followed) -> list[Deviation]:
    """Hazards and incidence; what follows a departure does not count."""
    fit = self_consistent_incidence(
        sample.left, sample.right, sample.cause, sample.weight, follow_to=sample.departs - 1, weeks=WEEKS
    )
    rows = list(zip(sample.left.tolist(), sample.right.tolist(), sample.cause.tolist(), strict=True))
    one, other, incidence = slow.weekly_hazards(rows, sample.weight.tolist(), (sample.departs - 1).tolist(), WEEKS)
    return [
        *deviations("hazard", fit.hazard, one, 1e-7),
        *deviations("competing hazard", fit.competing_hazard, other, 1e-7),
        *deviations("incidence", fit.incidence, incidence, 1e-7),
    ]


def compare_weights(sample: Followed) -> list[Deviation]:
    """Too few departures for a term of the week: one chance to depart, and to be lost, for each value of x."""
    lost = (sample.cause == 0) & (sample.left < WEEKS)
    last = np.where(sample.cause > 0, sample.right, sample.left)
    fewer = np.cumsum((sample.departs <= np.minimum(last, WEEKS)) | lost) < WITHOUT_WEEK
    sample = Followed(*(getattr(sample, one.name)[fewer] for one in fields(sample)))
    x, departs = sample.x, sample.departs
    week = np.arange(1, WEEKS + 1)
    made = LongitudinalSample(
        left=sample.left,
        right=sample.right,
        cause=sample.cause,
        baseline=x[:, None].astype(np.float64),
        varying=np.empty((x.size, WEEKS, 0)),
        state=np.zeros((x.size, WEEKS), dtype=np.int64),
        deviates=departs[None, :],
        phase=np.where(week <= departs[:, None], 3, 0)[None].astype(np.int64),
        patient=np.arange(x.size),
    )
    found: list[Deviation] = []
    columns = (x, sample.left, sample.right, sample.cause, departs)
    for stabilised in (False, True):
        theirs = slow.saturated_weights(*(column.tolist() for column in columns), WEEKS, stabilised=stabilised)
        if theirs is None:
            return []
        ours = censoring_weights(made, 0, truncate=None, stabilised=stabilised, per_parameter=0.0, initiation="by week")
        found += deviations("stabilised weight" if stabilised else "weight", ours.weight, theirs, 1e-7)
    return found


CHECKS: tuple[Check, ...] = (
    Check("weighted hazards by week", followed, compare_hazards, 0.1),
    Check("censoring weights of a saturated model", followed, compare_weights, 0.3),
)
