"""Strategies dealt anew by the propensity."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import iptw_means
from tendon_outcomes.estimators.causal.sensitivity.dealt_weights import weighted_z
from tendon_outcomes.estimators.causal.sensitivity.permuted_strategy import deal, permuted_strategy
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity


def z_of_means(y: np.ndarray, inflate: float = 1.0) -> object:
    """Welch's z of one arm against the other, b deals at a time."""

    def z(labels: np.ndarray) -> np.ndarray:
        n1 = labels.sum(axis=1)
        n0 = labels.shape[1] - n1
        m1, m0 = labels @ y / n1, (1 - labels) @ y / n0
        v1, v0 = labels @ y**2 / n1 - m1**2, (1 - labels) @ y**2 / n0 - m0**2
        return inflate * (m1 - m0) / np.sqrt(v1 / (n1 - 1) + v0 / (n0 - 1))

    return z


def test_deals_have_the_probability_that_the_propensities_give() -> None:
    # Exact: four units, two ones, odds 1, 2, 3 and 6: a deal has the product of its odds / 47 (2 + 3 + 6 + 6 + 12 + 18) as its
    # probability; 20,000 deals within four Monte-Carlo errors.
    odds = np.array([1.0, 2.0, 3.0, 6.0])
    dealt = deal(np.array([1, 1, 0, 0]), np.log(odds), 20_000, 4)
    assert (dealt.sum(axis=1) == 2).all()
    for i, j in combinations(range(4), 2):
        expected = odds[i] * odds[j] / 47.0
        assert np.mean(dealt[:, i] * dealt[:, j]) == pytest.approx(expected, abs=4 * np.sqrt(expected / 20_000))


def test_equal_propensities_are_an_ordinary_permutation() -> None:
    # Exact: each of the six deals of two ones has probability 1/6; the observed statistic, the largest, has p near 1/6.
    values = np.array([1.0, 2.0, 4.0, 8.0])
    found = permuted_strategy(lambda g: g @ values - 7.5, [0, 0, 1, 1], np.full(4, 0.3), replicates=6000, seed=2, level=0.1)
    assert found.observed == 4.5
    assert sorted(set(found.z)) == [-4.5, -2.5, -1.5, 1.5, 2.5, 4.5]
    assert found.p_value == pytest.approx(2 / 6, abs=4 * np.sqrt(2 / 9 / 6000))
    assert found.rejected == 1.0
    assert (found.deals, found.conf_high) == (6000, 1.0)


def test_who_can_have_one_strategy_only_keeps_it() -> None:
    # Exact in the limit: with propensities of nearly 0 and 1 every deal is the observed one.
    found = permuted_strategy(lambda g: g[:, 0] - 0.5, [1, 1, 0, 0], [1 - 1e-9, 1 - 1e-9, 1e-9, 1e-9], replicates=50, seed=1)
    assert (found.p_value, found.mean, found.spread) == (1.0, 0.5, 0.0)


def test_a_calibrated_comparison_and_one_that_is_too_sure() -> None:
    # Simulation: 300 rows, 2,000 deals: the size of Welch's z is 5 % within four Monte-Carlo errors (1.9 points);
    # with half its standard error it is Pr(|Z| > 0.98) = 32.7 %.
    rng = np.random.default_rng(11)
    y, score = rng.normal(size=300), rng.random(300)
    arm = (rng.random(300) < score).astype(int)
    fair = permuted_strategy(z_of_means(y), arm, np.full(300, 0.5), replicates=2000, seed=3)
    assert abs(fair.rejected - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 2000)
    assert abs(fair.spread - 1.0) < 0.1
    sure = permuted_strategy(z_of_means(y, 2.0), arm, np.full(300, 0.5), replicates=2000, seed=3)
    assert abs(sure.rejected - 0.327) < 4 * np.sqrt(0.327 * 0.673 / 2000)
    assert sure.conf_low > 0.07


