"""Accelerated failure time models: closed forms, lifelines beside, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
from tendon_outcomes.estimators.regression.parametric.error_distributions import ERRORS, interval_terms

INF = np.inf
LAWS = ("weibull", "exponential", "lognormal", "loglogistic")


def sample(seed: int = 1, n: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact, right-censored, interval- and left-censored days; two covariates."""
    rng = np.random.default_rng(seed)
    x = np.column_stack((rng.integers(0, 2, n), np.round(rng.normal(size=n), 1)))
    day = np.ceil(np.exp(3.5 + 0.4 * x[:, 0] - 0.2 * x[:, 1]) * rng.weibull(1.4, n))
    kind = rng.integers(0, 4, n)
    left = np.where(kind == 2, np.maximum(day - 7, 0), np.where(kind == 3, 0.0, day))
    return left, np.where(kind == 1, INF, day), x


def test_exponential_is_events_over_time() -> None:
    # Exact: mean time = total time / events; log mean has variance 1/d. S(t) = exp(-t/mean).
    fit = accelerated_failure_time([2.0, 5.0, 9.0, 4.0], [2.0, 5.0, INF, INF], distribution="exponential")
    assert fit.coefficients.estimate[0] == pytest.approx(np.log(10.0), abs=1e-12)
    assert fit.coefficients.std_error[0] == pytest.approx(np.sqrt(1 / 2), abs=1e-12)
    assert fit.incidence(5.0).estimate == pytest.approx(1 - np.exp(-0.5), abs=1e-12)
    assert fit.quantile(0.5).estimate == pytest.approx(10 * np.log(2), abs=1e-11)
    # Sum of log(1/10) - t/10 over the events, -t/10 over the censored.
    assert fit.log_likelihood == pytest.approx(2 * np.log(0.1) - 2.0, abs=1e-12)


def test_exponential_of_two_groups_is_two_rates() -> None:
    # Exact: the time ratio is the ratio of the groups' total time per event.
    fit = accelerated_failure_time(
        [1.0, 3.0, 2.0, 8.0, 4.0], [1.0, 3.0, INF, 8.0, INF], [0, 0, 0, 1, 1], distribution="exponential", names=["arm"]
    )
    ratios = fit.time_ratios()
    assert ratios.names == ("arm",)
    assert ratios.estimate[0] == pytest.approx(12.0 / (6.0 / 2.0), rel=1e-12)
    assert fit.coefficients.std_error[1] == pytest.approx(np.sqrt(1 / 2 + 1 / 1), abs=1e-12)


def test_lognormal_of_exact_times_is_least_squares() -> None:
    # Exact: mean and population variance of log t; information n/s^2 and 2n.
    time = np.array([2.0, 3.0, 5.0, 7.0, 11.0])
    fit = accelerated_failure_time(time, time, distribution="lognormal")
    logs = np.log(time)
    np.testing.assert_allclose(fit.coefficients.estimate, [logs.mean(), np.log(logs.std())], rtol=0, atol=1e-12)
    np.testing.assert_allclose(fit.coefficients.std_error, [logs.std() / np.sqrt(5), np.sqrt(1 / 10)], rtol=0, atol=1e-10)


@pytest.mark.parametrize("law", LAWS)
def test_one_interval_gives_the_binomial_share(law: str) -> None:
    # Exact: with looks on two days only, two parameters meet the shares 3/10 and 6/10; the exponential meets one.
    looks = np.array([10.0, 20.0]) if law != "exponential" else np.array([10.0])
    left = np.array([0.0] * 3 + [10.0] * 3 + [20.0] * 4) if looks.size == 2 else np.array([0.0] * 3 + [10.0] * 7)
    right = np.array([10.0] * 3 + [20.0] * 3 + [INF] * 4) if looks.size == 2 else np.array([10.0] * 3 + [INF] * 7)
    fit = accelerated_failure_time(left, right, distribution=law)  # type: ignore[arg-type]
    np.testing.assert_allclose(fit.incidence(looks).estimate, [0.3, 0.6][: looks.size], rtol=0, atol=1e-9)
    np.testing.assert_allclose(fit.incidence(looks).std_error, np.sqrt([0.021, 0.024])[: looks.size], rtol=0, atol=1e-9)


