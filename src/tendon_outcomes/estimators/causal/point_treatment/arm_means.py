"""Means of outcomes under two treatments, with what each row moves them by: what every point-treatment estimator gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.causal.point_treatment.mean_limits import bounded_contrast, bounded_limits, log_ratio
from tendon_outcomes.estimators.contrasts import Scale
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse
from tendon_outcomes.estimators.special_functions import student_t_quantile

FEWEST_DF = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class MeanLimits:
    """k means of one arm, or k contrasts of two, each with its standard error, limits and degrees of freedom.

    `std_error` of a ratio is that of its logarithm.
    """

    names: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    df: FloatArray
    conf_level: float
    scale: Scale | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ArmMeans:
    """Means of k outcomes under treatment 0 (the reference) and 1.

    `names` (k) of the outcomes, as "day 84" or "time lost to day 182". `mean` (2, k). `influence` (2, n, k) is what each row
    moves the mean by, so that the variance of any combination is the sum over clusters of its squared sums. `cluster` (n,)
    numbers the patients. `effective_n` (2,) is the effective sample size of each arm. `method` names the estimator. `largest`
    (k) is the value that no mean can exceed (1 for a share, the horizon for a time lost); inf where none is known, and then the
    limits are not kept inside a range.

    Small samples: with m the effective size of an arm, its variance is multiplied by m / (m - 1) and its limits take the t
    quantile of m - 1 degrees of freedom; those of a contrast take Welch's. Limits of a mean between 0 and `largest` are made
    on the logit scale, those of a contrast are put together from the limits of the two arms and their correlation
    (square-and-add), so that they stay where a contrast can be. A mean of exactly 0 or `largest` has the exact binomial limit
    of m.
    """

    method: str
    names: tuple[str, ...]
    mean: FloatArray
    influence: FloatArray = field(repr=False)
    cluster: IntArray = field(repr=False)
    effective_n: FloatArray
    conf_level: float = 0.95
    largest: FloatArray | None = None

    def covariance(self) -> FloatArray:
        """(2k, 2k): reference first. As the influences are, without the factor for small samples."""
        rows = np.concatenate([self.influence[0], self.influence[1]], axis=1)
        summed = np.zeros((int(self.cluster.max()) + 1, rows.shape[1]))
        np.add.at(summed, self.cluster, rows)
        return np.asarray(summed.T @ summed)

    def arm(self, arm: int) -> MeanLimits:
        """The means under treatment 0 (the reference) or 1."""
        if arm not in (0, 1):
            raise refuse("an arm is 0, the reference, or 1")
        error = np.sqrt(self._variances()[arm])
        df = np.full(len(self.names), max(float(self.effective_n[arm]) - 1.0, FEWEST_DF))
        estimate, reach = self.mean[arm], self._reach(df)
        low, high = self._limits(arm, error, reach)
        return MeanLimits(self.names, estimate, error, low, high, df, self.conf_level)

    def difference(self) -> MeanLimits:
        """Means under treatment 1 less those under the reference."""
        return self._contrast("difference", np.arange(len(self.names)))

    def ratio(self, names: Sequence[str] | None = None) -> MeanLimits:
        """Means under treatment 1 over those under the reference, of all outcomes or the named ones; refused at a mean of 0."""
        chosen = np.array([self._place(name) for name in (self.names if names is None else names)], dtype=np.int64)
        none = [self.names[j] for j in chosen if not (self.mean[:, j] > 0.0).all()]
        if none:
            raise refuse(f"a ratio needs two means above 0: {', '.join(none)}", way_out="Ask for the difference.")
        return self._contrast("ratio", chosen)

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise refuse(f"there is no outcome {name!r}", way_out=f"Outcomes: {', '.join(self.names)}.")
        return self.names.index(name)

    def _ceilings(self) -> FloatArray:
        return np.full(len(self.names), np.inf) if self.largest is None else self.largest

    def _reach(self, df: FloatArray) -> FloatArray:
        return np.array([student_t_quantile(0.5 + self.conf_level / 2.0, float(one)) for one in df])

    def _factors(self) -> FloatArray:
        """m / (m - 1) of each arm."""
        size = np.maximum(self.effective_n, 1.0 + FEWEST_DF)
        return np.asarray(size / (size - 1.0))

    def _variances(self) -> FloatArray:
        diagonal = np.maximum(np.diagonal(self.covariance()), 0.0).reshape(2, len(self.names))
        return np.asarray(diagonal * self._factors()[:, None])

    def _covariances(self) -> FloatArray:
        """Of the two arms, outcome by outcome (k,)."""
        k = len(self.names)
        between = np.diagonal(self.covariance()[:k, k:])
        return np.asarray(between * np.sqrt(self._factors().prod()))

    def _limits(self, arm: int, error: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
        return bounded_limits(self.mean[arm], error, reach, self._ceilings(), float(self.effective_n[arm]), self.conf_level)

    def _contrast(self, scale: Scale, chosen: IntArray) -> MeanLimits:
        variance, between = self._variances(), self._covariances()
        df = self._welch(variance)
        reach = self._reach(df)
        limits = [self._limits(arm, np.sqrt(variance[arm]), reach) for arm in (0, 1)]
        rows = []
        for j in chosen:
            arms = [(self.mean[a, j], np.sqrt(variance[a, j]), limits[a][0][j], limits[a][1][j]) for a in (1, 0)]
            bounded = bool(np.isfinite(self._ceilings()[j]))
            if scale == "ratio" and not bounded:
                rows.append(log_ratio(arms[0], arms[1], float(between[j]), float(reach[j])))
            else:
                rows.append(bounded_contrast(arms[0], arms[1], float(between[j]), scale, bounded, float(reach[j])))
        estimate, error, low, high = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        names = tuple(self.names[j] for j in chosen)
        return MeanLimits(names, estimate, error, low, high, df[chosen], self.conf_level, scale)

    def _welch(self, variance: FloatArray) -> FloatArray:
        """Welch's degrees of freedom, never fewer than those of the smaller arm."""
        own = np.maximum(self.effective_n - 1.0, FEWEST_DF)
        spread = (variance**2 / own[:, None]).sum(axis=0)
        total = variance.sum(axis=0) ** 2
        df = np.divide(total, spread, out=np.full(total.shape, own.min()), where=spread > 0.0)
        return np.asarray(np.clip(df, own.min(), own.sum()))
