"""Fine and Gray's model: covariates and the cumulative incidence of one cause among several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators.limits import Pointwise, probability_limits
from tendon_outcomes.estimators.observations import (
    TIE_TOLERANCE,
    FloatArray,
    are_copies,
    checked_level,
    checked_weights,
    refuse,
    summed_by,
)
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.cox.newton import COLLAPSED
from tendon_outcomes.estimators.regression.cox.separation import Separated, SeparationWatch
from tendon_outcomes.estimators.regression.subdistribution import (
    SpreadTooWide,
    SubdistributionSample,
    SubdistributionSums,
    as_cox_sample,
    evaluated,
    subdistribution_sample,
)
from tendon_outcomes.estimators.regression.subdistribution_influence import hazard_influence, score_influence

HALVINGS = 40


@dataclass(frozen=True, slots=True, eq=False)
class FineGrayFit:
    """A fitted subdistribution hazards model.

    `coefficients` are log subdistribution hazard ratios with their sandwich covariance; `naive_covariance` is the inverse
    information. `time` and `hazard` are the days with an event of interest and the baseline's increments there, for covariates
    at 0. `influence` (n, p) is the derivative of the coefficients by each row's weight (rows of weight 0 are left out).
    """

    coefficients: Coefficients
    naive_covariance: FloatArray
    log_likelihood: float
    null_log_likelihood: float
    cause_of_interest: int
    n: int
    n_events: int
    n_competing: int
    n_censored: int
    iterations: int
    time: FloatArray
    hazard: FloatArray
    last_follow_up: float
    influence: FloatArray = field(repr=False)
    sample: SubdistributionSample = field(repr=False)
    _sums: SubdistributionSums = field(repr=False)
    _copies: bool = field(repr=False)

    def hazard_ratios(self) -> Pointwise:
        """Subdistribution hazard ratios; delta-method std_error, limits are exp of the Wald limits of the logarithm."""
        c = self.coefficients
        ratio = np.exp(c.estimate)
        return Pointwise(ratio, ratio * c.std_error, np.exp(c.conf_low), np.exp(c.conf_high))

    def incidence(self, covariates: npt.ArrayLike, days: npt.ArrayLike) -> Pointwise:
        """Predicted cumulative incidence of the cause for k rows of covariates on d days: four (k, d) arrays.

        F(t | x) = 1 - exp(-exp(x'beta) H0(t)). The standard error is that of the sum of squared influences, which counts the
        coefficients, the baseline and the censoring curve; limits are on the scale log(-log(1 - F)). Before the first event of
        interest all four are 0. A day beyond the last follow-up is refused.
        """
        rows = np.atleast_2d(np.asarray(covariates, dtype=np.float64))
        if rows.shape[-1] != len(self.coefficients.names) or not np.isfinite(rows).all():
            raise refuse(f"covariates to predict for must be rows of {len(self.coefficients.names)} finite numbers")
        sample, sums, last = self.sample, self._sums, self._day_numbers(days)
        score = np.exp((rows - sample.centre) @ self.coefficients.estimate - sums.shift)
        baseline = np.concatenate(([0.0], np.cumsum(sums.hazard)))[last + 1]
        cumulative = score[:, None] * baseline
        std_error = np.empty_like(cumulative)
        for j, day in enumerate(last):
            moved = hazard_influence(sample, sums, self.influence, int(day))[:, None]
            moved = moved + baseline[j] * self.influence @ (rows - sample.centre).T
            std_error[:, j] = score * np.sqrt(np.diagonal(squared(moved, sample, copies=self._copies)))
        free = np.exp(-cumulative)
        low, high = probability_limits(free, free * std_error, conf_level=self.coefficients.conf_level, interval="log-log")
        none = cumulative == 0.0
        return Pointwise(1.0 - free, free * std_error, np.where(none, 0.0, 1.0 - high), np.where(none, 0.0, 1.0 - low))

    def _day_numbers(self, days: npt.ArrayLike) -> npt.NDArray[np.int64]:
        day = np.atleast_1d(np.asarray(days, dtype=np.float64))
        slack = TIE_TOLERANCE * max(1.0, self.last_follow_up)
        beyond = int(np.count_nonzero(~(day <= self.last_follow_up + slack)))
        if beyond:
            raise refuse(
                f"{beyond} of {day.size} days lie beyond the last follow-up",
                way_out=f"The latest day with an answer is {self.last_follow_up:g}.",
            )
        return np.searchsorted(self.sample.time, day + slack, side="right").astype(np.int64) - 1


def fine_gray(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    cause_of_interest: int = 1,
    names: Sequence[str] | None = None,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    censoring_group: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
    tolerance: float = 1e-21,
    max_iterations: int = 60,
) -> FineGrayFit:
    """Proportional hazards of the subdistribution: which covariates go with a higher cumulative incidence of one cause.

    Estimand
        beta in 1 - F_1(t | x) = exp(-exp(x'beta) H0(t)), F_1 the cumulative incidence of the cause of interest.
    Estimator
        Maximum of the partial likelihood (Breslow's for ties) in which a row with another cause stays in the risk sets after its
        day T_i with weight G(t-) / G(T_i-), G the Kaplan-Meier curve of not being censored (in each censoring group).
    Interval
        Wald, with the sandwich I^-1 sum (eta_i + psi_i)(eta_i + psi_i)' I^-1; psi_i carries the estimation of G. Squares are of
        w_i times these (summed within clusters); whole-number weights are copies unless `robust=True` or clusters are given.
    Conventions
        Censorings on a day come after its events. As in cmprsk::crr, rows with an event on a day count as at risk in G's step on
        it, and in psi a competing event of day u is gone after u and a censoring of day s reaches the weights of day s itself.
        Times within 1.5e-8 of each other are one day. Rows of weight 0 are left out. After a censoring group's last day its G is
        0: those of it with another cause leave the risk sets, as in crr.
    Assumes
        Proportional subdistribution hazards; censoring independent of time and cause, given the censoring group.
    Not for
        A covariate's effect on the rate of the cause among those still at risk (use cox, other causes censored). Delayed
        entry (refused). Covariates that change with time.
    Parameters
        time, cause: n exits and codes, 0 censored, 1, 2, … the cause. covariates: (n, p). censoring_group: one label a row.
    Returns
        FineGrayFit.
    References
        Fine & Gray (1999) JASA 94:496, eqs 5-8 and section 4; Zhou et al. (2012) Biostatistics 13:371 (clusters).
    Checked
        Slow definition in loops, numerical derivatives, reference (cmprsk::crr, predict.crr), properties.
    """
    level = checked_level(conf_level)
    if entry is not None and np.asarray(entry, dtype=np.float64).any():
        raise refuse(
            "delayed entry is not handled: the weights of those with a competing event would need the entry distribution too",
            way_out="Fit cause-specific hazards with cox(entry=...).",
        )
    weights = checked_weights(weight, np.asarray(time).shape[0] if np.ndim(time) else 0)
    sample = subdistribution_sample(time, cause, covariates, names, weights, cause_of_interest, censoring_group, cluster)
    beta, sums, null, iterations = _maximised(sample, tolerance, max_iterations)
    naive = _inverse(sums.information, sample.names)
    influence = score_influence(sample, sums) @ naive
    if sample.cluster is not None and int(sample.cluster.max()) < len(sample.names):
        raise refuse(
            f"{int(sample.cluster.max()) + 1} clusters for {len(sample.names)} coefficients",
            way_out="A robust covariance needs more clusters than coefficients.",
        )
    copies = cluster is None and (are_copies(weights) if robust is None else not robust)
    happened = sample.n_events > 0.0
    at_zero = np.exp(-sample.centre @ beta - sums.shift)
    return FineGrayFit(
        coefficients=Coefficients(
            names=sample.names,
            estimate=beta,
            covariance=squared(influence, sample, copies=copies),
            conf_level=level,
            robust=True,
        ),
        naive_covariance=naive,
        log_likelihood=sums.log_likelihood,
        null_log_likelihood=null,
        cause_of_interest=cause_of_interest,
        n=sample.day.size,
        n_events=int(np.count_nonzero(sample.code == 1)),
        n_competing=int(np.count_nonzero(sample.code == 2)),
        n_censored=int(np.count_nonzero(sample.code == 0)),
        iterations=iterations,
        time=sample.time[happened],
        hazard=(sums.hazard * at_zero)[happened],
        last_follow_up=float(sample.time[-1]),
        influence=influence,
        sample=sample,
        _sums=sums,
        _copies=copies,
    )


def squared(influence: FloatArray, sample: SubdistributionSample, *, copies: bool) -> FloatArray:
    """Covariance from influences (n, q): of copies w u u', else of weighted rows or of their sums within clusters."""
    moved = sample.weight[:, None] * influence
    if sample.cluster is not None:
        size = int(sample.cluster.max()) + 1
        moved = np.stack([summed_by(sample.cluster, column, size) for column in moved.T], axis=1)
    total: FloatArray = moved.T @ (influence if copies else moved)
    return np.asarray((total + total.T) / 2.0, dtype=np.float64)


def _maximised(
    sample: SubdistributionSample, tolerance: float, max_iterations: int
) -> tuple[FloatArray, SubdistributionSums, float, int]:
    """Newton with halved steps until another step would gain nothing; (beta, sums there, null log likelihood, steps)."""
    beta = np.zeros(len(sample.names))
    now = evaluated(sample, beta)
    null = now.log_likelihood
    step = _inverse(now.information, sample.names) @ now.gradient
    watch = _Watch(as_cox_sample(sample), now.information, "breslow")
    try:
        for iteration in range(max_iterations + 1):
            squared = float(step @ now.gradient)
            last = squared <= tolerance * (watch.unit + abs(now.log_likelihood))
            watch(step, squared, last=last)
            if last:
                return beta, now, null, iteration
            step, now = _uphill(sample, beta, step, now)
            beta = beta + step
            step = _inverse(now.information, sample.names) @ now.gradient
    except Separated:
        raise
    except (NotConverged, EstimationRefused):
        watch.look()
        raise
    watch.look()
    raise NotConverged(f"the Fine-Gray model did not converge in {max_iterations} steps")


def _uphill(
    sample: SubdistributionSample, beta: FloatArray, step: FloatArray, now: SubdistributionSums
) -> tuple[FloatArray, SubdistributionSums]:
    """The step, halved while the likelihood falls or nothing is left to be seen after it, and the sums there."""
    floor = now.log_likelihood - 1e-12 * abs(now.log_likelihood)
    squared = float(step @ now.information @ step)
    for _ in range(HALVINGS):
        try:
            after = evaluated(sample, beta + step)
        except SpreadTooWide:
            after = None
        if after is not None and after.log_likelihood >= floor and float(step @ after.information @ step) >= COLLAPSED * squared:
            return step, after
        step, squared = step / 2.0, squared / 4.0
    raise NotConverged("the Fine-Gray model did not converge: no step raises the likelihood")


class _Watch(SeparationWatch):
    """The same search as for a Cox model, with the words of this one."""

    def refusal(self, names: str) -> EstimationRefused:
        return Separated(
            f"covariate {names}: the likelihood rises without end (monotone), there is no finite estimate",
            way_out="One group may have none of the events of interest: merge categories, or report the curves.",
        )


def _inverse(information: FloatArray, names: tuple[str, ...]) -> FloatArray:
    spread = np.diagonal(information)
    flat = [name for name, own in zip(names, spread, strict=True) if not own > 0.0]
    if flat:
        raise refuse(f"covariate {', '.join(flat)}: does not vary among those at risk at any event")
    scale = 1.0 / np.sqrt(spread)
    scaled = information * scale[:, None] * scale
    if float(np.linalg.eigvalsh(scaled)[0]) <= 1e-11:
        raise refuse("the information matrix is singular: the covariates say the same at every event of interest")
    inverse = np.linalg.inv(scaled) * scale[:, None] * scale
    return np.asarray((inverse + inverse.T) / 2.0, dtype=np.float64)
