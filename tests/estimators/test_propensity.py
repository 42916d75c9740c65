"""Propensities and balancing weights: cells by hand, derivatives, knots."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.weighting.balancing_weights import Target, balancing_weights, effective_sample_size
from tendon_outcomes.estimators.causal.weighting.propensity import Propensity, propensity
from tendon_outcomes.estimators.regression.categorical_likelihood import CategoricalLikelihood

# Two strata: of 10 mild 6 had treatment 0, 3 had 1, 1 had 2; of 10 severe 2, 4 and 4.
SEVERE = np.repeat([0, 1], 10)
CODES = np.repeat([0, 1, 2, 0, 1, 2], [6, 3, 1, 2, 4, 4])


def study(n: int = 300, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    second = rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))
    return x, np.where(rng.random(n) < 0.2, 2, second).astype(int)


def test_probabilities_of_a_saturated_table() -> None:
    # Exact: shares in each stratum.
    fit = propensity(CODES, SEVERE, names=["severe"])
    np.testing.assert_allclose(fit.probability[[0, -1]], [[0.6, 0.3, 0.1], [0.2, 0.4, 0.4]], atol=1e-12)
    np.testing.assert_allclose(fit.of_own[[0, 6, 9, 10, 12, 19]], [0.6, 0.3, 0.1, 0.2, 0.4, 0.4], atol=1e-12)
    np.testing.assert_allclose(fit.predict([[1], [0]]), fit.probability[[-1, 0]], atol=1e-12)
    assert (fit.levels, fit.design_names) == (3, ("severe",))


@pytest.mark.parametrize(
    ("target", "mild", "severe"),
    [
        ("everyone", (1 / 0.6, 1 / 0.3), (1 / 0.2, 1 / 0.4)),
        ("treated", (0.3 / 0.6, 1.0), (0.4 / 0.2, 1.0)),
        ("overlap", (0.3 / 0.9, 0.6 / 0.9), (0.4 / 0.6, 0.2 / 0.6)),
        ("matching", (0.5, 1.0), (1.0, 0.5)),
    ],
)
def test_weights_of_two_strata(target: Target, mild: tuple[float, float], severe: tuple[float, float]) -> None:
    # Exact: by hand from the shares, and Kish's effective sizes of them.
    fit = propensity(CODES, SEVERE)
    made = balancing_weights(fit, CODES, target=target, stabilised=False)
    np.testing.assert_allclose(made.weight[[0, 6, 10, 12]], [mild[0], mild[1], severe[0], severe[1]], atol=1e-12)
    assert not made.weight[CODES == 2].any()
    for arm, (few, many) in enumerate(((6, 2), (3, 4))):
        total = few * mild[arm] + many * severe[arm]
        squares = few * mild[arm] ** 2 + many * severe[arm] ** 2
        assert made.effective_n[arm] == pytest.approx(total**2 / squares)


def test_stabilised_weights_of_everyone() -> None:
    # Exact: times the shares 8/20 and 7/20; with a saturated propensity each arm's mean is 1.
    made = balancing_weights(propensity(CODES, SEVERE), CODES)
    np.testing.assert_allclose(made.weight[[0, 6, 10, 12]], [0.4 / 0.6, 0.35 / 0.3, 0.4 / 0.2, 0.35 / 0.4], atol=1e-12)
    np.testing.assert_allclose(made.mean_by_arm, 1.0, atol=1e-12)
    assert (made.mean, made.largest) == (pytest.approx(1.0), pytest.approx(2.0))
    assert made.n_by_arm.tolist() == [8, 7]


@pytest.mark.parametrize("target", get_args(Target))
@pytest.mark.parametrize("compared", [(0, 1), (2, 1)])
@pytest.mark.parametrize("stabilised", [True, False])
def test_derivatives_are_those_of_the_weights(target: Target, compared: tuple[int, int], stabilised: bool) -> None:
    # Exact: central differences in every coefficient, with case weights and a spline.
    x, codes = study()
    fit = propensity(codes, x, names=["a", "b"], splines={"a": 4}, weight=np.arange(1.0, 301.0) / 100)
    made = balancing_weights(fit, codes, target=target, compared=compared, stabilised=stabilised)
    beta, h = fit.fit.coefficients.estimate, 1e-5
    for j in range(beta.size):
        step = h * (np.arange(beta.size) == j)
        ends = [
            balancing_weights(at(fit, beta + s), codes, target=target, compared=compared, stabilised=stabilised)
            for s in (step, -step)
        ]
        np.testing.assert_allclose((ends[0].weight - ends[1].weight) / (2 * h), made.derivative[:, j], atol=1e-6)


def at(fit: Propensity, beta: np.ndarray) -> Propensity:
    """The propensity at other coefficients."""
    columns = np.column_stack([np.ones(fit.treatment.size), fit.design])
    likelihood = CategoricalLikelihood(columns, np.zeros((columns.shape[0], fit.levels - 1)), np.ones(columns.shape[0]))
    return replace(fit, fit=replace(fit.fit, probability=likelihood.every_probability(beta)))


def test_truncated_weights_have_no_derivative() -> None:
    # Exact: quantiles of the compared rows' weights; the other weights and derivatives stay.
    x, codes = study()
    fit = propensity(codes, x)
    whole, cut = balancing_weights(fit, codes), balancing_weights(fit, codes, truncate=(0.05, 0.95))
    low, high = np.quantile(whole.weight[codes < 2], [0.05, 0.95])
    np.testing.assert_allclose(cut.weight[codes < 2], np.clip(whole.weight[codes < 2], low, high), atol=1e-12)
    moved = cut.weight != whole.weight
    assert cut.n_truncated == int(moved.sum()) > 10
    assert not cut.derivative[moved].any()
    np.testing.assert_array_equal(cut.derivative[~moved], whole.derivative[~moved])
    assert cut.largest == pytest.approx(high)


def test_copies_are_rows() -> None:
    # Exact: weights 1, 2, 3 against rows written out; effective sizes too. Half the weights: sampling weights, the same size.
    x, codes = study(120)
    copies = 1 + np.arange(120) % 3
    made = balancing_weights(propensity(codes, x, weight=copies), codes)
    out = np.repeat(np.arange(120), copies)
    written = balancing_weights(propensity(codes[out], x[out]), codes[out])
    np.testing.assert_allclose(made.weight / copies, written.weight[np.searchsorted(out, np.arange(120))], atol=1e-10)
    np.testing.assert_allclose(made.effective_n, written.effective_n, atol=1e-8)
    assert made.mean == pytest.approx(written.mean)


def test_effective_sample_size() -> None:
    # Exact: (1 + 2 + 3)² / 14; equal weights count every row; a group without weight counts none.
    assert float(effective_sample_size([1, 2, 3])) == pytest.approx(36 / 14)
    np.testing.assert_allclose(effective_sample_size([2, 2, 2, 1, 0], ["a", "a", "a", "b", "c"]), [3, 1, 0])


def test_harrells_knots() -> None:
    # Exact: quantiles of 0 to 200 (table 2.3); below 100 rows the fifth smallest and largest; heaped values leave fewer.
    codes = np.arange(201) % 2
    fit = propensity(codes, np.arange(201.0), names=["age"], splines={"age": 5})
    np.testing.assert_allclose(fit.splines.knots["age"], [10, 55, 100, 145, 190])
    assert fit.design_names == ("age", "age'", "age''", "age'''")
    few = propensity(np.arange(60) % 2, np.arange(60.0), names=["age"], splines={"age": 3})
    np.testing.assert_allclose(few.splines.knots["age"], [4, 29.5, 55])
    heaped = np.repeat([6.0, 12.0, 26.0, 52.0], [10, 80, 80, 40])
    assert propensity(np.arange(210) % 2, heaped, names=["w"], splines={"w": 4}).splines.knots["w"] == (12.0, 26.0, 52.0)
    with pytest.raises(EstimationRefused, match="2 different values leave 1 distinct knots of 3"):
        propensity(np.arange(210) % 2, np.where(np.arange(210) < 7, 3.0, 5.0), names=["w"], splines={"w": 3})


def test_curved_columns_are_straight_outside_the_knots() -> None:
    # Exact: second differences vanish below the first and above the last knot, for other rows than those fitted.
    rng = np.random.default_rng(2)
    x = rng.normal(size=200)
    fit = propensity((rng.random(200) < 0.4).astype(int), x, names=["a"], splines={"a": 4})
    log_odds = [np.log(p[:, 1] / p[:, 0]) for p in (fit.predict(np.array([5.0, 6, 7])), fit.predict(np.array([-7.0, -6, -5])))]
    np.testing.assert_allclose([v[0] - 2 * v[1] + v[2] for v in log_odds], 0.0, atol=1e-9)


def test_other_folds_are_predicted() -> None:
    # Exact: rows of weight 0 get the probabilities of the fit without them.
    x, codes = study()
    train = np.arange(300) % 5 > 0
    whole = propensity(codes, x, weight=train, splines={"x1": 3})
    without = propensity(codes[train], x[train], splines={"x1": 3})
    np.testing.assert_allclose(whole.probability[~train], without.predict(x[~train]), atol=1e-10)
    made = balancing_weights(whole, codes)
    assert not made.weight[~train].any()
    assert made.effective_n == pytest.approx(balancing_weights(without, codes[train]).effective_n)


def test_few_treated_are_fitted_with_the_penalty() -> None:
    # Exact: a covariate that decides the treatment is refused by name, and penalised when asked.
    x, codes = study(60)
    codes = np.where(x[:, 1] > 0, np.minimum(codes, 1), 0)
    with pytest.raises(EstimationRefused, match="covariate b: separates"):
        propensity(codes, x, names=["a", "b"])
    fit = propensity(codes, x, names=["a", "b"], firth=True)
    assert np.isfinite(balancing_weights(fit, codes).weight).all()


def test_nothing_with_an_entry_a_row_is_printed() -> None:
    # Exact: arrays of rows are hidden.
    x, codes = study(61)
    fit = propensity(codes, x)
    assert "array" not in repr(fit)
    assert "weight=" not in repr(balancing_weights(fit, codes)).replace("BalancingWeights(", "")
