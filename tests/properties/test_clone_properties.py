"""What must hold for every sample that is cloned, censored and weighted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.censoring_weights import censoring_weights
from tendon_outcomes.estimators.causal.sustained.departure_designs import last_weeks
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import self_consistent_incidence
from tendon_outcomes.estimators.causal.sustained.weekly_bootstrap import clone_statistic

every = settings(max_examples=200, deadline=None, derandomize=True)
WEEKS = 5
week = st.integers(1, WEEKS + 1)
row = st.tuples(st.integers(0, WEEKS), st.integers(1, 3), st.integers(0, 2), week, week, st.integers(-2, 2))
rows = st.lists(row, min_size=6, max_size=30)


def made(given_rows: list[tuple[int, ...]]) -> LongitudinalSample:
    """A sample of any rows; a row may depart in every week until it does."""
    left, width, cause, first, second, x = (np.array(column) for column in zip(*given_rows, strict=True))
    cause = np.where(left >= WEEKS, 0, cause)
    right = np.where(cause == 1, left + width, np.where(cause == 2, left + 1, np.inf)).astype(float)
    deviates, week = np.stack([first, second]), np.arange(1, WEEKS + 1)
    n = left.size
    return LongitudinalSample(
        left=left,
        right=right,
        cause=cause,
        baseline=x[:, None].astype(float),
        varying=np.zeros((n, WEEKS, 0)),
        state=np.zeros((n, WEEKS), dtype=np.int64),
        deviates=deviates,
        phase=np.where(week <= deviates[:, :, None], 3, 0),
        patient=np.arange(n),
    )


@every
@given(rows)
def test_weights_are_zero_after_departure_and_one_where_nobody_departs(given_rows: list[tuple[int, ...]]) -> None:
    # Exact property.
    sample = made(given_rows)
    kept = replace(sample, deviates=np.full_like(sample.deviates, WEEKS + 1))
    whole = censoring_weights(kept, 0, loss=False)
    week = np.arange(1, WEEKS + 1)
    counts = week <= last_weeks(sample)[:, None]
    np.testing.assert_array_equal(whole.weight, np.where(counts, 1.0, 0.0))
    try:
        weights = censoring_weights(sample, 0, loss=False, truncate=None)
    except EstimationRefused:
        return
    followed = counts & (week < sample.deviates[0][:, None])
    assert ((weights.weight > 0.0) == followed).all()
    assert int(weights.summary.count.sum()) == int(followed.sum())


@every
@given(rows)
def test_strategies_permute(given_rows: list[tuple[int, ...]]) -> None:
    # Exact property: each strategy's curve is made from that strategy alone.
    sample = made(given_rows)
    try:
        one = clone_statistic(sample, loss=False)(np.ones((1, sample.n)))[0]
        two = clone_statistic(sample, strategies=(1, 0), loss=False)(np.ones((1, sample.n)))[0]
    except EstimationRefused:
        return
    np.testing.assert_array_equal(one, np.concatenate([two[WEEKS:], two[:WEEKS]]))


@every
@given(rows)
def test_curves_rise_within_0_and_1(given_rows: list[tuple[int, ...]]) -> None:
    # Exact property, and both incidences together stay below 1.
    sample = made(given_rows)
    if last_weeks(sample).max() == 0:
        return
    fit = self_consistent_incidence(sample.left, sample.right, sample.cause, weeks=WEEKS)
    assert (np.diff(np.concatenate(([0.0], fit.incidence))) >= 0.0).all()
    assert (fit.incidence + fit.competing <= 1.0 + 1e-12).all()


@every
@given(rows, st.integers(2, 5))
def test_copies_of_all_rows_change_nothing(given_rows: list[tuple[int, ...]], copies: int) -> None:
    # Exact property of curves and of their weights.
    sample = made(given_rows)
    if last_weeks(sample).max() == 0:
        return
    one = self_consistent_incidence(sample.left, sample.right, sample.cause, weeks=WEEKS)
    many = self_consistent_incidence(
        *(np.repeat(values, copies) for values in (sample.left, sample.right, sample.cause)), weeks=WEEKS
    )
    np.testing.assert_allclose(one.incidence, many.incidence, rtol=0, atol=1e-6)
