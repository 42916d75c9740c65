"""Means under two treatments from values a row: limits of ArmMeans, g-computation, AIPW, TMLE, isotonic curves."""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt

import numpy as np
import pytest
from scipy import stats

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.point_treatment.aipw import aipw
from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.folds import patient_folds
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.monotone import monotone
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, pseudo_values
from tendon_outcomes.estimators.causal.point_treatment.tmle import tmle

INF = np.inf


def two_proportions(a: int, n: int, b: int, m: int, **changed: object) -> ArmMeans:
    """a of n under the reference, b of m under treatment 1, as ArmMeans."""
    y = np.repeat([1.0, 0.0, 1.0, 0.0], [a, n - a, b, m - b])
    arm = np.repeat([0, 1], [n, m])
    mean = np.array([[a / n], [b / m]])
    influence = np.stack([np.where(arm == one, (y - mean[one]) / size, 0.0)[:, None] for one, size in ((0, n), (1, m))])
    given = {"largest": np.array([1.0]), "cluster": np.arange(n + m), "effective_n": np.array([n, m], dtype=float)} | changed
    return ArmMeans("plain", ("day 84",), mean, influence, **given)  # type: ignore[arg-type]


def test_limits_of_two_proportions_by_hand() -> None:
    # Exact: 12 of 20 against 6 of 16; variance p (1 - p) / (n - 1), logit limits, Welch's t, joined by their squares.
    means = two_proportions(12, 20, 6, 16)
    p, q = 0.6, 0.375
    v, u = p * (1 - p) / 19, q * (1 - q) / 15
    arm = means.arm(0)
    assert arm.std_error[0] == pytest.approx(sqrt(v), abs=1e-12)
    assert arm.df[0] == 19
    reach = stats.t.ppf(0.975, 19) * sqrt(v) / (p * (1 - p))
    assert arm.conf_low[0] == pytest.approx(1 / (1 + np.exp(-(log(p / (1 - p)) - reach))), abs=1e-12)
    found = means.difference()
    df = (v + u) ** 2 / (v**2 / 19 + u**2 / 15)
    assert found.df[0] == pytest.approx(df, abs=1e-10)
    assert found.estimate[0] == pytest.approx(q - p, abs=1e-12)
    assert found.std_error[0] == pytest.approx(sqrt(v + u), abs=1e-12)
    t = stats.t.ppf(0.975, df)
    limits = [
        [1 / (1 + np.exp(-(log(x / (1 - x)) + s * t * sqrt(w) / (x * (1 - x))))) for s in (-1, 1)] for x, w in ((p, v), (q, u))
    ]
    (low_p, high_p), (low_q, high_q) = limits
    assert found.conf_low[0] == pytest.approx(q - p - np.hypot(q - low_q, high_p - p), abs=1e-12)
    assert found.conf_high[0] == pytest.approx(q - p + np.hypot(high_q - q, p - low_p), abs=1e-12)
    ratio = means.ratio()
    assert ratio.estimate[0] == pytest.approx(q / p, abs=1e-12)
    assert ratio.std_error[0] == pytest.approx(sqrt(v / p**2 + u / q**2), abs=1e-12)
    assert ratio.conf_high[0] == pytest.approx(q / p * np.exp(np.hypot(log(high_q / q), log(p / low_p))), abs=1e-12)


def test_all_against_nobody_has_exact_limits_inside_the_range() -> None:
    # Exact: 0 of 10 against 10 of 10; the other limits are 1 - 0.025^(1/10) from 0 and 1.
    means = two_proportions(0, 10, 10, 10)
    found, beside = means.difference(), 1 - 0.025**0.1
    assert (found.estimate[0], found.std_error[0]) == (1.0, 0.0)
    assert found.conf_low[0] == pytest.approx(1 - sqrt(2) * beside, abs=1e-12)
    assert found.conf_high[0] == 1.0
    assert means.arm(0).conf_high[0] == pytest.approx(beside, abs=1e-12)
    with pytest.raises(EstimationRefused, match="above 0: day 84"):
        means.ratio()


def test_outcomes_without_a_range_have_t_limits() -> None:
    # Exact: estimate -+ t sqrt(v), and the same on the log scale for the ratio.
    means = two_proportions(12, 20, 6, 16, largest=np.array([INF]))
    found, ratio = means.difference(), means.ratio(["day 84"])
    t = stats.t.ppf(0.975, found.df[0])
    assert found.conf_high[0] == pytest.approx(found.estimate[0] + t * found.std_error[0], abs=1e-12)
    assert ratio.conf_low[0] == pytest.approx(ratio.estimate[0] * np.exp(-t * ratio.std_error[0]), abs=1e-12)


