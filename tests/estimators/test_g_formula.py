"""The parametric g-formula: saturated cases, feedback by hand, the observed likelihood, and a clinic with known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.g_formula import FirstRisk, g_formula, treatment_in_force
from tendon_outcomes.estimators.causal.sustained.g_formula_models import Followed, History, WeeklyOutcome
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import self_consistent_incidence
from tendon_outcomes.estimators.causal.sustained.weekly_models import IntervalEvents, interval_hazard
from tests.estimators.weekly_feedback import WEEKS, clones, feedback_sample, true_incidence

STATES = ((0,), (1,))


def held(n: int = 400, *, weeks: int = 3, seed: int = 5) -> LongitudinalSample:
    """Everyone keeps to one of two treatments; events by week, no competing causes, some leave; pain never changes."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, n)
    event = np.minimum(rng.geometric(np.where(arm == 1, 0.35, 0.2)), 99)
    left_after = rng.integers(0, weeks + 3, n)
    seen = (event <= weeks) & (event <= left_after)
    return LongitudinalSample(
        left=np.where(seen, event - 1, np.minimum(left_after, weeks)),
        right=np.where(seen, event, np.inf),
        cause=seen.astype(np.int64),
        baseline=np.empty((n, 0)),
        varying=np.full((n, weeks, 1), 4.0),
        state=np.tile(arm[:, None], (1, weeks)),
        deviates=np.where(arm[None] == np.arange(2)[:, None], weeks + 1, 1),
        phase=np.zeros((2, n, weeks), dtype=np.int64),
        patient=np.arange(n),
    )


def test_without_covariates_it_is_a_curve_an_arm() -> None:
    # Exact: an intercept a week and arm: the curves are 1 - Kaplan-Meier of each arm.
    sample = held()
    found = g_formula(sample, states=STATES, weeks=(1, 3), horizon=3, groups=5, seed=1, prior=0.0, recorded_if_free=False)
    for arm in (0, 1):
        own = sample.state[:, 0] == arm
        curve = self_consistent_incidence(sample.left[own], sample.right[own], sample.cause[own], weeks=3)
        assert found.contrast.incidence[arm] == pytest.approx(curve.incidence, abs=1e-7)
    assert found.n_events.sum() == sample.cause.sum()


def test_a_saturated_confounder_is_standardised() -> None:
    # Exact: pain 3 or 6 decides treatment: the curve is the mean over everybody's pain of the share with an event of each cell.
    rng = np.random.default_rng(2)
    n = 500
    pain = np.where(rng.random(n) < 0.4, 3, 6)
    arm = (rng.random(n) < np.where(pain == 3, 0.8, 0.3)).astype(int)
    hazard = 0.2 + 0.2 * (pain == 3) + 0.2 * arm
    week = np.where(rng.random(n) < hazard, 1.0, np.where(rng.random(n) < hazard, 2.0, np.inf))
    sample = _two_weeks(week, np.repeat(pain[:, None], 2, axis=1), np.tile(arm[:, None], (1, 2)))
    found = g_formula(sample, weeks=(1, 2), horizon=2, states=STATES, groups=2, seed=1, prior=0.0, recorded_if_free=False)
    for treated in (0, 1):
        for last in (1, 2):
            cells = [np.mean(week[(pain == level) & (arm == treated)] <= last) for level in (3, 6)]
            expected = np.mean(np.where(pain == 3, cells[0], cells[1]))
            assert found.contrast.incidence[treated, last - 1] == pytest.approx(expected, abs=1e-7)


