"""Batched logistic and Cox regressions: by hand, against loops over copied rows, and the rules behind tied sums."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.resampling.cox import batched_cox
from tendon_outcomes.estimators.resampling.logistic import batched_logistic
from tendon_outcomes.estimators.resampling.sums import ColumnSums, linear_predictors, times_columns
from tendon_outcomes.estimators.resampling.tied_sums import gauss_for_points
from tests.slow_reference import slow_resampling as slow


def test_two_by_two_table() -> None:
    # Exact: saturated logistic regression: log odds of each half; weights are counts of 3, 1, 2, 5.
    fit = batched_logistic([0, 1, 0, 1], [0, 0, 1, 1]).fit(np.array([[3.0, 1, 2, 5], [1, 1, 1, 1]]))
    np.testing.assert_allclose(fit.estimate, [[log(1 / 3), log(5 / 2) - log(1 / 3)], [0, 0]], atol=1e-12)


def test_separation_is_no_fit() -> None:
    # Exact: complete and quasi-complete separation in a replicate, and in the sample.
    prepared = batched_logistic([0, 1, 0, 1, 1], [1, 2, 3, 4, 3])
    fit = prepared.fit(np.array([[1.0, 1, 1, 1, 1], [1, 1, 0, 1, 0], [1, 0, 1, 1, 1]]))
    assert fit.converged.tolist() == [True, False, False]
    assert np.isnan(fit.estimate[1:]).all()
    with pytest.raises(NotConverged, match="separate the outcomes"):
        batched_logistic([0, 0, 1, 1], [1, 2, 3, 4])


def test_therneau_first_data_set() -> None:
    # Published: Therneau & Grambsch (2000) Modeling Survival Data, appendix E.1, first data set: Efron 1.6768574856.
    time, event, x = [1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1], [1, 1, 1, 0, 0, 0]
    fit = batched_cox(time, event, x).fit(np.ones((1, 6)))
    assert fit.estimate[0, 0] == pytest.approx(1.6768574856, abs=1e-10)


def test_three_rows_in_closed_form() -> None:
    # Exact: events in the order x = 1, 0, 1 with h = e^b: L = h/(2h + 1) * 1/(1 + h), so h^2 = 1/2.
    fit = batched_cox([1, 2, 3], [1, 1, 1], [1, 0, 1]).fit(np.ones((1, 3)))
    assert fit.estimate[0, 0] == pytest.approx(-log(sqrt(2)), abs=1e-12)


def test_copies_are_rows_to_efron() -> None:
    # Exact: weights of copied rows, written out; days with dozens of ties go through Gauss rules.
    rng = np.random.default_rng(4)
    for n, last in ((40, 12), (120, 4)):
        time, event = rng.integers(1, last + 1, n), (rng.random(n) < 0.7).astype(int)
        x = np.column_stack([rng.random(n) < 0.4, rng.normal(size=n)]).astype(float)
        copies = rng.multinomial(n, np.full(n, 1 / n), size=2).astype(float)
        weight = 0.3 + rng.random((2, n))
        ours = batched_cox(time, event, x).fit(copies, weight)
        for b in range(2):
            expected = slow.cox(time.tolist(), event.tolist(), x.tolist(), copies[b].astype(int).tolist(), weight[b].tolist())
            np.testing.assert_allclose(ours.estimate[b], expected, atol=1e-10)


def test_the_single_cox_regression_on_the_same_rows() -> None:
    # Exact: the estimator of one fit, on rows written out, to 1e-10 as promised.
    rng = np.random.default_rng(3)
    for n, last in ((60, 15), (400, 8)):
        time, event = rng.integers(1, last, n), rng.random(n) < 0.7
        x = np.column_stack([rng.normal(size=n), rng.random(n) < 0.4])
        copies, weight = rng.multinomial(n, np.full(n, 1 / n), size=2), 0.2 + rng.random((2, n))
        fits = batched_cox(time, event, x).fit(copies.astype(float), weight)
        for b in range(2):
            rows = np.repeat(np.arange(n), copies[b])
            single = cox(time[rows], event[rows], x[rows], weight=weight[b][rows])
            np.testing.assert_allclose(fits.estimate[b], single.coefficients.estimate, atol=1e-10)


def test_monotone_likelihood_is_no_fit() -> None:
    # Exact: without the row that contradicts it, every event is of the higher covariate.
    prepared = batched_cox([1, 2, 3, 4], [1, 1, 1, 0], [1, 1, 0, 1])
    fit = prepared.fit(np.array([[1.0, 1, 1, 1], [1, 1, 0, 1], [0, 0, 0, 1]]))
    assert fit.converged.tolist() == [True, False, False]
    with pytest.raises(NotConverged, match="no finite maximum"):
        batched_cox([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 0, 0])


@pytest.mark.parametrize(("d", "q"), [(6, 5), (9, 8), (40, 5), (700, 8)])
def test_gauss_rules_sum_polynomials_and_tied_denominators(d: int, q: int) -> None:
    # Exact: sums of l^k for k <= 2q - 1, and of 1/(1 - f l/d) where the rules are used, beside the sums themselves.
    fraction, share = gauss_for_points(d, q)
    points = np.arange(d) / d
    for power in range(2 * q):
        assert share @ fraction**power == pytest.approx(np.sum(points**power), rel=1e-12)
    closest = {5: 8.0, 8: 2.5}[q]
    assert share @ (1 / (closest - fraction)) == pytest.approx(np.sum(1 / (closest - points)), rel=2e-14)


def test_sums_and_products_in_pieces() -> None:
    # Exact.
    rng = np.random.default_rng(1)
    rows, table = rng.random((16, 9000)), rng.random((9000, 7))
    np.testing.assert_allclose(times_columns(rows, table), rows @ table, rtol=1e-12)
    np.testing.assert_allclose(linear_predictors(rows[:, :7], table.T.copy()), rows[:, :7] @ table.T, rtol=1e-12)
    number = np.array([2, -1, 0, 2, 5])
    np.testing.assert_array_equal(ColumnSums.by(number, 6)(np.array([[1.0, 2, 3, 4, 5]])), [[3, 0, 5, 0, 0, 5]])
    assert ColumnSums.by(np.array([-1, -1]), 3)(np.ones((2, 2))).tolist() == [[0, 0, 0]] * 2


def test_a_replicate_that_cannot_tell_covariates_apart() -> None:
    # Exact: drawn rows on which x2 is constant (logistic), or on which both covariates move together where it matters (Cox).
    x = np.array([[0.1, 0], [0.5, 1], [0.3, 0], [0.9, 1], [0.2, 0], [0.8, 0]])
    prepared = batched_logistic([0, 1, 1, 0, 0, 0], x)
    weights = np.array([[2.0, 0, 2, 0, 1, 1]])
    assert not prepared.fit(weights).converged[0]
    beta, settled, whole = prepared.standardised(weights)
    assert (settled[0], whole[0]) == (True, False)
    kept = weights[0] > 0
    alone = batched_logistic(np.array([0, 1, 1, 0, 0, 0])[kept], x[kept, 0]).fit(weights[:, kept]).estimate[0]
    odds = np.exp(alone[0] + alone[1] * x[kept, 0])
    own = np.where(np.array([0, 1, 1, 0, 0, 0])[kept] == 1, 1 / odds, odds)
    np.testing.assert_allclose(prepared.odds_against(beta)[0, kept], own, rtol=1e-9)
    time, event = [3, 1, 1, 1, 2, 4, 3, 4, 3], [0, 0, 0, 0, 0, 1, 0, 1, 0]
    both = [[-0.4, 0], [0.9, 1], [0.3, 0], [-0.9, 1], [0.9, 1], [-0.7, 1], [0.3, 1], [-0.6, 0], [0.3, 0]]
    with pytest.raises(NotConverged, match="no finite maximum"):
        batched_cox(time, event, both)
