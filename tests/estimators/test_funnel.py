"""Funnel limits."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.funnel import chances, funnel_limits


def test_interpolated_limit_by_hand() -> None:
    # Exact: 10 trials at 1/2, tail 2.5 %: Pr(X <= 1) = 11/1024, Pr(X <= 2) = 56/1024, Pr(X = 2) = 45/1024.
    found = funnel_limits([10], 0.5, levels=(0.95,))
    low = 2 - (56 / 1024 - 0.025) / (45 / 1024)
    np.testing.assert_allclose([found.low[0, 0], found.high[0, 0]], [low / 10, (10 - low) / 10], atol=1e-12)


def test_wide_correlation_makes_all_counts_alike() -> None:
    # Exact: a beta(1, 1) mixture of binomials is even on 0 to n; its correlation is 1/3.
    np.testing.assert_allclose(chances(7, 0.5, 1 / 3), np.full(8, 1 / 8), atol=1e-12)


def test_chances_add_up_and_have_the_right_mean_and_variance() -> None:
    # Exact: mean n c, variance n c (1 - c) {1 + (n - 1) r}.
    x = np.arange(31.0)
    for correlation in (0.0, 0.1):
        p = chances(30, 0.3, correlation)
        assert p.sum() == pytest.approx(1.0, abs=1e-12)
        assert p @ x == pytest.approx(9.0, abs=1e-10)
        assert p @ (x - 9.0) ** 2 == pytest.approx(6.3 * (1 + 29 * correlation), abs=1e-9)


def test_limits_close_as_groups_grow_and_hold_each_other() -> None:
    # Exact: no more than the tail lies beyond a limit, 99.8 % outside 95 %.
    found = funnel_limits(np.arange(10, 400, 5), 0.6)
    assert (found.low[1] <= found.low[0]).all()
    assert (found.high[1] >= found.high[0]).all()
    for j, n in enumerate(range(10, 400, 5)):
        share = np.arange(n + 1.0) / n
        assert chances(n, 0.6, 0.0)[share > found.high[0, j] + 1e-12].sum() <= 0.025
        assert chances(n, 0.6, 0.0)[share < found.low[0, j] - 1e-12].sum() <= 0.025
    assert found.high[0, -1] - found.low[0, -1] < 0.3 * (found.high[0, 0] - found.low[0, 0])


def test_large_groups_have_normal_limits() -> None:
    # Exact in the limit: 0.5 +- 1.96 sqrt(.25 / n), to 1e-4 at n = 10,000.
    found = funnel_limits([10_000], 0.5, levels=(0.95,))
    assert found.high[0, 0] == pytest.approx(0.5 + 1.959964 * 0.005, abs=1e-4)


def test_sizes_that_are_no_counts_are_refused() -> None:
    with pytest.raises(EstimationRefused, match="whole number"):
        funnel_limits([2.5], 0.5)
    with pytest.raises(EstimationRefused, match="centre"):
        funnel_limits([5], 1.5)


@pytest.mark.parametrize(("level", "below", "above"), [(0.95, (0.0186, 0.0, 0.0250), (0.0201, 0.0052, 0.0250))])
def test_chances_of_falling_outside_are_the_published_ones(
    level: float, below: tuple[float, ...], above: tuple[float, ...]
) -> None:
    # Published: Seaton & Manktelow (2012) BMC Med Res Methodol 12:98, table of probability-based limits, 1 to 50 events expected:
    # median, least and largest chance of a count beyond a limit. Theirs is Poisson; 20,000 trials come within 1e-4 of it.
    n, outside = 20_000, []
    for centre in np.arange(1.0, 50.0, 0.1) / n:
        limits = funnel_limits([n], centre, levels=(level,))
        few, many = np.ceil(limits.low[0, 0] * n - 1e-9), np.floor(limits.high[0, 0] * n + 1e-9)
        chance = chances(n, centre, 0.0)
        outside.append((chance[: int(few)].sum(), chance[int(many) + 1 :].sum()))
    for found, published in zip(np.transpose(outside), (below, above), strict=True):
        told = np.median(found), found.min(), found.max()
        np.testing.assert_allclose(told, published, atol=3e-4)


def test_eight_of_ten_are_inside_at_one_half() -> None:
    # Exact: Pr(X >= 8) = 56/1024 > 0.025 >= Pr(X >= 9) = 11/1024, as for 2 and 1 of ten; interpolating the quantile of 97.5 %
    # would put 8 outside and leave 2 inside.
    found = funnel_limits([10], 0.5, levels=(0.95,))
    assert 0.1 < found.low[0, 0] < 0.2
    assert 0.8 < found.high[0, 0] < 0.9


def test_a_centre_at_the_edge_has_no_width() -> None:
    # Exact: nothing else can be.
    for centre in (0.0, 1.0):
        found = funnel_limits([1, 12], centre)
        assert (found.low == centre).all()
        assert (found.high == centre).all()
