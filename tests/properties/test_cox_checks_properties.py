"""What must hold for every sample: Cox residuals and checks, concordance, predicted curves, Fine-Gray."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen
from tendon_outcomes.estimators.regression.cox import residuals
from tendon_outcomes.estimators.regression.cox.baseline import baseline_hazard, predicted_curves
from tendon_outcomes.estimators.regression.cox.concordance import Concordance, concordance
from tendon_outcomes.estimators.regression.cox.hazard_steps import hazard_steps
from tendon_outcomes.estimators.regression.cox.ordered_sums import rank_sums
from tendon_outcomes.estimators.regression.cox.proportionality import proportionality_test
from tendon_outcomes.estimators.regression.cox.sample import CoxSample, cox_sample
from tendon_outcomes.estimators.regression.cox.step_information import covariance_of, information_of
from tendon_outcomes.estimators.regression.fine_gray import FineGrayFit, fine_gray
from tendon_outcomes.estimators.regression.subdistribution import evaluated

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
every = settings(max_examples=200, deadline=None, derandomize=True)

row = st.tuples(st.integers(1, 9), st.booleans(), st.integers(-2, 2), st.integers(-2, 2), st.integers(0, 8), st.integers(0, 1))
samples = st.lists(row, min_size=4, max_size=25)
betas = st.tuples(st.sampled_from([-1.0, -0.3, 0.0, 0.5, 1.2]), st.sampled_from([-0.7, 0.0, 0.4])).map(np.array)
ties_rules = st.sampled_from(["efron", "breslow"])
weights = st.lists(st.sampled_from([0.25, 0.5, 1.0, 1.75, 3.0]), min_size=25, max_size=25)
competing = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2), st.integers(-2, 2)), min_size=6, max_size=25)

Rows = list[tuple[int, bool, int, int, int, int]]


def checked(rows: Rows, **change: object) -> CoxSample:
    """Entry below the exit, two strata; a sample that is refused (a constant column, no event) is not this module's concern."""
    time, event, x, z, entry, stratum = (np.array(column) for column in zip(*rows, strict=True))
    given_ = {"entry": np.minimum(entry, time - 1), "strata": stratum, **change}
    covariates = given_.pop("covariates", np.column_stack([x, z]).astype(float))
    try:
        sample = cox_sample(given_.pop("time", time), given_.pop("event", event), covariates, **given_)  # type: ignore[arg-type]
    except EstimationRefused:
        assume(False)
    assume(sample.event.any())
    return sample


@every
@given(samples, betas, ties_rules, weights)
def test_weighted_sums_vanish_in_every_stratum(rows: Rows, beta: np.ndarray, ties: str, w: list[float]) -> None:
    # Exact property: martingale residuals; score and Schoenfeld residuals sum to the same score vector.
    sample = checked(rows, weight=np.array(w[: len(rows)]))
    weighted = sample.weights * residuals.martingale(sample, beta, ties)
    for s in range(len(sample.stratum_labels)):
        np.testing.assert_allclose(weighted[sample.stratum == s].sum(), 0.0, **CLOSE)
    events = residuals.schoenfeld(sample, beta, ties)
    score = sample.weights @ residuals.score_residuals(sample, beta, ties)
    np.testing.assert_allclose(score, events.weight @ events.residual, **CLOSE)


@every
@given(samples, betas, ties_rules, st.randoms(use_true_random=False))
def test_row_order_moves_residuals_with_their_rows(rows: Rows, beta: np.ndarray, ties: str, random: object) -> None:
    # Exact property.
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    one, two = checked(rows), checked([rows[i] for i in order])
    for kind in (residuals.martingale, residuals.score_residuals):
        np.testing.assert_allclose(kind(two, beta, ties), kind(one, beta, ties)[order], **CLOSE)


@every
@given(samples, betas, ties_rules, st.sampled_from([1 / 7, 1 / 365.25, 1e4]), st.floats(-5, 5))
def test_units_of_time_and_origins_of_covariates_change_nothing(
    rows: Rows, beta: np.ndarray, ties: str, factor: float, shift: float
) -> None:
    # Exact property: t to c t keeps the ties; x + c only moves the baseline.
    one = checked(rows)
    time, _, x, z, entry, _ = (np.array(column) for column in zip(*rows, strict=True))
    two = checked(
        rows,
        time=time * factor,
        entry=np.minimum(entry, time - 1) * factor,
        covariates=np.column_stack([x + shift, z - shift]).astype(float),
    )
    for kind in (residuals.martingale, residuals.score_residuals):
        np.testing.assert_allclose(kind(two, beta, ties), kind(one, beta, ties), **CLOSE)
    ratio = baseline_hazard(one, beta, ties).hazard / baseline_hazard(two, beta, ties).hazard
    np.testing.assert_allclose(ratio, np.exp(shift * (beta[0] - beta[1])), rtol=1e-8)


