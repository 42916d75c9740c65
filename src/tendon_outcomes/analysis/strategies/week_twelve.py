"""The comparison at week 12 as the sensitivity analyses repeat it: by weights, on changed records or with other weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.analysis.strategies.assemble import declared_trial
from tendon_outcomes.analysis.strategies.plain_words import plain, plain_way_out
from tendon_outcomes.analysis.strategies.rails_causal import FIRTH_PER_PARAMETER
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import iptw_means
from tendon_outcomes.estimators.causal.weighting.balancing_weights import BalancingWeights, balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import Propensity, propensity
from tendon_outcomes.results import Row

ESTIMATOR = "IPTW"
DAY = 84  # statistics.md §2: sensitivity analyses speak of the risks at 12 weeks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """left, right and cause of the compared rows, in days; what a sensitivity analysis changes."""

    left: FloatArray
    right: FloatArray
    cause: IntArray

    def reached(self, rows: IntArray, day: int) -> Outcome:
        """These rows reached the endpoint by ``day``; when is known only as far as they were followed before it."""
        left, right, cause = self.left.copy(), self.right.copy(), self.cause.copy()
        left[rows] = np.where(left[rows] < day, left[rows], 0.0)
        right[rows], cause[rows] = day, 1
        return Outcome(left, right, cause)

    def not_reached(self, rows: IntArray, day: int) -> Outcome:
        """These rows were followed to ``day`` without the endpoint."""
        left, right, cause = self.left.copy(), self.right.copy(), self.cause.copy()
        left[rows], right[rows], cause[rows] = np.maximum(left[rows], day), np.inf, 0
        return Outcome(left, right, cause)


@dataclass(frozen=True)
class Compared:
    """The rows whose treatment is known, with their propensity and weights; every array has an entry for each of `rows`."""

    trial: Trial
    rows: IntArray
    treatment: IntArray
    covariates: FloatArray
    patient: IntArray
    outcome: Outcome
    lost: NDArray[np.bool_]
    propensity: Propensity
    weights: BalancingWeights

    @property
    def stratum(self) -> str:
        """The contrast as rows name it."""
        reference, compared = strategies(self.trial)
        return f"{compared} - {reference}"

    def means(self, outcome: Outcome | None = None, weights: BalancingWeights | None = None, day: int = DAY) -> ArmMeans:
        """Incidence under either strategy on the day."""
        on = outcome or self.outcome
        return iptw_means(
            on.left,
            on.right,
            on.cause,
            self.treatment,
            weights or self.weights,
            self.propensity,
            days=[day],
            cluster=self.patient,
            conf_level=self.trial.estimand.conf_level,
        )

    def lost_before(self, day: int = DAY) -> IntArray:
        """Who of the two strategies was lost before the day with the result unknown."""
        compared = self.weights.weight > 0.0
        return np.flatnonzero(self.lost & (self.outcome.cause == 0) & (self.outcome.left < day) & compared)

    def without_event(self, day: int = DAY) -> IntArray:
        """Who of the two strategies is not known to have reached the endpoint, or anything else, by the day."""
        return np.flatnonzero(((self.outcome.cause == 0) | (self.outcome.right > day)) & (self.weights.weight > 0.0))


def strategies(trial: Trial) -> tuple[str, str]:
    """Names of the reference and the compared strategy."""
    reference, compared = trial.sample.strategy_names[:2]
    return reference, compared


def compare(trial: Trial, *, truncate: tuple[float, float] | None = None, score: Propensity | None = None) -> Compared:
    """Fit the propensity of what was prescribed and weigh, as the point-treatment analysis does.

    ``truncate``: other quantiles than the protocol's. ``score``: the propensity of the runners whose treatment is known, where it
    has been fitted already.

    Raises
    ------
    EstimationRefused
        An arm is empty, or the propensity cannot be fitted.
    """
    rows = np.flatnonzero(trial.treatment >= 0)
    arm, data = trial.treatment[rows], trial.data
    sizes = [int(np.count_nonzero(arm == one)) for one in (0, 1)]
    if not all(sizes):
        raise EstimationRefused(
            "nobody was prescribed one of the two strategies", way_out="A comparison needs runners under both."
        )
    found = score or _propensity(arm, trial.covariates[rows], trial.covariate_names, min(sizes))
    return Compared(
        trial=trial,
        rows=rows,
        treatment=arm,
        covariates=trial.covariates[rows],
        patient=trial.patient[rows],
        outcome=Outcome(data.left[rows], data.right[rows], data.cause[rows]),
        lost=data.lost[rows],
        propensity=found,
        weights=balancing_weights(found, arm, truncate=truncate or declared_trial(trial.estimand).truncate),
    )


def _propensity(arm: IntArray, covariates: FloatArray, names: tuple[str, ...], smallest: int) -> Propensity:
    """With Firth's penalty where the smaller strategy has few runners for each parameter, or a covariate separates."""
    firth = smallest < FIRTH_PER_PARAMETER * (covariates.shape[1] + 1)
    try:
        return propensity(arm, covariates, names=names, firth=firth)
    except EstimationRefused:
        if firth:
            raise
        return propensity(arm, covariates, names=names, firth=True)


def with_factor(weights: BalancingWeights, factor: FloatArray) -> BalancingWeights:
    """The weights times a factor that is taken as known."""
    return replace(weights, weight=weights.weight * factor, derivative=weights.derivative * factor[:, None])


def difference_row(found: Compared, means: ArmMeans, term: str, *, statistic: str = "incidence_difference") -> Row:
    """The difference of the first outcome as a row, with the runners and events behind it."""
    contrast, compared = means.difference(), found.weights.weight > 0.0
    known = compared & (found.outcome.cause == 1) & (found.outcome.right <= DAY)
    return Row(
        estimator=ESTIMATOR,
        statistic=statistic,
        stratum=found.stratum,
        term=term,
        day=DAY,
        estimate=float(contrast.estimate[0]),
        std_error=float(contrast.std_error[0]),
        conf_low=float(contrast.conf_low[0]),
        conf_high=float(contrast.conf_high[0]),
        n_at_risk=int(np.count_nonzero(compared)),
        n_events=int(np.count_nonzero(known)),
    )


def limits(means: ArmMeans) -> tuple[float, float, float]:
    """The first difference with its limits."""
    contrast = means.difference()
    return float(contrast.estimate[0]), float(contrast.conf_low[0]), float(contrast.conf_high[0])


def refused(code: str, why: EstimationRefused, stratum: str) -> Row:
    """A sensitivity analysis that cannot be made, with the reason."""
    says = f"{plain(why.summary)}. {plain_way_out(why.way_out)}".strip()
    return Rail(code, says).refusal(estimator=ESTIMATOR, stratum=stratum, day=DAY)
