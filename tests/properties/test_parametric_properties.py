"""What must hold for every sample: smooth incidences, time models, grouped hazards, mixture cure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
from tendon_outcomes.estimators.regression.parametric.mixture_cure import mixture_cure
from tendon_outcomes.estimators.regression.parametric.spline_incidence import spline_incidence
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog

INF = np.inf
CLOSE = {"rtol": 1e-7, "atol": 1e-9}
every = settings(max_examples=200, deadline=None, derandomize=True)
Sample = tuple[np.ndarray, np.ndarray, np.ndarray]

seeds = st.integers(0, 10**6)
laws = st.sampled_from(["weibull", "exponential", "lognormal", "loglogistic"])
factors = st.sampled_from([1 / 7, 1 / 365.25, 3.0, 1e3])


def clinic(seed: int, n: int = 30) -> Sample:
    """Looks every two weeks, some skipped; a dated competing cause; at least one recovery."""
    rng = np.random.default_rng(seed)
    low = 14.0 * rng.integers(0, 8, n)
    cause = rng.choice([0, 1, 1, 1, 2], n)
    cause[0] = 1
    right = np.where(cause == 0, INF, np.where(cause == 1, low + 14.0 * rng.integers(1, 3, n), low + rng.integers(1, 15, n)))
    return low, right, cause


def times(seed: int, n: int = 24) -> Sample:
    """Dated, right-, left- and interval-censored times and a binary covariate; enough dated ones in both groups."""
    rng = np.random.default_rng(seed)
    day = np.ceil(30.0 * rng.weibull(1.3, n)) + np.arange(n) % 3
    kind = np.append(np.zeros(8, dtype=int), rng.integers(0, 4, n - 8))
    left = np.where(kind == 2, 0.0, np.where(kind == 3, np.maximum(day - 5, 0), day))
    return left, np.where(kind == 1, INF, day), np.arange(n) % 2


def grid_rows(seed: int, n: int = 30) -> Sample:
    """Cells of a three-day grid, each told from the others by somebody; both groups with and without recovery."""
    rng = np.random.default_rng(seed)
    edges = np.array([0.0, 14, 28, 42])
    low = rng.integers(0, 3, n)
    high = np.minimum(low + rng.integers(1, 3, n), 3)
    low[:8], high[:8] = [0, 0, 1, 1, 2, 2, 0, 0], [1, 1, 2, 2, 3, 3, 3, 3]
    seen = rng.random(n) < 0.6
    seen[:6], seen[6:8] = True, False
    left = np.where(seen, edges[low], edges[high])
    left[6:8] = 42.0
    return left, np.where(seen, edges[high], INF), np.arange(n) % 2


def plateau(seed: int, n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Recoveries by about day 60 and a long wait for the others."""
    rng = np.random.default_rng(seed)
    day = np.ceil(25.0 * rng.weibull(1.5, n))
    never = np.arange(n) % int(rng.integers(3, 7)) == 0
    return np.where(never, 5000.0, day), np.where(never, INF, day)


# --- Smooth incidence


@every
@given(seeds)
def test_incidences_rise_and_add_up(seed: int) -> None:
    # Exact property: every F rises from 0, hazards are positive, and the sum of the F is 1 - exp(-total cumulative hazard) < 1.
    fit = spline_incidence(*clinic(seed))
    days = np.linspace(0.0, fit.last_follow_up, 25)
    curves = [fit.at(k, days) for k in fit.causes]
    for k, curve in zip(fit.causes, curves, strict=True):
        assert (np.diff(curve.estimate) >= 0.0).all()
        assert (curve.conf_low <= curve.estimate).all()
        assert (curve.estimate <= curve.conf_high).all()
        assert (curve.conf_low >= 0.0).all()
        assert (curve.conf_high <= 1.0).all()
        assert (fit.hazard(k, days).estimate > 0.0).all()
    total = np.sum([curve.estimate for curve in curves], axis=0)
    assert (total < 1.0).all()


@every
@given(seeds, factors)
def test_a_change_of_unit_changes_the_unit_of_the_spline(seed: int, factor: float) -> None:
    # Exact property. Competing events are dated in days, so the unit is changed for causes 0 and 1 only.
    left, right, cause = clinic(seed)
    kept = cause < 2
    one = spline_incidence(left[kept], right[kept], cause[kept])
    two = spline_incidence(left[kept] * factor, right[kept] * factor, cause[kept])
    days = np.array([10.0, 0.5 * one.last_follow_up])
    days = np.minimum(days, one.last_follow_up)
    for mine, theirs in zip(one.at(1, days), two.at(1, days * factor), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)


