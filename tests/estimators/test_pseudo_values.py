"""Pseudo-values of interval-censored incidences with competing causes."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import as_outcomes, pseudo_values
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence

INF = np.inf


def sample(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weekly looks with gaps, some censored after week 9, a dated competing cause; every week closes a cell of somebody."""
    rng = np.random.default_rng(seed)
    left = 7.0 * rng.integers(0, 9, n)
    right = left + 7.0 * rng.integers(1, 3, n)
    cause = rng.choice([0, 1, 2], size=n, p=[0.3, 0.55, 0.15])
    left = np.where(cause == 0, left + 14.0, np.where(cause == 2, right - 1.0, left))
    return left, np.where(cause == 0, INF, right), cause


def test_without_censoring_a_value_is_what_happened() -> None:
    # Exact: four rows in one group, all dated: 1 if cause 1 happened by the day, and the days between it and the horizon.
    values = pseudo_values([0, 7, 6, 14], [7, 14, 7, INF], [1, 1, 2, 0], days=[7, 14], horizon=14)
    assert values.names == ("day 7", "day 14", "time lost to day 14")
    np.testing.assert_allclose(values.value[:, :2], [[1, 1], [0, 1], [0, 0], [0, 0]], atol=1e-12)
    # Events lie evenly within (0, 7] and (7, 14]: 10.5 and 3.5 days are lost.
    np.testing.assert_allclose(values.value[:, 2], [10.5, 3.5, 0, 0], atol=1e-10)
    np.testing.assert_allclose(values.estimate[0], [0.25, 0.5, 3.5], atol=1e-12)
    np.testing.assert_array_equal(values.largest, [1, 1, 14])


def test_the_mean_of_a_group_is_its_estimate() -> None:
    # Exact: the derivatives of an estimate that does not depend on the scale of the weights sum to 0.
    left, right, cause = sample(3, 90)
    group, weight = np.arange(90) % 2, 0.5 + np.arange(90) % 3
    values = pseudo_values(left, right, cause, group=group, days=[28, 63], horizon=63, weight=weight)
    for one in (0, 1):
        of = group == one
        alone = interval_censored_incidence(left[of], right[of], cause[of], weight=weight[of])
        lost = alone.restricted_mean_time_lost(1, 63).midpoint.estimate
        np.testing.assert_allclose(values.estimate[one], [*alone.lower(1, [28, 63]).estimate, lost], atol=1e-12)
        np.testing.assert_allclose(np.average(values.value[of], axis=0, weights=weight[of]), values.estimate[one], atol=1e-9)


def test_a_value_is_the_estimate_and_the_derivative_by_the_rows_weight() -> None:
    # Exact: F + n dF/dw_i, the derivative by central differences of whole fits.
    left, right, cause = sample(5, 40)
    values = pseudo_values(left, right, cause, days=[28, 56])
    step = 1e-4
    for i in range(0, 40, 7):
        moved = []
        for sign in (-1, 1):
            weight = np.ones(40)
            weight[i] += sign * step
            fit = interval_censored_incidence(left, right, cause, weight=weight, tolerance=1e-12)
            moved.append(fit.lower(1, [28, 56]).estimate)
        np.testing.assert_allclose(values.value[i], values.estimate[0] + 40 * (moved[1] - moved[0]) / (2 * step), atol=1e-5)


def test_groups_that_are_not_compared_have_no_value() -> None:
    # Exact: a third group too short to be asked about is left alone; asked for, it is refused by name.
    left, right, cause, group = [0, 7, 0, 7, 0, 0], [7, INF, 7, INF, INF, INF], [1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 2, 2]
    values = pseudo_values(left, right, cause, group=group, days=[7])
    assert np.isnan(values.value[4:]).all()
    assert np.isfinite(values.value[:4]).all()
    assert set(values.estimate) == {0, 1}
    with pytest.raises(EstimationRefused, match="beyond the last follow-up of group 2"):
        pseudo_values(left, right, cause, group=group, days=[7], compared=None)


def test_a_day_inside_a_cell_is_refused_with_the_cell() -> None:
    # Exact: nobody is looked at between day 7 and day 21, and somebody's event lies there.
    with pytest.raises(EstimationRefused, match=r"open on day 14: a cell of it is \(7, 21\]"):
        pseudo_values([0, 7, 21], [7, 21, INF], [1, 1, 0], days=[14])
    # Where the cell has no mass the day is as good as any.
    assert pseudo_values([0, 21, 21], [7, INF, INF], [1, 0, 0], days=[14]).estimate[0][0] == pytest.approx(1 / 3)


def test_a_copy_is_a_weight_of_two() -> None:
    # Exact.
    left, right, cause = sample(8, 30)
    copies = np.where(np.arange(30) % 4 == 0, 2, 1)
    values = pseudo_values(left, right, cause, days=[35], weight=copies)
    spelled = pseudo_values(*(np.repeat(column, copies) for column in (left, right, cause)), days=[35])
    np.testing.assert_allclose(np.repeat(values.value, copies, axis=0), spelled.value, atol=1e-9)


def test_bare_numbers_are_outcomes() -> None:
    # Exact: columns inside [0, 1] are shares, others have no known largest value.
    found = as_outcomes(np.array([[0.0, 3.0], [1.0, -2.0]]))
    assert found.names == ("outcome 1", "outcome 2")
    np.testing.assert_array_equal(found.largest, [1.0, INF])
