"""Left-truncated interval data: by hand, against dated data, and against the optimality conditions from their definition."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import aalen_johansen, interval_censored_incidence, kaplan_meier, turnbull

INF = np.inf


def delayed(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days 1-12, causes 0-3, half of the rows entering late; two are followed throughout, so that the curve does not run out."""
    rng = np.random.default_rng(seed)
    time, cause = rng.integers(1, 13, n), rng.choice(4, size=n, p=[0.3, 0.4, 0.2, 0.1])
    entry = np.where(rng.random(n) < 0.5, 0, np.floor(0.99 * time * rng.random(n))).astype(int)
    time[:2], cause[:2], entry[:2] = 12, 0, 0
    return time, cause, entry


def test_late_entry_by_hand() -> None:
    # Exact: row 1 (0, 7], row 2 free at 14, row 3 enters on day 7 with its event in (7, 14]. With a + b + c = 1 on (0, 7],
    # (7, 14] and beyond 14 the likelihood is a * c * b / (b + c): a = 1/2 by itself, then b = c. So F(7) = 1/2, F(14) = 3/4.
    fit = turnbull([0, 14, 7], [7, INF, 14], entry=[0, 0, 7])
    np.testing.assert_allclose(fit.lower(1, [7, 14]).estimate, [1 / 2, 3 / 4], rtol=0, atol=1e-12)
    assert fit.log_likelihood == pytest.approx(np.log(1 / 2 * 1 / 4 * 1 / 2), abs=1e-12)
    # In conditional probabilities it is q (1 - q) r (1 - r), each binomial of 2: var q = var r = 1/8, F = 1 - (1 - q)(1 - r).
    np.testing.assert_allclose(fit.lower(1, [7, 14]).std_error ** 2, [1 / 8, 1 / 4 * 1 / 8 * 2], rtol=0, atol=1e-12)


