"""The two sides of one patient are not two patients: cluster-robust variance of the interval-censored incidence."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import IntervalIncidence, interval_censored_incidence, kaplan_meier

WEEKS = np.array([7.0, 14.0, 28.0, 56.0])


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weekly-grid rows with interval-censored events, competing days and censoring."""
    rng = np.random.default_rng(seed)
    day = rng.exponential(60.0, n)
    grid = np.arange(0.0, 183.0, 7.0)
    left = grid[np.clip(np.searchsorted(grid, day) - 1, 0, grid.size - 2)]
    cause = rng.choice([0, 1, 1, 1, 2], n)
    right = np.where(cause == 0, np.inf, np.where(cause == 1, left + 7.0, np.maximum(np.ceil(day), 1.0)))
    return left, right, cause


def errors(fit: IntervalIncidence) -> np.ndarray:
    return np.asarray(fit.lower(1, WEEKS).std_error)


def test_every_row_twice_in_one_cluster_is_the_sample_once() -> None:
    # Grade: exact: doubling halves the inverse information and quadruples the squared scores of each pair.
    left, right, cause = sample(120, 1)
    twice = [np.concatenate([column, column]) for column in (left, right, cause)]
    pairs = np.concatenate([np.arange(120), np.arange(120)])
    alone = interval_censored_incidence(left, right, cause, robust=True)
    doubled = interval_censored_incidence(*twice, cluster=pairs)
    np.testing.assert_allclose(errors(doubled), errors(alone), rtol=1e-9)


def test_clusters_of_one_are_the_row_wise_sandwich() -> None:
    # Grade: exact.
    left, right, cause = sample(90, 2)
    rows = interval_censored_incidence(left, right, cause, robust=True)
    single = interval_censored_incidence(left, right, cause, cluster=np.arange(90))
    np.testing.assert_allclose(errors(single), errors(rows), rtol=1e-12)


def test_labels_and_row_order_do_not_matter() -> None:
    # Grade: exact (metamorphic).
    left, right, cause = sample(80, 3)
    labels = np.repeat(np.arange(40), 2)
    order = np.random.default_rng(4).permutation(80)
    one = interval_censored_incidence(left, right, cause, cluster=labels)
    other = interval_censored_incidence(
        left[order], right[order], cause[order], cluster=np.array([f"p{x}" for x in labels])[order]
    )
    np.testing.assert_allclose(errors(other), errors(one), rtol=1e-9)


def test_on_dated_data_it_is_the_grouped_infinitesimal_jackknife_of_kaplan_meier() -> None:
    # Grade: exact: d S(t) / d w_i by central differences of weighted Kaplan-Meier fits, summed within patients and squared.
    rng = np.random.default_rng(6)
    time = rng.integers(1, 12, 30).astype(float)
    event = rng.random(30) < 0.7
    patient = np.repeat(np.arange(15), 2)
    fit = interval_censored_incidence(
        np.where(event, time - 1.0, time), np.where(event, time, np.inf), event.astype(int), cluster=patient
    )
    days, step = np.array([3.0, 6.0, 9.0]), 1e-4
    slopes = []
    for i in range(30):
        up, down = np.ones(30), np.ones(30)
        up[i], down[i] = 1 + step, 1 - step
        high, low = (kaplan_meier(time, event, weight=w, robust=True).at(days).estimate for w in (up, down))
        slopes.append((high - low) / (2 * step))
    grouped = np.add.reduceat(np.array(slopes), np.arange(0, 30, 2))
    np.testing.assert_allclose(fit.lower(1, days).std_error, np.sqrt((grouped**2).sum(axis=0)), rtol=1e-5)


def test_rows_of_weight_zero_take_their_cluster_with_them() -> None:
    # Grade: exact.
    left, right, cause = sample(60, 7)
    labels = np.repeat(np.arange(30), 2)
    weight = np.ones(60)
    weight[::5] = 0.0
    kept = weight > 0
    with_zero = interval_censored_incidence(left, right, cause, weight=weight, cluster=labels)
    without = interval_censored_incidence(left[kept], right[kept], cause[kept], cluster=labels[kept])
    np.testing.assert_allclose(errors(with_zero), errors(without), rtol=1e-10)


def test_labels_of_another_length_are_refused() -> None:
    # Grade: exact.
    left, right, cause = sample(10, 8)
    with pytest.raises(EstimationRefused, match="cluster"):
        interval_censored_incidence(left, right, cause, cluster=np.arange(9))
