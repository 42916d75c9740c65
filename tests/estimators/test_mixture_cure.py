"""Mixture cure models: closed forms, known truth, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import clopper_pearson
from tendon_outcomes.estimators.regression.parametric.mixture_cure import mixture_cure
from tendon_outcomes.estimators.special_functions import chi_square_quantile

INF = np.inf


def clinic(rng: np.random.Generator, n: int, never: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Looks every 30 days for a year; Weibull of shape 1.3 with scale 60 for those who recover."""
    time = np.where(rng.random(n) < never, INF, 60.0 * rng.weibull(1.3, n))
    look = np.ceil(time / 30.0) * 30.0
    return np.where(time <= 360.0, look - 30.0, 360.0), np.where(time <= 360.0, look, INF)


def test_a_plateau_gives_the_binomial_share() -> None:
    # Exact in the limit: with a follow-up of 100,000 days nobody else is waited for, so never = 6/20 and the profile is binomial.
    rng = np.random.default_rng(5)
    time = np.ceil(50.0 * rng.weibull(2.0, 14))
    left, right = np.append(time, np.full(6, 1e5)), np.append(time, np.full(6, INF))
    fit = mixture_cure(left, right)
    assert fit.never is not None
    assert fit.never.estimate == pytest.approx(0.3, abs=1e-9)
    assert fit.ever.std_error[0] == pytest.approx(1 / np.sqrt(20 * 0.3 * 0.7), abs=1e-7)
    for p in (fit.never.conf_low, fit.never.conf_high):
        gone = 2 * (6 * np.log(0.3 / p) + 14 * np.log(0.7 / (1 - p)))
        assert gone == pytest.approx(chi_square_quantile(0.95, 1), abs=1e-6)
    exact = clopper_pearson(6, 20)
    assert exact.conf_low < fit.never.conf_low < fit.never.conf_high < exact.conf_high
    assert fit.incidence(1000.0).estimate == pytest.approx(0.7, abs=1e-9)


def test_incidence_is_ever_times_the_time() -> None:
    # Exact: pi (1 - exp(-(t/scale)^k)) from the coefficients.
    fit = mixture_cure(*clinic(np.random.default_rng(1), 200))
    b, log_s = fit.time.estimate
    share = 1 / (1 + np.exp(-fit.ever.estimate[0]))
    expected = share * -np.expm1(-((90.0 / np.exp(b)) ** np.exp(-log_s)))
    at = fit.incidence([0.0, 90.0])
    assert at.estimate[1] == pytest.approx(expected, rel=1e-12)
    assert at.conf_low[1] < expected < at.conf_high[1]
    assert [float(c[0]) for c in at] == [0.0, 0.0, 0.0, 0.0]


def test_finds_the_truth() -> None:
    # Simulation: 100 clinics of 200, 20 % never recover; the Monte Carlo error of a coverage of 95 % is 2.2 points.
    rng = np.random.default_rng(8)
    found = [mixture_cure(*clinic(rng, 200)).never for _ in range(100)]
    assert np.mean([never.estimate for never in found if never]) == pytest.approx(0.2, abs=0.01)
    assert np.mean([never.conf_low <= 0.2 <= never.conf_high for never in found if never]) >= 0.89


def test_never_by_group() -> None:
    # Exact: with a group in both parts and one scale, a saturated logit: on a long plateau the shares of the groups.
    rng = np.random.default_rng(6)
    arm = np.repeat([0, 1], 40)
    never = np.concatenate((np.arange(40) < 4, np.arange(40) < 16))
    time = np.ceil(50.0 * rng.weibull(2.0, 80))
    left, right = np.where(never, 1e5, time), np.where(never, INF, time)
    fit = mixture_cure(left, right, arm, names_cured=["arm"])
    assert fit.never is None
    assert fit.never_fraction([0]).estimate == pytest.approx(0.1, abs=1e-9)
    assert fit.never_fraction([1]).estimate == pytest.approx(0.4, abs=1e-9)
    assert fit.ever.estimate[1] == pytest.approx(np.log((0.6 / 0.4) / (0.9 / 0.1)), abs=1e-8)


def test_robust_fits_have_wald_limits() -> None:
    # Exact: clusters of one row are the row-robust fit; limits are normal on the logit.
    left, right = clinic(np.random.default_rng(3), 150)
    one, two = mixture_cure(left, right, robust=True), mixture_cure(left, right, cluster=np.arange(150))
    assert one.never is not None
    assert one.never_interval == "Wald"
    np.testing.assert_allclose(one.covariance, two.covariance, rtol=1e-12)
    assert one.never.conf_low == pytest.approx(1 / (1 + np.exp(one.ever.conf_high[0])), rel=1e-12)


def test_refusals() -> None:
    # Exact: what has no answer says so.
    rng = np.random.default_rng(2)
    left, right = clinic(rng, 150)
    with pytest.raises(EstimationRefused, match="every row has the event"):
        mixture_cure([1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    short = (np.minimum(left, 60.0), np.where(right > 60.0, INF, right))
    with pytest.raises(EstimationRefused, match=r"not identified|fraction of 0"):
        mixture_cure(*short)
    time = 60.0 * rng.weibull(1.0, 300)
    end = rng.uniform(10.0, 90.0, 300)
    with pytest.raises(EstimationRefused, match=r"not identified|fraction of 0"):
        mixture_cure(np.minimum(time, end), np.where(time <= end, time, INF), distribution="exponential")
    fit = mixture_cure(left, right)
    with pytest.raises(EstimationRefused, match="last follow-up"):
        fit.incidence(1e4)
    with pytest.raises(EstimationRefused, match=r"arm|without exception"):
        mixture_cure(left, right, np.isfinite(right) * 1.0, names_cured=["arm"])
    with pytest.raises(EstimationRefused, match="covariates"):
        fit.never_fraction([1.0])
