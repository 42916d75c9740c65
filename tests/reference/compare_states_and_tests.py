"""Tests between groups, state occupancy and mean counts beside R."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.estimators.curves.recurrent import mean_cumulative_count
from tendon_outcomes.estimators.curves.state_occupancy import state_occupancy
from tendon_outcomes.estimators.group_tests.gray import gray_test
from tendon_outcomes.estimators.group_tests.log_rank import log_rank
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {
    "group_tests": "right_censored.csv",
    "state_occupancy": "relapses.csv",
    "mean_count": "flares.csv",
}
HORIZONS = (10.0, 25.0, 40.0)


def comparisons() -> list[Comparison]:
    """Every frozen series of this area beside the estimator's own."""
    return [*_group_tests(), *_state_occupancy(), *_mean_count()]


def _group_tests() -> list[Comparison]:
    data = columns("right_censored.csv")
    row = np.arange(1, data["day"].size + 1)
    groups = {"two": row * 7 // 3 % 2, "three": row * 7 % 3, "five": row * 7 % 5}
    event, layer, pair = data["cause"] > 0, row * 5 % 4, (row - 1) // 2
    found = []
    for name, theirs in frozen("group_tests")["numbers"].items():
        kind, *words = name.split()
        ours: dict[str, Any]
        if name == "gray untied":
            ours = _of_causes(data["day"] + row / 1000, data["cause"], groups["three"], None, 0.0)
        elif kind in ("gray", "log-rank"):
            group, rho, strata = groups[words[0]], float(words[1]), layer if words[2] == "TRUE" else None
            if kind == "gray":
                ours = _of_causes(data["day"], data["cause"], group, strata, rho)
            else:
                test = log_rank(data["day"], event, group, strata=strata, rho=rho)
                scores = list(range(1, len(test.groups) + 1))
                trend = log_rank(data["day"], event, group, strata=strata, rho=rho, scores=scores)
                ours = {key: getattr(test, key) for key in ("statistic", "observed", "expected", "p_value")}
                ours |= {"variance": test.variance.ravel(), "trend": trend.statistic}
        else:
            few = slice(0, 40) if kind == "entry" else slice(None)
            test = log_rank(
                data["day"][few],
                event[few],
                groups["three"][few],
                entry=data["entry"][few] if "entry" in name else None,
                weight=data["weight"] if "weighted" in name else None,
                strata=layer[few] if "strata" in words else None,
                cluster=pair if kind == "clustered" else None,
                robust=None if kind in ("entry", "clustered") else True,
            )
            ours = {"statistic": test.statistic}
        found += series(name, theirs, ours)
    return found


def _of_causes(time: np.ndarray, cause: np.ndarray, group: np.ndarray, strata: np.ndarray | None, rho: float) -> dict[str, Any]:
    tests = [gray_test(time, cause, group, strata=strata, rho=rho, cause_of_interest=k) for k in (1, 2, 3)]
    return {
        "statistic": [test.statistic for test in tests],
        "p_value": [test.p_value for test in tests],
        "df": [test.df for test in tests],
    }


def _state_occupancy() -> list[Comparison]:
    data = columns("relapses.csv")
    found = []
    for name, theirs in frozen("state_occupancy")["numbers"].items():
        words = name.split()
        fit = state_occupancy(
            *(data[key] for key in ("subject", "start", "stop", "from_state", "to_state")),
            n_states=4,
            weight=data["copies"] if name == "copies" else data["weight"] if "weighted" in words else None,
            cluster=data["cluster"] if "clustered" in words else None,
            initial=[0.7, 0.3, 0.0, 0.0] if name == "known" else None,
        )
        ours: dict[str, Any] = {"time": fit.time}
        for s in range(4):
            means = [fit.restricted_mean(s, horizon=horizon) for horizon in HORIZONS]
            ours |= {
                f"probability_{s}": fit.probability[s],
                f"std_error_{s}": fit.std_error[s],
                f"conf_low_{s}": fit.conf_low[s],
                f"conf_high_{s}": fit.conf_high[s],
                f"mean_{s}": [mean.estimate for mean in means],
                f"mean_std_error_{s}": [mean.std_error for mean in means],
            }
        found += series(f"occupancy {name}", theirs, ours)
    return found


def _mean_count() -> list[Comparison]:
    data = columns("flares.csv")
    found = []
    for name, theirs in frozen("mean_count")["numbers"].items():
        start, stop = data["start"], data["stop"]
        if "untied" in name:
            later = data["subject"] / 1000
            start, stop = np.where(start > 0, start + later, start), stop + later
        fit = mean_cumulative_count(
            data["subject"],
            start,
            stop,
            data["event"],
            terminal=data["terminal"] if name.startswith("terminal") else None,
            weight=data["weight"] if "weighted" in name else None,
        )
        ours: dict[str, Any] = {key: getattr(fit, key) for key in ("time", "n_at_risk", "n_events", "estimate", "std_error")}
        if "untied" in name:
            ours = {"estimate": fit.at(theirs["day"]).estimate}
        written_out = "jackknife by differences" if name in ("terminal", "terminal weighted") else ""
        for one in series(f"mean count {name}", theirs, ours):
            loose = written_out and one.name.endswith("std_error")
            found.append(Comparison(one.name, one.ours, one.theirs, 1e-8, written_out) if loose else one)
    return found
