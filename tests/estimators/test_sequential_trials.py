"""Sequential trials: who is in which trial, cases that are standardised curves, and a clinic with known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.hazard_equations import solved
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import incidence_rows, self_consistent_incidence
from tendon_outcomes.estimators.causal.sustained.sequential_trials import sequential_trials
from tendon_outcomes.estimators.causal.sustained.sequential_weights import trial_rows
from tendon_outcomes.estimators.causal.sustained.slow_sweeps import _swept
from tests.estimators.weekly_feedback import VISITS, clones, feedback_sample, true_incidence

STARTS = (0, 1)


def started_at_once(n: int = 300, *, weeks: int = 4, seed: int = 3) -> LongitudinalSample:
    """A binary covariate decides treatment, which everybody starts in week 1 and keeps to; events by week; some leave."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    arm = (rng.random(n) < np.where(x == 1, 0.7, 0.35)).astype(np.int64)
    event = rng.geometric(0.1 + 0.15 * arm + 0.1 * x)
    seen = event <= weeks
    state = np.tile(arm[:, None], (1, weeks))
    deviates, phase = clones(state, grace=1, sustain=weeks)
    return LongitudinalSample(
        left=np.where(seen, event - 1, weeks).astype(np.int64),
        right=np.where(seen, event, np.inf),
        cause=seen.astype(np.int64),
        baseline=x[:, None].astype(float),
        varying=np.empty((n, weeks, 0)),
        state=state,
        deviates=deviates,
        phase=phase,
        patient=np.arange(n),
        baseline_names=("x",),
    )


def test_a_saturated_start_is_standardisation() -> None:
    # Exact: a propensity for each value of x: the curve is the mean over x of the arm's curves among those with x.
    sample = started_at_once()
    found = sequential_trials(sample, start_states=STARTS, weeks=(2, 4), horizon=4, truncate=None, groups=5, seed=1, prior=0.0)
    x = sample.baseline[:, 0]
    for arm in (0, 1):
        expected = sum(
            np.mean(x == value)
            * np.array([np.mean(sample.right[(x == value) & (sample.state[:, 0] == arm)] <= k) for k in range(1, 5)])
            for value in (0, 1)
        )
        assert found.contrast.incidence[arm] == pytest.approx(expected, abs=1e-7)
    assert found.first_weeks == (1,)
    assert found.departures.tolist() == [0, 0]
    assert found.n_eligible.tolist() == [300]


def test_starters_without_covariates_are_two_curves() -> None:
    # Exact: nothing to adjust for and no departure: each arm's own incidence, whatever the target.
    sample = replace(started_at_once(), baseline=np.empty((300, 0)), baseline_names=())
    for target in ("everyone", "starters"):
        found = sequential_trials(
            sample,
            start_states=STARTS,
            weeks=(4,),
            horizon=4,
            target=target,
            groups=5,
            seed=1,
        ).contrast
        for arm in (0, 1):
            own = sample.state[:, 0] == arm
            curve = self_consistent_incidence(sample.left[own], sample.right[own], sample.cause[own], weeks=4)
            assert found.incidence[arm] == pytest.approx(curve.incidence, abs=1e-10)


def test_who_is_in_which_trial() -> None:
    # Exact, by hand. Rows: starts S in 1; waits, starts L in 2; unknown, then S in 2; recovers in week 1; starts L in 3, after
    # the grace; both in week 1, which neither strategy allows; left after day 0.
    state = np.array(
        [[0, 0, 0, 0], [3, 1, 1, 1], [-1, 0, 0, 0], [3, 1, 1, 1], [3, 3, 1, 1], [2, 0, 0, 0], [3, 1, 1, 1]], dtype=np.int64
    )
    n = state.shape[0]
    deviates, phase = clones(state, grace=2, sustain=4)
    deviates[:, 5] = 1
    sample = LongitudinalSample(
        left=np.array([4, 4, 4, 0, 4, 4, 0]),
        right=np.array([np.inf, np.inf, np.inf, 1.0, np.inf, np.inf, np.inf]),
        cause=np.array([0, 0, 0, 1, 0, 0, 0]),
        baseline=np.empty((n, 0)),
        varying=np.empty((n, 4, 0)),
        state=state,
        deviates=deviates,
        phase=phase,
        patient=np.arange(n),
    )
    rows = trial_rows(sample, (0, 1), ((0,), (1,)), (1, 2, 3))
    assert rows.eligible.tolist() == [*([i, 1] for i in range(7)), [1, 2], [2, 2], [4, 2]]
    assert rows.outcome.tolist() == [0, -1, -1, -1, -1, -1, -1, 1, 0, -1]
    assert (rows.person.tolist(), rows.start.tolist(), rows.arm.tolist()) == ([0, 1, 2], [1, 2, 2], [0, 1, 0])


