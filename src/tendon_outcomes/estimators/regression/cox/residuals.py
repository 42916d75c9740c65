"""Residuals of a Cox model at given coefficients: martingale, deviance, score, Schoenfeld, and changes when a row is left out.

Every function takes a CoxSample, the coefficients and the tie rule; one row of the answer for each row of the sample, in its
order (rows of weight 0 are not in the sample). Functions named `..._of` take the sums over risk sets that others have made.
"""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, refuse, summed_by
from tendon_outcomes.estimators.regression.cox.event_residuals import (
    SchoenfeldResiduals,
    scaled_schoenfeld,
    schoenfeld,
    step_means,
)
from tendon_outcomes.estimators.regression.cox.hazard_steps import HazardSteps, hazard_steps
from tendon_outcomes.estimators.regression.cox.sample import CoxSample
from tendon_outcomes.estimators.regression.cox.step_information import borne_hazard, covariance_of

__all__ = [
    "SchoenfeldResiduals",
    "deviance",
    "dfbeta",
    "dfbetas",
    "martingale",
    "martingale_of",
    "scaled_schoenfeld",
    "schoenfeld",
    "score_residuals",
    "score_residuals_of",
    "summed_within",
]


def martingale(sample: CoxSample, beta: FloatArray, ties: str) -> FloatArray:
    """Events of each row minus the number that the model expected of it.

    Estimand
        M_i = N_i - integral of Y_i exp(x_i'beta) dH0, the events of a row that its covariates and time at risk do not explain.
    Estimator
        event_i - exp(x_i'beta) sum of the steps of the baseline hazard at which row i is at risk. Efron: a row with its event
        among d on a day bears w (1 - l/d) / D_l, l = 0..d-1, of that day instead of w / D_l.
    Interval
        None; the residuals are below 1 and their weighted sum is 0 in every stratum.
    Conventions
        Not multiplied by the weight. Rows never at risk at an event and without one have 0.
    Assumes
        Independent censoring and entry.
    Not for
        Judging a single row: its distribution is far from normal. The exact tie rule (refused).
    Parameters
        sample: n rows. beta: (p,). ties: "efron" or "breslow".
    Returns
        (n,)
    References
        Therneau, Grambsch & Fleming (1990) Biometrika 77:147, eq. 3; Therneau & Grambsch (2000), 3.3 (Efron) and 4.2.
    Checked
        Exact by hand (six rows), slow definition in loops, reference (R residuals.coxph), properties.
    """
    return martingale_of(hazard_steps(sample, beta, ties))


def martingale_of(steps: HazardSteps) -> FloatArray:
    """Martingale residuals from sums that are there."""
    return np.asarray((steps.own >= 0) - steps.score * borne_hazard(steps), dtype=np.float64)


def deviance(sample: CoxSample, beta: FloatArray, ties: str) -> FloatArray:
    """Martingale residuals made more symmetric about 0.

    Estimand
        The signed square root of twice the log likelihood that a row loses against a model with a parameter of its own.
    Estimator
        sign(M) sqrt(-2 (M + event log(event - M))), M the martingale residual.
    Interval
        None.
    Conventions
        Not multiplied by the weight; event - M is the number expected of the row, and 0 log 0 is 0.
    Assumes
        As `martingale`.
    Not for
        A goodness-of-fit total: the squares do not sum to a chi-square when many are censored.
    Parameters
        As `martingale`.
    Returns
        (n,)
    References
        Therneau, Grambsch & Fleming (1990) Biometrika 77:147, section 3; Therneau & Grambsch (2000), 4.3.
    Checked
        Exact by hand, slow definition in loops, reference (R residuals.coxph).
    """
    steps = hazard_steps(sample, beta, ties)
    residual = martingale_of(steps)
    expected = np.maximum(steps.score * borne_hazard(steps), 0.0)
    log_expected = np.log(expected, out=np.zeros_like(expected), where=sample.event & (expected > 0.0))
    inside = np.maximum(-2.0 * (residual + log_expected), 0.0)
    return np.asarray(np.sign(residual) * np.sqrt(inside), dtype=np.float64)


