"""The log-rank test and its weighted relatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.group_tests.outcome import GroupTest
from tendon_outcomes.estimators.group_tests.quadratic_form import checked_scores, group_test
from tendon_outcomes.estimators.group_tests.risk_sets import RiskSets, risk_sets
from tendon_outcomes.estimators.observations import EMPTY_SHARE, FloatArray, refuse, summed_by


def log_rank(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
    scores: Sequence[float] | None = None,
    robust: bool | None = None,
) -> GroupTest:
    """Do the hazards of two or more groups differ? The log-rank test, Fleming and Harrington's weights, strata and trend.

    Estimand
        The hypothesis lambda_1(t) = ... = lambda_G(t) for all t (in every stratum), not a quantity. Report a difference of
        risks or restricted means beside it.
    Estimator
        U_g = sum_j W_j (d_gj - d_j n_gj / n_j) over the days of all strata; W_j = S(t_j-)^rho (1 - S(t_j-))^gamma, S the
        Kaplan-Meier curve of all groups of the stratum together. rho = gamma = 0: log-rank; rho = 1: Peto and Peto's form of
        the Wilcoxon test; gamma > 0: late differences count more. The statistic is U' V^- U, with `scores` c (c'U)^2 / c'Vc.
    Interval
        None; V_gh = sum_j W_j^2 d_j (n_j - d_j) / (n_j - 1) (n_gj / n_j) (1(g = h) - n_hj / n_j). With weights that are not
        copies, with clusters or with `robust=True`: V = sum of u_i u_i' over rows (clusters), u_ig = w_i sum_j W_j
        (1(i in g) - n_gj / n_j) dM_ij, dM_ij = dN_ij - Y_ij d_j / n_j: the robust score test of a Cox model at no effect.
    Conventions
        Events come before censorings on a day; at risk is entry < day <= time. Times within 1.5e-8 are one day. Whole-number
        weights are copies. Degrees of freedom: groups less the number of sets of groups that never meet at risk, so a group
        without anybody at risk on a day with events costs none (as in R). z is positive when the second group (sorted
        labels), or the groups with the higher scores, have more events than expected. With entry, S stays 0 once it is 0.
    Assumes
        Censoring and entry independent of the event within groups; the weighting chosen before seeing the curves.
    Not for
        Competing causes as censorings when incidences are to be compared (gray_test). Events known only between two visits.
        Crossing curves: no difference found is then no evidence of none. How large a difference is.
    Parameters
        time, event (0/1), group: one value a row; group labels of any sortable kind. entry, weight, strata, cluster: one value
        a row. rho, gamma: not negative. scores: one number a group, in order of the sorted labels. robust: overrides the rule
        for weights.
    Returns
        GroupTest; `observed` and `expected` are sums with W, in units of weight. `name` is the label of the p-value.
    References
        Mantel (1966) Cancer Chemother Rep 50:163; Peto & Peto (1972) JRSS A 135:185; Harrington & Fleming (1982) Biometrika
        69:553, eq. 3.1; Klein & Moeschberger (2003) Survival Analysis, 2nd ed., eqs 7.3.2-7.3.6 and 7.5.2 (strata), 7.4.2
        (trend); Lin & Wei (1989) JASA 84:1074, eq. 3.3 (robust).
    Checked
        Exact fractions (six runners), published (Freireich 6-MP), reference (survdiff for rho, strata and k groups; coxph
        score tests for entry, weights and clusters), a slow version in fractions, properties:
        tests/estimators/test_log_rank.py, tests/reference, tests/slow_reference, tests/properties.
    """
    if not (np.isfinite(rho) and np.isfinite(gamma) and rho >= 0.0 and gamma >= 0.0):
        raise refuse("`rho` and `gamma` must be finite and not negative")
    sets = risk_sets(
        time=time,
        cause=event,
        n_causes=1,
        group=group,
        entry=entry,
        weight=weight,
        strata=strata,
        cluster=cluster,
        robust=robust,
        code_name="event",
    )
    trend = checked_scores(scores, len(sets.groups))
    if not sets.n_events.any():
        raise refuse("no row has the event", way_out="Nothing can be compared without events.")
    deaths, at_risk = sets.n_events[0].sum(axis=0), sets.n_at_risk.sum(axis=0)
    hazard, left = _hazard(deaths, at_risk)
    importance = _importance(sets, hazard, left, at_risk, rho, gamma)
    share = np.divide(sets.n_at_risk, at_risk, out=np.zeros_like(sets.n_at_risk), where=at_risk > 0.0)
    informative = (deaths > 0.0) & (left > 0.0) & (importance > 0.0)
    present = (sets.n_at_risk[:, informative] > 0.0).astype(np.float64)
    return group_test(
        name=_name(sets, rho, gamma, trend),
        groups=sets.groups,
        n=sets.n,
        observed=sets.n_events[0] @ importance,
        expected=share @ (importance * deaths),
        variance=_robust(sets, importance, share, hazard) if sets.robust else _tied(importance, share, deaths, left, at_risk),
        together=present @ present.T > 0.0,
        scores=trend,
    )


def _name(sets: RiskSets, rho: float, gamma: float, scores: FloatArray | None) -> str:
    test = "log-rank" if rho == 0.0 and gamma == 0.0 else f"Fleming-Harrington G({rho:g},{gamma:g})"
    stratified = "stratified " if sets.n_strata > 1 else ""
    trend = " for trend" if scores is not None else ""
    return f"{stratified}{test}{trend}{' (robust variance)' if sets.robust else ''}"


def _hazard(deaths: FloatArray, at_risk: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Deaths by number at risk, and the number that the deaths leave; rounding is not a survivor."""
    left = at_risk - deaths
    left[left <= EMPTY_SHARE * at_risk] = 0.0
    hazard = np.divide(deaths, at_risk, out=np.zeros_like(deaths), where=at_risk > 0.0)
    return hazard, left


