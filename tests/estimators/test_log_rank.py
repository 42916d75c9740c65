"""The log-rank family by hand, as published, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.group_tests.log_rank import log_rank

MERCAPTOPURINE = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_four_runners_by_hand() -> None:
    # Exact: expected in group a 1/2 + 1/3 + 1/2 + 0 = 4/3, variance 1/4 + 2/9 + 1/4 = 13/18, (2 - 4/3)^2 / (13/18) = 8/13.
    test = log_rank([1, 2, 3, 4], [1, 1, 1, 1], ["a", "b", "a", "b"])
    assert test.name == "log-rank"
    assert test.groups == ("a", "b")
    np.testing.assert_allclose(test.n, [2, 2])
    np.testing.assert_allclose(test.observed, [2, 2])
    np.testing.assert_allclose(test.expected, [4 / 3, 8 / 3], rtol=1e-14)
    np.testing.assert_allclose(test.variance, np.array([[13, -13], [-13, 13]]) / 18, rtol=1e-14)
    assert (test.statistic, test.df) == (pytest.approx(8 / 13, rel=1e-14), 1)
    assert test.z == pytest.approx(-((8 / 13) ** 0.5), rel=1e-14)


def test_weights_that_grow_and_fall_by_hand() -> None:
    # Exact: S just before days 1 to 4 is 1, 3/4, 1/2, 1/4; observed less expected of group a is 1/2, -1/3, 1/2, 0.
    rows = ([1, 2, 3, 4], [1, 1, 1, 1], ["a", "b", "a", "b"])
    falling, growing = log_rank(*rows, rho=1), log_rank(*rows, gamma=1)
    assert falling.observed[0] - falling.expected[0] == pytest.approx(1 / 2 - 1 / 4 + 1 / 4, rel=1e-14)
    assert growing.observed[0] - growing.expected[0] == pytest.approx(0 - 1 / 12 + 1 / 4, rel=1e-14)
    assert (falling.name, growing.name) == ("Fleming-Harrington G(1,0)", "Fleming-Harrington G(0,1)")


def test_freireich_leukaemia() -> None:
    # Published: Freireich et al. (1963), log-rank 16.7929; expected relapses 19.25 and 10.75 (Kleinbaum & Klein, ch. 2).
    test = log_rank(MERCAPTOPURINE + PLACEBO, RELAPSED + [1] * 21, [0] * 21 + [1] * 21)
    assert test.statistic == pytest.approx(16.7929, abs=5e-5)
    np.testing.assert_allclose(test.expected, [19.25, 10.75], atol=5e-3)
    assert test.z is not None
    assert test.z > 0
    assert test.p_value == pytest.approx(4.17e-5, rel=5e-3)


def test_names_of_the_p_value() -> None:
    # Exact: the label says which test it is.
    time, event, group = [1, 2, 3, 4, 5, 6], [1] * 6, [0, 1, 2, 0, 1, 2]
    layer = [0, 0, 0, 1, 1, 1]
    assert log_rank(time, event, group, strata=layer).name == "stratified log-rank"
    assert log_rank(time, event, group, scores=[0, 1, 2]).name == "log-rank for trend"
    assert log_rank([*time, *time], event * 2, group * 2, robust=True).name == "log-rank (robust variance)"
    named = log_rank(time, event, [0, 1] * 3, strata=layer, rho=0.5, gamma=1, scores=[1, 3]).name
    assert named == "stratified Fleming-Harrington G(0.5,1) for trend"


def test_delayed_entry_by_hand() -> None:
    # Exact: on day 2 only rows 1 (a) and 2 (b) are there; the third enters on it and counts on day 4 alone, among two.
    test = log_rank([2, 4, 4], [1, 1, 0], ["a", "b", "a"], entry=[0, 0, 2])
    np.testing.assert_allclose(test.expected, [1 / 2 + 1 / 2, 1 / 2 + 1 / 2], rtol=1e-14)
    assert test.variance[0, 0] == pytest.approx(1 / 2, rel=1e-14)


def test_robust_variance_by_hand() -> None:
    # Exact: scores of the rows at no effect for two rows, days 1 (a, event) and 2 (b, event): the day after has one group only.
    test = log_rank([1, 2], [1, 1], ["a", "b"], robust=True)
    # Row 1: (1 - 1/2)(1 - 1/2) = 1/4; row 2: (0 - 1/2)(0 - 1/2) = 1/4.
    assert test.variance[0, 0] == pytest.approx(1 / 16 + 1 / 16, rel=1e-14)
    assert test.statistic == pytest.approx((1 / 2) ** 2 / (1 / 8), rel=1e-14)


def test_groups_that_never_meet_cost_no_degree_of_freedom() -> None:
    # Exact: c is gone before the first event; a and b meet in one stratum, d and e in another, the pairs never.
    gone = log_rank([1, 2, 3, 4, 5], [0, 1, 1, 1, 1], ["c", "a", "b", "a", "b"])
    assert gone.df == 1
    apart = log_rank([1, 2, 3, 4] * 2, [1] * 8, list("abab") + list("dede"), strata=[0] * 4 + [1] * 4)
    assert apart.df == 2
    assert apart.statistic == pytest.approx(2 * 8 / 13, rel=1e-12)


def test_refuses_what_cannot_be_tested() -> None:
    # Exact: each refusal names its reason.
    for arguments, options, says in (
        (([], [], []), {}, "no rows"),
        (([1, 2], [1, 1], [0, 0]), {}, "one group"),
        (([1, 2], [0, 0], [0, 1]), {}, "no row has the event"),
        (([1, np.nan], [1, 1], [0, 1]), {}, "1 of 2 rows have a negative, missing"),
        (([1, 2], [1, 2], [0, 1]), {}, "1 of 2 rows have a wrong `event`"),
        (([1, 2], [1, 1], [0, np.nan]), {}, "have no `group`"),
        (([1, 2], [1, 1], ["a", None]), {}, "have no `group`"),
        (([1, 2], [1, 1], [0]), {}, "`group` has 1 values for 2 rows"),
        (([1, 2], [1, 1], [0, 1]), {"strata": [0, 1]}, "no two groups"),
        (([1, 2], [1, 1], [0, 1]), {"entry": [0, 2]}, "enter at or after"),
        (([1, 2], [1, 1], [0, 1]), {"weight": [1, 0]}, "one group"),
        (([1, 2], [1, 1], [0, 1]), {"weight": [0.5, 1], "robust": False}, "not whole numbers"),
        (([1, 2], [1, 1], [0, 1]), {"cluster": [0, 1], "robust": False}, "clusters"),
        (([1, 2], [1, 1], [0, 1]), {"rho": -1}, "not negative"),
        (([1, 2], [1, 1], [0, 1]), {"scores": [1, 1]}, "not all the same"),
        (([1, 2], [1, 1], [0, 1]), {"scores": [1, 2, 3]}, "3 values for 2 groups"),
        (([1, 2, 3] * 2, [1] * 6, [0, 1, 2] * 2), {"cluster": [0] * 6}, "fewer directions"),
    ):
        with pytest.raises(EstimationRefused, match=says.replace("(", r"\(")):
            log_rank(*arguments, **options)  # type: ignore[arg-type]


def test_shifted_scores_and_events_on_day_zero() -> None:
    # Exact: a trend does not depend on where scores start; without entry, day 0 is a day like another.
    time, event, group = [0, 1, 1, 2, 3, 3], [1, 1, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]
    near, far = log_rank(time, event, group, scores=[0, 1, 2]), log_rank(time, event, group, scores=[1e6, 1e6 + 1, 1e6 + 2])
    assert near.statistic == pytest.approx(far.statistic, rel=1e-8)
    assert near.statistic == pytest.approx(log_rank(np.add(time, 1), event, group, scores=[0, 1, 2]).statistic, rel=1e-12)
