"""Baseline hazard and predicted curves of a Cox model."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import kaplan_meier
from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.regression.cox.baseline import baseline_hazard, predicted_curves
from tendon_outcomes.estimators.regression.cox.diagnostics import (
    cumulative_baseline_hazard,
    predicted_hazard_ratio,
    predicted_log_hazard_ratio,
    predicted_survival,
)
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.cox.sample import cox_sample

TIME, EVENT, X = [1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1], [1.0, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("r", [1.0, 2.5])
def test_six_rows_by_hand(r: float) -> None:
    # Exact: increments 1/(3r + 3), then 2/(r + 3) or 1/(r + 3) + 2/(r + 5), then 1; times r for covariate 1.
    sample, beta = cox_sample(TIME, EVENT, X), np.array([np.log(r)])
    breslow = baseline_hazard(sample, beta, "breslow")
    np.testing.assert_allclose(breslow.hazard, [1 / (3 * r + 3), 2 / (r + 3), 1], rtol=1e-12)
    np.testing.assert_allclose(breslow.cumulative_hazard, np.cumsum(breslow.hazard), rtol=1e-12)
    assert (breslow.n_at_risk.tolist(), breslow.n_events.tolist(), breslow.time.tolist()) == ([6, 4, 1], [1, 2, 1], [1, 6, 9])
    efron = baseline_hazard(sample, beta, "efron", reference=[1.0])
    np.testing.assert_allclose(efron.hazard, [r / (3 * r + 3), r / (r + 3) + 2 * r / (r + 5), r], rtol=1e-12)


def test_variance_of_a_predicted_curve_by_hand() -> None:
    # Exact: at beta 0 for x = 1, V = 2: sum of squares 1/36 + 2/16, and q = (1/2 - 1)/6 + (1/4 - 1) 2/4 on day 6.
    sample = cox_sample(TIME, EVENT, X)
    curves = predicted_curves(sample, np.zeros(1), "breslow", covariance=np.array([[2.0]]), covariates=[[1.0]])
    q = -1 / 12 - 3 / 8
    assert curves.cumulative_hazard[0, 1] == pytest.approx(2 / 3, abs=1e-12)
    variance = 1 / 36 + 2 / 16 + 2 * q * q
    assert curves.cumulative_std_error[0, 1] ** 2 == pytest.approx(variance, abs=1e-12)
    assert curves.survival[0, 1] == pytest.approx(np.exp(-2 / 3), abs=1e-12)
    assert curves.std_error[0, 1] == pytest.approx(np.exp(-2 / 3) * np.sqrt(variance), abs=1e-12)
    spread = np.exp(two_sided_z(0.95) * np.sqrt(variance) / (2 / 3))
    assert curves.conf_low[0, 1] == pytest.approx(np.exp(-2 / 3 * spread), abs=1e-12)
    assert curves.conf_high[0, 1] == pytest.approx(np.exp(-2 / 3 / spread), abs=1e-12)


def test_at_days() -> None:
    # Exact: a step, certain before the first event, refused beyond the last follow-up of the stratum.
    fit = cox([1, 2, 3, 5, 2, 4, 6, 9], [1, 0, 1, 0, 1, 1, 0, 0], [0.0, 1, 1, 0, 1, 0, 1, 0], strata=list("aaaabbbb"))
    curves = predicted_survival(fit, [[0.0], [1.0]], stratum="a")
    found = curves.at([0, 1, 2.5, 5])
    np.testing.assert_array_equal(found.estimate[:, 0], 1.0)
    np.testing.assert_array_equal(found.conf_low[:, 0], 1.0)
    np.testing.assert_array_equal(found.estimate[:, 1:], curves.survival[:, [0, 0, 1]])
    with pytest.raises(EstimationRefused, match="latest day with an answer is 5"):
        curves.at([4, 6])
    assert predicted_survival(fit, [0.0], stratum="b").last_follow_up == 9


def test_without_effect_the_curve_is_fleming_and_harringtons() -> None:
    # Exact: at beta 0 Efron's baseline is the sum of 1/(n - l), l = 0..d-1; close to Kaplan-Meier's -log.
    rng = np.random.default_rng(6)
    time, event = rng.integers(1, 9, 300), rng.random(300) < 0.7
    sample = cox_sample(time, event, rng.normal(size=300))
    hazard = baseline_hazard(sample, np.zeros(1), "efron").cumulative_hazard
    curve = kaplan_meier(time, event)
    direct = [sum(1 / (n - k) for k in range(int(d))) for n, d in zip(curve.n_at_risk, curve.n_events, strict=True) if d > 0]
    np.testing.assert_allclose(hazard, np.cumsum(direct), rtol=1e-12)


def test_predictions_of_a_fit() -> None:
    # Exact: x'beta beside the means or another reference; Wald limits, exponentiated for the ratio.
    rng = np.random.default_rng(7)
    x = rng.normal(size=(60, 2))
    fit = cox(rng.integers(1, 30, 60), rng.random(60) < 0.7, x, conf_level=0.9)
    new = np.array([[1.0, 2], [0, 0]])
    for reference, centre in ((None, x.mean(axis=0)), ([0.5, 0.5], [0.5, 0.5])):
        found, ratio = (
            predicted_log_hazard_ratio(fit, new, reference=reference),
            predicted_hazard_ratio(fit, new, reference=reference),
        )
        away = new - centre
        np.testing.assert_allclose(found.estimate, away @ fit.coefficients.estimate, atol=1e-12)
        se = np.sqrt(np.diagonal(away @ fit.coefficients.covariance @ away.T))
        np.testing.assert_allclose(found.std_error, se, atol=1e-12)
        np.testing.assert_allclose(ratio.conf_high, np.exp(found.estimate + two_sided_z(0.9) * se), rtol=1e-12)
        np.testing.assert_allclose(ratio.std_error, ratio.estimate * se, rtol=1e-12)
    base = cumulative_baseline_hazard(fit, reference=new[0])
    np.testing.assert_allclose(predicted_survival(fit, new[0]).cumulative_hazard[0], base.cumulative_hazard, rtol=1e-12)


def test_refusals_name_the_reason() -> None:
    # Exact: what each message must say.
    sample, beta, v = cox_sample(TIME, EVENT, X, strata=list("ababab")), np.zeros(1), np.eye(1)
    for call, says in (
        (lambda: predicted_curves(sample, beta, "efron", covariance=v, covariates=[0.0]), "2 strata"),
        (lambda: predicted_curves(sample, beta, "efron", covariance=v, covariates=[0.0], stratum="c"), "no stratum"),
        (lambda: predicted_curves(sample, beta, "efron", covariance=v, covariates=[0.0, 1], stratum="a"), "2 covariates"),
        (lambda: predicted_curves(sample, beta, "efron", covariance=v, covariates=[np.nan], stratum="a"), "not finite"),
        (lambda: predicted_curves(sample, beta, "exact", covariance=v, covariates=[0.0], stratum="a"), "not exact"),
        (lambda: baseline_hazard(sample, beta, "exact"), "not exact"),
    ):
        with pytest.raises(EstimationRefused) as refused:
            call()
        assert says in str(refused.value)
