"""The truths of the simulation over durations, and what its table says of a clinic or two."""

from itertools import pairwise

import numpy as np
import pytest

from tendon_outcomes.estimators.causal.point_treatment.outcome_model import outcome_model
from tendon_outcomes.estimators.regression.spline_columns import spline_columns
from tests.simulation.chronicity_truths import (
    CENTRE,
    COMPETING,
    NEVER,
    SCALE,
    SHAPE,
    SPREAD,
    TRUTHS,
    WEEKS,
    best_spline,
    incidence,
    sample,
    true_curve,
)

AT = np.linspace(CENTRE - 1.64 * SPREAD, CENTRE + 1.64 * SPREAD, 7)
RUNNERS = 200_000


def test_incidence_is_the_integral_of_the_weibull_beside_the_competing_event() -> None:
    # Exact: without the competing event 0.85 (1 - exp(-(t / scale)^shape)); with it a fine midpoint sum.
    time = (np.arange(2_600_000) + 0.5) * 26 / 2_600_000
    hazard = SHAPE / SCALE * (time / SCALE) ** (SHAPE - 1)
    density = (1 - NEVER) * hazard * np.exp(-((time / SCALE) ** SHAPE) - COMPETING * time)
    summed = [density[time < week].sum() * 26 / 2_600_000 for week in WEEKS]
    assert incidence(0.0) == pytest.approx(summed, abs=1e-8)
    alone = (1 - NEVER) * (1 - np.exp(-((26 / SCALE) ** SHAPE)))
    assert alone * np.exp(-26 * COMPETING) < incidence(0.0)[2] < alone


@pytest.mark.parametrize("truth", TRUTHS)
def test_standardised_truth_is_what_many_runners_have(truth: str) -> None:
    # Simulation, 30,000 runners: recovered runners of nearly one duration, weighted to the covariate of everybody.
    # Within a bin the covariate is normal with mean and variance of the regression on duration, known in closed form.
    clinic = sample(truth, 30_000, np.random.default_rng(1))
    slope = 0.4 / SPREAD**2
    rest = 1 - 0.4 * slope
    for low, high in pairwise(np.linspace(CENTRE - 2, CENTRE + 2, 9)):
        inside = (clinic.log2_weeks >= low) & (clinic.log2_weeks < high)
        x, z = clinic.log2_weeks[inside], clinic.covariate[inside]
        mean = slope * (x - CENTRE)
        weight = np.sqrt(rest) * np.exp(0.5 * (z - mean) ** 2 / rest - 0.5 * z**2)
        expected = true_curve(truth, x).T
        error = weight[:, None] * (clinic.recovered[inside] - expected)
        off = error.mean(axis=0) / (error.std(axis=0) / np.sqrt(inside.sum()))
        assert (np.abs(off) < 4.0).all(), (truth, low)


def test_looks_hold_the_truth_and_depend_on_nothing_hidden() -> None:
    # Exact: an interval that is closed by a recovery says of every week outside it what truly was.
    clinic = sample("linear", 5_000, np.random.default_rng(2))
    assert ((clinic.left <= clinic.right) & (clinic.left >= 0)).all()
    assert np.array_equal(np.isinf(clinic.right), clinic.cause == 0)
    for k, week in enumerate(WEEKS):
        recovered = clinic.recovered[:, k] == 1
        assert recovered[(clinic.cause == 1) & (clinic.right <= 7 * week)].all()
        assert not recovered[clinic.left >= 7 * week].any()
    assert not clinic.recovered[clinic.cause == 2].any()


def test_best_spline_is_the_limit_of_large_samples() -> None:
    # Simulation: the same model fitted to the recoveries of 200,000 runners, knots from the sample, within a point; and
    # the best spline of no effect is no effect.
    clinic = sample("threshold", RUNNERS, np.random.default_rng(3))
    columns = spline_columns(clinic.log2_weeks[:, None], ["weeks"], {"weeks": 4})
    design = np.column_stack([columns.columns(clinic.log2_weeks[:, None]), clinic.covariate])
    model = outcome_model(design, clinic.recovered, low=np.zeros(3), high=np.ones(3))
    everyone = clinic.covariate[:4_000]
    for at, best in zip(AT, best_spline("threshold", AT).T, strict=True):
        bent = np.repeat(columns.columns(np.array([[at]])), everyone.size, axis=0)
        assert model.predict(np.column_stack([bent, everyone])).mean(axis=0) == pytest.approx(best, abs=0.01)
    assert best_spline("null", AT) == pytest.approx(true_curve("null", AT), abs=0.001)


def test_shapes_are_what_they_are_called() -> None:
    # Exact.
    linear, bent, step, none = (TRUTHS[name](AT) for name in ("linear", "U-shaped", "threshold", "null"))
    assert np.diff(linear) == pytest.approx(-0.15 * np.diff(AT))
    assert bent == pytest.approx(bent[::-1])
    assert bent.min() == pytest.approx(0.0)
    assert bent[0] == bent.max()
    assert set(step) == {0.0, -0.6}
    assert not none.any()
