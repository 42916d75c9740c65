"""What must hold for every sample: tests between groups, state occupancy, mean cumulative counts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, kaplan_meier
from tendon_outcomes.estimators.curves.recurrent import MeanCumulativeCount, mean_cumulative_count
from tendon_outcomes.estimators.curves.state_occupancy import StateOccupancy, state_occupancy
from tendon_outcomes.estimators.group_tests.gray import gray_test
from tendon_outcomes.estimators.group_tests.log_rank import log_rank
from tendon_outcomes.estimators.group_tests.outcome import GroupTest

CLOSE = {"rtol": 0.0, "atol": 1e-9}
every = settings(max_examples=200, deadline=None, derandomize=True)
FACTORS = st.sampled_from([1 / 7, 1 / 365.25, 0.1, 3.0, 1e4])

arms = st.lists(
    st.tuples(st.integers(1, 10), st.integers(0, 3), st.integers(0, 2), st.integers(0, 9), st.integers(0, 1)),
    min_size=4,
    max_size=25,
).map(lambda rows: [(day, cause, group, min(entry, day - 1), layer) for day, cause, group, entry, layer in rows])
weighting = st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 1.0]))
walks = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 0, 0, 1, 1, 1, 2])), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=10,
)
counts = st.lists(
    st.tuples(st.booleans(), st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2)), min_size=1, max_size=4)),
    min_size=1,
    max_size=10,
)


def split(rows: list[tuple[int, ...]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*rows, strict=True)]


def answered(work: Callable[[], GroupTest]) -> GroupTest:
    """The test; a sample that has none is passed over."""
    try:
        return work()
    except EstimationRefused:
        assume(False)
        raise


def pieces(sample: list[tuple[int, list[tuple[int, int]]]]) -> np.ndarray:
    """Rows subject, start, stop, from_state, to_state: states 0 and 1 with returns, 2 absorbing."""
    rows = []
    for subject, (first, steps) in enumerate(sample):
        start, state = 0, first
        for length, onward in steps:
            rows.append((subject, start, start + length, state, onward))
            start, state = start + length, onward
            if state == 2:
                break
    return np.array(rows)


def flare_rows(sample: list[tuple[bool, list[tuple[int, int]]]]) -> np.ndarray:
    """Rows subject, start, stop, event, terminal."""
    rows = []
    for subject, (ends, steps) in enumerate(sample):
        start = 0
        for k, (length, happened) in enumerate(steps):
            rows.append((subject, start, start + length, happened, int(ends and k + 1 == len(steps))))
            start += length
    return np.array(rows)


def occupy(rows: np.ndarray, **options: Any) -> StateOccupancy:
    return state_occupancy(*rows.T, n_states=3, **options)


def count(rows: np.ndarray, **options: Any) -> MeanCumulativeCount:
    return mean_cumulative_count(*rows.T[:4], terminal=rows[:, 4], **options)


def halves(rows: np.ndarray, *, unmoved: Callable[[np.ndarray], list[int]]) -> np.ndarray:
    """Every row longer than a day cut in two, the first part ending without anything."""
    cut = []
    for row in rows:
        if row[2] - row[1] > 1:
            cut += [[row[0], row[1], row[1] + 1, *unmoved(row)], [row[0], row[1] + 1, *row[2:]]]
        else:
            cut.append(list(row))
    return np.array(cut)


# --- Tests between groups -------------------------------------------------------------------------------------------------------


def both_tests(rows: list[tuple[int, ...]], rho: float = 0.0) -> list[Callable[..., GroupTest]]:
    time, cause, group, entry, layer = split(rows)

    def of_events(order: Any = slice(None), scale: float = 1.0, label: Callable[[np.ndarray], Any] = lambda g: g) -> GroupTest:
        return log_rank(
            time[order] * scale,
            cause[order] > 0,
            label(group[order]),
            entry=entry[order] * scale,
            strata=layer[order],
            rho=rho,
        )

    def of_a_cause(order: Any = slice(None), scale: float = 1.0, label: Callable[[np.ndarray], Any] = lambda g: g) -> GroupTest:
        return gray_test(time[order] * scale, cause[order], label(group[order]), strata=layer[order], rho=rho)

    return [of_events, of_a_cause]


@every
@given(arms, st.sampled_from([0, 1]), st.randoms(use_true_random=False), FACTORS, st.sampled_from([0.0, 1.0]))
def test_row_order_and_unit_do_not_matter(
    rows: list[tuple[int, ...]], which: int, random: Any, factor: float, rho: float
) -> None:
    # Exact property.
    run = both_tests(rows, rho)[which]
    plain, order = answered(run), list(range(len(rows)))
    random.shuffle(order)
    for other in (run(order=np.array(order)), run(scale=factor)):
        np.testing.assert_allclose(other.statistic, plain.statistic, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(other.variance, plain.variance, **CLOSE)


@every
@given(arms, st.sampled_from([0, 1]), st.permutations(["x", "y", "z"]))
def test_relabelling_groups_permutes_them(rows: list[tuple[int, ...]], which: int, names: list[str]) -> None:
    # Exact property: the statistic has no favourite group.
    run = both_tests(rows)[which]
    plain, renamed = answered(run), run(label=lambda g: np.array(names)[g])
    place = [renamed.groups.index(names[int(str(g))]) for g in plain.groups]
    np.testing.assert_allclose(renamed.statistic, plain.statistic, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(renamed.observed[place], plain.observed, **CLOSE)
    np.testing.assert_allclose(renamed.expected[place], plain.expected, **CLOSE)


@every
@given(arms, st.sampled_from([0, 1]), weighting)
def test_observed_and_expected_have_one_total_and_variance_no_total(
    rows: list[tuple[int, ...]], which: int, weights: tuple[float, float]
) -> None:
    # Exact property: sums over groups are equal, rows of the covariance add up to 0, and it has no negative direction.
    test = answered(both_tests(rows, weights[0])[which])
    np.testing.assert_allclose(test.observed.sum(), test.expected.sum(), **CLOSE)
    np.testing.assert_allclose(test.variance.sum(axis=0), 0.0, **CLOSE)
    assert 0.0 <= test.p_value <= 1.0
    assert test.statistic >= 0.0


@every
@given(arms, weighting, st.lists(st.integers(0, 3), min_size=25, max_size=25))
def test_log_rank_whole_weights_are_copies(rows: list[tuple[int, ...]], weights: tuple[float, float], copies: list[int]) -> None:
    # Exact property, with entry, strata and weights of days.
    time, cause, group, entry, layer = split(rows)
    often = np.array(copies[: len(rows)])
    assume(often.any())
    options = {"rho": weights[0], "gamma": weights[1]}
    one = answered(lambda: log_rank(time, cause > 0, group, entry=entry, strata=layer, weight=often, **options))
    two = log_rank(
        *(np.repeat(x, often) for x in (time, cause > 0, group)),
        entry=np.repeat(entry, often),
        strata=np.repeat(layer, often),
        **options,
    )
    np.testing.assert_allclose(one.statistic, two.statistic, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(one.variance, two.variance, **CLOSE)


@every
@given(arms, st.sampled_from([0.25, 3.5]))
def test_log_rank_a_factor_of_all_weights_cancels(rows: list[tuple[int, ...]], factor: float) -> None:
    # Exact property of the robust test.
    time, cause, group, entry, _ = split(rows)
    weight = 0.5 + (np.arange(len(rows)) % 4) / 3
    one = answered(lambda: log_rank(time, cause > 0, group, entry=entry, weight=weight))
    two = log_rank(time, cause > 0, group, entry=entry, weight=weight * factor)
    np.testing.assert_allclose(one.statistic, two.statistic, rtol=1e-7, atol=1e-9)


@every
@given(arms, st.integers(1, 9), weighting)
def test_log_rank_pieces_of_follow_up_change_nothing(rows: list[tuple[int, ...]], cut: int, weights: tuple[float, float]) -> None:
    # Exact property: (entry, cut] and (cut, exit]; the robust variance is summed over the pieces of a row.
    time, cause, group, entry, _ = split(rows)
    across = (entry < cut) & (cut < time)
    row = np.arange(time.size)
    index = np.concatenate((row, row[across]))
    stop, start = np.where(across, cut, time), np.concatenate((entry, np.full(across.sum(), cut)))
    event = np.concatenate(((cause > 0) & ~across, cause[across] > 0))
    stop = np.concatenate((stop, time[across]))
    options = {"rho": weights[0], "gamma": weights[1]}
    for cluster, grouped in ((None, None), (row, index)):
        whole = answered(lambda cluster=cluster: log_rank(time, cause > 0, group, entry=entry, cluster=cluster, **options))
        parts = log_rank(stop, event, group[index], entry=start, cluster=grouped, **options)
        np.testing.assert_allclose(parts.statistic, whole.statistic, rtol=1e-7, atol=1e-9)


@every
@given(arms)
def test_log_rank_one_stratum_no_entry_and_two_group_trend_are_the_plain_test(rows: list[tuple[int, ...]]) -> None:
    # Exact property: options that say nothing change nothing.
    time, cause, group, _, _ = split(rows)
    two = np.minimum(group, 1)
    plain = answered(lambda: log_rank(time, cause > 0, two))
    same = log_rank(time, cause > 0, two, strata=np.zeros(time.size), entry=np.zeros(time.size), weight=np.ones(time.size))
    trend = log_rank(time, cause > 0, two, scores=[3.0, 7.0])
    for other in (same, trend):
        np.testing.assert_allclose(other.statistic, plain.statistic, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(other.z, plain.z, rtol=1e-9, atol=1e-9)


@every
@given(arms)
def test_log_rank_strata_add(rows: list[tuple[int, ...]]) -> None:
    # Exact property: the terms of a stratified test are sums of those of its strata.
    time, cause, group, _, layer = split(rows)
    two = np.minimum(group, 1)
    parts = [answered(lambda s=s: log_rank(time[layer == s], cause[layer == s] > 0, two[layer == s], rho=1)) for s in (0, 1)]
    whole = log_rank(time, cause > 0, two, strata=layer, rho=1)
    for name in ("observed", "expected", "variance"):
        np.testing.assert_allclose(getattr(whole, name), sum(getattr(part, name) for part in parts), **CLOSE)


@every
@given(arms)
def test_gray_merging_the_other_causes_changes_nothing(rows: list[tuple[int, ...]]) -> None:
    # Exact property; and without other causes observed and expected are those of the log-rank test.
    time, cause, group, _, layer = split(rows)
    plain = answered(lambda: gray_test(time, cause, group, strata=layer))
    merged = gray_test(time, np.minimum(cause, 2), group, strata=layer)
    np.testing.assert_allclose(merged.statistic, plain.statistic, rtol=1e-8, atol=1e-9)
    alone = answered(lambda: gray_test(time, cause == 1, group, strata=layer))
    np.testing.assert_allclose(alone.expected, log_rank(time, cause == 1, group, strata=layer).expected, **CLOSE)


# --- State occupancy ------------------------------------------------------------------------------------------------------------


@every
@given(walks, st.booleans())
def test_states_add_to_one_and_limits_hold_the_estimate(sample: Any, weighted: bool) -> None:
    # Exact property: probabilities, their standard errors and nested limits.
    rows = pieces(sample)
    weight = 0.5 + (rows[:, 0] % 4) / 3 if weighted else None
    wide, tight = (occupy(rows, weight=weight, conf_level=level) for level in (0.99, 0.9))
    np.testing.assert_allclose(wide.probability.sum(axis=0), 1.0, **CLOSE)
    assert np.isfinite(wide.std_error).all()
    chain = [0.0 * wide.conf_low, wide.conf_low, tight.conf_low, wide.probability, tight.conf_high, wide.conf_high]
    for smaller, larger in zip(chain, [*chain[1:], np.ones_like(wide.conf_low)], strict=True):
        assert (smaller <= larger + 1e-12).all()


@every
@given(walks)
def test_mean_times_in_the_states_add_to_the_horizon(sample: Any) -> None:
    # Exact property.
    fit = occupy(pieces(sample))
    horizon = float(fit.time[-1])
    means = [fit.restricted_mean(s, horizon=horizon) for s in range(3)]
    np.testing.assert_allclose(sum(mean.estimate for mean in means), horizon, rtol=1e-9)


@every
@given(walks, st.permutations([0, 1, 2]))
def test_relabelling_states_permutes_them(sample: Any, names: list[int]) -> None:
    # Exact property.
    rows = pieces(sample)
    renamed = rows.copy()
    renamed[:, 3:] = np.array(names)[rows[:, 3:]]
    one, two = occupy(rows), occupy(renamed)
    for field in ("probability", "std_error", "conf_low", "n_at_risk", "n_events"):
        np.testing.assert_allclose(getattr(two, field)[names], getattr(one, field), **CLOSE)


@every
@given(walks, FACTORS, st.randoms(use_true_random=False))
def test_states_do_not_depend_on_unit_order_or_pieces(sample: Any, factor: float, random: Any) -> None:
    # Exact property: rows in any order, in any unit, and cut where nothing happens.
    rows = pieces(sample)
    plain, order = occupy(rows), list(range(len(rows)))
    random.shuffle(order)
    scaled = rows[order].astype(float)
    scaled[:, 1:3] *= factor
    cut = halves(rows, unmoved=lambda row: [row[3], row[3]])
    for other, unit in ((occupy(scaled), factor), (occupy(cut), 1.0)):
        for state in range(3):
            mine, theirs = plain.at(state, plain.time), other.at(state, plain.time * unit)
            for one, two in zip(mine, theirs, strict=True):
                np.testing.assert_allclose(two, one, **CLOSE)


@every
@given(walks, st.integers(1, 4))
def test_states_copies_keep_the_curve_and_shrink_the_variance(sample: Any, k: int) -> None:
    # Exact property: k copies of everybody: variance / k; clusters of one are the robust variance.
    rows = pieces(sample)
    one, many = occupy(rows), occupy(rows, weight=np.full(len(rows), k))
    np.testing.assert_allclose(many.probability, one.probability, **CLOSE)
    np.testing.assert_allclose(many.std_error, one.std_error / np.sqrt(k), **CLOSE)
    np.testing.assert_allclose(occupy(rows, cluster=rows[:, 0]).std_error, one.std_error, **CLOSE)


@every
@given(arms)
def test_states_without_returns_are_aalen_johansen(rows: list[tuple[int, ...]]) -> None:
    # Exact property, late entry included: estimates, standard errors.
    time, cause, _, entry, _ = split(rows)
    entry[0] = 0
    fit = aalen_johansen(time, cause, entry=entry, n_causes=3)
    states = state_occupancy(np.arange(time.size), entry, time, 0 * time, cause, n_states=4)
    np.testing.assert_allclose(states.probability[1:], fit.incidence, **CLOSE)
    np.testing.assert_allclose(states.std_error[1:] ** 2, fit.std_error**2, **CLOSE)


# --- Mean cumulative counts -----------------------------------------------------------------------------------------------------


@every
@given(counts)
def test_counts_of_everybody_are_averaged(sample: Any) -> None:
    # Exact property: when nobody is lost (all end terminally) the mean count with the population variance / n.
    rows = flare_rows([(True, steps) for _, steps in sample])
    fit, n = count(rows), len(sample)
    own = np.array([[rows[(rows[:, 0] == i) & (rows[:, 2] <= t), 3].sum() for t in fit.time] for i in range(n)])
    np.testing.assert_allclose(fit.estimate, own.mean(axis=0), **CLOSE)
    np.testing.assert_allclose(fit.std_error**2, own.var(axis=0) / n, **CLOSE)


@every
@given(arms)
def test_counts_of_one_cause_that_ends_follow_up_are_its_incidence(rows: list[tuple[int, ...]]) -> None:
    # Exact property, late entry included.
    time, cause, _, entry, _ = split(rows)
    fit = aalen_johansen(time, cause, entry=entry, n_causes=3)
    mean = mean_cumulative_count(np.arange(time.size), entry, time, cause == 1, terminal=cause > 0)
    np.testing.assert_allclose(mean.estimate, fit.incidence[0], **CLOSE)
    np.testing.assert_allclose(mean.std_error**2, fit.std_error[0] ** 2, **CLOSE)
    curve = kaplan_meier(time, cause > 0, entry=entry)
    np.testing.assert_allclose(mean.survival, curve.survival, **CLOSE)


@every
@given(counts, FACTORS, st.randoms(use_true_random=False), st.booleans())
def test_counts_do_not_depend_on_unit_order_or_pieces(sample: Any, factor: float, random: Any, weighted: bool) -> None:
    # Exact property.
    rows = flare_rows(sample)
    order = list(range(len(rows)))
    random.shuffle(order)
    scaled, cut = rows[order].astype(float), halves(rows, unmoved=lambda row: [0, 0])
    scaled[:, 1:3] *= factor

    def run(these: np.ndarray) -> MeanCumulativeCount:
        return count(these, weight=0.5 + (these[:, 0] % 4) / 3 if weighted else None)

    plain = run(rows)
    for other, unit in ((run(scaled), factor), (run(cut), 1.0)):
        mine, theirs = plain.at(plain.time), other.at(plain.time * unit)
        np.testing.assert_allclose(theirs.estimate, mine.estimate, **CLOSE)
        np.testing.assert_allclose(theirs.std_error**2, mine.std_error**2, **CLOSE)


@every
@given(counts, st.integers(1, 4))
def test_counts_copies_and_multiples(sample: Any, k: int) -> None:
    # Exact property: k copies shrink the variance; k events for one multiply mean and standard error.
    rows = flare_rows(sample)
    one, many = count(rows), count(rows, weight=np.full(len(rows), k))
    np.testing.assert_allclose(many.estimate, one.estimate, **CLOSE)
    np.testing.assert_allclose(many.std_error**2, one.std_error**2 / k, **CLOSE)
    times = rows.copy()
    times[:, 3] *= k
    np.testing.assert_allclose(count(times).estimate, k * one.estimate, **CLOSE)
    np.testing.assert_allclose(count(times).std_error ** 2, (k * one.std_error) ** 2, rtol=1e-8, atol=1e-9)


@every
@given(counts)
def test_counts_rise_and_limits_are_nested(sample: Any) -> None:
    # Exact property: 0 <= low99 <= low90 <= mean <= high90 <= high99; ending follow-up for good lowers the mean.
    rows = flare_rows(sample)
    wide, tight = (count(rows, conf_level=level) for level in (0.99, 0.9))
    assert (np.diff(wide.estimate, prepend=0.0) >= 0.0).all()
    chain = [0.0 * wide.conf_low, wide.conf_low, tight.conf_low, wide.estimate, tight.conf_high, wide.conf_high]
    for smaller, larger in pairwise(chain):
        assert (smaller <= larger + 1e-12).all()
    alone = mean_cumulative_count(*rows.T[:4])
    assert (alone.estimate >= wide.estimate - 1e-12).all()
