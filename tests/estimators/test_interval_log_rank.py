"""The log-rank test for interval-censored events: scores by hand, dated data, all divisions of a small sample."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.group_tests.log_rank import log_rank
from tendon_outcomes.estimators.interval_censored.log_rank import interval_log_rank

INF = np.inf
# Six rows on three visits; the masses are 1/3 each on (0, 7], (7, 14], beyond: every row is one of the cells.
LEFT, RIGHT, GROUP = [0, 0, 7, 7, 14, 14], [7, 7, 14, 14, INF, INF], list("aababb")


def intervals(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    left = 7.0 * rng.integers(0, 5, n)
    return left, np.where(rng.random(n) < 0.3, INF, left + 7.0 * rng.integers(1, 4, n))


def test_log_rank_scores_by_hand() -> None:
    # Exact fractions: hazards 1/3 and 1/2; scores 1 - 1/3 (twice), 1 - 5/6 (twice), -5/6 (twice). U_b = 1/6 - 5/6 - 5/6 = -3/2.
    # s^2 = (2 * 4/9 + 2 * 1/36 + 2 * 25/36) / 5 = 7/15; V = s^2 * 3 * 3 / 6 = 7/10.
    test = interval_log_rank(LEFT, RIGHT, GROUP)
    assert test.groups == ("a", "b")
    assert test.n.tolist() == [3, 3]
    np.testing.assert_allclose(test.observed, [3, 1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(test.expected, [3 / 2, 5 / 2], rtol=0, atol=1e-10)
    assert test.variance[1, 1] == pytest.approx(float(Fraction(7, 10)), abs=1e-10)
    assert test.statistic == pytest.approx((9 / 4) / (7 / 10), abs=1e-9)
    assert test.z == pytest.approx(-1.5 / np.sqrt(0.7), abs=1e-9)
    assert test.df == 1
    assert test.name == "interval-censored log-rank (Sun's scores)"


def test_peto_and_finkelstein_scores_by_hand() -> None:
    # Exact: peto S(L) + S(R) - 1: 1 + 2/3 - 1 = 2/3, 2/3 + 1/3 - 1 = 0, 1/3 + 0 - 1 = -2/3. U_b = 0 - 4/3.
    # Finkelstein with S = 1, 2/3, 1/3: [0 - 2/3 log 2/3] / (1/3), [2/3 log 2/3 - 1/3 log 1/3] / (1/3), log 1/3.
    peto = interval_log_rank(LEFT, RIGHT, GROUP, scores="peto")
    assert peto.observed[1] - peto.expected[1] == pytest.approx(-4 / 3, abs=1e-10)
    assert peto.variance[1, 1] == pytest.approx((4 * 4 / 9) / 5 * 9 / 6, abs=1e-10)
    grouped = interval_log_rank(LEFT, RIGHT, GROUP, scores="finkelstein")
    second, third = 2 * np.log(2 / 3) - np.log(1 / 3), np.log(1 / 3)
    assert grouped.observed[1] - grouped.expected[1] == pytest.approx(second + 2 * third, abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("scores", "rho"), [("log-rank", 0.0), ("peto", 1.0)])
def test_dated_data_give_the_numerator_of_the_ordinary_test(seed: int, scores: str, rho: float) -> None:
    # Exact identity: observed less expected of log_rank, three groups, strata, competing causes as censorings of the hazard.
    rng = np.random.default_rng(seed)
    time, cause, group, strata = (
        rng.integers(1, 12, 60),
        rng.choice(3, size=60, p=[0.3, 0.5, 0.2]),
        np.arange(60) % 3,
        np.arange(60) % 2,
    )
    usual = log_rank(time, cause == 1, group, strata=strata, rho=rho)
    left, right = np.where(cause == 1, time - 1, time), np.where(cause == 1, time, INF)
    ours = interval_log_rank(left, right, group, strata=strata, scores=scores)  # type: ignore[arg-type]
    np.testing.assert_allclose(ours.observed - ours.expected, usual.observed - usual.expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.observed, usual.observed, rtol=0, atol=1e-9)
    assert ours.name.startswith("stratified ")
    if rho == 0.0:
        left, right = np.where(cause == 0, time, time - 1), np.where(cause == 0, INF, time)
        competing = interval_log_rank(left, right, group, cause=cause, strata=strata)
        np.testing.assert_allclose(competing.observed - competing.expected, usual.observed - usual.expected, rtol=0, atol=1e-9)


def test_variance_is_that_of_all_divisions() -> None:
    # Exact: over all 20 divisions of the six rows into three and three U_b has mean 0 and, as the finite population says, V.
    totals = []
    for chosen in combinations(range(6), 3):
        test = interval_log_rank(LEFT, RIGHT, ["b" if i in chosen else "a" for i in range(6)])
        totals.append(test.observed[1] - test.expected[1])
    assert np.mean(totals) == pytest.approx(0.0, abs=1e-9)
    assert np.var(totals) == pytest.approx(test.variance[1, 1], abs=1e-9)


def test_permutation_p_value_is_that_of_all_divisions() -> None:
    # Exact up to Monte Carlo error: the share of the 20 divisions with |U| at least as large.
    observed = interval_log_rank(LEFT, RIGHT, GROUP)
    all_of_them = [
        interval_log_rank(LEFT, RIGHT, ["b" if i in chosen else "a" for i in range(6)]).statistic
        for chosen in combinations(range(6), 3)
    ]
    share = np.mean(np.array(all_of_them) >= observed.statistic * (1 - 1e-9))
    dealt = interval_log_rank(LEFT, RIGHT, GROUP, method="permutation", rng=np.random.default_rng(1), replicates=20_000)
    assert dealt.p_value == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000))
    assert dealt.name.endswith("20,000 permutations")
    again = interval_log_rank(LEFT, RIGHT, GROUP, method="permutation", rng=np.random.default_rng(1), replicates=20_000)
    assert again.p_value == dealt.p_value


def test_size_under_no_difference() -> None:
    # Simulation: 1,000 samples of two groups of 30 from one law, looks every two weeks, 30 % missed. Nominal 0.05; Monte Carlo
    # standard error 0.0069; accepted within 3 of them.
    rng, looks, rejected = np.random.default_rng(11), np.arange(14.0, 85.0, 14.0), 0
    for _ in range(1_000):
        event, seen = rng.exponential(40.0, 60), rng.random((60, 6)) < 0.7
        right = np.where(seen & (looks >= event[:, None]), looks, INF).min(axis=1)
        left = np.where(seen & (looks < event[:, None]), looks, 0.0).max(axis=1)
        rejected += interval_log_rank(left, right, np.arange(60) % 2).p_value < 0.05
    assert abs(rejected / 1_000 - 0.05) < 3 * 0.0069


def test_copies_count_and_the_order_of_labels_gives_the_sign() -> None:
    # Exact.
    left, right = intervals(3, 40)
    group, copies = np.arange(40) % 2, np.arange(40) % 3
    counted = interval_log_rank(left, right, group, weight=copies)
    repeated = interval_log_rank(*(np.repeat(column, copies) for column in (left, right, group)))
    assert counted.statistic == pytest.approx(repeated.statistic, abs=1e-9)
    assert counted.n.tolist() == repeated.n.tolist()
    turned = interval_log_rank(left, right, 1 - group, weight=copies)
    assert turned.z == pytest.approx(-counted.z, abs=1e-9)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"group": list("aaaaaa")}, "one group only"),
        ({"group": list("ab")}, "`group` has 2 values for 6 rows"),
        ({"group": [1.0, np.nan, 2.0, 1.0, 2.0, 1.0]}, "1 of 6 rows have no label"),
        ({"strata": list("ab")}, "`strata` has 2 values"),
        ({"weight": [0.5] * 6}, "not whole numbers"),
        ({"scores": "gehan"}, "`scores` is"),
        ({"method": "bootstrap"}, "`method` is"),
        ({"method": "permutation"}, "needs `rng`"),
        ({"cause": [1, 1]}, "`cause` has 2 values for 6 rows"),
        ({"cause": [1, 1, 2, 1, 0, 0], "scores": "finkelstein"}, "one cause"),
        ({"strata": list("aababb")}, "no two groups"),
        ({"left": [7] * 6, "right": [INF] * 6}, "no two groups"),
        ({"left": [0] * 5}, "one a row is needed"),
    ],
)
def test_refusals(change: dict[str, object], says: str) -> None:
    # Exact: each rule of the door; a stratum with one group, or a sample without an event, compares nothing.
    arguments = {"left": LEFT, "right": RIGHT, "group": GROUP} | change
    with pytest.raises(EstimationRefused, match=says):
        interval_log_rank(**arguments)  # type: ignore[arg-type]
