"""The whole clone-censor-weight pipeline as one statistic of weights of rows: models, weights and curves made anew for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.causal.sustained.censoring_weights import (
    Initiation,
    StrategyWeights,
    WeightSummary,
    loss_of,
    strategy_weights,
    summarised,
)
from tendon_outcomes.estimators.causal.sustained.departure_designs import PER_PARAMETER
from tendon_outcomes.estimators.causal.sustained.hazard_equations import Hazards, solved
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import TOLERANCE, incidences
from tendon_outcomes.estimators.observations import FloatArray

SAMPLE_ERROR = 1e-8  # of the equations in resampled patients
BATCH = 16
LARGEST_BATCH = 400_000  # rows times weightings, so that a batch stays in the processor's cache


class StrategyCurve(NamedTuple):
    """The fit of one strategy to the sample itself: hazards, weights, and by week how many rows count and their total weight."""

    hazards: Hazards
    incidence: FloatArray
    competing: FloatArray
    summary: WeightSummary
    weighted: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class CloneStatistic:
    """Prepared by `clone_statistic`: (b, n) weights of rows to (b, 2 K) incidences by week, the reference strategy first.

    NaN from the week on in which nobody who counts is left at risk, and where a curve did not settle.
    """

    strategies: tuple[StrategyWeights, StrategyWeights] = field(repr=False)
    names: tuple[str, ...]
    n: int
    weeks: int
    width: int = field(default=BATCH)

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Incidence at the end of every week under both strategies."""
        return np.concatenate(list(self._batches(weights)))

    def _batches(self, weights: FloatArray) -> Iterator[FloatArray]:
        for start in range(0, weights.shape[0], self.width):
            part = weights[start : start + self.width]
            yield np.concatenate([curve_of(one, part)[0] for one in self.strategies], axis=1)

    def of_sample(self, strategy: int) -> StrategyCurve:
        """What the sample itself says of one of the two strategies, with its weights described."""
        one = self.strategies[strategy]
        totals, found, weighted = one.rows.totals(1), [], []
        for part in one.by_week(np.ones((1, self.n))):
            one.rows.add(totals, part.week - 1, part.truncated)
            if part.week <= self.weeks:
                found.append((part.weight[0], part.truncated[0]))
                weighted.append(float(part.truncated.sum()))
        fit = solved(totals, tolerance=TOLERANCE)
        curve, other = incidences(fit.hazard[0, : self.weeks], fit.competing_hazard[0, : self.weeks])
        return StrategyCurve(fit, curve, other, summarised(found), np.array(weighted))


def curve_of(strategy: StrategyWeights, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Incidences of cause 1 and of the competing causes, (b, K), the weights fitted anew."""
    totals, weeks = strategy.rows.totals(weights.shape[0]), strategy.sample.weeks
    for part in strategy.by_week(weights):
        strategy.rows.add(totals, part.week - 1, part.truncated * np.take(weights, part.rows, axis=1))
    fit = solved(totals, tolerance=SAMPLE_ERROR)
    curve, other = incidences(fit.hazard[:, :weeks], fit.competing_hazard[:, :weeks])
    unknown = (fit.at_risk[:, :weeks] <= 0.0) & (curve + other < 1.0 - 1e-9)
    unknown = np.logical_or.accumulate(unknown, axis=1) | ~fit.converged[:, None]
    return np.where(unknown, np.nan, curve), np.where(unknown, np.nan, other)


def clone_statistic(
    sample: LongitudinalSample,
    *,
    strategies: tuple[int, int] = (0, 1),
    loss: bool = True,
    truncate: tuple[float, float] | None = (0.01, 0.99),
    stabilised: bool = True,
    per_parameter: float = PER_PARAMETER,
    initiation: Initiation = "together",
) -> CloneStatistic:
    """The statistic that `clone_censor_weight` resamples; see there."""
    shared = loss_of(sample, per_parameter=per_parameter) if loss else None
    made = [
        strategy_weights(
            sample,
            one,
            loss=loss,
            truncate=truncate,
            stabilised=stabilised,
            per_parameter=per_parameter,
            initiation=initiation,
            loss_model=shared,
        )
        for one in strategies
    ]
    words = sample.strategy_names or tuple(f"strategy {s}" for s in range(sample.deviates.shape[0]))
    names = tuple(f"{words[s]}: incidence at week {week + 1}" for s in strategies for week in range(sample.weeks))
    width = max(1, min(BATCH, LARGEST_BATCH // max(sample.n, 1)))
    return CloneStatistic((made[0], made[1]), names, sample.n, sample.weeks, width)
