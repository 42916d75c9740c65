"""Censoring weights and clone-censor-weight: by hand, against a long table, and with a known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.censoring_weights import censoring_weights
from tendon_outcomes.estimators.causal.sustained.clone_censor_weight import clone_censor_weight
from tendon_outcomes.estimators.causal.sustained.departure_designs import last_weeks
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import self_consistent_incidence
from tendon_outcomes.estimators.causal.sustained.weekly_bootstrap import clone_statistic
from tests.estimators.clones_made import longitudinal, paths, truth

LOOKS = np.array([2, 4, 6, 8, 10, 12])


def made(n: int, seed: int, *, patients: int | None = None) -> LongitudinalSample:
    return longitudinal(paths(np.random.default_rng(seed), n, 12, forced=None), LOOKS, patients=patients)


def by_hand() -> LongitudinalSample:
    """Eight rows, two weeks, one binary covariate: of four with 0 one departs in week 1, of four with 1 three do."""
    x = np.array([0, 0, 0, 0, 1, 1, 1, 1.0])
    departs = np.array([1, 3, 3, 3, 1, 1, 1, 3])
    phase = np.zeros((1, 8, 2), dtype=np.int64)
    phase[0, :, 0] = 2
    return LongitudinalSample(
        left=np.array([2, 0, 2, 2, 2, 2, 2, 0]),
        right=np.array([np.inf, 1, np.inf, np.inf, np.inf, np.inf, np.inf, 1]),
        cause=np.array([0, 1, 0, 0, 0, 0, 0, 1]),
        baseline=x[:, None],
        varying=np.zeros((8, 2, 0)),
        state=np.zeros((8, 2), dtype=np.int64),
        deviates=departs[None, :],
        phase=phase,
        patient=np.arange(8),
    )


def test_weights_of_a_saturated_model_by_hand() -> None:
    # Exact: stays are 3/4 and 1/4, so the weights are 4/3 and 4; stabilised times the 4/8 who stay.
    plain = censoring_weights(by_hand(), 0, truncate=None, stabilised=False, per_parameter=0.0)
    np.testing.assert_allclose(plain.weight[[1, 2, 3, 7], 0], [4 / 3, 4 / 3, 4 / 3, 4.0], rtol=1e-8)
    assert (plain.weight[[0, 4, 5, 6]] == 0.0).all()
    stabilised = censoring_weights(by_hand(), 0, truncate=None, per_parameter=0.0)
    np.testing.assert_allclose(stabilised.weight[[1, 7], 0], [2 / 3, 2.0], rtol=1e-8)
    assert stabilised.summary.mean[0] == pytest.approx(1.0)
    assert stabilised.summary.effective_n[0] == pytest.approx(4.0**2 / (3 * (2 / 3) ** 2 + 4.0))


def test_weights_equal_those_of_a_long_table() -> None:
    # Reference: the person-weeks written out one by one, and Newton's method on them.
    sample = made(2_000, 4)
    ours = censoring_weights(sample, 1, truncate=None, loss=False, per_parameter=0.0, initiation="by week")
    end, names = last_weeks(sample), {model.kind: model for model in ours.models}
    table = {"initiation": [], "maintenance": []}
    for i in range(sample.n):
        for week in range(1, min(end[i], sample.deviates[1, i]) + 1):
            kind = {2: "initiation", 3: "maintenance"}.get(int(sample.phase[1, i, week - 1]))
            if kind is not None:
                row = [1.0, sample.baseline[i, 0], sample.varying[i, week - 1, 0], sample.deviates[1, i] == week]
                table[kind].append([*row, week])
    for kind, rows in table.items():
        data = np.array(rows, dtype=float)
        week = data[:, 4]
        x = data[:, :3] if kind == "initiation" else np.column_stack([data[:, :3], *_spline(week)])
        beta = np.zeros(x.shape[1])
        for _ in range(30):
            p = 1.0 / (1.0 + np.exp(-x @ beta))
            beta += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (data[:, 3] - p))
        fitted = names[kind]
        for name, value in (("severity", beta[1]), ("pain", beta[2])):
            assert fitted.coefficients[fitted.names.index(name)] == pytest.approx(value, abs=1e-6)
        assert fitted.n_person_weeks == len(rows)


def _spline(week: np.ndarray) -> list[np.ndarray]:
    from tendon_outcomes.estimators.regression.natural_spline import natural_spline

    knots = np.unique(np.quantile(week, (0.10, 0.50, 0.90)))
    return list(natural_spline(week, knots)[:, 1:].T)


def test_nobody_departs_and_the_arms_are_two_samples() -> None:
    # Exact property: rows that never depart from their own strategy and at once from the other are a two-arm analysis.
    sample = made(200, 5)
    arm = sample.state[:, 0]
    kept = replace(
        sample,
        deviates=np.stack([np.where(arm == s, sample.weeks + 1, 1) for s in (0, 1)]),
        phase=np.zeros_like(sample.phase),
    )
    fit = clone_censor_weight(kept, weeks=(8,), horizon=12, loss=False, seed=1, groups=20)
    for s in (0, 1):
        alone = self_consistent_incidence(sample.left[arm == s], sample.right[arm == s], sample.cause[arm == s], weeks=12)
        np.testing.assert_allclose(fit.incidence[s], alone.incidence, rtol=0, atol=1e-8)
    assert all((summary.largest == summary.smallest).all() for summary in fit.weights)


def test_strategies_may_be_named_the_other_way_round() -> None:
    # Exact: the difference changes its sign and the limits their places.
    sample = made(250, 6)
    one = clone_censor_weight(sample, weeks=(8,), horizon=12, seed=1, groups=20)
    two = clone_censor_weight(sample, strategies=(1, 0), weeks=(8,), horizon=12, seed=1, groups=20)
    first, second = one.contrast.difference[0], two.contrast.difference[0]
    assert first.estimate == pytest.approx(-second.estimate, abs=1e-9)
    assert first.conf_low == pytest.approx(-second.conf_high, abs=1e-9)
    np.testing.assert_allclose(one.departures, two.departures[::-1])


def test_person_time_is_that_until_departure() -> None:
    # Exact: every week that a clone counts is one in which its row is followed and has not departed.
    sample = made(300, 7)
    fit = clone_censor_weight(sample, weeks=(8,), horizon=12, seed=1, groups=10)
    expected = [np.minimum(last_weeks(sample), sample.deviates[s] - 1).sum() for s in (0, 1)]
    np.testing.assert_allclose(fit.person_weeks, expected)
    assert (fit.counted[:, 1:] <= fit.counted[:, :-1]).all()


def test_a_batch_of_copies_is_the_analysis_of_the_copied_rows() -> None:
    # Exact: every row twice. Weights 2, 1, 0 are two rows, one row, no row, up to the knots of the week, which stay as they were.
    sample = made(260, 8)
    statistic = clone_statistic(sample, truncate=None, initiation="by week")
    copies = np.random.default_rng(1).integers(0, 3, sample.n)
    rows = np.repeat(np.arange(sample.n), copies)
    names = ("left", "right", "cause", "baseline", "varying", "state", "patient")
    copied = replace(
        sample,
        **{name: getattr(sample, name)[rows] for name in names},
        deviates=sample.deviates[:, rows],
        phase=sample.phase[:, rows],
    )
    twice = statistic(np.stack([np.ones(sample.n), np.full(sample.n, 2.0)]))
    np.testing.assert_allclose(twice[0], twice[1], rtol=0, atol=1e-7)
    batch = statistic(copies[None, :].astype(float))[0]
    alone = clone_statistic(copied, truncate=None, initiation="by week")(np.ones((1, rows.size)))[0]
    np.testing.assert_allclose(batch, alone, rtol=0, atol=0.01)


def test_the_truth_of_a_large_sample() -> None:
    # Simulation: 20,000 rows, departure and loss driven by pain; three Monte-Carlo errors of about 0.8 points.
    fit = clone_censor_weight(made(20_000, 2), weeks=(4, 8, 12), horizon=12, truncate=None, seed=1, groups=10)
    right = truth(12, n=200_000)[:, [3, 7, 11]]
    found = np.array([one.estimate for one in fit.contrast.difference])
    np.testing.assert_allclose(found, right[1] - right[0], rtol=0, atol=0.024)
    naive = [
        self_consistent_incidence(s.left[a], s.right[a], s.cause[a], weeks=12).incidence[[3, 7, 11]]
        for s in [made(20_000, 2)]
        for a in (s.state[:, 0] == 0, s.state[:, 0] == 1)
    ]
    assert (naive[1] - naive[0] - (right[1] - right[0]) > 0.04).all()


def test_jackknife_and_bootstrap_agree() -> None:
    # Simulation: both estimate one standard error; 500 replicates know it to 3 %.
    sample = made(300, 10)
    one = clone_censor_weight(sample, weeks=(8,), horizon=12, seed=1)
    two = clone_censor_weight(sample, weeks=(8,), horizon=12, seed=1, std_error="bootstrap", replicates=300)
    assert one.contrast.difference[0].std_error == pytest.approx(two.contrast.difference[0].std_error, rel=0.25)


def test_a_horizon_that_nobody_reaches_is_refused() -> None:
    # Exact: everybody departs from strategy 0 in week 3.
    sample = made(120, 11)
    gone = replace(sample, deviates=np.minimum(sample.deviates, np.array([[3], [99]])))
    with pytest.raises(EstimationRefused, match="a departure: nobody can be weighted"):
        clone_censor_weight(gone, weeks=(8,), horizon=12, seed=1, groups=10, loss=False, truncate=None)


def test_the_first_weeks_are_one_decision_a_week() -> None:
    # Reference: of the rows followed through a week of which it is known, a plain logistic regression of having departed by then.
    sample = made(2_000, 4)
    ours = censoring_weights(sample, 1, truncate=None, loss=False, stabilised=False, per_parameter=0.0)
    last_to_start = int(np.flatnonzero((sample.phase[1] == 2).any(axis=0))[0]) + 1
    expected = np.ones(sample.n)
    for week in range(1, last_to_start + 2):
        rows = (last_weeks(sample) >= week) & (sample.state[:, week - 1] >= 0)
        x = np.column_stack([np.ones(sample.n), sample.baseline, sample.varying[:, 0]])[rows]
        x = x[:, [0, *(j for j in range(1, x.shape[1]) if np.ptp(x[:, j]) > 0)]]
        y = (sample.deviates[1][rows] <= week).astype(float)
        beta = np.zeros(x.shape[1])
        for _ in range(40):
            p = 1.0 / (1.0 + np.exp(-x @ beta))
            beta += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 1e-12 * np.eye(x.shape[1]), x.T @ (y - p))
        expected[rows] = 1.0 + np.exp(x @ beta)
        counts = ours.weight[:, week - 1] > 0
        np.testing.assert_allclose(ours.weight[counts, week - 1], expected[counts], rtol=1e-5)
