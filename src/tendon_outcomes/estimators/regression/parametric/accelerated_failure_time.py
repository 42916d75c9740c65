"""Accelerated failure time regression for exact, right-, left- and interval-censored times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, checked_level, refuse
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.parametric.error_distributions import Distribution, error_distribution
from tendon_outcomes.estimators.regression.parametric.interval_rows import IntervalRows, covariate_columns, interval_rows
from tendon_outcomes.estimators.regression.parametric.newton import Maximum, climb, refuse_runaway, sandwich
from tendon_outcomes.estimators.regression.parametric.parametric_fit import ParametricFit
from tendon_outcomes.estimators.regression.parametric.standardised import block_diagonal, standardised, way_back
from tendon_outcomes.estimators.regression.parametric.time_likelihood import TimeLikelihood

DEGENERATE = -12.0  # A log scale below this means that the covariates leave no remainder.


def accelerated_failure_time(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    *,
    distribution: Distribution = "weibull",
    names: Sequence[str] | None = None,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
) -> ParametricFit:
    """A log-linear model of the time itself: what multiplies the time to the event.

    Estimand
        b in log T = b0 + x'b + s W; exp(b_j) is the factor by which the time is longer per unit of covariate j.
    Estimator
        Maximum likelihood in (b, log s): log f at an exact time, log(S(left) - S(right)) for an interval, log S(left) when
        right-censored, less log S(entry). W: smallest extreme value (weibull; exponential with s = 1), normal (lognormal),
        logistic (loglogistic). Newton's method with second derivatives. With `strata` each stratum has its own s.
    Interval
        Wald with the inverse observed information C; C J C with J the summed squares of weighted scores, of rows when weights are
        not copies or `robust`, of clusters when `cluster` is given. Quantiles: normal on log t. Incidence: normal on
        log(-log(1 - F)).
    Conventions
        left = right is an exact time, right = inf right-censored, left = 0 left-censored, (left, right] otherwise. Whole-number
        weights are copies. Rows of weight 0 are left out. The log-likelihood is that of the times, not of their logarithms.
    Assumes
        The distribution; censoring and visits unrelated to the time given the covariates; independent rows or clusters.
    Not for
        Predictions beyond the last follow-up (refused). A part that never has the event (mixture_cure). Competing causes treated
        as censored, unless the hazard of the one cause alone is meant.
    Parameters
        left, right: n times each. covariates: (n, p) or None. names: p words. distribution: as above. entry: n times at or before
        `left`. weight: n non-negative numbers. strata, cluster: n labels. conf_level in (0, 1). robust: overrides what the
        weights say.
    Returns
        ParametricFit; coefficients on the log-time scale, the log scales last.
    References
        Kalbfleisch & Prentice (2002) The Statistical Analysis of Failure Time Data, 2nd ed., section 3.6 (likelihood and
        derivatives); Lin & Wei (1989) JASA 84:1074 (sandwich); R survival, survreg.
    Checked
        Exact (exponential: events over time), reference (R survreg: all distributions and kinds of censoring, weights, clusters,
        strata, quantiles), properties, a slow second implementation: tests/estimators/test_accelerated_failure_time.py,
        tests/reference/parametric.R, tests/properties, tests/slow_reference.
    """
    level, law = checked_level(conf_level), error_distribution(distribution)
    fixed = distribution == "exponential"
    if fixed and strata is not None:
        raise refuse("an exponential time has scale 1: `strata` would have no scales to differ in")
    rows = interval_rows(left, right, entry=entry, weight=weight, strata=strata, cluster=cluster, robust=robust)
    given, labels = covariate_columns(covariates, names, rows, np.size(left))
    x, centre, size = standardised(given, rows.weight, intercept=True)
    likelihood = TimeLikelihood(rows=rows, x=x, law=law, fixed_scale=fixed)
    top = fitted(likelihood, rows, x)
    spread = np.append(np.maximum(np.ptp(x, axis=0), np.abs(x).max(axis=0) * 1e-8), np.ones(top.at.size - x.shape[1]))
    scales = () if fixed else _scale_names(rows)
    refuse_runaway((*labels, *scales), top.covariance, _per_scale(spread, top.at, x.shape[1]))
    covariance = top.covariance
    by_scores = rows.by_weight or rows.cluster is not None
    if by_scores:
        scores = likelihood.scores_of(likelihood.terms(top.at))
        covariance = sandwich(covariance, scores, rows.weight, rows.cluster)
    back = block_diagonal(way_back(centre, size), np.eye(top.at.size - size.size))
    null = top.value if x.shape[1] == 1 else _null(rows, law=likelihood).value
    return ParametricFit(
        coefficients=Coefficients((*labels, *scales), back @ top.at, back @ covariance @ back.T, level, by_scores),
        n_covariates=x.shape[1],
        distribution=distribution,
        log_likelihood=top.value,
        null_log_likelihood=null,
        naive_covariance=back @ top.covariance @ back.T,
        strata=rows.stratum_labels,
        n=rows.n,
        n_events=float(rows.weight[np.isfinite(rows.right)].sum()),
        last_follow_up=rows.last_follow_up,
        iterations=top.iterations,
        gradient_norm=top.gradient_norm,
    )


def fitted(likelihood: TimeLikelihood, rows: IntervalRows, x: FloatArray) -> Maximum:
    """The maximum of the likelihood, from a least-squares start on the logarithms of the middles."""
    scales = likelihood.scale_columns.shape[1]
    finite = np.isfinite(rows.right)
    middle = np.where(finite, 0.5 * (rows.left + np.where(finite, rows.right, 0.0)), rows.left)
    y = np.log(np.maximum(middle, 1e-3 * float(middle.max())))
    root = np.sqrt(rows.weight)
    b = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
    spread = max(float(np.sqrt(np.average((y - x @ b) ** 2, weights=rows.weight))), 0.2)
    start = np.concatenate((b, np.full(scales, np.log(spread))))
    way_out = "Exact times that the covariates explain without remainder, and single intervals, have no scale to estimate."
    top = climb(likelihood.evaluate, start, what="the time model", way_out=way_out)
    if scales and float(top.at[x.shape[1] :].min()) < DEGENERATE:
        raise refuse("the scale runs to 0: the times are explained without remainder", way_out=way_out)
    return top


def _null(rows: IntervalRows, law: TimeLikelihood) -> Maximum:
    """The same model with an intercept only."""
    alone = np.ones((rows.n, 1))
    return fitted(TimeLikelihood(rows=rows, x=alone, law=law.law, fixed_scale=law.fixed_scale), rows, alone)


def _scale_names(rows: IntervalRows) -> tuple[str, ...]:
    if len(rows.stratum_labels) == 1:
        return ("log(scale)",)
    return tuple(f"log(scale) {label}" for label in rows.stratum_labels)


def _per_scale(spread: FloatArray, at: FloatArray, p: int) -> FloatArray:
    """Spreads of the covariates in units of the largest scale, so that the unit of time does not matter."""
    scale = float(np.exp(at[p:].max(initial=0.0))) if at.size > p else 1.0
    return np.concatenate((spread[:p] / scale, spread[p:]))
