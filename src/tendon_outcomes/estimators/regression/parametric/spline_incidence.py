"""Smooth cumulative incidence when recovery is known to lie between two looks, and dated causes compete."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import labelled_clusters
from tendon_outcomes.estimators.interval_censored.support import IntervalSample, checked_sample
from tendon_outcomes.estimators.observations import (
    FloatArray,
    are_copies,
    checked_level,
    one_dimensional,
    refuse,
)
from tendon_outcomes.estimators.regression.parametric.incidence_likelihood import (
    HazardModel,
    Likelihood,
    maximise,
)
from tendon_outcomes.estimators.regression.parametric.log_time_basis import LogTimeBasis, spread_quantiles
from tendon_outcomes.estimators.regression.parametric.newton import sandwich
from tendon_outcomes.estimators.regression.parametric.smooth_incidence import SmoothIncidence

EVENTS_PER_DF = 10.0  # one further knot for every ten events of the cause
ORIGIN_SHARE = 0.1  # origin of the log time scale as a share of the median event time
OUTER = 0.05  # outer knots at the 5 % and 95 % quantiles of the event times


def spline_incidence(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    knots: npt.ArrayLike | None = None,
    df: int = 3,
    conf_level: float = 0.95,
    robust: bool | None = None,
) -> SmoothIncidence:
    """Smooth cumulative incidences when cause 1 is interval-censored and causes 2.. are dated: splines of the log hazards.

    Estimand
        F_k(t) = Pr(T <= t, cause k), were the visits and the end of follow-up independent of T and of the cause.
    Estimator
        log h_k(t) is a natural cubic spline of log(1 + t/c), c a tenth of the median time of cause 1; H = sum of the integrals of
        the h_k, F_k(t) = integral of h_k exp(-H) to t. The coefficients (log hazards at the knots) maximise sum_i w_i l_i less
        the penalty sum_k sum_j (b_kj - mean_j b_kj)^2 / (2 * 2^2), l_i = log(F_1(right) - F_1(left)) for cause 1, log h_k(right)
        - H(right) for k >= 2, -H(left) for censored rows, plus H(entry). The penalty says that hazards at two knots differ by a
        factor of e^2 or so; it weighs a quarter of an event a knot and keeps the maximum finite when nobody recovered early.
        A cause has df + 1 knots, at evenly spaced quantiles from 5 % to 95 % of its events (each spread evenly over its
        interval), but one knot more only for every ten events: a constant hazard below ten, a line below twenty.
    Interval
        Cov = C, the inverse penalised information; C J C with J the summed squares of scores, of rows when weights are not
        copies, of clusters when `cluster` is given. Delta method, normal on log(-log(1 - F)); on log h for hazards; plain, cut to
        [0, tau], for the time lost. Recoveries unseen before a dated event (next convention) make F_1
        too low, by about one point at 30 % competing events a year and looks 6 to 14 weeks apart.
    Conventions
        (left, right] half-open. A cause-1 row recovered before any competing event; a dated competing event is the first event.
        Whole-number weights are copies. Rows of weight 0 are left out. A cause nobody had is no cause of the fit: asking for it
        is refused, as is a sample without cause 1. With `entry` the curves begin at the first entry: where that is later than 0
        they are given T > first entry, and hazards before it are refused. With dated causes times are in days: for the knots such
        an event is spread over the day before it.
    Assumes
        Visits unrelated to the outcome given what was seen before; independent rows or clusters; hazards smooth on the scale of
        the knots.
    Not for
        Days beyond the last follow-up (refused). Hazards with jumps (a treatment that starts on a fixed day). Proof that a day
        between two visits was observed: between looks the curve is what smoothness says, interval_censored_incidence tells what
        the data alone say. Weights far from 1 on average: the penalty is in units of events.
    Parameters
        left, right: n days each, 0 <= left < right; right = inf for censored rows. cause: 0 censored at `left`, 1 event in (left,
        right], k >= 2 on day `right` (`left` ignored). entry: n days, at or before the last day known to be free. weight: n
        non-negative numbers. cluster: n labels. knots: days of the knots of cause 1 in place of the rule. df: most knots less one
        (0 to 8). conf_level in (0, 1). robust: overrides what the weights say.
    Returns
        SmoothIncidence; times in the unit of the input (days).
    References
        Rosenberg (1995) Biometrics 51:874 (spline hazards); Joly, Commenges & Letenneur (1998) Biometrics 54:185 (penalised
        likelihood, interval-censored and truncated); Hudgens, Li & Fine (2014) Biometrics 70:1 (parametric, competing causes);
        Harrell (2015) Regression Modeling Strategies, eq. 2.25 (natural spline); Wahba (1983) JRSS B 45:133 (the interval).
    Checked
        Exact (constant hazard: events over time at risk), numerical derivatives and integrals, properties, a slow second
        implementation, simulation (mixtures with 15-20 % never recovered; coverage): tests/estimators/test_spline_incidence.py,
        tests/properties, tests/slow_reference, tests/simulation.
    """
    level = checked_level(conf_level)
    if isinstance(df, bool) or df not in range(9):
        raise refuse("`df` must be a whole number from 0 to 8")
    sample = checked_sample(left, right, cause, weight)
    n_rows = np.size(left)
    kept = np.ones(n_rows, dtype=np.bool_) if weight is None else np.asarray(weight, dtype=np.float64) > 0.0
    start = _checked_entry(entry, n_rows, kept, sample)
    groups = None if cluster is None else labelled_clusters(cluster, n_rows).number[kept]
    by_weight = not are_copies(sample.weight) if robust is None else bool(robust)
    model = _model(sample, int(df), knots, float(start.min()))
    likelihood = Likelihood.of(model, left=sample.left, right=sample.right, cause=sample.cause, entry=start, weight=sample.weight)
    fit = maximise(likelihood, _constant_hazards(model, sample, start))
    covariance = fit.covariance
    if by_weight or groups is not None:
        covariance = sandwich(fit.covariance, fit.scores, sample.weight, groups)
    return SmoothIncidence(
        causes=model.causes,
        n=sample.left.size,
        n_events=tuple(float(sample.weight[sample.cause == k].sum()) for k in model.causes),
        last_follow_up=float(np.where(sample.cause == 0, sample.left, sample.right).max()),
        log_likelihood=fit.log_likelihood,
        iterations=fit.iterations,
        conf_level=level,
        robust=by_weight or groups is not None,
        model=model,
        log_hazard_at_knots=fit.beta,
        covariance=covariance,
    )


def _checked_entry(entry: npt.ArrayLike | None, n: int, kept: npt.NDArray[np.bool_], sample: IntervalSample) -> FloatArray:
    """Entry days of the rows kept; everybody must be known free of every cause when he enters."""
    if entry is None:
        return np.zeros(sample.left.size)
    start = one_dimensional("entry", entry)
    if start.size != n:
        raise refuse(f"`entry` has {start.size} values for {n} rows")
    start = start[kept]
    free_until = np.where(sample.cause >= 2, sample.right, sample.left)
    late = (start > free_until) | ((sample.cause >= 2) & (start >= free_until))
    wrong = int(np.count_nonzero(~np.isfinite(start) | (start < 0.0) | late))
    if wrong:
        raise refuse(
            f"{wrong} of {start.size} rows have a missing or negative entry, or enter after the last day known to be free",
            way_out="Entry is at or before `left` (before the day of a dated cause).",
        )
    return start


def _model(sample: IntervalSample, df: int, knots: npt.ArrayLike | None, begin: float) -> HazardModel:
    seen = sample.cause == 1
    if not seen.any():
        raise refuse(
            f"none of {sample.cause.size} rows has an event of cause 1: there is no hazard to smooth",
            way_out="interval_censored_incidence gives exact limits for an incidence of 0.",
        )
    origin = ORIGIN_SHARE * float(_quantiles(sample, 1, np.array([0.5]))[0])
    causes = (1, *(int(k) for k in np.unique(sample.cause) if k > 1))
    return HazardModel(
        begin=begin,
        causes=causes,
        bases=tuple(
            LogTimeBasis.at(_chosen_knots(knots, sample) if knots is not None and k == 1 else _knots(sample, k, df), origin)
            for k in causes
        ),
    )


def _quantiles(sample: IntervalSample, cause: int, p: FloatArray) -> FloatArray:
    rows = sample.cause == cause
    return spread_quantiles(sample.left[rows], sample.right[rows], sample.weight[rows], p)


def _knots(sample: IntervalSample, cause: int, df: int) -> FloatArray:
    """df + 1 knots at evenly spaced quantiles, one further knot for every ten events at most."""
    weights = sample.weight[sample.cause == cause]
    events = float(weights.sum() ** 2 / (weights @ weights)) if not are_copies(weights) else float(weights.sum())
    allowed = min(df, int(events / EVENTS_PER_DF))
    p = np.array([0.5]) if allowed == 0 else np.linspace(OUTER, 1.0 - OUTER, allowed + 1)
    return _quantiles(sample, cause, p)


def _chosen_knots(knots: npt.ArrayLike, sample: IntervalSample) -> FloatArray:
    days = one_dimensional("knots", knots)
    last = float(np.where(sample.cause == 0, sample.left, sample.right).max())
    if days.size == 0 or not np.isfinite(days).all() or (np.diff(days) <= 0.0).any() or days[0] < 0.0 or days[-1] > last:
        raise refuse(f"`knots` must be ascending days between 0 and the last follow-up {last:g}")
    return days


def _constant_hazards(model: HazardModel, sample: IntervalSample, entry: FloatArray) -> FloatArray:
    """Start: every cause's events over the time at risk, an interval counted to its middle."""
    until = np.where(sample.cause == 0, sample.left, np.where(sample.cause == 1, (sample.left + sample.right) / 2, sample.right))
    exposure = float(sample.weight @ (until - entry))
    beta = np.zeros(model.size)
    for k, block in zip(model.causes, model.blocks, strict=True):
        beta[block] = np.log(float(sample.weight[sample.cause == k].sum()) / exposure)
    return beta
