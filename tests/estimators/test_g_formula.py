"""The parametric g-formula: saturated cases, paths counted one by one, the observed likelihood, and a clinic with known truth."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.g_formula import GFormulaStatistic, _prepared, g_formula, treatment_in_force
from tendon_outcomes.estimators.causal.sustained.g_formula_models import LEAVE_TERMS, Setting, WeeklyModel, WeeklyModels
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


def test_saturated_in_week_and_treatment_it_is_a_curve_an_arm() -> None:
    # Exact: as many terms as weeks times arms: the hazards are events by those at risk, the curves 1 - Kaplan-Meier of each arm.
    sample = held()
    found = g_formula(sample, states=STATES, weeks=(1, 3), horizon=3, knots=(1, 2, 3), groups=5, seed=1, prior=0.0)
    for arm in (0, 1):
        own = sample.state[:, 0] == arm
        curve = self_consistent_incidence(sample.left[own], sample.right[own], sample.cause[own], weeks=3)
        assert found.contrast.incidence[arm] == pytest.approx(curve.incidence, abs=1e-8)
    assert found.n_events.sum() == sample.cause.sum()


def test_a_saturated_confounder_is_standardised() -> None:
    # Exact: pain 3 or 6 decides treatment; hazards of two weeks with all terms are one regression a week; the risk of week 1 is
    # the mean over everybody's pain of its fitted risk, solved here by plain Newton steps.
    rng = np.random.default_rng(2)
    n = 500
    pain = np.where(rng.random(n) < 0.4, 3, 6)
    arm = (rng.random(n) < np.where(pain == 3, 0.8, 0.3)).astype(int)
    hazard = 0.2 + 0.2 * (pain == 3) + 0.2 * arm
    week = np.where(rng.random(n) < hazard, 1.0, np.where(rng.random(n) < hazard, 2.0, np.inf))
    event = week == 1.0
    sample = replace(
        held(n, weeks=2),
        left=np.where(np.isfinite(week), week - 1.0, 2.0).astype(np.int64),
        right=week,
        cause=np.isfinite(week).astype(np.int64),
        varying=np.repeat(pain[:, None, None], 2, axis=1).astype(float),
        state=np.tile(arm[:, None], (1, 2)),
        deviates=np.where(arm[None] == np.arange(2)[:, None], 3, 1),
    )
    statistic = _prepared(sample, (0, 1), STATES, 2, None, (1.0, 2.0), 0.0)
    curves = statistic(np.ones((1, n)))[0]
    x = np.column_stack([np.ones(n), arm, pain])
    beta = np.zeros(3)
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ beta))
        beta = beta + np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (event - p))
    for treated in (0, 1):
        expected = np.mean(1 / (1 + np.exp(-(beta[0] + beta[1] * treated + beta[2] * pain))))
        assert curves[treated, 0] == pytest.approx(expected, abs=1e-9)


def _at(
    model: WeeklyModel, models: WeeklyModels, row: np.ndarray, week: int, category: int, level: int, step: float = 0.0
) -> float:
    point = Setting(
        np.array([float(week)]), np.array([float(category)]), np.array([float(level)]), models.knots, models.share, step
    )
    odds = float(model.odds(point, slice(0, 1))[0, 0] * model.baseline_odds(row[None], slice(0, 1))[0, 0])
    return odds / (1.0 + odds)


def _moves(models: WeeklyModels, row: np.ndarray, week: int, category: int, level: int, to: int) -> float:
    change = _at(models.change, models, row, week, category, level)
    if to == level:
        return 1.0 - change
    down = 0.0 if level == 0 else 1.0 if level == 10 else _at(models.down, models, row, week, category, level)
    size, room = abs(to - level), level if to < level else 10 - level
    model = models.further_down if to < level else models.further_up
    chance = change * (down if to < level else 1.0 - down)
    for step in range(1, size):
        chance *= _at(model, models, row, week, category, level, float(step))
    return chance * (1.0 - (_at(model, models, row, week, category, level, float(size)) if size < room else 0.0))


def _by_paths(statistic: GFormulaStatistic, models: WeeklyModels, who: int, treatment: int) -> np.ndarray:
    """Incidence by week of one row: every path of pain and treatment, one by one."""
    row, levels = statistic.baseline[who], range(11)
    total = np.zeros(statistic.last_week)

    def walk(week: int, category: int, level: int, chance: float) -> None:
        event = _at(models.event, models, row, week, category, level)
        total[week - 1] += chance * event
        if week == statistic.last_week:
            return
        free = chance * (1.0 - event - _at(models.competing, models, row, week, category, level))
        for to in levels:
            on = free * _moves(models, row, week, category, level, to)
            if week < statistic.sustain:
                walk(week + 1, category, to, on)
                continue
            leaves = _at(models.leave, models, row, week, category, to)
            for then in range(3):
                share = 1.0 - leaves if then == category else leaves * models.destination[category, then]
                walk(week + 1, then, to, on * share)

    walk(1, treatment, int(statistic.level[who]), 1.0)
    return np.cumsum(total)


def test_the_recursion_counts_every_path() -> None:
    # Exact: three weeks, held for two: the recursion equals the sum over all paths of two rows, from the same fitted models.
    statistic = _prepared(feedback_sample(250, 8), (0, 1), STATES, 3, 2, (1.0, 3.0), 0.025)
    for who, treatment in product((0, 17), (0, 1)):
        weights = np.zeros((1, 250))
        weights[0, who] = 1.0
        models = statistic.models(np.ones((1, 250)))
        found = statistic.under(models, treatment, weights)[0]
        assert found == pytest.approx(_by_paths(statistic, models, who, treatment), abs=1e-12)
    assert LEAVE_TERMS[0] == "category 1"


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
    assert all(np.size(getattr(found, name)) != 61 for name in ("n_events", "n_weeks", "knots"))
    assert "estimate=array" not in repr(found.models)


def test_clones_of_the_clinic() -> None:
    # Exact, by hand: stretching from week 2, loading in week 4: the stretching clone departs in 4, the loading clone in 2.
    deviates, phase = clones(np.array([[3, 0, 0, 1, 1]]), grace=2, sustain=5)
    assert deviates[:, 0].tolist() == [4, 2]
    assert phase[0, 0].tolist() == [1, 2, 3, 3, 0]
    assert phase[1, 0].tolist() == [1, 2, 0, 0, 0]
