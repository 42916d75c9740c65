"""Batched curves against the single estimators on the same weights, and by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, kaplan_meier, restricted_mean, restricted_mean_time_lost
from tendon_outcomes.estimators.resampling.curves import between_groups, curve_statistic

DAYS, HORIZONS = [2.0, 4.0, 5.5], [3.0, 5.5]


def test_six_runners_by_hand() -> None:
    # Exact: events on days 1, 3, 4 (two), censored on 2 and 6: S = 5/6, 5/6 * 3/4, 5/6 * 3/4 * 1/3.
    statistic = curve_statistic([1, 2, 3, 4, 4, 6], [1, 0, 1, 1, 1, 0], days=[1, 3, 4], horizons=[5])
    area = 1 + 2 * Fraction(5, 6) + Fraction(5, 8) + Fraction(5, 24)
    expected = [Fraction(5, 6), Fraction(5, 8), Fraction(5, 24), area]
    np.testing.assert_allclose(statistic(np.ones((1, 6)))[0], [float(v) for v in expected], atol=1e-14)
    # Without the first runner and with the third twice: 5 rows at risk on day 3 of which 2 fail, then 3 of which 2.
    np.testing.assert_allclose(statistic(np.array([[0.0, 1, 2, 1, 1, 1]]))[0, :3], [1, 3 / 5, 1 / 5], atol=1e-14)


@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize("unit", [1.0, 1 / 7, 1 / 365.25])
def test_single_estimators_on_the_same_weights(delayed: bool, unit: float) -> None:
    # Exact: the same estimators, to 1e-10 as promised.
    rng = np.random.default_rng(5)
    n = 60
    time, cause = rng.integers(1, 10, n), rng.integers(0, 3, n)
    time[:3] = 9
    entry = np.minimum(rng.integers(0, 6, n), time - 1) * unit if delayed else None
    weights = np.vstack([np.ones(n), rng.integers(0, 4, (3, n)), 3 * rng.random((2, n))])
    weights[:, 0] += 0.5
    days, horizons = np.array(DAYS) * unit, np.array(HORIZONS) * unit
    km = curve_statistic(time * unit, cause, entry=entry, days=days, horizons=horizons)
    aj = curve_statistic(time * unit, cause, entry=entry, days=days, horizons=horizons, incidence=True)
    for row, ours, errors, both in zip(weights, km(weights), km.std_error(weights), aj(weights), strict=True):
        curve = kaplan_meier(time * unit, cause > 0, entry=entry, weight=row, robust=False)
        means = [restricted_mean(curve, horizon=h) for h in horizons]
        np.testing.assert_allclose(ours, [*curve.at(days).estimate, *(m.estimate for m in means)], atol=1e-10)
        np.testing.assert_allclose(errors, [*curve.at(days).std_error, *(m.std_error for m in means)], atol=1e-10)
        fit = aalen_johansen(time * unit, cause, entry=entry, weight=row)
        lost = [[restricted_mean_time_lost(fit, k, horizon=h).estimate for h in horizons] for k in (1, 2)]
        expected = np.concatenate([[*fit.at(k, days).estimate, *lost[k - 1]] for k in (1, 2)])
        np.testing.assert_allclose(both, expected, atol=1e-10)


def test_groups_are_separate_curves_and_their_differences() -> None:
    # Exact.
    rng = np.random.default_rng(2)
    time, event, arm = rng.integers(1, 9, 50), rng.random(50) < 0.7, np.where(rng.random(50) < 0.5, "loading", "stretching")
    time[:6] = 9
    statistic = curve_statistic(time, event, group=arm, days=[4], horizons=[6])
    weights = rng.integers(0, 3, (4, 50)).astype(float)
    weights[:, :6] += 1
    ours = statistic(weights)
    assert statistic.names[0] == "loading: survival at 4"
    for j, label in enumerate(("loading", "stretching")):
        own = curve_statistic(time[arm == label], event[arm == label], days=[4], horizons=[6])
        np.testing.assert_allclose(ours[:, 2 * j : 2 * j + 2], own(weights[:, arm == label]), atol=1e-12)
    difference = between_groups(statistic, "stretching", "loading")
    np.testing.assert_allclose(difference(weights), ours[:, 2:] - ours[:, :2], atol=1e-14)
    assert difference.names == ("stretching - loading: survival at 4", "stretching - loading: restricted mean to 6")


def test_sampling_weights_multiply() -> None:
    # Exact.
    time, event, own = np.array([1, 2, 3, 5, 5]), np.array([1, 1, 0, 1, 0]), np.array([0.5, 2.0, 1.0, 1.5, 3.0])
    plain = curve_statistic(time, event, days=[4])
    copies = np.array([[1.0, 0, 2, 1, 1]])
    np.testing.assert_allclose(curve_statistic(time, event, days=[4], weight=own)(copies), plain(copies * own), atol=1e-15)


def test_a_replicate_that_reaches_no_asked_day_has_no_number() -> None:
    # Exact: without the runner of day 9 nobody is followed to day 8 and the curve has not ended; with only failures it has.
    statistic = curve_statistic([1, 3, 9], [1, 0, 0], days=[8])
    np.testing.assert_array_equal(
        np.isnan(statistic(np.array([[1.0, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]])))[:, 0], [0, 1, 0, 1]
    )


def test_refuses_what_has_no_estimate() -> None:
    # Exact: questions that the sample does not answer.
    with pytest.raises(EstimationRefused, match="nobody was followed so far: survival at 10"):
        curve_statistic([1, 3, 9], [1, 0, 0], days=[8, 10])
    with pytest.raises(EstimationRefused, match="neither days nor horizons"):
        curve_statistic([1, 3, 9], [1, 0, 0])
    with pytest.raises(EstimationRefused, match="no quick standard error"):
        curve_statistic([1, 3, 9], [1, 0, 0], days=[1], incidence=True).std_error(np.ones((1, 3)))
    with pytest.raises(EstimationRefused, match="no group left"):
        between_groups(curve_statistic([1, 3], [1, 0], days=[1], group=["a", "b"]), "left", "a")
