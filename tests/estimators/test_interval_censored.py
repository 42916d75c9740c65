"""The interval-censored estimate by hand, against dated data, and against the optimality conditions from their definition."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators import (
    aalen_johansen,
    clopper_pearson,
    interval_censored_incidence,
    kaplan_meier,
    restricted_mean,
    restricted_mean_time_lost,
    turnbull,
)
from tendon_outcomes.estimators.interval_censored.npmle import constrained_inverse
from tendon_outcomes.estimators.interval_censored.simplex import RangeMixture, maximise
from tendon_outcomes.estimators.interval_censored.support import candidate_cells, checked_sample, mixture_of
from tests.estimators import slow

INF = np.inf


def random_sample(seed: int, n: int, *, weeks: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weekly looks, many missed; two dated competing causes; from a seed of the test."""
    rng = np.random.default_rng(seed)
    left, right, cause = np.zeros(n), np.full(n, INF), np.zeros(n, dtype=int)
    for i in range(n):
        looks = np.flatnonzero(rng.random(weeks) < 0.5) * 7.0 + 7.0
        event, other = rng.weibull(1.3) * 45.0, np.ceil(rng.exponential(120.0))
        last = looks[-1] if looks.size else 0.0
        if other < event and other <= last:
            right[i], cause[i] = other, rng.integers(2, 4)
        elif event <= last:
            right[i], cause[i] = looks[looks >= event][0], 1
            left[i] = max([0.0, *looks[looks < event]])
        else:
            left[i] = last
    return left, right, cause


def test_turnbull_by_hand() -> None:
    # Exact: {2}, {3} five times, (1, 3] five times. Likelihood a b^5 with a + b = 1: a = 1/6, so S(2) = 5/6 (2.5 lies in (2, 3]).
    fit = turnbull([1] + [2] * 5 + [1] * 5, [2] + [3] * 5 + [3] * 5)
    assert fit.support_left.tolist() == [1, 2]
    assert fit.support_right.tolist() == [2, 3]
    np.testing.assert_allclose(fit.mass, [1 / 6, 5 / 6], rtol=0, atol=1e-12)
    assert 1 - fit.bounds(1, 2).lower == pytest.approx(5 / 6, abs=1e-12)
    assert 1 - fit.bounds(1, 2.5).lower == pytest.approx(5 / 6, abs=1e-12)
    assert fit.log_likelihood == pytest.approx(np.log(1 / 6) + 5 * np.log(5 / 6), abs=1e-12)
    # Six informative rows and a binomial likelihood: variance (1/6)(5/6)/6.
    assert fit.lower(1, 2).std_error ** 2 == pytest.approx(1 / 6 * 5 / 6 / 6, abs=1e-12)


def test_half_open_intervals_do_not_touch() -> None:
    # Exact: (0, 14] and (14, 28] share no day, so each keeps its half; closed intervals would put everything on day 14.
    fit = turnbull([0, 14], [14, 28])
    np.testing.assert_allclose(fit.mass, [0.5, 0.5], rtol=0, atol=1e-12)
    assert fit.bounds(1, 7) == (0.0, 0.5)
    assert fit.bounds(1, 14) == (0.5, 0.5)
    assert fit.bounds(1, 20) == (0.5, 1.0)


def test_two_causes_by_hand() -> None:
    # Exact: two of four rows recover in (0, 7], one is censored free of every cause at 7, one has cause 2 on day 10. The censored
    # row allows only that day: masses 1/2 and 1/2.
    fit = interval_censored_incidence([0, 0, 7, 0], [7, 7, INF, 10], [1, 1, 0, 2])
    assert fit.support_cause.tolist() == [1, 2]
    assert fit.support_left.tolist() == [0, 9]
    np.testing.assert_allclose(fit.mass, [0.5, 0.5], rtol=0, atol=1e-12)
    assert fit.bounds(2, 9) == (0.0, 0.0)
    assert fit.bounds(2, 10) == (0.5, 0.5)
    assert fit.last_follow_up == INF


def test_open_tail_belongs_to_no_cause() -> None:
    # Exact: one of two recovers in (0, 7], the other is free of everything at 14: half the mass lies beyond, of unknown cause.
    fit = interval_censored_incidence([0, 14], [7, INF], [1, 0])
    assert fit.support_cause.tolist() == [1, 0]
    assert fit.support_right.tolist() == [7, INF]
    assert fit.bounds(1, 14) == (0.5, 0.5)
    assert fit.bounds(1, 15) == (0.5, 1.0)
    assert fit.last_follow_up == 14
    assert fit.quantile(1, 0.9).by == INF


