"""Linear predictors and hazard ratios for given covariates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import Pointwise, two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, checked_level
from tendon_outcomes.estimators.regression.cox.baseline import covariate_rows, reference_row
from tendon_outcomes.estimators.regression.cox.hazard_steps import checked_beta
from tendon_outcomes.estimators.regression.cox.sample import CoxSample


def linear_predictor(
    sample: CoxSample,
    beta: FloatArray,
    covariance: FloatArray,
    covariates: npt.ArrayLike,
    *,
    reference: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> Pointwise:
    """x'beta beside the reference covariates (the sample's means by default), with standard error and Wald limits: four (k,)."""
    z, rows = two_sided_z(checked_level(conf_level)), covariate_rows(sample, covariates)
    centre = sample.x.mean(axis=0) if reference is None else reference_row(sample, reference)
    away = rows - centre
    estimate = away @ checked_beta(sample, beta)
    std_error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", away, np.asarray(covariance, dtype=np.float64), away), 0.0))
    return Pointwise(estimate, std_error, estimate - z * std_error, estimate + z * std_error)


def relative_risk(
    sample: CoxSample,
    beta: FloatArray,
    covariance: FloatArray,
    covariates: npt.ArrayLike,
    *,
    reference: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> Pointwise:
    """exp of `linear_predictor`: the hazard ratio against the reference; delta-method std_error, limits exp of its limits."""
    estimate, std_error, low, high = linear_predictor(
        sample, beta, covariance, covariates, reference=reference, conf_level=conf_level
    )
    ratio = np.exp(estimate)
    return Pointwise(ratio, ratio * std_error, np.exp(low), np.exp(high))
