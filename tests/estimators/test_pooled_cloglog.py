"""Grouped proportional hazards: closed forms, cells without events, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog

INF = np.inf


def test_one_cell_and_two_groups() -> None:
    # Exact: -log(1 - share) of each group; the log hazard ratio is the difference of their logarithms.
    event = np.array([1] * 3 + [0] * 7 + [1] * 6 + [0] * 4)
    group = np.repeat([0, 1], 10)
    fit = pooled_cloglog(np.where(event, 0, 14), np.where(event, 14, INF), event, group, grid=[14], names=["arm"])
    total = -np.log1p(-np.array([0.3, 0.6]))
    assert fit.coefficients.estimate[0] == pytest.approx(np.log(total[1] / total[0]), abs=1e-11)
    # Delta method from the binomial variances: var(log(-log(1-p))) = p / (n (1-p) log(1-p)^2).
    variance = np.array([0.3 / 0.7, 0.6 / 0.4]) / 10 / total**2
    assert fit.coefficients.std_error[0] == pytest.approx(np.sqrt(variance.sum()), abs=1e-12)
    at = fit.incidence([14], [1])
    assert at.estimate[0] == pytest.approx(0.6, abs=1e-12)
    assert at.std_error[0] == pytest.approx(np.sqrt(0.6 * 0.4 / 10), abs=1e-12)
    assert fit.hazard_ratios().estimate[0] == pytest.approx(total[1] / total[0], abs=1e-12)


def test_skipped_looks_without_covariates_are_turnbull() -> None:
    # Exact: {(0,14], (0,28], (14,28], free at 28}: the masses a, b maximise a (a + b) b (1 - a - b)^1: a = b, 2a = 3/4.
    fit = pooled_cloglog([0, 0, 14, 28], [14, 28, 28, INF], [1, 1, 1, 0], grid=[14, 28])
    np.testing.assert_allclose(fit.incidence([14, 28]).estimate, [3 / 8, 3 / 4], rtol=0, atol=1e-9)


def test_a_cell_without_events_has_hazard_zero() -> None:
    # Exact: nobody recovered in (14, 28], so its hazard is 0, and the curve is flat there.
    fit = pooled_cloglog([0, 28, 42, 42], [14, 42, INF, INF], [1, 1, 0, 0], grid=[14, 28, 42])
    assert np.isneginf(fit.baseline[1])
    np.testing.assert_allclose(fit.incidence([14, 28, 42]).estimate, [1 / 4, 1 / 4, 1 / 2], rtol=0, atol=1e-10)


def test_a_cell_whose_hazard_runs_to_zero_is_put_there() -> None:
    # Exact: (0, 28] with everything else in (0, 14] and (28, 42]: the maximum puts nothing into (14, 28].
    fit = pooled_cloglog([0, 0, 0, 28, 42], [14, 14, 28, 42, INF], [1, 1, 1, 1, 0], grid=[14, 28, 42])
    assert np.isneginf(fit.baseline[1])
    np.testing.assert_allclose(fit.incidence([14, 42]).estimate, [3 / 5, 4 / 5], rtol=0, atol=1e-9)


def test_a_competing_row_leaves_after_its_last_look() -> None:
    # Exact: a competing event on day 20 after a look on day 14 is one row free through 14, nothing more.
    rows = ([0, 14, 28, 14], [14, 28, INF, 20], [1, 1, 0, 2])
    censored = ([0, 14, 28, 14], [14, 28, INF, INF], [1, 1, 0, 0])
    one, two = pooled_cloglog(*rows, grid=[14, 28]), pooled_cloglog(*censored, grid=[14, 28])
    np.testing.assert_array_equal(one.baseline, two.baseline)
    # Without a known last look: the last grid day before the event; on a grid day it is the one before.
    unknown = pooled_cloglog([0, 14, 28, np.nan], [14, 28, INF, 28], [1, 1, 0, 2], grid=[14, 28])
    np.testing.assert_array_equal(unknown.baseline, two.baseline)


def test_entry_shortens_the_time_at_risk() -> None:
    # Exact: 1 of 2 in the first cell; 1 of 3 in the second, two of whom came in on day 10 (at risk from the next grid day).
    fit = pooled_cloglog([0, 28, 14, 28], [14, INF, 28, INF], [1, 0, 1, 0], entry=[0, 0, 10, 10], grid=[14, 28])
    np.testing.assert_allclose(-np.expm1(-np.exp(fit.baseline)), [1 / 2, 1 / 3], rtol=0, atol=1e-10)


def test_refusals() -> None:
    # Exact: what has no answer says so.
    with pytest.raises(EstimationRefused, match="cause 1"):
        pooled_cloglog([14, 14], [INF, INF], [0, 0], grid=[14])
    with pytest.raises(EstimationRefused, match="extend"):
        pooled_cloglog([0, 14], [20, INF], [1, 0], grid=[14])
    with pytest.raises(EstimationRefused, match="ascending"):
        pooled_cloglog([0, 14], [14, INF], [1, 0], grid=[14, 7])
    with pytest.raises(EstimationRefused, match="day 14"):
        pooled_cloglog([0, 0], [14, 14], [1, 1], grid=[14])
    with pytest.raises(EstimationRefused, match="arm"):
        pooled_cloglog([0, 0, 14, 14, 14], [14, 14, INF, INF, INF], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], grid=[14], names=["arm"])
    with pytest.raises(EstimationRefused, match="not days of the visit grid"):
        pooled_cloglog([0, 14], [14, INF], [1, 0], grid=[14]).incidence(10)
    with pytest.raises(EstimationRefused, match="never at risk"):
        pooled_cloglog([0, 14], [14, INF], [1, 0], grid=[14], entry=[5, 0])
    with pytest.raises(EstimationRefused, match="one row of 0"):
        pooled_cloglog([0, 14], [14, INF], [1, 0], grid=[14]).incidence(14, [1.0])