@pytest.mark.parametrize("weighted", [False, True])
def test_dated_data_give_aalen_johansen_with_its_standard_errors(weighted: bool) -> None:
    # Exact identity: with every event on its day the observed information is the multinomial delta method.
    rng = np.random.default_rng(7)
    time, cause = rng.integers(1, 13, 120), rng.choice([0, 1, 2], size=120, p=[0.3, 0.5, 0.2])
    weight = np.round(rng.random(120) + 0.1, 2) if weighted else None
    curves = aalen_johansen(time, cause, weight=weight)
    fit = interval_censored_incidence(np.where(cause == 0, time, time - 1), np.where(cause == 0, INF, time), cause, weight=weight)
    days = np.arange(1, 13)
    for k in (1, 2):
        theirs, lower, upper = curves.at(k, days), fit.lower(k, days), fit.upper(k, days)
        np.testing.assert_allclose(lower.estimate, theirs.estimate, rtol=0, atol=1e-10)
        np.testing.assert_allclose(lower.std_error, theirs.std_error, rtol=0, atol=1e-10)
        np.testing.assert_allclose(upper.estimate, theirs.estimate, rtol=0, atol=1e-10)
        lost, area = fit.restricted_mean_time_lost(k, 11).lower, restricted_mean_time_lost(curves, k, horizon=11)
        assert lost.estimate == pytest.approx(area.estimate, abs=1e-10)
        assert lost.std_error == pytest.approx(area.std_error, abs=1e-10)


def test_dated_data_of_one_cause_give_kaplan_meier_and_greenwood() -> None:
    # Exact identity.
    time, event = np.array([2, 3, 3, 5, 6, 7, 7, 9]), np.array([1, 1, 0, 1, 0, 1, 0, 0])
    curve = kaplan_meier(time, event)
    fit = turnbull(np.where(event, time - 1, time), np.where(event, time, INF))
    np.testing.assert_allclose(1 - fit.lower(1, time).estimate, curve.at(time).estimate, rtol=0, atol=1e-10)
    np.testing.assert_allclose(fit.lower(1, time).std_error, curve.at(time).std_error, rtol=0, atol=1e-10)
    saved = restricted_mean(curve, horizon=8)
    assert 8 - fit.restricted_mean_time_lost(1, 8).lower.estimate == pytest.approx(saved.estimate, abs=1e-10)


@pytest.mark.parametrize("seed", range(8))
def test_optimality_over_every_day_and_cause(seed: int) -> None:
    # Exact conditions (Gentleman & Geyer 1994): no cell of any day and cause, innermost or not, would gain from mass.
    left, right, cause = random_sample(seed, 60)
    weight = np.round(0.2 + np.random.default_rng(seed).random(60), 2) if seed % 2 else np.ones(60)
    fit = interval_censored_incidence(left, right, cause, weight=weight)
    matrix, cells = slow.allowed_cells(left, right, cause, last_day=60)
    mass = np.zeros(len(cells))
    for end, of, p in zip(fit.support_right, fit.support_cause, fit.mass, strict=True):
        mass[cells.index((int(end), int(of))) if of else -1] += p
    assert mass.sum() == pytest.approx(1.0, abs=1e-12)
    assert slow.optimality_gap(matrix, weight, mass) <= 1e-8
    assert fit.kkt_residual <= 1e-8


def test_plain_em_climbs_to_the_same_likelihood() -> None:
    # Reference: textbook EM over one cell a day and cause, 20,000 sweeps; it stays below by what EM leaves.
    left, right, cause = random_sample(3, 80)
    fit = interval_censored_incidence(left, right, cause)
    matrix, cells = slow.allowed_cells(left, right, cause, last_day=60)
    mass = slow.plain_em(matrix, np.ones(80), sweeps=20_000)
    reached = float(np.log(matrix @ mass).sum())
    assert reached == pytest.approx(fit.log_likelihood, abs=1e-6)
    assert reached <= fit.log_likelihood + 1e-10
    for day in (14, 28, 56):  # week ends that no cell spans, so the incidence is unique there
        em = sum(m for m, (end, of) in zip(mass, cells, strict=True) if of == 1 and end <= day)
        assert fit.bounds(1, day).lower == pytest.approx(em, abs=1e-4)


