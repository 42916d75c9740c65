"""Cox and Fine-Gray models that once came out wrong, each with one line of history."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.cox import diagnostics
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.cox.hazard_steps import hazard_steps
from tendon_outcomes.estimators.regression.cox.monotone import never_falls
from tendon_outcomes.estimators.regression.cox.partial_likelihood import partial_likelihood
from tendon_outcomes.estimators.regression.cox.residuals import score_residuals
from tendon_outcomes.estimators.regression.cox.sample import cox_sample
from tendon_outcomes.estimators.regression.cox.scanned import scanned_evaluation
from tendon_outcomes.estimators.regression.cox.sorted_rows import sorted_rows
from tendon_outcomes.estimators.regression.cox.step_information import information_of
from tendon_outcomes.estimators.regression.fine_gray import fine_gray

NO_MAXIMUM = "covariate x1: the partial likelihood has no maximum"


def sample(seed: int = 1, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)).round(2)
    return np.ceil(rng.exponential(10, n) * np.exp(-0.5 * x[:, 0])), rng.random(n) < 0.7, x


def test_separation_seen_in_one_step_of_newton() -> None:
    # Grade: exact (the only event has the largest covariate at risk). History: the first step went 900 standard deviations far,
    # 1/S^2 vanished there, and rounding was reported as a hazard ratio of exp(871) with a standard error of 3e-16.
    weight = np.array([0.01, 0.01, 1, 1, 0.01, 0.01, 2.5, 100])
    with pytest.raises(EstimationRefused, match=NO_MAXIMUM):
        cox([0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1, 0, 0], weight=weight)


def test_separation_with_late_entry_and_strata() -> None:
    # Grade: exact (in every risk set the event is lowest). History: taking late entries off sums 1e15 times as large left only
    # rounding, which looked like an optimum: beta -11.6, standard error 3.9.
    stop = np.array([0.0, 2, 7, 2, 5, 8, 1, 3, 4, 6])
    start = np.array([-1.0, 1, 6, 1, 4, 5, -1, 2, 2, 5])
    x = np.array([0.744, -1.287, -2.195, -0.983, -0.763, -0.793, -0.816, -0.4, 0.355, -0.285])
    strata = np.repeat([0, 1, 2], [3, 3, 4])
    with pytest.raises(EstimationRefused, match=NO_MAXIMUM):
        cox(stop, np.ones(10), x, entry=start, strata=strata, ties="breslow")


def test_separation_under_a_loose_tolerance() -> None:
    # Grade: exact (nobody with x1 = 1 has the event). History: with tolerance 0.03 a step of one was taken for the last.
    time, event, x = sample()
    with pytest.raises(EstimationRefused, match=NO_MAXIMUM):
        cox(time, event & (x[:, 0] < 0.5), np.column_stack([x[:, 0] >= 0.5, x[:, 1]]), tolerance=0.03)


def test_an_outlier_is_no_separation() -> None:
    # Grade: exact (the outlier goes first and alone: without it the likelihood is the same). History: beside a range of 1e7
    # everybody else counted as equal, and the sample was refused as separated.
    time, event, x = sample()
    time[0], event[0], x[0, 0] = 0.5, True, 1e7
    with_it, without = cox(time, event, x), cox(time[1:], event[1:], x[1:])
    np.testing.assert_allclose(with_it.coefficients.estimate, without.coefficients.estimate, rtol=1e-7)
    np.testing.assert_allclose(with_it.coefficients.std_error, without.coefficients.std_error, rtol=1e-7)
    # Fine and Gray's model took a log hazard ratio of 30 over the range of a covariate for endless.
    x[0, 0] = 100.0
    code = np.where(event, 1 + (np.arange(60) % 3 == 1), 0)
    code[0] = 1
    far, near = fine_gray(time, code, x), fine_gray(time[1:], code[1:], x[1:])
    np.testing.assert_allclose(far.coefficients.estimate, near.coefficients.estimate, rtol=1e-6)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_separation_as_linear_programming_finds_it(seed: int, ties: str) -> None:
    # Grade: exact (a direction with no row at risk above an event, found among all pairs by scipy's linear programme).
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(6, 20)), int(rng.integers(1, 4))
    x = rng.integers(0, 3, (n, p)).astype(float) if seed % 2 else rng.normal(size=(n, p))
    time = rng.integers(1, 8, n).astype(float)
    event, entry, strata = rng.random(n) < 0.5, time - rng.integers(1, 6, n), rng.integers(0, 2, n)
    options = {"entry": entry if seed % 3 else None, "strata": strata if seed % 4 else None}
    try:
        cox(time, event, x, ties=ties, **options)  # type: ignore[arg-type]
        found = False
    except EstimationRefused as refusal:
        if "no maximum" not in str(refusal):
            return
        found = True
    same = (strata[:, None] == strata) if seed % 4 else np.ones((n, n), dtype=bool)
    inside = (entry < time[:, None]) if seed % 3 else np.ones((n, n), dtype=bool)
    beside = event[:, None] & same & inside & (time >= time[:, None]) & ~np.eye(n, dtype=bool)
    if ties == "exact":
        beside &= ~(event & (time == time[:, None]))
    i, j = np.nonzero(beside)
    pairs = x[i] - x[j]
    best = linprog(-pairs.sum(axis=0), A_ub=-pairs, b_ub=np.zeros(len(pairs)), bounds=[(-1, 1)] * p)
    assert found == (-best.fun > 1e-7)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_all_ways_to_evaluate_agree(ties: str) -> None:
    # Grade: exact (the same likelihood summed risk set by risk set); entry, strata, weights and ties.
    time, event, x = sample(4)
    rng = np.random.default_rng(2)
    rows = cox_sample(
        time, event, x, entry=time - rng.integers(1, 9, 60), strata=rng.integers(0, 3, 60), weight=rng.integers(1, 9, 60) / 4
    )
    slow = scanned_evaluation(rows, ties)
    assert slow is not None
    for beta in (np.zeros(2), np.array([0.7, -0.4])):
        # And so do the sums that residuals are made of.
        np.testing.assert_allclose(rows.weights @ score_residuals(rows, beta, ties), slow(beta).gradient, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(information_of(hazard_steps(rows, beta, ties)), slow(beta).information, rtol=1e-11, atol=1e-11)
        for ours, theirs in zip(partial_likelihood(rows, ties)(beta), slow(beta), strict=True):  # type: ignore[arg-type]
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def test_far_strata_are_fitted() -> None:
    # Grade: exact (a shift of a covariate within a stratum changes nothing).
    time, event, x = sample()
    strata = np.repeat([0, 1, 2], 20)
    moved = x + np.array([0.0, 1e5, -3e5])[strata][:, None] * [1.0, 0.0]
    one, two = (cox(time, event, values, strata=strata).coefficients for values in (x, moved))
    np.testing.assert_allclose(two.estimate, one.estimate, rtol=1e-7)
    np.testing.assert_allclose(two.std_error, one.std_error, rtol=1e-7)


def test_rows_between_two_event_days_are_left_out() -> None:
    # Grade: exact. History: a row at risk on no event day was put in and taken away again.
    rows = sorted_rows(cox_sample([2, 4, 5, 9], [1, 0, 1, 0], [1.0, 7, 2, 3], entry=[0, 3, 0, 0]))
    assert rows.x.shape[0] == 3
    assert not rows.delayed


@pytest.mark.parametrize("fit", [cox, fine_gray])
def test_small_weights_do_not_end_the_iterations_early(fit: object) -> None:
    # Grade: exact (sampling weights that are all multiplied by a constant change nothing). History: with weights of 1e-20 Fine
    # and Gray's model stopped a step early, 4e-4 off; Cox's was refused because no covariate seemed to vary.
    time, event, x = sample()
    weight = np.linspace(0.5, 2.0, 60)
    one, two = (fit(time, event, x, weight=weight * size, robust=True).coefficients for size in (1.0, 1e-20))  # type: ignore[operator]
    np.testing.assert_allclose(two.estimate, one.estimate, rtol=1e-9)
    np.testing.assert_allclose(two.std_error, one.std_error, rtol=1e-9)


def test_tests_do_not_depend_on_units() -> None:
    # Grade: exact (the score and Wald statistics are invariant).
    time, event, x = sample()
    one, two = cox(time, event, x), cox(time, event, x * [1e-8, 1e8])
    assert two.score_test.statistic == pytest.approx(one.score_test.statistic, rel=1e-10)
    assert two.wald_test.statistic == pytest.approx(one.wald_test.statistic, rel=1e-9)


def test_never_falls_wants_the_direction_up() -> None:
    # Grade: exact.
    rows = cox_sample([1, 2, 3], [1, 1, 0], [3.0, 2, 1])
    assert never_falls(rows, np.array([1.0]))
    assert not never_falls(rows, np.array([-1.0]))


TIME, EVENT, X = sample()
SEPARATED = np.column_stack([~EVENT, X[:, 1]]).astype(float)
TWICE = {"time": np.tile(TIME, 2), "event": np.tile(EVENT, 2), "covariates": np.tile(X, (2, 1))}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        # History: answered by the penalised fit with its model-based variance, the wish for a robust one forgotten.
        (lambda: cox(TIME, EVENT, SEPARATED, robust=True, on_separation="firth"), "no robust variance"),
        # History: taken for "refuse".
        (lambda: cox(TIME, EVENT, X, on_separation="frith"), "on_separation"),  # type: ignore[arg-type]
        # History: a standard error of 1e-17 (two clusters that say the same), or a crash in the Wald test.
        (lambda: cox(**TWICE, cluster=np.repeat([0, 1, 2], [60, 30, 30])), "no full rank"),
        (lambda: cox([1, 1, 1], [1, 1, 1], [0.0, 1, 2], weight=[2.5, 2.5, 1], ties="breslow", cluster=[0, 0, 0]), "1 clusters"),
        # History: an internal error.
        (lambda: cox(TIME, EVENT, X, strata=np.where(np.arange(60) < 5, None, "a")), "5 of 60 rows have no `strata`"),
        (lambda: cox(TIME, np.full(60, "yes"), X), "`event`"),
        # History: two rows were given, one was used.
        (lambda: diagnostics.cumulative_baseline_hazard(cox(TIME, EVENT, X), reference=X[:2]), "2 rows where one"),
        (lambda: diagnostics.predicted_hazard_ratio(cox(TIME, EVENT, X), X, reference=X[:2]), "2 rows where one"),
        # History: overflow in a product.
        (lambda: cox(TIME, EVENT, X * 1e-160), "covariate x1, x2: too large or too small"),
        # History: rows without a censoring group were a group of their own.
        (lambda: fine_gray(TIME, EVENT, X, censoring_group=np.where(np.arange(60) < 5, np.nan, 1.0)), "censoring_group"),
        # History: a covariance of rank 1 for two coefficients.
        (lambda: fine_gray(TIME, EVENT, X, cluster=np.arange(60) // 30), "2 clusters for 2 coefficients"),
        # Exact: the one event has the largest covariate of all that are ever at risk beside it, a competing event's included.
        (lambda: fine_gray([1, 2, 3, 4], [2, 1, 0, 0], [1.0, 4, 3, 2]), "rises without end"),
    ],
)
def test_refused(call: object, says: str) -> None:
    # Grade: refusal.
    with pytest.raises(EstimationRefused, match=says):
        call()  # type: ignore[operator]


def test_standard_errors_near_separation_are_those_at_the_estimate() -> None:
    # Exact: the last step was short in standard errors (250 for one coefficient) and long in the covariates; the information was
    # taken before it, and the standard error was off by 1.4e-6 of itself.
    x = np.array([[-1.03387499, 0.37970747], [0.4188306, 1.7603751], [-0.14294503, 0.45399106], [1.41588768, -0.83281828]])
    x = np.vstack([x, [0.75894586, 0.52922446]])
    fit = cox([1, 4, 3, 2, 3], np.ones(5), x, entry=[0, 1, 0, 1, 1])
    again = cox([1, 4, 3, 2, 3], np.ones(5), x, entry=[0, 1, 0, 1, 1], start=fit.coefficients.estimate)
    np.testing.assert_allclose(fit.coefficients.std_error, again.coefficients.std_error, rtol=1e-9)
    assert fit.coefficients.std_error[1] == pytest.approx(250.76, abs=0.01)
