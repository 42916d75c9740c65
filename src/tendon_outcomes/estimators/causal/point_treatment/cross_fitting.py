"""Outcomes and treatments of every patient predicted by models that never saw him."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.folds import patient_folds
from tendon_outcomes.estimators.causal.point_treatment.outcome_model import outcome_model
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, as_outcomes, value_range
from tendon_outcomes.estimators.causal.point_treatment.stacked import effective_patients, patient_numbers, treatment_codes
from tendon_outcomes.estimators.causal.point_treatment.treatment_model import predicted_treatment
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_level, refuse


@dataclass(frozen=True, slots=True, eq=False)
class CrossFitted:
    """Of two arms: `predicted` (2, n, k) outcomes of every row under the arm's treatment, `weight` (2, n) inverse probabilities
    of the rows that had it and 0 of the others, normalised to sum 1; `value` (n, k) with 0 in rows of other treatments.
    """

    outcomes: PseudoValues
    value: FloatArray = field(repr=False)
    predicted: FloatArray = field(repr=False)
    weight: FloatArray = field(repr=False)
    low: FloatArray
    high: FloatArray
    cluster: IntArray = field(repr=False)
    conf_level: float

    def means(self, method: str, mean: FloatArray, influence: FloatArray) -> ArmMeans:
        """The result of an estimator, its means kept inside the range of the outcome."""
        largest = self.outcomes.largest
        kept = np.clip(mean, np.where(np.isfinite(largest), 0.0, -np.inf), largest)
        size = np.array([effective_patients(weight, self.cluster) for weight in self.weight])
        return ArmMeans(method, self.outcomes.names, kept, influence, self.cluster, size, self.conf_level, largest)


def cross_fitted(
    value: PseudoValues | npt.ArrayLike,
    treatment: npt.ArrayLike,
    *,
    outcome_covariates: npt.ArrayLike,
    propensity_covariates: npt.ArrayLike,
    compared: tuple[int, int],
    folds: int,
    seed: int,
    cluster: npt.ArrayLike | None,
    conf_level: float,
    clip: tuple[float, float],
) -> CrossFitted:
    """Predictions for each fold of patients from the other folds, and weights from probabilities kept inside `clip`."""
    outcomes = as_outcomes(value)
    n = outcomes.value.shape[0]
    code = treatment_codes(treatment, n, compared)
    table = compared_values(outcomes, code, compared)
    x, design = covariate_table(outcome_covariates, n, "outcome"), covariate_table(propensity_covariates, n, "propensity")
    level, numbers = checked_level(conf_level), patient_numbers(cluster, n)
    if not 0.0 <= clip[0] < clip[1] <= 1.0:
        raise refuse("`clip` is a lower and an upper probability")
    arms = [code == one for one in compared]
    low, high = value_range(table[arms[0] | arms[1]], outcomes.largest)
    fold = patient_folds(numbers, code, folds=folds, seed=seed, compared=compared)
    predicted, probability = np.empty((2, *table.shape)), np.empty((2, n))
    levels = np.unique(code)
    places = np.searchsorted(levels, compared)
    for one in range(folds):
        out = fold == one
        chance = predicted_treatment(design[~out], code[~out], design[out], levels=levels)
        for a in (0, 1):
            rows = arms[a] & ~out
            predicted[a, out] = outcome_model(x[rows], table[rows], low=low, high=high).predict(x[out])
            probability[a, out] = chance[:, places[a]]
    weight = np.stack([np.where(arms[a], 1.0 / np.clip(probability[a], *clip), 0.0) for a in (0, 1)])
    weight /= weight.sum(axis=1, keepdims=True)
    return CrossFitted(outcomes, table, predicted, weight, low, high, numbers, level)


def over_splits(one: Callable[[int], ArmMeans], *, seed: int, repeats: int) -> ArmMeans:
    """The mean of estimates and influences over `repeats` ways to deal the folds, from seeds seed, seed + 1, ...

    One way of dealing is chance that is in the estimate and not in the patients; the mean over several has less of it.
    """
    if repeats < 1:
        raise refuse("`repeats` is how often the folds are dealt, 1 or more")
    found = [one(seed + number) for number in range(repeats)]
    return replace(
        found[0],
        mean=np.mean([means.mean for means in found], axis=0),
        influence=np.mean([means.influence for means in found], axis=0),
        effective_n=np.mean([means.effective_n for means in found], axis=0),
    )


def compared_values(outcomes: PseudoValues, code: IntArray, compared: Sequence[int]) -> FloatArray:
    """Values of the rows compared, all of them numbers, and 0 in the others."""
    of_use = np.isin(code, compared)
    missing = int(np.count_nonzero(~np.isfinite(outcomes.value[of_use]).all(axis=1)))
    if missing:
        raise refuse(f"{missing} of {int(of_use.sum())} rows of the treatments compared have no value")
    return np.asarray(np.where(of_use[:, None], outcomes.value, 0.0))


def covariate_table(covariates: npt.ArrayLike, n: int, of: str) -> FloatArray:
    """Covariates (n, p) as numbers; p may be 0."""
    table = np.asarray(covariates, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[0] != n:
        raise refuse(f"the {of} covariates have shape {table.shape} for {n} rows")
    wrong = int(np.count_nonzero(~np.isfinite(table).all(axis=1)))
    if wrong:
        raise refuse(f"{wrong} of {n} rows have missing {of} covariates")
    return table
