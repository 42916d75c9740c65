"""A weighted comparison computed for many deals of the treatment at once, everything refitted in each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.point_treatment.stacked import effective_patients, leverage, patient_numbers, stacked
from tendon_outcomes.estimators.observations import FloatArray, IntArray, one_dimensional, refuse, summed_by
from tendon_outcomes.estimators.resampling.logistic import BatchedLogistic, batched_logistic
from tendon_outcomes.estimators.special_functions import normal_quantile_of_t


@dataclass(frozen=True, slots=True, eq=False)
class WeightedZ:
    """Prepared by `weighted_z`. (b, n) treatments 0 and 1 to b signed z-values."""

    value: FloatArray = field(repr=False)
    design: FloatArray = field(repr=False)
    logistic: BatchedLogistic = field(repr=False)
    cluster: IntArray = field(repr=False)

    def __call__(self, treatment: IntArray) -> FloatArray:
        """z of the weighted difference of means, its standard error from stacked equations."""
        arm = treatment.astype(np.float64)
        beta, settled, _ = self.logistic.standardised(np.concatenate([1.0 - arm, arm], axis=1))
        odds = self.logistic.odds_against(np.where(settled[:, None], beta, 0.0))[:, self.value.size :]
        e = np.where(settled[:, None], 1.0 / (1.0 + odds), arm.mean(axis=1, keepdims=True))
        columns = [self.design if whole else self.design[:, :1] for whole in settled]
        return np.array([self._one(*deal) for deal in zip(arm, e, columns, strict=True)])

    def _one(self, arm: FloatArray, e: FloatArray, design: FloatArray) -> float:
        information = (design * (e * (1.0 - e))[:, None]).T @ design
        score = (arm - e)[:, None] * design
        mean, influence, size = [], [], []
        for own, probability, sign in ((1.0 - arm, 1.0 - e, 1.0), (arm, e, -1.0)):
            w = own / probability
            mean.append(float(w @ self.value / w.sum()))
            residual = w * (self.value - mean[-1]) / w.sum()
            slope = (sign * residual * (1.0 - probability)) @ design
            moved = stacked(residual[:, None], slope[None, :], information, score)[:, 0]
            influence.append(moved / np.sqrt(1.0 - leverage(information, score)))
            size.append(max(effective_patients(w, self.cluster), 2.0))
        return self._z(mean[1] - mean[0], influence, size)

    def _z(self, difference: float, influence: list[FloatArray], size: list[float]) -> float:
        """The t-value on the scale of z; an arm of m effective patients has its variance times m / (m - 1)."""
        factor = [np.sqrt(m / (m - 1.0)) for m in size]
        clusters = int(self.cluster.max()) + 1
        rows = [summed_by(self.cluster, f * one, clusters) for f, one in zip(factor, influence, strict=True)]
        variance = [float(one @ one) for one in rows]
        error = float(np.sqrt(np.sum((rows[1] - rows[0]) ** 2)))
        if error <= 0.0:
            return 0.0
        df = sum(variance) ** 2 / sum(v * v / (m - 1.0) for v, m in zip(variance, size, strict=True))
        return float(normal_quantile_of_t(difference / error, df))


def weighted_z(value: npt.ArrayLike, covariates: npt.ArrayLike, *, cluster: npt.ArrayLike | None = None) -> WeightedZ:
    """The z-value of an inverse-probability-weighted difference of means, as a function of who had which treatment.

    Estimand
        The difference of the mean value had everybody had treatment 1, and 0, in units of its standard error.
    Estimator
        A logistic propensity fitted anew for every deal; weights 1 / e and 1 / (1 - e), scaled to sum to 1 in each arm.
    Interval
        None: the z-value. Its standard error is that of `iptw_means` (stacked, leverages, summed within clusters, m / (m - 1) and
        Welch's t for effective sizes m); the t-value is given as the z-value of the same tail.
    Conventions
        A deal whose treatments the covariates separate has weights from its shares alone. An error of 0 gives z = 0.
    Assumes
        Values are outcomes, or pseudo-values that do not know the treatment.
    Not for
        Estimates: it is the statistic of `permuted_strategy`.
    Parameters
        value: n numbers. covariates: (n, p), without intercept. cluster: n labels.
    Returns
        WeightedZ, a function of (b, n) treatments.
    References
        Lunceford & Davidian (2004) Stat Med 23:2937, eq. 19 (stacked variance).
    Checked
        Exact (equal to propensity, balancing_weights and iptw_means without censoring; two means without covariates):
        tests/estimators/test_permuted_strategy.py.
    """
    y = one_dimensional("value", value)
    if y.size == 0 or not np.isfinite(y).all():
        raise refuse(f"{int(np.count_nonzero(~np.isfinite(y)))} of {y.size} values are missing or not finite")
    x = np.asarray(covariates, dtype=np.float64).reshape(y.size, -1)
    # Every row stands in twice, once with each treatment; a deal is the weights that pick one of the two.
    twice = batched_logistic(np.repeat([0.0, 1.0], y.size), np.concatenate([x, x]))
    return WeightedZ(y, np.column_stack([np.ones(y.size), x]), twice, patient_numbers(cluster, y.size))
