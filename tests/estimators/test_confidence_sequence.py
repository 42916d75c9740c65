"""Limits of a proportion that hold at every look."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.confidence_sequence import always_valid_p, confidence_sequence
from tendon_outcomes.estimators.special_functions import beta_cdf, log_beta


def test_one_success_by_hand() -> None:
    # Exact: with a uniform mixture the ratio after one success is (1/2) / pi, so the limits are 1/40 and 1 at 95 %.
    found = confidence_sequence([1], [1], prior=(1.0, 1.0))
    np.testing.assert_allclose([found.conf_low[0], found.conf_high[0]], [0.025, 1.0], atol=1e-12)


def test_limits_solve_their_equation() -> None:
    # Exact: the defining equation, log B(a + x, b + n - x) - log B(a, b) - x log pi - (n - x) log(1 - pi) = log 20.
    x, n = np.array([3.0, 11.0, 30.0]), np.array([8.0, 20.0, 60.0])
    found = confidence_sequence(x, n, prior=(0.5, 2.0))
    for limit in (found.conf_low, found.conf_high):
        ratio = log_beta(0.5 + x, 2.0 + n - x) - log_beta(0.5, 2.0) - x * np.log(limit) - (n - x) * np.log1p(-limit)
        np.testing.assert_allclose(ratio, np.log(20.0), atol=1e-9)


def test_no_trial_leaves_everything_open_and_running_limits_only_close() -> None:
    # Exact: by definition.
    found = confidence_sequence([0, 9, 10], [0, 10, 30])
    assert (found.conf_low[0], found.conf_high[0]) == (0.0, 1.0)
    assert np.isnan(found.estimate[0])
    assert (np.diff(found.running_low) >= 0.0).all()
    assert (np.diff(found.running_high) <= 0.0).all()
    assert found.running_low[2] == found.conf_low[1] > found.conf_low[2]


def test_limits_that_contradict_each_other_say_so() -> None:
    # Exact: 40 of 40 and then none of 200 more cannot be one proportion.
    found = confidence_sequence([40, 40], [40, 240])
    assert found.crossed.tolist() == [False, True]


def test_unknown_outcomes_are_failures_below_and_successes_above() -> None:
    # Exact: the limits of the two extreme samples.
    open_ = confidence_sequence([20], [40], unknown=[6])
    worst, best = confidence_sequence([20], [40]), confidence_sequence([26], [40])
    assert open_.conf_low[0] == worst.conf_low[0]
    assert open_.conf_high[0] == best.conf_high[0]
    assert open_.estimate[0] == 20 / 34


def test_a_p_value_of_one_success_by_hand() -> None:
    # Exact: uniform mixture over (1/2, 1): E = (3/4) / (1/2) = 3/2 after a success, 1/2 after a failure; never rising.
    assert always_valid_p([1], [1], threshold=0.5, prior=(1.0, 1.0)) == pytest.approx([2 / 3], abs=1e-12)
    after = always_valid_p([1, 1], [1, 9], threshold=0.5, prior=(1.0, 1.0))
    assert after == pytest.approx([2 / 3, 2 / 3], abs=1e-12)
    assert always_valid_p([0], [1], threshold=0.5, prior=(1.0, 1.0)).tolist() == [1.0]


def test_p_values_are_those_of_the_cut_mixture() -> None:
    # Exact: the integral by its incomplete beta function, written out for 30 of 40 against 0.6.
    a, b, x, n, at = 0.5, 0.5, 30.0, 40.0, 0.6
    mixed = log_beta(a + x, b + n - x) - log_beta(a, b) + np.log(1.0 - beta_cdf(at, a + x, b + n - x))
    e_value = np.exp(mixed - np.log(1.0 - beta_cdf(at, a, b)) - x * np.log(at) - (n - x) * np.log(1.0 - at))
    assert always_valid_p([30], [40], threshold=at) == pytest.approx([1.0 / e_value], rel=1e-10)
    turned = always_valid_p([10], [40], threshold=1.0 - at, side="less")
    assert turned == pytest.approx([1.0 / e_value], rel=1e-10)


@pytest.mark.parametrize(
    ("successes", "trials", "unknown", "says"),
    [
        ([3], [2], None, "1 of 1 looks"),
        ([1, 2], [3], None, "one cumulative count for each look"),
        ([1], [3], [3], "1 of 1 looks"),
        ([-1], [3], None, "1 of 1 looks"),
    ],
)
def test_counts_that_cannot_be_are_refused(successes: list[int], trials: list[int], unknown: list[int] | None, says: str) -> None:
    with pytest.raises(EstimationRefused, match=says):
        confidence_sequence(successes, trials, unknown=unknown)


RHO, ONE_SIDED = 12.440561, 15.640635  # v / {2 log(1/a) + log(1 + 2 log(1/a))} - 0.16 at v = 100, a = 0.05 and 0.1


def test_two_sided_bounds_are_those_of_confseq() -> None:
    # Reference: targets of confseq's own unit tests (Howard; from its R implementation), beta-binomial mixture, v = 100, g = 0.2,
    # h = 0.8, 5 %: log ratio -0.6941012 at s = 10, bound 31.4308. In shares: 625 runners at 1/5, prior (RHO / 0.8, RHO / 0.2).
    prior = (RHO / 0.8, RHO / 0.2)
    x = 135.0
    ratio = log_beta(prior[0] + x, prior[1] + 625 - x) - log_beta(*prior) - x * np.log(0.2) - (625 - x) * np.log(0.8)
    assert float(ratio) == pytest.approx(-0.6941012, abs=1e-5)
    assert confidence_sequence([125 + 31.4308], [625], prior=prior).conf_low[0] == pytest.approx(0.2, abs=1e-6)


def test_one_sided_p_values_are_those_of_confseq() -> None:
    # Reference: as above, one-sided: the bound 28.41238 is where the ratio reaches 20.
    prior = (ONE_SIDED / 0.8, ONE_SIDED / 0.2)
    found = always_valid_p([125 + 28.41238], [625], threshold=0.2, prior=prior)
    assert found[0] == pytest.approx(0.05, rel=1e-4)


def test_no_success_among_thousands_is_no_evidence_of_many() -> None:
    # Exact: every share above 1/2 is less likely than 1/2 itself, so E < 1; the tail of the mixture is below 1e-900.
    assert always_valid_p([0], [3_000], threshold=0.5).tolist() == [1.0]
    assert always_valid_p([3_000], [3_000], threshold=0.5, side="less").tolist() == [1.0]
