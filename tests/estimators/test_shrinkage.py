"""Shares of small groups drawn towards the common one."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.shrinkage import beta_binomial_shrinkage


def test_small_groups_are_drawn_further_than_large_ones() -> None:
    # Exact in kind: the weight of a group's own share is n / (n + a + b).
    found = beta_binomial_shrinkage([2, 100, 60, 40], [2, 200, 100, 100])
    moved = np.abs(found.estimate - found.observed)
    assert moved[0] > 5 * moved[1:].max()
    assert (found.conf_low < found.estimate).all()
    assert (found.estimate < found.conf_high).all()


def test_very_large_groups_keep_their_shares() -> None:
    # Exact in the limit: 100,000 trials each leave a prior of at most 1,000 no say beyond a hundredth of the distance.
    found = beta_binomial_shrinkage([30_000, 50_000, 70_000], [100_000] * 3)
    np.testing.assert_allclose(found.estimate, [0.3, 0.5, 0.7], atol=1e-4)


def test_groups_alike_share_everything() -> None:
    # Exact: by symmetry all estimates are equal, and near the common share.
    found = beta_binomial_shrinkage([6, 6, 6, 6], [12, 12, 12, 12])
    np.testing.assert_allclose(found.estimate, 0.5, atol=1e-9)
    assert np.ptp(found.conf_low) < 1e-9


def test_limits_hold_what_was_drawn() -> None:
    # Simulation: 300 sets of 8 groups of 6 to 40 from beta(6, 4): 95 % limits on average (Monte-Carlo error about 0.5 points).
    rng = np.random.default_rng(8)
    held = []
    for _ in range(300):
        n = rng.integers(6, 41, 8)
        share = rng.beta(6, 4, 8)
        found = beta_binomial_shrinkage(rng.binomial(n, share), n)
        held.append((found.conf_low <= share) & (share <= found.conf_high))
    assert 0.93 < np.mean(held) < 0.975


def test_two_groups_are_refused() -> None:
    with pytest.raises(EstimationRefused, match="three groups"):
        beta_binomial_shrinkage([1, 2], [3, 4])
