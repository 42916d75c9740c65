"""Residuals of the events of a Cox model: covariates of each beside their mean among those at risk (Schoenfeld's)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.cox.hazard_steps import HazardSteps, hazard_steps
from tendon_outcomes.estimators.regression.cox.sample import CoxSample
from tendon_outcomes.estimators.regression.cox.step_information import covariance_of


@dataclass(frozen=True, slots=True, eq=False)
class SchoenfeldResiduals:
    """One row for each event, in order of stratum, then time, then place in the sample.

    `row` is the event's place in the sample, `stratum` the number of its stratum, `weight` its weight. `residual` is (E, p).
    """

    time: FloatArray = field(repr=False)
    stratum: IntArray = field(repr=False)
    row: IntArray = field(repr=False)
    weight: FloatArray = field(repr=False)
    residual: FloatArray = field(repr=False)
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StepMeans:
    """(K, p) means of the centred covariates over the risk sets: what an event is compared with, and those times hazards."""

    event_mean: FloatArray
    hazard_mean: FloatArray
    spared_mean: FloatArray


def step_means(steps: HazardSteps) -> StepMeans:
    """The means at every step, averaged over the d denominators of its day."""
    s1, s1_events = steps.s1, steps.s1_events
    inverse, once, square, square_once, square_twice = steps.sums[:, :, None]
    w = steps.mean_weight[:, None]
    return StepMeans(
        event_mean=(s1 * inverse - s1_events * once) / steps.n_events[:, None],
        hazard_mean=w * (s1 * square - s1_events * square_once),
        spared_mean=w * (s1 * square_once - s1_events * square_twice),
    )


def schoenfeld(sample: CoxSample, beta: FloatArray, ties: str) -> SchoenfeldResiduals:
    """Covariates of each event minus their mean among those at risk.

    Estimand
        x_i - xbar(t_i) at each event: where in time the covariates of those with events differ from what the model expects.
    Estimator
        xbar = sum of w exp(x'beta) x over the risk set / the same without x; Efron: the mean over the d denominators of the day.
    Interval
        None; the weighted sum over events is the score vector, 0 at the maximum.
    Conventions
        Not multiplied by the weight. Events of a day are in the order of the sample.
    Assumes
        As `martingale`.
    Not for
        The exact tie rule (refused).
    Parameters
        As `martingale`.
    Returns
        SchoenfeldResiduals with E rows.
    References
        Schoenfeld (1982) Biometrika 69:239; Therneau & Grambsch (2000), eq. 4.12.
    Checked
        Exact by hand, slow definition in loops, reference (R residuals.coxph).
    """
    return schoenfeld_of(sample, hazard_steps(sample, beta, ties))


def schoenfeld_of(sample: CoxSample, steps: HazardSteps) -> SchoenfeldResiduals:
    """Schoenfeld residuals from sums that are there."""
    events = np.flatnonzero(steps.own >= 0)
    row = events[np.argsort(steps.own[events], kind="stable")]
    own = steps.own[row]
    return SchoenfeldResiduals(
        time=sample.time[steps.day[own]],
        stratum=steps.stratum[own],
        row=row.astype(np.int64),
        weight=sample.weights[row],
        residual=steps.x[row] - step_means(steps).event_mean[own],
        names=sample.names,
    )


def scaled_schoenfeld(sample: CoxSample, beta: FloatArray, ties: str) -> SchoenfeldResiduals:
    """Schoenfeld residuals on the scale of the coefficients: a first look at how each of them changes with time.

    Estimand
        About beta(t) at each event, when the log hazard ratio is allowed to change with time.
    Estimator
        beta + E V r, E the number of events, V the model-based covariance (inverse information), r the Schoenfeld residual.
    Interval
        None: smooth the points. ProportionalHazardsTest holds what a plot needs.
    Conventions
        One V for all days, which is close as long as the covariance of the covariates at risk changes little. V stays the
        model-based one when the fit has a sandwich variance.
    Assumes
        As `martingale`.
    Not for
        A test (use proportionality_test). The exact tie rule (refused).
    Parameters
        As `martingale`; beta should maximise the partial likelihood.
    Returns
        SchoenfeldResiduals with E rows.
    References
        Grambsch & Therneau (1994) Biometrika 81:515, section 4.
    Checked
        Slow definition in loops, reference (R residuals.coxph).
    """
    steps = hazard_steps(sample, beta, ties)
    plain = schoenfeld_of(sample, steps)
    scaled = np.asarray(beta, dtype=np.float64) + plain.row.size * plain.residual @ covariance_of(steps, sample.names)
    return SchoenfeldResiduals(plain.time, plain.stratum, plain.row, plain.weight, scaled, plain.names)
