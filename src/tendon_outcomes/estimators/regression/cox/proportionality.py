"""Do hazard ratios change with time? The score test of every covariate times a function of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse
from tendon_outcomes.estimators.regression.cox.event_residuals import schoenfeld_of
from tendon_outcomes.estimators.regression.cox.hazard_steps import HazardSteps, hazard_steps
from tendon_outcomes.estimators.regression.cox.residuals import score_residuals_of, summed_within
from tendon_outcomes.estimators.regression.cox.sample import CoxSample
from tendon_outcomes.estimators.regression.cox.step_information import covariance_of, information_of
from tendon_outcomes.estimators.special_functions import chi_square_p

Transform = Literal["km", "rank", "identity", "log"]

# A term is untestable when what its interaction with time adds is below this share of the most that it could add.
NOTHING_LEFT = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class ProportionalHazardsTest:
    """One test a term and one of all terms together; and, for plots, one point an event and covariate.

    `scaled_residual` (E, p) scatters about beta(t) at `time`, or at `transformed_time` on the scale of the test;
    `event_covariance` (p, p) is the covariance of one row of it (E times the covariance of the coefficients).
    """

    terms: tuple[str, ...]
    statistic: FloatArray
    df: IntArray
    p_value: FloatArray
    global_statistic: float
    global_df: int
    global_p_value: float
    transform: Transform
    robust: bool
    names: tuple[str, ...]
    time: FloatArray = field(repr=False)  # (E,)
    transformed_time: FloatArray = field(repr=False)  # (E,)
    stratum: IntArray = field(repr=False)  # (E,)
    scaled_residual: FloatArray = field(repr=False)  # (E, p)
    event_covariance: FloatArray

    @property
    def name(self) -> str:
        """What the p-values belong to."""
        return f"score test of proportional hazards ({self.transform} time{', robust' if self.robust else ''})"


def proportionality_test(
    sample: CoxSample,
    beta: FloatArray,
    ties: str,
    *,
    transform: Transform = "km",
    terms: Mapping[str, Sequence[str]] | None = None,
    robust: bool = False,
) -> ProportionalHazardsTest:
    """Score tests that log hazard ratios do not change with a function of time.

    Estimand
        theta in beta(t) = beta + theta g(t); the hypothesis is theta = 0, for a term or for all.
    Estimator
        The score test of x g(t) added to the fitted model: U' I^-1 U with U the score, and I the information of (x, x g), summed
        over risk sets on each day (not assumed constant over time). A term's test adds its own columns only.
    Interval
        None; see scaled_residual for the shape of a change.
    Conventions
        g: km 1 - S(t-), S the Kaplan-Meier curve of the whole sample, unweighted, all strata together; rank the mid-rank of t
        among the exits of all rows; identity t; log log t. The covariance in the test is model-based, weights counted as copies,
        even for a fit with a robust one: so does cox.zph. With `robust=True` the variance of U is the sum of squares of the rows'
        (clusters') influences on it instead, for sampling weights and patients with two sides.
    Assumes
        beta maximises the partial likelihood; departures in the direction of g.
    Not for
        Choosing a model by its p-value; a large sample rejects trifles. Fewer than some ten events a covariate.
    Parameters
        sample, beta, ties: the fit. terms: name of a term to the names of its covariates (all columns of a factor); each
        covariate by itself when not given.
    Returns
        ProportionalHazardsTest.
    References
        Grambsch & Therneau (1994) Biometrika 81:515, eq. 6 and section 3; Therneau & Grambsch (2000), 6.2; the robust form:
        Lin & Wei (1989) JASA 84:1074, section 2.3; Boos (1992) Am Stat 46:327, eq. 7.
    Checked
        Slow definition (risk sets in loops), reference (R cox.zph: four transforms, entry, strata, weights), properties.
    """
    groups = _columns(sample.names, terms)
    steps = hazard_steps(sample, beta, ties)
    g = _transformed(sample, steps, transform)
    events = schoenfeld_of(sample, steps)
    own = steps.own[events.row]
    centred = g - float(np.mean(g[own]))
    score = events.residual.T @ (events.weight * centred[own])
    covariance = covariance_of(steps, sample.names)
    between, variance = _efficient(sample, steps, centred, covariance, robust=robust)
    columns = tuple(range(len(sample.names)))
    widest = float(np.max(np.abs(centred)))
    tests = [_score_test(sample, score, between, variance, at, widest) for at in (*groups.values(), columns)]
    df = [len(at) for at in (*groups.values(), columns)]
    p_values = [chi_square_p(statistic, k) for statistic, k in zip(tests, df, strict=True)]
    covariance = covariance * own.size
    return ProportionalHazardsTest(
        terms=tuple(groups),
        statistic=np.array(tests[:-1]),
        df=np.array(df[:-1], dtype=np.int64),
        p_value=np.array(p_values[:-1]),
        global_statistic=tests[-1],
        global_df=df[-1],
        global_p_value=p_values[-1],
        transform=transform,
        robust=robust,
        names=sample.names,
        time=events.time,
        transformed_time=g[own],
        stratum=events.stratum,
        scaled_residual=np.asarray(beta, dtype=np.float64) + events.residual @ covariance,
        event_covariance=covariance,
    )


def _columns(names: tuple[str, ...], terms: Mapping[str, Sequence[str]] | None) -> dict[str, tuple[int, ...]]:
    if terms is None:
        return {name: (j,) for j, name in enumerate(names)}
    unknown = sorted({name for members in terms.values() for name in members} - set(names))
    if unknown:
        raise refuse(f"no covariate is called {', '.join(unknown)}", way_out=f"The model has {', '.join(names)}.")
    empty = [term for term, members in terms.items() if not len(members)]
    if empty:
        raise refuse(f"term {', '.join(empty)} has no covariates")
    return {term: tuple(sorted({names.index(name) for name in members})) for term, members in terms.items()}


def _transformed(sample: CoxSample, steps: HazardSteps, transform: Transform) -> FloatArray:
    """(K,) the function of time at each step."""
    t = sample.time[steps.day]
    if transform == "identity":
        return t
    if transform == "log":
        if not (t > 0.0).all():
            raise refuse("an event at or before time 0 has no logarithm", way_out="Use transform='km' or 'rank'.")
        return np.asarray(np.log(t), dtype=np.float64)
    if transform == "rank":
        exits = np.bincount(sample.stop, minlength=sample.time.size).astype(np.float64)
        return np.asarray((np.cumsum(exits) - exits + (exits + 1.0) / 2.0)[steps.day], dtype=np.float64)
    if transform != "km":
        raise refuse(f"`transform` is {transform!r}", way_out="Use km, rank, identity or log.")
    # Days are numbered, so ties are as in the fit; the numbers start at 1 because an entry is before them.
    entry = None if sample.start is None else sample.start + 1
    curve = kaplan_meier(sample.stop + 1, sample.event, entry=entry, interval="log-log")
    before = np.concatenate(([1.0], curve.survival))[np.searchsorted(curve.time, steps.day + 1.0, side="left")]
    return np.asarray(1.0 - before, dtype=np.float64)


def _efficient(
    sample: CoxSample, steps: HazardSteps, g: FloatArray, covariance: FloatArray, *, robust: bool
) -> tuple[FloatArray, FloatArray]:
    """(p, p) share of x g that x explains already, and the variance of the score for x g beside that of x."""
    once = information_of(steps, g)
    explained = once @ covariance
    if not robust:
        return explained, np.block([[information_of(steps), once], [once, information_of(steps, g * g)]])
    rows = np.hstack([score_residuals_of(steps), score_residuals_of(steps, g)]) * sample.weights[:, None]
    if sample.cluster is not None:
        rows = summed_within(rows, sample)
    return explained, np.asarray(rows.T @ rows, dtype=np.float64)


def _score_test(
    sample: CoxSample, score: FloatArray, explained: FloatArray, variance: FloatArray, at: tuple[int, ...], widest: float
) -> float:
    """U' Var(U)^-1 U for the columns `at`, U being what the score for x g is beside that for x; |g| is at most `widest`."""
    p, columns = len(sample.names), list(at)
    contrast = np.hstack([-explained[columns], np.eye(p)[columns]])
    left = contrast @ variance @ contrast.T
    size = np.sqrt(np.diagonal(variance)[:p][columns]) * widest
    if not (size > 0.0).all() or float(np.linalg.eigvalsh(left / size[:, None] / size)[0]) <= NOTHING_LEFT:
        names = ", ".join(sample.names[j] for j in at)
        raise refuse(
            f"covariate {names}: a change of its hazard ratio with time cannot be told from these events",
            way_out="There are too few days on which the covariate varies among those at risk.",
        )
    u = score[columns] / size
    return float(u @ np.linalg.solve(left / size[:, None] / size, u))
