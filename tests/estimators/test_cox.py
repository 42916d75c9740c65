"""The Cox model by hand, against the literature, and its conventions."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from tendon_outcomes.estimators.regression.cox.evaluation import Ties
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.cox.likelihood import evaluate
from tendon_outcomes.estimators.regression.cox.sample import cox_sample
from tendon_outcomes.estimators.regression.cox.sorted_rows import sorted_rows
from tendon_outcomes.estimators.regression.cox.tied_days import _euler_maclaurin, _few
from tests.refusals.cases_cox import REFUSALS
from tests.refusals.refusal import Refusal, fault
from tests.slow_reference import slow_cox

# Therneau & Grambsch (2000), appendix E.1, data set 1.
TIME, EVENT, X = [1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1], [1, 1, 1, 0, 0, 0]

# Freireich et al. (1963), weeks of remission; 1 = censored is written as a negative time. Control first.
CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TREATED = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]


def freireich() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    signed = np.array(CONTROL + TREATED, dtype=float)
    return np.abs(signed), signed > 0, np.repeat([1.0, 0.0], 21)


def test_breslow_on_therneaus_data_is_the_root_of_his_quadratic() -> None:
    # Exact: beta = log((3 + sqrt 33)/2), Therneau & Grambsch (2000), E.1; log likelihood at 0 is -log(6 * 4 * 4 * 1).
    fit = cox(TIME, EVENT, X, ties="breslow")
    r = (3.0 + math.sqrt(33.0)) / 2.0
    assert fit.coefficients.estimate[0] == pytest.approx(math.log(r), abs=1e-12)
    assert fit.null_log_likelihood == pytest.approx(-math.log(96.0), abs=1e-12)
    log_likelihood = 2 * math.log(r) - math.log(3 * r + 3) - 2 * math.log(r + 3)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-12)
    information = 3 * r * 3 / (3 * r + 3) ** 2 + 2 * r * 3 / (r + 3) ** 2
    assert fit.coefficients.std_error[0] == pytest.approx(1 / math.sqrt(information), abs=1e-9)


def test_efron_on_therneaus_data() -> None:
    # Published: Therneau & Grambsch (2000), E.1: 1.6768574856.
    fit = cox(TIME, EVENT, X)
    assert fit.coefficients.estimate[0] == pytest.approx(1.6768574856, abs=5e-11)
    # Exact: at 0 the second of two tied events sees 4 - 1/2 * 2 = 3 rows: -log(6 * 4 * 3 * 1).
    assert fit.null_log_likelihood == pytest.approx(-math.log(72.0), abs=1e-12)


def test_exact_on_therneaus_data_counts_pairs() -> None:
    # Exact: on day 6 two of four have the event, of which one has x = 1: r / (3 r + 3) for (r, 1, 1, 1); on day 1, r / (3 r + 3).
    # Their product r^2 / (9 (r + 1)^2) rises for ever.
    assert fault(Refusal("", lambda: cox(TIME, EVENT, X, ties="exact"), "has no maximum")) is None
    # With the last row's x = 1 instead: r/(4r+2) on day 1; day 6 sets of two of (r, 1, 1, r): r among r^2 + 4 r + 1.
    fit = cox(TIME, EVENT, [1, 1, 1, 0, 0, 1], ties="exact")
    r = math.exp(fit.coefficients.estimate[0])
    assert fit.null_log_likelihood == pytest.approx(-math.log(6.0 * 6.0), abs=1e-12)
    assert fit.log_likelihood == pytest.approx(math.log(r / (4 * r + 2)) + math.log(r / (r * r + 4 * r + 1)), abs=1e-12)
    # Its derivative in log r is 0: 1 - 4r/(4r+2) + 1 - (2r^2 + 4r)/(r^2 + 4r + 1).
    assert 2 - 4 * r / (4 * r + 2) - (2 * r * r + 4 * r) / (r * r + 4 * r + 1) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("ties", "estimate", "std_error"), [("breslow", 1.5091914, 0.4095644), ("efron", 1.5721251, 0.4123967)])
def test_freireich(ties: Ties, estimate: float, std_error: float) -> None:
    # Published: Kalbfleisch & Prentice (2002), 4.2; R survival's documentation (breslow and efron).
    fit = cox(*freireich(), ties=ties, names=["control"])
    assert fit.coefficients.estimate[0] == pytest.approx(estimate, abs=5e-8)
    assert fit.coefficients.std_error[0] == pytest.approx(std_error, abs=5e-8)
    assert fit.coefficients.names == ("control",)


def test_rossi() -> None:
    # Published: Allison (1995), Rossi et al.'s recidivism data, as printed by lifelines and R: seven log hazard ratios.
    from lifelines.datasets import load_rossi

    rossi = load_rossi()
    names = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    fit = cox(rossi["week"], rossi["arrest"], rossi[names], names=names)
    expected = [-0.37942, -0.05744, 0.31390, -0.14980, -0.43370, -0.08487, 0.09150]
    np.testing.assert_allclose(fit.coefficients.estimate, expected, rtol=0, atol=5.1e-6)


def test_score_test_of_one_binary_covariate_without_ties_is_the_log_rank_test() -> None:
    # Exact: without ties the score statistic at 0 is (O - E)^2 / V of the log-rank test, summed here by hand.
    time, arm = np.array([1.0, 2, 3, 4, 5, 6]), np.array([1.0, 0, 1, 1, 0, 0])
    event = np.array([1, 1, 0, 1, 1, 0])
    observed = expected = variance = 0.0
    for day in time[event == 1]:
        there = time >= day
        share = arm[there].mean()
        observed += float(arm[time == day][0])
        expected, variance = expected + share, variance + share * (1 - share)
    for ties in ("efron", "breslow", "exact"):
        fit = cox(time, event, arm, ties=ties)  # type: ignore[arg-type]
        assert fit.score_test.statistic == pytest.approx((observed - expected) ** 2 / variance, abs=1e-12)


def test_result_has_its_tests_and_limits() -> None:
    # Exact: definitions. Likelihood ratio, Wald and hazard-ratio limits from the numbers they are made of.
    fit = cox(*freireich(), conf_level=0.9)
    beta, error = fit.coefficients.estimate, fit.coefficients.std_error
    assert fit.likelihood_ratio_test.statistic == pytest.approx(2 * (fit.log_likelihood - fit.null_log_likelihood))
    assert fit.wald_test.statistic == pytest.approx(float(beta[0] / error[0]) ** 2)
    ratio = fit.hazard_ratios()
    np.testing.assert_allclose(
        [ratio.conf_low, ratio.conf_high], np.exp([beta - 1.6448536 * error, beta + 1.6448536 * error]), rtol=1e-6
    )
    assert (fit.n, fit.n_events, fit.penalised, fit.coefficients.robust) == (42, 30, False, False)
    np.testing.assert_allclose(fit.linear_predictor, fit.sample.x @ beta, rtol=1e-13)
    assert fit.gradient_norm <= 1e-8


def test_start_does_not_move_the_answer() -> None:
    # Exact: the optimum is one; also from a start where exp() would overflow.
    time, event, x = freireich()
    plain = cox(time, event, x)
    for start in ([1.5], [-3.0]):
        np.testing.assert_allclose(
            cox(time, event, x, start=start).coefficients.estimate, plain.coefficients.estimate, atol=1e-12
        )
    far = cox(time, event, 1e4 * x)
    np.testing.assert_allclose(far.coefficients.estimate * 1e4, plain.coefficients.estimate, rtol=1e-10)


def test_clusters_of_single_rows_are_the_robust_variance() -> None:
    # Exact: two names of one sandwich; and cluster labels may be anything.
    time, event, x = freireich()
    robust = cox(time, event, x, robust=True).coefficients
    clustered = cox(time, event, x, cluster=[f"p{i}" for i in range(42)]).coefficients
    assert robust.robust
    np.testing.assert_allclose(robust.covariance, clustered.covariance, rtol=1e-12)


def big(n: int, days: int, p: int, strata: int = 1, weighted: bool = False) -> slow_cox.Rows:
    rng = np.random.default_rng(n)
    time = np.ceil(days * rng.random(n)) if days else rng.random(n)
    weight = rng.random(n) + 0.5 if weighted else np.ones(n)
    return slow_cox.Rows(time, rng.random(n) < 0.6, rng.normal(size=(n, p)), np.full(n, -1.0), weight, rng.integers(0, strata, n))


@pytest.mark.parametrize(
    "rows",
    [big(6000, 12, 3), big(6000, 700, 2), big(5000, 0, 2), big(5000, 0, 2, weighted=True), big(9000, 0, 2, strata=2)],
    ids=["a few days", "many days", "no ties", "no ties, weighted", "no ties, strata"],
)
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_every_way_of_summing_gives_the_same_likelihood(rows: slow_cox.Rows, ties: str) -> None:
    # Exact: the definition with running sums in long double over days sorted once, whichever of the three ways was taken.
    sample = cox_sample(rows.time, rows.event, rows.x, weight=rows.weight, strata=rows.strata)
    beta = np.full(rows.x.shape[1], 0.4)
    found = evaluate(sorted_rows(sample), beta, ties)
    value, gradient, information = by_days(rows, beta, ties)
    assert found.log_likelihood == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(found.gradient, gradient, atol=1e-9)
    np.testing.assert_allclose(found.information, information, rtol=1e-10, atol=1e-9)


def by_days(rows: slow_cox.Rows, beta: np.ndarray, ties: str) -> tuple[float, np.ndarray, np.ndarray]:
    value, gradient, information = 0.0, np.zeros(beta.size), np.zeros((beta.size, beta.size))
    score = rows.weight * np.exp(rows.x @ beta)
    for s in np.unique(rows.strata):
        own = np.flatnonzero(rows.strata == s)
        order = own[np.argsort(-rows.time[own], kind="stable")]
        x, r, time, event = rows.x[order], score[order], rows.time[order], rows.event[order]
        moments = np.concatenate([np.ones((order.size, 1)), x, (x[:, :, None] * x[:, None]).reshape(order.size, -1)], axis=1)
        running = np.cumsum((r[:, None] * moments).astype(np.longdouble), axis=0)
        for day in np.unique(time[event]):
            last = int(np.searchsorted(-time, -day, side="right")) - 1
            at = (time == day) & event
            d, weight = int(at.sum()), float(rows.weight[order][at].mean())
            value += float(rows.weight[order][at] @ (x[at] @ beta))
            gradient += rows.weight[order][at] @ x[at]
            for number in range(d):
                share = number / d if ties == "efron" else 0.0
                sums = np.asarray(running[last] - share * (r[at][:, None] * moments[at]).sum(axis=0), dtype=float)
                mean = sums[1 : beta.size + 1] / sums[0]
                value -= weight * math.log(sums[0])
                gradient -= weight * mean
                information += weight * (sums[beta.size + 1 :].reshape(beta.size, -1) / sums[0] - np.outer(mean, mean))
    return value, gradient, information


def test_sums_over_many_ties_by_formula_are_those_term_by_term() -> None:
    # Exact: Euler and Maclaurin's formula beside the sums, from where it is used on, for 2 to 5000 ties.
    for d in (2, 17, 300, 5000):
        s = np.array([1.0, 3e4])
        e = s * d / (d + np.array([24.5, 1e5]))
        count = np.array([d, d])
        formula, terms = _euler_maclaurin(count.astype(float), s, e), _few(count, s, e)
        # The sums with l/d are multiplied by sums over the events, which are e / s of those over the risk set: so is the unit.
        unit = d / np.stack([np.ones(2), s, e, s * s, s * e, e * e])
        assert np.abs((formula - terms) / np.maximum(unit, np.abs(terms))).max() < 2e-14


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_refusals(refusal: Refusal) -> None:
    # Exact: by the rule that the name says.
    assert fault(refusal) is None


def test_fitting_does_not_touch_its_input_or_the_global_generator() -> None:
    # Exact: arrays and the state of NumPy's generator are the same afterwards.
    time, event, x = freireich()
    before = np.random.get_state()[1].copy(), time.copy(), x.copy()  # type: ignore[union-attr]
    for array in (time, x):
        array.flags.writeable = False
    cox(time, event, x, cluster=np.arange(42))
    np.testing.assert_array_equal(before[0], np.random.get_state()[1])
    np.testing.assert_array_equal(before[1], time)
    np.testing.assert_array_equal(before[2], x)


def test_importing_the_cox_model_loads_nothing_heavy() -> None:
    # Exact: names of the modules after import in a fresh process.
    code = "import sys, tendon_outcomes.estimators.regression.cox.firth; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"scipy", "pandas", "matplotlib"} & set(loaded)