def test_feedback_over_two_weeks_is_the_sum_over_pain() -> None:
    # Exact, by hand: treatment moves pain, pain of week 2 decides who stays: p1 + (1 - p1) sum over pain of p(pain) p2(pain),
    # p2 from those who stayed alone.
    rng = np.random.default_rng(5)
    n = 900
    arm = (rng.random(n) < 0.5).astype(int)
    event = rng.random(n) < 0.1 + 0.1 * arm
    then = np.where(rng.random(n) < 0.3 + 0.4 * arm, 3, 6)
    after = np.where(rng.random(n) < np.where(then == 6, 0.6, 0.1), 1 - arm, arm)
    later = rng.random(n) < np.where(then == 3, 0.5, 0.1)
    week = np.where(event, 1.0, np.where(later, 2.0, np.inf))
    sample = _two_weeks(week, np.column_stack([np.full(n, 6), then]), np.column_stack([arm, after]))
    found = g_formula(sample, weeks=(1, 2), horizon=2, states=STATES, groups=2, seed=1, prior=0.0, recorded_if_free=False)
    for treated in (0, 1):
        own = arm == treated
        free = own & ~event
        stayed = free & (after == treated)
        risk = event[own].mean()
        parts = [np.mean(then[free] == level) * later[stayed & (then == level)].mean() for level in (3, 6)]
        assert found.contrast.incidence[treated, 1] == pytest.approx(risk + (1 - risk) * sum(parts), abs=1e-7)


def _two_weeks(event_week: np.ndarray, pain: np.ndarray, state: np.ndarray) -> LongitudinalSample:
    leaves = [np.where(state[:, 0] != arm, 1, np.where(state[:, 1] != arm, 2, 3)) for arm in (0, 1)]
    return replace(
        held(event_week.size, weeks=2),
        left=np.where(np.isfinite(event_week), event_week - 1.0, 2.0).astype(np.int64),
        right=event_week,
        cause=np.isfinite(event_week).astype(np.int64),
        varying=pain[:, :, None].astype(float),
        state=state,
        deviates=np.stack(leaves),
    )


def test_the_pace_is_the_least_squares_line_from_day_0() -> None:
    # Exact, by hand: 6, 5, 3: falls 1 and 3 after 1 and 2 weeks: (1 + 6) / (1 + 4); a straight fall is told as it is.
    history = History.of(np.array([[6.0, 5.0, 3.0], [8.0, 7.5, 7.0]]))
    assert history.pace == pytest.approx(np.array([[0.0, 1.0, 1.4], [0.0, 0.5, 0.5]]))
    assert history.column("fall", 2) == pytest.approx([2.8, 1.0])
    assert history.column("first level", 2).tolist() == [6.0, 8.0]
    assert history.column("last level", 2).tolist() == [3.0, 7.0]


