"""Simultaneous bands and likelihood-ratio limits of the interval-censored incidence."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import interval_censored_incidence, turnbull
from tendon_outcomes.estimators.interval_censored.bands import interval_band

INF = np.inf
CHI_SQUARE = NormalDist().inv_cdf(0.975) ** 2


def dated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Looks at days 7, 14, 21 of everybody."""
    event = np.random.default_rng(seed).exponential(20.0, n)
    week = np.ceil(event / 7)
    return np.minimum(7 * (week - 1), 21.0), np.where(week > 3, INF, 7 * week)


def test_band_of_one_day_is_the_pointwise_interval() -> None:
    # Exact: the larger of the normal quantile and the simulated one, which is that quantile up to simulation error.
    fit = turnbull(*dated(80, 1))
    band = interval_band(fit, 1, [14], rng=np.random.default_rng(1), replicates=200_000)
    assert band.critical_value == pytest.approx(NormalDist().inv_cdf(0.975), abs=0.02)
    point = fit.lower(1, 14)
    assert band.conf_low[0] == pytest.approx(float(point.conf_low), abs=2e-3)
    assert band.conf_low[0] <= point.conf_low + 1e-12
    assert band.conf_high[0] >= point.conf_high - 1e-12


def test_band_of_days_with_a_known_joint_law() -> None:
    # Exact up to simulation error: without censoring before the last look F is a multinomial sum, corr(F_s, F_t) for s < t is
    # sqrt(F_s (1 - F_t) / (F_t (1 - F_s))); the quantile of the largest |Z| of that law, drawn here with another generator.
    fit = turnbull(*dated(200, 2))
    f = fit.lower(1, [7, 14, 21]).estimate
    correlation = np.array([[np.sqrt(min(a, b) * (1 - max(a, b)) / (max(a, b) * (1 - min(a, b)))) for b in f] for a in f])
    draws = np.random.default_rng(99).multivariate_normal(np.zeros(3), correlation, 400_000)
    expected = np.quantile(np.abs(draws).max(axis=1), 0.95)
    band = interval_band(fit, 1, [21, 7, 14], rng=np.random.default_rng(3), replicates=200_000)
    assert band.critical_value == pytest.approx(expected, abs=0.02)
    assert band.day.tolist() == [7, 14, 21]
    assert (band.conf_low < fit.lower(1, band.day).conf_low).all()
    assert (band.conf_high > fit.upper(1, band.day).conf_high).all()


def test_band_covers_all_days_at_once() -> None:
    # Simulation: 400 samples of 100, four looks of which 30 % are missed; truth 1 - exp(-t / 30). Nominal 0.95; Monte Carlo
    # standard error 0.0109; accepted within 3 of them. The pointwise limits hold all days together less often.
    rng = np.random.default_rng(7)
    looks = np.array([7.0, 14.0, 28.0, 42.0])
    truth, band_held, points_held = 1 - np.exp(-looks / 30), 0, 0
    for _ in range(400):
        event, seen = rng.exponential(30.0, 100), rng.random((100, 4)) < 0.7
        right = np.where(seen & (looks >= event[:, None]), looks, INF).min(axis=1)
        left = np.where(seen & (looks < event[:, None]), looks, 0.0).max(axis=1)
        fit = turnbull(left, right)
        band, point = interval_band(fit, 1, looks, rng=rng, replicates=2_000), fit.lower(1, looks)
        band_held += bool(((band.conf_low <= truth) & (truth <= band.conf_high)).all())
        points_held += bool(((point.conf_low <= truth) & (truth <= point.conf_high)).all())
    assert abs(band_held / 400 - 0.95) < 3 * 0.0109
    assert points_held < band_held


def test_band_of_undetermined_and_certain_days() -> None:
    # Exact: nothing is known on day 3; on day 7 the bounds meet.
    fit = turnbull([0, 0, 7, 7], [7, 7, 14, INF])
    band = interval_band(fit, 1, [3, 7], rng=np.random.default_rng(1))
    assert band.lower.tolist() == [0.0, 0.5]
    assert band.upper[0] == pytest.approx(0.5, abs=1e-12)
    assert (band.conf_low[0], band.conf_high[0]) == pytest.approx((0.0, float(band.conf_high[1])))


