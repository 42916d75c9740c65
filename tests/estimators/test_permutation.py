"""Permutation tests: the lady tasting tea, clusters, strata, random deals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.resampling.executors import Processes
from tendon_outcomes.estimators.resampling.permutation import permutation_test

TRUE = np.repeat([0.0, 1.0], 4)


def right(labels: np.ndarray) -> np.ndarray:
    return labels @ TRUE - 2.0


def test_the_lady_tasting_tea() -> None:
    # Published: Fisher (1935) The Design of Experiments, ch. 2: 1/70 for all right, 17/70 for three of four.
    assert permutation_test(right, TRUE, seed=1, alternative="greater").p_value == pytest.approx(1 / 70, abs=1e-15)
    three = [0, 0, 0, 1, 0, 1, 1, 1]
    found = permutation_test(right, three, seed=1, alternative="greater")
    assert (found.exact, found.deals.size, found.p_std_error) == (True, 70, 0.0)
    assert found.p_value == pytest.approx(17 / 70, abs=1e-15)
    assert permutation_test(right, three, seed=1).p_value == pytest.approx(34 / 70, abs=1e-15)
    assert permutation_test(right, three, seed=1, alternative="less").p_value == pytest.approx(69 / 70, abs=1e-15)


def test_random_deals_come_near_and_never_give_zero() -> None:
    # Exact: (1 + far) / (1 + R); known truth 1/70 within four standard errors; two workers the same.
    found = permutation_test(right, TRUE, replicates=69, seed=5, alternative="greater")
    assert not found.exact
    assert found.p_value == (1 + np.count_nonzero(found.deals >= 2.0)) / 70
    values = np.arange(30.0)
    labels = np.arange(30) % 2
    one = permutation_test(lambda g: g @ (values - values.mean()), labels, replicates=500, seed=5)
    two = permutation_test(lambda g: g @ (values - values.mean()), labels, replicates=500, seed=5, executor=Processes(2))
    assert one.deals.tobytes() == two.deals.tobytes()


def test_strata_and_clusters_restrict_the_deals() -> None:
    # Exact: two strata of two and three rows: 2 * 3 deals; three clusters of two rows, one treated: 3 deals.
    value = np.array([1.0, 5.0, 2.0, 3.0, 9.0])
    found = permutation_test(lambda g: g @ value, [0, 1, 0, 0, 1], strata=[0, 0, 1, 1, 1], seed=1, alternative="greater")
    assert (found.deals.size, found.p_value) == (6, pytest.approx(float(Fraction(1, 6))))
    rows = np.array([1.0, 2, 3, 4, 5, 6])
    found = permutation_test(lambda g: g @ rows, [0, 0, 0, 0, 1, 1], cluster=[7, 7, 8, 8, 9, 9], seed=1, alternative="greater")
    assert sorted(found.deals) == [3, 7, 11]
    with pytest.raises(EstimationRefused, match="1 of 2 clusters have rows in more than one group"):
        permutation_test(lambda g: g @ rows[:4], [0, 1, 0, 0], cluster=[1, 1, 2, 2], seed=1)
