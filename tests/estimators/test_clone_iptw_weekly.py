"""The interval-aware weighted pipeline as a batched statistic."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import interval_censored_incidence
from tendon_outcomes.estimators.causal.sustained.iptw_weekly import iptw_weekly, iptw_weekly_bootstrap
from tendon_outcomes.estimators.resampling.executors import Processes
from tendon_outcomes.estimators.resampling.iptw import iptw_statistic
from tendon_outcomes.estimators.resampling.logistic import batched_logistic

GRID = np.array([14.0, 28.0, 56.0, 84.0, 126.0, 182.0])
Sample = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def made(n: int, seed: int, *, third: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    arm = (rng.random(n) < 1.0 / (1.0 + np.exp(-x @ [0.5, -0.3, 0.2]))).astype(float)
    if third:
        arm[rng.random(n) < 0.2] = 2.0
    event, operated, lost = 90.0 * rng.weibull(1.3, n), rng.exponential(1500.0, n), rng.exponential(600.0, n)
    left, right, cause = np.zeros(n), np.full(n, np.inf), np.zeros(n, dtype=int)
    for i in range(n):
        looks = GRID[(rng.random(GRID.size) < 0.85) & (lost[i] > GRID)]
        if operated[i] < min(event[i], lost[i], 182.0):
            right[i], cause[i] = np.ceil(operated[i]), 2
            left[i] = right[i] - 1.0
            continue
        left[i] = max(looks[looks < event[i]], default=0.0)
        after = looks[looks >= event[i]]
        if after.size:
            right[i], cause[i] = after.min(), 1
    return left, right, cause, arm, x


@pytest.mark.parametrize("third", [False, True])
def test_the_sample_itself_gives_the_weighted_npmle_of_each_arm(third: bool) -> None:
    # Exact: the same weights in interval_censored_incidence; time lost is that of events evenly within their cell.
    left, right, cause, arm, x = made(400, 1, third=third)
    found = iptw_weekly(left, right, cause, arm, x, days=[56, 84], horizon=182.0)(np.ones((1, 400)))[0]
    for a in (0, 1):
        own = batched_logistic((arm == a).astype(float), x)
        weight = 1.0 + own.odds_against(own.standardised(np.ones((1, 400)))[0])[0]
        rows = arm == a
        fit = interval_censored_incidence(left[rows], right[rows], cause[rows], weight=weight[rows], tolerance=1e-12)
        np.testing.assert_allclose(found[3 * a : 3 * a + 2], fit.lower(1, [56, 84]).estimate, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found[6:], found[3:6] - found[:3], rtol=0, atol=1e-12)


def test_dated_events_give_the_right_censored_pipeline() -> None:
    # Exact: on days known one by one it is the weighted Kaplan-Meier of iptw_contrasts.
    rng = np.random.default_rng(2)
    time, event = rng.integers(1, 40, 300).astype(float), rng.random(300) < 0.7
    x = rng.normal(size=(300, 2))
    arm = (rng.random(300) < 0.5).astype(float)
    left, right = np.where(event, time - 1.0, time), np.where(event, time, np.inf)
    weights = np.random.default_rng(3).integers(0, 3, (5, 300)).astype(float)
    ours = iptw_weekly(left, right, event.astype(int), arm, x, days=[20.0])(weights)
    theirs = iptw_statistic(time, event, arm, x, day=20.0, hazard_ratio=False)(weights)
    np.testing.assert_allclose(ours[:, 2], theirs[:, 0], rtol=0, atol=1e-9)


def test_workers_change_no_byte() -> None:
    # Exact: a block draws from its own child of the seed.
    sample = made(150, 4)
    one = iptw_weekly_bootstrap(*sample, days=[84.0], replicates=64, seed=5, kind="normal")
    two = iptw_weekly_bootstrap(*sample, days=[84.0], replicates=64, seed=5, kind="normal", executor=Processes(2))
    assert one.replicates.tobytes() == two.replicates.tobytes()


def test_a_day_that_the_looks_leave_open_is_refused() -> None:
    # Exact: no look on day 60.
    with pytest.raises(EstimationRefused, match="day 60 is no end of an interval"):
        iptw_weekly(*made(150, 6), days=[60.0])


def test_a_horizon_beyond_the_looks_is_refused() -> None:
    # Exact: the last look is on day 182.
    with pytest.raises(EstimationRefused, match="largest horizon these data allow is 182"):
        iptw_weekly(*made(150, 6), days=[84.0], horizon=200.0)