def test_nothing_counts_after_departure() -> None:
    # Exact: whoever departed before the last failing look may have had anything later; losses are not modelled here.
    sample = feedback_sample(400, 3)
    own = np.where(sample.state[:, 0] == 0, sample.deviates[0], sample.deviates[1])
    later = (sample.state[:, 0] < 2) & (own <= sample.left) & (sample.cause == 1)
    other = replace(sample, right=np.where(later, np.inf, sample.right), cause=np.where(later, 0, sample.cause))
    assert int(later.sum()) > 5
    one, two = (
        sequential_trials(s, start_states=STARTS, first_weeks=(1,), loss=False, groups=2, seed=1).contrast.incidence
        for s in (sample, other)
    )
    looks = np.array(VISITS) - 1
    assert two[:, looks] == pytest.approx(one[:, looks], abs=1e-4)


def test_pain_that_drives_treatment_is_allowed_for() -> None:
    # Simulation: one clinic of 3,000 (standard deviation of a difference about 0.022); truth from 300,000 held to each treatment.
    truth = true_incidence(1) - true_incidence(0)
    found = sequential_trials(feedback_sample(3000, 21), start_states=STARTS, groups=2, seed=1)
    for week, one in zip(found.contrast.weeks, found.contrast.difference, strict=True):
        assert one.estimate == pytest.approx(truth[week - 1], abs=0.06)
    assert found.first_weeks == (1, 2)
    assert 0.9 < found.weight_mean.min() <= found.weight_mean.max() < 1.15


def test_strategies_that_change_places_negate_the_contrast() -> None:
    # Exact up to the prior's weight: the same propensities from the other side.
    sample = feedback_sample(300, 5)
    one = sequential_trials(sample, start_states=STARTS, groups=10, seed=1).contrast
    two = sequential_trials(sample, strategies=(1, 0), start_states=(1, 0), groups=10, seed=1).contrast
    assert two.strategy_names == one.strategy_names[::-1]
    for a, b in zip(one.difference, two.difference, strict=True):
        assert a.estimate == pytest.approx(-b.estimate, abs=1e-6)
        assert a.std_error == pytest.approx(b.std_error, rel=1e-4)


def test_sweeps_alone_reach_what_faster_steps_reach() -> None:
    # Exact: the same equations, intervals of several weeks, two competing events.
    rng = np.random.default_rng(8)
    left = rng.choice([0, 2, 4], 80)
    cause = rng.choice([0, 1, 1, 2], 80)
    right = np.where(cause == 0, np.inf, np.where(cause == 1, left + 2.0, left + 1.0))
    rows = incidence_rows(left, right, cause, weeks=6)
    totals = rows.totals(1)
    for week, part in enumerate(rows.by_week):
        rows.add(totals, week, np.ones((1, part.rows.size)))
    fast, slow = solved(totals, tolerance=1e-11), _swept(totals)
    for end in (2, 4, 6):
        sums = [np.prod(1.0 - h[0, :end] - c[0, :end]) for h, c in ((fast.hazard, fast.competing_hazard), slow[:2])]
        assert sums[0] == pytest.approx(sums[1], abs=1e-2)


def test_what_it_cannot_do_is_refused() -> None:
    # Exact: each with its count.
    sample = feedback_sample(60, 4)
    never = replace(sample, state=np.where(sample.state == 1, 3, sample.state))
    for changed, options, says in (
        (never, {}, "0 rows start loading_led"),
        (sample, {"first_weeks": ()}, "`first_weeks` must be weeks"),
        (sample, {"horizon": 40}, "26 weeks were followed"),
        (sample, {"target": "nobody"}, "`target` is everyone or starters"),
        (replace(sample, cause=np.zeros_like(sample.cause), right=np.full(60, np.inf)), {}, "0 events under stretching_led"),
    ):
        with pytest.raises(EstimationRefused, match=says):
            sequential_trials(changed, start_states=STARTS, seed=1, **options)
