"""Several outcomes of one arm as functions of covariates: quasi-logistic on the range of each, linear where that fails."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.observations import BoolArray, FloatArray

# Penalty of half a squared coefficient per standard deviation of its covariate: a normal prior of sd 2, as weak as a quarter of
# a row of information. It only keeps coefficients from running off where an arm is small; it vanishes beside n.
RIDGE = 0.25
MOST_STEPS, HALVINGS, SETTLED = 60, 25, 1e-9
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """Covariates on the scale of the rows a model was fitted to, a column of ones in front; constant columns are 0."""

    centre: FloatArray
    spread: FloatArray

    def __call__(self, covariates: FloatArray) -> FloatArray:
        scaled = (covariates - self.centre) * self.spread
        return np.concatenate([np.ones((covariates.shape[0], 1)), scaled], axis=1)


def standardised(covariates: FloatArray) -> Standardised:
    """The scale of these rows."""
    centre, deviation = covariates.mean(axis=0), covariates.std(axis=0)
    known = deviation > ROUNDING * np.maximum(1.0, np.abs(centre))
    return Standardised(centre, np.divide(1.0, deviation, out=np.zeros_like(deviation), where=known))


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeModel:
    """k fitted outcomes: `coefficient` (k, q) on the scale of `design`, `linear` (k,) where the logistic fit did not settle.

    `row_score` (m, k, q) of the m rows fitted and `information` (k, q, q) are those of the (penalised) equations; `leverage`
    (m, k) is what a row pulls its own fit by.
    """

    design: Standardised
    coefficient: FloatArray
    linear: BoolArray
    low: FloatArray
    high: FloatArray
    information: FloatArray = field(repr=False)
    row_score: FloatArray = field(repr=False)
    leverage: FloatArray = field(repr=False)

    def predict(self, covariates: FloatArray) -> FloatArray:
        """Means of the k outcomes of each row."""
        eta = self.design(covariates) @ self.coefficient.T
        return np.asarray(self.low + (self.high - self.low) * np.where(self.linear, eta, expit(eta)))

    def mean_slope(self, covariates: FloatArray, weight: FloatArray) -> FloatArray:
        """Derivative (k, q) of the weighted sum of predictions with respect to the coefficients."""
        z = self.design(covariates)
        p = expit(z @ self.coefficient.T)
        bend = np.where(self.linear, 1.0, p * (1.0 - p)) * weight[:, None]
        return np.asarray((self.high - self.low)[:, None] * (bend.T @ z))


def expit(x: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def outcome_model(
    covariates: FloatArray, value: FloatArray, *, low: FloatArray, high: FloatArray, ridge: float = RIDGE, linear: bool = False
) -> OutcomeModel:
    """Fit each of the k columns of `value` (m, k) on `covariates` (m, p).

    The quasi-logistic equations sum z (y - expit(z'b)) = ridge b on y = (value - low) / (high - low), which need no y in [0, 1];
    the intercept is not penalised. Where they do not settle (the mean of y outside (0, 1), for one) the linear ones are solved;
    those of all outcomes when `linear`.
    """
    design = standardised(covariates)
    z, y = design(covariates), (value - low) / (high - low)
    penalty = np.full(z.shape[1], ridge)
    penalty[0] = 0.0
    penalty[1:][design.spread == 0.0] = 1.0  # A column of zeros: its coefficient is 0 at any penalty.
    coefficient, settled = _quasi_logistic(z, y, penalty)
    settled &= not linear
    straight = _crossed(z, np.ones_like(y)) + np.diag(penalty)
    if not settled.all():
        coefficient[~settled] = _solved(straight[~settled], (y[:, ~settled].T @ z))
    eta = z @ coefficient.T
    fitted = np.where(settled, expit(eta), eta)
    bend = np.where(settled, fitted * (1.0 - fitted), 1.0)
    information = _crossed(z, bend) + np.diag(penalty)
    score = z[:, None, :] * (y - fitted)[:, :, None] - penalty * coefficient / z.shape[0]
    leverage = bend * np.einsum("mq,kqr,mr->mk", z, _inverses(information), z, optimize=True)
    return OutcomeModel(design, coefficient, ~settled, low, high, information, score, leverage)


def _quasi_logistic(z: FloatArray, y: FloatArray, penalty: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Newton steps for all outcomes at once, each halved until its penalised quasi-likelihood rises."""
    k, mean = y.shape[1], y.mean(axis=0)
    possible = (mean > ROUNDING) & (mean < 1.0 - ROUNDING)
    beta = np.zeros((k, z.shape[1]))
    start = np.where(possible, mean, 0.5)
    beta[:, 0] = np.log(start / (1.0 - start))
    value, settled = _quasi_likelihood(z, y, penalty, beta), ~possible
    for _ in range(MOST_STEPS):
        p = expit(z @ beta.T)
        slope = (y - p).T @ z - penalty * beta
        step = np.where(settled[:, None], 0.0, _solved(_crossed(z, p * (1.0 - p)) + np.diag(penalty), slope))
        size = np.ones(k)
        for _ in range(HALVINGS):
            tried = _quasi_likelihood(z, y, penalty, beta + size[:, None] * step)
            worse = tried < value - ROUNDING * np.maximum(1.0, np.abs(value))
            if not worse.any():
                break
            size[worse] /= 2.0
        beta, value = beta + size[:, None] * step, tried
        settled = settled | (np.abs(step).max(axis=1) <= SETTLED)
        if settled.all():
            break
    return beta, settled & possible & np.isfinite(beta).all(axis=1)


def _quasi_likelihood(z: FloatArray, y: FloatArray, penalty: FloatArray, beta: FloatArray) -> FloatArray:
    eta = z @ beta.T
    return np.asarray((y * eta - np.logaddexp(0.0, eta)).sum(axis=0) - 0.5 * (penalty * beta**2).sum(axis=1))


def _crossed(z: FloatArray, weight: FloatArray) -> FloatArray:
    """sum_i w_ik z_i z_i' for each outcome, (k, q, q)."""
    return np.asarray((z.T[None, :, :] * weight.T[:, None, :]) @ z)


def _solved(matrices: FloatArray, right: FloatArray) -> FloatArray:
    """Solutions, one a matrix; the least-squares one where a matrix has no inverse."""
    try:
        return np.asarray(np.linalg.solve(matrices, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:
        return np.asarray((np.linalg.pinv(matrices, hermitian=True) @ right[:, :, None])[:, :, 0])


def _inverses(matrices: FloatArray) -> FloatArray:
    try:
        return np.asarray(np.linalg.inv(matrices))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(matrices, hermitian=True))
