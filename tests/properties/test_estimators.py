"""What must hold for every sample: Kaplan-Meier, Aalen-Johansen, restricted means, Turnbull."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.estimators import (
    aalen_johansen,
    interval_censored_incidence,
    kaplan_meier,
    restricted_mean,
    restricted_mean_time_lost,
    turnbull,
)
from tendon_outcomes.estimators.interval_censored.simplex import maximise
from tendon_outcomes.estimators.interval_censored.support import candidate_cells, checked_sample, mixture_of

CLOSE = {"rtol": 0.0, "atol": 1e-9}
every = settings(max_examples=200, deadline=None, derandomize=True)

days = st.integers(1, 14)
events = st.lists(st.tuples(days, st.booleans()), min_size=1, max_size=25)
causes = st.lists(st.tuples(days, st.integers(0, 3)), min_size=1, max_size=25)
delayed = st.lists(st.tuples(days, st.integers(0, 3), st.integers(0, 13)), min_size=1, max_size=25).map(
    lambda rows: [(day, cause, min(entry, day - 1)) for day, cause, entry in rows]
)
intervals = st.lists(st.tuples(st.integers(0, 10), st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=25)


def split(rows: list[tuple[int, ...]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*rows, strict=True)]


def as_intervals(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    left, width, cause = split(rows)
    return left.astype(float), np.where(cause == 0, np.inf, left + width), cause


# --- Kaplan-Meier ---------------------------------------------------------------------------------------------------------------


@every
@given(events, st.randoms(use_true_random=False))
def test_km_row_order_does_not_matter(rows: list[tuple[int, bool]], random: object) -> None:
    # Exact property.
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = kaplan_meier(*split(rows)), kaplan_meier(*split(shuffled))
    np.testing.assert_array_equal(one.survival, two.survival)
    np.testing.assert_array_equal(one.conf_low, two.conf_low)


@every
@given(events, st.sampled_from([1 / 7, 1 / 365.25, 0.1, 3.0, 1e4]))
def test_km_a_change_of_unit_changes_the_unit(rows: list[tuple[int, bool]], factor: float) -> None:
    # Exact property: the same ties.
    time, event = split(rows)
    one, two = kaplan_meier(time, event), kaplan_meier(time * factor, event)
    np.testing.assert_array_equal(one.survival, two.survival)
    np.testing.assert_allclose(one.time * factor, two.time, rtol=1e-12)


@every
@given(events, st.integers(1, 5))
def test_km_copies_keep_the_curve_and_shrink_the_variance(rows: list[tuple[int, bool]], k: int) -> None:
    # Exact property: k copies of everybody: the same curve, variance / k; weights k say the same.
    time, event = split(rows)
    one, many = kaplan_meier(time, event), kaplan_meier(np.repeat(time, k), np.repeat(event, k))
    weighted = kaplan_meier(time, event, weight=np.full(len(rows), k))
    np.testing.assert_allclose(many.survival, one.survival, **CLOSE)
    np.testing.assert_allclose(many.std_error, one.std_error / np.sqrt(k), **CLOSE)
    for field in ("survival", "std_error", "conf_low", "conf_high", "n_at_risk", "n_events"):
        np.testing.assert_allclose(getattr(weighted, field), getattr(many, field), **CLOSE)


@every
@given(delayed, st.lists(st.integers(0, 4), min_size=25, max_size=25))
def test_km_a_frequency_weight_is_that_many_rows(rows: list[tuple[int, int, int]], counts: list[int]) -> None:
    # Exact property, with delayed entry; a weight of 0 is an absent row.
    time, cause, entry = split(rows)
    copies = np.array(counts[: len(rows)])
    copies[0] += 1
    one = kaplan_meier(time, cause > 0, entry=entry, weight=copies)
    two = kaplan_meier(np.repeat(time, copies), np.repeat(cause > 0, copies), entry=np.repeat(entry, copies))
    for field in ("time", "survival", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(getattr(one, field), getattr(two, field), **CLOSE)


@every
@given(st.lists(days, min_size=1, max_size=30))
def test_km_without_censoring_is_the_empirical_curve(times: list[int]) -> None:
    # Exact property: S = share still without the event, variance S(1 - S)/n.
    time = np.array(times)
    curve = kaplan_meier(time, np.ones(time.size))
    share = (time[:, None] > curve.time).mean(axis=0)
    np.testing.assert_allclose(curve.survival, share, **CLOSE)
    np.testing.assert_allclose(curve.std_error**2, share * (1 - share) / time.size, **CLOSE)


@every
@given(events)
def test_km_a_row_censored_before_the_first_event_changes_nothing(rows: list[tuple[int, bool]]) -> None:
    # Exact property.
    time, event = split([(day + 1, had) for day, had in rows])
    before = kaplan_meier(time, event)
    after = kaplan_meier(np.append(time, 1), np.append(event, False))
    np.testing.assert_allclose(after.at(time).estimate, before.at(time).estimate, **CLOSE)
    np.testing.assert_allclose(after.at(time).std_error, before.at(time).std_error, **CLOSE)


@every
@given(events, st.integers(0, 24))
def test_km_an_event_turned_censoring_never_lowers_the_curve(rows: list[tuple[int, bool]], which: int) -> None:
    # Exact property.
    time, event = split(rows)
    without = event.copy()
    without[which % len(rows)] = False
    assert (kaplan_meier(time, without).survival >= kaplan_meier(time, event).survival - 1e-12).all()


@every
@given(delayed, st.integers(1, 13))
def test_km_pieces_of_follow_up_change_nothing(rows: list[tuple[int, int, int]], cut: int) -> None:
    # Exact property: (entry, cut] and (cut, exit] instead of (entry, exit].
    time, cause, entry = split(rows)
    event = cause > 0
    across = (entry < cut) & (cut < time)
    first, second = (
        (time[across] * 0 + cut, across[across] & False, entry[across]),
        (time[across], event[across], time[across] * 0 + cut),
    )
    whole = kaplan_meier(time, event, entry=entry)
    pieces = kaplan_meier(
        np.concatenate((time[~across], first[0], second[0])),
        np.concatenate((event[~across], first[1], second[1])),
        entry=np.concatenate((entry[~across], first[2], second[2])),
    )
    np.testing.assert_allclose(pieces.at(whole.time).estimate, whole.survival, **CLOSE)
    np.testing.assert_allclose(pieces.at(whole.time).std_error, whole.std_error, **CLOSE)


@every
@given(delayed, st.sampled_from(["plain", "log", "log-log", "logit"]), st.booleans())
def test_km_limits_are_probabilities_and_nested(rows: list[tuple[int, int, int]], kind: str, weighted: bool) -> None:
    # Exact property: 0 <= low99 <= low90 <= S <= high90 <= high99 <= 1, never missing.
    time, cause, entry = split(rows)
    weight = 0.5 + (np.arange(len(rows)) % 4) / 3 if weighted else None
    wide, tight = (
        kaplan_meier(time, cause > 0, entry=entry, weight=weight, interval=kind, conf_level=level)  # type: ignore[arg-type]
        for level in (0.99, 0.9)
    )
    chain = [np.zeros(wide.time.size), wide.conf_low, tight.conf_low, wide.survival, tight.conf_high, wide.conf_high]
    for smaller, larger in zip(chain, [*chain[1:], np.ones(wide.time.size)], strict=True):
        assert (smaller <= larger + 1e-12).all()


# --- Aalen-Johansen -------------------------------------------------------------------------------------------------------------


@every
@given(delayed, st.booleans())
def test_aj_incidences_and_survival_add_to_one(rows: list[tuple[int, int, int]], weighted: bool) -> None:
    # Exact property, with delayed entry and weights; curves rise and their limits hold them.
    time, cause, entry = split(rows)
    weight = 0.5 + (np.arange(len(rows)) % 4) / 3 if weighted else None
    fit = aalen_johansen(time, cause, entry=entry, weight=weight, n_causes=3)
    np.testing.assert_allclose(fit.incidence.sum(axis=0) + fit.survival, 1.0, rtol=0, atol=1e-12)
    assert (np.diff(fit.incidence, axis=1) >= 0).all()
    assert (fit.conf_low <= fit.incidence + 1e-12).all()
    assert (fit.incidence <= fit.conf_high + 1e-12).all()
    assert np.isfinite(fit.std_error).all()


@every
@given(events)
def test_aj_one_cause_is_one_minus_kaplan_meier(rows: list[tuple[int, bool]]) -> None:
    # Exact property, standard errors included.
    time, event = split(rows)
    fit, curve = aalen_johansen(time, event.astype(int), n_causes=1), kaplan_meier(time, event)
    np.testing.assert_allclose(fit.incidence[0], 1 - curve.survival, **CLOSE)
    np.testing.assert_allclose(fit.std_error[0] ** 2, curve.std_error**2, **CLOSE)


@every
@given(delayed, st.permutations([1, 2, 3]))
def test_aj_relabelling_causes_permutes_the_curves(rows: list[tuple[int, int, int]], names: list[int]) -> None:
    # Exact property.
    time, cause, entry = split(rows)
    fit = aalen_johansen(time, cause, entry=entry, n_causes=3)
    renamed = aalen_johansen(time, np.array([0, *names])[cause], entry=entry, n_causes=3)
    for k in (1, 2, 3):
        np.testing.assert_allclose(renamed.incidence[names[k - 1] - 1], fit.incidence[k - 1], **CLOSE)
        np.testing.assert_allclose(renamed.std_error[names[k - 1] - 1] ** 2, fit.std_error[k - 1] ** 2, **CLOSE)


@every
@given(delayed)
def test_aj_merging_two_causes_adds_their_curves(rows: list[tuple[int, int, int]]) -> None:
    # Exact property.
    time, cause, entry = split(rows)
    fit = aalen_johansen(time, cause, entry=entry, n_causes=3)
    merged = aalen_johansen(time, np.array([0, 1, 2, 2])[cause], entry=entry, n_causes=2)
    np.testing.assert_allclose(merged.incidence[1], fit.incidence[1] + fit.incidence[2], **CLOSE)
    np.testing.assert_allclose(merged.incidence[0], fit.incidence[0], **CLOSE)


@every
@given(delayed)
def test_aj_never_exceeds_one_minus_kaplan_meier(rows: list[tuple[int, int, int]]) -> None:
    # Exact property: treating competing events as censorings can only overstate.
    time, cause, entry = split(rows)
    fit = aalen_johansen(time, cause, entry=entry, n_causes=3)
    naive = 1 - kaplan_meier(time, cause == 1, entry=entry).survival
    assert (fit.incidence[0] <= naive + 1e-12).all()


@every
@given(causes)
def test_aj_is_the_same_every_time_and_draws_no_random_number(rows: list[tuple[int, int]]) -> None:
    # Exact property: ties are not broken by chance; the global generator is left alone.
    time, cause = split(rows)
    state = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    runs = {aalen_johansen(time, cause).incidence.tobytes() for _ in range(5)}
    assert len(runs) == 1
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[index]


def test_aj_one_hundred_runs_are_identical() -> None:
    # Exact property on one heavily tied sample.
    time, cause = [1 + i % 5 for i in range(60)], [i % 3 for i in range(60)]
    assert len({aalen_johansen(time, cause).std_error.tobytes() for _ in range(100)}) == 1


# --- Restricted means -----------------------------------------------------------------------------------------------------------


@every
@given(delayed, st.floats(0.1, 14.0), st.booleans())
def test_rmst_and_times_lost_add_to_the_horizon(rows: list[tuple[int, int, int]], horizon: float, weighted: bool) -> None:
    # Exact property: the mean lies in [0, tau]; with the time lost to every cause it makes tau.
    time, cause, entry = split(rows)
    weight = 0.5 + (np.arange(len(rows)) % 4) / 3 if weighted else None
    tau = min(horizon, float(time.max()))
    mean = restricted_mean(kaplan_meier(time, cause > 0, entry=entry, weight=weight), horizon=tau)
    fit = aalen_johansen(time, cause, entry=entry, weight=weight, n_causes=3)
    lost = [restricted_mean_time_lost(fit, k, horizon=tau) for k in (1, 2, 3)]
    assert 0 <= mean.conf_low <= mean.estimate + 1e-12
    assert mean.estimate <= mean.conf_high + 1e-12
    assert mean.conf_high <= tau
    assert abs(mean.estimate + sum(one.estimate for one in lost) - tau) < 1e-9


@every
@given(st.lists(days, min_size=1, max_size=30), st.floats(0.5, 14.0))
def test_rmst_without_censoring_is_a_mean_of_minima(times: list[int], horizon: float) -> None:
    # Exact property: the mean of min(T, tau), with the population variance / n.
    time = np.array(times, dtype=float)
    cut = np.minimum(time, horizon)
    mean = restricted_mean(kaplan_meier(time, np.ones(time.size)), horizon=horizon)
    assert abs(mean.estimate - cut.mean()) < 1e-9
    assert abs(mean.std_error**2 - cut.var() / time.size) < 1e-9
    lost = restricted_mean_time_lost(aalen_johansen(time, np.ones(time.size)), 1, horizon=horizon)
    assert abs(lost.std_error**2 - cut.var() / time.size) < 1e-9


@every
@given(events, events, st.floats(0.5, 14.0))
def test_rmst_difference_negates_when_arms_swap(one: list[tuple[int, bool]], two: list[tuple[int, bool]], horizon: float) -> None:
    # Exact property: arms are separate fits, so one arm's rows cannot move the other's mean.
    tau = min(horizon, max(day for day, _ in one), max(day for day, _ in two))
    first, second = (restricted_mean(kaplan_meier(*split(rows)), horizon=tau) for rows in (one, two))
    again, before = (restricted_mean(kaplan_meier(*split(rows)), horizon=tau) for rows in (two, one))
    assert first.estimate - second.estimate == -(again.estimate - before.estimate)


# --- Interval-censored ----------------------------------------------------------------------------------------------------------


@every
@given(st.lists(days, min_size=1, max_size=30))
def test_turnbull_of_dated_events_is_the_empirical_curve(times: list[int]) -> None:
    # Exact property.
    time = np.array(times, dtype=float)
    fit = turnbull(time - 1, time)
    for day in range(15):
        lower, upper = fit.bounds(1, day)
        assert abs(lower - (time <= day).mean()) < 1e-9
        assert abs(upper - lower) < 1e-9


@every
@given(events)
def test_turnbull_of_right_censored_data_is_kaplan_meier(rows: list[tuple[int, bool]]) -> None:
    # Exact property, standard errors included.
    time, event = split(rows)
    fit = turnbull(np.where(event, time - 1, time), np.where(event, time, np.inf))
    curve = kaplan_meier(time, event)
    np.testing.assert_allclose(1 - fit.bounds(1, curve.time).lower, curve.survival, **CLOSE)
    np.testing.assert_allclose(fit.lower(1, curve.time).std_error ** 2, curve.std_error**2, **CLOSE)


@every
@given(causes)
def test_interval_censored_dated_data_are_aalen_johansen(rows: list[tuple[int, int]]) -> None:
    # Exact property, standard errors included.
    time, cause = split(rows)
    fit = interval_censored_incidence(np.where(cause == 0, time, time - 1), np.where(cause == 0, np.inf, time), cause)
    curves = aalen_johansen(time, cause, n_causes=3)
    for k in fit.causes:
        np.testing.assert_allclose(fit.bounds(k, curves.time).lower, curves.incidence[k - 1], **CLOSE)
        np.testing.assert_allclose(fit.lower(k, curves.time).std_error ** 2, curves.std_error[k - 1] ** 2, **CLOSE)


@every
@given(intervals)
def test_interval_censored_optimum_and_limits(rows: list[tuple[int, int, int]]) -> None:
    # Exact property: optimality conditions, masses of sum 1, ordered bounds inside limits that are never missing.
    fit = interval_censored_incidence(*as_intervals(rows))
    assert fit.kkt_residual <= 1e-8
    assert abs(fit.mass.sum() - 1) < 1e-12
    for k in fit.causes:
        lower, upper = fit.lower(k, np.arange(20)), fit.upper(k, np.arange(20))
        assert (lower.estimate <= upper.estimate + 1e-12).all()
        for one in (lower, upper):
            assert (one.conf_low >= 0).all()
            assert (one.conf_low <= one.estimate + 1e-12).all()
            assert (one.estimate <= one.conf_high + 1e-12).all()
            assert (one.conf_high <= 1).all()


@every
@given(intervals, st.integers(0, 2**32 - 1))
def test_turnbull_never_falls_and_ten_starts_agree(rows: list[tuple[int, int, int]], seed: int) -> None:
    # Exact property of a concave likelihood: one maximum, reached from everywhere, uphill all the way.
    sample = checked_sample(*as_intervals(rows), None)
    mixture, _ = mixture_of(sample, candidate_cells(sample))
    fit = maximise(mixture, tolerance=1e-8)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        other = maximise(mixture, tolerance=1e-8, start=rng.dirichlet(np.ones(mixture.marked.size)) + 1e-6)
        assert min(other.rises, default=0.0) >= 0
        assert abs(other.log_likelihood - fit.log_likelihood) < 1e-8 * max(1, len(rows))


@every
@given(intervals, st.integers(0, 24), st.integers(0, 4), st.integers(0, 4))
def test_turnbull_widening_an_interval_never_lowers_the_maximum(
    rows: list[tuple[int, int, int]], which: int, down: int, up: int
) -> None:
    # Exact property: a row that allows more cannot make the best explanation worse.
    left, right, cause = as_intervals(rows)
    before = interval_censored_incidence(left, right, cause).log_likelihood
    i = which % len(rows)
    if cause[i] <= 1:
        left[i] = max(0, left[i] - down)
        right[i] += up
    assert interval_censored_incidence(left, right, cause).log_likelihood >= before - 1e-9


@every
@given(intervals, st.integers(1, 4))
def test_turnbull_copies_and_row_order(rows: list[tuple[int, int, int]], k: int) -> None:
    # Exact property: k copies multiply the log-likelihood; the order of rows is not information.
    left, right, cause = as_intervals(rows)
    one = interval_censored_incidence(left, right, cause)
    many = interval_censored_incidence(*(np.tile(a, k)[::-1] for a in (left, right, cause)))
    weighted = interval_censored_incidence(left, right, cause, weight=np.full(len(rows), k))
    assert abs(many.log_likelihood - k * one.log_likelihood) < 1e-7
    np.testing.assert_allclose(weighted.mass, many.mass, rtol=0, atol=1e-7)