def _importance(
    sets: RiskSets, hazard: FloatArray, left: FloatArray, at_risk: FloatArray, rho: float, gamma: float
) -> FloatArray:
    """W_j = S(t_j-)^rho (1 - S(t_j-))^gamma."""
    if rho == 0.0 and gamma == 0.0:
        return np.ones_like(hazard)
    kept = np.divide(left, at_risk, out=np.ones_like(left), where=at_risk > 0.0)
    before = sets.left_limit(kept)
    return np.asarray(before**rho * (1.0 - before) ** gamma, dtype=np.float64)


def _tied(importance: FloatArray, share: FloatArray, deaths: FloatArray, left: FloatArray, at_risk: FloatArray) -> FloatArray:
    """The hypergeometric covariance, summed over days."""
    several = at_risk > 1.0
    spread = np.divide(deaths * left, at_risk - 1.0, out=np.zeros_like(deaths), where=several) * importance**2
    weighted = share * spread
    return np.asarray(np.diag(weighted.sum(axis=1)) - weighted @ share.T, dtype=np.float64)


def _robust(sets: RiskSets, importance: FloatArray, share: FloatArray, hazard: FloatArray) -> FloatArray:
    """Sum over rows or clusters of the outer product of their score at no effect."""
    drift = np.concatenate(([0.0], np.cumsum(importance * hazard)))
    happened = np.where(sets.cause > 0, importance[sets.exit_cell], 0.0)
    own = happened - (drift[sets.exit_cell + 1] - drift[sets.first_cell])
    scores = np.empty((len(sets.groups), sets.group.size))
    for g in range(len(sets.groups)):
        shared = np.concatenate(([0.0], np.cumsum(importance * hazard * share[g])))
        others = happened * share[g, sets.exit_cell] - (shared[sets.exit_cell + 1] - shared[sets.first_cell])
        scores[g] = sets.weight * (np.where(sets.group == g, own, 0.0) - others)
    if sets.cluster is not None:
        size = int(sets.cluster.max()) + 1
        scores = np.stack([summed_by(sets.cluster, row, size) for row in scores])
    return np.asarray(scores @ scores.T, dtype=np.float64)
