"""The fit at one supposed variance of the frailty, and the variance at which the duration has no effect left."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.frailty.likelihood import FrailtyLikelihood
from tendon_outcomes.estimators.regression.frailty.sample import EXPOSURE, PrevalentSample
from tendon_outcomes.estimators.regression.parametric.newton import Maximum, climb, refuse_runaway, sandwich

NEAR = 1e-6  # The tipping variance is told to the second digit.
WAY_OUT = "Fewer pieces or covariates, or smaller variances."


@dataclass(frozen=True, slots=True, eq=False)
class GivenVariance:
    """The maximum at one variance."""

    likelihood: FrailtyLikelihood
    top: Maximum

    @property
    def unbounded(self) -> bool:
        return self.likelihood.unbounded

    @property
    def rate(self) -> FloatArray:
        """Hazard a day by piece; inf where unbounded."""
        pieces = self.likelihood.pieces
        return np.full(pieces, np.inf) if self.unbounded else np.exp(self.top.at[:pieces])

    @property
    def slope(self) -> float:
        """Log hazard ratio for a standard deviation of the exposure."""
        return float(self.likelihood.whole(self.top.at)[self.likelihood.pieces])

    def coefficients(self, sample: PrevalentSample, groups: IntArray | None, conf_level: float) -> Coefficients:
        """Log hazard ratios on the scales given, the rates left out."""
        covariance, lead = self.top.covariance, self.likelihood.pieces - self.unbounded
        names = (EXPOSURE, *sample.names)
        refuse_runaway(names, covariance[lead:, lead:], np.ptp(sample.z, axis=0))
        if groups is not None:
            scores = self.likelihood.scores_of(self.likelihood.terms(self.top.at))
            covariance = sandwich(covariance, scores, np.ones(sample.n_given), groups)
        own = covariance[lead:, lead:] / np.outer(sample.size, sample.size)
        return Coefficients(names, self.top.at[lead:] / sample.size, own, conf_level, groups is not None)


def fitted(sample: PrevalentSample, variance: float, nearby: GivenVariance | None = None) -> GivenVariance:
    """The maximum at one variance, with unbounded rates where no finite ones are likelier; starts from a fit nearby."""
    likelihood = FrailtyLikelihood(variance, sample.early, sample.free, sample.seen, sample.recovered, sample.z)
    start = _start(sample) if nearby is None else nearby.likelihood.whole(nearby.top.at)
    what = f"the hazards given a frailty of variance {variance:g}"
    if variance > 0.0 and (limit := _unbounded(likelihood, start, what)) is not None:
        return limit
    if nearby is not None and nearby.unbounded:
        start[: likelihood.pieces] += _start(sample)[0]
    return GivenVariance(likelihood, climb(likelihood.evaluate, start, what=what, way_out=WAY_OUT))


def _unbounded(likelihood: FrailtyLikelihood, start: FloatArray, what: str) -> GivenVariance | None:
    """The fit in the limit of unbounded rates, where no finite ones are likelier."""
    limit, pieces = likelihood.without_bound, likelihood.pieces
    try:
        top = climb(limit.evaluate, np.concatenate((start[1:pieces] - start[0], start[pieces:])), what=what)
    except NotConverged:
        return None  # So small a variance is so far from that limit that there is no way up; finite rates are to be found.
    return GivenVariance(limit, top) if limit.slope_of_constant(limit.terms(top.at)) <= 0.0 else None


def ratio_of(coefficients: Coefficients, doublings: float) -> tuple[float, float, float, float]:
    """Ratio of hazards of durations that lie some doublings apart: estimate, standard error and limits."""
    log_ratio = float(coefficients.estimate[0]) * doublings
    error = float(coefficients.std_error[0]) * abs(doublings)
    reach = two_sided_z(coefficients.conf_level) * error
    return (
        float(np.exp(log_ratio)),
        float(np.exp(log_ratio)) * error,
        float(np.exp(log_ratio - reach)),
        float(np.exp(log_ratio + reach)),
    )


def tipping_between(sample: PrevalentSample, fits: list[GivenVariance]) -> float | None:
    """The first variance between those fitted at which the slope is 0, by halving; None where it keeps its sign."""
    for one, other in pairwise(fits):
        if one.slope == 0.0:
            return one.likelihood.variance
        if one.slope * other.slope < 0.0:
            return _crossing(sample, one, other)
    return fits[-1].likelihood.variance if fits[-1].slope == 0.0 else None


def _crossing(sample: PrevalentSample, one: GivenVariance, other: GivenVariance) -> float:
    while True:
        a, b = one.likelihood.variance, other.likelihood.variance
        # False position, kept away from the ends so that the bracket always shrinks.
        share = float(np.clip(one.slope / (one.slope - other.slope), 0.05, 0.95))
        middle = a + share * (b - a)
        if b - a <= NEAR:
            return middle
        found = fitted(sample, middle, one)
        if found.slope * one.slope > 0.0:
            one = found
        else:
            other = found


def _start(sample: PrevalentSample) -> FloatArray:
    """One rate, recoveries over days followed, and no effects."""
    days = 0.5 * float(sample.free.sum() + sample.seen.sum())
    rate = np.log(max(float(sample.recovered.sum()), 1.0) / days)
    return np.concatenate((np.full(sample.early.shape[1], rate), np.zeros(sample.z.shape[1])))