@every
@given(samples, betas)
def test_without_ties_the_two_rules_agree(rows: Rows, beta: np.ndarray) -> None:
    # Exact property: one event a day.
    n = len(rows)
    sample = checked(rows, time=np.arange(n) + 1.0, entry=np.minimum(np.arange(n), [row[4] for row in rows]))
    for kind in (residuals.martingale, residuals.deviance, residuals.score_residuals):
        np.testing.assert_allclose(kind(sample, beta, "efron"), kind(sample, beta, "breslow"), **CLOSE)


@every
@given(samples, betas, st.integers(2, 4))
def test_breslow_copies(rows: Rows, beta: np.ndarray, k: int) -> None:
    # Exact property: k copies of everybody: the same residuals, k times the information; weights k say the same.
    one, many = checked(rows), checked([row for row in rows for _ in range(k)])
    heavy = checked(rows, weight=np.full(len(rows), k))
    for kind in (residuals.martingale, residuals.score_residuals):
        np.testing.assert_allclose(kind(many, beta, "breslow")[::k], kind(one, beta, "breslow"), **CLOSE)
        np.testing.assert_allclose(kind(heavy, beta, "breslow"), kind(one, beta, "breslow"), **CLOSE)
    information = [information_of(hazard_steps(sample, beta, "breslow")) for sample in (one, many, heavy)]
    np.testing.assert_allclose(information[1], k * information[0], **CLOSE)
    np.testing.assert_allclose(information[2], k * information[0], **CLOSE)


@every
@given(samples, betas, ties_rules)
def test_strata_are_separate_samples_and_entry_at_the_origin_is_none(rows: Rows, beta: np.ndarray, ties: str) -> None:
    # Exact properties.
    sample = checked(rows)
    whole = residuals.martingale(sample, beta, ties)
    for s in range(len(sample.stratum_labels)):
        mine = sample.stratum == s
        if sample.event[mine].any():
            part = replace(
                sample,
                stop=sample.stop[mine],
                start=None if sample.start is None else sample.start[mine],
                event=sample.event[mine],
                x=sample.x[mine],
                stratum=np.zeros(mine.sum(), dtype=np.int64),
                stratum_labels=(0,),
                kept=np.flatnonzero(mine),
            )
            np.testing.assert_allclose(residuals.martingale(part, beta, ties), whole[mine], **CLOSE)
    none, zero = checked(rows, entry=None), checked(rows, entry=np.zeros(len(rows)))
    np.testing.assert_allclose(residuals.martingale(none, beta, ties), residuals.martingale(zero, beta, ties), **CLOSE)


@every
@given(samples, betas, ties_rules)
def test_pieces_of_follow_up_add_up(rows: Rows, beta: np.ndarray, ties: str) -> None:
    # Exact property: (entry, time] cut at day 4: the residuals of the pieces sum to the row's.
    time, event, x, z, entry, stratum = (np.array(column) for column in zip(*rows, strict=True))
    entry = np.minimum(entry, time - 1)
    cut = (entry < 4) & (time > 4)
    pieces = [(np.minimum(time, 4)[i], entry[i], False if cut[i] else event[i], i) for i in range(len(rows)) if entry[i] < 4] + [
        (time[i], max(entry[i], 4), event[i], i) for i in range(len(rows)) if time[i] > 4
    ]
    stop, start, happened, owner = (np.array(column) for column in zip(*pieces, strict=True))
    whole = checked(rows)
    cuts = cox_sample(stop, happened, np.column_stack([x, z])[owner].astype(float), entry=start, strata=stratum[owner])
    for kind in (residuals.martingale, residuals.score_residuals):
        found = np.zeros_like(kind(whole, beta, ties))
        np.add.at(found, owner, kind(cuts, beta, ties))
        np.testing.assert_allclose(found, kind(whole, beta, ties), **CLOSE)


