"""Residuals of a Cox model by hand, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.cox import residuals
from tendon_outcomes.estimators.regression.cox.diagnostics import cox_residuals, schoenfeld_residuals
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.cox.hazard_steps import hazard_steps
from tendon_outcomes.estimators.regression.cox.sample import CoxSample, cox_sample
from tendon_outcomes.estimators.regression.cox.step_information import covariance_of, information_of

CLOSE = {"rtol": 0.0, "atol": 1e-12}
TIME, EVENT, X = [1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1], [1.0, 1, 1, 0, 0, 0]


def six(beta: float = 0.0) -> tuple[CoxSample, np.ndarray]:
    return cox_sample(TIME, EVENT, X), np.array([beta])


@pytest.mark.parametrize("r", [1.0, 2.5, (3 + np.sqrt(33)) / 2])
def test_six_rows_breslow_by_hand(r: float) -> None:
    # Exact: risk sets of 3 r + 3, r + 3 (two events) and 1 on days 1, 6 and 9, r = exp(beta).
    sample, beta = six(np.log(r))
    one, two = 1 / (3 * r + 3), 1 / (3 * r + 3) + 2 / (r + 3)
    expected = np.array([1 - r * one, -r * one, 1 - r * two, 1 - two, -two, -two])
    np.testing.assert_allclose(residuals.martingale(sample, beta, "breslow"), expected, **CLOSE)
    schoenfeld = residuals.schoenfeld(sample, beta, "breslow")
    np.testing.assert_allclose(schoenfeld.residual[:, 0], [1 / (r + 1), 3 / (r + 3), -r / (r + 3), 0], **CLOSE)
    assert schoenfeld.time.tolist() == [1, 6, 6, 9]
    assert schoenfeld.row.tolist() == [0, 2, 3, 5]
    information = r / (r + 1) ** 2 + 6 * r / (r + 3) ** 2
    np.testing.assert_allclose(information_of(hazard_steps(sample, beta, "breslow")), [[information]], **CLOSE)
    np.testing.assert_allclose(covariance_of(hazard_steps(sample, beta, "breslow"), ("x1",)), [[1 / information]], **CLOSE)


@pytest.mark.parametrize("r", [1.0, 2.5, np.exp(1.6768574856)])
def test_six_rows_efron_by_hand(r: float) -> None:
    # Exact: the second event of day 6 is compared with (r + 3) - (r + 1)/2 = (r + 5)/2; both bear half of its hazard.
    sample, beta = six(np.log(r))
    one, two = 1 / (3 * r + 3), 1 / (r + 3) + 2 / (r + 5)
    tied = one + 1 / (r + 3) + 1 / (r + 5)
    expected = np.array([1 - r * one, -r * one, 1 - r * tied, 1 - tied, -one - two, -one - two])
    np.testing.assert_allclose(residuals.martingale(sample, beta, "efron"), expected, **CLOSE)
    mean = (r / (r + 3) + r / (r + 5)) / 2
    schoenfeld = residuals.schoenfeld(sample, beta, "efron").residual[:, 0]
    np.testing.assert_allclose(schoenfeld, [1 / (r + 1), 1 - mean, -mean, 0], **CLOSE)
    score = residuals.score_residuals(sample, beta, "efron")[:, 0]
    assert score[0] == pytest.approx((1 - r * one) * (1 - r / (r + 1)), abs=1e-12)
    assert score[1] == pytest.approx(-r * one * (1 - r / (r + 1)), abs=1e-12)
    censored = one * r / (r + 1) + r / (r + 3) ** 2 + 2 * r / (r + 5) ** 2
    assert score[4] == pytest.approx(censored, abs=1e-12)
    assert score.sum() == pytest.approx(schoenfeld.sum(), abs=1e-12)


def test_published_maximum_makes_the_sums_vanish() -> None:
    # Published: Therneau & Grambsch (2000), appendix E.1: Breslow log((3 + sqrt 33)/2), Efron 1.6768574856.
    for ties, beta in (("breslow", np.log((3 + np.sqrt(33)) / 2)), ("efron", 1.6768574856)):
        sample, at = six(float(beta))
        assert residuals.score_residuals(sample, at, ties).sum() == pytest.approx(0.0, abs=1e-9)
        assert residuals.schoenfeld(sample, at, ties).residual.sum() == pytest.approx(0.0, abs=1e-9)


def test_deviance_residuals_by_hand() -> None:
    # Exact: at beta 0 the martingale residuals are 5/6, -1/6, 1/3, 1/3, -2/3, -2/3; expected events 1/6, 1/6, 2/3, 2/3, 2/3, 5/3.
    expected = [
        np.sqrt(-2 * (5 / 6 + np.log(1 / 6))),
        -np.sqrt(2 / 6),
        np.sqrt(-2 * (1 / 3 + np.log(2 / 3))),
        np.sqrt(-2 * (1 / 3 + np.log(2 / 3))),
        -np.sqrt(4 / 3),
        -np.sqrt(-2 * (-2 / 3 + np.log(5 / 3))),
    ]
    np.testing.assert_allclose(residuals.deviance(*six(), "breslow"), expected, **CLOSE)


def test_rows_that_are_never_at_risk_have_nothing() -> None:
    # Exact: censored before the first event, or entered after the last one.
    sample = cox_sample([1, 2, 3, 4, 9], [0, 1, 1, 0, 0], [3.0, 1, 0, 1, 5], entry=[0, 0, 0, 0, 4])
    for kind in (residuals.martingale, residuals.deviance, residuals.score_residuals):
        np.testing.assert_array_equal(kind(sample, np.array([0.3]), "efron")[[0, 4]], 0.0)


def test_dfbeta_is_weight_times_score_times_covariance() -> None:
    # Exact: one matrix product; dfbetas divides by the standard error.
    sample = cox_sample(TIME, EVENT, X, weight=[1, 2, 0.5, 1, 3, 1], cluster=[0, 0, 1, 1, 2, 2])
    beta = np.array([0.4])
    v = covariance_of(hazard_steps(sample, beta, "efron"), sample.names)
    change = sample.weights[:, None] * residuals.score_residuals(sample, beta, "efron") @ v
    np.testing.assert_allclose(residuals.dfbeta(sample, beta, "efron"), change, **CLOSE)
    np.testing.assert_allclose(residuals.dfbetas(sample, beta, "efron"), change / np.sqrt(v[0, 0]), **CLOSE)
    pairs = change.reshape(3, 2).sum(axis=1)[:, None]
    np.testing.assert_allclose(residuals.dfbeta(sample, beta, "efron", by_cluster=True), pairs, **CLOSE)


def test_weighted_score_residuals_are_the_derivative_of_the_score() -> None:
    # Exact property, by central differences: Breslow, any weights.
    rng = np.random.default_rng(4)
    time, event, x = rng.integers(1, 6, 14), rng.random(14) < 0.7, rng.normal(size=(14, 2))
    weight, beta = rng.uniform(0.5, 2, 14), np.array([0.3, -0.2])

    def score(w: np.ndarray) -> np.ndarray:
        events = residuals.schoenfeld(cox_sample(time, event, x, weight=w), beta, "breslow")
        return events.weight @ events.residual

    found = residuals.score_residuals(cox_sample(time, event, x, weight=weight), beta, "breslow")
    for i in range(14):
        step = np.where(np.arange(14) == i, 1e-5, 0.0)
        np.testing.assert_allclose((score(weight + step) - score(weight - step)) / 2e-5, found[i], atol=1e-8)


def test_a_fit_gives_its_own_residuals() -> None:
    # Exact: the wrappers pass the sample, the estimate and the tie rule on; sums over clusters carry the weights.
    fit = cox(TIME, EVENT, X, weight=[1, 2, 0.5, 1, 3, 1], cluster=[0, 0, 1, 1, 2, 2], ties="breslow")
    model = (fit.sample, fit.coefficients.estimate, "breslow")
    for kind in ("martingale", "deviance", "dfbeta", "dfbetas"):
        np.testing.assert_array_equal(cox_residuals(fit, kind), getattr(residuals, kind)(*model))
    np.testing.assert_array_equal(cox_residuals(fit, "score"), residuals.score_residuals(*model))
    summed = cox_residuals(fit, "martingale", by_cluster=True)
    np.testing.assert_allclose(summed, (fit.sample.weights * residuals.martingale(*model)).reshape(3, 2).sum(axis=1), **CLOSE)
    dfbeta = cox_residuals(fit, "dfbeta", by_cluster=True)
    np.testing.assert_allclose(dfbeta.T @ dfbeta, fit.coefficients.covariance, rtol=1e-9)
    np.testing.assert_array_equal(schoenfeld_residuals(fit).residual, residuals.schoenfeld(*model).residual)
    np.testing.assert_array_equal(schoenfeld_residuals(fit, scaled=True).residual, residuals.scaled_schoenfeld(*model).residual)


def test_strata_far_apart_on_the_scale_of_the_predictor_do_not_disturb_each_other() -> None:
    # Exact: a covariate whose level differs by 600 between strata would overflow exp() without a shift for each stratum.
    x = np.array([0.0, 1, 2, 1, 0, 2])
    apart = np.array([0, 0, 0, 600, 600, 600])
    one = cox_sample([1, 2, 3, 1, 2, 3], [1, 1, 0, 1, 1, 0], x, strata=[0, 0, 0, 1, 1, 1])
    two = cox_sample([1, 2, 3, 1, 2, 3], [1, 1, 0, 1, 1, 0], x + apart, strata=[0, 0, 0, 1, 1, 1])
    for kind in (residuals.martingale, residuals.score_residuals):
        np.testing.assert_allclose(kind(one, np.array([1.5]), "efron"), kind(two, np.array([1.5]), "efron"), atol=1e-10)


def test_refusals_name_the_reason() -> None:
    # Exact: what each message must say.
    sample, beta = six()
    for call, says in (
        (lambda: residuals.martingale(sample, beta, "exact"), "not exact"),
        (lambda: residuals.martingale(sample, np.zeros(2), "efron"), "2 coefficients for 1"),
        (lambda: residuals.martingale(sample, np.array([np.nan]), "efron"), "missing or not finite"),
        (lambda: residuals.martingale(cox_sample(TIME, [0] * 6, X), beta, "efron"), "no events"),
        (lambda: residuals.dfbeta(sample, beta, "efron", by_cluster=True), "no clusters"),
        (lambda: residuals.dfbeta(cox_sample([1, 2, 3], [0, 0, 1], [0.0, 1, 1]), beta, "efron"), "does not vary"),
        (lambda: residuals.martingale(cox_sample([1, 2], [1, 1], [0.0, 1]), np.array([2000.0]), "efron"), "exp()"),
        (lambda: cox_residuals(cox(TIME, EVENT, X), "raw"), "no 'raw' residuals"),  # type: ignore[arg-type]
        (lambda: cox_residuals(cox(TIME, EVENT, X), "deviance", by_cluster=True), "do not add up"),
    ):
        with pytest.raises(EstimationRefused) as refused:
            call()
        assert says in str(refused.value)
