"""Gray's test: do groups differ in the cumulative incidence of one of several competing causes?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.group_tests.outcome import GroupTest
from tendon_outcomes.estimators.group_tests.quadratic_form import group_test
from tendon_outcomes.estimators.group_tests.risk_sets import RiskSets, risk_sets
from tendon_outcomes.estimators.observations import FloatArray, are_copies, checked_weights, refuse


def gray_test(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    rho: float = 0.0,
    cause_of_interest: int = 1,
) -> GroupTest:
    """Do the cumulative incidences of one cause differ between two or more groups?

    Estimand
        The hypothesis F_1(t) = ... = F_G(t) for all t (in every stratum), F_g the cumulative incidence of the cause of interest
        in group g, the other causes staying in the world. Not a quantity: report a difference of incidences beside it.
    Estimator
        U_g = sum_j L_j (d_gj - R_gj d_j / R_j) over days, d the events of the cause of interest, R_gj = Y_gj (1 - F_g(t_j-)) /
        S_g(t_j-) the number at risk in group g if those who had another event were followed on, R_j = sum_g R_gj, L_j =
        (1 - F(t_j-))^rho, F the pooled incidence under the hypothesis. The statistic is U' V^- U, summed over strata first.
    Interval
        None; V_gk = sum_r sum_j [a_grj a_krj dF_j / h_rj + b_grj b_krj d'_rj / h_rj^2], d' the events of all other causes,
        h_rj = Y_rj / S_r(t_j-), dF_j = d_j / sum_r h_rj, D_grj = L_j (1(g = r) - h_gj / h_.j) h_rj, C_grj = sum_{i > j} D_gri
        dF_i / (1 - F(t_i-)), q_rj = (1 - F(t_j)) / S_r(t_j), a = D + (1 - q) C, b = -q C.
    Conventions
        The events of all causes on a day share its risk set; censorings come after them; times within 1.5e-8 are one day. For
        m > 1 tied events the terms of V are multiplied by 1 - (m - 1) / (n - 1): n = h_.j S_r(t_j-) for the cause of interest,
        Y_rj for the others, as cmprsk's numbers show. Whole-number weights are copies. Degrees of freedom as in log_rank (cmprsk
        always counts groups less 1). z is positive when the second group (sorted labels) has more events than expected.
    Assumes
        Censoring independent of time and cause within groups, its distribution free to differ between groups; everybody followed
        from time 0.
    Not for
        Causes acting on the rate among those still event-free: that is the cause-specific log_rank. Delayed entry, sampling
        weights, patients with several rows: refused or not offered, for V is not theirs. How large a difference is.
    Parameters
        time: exit of each of n rows. cause: 0 censored, 1..K the cause. group: labels of any sortable kind. weight: whole numbers
        of copies. strata: labels. rho: not negative. cause_of_interest: 1..K.
    Returns
        GroupTest; `observed` and `expected` are sums with L. `name` is the label of the p-value.
    References
        Gray (1988) Ann Stat 16:1141, section 2 (score, eq. 2.4; variance, the display after Theorem 1).
    Checked
        Exact fractions (reduction to a slow version), reference (cmprsk::cuminc: three causes, strata, rho, ties and none, 2 and
        3 groups), properties: tests/estimators/test_gray.py, tests/reference, tests/slow_reference, tests/properties.
    """
    if not (np.isfinite(rho) and rho >= 0.0):
        raise refuse("`rho` must be finite and not negative")
    if weight is not None and not are_copies(checked_weights(weight, np.asarray(time).size)):
        raise refuse("Gray's test has no variance for weights that are not whole numbers", way_out="Test by resampling patients.")
    sets = risk_sets(time=time, cause=cause, n_causes=None, group=group, weight=weight, strata=strata)
    if not 1 <= cause_of_interest <= sets.n_events.shape[0]:
        raise refuse(f"no row has cause {cause_of_interest}", way_out="Nothing can be compared without events.")
    own = sets.n_events[cause_of_interest - 1]
    if not own.any():
        raise refuse(f"no row has cause {cause_of_interest}", way_out="Nothing can be compared without events.")
    other = sets.n_events.sum(axis=0) - own
    n_groups = len(sets.groups)
    observed, expected, variance = np.zeros(n_groups), np.zeros(n_groups), np.zeros((n_groups, n_groups))
    for first, end in zip(sets.stratum_start[:-1], sets.stratum_start[1:], strict=True):
        cells = slice(int(first), int(end))
        seen, awaited, spread = _one_stratum(sets.n_at_risk[:, cells], own[:, cells], other[:, cells], rho)
        observed, expected, variance = observed + seen, expected + awaited, variance + spread
    present = (sets.n_at_risk[:, own.sum(axis=0) > 0.0] > 0.0).astype(np.float64)
    return group_test(
        name=_name(sets, rho, cause_of_interest),
        groups=sets.groups,
        n=sets.n,
        observed=observed,
        expected=expected,
        variance=variance,
        together=present @ present.T > 0.0,
        scores=None,
    )


def _name(sets: RiskSets, rho: float, cause: int) -> str:
    stratified = "stratified " if sets.n_strata > 1 else ""
    return f"{stratified}Gray's test, cause {cause}{f', rho {rho:g}' if rho else ''}"


def _quotient(above: FloatArray, below: FloatArray) -> FloatArray:
    """above / below, 0 where there is nothing below."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    return np.divide(above, below, out=np.zeros(shape), where=np.broadcast_to(below > 0.0, shape))


