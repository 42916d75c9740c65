"""What must hold of falsification and sensitivity, whatever the sample."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sensitivity.adjusted_difference import adjusted_difference
from tendon_outcomes.estimators.causal.sensitivity.e_value import bias_factor, confounder_strength, e_value
from tendon_outcomes.estimators.causal.sensitivity.permuted_strategy import deal
from tendon_outcomes.estimators.causal.sensitivity.tipping_point import tipping_point
from tendon_outcomes.estimators.causal.sensitivity.within_person import within_person_difference

every = settings(max_examples=200, deadline=None, derandomize=True)

ratios = st.floats(0.05, 20.0)
days = st.lists(st.tuples(st.integers(0, 10), st.booleans(), st.integers(0, 4), st.integers(0, 1)), min_size=4, max_size=40)
runners = st.lists(st.tuples(st.integers(-5, 5), st.booleans(), st.integers(-3, 3), st.integers(1, 3)), min_size=8, max_size=30)


@every
@given(ratios, ratios, ratios)
def test_an_e_value_is_at_least_one_and_knows_no_direction(ratio: float, below: float, above: float) -> None:
    # Exact property.
    low, high = ratio * min(below, 1.0 / below), ratio * max(above, 1.0 / above)
    one = e_value(ratio, conf_low=low, conf_high=high)
    other = e_value(1.0 / ratio, conf_low=1.0 / high, conf_high=1.0 / low)
    assert one.estimate >= one.limit >= 1.0
    np.testing.assert_allclose([one.estimate, one.limit], [other.estimate, other.limit], rtol=1e-9)
    assert (one.limit == 1.0) == (low <= 1.0 <= high)


@every
@given(ratios, ratios)
def test_no_confounder_biases_by_more_than_either_association(a: float, b: float) -> None:
    # Exact property.
    factor = bias_factor(a, b)
    assert 1.0 <= factor <= min(max(a, 1 / a), max(b, 1 / b)) + 1e-12
    np.testing.assert_allclose(factor, bias_factor(1 / b, a), rtol=1e-12)


@every
@given(runners)
def test_a_confounder_is_as_strong_under_any_monotone_scale(sample: list[tuple[int, bool, int, int]]) -> None:
    # Exact property: swapped arms too.
    value, arm, x, _ = (np.array(column, dtype=float) for column in zip(*sample, strict=True))
    try:
        one = confounder_strength(np.abs(value), arm, x)
    except EstimationRefused:
        return
    assert one == confounder_strength(np.abs(value), arm, np.exp(x))
    swapped = confounder_strength(np.abs(value), 1 - arm, x)
    np.testing.assert_allclose(one.joint, swapped.joint, rtol=1e-9)
    assert one.joint >= 1.0


@every
@given(st.integers(1, 60), st.integers(1, 60), st.integers(-5, 65))
def test_halving_finds_what_trying_every_number_finds(of: int, step: int, start: int) -> None:
    # Exact property.
    def difference(rows: np.ndarray) -> tuple[float, float, float]:
        centre = start - rows.size * step / 10
        return centre, centre - 2.0, centre + 2.0

    centres = [difference(np.arange(m)) for m in range(of + 1)]
    above = centres[0][1] > 0.0  # limits below 0 only move further down
    lost = [m for m, (_, low, high) in enumerate(centres) if (low <= 0.0 if above else high >= 0.0)]
    assert tipping_point(difference, np.arange(of)).patients == (lost[0] if lost else None)


@every
@given(days)
def test_within_persons_shifts_of_persons_change_nothing(sample: list[tuple[int, bool, int, int]]) -> None:
    # Exact property: a person's level, the order of rows, more persons with one kind of days; flipped exposure negates.
    value, exposed, person, week = (np.array(column) for column in zip(*sample, strict=True))
    try:
        one = within_person_difference(value, exposed, person, block=week, replicates=1, seed=1)
    except EstimationRefused:
        return
    moved = within_person_difference(
        np.r_[value + 7.0 * person, 99.0][::-1],
        np.r_[exposed, True][::-1],
        np.r_[person, 77][::-1],
        block=np.r_[week, 0][::-1],
        replicates=1,
        seed=1,
    )
    flipped = within_person_difference(value, ~exposed, person, block=week, replicates=1, seed=1)
    np.testing.assert_allclose([one.estimate, one.std_error], [moved.estimate, moved.std_error], atol=1e-9)
    np.testing.assert_allclose([one.estimate, one.conf_low], [-flipped.estimate, -flipped.conf_high], atol=1e-9)
    assert one.persons == moved.persons
    assert one.conf_low <= one.estimate <= one.conf_high


@every
@given(runners)
def test_an_adjusted_difference_does_not_mind_scales(sample: list[tuple[int, bool, int, int]]) -> None:
    # Exact property: label swap negates, affine covariates and scaled weights change nothing, the value's scale carries over.
    value, arm, x, weight = (np.array(column, dtype=float) for column in zip(*sample, strict=True))
    try:
        one = adjusted_difference(value, arm, x[:, None], weight=weight)
    except EstimationRefused:
        return
    assume(one.std_error > 1e-6)
    other = adjusted_difference(3.0 * value + 2.0, 1.0 - arm, 5.0 - 2.0 * x[:, None], weight=4.0 * weight)
    np.testing.assert_allclose(
        [other.estimate, other.std_error, other.df], [-3.0 * one.estimate, 3.0 * one.std_error, one.df], rtol=1e-6, atol=1e-7
    )
    assert 0.0 <= one.p_value <= 1.0
    assert (one.p_value < 0.05) == (one.conf_low > 0.0 or one.conf_high < 0.0)


@every
@given(st.lists(st.tuples(st.booleans(), st.floats(-4.0, 4.0)), min_size=2, max_size=30), st.integers(0, 99))
def test_deals_keep_the_number_of_each_strategy(sample: list[tuple[bool, float]], seed: int) -> None:
    # Exact property; one seed gives one set of deals.
    labels, log_odds = np.array([int(a) for a, _ in sample]), np.array([b for _, b in sample])
    dealt = deal(labels, log_odds, 3, seed)
    assert (dealt.sum(axis=1) == labels.sum()).all()
    assert dealt.tobytes() == deal(labels, log_odds, 3, seed).tobytes()
