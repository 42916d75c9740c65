"""What must hold for every sample: clusters, groups, comparisons, bands and beta-product limits of right-censored curves."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.band_critical_values import equal_precision_value, hall_wellner_value
from tendon_outcomes.estimators.curves.bands import simultaneous_band
from tendon_outcomes.estimators.curves.by_group import incidence_by_group, survival_by_group
from tendon_outcomes.estimators.curves.compare import (
    milestone_difference,
    restricted_mean_difference,
    restricted_mean_ratio,
    time_lost_difference,
)
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.curves.restricted_mean import restricted_mean, restricted_mean_influence

CLOSE = {"rtol": 0.0, "atol": 1e-9}
every = settings(max_examples=200, deadline=None, derandomize=True)
LIFTED = {"at_least": 0.0, "share": 0.0}

# day, cause, entry, weight in quarters, cluster, group
rows = st.lists(
    st.tuples(
        st.integers(1, 14), st.integers(0, 2), st.integers(0, 13), st.integers(1, 12), st.integers(0, 6), st.integers(0, 1)
    ),
    min_size=2,
    max_size=25,
).map(lambda found: [(day, cause, min(entry, day - 1), w / 4, c, g) for day, cause, entry, w, c, g in found])
whole = st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=45)


def split(found: list[tuple[float, ...]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*found, strict=True)]


@every
@given(rows)
def test_clusters_of_one_are_the_row_wise_jackknife(found: list[tuple[float, ...]]) -> None:
    # Exact property, with entry and weights.
    day, cause, entry, weight, _, _ = split(found)
    how = {"entry": entry, "weight": weight}
    for fit in (kaplan_meier, aalen_johansen):
        events = cause > 0 if fit is kaplan_meier else cause
        one = fit(day, events, cluster=np.arange(day.size), **how)
        two = fit(day, events, robust=True, **how)
        np.testing.assert_allclose(one.std_error, two.std_error, rtol=0, atol=1e-7)  # a square root of 1e-14 on both ways
        np.testing.assert_allclose(one.std_error**2, two.std_error**2, **CLOSE)


@every
@given(rows, st.integers(1, 3))
def test_every_row_copied_within_its_cluster_changes_nothing(found: list[tuple[float, ...]], k: int) -> None:
    # Exact property: k copies in the same cluster add no information.
    day, cause, entry, weight, cluster, _ = split(found)
    one = aalen_johansen(day, cause, entry=entry, weight=weight, cluster=cluster)
    again = [np.repeat(column, k) for column in (day, cause, entry, weight, cluster)]
    two = aalen_johansen(again[0], again[1], entry=again[2], weight=again[3], cluster=again[4])
    np.testing.assert_allclose(one.incidence, two.incidence, **CLOSE)
    np.testing.assert_allclose(one.std_error**2, two.std_error**2, **CLOSE)


@every
@given(rows, st.randoms(use_true_random=False), st.sampled_from([0.5, 2.0, 1e3]))
def test_row_order_labels_and_the_size_of_weights_do_not_matter(
    found: list[tuple[float, ...]], random: object, factor: float
) -> None:
    # Exact property of a robust fit.
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    results = []
    for sample, scale in ((found, 1.0), (shuffled, factor)):
        day, cause, entry, weight, cluster, _ = split(sample)
        labels = np.array([f"patient {int(c) * 7 % 11}" for c in cluster]) if scale != 1.0 else cluster
        results.append(kaplan_meier(day, cause > 0, entry=entry, weight=weight * scale, cluster=labels))
    np.testing.assert_allclose(results[0].survival, results[1].survival, **CLOSE)
    np.testing.assert_allclose(results[0].std_error ** 2, results[1].std_error ** 2, **CLOSE)


@every
@given(rows)
def test_influence_adds_up_to_nothing_and_to_the_variance(found: list[tuple[float, ...]]) -> None:
    # Exact property: a common factor of all weights changes no curve, so sum w_i u_i = 0; squares in clusters are the variance.
    day, cause, entry, weight, cluster, _ = split(found)
    curve = kaplan_meier(day, cause > 0, entry=entry, weight=weight, cluster=cluster)
    weighted = weight[:, None] * curve.influence_at(curve.time)
    np.testing.assert_allclose(weighted.sum(axis=0), 0.0, **CLOSE)
    totals = np.array([weighted[cluster == label].sum(axis=0) for label in np.unique(cluster)])
    np.testing.assert_allclose((totals**2).sum(axis=0), curve.std_error**2, **CLOSE)
    mean = weight * restricted_mean_influence(curve, horizon=float(curve.time[-1]))
    assert abs(mean.sum()) < 1e-9


@every
@given(rows)
def test_the_causes_and_survival_have_influences_that_cancel(found: list[tuple[float, ...]]) -> None:
    # Exact property: sum_k F_k + S = 1 for every weighting, so the slopes sum to 0.
    day, cause, entry, weight, _, _ = split(found)
    fit = aalen_johansen(day, cause, entry=entry, weight=weight, n_causes=2)
    curve = kaplan_meier(day, cause > 0, entry=entry, weight=weight)
    days = fit.time[fit.survival > 0]  # at 0 the influence of S is 0 by convention
    together = fit.influence_at(1, days) + fit.influence_at(2, days) + curve.influence_at(days)
    np.testing.assert_allclose(together, 0.0, **CLOSE)


@every
@given(rows)
def test_groups_are_separate_fits(found: list[tuple[float, ...]]) -> None:
    # Exact property.
    day, cause, entry, weight, cluster, group = split(found)
    curves = incidence_by_group(day, cause, group, entry=entry, weight=weight, cluster=cluster, n_causes=2)
    for label, fit in curves.items():
        inside = group == label
        alone = aalen_johansen(
            day[inside], cause[inside], entry=entry[inside], weight=weight[inside], cluster=cluster[inside], n_causes=2
        )
        np.testing.assert_allclose(fit.incidence, alone.incidence, **CLOSE)
        np.testing.assert_allclose(fit.std_error**2, alone.std_error**2, **CLOSE)
        np.testing.assert_allclose(fit.n_at_risk, alone.n_at_risk, **CLOSE)


@every
@given(rows)
def test_swapping_the_arms_negates_every_comparison(found: list[tuple[float, ...]]) -> None:
    # Exact property, with patients in both arms.
    day, cause, entry, weight, cluster, group = split(found)
    assume(0 < group.sum() < group.size)
    curves = survival_by_group(day, cause > 0, group, entry=entry, weight=weight, cluster=cluster)
    causes = incidence_by_group(day, cause, group, entry=entry, weight=weight, cluster=cluster, n_causes=2)
    last = min(float(curve.time[-1]) for curve in curves.values())
    for ahead, back in (
        (milestone_difference(curves[1], curves[0], day=last), milestone_difference(curves[0], curves[1], day=last)),
        (
            milestone_difference(causes[1], causes[0], day=last, cause=1),
            milestone_difference(causes[0], causes[1], day=last, cause=1),
        ),
        (
            restricted_mean_difference(curves[1], curves[0], horizon=last, **LIFTED),
            restricted_mean_difference(curves[0], curves[1], horizon=last, **LIFTED),
        ),
        (
            time_lost_difference(causes[1], causes[0], cause=2, horizon=last, **LIFTED),
            time_lost_difference(causes[0], causes[1], cause=2, horizon=last, **LIFTED),
        ),
    ):
        np.testing.assert_allclose(
            [ahead.estimate, ahead.conf_low, ahead.std_error], [-back.estimate, -back.conf_high, back.std_error], **CLOSE
        )
        assert ahead.conf_low <= ahead.estimate <= ahead.conf_high
        assert np.isfinite([ahead.conf_low, ahead.conf_high]).all()


@every
@given(rows)
def test_a_curve_against_itself_differs_by_nothing(found: list[tuple[float, ...]]) -> None:
    # Exact property: the same patients in both fits: difference 0 and ratio 1 with standard error 0.
    day, cause, entry, weight, cluster, _ = split(found)
    curve = kaplan_meier(day, cause > 0, entry=entry, weight=weight, cluster=cluster)
    last = float(curve.time[-1])
    for contrast, value in (
        (milestone_difference(curve, curve, day=last), 0.0),
        (restricted_mean_difference(curve, curve, horizon=last, **LIFTED), 0.0),
        (restricted_mean_ratio(curve, curve, horizon=last, **LIFTED), 1.0),
    ):
        assert abs(contrast.estimate - value) < 1e-9
        assert contrast.std_error < 1e-6


@every
@given(rows, st.sampled_from([1 / 7, 0.1, 30.0]))
def test_a_change_of_unit_scales_means_and_nothing_else(found: list[tuple[float, ...]], factor: float) -> None:
    # Exact property.
    day, cause, entry, weight, cluster, _ = split(found)
    one = kaplan_meier(day, cause > 0, entry=entry, weight=weight, cluster=cluster)
    two = kaplan_meier(day * factor, cause > 0, entry=entry * factor, weight=weight, cluster=cluster)
    np.testing.assert_allclose(one.std_error**2, two.std_error**2, **CLOSE)
    means = restricted_mean(one, horizon=float(day.max())), restricted_mean(two, horizon=float(two.time[-1]))
    np.testing.assert_allclose(means[0].estimate * factor, means[1].estimate, rtol=1e-9)
    np.testing.assert_allclose((means[0].std_error * factor) ** 2, means[1].std_error ** 2, rtol=1e-7, atol=1e-9)


@every
@given(whole, st.sampled_from([0.5, 0.9, 0.95]))
def test_beta_product_limits_enclose_fall_and_nest(found: list[tuple[int, bool]], level: float) -> None:
    # Exact property: inside [0, 1], around the curve, non-increasing, wider at a higher level; the default the same.
    time, event = split(found)
    for interval in ("beta-product", None):
        fit = kaplan_meier(time, event, interval=interval, conf_level=level)  # type: ignore[arg-type]
        wider = kaplan_meier(time, event, interval=interval, conf_level=0.99)  # type: ignore[arg-type]
        assert (fit.conf_low >= 0).all()
        assert (fit.conf_high <= 1).all()
        assert (fit.conf_low <= fit.survival + 1e-9).all()
        assert (fit.survival <= fit.conf_high + 1e-9).all()
        assert (np.diff(fit.conf_low) <= 1e-12).all()
        assert (np.diff(fit.conf_high) <= 1e-12).all()
        assert (wider.conf_low <= fit.conf_low + 1e-12).all()
        assert (wider.conf_high >= fit.conf_high - 1e-12).all()


@every
@given(whole)
def test_the_default_is_never_missing_and_the_fixed_scale_is_untouched(found: list[tuple[int, bool]]) -> None:
    # Exact property: with 20 at risk or more the default is no narrower than log-log, and the standard errors are the same.
    time, event = split(found)
    default, fixed = kaplan_meier(time, event), kaplan_meier(time, event, interval="log-log")
    np.testing.assert_array_equal(default.std_error, fixed.std_error)
    many = default.n_at_risk >= 20
    assert (default.conf_low[many] <= fixed.conf_low[many]).all()
    assert (default.conf_high[many] >= fixed.conf_high[many]).all()
    assert np.isfinite([default.conf_low, default.conf_high]).all()


@every
@given(rows)
def test_aalen_variance_is_close_above_the_jackknife_without_ties(found: list[tuple[float, ...]]) -> None:
    # Exact property: on distinct days and without entry it is the delta-method sum with n - 1 for n, so never below it.
    cause = split(found)[1]
    day = np.arange(1, cause.size + 1)
    aalen, jackknife = aalen_johansen(day, cause, n_causes=2, variance="aalen"), aalen_johansen(day, cause, n_causes=2)
    np.testing.assert_array_equal(aalen.incidence, jackknife.incidence)
    inside = aalen.survival > 0
    assert (aalen.std_error[:, inside] ** 2 >= jackknife.std_error[:, inside] ** 2 - 1e-12).all()


@every
@given(st.floats(0.02, 0.4), st.floats(0.3, 0.55), st.sampled_from([0.8, 0.9, 0.95]))
def test_critical_values_grow_with_the_range_and_the_level(start: float, width: float, level: float) -> None:
    # Exact property: supremum over a larger set; a band is wider than the interval of one day.
    short, long = equal_precision_value(start, start + width / 2, level), equal_precision_value(start, start + width, level)
    assert 1.2 < short <= long + 1e-9
    assert long <= equal_precision_value(start, start + width, 0.99)
    one, two = hall_wellner_value(start, start + width / 2, level), hall_wellner_value(start, start + width, level)
    assert one <= two + 1e-9
    assert two <= hall_wellner_value(0.0, 1.0, level) + 1e-9


@every
@given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=8, max_size=30), st.integers(2, 6), st.integers(7, 12))
def test_a_band_contains_the_pointwise_limits(found: list[tuple[int, bool]], start: int, end: int) -> None:
    # Exact property: equal precision is a longer reach on the same scale; a refusal only where a limit does not exist.
    time, event = split(found)
    curve = kaplan_meier(time, event, interval="log-log")
    try:
        band = simultaneous_band(curve, from_day=start, to_day=end)
    except EstimationRefused:
        at = curve.at([start, end])
        assert np.isnan(at.estimate[1]) or at.estimate[0] == 1.0 or at.estimate[1] == 0.0
        return
    pointwise = curve.at(band.time)
    assert (band.conf_low <= pointwise.conf_low + 1e-12).all()
    assert (band.conf_high >= pointwise.conf_high - 1e-12).all()
