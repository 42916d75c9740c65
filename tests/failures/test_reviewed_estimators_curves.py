"""Curves and tests between groups that a review found wrong, each in its smallest form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.contrasts import contrast
from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.bands import simultaneous_band
from tendon_outcomes.estimators.curves.by_group import survival_by_group
from tendon_outcomes.estimators.curves.compare import restricted_mean_difference
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.curves.recurrent import mean_cumulative_count
from tendon_outcomes.estimators.curves.restricted_mean import restricted_mean, restricted_mean_time_lost
from tendon_outcomes.estimators.curves.state_occupancy import state_occupancy
from tendon_outcomes.estimators.group_tests.gray import gray_test
from tendon_outcomes.estimators.group_tests.log_rank import log_rank
from tendon_outcomes.estimators.proportions import clopper_pearson, wilson


def test_one_cluster_is_no_certainty() -> None:
    # History: with one cluster the influences cancel, the standard error is 0 and the limits were the estimate itself.
    fit = kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0], cluster=[1] * 4)
    incidence = aalen_johansen([1, 2, 3, 4], [1, 1, 0, 0], cluster=[1] * 4)
    for low, value, high in (
        (fit.conf_low, fit.survival, fit.conf_high),
        (incidence.conf_low[0], incidence.incidence[0], incidence.conf_high[0]),
    ):
        assert (low < 0.1).all()
        assert (low < value).all()
        assert (value < high).all()


def test_two_opposite_clusters_have_the_exact_limits_of_two() -> None:
    # History: as above. Exact: both clusters are there on day 2, S = 1/2: Clopper and Pearson for 1 of 2.
    fit = kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0], cluster=[0, 1, 0, 1])
    exact = clopper_pearson(1, 2)
    assert fit.at(3).conf_low == pytest.approx(exact.conf_low, abs=1e-9)
    assert fit.at(3).conf_high == pytest.approx(exact.conf_high, abs=1e-9)


def test_two_sides_of_a_patient_are_one_patient_where_nothing_has_happened() -> None:
    # History: exact limits at S = 1 and F = 0 counted rows, so copying every row within its cluster narrowed them.
    time, event, patient = [1, 2, 3, 5], [0, 1, 0, 0], [1, 2, 3, 4]
    for entry in (None, [0, 0, 1, 0]):
        twice = None if entry is None else entry * 2
        one = kaplan_meier(time, event, entry=entry, cluster=patient)
        two = kaplan_meier(time * 2, event * 2, entry=twice, cluster=patient * 2)
        np.testing.assert_allclose(two.conf_low, one.conf_low, rtol=0, atol=1e-14)
        np.testing.assert_allclose(two.at(0.5), one.at(0.5), rtol=0, atol=1e-14)
        single = aalen_johansen(time, event, entry=entry, cluster=patient)
        double = aalen_johansen(time * 2, event * 2, entry=twice, cluster=patient * 2)
        np.testing.assert_allclose(double.conf_high, single.conf_high, rtol=0, atol=1e-14)
    assert one.conf_low[0] == pytest.approx(0.025 ** (1 / 3), abs=1e-14)  # 0 of the three who were there from day 0


def test_sides_are_one_patient_in_states_and_counts() -> None:
    # History: as above, for state_occupancy and mean_cumulative_count, whose limits counted subjects.
    subject, zero, stop = np.arange(6), np.zeros(6), np.array([1, 2, 3] * 2)
    patient = np.array([1, 2, 3] * 2)
    states = state_occupancy(subject, zero, stop, zero, [0, 1, 0] * 2, n_states=2, cluster=patient)
    assert states.conf_high[1, 0] == pytest.approx(1 - 0.025 ** (1 / 3), abs=1e-12)
    counts = mean_cumulative_count(subject, zero, stop, [0, 1, 0] * 2, cluster=patient)
    assert counts.conf_high[0] == pytest.approx(-np.log(0.025) / 3, abs=1e-12)


def test_the_last_day_is_not_a_difference_of_large_sums() -> None:
    # History: with entry and fractional weights the curve ended at 1e-15 and not at 0, so that it seemed unfinished.
    rng = np.random.default_rng(1)
    time, entry, weight = rng.exponential(1, 2000) + 1, rng.uniform(0, 1, 2000), rng.gamma(2, 1, 2000)
    late, plain = (kaplan_meier(time, np.ones(2000), entry=e, weight=weight) for e in (entry, None))
    assert late.survival[-1] == 0.0
    np.testing.assert_array_equal(late.n_at_risk[-3:], plain.n_at_risk[-3:])
    assert restricted_mean(late, horizon=100).estimate < 100


def test_no_event_before_the_horizon_is_not_certainty() -> None:
    # History: limits 2 to 2 for a mean of 2 days up to day 2. Exact: S(2) is at least 0.025^(1/2) with two at risk.
    mean = restricted_mean(kaplan_meier([3, 5], [1, 1]), horizon=2)
    assert mean.conf_low == pytest.approx(2 * 0.025**0.5, abs=1e-14)
    assert mean.conf_high == 2.0
    lost = restricted_mean_time_lost(aalen_johansen([3, 5], [1, 1]), 1, horizon=2)
    assert lost.conf_low == 0.0
    assert lost.conf_high == pytest.approx(2 * (1 - 0.025**0.5), abs=1e-14)
    other = restricted_mean(kaplan_meier([1, 5], [1, 1]), horizon=2)
    found = restricted_mean_difference(kaplan_meier([3, 5], [1, 1]), kaplan_meier([1, 5], [1, 1]), horizon=2, at_least=0, share=0)
    assert found.estimate == pytest.approx(0.5, abs=1e-14)
    assert found.conf_low == pytest.approx(0.5 - np.hypot(2 - mean.conf_low, other.conf_high - other.estimate), abs=1e-12)
    assert found.conf_high == pytest.approx(0.5 + other.estimate - other.conf_low, abs=1e-12)
    stay = state_occupancy([1, 2], [0, 0], [3, 5], [0, 0], [1, 1], n_states=2).restricted_mean(0, horizon=2)
    assert stay.conf_low == pytest.approx(2 * 0.025**0.5, abs=1e-12)


def test_before_the_first_flare_the_limit_is_not_zero() -> None:
    # History: 0 to 0 between the origin and the first day. Exact Poisson limit of none in two subjects; 0 on the origin.
    fit = mean_cumulative_count([1, 2], [0, 0], [1, 2], [1, 0])
    assert fit.at(0.5).conf_high == pytest.approx(-np.log(0.025) / 2, abs=1e-12)
    assert fit.at(0).conf_high == 0.0


def test_limits_are_worked_out_when_asked_for() -> None:
    # History: a fit whose limits nobody read loaded scipy for the beta-product limits.
    fit = kaplan_meier([1, 2, 3], [1, 0, 1])
    assert not fit._limits
    assert fit.conf_low is fit.conf_low
    assert fit._limits


def test_extreme_levels_and_ratios() -> None:
    # History: StatisticsError for the largest level below 1; OverflowError for a ratio with a wide interval.
    assert np.isfinite(kaplan_meier([1, 2], [1, 0], conf_level=1 - 2**-53).conf_low).all()
    assert contrast(1e-6, 1e-2, 0.5, 0.1, scale="ratio").conf_high == np.inf


STATES = ([1, 2], [0, 0], [1, 2], [0, 0], [1, 0])
COUNTS = ([1, 2], [0, 0], [1, 2], [1, 0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: kaplan_meier(["1", "2"], [1, 0]), "`time` is not made of numbers"),  # was read as 1 and 2
        (lambda: kaplan_meier([1, 2], ["1", "0"]), "event codes` is not made of numbers"),  # was read as 1 and 0
        (lambda: kaplan_meier(np.array(["2020-01-01", "2020-01-05"], dtype="M8[D]"), [1, 0]), "not made of numbers"),
        (lambda: kaplan_meier([True, True], [0, 1]), "truth values"),  # arguments swapped
        (lambda: kaplan_meier([[1, 2], [3]], [1, 0]), "different lengths"),  # ValueError
        (lambda: kaplan_meier([1, 2], [1, 0], weight=[1e200, 1e200]), "too large or too small"),  # NaN standard error
        (lambda: kaplan_meier([1, 2], [1, 0], weight=[1e-200, 1e-200]), "too large or too small"),
        (lambda: kaplan_meier([1, 2], [1, 0], cluster=np.array([None, "a"])), "1 of 2 rows have no `cluster`"),  # TypeError
        (lambda: aalen_johansen([1, 2], [999_999_999, 0]), "outside 0 to 1000"),  # took all memory
        (lambda: gray_test([1, 2, 3], [999_999_999, 1, 0], [0, 1, 0]), "0 to 1000"),
        (lambda: aalen_johansen([1, 2, 3], [1, 2, 0]).at(1.5, 2), "cause 1.5"),  # type: ignore[arg-type]
        (
            lambda: log_rank([1, 2, 3, 4], [1, 1, 1, 0], [0, 1, 0, 1], cluster=[np.nan, np.nan, 1, 2]),
            "2 of 4 rows",
        ),  # one cluster
        (lambda: survival_by_group([1, 2], [1, 0], np.array(["a", 1], dtype=object)), "more than one kind"),
        (
            lambda: state_occupancy([np.nan, np.nan], [0, 1], [1, 2], [0, 1], [1, 1], n_states=2),
            "have no `subject`",
        ),  # one person
        (lambda: state_occupancy(*STATES, n_states=2).at(0, np.nan), "1 of 1 days are missing"),  # gave the last day's value
        (lambda: mean_cumulative_count(*COUNTS).at(np.nan), "1 of 1 days are missing"),
        (lambda: mean_cumulative_count(*COUNTS, cluster=[1, 2], robust=False), "forbids"),  # was ignored
        (lambda: state_occupancy(*STATES, n_states=2.5), "whole number"),  # type: ignore[arg-type]
        (lambda: contrast(0.5, -0.01, 0.5, 0.1), "negative"),
        (lambda: wilson(1, np.inf), "finite"),  # width 0
    ],
)
def test_refuses(call: Callable[[], object], says: str) -> None:
    # History: beside each call, what it did before.
    with pytest.raises(EstimationRefused, match=says):
        call()


def test_a_resampled_band_over_very_many_days_is_refused() -> None:
    # History: the joint covariance of 10,000 distinct times was formed, with memory and time quadratic and cubic in them.
    time = np.arange(1, 2503) / 7
    fit = aalen_johansen(time, np.arange(2502) % 3)
    with pytest.raises(EstimationRefused, match="distinct days would need"):
        simultaneous_band(fit, cause=1, from_day=10, to_day=350, rng=np.random.default_rng(1))
