"""Cumulative sums."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.cusum import bernoulli_cusum, grouped_cusum, time_to_event_cusum


def test_weights_runner_by_runner_by_hand() -> None:
    # Exact: OR 2, chance 1/2: success log(2 / 1.5), failure log(1 / 1.5); never below 0.
    found = bernoulli_cusum([1, 1, 0, 0, 0], 0.5, odds_ratio=2.0, limit=3.0)
    hit, miss = log(2 / 1.5), log(1 / 1.5)
    np.testing.assert_allclose(found.increment, [hit, hit, miss, miss, miss], atol=1e-15)
    np.testing.assert_allclose(found.value, [hit, 2 * hit, 2 * hit + miss, 0.0, 0.0], atol=1e-15)
    assert not found.signal.any()


def test_a_signal_begins_the_sum_again() -> None:
    # Exact: three successes of log(4/3) = 0.2877 reach 0.8; the fourth begins at 0.
    found = bernoulli_cusum([1, 1, 1, 1], 0.5, odds_ratio=2.0, limit=0.8)
    assert found.signal.tolist() == [False, False, True, False]
    assert found.value[3] == pytest.approx(log(4 / 3), abs=1e-15)


def test_groups_add_the_weights_of_their_runners() -> None:
    # Exact: two runners of chances .5 and .25, one success, OR 1/2: log(1/2) - log(.75) - log(.875).
    found = grouped_cusum([1, 0], [[0.5, 0.25], []], odds_ratio=0.5, limit=2.0)
    np.testing.assert_allclose(found.increment, [log(0.5) - log(0.75) - log(0.875), 0.0], atol=1e-15)
    np.testing.assert_allclose(found.expected, [0.75, 0.0])


def test_events_faster_than_expected_by_hand() -> None:
    # Exact: 4 events where 2 were expected, HR 2: 4 log 2 - 2; then none where 3 were: minus 3, so 0.
    found = time_to_event_cusum([4, 0], [2.0, 3.0], hazard_ratio=2.0, limit=5.0)
    np.testing.assert_allclose(found.value, [4 * log(2) - 2, 0.0], atol=1e-14)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bernoulli_cusum([2], 0.5, odds_ratio=2.0, limit=1.0), "not 0 or 1"),
        (lambda: bernoulli_cusum([1], 1.0, odds_ratio=2.0, limit=1.0), "between 0 and 1"),
        (lambda: bernoulli_cusum([1], 0.5, odds_ratio=1.0, limit=1.0), "is not 1"),
        (lambda: bernoulli_cusum([1], 0.5, odds_ratio=2.0, limit=0.0), "limit"),
        (lambda: grouped_cusum([3], [[0.5, 0.5]], odds_ratio=2.0, limit=1.0), "more outcomes than runners"),
        (lambda: time_to_event_cusum([1], [-1.0], hazard_ratio=2.0, limit=1.0), "below 0"),
    ],
)
def test_input_that_cannot_be_is_refused(call: object, says: str) -> None:
    with pytest.raises(EstimationRefused, match=says):
        call()  # type: ignore[operator]
