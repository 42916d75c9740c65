"""What must hold for every sample that is resampled."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, kaplan_meier
from tendon_outcomes.estimators.resampling import intervals
from tendon_outcomes.estimators.resampling.bootstrap import bootstrap
from tendon_outcomes.estimators.resampling.cox import batched_cox
from tendon_outcomes.estimators.resampling.curves import curve_statistic
from tendon_outcomes.estimators.resampling.draws import clusters_of, generator_of
from tendon_outcomes.estimators.resampling.iptw import iptw_statistic
from tendon_outcomes.estimators.resampling.jackknife import jackknife
from tendon_outcomes.estimators.resampling.logistic import batched_logistic
from tendon_outcomes.estimators.resampling.permutation import permutation_test

CLOSE = {"rtol": 0.0, "atol": 1e-8}
every = settings(max_examples=200, deadline=None, derandomize=True)

rows = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2), st.integers(0, 3)), min_size=3, max_size=15)
studies = st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans(), st.integers(-3, 3)), min_size=8, max_size=25)
numbers = st.lists(st.integers(-20, 20), min_size=3, max_size=15).filter(lambda v: len(set(v)) > 1)


def split(sample: list[tuple[int, ...]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*sample, strict=True)]


@every
@given(rows)
def test_curves_with_weights_are_the_single_curves(sample: list[tuple[int, int, int]]) -> None:
    # Exact property.
    time, cause, copies = split(sample)
    copies = copies + (time == time.max())
    day = float(time.max()) / 2
    km, aj = curve_statistic(time, cause, days=[day]), curve_statistic(time, cause, days=[day], incidence=True, n_causes=2)
    weights = copies[None, :].astype(float)
    np.testing.assert_allclose(km(weights)[0], kaplan_meier(time, cause > 0, weight=copies).at([day]).estimate, **CLOSE)
    fit = aalen_johansen(time, cause, weight=copies, n_causes=2)
    np.testing.assert_allclose(aj(weights)[0], [fit.at(k, day).estimate for k in (1, 2)], **CLOSE)


@every
@given(rows, st.randoms(use_true_random=False))
def test_curves_do_not_mind_the_order_of_rows_or_replicates(sample: list[tuple[int, int, int]], random: object) -> None:
    # Exact property; sums of a day may be added in another order.
    time, cause, copies = split(sample)
    order = list(range(len(sample)))
    random.shuffle(order)  # type: ignore[attr-defined]
    weights = np.stack([copies + 1.0, np.ones(copies.size)])
    day = [float(time.min())]
    one = curve_statistic(time, cause, days=day)(weights)
    two = curve_statistic(time[order], cause[order], days=day)(weights[::-1, order])[::-1]
    np.testing.assert_allclose(one, two, **CLOSE)


@every
@given(studies, st.integers(0, 10**6))
def test_contrasts_of_written_out_rows(sample: list[tuple[int, bool, bool, int]], seed: int) -> None:
    # Exact property: a weight row is the sample in which its rows are written out; what refuses there has no number here.
    time, event, treated, x = split(sample)
    copies = np.random.default_rng(seed).multinomial(time.size, np.full(time.size, 1 / time.size))
    day = float(np.median(time))
    try:
        ours = iptw_statistic(time, event, treated, x, day=day)(copies[None, :].astype(float))[0]
    except EstimationRefused:
        return
    again = [np.repeat(one, copies) for one in (time, event, treated, x)]
    try:
        theirs = iptw_statistic(*again, day=day)(np.ones((1, time.size)))[0]
    except EstimationRefused:
        assert np.isnan(ours).any()
        return
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 if np.abs(theirs).max() > 5 else 1e-8)


@every
@given(studies)
def test_swapping_arms_negates(sample: list[tuple[int, bool, bool, int]]) -> None:
    # Exact property, for the targets that treat the arms alike.
    time, event, treated, x = split(sample)
    for target in ("everyone", "overlap"):
        try:
            one = iptw_statistic(time, event, treated, x, day=float(np.median(time)), target=target)  # type: ignore[arg-type]
            two = iptw_statistic(time, event, ~treated, x, day=float(np.median(time)), target=target)  # type: ignore[arg-type]
        except EstimationRefused:
            continue
        whole = np.ones((1, time.size))
        np.testing.assert_allclose(one(whole), -two(whole), rtol=0, atol=1e-7)


@every
@given(studies, st.sampled_from([0.01, 7.0, -3.0]), st.integers(-50, 50))
def test_affine_covariates(sample: list[tuple[int, bool, bool, int]], factor: float, shift: int) -> None:
    # Exact property: slopes divide by the factor; contrasts after weighting do not move.
    time, event, treated, x = split(sample)
    ones = np.ones((1, time.size))
    try:
        one = batched_logistic(treated.astype(float), x).fit(ones).estimate[0]
        two = batched_logistic(treated.astype(float), factor * x + shift).fit(ones).estimate[0]
        np.testing.assert_allclose(one[1], two[1] * factor, rtol=1e-7, atol=1e-8)
        first, second = batched_cox(time, event, x)(ones)[0], batched_cox(time, event, factor * x + shift)(ones)[0]
        np.testing.assert_allclose(first, second * factor, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(
            iptw_statistic(time, event, treated, x, day=3.0)(ones),
            iptw_statistic(time, event, treated, factor * x + shift, day=3.0)(ones),
            rtol=0,
            atol=1e-6,
        )
    except EstimationRefused:
        return


@every
@given(studies, st.integers(2, 4))
def test_cox_monotone_time_and_scaled_weights(sample: list[tuple[int, bool, bool, int]], factor: int) -> None:
    # Exact property: only the order of times counts; a common factor of the weights (not of the copies) cancels.
    time, event, _, x = split(sample)
    ones = np.ones((1, time.size))
    try:
        one = batched_cox(time, event, x)
    except EstimationRefused:
        return
    np.testing.assert_allclose(one(ones), batched_cox(time**2 + 3, event, x)(ones), **CLOSE)
    np.testing.assert_allclose(one(ones), one.fit(ones, factor * ones).estimate, rtol=1e-7, atol=1e-8)


@every
@given(numbers, st.floats(-3, 3), st.floats(0.1, 5))
def test_limits_nest_and_move_with_the_scale(values: list[int], shift: float, factor: float) -> None:
    # Exact property: 80 % lies within 95 %; a shift and a factor of the replicates shift and stretch the limits.
    sample = np.sort(np.resize(np.array(values, dtype=float), 99) + np.linspace(0, 0.5, 99))
    for limits in (
        intervals.percentile_limits,
        lambda v, level: intervals.basic_limits(v, float(np.median(v)), level),
        lambda v, level: intervals.normal_limits(v, float(np.median(v)), level),
        lambda v, level: intervals.bca_limits(v, 0.05, 0.02, level),
    ):
        wide, narrow = limits(sample, 0.9), limits(sample, 0.7)
        assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]
        moved = limits(sample * factor + shift, 0.9)
        np.testing.assert_allclose(moved, np.array(wide) * factor + shift, rtol=1e-9, atol=1e-9)


@every
@given(st.lists(st.integers(0, 5), min_size=3, max_size=20).filter(lambda v: len(set(v)) > 1), st.integers(0, 99))
def test_every_draw_has_as_many_clusters(labels: list[int], seed: int) -> None:
    # Exact property: counts sum to the clusters; equal labels share a count; the same block draws the same.
    clusters = clusters_of(labels, None, None)
    counts = clusters.drawn(generator_of(seed, 1), 5)
    np.testing.assert_array_equal(counts.sum(axis=1), len(set(labels)))
    np.testing.assert_array_equal(counts, clusters.drawn(generator_of(seed, 1), 5))
    drawn = clusters.rows(counts)
    for one in set(labels):
        assert (np.ptp(drawn[:, np.array(labels) == one], axis=1) == 0).all()


@every
@given(numbers, st.integers(1, 40))
def test_block_of_a_linear_statistic_does_not_change_the_estimate(values: list[int], block: int) -> None:
    # Exact property: the estimate and the jackknife know nothing of blocks; the jackknife of a mean is s / sqrt(n).
    v = np.array(values, dtype=float)

    def mean(weights: np.ndarray) -> np.ndarray:
        return (weights @ v / weights.sum(axis=1))[:, None]

    found = jackknife(mean, cluster=v.size, block=block)
    np.testing.assert_allclose(found.std_error, v.std(ddof=1) / np.sqrt(v.size), **CLOSE)
    made = bootstrap(mean, cluster=v.size, replicates=40, seed=1, block=block, conf_level=0.9)
    assert made.conf_low[0] <= made.conf_high[0]
    assert v.min() <= made.conf_low[0]
    assert made.conf_high[0] <= v.max()


@every
@given(numbers, st.integers(1, 9))
def test_permutation_p_does_not_mind_scale_or_swapped_labels(values: list[int], factor: int) -> None:
    # Exact property, over all deals.
    v = np.array(values[:8], dtype=float)
    labels = np.arange(v.size) % 2
    centred = v - v.mean()

    def difference(scale: float, n1: int, labels_: np.ndarray) -> np.ndarray:
        return scale * (labels_ @ centred / n1 - (1 - labels_) @ centred / (v.size - n1))

    one = permutation_test(lambda g: difference(1.0, int(labels.sum()), g), labels, seed=1)
    two = permutation_test(lambda g: difference(-factor, int((1 - labels).sum()), g), 1 - labels, seed=2)
    assert one.exact
    assert one.p_value == two.p_value
    assert 0 < one.p_value <= 1
