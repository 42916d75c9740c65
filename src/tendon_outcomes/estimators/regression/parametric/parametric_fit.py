"""A fitted accelerated failure time model, and the questions it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import Pointwise, two_sided_z
from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, refuse
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.parametric.error_distributions import error_distribution
from tendon_outcomes.estimators.regression.parametric.log_cumulative_limits import log_cumulative_limits
from tendon_outcomes.estimators.special_functions import chi_square_p

ROUNDING = 1e-14  # -log S below this has lost its digits to those of S.


class Ratios(NamedTuple):
    """exp of the coefficients of the covariates, with their limits; one value a name."""

    names: tuple[str, ...]
    estimate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ParametricFit:
    """log T = x'b + s W. `coefficients` holds b (the intercept first) and then log s, one a stratum (none for exponential).

    `naive_covariance` is the inverse information also when `coefficients.covariance` is the sandwich.
    """

    coefficients: Coefficients
    n_covariates: int  # columns of x, the intercept among them
    distribution: str
    log_likelihood: float
    null_log_likelihood: float
    naive_covariance: FloatArray = field(repr=False)
    strata: tuple[object, ...]
    n: int
    n_events: float
    last_follow_up: float
    iterations: int
    gradient_norm: float

    @property
    def scale(self) -> FloatArray:
        """s of every stratum; 1 for exponential times."""
        if self.distribution == "exponential":
            return np.ones(1)
        return np.asarray(np.exp(self.coefficients.estimate[self.n_covariates :]))

    @property
    def likelihood_ratio_test(self) -> tuple[float, int, float]:
        """(statistic, df, p) of the covariates together; without weights that are copies it has no chi-square law."""
        if self.coefficients.robust:
            raise refuse("a robust fit has no likelihood-ratio test", way_out="Use coefficients.wald().")
        statistic, df = 2.0 * (self.log_likelihood - self.null_log_likelihood), self.n_covariates - 1
        return statistic, df, chi_square_p(statistic, df)

    def time_ratios(self) -> Ratios:
        """By what factor a unit of each covariate lengthens the time."""
        at = slice(1, self.n_covariates)
        c = self.coefficients
        return Ratios(c.names[at], np.exp(c.estimate[at]), np.exp(c.conf_low[at]), np.exp(c.conf_high[at]))

    def incidence(self, days: npt.ArrayLike, covariates: npt.ArrayLike | None = None, *, stratum: object = None) -> Pointwise:
        """F(t | x) at the days for one row of covariates, with limits normal on log(-log(1 - F)); 0 at day 0."""
        asked = np.asarray(days, dtype=np.float64)
        self._refuse_beyond(asked)
        flat = np.ravel(asked)
        later = flat > 0.0
        x, s, g = self._row(covariates, stratum)
        law = error_distribution(self.distribution)
        w = (np.log(np.where(later, flat, 1.0)) - x @ self.coefficients.estimate[: x.size]) / s
        log_above = law.log_above(w)
        with np.errstate(divide="ignore"):
            # Where S rounds to 1, -log S is F.
            log_cumulative = np.where(log_above < -ROUNDING, np.log(-log_above), law.log_below(w))
        # d log(-log S)/dw = (f/S) / -log S; dw/db = -x/s, dw/dlog s = -w.
        steep = np.exp(law.log_density(w) - log_above - log_cumulative)
        slope = np.zeros((flat.size, self.coefficients.estimate.size))
        slope[:, : x.size] = -x / s
        if g is not None:
            slope[:, g] = -w
        error = self._std_error(slope) * steep
        limits = log_cumulative_limits(log_cumulative, error, conf_level=self.conf_level)
        columns = (-np.expm1(log_above), error * np.exp(log_cumulative + log_above), *limits)
        return Pointwise(*(np.where(later, column, 0.0).reshape(asked.shape) for column in columns))

    def quantile(self, p: npt.ArrayLike, covariates: npt.ArrayLike | None = None, *, stratum: object = None) -> Pointwise:
        """The time by which a fraction p of people with these covariates had the event; limits normal on log t.

        An upper limit beyond the last follow-up is inf, "not reached"; an estimate beyond it is refused.
        """
        asked = np.asarray(p, dtype=np.float64)
        if not ((asked > 0.0) & (asked < 1.0)).all():
            raise refuse("`p` must lie strictly between 0 and 1")
        x, s, g = self._row(covariates, stratum)
        w = np.array([error_distribution(self.distribution).quantile(float(q)) for q in np.ravel(asked)])
        time = np.exp(x @ self.coefficients.estimate[: x.size] + s * w)
        beyond = int(np.count_nonzero(time > self.last_follow_up * (1.0 + TIE_TOLERANCE)))
        if beyond:
            raise refuse(
                f"{beyond} of the quantiles lie beyond the last follow-up {self.last_follow_up:g}",
                way_out="Ask for smaller fractions; later times would be extrapolation.",
            )
        slope = np.zeros((w.size, self.coefficients.estimate.size))
        slope[:, : x.size] = x
        if g is not None:
            slope[:, g] = s * w
        error = self._std_error(slope)
        reach = np.exp(two_sided_z(self.conf_level) * error)
        high = np.where(time * reach > self.last_follow_up, np.inf, time * reach)
        return Pointwise(*(column.reshape(asked.shape) for column in (time, time * error, time / reach, high)))

    @property
    def conf_level(self) -> float:
        return self.coefficients.conf_level

    def _row(self, covariates: npt.ArrayLike | None, stratum: object) -> tuple[FloatArray, float, int | None]:
        """(columns with the intercept, scale, position of its log among the coefficients) of one kind of person."""
        values = np.zeros(0) if covariates is None else np.atleast_1d(np.asarray(covariates, dtype=np.float64))
        if values.shape != (self.n_covariates - 1,) or not np.isfinite(values).all():
            raise refuse(f"one row of {self.n_covariates - 1} finite covariates is expected")
        x = np.concatenate((np.ones(1), values))
        if self.distribution == "exponential":
            return x, 1.0, None
        if stratum is None and len(self.strata) == 1:
            return x, float(self.scale[0]), self.n_covariates
        if stratum not in self.strata:
            raise refuse(f"`stratum` is one of {', '.join(map(str, self.strata))}")
        g = self.strata.index(stratum)
        return x, float(self.scale[g]), self.n_covariates + g

    def _std_error(self, slope: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", slope, self.coefficients.covariance, slope), 0.0)))

    def _refuse_beyond(self, days: FloatArray) -> None:
        if not (np.isfinite(days) & (days >= 0.0)).all():
            raise refuse("days must be finite and not negative")
        if (days > self.last_follow_up * (1.0 + TIE_TOLERANCE)).any():
            raise refuse(
                f"{np.count_nonzero(days > self.last_follow_up)} of the days asked for lie beyond the last follow-up",
                way_out=f"The largest day these data allow is {self.last_follow_up:g}.",
            )
