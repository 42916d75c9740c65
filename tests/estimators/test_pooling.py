"""Rubin's rules with the degrees of freedom of Barnard and Rubin."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.imputation.pooling import pooled


def test_three_imputations_by_hand() -> None:
    # Exact by hand: Q 2, U 1, B 1, T = 1 + 4/3 = 7/3, lambda 4/7, large-sample df 2 (7/4)^2 = 49/8, r 4/3;
    # c = 27: (28/30) 27 (3/7) = 54/5 observed, df = 1 / (8/49 + 5/54) = 2646/677; missing (r + 2/(49/8 + 3)) / (r + 1).
    large = pooled([1.0, 2.0, 3.0], [0.5, 1.0, 1.5])
    assert large.estimate[0] == 2.0
    assert large.std_error[0] == pytest.approx(np.sqrt(7 / 3), abs=1e-14)
    assert large.df[0] == pytest.approx(49 / 8, abs=1e-12)
    assert large.missing_information[0] == pytest.approx((4 / 3 + 2 / (49 / 8 + 3)) / (7 / 3), abs=1e-14)
    small = pooled([1.0, 2.0, 3.0], [0.5, 1.0, 1.5], df_complete=27)
    assert small.df[0] == pytest.approx(2646 / 677, abs=1e-12)
    reach = stats.t.ppf(0.975, 2646 / 677) * np.sqrt(7 / 3)
    assert [small.conf_low[0], small.conf_high[0]] == pytest.approx([2 - reach, 2 + reach], abs=1e-10)
    assert small.missing_information[0] == large.missing_information[0]


def test_nothing_missing_is_the_complete_sample() -> None:
    # Exact: equal imputations, with few and with many degrees of freedom; rounding in their mean is no variance.
    third = [0.1 + 0.2, 1e6 / 3]
    variance = [0.04, 1e8]
    found = pooled([third] * 7, [variance] * 7, df_complete=(12, np.inf))
    np.testing.assert_allclose(found.estimate, third, rtol=1e-15)
    np.testing.assert_allclose(found.std_error, np.sqrt(variance), rtol=1e-15)
    np.testing.assert_array_equal(found.df, [12, np.inf])
    np.testing.assert_array_equal(found.missing_information, 0.0)
    reach = np.array([stats.t.ppf(0.975, 12), stats.norm.ppf(0.975)]) * np.sqrt(variance)
    np.testing.assert_allclose(found.conf_high, third + reach, rtol=1e-12)


def test_covariances_give_the_same_errors_and_a_total() -> None:
    # Exact: T = mean covariance + (1 + 1/m) covariance of the estimates; its diagonal is what variances alone give.
    rng = np.random.default_rng(1)
    estimate = rng.normal(size=(5, 3))
    root = rng.normal(size=(5, 3, 3))
    covariance = root @ root.transpose(0, 2, 1)
    whole = pooled(estimate, covariance)
    marginal = pooled(estimate, np.diagonal(covariance, axis1=1, axis2=2))
    assert whole.covariance is not None
    assert marginal.covariance is None
    np.testing.assert_allclose(whole.covariance, covariance.mean(axis=0) + 1.2 * np.cov(estimate.T), atol=1e-13)
    np.testing.assert_allclose(np.sqrt(np.diagonal(whole.covariance)), whole.std_error, atol=1e-13)
    np.testing.assert_array_equal(whole.std_error, marginal.std_error)
    np.testing.assert_array_equal(whole.df, marginal.df)


def test_a_band_lies_critical_errors_away() -> None:
    # Exact.
    found = pooled([[1.0, 5.0], [2.0, 5.0]], [[1.0, 0.0], [1.0, 0.0]], critical=2.8, names=("a", "b"))
    assert found.band_low is not None
    assert found.band_high is not None
    np.testing.assert_allclose(found.band_high - found.estimate, 2.8 * found.std_error)
    np.testing.assert_array_equal(found.band(2.8)[0], found.band_low)
    assert found.names == ("a", "b")
    assert [found.conf_low[1], found.estimate[1], found.conf_high[1], found.missing_information[1]] == [5.0, 5.0, 5.0, 0.0]
    assert pooled([1.0, 2.0], [1.0, 1.0]).band_low is None


def test_logit_limits_of_a_share_stay_inside() -> None:
    # Exact: log odds of 0.05 less and plus t sqrt(T) / (0.05 * 0.95), two equal imputations with 9 degrees of freedom.
    found = pooled([0.05, 0.05], [0.03**2] * 2, df_complete=9, interval="logit", critical=3.0)
    scaled = 0.03 / (0.05 * 0.95)
    odds = np.log(0.05 / 0.95) + np.array([-1, 1]) * stats.t.ppf(0.975, 9) * scaled
    np.testing.assert_allclose([found.conf_low[0], found.conf_high[0]], 1 / (1 + np.exp(-odds)), atol=1e-12)
    assert found.band_low is not None
    assert 0 < found.band_low[0] < found.conf_low[0]
    with pytest.raises(EstimationRefused, match="not between 0 and 1"):
        pooled([1.0, 1.0], [0.1, 0.1], interval="logit")


def test_limits_cover_when_values_are_missing() -> None:
    # Known truth by simulation: mean of n = 30 normals, 12 missing at random, proper imputations (sigma and mean drawn):
    # 95 % within four Monte-Carlo errors of 4,000 samples. Without 1 + 1/m, or with t_{m-1}, they do not.
    rng, samples, n, gone, m = np.random.default_rng(5), 4000, 30, 12, 5
    covered = 0
    for _ in range(samples):
        kept = rng.normal(size=n - gone)
        sigma = np.sqrt(kept.var(ddof=1) * (kept.size - 1) / rng.chisquare(kept.size - 1, m))
        mean = kept.mean() + sigma / np.sqrt(kept.size) * rng.normal(size=m)
        drawn = mean[:, None] + sigma[:, None] * rng.normal(size=(m, gone))
        filled = np.concatenate([np.broadcast_to(kept, (m, kept.size)), drawn], axis=1)
        found = pooled(filled.mean(axis=1), filled.var(axis=1, ddof=1) / n, df_complete=n - 1)
        covered += bool(found.conf_low[0] <= 0.0 <= found.conf_high[0])
    assert covered / samples == pytest.approx(0.95, abs=4 * np.sqrt(0.05 * 0.95 / samples))
