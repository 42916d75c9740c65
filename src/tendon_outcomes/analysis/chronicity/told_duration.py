"""Durations are told from memory: are they heaped at round numbers, and what does their imprecision do to the curve?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.chronicity.assemble import LEAST_WEEKS, WEEKS_A_MONTH, Chronicity
from tendon_outcomes.analysis.chronicity.curves import Fitted
from tendon_outcomes.analysis.chronicity.duration_rows import OverDurations, beside_of, rows_over
from tendon_outcomes.analysis.chronicity.places import MILESTONE
from tendon_outcomes.analysis.strategies.rails_causal import not_estimated
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.exposure.exposure_curve import ExposureContrast, ExposureCurve
from tendon_outcomes.estimators.imputation.heaping import heaping
from tendon_outcomes.estimators.imputation.over_imputation import OverImputed, over_impute
from tendon_outcomes.estimators.imputation.pooling import pooled
from tendon_outcomes.results import Row

HEAPING, OVER_IMPUTED = "exact heaping test", "g-computation, multiple over-imputation"
OVERALL = "overall"
FloatArray = NDArray[np.float64]


def heaps(case: Chronicity) -> Iterator[Row]:
    """How many durations lie near round months, against a smooth spread of the others."""
    recall = case.exposure.recall
    try:
        found = heaping(
            case.weeks / WEEKS_A_MONTH,
            heaps=recall.heaps_months,
            width=recall.heap_width_months,
            conf_level=case.estimand.conf_level,
        )
    except EstimationRefused as refused:
        yield not_estimated(refused.summary).refusal(estimator=HEAPING)
        return
    for i, months in enumerate(found.heaps.tolist()):
        yield Row(
            estimator=HEAPING,
            statistic="duration_heaping",
            term=f"{months:g} months",
            estimate=float(found.ratio[i]),
            conf_low=float(found.conf_low[i]),
            conf_high=float(found.conf_high[i]),
            n_at_risk=case.n,
            n_events=int(found.observed[i]),
        )
    says = "heaping detected" if found.detected else "no heaping detected"
    yield Row(
        estimator=HEAPING,
        statistic="duration_heaping",
        term=OVERALL,
        estimate=float(found.p_value),
        n_at_risk=case.n,
        warning=f"{says} ({found.test})",
    )


def over_imputed(fitted: Fitted) -> Iterator[Row]:
    """The curve at the milestones when every duration is drawn again within its imprecision, given outcome and covariates.

    The spline keeps the knots of the curve. Estimates of the imputations are pooled by Rubin's rules. Beside them stands the
    reliability: of what durations differ by among runners alike in outcome and covariates, the share that is not the telling.
    """
    where = fitted.examined.where
    if not where.milestones:
        return
    try:
        made = drawn_again(fitted)
        yield _reliability(fitted.case, made)
        drawn = completed(fitted, made)
        for k, day in enumerate(fitted.examined.days):
            beside = beside_of(fitted.case, day)
            shares = _pooled(fitted, drawn, k, share=True)
            yield from rows_over("duration_over_imputed_incidence", OVER_IMPUTED, shares, where, beside, terms=(MILESTONE,))
            if where.has_reference:
                against = _pooled(fitted, [one.difference for one in drawn], k, share=False)
                yield from rows_over("duration_over_imputed_difference", OVER_IMPUTED, against, where, beside, terms=(MILESTONE,))
    except EstimationRefused as refused:
        yield not_estimated(refused.summary).refusal(estimator=OVER_IMPUTED)


def drawn_again(fitted: Fitted) -> OverImputed:
    """Completed columns of log2 weeks, given the outcome on every day and the covariates of the curve."""
    case = fitted.case
    predictors = np.column_stack([fitted.values.value, case.covariates.value])
    return over_impute(
        case.log2_weeks,
        case.spread,
        predictors,
        imputations=case.exposure.recall.imputations,
        seed=case.exposure.seed,
        low=float(np.log2(LEAST_WEEKS)),
        cluster=case.patient,
    )


def completed(fitted: Fitted, made: OverImputed) -> list[ExposureCurve]:
    """The curve in every completed sample."""
    milestones, knots = fitted.examined.where.milestones, tuple(fitted.curve.knots)
    return [fitted.at(milestones, log2_weeks=value, knots=knots) for value in made.value]


def _reliability(case: Chronicity, made: OverImputed) -> Row:
    return Row(
        estimator=OVER_IMPUTED, statistic="duration_reliability", term=OVERALL, estimate=made.reliability, n_at_risk=case.n
    )


def _pooled(fitted: Fitted, drawn: list[ExposureCurve] | list[ExposureContrast], k: int, *, share: bool) -> OverDurations:
    """Rubin's rules over the imputations, day k."""
    case = fitted.case
    found = pooled(
        np.array([one.estimate[k] for one in drawn]),
        np.array([one.std_error[k] for one in drawn]) ** 2,
        df_complete=max(float(np.unique(case.patient).size - case.exposure.knots - len(case.covariates.names)), 1.0),
        interval="logit" if share else "plain",
        conf_level=case.estimand.conf_level,
    )
    at_weeks = np.asarray(fitted.examined.where.milestones, dtype=np.float64)
    return OverDurations(at_weeks, found.estimate, found.std_error, found.conf_low, found.conf_high)
