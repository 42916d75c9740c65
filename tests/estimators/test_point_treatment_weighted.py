"""Weighted interval-censored incidences under two treatments, and their stacked variance."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import IptwCurves, iptw_curves, iptw_means
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import pseudo_values
from tendon_outcomes.estimators.causal.weighting.balancing_weights import Target, balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence

INF = np.inf
DAYS, HORIZON = [28.0, 84.0], 84.0


def clinic(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Looks every two weeks with gaps, drop-out, a dated competing cause; three treatments chosen by two covariates."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    odds = np.exp(np.column_stack([np.zeros(n), 0.7 * x[:, 0], 0.3 * x[:, 1] - 1.0]))
    arm = (rng.random(n)[:, None] > np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    time = rng.exponential(70.0 * np.exp(-0.7 * x[:, 0] - 0.2 * (arm == 1)))
    other, last = rng.exponential(800.0, n), np.minimum(14 * rng.geometric(0.08, n) + 28, 112)
    width = 14 * rng.integers(1, 3, n)
    right = np.minimum(np.ceil(time / width) * width, 1e6)
    seen, first = right <= last, (other < time) & (other < last)
    cause = np.where(first, 2, np.where(seen, 1, 0))
    end = np.where(cause == 2, np.ceil(other), np.where(cause == 1, right, INF))
    left = np.where(cause == 2, np.ceil(other) - 1, np.where(cause == 1, right - width, last))
    return left.astype(float), end, cause, arm, x


def fitted(
    rows: tuple[np.ndarray, ...], *, target: Target = "everyone", weight: np.ndarray | None = None, **extra: object
) -> ArmMeans:
    left, right, cause, arm, x = rows
    score = propensity(arm, x, weight=weight)
    weights = balancing_weights(score, arm, target=target)
    return iptw_means(left, right, cause, arm, weights, score, days=DAYS, horizon=HORIZON, **extra)  # type: ignore[arg-type]


def test_a_saturated_propensity_is_standardisation() -> None:
    # Exact: everybody seen on day 7; the weighted share of an arm is the sum over strata of share times proportion.
    rng = np.random.default_rng(1)
    x, arm = np.repeat([0.0, 1.0], [80, 60]), rng.choice(3, size=140, p=[0.4, 0.4, 0.2])
    event = rng.random(140) < 0.3 + 0.3 * x
    left, right = np.where(event, 0.0, 7.0), np.where(event, 7.0, INF)
    score = propensity(arm, x)
    found = iptw_means(left, right, event.astype(int), arm, balancing_weights(score, arm), score, days=7, small_sample=False)
    for a in (0, 1):
        strata = [np.mean(x == s) * event[(arm == a) & (x == s)].mean() for s in (0, 1)]
        assert found.mean[a, 0] == pytest.approx(sum(strata), abs=1e-7)
    # The propensity is saturated, so weighting is as efficient as standardisation: the same influence (that without leverage).
    values = pseudo_values(left, right, event.astype(int), group=arm, days=[7])
    standard = g_computation(values, arm, x, ridge=0.0)
    np.testing.assert_allclose(found.mean, standard.mean, atol=1e-7)
    np.testing.assert_allclose(found.covariance(), standard.covariance(), rtol=0.1)
    predicted = np.stack([np.array([event[(arm == a) & (x == s)].mean() for s in (0, 1)])[x.astype(int)] for a in (0, 1)])
    chance = np.stack([np.array([np.mean(arm[x == s] == a) for s in (0, 1)])[x.astype(int)] for a in (0, 1)])
    residual = np.stack([(arm == a) * (event - predicted[a]) / chance[a] for a in (0, 1)])
    by_hand = (predicted - found.mean + residual) / 140
    np.testing.assert_allclose(found.influence[:, :, 0], by_hand, atol=1e-8)


@pytest.mark.parametrize("target", ["everyone", "treated", "overlap"])
def test_influence_is_the_derivative_by_a_rows_weight_of_the_whole_pipeline(target: Target) -> None:
    # Exact: propensity, weights and curves refitted with one row's weight moved a little up and down.
    rows = clinic(2, 160)
    found, step = fitted(rows, target=target, small_sample=False), 1e-4
    for i in (0, 17, 60, 101, 159):
        means = []
        for sign in (-1, 1):
            weight = np.ones(160)
            weight[i] += sign * step
            means.append(fitted(rows, target=target, weight=weight).mean)
        slope = (means[1] - means[0]) / (2 * step)
        np.testing.assert_allclose(found.influence[:, i, :2], slope[:, :2], atol=2e-6)
        np.testing.assert_allclose(found.influence[:, i, 2], slope[:, 2], atol=2e-4)


def test_balanced_treatments_give_each_arms_own_curve() -> None:
    # Exact: every covariate pattern has the treatments in the same proportion, so the weights of an arm are equal.
    rng = np.random.default_rng(3)
    arm, x = np.tile([0, 1, 0, 1], 30), np.repeat(rng.integers(0, 3, 30), 4).astype(float)
    left = 14.0 * rng.integers(0, 4, 120)
    cause = rng.choice([0, 1], size=120)
    left, right = np.where(cause == 0, 56.0, left), np.where(cause == 0, INF, left + 14.0)
    score = propensity(arm, x)
    found = iptw_means(left, right, cause, arm, balancing_weights(score, arm), score, days=[28], horizon=42)
    for a in (0, 1):
        own = interval_censored_incidence(left[arm == a], right[arm == a], cause[arm == a])
        assert found.mean[a, 0] == pytest.approx(float(own.lower(1, 28).estimate), abs=1e-8)
        assert found.mean[a, 1] == pytest.approx(own.restricted_mean_time_lost(1, 42).midpoint.estimate, abs=1e-6)
    np.testing.assert_allclose(found.effective_n, [60, 60], rtol=1e-9)


def test_knowing_that_the_propensity_was_estimated_narrows_the_limits() -> None:
    # Simulation of one: with covariates that decide the outcome the stacked variance is below that with weights held.
    rows = clinic(4, 600)
    left, right, cause, arm, x = rows
    found = fitted(rows, small_sample=False)
    score = propensity(arm, x)
    weight = balancing_weights(score, arm).weight
    for a in (0, 1):
        of = arm == a
        held = interval_censored_incidence(left[of], right[of], cause[of], weight=weight[of], robust=True)
        assert found.covariance()[3 * a + 1, 3 * a + 1] < float(held.lower(1, 84).std_error) ** 2


def test_two_sides_of_a_patient_count_once() -> None:
    # Exact: every row twice in its patient: the same covariance and effective numbers.
    rows = clinic(5, 120)
    once = fitted(rows, small_sample=False)
    twice = fitted(
        tuple(np.repeat(column, 2, axis=0) for column in rows), cluster=np.repeat(np.arange(120), 2), small_sample=False
    )
    np.testing.assert_allclose(twice.mean, once.mean, rtol=1e-6)
    np.testing.assert_allclose(twice.covariance(), once.covariance(), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(twice.effective_n, once.effective_n, rtol=1e-9)


def test_leverage_widens_what_many_coefficients_narrow() -> None:
    # Simulation of one: nine covariates for 120 rows. The jackknife of the whole pipeline is nearer to the corrected errors.
    rng = np.random.default_rng(8)
    left, right, cause, arm, x = clinic(8, 120)
    rows = (left, right, cause, arm, np.column_stack([x, rng.normal(size=(120, 7))]))
    plain, corrected = (np.sqrt(np.diagonal(fitted(rows, small_sample=own).covariance())) for own in (False, True))
    keep = ~np.eye(120, dtype=bool)
    left_out = np.array([fitted(tuple(column[one] for column in rows)).mean.ravel() for one in keep])
    jackknife = np.sqrt(((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0) * 119 / 120)
    assert (plain < corrected).all()
    assert np.abs(np.log(corrected / jackknife)).mean() < 0.5 * np.abs(np.log(plain / jackknife)).mean()


def curves(rows: tuple[np.ndarray, ...], **extra: object) -> IptwCurves:
    left, right, cause, arm, x = rows
    score = propensity(arm, x)
    return iptw_curves(left, right, cause, arm, balancing_weights(score, arm), score, **extra)  # type: ignore[arg-type]


def test_curves_are_the_means_day_by_day() -> None:
    # Exact; they rise, and their limits lie in [0, 1] about them.
    rows = clinic(6, 300)
    found, means = curves(rows), fitted(rows)
    assert set(DAYS) <= set(found.days.tolist())
    for j, day in enumerate(DAYS):
        at = int(np.flatnonzero(found.days == day)[0])
        np.testing.assert_allclose(found.estimate[:, at], means.mean[:, j], atol=1e-9)
        for a in (0, 1):
            assert found.conf_low[a, at] == pytest.approx(means.arm(a).conf_low[j], abs=1e-9)
    assert (np.diff(found.estimate, axis=1) >= -1e-12).all()
    assert (found.conf_low >= 0).all()
    assert (found.conf_low <= found.estimate).all()
    assert (found.estimate <= found.conf_high).all()
    assert (found.conf_high <= 1).all()
    assert (np.diff(found.effective_at_risk, axis=1) <= 1e-9 + 0.15 * found.effective_at_risk[:, :-1]).all()


def test_effective_numbers_at_risk_are_heads_when_weights_are_equal() -> None:
    # Exact: four patients an arm: event by day 7, competing on day 10, followed to day 14, event by day 14.
    left, right, cause = [0, 9, 14, 7], [7, 10, INF, 14], [1, 2, 0, 1]
    arm = np.repeat([0, 1], 4)
    x = np.tile([0.0, 1.0, 0.0, 1.0], 2)
    found = curves((*(np.tile(column, 2) for column in (left, right, cause)), arm, x), days=[7, 14])
    np.testing.assert_allclose(found.effective_at_risk, [[3, 1], [3, 1]], rtol=1e-9)


def test_weights_of_other_rows_are_refused() -> None:
    # Exact.
    rows = clinic(7, 100)
    left, right, cause, arm, x = rows
    score = propensity(arm, x)
    weights = balancing_weights(score, arm)
    with pytest.raises(EstimationRefused, match="`weights` has 100 values for 99 rows"):
        iptw_means(left[1:], right[1:], cause[1:], arm[1:], weights, score, days=28)
