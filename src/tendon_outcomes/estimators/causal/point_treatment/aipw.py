"""Means under two treatments by augmented inverse-probability weighting, nuisance models fitted to other patients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.cross_fitting import CrossFitted, cross_fitted, over_splits
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues


def aipw(
    value: PseudoValues | npt.ArrayLike,
    treatment: npt.ArrayLike,
    *,
    outcome_covariates: npt.ArrayLike,
    propensity_covariates: npt.ArrayLike,
    compared: tuple[int, int] = (0, 1),
    folds: int = 5,
    repeats: int = 3,
    seed: int,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    clip: tuple[float, float] = (0.01, 0.99),
) -> ArmMeans:
    """Cross-fitted, doubly robust means of outcomes had everybody been given one treatment, or the other.

    Estimand
        E[Y(a)] over everybody in the sample, whatever they were given, for the two treatments compared.
    Estimator
        mean_i m_a(x_i) + sum_i w_ia (y_i - m_a(x_i)), w_ia proportional to 1(A_i = a) / e_a(x_i) with sum 1. m_a is a weakly
        penalised quasi-logistic regression of the outcome within arm a, e_a a weakly penalised multinomial one; both predict
        patients of folds that they were not fitted to.
    Interval
        From the squared influences (m_a(x_i) - mean) / n + w_ia (y_i - m_a(x_i) - their weighted mean), summed within patients
        first; t limits as ArmMeans has them.
    Conventions
        Folds hold whole patients and their share of each treatment, and are dealt `repeats` times: estimates and influences are
        means over the ways of dealing. The penalty is a normal prior of sd 2 a standard deviation of
        the covariate. Probabilities are kept inside `clip`. A mean outside the outcome's range is put on its border.
    Assumes
        Exchangeability given the covariates, positivity, consistency; one of the two models right (then it is consistent), both
        approached fast enough for the interval. For pseudo-values, what they assume.
    Not for
        Covariates that come after the treatment. Few patients an arm: fewer than two a fold are refused.
    Parameters
        value: PseudoValues, or (n, k) numbers. treatment: n codes 0, 1, 2, ... outcome_covariates, propensity_covariates: (n, p).
        compared: reference and compared code. folds, repeats, seed: of the cross-fitting. cluster: n labels of patients. clip:
        bounds of the probabilities.
    Returns
        ArmMeans.
    References
        Robins, Rotnitzky & Zhao (1994) JASA 89:846; Chernozhukov et al. (2018) Econometrics J 21:C1, definitions 3.2 and 3.3;
        normalised weights: Kang & Schafer (2007) Stat Sci 22:523.
    Checked
        Exact (constant covariates: the arms' means and variances), simulation (double robustness in both directions, coverage),
        slow loop: tests/estimators/test_point_treatment.py, tests/slow_reference/checks_point_treatment.py.
    """

    def once(number: int) -> ArmMeans:
        fitted = cross_fitted(
            value,
            treatment,
            outcome_covariates=outcome_covariates,
            propensity_covariates=propensity_covariates,
            compared=compared,
            folds=folds,
            seed=number,
            cluster=cluster,
            conf_level=conf_level,
            clip=clip,
        )
        return _estimate(fitted)

    return over_splits(once, seed=seed, repeats=repeats)


def _estimate(fitted: CrossFitted) -> ArmMeans:
    residual = fitted.value - fitted.predicted
    correction = np.einsum("an,ank->ak", fitted.weight, residual)
    standard = fitted.predicted.mean(axis=1)
    own = (fitted.predicted - standard[:, None, :]) / fitted.value.shape[0]
    influence = own + fitted.weight[:, :, None] * (residual - correction[:, None, :])
    return fitted.means("AIPW", standard + correction, influence)