def _before(after: FloatArray, start: float) -> FloatArray:
    """The value just before each day of a step function given after it."""
    first = np.full((*after.shape[:-1], 1), start)
    return np.concatenate((first, after[..., :-1]), axis=-1)


def _one_stratum(
    at_risk: FloatArray, own: FloatArray, other: FloatArray, rho: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Observed, expected (G,) and covariance (G, G) of one stratum; the arguments are (G, days)."""
    events = own.sum(axis=0)
    survival = np.asarray(np.cumprod(1.0 - _quotient(own + other, at_risk), axis=1), dtype=np.float64)
    survival_before = _before(survival, 1.0)
    incidence_before = _before(np.cumsum(survival_before * _quotient(own, at_risk), axis=1), 0.0)
    height = _quotient(at_risk, survival_before)  # h
    followed = height * (1.0 - incidence_before)  # R
    step = _quotient(events, height.sum(axis=0))  # dF
    free = 1.0 - np.cumsum(step)
    free_before = np.maximum(_before(free, 1.0), 0.0)
    importance = free_before**rho
    share = _quotient(followed, followed.sum(axis=0))
    variance = np.zeros((at_risk.shape[0], at_risk.shape[0]))
    subhazard, part = _quotient(step, free_before), _quotient(height, height.sum(axis=0))
    for r in range(at_risk.shape[0]):
        deviation = -part * importance * height[r]  # D
        deviation[r] += importance * height[r]
        path = np.cumsum(deviation * subhazard, axis=1)
        ahead = path[:, -1:] - path  # C
        ratio = _quotient(free, survival[r])
        a = deviation + np.where(survival[r] > 0.0, 1.0 - ratio, 0.0) * ahead
        b = -ratio * ahead
        per_own = _quotient(step, height[r]) * _tied(events, height.sum(axis=0) * survival_before[r])
        per_other = _quotient(other[r], height[r] ** 2) * _tied(other[r], at_risk[r])
        variance += (a * per_own) @ a.T + (b * per_other) @ b.T
    return own @ importance, share @ (importance * events), variance


def _tied(events: FloatArray, at_risk: FloatArray) -> FloatArray:
    """What the variance of tied events is multiplied by: 1 - (m - 1) / (n - 1), and 1 for a single event."""
    return 1.0 - np.where(events > 1.0, _quotient(events - 1.0, at_risk - 1.0), 0.0)
