"""What must hold for every curve over an exposure and every log ratio along a bent covariate."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.exposure.effect_by_exposure import effect_by_exposure
from tendon_outcomes.estimators.causal.exposure.exposure_curve import ExposureCurve, exposure_curve
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.spline_columns import SplineColumns, harrell_knots
from tendon_outcomes.estimators.regression.spline_contrasts import spline_contrasts

every = settings(max_examples=200, deadline=None, derandomize=True)
seeds = st.integers(0, 10**6)
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def clinic(seed: int, n: int = 70) -> Rows:
    """Outcomes of two columns, an exposure of which some values are heaped, a covariate, patients of one or two rows."""
    rng = np.random.default_rng(seed)
    a = np.where(rng.random(n) < 0.3, rng.integers(2, 7, n), rng.normal(4.0, 1.5, n))
    x = rng.normal(size=(n, 1))
    chance = 1.0 / (1.0 + np.exp(rng.normal() * (a - 4.0) + x[:, 0] * 0.5))
    y = np.column_stack([rng.random(n) < chance, rng.random(n) < 0.5]).astype(float)
    return y, a, x, np.sort(rng.integers(0, n, n))


def curve(rows: Rows, **extra: object) -> ExposureCurve:
    """At the quantiles of the exposure; clinics that are refused are not examples."""
    y, a, x, patient = rows
    at, reference = np.quantile(a, [0.0, 0.1, 0.3, 0.7, 0.9, 1.0]), float(np.median(a))
    try:
        return exposure_curve(y, a, x, **{"at": at, "reference": reference, "cluster": patient, "seed": 3, "knots": 4} | extra)  # type: ignore[arg-type]
    except EstimationRefused:
        assume(False)
        raise


@every
@given(seeds)
def test_shares_have_limits_between_0_and_1_within_their_bands(seed: int) -> None:
    # Exact: by the logit scale; the critical value of a band is no smaller than that of one place.
    found = curve(clinic(seed))
    assert (found.band_low >= 0.0).all()
    assert (found.band_low <= found.conf_low + 1e-12).all()
    assert ((found.conf_low <= found.estimate) & (found.estimate <= found.conf_high)).all()
    assert (found.conf_high <= found.band_high + 1e-12).all()
    assert (found.band_high <= 1.0).all()
    apart = found.difference
    assert ((apart.band_low >= -1.0) & (apart.band_low <= apart.conf_low + 1e-12) & (apart.conf_low <= apart.estimate)).all()
    assert ((apart.estimate <= apart.conf_high) & (apart.conf_high <= apart.band_high + 1e-12) & (apart.band_high <= 1.0)).all()


@every
@given(seeds)
def test_order_of_rows_and_unit_of_the_exposure_change_nothing(seed: int) -> None:
    # Exact: sums over rows; knots, places and columns move with the exposure.
    rows = clinic(seed)
    one = curve(rows)
    order = np.random.default_rng(seed).permutation(rows[1].size)
    shuffled = curve((rows[0][order], rows[1][order], rows[2][order], rows[3][order]))
    scaled = curve((rows[0], 3.0 * rows[1] - 5.0, rows[2], rows[3]))
    for other in (shuffled, scaled):
        np.testing.assert_allclose(other.estimate, one.estimate, atol=1e-7)
        np.testing.assert_allclose(other.std_error, one.std_error, atol=1e-7)
        np.testing.assert_allclose(other.difference.conf_low, one.difference.conf_low, atol=1e-6)


@every
@given(seeds)
def test_the_opposite_outcome_has_the_curve_turned_over(seed: int) -> None:
    # Exact: 1 - y has means 1 - F with the same errors and limits exchanged, bands included; differences change their sign.
    rows = clinic(seed)
    one, other = curve(rows), curve((1.0 - rows[0], *rows[1:]))
    np.testing.assert_allclose(other.estimate, 1.0 - one.estimate, atol=1e-8)
    np.testing.assert_allclose(other.band_low, 1.0 - one.band_high, atol=1e-7)
    np.testing.assert_allclose(other.difference.conf_high, -one.difference.conf_low, atol=1e-6)


@every
@given(seeds)
def test_flagged_places_are_those_beyond_the_quantiles(seed: int) -> None:
    # Exact: the 5 % and 95 % quantiles of the exposures.
    rows = clinic(seed)
    found = curve(rows)
    low, high = np.quantile(rows[1], [0.05, 0.95])
    assert found.outside.tolist() == [not low - 1e-9 <= place <= high + 1e-9 for place in found.at]
    assert found.outside[0] or found.at[0] == low
    assert found.outside[-1] or found.at[-1] == high


@every
@given(seeds)
def test_two_treatments_exchanged_turn_the_effect_round(seed: int) -> None:
    # Exact: differences change their sign and ratios are inverted, limits change places.
    y, a, x, patient = clinic(seed)
    arm = np.random.default_rng(seed + 1).integers(0, 2, a.size)
    common = {"at": np.quantile(a, [0.3, 0.5, 0.7]), "cluster": patient, "seed": 3}
    try:
        one, other = (effect_by_exposure(y, arm, a, x, compared=pair, **common) for pair in ((0, 1), (1, 0)))  # type: ignore[arg-type]
    except EstimationRefused:
        assume(False)
        raise
    np.testing.assert_allclose(one.difference.estimate, -other.difference.estimate, atol=1e-10)
    np.testing.assert_allclose(one.difference.band_low, -other.difference.band_high, atol=1e-10)
    np.testing.assert_allclose(one.ratio.conf_low, 1.0 / other.ratio.conf_high, rtol=1e-8)
    np.testing.assert_allclose(one.trend[:, 2], -other.trend[:, 3], atol=1e-10)


@every
@given(seeds, st.integers(3, 7))
def test_contrasts_add_up_and_turn_round(seed: int, knots: int) -> None:
    # Exact: log ratios against one reference are differences of a function: f(a) - f(c) = (f(a) - f(b)) + (f(b) - f(c)).
    rng = np.random.default_rng(seed)
    placed = harrell_knots(rng.normal(size=150), knots)
    columns = SplineColumns(("age", "duration"), {"duration": placed})
    p = len(columns.column_names)
    half = rng.normal(size=(p, p))
    fit = Coefficients(columns.column_names, rng.normal(size=p), half @ half.T)
    a, b, c = rng.normal(size=3) * 2.0
    one, two, three = (
        spline_contrasts(fit, columns, "duration", at=[x], reference=y) for x, y in ((a, b), (b, c), (a, c))
    )  # fmt: skip
    np.testing.assert_allclose(one.estimate + two.estimate, three.estimate, atol=1e-9)
    back = spline_contrasts(fit, columns, "duration", at=[c], reference=a)
    np.testing.assert_allclose(back.conf_low, -three.conf_high, atol=1e-9)
    many = spline_contrasts(fit, columns, "duration", at=np.append(rng.normal(size=6), b), reference=b)
    assert ((many.band_low <= many.conf_low) & (many.conf_high <= many.band_high)).all()
    assert (many.estimate[-1], many.std_error[-1]) == (0.0, 0.0)
