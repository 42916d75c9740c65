"""Groups of interval-censored runners: separate fits, contrasts with their limits, patients who are in two groups."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, interval_censored_incidence, restricted_mean_time_lost, turnbull
from tendon_outcomes.estimators.contrasts import Contrast
from tendon_outcomes.estimators.interval_censored.comparisons import interval_milestone_contrast, interval_time_lost_contrast
from tendon_outcomes.estimators.interval_censored.groups import interval_incidence_by_group

INF = np.inf


def sample(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weekly looks with gaps; some censored; a dated competing cause."""
    rng = np.random.default_rng(seed)
    left = 7.0 * rng.integers(0, 6, n)
    right = left + 7.0 * rng.integers(1, 4, n)
    cause = rng.choice([0, 1, 2], size=n, p=[0.3, 0.5, 0.2])
    return left, np.where(cause == 0, INF, right), cause


def test_groups_are_separate_fits_in_sorted_order() -> None:
    # Exact.
    left, right, cause = sample(1, 60)
    group, weight = np.array(["b", "a", "c"] * 20), np.arange(60) % 3 + 0.5
    entry = np.where(np.arange(60) % 5 == 0, np.minimum(left, 7.0), 0.0)
    fits = interval_incidence_by_group(left, right, cause, group, weight=weight, cluster=np.arange(60) // 2, entry=entry)
    assert fits.groups == ("a", "b", "c")
    assert len(fits) == 3
    for label in fits:
        of = group == label
        alone = interval_censored_incidence(
            left[of], right[of], cause[of], weight=weight[of], cluster=(np.arange(60) // 2)[of], entry=entry[of]
        )
        np.testing.assert_array_equal(fits[label].mass, alone.mass)
        np.testing.assert_array_equal(fits[label].lower(1, [14, 28]).std_error, alone.lower(1, [14, 28]).std_error)


def binomial_groups(a: int, n: int, b: int, m: int, **extra: object) -> Contrast:
    """Day 7 of two groups with a of n and b of m events in (0, 7]."""
    right = [7.0] * a + [INF] * (n - a) + [7.0] * b + [INF] * (m - b)
    left = [0.0 if np.isfinite(end) else 7.0 for end in right]
    groups = interval_incidence_by_group(left, right, np.isfinite(right).astype(int), ["x"] * n + ["y"] * m)
    bracket = interval_milestone_contrast(groups, 1, 7, group="x", reference="y", **extra)  # type: ignore[arg-type]
    assert bracket.determined
    assert bracket.lower == bracket.upper
    return bracket.lower


def test_difference_has_newcombes_form() -> None:
    # Exact: binomial groups. Distances of each group's own complementary log-log limits, joined by their squares.
    found = binomial_groups(17, 20, 6, 20)
    parts = [turnbull([0] * k + [7] * (20 - k), [7] * k + [INF] * (20 - k)).lower(1, 7) for k in (17, 6)]
    (p, _, low, high), (q, _, low_q, high_q) = ([float(v) for v in part] for part in parts)
    assert found.estimate == pytest.approx(11 / 20, abs=1e-12)
    assert found.std_error == pytest.approx(np.sqrt(17 * 3 / 8000 + 6 * 14 / 8000), abs=1e-12)
    assert found.conf_low == pytest.approx(p - q - np.hypot(p - low, high_q - q), abs=1e-12)
    assert found.conf_high == pytest.approx(p - q + np.hypot(high - p, q - low_q), abs=1e-12)


def test_an_incidence_of_zero_or_one_keeps_its_exact_limits() -> None:
    # Exact: 0 of 10 against 10 of 10: both standard errors are 0; the limits come from Clopper-Pearson, 1 - 0.025^(1/10) each.
    found = binomial_groups(0, 10, 10, 10)
    assert (found.estimate, found.std_error) == (-1.0, 0.0)
    assert found.conf_low == -1.0
    assert found.conf_high == pytest.approx(-1 + np.sqrt(2) * (1 - 0.025**0.1), abs=1e-12)


def test_ratio_and_its_limits() -> None:
    # Exact: the same rule with logarithms; swapping the groups turns the ratio over.
    found, turned = binomial_groups(12, 20, 6, 20, scale="ratio"), binomial_groups(6, 20, 12, 20, scale="ratio")
    assert found.estimate == pytest.approx(2.0, abs=1e-12)
    assert found.std_error == pytest.approx(np.sqrt(8 / 240 + 14 / 120), abs=1e-12)
    assert found.conf_low == pytest.approx(1 / turned.conf_high, abs=1e-12)
    assert found.conf_high == pytest.approx(1 / turned.conf_low, abs=1e-12)
    with pytest.raises(EstimationRefused, match="above 0"):
        binomial_groups(0, 20, 6, 20, scale="ratio")


def test_a_day_inside_a_cell_gives_the_least_and_the_greatest_difference() -> None:
    # Exact: x has 1/2 on (0, 14], y has 1/4 on (0, 7] and 1/2 on (7, 14]; on day 10 F_x is 0 to 1/2, F_y 1/4 to 3/4.
    left, right = [0, 14, 0, 7, 7, 14], [14, INF, 7, 14, 14, INF]
    groups = interval_incidence_by_group(left, right, [1, 0, 1, 1, 1, 0], list("xxyyyy"))
    bracket = interval_milestone_contrast(groups, 1, 10, group="x", reference="y")
    assert not bracket.determined
    assert bracket.lower.estimate == pytest.approx(0 - 3 / 4, abs=1e-12)
    assert bracket.upper.estimate == pytest.approx(1 / 2 - 1 / 4, abs=1e-12)
    assert bracket.lower.conf_low >= -1.0
    assert bracket.upper.conf_high <= 1.0


def test_time_lost_of_dated_groups_is_that_of_aalen_johansen() -> None:
    # Exact identity: difference and ratio of areas, independent groups.
    rng = np.random.default_rng(4)
    time, cause, group = rng.integers(1, 13, 80), rng.choice(3, size=80, p=[0.3, 0.4, 0.3]), np.arange(80) % 2
    left, right = np.where(cause == 0, time, time - 1), np.where(cause == 0, INF, time)
    groups = interval_incidence_by_group(left, right, cause, group)
    areas = [restricted_mean_time_lost(aalen_johansen(time[group == g], cause[group == g]), 1, horizon=10) for g in (0, 1)]
    found = interval_time_lost_contrast(groups, 1, 10, group=1, reference=0)
    # Events are on the last day of their cell (day - 1, day]; the bracket is a day of every event wide.
    assert found.midpoint.std_error > 0
    late = [groups[g].restricted_mean_time_lost(1, 10).lower for g in (0, 1)]
    for mean, area in zip(late, areas, strict=True):
        assert mean.estimate == pytest.approx(area.estimate, abs=1e-10)
        assert mean.std_error == pytest.approx(area.std_error, abs=1e-10)
    early = [groups[g].restricted_mean_time_lost(1, 10).upper for g in (0, 1)]
    assert found.lower.estimate == pytest.approx(late[1].estimate - early[0].estimate, abs=1e-12)
    assert found.upper.estimate == pytest.approx(early[1].estimate - late[0].estimate, abs=1e-12)
    assert found.lower.std_error == pytest.approx(np.hypot(late[1].std_error, early[0].std_error), abs=1e-12)
    ratio = interval_time_lost_contrast(groups, 1, 10, group=1, reference=0, scale="ratio").midpoint
    middle = [groups[g].restricted_mean_time_lost(1, 10).midpoint for g in (0, 1)]
    assert ratio.estimate == pytest.approx(middle[1].estimate / middle[0].estimate, abs=1e-12)


def test_patients_in_two_groups_join_the_variance() -> None:
    # Exact: the same eight patients in both groups with the same data: the difference is 0 and so is its variance.
    left, right, cause = sample(7, 8)
    twice = [np.tile(column, 2) for column in (left, right, cause)]
    groups = interval_incidence_by_group(*twice, np.repeat(["x", "y"], 8), cluster=np.tile(np.arange(8), 2))
    found = interval_milestone_contrast(groups, 1, 14, group="x", reference="y")
    assert found.lower.estimate == 0.0
    assert found.lower.std_error == pytest.approx(0.0, abs=1e-7)
    lost = interval_time_lost_contrast(groups, 1, 14, group="x", reference="y").midpoint
    assert lost.std_error == pytest.approx(0.0, abs=1e-6)


def test_clustered_difference_is_the_jackknife() -> None:
    # Exact to the error of a numerical derivative: sum over clusters of (sum_i w_i d(F_x - F_y)/dw_i)^2.
    left, right, cause = sample(8, 40)
    group, cluster, weight = np.arange(40) % 2, np.random.default_rng(8).integers(0, 20, 40), np.full(40, 1.0)

    def difference(w: np.ndarray) -> float:
        both = interval_incidence_by_group(left, right, cause, group, weight=w, robust=True)
        return float(both[1].lower(1, 21).estimate - both[0].lower(1, 21).estimate)

    slopes = np.zeros(40)
    for i in range(40):
        moved = [weight.copy(), weight.copy()]
        moved[0][i] += 1e-5
        moved[1][i] -= 1e-5
        slopes[i] = (difference(moved[0]) - difference(moved[1])) / 2e-5
    groups = interval_incidence_by_group(left, right, cause, group, cluster=cluster)
    found = interval_milestone_contrast(groups, 1, 21, group=1, reference=0)
    assert found.lower.std_error == pytest.approx(np.sqrt((np.bincount(cluster, weights=slopes) ** 2).sum()), rel=1e-5)


def test_coverage_of_the_difference() -> None:
    # Simulation: 500 pairs of groups of 40, looks at days 14 and 28 of which 30 % are missed, truth 1 - exp(-rate * 28) in each.
    # Nominal 0.95; Monte Carlo standard error 0.0097; accepted within 3 of them.
    rng = np.random.default_rng(2025)
    rates, covered = np.repeat([1 / 30, 1 / 60], 40), 0
    truth = np.exp(-28 / 60) - np.exp(-28 / 30)
    for _ in range(500):
        event, seen = rng.exponential(1 / rates), rng.random((80, 2)) < 0.7
        looks = np.array([14.0, 28.0])
        right = np.where(seen & (looks >= event[:, None]), looks, INF).min(axis=1)
        left = np.where(seen & (looks < event[:, None]), looks, 0.0).max(axis=1)
        groups = interval_incidence_by_group(left, right, np.isfinite(right).astype(int), rates)
        found = interval_milestone_contrast(groups, 1, 28, group=1 / 30, reference=1 / 60).lower
        covered += found.conf_low <= truth <= found.conf_high
    assert abs(covered / 500 - 0.95) < 3 * 0.0097


@pytest.mark.parametrize(
    ("group", "says"),
    [
        (["x"], "`group` has 1 values for 2 rows"),
        ([1.0, np.nan], "1 of 2 rows have no `group`"),
        (["x", None], "1 of 2 rows have no `group`"),
    ],
)
def test_refuses_groups_without_a_meaning(group: list[object], says: str) -> None:
    # Exact: each rule of the door.
    with pytest.raises(EstimationRefused, match=says):
        interval_incidence_by_group([0, 7], [7, INF], [1, 0], np.array(group, dtype=object) if None in group else group)


def test_refuses_unknown_groups_and_days_beyond_follow_up() -> None:
    # Exact: group y is followed to day 7 only.
    groups = interval_incidence_by_group([0, 28, 0, 7], [7, INF, 7, INF], [1, 0, 1, 0], list("xxyy"))
    with pytest.raises(EstimationRefused, match="there is no group 'z'"):
        groups["z"]
    with pytest.raises(EstimationRefused, match="beyond the last follow-up of group y"):
        interval_milestone_contrast(groups, 1, 14, group="x", reference="y")
    with pytest.raises(EstimationRefused, match="beyond the last follow-up"):
        interval_time_lost_contrast(groups, 1, 14, group="x", reference="y")
    with pytest.raises(EstimationRefused, match="`cause` has 3 values"):
        interval_incidence_by_group([0, 7], [7, INF], [1, 0, 0], ["x", "y"])
    with pytest.raises(EstimationRefused, match="there are no rows"):
        interval_incidence_by_group([], [], [], [])
