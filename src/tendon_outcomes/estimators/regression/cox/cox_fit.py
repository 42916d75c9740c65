"""What a fitted Cox model says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.cox.evaluation import Ties
from tendon_outcomes.estimators.regression.cox.sample import CoxSample
from tendon_outcomes.estimators.special_functions import chi_square_p


class NullTest(NamedTuple):
    """A test that every coefficient is 0."""

    statistic: float
    df: int
    p_value: float


class HazardRatios(NamedTuple):
    """Hazard ratios with limits and Wald p-values, in the order of the coefficients."""

    names: tuple[str, ...]
    estimate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    p_value: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """A fitted Cox model.

    `coefficients` are log hazard ratios with the covariance asked for (`coefficients.robust`); `naive_covariance` is the inverse
    of the observed information. `linear_predictor` is x'beta, not centred, one value for each row of `sample`. `gradient_norm`
    is sqrt(g' I^-1 g) before the last Newton step: how far off the estimate was then, in standard errors. The tests use the
    naive covariance, but for the Wald test. With `penalised` every log likelihood includes the penalty.
    """

    coefficients: Coefficients
    log_likelihood: float
    null_log_likelihood: float
    score_test: NullTest
    likelihood_ratio_test: NullTest
    wald_test: NullTest
    naive_covariance: FloatArray
    ties: Ties
    linear_predictor: FloatArray = field(repr=False)
    iterations: int
    gradient_norm: float
    penalised: bool
    n: int
    n_events: int
    sample: CoxSample = field(repr=False)

    def hazard_ratios(self) -> HazardRatios:
        """exp(beta) with its limits."""
        c = self.coefficients
        return HazardRatios(c.names, np.exp(c.estimate), np.exp(c.conf_low), np.exp(c.conf_high), c.p_value)


def null_test(statistic: float, df: int) -> NullTest:
    """Statistic, degrees of freedom and p-value by chi-square."""
    statistic = max(statistic, 0.0)
    return NullTest(statistic, df, chi_square_p(statistic, df))


def inverse(information: FloatArray) -> FloatArray:
    """Symmetric inverse, scaled first so that units of the covariates do not matter."""
    scale = 1.0 / np.sqrt(np.diagonal(information))
    both = scale[:, None] * scale
    found = np.linalg.inv(information * both)
    return np.asarray((found + found.T) * (0.5 * both))