@pytest.mark.parametrize("n", [1, 2, 5, 50, 500, 10_000])
def test_converges_for_every_size_on_continuous_visits(n: int) -> None:
    # Exact condition: the optimality residual, to 1e-8, with cells up to several thousand.
    rng = np.random.default_rng(n)
    visits = np.sort(rng.uniform(0, 250, (n, 4)), axis=1)
    event = rng.weibull(1.3, n) * 100
    edges = np.hstack((np.zeros((n, 1)), visits, np.full((n, 1), INF)))
    seen = (visits < event[:, None]).sum(axis=1)
    fit = turnbull(edges[np.arange(n), seen], edges[np.arange(n), seen + 1])
    assert fit.kkt_residual <= 1e-8
    assert fit.mass.sum() == pytest.approx(1.0, abs=1e-12)


def test_likelihood_never_falls_and_ten_starts_agree() -> None:
    # Exact properties of the solver: every Newton step rises; the maximum does not depend on the start.
    sample = checked_sample(*random_sample(11, 100), None)
    mixture, _ = mixture_of(sample, candidate_cells(sample))
    fit = maximise(mixture, tolerance=1e-8)
    assert min(fit.rises) >= 0.0
    rng = np.random.default_rng(1)
    for _ in range(10):
        other = maximise(mixture, tolerance=1e-8, start=rng.dirichlet(np.ones(mixture.marked.size)) + 1e-9)
        assert other.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-9)
        np.testing.assert_allclose(other.mass, fit.mass, rtol=0, atol=1e-7)


def test_not_converged_is_raised_not_returned() -> None:
    # Exact: no steps allowed, so the conditions cannot hold.
    sample = checked_sample(*random_sample(11, 100), None)
    mixture, _ = mixture_of(sample, candidate_cells(sample))
    with pytest.raises(NotConverged, match="optimality residual"):
        maximise(mixture, tolerance=1e-8, max_iterations=0)


def test_limits_are_complementary_log_log() -> None:
    # Exact formula, on the by-hand fit: F = 1/6, se^2 = 5/216, log S = log(5/6).
    fit = turnbull([1] + [2] * 5 + [1] * 5, [2] + [3] * 10)
    low, high = fit.lower(1, 2).conf_low, fit.lower(1, 2).conf_high
    reach = 1.959963984540054 * np.sqrt(5 / 216) / (5 / 6 * np.log(5 / 6))
    assert low == pytest.approx(1 - (5 / 6) ** np.exp(reach), abs=1e-12)
    assert high == pytest.approx(1 - (5 / 6) ** np.exp(-reach), abs=1e-12)


def test_exact_limits_beside_zero_and_one() -> None:
    # Exact: on day 7 three are free and one may have had it: the limit for 1 of 4. On day 21 all four had it.
    fit = turnbull([7, 14, 14, 0], [14, 21, 21, 14])
    at_7 = fit.lower(1, 7)
    assert (at_7.estimate, at_7.std_error, at_7.conf_low) == (0.0, 0.0, 0.0)
    assert at_7.conf_high == pytest.approx(clopper_pearson(1, 4).conf_high, abs=1e-12)
    at_21 = fit.lower(1, 21)
    assert (at_21.estimate, at_21.conf_high) == (1.0, 1.0)
    assert at_21.conf_low == pytest.approx(clopper_pearson(4, 4).conf_low, abs=1e-12)
    at_0 = fit.upper(1, 0)
    assert (at_0.estimate, at_0.conf_low) == (0.0, 0.0)
    # A row censored at 3 says nothing about day 7; a competing event after day 7 says "free on day 7", one before is left out.
    some = interval_censored_incidence([7, 3, 0, 0], [14, INF, 9, 2], [1, 0, 2, 2]).lower(1, 7)
    assert some.conf_high == pytest.approx(clopper_pearson(0, 2).conf_high, abs=1e-12)
    unknown = turnbull([0, 0], [7, 7]).lower(1, 3)
    assert (unknown.estimate, unknown.conf_low, unknown.conf_high) == (0.0, 0.0, 1.0)
    # At 1, somebody censored earlier may never have had it: the limit for 2 of 3.
    late = turnbull([0, 0, 1], [7, 7, INF]).lower(1, 7)
    assert (late.estimate, late.conf_high) == (1.0, 1.0)
    assert late.conf_low == pytest.approx(clopper_pearson(2, 3).conf_low, abs=1e-12)
    weighted = turnbull([0, 7], [7, 14], weight=[0.5, 1.5]).lower(1, 14)
    assert weighted.conf_low == pytest.approx(0.025, abs=1e-12)  # 4/2.5 = 1.6 effective rows, taken as 1


