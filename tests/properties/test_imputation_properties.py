"""What must hold of heaping, over-imputation and pooling, whatever the sample."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.imputation.heaping import heaping
from tendon_outcomes.estimators.imputation.over_imputation import over_impute
from tendon_outcomes.estimators.imputation.pooling import pooled

every = settings(max_examples=200, deadline=None, derandomize=True)

estimates = arrays(np.float64, st.tuples(st.integers(2, 8), st.integers(1, 3)), elements=st.floats(-50, 50, width=32))
shares = st.floats(0.01, 5.0)


@every
@given(estimates, shares, st.integers(1, 300))
def test_nothing_missing_is_the_complete_sample(estimate: np.ndarray, variance: float, df: int) -> None:
    # Exact property.
    same = np.broadcast_to(estimate[0], estimate.shape)
    found = pooled(same, np.full(estimate.shape, variance), df_complete=df)
    np.testing.assert_allclose(found.estimate, estimate[0], rtol=1e-14)
    np.testing.assert_allclose(found.std_error, np.sqrt(variance), rtol=1e-14)
    assert (found.df == df).all()
    assert (found.missing_information == 0.0).all()


@every
@given(estimates, shares, st.floats(-20, 20), st.floats(0.1, 10))
def test_pooling_knows_no_order_and_moves_with_the_scale(
    estimate: np.ndarray, variance: float, shift: float, factor: float
) -> None:
    # Exact property.
    square = np.full(estimate.shape, variance) * np.arange(1, estimate.shape[0] + 1)[:, None]
    one = pooled(estimate, square, df_complete=30)
    turned = pooled(estimate[::-1], square[::-1], df_complete=30)
    scaled = pooled(shift - factor * estimate, factor**2 * square, df_complete=30)
    np.testing.assert_allclose(turned.conf_low, one.conf_low, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scaled.conf_low, shift - factor * one.conf_high, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(scaled.missing_information, one.missing_information, rtol=1e-6, atol=1e-9)


@every
@given(estimates, shares, st.integers(2, 300))
def test_imputing_only_adds_error(estimate: np.ndarray, variance: float, df: int) -> None:
    # Exact property: no smaller error and no more degrees of freedom than the completed samples have.
    found = pooled(estimate, np.full(estimate.shape, variance), df_complete=df)
    assert (found.std_error >= np.sqrt(variance) * (1 - 1e-12)).all()
    assert (found.df <= df).all()
    assert ((found.missing_information >= 0.0) & (found.missing_information <= 1.0)).all()
    assert (found.conf_low <= found.estimate).all()
    assert (found.estimate <= found.conf_high).all()


@every
@given(st.integers(0, 10_000), st.floats(0.05, 50), st.permutations(range(60)))
def test_heaping_knows_neither_the_unit_nor_the_order(seed: int, unit: float, order: list[int]) -> None:
    # Exact property: weeks or months, any order of rows.
    value = 5.0 * np.exp(np.random.default_rng(seed).normal(size=60))
    assume((np.abs(np.abs(value[:, None] - [3.0, 6.0]) - 0.5) > 1e-6).all())
    one = heaping(value, heaps=(3.0, 6.0), width=0.5)
    other = heaping(unit * value[order], heaps=(6.0 * unit, 3.0 * unit), width=0.5 * unit)
    np.testing.assert_array_equal(one.observed, other.observed)
    np.testing.assert_allclose(one.expected, other.expected, rtol=1e-6)
    np.testing.assert_allclose(one.p_value, other.p_value, rtol=1e-5, atol=1e-12)
    assert ((one.conf_low <= one.ratio) & (one.ratio <= one.conf_high)).all()


@every
@given(st.integers(0, 10_000), st.floats(0.01, 0.6), st.floats(-5, 5), st.floats(0.2, 5))
def test_over_imputation_moves_with_the_scale(seed: int, spread: float, shift: float, factor: float) -> None:
    # Exact property: of the told values; predictors in any unit and direction.
    rng = np.random.default_rng(seed)
    told, z, declared = rng.normal(size=30), rng.normal(size=(30, 2)), spread * (rng.random(30) < 0.7)
    try:
        one = over_impute(told, declared, z, imputations=3, seed=seed)
    except EstimationRefused:
        return
    other = over_impute(shift + factor * told, factor * declared, 2.0 - z * [3.0, -0.1], imputations=3, seed=seed)
    np.testing.assert_allclose(other.value, shift + factor * one.value, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(other.reliability, one.reliability, rtol=1e-6)
    kept = declared == 0.0
    np.testing.assert_array_equal(one.value[:, kept], np.broadcast_to(told[kept], (3, int(kept.sum()))))
    assert one.kept == kept.sum()
    assert 0.0 < one.reliability <= 1.0
