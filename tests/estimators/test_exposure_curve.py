"""Curves over a numeric exposure."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import effect_by_exposure, exposure_curve
from tendon_outcomes.estimators.causal.exposure.curve_limits import covariances, mean_differences, mean_limits
from tendon_outcomes.estimators.regression.natural_spline import natural_spline

RNG = np.random.default_rng(3)
N = 200
A, X = RNG.normal(4.0, 1.5, N), RNG.normal(size=(N, 2))
Y = 2.0 - 0.5 * A + X @ np.array([0.4, -0.2]) + RNG.normal(size=N)
AT = np.array([2.0, 3.0, 5.0, 6.0])


def design(a: np.ndarray, x: np.ndarray, knots: tuple[float, ...]) -> np.ndarray:
    bent = natural_spline(a, np.array(knots))[:, 2:] if knots else np.zeros((a.size, 0))
    return np.column_stack([np.ones(a.size), a, bent, x])


@pytest.mark.parametrize("knots", [(), (1.5, 3.0, 4.5, 6.5)])
def test_a_linear_curve_is_standardised_least_squares(knots: tuple[float, ...]) -> None:
    # Exact: normal equations solved here, predictions averaged over everybody's covariates.
    curve = exposure_curve(Y, A, X, at=AT, reference=4.0, knots=knots or 0, link="linear", ridge=0.0, seed=1)
    b = np.linalg.lstsq(design(A, X, knots), Y, rcond=None)[0]
    expected = [float((design(np.full(N, a), X, knots) @ b).mean()) for a in (*AT, 4.0)]
    np.testing.assert_allclose(curve.estimate[0], expected[:-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(curve.difference.estimate[0], np.array(expected[:-1]) - expected[-1], rtol=0, atol=1e-9)


def test_the_difference_has_the_hc2_standard_error() -> None:
    # Exact: the sandwich of a straight line with residuals over the root of 1 - leverage, for the difference of two exposures.
    curve = exposure_curve(Y, A, at=[6.0], reference=4.0, knots=0, link="linear", ridge=0.0, seed=1)
    z = design(A, np.zeros((N, 0)), ())
    inverse = np.linalg.inv(z.T @ z)
    residual = Y - z @ inverse @ z.T @ Y
    residual /= np.sqrt(1.0 - np.einsum("ij,jk,ik->i", z, inverse, z))
    meat = inverse @ (z.T * residual**2) @ z @ inverse * N / (N - 1.0)
    assert curve.difference.std_error[0, 0] == pytest.approx(2.0 * np.sqrt(meat[1, 1]), abs=1e-9)


def test_a_band_is_wider_than_the_limits_and_nothing_differs_from_itself() -> None:
    # Exact: at the reference the difference is 0 without error; the largest of several statistics reaches further than one.
    share = (RNG.random(N) < 1.0 / (1.0 + np.exp(A - 4.0))).astype(float)
    curve = exposure_curve(share, A, X, at=[*AT, 4.0], reference=4.0, seed=1)
    assert (curve.band_low <= curve.conf_low + 1e-12).all()
    assert (curve.band_high >= curve.conf_high - 1e-12).all()
    assert curve.difference.estimate[0, -1] == 0.0
    assert curve.difference.std_error[0, -1] == 0.0
    assert ((curve.conf_low >= 0.0) & (curve.conf_high <= 1.0)).all()


def test_what_lies_beyond_the_quantiles_is_flagged_and_beyond_the_data_refused() -> None:
    # Exact: the 5 % and 95 % quantiles of the exposures decide.
    low, high = np.quantile(A, [0.05, 0.95])
    curve = exposure_curve(Y, A, at=[A.min(), low, high, A.max()], reference=4.0, seed=1)
    assert curve.outside.tolist() == [True, False, False, True]
    assert curve.supported == pytest.approx((low, high))
    with pytest.raises(EstimationRefused, match="1 of 2 places lie outside") as refused:
        exposure_curve(Y, A, at=[A.max() + 0.01], reference=4.0, seed=1)
    assert f"{A.max():.3g}" not in str(refused.value)


def test_too_few_rows_are_refused_with_the_number_that_would_do() -> None:
    # Exact: 4 knots and 2 covariates are 6 parameters, which need 30 rows.
    with pytest.raises(EstimationRefused, match="29 rows for 6 parameters") as refused:
        exposure_curve(Y[:29], A[:29], X[:29], at=[4.0], reference=4.0, knots=(1.5, 3.0, 4.5, 6.5), seed=1)
    assert "30 rows" in str(refused.value)


def test_rows_of_one_patient_count_once() -> None:
    # Exact: every row twice under one patient's name gives the standard error of the rows themselves, leverage aside.
    once = exposure_curve(Y, A, at=AT, reference=4.0, knots=0, link="linear", seed=1)
    twice = exposure_curve(
        np.tile(Y, 2), np.tile(A, 2), at=AT, reference=4.0, knots=0, link="linear", cluster=np.tile(np.arange(N), 2), seed=1
    )
    np.testing.assert_allclose(twice.estimate, once.estimate, atol=2e-3)
    np.testing.assert_allclose(twice.std_error, once.std_error, rtol=0.02)


def test_an_effect_by_exposure_is_the_difference_of_two_lines() -> None:
    # Exact: outcomes without noise on two lines.
    arm = np.arange(N) % 2
    flat = np.where(arm == 1, 0.6 - 0.03 * A, 0.3)
    found = effect_by_exposure(flat, arm, A, at=AT, ridge=0.0, seed=1)
    np.testing.assert_allclose(found.mean[0, 0], 0.3, atol=1e-6)
    np.testing.assert_allclose(found.difference.estimate[0], 0.3 - 0.03 * AT, atol=2e-3)
    np.testing.assert_allclose(found.ratio.estimate[0], (0.6 - 0.03 * AT) / 0.3, atol=1e-2)


def test_swapping_the_treatments_turns_the_effect_round() -> None:
    # Exact: differences change their sign, ratios are inverted, limits change places.
    arm = RNG.integers(0, 2, N)
    share = (RNG.random(N) < 1.0 / (1.0 + np.exp(A - 4.0 - arm))).astype(float)
    one, other = (effect_by_exposure(share, arm, A, X, compared=pair, at=AT, seed=1) for pair in ((0, 1), (1, 0)))
    np.testing.assert_allclose(one.difference.estimate, -other.difference.estimate, atol=1e-12)
    np.testing.assert_allclose(one.difference.conf_low, -other.difference.conf_high, atol=1e-12)
    np.testing.assert_allclose(one.ratio.estimate, 1.0 / other.ratio.estimate, rtol=1e-9)
    np.testing.assert_allclose(one.trend[:, 0], -other.trend[:, 0], atol=1e-12)


def test_a_small_arm_is_refused_with_what_would_do() -> None:
    # Exact: 9 rows of 200 for 2 parameters; 10 are needed, so 223 with the same shares.
    arm = (np.arange(N) >= 9).astype(int)
    with pytest.raises(EstimationRefused, match="treatment 0 has 9 rows for 2 parameters") as refused:
        effect_by_exposure(Y, arm, A, at=[4.0], seed=1)
    assert "223" in str(refused.value)


def test_limits_of_a_difference_come_from_the_logits_of_both() -> None:
    # Exact: beside a share that nothing moves they are the logit limits of the other, less it; exchanged, the same turned round.
    # Beside a share that moves alike on the logit scale: the two shares moved together to one end or the other.
    moved = np.array([1.0, -1.0, 2.0, -2.0, 0.5, -0.5])[:, None, None] / 100.0
    one, other, still = np.array([[0.1]]), np.array([[0.4]]), np.zeros_like(moved)
    alike = moved * 0.24 / 0.09
    largest, patients = np.ones(1), np.arange(6)
    settings = {"df": 20.0, "conf_level": 0.95, "seed": 1}
    single = mean_limits(one, covariances(moved, patients), largest, patients=6.0, **settings)
    there = mean_differences(AT[:1], (one, other), (moved, still), patients, largest, **settings)
    back = mean_differences(AT[:1], (other, one), (still, moved), patients, largest, **settings)
    assert there.conf_low == pytest.approx(single.conf_low - other, abs=1e-6)
    assert there.conf_high == pytest.approx(single.conf_high - other, abs=1e-6)
    assert there.conf_low == pytest.approx(-back.conf_high, abs=1e-12)
    both = mean_differences(AT[:1], (one, other), (moved, alike), patients, largest, **settings)
    beside = mean_limits(other, covariances(alike, patients), largest, patients=6.0, **settings)
    assert both.conf_high == pytest.approx(single.conf_low - beside.conf_low, abs=1e-4)
    assert both.conf_low == pytest.approx(single.conf_high - beside.conf_high, abs=1e-4)


def test_the_penalty_does_not_care_how_a_bend_is_written() -> None:
    # Exact: knots and places moved with the exposure, and its unit changed, give the same curve under the same penalty.
    share = (RNG.random(N) < 1.0 / (1.0 + np.exp(A - 4.0))).astype(float)
    one = exposure_curve(share, A, X, at=AT, reference=4.0, seed=1)
    other = exposure_curve(share, 10.0 * A + 7.0, X, at=10.0 * AT + 7.0, reference=47.0, seed=1)
    np.testing.assert_allclose(one.estimate, other.estimate, atol=1e-9)
    steep = (A > 4.0).astype(float)
    free = exposure_curve(steep, A, at=[3.0, 5.0], reference=4.0, ridge=0.0, link="linear", seed=1)
    held = exposure_curve(steep, A, at=[3.0, 5.0], reference=4.0, link="linear", seed=1)
    np.testing.assert_allclose(held.estimate, free.estimate, atol=2e-3)