def statistics_of(sample: CoxSample, beta: np.ndarray, ties: str, transform: str) -> np.ndarray:
    try:
        test = proportionality_test(sample, beta, ties, transform=transform)  # type: ignore[arg-type]
    except EstimationRefused:
        assume(False)
    return np.append(test.statistic, test.global_statistic)


@every
@given(samples, betas, ties_rules, st.sampled_from(["km", "rank", "identity"]))
def test_proportionality_does_not_depend_on_units(rows: Rows, beta: np.ndarray, ties: str, transform: str) -> None:
    # Exact property: statistics are at least 0; scaled covariates and times give the same.
    one = checked(rows)
    time, _, x, z, entry, _ = (np.array(column) for column in zip(*rows, strict=True))
    two = checked(
        rows,
        time=time * 7.0,
        entry=np.minimum(entry, time - 1) * 7.0,
        covariates=np.column_stack([3.0 * x - 1, -0.5 * z]),
    )
    first = statistics_of(one, beta, ties, transform)
    assert (first >= 0.0).all()
    np.testing.assert_allclose(statistics_of(two, beta / [3, -0.5], ties, transform), first, rtol=1e-6, atol=1e-7)


@every
@given(samples, betas, ties_rules)
def test_predicted_curves_fall_and_limits_nest(rows: Rows, beta: np.ndarray, ties: str) -> None:
    # Exact property.
    sample = checked(rows, strata=None)
    try:
        v = covariance_of(hazard_steps(sample, beta, ties), sample.names)
    except EstimationRefused:
        assume(False)
    narrow, wide = (
        predicted_curves(sample, beta, ties, covariance=v, covariates=[[0, 0], [1, -1]], conf_level=level)
        for level in (0.8, 0.99)
    )
    assert (np.diff(narrow.survival, axis=1) <= 0.0).all()
    assert ((wide.conf_low <= narrow.conf_low + 1e-12) & (narrow.conf_low <= narrow.survival + 1e-12)).all()
    assert ((narrow.survival <= narrow.conf_high + 1e-12) & (narrow.conf_high <= wide.conf_high + 1e-12)).all()
    assert np.isfinite(wide.conf_low).all()
    ratio = narrow.cumulative_hazard[1] / narrow.cumulative_hazard[0]
    np.testing.assert_allclose(ratio, np.exp(beta[0] - beta[1]), rtol=1e-9)


def ranked(rows: Rows, sign: float = 1.0, **change: object) -> Concordance:
    time, event, x, _, entry, stratum = (np.array(column) for column in zip(*rows, strict=True))
    try:
        return concordance(time, event, sign * x, entry=np.minimum(entry, time - 1), strata=stratum, **change)  # type: ignore[arg-type]
    except EstimationRefused:
        assume(False)
        raise


@every
@given(samples, weights)
def test_concordance_turns_with_the_score(rows: Rows, w: list[float]) -> None:
    # Exact property: the other sign gives 1 - C, the same spread and mirrored limits; weighted influences sum to 0.
    weight = np.array(w[: len(rows)])
    one, other = ranked(rows, weight=weight), ranked(rows, -1.0, weight=weight)
    np.testing.assert_allclose(one.estimate + other.estimate, 1.0, **CLOSE)
    np.testing.assert_allclose([one.std_error, one.conf_low], [other.std_error, 1 - other.conf_high], **CLOSE)
    assert 0.0 <= one.conf_low <= one.estimate <= one.conf_high <= 1.0
    positive = weight[weight > 0]
    np.testing.assert_allclose(positive @ one.influence, 0.0, **CLOSE)


@every
@given(samples, st.integers(2, 4))
def test_concordance_of_copies(rows: Rows, k: int) -> None:
    # Exact property: weights k are k copies: the same index, variance / k.
    one, many, heavy = ranked(rows), ranked([row for row in rows for _ in range(k)]), ranked(rows, weight=np.full(len(rows), k))
    np.testing.assert_allclose([many.estimate, heavy.estimate], one.estimate, **CLOSE)
    np.testing.assert_allclose([many.std_error, heavy.std_error], one.std_error / np.sqrt(k), **CLOSE)


