"""The counting-process variance of a cumulative incidence, beside the infinitesimal jackknife."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.risk_table import RiskTable


def aalen_variance(table: RiskTable, k: int, incidence: FloatArray, before: FloatArray) -> FloatArray:
    """Var F_k(t) from the variances of the day's hazards, one value a day.

    F_k(t) moves with dN_kj by S(t_j-)/n_j - D_j and with the other causes' dN_oj by -D_j, D_j = (F_k(t) - F_k(t_j))/(n_j - d_j);
    Var dN_kj = d_kj (n_j - d_kj)/(n_j - 1), and causes of the same day are taken as uncorrelated (so is it in cmprsk). With one
    event a day this is the multinomial variance up to the factor n_j/(n_j - 1). Aalen (1978) Ann Stat 6:534.
    """
    if table.robust:
        raise refuse(
            "Aalen's variance counts independent rows; it has no form for sampling weights or clusters",
            way_out='Use variance="jackknife".',
        )
    n, own = table.n_at_risk, table.n_events[k]
    other = table.n_events.sum(axis=0) - own
    left = n - own - other
    nothing = np.zeros_like(n)
    of_own = np.divide(own * (n - own), n - 1.0, out=nothing.copy(), where=n > 1.0)
    of_other = np.divide(other * (n - other), n - 1.0, out=nothing.copy(), where=n > 1.0)
    step = np.divide(before, n, out=nothing.copy(), where=n > 0.0)
    inverse = np.divide(1.0, left, out=nothing, where=left > 0.0)
    centred = incidence - incidence[-1]
    square, cross = inverse**2 * (of_own + of_other), step * inverse * of_own
    spread = centred**2 * np.cumsum(square) - 2.0 * centred * np.cumsum(square * centred) + np.cumsum(square * centred**2)
    shared = centred * np.cumsum(cross) - np.cumsum(cross * centred)
    variance: FloatArray = np.maximum(spread - 2.0 * shared + np.cumsum(step**2 * of_own), 0.0)
    return np.where(incidence > 0.0, variance, 0.0)  # no event yet: rounding only
