"""What must hold for every sample: selection by frailty, time since onset."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.estimators.regression.frailty.likelihood import FrailtyLikelihood
from tendon_outcomes.estimators.regression.frailty.oracle import frailty_hazard_ratio
from tendon_outcomes.estimators.regression.frailty.selection import FrailtySelection, frailty_selection
from tendon_outcomes.estimators.regression.frailty.since_onset import since_onset

INF = np.inf
GRID = 14.0 * np.arange(1, 10)
every = settings(max_examples=200, deadline=None, derandomize=True)
Sample = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]

seeds = st.integers(0, 10**6)
variances = st.sampled_from([0.0, 0.3, 1.0, 2.0])


def clinic(seed: int, n: int = 40) -> Sample:
    """Looks every two weeks, some skipped, a competing cause, durations of half a week to a year, one covariate."""
    rng = np.random.default_rng(seed)
    low = 14.0 * rng.integers(0, 7, n)
    cause = rng.choice([0, 0, 1, 1, 2], n)
    cause[:12] = 1
    right = np.where(cause == 0, INF, np.where(cause == 1, low + 14.0 * rng.integers(1, 3, n), low + rng.integers(1, 15, n)))
    return low, right, cause, 2.0 ** rng.uniform(-1.0, 5.7, n), rng.normal(size=n)


def fit(sample: Sample, variance: float, **options: object) -> FrailtySelection:
    return frailty_selection(*sample[:4], sample[4], pieces=(42.0,), variances=(variance,), **options)  # type: ignore[arg-type]


def same(one: FrailtySelection, other: FrailtySelection, times: float = 1.0) -> None:
    assert one.unbounded.tolist() == other.unbounded.tolist()
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-6)
    np.testing.assert_allclose(one.std_error, times * other.std_error, rtol=1e-5)


@every
@given(seeds, variances)
def test_row_order_changes_nothing(seed: int, variance: float) -> None:
    # Exact.
    sample = clinic(seed)
    order = np.random.default_rng(seed).permutation(sample[0].size)
    same(fit(tuple(one[order] for one in sample), variance), fit(sample, variance))  # type: ignore[arg-type]


@every
@given(seeds, variances)
def test_copies_narrow_the_limits_by_their_root(seed: int, variance: float) -> None:
    # Exact: four copies of everybody double the information's root.
    sample = clinic(seed)
    once, copied = fit(sample, variance), fit(tuple(np.tile(one, 4) for one in sample), variance)  # type: ignore[arg-type]
    same(once, copied, 2.0)
    np.testing.assert_allclose(copied.log_likelihood, 4.0 * once.log_likelihood, rtol=1e-9)


@every
@given(seeds, variances)
def test_the_other_way_round_is_the_inverse(seed: int, variance: float) -> None:
    # Exact.
    sample = clinic(seed)
    one, other = fit(sample, variance, compared=(6.0, 52.0)), fit(sample, variance, compared=(52.0, 6.0))
    np.testing.assert_allclose(one.estimate * other.estimate, 1.0, rtol=1e-12)
    np.testing.assert_allclose(one.conf_low * other.conf_high, 1.0, rtol=1e-12)


@every
@given(seeds, variances, st.sampled_from([0.25, 4.0]))
def test_the_unit_of_the_duration_is_a_rate_before(seed: int, variance: float, factor: float) -> None:
    # Exact: durations k times as long at a k-th of the rate before day 0 are the same past; without frailty neither matters.
    sample = clinic(seed)
    longer = (*sample[:3], factor * sample[3], sample[4])
    same(fit(longer, variance, before=1.0 / factor), fit(sample, variance))
    if variance == 0.0:
        same(fit(sample, variance, before=factor), fit(sample, variance))


@every
@given(seeds, variances)
def test_scale_and_origin_of_a_covariate_change_nothing(seed: int, variance: float) -> None:
    # Exact.
    sample = clinic(seed)
    moved = (*sample[:4], 40.0 - 3.0 * sample[4])
    one, other = fit(moved, variance), fit(sample, variance)
    same(one, other)
    np.testing.assert_allclose(-3.0 * one.coefficients[0].estimate[1], other.coefficients[0].estimate[1], rtol=1e-5, atol=1e-7)


@every
@given(seeds)
def test_no_variance_is_the_limit_of_small_ones(seed: int) -> None:
    # Exact in the limit: the difference is of the order of the variance.
    sample = clinic(seed)
    np.testing.assert_allclose(fit(sample, 1e-9).estimate, fit(sample, 0.0).estimate, rtol=1e-6)


@every
@given(seeds, variances, st.booleans())
def test_derivatives_are_those_of_the_likelihood(seed: int, variance: float, unbounded: bool) -> None:
    # Exact up to differences: gradient against values, information against gradients, scores sum to the gradient.
    rng = np.random.default_rng(seed)
    free, early = rng.uniform(0.0, 40.0, (12, 2)), rng.uniform(1.0, 90.0, (12, 2))
    recovered = np.arange(12) % 2 == 0
    seen = free + recovered[:, None] * rng.uniform(1.0, 20.0, (12, 2))
    model = FrailtyLikelihood(variance, early, free, seen, recovered, rng.normal(size=(12, 2)), unbounded and variance > 0.0)
    at = np.concatenate((rng.normal(-4.0, 0.5, 2), rng.normal(0.0, 0.3, 2)))[int(model.unbounded) :]
    gradient, information = model.evaluate(at)[1]()
    np.testing.assert_allclose(model.scores_of(model.terms(at)).sum(axis=0), gradient, rtol=1e-9, atol=1e-9)
    for j in range(at.size):
        step = 1e-5 * (np.arange(at.size) == j)
        (above, upper), (below, lower) = model.evaluate(at + step), model.evaluate(at - step)
        np.testing.assert_allclose((above - below) / 2e-5, gradient[j], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose((lower()[0] - upper()[0]) / 2e-5, information[j], rtol=1e-5, atol=1e-5)


@every
@given(variances, st.floats(0.001, 1.0), st.floats(0.0, 400.0), st.floats(0.0, 400.0), st.floats(0.0, 400.0))
def test_oracles_multiply(variance: float, hazard: float, a: float, b: float, c: float) -> None:
    # Exact: from a to b and from b to c is from a to c.
    direct = frailty_hazard_ratio(variance, hazard, a, c)
    np.testing.assert_allclose(
        frailty_hazard_ratio(variance, hazard, a, b) * frailty_hazard_ratio(variance, hazard, b, c), direct, rtol=1e-12
    )
    assert (direct <= 1.0) == (c >= a or variance == 0.0) or abs(direct - 1.0) < 1e-12


@every
@given(seeds, st.sampled_from([0.0, 4.0, 6.0, 13.0]), st.sampled_from([None, 26.0, 52.0]))
def test_everybody_since_onset_is_kept_or_counted(seed: int, from_week: float, through: float | None) -> None:
    # Exact: conservation of rows; all at risk after `from_week`, from `entry` on, through the last week.
    left, right, cause, weeks, _ = clinic(seed)
    made = since_onset(left, right, cause, np.maximum(weeks, 1.0), grid=GRID, from_week=from_week, through_week=through)
    assert made.kept.size + made.n_before + made.n_between + made.n_unseen + made.n_after == left.size
    assert (made.entry >= from_week).all()
    assert (made.entry <= made.left).all()
    assert (made.entry < made.time).all()
    assert (made.time[made.event] <= made.through_week).all()
    assert (np.isinf(made.right) == (made.cause == 0)).all()
