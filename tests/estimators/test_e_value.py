"""E-values, the bounding factor, and measured confounders as the ruler."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sensitivity.e_value import bias_factor, confounder_strength, e_value


def test_breastfeeding_and_respiratory_death() -> None:
    # Published: VanderWeele & Ding (2017) Ann Intern Med 167:268, example: RR 3.9 (1.8 to 8.7), E-values 7.26 and 3.0.
    found = e_value(3.9, conf_low=1.8, conf_high=8.7)
    assert found.estimate == pytest.approx(7.26, abs=0.005)
    assert found.limit == pytest.approx(3.0, abs=0.005)


def test_a_protective_ratio_is_turned_over() -> None:
    # Exact: the E-value of 1/RR is that of RR; at RR = 2 it is 2 + sqrt 2.
    found = e_value(0.5, conf_low=0.25, conf_high=0.8)
    assert found.estimate == pytest.approx(2.0 + sqrt(2.0), abs=1e-14)
    assert found.limit == pytest.approx(1.25 + sqrt(1.25 * 0.25), abs=1e-14)


def test_limits_that_hold_no_effect_need_no_confounder() -> None:
    # Exact: a limit that is at or beyond 1 is explained by strength 1.
    assert e_value(1.5, conf_low=0.9, conf_high=2.5).limit == 1.0
    assert e_value(1.5, conf_low=1.0, conf_high=2.5).limit == 1.0
    assert e_value(1.0, conf_low=0.9, conf_high=1.1).estimate == 1.0


def test_another_null() -> None:
    # Exact: the strength that moves RR to `null` is the E-value of RR / null; limits of 1.5 to 3 hold 2.
    assert e_value(3.0, conf_low=2.5, conf_high=4.0, null=1.5).estimate == pytest.approx(2.0 + sqrt(2.0), abs=1e-14)
    assert e_value(2.5, conf_low=1.5, conf_high=3.0, null=2.0).limit == 1.0
    assert e_value(0.9, conf_low=0.5, conf_high=1.2, null=1.8).limit == pytest.approx(1.5 + sqrt(0.75), abs=1e-14)


def test_a_lower_limit_of_zero() -> None:
    # Exact: an upper limit below 1 counts, whatever the lower one is; with 0 as the estimate there is no E-value.
    assert e_value(0.5, conf_low=0.0, conf_high=0.8).limit == pytest.approx(1.25 + sqrt(0.3125), abs=1e-14)
    with pytest.raises(EstimationRefused, match="positive risk ratio"):
        e_value(0.0, conf_low=0.0, conf_high=0.4)


@pytest.mark.parametrize("ratio", [1.01, 1.5, 2.0, 10.0])
def test_a_confounder_of_that_strength_explains_it_away(ratio: float) -> None:
    # Exact: Ding & VanderWeele (2016), eq. 1: with both risk ratios at the E-value the bounding factor is the risk ratio.
    strength = e_value(ratio, conf_low=ratio, conf_high=ratio).estimate
    assert bias_factor(strength, strength) == pytest.approx(ratio, abs=1e-12)
    assert bias_factor(1.0 / strength, strength) == pytest.approx(ratio, abs=1e-12)


def test_the_bounding_factor_by_hand() -> None:
    # Exact: 2 * 3 / (2 + 3 - 1) = 1.5; no association on one side leaves no bias; one without bound leaves the other.
    assert bias_factor(2.0, 3.0) == 1.5
    assert bias_factor(1.0, 50.0) == 1.0
    assert bias_factor(inf, 3.0) == 3.0


def test_a_measured_confounder_by_hand() -> None:
    # Exact: high in 3 of 4 treated and 1 of 4 others, so 3; the outcome has 2/3 against 0/1 (inf) in one arm.
    treated = np.repeat([1, 0], 4)
    high = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    value = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    found = confounder_strength(value, treated, high)
    assert (found.with_treatment, found.with_outcome, found.joint) == (3.0, inf, 3.0 + sqrt(6.0))
    # Exact: without the infinite arm 1/1 against 1/3: 3; B = 9/5, e = 1.8 + sqrt(1.44) = 3.
    value = np.array([1, 1, 1, 1, 1, 1, 0, 0])
    found = confounder_strength(value, treated, high)
    assert (found.with_treatment, found.with_outcome) == (3.0, 3.0)
    assert found.joint == pytest.approx(3.0, abs=1e-14)


def test_a_measured_number_is_split_at_its_median() -> None:
    # Exact: 1 to 8 splits into 1-4 and 5-8 whatever the scale; one that is high with probability 1/2 in both arms has ratio 1.
    treated = np.array([1, 0, 1, 0, 1, 0, 1, 0])
    x = np.arange(1.0, 9.0)
    value = np.array([0, 0, 1, 0, 1, 1, 1, 1])
    one, two = confounder_strength(value, treated, x), confounder_strength(value, treated, np.exp(x))
    assert one == two
    assert (one.with_treatment, one.joint) == (1.0, 1.0)
    # Exact: more than half at the largest value: that value against the rest; low in 1 of 4 against 2 of 4.
    most = confounder_strength(value, treated, [1, 1, 2, 1, 2, 2, 2, 2])
    assert most.with_treatment == 2.0


def test_weights_are_copies() -> None:
    # Exact property.
    rng = np.random.default_rng(4)
    treated, x, value = rng.integers(0, 2, 40), rng.integers(0, 2, 40), rng.random(40)
    copies = rng.integers(1, 4, 40)
    one = confounder_strength(value, treated, x, weight=copies)
    other = confounder_strength(np.repeat(value, copies), np.repeat(treated, copies), np.repeat(x, copies))
    assert one.joint == pytest.approx(other.joint, abs=1e-12)


def test_what_it_will_not_answer() -> None:
    # Exact: refusals with counts.
    for call, words in (
        (lambda: e_value(2.0, conf_low=2.1, conf_high=3.0), "do not hold it"),
        (lambda: e_value(inf, conf_low=1.0, conf_high=inf), "positive risk ratio"),
        (lambda: bias_factor(0.0, 2.0), "two positive risk ratios"),
        (lambda: confounder_strength([1, 0], [1, 0], [3, 3]), "does not vary"),
        (lambda: confounder_strength([1, 0], [1, 1], [3, 2]), "an arm has nobody"),
        (lambda: confounder_strength([1, 0], [1, 2], [3, 2]), "0 or 1"),
        (lambda: confounder_strength([1, 0, 1], [1, 0], [3, 2]), "3 values, 2 treatments"),
        (lambda: confounder_strength([1, 0], [1, 0], [1, 0]), "no arm has both"),
    ):
        with pytest.raises(EstimationRefused, match=words):
            call()