def test_masses_that_are_not_unique_say_so() -> None:
    # Exact: rows {1,2}, {2,3}, {3,4}, {1,2,3,4} leave p1 - p2 + p3 - p4 free; p1 + p2 is determined, p1 alone is not.
    first, last = np.array([0, 1, 2, 0]), np.array([2, 3, 4, 4])
    mixture = RangeMixture.of(first, last, np.zeros(4, dtype=bool), np.ones(4, dtype=bool), np.ones(4))
    rows = mixture.row_masses(np.full(4, 0.25))
    covariance, nothing = constrained_inverse(mixture.information(np.arange(4), 1.0 / rows**2))
    assert nothing.shape == (4, 1)
    np.testing.assert_allclose(np.abs(nothing[:, 0]), 0.5, rtol=0, atol=1e-9)
    np.testing.assert_allclose(covariance.sum(axis=0), 0.0, rtol=0, atol=1e-9)
    assert abs(np.array([1, 1, 0, 0]) @ nothing[:, 0]) < 1e-9


def test_robust_covariance_is_the_jackknife() -> None:
    # Exact to the error of a numerical derivative (1e-5): sum_i w_i^2 (dF/dw_i)^2 by refitting with one weight moved.
    left, right, cause = random_sample(5, 30)
    weight = np.round(0.3 + np.random.default_rng(5).random(30), 2)
    fit = interval_censored_incidence(left, right, cause, weight=weight)
    total = np.zeros(3)
    for i in range(30):
        moved = [weight.copy(), weight.copy()]
        moved[0][i] += 1e-5
        moved[1][i] -= 1e-5
        up, down = (interval_censored_incidence(left, right, cause, weight=w).lower(1, [14, 28, 49]).estimate for w in moved)
        total += weight[i] ** 2 * ((up - down) / 2e-5) ** 2
    np.testing.assert_allclose(fit.lower(1, [14, 28, 49]).std_error, np.sqrt(total), rtol=1e-5)


