"""Gray's test by hand, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.group_tests.gray import gray_test
from tendon_outcomes.estimators.group_tests.log_rank import log_rank


def test_one_event_by_hand() -> None:
    # Exact: one event in a, two at risk in each group: U = 1/2, variance of one draw out of two 1/4, statistic 1.
    test = gray_test([1, 3, 2, 3], [1, 0, 0, 0], ["a", "a", "b", "b"])
    assert test.name == "Gray's test, cause 1"
    np.testing.assert_allclose(test.variance, [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-14)
    assert (test.statistic, test.z) == (pytest.approx(1.0, rel=1e-14), pytest.approx(-1.0, rel=1e-14))


def test_a_competing_event_first_by_hand() -> None:
    # Exact: after a competing event in a, its one row left stands for two: h = 2 in both groups, U = 1/2. The variance is 1/4
    # from the event and, for the competing one, b = -2 x 1/4 with h = 2: (1/2)^2 / 2^2 = 1/16. (1/4) / (5/16) = 4/5.
    test = gray_test([1, 2, 3, 3], [2, 1, 0, 0], ["a", "a", "b", "b"])
    np.testing.assert_allclose(test.expected, [0.5, 0.5], rtol=1e-14)
    assert test.variance[0, 0] == pytest.approx(5 / 16, rel=1e-14)
    assert test.statistic == pytest.approx(4 / 5, rel=1e-14)


def test_without_other_causes_observed_and_expected_are_those_of_the_log_rank_test() -> None:
    # Exact identity: R = Y when no cause competes; the variances estimate the same and differ.
    time, event, group = [1, 2, 2, 3, 4, 5, 6, 6], [1, 1, 0, 1, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1, 1, 0]
    gray, plain = gray_test(time, event, group), log_rank(time, event, group)
    np.testing.assert_allclose(gray.expected, plain.expected, rtol=1e-13)
    np.testing.assert_allclose(gray.observed, plain.observed, rtol=1e-13)


def test_names_and_copies() -> None:
    # Exact: the label tells strata, cause and rho; a whole-number weight is that many rows.
    time, cause, group = [1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 1, 2, 1, 2, 2, 1], [0, 1, 0, 1, 1, 0, 0, 1]
    assert gray_test(time, cause, group, strata=[0, 0, 0, 0, 1, 1, 1, 1]).name == "stratified Gray's test, cause 1"
    assert gray_test(time, cause, group, cause_of_interest=2, rho=0.5).name == "Gray's test, cause 2, rho 0.5"
    copies = [1, 2, 1, 3, 1, 0, 2, 1]
    weighted = gray_test(time, cause, group, weight=copies)
    repeated = gray_test(*(np.repeat(x, copies) for x in (time, cause, group)))
    assert weighted.statistic == pytest.approx(repeated.statistic, rel=1e-12)


def test_refuses_what_cannot_be_tested() -> None:
    # Exact: each refusal names its reason.
    for arguments, options, says in (
        (([], [], []), {}, "no rows"),
        (([1, 2], [1, 1], [0, 0]), {}, "one group"),
        (([1, 2], [0, 2], [0, 1]), {}, "no row has cause 1"),
        (([1, 2], [0, 1], [0, 1]), {"cause_of_interest": 3}, "no row has cause 3"),
        (([1, 2], [1, -1], [0, 1]), {}, "1 of 2 rows have a wrong `cause`"),
        (([1, 2], [1, 1], [0, 1]), {"rho": np.inf}, "not negative"),
        (([1, 2], [1, 1], [0, 1]), {"weight": [0.5, 1]}, "not whole numbers"),
        (([1, 2], [1, 1], [0, 1]), {"strata": [0, 1]}, "no two groups"),
        (([1, 1], [1, 1], [0, 1]), {}, "fewer directions"),
    ):
        with pytest.raises(EstimationRefused, match=says):
            gray_test(*arguments, **options)  # type: ignore[arg-type]
