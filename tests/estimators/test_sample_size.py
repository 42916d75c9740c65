"""How many would do: by hand, and against the exact power of the test that is planned."""

from __future__ import annotations

from math import ceil, comb, sqrt

import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.sample_size import difference_sample_size, rescaled_sample_size, share_sample_size

Z_LEVEL, Z_POWER = 1.959963984540054, 0.8416212335729143


def test_a_share_of_six_in_ten_against_one_half() -> None:
    # Grade: exact, by hand: ((1.95996 x 0.5 + 0.84162 x sqrt(0.24)) / 0.1)^2 = 193.9.
    assert share_sample_size(0.5, worth=0.1, power=0.8) == 194
    assert share_sample_size(0.5, worth=0.1, power=0.8, below=True) == 194


def test_none_against_one_in_ten_needs_only_the_level() -> None:
    # Grade: exact, by hand: at a share of 0 nothing varies, (1.95996 x 0.3 / 0.1)^2 = 34.6.
    assert share_sample_size(0.1, worth=0.1, power=0.8, below=True) == ceil((Z_LEVEL * 0.3 / 0.1) ** 2)


@pytest.mark.parametrize(("threshold", "worth"), [(0.5, 0.1), (0.5, 0.2), (0.3, 0.1)])
def test_the_planned_number_has_about_the_planned_power(threshold: float, worth: float) -> None:
    # Grade: exact: binomial power of the two-sided score test at the alternative, which moves in steps with n.
    n, share = share_sample_size(threshold, worth=worth, power=0.8), threshold + worth
    spread = sqrt(threshold * (1 - threshold) / n)
    power = sum(comb(n, x) * share**x * (1 - share) ** (n - x) for x in range(n + 1) if abs(x / n - threshold) / spread > Z_LEVEL)
    assert power == pytest.approx(0.8, abs=0.03)


def test_two_groups_of_one_half() -> None:
    # Grade: exact, by hand: ((1.95996 + 0.84162) / 0.1)^2 x (0.25 / 0.5 + 0.25 / 0.5) = 784.9.
    assert difference_sample_size(worth=0.1, power=0.8) == 785
    assert difference_sample_size(worth=0.1, power=0.8, share_in_second=0.2) == ceil(784.888 * 0.25 * (1 / 0.8 + 1 / 0.2))


def test_a_standard_error_scales_to_the_same_number() -> None:
    # Grade: exact: two groups of 100 with shares of one half have the standard error sqrt(0.25/100 + 0.25/100).
    assert rescaled_sample_size(200, sqrt(0.005), worth=0.1, power=0.8) == difference_sample_size(worth=0.1, power=0.8)


@pytest.mark.parametrize("power", [0.5, 1.0, 80.0])
def test_power_is_a_share_above_one_half(power: float) -> None:
    # Grade: exact: below one half the number would be that of a test which mostly fails.
    with pytest.raises(EstimationRefused, match="`power`"):
        share_sample_size(0.5, worth=0.1, power=power)
