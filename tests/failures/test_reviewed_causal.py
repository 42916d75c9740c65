"""Comparisons of strategies that a review found wrong, in their smallest form: silent wrong numbers, and fits that were none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import iptw_means
from tendon_outcomes.estimators.causal.point_treatment.tmle import tmle
from tendon_outcomes.estimators.causal.sensitivity.e_value import confounder_strength
from tendon_outcomes.estimators.causal.sustained import departure_models
from tendon_outcomes.estimators.causal.sustained.departure_models import WeekBlock, pooled_logistic
from tendon_outcomes.estimators.causal.sustained.sequential_trials import sequential_trials
from tendon_outcomes.estimators.causal.weighting.balance import balance
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights
from tendon_outcomes.estimators.causal.weighting.overlap import overlap
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tests.estimators.test_sequential_trials import STARTS, started_at_once

ARM = np.arange(40) % 2
X = np.random.default_rng(1).normal(size=40)
ROOT = Path(__file__).parents[2]


def test_weights_of_other_treatments_are_not_taken_for_these() -> None:
    # Grade: exact. With the labels turned round the two means changed places, each with the weights of the other arm.
    fitted = propensity(ARM, X)
    weights = balancing_weights(fitted, ARM)
    left, right = np.zeros(40), np.full(40, 7.0)
    with pytest.raises(EstimationRefused, match="40 of 40 rows have another treatment"):
        iptw_means(left, right, np.ones(40, int), 1 - ARM, weights, fitted, days=[7.0])
    with pytest.raises(EstimationRefused, match="another propensity"):
        iptw_means(left, right, np.ones(40, int), ARM, weights, propensity(ARM, np.column_stack([X, X**2])), days=[7.0])


def test_a_missing_value_is_no_infinite_confounder() -> None:
    # Grade: exact. A NaN gave a risk ratio of inf, also in a row of weight 0, where pseudo-values have one.
    value, arm, x = [1.0, 0, 1, 1, 0, 1, 1, 0, np.nan], [0, 0, 0, 0, 1, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1, 0, 1, 1]
    with pytest.raises(EstimationRefused, match="1 of 9 values are missing"):
        confounder_strength(value, arm, x)
    counted = confounder_strength(value, arm, x, weight=[1.0] * 8 + [0.0])
    assert counted == confounder_strength(value[:8], arm[:8], x[:8])
    assert counted.with_outcome == pytest.approx(2.0)


def test_the_median_of_a_confounder_is_that_of_the_rows_that_count() -> None:
    # Grade: exact. Large values in rows of weight 0 moved the split of the others.
    value, arm, x = [1.0, 0, 1, 1, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 4, 1, 2, 3, 4]
    more = confounder_strength([*value, 1, 1], [*arm, 0, 1], [*x, 90, 91], weight=[1.0] * 8 + [0.0, 0.0])
    assert more == confounder_strength(value, arm, x)


def test_an_outcome_without_a_range_is_refused() -> None:
    # Grade: exact. The least positive number was added to 5 to make a range: the means were NaN.
    for work in (
        lambda: g_computation(np.full(40, 5.0), ARM, X),
        lambda: tmle(np.full(40, 5.0), ARM, outcome_covariates=X, propensity_covariates=X, seed=1),
    ):
        with pytest.raises(EstimationRefused, match="no range of means"):
            work()


def test_covariates_that_are_dependent_in_one_arm_are_refused_without_a_penalty() -> None:
    # Grade: exact. They are not dependent over all rows: numpy's own error came out, or the inverse of rounding.
    both = np.column_stack([X, np.where(ARM == 0, X, X**2)])
    yes = (np.arange(40) // 2 % 2).astype(float)
    with pytest.raises(EstimationRefused, match="treatment 0 do not determine"):
        g_computation(yes, ARM, both, ridge=0.0)
    assert np.isfinite(g_computation(yes, ARM, both).mean).all()


def test_rows_of_weight_0_make_no_pattern() -> None:
    # Grade: exact. 30 rows of another fold, all with one treatment, were reported as a pattern without the other.
    treatment, x = np.concatenate([ARM, np.zeros(30, int)]), np.concatenate([np.arange(40) // 2 % 2, np.full(30, 2)])
    fitted = propensity(treatment, x, weight=np.concatenate([np.ones(40), np.zeros(30)]))
    assert overlap(fitted, treatment).patterns == ()


def test_a_share_of_1_under_weights_does_not_vary() -> None:
    # Grade: exact. The weighted share of a column of ones was 1 less rounding: a ratio of two roundings, 0 here, instead of 1.
    x = np.column_stack([np.ones(40), 1.0 - ARM])
    for seed in range(10):
        made = balance(x, ARM, names=["all", "one arm"], weight=np.random.default_rng(seed).random(40))
        assert made.variance_ratio.tolist() == [1.0, 1.0]


def departures(week: int) -> WeekBlock:
    x = np.column_stack([np.ones(40), X])
    return WeekBlock(np.arange(40), x, (X > 0.0).astype(np.float64))


def test_a_model_of_departing_that_broke_off_is_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact. Separated departures need the prior; its steps, cut off or without a solution, were taken for the fit.
    model = pooled_logistic(departures, (1,), ("(intercept)", "x"), 40)
    assert model.penalised
    monkeypatch.setattr(departure_models, "STEPS_WITH_PRIOR", 1)
    with pytest.raises(NotConverged, match="40 person-weeks"):
        pooled_logistic(departures, (1,), ("(intercept)", "x"), 40)
    monkeypatch.undo()
    monkeypatch.setattr(departure_models, "solve_each", lambda matrices, vectors: np.full_like(vectors, np.nan))
    with pytest.raises(NotConverged):
        model.fit(np.full((2, 40), 2.0))


def test_sequential_trials_look_at_what_they_are_given() -> None:
    # Grade: exact. Missing covariates, a strategy that is not there, shares that fall: errors of numpy, or none at all.
    sample = started_at_once(60)
    broken = replace(sample, baseline=np.where(np.arange(60)[:, None] == 3, np.nan, sample.baseline))

    def run(one: object = sample, **changed: object) -> object:
        return sequential_trials(one, start_states=STARTS, weeks=(2,), horizon=4, groups=5, seed=1, **changed)  # type: ignore[arg-type]

    with pytest.raises(EstimationRefused, match="1 of 60 values of `baseline`"):
        run(broken)
    with pytest.raises(EstimationRefused, match="no strategy 2"):
        run(strategies=(0, 2))
    with pytest.raises(EstimationRefused, match="no strategy -1"):
        run(strategies=(0, -1))
    with pytest.raises(EstimationRefused, match="`truncate`"):
        run(truncate=(0.9, 0.1))


def test_what_a_docstring_names_as_its_check_is_there() -> None:
    # Grade: exact. The weights of clones named a file of tests that there was not.
    for source in (ROOT / "src/tendon_outcomes/estimators/causal").rglob("*.py"):
        for place in re.findall(r"(?:tests|benchmarks)(?:/\w+)+(?:\.\w+)?", source.read_text(encoding="utf-8")):
            assert (ROOT / place).exists(), f"{source.name} names {place}"
