"""Run lengths of cumulative sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.run_length import (
    bernoulli_run_length,
    limit_for_run_length,
    markov_run_length,
    simulated_run_length,
    staggered_looks,
)

SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)


@pytest.mark.parametrize(
    ("limit", "published"),
    [
        (4.0, [168.0, 74.2, 26.6, 13.3, 8.38, 4.75, 3.34, 2.62, 2.19, 1.71]),
        (5.0, [465.0, 139.0, 38.0, 17.0, 10.4, 5.75, 4.01, 3.11, 2.57, 2.01]),
    ],
)
def test_two_sided_normal_sums_have_the_published_run_lengths(limit: float, published: list[float]) -> None:
    # Published: Lucas & Crosier (1982) Technometrics 24:199, table 1 (limit 4, as the help of R's spc quotes it); Montgomery
    # (2013), table 9.3 (both); k = 1/2, three digits; 1/ARL = 1/ARL+ + 1/ARL-.
    for shift, expected in zip(SHIFTS, published, strict=True):
        up, down = (markov_run_length(lambda w, s=s: ndtr(w - s + 0.5), limit=limit) for s in (shift, -shift))  # type: ignore[misc]
        assert 1.0 / (1.0 / up + 1.0 / down) == pytest.approx(expected, rel=6e-3)


def test_simulated_normal_sums_agree_with_the_chain() -> None:
    # Exact: 335.4 steps in control at limit 4 (Markov chain); simulation of 1,500 series, five Monte-Carlo errors.
    steps = np.random.default_rng(4).normal(-0.5, 1.0, (1_500, 2_500))
    found = simulated_run_length(steps, limit=4.0)
    assert abs(found.mean - markov_run_length(lambda w: ndtr(w + 0.5), limit=4.0)) < 5 * found.std_error
    assert limit_for_run_length(steps, design=335.4).limit == pytest.approx(4.0, abs=0.1)


def test_bernoulli_sums_agree_with_simulation() -> None:
    # Simulation: chance .5, OR 2, limit 2.5; 3,000 series, five Monte-Carlo errors.
    rng = np.random.default_rng(6)
    weight = np.where(rng.random((3_000, 1_500)) < 0.5, np.log(2 / 1.5), -np.log(1.5))
    found = simulated_run_length(weight, limit=2.5)
    assert abs(found.mean - bernoulli_run_length(0.5, 0.5, odds_ratio=2.0, limit=2.5)) < 5 * found.std_error
    assert bernoulli_run_length(2 / 3, 0.5, odds_ratio=2.0, limit=2.5) < 0.3 * found.mean


def test_staggered_looks_expect_what_comes() -> None:
    # Exact: events less gathered hazard is a martingale; a runner has an event with 1 - exp(-sum of hazards), 20 a quarter.
    events, expected = staggered_looks([20], np.full(12, 0.05), looks=40, replicates=300, seed=2)
    wanted = 20 * (1 - np.exp(-0.6))
    error = np.sqrt(wanted / events.size)
    assert events.mean() == pytest.approx(wanted, abs=5 * error)
    assert expected.mean() == pytest.approx(wanted, abs=5 * error)
    assert (events[:, :5].mean() - events[:, -5:].mean()) == pytest.approx(0.0, abs=10 * error * np.sqrt(8))


def test_twice_the_hazard_brings_more_than_expected() -> None:
    # Exact: by the martingale the events are twice the gathered hazard.
    events, expected = staggered_looks([10, 30], np.full(12, 0.05), looks=40, replicates=200, hazard_ratio=2.0, seed=3)
    assert events.sum() / expected.sum() == pytest.approx(2.0, rel=0.02)


def test_series_that_are_too_short_are_refused() -> None:
    with pytest.raises(EstimationRefused, match="at least twice as long"):
        limit_for_run_length(np.zeros((5, 10)), design=8.0)
    with pytest.raises(EstimationRefused, match="ended without a signal"):
        simulated_run_length(np.zeros((5, 10)), limit=1.0)
    with pytest.raises(EstimationRefused, match="limit above 0"):
        markov_run_length(ndtr, limit=0.0)


@pytest.mark.parametrize(
    ("reference", "limit", "shift", "published", "within"),
    [
        # Published: Brook & Evans (1972) Biometrika 59:539, section 4.3.
        (0.5, 3.0, 0.0, 117.59, 0.01),
        (0.5, 3.0, 1.5, 3.75, 0.005),
        # Published: Vance (1986) J Qual Technol 18:189, table 1.
        (0.0, 10.0, -0.25, 2071.51, 0.1),
        (0.0, 10.0, -0.125, 400.28, 0.01),
        (0.0, 10.0, 0.0, 124.66, 0.005),
        (0.0, 10.0, 0.25, 36.71, 0.005),
        (0.0, 10.0, 0.5, 20.37, 0.005),
        (0.0, 10.0, 1.0, 10.75, 0.005),
        # Published: SAS/QC manual (1999).
        (0.25, 8.0, 2.5, 4.1500836225, 4e-7),
    ],
)
def test_one_sided_normal_sums_have_the_published_run_lengths(
    reference: float, limit: float, shift: float, published: float, within: float
) -> None:
    # All as the examples in the help of R's spc (xcusum.arl) quote them. Cells halved and extrapolated: the error falls with
    # their square.
    coarse, fine = (markov_run_length(lambda w: ndtr(w - shift + reference), limit=limit, states=states) for states in (400, 800))
    assert fine + (fine - coarse) / 3.0 == pytest.approx(published, abs=within)
