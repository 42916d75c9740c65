"""Restricted means by hand, from print, and against their own definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, kaplan_meier, restricted_mean, restricted_mean_time_lost
from tests.estimators import slow

RUNNERS = ([2, 3, 3, 5, 6, 7], [1, 1, 0, 1, 0, 1])


def test_six_runners_by_hand() -> None:
    # Exact: 2 + 5/6 + 2 * 2/3 + 2 * 4/9; areas to come 55/18, 20/9, 8/9 with Greenwood terms 1/30, 1/20, 1/6.
    mean = restricted_mean(kaplan_meier(*RUNNERS), horizon=7)
    assert mean.estimate == pytest.approx(float(Fraction(91, 18)), abs=1e-12)
    variance = Fraction(55, 18) ** 2 / 30 + Fraction(20, 9) ** 2 / 20 + Fraction(8, 9) ** 2 / 6
    assert mean.std_error**2 == pytest.approx(float(variance), abs=1e-12)
    assert mean.conf_high == pytest.approx(min(7.0, mean.estimate + 1.959963984540054 * mean.std_error), abs=1e-12)


def test_waltons_mir_137() -> None:
    # Published: the waltons fly data, miR-137 group, horizon 10: 9.794118 (0.123245).
    waltons = pytest.importorskip("lifelines.datasets").load_waltons()
    group = waltons[waltons["group"] == "miR-137"]
    mean = restricted_mean(kaplan_meier(group["T"], group["E"]), horizon=10)
    assert (mean.estimate, mean.std_error) == (pytest.approx(9.794118, abs=5e-7), pytest.approx(0.123245, abs=5e-7))


@pytest.mark.parametrize("horizon", [1.0, 3.0, 4.5, 9.0])
def test_against_the_definition_in_fractions(horizon: float) -> None:
    # Exact: areas of step curves in fractions; jackknife by rational differences; delayed entry, weights, two causes.
    rows = [
        (Fraction(0), Fraction(3), 1),
        (Fraction(1), Fraction(4), 2),
        (Fraction(0), Fraction(4), 1),
        (Fraction(2), Fraction(6), 1),
        (Fraction(3), Fraction(6), 0),
        (Fraction(0), Fraction(8), 2),
        (Fraction(4), Fraction(9), 0),
    ]
    weights = [Fraction(3, 2), Fraction(1), Fraction(1, 4), Fraction(2), Fraction(5, 2), Fraction(1), Fraction(3, 4)]
    time, entry, weight = [float(r[1]) for r in rows], [float(r[0]) for r in rows], [float(w) for w in weights]
    tau = Fraction(horizon)
    fit = aalen_johansen(time, [r[2] for r in rows], entry=entry, weight=weight)
    for k in (1, 2):
        lost = restricted_mean_time_lost(fit, k, horizon=horizon)
        assert lost.estimate == pytest.approx(float(slow.time_lost(rows, weights, k, tau)), abs=1e-12)
        variance = slow.jackknife(lambda w, k=k: slow.time_lost(rows, w, k, tau), weights)
        assert lost.std_error**2 == pytest.approx(float(variance), abs=1e-12)
    mean = restricted_mean(kaplan_meier(time, [r[2] > 0 for r in rows], entry=entry, weight=weight), horizon=horizon)
    assert mean.estimate == pytest.approx(float(slow.time_lost(rows, weights, 0, tau)), abs=1e-12)
    variance = slow.jackknife(lambda w: slow.time_lost(rows, w, 0, tau), weights)
    assert mean.std_error**2 == pytest.approx(float(variance), abs=1e-12)


def test_an_event_on_the_horizon_costs_nothing() -> None:
    # Exact: min(T, 5) is 5 for an event on day 5.
    mean = restricted_mean(kaplan_meier([3, 5, 8], [1, 1, 1]), horizon=5)
    assert mean.estimate == pytest.approx((3 + 5 + 5) / 3, abs=1e-12)


def test_before_the_first_event_nothing_is_lost() -> None:
    # Exact.
    mean = restricted_mean(kaplan_meier([3, 5], [1, 1]), horizon=2)
    assert (mean.estimate, mean.std_error) == (2.0, 0.0)
    assert restricted_mean_time_lost(aalen_johansen([3, 5], [1, 2]), 2, horizon=4).estimate == 0.0


def test_refuses_beyond_follow_up_unless_the_curve_has_ended() -> None:
    # Exact: the area after the last censoring is unknown; after the last event of everybody it is known.
    with pytest.raises(EstimationRefused, match="largest horizon these data allow is 8"):
        restricted_mean(kaplan_meier([3, 8], [1, 0]), horizon=8.5)
    with pytest.raises(EstimationRefused, match="beyond the last follow-up"):
        restricted_mean_time_lost(aalen_johansen([3, 8], [1, 0]), 1, horizon=9)
    assert restricted_mean(kaplan_meier([3, 8], [1, 1]), horizon=20).estimate == pytest.approx(5.5, abs=1e-12)
    lost = restricted_mean_time_lost(aalen_johansen([3, 8], [1, 1]), 1, horizon=20)
    assert lost.estimate == pytest.approx(14.5, abs=1e-12)
    for horizon in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(EstimationRefused, match="positive"):
            restricted_mean(kaplan_meier([3, 8], [1, 1]), horizon=horizon)
