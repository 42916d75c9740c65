"""Multiple over-imputation: values told with an error of known spread."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.imputation.over_imputation import over_impute
from tendon_outcomes.estimators.imputation.told_model import told_model
from tendon_outcomes.estimators.special_functions import truncated_normal_quantile


def sample(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """True values, as told, spread, two predictors."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    x = 2.0 + z @ [0.5, -0.3] + 1.2 * rng.normal(size=n)
    spread = np.where(rng.random(n) < 0.5, 0.4, 1.0)
    return x, x + spread * rng.normal(size=n), spread, z


def test_no_spread_keeps_every_value() -> None:
    # Exact: and t^2 is then the residual variance of least squares, slopes and errors those of least squares.
    x, _, _, z = sample(60)
    found = over_impute(x, 0.0, z, imputations=3, seed=1, names=("outcome", "age"), low=0.0, high=2.0)
    np.testing.assert_array_equal(found.value, np.broadcast_to(x, (3, 60)))
    design = np.column_stack([np.ones(60), z])
    solution, squares, _, _ = np.linalg.lstsq(design, x, rcond=None)
    assert found.residual_variance == pytest.approx(squares[0] / 57, rel=1e-6)
    np.testing.assert_allclose(found.slope, solution[1:], rtol=1e-6)
    error = np.sqrt(np.diagonal(np.linalg.inv(design.T @ design)) * squares[0] / 57)
    np.testing.assert_allclose(found.std_error, error[1:], rtol=1e-6)
    assert (found.reliability, found.kept, found.unknown, found.names) == (1.0, 60, 0, ("outcome", "age"))


def test_one_spread_for_all_is_a_method_of_moments() -> None:
    # Exact: with one error variance s^2 the restricted likelihood gives t^2 = RSS / (n - q) - s^2, and least squares slopes.
    _, told, _, z = sample(80)
    found = over_impute(told, 0.5, z, imputations=2, seed=1)
    solution, squares, _, _ = np.linalg.lstsq(np.column_stack([np.ones(80), z]), told, rcond=None)
    assert found.residual_variance == pytest.approx(squares[0] / 77 - 0.25, rel=1e-6)
    np.testing.assert_allclose(found.slope, solution[1:], rtol=1e-6)
    assert found.reliability == pytest.approx(found.residual_variance / (found.residual_variance + 0.25), abs=1e-14)


def test_the_model_maximises_the_restricted_likelihood() -> None:
    # Reference: the restricted log-likelihood written out with dense matrices and maximised by scipy; spreads that differ.
    _, told, spread, z = sample(70)
    design = np.column_stack([np.ones(70), z])

    def minus_log_likelihood(log_t2: float) -> float:
        inverse = np.diag(1.0 / (np.exp(log_t2) + spread**2))
        gram = design.T @ inverse @ design
        residual = told - design @ np.linalg.solve(gram, design.T @ inverse @ told)
        return 0.5 * float(-np.linalg.slogdet(inverse)[1] + np.linalg.slogdet(gram)[1] + residual @ inverse @ residual)

    best = optimize.minimize_scalar(minus_log_likelihood, bounds=(-5.0, 4.0), method="bounded", options={"xatol": 1e-10})
    model = told_model(told, spread**2, z, np.ones((1, 70)))
    assert model.residual_variance[0] == pytest.approx(np.exp(best.x), rel=1e-6)
    copied = told_model(np.repeat(told, 2), np.repeat(spread, 2) ** 2, np.repeat(z, 2, axis=0), np.ones((1, 140)))
    weighted = told_model(told, spread**2, z, np.full((1, 70), 2.0))
    assert weighted.residual_variance[0] == pytest.approx(copied.residual_variance[0], rel=1e-9)


def test_resampled_rows_of_no_error_do_not_take_the_variance_to_0() -> None:
    # Exact: two rows told without error, drawn three times each, lie on the line of a model with two coefficients, so that the
    # restricted likelihood grows without end as t^2 goes to 0. The variance is that of its other maximum, found by a fine grid.
    _, told, _, z = sample(60)
    told, z, spread = told[:40], z[:40, :1], np.full(40, 0.5)
    spread[:2] = 0.0
    copies = np.ones((2, 40))
    copies[1, :2] = 3.0
    design = np.column_stack([np.ones(40), z])

    def restricted(t2: float) -> float:
        weight = copies[1] / (t2 + spread**2)
        gram = design.T @ (weight[:, None] * design)
        residual = told - design @ np.linalg.solve(gram, design.T @ (weight * told))
        return float(copies[1] @ np.log(t2 + spread**2) + np.linalg.slogdet(gram)[1] + weight @ residual**2)

    fine = np.geomspace(0.05, 20.0, 20_001)
    best = fine[int(np.argmin([restricted(t2) for t2 in fine]))]
    assert restricted(1e-9) < restricted(1e-7) - 10.0
    assert told_model(told, spread**2, z, copies).residual_variance[1] == pytest.approx(best, rel=1e-3)


def test_an_infinite_spread_is_a_missing_value() -> None:
    # Exact: whatever stands there changes nothing; draws have the mean and sd of the model without those rows.
    _, told, spread, z = sample(200)
    absent = np.where(np.arange(200) < 5, np.nan, told)
    spread[:5] = np.inf
    found = over_impute(absent, spread, z, imputations=800, seed=2)
    other = over_impute(told, spread, z, imputations=800, seed=2)
    np.testing.assert_array_equal(found.value, other.value)
    assert found.unknown == 5
    alone = over_impute(told[5:], spread[5:], z[5:], imputations=2, seed=2)
    assert found.residual_variance == pytest.approx(alone.residual_variance, rel=1e-9)
    sd = found.value[:, :5].std(axis=0)
    np.testing.assert_allclose(sd, np.sqrt(found.residual_variance), rtol=0.12)


