"""Interval-censored and parametric estimates that a review found wrong, in their smallest form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import clopper_pearson, interval_censored_incidence
from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
from tendon_outcomes.estimators.regression.parametric.mixture_cure import mixture_cure
from tendon_outcomes.estimators.regression.parametric.spline_incidence import spline_incidence
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog

INF = np.inf
LOOKS = (np.array([0.0, 0, 14, 14, 28, 0]), np.array([14.0, 28, 28, INF, INF, 14]), np.array([1, 1, 1, 0, 0, 1]))


def test_days_in_a_table_are_answered_as_a_table() -> None:
    # Exact. History: days in two dimensions ended in a ValueError wherever one of them had an incidence of 0 or 1.
    fit = interval_censored_incidence(*LOOKS)
    days = np.array([[1.0, 14.0], [14.0, 28.0]])
    for ours, flat in zip(fit.lower(1, days), fit.lower(1, days.ravel()), strict=True):
        np.testing.assert_array_equal(ours, flat.reshape(2, 2))


def test_one_cluster_says_nothing_about_clusters() -> None:
    # Exact: scores sum to 0 over everybody. History: a standard error of 0, hence limits without width.
    fit = interval_censored_incidence(*LOOKS, cluster=np.zeros(6))
    at = fit.lower(1, 14.0)
    assert [float(v) for v in at[1:]] == [INF, 0.0, 1.0]
    with pytest.raises(EstimationRefused, match="variance"):
        fit.likelihood_ratio_limits(1, 14.0)
    for call in (
        lambda: spline_incidence(*LOOKS, cluster=np.zeros(6)),
        lambda: pooled_cloglog(*LOOKS, grid=[14, 28], cluster=np.zeros(6)),
        lambda: accelerated_failure_time([1.0, 2, 3], [1.0, 2, 3], cluster=np.zeros(3)),
    ):
        with pytest.raises(EstimationRefused, match="one cluster"):
            call()


def test_a_missing_cluster_is_refused() -> None:
    # Exact. History: all rows without a label were taken for one patient.
    for call in (interval_censored_incidence, spline_incidence):
        with pytest.raises(EstimationRefused, match="2 of 6"):
            call(*LOOKS, cluster=[1, np.nan, np.nan, 2, 3, 4])


def test_two_sides_of_a_patient_are_no_two_patients_beside_zero() -> None:
    # Exact: ten patients with both sides, nobody recovered by day 14: Clopper-Pearson for 0 of 10. History: 0 of 20.
    right = np.where(np.arange(20) < 6, 28.0, INF)
    left = np.full(20, 14.0)
    at = interval_censored_incidence(left, right, np.isfinite(right), cluster=np.arange(20) // 2).lower(1, 14.0)
    assert float(at.conf_high) == pytest.approx(clopper_pearson(0, 10).conf_high, abs=1e-12)
    alone = interval_censored_incidence(left, right, np.isfinite(right), cluster=np.arange(20)).lower(1, 14.0)
    assert float(alone.conf_high) == pytest.approx(clopper_pearson(0, 20).conf_high, abs=1e-12)


def test_quantiles_do_not_know_the_unit() -> None:
    # Exact: two cells 5 apart late on the clock. History: the later cell was counted at the begin of the earlier (1e-6 of it).
    begin = 1e7
    left, right = begin + np.array([0.0, 0, 5, 5, 5]), begin + np.array([2.0, 2, 9, 9, 9])
    fit = interval_censored_incidence(left, right, np.ones(5, dtype=int))
    assert fit.quantile(1, 0.5)[:2] == (begin + 5.0, begin + 9.0)


def test_smooth_limits_are_never_missing() -> None:
    # Exact. History: where 1 - F rounds to 1 the limits were NaN, or 0 where F itself underflows (thirty events at one minute).
    rng = np.random.default_rng(1)
    cause = np.repeat([1, 2, 0], [40, 30, 30])
    left = np.concatenate((14.0 * rng.integers(0, 6, 40), np.full(30, 83.0), np.full(30, 120.0)))
    right = np.concatenate((left[:40] + 14.0, np.full(30, 84.0), np.full(30, INF)))
    at = spline_incidence(left * 1440, right * 1440, cause).at(2, 1440 * np.array([0.0, 20, 40, 83, 84, 100]))
    assert np.isfinite(np.array(at)).all()
    np.testing.assert_array_equal(at.conf_high[[0, 1, 2, 3]], [0.0, 1.0, 1.0, 1.0])


def test_time_models_have_limits_long_before_anybody() -> None:
    # Exact: limits hold the estimate and rise with the day. History: NaN where the survival function rounds to 1.
    time = 60.0 * np.exp(0.05 * np.linspace(-1.5, 1.5, 12))
    days = np.array([1.0, 5.0, 20.0, 50.0, 60.0])
    fits = [
        accelerated_failure_time(time, time, distribution="lognormal").incidence(days),
        mixture_cure(np.append(time, [900.0] * 4), np.append(time, [INF] * 4), distribution="lognormal").incidence(days),
    ]
    for at in fits:
        assert np.isfinite(np.array(at)).all()
        assert (at.conf_low <= at.estimate).all()
        assert (at.estimate <= at.conf_high).all()
        assert (np.diff(at.conf_high) >= 0.0).all()


def test_a_smooth_curve_begins_at_the_first_entry() -> None:
    # Exact (constant hazard): F(t | T > 30) = 1 - exp(-h (t - 30)). History: hazards before 30, when nobody was there, counted.
    left = np.array([30.0, 44, 58, 58, 72, 72])
    right = np.array([44.0, 58, 72, INF, INF, INF])
    fit = spline_incidence(left, right, np.isfinite(right), entry=np.full(6, 30.0), df=0)
    moved = spline_incidence(left - 30, right - 30, np.isfinite(right), df=0)
    days = np.array([30.0, 40.0, 72.0])
    for ours, theirs in zip(fit.at(1, days), moved.at(1, days - 30.0), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
    assert fit.restricted_mean_time_lost(1, 70.0).estimate == pytest.approx(moved.restricted_mean_time_lost(1, 40.0).estimate)
    assert float(fit.at(1, 12.0).conf_high) == 0.0
    with pytest.raises(EstimationRefused, match="before day 30"):
        fit.hazard(1, 12.0)
    with pytest.raises(EstimationRefused, match="before day 30"):
        fit.restricted_mean_time_lost(1, 30.0)
    with pytest.raises(EstimationRefused, match="df"):
        spline_incidence(*LOOKS, df=float("nan"))  # type: ignore[arg-type]


@pytest.mark.parametrize(("factor", "shift"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e6)])
def test_units_of_covariates_do_not_matter(factor: float, shift: float) -> None:
    # Exact property. History: a covariate in units of 1e-6, or far from 0, did not converge in 200 steps.
    rng = np.random.default_rng(4)
    x = rng.random(40)
    time = np.ceil(40.0 * np.exp(x) * rng.weibull(1.5, 40))
    never = np.arange(40) % 5 == 0
    left, right = np.where(never, 1e4, time), np.where(never, INF, time)
    looked = (np.minimum(28.0 * (time // 28), 84.0), np.where(time < 84.0, 28.0 * (time // 28) + 28.0, INF))
    fits = [
        (
            accelerated_failure_time(time, time, v).coefficients.estimate[1],
            mixture_cure(left, right, None, v).time.estimate[1],
            pooled_cloglog(*looked, np.isfinite(looked[1]), v, grid=[28, 56, 84]).coefficients.estimate[0],
        )
        for v in (x, factor * x + shift)
    ]
    np.testing.assert_allclose(np.array(fits[1]) * factor, fits[0], rtol=1e-6)


def test_a_hazard_near_zero_is_an_answer() -> None:
    # Optimality: the slope is 0 there. History: refused as separation, because the logarithm of a small hazard is uncertain.
    left, right = np.array([0.0, 42, 0, 42, 28, 14, 14, 0]), np.array([14.0, INF, 14, INF, 42, 42, 42, 28])
    fit = pooled_cloglog(left, right, np.isfinite(right), [0, 0, 1, 1, 1, 1, 0, 0], grid=[14, 28, 42])
    assert float(np.exp(fit.baseline[1])) == pytest.approx(0.005, abs=0.002)
    assert fit.gradient_norm < 1e-9


def test_grouped_hazards_have_no_certain_zero() -> None:
    # Exact. History: an incidence of 0 with standard error 0 and limits (0, 0), though only twenty were followed.
    fit = pooled_cloglog([14.0] * 5 + [28.0] * 15, [28.0] * 5 + [INF] * 15, [1] * 5 + [0] * 15, grid=[14, 28])
    with pytest.raises(EstimationRefused, match="nobody can have recovered before"):
        fit.incidence(14)
    assert float(fit.incidence(28).estimate) == pytest.approx(0.25, abs=1e-12)


def test_never_takes_a_plateau_that_is_seen() -> None:
    # Simulation with everybody recovering, followed for 10 to 60 days (63 % by then). History: 42 of 150 got a fraction, 34 % on
    # average, because a fit that overstates the never overstates the share seen; one row followed for long was enough, too.
    rng = np.random.default_rng(3)
    for longest in (60.0, 2000.0):
        answered = 0
        for _ in range(40):
            time, end = 60.0 * rng.weibull(1.2, 100), rng.uniform(10.0, 60.0, 100)
            end[0] = longest
            try:
                mixture_cure(np.minimum(time, end), np.where(time <= end, time, INF))
                answered += 1
            except EstimationRefused:
                pass
        assert answered <= 4, longest


def _by_trapezes(knots: np.ndarray, origin: float, values: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Hazard of the natural spline of log(1 + t/c) through the values at three knots, straight beyond them."""
    at, x = np.log1p(knots / origin), np.log1p(t / origin)
    inside = CubicSpline(at, values, bc_type="natural")
    near = np.clip(x, at[0], at[-1])
    return np.asarray(np.exp(inside(near) + inside(near, 1) * (x - near)))


