"""What must hold for every comparison of two point treatments: pseudo-values, weighting, standardisation, doubly robust means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators.causal.point_treatment.aipw import aipw
from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import iptw_means
from tendon_outcomes.estimators.causal.point_treatment.monotone import monotone
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, pseudo_values
from tendon_outcomes.estimators.causal.point_treatment.tmle import tmle
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence

every = settings(max_examples=200, deadline=None, derandomize=True)
seeds = st.integers(0, 10**6)
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def clinic(seed: int, n: int = 48, levels: int = 3) -> Rows:
    """Looks every two weeks to week 8, a competing cause, drop-out; treatment; two covariates, the first of three levels."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, levels, n)
    x = np.column_stack([rng.integers(0, 3, n), rng.normal(size=n)])
    left = 14.0 * rng.integers(0, 4, n)
    cause = rng.choice([0, 1, 1, 2], size=n)
    right = np.where(cause == 0, np.inf, np.where(cause == 2, left + 5.0, left + 14.0))
    return np.where(cause == 0, 56.0, np.where(cause == 2, left + 4.0, left)), right, cause, arm, x


def weighted(rows: Rows, x: np.ndarray | None = None, compared: tuple[int, int] = (0, 1), conf_level: float = 0.95) -> ArmMeans:
    """IPTW on weeks 4 and 8 and of the time lost; samples whose covariates separate a treatment are not examples."""
    left, right, cause, arm, own = rows
    try:
        score = propensity(arm, own if x is None else x)
        weights = balancing_weights(score, arm, compared=compared)
        return iptw_means(left, right, cause, arm, weights, score, days=[28, 56], horizon=56, conf_level=conf_level)
    except (EstimationRefused, NotConverged):
        assume(False)
        raise


def values_of(rows: Rows) -> PseudoValues:
    left, right, cause, arm, _ = rows
    return pseudo_values(left, right, cause, group=arm, days=[28], horizon=56)


def doubly_robust(values: PseudoValues, arm: np.ndarray, x: np.ndarray, **extra: object) -> list[ArmMeans]:
    arguments = {"outcome_covariates": x, "propensity_covariates": x, "folds": 2, "repeats": 1, "seed": 2} | extra
    return [method(values, arm, **arguments) for method in (aipw, tmle)]  # type: ignore[operator]


def enough(rows: Rows) -> None:
    assume(min(np.bincount(rows[3], minlength=3)[:2]) >= 8)


@every
@given(seeds)
def test_pseudo_values_average_to_the_estimate_and_follow_their_rows(seed: int) -> None:
    # Exact property: mean of a group's values = its estimate; a permutation of the rows permutes the values.
    left, right, cause, arm, _ = clinic(seed, levels=2)
    found = pseudo_values(left, right, cause, group=arm, days=[28, 56], horizon=56)
    for a in (0, 1):
        np.testing.assert_allclose(found.value[arm == a].mean(axis=0), found.estimate[a], atol=1e-7)
    order = np.random.default_rng(seed).permutation(arm.size)
    shuffled = pseudo_values(left[order], right[order], cause[order], group=arm[order], days=[28, 56], horizon=56)
    np.testing.assert_allclose(shuffled.value, found.value[order], atol=1e-5)


@every
@given(seeds)
def test_a_saturated_propensity_is_standardisation(seed: int) -> None:
    # Exact property: everybody seen on day 7; weighting by strata = the mean over strata of the arm's proportions.
    rng = np.random.default_rng(seed)
    x, arm, event = rng.integers(0, 2, 60), rng.integers(0, 2, 60), rng.random(60) < 0.5
    assume(all(((x == s) & (arm == a)).any() for s in (0, 1) for a in (0, 1)))
    assume(all(event[arm == a].any() for a in (0, 1)))
    score = propensity(arm, x)
    weights = balancing_weights(score, arm)
    left, right = np.where(event, 0.0, 7.0), np.where(event, 7.0, np.inf)
    found = iptw_means(left, right, event.astype(int), arm, weights, score, days=7)
    standard = g_computation(event.astype(float), arm, x, ridge=0.0)
    by_hand = [sum(np.mean(x == s) * event[(x == s) & (arm == a)].mean() for s in (0, 1)) for a in (0, 1)]
    np.testing.assert_allclose(found.mean[:, 0], by_hand, atol=1e-6)
    np.testing.assert_allclose(standard.mean[:, 0], by_hand, atol=1e-6)


