"""Monotone likelihood and the penalised fit."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.cox.firth import firth_cox
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.cox.monotone import never_falls
from tendon_outcomes.estimators.regression.cox.sample import cox_sample
from tests.slow_reference import slow_cox


def separated(seed: int = 3, n: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nobody with a first covariate of 1 has the event."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)])
    time = np.ceil(20 * rng.weibull(1.2, n))
    return time, (rng.random(n) < 0.7) & (x[:, 0] == 0), x


def as_rows(time: np.ndarray, event: np.ndarray, x: np.ndarray) -> slow_cox.Rows:
    n = time.size
    return slow_cox.Rows(time, event, x, np.full(n, -1.0), np.ones(n), np.zeros(n, dtype=int))


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_a_group_without_events_is_refused_by_name(ties: str) -> None:
    # Exact: the coefficient of a group without events goes to minus infinity; the other covariate is not to blame.
    time, event, x = separated()
    with pytest.raises(EstimationRefused, match="covariate treated: the partial likelihood has no maximum"):
        cox(time, event, x, names=["treated", "age"], ties=ties)  # type: ignore[arg-type]


def test_a_combination_that_separates_is_named_whole() -> None:
    # Exact: neither covariate separates alone, their sum orders the events.
    rng = np.random.default_rng(5)
    x = rng.normal(size=(30, 2))
    time = 1.0 + np.argsort(np.argsort(-(x[:, 0] + x[:, 1])))
    with pytest.raises(EstimationRefused, match="covariate a, b: the partial likelihood has no maximum"):
        cox(time, np.ones(30), x, names=["a", "b"])


def test_strong_but_not_separated_is_fitted() -> None:
    # Exact: one event against the order is enough for a maximum; the slow programme agrees that there is one.
    time = np.arange(1.0, 21.0)
    x = -time.copy()
    x[[4, 9]] = x[[9, 4]]
    assert slow_cox.has_maximum(as_rows(time, np.ones(20), x[:, None]), "efron")
    fit = cox(time, np.ones(20), x)
    np.testing.assert_allclose(
        fit.coefficients.estimate, slow_cox.maximum(as_rows(time, np.ones(20), x[:, None]), "efron"), rtol=1e-9
    )


def test_separation_with_entry_and_strata() -> None:
    # Exact: in each stratum and window the larger x goes first; with one row out of order there is a maximum again.
    time, x = np.array([2.0, 4, 6, 2, 4, 6, 9]), np.array([3.0, 2, 1, 30, 20, 10, 99])
    entry, strata = np.array([0.0, 1, 1, 0, 1, 1, 7]), np.array([0, 0, 0, 1, 1, 1, 1])
    sample = cox_sample(time, np.ones(7), x, entry=entry, strata=strata)
    assert never_falls(sample, np.array([1.0]))
    assert not never_falls(sample, np.array([-1.0]))
    assert not never_falls(cox_sample(time, np.ones(7), x, strata=strata), np.array([1.0]))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_firth_is_the_maximum_of_the_penalised_likelihood(ties: str) -> None:
    # Exact: the slope of log likelihood + 1/2 log det information, by differences of the definition, is 0 at the estimate,
    # and twice the fall to each profile limit (the other coefficient free) is the chi-square quantile.
    from scipy.optimize import minimize_scalar

    time, event, x = separated()
    fit = firth_cox(time, event, x, ties=ties)  # type: ignore[arg-type]
    rows = as_rows(time, event, x)
    assert fit.penalised
    np.testing.assert_allclose(slow_cox.penalised_slope(rows, fit.coefficients.estimate, ties), 0.0, atol=2e-8)
    assert fit.log_likelihood == pytest.approx(slow_cox.penalised(rows, fit.coefficients.estimate, ties), abs=1e-10)
    for limit in (fit.coefficients.conf_low[0], fit.coefficients.conf_high[0]):
        best = minimize_scalar(lambda b, limit=limit: -slow_cox.penalised(rows, np.array([limit, b]), ties), tol=1e-10)
        assert 2 * (fit.log_likelihood + best.fun) == pytest.approx(3.841458820694124, abs=1e-6)
    assert fit.coefficients.interval == "profile"


def test_asking_for_firth_under_separation_gives_the_penalised_fit_and_leaves_others_alone() -> None:
    # Exact: the same fit; and without separation the ordinary one.
    time, event, x = separated()
    np.testing.assert_array_equal(
        cox(time, event, x, on_separation="firth").coefficients.estimate, firth_cox(time, event, x).coefficients.estimate
    )
    ordinary = cox(time, event, x[:, 1], on_separation="firth")
    assert not ordinary.penalised
    np.testing.assert_array_equal(ordinary.coefficients.estimate, cox(time, event, x[:, 1]).coefficients.estimate)


def test_firth_of_two_rows_by_hand() -> None:
    # Exact: two rows x = 1, 0, the first has the event first: l = beta - log(r + 1), I = r/(r + 1)^2; l + 1/2 log I is largest
    # where 1 - p + 1/2 (1 - 2 p) = 0, p = r/(r + 1) = 3/4: beta = log 3.
    fit = firth_cox([1.0, 2.0], [1, 0], [1.0, 0.0])
    assert fit.coefficients.estimate[0] == pytest.approx(np.log(3.0), abs=1e-9)
