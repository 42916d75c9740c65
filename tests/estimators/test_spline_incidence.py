"""Smooth cumulative incidences: closed forms, derivatives, what is refused, and known truth by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.parametric.hazard_cells import HazardCells
from tendon_outcomes.estimators.regression.parametric.incidence_likelihood import HazardModel, Likelihood
from tendon_outcomes.estimators.regression.parametric.log_time_basis import LogTimeBasis, spread_quantiles
from tendon_outcomes.estimators.regression.parametric.spline_incidence import spline_incidence

INF = np.inf
DAYS = np.array([56.0, 84.0])


def clinic(rng: np.random.Generator, n: int, *, competing: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Looks near 2, 6, 12 and 26 weeks; 80 % recover, Weibull of shape 1.3, median 10 weeks; a dated competing event."""
    time = np.where(rng.random(n) < 0.8, 92.8 * rng.weibull(1.3, n), INF)
    other, lost = np.ceil(rng.exponential(365.25 / competing, n)), rng.exponential(1820.0, n)
    left, right, cause = np.zeros(n), np.full(n, INF), np.zeros(n, dtype=int)
    for i in range(n):
        looks = np.sort(np.ceil(np.array([14, 42, 84, 182]) + rng.normal(0, [3, 5, 7, 10])))
        looks = looks[looks < min(lost[i], other[i])]
        left[i] = max([0.0, *looks[looks < time[i]]])
        if (looks >= time[i]).any():
            right[i], cause[i] = looks[looks >= time[i]][0], 1
        elif other[i] <= min(lost[i], 200.0):
            right[i], cause[i] = other[i], 2
    return left, right, cause


def truth(day: float, competing: float = 0.2) -> float:
    """Integral of the density of recovery times the chance of no competing event before, by the midpoint rule."""
    t = (np.arange(40_000) + 0.5) * day / 40_000
    density = 0.8 * 1.3 / 92.8 * (t / 92.8) ** 0.3 * np.exp(-((t / 92.8) ** 1.3) - competing / 365.25 * t)
    return float(density.sum() * day / 40_000)


def test_constant_hazards_are_events_over_time_at_risk() -> None:
    # Exact: with df = 0 and dated causes only the maximum is d_k / sum of times. Cause 1 within a moment is as good as dated.
    left, right, cause = np.array([4.0, 9.0, 6.0, 10.0]), np.array([4.0 + 1e-6, 9.0 + 1e-6, 6.0, INF]), np.array([1, 1, 2, 0])
    fit = spline_incidence(left, right, cause, df=0)
    assert fit.hazard(1, 3.0).estimate == pytest.approx(2 / 29, rel=1e-6)
    assert fit.hazard(2, 3.0).estimate == pytest.approx(1 / 29, rel=1e-6)
    assert fit.at(1, 5.0).estimate == pytest.approx(2 / 3 * (1 - np.exp(-3 / 29 * 5)), rel=1e-6)
    # log of a rate: variance 1/d, so for two events the standard error of the hazard is rate / sqrt(2).
    assert fit.hazard(1, 3.0).std_error == pytest.approx(2 / 29 / np.sqrt(2), rel=1e-5)
    # Integral of F from 0 to 5 with total hazard h: 2/3 (5 - (1 - e^(-5h))/h).
    h = 3 / 29
    assert fit.restricted_mean_time_lost(1, 5.0).estimate == pytest.approx(2 / 3 * (5 - (1 - np.exp(-5 * h)) / h), rel=1e-6)


def test_one_interval_has_a_closed_form() -> None:
    # Exact: r of n recover in (0, 10], the rest is free at 10: exp(-10 h) = 1 - r/n, and F(10) = r/n with variance r(n-r)/n^3.
    n, r = 20, 8
    fit = spline_incidence(np.where(np.arange(n) < r, 0.0, 10.0), np.where(np.arange(n) < r, 10.0, INF), np.arange(n) < r, df=0)
    at = fit.at(1, 10.0)
    assert at.estimate == pytest.approx(r / n, abs=1e-12)
    assert at.std_error == pytest.approx(np.sqrt(r * (n - r) / n**3), abs=1e-12)
    free = np.log(-np.log(1 - r / n)) + np.array([-1, 1]) * 1.959963984540054 * at.std_error / (0.6 * -np.log(0.6))
    np.testing.assert_allclose([at.conf_low, at.conf_high], -np.expm1(-np.exp(free)), rtol=0, atol=1e-12)


