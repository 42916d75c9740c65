"""Cox's proportional hazards model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, are_copies, checked_level, refuse
from tendon_outcomes.estimators.regression.blocks import times
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.cox.answerable import refuse_unanswerable, refuse_uninformative
from tendon_outcomes.estimators.regression.cox.cox_fit import CoxFit, NullTest, inverse, null_test
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation, Ties
from tendon_outcomes.estimators.regression.cox.firth import firth_fit
from tendon_outcomes.estimators.regression.cox.newton import Optimum, maximise, solved
from tendon_outcomes.estimators.regression.cox.partial_likelihood import SMALL, partial_likelihood
from tendon_outcomes.estimators.regression.cox.sample import CoxSample, cox_sample
from tendon_outcomes.estimators.regression.cox.scanned import scanned_evaluation
from tendon_outcomes.estimators.regression.cox.separation import Separated, SeparationWatch

NO_VARIANCE = 1e-12  # Smallest eigenvalue of the squared scores, in units of naive standard errors, that is no rounding.


def cox(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    names: Sequence[str] | None = None,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    ties: Ties = "efron",
    conf_level: float = 0.95,
    robust: bool | None = None,
    on_separation: Literal["refuse", "firth"] = "refuse",
    tolerance: float = 1e-8,
    max_iterations: int = 40,
    start: npt.ArrayLike | None = None,
) -> CoxFit:
    """Log hazard ratios by maximum partial likelihood.

    Estimand
        beta in h(t | x, stratum s) = h_s(t) exp(x'beta), the baseline hazards h_s left open.
    Estimator
        The root of U(beta) = sum over event days k and l = 0..d_k - 1 of wbar_k (xbar_k^D - S1_kl / S0_kl), xbar_k^D the mean of
        the events' covariates, S_kl sums over the risk set of w r x and w r (r = exp(x'beta)) in which the d_k events of the day
        count 1 - l/d_k (Efron) or 1 (Breslow); wbar_k the mean weight of the day's events. "exact": the probability that of all
        sets of d_k at risk this one had the event. Newton's method.
    Interval
        Wald, from the inverse of the observed information I. With weights that are not copies, `robust=True` or `cluster`:
        I^-1 (sum_c u_c u_c') I^-1, u_c the weighted score residuals summed within cluster c (rows are their own by default).
    Conventions
        At risk: entry < day <= time, events before censorings on the same day; times within 1.5e-8 are one day (R's timefix).
        Whole-number weights are copies for the variance, but, as in R's coxph, an event of weight 2 is one event of that weight
        in Efron's shares l/d: two equal rows differ from it slightly, under Breslow they do not. Rows of weight 0 are left out.
        The exact likelihood knows no weights and no robust variance.
    Assumes
        Proportional hazards (check it), censoring and entry independent of the event given x and stratum; independent rows or
        clusters. A patient's rows of (entry, time] are one patient when they share a cluster.
    Not for
        Competing events, when a probability is wanted (a cause-specific hazard ratio says nothing about incidence by itself).
        Events known only between two visits. Fewer than about ten events a coefficient without `firth_cox`.
    Parameters
        time: n days. event: 1 or True = event. covariates: (n, p) or (n,). names: of the p columns. entry: n days, below time.
        weight: n non-negative numbers. strata, cluster: n labels. on_separation: refuse, or answer by `firth_cox`, when the
        likelihood has no maximum. tolerance: in standard errors, of the last step. start: p coefficients to start from.
    Returns
        CoxFit. A constant or redundant covariate, a monotone likelihood, no events: refused by name. NotConverged when rounding
        hides the maximum: weights or scores of one sample many powers of ten apart.
    References
        Cox (1972) JRSS B 34:187; Breslow (1974) Biometrics 30:89; Efron (1977) JASA 72:557, section 3; Kalbfleisch & Prentice
        (2002), eq. 4.1 ff.; Lin & Wei (1989) JASA 84:1074, eq. 2.6; Therneau & Grambsch (2000), 3.1-3.3, 7.2.
    Checked
        Exact (Therneau's data set by hand), published (Freireich, Rossi), reference (R coxph with entry, strata, weights,
        clusters, three tie rules), slow implementations in fractions, properties: tests/estimators/test_cox.py, tests/reference.
        Separation beside linear programming over all pairs: tests/failures/test_reviewed_estimators_cox.py.
    """
    level = checked_level(conf_level)
    if on_separation not in ("refuse", "firth"):
        raise refuse(f"`on_separation` is {on_separation!r}", way_out="Use 'refuse' or 'firth'.")
    sample = cox_sample(time, event, covariates, names=names, entry=entry, weight=weight, strata=strata, cluster=cluster)
    sandwich = _is_robust(sample, robust)
    refuse_unanswerable(sample, ties, robust=sandwich)
    likelihood = partial_likelihood(sample, ties)
    null = likelihood(np.zeros(len(sample.names)))
    refuse_uninformative(sample, null.information)
    try:
        optimum = _maximised(sample, likelihood, null, ties, start, tolerance, max_iterations)
    except Separated:
        if on_separation != "firth":
            raise
    else:
        return _fitted(sample, optimum, null, ties, level, robust=sandwich)

    return firth_fit(sample, ties=ties, conf_level=level, robust=sandwich)


def _is_robust(sample: CoxSample, robust: bool | None) -> bool:
    if sample.cluster is not None:
        return True
    if robust is not None:
        return robust
    return sample.weight is not None and not are_copies(sample.weight)


def _maximised(
    sample: CoxSample,
    likelihood: Callable[[FloatArray], Evaluation],
    null: Evaluation,
    ties: Ties,
    start: npt.ArrayLike | None,
    tolerance: float,
    max_iterations: int,
) -> Optimum:
    p = len(sample.names)
    beta, first = np.zeros(p), null
    if start is not None:
        beta = np.asarray(start, dtype=np.float64)
        if beta.shape != (p,) or not np.isfinite(beta).all():
            raise refuse(f"`start` has shape {beta.shape}, or numbers that are not finite, for {p} coefficients")
        first = likelihood(beta)
        if not np.isfinite(first.log_likelihood):
            raise refuse("the partial likelihood cannot be evaluated at `start`")
    watch = SeparationWatch(sample, null.information, ties)
    # Weights that are small all together make every standard error large, and none of the estimates better.
    tolerance *= float(np.sqrt(watch.unit))
    try:
        return maximise(likelihood, beta, first, tolerance=tolerance, max_iterations=max_iterations, watch=watch)
    except NotConverged:
        watch.look()
        slow = None if ties == "exact" or sample.n > SMALL else scanned_evaluation(sample, ties)
        if slow is None:
            raise
        return maximise(slow, beta, slow(beta), tolerance=tolerance, max_iterations=max_iterations, watch=watch)


def _fitted(sample: CoxSample, optimum: Optimum, null: Evaluation, ties: Ties, level: float, *, robust: bool) -> CoxFit:
    beta, best = optimum.beta, optimum.evaluation
    naive = inverse(best.information)
    covariance = _sandwich(sample, beta, ties, naive) if robust else naive
    estimates = Coefficients(sample.names, beta, covariance, conf_level=level, robust=robust)
    return CoxFit(
        coefficients=estimates,
        log_likelihood=best.log_likelihood,
        null_log_likelihood=null.log_likelihood,
        score_test=null_test(float(null.gradient @ solved(null)), beta.size),
        likelihood_ratio_test=null_test(2.0 * (best.log_likelihood - null.log_likelihood), beta.size),
        wald_test=NullTest(*estimates.wald()),
        naive_covariance=naive,
        ties=ties,
        linear_predictor=times(sample.x, beta),
        iterations=optimum.iterations,
        gradient_norm=optimum.distance,
        penalised=False,
        n=sample.n,
        n_events=int(np.count_nonzero(sample.event)),
        sample=sample,
    )


def _sandwich(sample: CoxSample, beta: FloatArray, ties: str, naive: FloatArray) -> FloatArray:
    """The robust covariance; refused where the scores of too few rows or clusters leave a combination without any variance."""
    middle = squared_scores(sample, beta, ties)
    scale = np.sqrt(np.diagonal(naive))
    if float(np.linalg.eigvalsh(middle * (scale[:, None] * scale))[0]) <= NO_VARIANCE * sample.weights.mean():
        raise refuse(
            f"the robust covariance of {len(sample.names)} coefficients has no full rank: scores of rows or clusters cancel",
            way_out="There are too few independent rows or clusters with events: report the counts, or fit fewer covariates.",
        )
    covariance = naive @ middle @ naive
    return np.asarray((covariance + covariance.T) / 2.0)


def squared_scores(sample: CoxSample, beta: FloatArray, ties: str) -> FloatArray:
    """Sum over clusters of the outer product of the cluster's weighted score."""
    from tendon_outcomes.estimators.regression.cox.residuals import score_residuals  # noqa: PLC0415  (imports this room)

    scores = score_residuals(sample, beta, ties)
    if sample.weight is not None:
        scores = scores * sample.weight[:, None]
    if sample.cluster is not None:
        scores = np.column_stack([np.bincount(sample.cluster, weights=column) for column in scores.T])
    return np.asarray(scores.T @ scores)
