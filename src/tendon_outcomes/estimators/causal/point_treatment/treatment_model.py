"""Probabilities of several treatments given covariates, with a penalty so weak that it only tames small folds."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.causal.point_treatment.outcome_model import (
    HALVINGS,
    MOST_STEPS,
    RIDGE,
    ROUNDING,
    SETTLED,
    standardised,
)
from tendon_outcomes.estimators.observations import FloatArray, IntArray


def predicted_treatment(
    covariates: FloatArray, treatment: IntArray, new: FloatArray, *, levels: IntArray, ridge: float = RIDGE
) -> FloatArray:
    """Probability of each of `levels` for the rows `new`, (rows, levels), from a multinomial logistic model of the others.

    Maximum of the multinomial likelihood less ridge / 2 times the squared coefficients per standard deviation; intercepts are
    not penalised. A level that nobody fitted has gets probability 0.
    """
    seen = np.array([(treatment == level).any() for level in levels])
    design = standardised(covariates)
    z = design(covariates)
    own = (treatment[:, None] == levels[seen]).astype(np.float64)
    penalty = np.full(z.shape[1], ridge)
    penalty[0] = 0.0
    penalty[1:][design.spread == 0.0] = 1.0
    beta = _fitted(z, own, penalty)
    probability = np.zeros((new.shape[0], levels.size))
    probability[:, seen] = _probabilities(design(new), beta)
    return probability


def _probabilities(z: FloatArray, beta: FloatArray) -> FloatArray:
    eta = np.concatenate([np.zeros((z.shape[0], 1)), z @ beta.T], axis=1)
    odds = np.exp(eta - eta.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _fitted(z: FloatArray, own: FloatArray, penalty: FloatArray) -> FloatArray:
    """Coefficients (levels - 1, q) by Newton steps halved until the penalised likelihood rises."""
    share, k = own.mean(axis=0), own.shape[1] - 1
    beta = np.zeros((k, z.shape[1]))
    beta[:, 0] = np.log(share[1:] / share[0])
    value = _likelihood(z, own, penalty, beta)
    for _ in range(MOST_STEPS):
        p = _probabilities(z, beta)[:, 1:]
        slope = (own[:, 1:] - p).T @ z - penalty * beta
        step = np.linalg.solve(_information(z, p, penalty), slope.ravel()).reshape(beta.shape)
        if float(np.abs(step).max(initial=0.0)) <= SETTLED:
            return np.asarray(beta + step)
        for _ in range(HALVINGS):
            tried = _likelihood(z, own, penalty, beta + step)
            if tried >= value - ROUNDING * max(1.0, abs(value)):
                break
            step = step / 2.0
        beta, value = beta + step, tried
    raise NotConverged("the model of the treatments did not settle in a fold")


def _likelihood(z: FloatArray, own: FloatArray, penalty: FloatArray, beta: FloatArray) -> float:
    eta = np.concatenate([np.zeros((z.shape[0], 1)), z @ beta.T], axis=1)
    largest = eta.max(axis=1)
    total = largest + np.log(np.exp(eta - largest[:, None]).sum(axis=1))
    return float((own * eta).sum() - total.sum() - 0.5 * (penalty * beta**2).sum())


def _information(z: FloatArray, p: FloatArray, penalty: FloatArray) -> FloatArray:
    k, q = p.shape[1], z.shape[1]
    blocks = np.empty((k, q, k, q))
    for a in range(k):
        for b in range(a + 1):
            weight = p[:, a] * ((1.0 if a == b else 0.0) - p[:, b])
            blocks[a, :, b, :] = blocks[b, :, a, :] = z.T @ (weight[:, None] * z)
        blocks[a, :, a, :] += np.diag(penalty)
    return np.asarray(blocks.reshape(k * q, k * q))
