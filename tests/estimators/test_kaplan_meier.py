"""Kaplan-Meier by hand, from print, and against its own definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import clopper_pearson, kaplan_meier
from tests.estimators import slow

RUNNERS = ([2, 3, 3, 5, 6, 7], [1, 1, 0, 1, 0, 1])


def test_six_runners_by_hand() -> None:
    # Exact: 5/6, then 4/5 of it, then 2/3 of it (3 at risk on day 5), then 0; Greenwood on day 5 is (4/9)^2 (1/30 + 1/20 + 1/6).
    curve = kaplan_meier(*RUNNERS)
    assert curve.time.tolist() == [2, 3, 5, 6, 7]
    assert curve.n_at_risk.tolist() == [6, 5, 3, 2, 1]
    assert curve.n_events.tolist() == [1, 1, 1, 0, 1]
    assert curve.n_censored.tolist() == [0, 1, 0, 1, 0]
    expected = [Fraction(5, 6), Fraction(2, 3), Fraction(4, 9), Fraction(4, 9), Fraction(0)]
    np.testing.assert_allclose(curve.survival, [float(s) for s in expected], rtol=0, atol=1e-12)
    variances = [Fraction(25, 36) * Fraction(1, 30), Fraction(1, 27), Fraction(4, 81), Fraction(4, 81), Fraction(0)]
    np.testing.assert_allclose(curve.std_error**2, [float(v) for v in variances], rtol=0, atol=1e-12)


def test_six_runners_log_log_limits_by_hand() -> None:
    # Exact formula: S^exp(+-z se/(S log S)) with S = 4/9, se = 2/9, so se/S = 1/2.
    curve = kaplan_meier(*RUNNERS, interval="log-log")
    shift = 1.959963984540054 * 0.5 / np.log(4 / 9)
    low, high = sorted([(4 / 9) ** np.exp(shift), (4 / 9) ** np.exp(-shift)])
    assert curve.at(5).conf_low == pytest.approx(low, abs=1e-12)
    assert curve.at(5).conf_high == pytest.approx(high, abs=1e-12)


def test_steps_are_right_continuous_and_end_with_follow_up() -> None:
    # Exact: the value on a day includes that day's events; nothing is known after the last censoring.
    curve = kaplan_meier([2, 4, 9], [1, 1, 0])
    np.testing.assert_allclose(curve.at([0, 1.99, 2, 3.9, 4, 9]).estimate, [1, 1, 2 / 3, 2 / 3, 1 / 3, 1 / 3], atol=1e-12)
    assert np.isnan(curve.at(10).estimate)
    assert kaplan_meier([2, 4], [1, 1]).at(10).estimate == 0.0  # all had it: the curve is known for ever


def test_quantile_takes_the_middle_of_a_flat_stretch() -> None:
    # Exact: S is exactly 2/3 from day 3 to day 5, so a third had the event "on day 4" (R's rule, quantile.survfit).
    curve = kaplan_meier(*RUNNERS)
    assert curve.quantile(1 / 3).estimate == 4.0
    assert curve.quantile(0.5).estimate == 5.0
    flat_to_the_end = kaplan_meier([1, 2, 3, 8], [1, 1, 0, 0])
    assert flat_to_the_end.quantile(0.5).estimate == 5.0
    assert flat_to_the_end.quantile(0.6).estimate == np.inf


def test_freireich_six_mercaptopurine() -> None:
    # Published: Freireich et al. (1963), as in Klein & Moeschberger (2003), table 4.1B: S and standard errors.
    events = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    curve = kaplan_meier(events + censored, [1] * 9 + [0] * 12)
    at = curve.at([6, 7, 10, 13, 16, 22, 23])
    np.testing.assert_allclose(at.estimate, [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], atol=5e-5)
    np.testing.assert_allclose(at.std_error, [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], atol=5e-5)
    assert curve.quantile(0.5).estimate == 23


def test_delayed_entry_and_weights_against_the_definition_in_fractions() -> None:
    # Exact: the product over days in fractions, Greenwood, and the jackknife by rational differences.
    rows = [
        (Fraction(0), Fraction(3), 1),
        (Fraction(1), Fraction(4), 0),
        (Fraction(0), Fraction(4), 1),
        (Fraction(2), Fraction(6), 1),
        (Fraction(3), Fraction(6), 0),
        (Fraction(0), Fraction(8), 1),
        (Fraction(4), Fraction(9), 0),
    ]
    weights = [Fraction(3, 2), Fraction(1), Fraction(1, 4), Fraction(2), Fraction(5, 2), Fraction(1), Fraction(3, 4)]
    arrays = {"time": [float(r[1]) for r in rows], "event": [r[2] for r in rows], "entry": [float(r[0]) for r in rows]}
    ones = [Fraction(1)] * len(rows)
    unweighted = kaplan_meier(**arrays)
    weighted = kaplan_meier(**arrays, weight=[float(w) for w in weights])
    assert weighted.robust
    assert not unweighted.robust
    for i, day in enumerate(sorted({r[1] for r in rows})):
        assert unweighted.survival[i] == pytest.approx(float(slow.incidence(rows, ones, 0, day)), abs=1e-12)
        assert unweighted.std_error[i] ** 2 == pytest.approx(float(slow.greenwood(rows, ones, day)), abs=1e-12)
        assert weighted.survival[i] == pytest.approx(float(slow.incidence(rows, weights, 0, day)), abs=1e-12)
        variance = slow.jackknife(lambda w, day=day: slow.incidence(rows, w, 0, day), weights)
        assert weighted.std_error[i] ** 2 == pytest.approx(float(variance), abs=1e-12)


def test_whole_number_weights_are_copies_unless_robust_is_asked() -> None:
    # Exact: three copies of each row have a third of the variance; the jackknife of equal weights does not shrink.
    time, event = RUNNERS
    tripled = kaplan_meier(time * 3, event * 3)
    weighted = kaplan_meier(time, event, weight=[3] * 6)
    np.testing.assert_allclose(weighted.std_error, tripled.std_error, rtol=0, atol=1e-12)
    robust = kaplan_meier(time, event, weight=[3] * 6, robust=True)
    np.testing.assert_allclose(robust.std_error, kaplan_meier(time, event).std_error, rtol=0, atol=1e-12)


def test_limits_where_the_scale_has_none_are_exact() -> None:
    # Exact: 0 of 5 by day 1 gives the Clopper-Pearson limit; at S = 0 the limit of the day before still holds.
    curve = kaplan_meier([1, 2, 3, 4, 5], [0, 1, 1, 1, 1], interval="log-log")
    assert curve.conf_low[0] == pytest.approx(1 - clopper_pearson(0, 5).conf_high, abs=1e-12)
    assert curve.conf_high[0] == 1.0
    assert curve.survival[-1] == 0.0
    assert (curve.conf_low[-1], curve.conf_high[-1]) == (0.0, curve.conf_high[-2])
    at_once = kaplan_meier([1, 1, 1], [1, 1, 1], interval="log-log")
    assert at_once.conf_high[0] == pytest.approx(clopper_pearson(0, 3).conf_high, abs=1e-12)
    for kind in ("plain", "log", "log-log", "logit"):
        every = kaplan_meier([1, 2, 3, 4, 5], [0, 1, 1, 1, 1], interval=kind)  # type: ignore[arg-type]
        assert np.isfinite(every.conf_low).all()
        assert np.isfinite(every.conf_high).all()


def test_days_weeks_and_years_have_the_same_ties() -> None:
    # Exact: a change of unit changes the unit. 0.1 + 0.2 and 0.3 are one time; 1e-6 apart are two.
    time, event = [1, 2, 2, 3, 5, 5, 5, 8], [1, 1, 0, 1, 0, 1, 1, 0]
    days = kaplan_meier(time, event)
    for divisor in (7.0, 365.25):
        other = kaplan_meier(np.array(time) / divisor, event)
        np.testing.assert_array_equal(other.survival, days.survival)
        np.testing.assert_allclose(other.time * divisor, days.time, rtol=1e-12)
    assert kaplan_meier([0.1 + 0.2, 0.3], [1, 1]).time.size == 1
    assert kaplan_meier([0.3, 0.300001], [1, 1]).time.size == 2


def test_survival_stays_at_zero_after_an_early_empty_risk_set() -> None:
    # Exact: one early runner, the only one at risk, has the event; later entries cannot raise the curve (as in R).
    curve = kaplan_meier([1, 5, 6], [1, 1, 0], entry=[0, 2, 2])
    assert curve.survival.tolist() == [0, 0, 0]
    assert np.isfinite(curve.conf_high).all()


def test_agrees_with_lifelines_and_statsmodels() -> None:
    # Reference, second opinion: lifelines 0.30 and statsmodels 0.15 on tied, right-censored, unweighted days.
    lifelines = pytest.importorskip("lifelines")
    survfunc = pytest.importorskip("statsmodels.duration.survfunc")
    day = np.array([1 + (7 * i * i + 3 * i) % 17 for i in range(80)])
    event = np.array([(i * 5 + 1) % 3 > 0 for i in range(80)])
    curve = kaplan_meier(day, event, interval="log-log")
    other = lifelines.KaplanMeierFitter().fit(day, event)
    np.testing.assert_allclose(curve.survival, other.survival_function_["KM_estimate"].loc[curve.time], rtol=0, atol=1e-12)
    band = other.confidence_interval_.loc[curve.time]
    inside = (curve.survival > 0) & (curve.survival < 1)
    np.testing.assert_allclose(curve.conf_low[inside], band.iloc[:, 0][inside], rtol=0, atol=1e-10)
    third = survfunc.SurvfuncRight(day, event)
    np.testing.assert_allclose(curve.at(third.surv_times).estimate, third.surv_prob, rtol=0, atol=1e-12)
    positive = third.surv_prob > 0
    np.testing.assert_allclose(curve.at(third.surv_times).std_error[positive], third.surv_prob_se[positive], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"time": [], "event": []}, "no rows"),
        ({"time": [1, -1], "event": [1, 0]}, "1 of 2 times"),
        ({"time": [1, np.nan], "event": [1, 0]}, "1 of 2 times"),
        ({"time": [1, np.inf], "event": [1, 0]}, "1 of 2 times"),
        ({"time": [1, 2], "event": [1, 2]}, "outside 0 to 1"),
        ({"time": [1, 2], "event": [1, 0.5]}, "not whole"),
        ({"time": [1, 2], "event": [1]}, "shape"),
        ({"time": [[1, 2]], "event": [1, 0]}, "dimensions"),
        ({"time": [1, 2], "event": [1, 0], "entry": [0, 2]}, "1 of 2 rows enter"),
        ({"time": [1, 2], "event": [1, 0], "entry": [0]}, "`entry` has 1"),
        ({"time": [1, 1e-9 + 1], "event": [1, 0], "entry": [0, 1]}, "tie rule"),
        ({"time": [1, 2], "event": [1, 0], "weight": [1, -1]}, "1 of 2 weights"),
        ({"time": [1, 2], "event": [1, 0], "weight": [0, 0]}, "every weight is zero"),
        ({"time": [1, 2], "event": [1, 0], "weight": [1]}, "`weight` has 1"),
        ({"time": [1, 2], "event": [1, 0], "conf_level": 1.0}, "conf_level"),
        ({"time": [1, 2], "event": [1, 0], "interval": "arcsin"}, "interval"),
    ],
)
def test_refuses_what_has_no_estimate(arguments: dict[str, object], says: str) -> None:
    # Exact: each rule of the door, one breach each; the message has the count and no value.
    with pytest.raises(EstimationRefused, match=says):
        kaplan_meier(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1])
def test_refuses_a_quantile_outside_the_open_interval(p: float) -> None:
    # Exact.
    with pytest.raises(EstimationRefused):
        kaplan_meier([1, 2], [1, 1]).quantile(p)
