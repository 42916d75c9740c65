"""Cox regression on one covariate with two values, for many replicates at once, from nothing but day totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.resampling.tied_sums import TieNodes, rules_that_hold, tie_terms

BoolArray = npt.NDArray[np.bool_]

LAST_STEP = 1e-7  # a Newton step below this leaves an error of its square
STEPS = 50
LARGEST_STEP = 2.0  # on the log hazard scale; a longer one is cut, which only happens far from the maximum
MONOTONE = 25.0  # a log hazard ratio that nothing stops: e^25 times the hazard


class CoxFits(NamedTuple):
    """Log hazard ratios (b, p); NaN where the likelihood has no finite maximum or there is no event."""

    estimate: FloatArray
    converged: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class TwoGroupCox:
    """One covariate with two values: everything about a replicate is in the two groups' day totals.

    With r = (weight at risk outside the group) / (weight in it), both less the share l/d of the day's events, a term of the
    score is the group's share 1 / (1 + r e^-beta) of the risk set: no exponential a row, one a replicate.
    """

    nodes: TieNodes
    difference: float  # between the two values of the covariate
    start: float

    def fit(self, n_events: FloatArray, events: FloatArray, at_risk: FloatArray) -> CoxFits:
        """From event rows a day (b, m), and weighted events and risk sets (b, 2, m), second group = larger value."""
        b, m = n_events.shape
        terms = tie_terms(n_events, rules_that_hold(at_risk, events), self.nodes)
        if terms.day.shape[1] == 0:
            return CoxFits(np.full((b, 1), np.nan), np.zeros(b, dtype=np.bool_))
        both = np.zeros((5, b, m + 1))
        both[0:2, :, :m] = at_risk.transpose(1, 0, 2)
        both[2:4, :, :m] = events.transpose(1, 0, 2)
        np.divide(events.sum(axis=1), n_events, out=both[4, :, :m], where=n_events > 0.0)
        flat = both.reshape(5, -1)
        out_risk, in_risk, out_events, in_events, mean_weight = (np.take(one, terms.day) for one in flat)
        outside = out_risk - terms.fraction * out_events
        inside = in_risk - terms.fraction * in_events
        ratio = np.divide(outside, inside, out=np.full_like(inside, np.inf), where=inside > 1e-14 * in_risk)
        mean_weight *= terms.share
        target = events[:, 1].sum(axis=1)
        beta, settled = _scalar_newton(ratio, mean_weight, target, self.start * self.difference)
        bounded = _has_maximum(ratio, mean_weight, target)
        estimate = np.where(settled & bounded, beta / self.difference, np.nan)
        return CoxFits(estimate[:, None], settled & bounded)


def shortened(step: FloatArray, last: FloatArray) -> FloatArray:
    """Steps (b, p), cut to half of the last one where they go back on it nearly as far or farther: they would swing for ever."""
    along = np.einsum("ij,ij->i", step, last)
    length, before = np.sqrt(np.einsum("ij,ij->i", step, step)), np.sqrt(np.einsum("ij,ij->i", last, last))
    swings = (along < 0.0) & (length > 0.5 * before)
    if not swings.any():
        return step
    factor = np.where(swings, 0.5 * before / np.maximum(length, 1e-300), 1.0)
    return np.asarray(step * factor[:, None])


def _scalar_newton(ratio: FloatArray, weight: FloatArray, target: FloatArray, start: float) -> tuple[FloatArray, BoolArray]:
    """Root in beta of target = sum of weight / (1 + ratio e^-beta), for every row."""
    beta = np.full(target.size, start)
    step, taken = np.full(target.size, np.inf), np.zeros((target.size, 1))
    for _ in range(STEPS):
        share = ratio * np.exp(-beta)[:, None]
        share += 1.0
        np.divide(1.0, share, out=share)
        part = weight * share
        expected = part.sum(axis=1)
        information = expected - np.einsum("ij,ij->i", part, share)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.clip((target - expected) / information, -LARGEST_STEP, LARGEST_STEP)
        step[np.isnan(step) | (np.abs(beta) > MONOTONE)] = 0.0
        taken = shortened(step[:, None], taken)
        beta = beta + taken[:, 0]
        if not (np.abs(step) > LAST_STEP).any():
            break
    return beta, (np.abs(step) <= LAST_STEP) & (np.abs(beta) <= MONOTONE)


def _has_maximum(ratio: FloatArray, weight: FloatArray, target: FloatArray) -> BoolArray:
    """The score runs from `target` less what is certain to the group, to `target` less all it could have: it must cross 0."""
    total = weight.sum(axis=1)
    certain = np.einsum("ij,ij->i", weight, (ratio <= 0.0).astype(np.float64))
    possible = np.einsum("ij,ij->i", weight, np.isfinite(ratio).astype(np.float64))
    slack = 1e-12 * np.maximum(total, 1e-300)
    return np.asarray((target > certain + slack) & (target < possible - slack))
