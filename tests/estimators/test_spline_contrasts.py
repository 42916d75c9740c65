"""Log ratios along a bent covariate."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import SplineColumns, cox, spline_contrasts
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.simultaneous import largest_t
from tendon_outcomes.estimators.regression.spline_columns import spline_columns

RNG = np.random.default_rng(5)
N = 300
X = np.column_stack([RNG.normal(4.0, 1.5, N), RNG.normal(size=N)])
TIME = RNG.exponential(np.exp(0.3 * X[:, 0]))
AT = np.array([1.5, 3.0, 4.0, 6.0])


def test_a_straight_covariate_changes_by_its_coefficient() -> None:
    # Exact: (a - reference) b with |a - reference| standard errors, and a band no wider than the limits (one direction).
    fit = cox(TIME, np.ones(N), X, names=["duration", "age"])
    found = spline_contrasts(fit.coefficients, SplineColumns(("duration", "age")), "duration", at=AT, reference=4.0)
    np.testing.assert_allclose(found.estimate, (AT - 4.0) * fit.coefficients.estimate[0], atol=1e-12)
    np.testing.assert_allclose(found.std_error, np.abs(AT - 4.0) * fit.coefficients.std_error[0], atol=1e-12)
    np.testing.assert_allclose(found.band_low, found.conf_low, atol=0.03)


def test_a_bent_covariate_uses_the_stored_knots() -> None:
    # Exact: the linear predictor of the fit itself at a, less that at the reference.
    columns = spline_columns(X, ["duration", "age"], {"duration": 4})
    fit = cox(TIME, np.ones(N), columns.columns(X), names=columns.column_names)
    found = spline_contrasts(fit.coefficients, columns, "duration", at=AT, reference=4.0)
    rows = columns.columns(np.column_stack([np.append(AT, 4.0), np.zeros(AT.size + 1)]))
    predictor = rows @ fit.coefficients.estimate
    np.testing.assert_allclose(found.estimate, predictor[:-1] - predictor[-1], atol=1e-10)
    assert found.estimate[2] == 0.0
    assert found.std_error[2] == 0.0


def test_the_band_of_independent_statistics_is_sidaks() -> None:
    # Exact: Pr(max of k independent |Z| <= c) = (2 Phi(c) - 1)^k; 2.4909 at 95 % and k = 4 (Sidak 1967), by seeded draws.
    assert largest_t(np.eye(4), np.inf, conf_level=0.95, seed=1) == pytest.approx(2.4909, abs=0.02)
    assert largest_t(np.ones((4, 4)), np.inf, conf_level=0.95, seed=1) == pytest.approx(1.9600, abs=0.03)


def test_a_fit_on_other_columns_is_refused() -> None:
    # Exact: the names of the coefficients say which columns a fit had.
    alone = Coefficients(("duration",), np.array([0.1]), np.eye(1))
    columns = spline_columns(X, ["duration", "age"], {"duration": 4})
    with pytest.raises(EstimationRefused, match="no coefficient duration', duration''"):
        spline_contrasts(alone, columns, "duration", at=AT, reference=4.0)
    with pytest.raises(EstimationRefused, match="no covariate 'weeks'"):
        spline_contrasts(alone, columns, "weeks", at=AT, reference=4.0)
