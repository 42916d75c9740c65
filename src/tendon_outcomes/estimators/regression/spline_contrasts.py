"""The log ratio of a fit along one of its covariates, against a reference value, with limits and a band."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, checked_level, one_dimensional, refuse
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.simultaneous import largest_t
from tendon_outcomes.estimators.regression.spline_columns import SplineColumns


@dataclass(frozen=True, slots=True, eq=False)
class SplineContrasts:
    """Log ratios at `at` against `reference`, all (g,): pointwise limits, and limits that hold for all places together."""

    name: str
    at: FloatArray
    reference: float
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    band_low: FloatArray
    band_high: FloatArray
    conf_level: float
    covariance: FloatArray = field(repr=False)

    def ratios(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """exp of the estimate and of the pointwise limits."""
        return np.exp(self.estimate), np.exp(self.conf_low), np.exp(self.conf_high)


def spline_contrasts(
    coefficients: Coefficients,
    columns: SplineColumns,
    name: str,
    *,
    at: npt.ArrayLike,
    reference: float,
    conf_level: float | None = None,
    seed: int = 1,
) -> SplineContrasts:
    """How the linear predictor of a fit changes along one covariate, straight or bent, the others held.

    Estimand
        x(a)'b - x(reference)'b for each place a: a log hazard ratio of cox and pooled_cloglog, a log time ratio of an accelerated
        failure time, a log odds ratio of logistic.
    Estimator
        The columns of the covariate at a less those at the reference, times the fitted coefficients.
    Interval
        Wald at every place; the band takes the critical value of the largest of the correlated normal statistics.
    Conventions
        The knots are those stored in `columns`: nothing is found again from data. At the reference the contrast is 0 exactly.
    Assumes
        What the fit assumes; no interaction with the covariate.
    Not for
        Places outside the data: a spline is straight there because it knows nothing.
    Parameters
        coefficients: of a fit on `columns.columns(x)`, further ones allowed. columns: with stored knots. name: the covariate.
        at: g places. reference: one place. conf_level: that of the coefficients when None. seed: of the band.
    Returns
        SplineContrasts.
    References
        Harrell (2015) Regression Modeling Strategies, 2.4.5 and 9.8; Hothorn, Bretz & Westfall (2008) Biometrical J 50:346.
    Checked
        Exact (a straight covariate), reference (R survival with the same columns): tests/estimators/test_spline_contrasts.py.
    """
    if name not in columns.names:
        raise refuse(f"there is no covariate {name!r}", way_out=f"Covariates: {', '.join(columns.names)}.")
    level = coefficients.conf_level if conf_level is None else checked_level(conf_level)
    places = one_dimensional("at", at)
    if not (np.isfinite(places).all() and np.isfinite(reference)):
        raise refuse("a place asked for is not a finite number")
    own = [label for label in columns.column_names if label.rstrip("'") == name]
    unknown = [label for label in own if label not in coefficients.names]
    if unknown:
        raise refuse(f"the fit has no coefficient {', '.join(unknown)}", way_out="Fit it on the columns of the same spline.")
    alone = SplineColumns((name,), {name: columns.knots[name]} if name in columns.knots else {})
    weights = np.zeros((places.size, len(coefficients.names)))
    step = alone.columns(places[:, None]) - alone.columns(np.array([[reference]]))
    weights[:, [coefficients.names.index(label) for label in own]] = step
    covariance = weights @ coefficients.covariance @ weights.T
    estimate, error = coefficients.combination(weights)
    reach, band = two_sided_z(level), largest_t(covariance, np.inf, conf_level=level, seed=seed)
    low, high, band_low, band_high = (estimate + sign * steps * error for steps in (reach, band) for sign in (-1.0, 1.0))
    return SplineContrasts(name, places, float(reference), estimate, error, low, high, band_low, band_high, level, covariance)
