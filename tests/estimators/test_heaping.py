"""Values near round numbers beside what their surroundings lead to expect."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.imputation.density_between import density_between
from tendon_outcomes.estimators.imputation.heaping import heaping

HEAPS = (3.0, 6.0, 12.0, 24.0)


def months(n: int, seed: int, *, rounding: float = 0.0) -> np.ndarray:
    """Lognormal months, of those within a quarter of a heap some told as the heap."""
    rng = np.random.default_rng(seed)
    true = 4.5 * np.exp(1.05 * rng.normal(size=n))
    heap = np.array(HEAPS)[np.abs(np.log(true[:, None] / HEAPS)).argmin(axis=1)]
    return np.where((np.abs(true / heap - 1) < 0.25) & (rng.random(n) < rounding), heap, true)


def test_a_log_uniform_sample_is_expected_evenly() -> None:
    # Exact: 1,000 values evenly spaced on the log scale from 1 to 100; a window holds its share of that length.
    value = np.exp(np.linspace(0.0, np.log(100.0), 1000))
    found = heaping(value, heaps=(5.0, 20.0), width=0.5)
    share = np.log([5.5 / 4.5, 20.5 / 19.5]) / np.log(100.0)
    np.testing.assert_allclose(found.expected, 1000 * share, rtol=0.03)
    np.testing.assert_allclose(found.ratio, 1.0, atol=0.06)
    assert (found.conf_low < 1.0).all()
    assert (found.conf_high > 1.0).all()
    assert not found.detected
    assert found.observed.sum() + found.away == found.n == 1000


def test_limits_and_p_value_are_those_of_two_counts() -> None:
    # Exact: against scipy's binomial with E / (E + M) where the effective count M happens to be taken whole.
    found = heaping(months(300, 1, rounding=0.6), heaps=HEAPS, width=0.25)
    variance = density_between(
        np.log(_away(months(300, 1, rounding=0.6))), _windows(), span=_span(months(300, 1, rounding=0.6))
    ).overall_variance
    overall = found.overall
    m = 1.0 / (1.0 / found.away + variance)
    share = 1.03 * overall.expected / (1.03 * overall.expected + m)
    assert found.p_value == pytest.approx(stats.beta.cdf(share, overall.observed, m + 1.0), rel=1e-9)
    m = 1.0 / (1.0 / found.away + variance + 0.03**2)
    low = stats.beta.ppf(0.025, overall.observed, m + 1.0)
    high = stats.beta.ppf(0.975, overall.observed + 1.0, m)
    odds = np.array([low / (1 - low), high / (1 - high)]) * m / overall.expected
    np.testing.assert_allclose([overall.conf_low, overall.conf_high], odds, rtol=1e-9)
    assert found.detected
    assert found.excess == pytest.approx((overall.observed - overall.expected) / 300)
    whole = stats.binomtest(12, 12 + 40, 0.1, alternative="greater").pvalue
    assert stats.beta.cdf(0.1, 12, 41) == pytest.approx(whole, rel=1e-12)


def _away(value: np.ndarray) -> np.ndarray:
    return value[(np.abs(value[:, None] - HEAPS) > 0.25).all(axis=1)]


def _windows() -> np.ndarray:
    return np.log([[heap - 0.25, heap + 0.25] for heap in HEAPS])


def _span(value: np.ndarray) -> tuple[float, float]:
    return float(np.log(value.min())), float(np.log(value.max()))


def test_the_density_has_the_means_of_the_values_between_the_windows() -> None:
    # Exact: at the maximum of the likelihood the odds of a window against the rest solve the score equations; three knots,
    # the density integrated by scipy's adaptive quadrature and maximised by Nelder and Mead.
    from scipy.optimize import minimize

    value = np.sort(months(70, 4))
    x, span = np.log(_away(value)), _span(value)
    assert x.size < 80
    knots = np.quantile(x, [0.1, 0.5, 0.9])
    knots[0], knots[2] = x[4], x[-5]
    t, u = knots[1], knots[2]

    def basis(at: float) -> float:
        cubes = [max(at - k, 0.0) ** 3 for k in knots]
        return cubes[0] - cubes[1] * (u - knots[0]) / (u - t) + cubes[2] * (t - knots[0]) / (u - t)

    edges = np.concatenate([[span[0]], _windows().ravel(), [max(span[1], _windows()[-1, 1])]]).reshape(-1, 2)

    def mass(theta: np.ndarray, low: float, high: float) -> float:
        inner = [k for k in knots if low < k < high] or None
        return float(integrate.quad(lambda s: np.exp(theta[0] * s + theta[1] * basis(s)), low, high, points=inner)[0])

    def minus_log_likelihood(theta: np.ndarray) -> float:
        total = sum(mass(theta, *edge) for edge in edges)
        return float(np.log(total) - np.mean([theta[0] * s + theta[1] * basis(s) for s in x]))

    best = minimize(minus_log_likelihood, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14}).x
    outer = sum(mass(best, *edge) for edge in edges)
    odds = [mass(best, *window) / outer for window in _windows()]
    np.testing.assert_allclose(density_between(x, _windows(), span=span).odds, odds, rtol=1e-5)


@pytest.mark.parametrize("n", [60, 120, 300])
def test_smooth_samples_are_not_called_heaped(n: int) -> None:
    # Known truth by simulation: at most 5 % of 600 smooth samples, within three Monte-Carlo errors.
    share = np.mean([heaping(months(n, seed), heaps=HEAPS, width=0.5).detected for seed in range(600)])
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


def test_whole_weeks_are_no_heaps_when_windows_hold_whole_weeks() -> None:
    # Known truth by simulation: weeks 12 to 14 in a window of three weeks; at most 5 % of 600 within three Monte-Carlo errors.
    weeks = [np.maximum(1.0, np.rint(months(300, seed) * 4.348)) for seed in range(600)]
    share = np.mean([heaping(week, heaps=(13.0, 26.0, 52.0, 104.0), width=1.5).detected for week in weeks])
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


def test_heaped_samples_are() -> None:
    # Known truth by simulation: 60 % of those within a quarter of a heap told as the heap; found in every one of 100 samples.
    found = [heaping(months(120, seed, rounding=0.6), heaps=HEAPS, width=0.25) for seed in range(100)]
    assert np.mean([one.detected for one in found]) >= 0.99
    assert np.mean([one.overall.ratio for one in found]) > 3.0


def test_the_expected_number_is_not_biased() -> None:
    # Known truth by simulation: 400 smooth samples of 300; the mean of O - E within four Monte-Carlo errors or 3 % of E.
    gaps = [heaping(months(300, seed), heaps=HEAPS, width=0.5).overall for seed in range(400)]
    gap = np.array([one.observed - one.expected for one in gaps])
    expected = np.mean([one.expected for one in gaps])
    assert abs(gap.mean()) < max(4 * gap.std() / 20, 0.03 * expected)


def test_a_heap_beyond_all_values_expects_little_and_finds_none() -> None:
    # Exact: no value near 60 months, a ratio of 0 with an upper limit above it; the others are what they are without it.
    value = months(300, 2)
    value = value[value < 20.0]
    found = heaping(value, heaps=(6.0, 60.0), width=0.25)
    assert found.observed[1] == 0
    assert found.expected[1] > 0.0
    assert (found.ratio[1], found.conf_low[1]) == (0.0, 0.0)
    assert np.isfinite(found.conf_high[1])


def test_few_values_away_from_the_heaps_are_refused() -> None:
    # Exact: nineteen away; twenty-one are fitted.
    smooth = np.exp(np.linspace(0.0, 1.0, 19))
    with pytest.raises(EstimationRefused, match="19 of 49 values lie away"):
        heaping([*smooth, *[6.0] * 30], heaps=[6.0], width=0.25)
    assert heaping([*smooth, 3.1, 3.3, *[6.0] * 30], heaps=[6.0], width=0.25).detected