@every
@given(seeds)
def test_spline_weights_are_copies_and_order_does_not_matter(seed: int) -> None:
    # Exact property: w = w copies, in any order; weight 0 = not there.
    rows = clinic(seed, 15)
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 3, 15)
    weight[0] = 2
    if not ((rows[2] == 1) & (weight > 0)).any():
        return
    copies = rng.permutation(np.repeat(np.arange(15), weight))
    one, two = spline_incidence(*rows, weight=weight), spline_incidence(*(column[copies] for column in rows))
    np.testing.assert_allclose(one.log_hazard_at_knots, two.log_hazard_at_knots, **CLOSE)
    np.testing.assert_allclose(one.covariance, two.covariance, rtol=1e-6, atol=1e-8)


@every
@given(seeds)
def test_spline_clusters_of_one_row_are_robust_rows_and_limits_nest(seed: int) -> None:
    # Exact property.
    rows = clinic(seed)
    one, two = spline_incidence(*rows, robust=True), spline_incidence(*rows, cluster=np.arange(30))
    np.testing.assert_allclose(one.covariance, two.covariance, **CLOSE)
    day = 0.6 * one.last_follow_up
    wide, narrow = (spline_incidence(*rows, conf_level=level).at(1, day) for level in (0.99, 0.8))
    assert wide.conf_low < narrow.conf_low < narrow.conf_high < wide.conf_high


@every
@given(seeds)
def test_entry_at_zero_is_no_entry(seed: int) -> None:
    # Exact property, for the spline and the time model.
    rows = clinic(seed)
    np.testing.assert_array_equal(
        spline_incidence(*rows).log_hazard_at_knots, spline_incidence(*rows, entry=np.zeros(30)).log_hazard_at_knots
    )
    left, right, x = times(seed)
    one, two = accelerated_failure_time(left, right, x), accelerated_failure_time(left, right, x, entry=np.zeros(24))
    np.testing.assert_array_equal(one.coefficients.estimate, two.coefficients.estimate)


# --- Time models


@every
@given(seeds, laws, factors)
def test_a_change_of_unit_moves_the_intercept(seed: int, law: str, factor: float) -> None:
    # Exact property: log T + log c.
    left, right, x = times(seed)
    one, two = (accelerated_failure_time(left * c, right * c, x, distribution=law) for c in (1.0, factor))  # type: ignore[arg-type]
    moved = one.coefficients.estimate.copy()
    moved[0] += np.log(factor)
    np.testing.assert_allclose(two.coefficients.estimate, moved, rtol=0, atol=1e-7)
    np.testing.assert_allclose(two.coefficients.covariance, one.coefficients.covariance, rtol=1e-6, atol=1e-9)


@every
@given(seeds, laws)
def test_flipping_the_coding_flips_the_sign(seed: int, law: str) -> None:
    # Exact property.
    left, right, x = times(seed)
    one, two = (accelerated_failure_time(left, right, v, distribution=law) for v in (x, 1 - x))  # type: ignore[arg-type]
    assert one.coefficients.estimate[1] == pytest.approx(-two.coefficients.estimate[1], abs=1e-8)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-9)


@every
@given(seeds, laws)
def test_time_weights_are_copies(seed: int, law: str) -> None:
    # Exact property.
    left, right, x = times(seed)
    weight = np.random.default_rng(seed).integers(1, 4, 24)
    copies = np.repeat(np.arange(24), weight)
    one = accelerated_failure_time(left, right, x, weight=weight, distribution=law)  # type: ignore[arg-type]
    two = accelerated_failure_time(left[copies], right[copies], x[copies], distribution=law)  # type: ignore[arg-type]
    np.testing.assert_allclose(one.coefficients.estimate, two.coefficients.estimate, **CLOSE)
    np.testing.assert_allclose(one.coefficients.covariance, two.coefficients.covariance, rtol=1e-6, atol=1e-9)


