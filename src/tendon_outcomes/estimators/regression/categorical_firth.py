"""Firth's penalty for logistic and multinomial regression: finite log odds where the likelihood itself has no maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.categorical_likelihood import CategoricalLikelihood, Evaluated, Optimum
from tendon_outcomes.estimators.regression.categorical_rows import CategoricalRows, row_scores
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation
from tendon_outcomes.estimators.regression.cox.profile import climb, deviance_at, profile_limits
from tendon_outcomes.estimators.special_functions import chi_square_p

TOLERANCE = 1e-10  # in standard errors, of the last step
NOWHERE = -1e300


@dataclass(frozen=True, slots=True, eq=False)
class FirthPenalty:
    """l(b) + 1/2 log det I(b) with its score; the information is that of the likelihood alone."""

    likelihood: CategoricalLikelihood

    def __call__(self, beta: FloatArray) -> Evaluation:
        now = self.likelihood(beta)
        with np.errstate(all="ignore"):
            sign, log_determinant = np.linalg.slogdet(now.information)
        if not (sign > 0.0 and np.isfinite(log_determinant)):
            return Evaluation(NOWHERE, np.full(beta.size, np.nan), np.eye(beta.size))
        score = row_scores(self.residual(now), self.likelihood.z).sum(axis=0)
        return Evaluation(now.value + 0.5 * float(log_determinant), score, now.information)

    def residual(self, now: Evaluated) -> FloatArray:
        """(n, K - 1): w (y - p) and what the penalty adds to it, so that residual times columns sums to the penalised score.

        The addition in category m is w/2 sum_ab Q_ab dV_ab/d eta_m, with V = diag(p) - p p' and Q_ab = z' (I^-1)_ab z; for one
        category that is h (1/2 - p), h the leverage.
        """
        p, z, k = now.probability, self.likelihood.z, self.likelihood.y.shape[1]
        inverse = np.linalg.inv(now.information).reshape(k, z.shape[1], k, z.shape[1])
        left = z @ inverse.transpose(1, 0, 2, 3).reshape(z.shape[1], -1)
        spread = (left.reshape(z.shape[0], k, k, z.shape[1]) * z[:, None, None, :]).sum(axis=3)
        v = -p[:, :, None] * p[:, None, :]
        v[:, np.arange(k), np.arange(k)] += p
        own = (np.diagonal(spread, axis1=1, axis2=2)[:, :, None] * v).sum(axis=1)
        cross = ((spread * p[:, None, :]).sum(axis=2)[:, :, None] * v).sum(axis=1)
        added = 0.5 * (own - 2.0 * cross)
        return np.asarray(self.likelihood.weight[:, None] * (self.likelihood.y - p + added))


def firth_ascend(likelihood: CategoricalLikelihood, what: str) -> tuple[Optimum, FloatArray]:
    """The maximum of the penalised likelihood, with the residuals (n, K - 1) of its score."""
    penalty = FirthPenalty(likelihood)
    try:
        beta, _, steps, _ = climb(penalty, np.zeros(likelihood.size), np.ones(likelihood.size, dtype=np.bool_), TOLERANCE)
    except (NotConverged, np.linalg.LinAlgError):
        raise NotConverged(
            f"the penalised {what} had not converged", way_out="There are too few rows for these covariates: fit fewer."
        ) from None
    there = likelihood(beta)
    return Optimum(beta, there, steps), penalty.residual(there)


def firth_limits(
    rows: CategoricalRows, likelihood: CategoricalLikelihood, top: Optimum
) -> tuple[tuple[FloatArray, FloatArray], FloatArray]:
    """Profile limits and p-values of the coefficients of a logistic regression, on the columns given, intercept first.

    Slopes are profiled on the standardised columns. The intercept is not one of their coefficients: it is profiled on columns
    of size one that are not centred.
    """
    size = np.diagonal(rows.back)
    uncentred = CategoricalLikelihood(rows.whole[rows.kept] * size, likelihood.y, likelihood.weight, likelihood.offset)
    at_zero = (rows.back @ top.beta) / size
    try:
        low, high, p_values = _profiled(FirthPenalty(likelihood), top.beta, rows.conf_level)
        first = _profiled(FirthPenalty(uncentred), at_zero, rows.conf_level, only=0)
    except (NotConverged, np.linalg.LinAlgError):
        raise NotConverged(
            "no profile limit of the penalised logistic regression was found",
            way_out="There are too few rows for these covariates: fit fewer.",
        ) from None
    low, high = low * size, high * size
    low[0], high[0], p_values[0] = (part[0] for part in first)
    return (low, high), p_values


def _profiled(
    penalty: FirthPenalty, beta: FloatArray, conf_level: float, only: int | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(low, high, p) of every coefficient but the first, whose places are 0; or of one alone."""
    best = penalty(beta)
    covariance = np.asarray(np.linalg.inv(best.information), dtype=np.float64)
    places = range(1, beta.size) if only is None else range(only, only + 1)
    low, high, p_values = np.zeros(beta.size), np.zeros(beta.size), np.ones(beta.size)
    if len(places):
        ends = profile_limits(penalty, beta, best, covariance, conf_level, places=places)
        low[list(places)], high[list(places)] = ends
        p_values[list(places)] = [chi_square_p(deviance_at(penalty, beta, best, j, 0.0), 1) for j in places]
    return low, high, p_values
