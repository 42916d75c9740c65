"""Models of the rate of recovery, and of the time to it, beside the curve: ratios against the reference duration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.chronicity.curves import Fitted
from tendon_outcomes.analysis.chronicity.duration_rows import OverDurations, beside_of, rows_over
from tendon_outcomes.analysis.strategies.rails_causal import not_estimated
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog
from tendon_outcomes.estimators.regression.spline_columns import SplineColumns
from tendon_outcomes.estimators.regression.spline_contrasts import spline_contrasts
from tendon_outcomes.results import Row

CLOGLOG, COX, AFT = "pooled complementary log-log", "Cox", "accelerated failure time"
DURATION = "log2_duration_wk"
FloatArray = NDArray[np.float64]


def companions(fitted: Fitted) -> Iterator[Row]:
    """The same spline, knots and covariates in three models. Competing events censor: ratios are of the rate of the one cause.

    The visit is taken as the day of recovery by Cox's model alone, which makes it late by up to one visit for everybody.
    """
    examined = fitted.examined
    if not examined.where.has_reference:
        return
    models: dict[str, Callable[[FloatArray, SplineColumns], Coefficients]] = {
        CLOGLOG: lambda x, columns: _cloglog(fitted, x, columns),
        COX: lambda x, columns: _cox(fitted, x, columns),
        AFT: lambda x, columns: _time(fitted, x, columns),
    }
    for estimator, model in models.items():
        try:
            columns = spline_of(fitted)
            found = _against_reference(fitted, model(_design(fitted, columns), columns), columns)
        except EstimationRefused as refused:
            yield not_estimated(refused.summary).refusal(estimator=estimator)
            continue
        yield from rows_over("duration_hazard_ratio", estimator, found, examined.where, beside_of(fitted.case))


def spline_of(fitted: Fitted) -> SplineColumns:
    """The duration bent at the knots of the curve, and the covariates straight."""
    return SplineColumns((DURATION, *fitted.case.covariates.names), {DURATION: tuple(fitted.curve.knots)})


def _design(fitted: Fitted, columns: SplineColumns) -> FloatArray:
    return columns.columns(np.column_stack([fitted.case.log2_weeks, fitted.case.covariates.value]))


def _against_reference(fitted: Fitted, coefficients: Coefficients, columns: SplineColumns) -> OverDurations:
    asked = fitted.examined.where.asked
    found = spline_contrasts(
        coefficients,
        columns,
        DURATION,
        at=np.log2(asked),
        reference=fitted.reference,
        conf_level=fitted.case.estimand.conf_level,
        seed=fitted.case.exposure.seed,
    )
    numbers = (found.estimate, found.conf_low, found.conf_high, found.band_low, found.band_high)
    estimate, low, high, band_low, band_high = (np.exp(one) for one in numbers)
    return OverDurations(asked, estimate, found.std_error, low, high, band_low, band_high)


def _cloglog(fitted: Fitted, x: FloatArray, columns: SplineColumns) -> Coefficients:
    case = fitted.case
    left, right, cause = case.outcome
    grid = np.asarray(case.data.grid_days, dtype=np.float64)
    late = (cause == 1) & (right > grid[-1])
    fit = pooled_cloglog(
        left,
        np.where(late, np.inf, right),
        np.where(late, 0, cause),
        x,
        grid=grid,
        names=columns.column_names,
        cluster=case.patient,
        conf_level=case.estimand.conf_level,
    )
    return fit.coefficients


def _cox(fitted: Fitted, x: FloatArray, columns: SplineColumns) -> Coefficients:
    case = fitted.case
    left, right, cause = case.outcome
    time = np.where(cause == 1, right, left)
    followed = time > 0
    fit = cox(
        time[followed],
        (cause == 1)[followed],
        x[followed],
        names=columns.column_names,
        cluster=case.patient[followed],
        conf_level=case.estimand.conf_level,
    )
    return fit.coefficients


def _time(fitted: Fitted, x: FloatArray, columns: SplineColumns) -> Coefficients:
    case = fitted.case
    left, right, cause = case.outcome
    right = np.where(cause == 1, right, np.inf)
    followed = (left > 0) | np.isfinite(right)
    fit = accelerated_failure_time(
        left[followed],
        right[followed],
        x[followed],
        names=columns.column_names,
        cluster=case.patient[followed],
        conf_level=case.estimand.conf_level,
    )
    return fit.coefficients