@every
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=40), st.data())
def test_rank_sums_are_sums(items: list[tuple[int, int]], data: st.DataObject) -> None:
    # Exact property: against a plain loop.
    rank, weight = (np.array(column) for column in zip(*items, strict=True))
    n = len(items)
    low = np.array(data.draw(st.lists(st.integers(0, n), min_size=5, max_size=5)))
    high = np.array(data.draw(st.lists(st.integers(0, n), min_size=5, max_size=5)))
    query = np.array(data.draw(st.lists(st.integers(0, 12), min_size=5, max_size=5)))
    found = rank_sums(rank, weight.astype(float), low=low, high=high, query_rank=query)
    for j in range(5):
        part = slice(low[j], max(low[j], high[j]))
        for values, which in zip(found, (np.less, np.equal, np.greater), strict=True):
            assert values[j] == weight[part][which(rank[part], query[j])].sum()


def fitted(rows: list[tuple[int, int, int]], **change: object) -> FineGrayFit:
    time, cause, x = (np.array(column) for column in zip(*rows, strict=True))
    try:
        return fine_gray(change.pop("time", time), change.pop("cause", cause), change.pop("x", x.astype(float)), **change)  # type: ignore[arg-type]
    except EstimationRefused:
        assume(False)
        raise


@every
@given(competing, st.sampled_from([1 / 7, 100.0]), st.sampled_from([-2.0, 0.5]), st.floats(-3, 3))
def test_fine_gray_does_not_depend_on_units(rows: list[tuple[int, int, int]], factor: float, scale: float, shift: float) -> None:
    # Exact property: t to c t, x to a + b x.
    time, _, x = (np.array(column) for column in zip(*rows, strict=True))
    one, two = fitted(rows), fitted(rows, time=time * factor, x=shift + scale * x)
    np.testing.assert_allclose(two.coefficients.estimate * scale, one.coefficients.estimate, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(two.coefficients.std_error * abs(scale), one.coefficients.std_error, rtol=1e-6, atol=1e-7)
    day = float(time.max())
    found, other = one.incidence([[1.0]], [day]), two.incidence([[shift + scale]], [day * factor])
    np.testing.assert_allclose(found.estimate, other.estimate, rtol=1e-6, atol=1e-7)


@every
@given(competing)
def test_fine_gray_incidence_is_a_probability_that_grows(rows: list[tuple[int, int, int]]) -> None:
    # Exact property: within [0, 1], never falling, limits around it and nested; the score is 0 at the estimate.
    fit = fitted(rows)
    days = np.unique([row[0] for row in rows])
    narrow, wide = fit.incidence([[0.0], [1.0]], days), fitted(rows, conf_level=0.99).incidence([[0.0], [1.0]], days)
    assert ((narrow.estimate >= 0) & (narrow.estimate <= 1)).all()
    assert (np.diff(narrow.estimate, axis=1) >= 0.0).all()
    assert ((wide.conf_low <= narrow.conf_low + 1e-12) & (narrow.conf_low <= narrow.estimate + 1e-12)).all()
    assert ((narrow.estimate <= narrow.conf_high + 1e-12) & (narrow.conf_high <= wide.conf_high + 1e-12)).all()
    np.testing.assert_allclose(evaluated(fit.sample, fit.coefficients.estimate).gradient, 0.0, atol=1e-7)
    np.testing.assert_allclose(fit.sample.weight @ fit.influence, 0.0, atol=1e-6)


@every
@given(competing)
def test_fine_gray_relabelled_and_merged_causes(rows: list[tuple[int, int, int]]) -> None:
    # Exact property: 2 and 3 are one competing cause; the order of rows does not matter.
    _, cause, _ = (np.array(column) for column in zip(*rows, strict=True))
    one = fitted(rows)
    split = fitted(rows, cause=np.where((cause == 2) & (np.arange(cause.size) % 2 == 0), 3, cause))
    np.testing.assert_array_equal(split.coefficients.estimate, one.coefficients.estimate)
    back = fitted(rows[::-1])
    np.testing.assert_allclose(back.coefficients.estimate, one.coefficients.estimate, rtol=1e-6, atol=1e-7)


@every
@given(competing)
def test_fine_gray_without_effect_is_aalen_johansen(rows: list[tuple[int, int, int]]) -> None:
    # Exact property (Geskus 2011), one row a day: the product of 1 - hazard at coefficients 0 is 1 - F.
    n = len(rows)
    fit = fitted(rows, time=np.arange(1.0, n + 1))
    curves = aalen_johansen(np.arange(1.0, n + 1), [row[1] for row in rows])
    hazard = evaluated(fit.sample, np.zeros(1)).hazard
    np.testing.assert_allclose(1 - np.cumprod(1 - hazard), curves.at(1, fit.sample.time).estimate, **CLOSE)
