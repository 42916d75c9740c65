"""Simultaneous bands: their critical values, their widths, and how often they hold."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.band_critical_values import equal_precision_value, hall_wellner_value
from tendon_outcomes.estimators.curves.bands import simultaneous_band
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier


def kolmogorov(x: float) -> float:
    return 1.0 - 2.0 * sum((-1) ** (j - 1) * np.exp(-2.0 * j * j * x * x) for j in range(1, 40))


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
def test_a_hall_wellner_band_over_everything_is_kolmogorov(level: float) -> None:
    # Exact: sup |W0| over [0, 1] has Kolmogorov's distribution.
    assert kolmogorov(hall_wellner_value(0.0, 1.0, level)) == pytest.approx(level, abs=1e-10)


def test_published_coefficients() -> None:
    # Published: Klein & Moeschberger (2003), example 4.2: 1.3211 for a_L = 0.1, a_U = 0.6 at 95 % (tables computed to 4 figures);
    # their 2.8826 for equal precision is Nair's approximation 4 phi(c)/c + phi(c)(c - 1/c) log(odds ratio) = 0.05.
    assert hall_wellner_value(0.1, 0.6, 0.95) == pytest.approx(1.3211, abs=5e-5)
    c = equal_precision_value(0.1, 0.6, 0.95)
    assert c == pytest.approx(2.8826, abs=6e-3)
    density = np.exp(-c * c / 2) / np.sqrt(2 * np.pi)
    approximated = 4 * density / c + density * (c - 1 / c) * np.log(0.6 * 0.9 / (0.1 * 0.4))
    assert approximated == pytest.approx(0.05, abs=1e-3)


def test_critical_values_against_a_discretised_bridge() -> None:
    # Known truth by simulation: 4,000 Brownian bridges at 1,000 points; Monte Carlo error 0.35 points, and the discrete maximum
    # is smaller than the continuous one, by up to 1 point.
    rng = np.random.default_rng(8)
    u = np.arange(1, 1000) / 1000
    inside = (u >= 0.2) & (u <= 0.7)
    c, k = equal_precision_value(0.2, 0.7, 0.9), hall_wellner_value(0.2, 0.7, 0.9)
    held = np.zeros(2)
    for _ in range(4):
        walk = np.cumsum(rng.standard_normal((1000, 1000)) / np.sqrt(1000), axis=1)
        bridge = np.abs(walk[:, :-1] - u * walk[:, -1:])[:, inside]
        scaled = bridge / np.sqrt(u * (1 - u))[inside]
        held += (scaled.max(axis=1) <= c).sum(), (bridge.max(axis=1) <= k).sum()
    assert 0.89 <= held[0] / 4000 <= 0.925
    assert 0.89 <= held[1] / 4000 <= 0.925


def test_values_are_ordered() -> None:
    # Exact: a longer range and a higher level reach farther; one day alone is the normal quantile.
    ends = [equal_precision_value(0.2, end, 0.95) for end in (0.2001, 0.3, 0.5, 0.9)]
    assert ends == sorted(ends)
    assert 1.96 < ends[0] < 2.0
    levels = [hall_wellner_value(0.1, 0.9, level) for level in (0.5, 0.8, 0.95, 0.99)]
    assert levels == sorted(levels)


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    event, lost = rng.exponential(50, n), rng.exponential(120, n)
    return np.ceil(np.minimum(event, lost)), event <= lost


def test_a_band_is_the_curve_and_a_stretched_interval() -> None:
    # Exact formula: plain limits S -+ c se, and Hall-Wellner's k (1 + n s^2) S/sqrt(n); steps as the curve has them.
    time, event = sample(150, 2)
    curve = kaplan_meier(time, event)
    equal = simultaneous_band(curve, from_day=10, to_day=60, scale="plain")
    hall = simultaneous_band(curve, from_day=10, to_day=60, scale="plain", kind="hall-wellner")
    at = curve.at(equal.time)
    np.testing.assert_allclose(equal.conf_high - at.estimate, equal.critical_value * at.std_error, rtol=0, atol=1e-12)
    spread = 150 * (at.std_error / at.estimate) ** 2
    width = hall.critical_value * (1 + spread) * at.estimate / np.sqrt(150)
    np.testing.assert_allclose(at.estimate - hall.conf_low, width, rtol=0, atol=1e-12)
    assert equal.time[0] == 10.0
    np.testing.assert_array_equal(equal.at([10, 33.5, 60]).estimate, curve.at([10, 33.5, 60]).estimate)
    assert (equal.conf_low < curve.at(equal.time).conf_low).all()


def test_multipliers_find_the_asymptotic_value() -> None:
    # Known truth: without weights the resampled critical value is that of the bridge at the curve's own days, a little smaller;
    # Monte Carlo error about 0.02.
    time, event = sample(400, 4)
    asymptotic = simultaneous_band(kaplan_meier(time, event), from_day=10, to_day=60)
    drawn = simultaneous_band(
        kaplan_meier(time, event, robust=True), from_day=10, to_day=60, rng=np.random.default_rng(1), replicates=20_000
    )
    assert (asymptotic.method, drawn.method) == ("asymptotic", "multiplier")
    assert asymptotic.critical_value - 0.15 < drawn.critical_value < asymptotic.critical_value + 0.03


def test_the_same_generator_gives_the_same_band() -> None:
    # Exact: randomness comes from the argument alone, and the global state is left as it was.
    time, event = sample(80, 5)
    fit = aalen_johansen(time, event * 1, cluster=np.arange(80) // 2)
    before = np.random.get_state()[1].copy()  # type: ignore[union-attr, index]
    one, two = (
        simultaneous_band(fit, cause=1, from_day=5, to_day=50, rng=np.random.default_rng(3), replicates=1000) for _ in range(2)
    )
    assert one.critical_value == two.critical_value
    assert (np.random.get_state()[1] == before).all()  # type: ignore[union-attr, index]


def test_bands_hold() -> None:
    # Known truth by simulation: S(t) = exp(-t/50) over days 10 to 60, 200 samples of 150; Monte Carlo error 1.5 points, so a band
    # is held to 95 % less three of them.
    day, held = np.arange(10.0, 61.0), np.zeros(3)
    rng = np.random.default_rng(7)
    for seed in range(200):
        time, event = sample(150, 1000 + seed)
        truth = np.exp(-day / 50)
        cause = np.where(event, 1 + (rng.random(150) < 0.4), 0)
        fits = (
            (simultaneous_band(kaplan_meier(time, event), from_day=10, to_day=60), truth),
            (simultaneous_band(kaplan_meier(time, event), from_day=10, to_day=60, kind="hall-wellner"), truth),
            (
                simultaneous_band(aalen_johansen(time, cause), cause=1, from_day=10, to_day=60, rng=rng, replicates=1000),
                0.6 * (1 - truth),
            ),
        )
        for k, (band, true) in enumerate(fits):
            at = band.at(day)
            held[k] += ((at.conf_low <= true) & (true <= at.conf_high)).all()
    assert (held / 200 >= 0.95 - 3 * 0.0154).all()


def test_refuses_what_has_no_band() -> None:
    # Exact: one breach each.
    curve = kaplan_meier([1, 2, 3, 4, 6], [0, 1, 1, 0, 1])
    weighted = kaplan_meier([1, 2, 3, 4, 6], [0, 1, 1, 0, 1], weight=[1, 0.5, 1, 1, 1])
    fit = aalen_johansen([1, 2, 3, 4, 6], [0, 1, 2, 0, 1])
    aalen = aalen_johansen([1, 2, 3, 4, 6], [0, 1, 2, 0, 1], variance="aalen")
    rng = np.random.default_rng(1)
    for call, says in (
        (lambda: simultaneous_band(curve, from_day=1, to_day=4), "can be given from day 2 to day 4"),
        (lambda: simultaneous_band(curve, from_day=2, to_day=6), "from day 2 to day 4"),
        (lambda: simultaneous_band(curve, from_day=2, to_day=7), "after the last follow-up"),
        (lambda: simultaneous_band(curve, from_day=4, to_day=2), "before `to_day`"),
        (lambda: simultaneous_band(curve, from_day=2, to_day=4, kind="nair"), "equal-precision or hall"),
        (lambda: simultaneous_band(curve, from_day=2, to_day=4, scale="arcsine"), "one of plain"),
        (lambda: simultaneous_band(curve, from_day=2, to_day=4, cause=1), "has none"),
        (lambda: simultaneous_band(curve, from_day=2, to_day=4).at(5), "1 of 1 days lie outside"),
        (lambda: simultaneous_band(weighted, from_day=2, to_day=4), "needs a random generator"),
        (lambda: simultaneous_band(weighted, from_day=2, to_day=4, kind="hall-wellner"), "independent rows"),
        (lambda: simultaneous_band(weighted, from_day=2, to_day=4, rng=rng, replicates=10), "too few"),
        (lambda: simultaneous_band(fit, from_day=2, to_day=4), "needs `cause`"),
        (lambda: simultaneous_band(fit, from_day=2, to_day=4, cause=1, kind="hall-wellner"), "Kaplan-Meier curve"),
        (lambda: simultaneous_band(aalen, from_day=2, to_day=4, cause=1, rng=rng), "jackknife variance"),
        (lambda: hall_wellner_value(0.5, 0.2, 0.95), "start before its end"),
        (lambda: equal_precision_value(0.0, 0.2, 0.95), "strictly inside"),
    ):
        with pytest.raises(EstimationRefused, match=says):
            call()