def score_residuals(sample: CoxSample, beta: FloatArray, ties: str) -> FloatArray:
    """How far each row pulls each coefficient: the derivative of the partial likelihood's score by the row's weight.

    Estimand
        L_i = integral of (x_i - xbar) dM_i, xbar the weighted mean of the covariates over the risk set.
    Estimator
        event_i (x_i - xbar) - exp(x_i'beta) sum over the steps at risk of (x_i - xbar) dH0. Efron: means and hazards are
        taken over the d denominators D_l of a day, with the share 1 - l/d for the rows with events on that day.
    Interval
        None; weight_i L_i summed within clusters is the middle of the sandwich variance.
    Conventions
        Not multiplied by the weight; the weighted sum is the score vector, 0 at the maximum. Exact derivative under Breslow
        and under Efron without ties; with ties and unequal weights Efron's mean weight of the events is taken as given.
    Assumes
        As `martingale`.
    Not for
        The exact tie rule (refused).
    Parameters
        As `martingale`.
    Returns
        (n, p)
    References
        Lin & Wei (1989) JASA 84:1074, eq. 2.9; Therneau & Grambsch (2000), 7.2; Binder (1992) Biometrika 79:139 (weights).
    Checked
        Slow definition in loops, reference (R residuals.coxph), properties (sums to the score).
    """
    return score_residuals_of(hazard_steps(sample, beta, ties))


def score_residuals_of(steps: HazardSteps, factor: FloatArray | None = None) -> FloatArray:
    """Score residuals from sums that are there; with `factor` (K,), of the covariates times a function of time."""
    of_step = np.ones(steps.day.size) if factor is None else factor
    means = step_means(steps)
    score = steps.score[:, None]
    residual: FloatArray = steps.passed(of_step[:, None] * means.hazard_mean)
    residual -= steps.x * borne_hazard(steps, of_step)[:, None]
    at = np.flatnonzero(steps.own >= 0)
    own = steps.own[at]
    residual[at] -= (of_step[:, None] * means.spared_mean)[own]
    residual *= score
    residual[at] += of_step[own][:, None] * (steps.x[at] - means.event_mean[own])
    return residual


def dfbeta(sample: CoxSample, beta: FloatArray, ties: str, *, by_cluster: bool = False) -> FloatArray:
    """About how much each coefficient would fall if a row (or a cluster) were left out.

    Estimand
        beta - beta without row i, to first order.
    Estimator
        weight_i L_i V, L_i the score residual, V the inverse information.
    Interval
        None; the cross-product of these rows (summed within clusters) is the robust covariance of the coefficients.
    Conventions
        Multiplied by the weight, unlike the other residuals, because leaving a row out removes its weight. V is model-based
        whether or not the fit has a sandwich variance.
    Assumes
        As `martingale`.
    Not for
        Samples where one row decides the fit: the change is not first order there; refit. The exact tie rule (refused).
    Parameters
        As `martingale`. by_cluster: sum over the rows of each cluster; the sample must have clusters.
    Returns
        (n, p), or (number of clusters, p).
    References
        Cain & Lange (1984) Biometrics 40:493; Therneau & Grambsch (2000), 7.1-7.2.
    Checked
        Slow definition in loops, reference (R residuals.coxph, with and without collapse).
    """
    steps = hazard_steps(sample, beta, ties)
    change = (sample.weights[:, None] * score_residuals_of(steps)) @ covariance_of(steps, sample.names)
    return summed_within(change, sample) if by_cluster else change


def dfbetas(sample: CoxSample, beta: FloatArray, ties: str, *, by_cluster: bool = False) -> FloatArray:
    """`dfbeta` in model-based standard errors of the coefficients.

    Estimand
        The change of each coefficient when a row is left out, in units of its standard error.
    Estimator
        dfbeta_ij / sqrt(V_jj).
    Interval
        None.
    Conventions
        As `dfbeta`.
    Assumes
        As `martingale`.
    Not for
        As `dfbeta`.
    Parameters
        As `dfbeta`.
    Returns
        (n, p), or (number of clusters, p).
    References
        Therneau & Grambsch (2000), 7.1.
    Checked
        Reference (R residuals.coxph).
    """
    covariance = covariance_of(hazard_steps(sample, beta, ties), sample.names)
    return np.asarray(dfbeta(sample, beta, ties, by_cluster=by_cluster) / np.sqrt(np.diagonal(covariance)), dtype=np.float64)


def summed_within(rows: FloatArray, sample: CoxSample) -> FloatArray:
    """Sums of `rows` (n, q) over each cluster, in the order of the clusters' labels."""
    if sample.cluster is None:
        raise refuse("the sample has no clusters", way_out="Give `cluster` when the model is fitted.")
    size = int(sample.cluster.max()) + 1
    return np.stack([summed_by(sample.cluster, rows[:, j], size) for j in range(rows.shape[1])], axis=1)
