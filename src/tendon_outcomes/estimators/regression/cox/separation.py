"""Monotone likelihood: a direction of the coefficients along which the partial likelihood never falls has no estimate."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.cox.monotone import monotone_direction
from tendon_outcomes.estimators.regression.cox.sample import CoxSample

FLATTENED = 1e-3  # Information along the step, as a share of that at 0, below which a direction is looked for.
# The same is done when the last step is longer than SHORT, squared, in standard errors and moves linear predictors apart by FAR.
SHORT, FAR = 1e-12, 1e-2


class Separated(EstimationRefused):
    """The partial likelihood rises for ever along some direction of the coefficients."""


def unit_of_weight(sample: CoxSample) -> float:
    """What squared lengths in standard errors are a multiple of, when all weights are small: their common size says nothing."""
    return 1.0 if sample.weight is None else min(1.0, float(sample.weight[sample.event].mean()))


class SeparationWatch:
    """Sees every Newton step and raises `Separated` when there is a direction without a maximum.

    Along such a direction the information vanishes while steps keep their length. So one is looked for, once, when the
    information along a step has fallen below a thousandth of that at 0, when the last step is still long, and when the iterations
    fail. The search is exact up to rounding: it finds the direction whenever there is one, whatever the step is.
    """

    def __init__(self, sample: CoxSample, information: FloatArray, ties: str) -> None:
        self.sample, self.information, self.ties = sample, information, ties
        self.unit = unit_of_weight(sample)
        self.step = np.ones(information.shape[0])
        self.looked = False

    def __call__(self, step: FloatArray, squared: float, *, last: bool) -> None:
        self.step = step
        before = float(step @ self.information @ step)
        long = last and squared > SHORT * self.unit and float(np.ptp(self.sample.x @ step)) > FAR
        if squared < FLATTENED * before or long:
            self.look()

    def look(self) -> None:
        """Raise `Separated` when there is a direction without a maximum."""
        if self.looked:
            return
        self.looked = True
        named = separating(self.sample, self.ties, self.step)
        if named:
            raise self.refusal(", ".join(named))

    def refusal(self, names: str) -> EstimationRefused:
        """What is raised when the covariates of these names separate the events."""
        return Separated(
            f"covariate {names}: the partial likelihood has no maximum; at every event this covariate (or a combination of them) "
            "is extreme among those at risk",
            way_out="Leave it out, merge its categories, or fit by penalised likelihood: on_separation='firth'.",
        )


def separating(sample: CoxSample, ties: str, step: FloatArray) -> list[str]:
    """Names of covariates that separate the events together and not without any one of them; empty when none do.

    `step` is a first guess of the direction.
    """
    columns = np.arange(step.size)
    direction = monotone_direction(sample, ties, columns, np.where(np.isfinite(step), step, 1.0))
    if direction is None:
        return []
    size = np.abs(direction) * sample.x.std(axis=0)
    for j in np.argsort(size).tolist():
        fewer = columns[columns != j]
        if fewer.size and monotone_direction(sample, ties, fewer, direction[fewer]) is not None:
            columns = fewer
    return [sample.names[j] for j in columns]
