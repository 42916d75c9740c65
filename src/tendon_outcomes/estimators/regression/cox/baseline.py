"""Baseline hazard of a Cox model, and the curves that it predicts for given covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import IntervalKind, Pointwise, probability_limits
from tendon_outcomes.estimators.observations import (
    TIE_TOLERANCE,
    FloatArray,
    IntArray,
    checked_level,
    refuse,
)
from tendon_outcomes.estimators.regression.cox.event_residuals import step_means
from tendon_outcomes.estimators.regression.cox.hazard_steps import HazardSteps, accumulated, checked_beta, hazard_steps
from tendon_outcomes.estimators.regression.cox.sample import CoxSample


@dataclass(frozen=True, slots=True, eq=False)
class BaselineHazard:
    """One value for each day with an event in a stratum, in order of stratum, then time.

    The hazard is that of somebody whose covariates are `reference`. `stratum` numbers `stratum_labels`.
    """

    time: FloatArray
    stratum: IntArray
    hazard: FloatArray
    cumulative_hazard: FloatArray
    n_at_risk: FloatArray
    n_events: FloatArray
    reference: FloatArray
    names: tuple[str, ...]
    stratum_labels: tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PredictedCurves:
    """k predicted curves over the m days with an event in one stratum.

    `std_error` belongs to `survival`, `cumulative_std_error` to `cumulative_hazard` (also the standard error of log survival);
    the limits are those of `survival`. Beyond `last_follow_up` nobody of the stratum was seen: nothing is predicted there.
    """

    time: FloatArray
    survival: FloatArray  # (k, m)
    std_error: FloatArray  # (k, m)
    conf_low: FloatArray  # (k, m)
    conf_high: FloatArray  # (k, m)
    cumulative_hazard: FloatArray  # (k, m)
    cumulative_std_error: FloatArray  # (k, m)
    covariates: FloatArray  # (k, p)
    stratum: object
    last_follow_up: float
    conf_level: float
    interval: IntervalKind

    def at(self, days: npt.ArrayLike) -> Pointwise:
        """Survival, standard error and limits (k, days); (1, 0, 1, 1) before the first event; beyond follow-up refused."""
        day = np.atleast_1d(np.asarray(days, dtype=np.float64))
        slack = TIE_TOLERANCE * max(1.0, abs(self.last_follow_up))
        beyond = int(np.count_nonzero(~(day <= self.last_follow_up + slack)))
        if beyond:
            raise refuse(
                f"{beyond} of {day.size} days lie beyond the last follow-up of the stratum",
                way_out=f"The latest day with an answer is {self.last_follow_up:g}.",
            )
        position = np.searchsorted(self.time, day + slack, side="right")
        columns = ((self.survival, 1.0), (self.std_error, 0.0), (self.conf_low, 1.0), (self.conf_high, 1.0))
        return Pointwise(*(np.pad(values, ((0, 0), (1, 0)), constant_values=start)[:, position] for values, start in columns))


def baseline_hazard(sample: CoxSample, beta: FloatArray, ties: str, *, reference: npt.ArrayLike | None = None) -> BaselineHazard:
    """The cumulative hazard, in each stratum, of somebody with the reference covariates.

    Estimand
        H0(t) = integral of the hazard given x = reference, up to t.
    Estimator
        Breslow: sum of d_j / S0_j; Efron: sum over l = 0..d-1 of w / (S0 - l/d S0d); times exp(reference'beta).
    Interval
        predicted_curves gives them.
    Conventions
        reference: zeros unless given (R's basehaz(centered=FALSE)). n_at_risk and n_events are in units of weight.
    Assumes
        Proportional hazards within strata; independent censoring and entry.
    Not for
        The exact tie rule (refused). A reference far outside the covariates that were seen.
    Parameters
        sample, beta (p,), ties. reference: (p,).
    Returns
        BaselineHazard.
    References
        Breslow (1972) JRSS B 34:216; Therneau & Grambsch (2000), 10.2.1 and 3.3 (Efron).
    Checked
        Exact by hand, slow definition in loops, reference (R basehaz, survfit.coxph).
    """
    steps = hazard_steps(sample, beta, ties)
    at = np.zeros(len(sample.names)) if reference is None else reference_row(sample, reference)
    hazard = steps.hazard * np.exp((at - steps.centre) @ checked_beta(sample, beta) - steps.shift[steps.stratum])
    return BaselineHazard(
        time=sample.time[steps.day],
        stratum=steps.stratum,
        hazard=hazard,
        cumulative_hazard=np.delete(accumulated(hazard, steps.edges), steps.edges[:-1] + np.arange(steps.edges.size - 1)),
        n_at_risk=steps.at_risk(sample.weights),
        n_events=steps.n_events * steps.mean_weight,
        reference=at,
        names=sample.names,
        stratum_labels=sample.stratum_labels,
    )


def predicted_curves(
    sample: CoxSample,
    beta: FloatArray,
    ties: str,
    *,
    covariance: FloatArray,
    covariates: npt.ArrayLike,
    stratum: object = None,
    conf_level: float = 0.95,
    interval: IntervalKind = "log-log",
) -> PredictedCurves:
    """The probability of still being event-free, for given covariates, as the model predicts it.

    Estimand
        S(t | x) = Pr(T > t | x) in one stratum.
    Estimator
        exp(-H(t | x)), H(t | x) = exp(x'beta) times the baseline cumulative hazard (Breslow or Efron, as the fit).
    Interval
        Var H = exp(2 x'beta) (sum over the days up to t of w / D_l^2 + q' V q), q(t) = sum of (xbar - x) dH0: what the events and
        what the coefficients leave uncertain. V is `covariance`. Limits of S by the delta method on the scale `interval`.
    Conventions
        Steps on days with events in the stratum; before the first of them S and both limits are 1, as in kaplan_meier's `at`.
    Assumes
        The model: proportional hazards, linear x'beta. Independent rows for the first term of the variance.
    Not for
        Days beyond the follow-up of the stratum (refused by `at`). Sampling weights or clusters, for which the first term is
        model-based although V may be robust, as in R: bootstrap by patient.
    Parameters
        covariates: (k, p) or (p,), in the order of the sample's names. stratum: its label; needed when there are several.
    Returns
        PredictedCurves.
    References
        Tsiatis (1981) Ann Stat 9:93; Therneau & Grambsch (2000), eqs 10.11-10.12.
    Checked
        Exact by hand, slow definition in loops, reference (R survfit.coxph with newdata).
    """
    level = checked_level(conf_level)
    values, rows = checked_beta(sample, beta), covariate_rows(sample, covariates)
    steps, s = hazard_steps(sample, beta, ties), _stratum_number(sample, stratum)
    here = slice(int(steps.edges[s]), int(steps.edges[s + 1]))
    cumulative, std_error = _cumulative(steps, here, rows - steps.centre, np.asarray(covariance, dtype=np.float64))
    scale = np.exp((rows - steps.centre) @ values - steps.shift[s])[:, None]
    cumulative, std_error = scale * cumulative, scale * std_error
    survival = np.exp(-cumulative)
    low, high = _limits(survival, survival * std_error, level, interval)
    return PredictedCurves(
        time=sample.time[steps.day[here]],
        survival=survival,
        std_error=survival * std_error,
        conf_low=low,
        conf_high=high,
        cumulative_hazard=cumulative,
        cumulative_std_error=std_error,
        covariates=rows,
        stratum=sample.stratum_labels[s],
        last_follow_up=float(sample.time[sample.stop[sample.stratum == s].max()]),
        conf_level=level,
        interval=interval,
    )


def _cumulative(steps: HazardSteps, here: slice, rows: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(k, m) cumulative hazard and its standard error for score 1; rows are centred covariates."""
    hazard = np.cumsum(steps.hazard[here])
    first = np.cumsum((steps.mean_weight * steps.sums[2])[here])
    mean = np.cumsum(step_means(steps).hazard_mean[here], axis=0)
    q = mean[None] - hazard[None, :, None] * rows[:, None, :]
    variance = first[None] + np.einsum("kmp,pq,kmq->km", q, covariance, q)
    return np.broadcast_to(hazard, variance.shape), np.sqrt(np.maximum(variance, 0.0))


def _limits(survival: FloatArray, std_error: FloatArray, level: float, interval: IntervalKind) -> tuple[FloatArray, FloatArray]:
    low, high = probability_limits(survival, std_error, conf_level=level, interval=interval)
    certain, none = survival >= 1.0, survival <= 0.0  # where exp() has rounded
    low, high = np.where(none, 0.0, low), np.where(none, 0.0, high)
    return np.where(certain, 1.0, low), np.where(certain, 1.0, high)


def covariate_rows(sample: CoxSample, covariates: npt.ArrayLike) -> FloatArray:
    rows = np.atleast_2d(np.asarray(covariates, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[1] != len(sample.names):
        raise refuse(f"{rows.shape[-1]} covariates are given where the model has {len(sample.names)}")
    if not np.isfinite(rows).all():
        raise refuse("a covariate to predict for is missing or not finite")
    return rows


def reference_row(sample: CoxSample, reference: npt.ArrayLike) -> FloatArray:
    """One row of covariates."""
    rows = covariate_rows(sample, reference)
    if rows.shape[0] != 1:
        raise refuse(f"`reference` has {rows.shape[0]} rows where one is expected")
    return np.asarray(rows[0])


def _stratum_number(sample: CoxSample, stratum: object) -> int:
    labels = sample.stratum_labels
    if stratum is None:
        if len(labels) == 1:
            return 0
        raise refuse(f"the model has {len(labels)} strata", way_out="Say by `stratum` for which the curve is meant.")
    if stratum not in labels:
        raise refuse(f"the model has no stratum with that label among its {len(labels)}")
    return labels.index(stratum)
