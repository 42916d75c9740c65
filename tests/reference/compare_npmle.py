"""The interval-censored estimate with late entry, its limits and its rank tests beside R."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.estimators import IntervalIncidence, interval_censored_incidence
from tendon_outcomes.estimators.interval_censored.log_rank import interval_log_rank
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"interval_npmle": "interval_censored.csv"}
LIMIT_TOLERANCE = 1e-8  # a root of the profile likelihood, solved to 1e-10 in R
SE_TOLERANCE = 1e-8


def comparisons() -> list[Comparison]:
    """Every frozen series of the script beside ours, and the frozen survfit curves with late entry beside the same estimator."""
    numbers = frozen("interval_npmle")["numbers"]
    found = [one for name in FITS for one in _fits(name, numbers[name])]
    found += [one for name in ("limits", "limits entry") for one in _limits(name, numbers[name])]
    found += [one for name in ("log-rank", "peto", "finkelstein") for one in _test(name, numbers[f"test {name}"])]
    found += [one for name in ("log-rank", "peto") for one in _dated_test(name, numbers[f"dated {name}"])]
    return [*found, *_dated_entry()]


FITS = {
    "plain": (False, False),
    "weighted": (True, False),
    "entry": (False, True),
    "entry weighted": (True, True),
    "one cause entry": (False, True),
}


def _sample() -> dict[str, np.ndarray]:
    """The sample with the entry days and groups that the script gives it."""
    data = columns("interval_censored.csv")
    number = np.arange(data["left"].size)
    weeks_known = 7 * (data["left"] // 7)
    entry = np.where(number % 3 == 0, np.minimum(7 * (number % 4), weeks_known), 0.0)
    return data | {"entry": entry, "group": np.array(["a", "b", "c"])[(number * 7) % 3]}


def _fit(data: dict[str, np.ndarray], *, weighted: bool, entry: bool, robust: bool | None = None) -> IntervalIncidence:
    return interval_censored_incidence(
        data["left"],
        data["right"],
        data["cause"],
        weight=data["weight"] if weighted else None,
        entry=data["entry"] if entry else None,
        robust=robust,
    )


def _fits(name: str, theirs: dict[str, Any]) -> list[Comparison]:
    data = _sample()
    if name.startswith("one cause"):
        data = {key: column[_sample()["cause"] <= 1] for key, column in data.items()}
    weighted, entry = FITS[name]
    model, robust = (_fit(data, weighted=weighted, entry=entry, robust=kind) for kind in (False, True))
    ours: dict[str, Any] = {"log_likelihood": model.log_likelihood}
    errors: dict[str, Any] = {}
    for k in model.causes:
        ours[f"incidence_{k}"] = model.bounds(k, theirs["day"]).lower
        errors[f"std_error_{k}"] = model.lower(k, theirs["day"]).std_error
        errors[f"robust_error_{k}"] = robust.lower(k, theirs["day"]).std_error
    estimates = {key: values for key, values in theirs.items() if key not in errors}
    found = series(name, estimates, ours)
    return found + series(name, {key: theirs[key] for key in errors}, errors, tolerance=SE_TOLERANCE)


def _limits(name: str, theirs: dict[str, Any]) -> list[Comparison]:
    limits = _fit(_sample(), weighted=False, entry="entry" in name).likelihood_ratio_limits(1, theirs["day"])
    return series(name, theirs, limits._asdict(), tolerance=LIMIT_TOLERANCE)


def _test(name: str, theirs: dict[str, Any]) -> list[Comparison]:
    data = {key: column[_sample()["cause"] <= 1] for key, column in _sample().items()}
    test = interval_log_rank(data["left"], data["right"], data["group"], scores=name)  # type: ignore[arg-type]
    ours = {"total": test.observed - test.expected, "variance": test.variance.ravel(), "statistic": test.statistic}
    return series(f"test {name}", theirs, ours)


def _dated_test(name: str, theirs: dict[str, Any]) -> list[Comparison]:
    """Numerators of survdiff; the permutation variance from coxph's martingale residuals."""
    data = columns("right_censored.csv")
    event = data["cause"] == 1
    group = np.array(["a", "b", "c"])[(np.arange(event.size) * 7) % 3]
    left, right = np.where(event, data["day"] - 1, data["day"]), np.where(event, data["day"], np.inf)
    test = interval_log_rank(left, right, group, scores=name)  # type: ignore[arg-type]
    ours = {"total": test.observed - test.expected, "variance": test.variance.ravel()}
    return series(f"dated {name}", theirs, {key: ours[key] for key in theirs})


def _dated_entry() -> list[Comparison]:
    """survfit on dated data with late entry: Greenwood for one cause, the infinitesimal jackknife for several."""
    data = columns("right_censored.csv")
    found = []
    theirs = frozen("survival_curves")["numbers"]["entry/log-log"]
    event = data["cause"] == 1
    left, right = np.where(event, data["day"] - 1, data["day"]), np.where(event, data["day"], np.inf)
    fit = interval_censored_incidence(left, right, event.astype(int), entry=data["entry"])
    point = fit.lower(1, theirs["time"])
    ours = {"survival": 1.0 - point.estimate, "std_error": point.std_error}
    found += series("dated, entry", {key: theirs[key] for key in ours}, ours)
    for name in ("entry", "entry weighted"):
        theirs = frozen("competing_causes")["numbers"][name]
        left = np.where(data["cause"] == 0, data["day"], data["day"] - 1)
        right = np.where(data["cause"] == 0, np.inf, data["day"])
        weight = data["weight"] if "weighted" in name else None
        fit = interval_censored_incidence(left, right, data["cause"], entry=data["entry"], weight=weight, robust=True)
        several: dict[str, Any] = {}
        for k in fit.causes:
            point = fit.lower(k, theirs["time"])
            several |= {f"incidence_{k}": point.estimate, f"std_error_{k}": point.std_error}
        found += series(f"dated causes, {name}", {key: theirs[key] for key in several}, several)
    return found
