"""Coefficients of a fitted model, with what a table of them needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.special_functions import chi_square_p, normal_two_sided_p


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """Estimates with their covariance, named; p arrays of p values, and (p, p).

    `conf_low`, `conf_high` are Wald limits unless `interval` says "profile". `robust` tells whether the covariance is a
    sandwich. A coefficient that was not estimated is no row here: the fit is refused by name instead.
    """

    names: tuple[str, ...]
    estimate: FloatArray
    covariance: FloatArray
    conf_level: float = 0.95
    robust: bool = False
    interval: str = "Wald"
    profile: tuple[FloatArray, FloatArray] | None = field(default=None, repr=False)
    profile_p: FloatArray | None = field(default=None, repr=False)

    @property
    def std_error(self) -> FloatArray:
        return np.asarray(np.sqrt(np.diagonal(self.covariance)), dtype=np.float64)

    @property
    def conf_low(self) -> FloatArray:
        if self.profile is not None:
            return self.profile[0]
        return np.asarray(self.estimate - two_sided_z(self.conf_level) * self.std_error, dtype=np.float64)

    @property
    def conf_high(self) -> FloatArray:
        if self.profile is not None:
            return self.profile[1]
        return np.asarray(self.estimate + two_sided_z(self.conf_level) * self.std_error, dtype=np.float64)

    @property
    def z(self) -> FloatArray:
        return np.asarray(self.estimate / self.std_error, dtype=np.float64)

    @property
    def p_value(self) -> FloatArray:
        """Two-sided Wald p-values, or those of the profile likelihood ratio where the limits are profile limits."""
        if self.profile_p is not None:
            return self.profile_p
        return normal_two_sided_p(self.z)

    def wald(self, names: tuple[str, ...] | None = None) -> tuple[float, int, float]:
        """(statistic, df, p) of the Wald test that the named coefficients (all by default) are 0."""
        at = [self.names.index(name) for name in (names or self.names)]
        b = self.estimate[at]
        statistic = float(b @ np.linalg.solve(self.covariance[np.ix_(at, at)], b))
        return statistic, len(at), chi_square_p(statistic, len(at))

    def combination(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Estimate and standard error of each row of `weights` (k, p) times the coefficients."""
        rows = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        variance = np.einsum("ij,jk,ik->i", rows, self.covariance, rows)
        return np.asarray(rows @ self.estimate), np.sqrt(np.maximum(variance, 0.0))
