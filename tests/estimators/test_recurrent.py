"""Mean cumulative counts by hand, their reductions, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, kaplan_meier
from tendon_outcomes.estimators.curves.recurrent import mean_cumulative_count

# A has flares on days 1 and 3 and is followed to day 4; B has one on day 2, the last day; C has none to day 4.
FLARES = {
    "subject": ["A", "A", "A", "B", "C"],
    "start": [0, 1, 3, 0, 0],
    "stop": [1, 3, 4, 2, 4],
    "event": [1, 1, 0, 1, 0],
}


def test_three_runners_by_hand() -> None:
    # Exact: 1/3 + 1/3 + 1/2; until day 2 nobody is lost: variance of the counts 1, 1, 0 divided by 3.
    fit = mean_cumulative_count(**FLARES)  # type: ignore[arg-type]
    np.testing.assert_allclose(fit.time, [1, 2, 3, 4])
    np.testing.assert_allclose(fit.estimate, [1 / 3, 2 / 3, 7 / 6, 7 / 6], rtol=1e-14)
    np.testing.assert_allclose(fit.std_error[:2] ** 2, [2 / 27, 2 / 27], rtol=1e-12)
    np.testing.assert_allclose(fit.n_at_risk, [3, 3, 2, 2])
    # Influences on day 3: A 2/9 - 1/9 + 1/4, B 2/9 - 1/9, C -1/9 - 1/9 - 1/4.
    squares = (1 / 9 + 1 / 4) ** 2 + (1 / 9) ** 2 + (2 / 9 + 1 / 4) ** 2
    assert fit.std_error[2] ** 2 == pytest.approx(squares, rel=1e-12)
    assert fit.survival.tolist() == [1, 1, 1, 1]


def test_a_terminal_event_by_hand() -> None:
    # Exact: B's flare is on the day of its terminal event; all counts are known then: mean and variance / 3 of 2, 1, 0.
    fit = mean_cumulative_count(**FLARES, terminal=[0, 0, 0, 1, 0])  # type: ignore[arg-type]
    np.testing.assert_allclose(fit.estimate, [1 / 3, 2 / 3, 1, 1], rtol=1e-14)
    assert fit.std_error[-1] ** 2 == pytest.approx(2 / 9, rel=1e-12)
    assert fit.survival[-1] == pytest.approx(2 / 3)
    assert np.isnan(fit.at(5).estimate)
    np.testing.assert_allclose(fit.at([0, 1, 2.5]).estimate, [0, 1 / 3, 2 / 3], rtol=1e-14)


def test_limits() -> None:
    # Exact: on the log scale; no event yet: -log(0.025) / 3 subjects; everybody the same count: exact Poisson limits of 2.
    fit = mean_cumulative_count([1, 2, 2, 3], [0, 0, 2, 0], [3, 2, 3, 3], [0, 0, 2, 0])
    assert (fit.conf_low[0], fit.conf_high[0]) == (0.0, pytest.approx(-np.log(0.025) / 3, rel=1e-12))
    reach = np.exp(1.959963984540054 * fit.std_error[1] / fit.estimate[1])
    assert fit.conf_high[1] == pytest.approx(fit.estimate[1] * reach, rel=1e-12)
    same = mean_cumulative_count([1, 2], [0, 0], [3, 3], [1, 1])
    assert (same.estimate[0], same.std_error[0]) == (1.0, 0.0)
    assert (same.conf_low[0], same.conf_high[0]) == (
        pytest.approx(0.2422093 / 2, rel=1e-6),
        pytest.approx(7.224688 / 2, rel=1e-6),
    )


def test_reduces_to_the_incidence_when_the_first_event_is_the_last() -> None:
    # Exact identity: events that end follow-up: one minus Kaplan-Meier, and Aalen-Johansen with other ends.
    time, cause = np.array([2, 3, 3, 5, 6, 7, 7, 9]), np.array([1, 2, 0, 1, 0, 2, 1, 0])
    subject, zero = np.arange(8), np.zeros(8)
    one, curve = mean_cumulative_count(subject, zero, time, cause > 0, terminal=cause > 0), kaplan_meier(time, cause > 0)
    np.testing.assert_allclose(one.estimate, 1 - curve.survival, rtol=0, atol=1e-13)
    np.testing.assert_allclose(one.std_error, curve.std_error, rtol=0, atol=1e-12)
    own, fit = mean_cumulative_count(subject, zero, time, cause == 1, terminal=cause > 0), aalen_johansen(time, cause)
    np.testing.assert_allclose(own.estimate, fit.incidence[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(own.std_error, fit.std_error[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"event": [1, 1, 0, 1]}, "`event` has 4 values for 5 rows"),
        ({"event": [1, 1, 0, 0.5, 0]}, "1 of 5 rows have an `event`"),
        ({"event": [1, -1, 0, 1, 0]}, "1 of 5 rows have an `event`"),
        ({"terminal": [1, 0, 0, 0, 0]}, "before the subject's last row"),
        ({"terminal": [0, 0, 0, 2, 0]}, "not 0 or 1"),
        ({"terminal": [0, 0]}, "`terminal` has 2 values for 5 rows"),
        ({"start": [0, 0, 3, 0, 0]}, "before the same subject's row before them has ended"),
        ({"stop": [1, 3, 4, 0, 4]}, "start at or after their stop"),
        ({"start": [0, 1, 3, -1, 0]}, "negative, missing"),
        ({"weight": [0, 0, 0, 0, 0]}, "every weight is zero"),
        ({"conf_level": 0.0}, "conf_level"),
    ],
)
def test_refuses(change: dict[str, object], says: str) -> None:
    # Exact: each refusal names its reason and the number of rows.
    with pytest.raises(EstimationRefused, match=says):
        mean_cumulative_count(**{**FLARES, **change})  # type: ignore[arg-type]
