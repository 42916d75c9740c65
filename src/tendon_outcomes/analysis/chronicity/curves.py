"""The curve over durations: incidence by a day, standardised over everybody's covariates, and differences from the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.chronicity import rails
from tendon_outcomes.analysis.chronicity.assemble import Chronicity, Covariates
from tendon_outcomes.analysis.chronicity.duration_rows import OverDurations, beside_of, rows_over
from tendon_outcomes.analysis.chronicity.examine import G_COMPUTATION, Examined
from tendon_outcomes.analysis.chronicity.places import MILESTONE
from tendon_outcomes.analysis.strategies.rails_causal import not_estimated
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.exposure.exposure_curve import ExposureContrast, ExposureCurve, exposure_curve
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, pseudo_values
from tendon_outcomes.results import Row

WITH_SEVERITY, UNADJUSTED = "with severity", "unadjusted"
LINEAR = "the logistic model did not settle on this day: a straight one took its place"
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """Curves of every day that is told, and what the told-duration analysis takes from them."""

    examined: Examined

    @property
    def case(self) -> Chronicity:
        return self.examined.case

    @cached_property
    def values(self) -> PseudoValues:
        return pseudo_values(*self.case.outcome, days=self.examined.days, cluster=self.case.patient)

    @cached_property
    def curve(self) -> ExposureCurve:
        """At the grid and the milestones."""
        return self.at(self.examined.where.asked)

    @property
    def reference(self) -> float:
        """The reference on the scale of the model; the middle duration where the records do not reach it."""
        return self.case.reference if self.examined.where.has_reference else float(np.median(self.case.log2_weeks))

    def at(
        self,
        weeks: FloatArray | Iterable[float],
        *,
        covariates: Covariates | None = None,
        log2_weeks: FloatArray | None = None,
        knots: tuple[float, ...] | None = None,
    ) -> ExposureCurve:
        """The curve at durations; other covariates, durations or knots may stand in."""
        case, own = self.case, self.case.covariates if covariates is None else covariates
        return exposure_curve(
            self.values,
            case.log2_weeks if log2_weeks is None else log2_weeks,
            own.value if own.names else None,
            names=own.names if own.names else None,
            at=np.log2(np.asarray(list(weeks), dtype=np.float64)),
            reference=self.reference,
            knots=case.exposure.knots if knots is None else knots,
            cluster=case.patient,
            conf_level=case.estimand.conf_level,
            seed=case.exposure.seed,
        )


def fit_curves(examined: Examined) -> Fitted:
    """The curves; nothing is computed before it is asked for."""
    return Fitted(examined)


def curves(fitted: Fitted) -> Iterator[Row]:
    """Incidence and differences day by day; flagged durations; the same with severity and without covariates."""
    examined = fitted.examined
    try:
        whole = fitted.curve
    except EstimationRefused as refused:
        yield not_estimated(refused.summary).refusal(estimator=G_COMPUTATION)
        return
    for k, day in enumerate(examined.days):
        yield from _of_day(fitted, whole, k, day)
    yield from _flagged(fitted)
    yield from _sensitivity(fitted)


def _of_day(fitted: Fitted, whole: ExposureCurve, k: int, day: int) -> Iterator[Row]:
    examined, beside = fitted.examined, beside_of(fitted.case, day)
    note = LINEAR if bool(whole.linear[k]) else ""
    found = of_outcome(examined.where.asked, whole, k)
    yield from rows_over("duration_incidence", G_COMPUTATION, found, examined.where, beside, warning=note)
    if examined.where.has_reference:
        against = of_outcome(examined.where.asked, whole.difference, k)
        yield from rows_over("duration_difference", G_COMPUTATION, against, examined.where, beside, warning=note)


def of_outcome(at_weeks: FloatArray, found: ExposureCurve | ExposureContrast, k: int) -> OverDurations:
    """One day's numbers at every duration, with the band."""
    return OverDurations(
        at_weeks,
        found.estimate[k],
        found.std_error[k],
        found.conf_low[k],
        found.conf_high[k],
        found.band_low[k],
        found.band_high[k],
    )


def without_band(found: OverDurations) -> OverDurations:
    """The same without the simultaneous limits."""
    return OverDurations(found.at_weeks, found.estimate, found.std_error, found.conf_low, found.conf_high)


def _flagged(fitted: Fitted) -> Iterator[Row]:
    """Durations of the protocol that few had: told, flagged, and in no band."""
    where = fitted.examined.where
    if not where.flagged:
        return
    weeks = np.asarray(where.flagged)
    try:
        found = fitted.at(weeks, knots=fitted.curve.knots)
    except EstimationRefused:
        yield from (rails.beyond_duration(one, fitted.case.quantiles[1], G_COMPUTATION) for one in where.flagged)
        return
    for k, day in enumerate(fitted.examined.days):
        beside = beside_of(fitted.case, day)
        parts = [("duration_incidence", of_outcome(weeks, found, k))]
        parts += [("duration_difference", of_outcome(weeks, found.difference, k))] if where.has_reference else []
        for statistic, numbers in parts:
            yield from rows_over(
                statistic, G_COMPUTATION, without_band(numbers), where, beside, terms=(MILESTONE,), warning=rails.OUTSIDE
            )


def _sensitivity(fitted: Fitted) -> Iterator[Row]:
    """Differences at the milestones with severity, which duration may itself bring about, and without covariates."""
    where, case = fitted.examined.where, fitted.case
    if not where.has_reference or not where.milestones:
        return
    weeks = np.asarray(where.milestones)
    others = {UNADJUSTED: Covariates(np.zeros((case.n, 0)))}
    if case.sensitivity is not None:
        others = {WITH_SEVERITY: case.sensitivity, **others}
    for term, covariates in others.items():
        estimator = f"{G_COMPUTATION}, {term}"
        try:
            found = fitted.at(weeks, covariates=covariates, knots=fitted.curve.knots)
        except EstimationRefused as refused:
            yield not_estimated(refused.summary).refusal(estimator=estimator)
            continue
        for k, day in enumerate(fitted.examined.days):
            yield from rows_over(
                "sensitivity_duration_difference",
                estimator,
                without_band(of_outcome(weeks, found.difference, k)),
                where,
                beside_of(case, day),
                terms=(term,),
            )
