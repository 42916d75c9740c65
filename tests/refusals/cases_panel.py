"""Falsification and sensitivity: what they will not answer."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.causal.sensitivity.adjusted_difference import adjusted_difference
from tendon_outcomes.estimators.causal.sensitivity.dealt_weights import weighted_z
from tendon_outcomes.estimators.causal.sensitivity.e_value import bias_factor, confounder_strength, e_value
from tendon_outcomes.estimators.causal.sensitivity.permuted_strategy import permuted_strategy
from tendon_outcomes.estimators.causal.sensitivity.tipping_point import tipping_point
from tendon_outcomes.estimators.causal.sensitivity.within_person import within_person_difference
from tests.refusals.refusal import Refusal

VALUE, ARM = [3.0, 5.0, 4.0, 8.0, 1.0, 2.0], [1, 1, 1, 0, 0, 0]
X = np.arange(6.0)[:, None]
SCORE = [0.5] * 6


def zeros(labels: np.ndarray) -> np.ndarray:
    return np.zeros(len(labels))


def missing(labels: np.ndarray) -> np.ndarray:
    return np.full(len(labels), np.nan)


REFUSALS: tuple[Refusal, ...] = (
    Refusal("e_value: nobody reached it", lambda: e_value(0.0, conf_low=0.0, conf_high=0.5), "positive risk ratio"),
    Refusal("e_value: null of 0", lambda: e_value(2.0, conf_low=1.0, conf_high=3.0, null=0.0), "positive risk ratio"),
    Refusal("e_value: limits beside it", lambda: e_value(2.0, conf_low=2.5, conf_high=3.0), "do not hold it"),
    Refusal("bias_factor: ratio of 0", lambda: bias_factor(0.0, 2.0), "two positive risk ratios"),
    Refusal("confounder_strength: constant", lambda: confounder_strength(VALUE, ARM, [1.0] * 6), "does not vary"),
    Refusal("confounder_strength: one arm", lambda: confounder_strength(VALUE, [1] * 6, range(6)), "an arm has nobody"),
    Refusal("confounder_strength: third arm", lambda: confounder_strength(VALUE, [0, 1, 2, 0, 1, 2], range(6)), "0 or 1"),
    Refusal("confounder_strength: lengths", lambda: confounder_strength(VALUE, ARM[:5], range(6)), "5 treatments"),
    Refusal("confounder_strength: kinds", lambda: confounder_strength(VALUE, ARM, ARM), "no arm has both"),
    Refusal("tipping_point: order", lambda: tipping_point(lambda rows: (1.0, 0.5, 2.0), [1, 1]), "distinct row numbers"),
    Refusal("tipping_point: no limits", lambda: tipping_point(lambda rows: (1.0, np.nan, 2.0), [1]), "has no limits"),
    Refusal("within_person: no rows", lambda: within_person_difference([], [], [], seed=1), "no rows"),
    Refusal("within_person: one person", lambda: within_person_difference([1, 2], [0, 1], [1, 1], seed=1), "1 of 1 persons"),
    Refusal("within_person: missing", lambda: within_person_difference([1, None], [0, 1], [1, 1], seed=1), "1 of 2 values"),
    Refusal("within_person: codes", lambda: within_person_difference([1, 2], [0, 2], [1, 1], seed=1), "1 of 2 rows"),
    Refusal("within_person: seed", lambda: within_person_difference([1, 2], [0, 1], [1, 1], seed=-1), "seed"),
    Refusal(
        "within_person: level", lambda: within_person_difference([1, 2], [0, 1], [1, 1], seed=1, conf_level=1.0), "conf_level"
    ),
    Refusal("within_person: no person", lambda: within_person_difference([1, 2], [0, 1], [1, None], seed=1), "have no `person`"),
    Refusal("permuted_strategy: one arm", lambda: permuted_strategy(zeros, [1] * 6, SCORE, seed=1), "hold both"),
    Refusal("permuted_strategy: score of 1", lambda: permuted_strategy(zeros, ARM, [1.0] * 6, seed=1), "6 of 6 scores"),
    Refusal("permuted_strategy: lengths", lambda: permuted_strategy(zeros, ARM, SCORE[:5], seed=1), "5 values for 6 rows"),
    Refusal(
        "permuted_strategy: clusters", lambda: permuted_strategy(zeros, ARM, SCORE, cluster=[1], seed=1), "1 values for 6 rows"
    ),
    Refusal("permuted_strategy: no statistic", lambda: permuted_strategy(missing, ARM, SCORE, seed=1), "does not exist"),
    Refusal("permuted_strategy: no deals", lambda: permuted_strategy(zeros, ARM, SCORE, seed=1, replicates=0), "replicates"),
    Refusal("weighted_z: missing value", lambda: weighted_z([1.0, np.nan], [[0.0], [1.0]]), "1 of 2 values"),
    Refusal("weighted_z: constant covariate", lambda: weighted_z(VALUE, np.ones((6, 1))), "one value in every row"),
    Refusal("adjusted_difference: one group", lambda: adjusted_difference(VALUE, [1] * 6, X), "hold both"),
    Refusal("adjusted_difference: lengths", lambda: adjusted_difference(VALUE, ARM[:5], X), "5 values for 6 rows"),
    Refusal("adjusted_difference: covariates", lambda: adjusted_difference(VALUE, ARM, X[:5]), "for 6 rows"),
    Refusal("adjusted_difference: explained", lambda: adjusted_difference(VALUE, ARM, np.array(ARM)[:, None]), "entirely"),
    Refusal(
        "adjusted_difference: too many", lambda: adjusted_difference(VALUE, ARM, np.vander(np.arange(6.0), 5)[:, :4]), "clusters"
    ),
    Refusal("adjusted_difference: alone", lambda: adjusted_difference(VALUE, [1, 0, 0, 0, 0, 0], X), "one cluster alone"),
    Refusal("adjusted_difference: missing", lambda: adjusted_difference([None, *VALUE[1:]], ARM, X), "1 of 6 rows"),
)
