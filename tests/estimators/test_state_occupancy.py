"""State occupancy by hand, its reductions, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, clopper_pearson, kaplan_meier
from tendon_outcomes.estimators.curves.state_occupancy import state_occupancy

# Symptomatic (0), pain-free (1), discharged (2). A: pain-free on day 1, relapse on day 2, still symptomatic on day 3.
# B: discharged on day 2. C: pain-free on day 3.
THREE = {
    "subject": ["A", "A", "A", "B", "C"],
    "start": [0, 1, 2, 0, 0],
    "stop": [1, 2, 3, 2, 3],
    "from_state": [0, 1, 0, 0, 0],
    "to_state": [1, 0, 0, 2, 1],
}


def test_three_runners_with_a_relapse_by_hand() -> None:
    # Exact: nobody is lost before the end, so the probabilities are shares of three and their variances binomial, and the
    # mean time symptomatic is that of 2, 2 and 3 days.
    fit = state_occupancy(**THREE, n_states=3)  # type: ignore[arg-type]
    expected = np.array([[2, 1, 0], [2, 0, 1], [1, 1, 1]]) / 3
    np.testing.assert_allclose(fit.probability.T, expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(fit.std_error.T[:2] ** 2, (expected * (1 - expected) / 3)[:2], rtol=0, atol=1e-15)
    np.testing.assert_allclose(fit.n_at_risk, [[3, 2, 2], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(fit.n_transitions, [[0, 2, 1], [1, 0, 0], [0, 0, 0]])
    assert fit.absorbing.tolist() == [False, False, True]
    symptomatic = fit.restricted_mean(0, horizon=3)
    assert symptomatic.estimate == pytest.approx(7 / 3, rel=1e-14)
    assert symptomatic.std_error**2 == pytest.approx(2 / 27, rel=1e-12)


def test_steps_and_the_ends() -> None:
    # Exact: from the origin the initial shares; NaN where nobody was followed; limits exact where a probability is 0 or 1.
    fit = state_occupancy(**THREE, n_states=3)  # type: ignore[arg-type]
    at = fit.at(0, [0, 0.5, 1, 2.5, 3, 4, -1])
    np.testing.assert_allclose(at.estimate, [1, 1, 2 / 3, 2 / 3, 1 / 3, np.nan, np.nan], atol=1e-15)
    assert fit.at(0, 0).conf_low == pytest.approx(clopper_pearson(3, 3).conf_low, abs=1e-12)
    assert fit.at(2, 1).conf_high == pytest.approx(clopper_pearson(0, 3).conf_high, abs=1e-12)
    with pytest.raises(EstimationRefused, match="beyond the last follow-up"):
        fit.restricted_mean(0, horizon=4)
    with pytest.raises(EstimationRefused, match="state 3"):
        fit.at(3, 1)


def test_all_absorbed_may_be_read_beyond_the_last_day() -> None:
    # Exact: everybody is out by day 2, for good.
    fit = state_occupancy([1, 2], [0, 0], [1, 2], [0, 0], [1, 1], n_states=2)
    assert fit.at(1, 100).estimate == pytest.approx(1.0)
    assert fit.restricted_mean(0, horizon=10).estimate == pytest.approx(1.5)


def test_known_initial_probabilities() -> None:
    # Exact: half of each; on day 1 one of two leaves state 0.
    fit = state_occupancy([1, 2, 3], [0, 0, 0], [1, 2, 2], [0, 0, 1], [1, 0, 1], n_states=2, initial=[0.5, 0.5])
    np.testing.assert_allclose(fit.probability[:, 0], [0.25, 0.75])
    np.testing.assert_allclose(fit.at(0, 0), [0.5, 0.0, 0.5, 0.5])


def test_reduces_to_the_one_move_estimators() -> None:
    # Exact identity: one way out is Kaplan-Meier, several are Aalen-Johansen, standard errors and means included.
    time, cause = np.array([2, 3, 3, 5, 6, 7, 7, 9]), np.array([1, 2, 0, 1, 0, 2, 1, 0])
    subject, zero = np.arange(8), np.zeros(8)
    two = state_occupancy(subject, zero, time, zero, cause > 0, n_states=2)
    curve = kaplan_meier(time, cause > 0)
    np.testing.assert_allclose(two.probability[0], curve.survival, rtol=0, atol=1e-13)
    np.testing.assert_allclose(two.std_error[0], curve.std_error, rtol=0, atol=1e-13)
    several, fit = state_occupancy(subject, zero, time, zero, cause, n_states=3), aalen_johansen(time, cause)
    np.testing.assert_allclose(several.probability[1:], fit.incidence, rtol=0, atol=1e-13)
    np.testing.assert_allclose(several.std_error[1:], fit.std_error, rtol=0, atol=1e-13)
    np.testing.assert_allclose(several.conf_high[1:, 1:], fit.conf_high[:, 1:], rtol=0, atol=1e-12)


def test_copies_of_subjects() -> None:
    # Exact: whole-number weights are copies of the subject with all its rows.
    times = np.array([2, 1, 3])
    per_row = np.array([2, 2, 2, 1, 3])
    weighted = state_occupancy(**THREE, n_states=3, weight=per_row)  # type: ignore[arg-type]
    people = ["A"] * 3 + ["B", "C"]
    rows = [k for k in range(5) for _ in range(per_row[k])]
    copy = [c for k in range(5) for c in range(per_row[k])]
    columns = {key: [THREE[key][k] for k in rows] for key in THREE if key != "subject"}  # type: ignore[index]
    names = [f"{people[k]}{c}" for k, c in zip(rows, copy, strict=True)]
    repeated = state_occupancy(subject=names, **columns, n_states=3)
    np.testing.assert_allclose(weighted.probability, repeated.probability, rtol=0, atol=1e-13)
    np.testing.assert_allclose(weighted.std_error, repeated.std_error, rtol=0, atol=1e-13)
    np.testing.assert_allclose(weighted.conf_high, repeated.conf_high, rtol=0, atol=1e-12)
    assert times.sum() == weighted.n_at_risk[0, 0]
    assert not weighted.robust
    assert state_occupancy(**THREE, n_states=3, cluster=people).robust  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"stop": [1, 2, 3, 2]}, "`start` has 5 values for 4 rows"),
        ({"stop": [1, 2, np.nan, 2, 3]}, "1 of 5 rows have a negative, missing"),
        ({"start": [0, 1, 3, 0, 0]}, "start at or after their stop"),
        ({"start": [0, 0.5, 2, 0, 0]}, "before the same subject's row before them has ended"),
        ({"from_state": [0, 0, 0, 0, 0]}, "start in another state"),
        ({"start": [0, 1, 2.5, 0, 0], "from_state": [0, 1, 1, 0, 0]}, "after a gap"),
        ({"to_state": [1, 0, 0, 2, 3]}, "not one of 0 to 2"),
        ({"to_state": [1, 0, 0, 2]}, "`to_state` has 4 values for 5 rows"),
        ({"subject": ["A"]}, "`subject` has 1 values for 5 rows"),
        ({"initial": [0.5, 0.5]}, "2 values for 3 states"),
        ({"initial": [0.5, 0.5, 0.5]}, "add up to 1"),
        ({"n_states": 1}, "at least 2"),
        ({"weight": [1, 1, 1, -1, 1]}, "1 of 5 weights"),
        ({"cluster": [1, 2, 1, 1, 2]}, "another cluster"),
        ({"conf_level": 1.0}, "conf_level"),
    ],
)
def test_refuses(change: dict[str, object], says: str) -> None:
    # Exact: each refusal names its reason and the number of rows.
    with pytest.raises(EstimationRefused, match=says):
        state_occupancy(**{**THREE, "n_states": 3, **change})  # type: ignore[arg-type]


def test_no_rows() -> None:
    # Exact.
    with pytest.raises(EstimationRefused, match="no rows"):
        state_occupancy([], [], [], [], [], n_states=2)
