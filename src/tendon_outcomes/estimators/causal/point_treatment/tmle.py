"""Means under two treatments by targeted maximum likelihood, nuisance models fitted to other patients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.cross_fitting import CrossFitted, cross_fitted, over_splits
from tendon_outcomes.estimators.causal.point_treatment.outcome_model import expit
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues
from tendon_outcomes.estimators.observations import FloatArray

EDGE = 1e-4  # Initial predictions are kept this far inside the range, where a logit is finite.
FARTHEST, BISECTIONS = 40.0, 80  # Fluctuations on the logit scale are sought in +-40, to 40 / 2^79.


def tmle(
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
    """Cross-fitted, targeted means of outcomes had everybody been given one treatment, or the other.

    Estimand
        E[Y(a)] over everybody in the sample, whatever they were given, for the two treatments compared.
    Estimator
        Predictions m_a(x) as in aipw, taken to the range (l, u) of the values; m*_a = l + (u - l) expit(logit((m_a - l) / (u -
        l)) + epsilon_a), epsilon_a solving sum_i w_ia (y_i - m*_a(x_i)) = 0; the mean of m*_a over everybody.
    Interval
        From the squared influences (m*_a(x_i) - mean) / n + w_ia (y_i - m*_a(x_i)), summed within patients first; t limits as
        ArmMeans has them.
    Conventions
        One fluctuation an arm and outcome, over all folds (weighted, with the intercept as its only covariate). The range holds
        that of the outcome and that of the values. Folds, penalty and `clip` as aipw.
    Assumes
        As aipw.
    Not for
        As aipw.
    Parameters
        As aipw.
    Returns
        ArmMeans; every mean lies inside the range of the outcome.
    References
        van der Laan & Rubin (2006) Int J Biostat 2(1):11; Gruber & van der Laan (2010) Int J Biostat 6(1):26 (logistic
        fluctuation of bounded outcomes); Zheng & van der Laan (2011), in van der Laan & Rose, Targeted Learning, ch. 27
        (cross-fitting).
    Checked
        Exact (constant covariates: the arms' means; the targeting equation), simulation (double robustness in both directions,
        coverage): tests/estimators/test_point_treatment.py, tests/slow_reference/checks_point_treatment.py.
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
    targeted = _targeted(fitted)
    mean = targeted.mean(axis=1)
    own = (targeted - mean[:, None, :]) / fitted.value.shape[0]
    return fitted.means("TMLE", mean, own + fitted.weight[:, :, None] * (fitted.value - targeted))


def _targeted(fitted: CrossFitted) -> FloatArray:
    """Predictions (2, n, k) moved until the weighted residuals of each arm sum to 0."""
    used = (fitted.weight > 0.0).any(axis=0)
    low = np.minimum(fitted.low, fitted.value[used].min(axis=0))
    width = np.maximum(fitted.high, fitted.value[used].max(axis=0)) - low
    share = np.clip((fitted.predicted - low) / width, EDGE, 1.0 - EDGE)
    offset = np.log(share / (1.0 - share))
    aim = np.einsum("an,nk->ak", fitted.weight, (fitted.value - low) / width)
    below, above = np.full(aim.shape, -FARTHEST), np.full(aim.shape, FARTHEST)
    for _ in range(BISECTIONS):
        middle = 0.5 * (below + above)
        reached = np.einsum("an,ank->ak", fitted.weight, expit(offset + middle[:, None, :]))
        below, above = np.where(reached < aim, middle, below), np.where(reached < aim, above, middle)
    return np.asarray(low + width * expit(offset + 0.5 * (below + above)[:, None, :]))
