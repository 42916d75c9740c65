"""Numbers of lifelines and statsmodels that are known to be wrong, each beside the right one and ours.

Each test first shows that the peer's number is wrong, so that a repaired release is noticed, then that ours is right.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tendon_outcomes.estimators import aalen_johansen, kaplan_meier, restricted_mean, turnbull
from tests.reference.compare_peer_defects import options, sample
from tests.reference.comparison import frozen

lifelines: Any = pytest.importorskip("lifelines")

FREIREICH = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35], dtype=float)
REMISSION_ENDED = np.arange(21) < 9
TIED_DAY, TIED_CAUSE = np.array([1, 1, 2, 2, 3, 3, 4, 4]), np.array([1, 2, 1, 0, 2, 1, 0, 1])


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _cox(name: str) -> Any:
    from tendon_outcomes.estimators.regression.cox.fit import cox

    data = sample()
    chosen = options(name, data)
    return cox(data["day"], data["event"], np.column_stack([data[one] for one in chosen["names"]]), **chosen)


def _frame() -> Any:
    import pandas as pd

    data = sample()
    return pd.DataFrame({key: np.asarray(values, dtype=float) for key, values in data.items()})


def _r(name: str, what: str) -> np.ndarray:
    return np.array(frozen("peer_defects")["numbers"][name][what], dtype=float)


def test_aalen_johansen_of_lifelines_moves_tied_days_at_random() -> None:
    # Exact: by hand, in fractions of 32: 4, 8, 13, 18. Two seeds of the peer give two answers, both wrong.
    right = np.array([4, 8, 13, 18]) / 32
    peers = []
    for seed in (0, 1):
        fit = lifelines.AalenJohansenFitter(seed=seed, calculate_variance=False).fit(TIED_DAY, TIED_CAUSE, event_of_interest=1)
        peers.append(float(fit.cumulative_density_.iloc[-1, 0]))
    assert peers[0] != peers[1]
    assert max(abs(one - right[-1]) for one in peers) > 0.1
    np.testing.assert_allclose(aalen_johansen(TIED_DAY, TIED_CAUSE).incidence[0], right, rtol=0, atol=1e-12)


def test_aalen_johansen_of_lifelines_reseeds_the_random_numbers_of_its_caller() -> None:
    # Exact: the state of numpy's global generator before and after.
    def state() -> bytes:
        return bytes(np.random.get_state()[1].tobytes())  # type: ignore[index]

    np.random.seed(5)
    before = state()
    aalen_johansen(TIED_DAY, TIED_CAUSE)
    assert state() == before
    lifelines.AalenJohansenFitter(seed=0).fit(TIED_DAY, TIED_CAUSE, event_of_interest=1)
    assert state() != before


def test_variance_of_the_restricted_mean_of_lifelines_is_of_one_patient_not_of_the_mean() -> None:
    # Exact: without censoring the mean of min(T, 20) has the population variance over n; the peer leaves out the n.
    from lifelines.utils import restricted_mean_survival_time

    capped = np.minimum(FREIREICH, 20.0)
    peer = lifelines.KaplanMeierFitter().fit(FREIREICH, np.ones(21))
    mean, variance = restricted_mean_survival_time(peer, t=20.0, return_variance=True)
    assert mean == pytest.approx(capped.mean(), abs=1e-12)
    assert variance == pytest.approx(capped.var(), rel=1e-3)  # its quadrature over a step function is good to three digits
    ours = restricted_mean(kaplan_meier(FREIREICH, np.ones(21, dtype=bool)), horizon=20.0)
    assert ours.std_error == pytest.approx(math.sqrt(capped.var() / 21), abs=1e-12)
    assert math.sqrt(variance) > 4 * ours.std_error


def test_interval_estimate_of_lifelines_takes_visits_as_closed() -> None:
    # Exact: (0, 14] and (14, 28] share no day, so half recovers in each. Closed at both ends they share day 14, and the
    # peer puts everything there: between the visits nobody is left, or nobody has recovered, never half.
    left, right = [0.0, 14.0], [14.0, 28.0]
    peer = lifelines.KaplanMeierFitter().fit_interval_censoring(left, right)
    assert set(np.round(peer.survival_function_.to_numpy().ravel(), 6)) == {0.0, 1.0}
    bounds = turnbull(left, right).bounds(1, [14, 28])
    np.testing.assert_allclose(bounds, [[0.5, 1.0], [0.5, 1.0]], rtol=0, atol=1e-8)


def test_limits_of_a_weighted_curve_of_lifelines_take_weights_as_patients() -> None:
    # Reference: R survfit(weights, robust = TRUE), frozen. The peer's limits are too close: weights sum to more than rows.
    theirs = frozen("survival_curves")["numbers"]["weighted/log-log"]
    data = sample()
    peer = lifelines.KaplanMeierFitter().fit(data["day"], data["event"], weights=data["weight"]).confidence_interval_
    curve = kaplan_meier(data["day"], data["event"], weight=data["weight"], interval="log-log")
    for day in (5, 10, 20):
        place = theirs["time"].index(day)
        low, high = theirs["conf_low"][place], theirs["conf_high"][place]
        width = float(peer.loc[day].iloc[1] - peer.loc[day].iloc[0])
        assert width < 0.8 * (high - low)
        ours = curve.at([day])
        assert (ours.conf_low[0], ours.conf_high[0]) == (pytest.approx(low, abs=1e-10), pytest.approx(high, abs=1e-10))


def test_time_varying_cox_of_lifelines_reports_the_naive_error_for_weighted_rows() -> None:
    # Reference: R coxph(Surv(entry, day, event) ~ copies, weights, cluster), frozen.
    name = "efron entry weighted clustered"
    rows = _frame()[["entry", "day", "event", "copies", "weight", "group"]]
    peer = lifelines.CoxTimeVaryingFitter().fit(
        rows, id_col="group", event_col="event", start_col="entry", stop_col="day", weights_col="weight"
    )
    error = peer.standard_errors_.to_numpy()
    np.testing.assert_allclose(error, _r(name, "naive_std_error"), rtol=1e-6)
    assert error < 0.75 * _r(name, "std_error")
    np.testing.assert_allclose(_cox(name).coefficients.std_error, _r(name, "std_error"), rtol=0, atol=1e-7)


def test_cox_of_lifelines_stops_before_the_optimum() -> None:
    # Reference: R coxph with eps = 1e-14, frozen.
    rows = _frame()[["day", "event", "copies", "late"]]
    peer = lifelines.CoxPHFitter().fit(rows, "day", "event").params_.to_numpy()
    assert np.abs(peer - _r("efron plain", "estimate")).max() > 1e-8
    ours = _cox("efron plain").coefficients.estimate
    np.testing.assert_allclose(ours, _r("efron plain", "estimate"), rtol=0, atol=1e-10)


def _robust_of_lifelines() -> np.ndarray:
    rows = _frame()[["day", "event", "copies", "late", "group"]]
    error: np.ndarray = lifelines.CoxPHFitter().fit(rows, "day", "event", cluster_col="group").standard_errors_.to_numpy()
    return error


def _robust_of_statsmodels() -> np.ndarray:
    phreg = pytest.importorskip("statsmodels.duration.hazard_regression").PHReg
    data = sample()
    model = phreg(data["day"], np.column_stack([data["copies"], data["late"]]), status=data["event"], ties="efron")
    return np.asarray(model.fit(groups=data["group"]).bse)


@pytest.mark.parametrize("peer", [_robust_of_lifelines, _robust_of_statsmodels])
def test_robust_errors_under_ties_are_those_of_the_jackknife(peer: Callable[[], np.ndarray]) -> None:
    # Exact: the definition. A group's influence is the derivative of the Efron estimate with respect to the group's weight, here
    # by central differences of the slow estimate below; R has it to 1e-6, the peer misses it by more than 1 %.
    right = _infinitesimal_jackknife()
    np.testing.assert_allclose(_r("efron clustered", "std_error"), right, rtol=1e-6)
    assert (np.abs(peer() / right - 1) > 0.01).any()
    ours = _cox("efron clustered").coefficients
    np.testing.assert_allclose(ours.std_error, right, rtol=1e-6)
    np.testing.assert_allclose(ours.std_error, _r("efron clustered", "std_error"), rtol=0, atol=1e-7)


def _infinitesimal_jackknife(step: float = 1e-4) -> np.ndarray:
    data = sample()
    x = np.column_stack([data["copies"], data["late"]])

    def estimate(group: int, change: float) -> np.ndarray:
        return _slow_efron(data["day"], data["event"], x, 1.0 + change * (data["group"] == group))

    slopes = [(estimate(group, step) - estimate(group, -step)) / (2 * step) for group in range(40)]
    return np.asarray(np.sqrt(np.sum(np.square(slopes), axis=0)))


def _slow_efron(time: np.ndarray, event: np.ndarray, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Newton's method on Efron's likelihood with weights, day by day and event by event (Therneau & Grambsch 2000, §3.3)."""
    beta = np.zeros(x.shape[1])
    for _ in range(12):
        risk = weight * np.exp(x @ beta)
        slope, curvature = np.zeros(beta.size), np.zeros((beta.size, beta.size))
        for day in np.unique(time[event]):
            at_risk, died = time >= day, event & (time == day)
            slope += weight[died] @ x[died]
            for k in range(int(died.sum())):
                share = risk * (at_risk - died * k / died.sum())
                mean = share @ x / share.sum()
                slope -= weight[died].mean() * mean
                curvature += weight[died].mean() * ((x.T * share) @ x / share.sum() - np.outer(mean, mean))
        beta = beta + np.linalg.solve(curvature, slope)
    return np.asarray(beta)
