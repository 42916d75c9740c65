"""Aalen-Johansen by hand and against its own definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, clopper_pearson, kaplan_meier
from tests.estimators import slow


def test_six_runners_two_causes_by_hand() -> None:
    # Exact: after the first censoring five remain and nobody is lost until day 6: steps of 1/5, binomial variances.
    fit = aalen_johansen([1, 2, 3, 4, 5, 6], [0, 1, 1, 2, 2, 0])
    np.testing.assert_allclose(fit.incidence[0], [0, 0.2, 0.4, 0.4, 0.4, 0.4], rtol=0, atol=1e-12)
    np.testing.assert_allclose(fit.incidence[1], [0, 0, 0, 0.2, 0.4, 0.4], rtol=0, atol=1e-12)
    np.testing.assert_allclose(fit.survival, [1, 0.8, 0.6, 0.4, 0.2, 0.2], rtol=0, atol=1e-12)
    binomial = np.sqrt(fit.incidence * (1 - fit.incidence) / 5)
    np.testing.assert_allclose(fit.std_error, binomial, rtol=0, atol=1e-12)


def test_tied_causes_share_a_risk_set() -> None:
    # Exact: on day 2 one event of each cause among 4 at risk: 1/4 each, whatever the row order; then 1 of 1 takes what is left.
    fit = aalen_johansen([2, 2, 2, 3], [1, 2, 0, 2])
    np.testing.assert_allclose(fit.incidence, [[0.25, 0.25], [0.25, 0.75]], rtol=0, atol=1e-12)


def test_published_fixture_of_120_rows() -> None:
    # Reference: R survival and lifelines, quoted in the project's statistics notes to the digits given there.
    rng = np.random.default_rng(7)
    time, cause = rng.integers(1, 13, 120), rng.choice([0, 1, 2], size=120, p=[0.3, 0.5, 0.2])
    estimate, std_error, low, high = aalen_johansen(time, cause).at(1, [8, 12])
    np.testing.assert_allclose(estimate, [0.404348, 0.648124], atol=5e-7)
    assert std_error[0] == pytest.approx(0.0470, abs=5e-5)
    assert (low[0], high[0]) == (pytest.approx(0.312, abs=5e-4), pytest.approx(0.495, abs=5e-4))


def test_delayed_entry_and_weights_against_the_definition_in_fractions() -> None:
    # Exact: the sum over days in fractions, and the infinitesimal jackknife by rational differences.
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
    arrays = {"time": [float(r[1]) for r in rows], "cause": [r[2] for r in rows], "entry": [float(r[0]) for r in rows]}
    for used, fit in (
        ([Fraction(1)] * 7, aalen_johansen(**arrays)),
        (weights, aalen_johansen(**arrays, weight=[float(w) for w in weights])),
    ):
        for i, day in enumerate(sorted({r[1] for r in rows})):
            for k in (1, 2):
                exact = slow.incidence(rows, used, k, day)
                variance = slow.jackknife(lambda w, k=k, day=day: slow.incidence(rows, w, k, day), used)
                assert fit.incidence[k - 1, i] == pytest.approx(float(exact), abs=1e-12)
                assert fit.std_error[k - 1, i] ** 2 == pytest.approx(float(variance), abs=1e-12)


def test_copies_and_robust() -> None:
    # Exact: whole-number weights are copies of the row.
    time, cause, copies = [1, 2, 3, 3, 4, 6], [0, 1, 1, 2, 2, 0], [1, 2, 1, 3, 1, 2]
    counted = aalen_johansen(time, cause, weight=copies)
    repeated = aalen_johansen(np.repeat(time, copies), np.repeat(cause, copies))
    np.testing.assert_allclose(counted.incidence, repeated.incidence, rtol=0, atol=1e-12)
    np.testing.assert_allclose(counted.std_error, repeated.std_error, rtol=0, atol=1e-12)
    assert aalen_johansen(time, cause, weight=copies, robust=True).robust


def test_limits_at_zero_and_one() -> None:
    # Exact: 0 of 4 by day 1; a certain incidence keeps the lower limit of the day before; none is missing.
    fit = aalen_johansen([1, 2, 3, 4], [2, 1, 1, 1])
    assert fit.conf_low[0, 0] == 0.0
    assert fit.conf_high[0, 0] == pytest.approx(clopper_pearson(0, 4).conf_high, abs=1e-12)
    every = aalen_johansen([1, 2, 3], [1, 1, 1])
    assert every.incidence[0, -1] == pytest.approx(1.0, abs=1e-12)
    assert (every.conf_low[0, -1], every.conf_high[0, -1]) == (every.conf_low[0, -2], 1.0)
    at_once = aalen_johansen([2, 2, 2], [1, 1, 1])
    assert at_once.conf_low[0, 0] == pytest.approx(clopper_pearson(3, 3).conf_low, abs=1e-12)


def test_one_cause_is_the_complement_of_kaplan_meier() -> None:
    # Exact identity, standard errors included (no delayed entry: jackknife = Greenwood).
    time, event = [2, 3, 3, 5, 6, 7], [1, 1, 0, 1, 0, 1]
    fit, curve = aalen_johansen(time, event), kaplan_meier(time, event)
    np.testing.assert_allclose(fit.incidence[0], 1 - curve.survival, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fit.std_error[0], curve.std_error, rtol=0, atol=1e-12)


def test_steps_and_absent_causes() -> None:
    # Exact: 0 before the first day, NaN after the last, a row of zeros for a declared cause that nobody had.
    fit = aalen_johansen([1, 2, 9], [1, 0, 0], n_causes=3)
    assert fit.causes.tolist() == [1, 2, 3]
    assert fit.incidence[1:].tolist() == [[0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(fit.at(1, [0, 1, 5]).estimate, [0, 1 / 3, 1 / 3], atol=1e-12)
    assert np.isnan(fit.at(1, 10).estimate)
    with pytest.raises(EstimationRefused, match="cause 4"):
        fit.at(4, 1)


def test_agrees_with_lifelines_and_statsmodels() -> None:
    # Reference, second opinion, on distinct days (lifelines moves ties at random): lifelines and statsmodels estimates.
    lifelines = pytest.importorskip("lifelines")
    survfunc = pytest.importorskip("statsmodels.duration.survfunc")
    day = np.array([(37 * i) % 101 + 1 for i in range(60)])
    cause = np.array([(i * i) % 3 for i in range(60)])
    fit = aalen_johansen(day, cause)
    other = lifelines.AalenJohansenFitter().fit(day, cause, event_of_interest=1)
    np.testing.assert_allclose(fit.incidence[0], other.cumulative_density_.iloc[1:, 0], rtol=0, atol=1e-12)
    third = survfunc.CumIncidenceRight(day, cause)
    np.testing.assert_allclose(fit.at(1, third.times).estimate, third.cinc[0], rtol=0, atol=1e-12)


def test_refuses_what_has_no_estimate() -> None:
    # Exact: the same door as Kaplan-Meier, plus causes above those declared.
    with pytest.raises(EstimationRefused, match="no rows"):
        aalen_johansen([], [])
    with pytest.raises(EstimationRefused, match="outside 0 to 2"):
        aalen_johansen([1, 2], [3, 0], n_causes=2)
    with pytest.raises(EstimationRefused, match="1 of 2 event codes"):
        aalen_johansen([1, 2], [-1, 0])


def test_quantiles_of_one_cause() -> None:
    # Exact: with one cause they are Kaplan-Meier's; of two causes the first has 2 of 6 by day 3.
    time, event = [2, 3, 5, 8, 9, 12], [1, 1, 0, 1, 1, 0]
    one, curve = aalen_johansen(time, event), kaplan_meier(time, event, interval="log-log")
    for p in (0.2, 0.5):
        assert one.quantile(1, p).estimate == curve.quantile(p).estimate
        assert one.quantile(1, p).conf_low <= one.quantile(1, p).estimate <= one.quantile(1, p).conf_high
    two = aalen_johansen([1, 3, 3, 4, 6, 6], [1, 1, 2, 2, 1, 0])
    assert two.quantile(1, 1 / 3).estimate == (3 + 6) / 2  # flat at exactly a third from day 3 to day 6
    assert two.quantile(2, 0.4).estimate == np.inf
    with pytest.raises(EstimationRefused, match="strictly between"):
        two.quantile(1, 1.0)
    with pytest.raises(EstimationRefused, match="cause 3"):
        two.quantile(3, 0.5)
