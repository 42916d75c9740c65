"""Pointwise limits of a Kaplan-Meier curve: normal on a scale, exact where it has none, beta-product where few are left."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.curves.beta_product import beta_product_limits, falling
from tendon_outcomes.estimators.limits import (
    IntervalKind,
    SurvivalInterval,
    exact_limit_beside_zero,
    exact_where_cancelled,
    probability_limits,
)
from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.risk_table import RiskTable

# Below this number at risk the default limits are beta-product: log-log limits then miss their level.
SMALL_RISK_SET = 20.0


def checked_interval(interval: SurvivalInterval | None, table: RiskTable) -> SurvivalInterval:
    """The kind of limits that the sample allows: the default for None, a refusal for beta-product limits without counts."""
    counted = not table.robust and table.entry_index is None
    if interval is None:
        return "mixed" if counted else "log-log"
    if interval not in ("plain", "log", "log-log", "logit", "beta-product", "mixed"):
        raise refuse("`interval` is one of plain, log, log-log, logit, beta-product")
    if interval in ("beta-product", "mixed") and not counted:
        raise refuse(
            "beta-product limits need whole counts of independent rows that all begin at time 0",
            way_out='Use interval="log-log" with weights, clusters or delayed entry.',
        )
    return interval


def survival_limits(
    table: RiskTable, survival: FloatArray, std_error: FloatArray, level: float, interval: SurvivalInterval
) -> tuple[FloatArray, FloatArray]:
    """Pointwise limits of each day; see kaplan_meier."""
    if interval == "beta-product":
        return beta_product_limits(table.n_at_risk, table.n_events[0], table.n_censored, conf_level=level)
    if interval != "mixed":
        return _normal_limits(table, survival, std_error, level, interval)
    low, high = _normal_limits(table, survival, std_error, level, "log-log")
    first = int(np.count_nonzero(table.n_at_risk >= SMALL_RISK_SET))  # nobody enters late, so the numbers at risk fall
    if first < table.time.size:
        low[first:], high[first:] = beta_product_limits(
            table.n_at_risk, table.n_events[0], table.n_censored, conf_level=level, first=first
        )
    return falling(low, high)


def _normal_limits(
    table: RiskTable, survival: FloatArray, std_error: FloatArray, level: float, interval: IntervalKind
) -> tuple[FloatArray, FloatArray]:
    low, high = probability_limits(survival, std_error, conf_level=level, interval=interval)
    if table.robust:
        low, high = exact_where_cancelled((low, high), survival, std_error, table.n_from_start, conf_level=level)
    untouched, ended = survival >= 1.0, survival <= 0.0
    if interval in ("log-log", "logit"):
        low[untouched] = 1.0 - exact_limit_beside_zero(table.n_from_start[untouched], conf_level=level)
        high[untouched] = 1.0
    if ended.any():
        first = int(np.argmax(ended))
        at_once = exact_limit_beside_zero(table.n_from_start[first : first + 1], conf_level=level)[0]
        low[ended], high[ended] = 0.0, high[first - 1] if first and survival[first - 1] < 1.0 else at_once
    return low, high