@every
@given(seeds)
def test_a_propensity_that_does_not_vary_is_no_adjustment(seed: int) -> None:
    # Exact property: every covariate pattern holds both treatments alike, so each arm keeps its own curve.
    left, right, cause, _, x = clinic(seed, levels=2)
    arm = np.tile([0, 1], 24)
    balanced = np.repeat(x[:24, :1], 2, axis=0)
    assume(np.unique(balanced).size > 1)
    found = weighted((left, right, cause, arm, balanced))
    for a in (0, 1):
        own = interval_censored_incidence(left[arm == a], right[arm == a], cause[arm == a])
        np.testing.assert_allclose(found.mean[a, :2], own.lower(1, [28, 56]).estimate, atol=1e-6)


@every
@given(seeds)
def test_swapped_labels_negate_and_affine_maps_change_nothing(seed: int) -> None:
    # Exact property, for weighting.
    rows = clinic(seed)
    found, turned = weighted(rows).difference(), weighted(rows, compared=(1, 0)).difference()
    np.testing.assert_allclose(turned.estimate, -found.estimate, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(turned.conf_low, -found.conf_high, rtol=1e-6, atol=1e-9)
    moved = weighted(rows, rows[4] @ np.array([[2.0, 0.3], [0.0, -5.0]]) + 7.0).difference()
    np.testing.assert_allclose(moved.estimate, found.estimate, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved.std_error, found.std_error, rtol=1e-4, atol=1e-6)


@every
@given(seeds)
def test_swapped_labels_and_rescaled_covariates_for_doubly_robust_means(seed: int) -> None:
    # Exact property: the penalty is per standard deviation, so shifts, scales and signs of covariates change nothing.
    rows = clinic(seed)
    enough(rows)
    values, arm, x = values_of(rows), rows[3], rows[4]
    found, rescaled = doubly_robust(values, arm, x), doubly_robust(values, arm, x * [3.0, -0.2] + 4.0)
    for one, moved, turned in zip(found, rescaled, doubly_robust(values, arm, x, compared=(1, 0)), strict=True):
        np.testing.assert_allclose(moved.mean, one.mean, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(turned.mean, one.mean[::-1], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(turned.difference().conf_low, -one.difference().conf_high, rtol=1e-5, atol=1e-7)


@every
@given(seeds)
def test_standardised_means_follow_no_scale_of_covariates_and_no_order_of_rows(seed: int) -> None:
    # Exact property.
    left, right, cause, arm, x = clinic(seed)
    enough((left, right, cause, arm, x))
    value = pseudo_values(left, right, cause, group=arm, days=[28], horizon=56).value
    found = g_computation(value, arm, x)
    order = np.random.default_rng(seed).permutation(arm.size)
    for other in (g_computation(value, arm, x * [-2.0, 9.0] + 1.0), g_computation(value[order], arm[order], x[order])):
        np.testing.assert_allclose(other.mean, found.mean, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(other.covariance(), found.covariance(), rtol=1e-5, atol=1e-9)


@every
@given(seeds)
def test_limits_hold_their_estimate_and_stay_in_range(seed: int) -> None:
    # Exact property: shares in [0, 1], days in [0, horizon], differences in their range, wider at a higher level.
    rows = clinic(seed)
    enough(rows)
    narrow = weighted(rows, conf_level=0.8)
    wide = replace(narrow, conf_level=0.99)
    for means in (narrow, wide, *doubly_robust(values_of(rows), rows[3], rows[4])):
        largest = means.largest
        assert largest is not None
        for found, least in ((means.arm(0), 0.0), (means.arm(1), 0.0), (means.difference(), -1.0)):
            assert (least * largest - 1e-9 <= found.conf_low).all()
            assert (found.conf_low <= found.estimate + 1e-9).all()
            assert (found.estimate <= found.conf_high + 1e-9).all()
            assert (found.conf_high <= largest + 1e-9).all()
    one, other = narrow.difference(), wide.difference()
    assert (other.conf_low <= one.conf_low + 1e-12).all()
    assert (one.conf_high <= other.conf_high + 1e-12).all()


@every
@given(st.lists(st.floats(-2, 3), min_size=1, max_size=12))
def test_a_monotone_curve_stays_as_it_is(curve: list[float]) -> None:
    # Exact property: rising, inside [0, 1], idempotent, and untouched where it was so already.
    found = monotone(curve)
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(monotone(found), found, atol=1e-12)
    already = np.sort(np.clip(curve, 0, 1))
    np.testing.assert_allclose(monotone(already), already, atol=1e-12)