def test_whole_number_weights_are_copies() -> None:
    # Exact.
    left, right, cause = random_sample(6, 40)
    copies = np.arange(40) % 3 + 1
    counted = interval_censored_incidence(left, right, cause, weight=copies)
    repeated = interval_censored_incidence(*(np.repeat(a, copies) for a in (left, right, cause)))
    np.testing.assert_allclose(counted.mass, repeated.mass, rtol=0, atol=1e-10)
    for ours, theirs in zip(counted.lower(1, [14, 28]), repeated.lower(1, [14, 28]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)


def test_time_lost_places_events_at_the_end_within_or_at_the_start() -> None:
    # Exact: (0, 10] and (10, 20], half each, horizon 15. Late: 5 * 1/2. Early: 15/2 + 5/2. Evenly: 10/2 + (25/20)/2.
    fit = turnbull([0, 10], [10, 20])
    late, middle, early = fit.restricted_mean_time_lost(1, 15)
    assert late.estimate == pytest.approx(2.5, abs=1e-12)
    assert middle.estimate == pytest.approx(5.625, abs=1e-12)
    assert early.estimate == pytest.approx(10.0, abs=1e-12)
    # Linear in one binomial proportion of two rows: (5 - 0)^2, (10 - 1.25)^2, (15 - 5)^2 times 1/8.
    for mean, slope in ((late, 5.0), (middle, 8.75), (early, 10.0)):
        assert mean.std_error**2 == pytest.approx(slope**2 / 8, abs=1e-10)
    with pytest.raises(EstimationRefused, match="beyond the last follow-up"):
        turnbull([0, 14], [7, INF]).restricted_mean_time_lost(1, 15)


def test_quantile_is_a_bracket() -> None:
    # Exact: masses 1/4, 1/2, 1/4 on weeks 1-3: the median lies in week 2, the first quarter within week 1.
    fit = turnbull([0, 7, 7, 14], [7, 14, 14, 21])
    median = fit.quantile(1, 0.5)
    assert (median.not_before, median.by) == (7, 14)
    assert fit.quantile(1, 0.25)[:2] == (0, 7)
    assert median.conf_low <= 7
    assert median.conf_high >= 14


def test_days_and_weeks_give_the_same_masses() -> None:
    # Exact: a change of unit changes the unit (no dated competing causes, whose day has width 1).
    left, right, cause = random_sample(9, 60)
    kept = cause <= 1
    days = turnbull(left[kept], right[kept])
    weeks = turnbull(left[kept] / 7, right[kept] / 7)
    np.testing.assert_allclose(weeks.mass, days.mass, rtol=0, atol=1e-12)


def test_visit_grid_is_checked_when_given() -> None:
    # Exact: 15 is not a visit day.
    assert turnbull([0, 7], [7, 14], grid=[7, 14]).n == 2
    with pytest.raises(EstimationRefused, match="1 of 2 rows"):
        turnbull([0, 7], [7, 15], grid=[7, 14])
    with pytest.raises(EstimationRefused, match="1 of 2 rows"):
        turnbull([0, 8], [7, INF], grid=[7, 14])


def test_coverage_on_a_visit_grid() -> None:
    # Simulation: 500 samples of 150 with weekly looks, 40 % missed, two competing causes; truth F(28) by the same formula as
    # drawn. Nominal 0.95; Monte Carlo standard error 0.0097; accepted within 3 of them.
    rng = np.random.default_rng(2024)
    rate, other_rate, n, day = 1 / 40, 1 / 160, 150, 28.0
    both = rate + other_rate
    truth = rate / both * (1 - np.exp(-both * day))
    covered = 0
    for _ in range(500):
        event, other = rng.exponential(1 / rate, n), rng.exponential(1 / other_rate, n)
        seen = rng.random((n, 8)) < 0.6
        looks = np.arange(7.0, 57.0, 7.0)
        last = np.where(seen.any(axis=1), looks[7 - np.argmax(seen[:, ::-1], axis=1)], 0.0)
        after = np.where(seen & (looks >= event[:, None]), looks, INF).min(axis=1)
        before = np.where(seen & (looks < event[:, None]), looks, 0.0).max(axis=1)
        compete = (other < event) & (other <= last)
        recovered = ~compete & np.isfinite(after) & (event <= other)
        # Somebody whose competing event follows the last look is censored at that look, event or not.
        cause = np.where(compete, 2, np.where(recovered, 1, 0))
        left = np.where(cause == 1, before, last)
        right = np.where(cause == 2, np.ceil(other), np.where(cause == 1, after, INF))
        _, _, low, high = interval_censored_incidence(left, right, cause).lower(1, day)
        covered += bool(low <= truth <= high)
    assert abs(covered / 500 - 0.95) < 3 * 0.0097


@pytest.mark.parametrize(
    ("left", "right", "cause", "says"),
    [
        ([], [], [], "no rows"),
        ([7], [7], [1], "empty interval"),
        ([9], [7], [1], "empty interval"),
        ([-1], [7], [1], "negative or missing `left`"),
        ([np.nan], [7], [1], "negative or missing `left`"),
        ([-1], [INF], [0], "negative or missing `left`"),
        ([0], [INF], [1], "without a finite"),
        ([0], [np.nan], [2], "without a finite"),
        ([0], [np.nan], [0], "missing `right`"),
        ([0], [9], [0], "give inf"),
        ([0], [0], [2], "at or before day 0"),
        ([0], [7], [-1], "cause"),
        ([0], [7], [1.5], "cause"),
        ([0, 1], [7], [1], "2, 1 and 1"),
        ([1.0], [1.0 + 1e-10], [1], "tie rule"),
    ],
)
def test_refuses_what_has_no_estimate(left: list[float], right: list[float], cause: list[float], says: str) -> None:
    # Exact: each rule of the door, one breach each.
    with pytest.raises(EstimationRefused, match=says):
        interval_censored_incidence(left, right, cause)


def test_refuses_a_cause_that_was_not_asked_about() -> None:
    # Exact: cause 1 always belongs to the question, cause 2 only when somebody had it.
    fit = interval_censored_incidence([0, 7], [7, INF], [1, 0])
    with pytest.raises(EstimationRefused, match="cause 2"):
        fit.bounds(2, 7)
    assert interval_censored_incidence([0, 7], [5, INF], [2, 0]).lower(1, 5).estimate == 0.0