def test_an_entry_is_an_end_of_a_cell() -> None:
    # Exact: one row (0, 10], one censored at 20, one entering at 5 with (5, 10]. Mass in (0, 5] is not in what row 3 is given,
    # and its best share is found by hand: with x on (0, 5], y on (5, 10], z beyond: (x + y) z y / (y + z), x + y + z = 1.
    fit = turnbull([0, 20, 5], [10, INF, 10], entry=[0, 0, 5])
    assert fit.support_right.tolist() == [5, 10, INF]
    x, y, z = fit.mass
    assert (x + y) * z * y / (y + z) == pytest.approx(np.exp(fit.log_likelihood), abs=1e-12)
    grid = np.linspace(0, 1, 201)
    a, b = np.meshgrid(grid, grid)
    rest = np.maximum(1 - a - b, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.nan_to_num((a + b) * rest * b / (b + rest))
    assert value.max() <= np.exp(fit.log_likelihood) + 1e-12
    assert value.max() == pytest.approx(np.exp(fit.log_likelihood), abs=1e-4)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weights", ["none", "copies", "sampling"])
def test_dated_data_give_aalen_johansen_with_late_entry(seed: int, weights: str) -> None:
    # Exact identity: estimates, and the sandwich is the infinitesimal jackknife.
    time, cause, entry = delayed(seed, 60)
    rng = np.random.default_rng(seed)
    weight = {"none": None, "copies": rng.integers(1, 4, 60), "sampling": np.round(rng.random(60) + 0.1, 2)}[weights]
    curves = aalen_johansen(time, cause, entry=entry, weight=weight, n_causes=3, robust=True)
    left, right = np.where(cause == 0, time, time - 1), np.where(cause == 0, INF, time)
    fit = interval_censored_incidence(left, right, cause, entry=entry, weight=weight, robust=True)
    for k in (1, 2, 3):
        theirs, ours = curves.at(k, curves.time), fit.lower(k, curves.time)
        np.testing.assert_allclose(ours.estimate, theirs.estimate, rtol=0, atol=1e-10)
        np.testing.assert_allclose(ours.std_error, theirs.std_error, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_dated_data_of_one_cause_give_greenwood_with_late_entry(seed: int) -> None:
    # Exact identity: the observed information is Greenwood's variance.
    time, cause, entry = delayed(seed, 40)
    event = cause == 1
    curve = kaplan_meier(time, event, entry=entry)
    fit = turnbull(np.where(event, time - 1, time), np.where(event, time, INF), entry=entry)
    np.testing.assert_allclose(1 - fit.lower(1, curve.time).estimate, curve.survival, rtol=0, atol=1e-10)
    np.testing.assert_allclose(fit.lower(1, curve.time).std_error, curve.std_error, rtol=0, atol=1e-10)


def test_entry_at_zero_is_no_entry_and_a_common_entry_moves_the_start() -> None:
    # Exact: nobody is given anything; then all are given the same.
    left, right = [0, 7, 14, 7, 21], [7, 14, 28, 28, INF]
    plain = turnbull(left, right)
    np.testing.assert_array_equal(turnbull(left, right, entry=np.zeros(5)).mass, plain.mass)
    later = turnbull([7, 14, 7, 21], [14, 28, 28, INF], entry=[5, 5, 5, 5])
    np.testing.assert_allclose(later.mass, turnbull([7, 14, 7, 21], [14, 28, 28, INF]).mass, rtol=0, atol=1e-12)


def test_left_is_at_least_entry() -> None:
    # Exact: who enters on day 7 is free on day 7, so (0, 14] says (7, 14].
    one, two = (turnbull([0, left, 21, 0], [7, 14, INF, 14], entry=[0, 7, 0, 0]) for left in (0, 7))
    np.testing.assert_array_equal(one.mass, two.mass)


def test_cluster_robust_variance_with_entry_is_the_jackknife() -> None:
    # Exact to the error of a numerical derivative: sum over clusters of (sum_i w_i dF/dw_i)^2 by refitting with one weight moved.
    rng = np.random.default_rng(3)
    n, entry = 24, np.repeat([0.0, 0.0, 7.0], 8)
    left = entry + 7.0 * rng.integers(0, 3, n)
    right = np.where(rng.random(n) < 0.3, INF, left + 7.0 * rng.integers(1, 3, n))
    cluster, weight = rng.integers(0, 15, n), np.round(0.3 + rng.random(n), 2)
    cause = np.isfinite(right).astype(int)
    fit = interval_censored_incidence(left, right, cause, entry=entry, weight=weight, cluster=cluster)
    slopes = np.zeros((n, 2))
    for i in range(n):
        moved = [weight.copy(), weight.copy()]
        moved[0][i] += 1e-5
        moved[1][i] -= 1e-5
        up, down = (
            interval_censored_incidence(left, right, cause, entry=entry, weight=w).lower(1, [14, 21]).estimate for w in moved
        )
        slopes[i] = weight[i] * (up - down) / 2e-5
    np.testing.assert_allclose(fit.influence_at(1, [14, 21]), slopes, rtol=0, atol=1e-6)
    sums = np.stack([np.bincount(cluster, weights=column) for column in slopes.T])
    np.testing.assert_allclose(fit.lower(1, [14, 21]).std_error, np.sqrt((sums**2).sum(axis=1)), rtol=1e-5)


def test_limits_beside_zero_count_those_followed_from_the_start() -> None:
    # Exact: on day 7 nobody has had it for certain; of the rows there from day 0 two are free and none may have had it.
    fit = turnbull([7, 14, 10], [14, INF, 14], entry=[0, 0, 5])
    assert fit.lower(1, 7).conf_high == pytest.approx(1 - 0.025 ** (1 / 2), abs=1e-12)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ([0, 0], "`entry` has 2 values for 3 rows"),
        ([0, -1, 0], "1 of 3 rows have a negative or missing `entry`"),
        ([0, np.nan, 0], "1 of 3 rows have a negative or missing `entry`"),
        ([7, 0, 0], "1 of 3 rows enter at or after the end"),
        ([7 - 1e-10, 0, 0], "tie rule"),
    ],
)
def test_refuses_entries_without_a_meaning(entry: list[float], says: str) -> None:
    # Exact: each rule of the door.
    with pytest.raises(EstimationRefused, match=says):
        turnbull([0, 7, 14], [7, 14, INF], entry=entry)


def test_refuses_a_curve_that_runs_out_before_somebody_enters() -> None:
    # Exact: the only row there at first has its event in (0, 5]; what follows it is then given an event of probability 0.
    with pytest.raises(EstimationRefused, match="reaches 1 before rows of total weight 2 enter"):
        turnbull([0, 6, 9], [5, 9, INF], entry=[0, 6, 6])
