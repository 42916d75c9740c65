"""What must hold for every interval-censored sample: late entry, groups, contrasts, bands, likelihood ratios, rank tests."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import IntervalIncidence, interval_censored_incidence
from tendon_outcomes.estimators.interval_censored.bands import interval_band
from tendon_outcomes.estimators.interval_censored.comparisons import interval_milestone_contrast, interval_time_lost_contrast
from tendon_outcomes.estimators.interval_censored.groups import interval_incidence_by_group
from tendon_outcomes.estimators.interval_censored.log_rank import interval_log_rank

every = settings(max_examples=200, deadline=None, derandomize=True)
Rows = list[tuple[int, int, int, int]]

# left, width, cause, how long before `left` the row entered (9: from the start).
rows_of = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 5), st.integers(0, 3), st.sampled_from([9, 9, 9, 0, 1, 3])),
    min_size=2,
    max_size=20,
)


def columns(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    left, width, cause, before = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    right = np.where(cause == 0, np.inf, left + width)
    known = np.where(cause >= 2, right - 1, left)
    return known, right, cause.astype(int), np.where(before == 9, 0.0, np.maximum(known - before, 0.0))


def fit(*arguments: np.ndarray, **extra: object) -> IntervalIncidence:
    """The estimate; samples that are refused (the curve runs out before somebody enters) are not examples."""
    try:
        return interval_censored_incidence(*arguments, **extra)  # type: ignore[arg-type]
    except EstimationRefused as refused:
        assume("reaches 1 before" not in str(refused))
        raise


def unique_bounds(found: IntervalIncidence, days: np.ndarray) -> np.ndarray:
    """Incidence of cause 1 on the days on which the data determine it."""
    lower, upper = found.lower(1, days), found.upper(1, days)
    determined = np.isfinite(lower.std_error) & np.isfinite(upper.std_error) & (upper.estimate - lower.estimate < 1e-12)
    return np.where(determined, lower.estimate, np.nan)


@every
@given(rows_of)
def test_late_entry_masses_optimality_and_limits(rows: Rows) -> None:
    # Exact property: masses of sum 1, optimal, ordered bounds inside limits that are never missing.
    left, right, cause, entry = columns(rows)
    found = fit(left, right, cause, entry=entry)
    assert found.kkt_residual <= 1e-8
    assert abs(found.mass.sum() - 1) < 1e-12
    for k in found.causes:
        lower, upper = found.lower(k, np.arange(14)), found.upper(k, np.arange(14))
        assert (lower.estimate <= upper.estimate + 1e-12).all()
        for one in (lower, upper):
            assert (one.conf_low >= 0).all()
            assert (one.conf_low <= one.estimate + 1e-12).all()
            assert (one.estimate <= one.conf_high + 1e-12).all()
            assert (one.conf_high <= 1).all()


@every
@given(rows_of, st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_late_entry_copies_and_row_order(rows: Rows, k: int, seed: int) -> None:
    # Exact property: k copies multiply the log-likelihood; the order of rows is not information.
    data = columns(rows)
    one = fit(*data[:3], entry=data[3])
    order = np.random.default_rng(seed).permutation(k * len(rows))
    many = fit(*(np.tile(a, k)[order] for a in data[:3]), entry=np.tile(data[3], k)[order])
    weighted = fit(*data[:3], entry=data[3], weight=np.full(len(rows), k))
    for other in (many, weighted):
        assert abs(other.log_likelihood - k * one.log_likelihood) < 1e-7 * k * len(rows)


@every
@given(rows_of, st.integers(0, 19))
def test_a_row_seen_later_than_its_entry_says_less(rows: Rows, which: int) -> None:
    # Exact property: what a row is given can only raise its probability, so the maximum is never below that without entries.
    left, right, cause, entry = columns(rows)
    entry[np.arange(entry.size) != which % entry.size] = 0.0
    assert fit(left, right, cause, entry=entry).log_likelihood >= fit(left, right, cause).log_likelihood - 1e-8


@every
@given(rows_of)
def test_a_censored_row_that_has_only_just_entered_changes_nothing(rows: Rows) -> None:
    # Exact property: free at entry, given free at entry.
    left, right, cause, _ = columns(rows)
    plain = fit(left, right, cause)
    last = left.max() if plain.last_follow_up == np.inf else plain.last_follow_up
    assume(last > 0)
    day = float(np.floor(last / 2))
    entry = np.append(np.zeros(left.size), day)
    try:
        more = fit(np.append(left, day), np.append(right, np.inf), np.append(cause, 0), entry=entry)
    except EstimationRefused:
        return
    assert abs(more.log_likelihood - plain.log_likelihood) < 1e-7


@every
@given(rows_of, st.integers(1, 9))
def test_likelihood_ratio_limits_hold_the_bounds_and_are_nested(rows: Rows, day: int) -> None:
    # Exact property: the bounds lie inside, a higher level contains a lower one, and everything lies in [0, 1].
    left, right, cause, _ = columns(rows)
    chain = []
    for level in (0.5, 0.8, 0.95):
        found = fit(left, right, cause, conf_level=level)
        assume(day <= found.last_follow_up)
        chain.append(found.likelihood_ratio_limits(1, day))
    lower, upper = found.bounds(1, day)
    assert chain[0].conf_low <= lower + 1e-8
    assert upper <= chain[0].conf_high + 1e-8
    for inner, outer in pairwise(chain):
        assert 0 <= outer.conf_low <= inner.conf_low + 1e-8
        assert inner.conf_high <= outer.conf_high + 1e-8 <= 1 + 2e-8


@every
@given(rows_of, st.integers(1, 9))
def test_likelihood_ratio_limits_of_copies_are_narrower(rows: Rows, day: int) -> None:
    # Exact property: four copies of everybody say the same, with more right.
    left, right, cause, _ = columns(rows)
    one, many = fit(left, right, cause), fit(left, right, cause, weight=np.full(len(rows), 4))
    assume(day <= one.last_follow_up)
    few, lots = one.likelihood_ratio_limits(1, day), many.likelihood_ratio_limits(1, day)
    assert few.conf_low <= lots.conf_low + 1e-8
    assert lots.conf_high <= few.conf_high + 1e-8


@every
@given(rows_of)
def test_influences_sum_to_zero_and_square_to_the_robust_variance(rows: Rows) -> None:
    # Exact property of scores at a maximum.
    left, right, cause, entry = columns(rows)
    weight = 0.5 + (np.arange(left.size) % 4) / 3
    found = fit(left, right, cause, entry=entry, weight=weight)
    days = np.arange(1, 10)[np.isfinite(found.lower(1, np.arange(1, 10)).std_error)]
    assume(days.size > 0)
    lower, influence = found.lower(1, days), found.influence_at(1, days)
    inside = (lower.estimate > 0) & (lower.estimate < 1)
    np.testing.assert_allclose(influence.sum(axis=0), 0.0, rtol=0, atol=1e-6)
    np.testing.assert_allclose((influence**2).sum(axis=0)[inside], lower.std_error[inside] ** 2, rtol=1e-6, atol=1e-9)


@every
@given(rows_of, st.integers(0, 2**20))
def test_contrasts_change_sign_when_groups_swap(rows: Rows, seed: int) -> None:
    # Exact property: differences negate with their limits, the bracket turns about; nothing lies outside [-1, 1].
    left, right, cause, _ = columns(rows)
    group = np.random.default_rng(seed).permutation(np.arange(left.size) % 2)
    groups = interval_incidence_by_group(left, right, cause, group)
    day = float(min(6.0, *(one.last_follow_up for one in groups.values())))
    one, two = (interval_milestone_contrast(groups, 1, day, group=g, reference=1 - g) for g in (1, 0))
    assert abs(one.lower.estimate + two.upper.estimate) < 1e-12
    assert abs(one.lower.conf_low + two.upper.conf_high) < 1e-12
    assert abs(one.upper.conf_high + two.lower.conf_low) < 1e-12
    assert -1 <= one.lower.conf_low <= one.lower.estimate + 1e-12
    assert one.upper.estimate - 1e-12 <= one.upper.conf_high <= 1
    if day > 0:
        try:
            there, back = (interval_time_lost_contrast(groups, 1, day, group=g, reference=1 - g) for g in (1, 0))
        except EstimationRefused as refused:
            assume("not unique" not in str(refused))
            raise
        assert abs(there.midpoint.estimate + back.midpoint.estimate) < 1e-9
        assert there.lower.estimate <= there.midpoint.estimate + 1e-9 <= there.upper.estimate + 2e-9


@every
@given(rows_of, st.integers(0, 2**20))
def test_bands_hold_the_pointwise_limits(rows: Rows, seed: int) -> None:
    # Exact property: a band is never narrower than the limits of one day; the same generator gives the same band.
    left, right, cause, _ = columns(rows)
    found = fit(left, right, cause)
    days = np.arange(0, min(10.0, found.last_follow_up) + 1)
    one, two = (interval_band(found, 1, days, rng=np.random.default_rng(seed), replicates=200) for _ in range(2))
    np.testing.assert_array_equal(one.conf_low, two.conf_low)
    assert (one.conf_low <= found.lower(1, days).conf_low + 1e-12).all()
    assert (one.conf_high >= found.upper(1, days).conf_high - 1e-12).all()


@every
@given(rows_of, st.integers(0, 2**20), st.sampled_from(["log-rank", "peto"]), st.booleans())
def test_rank_tests_sum_to_zero_and_follow_the_labels(rows: Rows, seed: int, scores: str, stratified: bool) -> None:
    # Exact property: observed less expected sums to 0, relabelling permutes, the order of rows is not information.
    left, right, cause, _ = columns(rows)
    rng = np.random.default_rng(seed)
    group, strata = rng.integers(0, 3, left.size), np.arange(left.size) % 2 if stratified else np.zeros(left.size)
    arguments = {"scores": scores}
    try:
        test = interval_log_rank(left, right, group, cause=cause, strata=strata, **arguments)  # type: ignore[arg-type]
    except EstimationRefused as refused:
        assume(not any(words in str(refused) for words in ("one group", "no two groups", "fewer directions")))
        raise
    np.testing.assert_allclose((test.observed - test.expected).sum(), 0.0, rtol=0, atol=1e-6)
    assert 0 <= test.p_value <= 1
    assert np.linalg.eigvalsh(test.variance)[0] >= -1e-9
    order, turned = rng.permutation(left.size), np.array([2, 1, 0])
    again = interval_log_rank(
        left[order],
        right[order],
        turned[group[order]],
        cause=cause[order],
        strata=strata[order],
        **arguments,  # type: ignore[arg-type]
    )
    assert abs(again.statistic - test.statistic) < 1e-5 * max(1.0, test.statistic)
    np.testing.assert_allclose(again.observed, test.observed[::-1], rtol=0, atol=1e-6)


@every
@given(rows_of)
def test_merging_competing_causes_keeps_the_incidence_of_the_first(rows: Rows) -> None:
    # Exact property, where the incidence is unique: which of the other causes it was says nothing about cause 1.
    left, right, cause, _ = columns(rows)
    found, merged = fit(left, right, cause), fit(left, right, np.minimum(cause, 2))
    days = np.arange(14)
    both = np.stack([unique_bounds(found, days), unique_bounds(merged, days)])
    known = np.isfinite(both).all(axis=0)
    np.testing.assert_allclose(both[0, known], both[1, known], rtol=0, atol=1e-6)
