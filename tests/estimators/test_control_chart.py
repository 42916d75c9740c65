"""p-charts and moving averages."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.control_chart import ewma, p_chart

SUCCESSES, TRIALS = [10, 12, 8, 10, 18, 2], [20, 20, 20, 20, 20, 10]


def test_three_sigma_limits_by_hand() -> None:
    # Exact: centre 40/80 = 0.5; sigma sqrt(.25 / 20) and sqrt(.25 / 10).
    found = p_chart(SUCCESSES, TRIALS, baseline=4, limits="three_sigma")
    reach = 3 * np.sqrt(0.25 / np.array(TRIALS))
    np.testing.assert_allclose(found.low, 0.5 - reach, atol=1e-14)
    np.testing.assert_allclose(found.high, np.minimum(0.5 + reach, 1.0), atol=1e-14)
    assert found.outside.tolist() == [False, False, False, False, True, False]


def test_lasting_width_of_laney_by_hand() -> None:
    # Exact: standardised shares 0, .8944, -.8944, 0; moving ranges .8944, 1.7889, .8944, mean 1.19257, over 1.128.
    found = p_chart(SUCCESSES, TRIALS, baseline=4, prime=True)
    assert found.dispersion == pytest.approx((4 * np.sqrt(0.8) / 3) / 1.128, abs=1e-12)


def test_exact_limits_leave_out_what_chance_hardly_reaches() -> None:
    # Exact: 20 trials at 1/2: Pr(X <= 3) = 0.00129 < 0.00135 <= Pr(X <= 4), so the lower limit lies between 3 and 4 of 20.
    found = p_chart(SUCCESSES, TRIALS, baseline=4)
    assert 3 / 20 < found.low[0] < 4 / 20
    np.testing.assert_allclose(found.low[0] + found.high[0], 1.0, atol=1e-9)


@pytest.mark.parametrize("chart", [p_chart, ewma])
def test_later_points_move_no_earlier_limit(chart: object) -> None:
    # Exact: the baseline alone fixes centre and limits.
    some, all_ = (chart(SUCCESSES[:k], TRIALS[:k], baseline=4) for k in (5, 6))  # type: ignore[operator]
    assert some.centre == all_.centre
    np.testing.assert_array_equal(some.low, all_.low[:5])
    np.testing.assert_array_equal(some.high, all_.high[:5])


def test_moving_average_by_hand() -> None:
    # Exact: z_1 = .2 * .5 + .8 * .5, z_2 = .2 * .6 + .8 * .5 = .52; variance .04 * .0125, then .04 * .0125 * 1.64.
    found = ewma(SUCCESSES, TRIALS, baseline=4, weight=0.2, width=3.0)
    np.testing.assert_allclose(found.value[:2], [0.5, 0.52], atol=1e-14)
    np.testing.assert_allclose(found.high[:2] - 0.5, 3 * np.sqrt([0.0005, 0.00082]), atol=1e-14)


def test_with_weight_1_the_average_is_the_chart() -> None:
    # Exact: nothing of the past is kept.
    one, other = (
        ewma(SUCCESSES, TRIALS, baseline=4, weight=1.0, width=3.0),
        p_chart(SUCCESSES, TRIALS, baseline=4, limits="three_sigma"),
    )
    np.testing.assert_allclose(one.value, other.value, atol=1e-14)
    np.testing.assert_allclose(one.high, other.high, atol=1e-14)


@pytest.mark.parametrize(
    ("successes", "trials", "baseline", "says"),
    [([1], [0], 1, "no trial"), ([1, 2], [3, 4], 3, "baseline of 3"), ([1], [2, 3], 1, "1 and 2 values")],
)
def test_points_that_cannot_be_charted_are_refused(successes: list[int], trials: list[int], baseline: int, says: str) -> None:
    with pytest.raises(EstimationRefused, match=says):
        p_chart(successes, trials, baseline=baseline)


@pytest.mark.parametrize(
    ("weight", "width", "shift", "published"),
    [
        (0.5, 3.071, 0.0, 500.0),
        (0.5, 3.071, 0.5, 88.8),
        (0.5, 3.071, 1.0, 17.5),
        (0.03, 2.437, 0.0, 500.0),
        (0.03, 2.437, 1.0, 12.6),
        (0.2, 2.962, 0.0, 500.0),
        (0.1, 2.814, 0.0, 500.0),
        (0.4, 3.054, 0.0, 500.0),
    ],
)
def test_widths_leave_the_published_number_of_points_between_signals(
    weight: float, width: float, shift: float, published: float
) -> None:
    # Published: Lucas & Saccucci (1990), table 3 (0.5 and 0.03, as the help of R's spc quotes it; the others from Montgomery
    # 2013, table 9.11), normal points, limits at their final width. 2.7, often seen with weight 0.2, would leave 238.
    reach = width * np.sqrt(weight / (2.0 - weight))
    cell = 2.0 * reach / 401
    middle = cell * np.arange(-200, 201)
    needed = (middle[None, :] - (1.0 - weight) * middle[:, None]) / weight - shift
    moves = ndtr(needed + cell / 2.0 / weight) - ndtr(needed - cell / 2.0 / weight)
    assert np.linalg.solve(np.eye(401) - moves, np.ones(401))[200] == pytest.approx(published, rel=4e-3)


def test_a_default_average_signals_about_once_in_five_hundred_points() -> None:
    # Simulation: 400 charts of 240 points of 400 trials; Pr(no signal in 240) is near exp(-240/500) = 0.62 (MC error 0.024).
    rng = np.random.default_rng(500)
    n, quiet = np.full(248, 400), 0
    for _ in range(400):
        x = np.concatenate((np.full(8, 200), rng.binomial(400, 0.5, 240)))
        quiet += not ewma(x, n, baseline=8).outside.any()
    assert quiet / 400 == pytest.approx(0.62, abs=0.08)


def test_a_baseline_of_successes_only_has_no_width() -> None:
    # Exact: by definition of the limits.
    found = p_chart([5, 4, 3], [5, 4, 4], baseline=2)
    assert found.low.tolist() == found.high.tolist() == [1.0, 1.0, 1.0]
    assert found.outside.tolist() == [False, False, True]