def test_draws_follow_the_posterior() -> None:
    # Known truth: mean k told + (1 - k) mean and sd spread sqrt(k), 5,000 draws of 400 runners; the bootstrap adds little.
    _, told, _, _ = sample(400)
    found = over_impute(told, 0.8, imputations=5000, seed=4)
    k = found.residual_variance / (found.residual_variance + 0.64)
    np.testing.assert_allclose(found.value.mean(axis=0), k * told + (1 - k) * told.mean(), atol=0.05)
    np.testing.assert_allclose(found.value.std(axis=0), 0.8 * np.sqrt(k), rtol=0.06)


def test_true_values_are_covered_by_their_draws() -> None:
    # Known truth: of 4,000 runners 90 % lie between the 5th and 95th percentile of their draws, within four Monte-Carlo errors
    # and 1 point, as percentiles of 100 draws are coarse.
    x, told, spread, z = sample(4000)
    found = over_impute(told, spread, z, imputations=100, seed=5)
    low, high = np.quantile(found.value, [0.05, 0.95], axis=0)
    assert np.mean((low <= x) & (x <= high)) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 4000) + 0.01)


@pytest.mark.parametrize("with_outcome", [True, False])
def test_a_slope_is_found_again_only_with_the_outcome_among_the_predictors(with_outcome: bool) -> None:
    # Known truth: slope 0.5 of y on x; as told it is 0.5 * 1.44 / (1.44 + 0.64) of the part beside z, 20,000 runners.
    rng = np.random.default_rng(6)
    z = rng.normal(size=20_000)
    x = z + 1.2 * rng.normal(size=z.size)
    y = 0.5 * x + rng.normal(size=z.size)
    told = x + 0.8 * rng.normal(size=z.size)

    def slope(of: np.ndarray) -> float:
        return float(np.linalg.lstsq(np.column_stack([of, z, np.ones(z.size)]), y, rcond=None)[0][0])

    predictors = np.column_stack([y, z]) if with_outcome else z
    drawn = over_impute(told, 0.8, predictors, imputations=20, seed=7).value
    flat = 0.5 * 1.44 / (1.44 + 0.64)
    assert slope(told) == pytest.approx(flat, abs=0.02)
    assert np.mean([slope(one) for one in drawn]) == pytest.approx(0.5 if with_outcome else flat, abs=0.02)


def test_draws_stay_within_limits() -> None:
    # Exact: and those of a truncated normal are scipy's.
    _, told, spread, z = sample(100)
    found = over_impute(told, spread, z, imputations=50, seed=8, low=1.0, high=2.5)
    assert found.value.min() >= 1.0
    assert found.value.max() <= 2.5
    p = np.linspace(0.01, 0.99, 9)
    for low, high in ((-1.0, 0.5), (-np.inf, np.inf), (2.0, 3.0), (-3.0, -2.0), (1.0, np.inf), (8.0, 9.0), (-9.0, 0.1)):
        expected = stats.truncnorm.ppf(p, low, high)
        np.testing.assert_allclose(truncated_normal_quantile(p, low, high), expected, rtol=1e-7, atol=1e-9)


def test_rows_of_one_patient_are_drawn_together() -> None:
    # Exact: every patient twice is the bootstrap of the single rows; t^2 differs by the degrees of freedom alone.
    _, told, spread, z = sample(40)
    twice = [np.repeat(column, 2, axis=0) for column in (told, spread, z)]
    together = over_impute(*twice, imputations=300, seed=9, cluster=np.repeat(np.arange(40), 2))
    apart = over_impute(*twice, imputations=300, seed=9)
    single = over_impute(told, spread, z, imputations=300, seed=9)

    def between(value: np.ndarray) -> float:
        return float(value.mean(axis=1).std())

    assert between(together.value) == pytest.approx(between(single.value), rel=0.25)
    assert between(apart.value) < 0.85 * between(together.value)


def test_the_seed_decides() -> None:
    # Exact property.
    _, told, spread, z = sample(50)
    one, again, other = (over_impute(told, spread, z, seed=seed).value for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not (one == other).any()
    assert one.shape == (20, 50)


def test_a_spread_that_the_values_deny_is_refused() -> None:
    # Exact: told values of variance 1 cannot have errors of variance 4.
    told = np.random.default_rng(1).normal(size=100)
    with pytest.raises(EstimationRefused, match="vary less than errors of the declared spread"):
        over_impute(told, 2.0, seed=1)


def test_rows_known_nearly_exactly_do_not_decide_the_spread_of_all() -> None:
    # Exact in kind: six rows known nearly exactly and lying on the line have a residual variance of 0, a root beside the
    # right one; by construction the true values of the other rows spread with a standard deviation of 1 about that line.
    rng = np.random.default_rng(12)
    z = rng.normal(size=(200, 2))
    told = z @ [0.5, -0.5] + rng.normal(size=200)
    spread = np.full(200, 0.3)
    told[:6], spread[:6] = z[:6] @ [0.5, -0.5], 1e-4
    model = told_model(told, spread**2, z, np.ones((1, 200)))
    assert 0.7 < float(model.residual_variance[0]) < 1.3
