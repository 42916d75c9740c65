"""The score test of proportional hazards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.cox.diagnostics import cox_concordance, proportional_hazards_test
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.cox.proportionality import proportionality_test
from tendon_outcomes.estimators.regression.cox.sample import cox_sample
from tendon_outcomes.estimators.regression.cox.schoenfeld_smooth import schoenfeld_smooth

OVARIAN = np.fromstring(
    """59 1 72.3315 1 115 1 74.4932 1 156 1 66.4658 2 421 0 53.3644 1 431 1 50.3397 1 448 0 56.4301 2 464 1 56.937 2
    475 1 59.8548 2 477 0 64.1753 1 563 1 55.1781 2 638 1 56.7562 2 744 0 50.1096 1 769 0 59.6301 2 770 0 57.0521 1
    803 0 39.2712 1 855 0 43.1233 2 1040 0 38.8932 2 1106 0 44.6 1 1129 0 53.9068 1 1206 0 44.2055 1 1227 0 59.589 2
    268 1 74.5041 2 329 1 43.137 1 353 1 63.2192 2 365 1 64.4247 1 377 0 58.3096 1""",
    sep=" ",
).reshape(26, 4)


def test_published_ovarian_example() -> None:
    # Published: the example of cox.zph in the documentation of R's survival (age 0.698, ecog.ps 2.371, global 3.633).
    fit = cox(OVARIAN[:, 0], OVARIAN[:, 1], OVARIAN[:, 2:], names=("age", "ecog"))
    test = proportional_hazards_test(fit)
    np.testing.assert_allclose(test.statistic, [0.69772683, 2.37079982], atol=5e-8)
    np.testing.assert_allclose(test.p_value, [0.40355, 0.12362], atol=5e-6)
    assert test.global_statistic == pytest.approx(3.63349098, abs=5e-8)
    assert (test.global_df, test.terms) == (2, ("age", "ecog"))
    assert test.name == "score test of proportional hazards (km time)"
    # Published with it: 171 concordant and 47 discordant pairs, 0.7844 (0.08452).
    pairs = cox_concordance(fit)
    assert (pairs.concordant, pairs.discordant, pairs.tied_score, pairs.tied_time) == (171, 47, 0, 0)
    assert (pairs.estimate, pairs.std_error) == (pytest.approx(171 / 218, abs=1e-12), pytest.approx(0.08452, abs=5e-6))


def test_two_groups_four_events_by_hand() -> None:
    # Exact: x = 1, 0, 1, 0 at days 1..4, beta 0, identity: means 1/2, 1/3, 1/2, 0; variances 1/4, 2/9, 1/4, 0.
    residual, variance = np.array([1 / 2, -1 / 3, 1 / 2, 0]), np.array([1 / 4, 2 / 9, 1 / 4, 0])
    g = np.arange(1.0, 5) - 2.5
    u = residual @ g
    left = variance @ g**2 - (variance @ g) ** 2 / variance.sum()
    test = proportionality_test(
        cox_sample([1, 2, 3, 4], [1, 1, 1, 1], [1.0, 0, 1, 0]), np.zeros(1), "efron", transform="identity"
    )
    assert test.statistic[0] == pytest.approx(u**2 / left, abs=1e-12)
    np.testing.assert_allclose(test.scaled_residual[:, 0], 4 * residual / variance.sum(), atol=1e-12)
    assert test.event_covariance[0, 0] == pytest.approx(4 / variance.sum(), abs=1e-12)


def test_time_scales() -> None:
    # Exact: mid-ranks among all exits, and one minus Kaplan-Meier just before the day, unweighted.
    sample = cox_sample([1, 1, 2, 3, 3, 4], [1, 0, 1, 1, 1, 0], [1.0, 0, 1, 0, 1, 0], weight=[1, 2, 1, 3, 1, 1])
    scales = {t: proportionality_test(sample, np.zeros(1), "efron", transform=t) for t in ("km", "rank", "identity", "log")}
    np.testing.assert_allclose(scales["rank"].transformed_time, [1.5, 3, 4.5, 4.5], atol=1e-12)
    np.testing.assert_allclose(scales["km"].transformed_time, [0, 1 / 6, 1 - 5 / 6 * 3 / 4, 1 - 5 / 6 * 3 / 4], atol=1e-12)
    np.testing.assert_allclose(scales["log"].transformed_time, np.log([1, 2, 3, 3]), atol=1e-12)
    assert scales["identity"].time.tolist() == [1, 2, 3, 3]


def test_terms_of_several_columns_are_tested_together() -> None:
    # Exact: a term of all columns is the global test; a term of one column is that column's.
    rng = np.random.default_rng(8)
    fit = cox(rng.integers(1, 20, 80), rng.random(80) < 0.8, rng.normal(size=(80, 3)), names=("a", "b", "c"))
    apart = proportional_hazards_test(fit, transform="rank")
    together = proportional_hazards_test(fit, transform="rank", terms={"all": ("a", "b", "c"), "second": ("b",)})
    assert together.statistic[0] == pytest.approx(apart.global_statistic, rel=1e-10)
    assert together.statistic[1] == pytest.approx(apart.statistic[1], rel=1e-10)
    assert together.df.tolist() == [3, 1]


def test_robust_follows_the_fit_and_does_not_depend_on_the_unit_of_weights() -> None:
    # Exact: sampling weights times 3 change the model-based test threefold and the robust one not at all.
    rng = np.random.default_rng(9)
    time, event, x = rng.integers(1, 20, 80), rng.random(80) < 0.8, rng.normal(size=(80, 2))
    weight = rng.uniform(0.5, 2, 80)
    one, three = (proportional_hazards_test(cox(time, event, x, weight=weight * k, ties="breslow")) for k in (1, 3))
    assert one.robust
    np.testing.assert_allclose(one.statistic, three.statistic, rtol=1e-7)
    plain = [proportional_hazards_test(cox(time, event, x, weight=weight * k, ties="breslow"), robust=False) for k in (1, 3)]
    np.testing.assert_allclose(plain[1].statistic, 3 * plain[0].statistic, rtol=1e-7)


def test_the_tests_hold_their_size() -> None:
    # Known truth by simulation: proportional hazards with weights and pairs; 5 % of 400 tests, standard error 1.1 points.
    rng, refused = np.random.default_rng(10), np.zeros(2)
    for _ in range(400):
        x, frailty = rng.normal(size=80), np.repeat(rng.gamma(4, 0.25, 40), 2)
        time = np.ceil(20 * rng.exponential(1 / (frailty * np.exp(0.4 * x))))
        sample = cox_sample(np.minimum(time, 40), time <= 40, x, cluster=np.repeat(np.arange(40), 2))
        fit = cox(np.minimum(time, 40), time <= 40, x)
        for j, robust in enumerate((False, True)):
            test = proportionality_test(sample, fit.coefficients.estimate, "efron", transform="rank", robust=robust)
            refused[j] += test.p_value[0] < 0.05
    assert (np.abs(refused / 400 - 0.05) < 0.033).all()


def test_refusals_name_the_reason() -> None:
    # Exact: what each message must say.
    sample, beta = cox_sample([1, 1, 1, 2], [1, 1, 0, 0], [1.0, 0, 1, 0]), np.zeros(1)
    zero = cox_sample([0, 1, 2, 3], [1, 1, 1, 1], [1.0, 0, 1, 0])
    for call, says in (
        (lambda: proportionality_test(sample, beta, "efron"), "cannot be told"),
        (lambda: proportionality_test(zero, beta, "efron", transform="log"), "no logarithm"),
        (lambda: proportionality_test(zero, beta, "efron", transform="square"), "km, rank"),  # type: ignore[arg-type]
        (lambda: proportionality_test(zero, beta, "exact"), "not exact"),
        (lambda: proportionality_test(zero, beta, "efron", terms={"g": ("b",)}), "no covariate is called b"),
        (lambda: proportionality_test(zero, beta, "efron", terms={"g": ()}), "term g has no covariates"),
    ):
        with pytest.raises(EstimationRefused) as refused:
            call()
        assert says in str(refused.value)


def test_smooth_of_residuals() -> None:
    # Exact: with 2 degrees of freedom it is the straight line of least squares; what is a straight line stays one with 4.
    test = proportional_hazards_test(cox(OVARIAN[:, 0], OVARIAN[:, 1], OVARIAN[:, 2:], names=("age", "ecog")))
    x, y = test.transformed_time, test.scaled_residual[:, 0]
    smooth = schoenfeld_smooth(test, "age", df=2, points=5)
    at = np.linspace(x.min(), x.max(), 5)
    np.testing.assert_allclose(smooth.estimate, np.polyval(np.polyfit(x, y, 1), at), atol=1e-12)
    leverage = 1 / x.size + (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    np.testing.assert_allclose(smooth.std_error, np.sqrt(test.event_covariance[0, 0] * leverage), atol=1e-12)
    assert (smooth.time[0], smooth.time[-1]) == (59.0, 638.0)
    straight = replace(test, scaled_residual=np.column_stack([2.0 - 3.0 * x, y]))
    np.testing.assert_allclose(
        schoenfeld_smooth(straight, "age", points=7).estimate, 2.0 - 3.0 * np.linspace(x[0], x[-1], 7), atol=1e-9
    )


def test_smooth_refuses() -> None:
    # Exact.
    test = proportional_hazards_test(cox(OVARIAN[:, 0], OVARIAN[:, 1], OVARIAN[:, 2:], names=("age", "ecog")))
    with pytest.raises(EstimationRefused, match="no covariate is called weight"):
        schoenfeld_smooth(test, "weight")
    with pytest.raises(EstimationRefused, match="12 event times for a smooth with 13"):
        schoenfeld_smooth(test, "age", df=13)
    with pytest.raises(EstimationRefused, match="at least 2"):
        schoenfeld_smooth(test, "age", df=1)
