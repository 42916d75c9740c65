"""The Cox model beside plain loops over events and risk sets."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators.regression.cox.cox_fit import CoxFit
from tendon_outcomes.estimators.regression.cox.firth import firth_cox
from tendon_outcomes.estimators.regression.cox.fit import cox
from tests.slow_reference import slow_cox
from tests.slow_reference.check import Check, Deviation, deviations
from tests.slow_reference.slow_cox import Rows


def drawn(rng: np.random.Generator) -> tuple[Rows, str]:
    """Few days, up to 14 rows, one or two covariates, weights of 0, 1, 2 or fractions, entry, one to three strata."""
    n, p = int(rng.integers(4, 15)), int(rng.integers(1, 3))
    ties = str(rng.choice(["efron", "breslow", "exact"]))
    time = rng.integers(1, int(rng.choice([3, 6, 30])), n) + 0.0
    entry = np.floor(time * rng.random(n)) * rng.integers(0, 2) - rng.integers(0, 2)
    entry = np.where(entry >= time, time - 1.0, entry)
    event = (rng.random(n) < rng.choice([0.0, 0.2, 0.6, 1.0], p=[0.05, 0.2, 0.5, 0.25])).astype(float)
    x = rng.integers(0, 4, (n, p)) + 0.0 if rng.random() < 0.7 else rng.normal(size=(n, p))
    weights = [np.ones(n), rng.integers(0, 3, n) + 0.0, np.round(rng.random(n), 2)]
    weight = weights[0] if ties == "exact" else weights[int(rng.integers(3))]
    strata = rng.integers(0, int(rng.choice([1, 1, 2, 3])), n)
    return Rows(time, event, x, entry, weight, strata), ties


def fitted(rows: Rows, ties: str, fit: str) -> CoxFit:
    options = {"entry": rows.entry, "weight": rows.weight, "strata": rows.strata, "ties": ties}
    if fit == "firth":
        return firth_cox(rows.time, rows.event, rows.x, **options)  # type: ignore[arg-type]
    return cox(rows.time, rows.event, rows.x, robust=False, **options)  # type: ignore[arg-type]


def answerable(rows: Rows, ties: str) -> bool:
    """Events there, a regular information at 0 and a design without constants or combinations, and a maximum."""
    kept = rows.x[rows.weight > 0]
    if not rows.days() or kept.shape[0] < 2:
        return False
    design = np.linalg.matrix_rank(kept - kept.mean(axis=0), tol=1e-8) == kept.shape[1]
    information = slow_cox.partial_likelihood(rows, np.zeros(rows.x.shape[1]), ties)[2]
    return bool(design and np.linalg.matrix_rank(information, tol=1e-9) == information.shape[0])


def compare_fit(sample: tuple[Rows, str]) -> list[Deviation]:
    """The optimum, its information, both likelihoods and the score test; refused exactly when there is no maximum."""
    rows, ties = sample
    possible = answerable(rows, ties) and slow_cox.has_maximum(rows, ties)
    try:
        fit = fitted(rows, ties, "cox")
    except EstimationRefused:
        return [Deviation(f"{ties}: refused", 1.0, 0.0)] if possible else []
    if not possible:
        return [Deviation(f"{ties}: refused", 0.0, 1.0)]
    beta = slow_cox.maximum(rows, ties)
    value, _, information = slow_cox.partial_likelihood(rows, beta, ties)
    null, gradient, null_information = slow_cox.partial_likelihood(rows, np.zeros(beta.size), ties)
    error = np.sqrt(np.diagonal(np.linalg.inv(information)))
    return [
        *deviations(f"{ties}: estimate in standard errors", fit.coefficients.estimate / error, beta / error, 1e-7),
        *deviations(f"{ties}: relative std_error", fit.coefficients.std_error / error, np.ones(beta.size), 1e-6),
        *deviations(f"{ties}: log likelihood", fit.log_likelihood, value),
        *deviations(f"{ties}: null log likelihood", fit.null_log_likelihood, null),
        *deviations(
            f"{ties}: score test", fit.score_test.statistic, gradient @ np.linalg.solve(null_information, gradient), 1e-8
        ),
    ]


def drawn_for_penalty(rng: np.random.Generator) -> tuple[Rows, str]:
    """As `drawn`, with weights that are copies and ties that the penalised fit knows."""
    rows, ties = drawn(rng)
    weight = np.ceil(rows.weight)
    return Rows(rows.time, rows.event, rows.x, rows.entry, weight, rows.strata), "efron" if ties == "exact" else ties


def compare_penalised(sample: tuple[Rows, str]) -> list[Deviation]:
    """The penalised likelihood is flat at the estimate, separated or not, and has fallen by the quantile at the limits."""
    rows, ties = sample
    possible = answerable(rows, ties)
    try:
        fit = fitted(rows, ties, "firth")
    except NotConverged:
        # With a handful of events for two covariates a profile can be too flat to follow to its limit: said, not guessed.
        few = np.count_nonzero(rows.event * (rows.weight > 0)) < 5 * rows.x.shape[1]
        return [] if few and rows.x.shape[1] > 1 else [Deviation(f"{ties}: not converged", 1.0, 0.0)]
    except EstimationRefused:
        return [Deviation(f"{ties}: refused", 1.0, 0.0)] if possible else []
    if not possible:
        return [Deviation(f"{ties}: refused", 0.0, 1.0)]
    beta, error = fit.coefficients.estimate, fit.coefficients.std_error
    found = [
        *deviations(
            f"{ties}: slope", slow_cox.penalised_slope(rows, beta, ties) * np.minimum(error, 1.0), np.zeros(beta.size), 1e-6
        ),
        *deviations(f"{ties}: penalised log likelihood", fit.log_likelihood, slow_cox.penalised(rows, beta, ties)),
    ]
    if beta.size == 1:
        quantile = 1.959963984540054**2
        for limit in (fit.coefficients.conf_low, fit.coefficients.conf_high):
            fall = 2.0 * (fit.log_likelihood - slow_cox.penalised(rows, limit, ties))
            found += deviations(f"{ties}: fall at the limit", fall, quantile, 1e-6)
    return found


CHECKS: tuple[Check[tuple[Rows, str]], ...] = (
    Check("cox", drawn, compare_fit),
    Check("firth_cox", drawn_for_penalty, compare_penalised, share=0.3),
)