def test_who_follows() -> None:
    # Exact, by hand: until the change; a start after the other treatment, or after the departure, is none; after `sustain` stays.
    category = np.array([[0, 0, 1, 1], [2, 1, 1, 0], [0, 1, 1, 1], [2, 2, 1, 1]])
    found = Followed.of(category, 1, np.array([1, 4, 1, 3]), sustain=3)
    assert found.on.astype(int).tolist() == [[0, 0, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found.first.tolist() == [4, 1, 4, 4]
    assert Followed.of(category, 0, np.array([3, 5, 2, 5]), sustain=4).on.sum(axis=1).tolist() == [2, 0, 1, 0]


def test_the_risk_of_week_1_is_told_by_the_weeks_after() -> None:
    # Exact: hazards 0.1 and 0.2 in weeks 2 to 8, those of nobody in week 1: the same odds there; a constant column is left out.
    n, weeks = 400, 8
    weight = [np.repeat((np.arange(n) % 2 == arm)[:, None] * 1.0, weeks, axis=1) for arm in (0, 1)]
    event = np.where(np.arange(n) % 2 == 1, 0.2, 0.1)[:, None] * (np.arange(weeks) > 0)
    outcome = WeeklyOutcome(np.ones((n, weeks)), event, np.zeros((n, weeks)))
    first = FirstRisk.of(weight, event, [np.full(n, 6.0)])
    for arm, expected in ((0, 0.1), (1, 0.2)):
        assert first.risk(arm, np.ones((1, n)), outcome, 0.0)[0] == pytest.approx(np.full(n, expected), abs=1e-8)


def test_treatment_that_recovery_keeps_off_the_record() -> None:
    # Simulation: hazard 0.1 a week; nothing is known of the treatment in the week of the event, and of a fifth of the others. The
    # rows with a record look free of the event in the week of their first; counted from the next they do not (n = 6,000).
    rng = np.random.default_rng(3)
    sample = held(6000, weeks=8)
    event = np.minimum(rng.geometric(0.1, 6000), 9)
    hidden = (rng.random((6000, 8)) < 0.2) | (np.arange(1, 9) >= event[:, None])
    sample = replace(
        sample,
        left=np.minimum(event - 1, 8),
        right=np.where(event < 9, event.astype(float), np.inf),
        cause=(event < 9).astype(np.int64),
        state=np.where(hidden, -1, sample.state),
        deviates=np.where(sample.state[:, 0] == np.arange(2)[:, None], 9, np.where(hidden, 9, np.arange(1, 9)).min(axis=1)),
    )
    options = {"states": STATES, "weeks": (4, 8), "horizon": 8, "groups": 2, "seed": 1}
    curves = g_formula(sample, **options).contrast.incidence  # type: ignore[arg-type]
    truth = 1.0 - 0.9 ** np.arange(1, 9)
    assert curves == pytest.approx(np.tile(truth, (2, 1)), abs=0.03)
    naive = g_formula(sample, recorded_if_free=False, **options).contrast.incidence  # type: ignore[arg-type]
    assert (truth - naive)[:, 3].min() > 0.05


def test_a_record_that_recovery_does_not_keep_off_changes_little() -> None:
    # Simulation: everything is recorded, of those with the event too, and pain tells how near it is: counted from the next week
    # the curves are those of the week itself, but for the modelled risk of week 1 (n = 6,000).
    rng = np.random.default_rng(4)
    sample = held(6000, weeks=8)
    event = np.minimum(rng.geometric(0.1, 6000), 9)
    pain = np.clip(event[:, None] - np.arange(1, 9) + rng.integers(0, 3, (6000, 8)), 0.0, 10.0)
    pain[:, 0] = 5.0
    sample = replace(
        sample,
        left=np.minimum(event - 1, 8),
        right=np.where(event < 9, event.astype(float), np.inf),
        cause=(event < 9).astype(np.int64),
        varying=pain[:, :, None],
    )
    curves = [
        g_formula(sample, states=STATES, weeks=(4, 8), horizon=8, groups=2, seed=1, recorded_if_free=keeps_off).contrast.incidence
        for keeps_off in (True, False)
    ]
    assert curves[0] == pytest.approx(curves[1], abs=0.02)
    assert curves[1] == pytest.approx(np.tile(1.0 - 0.9 ** np.arange(1, 9), (2, 1)), abs=0.03)


def test_the_interval_hazard_is_the_maximum_of_the_observed_likelihood() -> None:
    # Exact: the slope of sum log Pr(event in its weeks) + sum log Pr(free) + the prior's log density, by differences, is 0.
    rng = np.random.default_rng(11)
    length = rng.integers(1, 7, 60)
    first = np.cumsum(length) - length
    x = rng.normal(size=(int(length.sum()), 2))
    has = np.flatnonzero(rng.random(60) < 0.6)
    width = np.minimum(rng.integers(1, 5, has.size), length[has])
    place = np.where(np.arange(4) < width[:, None], first[has, None] + (length[has] - width)[:, None] + np.arange(4), -1)
    free = np.ones(x.shape[0])
    free[place[place >= 0]] = 0.0
    found = interval_hazard(x, free[None], IntervalEvents(place, has), np.ones((1, has.size)), what="it", prior=0.5)[0]
    spread = x.std(axis=0)

    def value(beta: np.ndarray) -> float:
        linear = beta[0] + x @ beta[1:]
        log_free = -np.logaddexp(0.0, linear)
        total = float(free @ log_free) - 0.25 * float(np.sum((beta[1:] * spread) ** 2))
        for row in place:
            total += float(np.log(-np.expm1(log_free[row[row >= 0]].sum())))
        return total

    for j in range(3):
        step = np.eye(3)[j] * 1e-5
        assert (value(found + step) - value(found - step)) / 2e-5 == pytest.approx(0.0, abs=1e-6)


def test_treatment_in_force() -> None:
    # Exact, by hand: S, unknown, one week of neither (kept to: no departure), then loading from week 5; a row that never starts.
    sample = replace(
        held(2, weeks=6),
        state=np.array([[0, -1, 3, 0, 1, -1], [-1, 3, 3, 2, 2, 1]]),
        deviates=np.array([[5, 2], [1, 1]]),
    )
    found = treatment_in_force(sample, (0, 1), STATES, sustain=6)
    assert found.tolist() == [[0, 0, 0, 0, 1, 1], [2, 2, 2, 2, 2, 1]]
    assert treatment_in_force(sample, (0, 1), STATES, sustain=2)[0].tolist() == [0, 0, 2, 0, 1, 1]


def test_pain_that_drives_treatment_is_allowed_for() -> None:
    # Simulation: one clinic of 3,000 (standard deviation of a difference about 0.016); truth from 300,000 held to each treatment.
    truth = true_incidence(1) - true_incidence(0)
    sample = feedback_sample(3000, 21)
    found = g_formula(sample, states=STATES, sustain=12, groups=2, seed=1).contrast
    for week, one in zip(found.weeks, found.difference, strict=True):
        assert one.estimate == pytest.approx(truth[week - 1], abs=0.04)
    loads = sample.state[:, 1] == 1
    stretches = sample.state[:, 1] == 0
    reached = (sample.cause == 1) & (sample.right <= 12)
    assert reached[loads].mean() - reached[stretches].mean() - truth[11] > 0.07


def test_order_of_rows_and_names_of_patients_change_nothing() -> None:
    # Exact: every patient is left out alone, so the groups are the same whatever the order.
    sample = feedback_sample(60, 4)
    order = np.random.default_rng(1).permutation(60)
    other = replace(
        sample,
        **{name: getattr(sample, name)[order] for name in ("left", "right", "cause", "baseline", "varying", "state")},
        deviates=sample.deviates[:, order],
        phase=sample.phase[:, order],
    )
    one, two = (g_formula(s, states=STATES, sustain=12, groups=60, seed=1).contrast for s in (sample, other))
    assert two.incidence == pytest.approx(one.incidence, abs=1e-9)
    assert two.at(12).std_error == pytest.approx(one.at(12).std_error, rel=1e-6)


def test_what_it_cannot_do_is_refused() -> None:
    # Exact: each with its count.
    sample = feedback_sample(60, 4)
    for changed, options, says in (
        (replace(sample, varying=sample.varying + 20.0), {}, "60 of 60 rows"),
        (replace(sample, varying=sample.varying[:, :, :0]), {}, "no time-varying covariate"),
        (replace(sample, cause=np.zeros_like(sample.cause)), {}, "0 events"),
        (replace(sample, state=np.where(sample.state == 1, 3, sample.state)), {}, "nobody was ever on loading_led"),
        (sample, {"horizon": 40}, f"{WEEKS} weeks were followed"),
    ):
        with pytest.raises(EstimationRefused, match=says):
            g_formula(changed, states=STATES, seed=1, **options)  # type: ignore[arg-type]


def test_a_printed_fit_shows_no_rows() -> None:
    # Exact: 61 rows, no other length of 61.
    found = g_formula(feedback_sample(61, 4), states=STATES, groups=5, seed=1)
    assert all(np.size(getattr(found, name)) != 61 for name in ("n_events", "n_weeks", "first_risk"))
    assert "array" not in repr(found.columns)


def test_clones_of_the_clinic() -> None:
    # Exact, by hand: stretching from week 2, loading in week 4: the stretching clone departs in 4, the loading clone in 2.
    deviates, phase = clones(np.array([[3, 0, 0, 1, 1]]), grace=2, sustain=5)
    assert deviates[:, 0].tolist() == [4, 2]
    assert phase[0, 0].tolist() == [1, 2, 3, 3, 0]
    assert phase[1, 0].tolist() == [1, 2, 0, 0, 0]