def test_two_rows_of_every_patient_say_what_one_said() -> None:
    # Exact: every row doubled inside its patient.
    once = two_proportions(12, 20, 6, 16)
    twice = ArmMeans(
        "plain",
        once.names,
        once.mean,
        np.repeat(once.influence, 2, axis=1) / 2.0,
        np.repeat(once.cluster, 2),
        once.effective_n,
        largest=once.largest,
    )
    np.testing.assert_allclose(twice.covariance(), once.covariance(), atol=1e-15)


def test_shared_patients_narrow_a_difference() -> None:
    # Exact: each patient has one side in each arm with the same result: the difference is certain to be 0.
    means = two_proportions(6, 12, 6, 12, cluster=np.tile(np.arange(12), 2))
    assert means.difference().std_error[0] == 0.0
    assert means.difference().conf_low[0] == pytest.approx(0.0, abs=1e-6)


def stratified(seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, treatment of three kinds and one binary covariate, everything in every stratum."""
    rng = np.random.default_rng(seed)
    x = np.repeat([0, 1], [70, 50])
    arm = rng.choice(3, size=120, p=[0.4, 0.4, 0.2])
    return (rng.random(120) < 0.3 + 0.3 * x + 0.1 * arm).astype(float), arm, x


def test_g_computation_of_a_saturated_model_is_standardisation() -> None:
    # Exact: sum over strata of share times proportion; HC2 makes the within-stratum variances unbiased; arms share the strata.
    y, arm, x = stratified()
    found = g_computation(y, arm, x, ridge=0.0)
    assert found.method == "g-computation"
    share = np.array([np.mean(x == s) for s in (0, 1)])
    mean, variance, size = np.empty(2), np.empty(2), np.empty(2)
    predicted = np.empty((2, 120))
    for a in (0, 1):
        cells = [y[(arm == a) & (x == s)] for s in (0, 1)]
        p = np.array([cell.mean() for cell in cells])
        predicted[a] = p[x]
        mean[a], size[a] = share @ p, sum(cell.size for cell in cells)
        variance[a] = sum(w**2 * cell.var(ddof=1) / cell.size for w, cell in zip(share, cells, strict=True))
        variance[a] += np.sum((p[x] - mean[a]) ** 2) / 120**2
    between = np.sum((predicted[0] - mean[0]) * (predicted[1] - mean[1])) / 120**2
    np.testing.assert_allclose(found.mean[:, 0], mean, atol=1e-9)
    np.testing.assert_allclose(found.effective_n, size)
    np.testing.assert_allclose(found.covariance(), [[variance[0], between], [between, variance[1]]], atol=1e-10)


def test_g_computation_among_the_treated() -> None:
    # Exact: standardised to the strata of those who had treatment 1; their own mean under it.
    y, arm, x = stratified()
    found = g_computation(y, arm, x, ridge=0.0, target="treated")
    share = np.array([np.mean(x[arm == 1] == s) for s in (0, 1)])
    reference = share @ [y[(arm == 0) & (x == s)].mean() for s in (0, 1)]
    np.testing.assert_allclose(found.mean[:, 0], [reference, y[arm == 1].mean()], atol=1e-9)


def test_g_computation_without_covariates_is_the_arms() -> None:
    # Exact: no column at all; n - 1 twice over in the variance (leverage 1/n, and m / (m - 1)).
    y, arm, _ = stratified()
    found = g_computation(y, arm, np.zeros((120, 0)))
    for a in (0, 1):
        own = y[arm == a]
        assert found.mean[a, 0] == pytest.approx(own.mean(), abs=1e-12)
        assert found.covariance()[a, a] == pytest.approx(own.var(ddof=1) / own.size, abs=1e-14)


def test_an_outcome_that_nobody_has_is_modelled_as_a_line() -> None:
    # Exact: no event in the reference arm: its mean is 0 and has the exact limit; the method says what was done.
    y, arm, x = stratified()
    found = g_computation(np.column_stack([np.where(arm == 0, 0.0, y), y]), arm, x)
    assert found.method == "g-computation (linear: outcome 1)"
    assert found.mean[0, 0] == pytest.approx(0.0, abs=1e-12)
    assert 0.0 < found.arm(0).conf_high[0] < 0.12
    assert -1.0 <= found.difference().conf_low[0] < found.difference().conf_high[0] <= 1.0


def test_the_penalty_vanishes_beside_the_rows() -> None:
    # Exact bound: 40 copies of every row shrink the effect of the prior forty times (to first order).
    y, arm, x = stratified()
    gap = []
    for copies in (1, 40):
        columns = [np.repeat(column, copies) for column in (y, arm, x)]
        means = [g_computation(*columns, ridge=ridge).mean for ridge in (0.0, 0.25)]
        gap.append(float(np.abs(means[1] - means[0]).max()))
    assert 0.0 < gap[1] < gap[0] / 30 < 0.001


Method = Callable[..., ArmMeans]
both = pytest.mark.parametrize("method", [aipw, tmle])


@both
def test_without_covariates_the_doubly_robust_means_are_the_arms(method: Method) -> None:
    # Exact: 40 and 60 patients, five folds of 8 and 12; every fold is weighted and predicted alike.
    rng = np.random.default_rng(4)
    arm = rng.permutation(np.repeat([0, 1], [40, 60]))
    y = (rng.random(100) < 0.4).astype(float)
    none = np.zeros((100, 0))
    found = method(y, arm, outcome_covariates=none, propensity_covariates=none, seed=1)
    for a in (0, 1):
        assert found.mean[a, 0] == pytest.approx(y[arm == a].mean(), abs=1e-9)
        assert found.influence[a, :, 0].sum() == pytest.approx(0.0, abs=1e-9)
        # Residuals beside the mean of other folds are a little larger than those beside one's own.
        assert 1.0 <= found.covariance()[a, a] / (y[arm == a].var() / (arm == a).sum()) < 1.1
    np.testing.assert_allclose(found.effective_n, [40, 60], atol=1e-9)


def confounded(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Binary outcome, three treatments and covariates that decide both; with the true probabilities (2, n) of the outcome."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    odds = np.exp(np.column_stack([np.zeros(n), 0.9 * x[:, 0] - 0.3 * x[:, 1], 0.3 * x[:, 2] - 1.0]))
    arm = (rng.random(n)[:, None] > np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    true = np.stack([1 / (1 + np.exp(-(-0.3 + 1.2 * x[:, 0] + 0.4 * x[:, 1] + 0.4 * a))) for a in (0, 1)])
    own = np.where(arm == 1, true[1], true[0])
    return (rng.random(n) < own).astype(float), arm, x, true


@both
def test_double_robustness_in_both_directions(method: Method) -> None:
    # Simulation: 20,000 rows; either model may lack the confounder (within 3.5 standard errors of the sample's truth), not both.
    y, arm, x, true = confounded(11, 20_000)
    truth, broken = true[1].mean() - true[0].mean(), x[:, 1:]
    naive = y[arm == 1].mean() - y[arm == 0].mean()
    assert naive - truth > 0.12
    for outcome, treatment in ((x, x), (broken, x), (x, broken)):
        found = method(y, arm, outcome_covariates=outcome, propensity_covariates=treatment, seed=1).difference()
        assert found.std_error[0] < 0.012
        assert abs(found.estimate[0] - truth) < 3.5 * found.std_error[0]
    both_wrong = method(y, arm, outcome_covariates=broken, propensity_covariates=broken, seed=1).difference()
    assert both_wrong.estimate[0] - truth > 0.1


@both
def test_double_robustness_with_interval_censored_outcomes(method: Method) -> None:
    # Simulation: looks every four weeks, drop-out unrelated to anything; the incidence at week 12 is 1 - E exp(-84 h(x)).
    rng = np.random.default_rng(5)
    n = 12_000
    x = rng.normal(size=(n, 2))
    arm = (rng.random(n) < 1 / (1 + np.exp(-0.9 * x[:, 0]))).astype(int)
    rate = lambda a: np.exp(np.log(0.008) + 0.8 * x[:, 0] + 0.3 * x[:, 1] + 0.3 * a)  # noqa: E731
    time, last = rng.exponential(1 / rate(arm)), np.minimum(28 * rng.geometric(0.12, n), 196)
    right = np.where(np.ceil(time / 28) * 28 <= last, np.ceil(time / 28) * 28, INF)
    left = np.where(np.isfinite(right), right - 28, last)
    values = pseudo_values(left, right, np.isfinite(right).astype(int), group=arm, days=[84])
    curve = lambda a: -np.expm1(-84 * rate(a)).mean()  # noqa: E731
    truth = curve(1) - curve(0)
    assert values.estimate[1][0] - values.estimate[0][0] - truth > 0.08
    wrong = x[:, 1:]
    for outcome, treatment in ((x, x), (wrong, x), (x, wrong)):
        found = method(values, arm, outcome_covariates=outcome, propensity_covariates=treatment, seed=1).difference()
        # The outcome is cloglog in x, not logistic: a fifth of a point is left to the model where it stands alone.
        assert abs(found.estimate[0] - truth) < 3.5 * found.std_error[0] + 0.002


ESTIMATORS: dict[str, Callable[[PseudoValues | np.ndarray, np.ndarray, np.ndarray], ArmMeans]] = {
    "g-computation": g_computation,
    "AIPW": lambda y, arm, x: aipw(y, arm, outcome_covariates=x, propensity_covariates=x, seed=1, repeats=1),
    "TMLE": lambda y, arm, x: tmle(y, arm, outcome_covariates=x, propensity_covariates=x, seed=1, repeats=1),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_limits_cover_the_truth(name: str) -> None:
    # Simulation: 200 samples of 100; 95 % limits cover the population difference within 3.5 Monte-Carlo errors below.
    population = confounded(0, 200_000)[3]
    truth = population[1].mean() - population[0].mean()
    covered = 0
    for seed in range(200):
        y, arm, x, _ = confounded(1000 + seed, 100)
        found = ESTIMATORS[name](y, arm, x).difference()
        covered += bool(found.conf_low[0] <= truth <= found.conf_high[0])
    assert covered / 200 > 0.95 - 3.5 * sqrt(0.95 * 0.05 / 200)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_swapped_arms_negate_and_third_treatments_have_no_outcome(name: str) -> None:
    # Exact: (1, 0) is (0, 1) turned round; the outcomes of treatment 2 are never looked at, its covariates are.
    y, arm, x, _ = confounded(7, 150)
    blank = np.where(arm == 2, np.nan, y)
    methods = {"g-computation": g_computation, "AIPW": aipw, "TMLE": tmle}
    extra = {"covariates": x} if name == "g-computation" else {"outcome_covariates": x, "propensity_covariates": x, "seed": 3}
    one, seen = (methods[name](values, arm, **extra).difference() for values in (blank, y))  # type: ignore[operator]
    turned = methods[name](y, arm, **extra, compared=(1, 0)).difference()  # type: ignore[operator]
    np.testing.assert_array_equal(one.estimate, seen.estimate)
    np.testing.assert_allclose(turned.estimate, -seen.estimate, atol=1e-10)
    np.testing.assert_allclose(turned.conf_low, -seen.conf_high, atol=1e-10)


def test_targeted_means_stay_inside_the_range() -> None:
    # Exact: in each arm the targeted residuals sum to 0 and the mean lies in [0, 1], also where one arm has no event.
    y, arm, x, _ = confounded(9, 80)
    found = tmle(np.where(arm == 0, 0.0, y), arm, outcome_covariates=x, propensity_covariates=x, seed=1)
    assert found.mean[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert 0.0 <= found.mean[1, 0] <= 1.0
    assert found.influence.sum(axis=1) == pytest.approx(np.zeros((2, 1)), abs=1e-9)


@both
def test_folds_dealt_again_are_averaged(method: Method) -> None:
    # Exact: three ways of dealing are the mean of each alone, influences too.
    y, arm, x, _ = confounded(3, 120)
    extra = {"outcome_covariates": x, "propensity_covariates": x}
    found = method(y, arm, **extra, seed=4)
    alone = [method(y, arm, **extra, seed=seed, repeats=1) for seed in (4, 5, 6)]
    np.testing.assert_allclose(found.mean, np.mean([one.mean for one in alone], axis=0), atol=1e-12)
    np.testing.assert_allclose(found.influence, np.mean([one.influence for one in alone], axis=0), atol=1e-12)
    assert len({float(one.mean[0, 0]) for one in alone}) == 3


def test_folds_hold_whole_patients_and_their_share_of_each_treatment() -> None:
    # Exact: 30 patients with two sides, 20 of one treatment and 10 of the other, in five folds: 4 and 2 a fold.
    cluster, arm = np.repeat(np.arange(30), 2), np.repeat([0, 1], [40, 20])
    fold = patient_folds(cluster, arm, folds=5, seed=1)
    np.testing.assert_array_equal(fold[::2], fold[1::2])
    for one in range(5):
        assert ((fold == one) & (arm == 0)).sum() == 8
        assert ((fold == one) & (arm == 1)).sum() == 4
    np.testing.assert_array_equal(fold, patient_folds(cluster, arm, folds=5, seed=1))
    assert (fold != patient_folds(cluster, arm, folds=5, seed=2)).any()


def test_monotone_is_the_isotonic_projection() -> None:
    # Exact: pooled blocks by hand, weights, and the cut to [0, 1].
    np.testing.assert_allclose(monotone([0.1, 0.4, 0.2, 0.5]), [0.1, 0.3, 0.3, 0.5], atol=1e-15)
    np.testing.assert_allclose(monotone([0.4, 0.2], weight=[3, 1]), [0.35, 0.35], atol=1e-15)
    np.testing.assert_allclose(monotone([[-0.2, 0.3], [0.9, 1.4]]), [[0.0, 0.3], [0.9, 1.0]], atol=1e-15)
