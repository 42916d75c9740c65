"""Residuals, checks and predictions of a fitted Cox model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import IntervalKind, Pointwise
from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.regression.cox import baseline, predict, residuals
from tendon_outcomes.estimators.regression.cox.concordance import Concordance, concordance_of
from tendon_outcomes.estimators.regression.cox.cox_fit import CoxFit
from tendon_outcomes.estimators.regression.cox.proportionality import (
    ProportionalHazardsTest,
    Transform,
    proportionality_test,
)
from tendon_outcomes.estimators.regression.cox.sample import CoxSample

ResidualKind = Literal["martingale", "deviance", "score", "dfbeta", "dfbetas"]

_BY_ROW: Mapping[str, Callable[[CoxSample, FloatArray, str], FloatArray]] = {
    "martingale": residuals.martingale,
    "deviance": residuals.deviance,
    "score": residuals.score_residuals,
    "dfbeta": residuals.dfbeta,
    "dfbetas": residuals.dfbetas,
}


def cox_residuals(fit: CoxFit, kind: ResidualKind = "martingale", *, by_cluster: bool = False) -> FloatArray:
    """Residuals of each row of `fit.sample`, (n,) or (n, p): see the functions of that name in `residuals`.

    With `by_cluster` the sums over the rows of each cluster: of weight times residual, for dfbeta and dfbetas of themselves
    (they carry the weight already). Deviance residuals have no meaning when summed and are refused.
    """
    if kind not in _BY_ROW:
        raise refuse(f"there are no {kind!r} residuals of rows", way_out=f"Use {', '.join(_BY_ROW)}.")
    values = _BY_ROW[kind](fit.sample, fit.coefficients.estimate, fit.ties)
    if not by_cluster:
        return values
    if kind == "deviance":
        raise refuse("deviance residuals of rows do not add up to one of their cluster", way_out="Sum martingale residuals.")
    rows = values[:, None] if values.ndim == 1 else values
    weighted = rows if kind in ("dfbeta", "dfbetas") else rows * fit.sample.weights[:, None]
    summed = residuals.summed_within(weighted, fit.sample)
    return summed[:, 0] if values.ndim == 1 else summed


def schoenfeld_residuals(fit: CoxFit, *, scaled: bool = False) -> residuals.SchoenfeldResiduals:
    """Schoenfeld residuals, or scaled ones, of each event: see `residuals`."""
    make = residuals.scaled_schoenfeld if scaled else residuals.schoenfeld
    return make(fit.sample, fit.coefficients.estimate, fit.ties)


def proportional_hazards_test(
    fit: CoxFit,
    *,
    transform: Transform = "km",
    terms: Mapping[str, Sequence[str]] | None = None,
    robust: bool | None = None,
) -> ProportionalHazardsTest:
    """Whether hazard ratios change with time: `proportionality_test` of a fit.

    `robust=None` follows the fit: robust when its covariance is. R's cox.zph is model-based for every fit (`robust=False`). A
    penalised fit is refused, because its estimate is not where the score is 0.
    """
    if fit.penalised:
        raise refuse(
            "the test needs the maximum of the partial likelihood, and this fit is penalised",
            way_out="Compare the curves of the groups instead.",
        )
    return proportionality_test(
        fit.sample,
        fit.coefficients.estimate,
        fit.ties,
        transform=transform,
        terms=terms,
        robust=fit.coefficients.robust if robust is None else robust,
    )


def cox_concordance(fit: CoxFit, *, conf_level: float | None = None, robust: bool | None = None) -> Concordance:
    """Harrell's concordance of the linear predictor with the times that it was fitted to: an optimistic figure.

    The level is that of the fit unless given; the jackknife is taken over clusters when the fit has them.
    """
    # Summed column by column: rows with the same covariates get the same number, whatever the order inside a product.
    score = np.zeros(fit.sample.n)
    for column, estimate in zip(fit.sample.x.T, fit.coefficients.estimate, strict=True):
        score += column * estimate
    level = fit.coefficients.conf_level if conf_level is None else conf_level
    return concordance_of(fit.sample, score, conf_level=level, robust=robust)


def cumulative_baseline_hazard(fit: CoxFit, *, reference: npt.ArrayLike | None = None) -> baseline.BaselineHazard:
    """Cumulative hazard in each stratum of somebody with the reference covariates (zeros): `baseline_hazard` of a fit."""
    return baseline.baseline_hazard(fit.sample, fit.coefficients.estimate, fit.ties, reference=reference)


def predicted_survival(
    fit: CoxFit,
    covariates: npt.ArrayLike,
    *,
    stratum: object = None,
    conf_level: float | None = None,
    interval: IntervalKind = "log-log",
) -> baseline.PredictedCurves:
    """Event-free curves for given covariates: `predicted_curves` with the covariance and the level of the fit."""
    return baseline.predicted_curves(
        fit.sample,
        fit.coefficients.estimate,
        fit.ties,
        covariance=fit.coefficients.covariance,
        covariates=covariates,
        stratum=stratum,
        conf_level=fit.coefficients.conf_level if conf_level is None else conf_level,
        interval=interval,
    )


def predicted_log_hazard_ratio(fit: CoxFit, covariates: npt.ArrayLike, *, reference: npt.ArrayLike | None = None) -> Pointwise:
    """x'beta beside the reference (the sample's means by default): see `linear_predictor`."""
    c = fit.coefficients
    return predict.linear_predictor(
        fit.sample, c.estimate, c.covariance, covariates, reference=reference, conf_level=c.conf_level
    )


def predicted_hazard_ratio(fit: CoxFit, covariates: npt.ArrayLike, *, reference: npt.ArrayLike | None = None) -> Pointwise:
    """The hazard ratio against the reference (the sample's means by default): see `relative_risk`."""
    c = fit.coefficients
    return predict.relative_risk(fit.sample, c.estimate, c.covariance, covariates, reference=reference, conf_level=c.conf_level)
