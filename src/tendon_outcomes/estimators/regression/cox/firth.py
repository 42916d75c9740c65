"""Penalised partial likelihood: finite hazard ratios where the likelihood itself has no maximum, with profile limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import are_copies, checked_level, refuse
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.cox.answerable import refuse_unanswerable, refuse_uninformative
from tendon_outcomes.estimators.regression.cox.cox_fit import CoxFit, NullTest, inverse, null_test
from tendon_outcomes.estimators.regression.cox.evaluation import Ties
from tendon_outcomes.estimators.regression.cox.newton import solved
from tendon_outcomes.estimators.regression.cox.partial_likelihood import partial_likelihood
from tendon_outcomes.estimators.regression.cox.penalty import Penalty
from tendon_outcomes.estimators.regression.cox.profile import climb, deviance_at, profile_limits
from tendon_outcomes.estimators.regression.cox.sample import CoxSample, cox_sample
from tendon_outcomes.estimators.regression.cox.sorted_rows import sorted_rows
from tendon_outcomes.estimators.special_functions import chi_square_p


def firth_cox(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    names: Sequence[str] | None = None,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    ties: Ties = "efron",
    conf_level: float = 0.95,
    tolerance: float = 1e-9,
) -> CoxFit:
    """Log hazard ratios by partial likelihood with Firth's penalty.

    Estimand
        beta in h(t | x, stratum s) = h_s(t) exp(x'beta), as in `cox`.
    Estimator
        The maximum of l(beta) + 1/2 log det I(beta), I the observed information: the root of U_r + 1/2 tr(I^-1 dI/dbeta_r). It
        takes away the bias of order 1/n and is finite under monotone likelihood.
    Interval
        Profile penalised likelihood: all values of beta_j at which twice the fall of the maximum over the other coefficients is
        at most the chi-square quantile with one degree of freedom. p-values are of the same test at 0. `covariance` is I^-1
        at the estimate, for reference only: Wald limits are poor where this method is needed.
    Conventions
        Days, ties, entry and strata as in `cox`; "efron" or "breslow". Weights must be whole numbers, and are copies in the
        information. Log likelihoods and tests include the penalty.
    Assumes
        Proportional hazards; independent rows (there is no robust variance), censoring and entry independent of the event.
    Not for
        Large samples without separation: `cox` is the same and faster. Clusters: refused.
    Parameters
        As in `cox`. tolerance: in standard errors, of the last step.
    Returns
        CoxFit with `penalised` True and profile limits.
    References
        Firth (1993) Biometrika 80:27, section 3; Heinze & Schemper (2001) Biometrics 57:114, eq. 3 and section 2.2.
    Checked
        Slow maximisation of the penalised likelihood, profile limits against their definition, separated samples:
        tests/estimators/test_cox_separation.py, tests/slow_reference.
    """
    sample = cox_sample(time, event, covariates, names=names, entry=entry, weight=weight, strata=strata)
    refuse_unanswerable(sample, ties, robust=False)
    return firth_fit(sample, ties=ties, conf_level=checked_level(conf_level), tolerance=tolerance)


def firth_fit(sample: CoxSample, *, ties: Ties, conf_level: float, tolerance: float = 1e-9, robust: bool = False) -> CoxFit:
    """`firth_cox` for rows that are already checked."""
    if ties == "exact":
        raise refuse("the penalised fit has no exact partial likelihood", way_out="Use ties='efron'.")
    if robust or sample.cluster is not None or (sample.weight is not None and not are_copies(sample.weight)):
        raise refuse(
            "the penalised fit has no robust variance, for clusters or for weights that are not copies",
            way_out="Bootstrap whole patients, or analyse one side a patient.",
        )
    refuse_uninformative(sample, partial_likelihood(sample, ties)(np.zeros(len(sample.names))).information)
    likelihood = Penalty(sorted_rows(sample), ties)
    p = len(sample.names)
    null = likelihood(np.zeros(p))
    beta, best, iterations, distance = climb(likelihood, np.zeros(p), np.ones(p, dtype=np.bool_), tolerance)
    covariance = inverse(best.information)
    limits = profile_limits(likelihood, beta, best, covariance, conf_level)
    p_values = np.array([chi_square_p(deviance_at(likelihood, beta, best, j, 0.0), 1) for j in range(p)])
    estimates = Coefficients(
        sample.names, beta, covariance, conf_level=conf_level, interval="profile", profile=limits, profile_p=p_values
    )
    return CoxFit(
        coefficients=estimates,
        log_likelihood=best.log_likelihood,
        null_log_likelihood=null.log_likelihood,
        score_test=null_test(float(null.gradient @ solved(null)), p),
        likelihood_ratio_test=null_test(2.0 * (best.log_likelihood - null.log_likelihood), p),
        wald_test=NullTest(*estimates.wald()),
        naive_covariance=covariance,
        ties=ties,
        linear_predictor=sample.x @ beta,
        iterations=iterations,
        gradient_norm=distance,
        penalised=True,
        n=sample.n,
        n_events=int(np.count_nonzero(sample.event)),
        sample=sample,
    )
