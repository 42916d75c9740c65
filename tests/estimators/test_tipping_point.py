"""How many results would have to be otherwise."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import newcombe
from tendon_outcomes.estimators.causal.sensitivity.tipping_point import tipping_point

Z = NormalDist().inv_cdf(0.975)


class Counts:
    """Newcombe's difference of two counts when some of the reference arm's failures become successes; how often it was asked."""

    def __init__(self, one: tuple[int, int], other: tuple[int, int]) -> None:
        self.one, self.other, self.asked = one, other, 0

    def __call__(self, changed: np.ndarray) -> tuple[float, float, float]:
        self.asked += 1
        return self.at(changed.size)

    def at(self, m: int) -> tuple[float, float, float]:
        found = newcombe(*self.one, self.other[0] + m, self.other[1])
        return found.estimate, found.conf_low, found.conf_high


def test_seventeen_of_twenty_against_two() -> None:
    # Exact: every m tried with Newcombe's limits; at m = 0 they are 0.459 to 0.871 (domain.md, fixture).
    study = Counts((17, 20), (2, 20))
    assert study.at(0)[1:] == pytest.approx((0.459, 0.871), abs=5e-4)
    found = tipping_point(study, np.arange(18))
    fewest = next(m for m in range(19) if study.at(m)[1] <= 0.0)
    assert (found.patients, found.of) == (fewest, 18)
    assert (found.estimate, found.conf_low, found.conf_high) == study.at(fewest)
    assert study.at(fewest - 1)[1] > 0.0
    assert study.asked <= 8


def test_a_negative_difference_and_one_that_holds_zero() -> None:
    # Exact: the mirrored study tips at the same number; 10/20 against 9/20 holds 0 from the start.
    study = Counts((17, 20), (2, 20))
    straight = tipping_point(study, np.arange(18))

    def mirrored(changed: np.ndarray) -> tuple[float, float, float]:
        estimate, low, high = study.at(changed.size)
        return -estimate, -high, -low

    assert tipping_point(mirrored, np.arange(18)).patients == straight.patients
    assert tipping_point(Counts((10, 20), (9, 20)), np.arange(11)).patients == 0


def test_too_few_to_tip() -> None:
    # Exact: three changed results do not move 17/20 against 2/20; what is returned is the difference with all three changed.
    study = Counts((17, 20), (2, 20))
    found = tipping_point(study, np.arange(3))
    assert (found.patients, found.of, found.estimate) == (None, 3, pytest.approx(17 / 20 - 5 / 20))
    assert tipping_point(study, []).patients is None


def test_limits_that_touch_zero_hold_it_and_a_jump_counts() -> None:
    # Exact: by construction.
    touching = {0: (2.0, 1.0, 3.0), 1: (1.0, 0.0, 2.0), 2: (-5.0, -6.0, -4.0)}
    assert tipping_point(lambda rows: touching[rows.size], [0, 1]).patients == 1
    jumping = {0: (2.0, 1.0, 3.0), 1: (1.5, 0.5, 2.5), 2: (-5.0, -6.0, -4.0)}
    assert tipping_point(lambda rows: jumping[rows.size], [0, 1]).patients == 2


def test_the_rows_are_changed_in_their_order() -> None:
    # Exact: means of five and five with known variance 1; the largest changes come first when the order says so.
    value = np.array([3.0, 3.0, 3.0, 3.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    gain = np.array([0.0] * 5 + [1.0, 4.0, 2.0, 8.0, 1.0])

    def difference(rows: np.ndarray) -> tuple[float, float, float]:
        changed = value.copy()
        changed[rows] += gain[rows]
        d = float(changed[:5].mean() - changed[5:].mean())
        return d, d - Z * np.sqrt(0.4), d + Z * np.sqrt(0.4)

    # 3 - 8/5 = 1.4 > 1.24; 3 - 12/5 = 0.6 tips at two rows; smallest first 3 - (1+1+2+4)/5 = 1.4 needs all five.
    assert tipping_point(difference, [8, 6, 7, 5, 9]).patients == 2
    assert tipping_point(difference, [5, 9, 7, 6, 8]).patients == 5


def test_what_it_will_not_answer() -> None:
    # Exact: refusals.
    with pytest.raises(EstimationRefused, match="distinct row numbers"):
        tipping_point(Counts((3, 5), (1, 5)), [1, 1])
    with pytest.raises(EstimationRefused, match="no limits"):
        tipping_point(lambda rows: (1.0, float("nan"), 2.0), [1, 2])
    with pytest.raises(EstimationRefused, match="do not hold it"):
        tipping_point(lambda rows: (1.0, 1.5, 2.0), [1, 2])