def test_patients_are_dealt_whole_unless_they_have_both() -> None:
    # Exact: three patients of two rows, one treated: three deals as one; a patient with both strategies: rows on their own.
    count = lambda g: g @ np.arange(1.0, 7.0) - 7.0  # noqa: E731
    asked = {"score": np.full(6, 0.3), "cluster": [5, 5, 6, 6, 7, 7], "seed": 1}
    whole = permuted_strategy(count, [1, 1, 0, 0, 0, 0], **asked)
    assert sorted(set(whole.z)) == [-4.0, 0.0, 4.0]
    torn = permuted_strategy(count, [1, 0, 0, 0, 0, 0], **asked)
    assert sorted(set(torn.z)) == [-6.0, -5.0, -4.0, -3.0, -2.0, -1.0]
    # Exact: the odds of a patient are the product of those of its rows: 4 against 1 and 1, so two deals in three.
    odds = permuted_strategy(count, [1, 1, 0, 0, 0, 0], [2 / 3, 2 / 3, 0.5, 0.5, 0.5, 0.5], cluster=[5, 5, 6, 6, 7, 7], seed=1)
    assert np.mean(odds.z == -4.0) == pytest.approx(2 / 3, abs=4 * np.sqrt(2 / 9 / 200))


def test_the_seed_decides() -> None:
    # Exact property.
    rng = np.random.default_rng(1)
    y, score = rng.normal(size=60), rng.random(60)
    arm = (rng.random(60) < score).astype(int)
    one, two, other = (permuted_strategy(z_of_means(y), arm, score, seed=s) for s in (5, 5, 6))
    assert one.z.tobytes() == two.z.tobytes() != other.z.tobytes()


def test_what_it_will_not_answer() -> None:
    # Exact: refusals with counts.
    zero = lambda g: np.zeros(len(g))  # noqa: E731
    for call, words in (
        (lambda: permuted_strategy(zero, [0, 0], [0.1, 0.2], seed=1), "hold both"),
        (lambda: permuted_strategy(zero, [0, 2], [0.1, 0.2], seed=1), "0 and 1"),
        (lambda: permuted_strategy(zero, [0, 1], [0.1], seed=1), "1 values for 2 rows"),
        (lambda: permuted_strategy(zero, [0, 1], [0.1, np.nan], seed=1), "1 of 2 scores are not"),
        (lambda: permuted_strategy(zero, [0, 1], [0.1, 1.0], seed=1), "1 of 2 scores are not"),
        (lambda: permuted_strategy(lambda g: np.zeros(2), [0, 1], [0.1, 0.2], seed=1, replicates=1), "2 values for 1 deals"),
        (lambda: permuted_strategy(zero, [0, 1], [0.1, 0.2], cluster=[1], seed=1), "1 values for 2 rows"),
        (lambda: permuted_strategy(lambda g: np.full(len(g), np.nan), [0, 1], [0.1, 0.2], seed=1), "does not exist"),
    ):
        with pytest.raises(EstimationRefused, match=words):
            call()


def test_a_deal_is_weighed_as_the_comparison_is() -> None:
    # Exact: without censoring the weighted incidences are weighted means of 0 and 1; the same propensity, stacked influence and
    # degrees of freedom as iptw_means, row by row, on three deals.
    rng = np.random.default_rng(12)
    n = 120
    x = rng.normal(size=(n, 3))
    day = rng.integers(1, 4, n) * 28.0
    patient = np.arange(n) // 2
    z = weighted_z(day <= 56.0, x, cluster=patient)
    for seed in range(3):
        arm = (np.random.default_rng(seed).random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(int)
        score = propensity(arm, x)
        means = iptw_means(
            day - 28.0, day, np.ones(n, int), arm, balancing_weights(score, arm), score, days=[56.0], cluster=patient
        )
        found = means.difference()
        t = found.estimate[0] / found.std_error[0]
        as_normal = np.sign(t) * stats.norm.isf(stats.t.sf(abs(t), found.df[0]))
        assert z(arm[None, :])[0] == pytest.approx(as_normal, abs=1e-7)


def test_a_separated_deal_is_weighed_by_shares() -> None:
    # Exact: with the treatment the sign of the covariate there is no propensity; the z is Welch's of two plain means, whose
    # variance the leverages of a share of one half among 16 rows (1/16 each) divide by 15/16.
    x = np.r_[-np.arange(1.0, 9.0), np.arange(1.0, 9.0)]
    y = np.array([1.0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1])
    found = float(weighted_z(y, x)((x > 0).astype(int)[None, :])[0])
    welch = stats.ttest_ind(y[8:], y[:8], equal_var=False)
    t = welch.statistic * np.sqrt(15 / 16)
    assert found == pytest.approx(stats.norm.isf(stats.t.sf(t, welch.df)), abs=1e-9)
