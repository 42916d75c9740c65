"""Rows that belong together: influence functions and cluster-robust variances of Kaplan-Meier and Aalen-Johansen."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.curves.restricted_mean import (
    restricted_mean,
    restricted_mean_influence,
    restricted_mean_time_lost,
    time_lost_influence,
)

FOUR = ([1, 2, 3, 4], [1, 1, 0, 0])


def test_influence_of_four_rows_by_hand() -> None:
    # Exact: nobody is lost before day 2, so S(2) = (w3 + w4)/(w1 + w2 + w3 + w4): slopes -1/8, -1/8, 1/8, 1/8 at weights 1.
    influence = kaplan_meier(*FOUR).influence_at([0.5, 1, 2])
    np.testing.assert_allclose(influence[:, 0], 0.0, atol=0)
    np.testing.assert_allclose(influence[:, 1], [-3 / 16, 1 / 16, 1 / 16, 1 / 16], rtol=0, atol=1e-15)
    np.testing.assert_allclose(influence[:, 2], [-1 / 8, -1 / 8, 1 / 8, 1 / 8], rtol=0, atol=1e-15)


def test_clusters_of_four_rows_by_hand() -> None:
    # Exact: slopes -+1/8; rows 1, 2 and 3, 4 together: (1/4)^2 + (1/4)^2 = 1/8; rows 1, 3 and 2, 4: 0; each alone: 4/64.
    for labels, variance in (([0, 0, 1, 1], Fraction(1, 8)), (list("abab"), Fraction(0)), ([5, 1, 3, 9], Fraction(1, 16))):
        fit = kaplan_meier(*FOUR, cluster=labels)
        assert fit.at(2).std_error ** 2 == pytest.approx(float(variance), abs=1e-15)
        assert fit.robust


def test_two_causes_in_clusters_by_hand() -> None:
    # Exact: without censoring F_1(2) = w1/4 in total weights 4: slopes 3/16, -1/16, -1/16, -1/16; pairs: (1/8)^2 twice = 1/32.
    fit = aalen_johansen([1, 2, 3, 4], [1, 2, 1, 1], cluster=[0, 0, 1, 1])
    np.testing.assert_allclose(fit.influence_at(1, [2.0])[:, 0], [3 / 16, -1 / 16, -1 / 16, -1 / 16], rtol=0, atol=1e-15)
    assert fit.at(1, 2).std_error ** 2 == pytest.approx(1 / 32, abs=1e-15)


def test_the_restricted_mean_in_clusters_by_hand() -> None:
    # Exact: without censoring the mean of min(T, 3) over 1, 2, 3, 3 is 9/4, slopes (min(T, 3) - 9/4)/4: -5/16, -1/16, 3/16, 3/16.
    fit = kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1], cluster=[0, 1, 0, 1])
    slopes = restricted_mean_influence(fit, horizon=3)
    np.testing.assert_allclose(slopes, [-5 / 16, -1 / 16, 3 / 16, 3 / 16], rtol=0, atol=1e-15)
    mean = restricted_mean(fit, horizon=3)
    assert mean.estimate == pytest.approx(9 / 4, abs=1e-14)
    assert mean.std_error**2 == pytest.approx((2 / 16) ** 2 * 2, abs=1e-15)


def test_mean_and_time_lost_have_opposite_influence() -> None:
    # Exact: with one cause the time lost is tau less the restricted mean.
    time, event, labels = [2, 3, 3, 5, 6, 7], [1, 1, 0, 1, 0, 1], [1, 1, 2, 2, 3, 3]
    curve, fit = kaplan_meier(time, event, cluster=labels), aalen_johansen(time, event, cluster=labels)
    kept, lost = restricted_mean_influence(curve, horizon=5.5), time_lost_influence(fit, 1, horizon=5.5)
    np.testing.assert_allclose(kept, -lost, rtol=0, atol=1e-14)
    errors = restricted_mean(curve, horizon=5.5).std_error, restricted_mean_time_lost(fit, 1, horizon=5.5).std_error
    assert errors[0] == pytest.approx(errors[1], abs=1e-14)


def test_rows_of_weight_zero_have_no_influence_and_take_their_place() -> None:
    # Exact: influence functions keep the rows as they were passed in.
    time, event, weight = [2, 3, 4, 5, 6], [1, 0, 1, 1, 0], [1, 0, 2, 0.5, 1]
    for entry in (None, [0, 1, 0, 2, 1]):
        fit = kaplan_meier(time, event, weight=weight, entry=entry)
        assert fit.influence_at([4]).shape == (5, 1)
        assert fit.influence_at([4])[1, 0] == 0.0
        spread = (np.array(weight) ** 2 * fit.influence_at([4])[:, 0] ** 2).sum()
        assert spread == pytest.approx(float(fit.at(4).std_error) ** 2, abs=1e-14)


def test_every_row_twice_in_one_cluster_is_the_sample_once() -> None:
    # Exact: the same curve, and the variance that the rows alone have.
    rng = np.random.default_rng(11)
    time, cause = rng.integers(1, 9, 40), rng.integers(0, 3, 40)
    twice = [np.concatenate([column, column]) for column in (time, cause)]
    pairs = np.concatenate([np.arange(40), np.arange(40)])
    alone, doubled = aalen_johansen(time, cause), aalen_johansen(*twice, cluster=pairs)
    np.testing.assert_allclose(doubled.std_error, alone.std_error, rtol=0, atol=1e-13)
    np.testing.assert_allclose(
        kaplan_meier(twice[0], twice[1] > 0, cluster=pairs).std_error,
        kaplan_meier(time, cause > 0).std_error,
        rtol=0,
        atol=1e-13,
    )


def test_aalen_variance_by_hand() -> None:
    # Exact: three rows, causes 1, 2, 1, no censoring. Day 1: 1 of 3, step 1/3, rest (2/3 - 1/3)/2 = 1/6: (1/6)^2 * 2/2; day 2:
    # cause 2, 1 of 2, rest 1/3: (1/3)^2 * 1/1; day 3: one at risk, no term. Together 1/36 + 1/9 = 5/36.
    fit = aalen_johansen([1, 2, 3], [1, 2, 1], variance="aalen")
    assert fit.std_error[0, -1] ** 2 == pytest.approx(5 / 36, abs=1e-14)
    assert fit.variance == "aalen"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"cluster": [1, 2, 3]}, "`cluster` has 3 values for 4 rows"),
        ({"cluster": [1, 2, 3, np.nan]}, "1 of 4 rows have no `cluster`"),
        ({"cluster": [1, 1, 2, 2], "robust": False}, "forbids"),
        ({"cluster": [1, 1, 2, 2], "interval": "beta-product"}, "whole counts"),
        ({"weight": [1, 1, 1, 0.5], "interval": "beta-product"}, "whole counts"),
        ({"entry": [0, 0, 1, 1], "interval": "mixed"}, "begin at time 0"),
    ],
)
def test_refuses_what_clusters_cannot_mean(arguments: dict[str, object], says: str) -> None:
    # Exact: one breach each.
    with pytest.raises(EstimationRefused, match=says):
        kaplan_meier(*FOUR, **arguments)  # type: ignore[arg-type]


def test_refuses_influence_beyond_follow_up_and_aalen_with_weights() -> None:
    # Exact: nobody was followed to day 9; the counting-process variance has no weights.
    with pytest.raises(EstimationRefused, match="1 of 2 days lie beyond"):
        kaplan_meier(*FOUR).influence_at([2, 9])
    with pytest.raises(EstimationRefused, match="1 of 1 days lie beyond"):
        aalen_johansen(*FOUR).influence_at(1, 9)
    with pytest.raises(EstimationRefused, match="missing"):
        kaplan_meier(*FOUR).influence_at([np.nan])
    for how in ({"cluster": [1, 1, 2, 2]}, {"weight": [1, 0.5, 1, 1]}):
        with pytest.raises(EstimationRefused, match="independent rows"):
            aalen_johansen(*FOUR, variance="aalen", **how)  # type: ignore[arg-type]
    with pytest.raises(EstimationRefused, match="jackknife or aalen"):
        aalen_johansen(*FOUR, variance="gray")  # type: ignore[arg-type]
    with pytest.raises(EstimationRefused, match="jackknife variance only"):
        restricted_mean_time_lost(aalen_johansen(*FOUR, variance="aalen"), 1, horizon=3)
