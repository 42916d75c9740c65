"""Fine and Gray's model."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators import aalen_johansen
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.fine_gray import fine_gray
from tendon_outcomes.estimators.regression.subdistribution import censoring_curves, evaluated


def drawn(n: int = 80, seed: int = 5, days: int = 25) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n), rng.random(n) < 0.4]).astype(float)
    return rng.integers(1, days, n), rng.choice([0, 1, 2], n, p=[0.3, 0.45, 0.25]), x


def test_no_competing_event_is_cox_by_breslow() -> None:
    # Exact identity, the sandwich included: nobody is kept at risk after the own day.
    time, cause, x = drawn()
    cause = np.minimum(cause, 1)
    one, other = fine_gray(time, cause, x), cox(time, cause, x, ties="breslow", robust=True)
    np.testing.assert_allclose(one.coefficients.estimate, other.coefficients.estimate, atol=1e-9)
    np.testing.assert_allclose(one.coefficients.covariance, other.coefficients.covariance, atol=1e-9)
    np.testing.assert_allclose(one.naive_covariance, other.naive_covariance, atol=1e-9)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-9)


def test_no_censoring_keeps_competing_rows_at_risk_for_ever() -> None:
    # Exact identity: the same as Cox with competing events moved beyond the last day.
    time, cause, x = drawn()
    cause = np.where(cause == 0, 2, cause)
    one = fine_gray(time, cause, x)
    other = cox(np.where(cause == 1, time, 99), cause == 1, x, ties="breslow", robust=True)
    np.testing.assert_allclose(one.coefficients.estimate, other.coefficients.estimate, atol=1e-9)
    np.testing.assert_allclose(one.coefficients.covariance, other.coefficients.covariance, atol=1e-9)


FIVE = ([1, 2, 2, 3, 4], [2, 1, 0, 1, 0], [1.0, 1, 0, 0, 1])


def test_five_rows_by_hand() -> None:
    # Exact. Day 2: three rows with x = 1 (one gone by the other cause) and two with 0, event x = 1. One of four at risk is lost
    # on day 2, so the row gone on day 1 counts 3/4 on day 3: 7 r/4 + 1, event x = 0. 2/(3r + 2) = 7r/(7r + 4) gives r^2 = 8/21.
    fit, r = fine_gray(*FIVE), np.sqrt(8 / 21)
    assert fit.coefficients.estimate[0] == pytest.approx(np.log(8 / 21) / 2, abs=1e-10)
    assert fit.log_likelihood == pytest.approx(np.log(r) - np.log(3 * r + 2) - np.log(7 * r / 4 + 1), abs=1e-12)
    assert fit.null_log_likelihood == pytest.approx(-np.log(5) - np.log(11 / 4), abs=1e-12)
    information = 6 * r / (3 * r + 2) ** 2 + 7 * r / 4 / (7 * r / 4 + 1) ** 2
    assert fit.naive_covariance[0, 0] == pytest.approx(1 / information, abs=1e-9)
    np.testing.assert_allclose(fit.hazard, [1 / (3 * r + 2), 1 / (7 * r / 4 + 1)], atol=1e-10)
    assert (fit.n, fit.n_events, fit.n_competing, fit.n_censored) == (5, 2, 1, 2)
    found = fit.incidence([[0.0], [1.0]], [1, 2, 3.5])
    total = np.concatenate(([0.0], np.cumsum(fit.hazard)))
    np.testing.assert_allclose(found.estimate, 1 - np.exp(-np.outer([1, r], total)), atol=1e-10)
    np.testing.assert_array_equal([part[:, 0] for part in found], 0.0)


def test_censoring_curves_by_hand() -> None:
    # Exact: events of a day are still at risk of censoring on it; after the last day of a group the curve is 0.
    day, code, group = np.array([0, 1, 1, 2, 0]), np.array([2, 1, 0, 1, 0]), np.array([0, 0, 0, 0, 1])
    curve, at_risk, censored = censoring_curves(day, code, np.ones(5), group, 3)
    np.testing.assert_allclose(curve, [[1, 1, 2 / 3], [1, 0, 0]], atol=1e-12)
    np.testing.assert_array_equal(at_risk, [[4, 3, 1], [1, 0, 0]])
    np.testing.assert_array_equal(censored, [[0, 1, 0], [1, 0, 0]])


def test_without_effect_the_hazard_gives_aalen_johansen() -> None:
    # Exact identity (Geskus 2011), where no day has both events and censorings: the product of 1 - hazard is 1 - F.
    _, cause, x = drawn()
    time = np.random.default_rng(1).permutation(80) + 1.0
    fit, curves = fine_gray(time, cause, x), aalen_johansen(time, cause)
    hazard = evaluated(fit.sample, np.zeros(2)).hazard
    np.testing.assert_allclose(1 - np.cumprod(1 - hazard), curves.at(1, fit.sample.time).estimate, atol=1e-12)


def test_influence_is_the_derivative_by_the_weights() -> None:
    # Exact but for the censoring curve's ties: with one row a day, numerical derivatives of order 1/n apart from the formula.
    _, cause, x = drawn(300, seed=11)
    time = np.random.default_rng(12).permutation(300) + 1.0
    fit = fine_gray(time, cause, x)
    day, new = [100.0], [[0.5, 1.0]]
    found, errors = [], []
    for i in range(0, 300, 7):
        up, down = (np.where(np.arange(300) == i, 1 + step, 1.0) for step in (1e-4, -1e-4))
        one, two = (fine_gray(time, cause, x, weight=w) for w in (up, down))
        found.append((one.coefficients.estimate - two.coefficients.estimate) / 2e-4)
        errors.append(fit.influence[i] - found[-1])
    assert np.abs(errors).max() < 0.01 * np.abs(found).max()
    assert 0 < fit.incidence(new, day).std_error[0, 0] < 0.1


def test_incidence_has_the_standard_error_of_the_jackknife() -> None:
    # Known truth by leaving rows out: the jackknife over 150 rows agrees with the influence within 5 %.
    time, cause, x = drawn(150, seed=2)
    fit, new, days = fine_gray(time, cause, x), [[0.0, 0.0], [1.0, 1.0]], [6, 12, 20]
    left = []
    for i in range(150):
        rest = np.arange(150) != i
        left.append(fine_gray(time[rest], cause[rest], x[rest]).incidence(new, days).estimate)
    spread = np.sqrt(149 / 150 * ((left - np.mean(left, axis=0)) ** 2).sum(axis=0))
    np.testing.assert_allclose(fit.incidence(new, days).std_error, spread, rtol=0.08)


def test_weights_are_copies_and_clusters_are_summed() -> None:
    # Exact: whole-number weights repeat rows; a cluster of identical rows squares their sum.
    time, cause, x = drawn(40)
    copies = np.arange(40) % 3 + 1
    one, many = fine_gray(time, cause, x, weight=copies), fine_gray(*(np.repeat(v, copies, axis=0) for v in (time, cause, x)))
    np.testing.assert_allclose(one.coefficients.estimate, many.coefficients.estimate, atol=1e-9)
    np.testing.assert_allclose(one.coefficients.covariance, many.coefficients.covariance, atol=1e-9)
    np.testing.assert_allclose(one.incidence([0.0, 1], [10]).std_error, many.incidence([0.0, 1], [10]).std_error, atol=1e-9)
    clustered = fine_gray(*(np.repeat(v, copies, axis=0) for v in (time, cause, x)), cluster=np.repeat(np.arange(40), copies))
    robust = fine_gray(time, cause, x, weight=copies, robust=True)
    np.testing.assert_allclose(clustered.coefficients.covariance, robust.coefficients.covariance, atol=1e-9)


def test_other_cause_and_hazard_ratios() -> None:
    # Exact: relabelling the causes is the same model; ratios are exp of the coefficients and their limits.
    time, cause, x = drawn()
    one = fine_gray(time, cause, x, cause_of_interest=2, conf_level=0.9)
    two = fine_gray(time, np.array([0, 2, 1])[cause], x, conf_level=0.9)
    np.testing.assert_array_equal(one.coefficients.estimate, two.coefficients.estimate)
    ratios = one.hazard_ratios()
    np.testing.assert_allclose(np.log(ratios.conf_low), one.coefficients.conf_low, atol=1e-12)
    np.testing.assert_allclose(ratios.std_error, ratios.estimate * one.coefficients.std_error, atol=1e-12)


def test_refusals_name_the_reason() -> None:
    # Exact: what each message must say.
    time, cause, x = drawn(30)
    separated = np.where(cause == 1, 1.0, 0.0)
    for call, says in (
        (lambda: fine_gray(time, cause, x, entry=np.full(30, 0.5)), "delayed entry"),
        (lambda: fine_gray(time, cause, x, cause_of_interest=3), "none of 30 rows has cause 3"),
        (lambda: fine_gray(time, cause, x, cause_of_interest=0), "0 means censored"),
        (lambda: fine_gray(time, cause, separated, names=("treated",)), "treated: the likelihood rises without end"),
        (lambda: fine_gray(time, cause, np.ones(30)), "one value in every row"),
        (lambda: fine_gray(time, cause, np.column_stack([x, x[:, 0]])), "linear combination"),
        (lambda: fine_gray(-time, cause, x), "30 of 30 times are negative"),
        (lambda: fine_gray(time, cause + 0.5, x), "not whole numbers"),
        (lambda: fine_gray(time, cause[:5], x), "event codes have shape"),
        (lambda: fine_gray(time, cause, x[:5]), "5 rows for 30 times"),
        (lambda: fine_gray(time, cause, x, censoring_group=[1, 2]), "censoring_group"),
        (lambda: fine_gray([], [], np.zeros((0, 1))), "no rows"),
        (lambda: fine_gray(time, cause, x).incidence([0, 0], [40]), "beyond the last follow-up"),
        (lambda: fine_gray(time, cause, x).incidence([0], [4]), "rows of 2 finite numbers"),
        (lambda: fine_gray([1, 2, 3], [0, 0, 1], [0.0, 1, 1]), "does not vary"),
    ):
        with pytest.raises(EstimationRefused) as refused:
            call()
        assert says in str(refused.value)
    with pytest.raises(NotConverged):
        fine_gray(time, cause, x, max_iterations=1)