@every
@given(seeds, laws)
def test_quantile_and_incidence_are_inverses(seed: int, law: str) -> None:
    # Exact property: F(quantile(p)) = p, and F rises.
    left, right, x = times(seed)
    fit = accelerated_failure_time(left, right, x, distribution=law)  # type: ignore[arg-type]
    at = fit.incidence(fit.last_follow_up * 0.5, [1]).estimate
    assert fit.quantile(at, [1]).estimate == pytest.approx(fit.last_follow_up * 0.5, rel=1e-9)
    assert (np.diff(fit.incidence(np.linspace(0.0, fit.last_follow_up, 12), [0]).estimate) >= 0.0).all()


@every
@given(seeds, laws)
def test_widening_an_interval_never_lowers_the_likelihood(seed: int, law: str) -> None:
    # Exact property: the interval that holds another is at least as probable, at every value of the coefficients.
    left, right, x = times(seed)
    wider = np.where(left < right, np.maximum(left - 2.0, 0.0), left)
    one = accelerated_failure_time(left, right, x, distribution=law)  # type: ignore[arg-type]
    two = accelerated_failure_time(wider, right, x, distribution=law)  # type: ignore[arg-type]
    assert two.log_likelihood >= one.log_likelihood - 1e-9


# --- Grouped hazards


@every
@given(seeds)
def test_grouped_hazards_do_not_know_the_length_of_cells(seed: int) -> None:
    # Exact property: any monotone change of time leaves coefficients and curve.
    left, right, x = grid_rows(seed)
    seen = np.isfinite(right)
    one = pooled_cloglog(left, right, seen, x, grid=[14, 28, 42])
    two = pooled_cloglog(left**2, right**2, seen, x, grid=[196, 784, 1764])
    np.testing.assert_allclose(one.baseline, two.baseline, **CLOSE)
    np.testing.assert_allclose(one.coefficients.estimate, two.coefficients.estimate, **CLOSE)


@every
@given(seeds, st.floats(-5, 5))
def test_grouped_hazards_shift_and_flip(seed: int, shift: float) -> None:
    # Exact property: x + c leaves the slope and its error; flipped coding turns its sign.
    left, right, x = grid_rows(seed)
    seen = np.isfinite(right)
    one, two, three = (pooled_cloglog(left, right, seen, v, grid=[14, 28, 42]).coefficients for v in (x, x + shift, 1 - x))
    np.testing.assert_allclose(one.estimate, two.estimate, rtol=0, atol=1e-7)
    np.testing.assert_allclose(one.std_error, two.std_error, rtol=1e-6)
    np.testing.assert_allclose(one.estimate, -three.estimate, rtol=0, atol=1e-7)


@every
@given(seeds)
def test_grouped_weights_are_copies(seed: int) -> None:
    # Exact property.
    left, right, x = grid_rows(seed)
    seen = np.isfinite(right)
    weight = np.random.default_rng(seed).integers(1, 4, 30)
    c = np.repeat(np.arange(30), weight)
    one = pooled_cloglog(left, right, seen, x, grid=[14, 28, 42], weight=weight)
    two = pooled_cloglog(left[c], right[c], seen[c], x[c], grid=[14, 28, 42])
    np.testing.assert_allclose(one.coefficients.estimate, two.coefficients.estimate, rtol=0, atol=1e-7)
    np.testing.assert_allclose(one.coefficients.std_error, two.coefficients.std_error, rtol=1e-6)


# --- Mixture cure


@settings(max_examples=200, deadline=None, derandomize=True)
@given(seeds, factors)
def test_the_fraction_does_not_know_the_unit(seed: int, factor: float) -> None:
    # Exact property.
    left, right = plateau(seed)
    one, two = mixture_cure(left, right), mixture_cure(left * factor, right * factor)
    assert one.never is not None
    assert two.never is not None
    for mine, theirs in (
        (one.never.estimate, two.never.estimate),
        (one.never.conf_low, two.never.conf_low),
        (one.never.conf_high, two.never.conf_high),
    ):
        assert mine == pytest.approx(theirs, abs=1e-6)
    assert 0.0 <= one.never.conf_low < one.never.estimate < one.never.conf_high < 1.0


@every
@given(seeds)
def test_on_a_plateau_never_is_who_is_left(seed: int) -> None:
    # Exact property in the limit of long follow-up: the share of rows without the event.
    left, right = plateau(seed)
    fit = mixture_cure(left, right, robust=True)
    assert fit.never is not None
    assert fit.never.estimate == pytest.approx(float(np.isposinf(right).mean()), abs=1e-6)
    assert fit.log_likelihood > fit.log_likelihood_without_never
