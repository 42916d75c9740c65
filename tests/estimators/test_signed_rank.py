"""The middle of paired differences: a published example, few pairs counted out, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.signed_rank import EXACT_UP_TO, paired_median

BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])


def test_depression_scale_of_hollander_and_wolfe() -> None:
    # Grade: published, Hollander & Wolfe (1973), table 3.1: nine patients, estimate 0.460 with limits 0.010 and 0.786.
    found = paired_median(BEFORE - AFTER)
    assert found.estimate == pytest.approx(0.460)
    assert (found.conf_low, found.conf_high) == (pytest.approx(0.010), pytest.approx(0.786))
    assert (found.n, found.exact) == (9, True)


@pytest.mark.parametrize("n", [6, 7, 9])
def test_limits_are_ranks_of_the_rank_sum(n: int) -> None:
    # Grade: exact: every sign pattern of n ranks; the limit is the average of the smallest rank whose tail reaches 2.5 %.
    sums = sorted(
        sum(rank for rank, sign in zip(range(1, n + 1), signs, strict=True) if sign) for signs in product((0, 1), repeat=n)
    )
    rank = next(q for q in range(n * n) if sum(one <= q for one in sums) / 2**n >= 0.025)
    values = np.array([0.3, 1.9, -0.7, 4.1, 2.2, 0.9, 7.3, -2.6, 5.7])[:n]
    averages = sorted((values[i] + values[j]) / 2 for i in range(n) for j in range(i, n))
    found = paired_median(values)
    assert (found.conf_low, found.conf_high) == (averages[rank - 1], averages[-rank])
    assert found.estimate == pytest.approx(np.median(averages))


def test_ties_are_counted_as_often_as_they_come() -> None:
    # Grade: exact: whole points with many ties give what one average for each pair of runners gives.
    values = np.repeat([0.0, 1.0, 2.0, 5.0], [7, 11, 3, 6])
    averages = np.sort([(values[i] + values[j]) / 2 for i in range(values.size) for j in range(i, values.size)])
    assert paired_median(values).estimate == np.median(averages)


def test_the_normal_curve_takes_over_without_a_jump() -> None:
    # Grade: exact: just beyond the last counted sample the rank differs from the counted one by less than one per cent.
    rng = np.random.default_rng(3)
    values = rng.normal(size=EXACT_UP_TO + 1)
    counted, normal = paired_median(values[:-1]), paired_median(values)
    assert (counted.exact, normal.exact) == (True, False)
    assert normal.conf_low == pytest.approx(counted.conf_low, abs=0.02)
    assert normal.conf_high == pytest.approx(counted.conf_high, abs=0.02)


def test_five_pairs_have_no_limits() -> None:
    # Grade: exact: 1/32 in the outermost pattern is more than 2.5 %.
    with pytest.raises(EstimationRefused, match="5 pairs have no limits"):
        paired_median([1.0, 2.0, 3.0, 4.0, 5.0])