def test_the_basis_is_a_natural_spline_that_is_one_at_its_knots() -> None:
    # Exact: cardinal columns, columns sum to 1, straight in log(1 + t/c) beyond the outer knots.
    basis = LogTimeBasis.at(np.array([5.0, 20.0, 60.0, 150.0]), 7.0)
    np.testing.assert_allclose(basis.columns(basis.knots), np.eye(4), rtol=0, atol=1e-12)
    t = np.array([0.0, 1.0, 30.0, 400.0])
    np.testing.assert_allclose(basis.columns(t).sum(axis=-1), 1.0, rtol=0, atol=1e-12)
    beyond = 7.0 * np.expm1(np.log1p(150.0 / 7.0) + np.array([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(np.diff(basis.columns(beyond), 2, axis=0), 0.0, rtol=0, atol=1e-11)


def test_quantiles_of_spread_events() -> None:
    # Exact: one event even over (0, 10], one over (10, 20]: the median is 10, a quarter 5. With a gap, its left edge.
    even = spread_quantiles(np.array([0.0, 10.0]), np.array([10.0, 20.0]), np.ones(2), np.array([0.25, 0.5, 0.75]))
    np.testing.assert_allclose(even, [5.0, 10.0, 15.0], rtol=0, atol=1e-12)


def test_gauss_points_integrate_quintics_and_partial_integrals_quadratics() -> None:
    # Exact: three Gauss points are exact to degree 5; the running integral at the points to degree 2.
    cells = HazardCells.between(np.array([1.0, 2.5]))
    np.testing.assert_allclose(cells.at_edges(cells.points**5), [0.0, 1 / 6, 2.5**6 / 6], rtol=1e-13)
    squares = cells.points**2
    np.testing.assert_allclose(cells.at_points(squares, cells.at_edges(squares)), cells.points**3 / 3, rtol=1e-13)


def test_scores_and_information_are_the_derivatives() -> None:
    # Numerical: central differences of the log-likelihood and of its scores, with entry.
    rng = np.random.default_rng(1)
    left, right, cause = clinic(rng, 80)
    entry = np.floor(left / 3)
    basis = LogTimeBasis.at(np.array([20.0, 60.0, 150.0]), 8.0)
    model = HazardModel(causes=(1, 2), bases=(basis, LogTimeBasis.at(np.array([80.0]), 8.0)))
    rows = Likelihood.of(model, left=left, right=right, cause=cause, entry=entry, weight=rng.random(80) + 0.5)
    beta = np.array([-5.0, -4.6, -5.4, -7.0])
    step = 1e-5

    def score(b: np.ndarray) -> np.ndarray:
        return np.asarray(rows.weight @ rows.rows(b)[1])

    value = [(rows.weight @ rows.rows(beta + u)[0] - rows.weight @ rows.rows(beta - u)[0]) / 2 / step for u in step * np.eye(4)]
    np.testing.assert_allclose(score(beta), value, rtol=0, atol=1e-6)
    curvature = [(score(beta - u) - score(beta + u)) / 2 / step for u in step * np.eye(4)]
    _, slope, mass, found = rows.rows(beta)
    np.testing.assert_allclose(rows.information(slope, mass, found), curvature, rtol=0, atol=1e-6)


def test_the_rule_for_knots() -> None:
    # Exact: one further knot for every ten events, at most df of them; a rare competing cause has a constant hazard.
    left, right, cause = clinic(np.random.default_rng(2), 60)
    fit = spline_incidence(left, right, cause)
    for k, events, basis in zip(fit.causes, fit.n_events, fit.model.bases, strict=True):
        assert basis.size == 1 + min(3, int(events // 10)), k
    assert spline_incidence(left, right, cause, df=1).model.bases[0].size == 2
    chosen = spline_incidence(left, right, cause, knots=[14.0, 60.0, 150.0])
    np.testing.assert_array_equal(chosen.model.bases[0].knots, [14.0, 60.0, 150.0])


def test_covers_the_truth() -> None:
    # Simulation: 250 clinics of 60, seed fixed; Monte Carlo error of a coverage of 95 % is 1.4 points. Bias below 1.5 points.
    rng = np.random.default_rng(20)
    true = np.array([truth(day) for day in DAYS])
    found = [spline_incidence(*clinic(rng, 60)).at(1, DAYS) for _ in range(250)]
    bias = 100 * (np.mean([fit.estimate for fit in found], axis=0) - true)
    covered = 100 * np.mean([(fit.conf_low <= true) & (true <= fit.conf_high) for fit in found], axis=0)
    assert (np.abs(bias) < 1.5).all(), bias
    assert ((covered > 91.0) & (covered < 99.0)).all(), covered


def test_refusals() -> None:
    # Exact: what has no answer says so.
    left, right, cause = clinic(np.random.default_rng(3), 40)
    fit = spline_incidence(left, right, cause)
    with pytest.raises(EstimationRefused, match="cause 1"):
        spline_incidence([5.0, 6.0], [INF, INF], [0, 0])
    with pytest.raises(EstimationRefused, match="last follow-up"):
        fit.at(1, fit.last_follow_up + 1)
    with pytest.raises(EstimationRefused, match="last follow-up"):
        fit.restricted_mean_time_lost(1, 1e4)
    with pytest.raises(EstimationRefused, match="not among the causes"):
        fit.at(5, 10.0)
    with pytest.raises(EstimationRefused, match="entry"):
        spline_incidence(left, right, cause, entry=left + 1000)
    with pytest.raises(EstimationRefused, match="values for"):
        spline_incidence(left, right, cause, entry=[0.0])
    with pytest.raises(EstimationRefused, match="cluster"):
        spline_incidence(left, right, cause, cluster=[1, 2])
    with pytest.raises(EstimationRefused, match="knots"):
        spline_incidence(left, right, cause, knots=[30.0, 20.0])
    with pytest.raises(EstimationRefused, match="df"):
        spline_incidence(left, right, cause, df=-1)
    with pytest.raises(EstimationRefused, match="horizon"):
        fit.restricted_mean_time_lost(1, 0.0)
    with pytest.raises(EstimationRefused, match="finite"):
        fit.hazard(1, [np.nan])


def test_beside_zero_there_is_nothing() -> None:
    # Exact: F(0) = 0 with limits 0.
    fit = spline_incidence(*clinic(np.random.default_rng(4), 40))
    assert [float(v) for v in fit.at(1, 0.0)] == [0.0, 0.0, 0.0, 0.0]
