"""Balance and overlap: distances by hand, levels that only one treatment has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tendon_outcomes.estimators.causal.weighting.balance import balance
from tendon_outcomes.estimators.causal.weighting.overlap import one_sided_patterns, overlap
from tendon_outcomes.estimators.causal.weighting.propensity import propensity

CODES = np.repeat([0, 1], [4, 4])


def test_distances_by_hand() -> None:
    # Exact: means 2.5 and 4.5, variances 5/3 and 5/3; distribution functions are 2 values of 4 apart. A yes: 1/4 against 3/4.
    x = np.column_stack([[1, 2, 3, 4, 3, 4, 5, 6], [1, 0, 0, 0, 1, 1, 1, 0]])
    made = balance(x, CODES, names=["age", "sex"])
    np.testing.assert_allclose(made.smd, [2 / np.sqrt(5 / 3), 0.5 / np.sqrt(3 / 16)], atol=1e-12)
    np.testing.assert_allclose(made.variance_ratio, [1.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(made.ks_distance, [0.5, 0.5], atol=1e-12)
    assert made.worst == pytest.approx(2 / np.sqrt(5 / 3))
    assert made.over(0.1) == ("age", "sex")
    assert made.over(1.2) == ("age",)


def test_weights_move_the_numerator_alone() -> None:
    # Exact: weights 3, 1 make the means equal; the denominator stays that of the rows.
    x, weight = np.array([0.0, 4.0, 0.0, 4.0, 0.0, 8.0]), np.array([1.0, 1.0, 1.0, 1.0, 3.0, 1.0])
    made = balance(x, [0, 0, 0, 0, 1, 1], names=["km"], weight=weight)
    np.testing.assert_allclose(made.mean[:, 0], [2.0, 2.0])
    assert made.smd[0] == 0.0
    # Weighted variance of (0, 8) with weights 3, 1: 4 / (16 - 10) (3 * 4 + 36) = 32; of the others 16/3.
    assert made.variance_ratio[0] == pytest.approx(6.0)
    assert made.ks_distance[0] == pytest.approx(0.25)


def test_disjoint_levels_are_infinitely_far() -> None:
    # Exact: no variance and different means, with its sign; a constant column has no distance.
    x = np.column_stack([np.repeat([1, 0], 4), np.repeat([2.0, 5.0], 4), np.ones(8)])
    made = balance(x, CODES, names=["clinic", "stage", "all"])
    np.testing.assert_array_equal(made.smd, [-np.inf, np.inf, 0.0])
    np.testing.assert_array_equal(made.variance_ratio, [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(made.ks_distance, [1.0, 1.0, 0.0])
    assert made.worst == np.inf


def test_a_variable_of_several_levels_as_a_whole() -> None:
    # Exact: levels (A, B) against (C, D) are disjoint although no level alone is; a level of both is as far as its one column.
    levels = np.array(["A", "B", "A", "B", "C", "D", "C", "D"])
    x = np.column_stack([levels == one for one in "ABCD"]).astype(float)
    for columns in (["A", "B", "C", "D"], ["B", "C", "D"]):
        made = balance(x, CODES, names=list("ABCD"), categories={"site": columns})
        assert np.isfinite(made.smd).all()
        assert made.category_distance[0] == np.inf
        assert made.over(0.1)[0] == "site"
    sex = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    one = balance(sex, CODES, names=["f"], categories={"sex": ["f"]})
    both = balance(np.column_stack([sex, 1 - sex]), CODES, names=["f", "m"], categories={"sex": ["f", "m"]})
    np.testing.assert_allclose([one.category_distance[0], both.category_distance[0]], abs(one.smd[0]), atol=1e-12)


def test_other_treatments_are_left_out() -> None:
    # Exact: rows of a third treatment change nothing, and the order of the compared turns the sign.
    x = np.array([1.0, 2, 3, 4, 3, 4, 5, 6, 90, 80])
    codes = np.append(CODES, [2, 2])
    made = balance(x, codes, names=["age"])
    np.testing.assert_array_equal(made.smd, balance(x[:8], CODES, names=["age"]).smd)
    np.testing.assert_allclose(balance(x, codes, names=["age"], compared=(1, 0)).smd, -made.smd)


def test_overlap_of_two_strata() -> None:
    # Exact: shares of treatment 1 are 0.2 and 0.8 in strata of 10; arms 8 and 2 of 10 in the bin of 0.2, so 0.4 is shared.
    x, codes = np.repeat([0, 1], 10), np.repeat([0, 1, 0, 1], [8, 2, 2, 8])
    made = overlap(propensity(codes, x), codes, bins=10)
    assert made.coefficient == pytest.approx(0.4)
    np.testing.assert_allclose(made.share.sum(axis=1), 1.0)
    assert (made.share_outside, made.n_outside, made.common_support) == (0.0, 0, 1.0)
    strict = overlap(propensity(codes, x), codes, low=0.25, high=0.9)
    assert (strict.share_outside, strict.n_outside) == (1.0, 20)
    # Both arms have half of their rows in each of two bins: 1 - sqrt(2/pi) sqrt(1/4 (1/10 + 1/10)).
    assert made.coefficient_if_alike == pytest.approx(1 - np.sqrt(2 / np.pi) * np.sqrt(0.05))


def test_the_coefficient_that_chance_leaves() -> None:
    # Simulation: two arms of 60 with one distribution over 20 bins; mean over 400 draws, Monte-Carlo error 0.003.
    rng = np.random.default_rng(8)
    codes = np.repeat([0, 1], 60)
    fit = propensity(codes, rng.normal(size=120))
    seen = []
    for _ in range(400):
        drawn = rng.uniform(0, 1, 120)
        made = overlap(replace(fit, fit=replace(fit.fit, probability=np.column_stack([1 - drawn, drawn]))), codes)
        seen.append((made.coefficient, made.coefficient_if_alike))
    coefficient, if_alike = np.mean(seen, axis=0)
    assert coefficient == pytest.approx(if_alike, abs=0.012)
    assert coefficient < 0.8


def test_patterns_with_one_treatment_only() -> None:
    # Exact: nobody of the 20 with a and b had treatment 1, of whom 20 * 60/120 = 10 were expected; 8 rows expected fewer than 5.
    a = np.repeat([0, 0, 1, 1, 0], [40, 30, 22, 20, 8])
    b = np.repeat([0, 1, 0, 1, 2], [40, 30, 22, 20, 8])
    codes = np.concatenate([np.arange(92) % 2, np.zeros(20, int), np.ones(8, int)])
    codes[:12] = 1
    ages = np.arange(120.0)
    x = np.column_stack([a, b, ages])
    (found,) = one_sided_patterns(x, codes, names=["a", "b", "age"])
    share = float(np.mean(codes == 1))
    assert (found.names, found.values, found.n, found.absent) == (("a", "b"), (1.0, 1.0), 20, 1)
    assert found.expected == pytest.approx(20 * share)


def test_a_pattern_of_one_covariate_is_named_once() -> None:
    # Exact: everybody with a had treatment 0: the pairs with b say nothing more.
    a, b = np.repeat([0, 1], [60, 30]), np.arange(90) % 3
    codes = np.where(a == 1, 0, np.arange(90) % 2)
    found = one_sided_patterns(np.column_stack([a, b]), codes, names=["a", "b"], compared=(0, 1))
    assert [one.names for one in found] == [("a",)]
