"""Selection by frailty: the closed form, likelihoods that can be written down, unbounded rates, and the tipping variance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from tendon_outcomes.estimators.regression.frailty.likelihood import FrailtyLikelihood
from tendon_outcomes.estimators.regression.frailty.oracle import frailty_hazard_ratio
from tendon_outcomes.estimators.regression.frailty.sample import prevalent_sample
from tendon_outcomes.estimators.regression.frailty.selection import frailty_selection
from tendon_outcomes.estimators.regression.parametric.newton import climb
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog

INF = np.inf


class Clinic(NamedTuple):
    left: np.ndarray
    right: np.ndarray
    cause: np.ndarray
    duration: np.ndarray


def two_durations(recovered: tuple[int, int], of: tuple[int, int], weeks: tuple[float, float] = (6.0, 24.0)) -> Clinic:
    """One look on day 28; so many of each duration have recovered by then."""
    event = np.concatenate([np.arange(n) < r for r, n in zip(recovered, of, strict=True)])
    duration = np.repeat(weeks, of)
    return Clinic(np.where(event, 0.0, 28.0), np.where(event, 28.0, INF), event.astype(int), duration)


def drawn(seed: int, n: int = 300, *, variance: float = 1.0, per_doubling: float = 0.0, rate: float = 1 / 20) -> Clinic:
    """Runners still ill after a lognormal duration, looked at every two weeks until week 26; weeks are those of domain.md §4d."""
    rng = np.random.default_rng(seed)
    weeks = np.exp(rng.normal(np.log(19.6), 1.05, 40 * n))
    frailty = rng.gamma(1 / variance, variance, weeks.size) if variance else np.ones(weeks.size)
    here = np.flatnonzero(rng.exponential(size=weeks.size) > frailty * rate * weeks)[:n]
    hazard = frailty[here] * rate * 2.0 ** (per_doubling * np.log2(weeks[here] / 20.0))
    look = 14.0 * np.ceil(7.0 * rng.exponential(1.0 / hazard) / 14.0)
    seen = look <= 182
    return Clinic(np.where(seen, look - 14, 182.0), np.where(seen, look, INF), seen.astype(int), weeks[here])


def test_the_published_oracle() -> None:
    # Published: domain.md §4d, 0.361 for 52 against 6 weeks at variance 1 and 1 in 20 weeks: (1 + 0.3) / (1 + 2.6) = 13 / 36.
    assert frailty_hazard_ratio(1.0, 1 / 20, 6, 52) == pytest.approx(13 / 36, abs=1e-15)
    assert round(frailty_hazard_ratio(1.0, 1 / 20, 6, 52), 3) == 0.361
    assert frailty_hazard_ratio(0.0, 1 / 20, 6, 52) == 1.0


def test_without_frailty_two_durations_and_one_look() -> None:
    # Exact: the ratio of -log(1 - share) of the two; delta method from the binomial variances.
    sample = two_durations((30, 15), (60, 60))
    fit = frailty_selection(*sample, pieces=(), variances=(0.0,), compared=(6, 24))
    total = -np.log1p(-np.array([0.5, 0.25]))
    assert fit.estimate[0] == pytest.approx(total[1] / total[0], abs=1e-9)
    variance = np.array([0.5 / 0.5, 0.25 / 0.75]) / 60 / total**2
    assert fit.std_error[0] / fit.estimate[0] == pytest.approx(np.sqrt(variance.sum()), abs=1e-9)
    # Exact: one straight line in log2(duration) goes through both; its middle is the geometric mean of 6 and 24 weeks.
    assert fit.reference == pytest.approx(12.0, abs=1e-12)
    assert fit.rate[0, 0] * 28 == pytest.approx(np.sqrt(total.prod()), abs=1e-9)


@pytest.mark.parametrize("before", [1.0, 0.5])
def test_with_frailty_two_durations_and_one_look(before: float) -> None:
    # Exact: with h the hazard summed over 28 days at 12 weeks and variance 1, still ill = (1 + L_s) / (1 + L_s + h c_s),
    # L_s = before * h * s / 4, c_s the factor of the duration: c_s = (1 + L_s) odds_s / h, and c_6 c_24 = 1.
    sample = two_durations((12, 8), (60, 60))
    fit = frailty_selection(*sample, pieces=(), variances=(1.0,), compared=(6, 24), before=before)
    odds = np.array([12 / 48, 8 / 52])
    h = fit.rate[0, 0] * 28.0
    factors = (1.0 + before * h * np.array([1.5, 6.0])) * odds / h
    assert factors.prod() == pytest.approx(1.0, abs=1e-8)
    assert fit.estimate[0] == pytest.approx(factors[1] / factors[0], abs=1e-8)


def test_selection_alone_is_undone_at_its_own_variance() -> None:
    # Exact: shares that the model has with c = 1, variance 1 and h = 0.2 a look: (1 + L) / (1 + L + h), L = 0.3 and 1.2.
    share = 0.2 / (1.0 + np.array([0.3, 1.2]) + 0.2)  # 2/15 and 1/12
    np.testing.assert_allclose(share, [2 / 15, 1 / 12], rtol=0, atol=1e-15)
    fit = frailty_selection(*two_durations((16, 10), (120, 120)), pieces=(), compared=(6, 24), variances=(0.0, 1.0, 2.0))
    np.testing.assert_allclose(fit.estimate[1], 1.0, rtol=0, atol=1e-9)
    assert fit.estimate[0] < 1.0 < fit.estimate[2]
    assert fit.tipping == pytest.approx(1.0, abs=1e-5)
    assert fit.explained
    between = frailty_selection(*two_durations((16, 10), (120, 120)), pieces=(), compared=(6, 24), variances=(0.0, 0.7, 2.0))
    assert between.tipping == pytest.approx(1.0, abs=1e-5)


def test_rates_without_bound() -> None:
    # Exact: L_s = h s / 4, so that in the limit of large h still ill = (1 + v c_s h / (v L_s))^(-1/v) = (1 + 4 c_s / s)^(-1/2) at
    # variance 2, c_6 = exp(-b), c_24 = exp(b); b by a grid. 48 and 40 of 60 are more than any finite h explains.
    fit = frailty_selection(*two_durations((48, 40), (60, 60)), pieces=(), variances=(2.0,), compared=(6, 24))
    assert fit.unbounded.tolist() == [True]
    assert np.isinf(fit.rate).all()
    b = np.linspace(-1.0, 4.0, 500_001)
    ill = ((1.0 + 4.0 * np.exp(-b) / 6.0) ** -0.5, (1.0 + 4.0 * np.exp(b) / 24.0) ** -0.5)
    value = 48 * np.log1p(-ill[0]) + 12 * np.log(ill[0]) + 40 * np.log1p(-ill[1]) + 20 * np.log(ill[1])
    assert np.log(fit.estimate[0]) == pytest.approx(2.0 * b[np.argmax(value)], abs=4e-5)
    assert fit.log_likelihood[0] == pytest.approx(value.max(), abs=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_unbounded_rates_are_the_best_there_are(seed: int) -> None:
    # Simulation of a claim: where the limit was taken no finite rates are likelier, from any start; where it was not, it is less.
    sample = drawn(seed, 80, variance=0.5, rate=1 / 8)
    fit = frailty_selection(*sample, pieces=(28.0, 84.0), variances=(2.0, 4.0))
    for i, variance in enumerate(fit.variances):
        prepared = prevalent_sample(*sample, None, names=None, pieces=(28.0, 84.0), before=1.0)
        finite = FrailtyLikelihood(variance, prepared.early, prepared.free, prepared.seen, prepared.recovered, prepared.z)
        for level in (-7.0, -4.0, -1.0, 3.0):
            for slope in (-0.5, 0.5):
                start = np.append(np.full(finite.pieces, level), slope)
                value = finite.evaluate(climb(finite.evaluate, start, what="the fit").at)[0]
                assert value <= fit.log_likelihood[i] + 1e-7
        if not fit.unbounded[i]:
            limit = climb(finite.without_bound.evaluate, np.zeros(finite.pieces), what="the limit")
            assert limit.value < fit.log_likelihood[i]


def test_pieces_that_are_visits_are_grouped_hazards() -> None:
    # Exact: without frailty and with a piece for every cell the likelihood is that of pooled_cloglog.
    left, right, cause, weeks = drawn(1, 900)
    days = np.arange(14.0, 183.0, 14.0)
    ours = frailty_selection(left, right, cause, weeks, pieces=days[:-1], variances=(0.0,))
    assert len(ours.pieces) == 13
    theirs = pooled_cloglog(left, right, cause, np.log2(weeks), grid=days)
    assert ours.coefficients[0].estimate[0] == pytest.approx(theirs.coefficients.estimate[0], abs=1e-9)
    assert ours.coefficients[0].std_error[0] == pytest.approx(theirs.coefficients.std_error[0], abs=1e-9)
    assert ours.log_likelihood[0] == pytest.approx(theirs.log_likelihood, abs=1e-9)


def test_pieces_with_few_recoveries_are_joined() -> None:
    # Exact: nobody recovers in the second piece, which joins the third, and two in the last, which joins the one before.
    left, right, cause, weeks = drawn(2, 120)
    few = (left >= 28) & (left < 70) & (cause == 1)
    late = np.flatnonzero((left >= 112) & (cause == 1))[2:]
    kept = np.setdiff1d(np.arange(left.size), [*np.flatnonzero(few), *late])
    fit = frailty_selection(left[kept], right[kept], cause[kept], weeks[kept], pieces=(28, 70, 112), variances=(0, 1))
    assert fit.pieces == (0.0, 28.0)
    assert fit.rate.shape == (2, 2)


def test_a_competing_event_ends_follow_up_at_the_last_look() -> None:
    # Exact: a row with a competing event on day 50 after a look on day 42 says as much as one censored on day 42.
    left, right, cause, weeks = drawn(3, 120)
    out = np.arange(0, 120, 7)
    left[out], right[out], cause[out] = 42.0, INF, 0
    censored = frailty_selection(left, right, cause, weeks, pieces=(28.0,))
    right[out], cause[out] = 50.0, 2
    competing = frailty_selection(left, right, cause, weeks, pieces=(28.0,))
    np.testing.assert_array_equal(competing.estimate, censored.estimate)
    # Without a known last look: the day before.
    left[out] = np.nan
    unknown = frailty_selection(left, right, cause, weeks, pieces=(28.0,))
    left[out] = 49.0
    np.testing.assert_array_equal(unknown.estimate, frailty_selection(left, right, cause, weeks, pieces=(28.0,)).estimate)


def test_two_sides_of_a_patient_that_say_the_same() -> None:
    # Exact: each row twice in one cluster has the robust error of the rows once, each its own cluster.
    sample = drawn(4, 150)
    once = frailty_selection(*sample, pieces=(56.0,), cluster=np.arange(150))
    twice = frailty_selection(*(np.tile(one, 2) for one in sample), pieces=(56.0,), cluster=np.tile(np.arange(150), 2))
    np.testing.assert_allclose(twice.estimate, once.estimate, rtol=1e-8)
    np.testing.assert_allclose(twice.std_error, once.std_error, rtol=1e-7)
    plain = frailty_selection(*sample, pieces=(56.0,))
    assert once.coefficients[0].robust
    assert not plain.coefficients[0].robust
    assert (plain.std_error != once.std_error).all()


def test_an_effect_that_selection_does_not_explain() -> None:
    # Simulation, one seed: a doubling halves the hazard and people do not differ; at variance 0.5 the ratio still excludes 1.
    fit = frailty_selection(*drawn(5, 400, variance=0.0, per_doubling=-1.0), pieces=(28, 84), variances=(0.0, 0.1, 0.25))
    assert fit.tipping is None
    assert not fit.explained
    assert (fit.conf_high < 1.0).all()
    # Exact: at variance 0 the truth is 2^-log2(52/6) = 6/52, which the limits hold.
    assert fit.conf_low[0] <= 6 / 52 <= fit.conf_high[0]


def test_a_covariate_that_tells_the_frail_apart() -> None:
    # Simulation, one seed: half recover six times as fast, and the covariate says who. Given it, nobody differs: ratio 1 at 0.
    rng = np.random.default_rng(6)
    weeks, fast = np.exp(rng.normal(np.log(19.6), 1.05, 40_000)), rng.integers(0, 2, 40_000)
    hazard = 0.02 * 6.0**fast
    here = np.flatnonzero(rng.exponential(size=weeks.size) > hazard * weeks)[:1500]
    look = 14.0 * np.ceil(rng.exponential(7.0 / hazard[here]) / 14.0)
    seen = look <= 182
    rows = (np.where(seen, look - 14, 182.0), np.where(seen, look, INF), seen.astype(int), weeks[here])
    without, given = (
        frailty_selection(*rows, x, names=names, pieces=(56.0,), variances=(0.0,))
        for x, names in ((None, None), (fast[here], ("fast",)))
    )
    assert without.conf_high[0] < 1.0
    assert given.conf_low[0] < 1.0 < given.conf_high[0]
    assert given.names == ("log2(duration)", "fast")
    low, high = given.coefficients[0].conf_low[1], given.coefficients[0].conf_high[1]
    assert low < np.log(6.0) < high
