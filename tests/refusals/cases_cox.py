"""Inputs that the Cox model refuses, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tendon_outcomes.estimators.regression.cox.firth import firth_cox
from tendon_outcomes.estimators.regression.cox.fit import cox
from tests.refusals.refusal import Refusal

DAY = np.array([3.0, 5.0, 5.0, 8.0, 9.0, 12.0, 14.0, 20.0])
EVENT = np.array([1, 1, 0, 1, 1, 0, 1, 1])
AGE = np.array([31.0, 45.0, 52.0, 38.0, 60.0, 41.0, 29.0, 47.0])
ARM = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0])
NEVER = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0])  # 1 only where there is no event


def _call(*columns: np.ndarray, **options: object) -> Callable[[], object]:
    arguments = {"names": ("age", "arm", "third")[: len(columns)]} | options
    time, event = arguments.pop("time", DAY), arguments.pop("event", EVENT)
    x = np.column_stack(columns)
    return lambda: cox(time, event, x, **arguments)  # type: ignore[arg-type]


def _with(values: np.ndarray, place: int, value: float) -> np.ndarray:
    changed = values.astype(float)
    changed[place] = value
    return changed


REFUSALS: tuple[Refusal, ...] = (
    Refusal("cox: separation", _call(AGE, NEVER), "covariate arm: the partial likelihood has no maximum"),
    Refusal(
        "cox: separation, Breslow", _call(AGE, NEVER, ties="breslow"), "covariate arm: the partial likelihood has no maximum"
    ),
    Refusal("cox: separation, exact", _call(AGE, NEVER, ties="exact"), "covariate arm: the partial likelihood has no maximum"),
    Refusal("cox: ordered like the times", _call(-DAY), "covariate age: the partial likelihood has no maximum"),
    Refusal("cox: constant column", _call(AGE, np.ones(8)), "covariate arm: one value in every row"),
    Refusal("cox: collinear", _call(AGE, ARM, 2 * AGE - ARM), "covariate third: a linear combination"),
    Refusal("cox: differs only between strata", _call(AGE, ARM, strata=ARM), "covariate arm: does not vary among those at risk"),
    Refusal(
        "cox: collinear inside strata", _call(AGE, AGE + 50 * ARM, strata=ARM), "covariate arm: among those at risk a linear"
    ),
    Refusal(
        "cox: varies only after the last event",
        _call(AGE, np.r_[np.zeros(7), 1.0], event=[1, 1, 0, 1, 1, 0, 1, 0]),
        "covariate arm",
    ),
    Refusal("cox: no event", _call(AGE, event=np.zeros(8)), "none of 8 rows has the event"),
    Refusal("cox: no rows", lambda: cox([], [], np.empty((0, 1))), "there are no rows"),
    Refusal("cox: missing time", _call(AGE, time=_with(DAY, 2, np.nan)), "1 of 8 rows have a missing or infinite time"),
    Refusal("cox: missing covariate", _call(_with(AGE, 1, np.nan)), "covariate age: 1 of 8 values are missing"),
    Refusal("cox: infinite covariate", _call(_with(AGE, 1, np.inf)), "covariate age: 1 of 8 values are missing or not finite"),
    Refusal("cox: event of 2", _call(AGE, event=_with(EVENT, 0, 2.0)), "event that is not 0 or 1"),
    Refusal("cox: entry after time", _call(AGE, entry=DAY), "8 of 8 rows enter at or after their time"),
    Refusal("cox: negative weight", _call(AGE, weight=_with(np.ones(8), 0, -1.0)), "1 of 8 weights are negative"),
    Refusal("cox: all weights zero", _call(AGE, weight=np.zeros(8)), "every weight is zero"),
    Refusal("cox: wrong length of event", _call(AGE, event=[1, 0]), "`event` has shape (2,) for 8 rows"),
    Refusal("cox: wrong length of covariates", lambda: cox(DAY, EVENT, AGE[:5]), "covariates have 5 rows for 8 times"),
    Refusal("cox: wrong length of strata", _call(AGE, strata=[1, 2]), "`strata` has 2 values for 8 rows"),
    Refusal("cox: wrong length of cluster", _call(AGE, cluster=[1, 2]), "`cluster` has 2 values for 8 rows"),
    Refusal("cox: too few clusters", _call(AGE, ARM, cluster=[1, 1, 1, 1, 2, 2, 2, 2]), "2 clusters for 2 coefficients"),
    Refusal("cox: names", _call(AGE, names=("a", "b")), "2 names"),
    Refusal("cox: unknown tie rule", _call(AGE, ties="efrom"), "`ties` is 'efrom'"),
    Refusal(
        "cox: exact with weights", _call(AGE, weight=2 * np.ones(8), ties="exact"), "the exact partial likelihood has no weights"
    ),
    Refusal("cox: exact with clusters", _call(AGE, cluster=np.arange(8), ties="exact"), "no robust variance"),
    Refusal("cox: level", _call(AGE, conf_level=95), "`conf_level` must lie strictly between 0 and 1"),
    Refusal("cox: start of wrong length", _call(AGE, start=[0.0, 0.0]), "`start` has shape (2,)"),
    Refusal("cox: one iteration", _call(AGE, ARM, max_iterations=1), "had not converged after 1 iterations"),
    Refusal(
        "firth_cox: weights not copies", lambda: firth_cox(DAY, EVENT, AGE, weight=0.5 * np.arange(1, 9)), "no robust variance"
    ),
    Refusal("firth_cox: exact", lambda: firth_cox(DAY, EVENT, AGE, ties="exact"), "no exact partial likelihood"),
    Refusal("firth_cox: constant column", lambda: firth_cox(DAY, EVENT, np.ones(8), names=["arm"]), "covariate arm: one value"),
    Refusal("firth_cox: no event", lambda: firth_cox(DAY, np.zeros(8), AGE), "none of 8 rows has the event"),
    Refusal(
        "cox: Firth asked for with clusters", _call(AGE, NEVER, cluster=np.arange(8), on_separation="firth"), "no robust variance"
    ),
)
