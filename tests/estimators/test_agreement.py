"""Contrasts by week and their agreement: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.agreement import (
    WeeklyContrast,
    agreement,
    leave_groups_out,
    resampled_patients,
    time_after_event,
    weekly_contrast,
)
from tendon_outcomes.estimators.resampling.bootstrap import bootstrap

CURVES = np.array([[0.1, 0.2, 0.4], [0.2, 0.3, 0.6]])


def made(method: str = "one", shift: float = 0.0, *, scheme: str = "same", sign: float = 1.0) -> WeeklyContrast:
    moves = sign * np.array([-0.02, 0.0, 0.02])
    replicates = np.stack([CURVES + np.array([[0.0], [move]]) for move in moves])
    curves = CURVES + np.array([[0.0], [shift]])
    return weekly_contrast(
        method, curves, replicates, resampling="jackknife", scheme=scheme, weeks=(1, 3), horizon=3, effective_n=[20, 20]
    )


def test_differences_and_their_jackknife() -> None:
    # Exact: differences 0.1 and 0.2; days 7 (0.1 + 0.1 + 0.2/2); variance 2/3 (0.02^2 + 0.02^2); t with 2 df is 4.30265.
    found = made()
    assert [one.estimate for one in found.difference] == pytest.approx([0.1, 0.2], abs=1e-12)
    assert found.restricted_mean_difference.estimate == pytest.approx(7.0 * 0.3, abs=1e-12)
    error = np.sqrt(2.0 / 3.0 * 2.0 * 0.02**2)
    assert found.at(1).std_error == pytest.approx(error, abs=1e-12)
    assert found.at(1).conf_high == pytest.approx(0.1 + 4.302652729911 * error, abs=1e-9)
    assert found.restricted_mean_difference.std_error == pytest.approx(7.0 * 2.5 * error, abs=1e-9)


def test_events_lie_in_the_middle_of_their_week() -> None:
    # Exact: everyone has the event in week 2 of 4: 14 + 3.5 days before its end.
    assert float(time_after_event(np.array([0.0, 1.0, 1.0, 1.0]), 4)) == pytest.approx(17.5, abs=1e-12)


def test_limits_of_a_curve_stay_where_probabilities_are() -> None:
    # Exact: 0 seen of 20 has the upper limit 1 - 0.025^(1/20); others lie strictly inside, around the estimate.
    curves = np.array([[0.0, 0.5], [0.2, 1.0]])
    moved = np.stack([curves, curves + np.array([[0.0, 0.1], [0.1, 0.0]])])
    found = weekly_contrast(
        "one", curves, moved, resampling="jackknife", scheme="s", weeks=(2,), horizon=2, effective_n=[20.0, 30.0]
    )
    zero, one = found.curve(0), found.curve(1)
    assert zero.conf_low[0] == 0.0
    assert zero.conf_high[0] == pytest.approx(1.0 - 0.025 ** (1 / 20), abs=1e-12)
    assert one.conf_low[1] == pytest.approx(0.025 ** (1 / 30), abs=1e-12)
    assert 0.0 < one.conf_low[0] < 0.2 < one.conf_high[0] < 1.0


def test_every_patient_is_left_out_once_with_all_rows() -> None:
    # Exact: seven patients of two rows in three groups of 3, 2 and 2; as many groups as patients leave each out alone.
    patient = np.repeat(np.arange(7), 2)
    weights = leave_groups_out(patient, groups=3, seed=4)
    assert sorted((weights == 0).sum(axis=1)) == [4, 4, 6]
    assert (weights == 0).sum(axis=0).tolist() == [1] * 14
    assert (weights[:, ::2] == weights[:, 1::2]).all()
    assert ((leave_groups_out(patient, groups=50, seed=4) == 0).sum(axis=1) == 2).all()


def test_the_bootstrap_draws_what_bootstrap_draws() -> None:
    # Exact: the same seed, the same samples: weighted means agree draw by draw, so their quantiles do.
    patient, value = np.repeat(np.arange(20), 2), np.random.default_rng(3).normal(size=40)
    weights, _ = resampled_patients(patient, "bootstrap", replicates=40, seed=7)
    means = weights @ value / weights.sum(axis=1)
    whole = bootstrap(
        lambda w: (w @ value / w.sum(axis=1))[:, None], cluster=patient, replicates=40, seed=7, kind="percentile", block=16
    )
    assert float(means.std(ddof=1)) == pytest.approx(float(whole.std_error[0]), abs=1e-12)


def test_methods_that_saw_the_same_samples_are_compared_in_them() -> None:
    # Exact: the same replicates, 0.05 apart: standard error of the distance 0; other draws: root of twice the variance.
    paired = agreement([made(), made("two", 0.05)], week=1)
    assert paired.largest == pytest.approx(0.05, abs=1e-12)
    assert paired.pairs[0].paired
    assert paired.pairs[0].std_error == pytest.approx(0.0, abs=1e-12)
    assert not paired.agree
    apart = agreement([made(), made("two", 0.05, scheme="other")], week=1)
    assert apart.pairs[0].std_error == pytest.approx(np.sqrt(2.0) * made().at(1).std_error, abs=1e-12)
    assert apart.agree
    opposite = agreement([made(), made("two", sign=-1.0)], week=3)
    assert opposite.pairs[0].std_error == pytest.approx(2.0 * made().at(3).std_error, abs=1e-12)


def test_three_methods_make_three_pairs() -> None:
    # Exact: the largest distance is that of the extremes; a pair's limits are wider for being one of three.
    three = agreement([made("a"), made("b", 0.01, scheme="b"), made("c", -0.02, scheme="c")], week=1)
    assert [pair.methods for pair in three.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert three.largest == pytest.approx(0.03, abs=1e-12)
    two = agreement([made("a"), made("b", 0.01, scheme="b")], week=1)
    assert three.pairs[0].conf_high > two.pairs[0].conf_high


def test_what_cannot_be_compared_is_refused() -> None:
    # Exact: one method; the same name twice; a week nobody asked for; a resample without an estimate.
    for contrasts, week, says in (
        ([made()], 1, "1 method to compare"),
        ([made(), made()], 1, "the same method's name"),
        ([made(), made("two")], 2, "not asked for at week 2"),
    ):
        with pytest.raises(EstimationRefused, match=says):
            agreement(contrasts, week=week)
    broken = np.stack([CURVES, np.full_like(CURVES, np.nan)])
    with pytest.raises(EstimationRefused, match="1 of 2 resampled sets"):
        weekly_contrast(
            "one", CURVES, broken, resampling="jackknife", scheme="s", weeks=(1,), horizon=3, effective_n=[20.0, 20.0]
        )