@pytest.mark.parametrize("law", ["weibull", "lognormal", "loglogistic"])
def test_far_tails_keep_their_digits(law: str) -> None:
    # Exact: log Pr(a < W <= inf) is log_above; narrow intervals approach the density; no NaN far out.
    w = np.array([-30.0, -8.0, 0.0, 3.0])
    narrow = interval_terms(ERRORS[law], w - 5e-8, w + 5e-8)
    np.testing.assert_allclose(narrow.value - np.log(1e-7), ERRORS[law].log_density(w), rtol=0, atol=1e-6)
    open_ended = interval_terms(ERRORS[law], w, np.full(4, INF))
    np.testing.assert_allclose(open_ended.value, ERRORS[law].log_above(w), rtol=1e-14, atol=1e-300)
    assert np.isfinite(interval_terms(ERRORS[law], np.array([-INF]), np.array([-40.0])).value).all()


def test_entry_is_conditioning() -> None:
    # Exact: exponential with delayed entry: events over time under observation.
    fit = accelerated_failure_time([5.0, 8.0, 9.0], [5.0, 8.0, INF], entry=[1.0, 0.0, 4.0], distribution="exponential")
    assert np.exp(fit.coefficients.estimate[0]) == pytest.approx((4 + 8 + 5) / 2, rel=1e-12)


def test_strata_have_their_own_scale() -> None:
    # Exact: an intercept a stratum would be separate fits; with strata as covariate and as strata the log-likelihoods add.
    left, right, _ = sample(n=120)
    g = np.arange(120) % 2
    joint = accelerated_failure_time(left, right, g, strata=g)
    apart = [accelerated_failure_time(left[g == k], right[g == k]) for k in (0, 1)]
    assert joint.log_likelihood == pytest.approx(sum(fit.log_likelihood for fit in apart), abs=1e-9)
    np.testing.assert_allclose(joint.scale, [fit.scale[0] for fit in apart], rtol=1e-8)
    one, two = joint.incidence(20.0, [1], stratum=1), apart[1].incidence(20.0)
    np.testing.assert_allclose([float(v) for v in one], [float(v) for v in two], rtol=1e-7)


def test_likelihood_ratio_test() -> None:
    # Exact: twice the gain over the intercept; refused for robust fits.
    left, right, x = sample()
    fit = accelerated_failure_time(left, right, x)
    null = accelerated_failure_time(left, right)
    statistic, df, p = fit.likelihood_ratio_test
    assert (df, statistic) == (2, pytest.approx(2 * (fit.log_likelihood - null.log_likelihood), abs=1e-9))
    assert 0.0 < p < 1.0
    with pytest.raises(EstimationRefused, match="robust"):
        _ = accelerated_failure_time(left, right, x, robust=True).likelihood_ratio_test


def test_refusals() -> None:
    # Exact: what has no answer says so.
    left, right, x = sample()
    fit = accelerated_failure_time(left, right, x)
    with pytest.raises(EstimationRefused, match="last follow-up"):
        fit.incidence(fit.last_follow_up * 2, [0, 0])
    with pytest.raises(EstimationRefused, match="last follow-up"):
        fit.quantile(0.9999, [0, 0])
    with pytest.raises(EstimationRefused, match="covariates"):
        fit.incidence(5.0)
    with pytest.raises(EstimationRefused, match="right-censored"):
        accelerated_failure_time([1.0, 2.0], [INF, INF])
    with pytest.raises(EstimationRefused, match="in stratum b"):
        accelerated_failure_time([1.0, 2.0, 3.0], [1.0, 2.0, INF], strata=["a", "a", "b"])
    with pytest.raises((EstimationRefused, NotConverged), match="remainder"):
        accelerated_failure_time([3.0, 3.0, 3.0], [3.0, 3.0, 3.0])
    with pytest.raises(EstimationRefused, match="arm"):
        accelerated_failure_time(
            [1.0, 2.0, 4.0, 5.0, 6.0, 7.0], [1.0, 2.0, 4.0, INF, INF, INF], [0, 0, 0, 1, 1, 1], names=["arm"]
        )
    with pytest.raises(EstimationRefused, match="day 0"):
        accelerated_failure_time([0.0, 1.0], [0.0, 2.0])
    with pytest.raises(EstimationRefused, match="distribution"):
        accelerated_failure_time(left, right, distribution="gamma")  # type: ignore[arg-type]
    with pytest.raises(EstimationRefused, match="strata"):
        accelerated_failure_time(left, right, strata=np.zeros(80), distribution="exponential")
    with pytest.raises(EstimationRefused, match="one value"):
        accelerated_failure_time(left, right, np.ones(80))
