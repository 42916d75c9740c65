"""Weighted incidence by week with interval-censored events, competing causes and rows that stop counting."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, interval_censored_incidence
from tendon_outcomes.estimators.causal.sustained.hazard_equations import solved
from tendon_outcomes.estimators.causal.sustained.self_consistent import incidence_rows, self_consistent_incidence


def looked_at(rng: np.random.Generator, n: int, weeks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Looks on a shared grid that each row misses now and then; surgery in its week."""
    event, operated = rng.integers(1, weeks + 6, n), rng.integers(1, 8 * weeks, n)
    grid = np.sort(rng.choice(np.arange(1, weeks + 1), size=max(2, weeks // 2), replace=False))
    left, right, cause = np.zeros(n, dtype=int), np.full(n, np.inf), np.zeros(n, dtype=int)
    for i in range(n):
        looks = grid[rng.random(grid.size) < 0.8]
        if operated[i] < min(event[i], weeks):
            left[i], right[i], cause[i] = operated[i] - 1, operated[i], 2
            continue
        left[i] = max(looks[looks < event[i]], default=0)
        after = looks[looks >= event[i]]
        if after.size:
            right[i], cause[i] = after.min(), 1
    return left, right, cause


@pytest.mark.parametrize("seed", range(8))
def test_constant_weights_give_the_npmle_at_grid_weeks(seed: int) -> None:
    # Exact: the same likelihood, fitted by interval_censored_incidence.
    rng = np.random.default_rng(seed)
    left, right, cause = looked_at(rng, 150, 14)
    weight = rng.uniform(0.2, 3.0, 150)
    ours = self_consistent_incidence(left, right, cause, weight, weeks=14)
    npmle = interval_censored_incidence(np.where(cause == 2, 0, left), right, cause, weight=weight, tolerance=1e-12)
    for week in np.unique(np.concatenate([left[cause <= 1], right[cause == 1]])):
        if 0 < week <= npmle.last_follow_up:
            bounds = npmle.bounds(1, week)
            assert bounds.lower - 1e-8 <= ours.at(int(week)) <= bounds.upper + 1e-8
    assert ours.residual <= 1e-11


@pytest.mark.parametrize("seed", range(5))
def test_dated_events_give_the_weighted_aalen_johansen(seed: int) -> None:
    # Exact: every event is known to its week, so nothing is spread.
    rng = np.random.default_rng(100 + seed)
    week, cause, weight = rng.integers(1, 13, 80), rng.integers(0, 4, 80), rng.uniform(0.1, 4.0, 80)
    right = np.where(cause == 0, np.inf, week)
    ours = self_consistent_incidence(np.where(cause == 0, week, week - 1), right, cause, weight, weeks=12)
    theirs = aalen_johansen(week, cause, weight=weight)
    np.testing.assert_allclose(ours.incidence, theirs.at(1, np.arange(1, 13)).estimate, rtol=0, atol=1e-12)
    other = sum(theirs.at(k, np.arange(1, 13)).estimate for k in (2, 3))
    np.testing.assert_allclose(ours.competing, other, rtol=0, atol=1e-12)


def test_weights_by_week_by_hand() -> None:
    # Exact. Week 1: 4 rows of weight 1, one event. Week 2: weights 2, 1, 1, one event of weight 2: hazards 1/4 and 1/2.
    fit = self_consistent_incidence(
        [0, 1, 2, 2], [1, 2, np.inf, np.inf], [1, 1, 0, 0], [[1.0, 9.0], [1.0, 2.0], [1.0, 1.0], [1.0, 1.0]], weeks=2
    )
    np.testing.assert_allclose(fit.hazard, [1 / 4, 1 / 2], rtol=0, atol=1e-15)
    np.testing.assert_allclose(fit.incidence, [1 / 4, 1 / 4 + 3 / 4 / 2], rtol=0, atol=1e-15)
    assert fit.time_lost(2) == pytest.approx(1 / 4 + (1 / 4 + 3 / 8) / 2)


def test_an_interval_is_spread_by_the_masses_by_hand() -> None:
    # Exact. Events in week 1, in week 2, and one in (0, 2]: by symmetry of the likelihood p (1 - p) the masses are 1/2 each.
    fit = self_consistent_incidence([0, 1, 0], [1, 2, 2], [1, 1, 1], weeks=2)
    np.testing.assert_allclose(fit.incidence, [1 / 2, 1.0], rtol=0, atol=1e-10)


def test_nothing_counts_after_departure() -> None:
    # Exact: rows 2 and 3 count in week 1 only, so that the event of row 2 in week 2 is not seen.
    fit = self_consistent_incidence([0, 1, 2, 2], [1, 2, np.inf, np.inf], [1, 1, 0, 0], follow_to=[2, 1, 1, 2], weeks=2)
    np.testing.assert_allclose(fit.incidence, [1 / 4, 1 / 4], rtol=0, atol=1e-15)
    np.testing.assert_allclose(fit.at_risk, [4.0, 1.0])


def test_weights_of_a_week_may_be_multiplied() -> None:
    # Exact: the equation of a week is homogeneous in the weights of that week.
    rng = np.random.default_rng(3)
    left, right, cause = looked_at(rng, 120, 10)
    left[:9], right[:9], cause[:9] = np.arange(9), np.arange(1, 10), 1  # every week is told apart
    weight = rng.uniform(0.5, 2.0, (120, 10))
    one = self_consistent_incidence(left, right, cause, weight, weeks=10)
    two = self_consistent_incidence(left, right, cause, weight * rng.uniform(0.1, 5.0, 10), weeks=10)
    np.testing.assert_allclose(one.incidence, two.incidence, rtol=0, atol=1e-8)


def test_an_interval_beyond_the_last_week_leaves_part_of_its_mass_there() -> None:
    # Exact: one event in week 1, one in (1, 3] when weeks end at 2, and one free beyond: the second may lie in week 2 or later.
    fit = self_consistent_incidence([0, 1, 2], [1, 3, np.inf], [1, 1, 0], weeks=2)
    assert fit.incidence[0] == pytest.approx(1 / 3)
    assert fit.weeks == 2
    assert 1 / 3 <= fit.incidence[1] <= 2 / 3


def test_many_weightings_at_once_are_the_single_ones() -> None:
    # Exact: a batch changes no number beyond the tolerance of the equations.
    rng = np.random.default_rng(9)
    left, right, cause = looked_at(rng, 100, 12)
    weights = rng.integers(0, 4, (6, 100)).astype(float)
    rows = incidence_rows(left, right, cause, weeks=12)
    totals = rows.totals(6)
    for week, part in enumerate(rows.by_week):
        rows.add(totals, week, weights[:, part.rows])
    fits = solved(totals, tolerance=1e-11)
    assert fits.converged.all()
    for one, weight in zip(fits.hazard, weights, strict=True):
        alone = self_consistent_incidence(left, right, cause, weight, weeks=12)
        np.testing.assert_allclose(one[:12], alone.hazard, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([2], [1], [1]), "empty interval"),
        (([0], [np.inf], [1]), "without a finite"),
        (([0], [1.0], [0]), "finite `right`"),
        (([0.5], [1], [1]), "no whole week"),
        (([0, 1], [1], [1]), "values"),
    ],
)
def test_bad_rows_are_refused(arguments: tuple[list[float], ...], says: str) -> None:
    # Exact: the words of the refusal.
    with pytest.raises(EstimationRefused, match=says):
        self_consistent_incidence(*arguments, weeks=3)
