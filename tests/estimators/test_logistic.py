"""Logistic and multinomial regression: tables by hand, what has no fit, and what a fit hands on."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.categorical_separation import SeparatedOutcomes
from tendon_outcomes.estimators.regression.logistic import logistic
from tendon_outcomes.estimators.regression.multinomial import multinomial

# 20 treated with 17 yes, 20 others with 2: domain.md, 4d.
GROUP = np.repeat([1, 1, 0, 0], [17, 3, 2, 18])
YES = np.repeat([1, 0, 1, 0], [17, 3, 2, 18])


def drawn(n: int = 200, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    return x, (rng.random(n) < 1 / (1 + np.exp(-x[:, 0] + x[:, 1]))).astype(int), rng.integers(0, 3, n)


def test_table_of_two_groups() -> None:
    # Exact: the log odds ratio of a 2 x 2 table and Woolf's variance, the sum of the inverse counts.
    fit = logistic(YES, GROUP, names=["treated"])
    c = fit.coefficients
    np.testing.assert_allclose(c.estimate, [np.log(2 / 18), np.log(17 / 3 * 18 / 2)], atol=1e-12)
    np.testing.assert_allclose(c.std_error, np.sqrt([1 / 2 + 1 / 18, 1 / 17 + 1 / 3 + 1 / 2 + 1 / 18]), atol=1e-12)
    assert c.names == ("(intercept)", "treated")
    np.testing.assert_allclose(fit.predict([[0], [1]]), [0.1, 0.85], atol=1e-12)
    assert fit.log_likelihood == pytest.approx(17 * np.log(0.85) + 3 * np.log(0.15) + 2 * np.log(0.1) + 18 * np.log(0.9))


def test_table_with_an_empty_cell_is_refused_and_penalised_by_halves() -> None:
    # Exact: with Firth's penalty a saturated table is the table with 1/2 added to every cell (Firth 1993, p. 31).
    group, yes = np.repeat([1, 0, 0], [9, 3, 6]), np.repeat([1, 1, 0], [9, 3, 6])
    with pytest.raises(SeparatedOutcomes, match="covariate treated"):
        logistic(yes, group, names=["treated"])
    fit = logistic(yes, group, firth=True)
    np.testing.assert_allclose(fit.coefficients.estimate, [np.log(3.5 / 6.5), np.log(9.5 / 0.5 * 6.5 / 3.5)], atol=1e-8)
    np.testing.assert_allclose(fit.score.sum(axis=0), 0.0, atol=1e-8)
    assert fit.penalised
    assert fit.coefficients.interval == "profile"


def test_intercept_alone_is_the_mean() -> None:
    # Exact: of a fraction, of a weighted fraction, and of one with an offset that moves the log odds.
    value, weight = np.array([0.2, 1.3, -0.1, 0.9]), np.array([1.0, 2.0, 0.5, 0.25])
    assert logistic(value, None, fractional=True).probability[0] == pytest.approx(value.mean(), abs=1e-12)
    fit = logistic(value, None, fractional=True, weight=weight)
    assert fit.predict()[0] == pytest.approx(np.average(value, weights=weight), abs=1e-12)
    shifted = logistic(YES, None, offset=np.full(40, 0.7))
    assert shifted.coefficients.estimate[0] == pytest.approx(np.log(19 / 21) - 0.7, abs=1e-12)


def test_rows_of_no_weight_are_predicted_and_do_not_count() -> None:
    # Exact: the fit of the other rows.
    x, y, _ = drawn()
    weight = (np.arange(200) < 150).astype(float)
    with_zero, without = logistic(y, x, weight=weight), logistic(y[:150], x[:150])
    np.testing.assert_allclose(with_zero.coefficients.estimate, without.coefficients.estimate, atol=1e-12)
    np.testing.assert_allclose(with_zero.probability[150:], without.predict(x[150:]), atol=1e-12)
    assert not with_zero.score[150:].any()
    assert with_zero.n == 150


def test_scores_and_information_move_the_coefficients() -> None:
    # Exact to first order: one row a little heavier moves the coefficients by solve(information, score).
    x, y, codes = drawn()
    step, base = 1e-5, np.ones(200)
    heavier = base + step * (np.arange(200) == 7)
    for model, outcome in ((logistic, y), (multinomial, codes)):
        fit, moved = model(outcome, x), model(outcome, x, weight=heavier, robust=False)  # type: ignore[operator]
        by_score = np.linalg.solve(fit.information, fit.score[7])
        slope = (moved.coefficients.estimate - fit.coefficients.estimate) / step
        np.testing.assert_allclose(slope, by_score, rtol=1e-3, atol=1e-5)


def test_two_categories_are_logistic_regression() -> None:
    # Exact: the same likelihood.
    x, y, _ = drawn()
    for how in ({}, {"weight": np.arange(1.0, 201.0) / 7}, {"cluster": np.arange(200) // 2}, {"firth": True}):
        one, other = logistic(y, x, **how), multinomial(y, x, **how)  # type: ignore[arg-type]
        np.testing.assert_allclose(other.coefficients.estimate, one.coefficients.estimate, atol=1e-9)
        np.testing.assert_allclose(other.coefficients.covariance, one.coefficients.covariance, atol=1e-9)
        np.testing.assert_allclose(other.score, one.score, atol=1e-9)


def test_saturated_multinomial_gives_the_shares_of_each_cell() -> None:
    # Exact: counts 2, 3, 5 beside 6, 1, 3; log odds are logs of ratios of counts.
    x, codes = np.repeat([0, 1], 10), np.repeat([0, 1, 2, 0, 1, 2], [2, 3, 5, 6, 1, 3])
    fit = multinomial(codes, x)
    np.testing.assert_allclose(fit.predict([[0], [1]]), [[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]], atol=1e-12)
    odds = np.log([3 / 2, (1 / 6) / (3 / 2), 5 / 2, (3 / 6) / (5 / 2)])
    np.testing.assert_allclose(fit.coefficients.estimate, odds, atol=1e-12)
    assert fit.coefficients.names == ("1: (intercept)", "1: x1", "2: (intercept)", "2: x1")


def test_penalised_multinomial_of_one_cell_adds_one_half() -> None:
    # Exact: without covariates det I = n² p_0 p_1 p_2, so that the penalty adds 1/2 to each count.
    codes = np.repeat([0, 1, 2], [4, 7, 2])
    fit = multinomial(codes, None, firth=True)
    np.testing.assert_allclose(fit.probability[0], np.array([4.5, 7.5, 2.5]) / 14.5, atol=1e-9)


@pytest.mark.parametrize("shift", [0.0, 1e-3])
def test_separation_is_told_from_a_steep_fit(shift: float) -> None:
    # Exact: one row on the wrong side, however little, makes a maximum; on the edge of the other side there is none.
    x = np.array([1.0, 2, 3, 4, 4 - shift, 5, 6, 7, 8])
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    if shift:
        assert logistic(y, x).coefficients.estimate[1] > 1
    else:
        with pytest.raises(SeparatedOutcomes, match="covariate x1"):
            logistic(y, x)


def test_only_the_covariates_that_separate_are_named() -> None:
    # Exact: neither a nor b separates alone, a + b does; c is idle.
    rng = np.random.default_rng(5)
    a, b, c = rng.normal(size=(3, 80))
    with pytest.raises(SeparatedOutcomes, match="covariate a, b: separates"):
        logistic(a + b > 0.1, np.column_stack([c, a, b]), names=["c", "a", "b"])
    codes = np.where(a + b > 0.8, 2, rng.integers(0, 2, 80))
    with pytest.raises(SeparatedOutcomes, match="covariate a, b: separates"):
        multinomial(codes, np.column_stack([c, a, b]), names=["c", "a", "b"])


def test_a_fraction_whose_mean_leaves_the_scale_is_refused() -> None:
    # Exact: a group whose mean is 1.2 has no log odds.
    value, group = np.array([0.3, 0.5, 0.2, 1.3, 1.1, 1.2]), np.array([0, 0, 0, 1, 1, 1])
    with pytest.raises(EstimationRefused, match="covariate late: the mean of the outcomes is driven to 0 or 1"):
        logistic(value, group, names=["late"], fractional=True)


def test_far_origin_and_small_unit_do_not_matter() -> None:
    # Exact: years since 0 and days, against centred years.
    x, y, _ = drawn()
    plain, moved = logistic(y, x), logistic(y, np.column_stack([2020 + x[:, 0] * 1e-3, x[:, 1] * 1e5]))
    np.testing.assert_allclose(moved.probability, plain.probability, atol=1e-9)
    np.testing.assert_allclose(moved.coefficients.estimate[1:] * [1e-3, 1e5], plain.coefficients.estimate[1:], rtol=1e-7)
    np.testing.assert_allclose(moved.coefficients.z[1:], plain.coefficients.z[1:], rtol=1e-6)


def test_a_fit_prints_no_rows() -> None:
    # Exact: 61 rows, and no 61 numbers in what is printed.
    x, y, codes = drawn(61)
    for fit in (logistic(y, x), multinomial(codes, x)):
        assert "probability" not in repr(fit)
        assert "score" not in repr(fit)
