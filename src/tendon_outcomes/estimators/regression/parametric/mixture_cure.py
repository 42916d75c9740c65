"""Mixture cure regression: who ever has the event, and when those who have it do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.limits import Pointwise, two_sided_z
from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, checked_level, refuse
from tendon_outcomes.estimators.proportions import Proportion
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import DEGENERATE, fitted
from tendon_outcomes.estimators.regression.parametric.cure_likelihood import CureLikelihood
from tendon_outcomes.estimators.regression.parametric.cure_plateau import CERTAIN, PLATEAU, refuse_short_follow_up, share_seen
from tendon_outcomes.estimators.regression.parametric.cure_profile import profile_limits
from tendon_outcomes.estimators.regression.parametric.error_distributions import Distribution, error_distribution
from tendon_outcomes.estimators.regression.parametric.interval_rows import IntervalRows, covariate_columns, interval_rows
from tendon_outcomes.estimators.regression.parametric.log_cumulative_limits import log_cumulative_limits
from tendon_outcomes.estimators.regression.parametric.newton import Maximum, climb, refuse_runaway, sandwich
from tendon_outcomes.estimators.regression.parametric.standardised import block_diagonal, standardised, way_back
from tendon_outcomes.estimators.regression.parametric.time_likelihood import TimeLikelihood, event_terms

ROUNDING = 1e-14

ENDLESS = (
    "Follow-up may be too short to tell never from later, the fraction 0 (accelerated_failure_time), or a covariate may tell "
    "without exception who never has the event (leave it out)."
)


@dataclass(frozen=True, slots=True, eq=False)
class MixtureCureFit:
    """logit Pr(ever) = z'c and log T = x'b + s W for those who do.

    `share_seen`: of those who will have the event, the mean modelled share that have had it by the day to which a tenth of the
    rows without the event were followed.
    `never` is the fraction that never has it where no covariates say who: profile-likelihood limits (Wald on the logit when
    robust); None otherwise.
    """

    ever: Coefficients
    time: Coefficients
    never: Proportion | None
    never_interval: str
    share_seen: float
    distribution: str
    log_likelihood: float
    log_likelihood_without_never: float
    n: int
    n_events: float
    last_follow_up: float
    iterations: int
    gradient_norm: float
    covariance: FloatArray = field(repr=False)  # of ever's coefficients, then time's

    def never_fraction(self, covariates_cured: npt.ArrayLike | None = None) -> Proportion:
        """1 - Pr(ever | z) for one row of covariates, limits normal on the logit."""
        z = _row(covariates_cured, self.ever.estimate.size - 1)
        (logit,), (error,) = self.ever.combination(z)
        reach = two_sided_z(self.ever.conf_level) * float(error)
        value, low, high = (1.0 / (1.0 + np.exp(float(logit) + shift)) for shift in (0.0, reach, -reach))
        return Proportion(float(value), float(low), float(high), self.ever.conf_level)

    def incidence(
        self, days: npt.ArrayLike, covariates_cured: npt.ArrayLike | None = None, covariates_time: npt.ArrayLike | None = None
    ) -> Pointwise:
        """Pr(ever) F(t) at the days, limits normal on log(-log(1 - .)); 0 on day 0, refused beyond the last follow-up."""
        asked = np.asarray(days, dtype=np.float64)
        flat = np.ravel(asked)
        if not (np.isfinite(flat) & (flat >= 0.0)).all():
            raise refuse("days must be finite and not negative")
        if (flat > self.last_follow_up * (1.0 + TIE_TOLERANCE)).any():
            raise refuse(
                f"{np.count_nonzero(flat > self.last_follow_up)} of the days asked for lie beyond the last follow-up",
                way_out=f"The largest day these data allow is {self.last_follow_up:g}.",
            )
        q, fixed = self.ever.estimate.size, self.distribution == "exponential"
        p = self.time.estimate.size - (0 if fixed else 1)
        z, x = _row(covariates_cured, q - 1), _row(covariates_time, p - 1)
        later = flat > 0.0
        log_s = 0.0 if fixed else float(self.time.estimate[p])
        m, v = np.full(flat.size, float(x @ self.time.estimate[:p])), np.full(flat.size, log_s)
        terms = event_terms(error_distribution(self.distribution), np.zeros(flat.size), np.where(later, flat, 1.0), m, v)
        share = 1.0 / (1.0 + np.exp(-float(z @ self.ever.estimate)))
        log_value = np.log(share) + terms.value
        value = np.exp(log_value)
        slope = np.concatenate(
            (np.full((flat.size, 1), 1.0 - share) * z, terms.m[:, None] * x, terms.v[:, None][:, : self.time.estimate.size - p]),
            axis=1,
        )
        variance = np.einsum("ij,jk,ik->i", slope, self.covariance, slope)
        relative: FloatArray = np.sqrt(np.maximum(variance, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            # log(-log(1 - F)) and its slope in log F; log F itself and 1 where F is within rounding of 0.
            seen = value > ROUNDING
            log_cumulative = np.where(seen, np.log(-np.log1p(-value)), log_value)
            steep = np.where(seen, value / ((1.0 - value) * -np.log1p(-value)), 1.0)
        limits = log_cumulative_limits(log_cumulative, relative * steep, conf_level=self.ever.conf_level)
        columns = (value, value * relative, *limits)
        return Pointwise(*(np.where(later, column, 0.0).reshape(asked.shape) for column in columns))


def mixture_cure(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    covariates_cured: npt.ArrayLike | None = None,
    covariates_time: npt.ArrayLike | None = None,
    *,
    distribution: Distribution = "weibull",
    names_cured: Sequence[str] | None = None,
    names_time: Sequence[str] | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
) -> MixtureCureFit:
    """The fraction that never has the event, and the time of those who do.

    Estimand
        1 - pi(z) = Pr(never), and the law of T among those who ever have the event.
    Estimator
        Maximum likelihood in (c, b, log s), the higher of the maxima from two starts: log pi + log(S(left) - S(right)) (the log
        density when exact) for rows with it, log(1 - pi + pi S(left)) for the others; logit pi = z'c, log T = x'b + s W as in
        accelerated_failure_time.
    Interval
        Wald with the inverse observed information; the sandwich for weights that are not copies, `robust` or `cluster`. `never`:
        profile likelihood, the values p with 2 (max - max given p) <= the chi-square quantile, from 0 where that reaches it; Wald
        on the logit for robust fits.
    Conventions
        Rows as in accelerated_failure_time. Coefficients of `ever` are log odds of having the event at all.
    Assumes
        The distribution, in its tail too: what is called never is what the distribution does not reach. Follow-up long enough.
    Not for
        Follow-up without a plateau: refused when, by the fit, fewer than 80 % of those who will have the event (lower 95 % limit:
        60 %) have had it by the day to which a tenth of those without it were followed. The limit is there because a fit that
        overstates the never also overstates that share. A fraction of 0: refused, the model is then accelerated_failure_time.
        Delayed entry. Competing causes.
    Parameters
        left, right: n times each. covariates_cured, covariates_time: (n, q), (n, p) or None. distribution as there. names_cured,
        names_time: words. weight: n non-negative numbers. cluster: n labels. conf_level in (0, 1). robust: overrides the weights.
    Returns
        MixtureCureFit.
    References
        Boag (1949) JRSS B 11:15; Farewell (1982) Biometrics 38:1041, eq. 1; Maller & Zhou (1996) Survival Analysis with Long-Term
        Survivors, ch. 4 (sufficient follow-up); Venzon & Moolgavkar (1988) Applied Statistics 37:87 (profile limits).
    Checked
        Exact (a plateau after all events: the binomial share), reference (a likelihood in R, optim), properties, a slow second
        implementation: tests/estimators/test_mixture_cure.py, tests/reference/parametric.R, tests/properties,
        tests/slow_reference.
    """
    level, law = checked_level(conf_level), error_distribution(distribution)
    rows = interval_rows(left, right, entry=None, weight=weight, strata=None, cluster=cluster, robust=robust)
    n = int(np.size(left))
    of_ever, ever_names = covariate_columns(covariates_cured, names_cured, rows, n)
    of_time, time_names = covariate_columns(covariates_time, names_time, rows, n)
    z, *scaling_ever = standardised(of_ever, rows.weight, intercept=True)
    x, *scaling_time = standardised(of_time, rows.weight, intercept=True)
    fixed = distribution == "exponential"
    time_names = time_names if fixed else (*time_names, "log(scale)")
    if np.isfinite(rows.right).all():
        raise refuse("every row has the event: nobody can be said never to have it", way_out="Use accelerated_failure_time.")
    time = TimeLikelihood(rows=rows, x=x, law=law, fixed_scale=fixed)
    without = fitted(time, rows, x)
    likelihood = CureLikelihood(z=z, time=time)
    top = _climbed(likelihood, without, rows)
    q = z.shape[1]
    if not fixed and float(top.at[-1]) < DEGENERATE:
        raise refuse("the scale runs to 0: the times are explained without remainder")
    _refuse_boundary(likelihood, top, without)
    seen, at_least = share_seen(likelihood, top, rows)
    refuse_short_follow_up(seen, PLATEAU, rows, "")
    spread = np.concatenate((np.ptp(z, axis=0), np.ptp(x, axis=0) / _scale(top.at, fixed), np.ones(0 if fixed else 1)))
    spread[0], spread[q] = 1.0, 1.0 / _scale(top.at, fixed)
    refuse_runaway((*ever_names, *time_names), top.covariance, spread)
    refuse_short_follow_up(at_least, CERTAIN, rows, "perhaps only ")
    covariance, by_scores = top.covariance, rows.by_weight or rows.cluster is not None
    if by_scores:
        covariance = sandwich(covariance, likelihood.scores_of(likelihood.terms(top.at)), rows.weight, rows.cluster)
    back = block_diagonal(way_back(*scaling_ever), way_back(*scaling_time), np.eye(top.at.size - q - x.shape[1]))
    beta, covariance = back @ top.at, back @ covariance @ back.T
    ever = Coefficients(ever_names, beta[:q], covariance[:q, :q], level, by_scores)
    never = None
    if q == 1:
        never = _never_by_wald(ever) if by_scores else profile_limits(likelihood, top, without.value, level)
    return MixtureCureFit(
        ever=ever,
        time=Coefficients(time_names, beta[q:], covariance[q:, q:], level, by_scores),
        never=never,
        never_interval="Wald" if by_scores else "profile",
        share_seen=seen,
        distribution=distribution,
        log_likelihood=top.value,
        log_likelihood_without_never=without.value,
        n=rows.n,
        n_events=float(rows.weight[np.isfinite(rows.right)].sum()),
        last_follow_up=rows.last_follow_up,
        iterations=top.iterations,
        gradient_norm=top.gradient_norm,
        covariance=covariance,
    )


def _climbed(likelihood: CureLikelihood, without: Maximum, rows: IntervalRows) -> Maximum:
    """The higher maximum from two starts: the times of the seen rows alone, and the model without a never-fraction."""
    seen = np.isfinite(rows.right)
    fraction = float(rows.weight[seen].sum() / rows.weight.sum())
    p = likelihood.time.x.shape[1]
    middle = np.where(seen, 0.5 * (rows.left + np.where(seen, rows.right, 0.0)), 1.0)
    y = np.log(np.maximum(middle, 1e-3 * float(middle[seen].max())))
    alone = np.zeros(without.at.size)
    alone[0] = float(np.average(y[seen], weights=rows.weight[seen]))
    alone[p:] = np.log(max(float(np.sqrt(np.average((y[seen] - alone[0]) ** 2, weights=rows.weight[seen]))), 0.2))
    logit = np.zeros(likelihood.z.shape[1])
    logit[0] = np.log(fraction / (1.0 - fraction))
    few_never = np.append(np.log(9.0), np.zeros(logit.size - 1))
    tops, failed = [], None
    for start in ((logit, alone), (few_never, without.at)):
        try:
            tops.append(climb(likelihood.evaluate, np.concatenate(start), what="the mixture cure model", way_out=ENDLESS))
        except NotConverged as error:
            failed = error
    if failed is not None and not tops:
        raise failed
    return max(tops, key=lambda top: top.value)


def _refuse_boundary(likelihood: CureLikelihood, top: Maximum, without: Maximum) -> None:
    share = 1.0 / (1.0 + np.exp(-(likelihood.z @ top.at[: likelihood.q])))
    weight = likelihood.time.rows.weight
    if top.value <= without.value + 1e-8 or float(np.average(1.0 - share, weights=weight)) < 1e-6:
        raise refuse(
            "no fraction that never has the event is seen: the likelihood is highest with a fraction of 0",
            way_out="Use accelerated_failure_time.",
        )


def _never_by_wald(ever: Coefficients) -> Proportion:
    value, low, high = (1.0 / (1.0 + np.exp(float(c[0]))) for c in (ever.estimate, ever.conf_high, ever.conf_low))
    return Proportion(float(value), float(low), float(high), ever.conf_level)


def _scale(beta: FloatArray, fixed: bool) -> float:
    return 1.0 if fixed else float(np.exp(beta[-1]))


def _row(covariates: npt.ArrayLike | None, size: int) -> FloatArray:
    values = np.zeros(0) if covariates is None else np.atleast_1d(np.asarray(covariates, dtype=np.float64))
    if values.shape != (size,) or not np.isfinite(values).all():
        raise refuse(f"one row of {size} finite covariates is expected")
    return np.concatenate((np.ones(1), values))