def test_the_smooth_fit_is_the_highest_of_many_climbs() -> None:
    # Independent: the penalised likelihood by trapezes, maximised by Nelder and Mead from several starts.
    rng = np.random.default_rng(12)
    low = 14.0 * rng.integers(0, 6, 40)
    cause = rng.choice([0, 1, 1, 1, 2], 40)
    right = np.where(cause == 0, INF, low + 14.0)
    knots = np.array([10.0, 35.0, 70.0])
    fit = spline_incidence(low, right, cause, knots=knots, df=0)
    t = np.linspace(0.0, 98.0, 7 * 14 * 40 + 1)
    place = {float(day): int(np.argmin(np.abs(t - day))) for day in np.unique(np.append(low, right[cause > 0]))}
    begin = np.array([place[float(v)] for v in low])
    end = np.array([place[float(v)] for v in np.where(cause == 0, low, right)])

    def value(b: np.ndarray) -> float:
        one = _by_trapezes(knots, fit.model.bases[0].origin, b[:3], t)
        total = one + np.exp(b[3])
        gone = np.concatenate(([0.0], np.cumsum((total[1:] + total[:-1]) / 2 * np.diff(t))))
        density = one * np.exp(-gone)
        risen = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(t))))
        seen, other = cause == 1, cause == 2
        rows = np.log(np.maximum(risen[end[seen]] - risen[begin[seen]], 1e-300)).sum()
        return float(rows + (b[3] - gone[end[other]]).sum() - gone[end[cause == 0]].sum())

    def penalised(b: np.ndarray) -> float:
        return value(b) - float(np.sum((b[:3] - b[:3].mean()) ** 2)) / 8.0

    options = {"maxiter": 3000, "xatol": 1e-7, "fatol": 1e-10}
    starts = ([-4.0, -4, -4, -5], [-1.0, -4, -7, -4], [-8.0, -3, -2, -6])
    tops = [minimize(lambda b: -penalised(b), start, method="Nelder-Mead", options=options) for start in starts]
    best = min(tops, key=lambda top: float(top.fun))
    assert fit.log_likelihood == pytest.approx(value(fit.log_hazard_at_knots), abs=1e-4)
    assert penalised(fit.log_hazard_at_knots) >= -float(best.fun) - 1e-5
    np.testing.assert_allclose(fit.log_hazard_at_knots, best.x, rtol=0, atol=1e-2)
