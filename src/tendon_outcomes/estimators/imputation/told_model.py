"""A normal model of true values of which each was told with an error of known variance, for many bootstrap samples at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray

RIDGE = 1e-9  # share of the rows added for each standardised slope: decides nothing but what a bootstrap sample cannot say
FLOOR = 1e-9  # of the variance of the told values: a residual variance below is 0
PLACES, HALVINGS = 32, 40  # of the residual variance: where its score is looked at first, and how often the place is halved


@dataclass(frozen=True, slots=True, eq=False)
class ToldModel:
    """b fits: coefficients (b, p + 1) of standardised predictors, intercept first, and residual variances (b,).

    `covariance` (b, p + 1, p + 1) of the coefficients at the residual variance found.
    """

    centre: FloatArray
    scale: FloatArray
    coefficient: FloatArray
    residual_variance: FloatArray
    covariance: FloatArray = field(repr=False)

    def predict(self, x: FloatArray) -> FloatArray:
        """Means (b, n) of the true values."""
        return np.asarray(self.coefficient @ _design(x, self.centre, self.scale).T)

    def slopes(self) -> tuple[FloatArray, FloatArray]:
        """Slopes (b, p) in the predictors' own units, with standard errors."""
        variance = np.diagonal(self.covariance, axis1=1, axis2=2)[:, 1:]
        return self.coefficient[:, 1:] * self.scale, np.sqrt(variance) * self.scale


def told_model(y: FloatArray, variance: FloatArray, x: FloatArray, copies: FloatArray) -> ToldModel:
    """Fits of y_i ~ N(g'z_i, t^2 + variance_i), each row counted as often as `copies` (b, n) says.

    t^2 is the root of its restricted score, sum c r^2 w^2 - sum c w + trace{(Z'cwZ)^-1 Z'cw^2 Z} with w = 1/(t^2 + variance),
    the largest there is, found on its logarithm; 0 where the score is nowhere positive. A few rows that are known nearly
    exactly can be fitted nearly exactly, which makes a second root near 0 that says nothing of the others. Rows of infinite
    variance say nothing.
    """
    deviation = x.std(axis=0)
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0.0)
    z = _design(x, x.mean(axis=0), scale)
    counted = copies * np.isfinite(variance)
    known = np.where(np.isfinite(variance), variance, 0.0)
    spread = float(np.var(y[np.isfinite(variance)]))
    tiny = float(np.finfo(np.float64).tiny)
    places = np.linspace(np.log(max(FLOOR * spread, tiny)), np.log(max(8.0 * spread, 2.0 * tiny)), PLACES)
    rising = np.column_stack([_score(y, known, z, counted, np.full(len(copies), np.exp(place))) > 0.0 for place in places])
    last = PLACES - 1 - np.argmax(rising[:, ::-1], axis=1)
    low, high = places[last], places[np.minimum(last + 1, PLACES - 1)]
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        above = _score(y, known, z, counted, np.exp(middle)) <= 0.0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    t2 = np.where(rising.any(axis=1), np.exp(0.5 * (low + high)), 0.0)
    coefficient, covariance = _least_squares(y, z, counted / (np.maximum(t2, FLOOR * spread)[:, None] + known))
    return ToldModel(x.mean(axis=0), scale, coefficient, t2, covariance)


def _design(x: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    return np.concatenate([np.ones((x.shape[0], 1)), (x - centre) * scale], axis=1)


def _gram(z: FloatArray, weight: FloatArray) -> FloatArray:
    """Z'wZ (b, q, q) of b weightings."""
    q = z.shape[1]
    products = (z[:, :, None] * z[:, None, :]).reshape(z.shape[0], q * q)
    return np.asarray((weight @ products).reshape(-1, q, q))


def _least_squares(y: FloatArray, z: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients (b, q) and the inverses of Z'wZ."""
    gram = _gram(z, weight)
    slopes = np.arange(1, z.shape[1])
    gram[:, slopes, slopes] += RIDGE * weight.sum(axis=1)[:, None]
    inverse = np.linalg.inv(gram)
    return np.asarray(np.einsum("bij,bj->bi", inverse, weight * y @ z)), np.asarray(inverse)


def _score(y: FloatArray, variance: FloatArray, z: FloatArray, copies: FloatArray, t2: FloatArray) -> FloatArray:
    one = 1.0 / (t2[:, None] + variance)
    weight = copies * one
    coefficient, inverse = _least_squares(y, z, weight)
    residual = y - coefficient @ z.T
    trace = np.einsum("bij,bji->b", inverse, _gram(z, weight * one))
    return np.asarray((weight * one * residual**2).sum(axis=1) - weight.sum(axis=1) + trace)
