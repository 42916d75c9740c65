"""Two treatments compared along a numeric exposure."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.estimators.causal.exposure.effect_by_exposure import effect_by_exposure
from tendon_outcomes.estimators.causal.exposure.exposure_curve import exposure_curve
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import pseudo_values
from tendon_outcomes.estimators.special_functions import student_t_quantile

RNG = np.random.default_rng(8)
N = 240
A, ARM = RNG.normal(4.0, 1.5, N), np.arange(N) % 2
SHARE = (RNG.random(N) < 1.0 / (1.0 + np.exp(A - 4.0 - ARM))).astype(float)
AT = np.array([2.0, 3.0, 4.5, 6.0])


def test_arms_without_covariates_are_curves_of_their_own() -> None:
    # Exact: with no covariate to standardise over, a treatment's mean and its limits are exposure_curve of its rows alone; the
    # errors of the two rows' sets add up. Finite-sample factors n / (n - 1) and degrees of freedom of the limits are undone.
    found = effect_by_exposure(SHARE, ARM, A, at=AT, knots=0, seed=1)
    alone = [exposure_curve(SHARE[arm == ARM], A[arm == ARM], at=AT, reference=4.0, knots=0, seed=1) for arm in (0, 1)]
    for arm in (0, 1):
        np.testing.assert_allclose(found.mean[arm], alone[arm].estimate, atol=1e-10)
    factor = N / (N - 1.0) * (N / 2 - 1.0) / (N / 2)
    total = alone[0].std_error ** 2 + alone[1].std_error ** 2
    np.testing.assert_allclose(found.difference.std_error, np.sqrt(total * factor), atol=1e-10)
    relative = sum((one.std_error / one.estimate) ** 2 for one in alone)
    np.testing.assert_allclose(found.ratio.std_error, np.sqrt(relative * factor), atol=1e-10)


def test_the_trend_is_the_last_supported_difference_less_the_first() -> None:
    # Exact: differences at the ends of `at` that lie within the quantiles; its variance from the covariance of the differences.
    found = effect_by_exposure(SHARE, ARM, A, at=[*AT, A.max() - 0.5], seed=1)
    assert found.outside.tolist() == [False, False, False, False, True]
    assert found.trend.shape == (1, 4)
    assert found.trend[0, 0] == pytest.approx(found.difference.estimate[0, 3] - found.difference.estimate[0, 0], abs=1e-12)
    contrast = np.array([-1.0, 0.0, 0.0, 1.0, 0.0])
    error = np.sqrt(contrast @ found.difference.covariance[0] @ contrast)
    reach = student_t_quantile(0.975, found.df)
    assert found.trend[0, 1:] == pytest.approx([error, *(found.trend[0, 0] + reach * error * np.array([-1, 1]))], abs=1e-12)


def test_one_supported_place_has_no_trend() -> None:
    # Exact: nothing to take it from.
    assert np.isnan(effect_by_exposure(SHARE, ARM, A, at=[4.0], seed=1).trend).all()


def test_support_is_what_both_arms_have() -> None:
    # Exact: the larger of the two 5 % quantiles to the smaller of the two 95 % quantiles.
    shifted = A + 1.5 * ARM
    low, high = (np.quantile(shifted[arm == ARM], [0.05, 0.95]) for arm in (0, 1))
    found = effect_by_exposure(SHARE, ARM, shifted, at=[high[0] - 0.01, high[0] + 0.01, low[1] - 0.01, low[1] + 0.01], seed=1)
    assert found.supported == pytest.approx((high[0], low[1]))
    assert found.outside.tolist() == [True, False, False, True]


def test_knots_are_placed_over_both_arms_and_a_third_counts_nothing_but_covariates() -> None:
    # Exact: rows of an arm that is not compared lend their covariates to the standardisation and nothing else.
    x = RNG.normal(size=(N, 1))
    three = np.where(np.arange(N) % 5 == 0, 2, ARM)
    kept = three < 2
    outcome = np.where(kept, SHARE, np.nan)
    one = effect_by_exposure(outcome, three, A, x, at=AT, knots=3, seed=1)
    two = effect_by_exposure(np.where(kept, SHARE, 1.0), three, np.where(kept, A, 4.0), x, at=AT, knots=3, seed=1)
    np.testing.assert_allclose(one.difference.estimate, two.difference.estimate, atol=1e-12)
    assert one.supported == two.supported
    assert one.n.tolist() == [int((three == arm).sum()) for arm in (0, 1)]


def test_pseudo_values_by_arm_without_censoring_are_the_outcomes() -> None:
    # Exact: with every runner looked at on day 7, the pseudo-value of the incidence on day 7 is whether it had come.
    left, right = np.where(SHARE == 1, 0.0, 7.0), np.where(SHARE == 1, 7.0, np.inf)
    values = pseudo_values(left, right, SHARE.astype(int), group=ARM, days=[7])
    one, two = (effect_by_exposure(value, ARM, A, at=AT, seed=1) for value in (values, SHARE))
    np.testing.assert_allclose(one.difference.estimate, two.difference.estimate, atol=1e-9)
    np.testing.assert_allclose(one.difference.conf_low, two.difference.conf_low, atol=1e-9)
    assert one.names == ("day 7",)


def test_limits_stay_where_means_can_be() -> None:
    # Exact: means of shares lie in [0, 1], differences in [-1, 1], ratios above 0; bands enclose pointwise limits.
    found = effect_by_exposure(SHARE, ARM, A, at=AT, knots=4, seed=1)
    assert ((found.mean_low >= 0.0) & (found.mean_low <= found.mean) & (found.mean <= found.mean_high)).all()
    assert (found.mean_high <= 1.0).all()
    assert (np.abs([found.difference.band_low, found.difference.band_high]) <= 1.0).all()
    assert (found.ratio.band_low > 0.0).all()
    for one in (found.difference, found.ratio):
        assert ((one.band_low <= one.conf_low) & (one.conf_low <= one.estimate)).all()
        assert ((one.estimate <= one.conf_high) & (one.conf_high <= one.band_high)).all()
