"""Clusters, groups and comparisons of curves beside R's survival and cmprsk."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.estimators.contrasts import Contrast
from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.by_group import incidence_by_group, survival_by_group
from tendon_outcomes.estimators.curves.compare import (
    milestone_difference,
    milestone_ratio,
    restricted_mean_difference,
    restricted_mean_ratio,
    time_lost_difference,
    time_lost_ratio,
)
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.curves.restricted_mean import restricted_mean_time_lost
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"clustered_curves": "right_censored.csv"}
DAYS, HORIZONS = (3.0, 8.0, 12.0, 15.0, 20.0), (5.0, 12.0, 20.0)


def comparisons() -> list[Comparison]:
    """Every frozen series of clustered_curves.R beside the estimators."""
    data = columns("right_censored.csv")
    row = np.arange(1, data["day"].size + 1)
    data |= {
        "patient": (row - 1) // 2,
        "clinic": (row * 7) % 23,
        "group": np.where(row % 2 == 1, "loading", "both"),
        "event": data["cause"] == 1,
    }
    found = []
    for name, theirs in frozen("clustered_curves")["numbers"].items():
        kind = name.split()[0]
        ours = {
            "survival": _survival,
            "incidence": _incidence,
            "group": _group,
            "comparison": _compared,
            "aalen": _aalen,
            "beta": _beta,
        }[kind](data, name)
        found += series(name, theirs, ours)
    return found


def _how(data: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    _, label, *rest = name.split()
    weight = data["copies"] if "copies" in rest else data["weight"] if "weighted" in rest else None
    return {"cluster": data[label], "weight": weight, "entry": data["entry"] if "entry" in rest else None}


def _survival(data: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    fit = kaplan_meier(data["day"], data["event"], **_how(data, name))
    return {key: getattr(fit, key) for key in ("time", "n_at_risk", "survival", "std_error", "conf_low", "conf_high")}


def _incidence(data: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    fit = aalen_johansen(data["day"], data["cause"], **_how(data, name))
    ours: dict[str, Any] = {"time": fit.time}
    for k in (1, 2, 3):
        lost = [restricted_mean_time_lost(fit, k, horizon=horizon).std_error for horizon in HORIZONS]
        ours |= {f"incidence_{k}": fit.incidence[k - 1], f"std_error_{k}": fit.std_error[k - 1]}
        ours |= {f"time_lost_std_error_{k}": lost}
    return ours


def _group(data: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    curves = survival_by_group(data["day"], data["event"], data["group"], interval="log-log")
    at = curves[name.split()[1]].at(DAYS)
    return {"survival": at.estimate, "std_error": at.std_error, "conf_low": at.conf_low, "conf_high": at.conf_high}


def _compared(data: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    weight = data["weight"] if name.endswith(" weighted") else None
    how: dict[str, Any] = {"weight": weight, "cluster": data["patient"]}
    lifted = {"at_least": 0.0, "share": 0.0}
    if "survival" in name:
        curves = survival_by_group(data["day"], data["event"], data["group"], **how)
        pair = (curves["loading"], curves["both"])
        cause: dict[str, Any] = {}
        means = [restricted_mean_difference(*pair, horizon=h, **lifted) for h in HORIZONS]
        ratios = [restricted_mean_ratio(*pair, horizon=h, **lifted) for h in HORIZONS]
    else:
        causes = incidence_by_group(data["day"], data["cause"], data["group"], **how)
        pair = (causes["loading"], causes["both"])  # type: ignore[assignment]
        cause = {"cause": 1}
        means = [time_lost_difference(*pair, cause=1, horizon=h, **lifted) for h in HORIZONS]  # type: ignore[arg-type]
        ratios = [time_lost_ratio(*pair, cause=1, horizon=h, **lifted) for h in HORIZONS]  # type: ignore[arg-type]
    return {
        **_pair("difference", [milestone_difference(*pair, day=d, **cause) for d in DAYS]),
        **_pair("ratio", [milestone_ratio(*pair, day=d, **cause) for d in DAYS]),
        **_pair("mean_difference", means),
        **_pair("mean_ratio", ratios),
    }


def _pair(name: str, found: list[Contrast]) -> dict[str, Any]:
    return {name: [one.estimate for one in found], f"{name}_std_error": [one.std_error for one in found]}


def _aalen(data: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    fit = aalen_johansen(data["day"], data["cause"], variance="aalen")
    return {f"std_error_{k}": fit.at(k, np.arange(1.0, 21.0)).std_error for k in (1, 2, 3)}


def _beta(data: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    fit = kaplan_meier(data["day"][:30], data["event"][:30], interval="beta-product")
    return {"time": fit.time, "conf_low": fit.conf_low, "conf_high": fit.conf_high}
