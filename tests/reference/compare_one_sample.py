"""One-sample estimators beside R: Kaplan-Meier, Aalen-Johansen, the interval-censored estimate, proportions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.estimators import (
    aalen_johansen,
    clopper_pearson,
    interval_censored_incidence,
    kaplan_meier,
    restricted_mean,
    restricted_mean_time_lost,
    wilson,
)
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {
    "survival_curves": "right_censored.csv",
    "competing_causes": "right_censored.csv",
    "interval_censored": "interval_censored.csv",
    "proportions": None,
}
PROBABILITIES = (0.05, 0.1, 0.25, 0.4, 0.5)
HORIZONS = (5.0, 12.0, 20.0)


def comparisons() -> list[Comparison]:
    """Every frozen series of the one-sample estimators beside the estimator's own."""
    return [*_survival_curves(), *_competing_causes(), *_interval_censored(), _survfit_interval2(), *_proportions()]


def _survival_curves() -> list[Comparison]:
    data = columns("right_censored.csv")
    event = data["cause"] == 1
    found = []
    for name, theirs in frozen("survival_curves")["numbers"].items():
        scale, _, kind = name.partition("/")
        divisor = float(scale.rpartition(" ")[2]) if " over " in scale else 1.0
        weight = data["copies"] if scale == "copies" else data["weight"] if "weighted" in scale.split() else None
        entry = data["entry"] / divisor if scale.startswith("entry") else None
        curve = kaplan_meier(data["day"] / divisor, event, entry=entry, weight=weight, interval=kind or "log-log")  # type: ignore[arg-type]
        means = [restricted_mean(curve, horizon=horizon / divisor) for horizon in HORIZONS]
        quantiles = [curve.quantile(p) for p in PROBABILITIES]
        ours = {
            "time": curve.time,
            "n_at_risk": curve.n_at_risk,
            "n_events": curve.n_events,
            "survival": curve.survival,
            "std_error": curve.std_error,
            "conf_low": curve.conf_low,
            "conf_high": curve.conf_high,
            "restricted_mean": [mean.estimate for mean in means],
            "restricted_mean_std_error": [mean.std_error for mean in means],
        }
        times = {key: theirs[key] for key in theirs if key.startswith("quantile")}
        found += series(name, {key: theirs[key] for key in theirs if key not in times}, ours)
        ours_times = dict(zip(("quantile", "quantile_low", "quantile_high"), zip(*quantiles, strict=True), strict=True))
        found += series(name, times, ours_times, missing=np.inf)
    return found


def _competing_causes() -> list[Comparison]:
    data = columns("right_censored.csv")
    found = []
    for name, theirs in frozen("competing_causes")["numbers"].items():
        weight = data["copies"] if name == "copies" else data["weight"] if "weighted" in name.split() else None
        fit = aalen_johansen(data["day"], data["cause"], entry=data["entry"] if "entry" in name else None, weight=weight)
        ours: dict[str, Any] = {"time": fit.time, "n_at_risk": fit.n_at_risk, "survival": fit.survival}
        for k in (1, 2, 3):
            if name == "cmprsk":
                ours |= {"time": theirs["time"], f"incidence_{k}": fit.at(k, theirs["time"]).estimate}
                continue
            means = [restricted_mean_time_lost(fit, k, horizon=horizon) for horizon in HORIZONS]
            ours |= {
                f"incidence_{k}": fit.incidence[k - 1],
                f"std_error_{k}": fit.std_error[k - 1],
                f"conf_low_{k}": fit.conf_low[k - 1],
                f"conf_high_{k}": fit.conf_high[k - 1],
                f"time_lost_{k}": [mean.estimate for mean in means],
                f"time_lost_std_error_{k}": [mean.std_error for mean in means],
            }
        found += series(name, theirs, ours)
    return found


def _interval_censored() -> list[Comparison]:
    data = columns("interval_censored.csv")
    found = []
    for name, theirs in frozen("interval_censored")["numbers"].items():
        if name == "survfit interval2":
            continue
        kept = data["cause"] <= 1 if name == "one cause" else data["cause"] >= 0
        fit = interval_censored_incidence(
            data["left"][kept],
            data["right"][kept],
            data["cause"][kept],
            weight=data["weight"][kept] if name == "competing weighted" else None,
        )
        ours = {f"incidence_{k}": fit.bounds(k, theirs["day"]).lower for k in fit.causes}
        numbers = {key: theirs[key] for key in theirs if key in ours or key == "log_likelihood"}
        found += series(name, numbers, {"log_likelihood": fit.log_likelihood, **ours})
    return found


def _proportions() -> list[Comparison]:
    found = []
    for name, theirs in frozen("proportions")["numbers"].items():
        successes, n, level = (float(word) for word in name.split())
        score, exact = wilson(successes, n, conf_level=level), clopper_pearson(int(successes), int(n), conf_level=level)
        ours = {"wilson": [score.conf_low, score.conf_high], "clopper_pearson": [exact.conf_low, exact.conf_high]}
        found += series(name, theirs, ours)
    return found


def _survfit_interval2() -> Comparison:
    data = columns("interval_censored.csv")
    kept = data["cause"] <= 1
    theirs = frozen("interval_censored")["numbers"]["survfit interval2"]
    fit = interval_censored_incidence(data["left"][kept], data["right"][kept], data["cause"][kept])
    return Comparison(
        "survfit interval2",
        fit.bounds(1, theirs["day"]).lower,
        np.array(theirs["incidence_1"]),
        tolerance=5e-4,
        reason="survfit's own loop stops when the curve moves by less than 5e-5 between sweeps",
    )