def test_refuses_bands_without_a_meaning() -> None:
    # Exact: each rule.
    fit = turnbull([0, 7], [7, INF])
    for days in ([], [np.nan]):
        with pytest.raises(EstimationRefused, match="at least one day"):
            interval_band(fit, 1, days, rng=np.random.default_rng(1))
    with pytest.raises(EstimationRefused, match="beyond the last follow-up"):
        interval_band(fit, 1, [14], rng=np.random.default_rng(1))


@pytest.mark.parametrize(("events", "n"), [(1, 10), (3, 10), (9, 10), (30, 200)])
def test_likelihood_ratio_of_a_binomial(events: int, n: int) -> None:
    # Exact: the two roots of 2 (l(p^) - l(p)) = chi-square quantile, by the definition of the binomial likelihood.
    fit = turnbull([0] * events + [7] * (n - events), [7] * events + [INF] * (n - events))

    def ratio(p: float) -> float:
        return 2 * (events * np.log(events / n / p) + (n - events) * np.log((1 - events / n) / (1 - p)))

    found = fit.likelihood_ratio_limits(1, 7)
    for limit in found:
        assert ratio(float(limit)) == pytest.approx(CHI_SQUARE, abs=1e-7)
    assert found.conf_low < events / n < found.conf_high


def test_likelihood_ratio_inside_a_cell_by_hand() -> None:
    # Exact: ten rows (0, 14], ten free at 14. On day 7 F lies between 0 and 1/2: low is 0, high is that of day 14.
    fit = turnbull([0] * 10 + [14] * 10, [14] * 10 + [INF] * 10)
    inside, end = fit.likelihood_ratio_limits(1, 7), fit.likelihood_ratio_limits(1, 14)
    assert inside.conf_low == 0.0
    assert inside.conf_high == pytest.approx(float(end.conf_high), abs=1e-8)


def test_likelihood_ratio_at_zero_and_one_is_exact() -> None:
    # Exact: the Clopper-Pearson limits of `lower` and `upper`.
    fit = turnbull([7, 14, 14, 0], [14, 21, 21, 7])
    np.testing.assert_array_equal(fit.likelihood_ratio_limits(1, [21]).conf_low, fit.lower(1, [21]).conf_low)
    none = interval_censored_incidence([0, 7], [5, INF], [2, 0])
    assert none.likelihood_ratio_limits(1, 5).conf_high == none.upper(1, 5).conf_high


def test_likelihood_ratio_with_sampling_weights_is_stretched() -> None:
    # Exact: weights 2 throughout are copies, and robust=True reads them as sampling weights of the same 20 rows: the ratio of the
    # two variances is 2, so the limits are those of 20 unweighted rows.
    left, right = [0] * 6 + [7] * 14, [7] * 6 + [INF] * 14
    weighted = turnbull(left, right, weight=np.full(20, 2.0), robust=True).likelihood_ratio_limits(1, 7)
    plain = turnbull(left, right).likelihood_ratio_limits(1, 7)
    np.testing.assert_allclose(weighted, plain, rtol=0, atol=1e-8)


def test_likelihood_ratio_with_late_entry() -> None:
    # Exact: conditional binomials: row 1 (0, 7], row 2 free at 14, rows 3 and 4 enter on day 7, events in (7, 14] and none. On
    # day 7 only rows 1 and 2 speak: 1 of 2. Rows 2-4 are given survival of day 7.
    fit = turnbull([0, 14, 7, 14], [7, INF, 14, INF], entry=[0, 0, 7, 7])
    alone = turnbull([0, 7], [7, INF])
    np.testing.assert_allclose(fit.likelihood_ratio_limits(1, 7), alone.likelihood_ratio_limits(1, 7), rtol=0, atol=1e-7)


def test_likelihood_ratio_refuses_days_beyond_follow_up() -> None:
    # Exact.
    with pytest.raises(EstimationRefused, match="beyond the last follow-up"):
        turnbull([0, 7], [7, INF]).likelihood_ratio_limits(1, 8)
