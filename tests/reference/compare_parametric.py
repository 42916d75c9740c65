"""Parametric models beside R: accelerated failure time, grouped proportional hazards, mixture cure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
from tendon_outcomes.estimators.regression.parametric.mixture_cure import mixture_cure
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"parametric": "parametric.csv"}
ESTIMATE, ERROR = 1e-8, 1e-7
GRID = (14, 42, 84, 126, 182, 260)


def comparisons() -> list[Comparison]:
    """Every frozen series of the parametric models beside the estimator's own."""
    numbers, data = frozen("parametric")["numbers"], columns("parametric.csv")
    return [*_regression(numbers["regression"], data), *_pooled(numbers["pooled"], data), *_cure(numbers["cure"], data)]


def _regression(numbers: Mapping[str, Any], data: Mapping[str, np.ndarray]) -> list[Comparison]:
    found = []
    for name, theirs in numbers.items():
        law, _, kind = name.partition(" ")
        kept = np.full(data["left"].size, True)
        if kind.endswith("without intervals"):
            kept = ~((data["left"] < data["right"]) & (data["left"] > 0) & np.isfinite(data["right"]))
        options: dict[str, Any] = {}
        if kind.startswith("weighted"):
            options = {"weight": data["weight"][kept], "robust": "naive" not in kind}
        elif kind:
            key = {"copies": "weight", "strata": "strata", "clustered": "cluster"}[kind]
            options = {key: data[{"copies": "copies", "strata": "site", "clustered": "person"}[kind]]}
        x = np.column_stack((data["arm"], data["dose"]))[kept]
        fit = accelerated_failure_time(data["left"][kept], data["right"][kept], x, distribution=law, **options)  # type: ignore[arg-type]
        ours: dict[str, Any] = {
            "estimate": fit.coefficients.estimate,
            "std_error": fit.coefficients.std_error,
            "log_likelihood": fit.log_likelihood,
            "null_log_likelihood": fit.null_log_likelihood,
        }
        if "quantile" in theirs:
            quantile = fit.quantile([0.1, 0.25, 0.5], [1, 0.5])
            ours |= {"quantile": quantile.estimate, "quantile_std_error": quantile.std_error}
        found += _series(f"survreg {name}", theirs, ours)
    return found


def _pooled(numbers: Mapping[str, Any], data: Mapping[str, np.ndarray]) -> list[Comparison]:
    found = []
    for name, theirs in numbers.items():
        looks = "seen" if name == "looks skipped" else "step"
        left, right = data[f"{looks}_left"], data[f"{looks}_right"]
        weight = data["weight"] if name.endswith("weighted") else None
        x = np.column_stack((data["arm"], data["dose"]))
        fit = pooled_cloglog(left, right, np.isfinite(right), x, grid=GRID, weight=weight)
        ours = {
            "estimate": np.append(fit.baseline, fit.coefficients.estimate),
            "std_error": np.sqrt(np.diagonal(fit.covariance)),
            "log_likelihood": fit.log_likelihood,
        }
        found += _series(f"grouped hazards, {name}", theirs, ours)
    return found


def _cure(numbers: Mapping[str, Any], data: Mapping[str, np.ndarray]) -> list[Comparison]:
    found = []
    for name, theirs in numbers.items():
        law, _, by_arm = name.partition(" ")
        x = data["arm"] if by_arm else None
        fit = mixture_cure(data["seen_left"], data["seen_right"], x, x, distribution=law)  # type: ignore[arg-type]
        ours: dict[str, Any] = {
            "estimate": np.append(fit.ever.estimate, fit.time.estimate),
            "std_error": np.sqrt(np.diagonal(fit.covariance)),
            "log_likelihood": fit.log_likelihood,
        }
        if fit.never is not None:
            ours |= {"never": fit.never.estimate, "never_limits": [fit.never.conf_low, fit.never.conf_high]}
        found += _series(f"cure {name}", theirs, ours)
    return found


def _series(name: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[Comparison]:
    errors = {key: value for key, value in theirs.items() if key.endswith("std_error")}
    others = {key: value for key, value in theirs.items() if key not in errors}
    return [*series(name, others, ours, tolerance=ESTIMATE), *series(name, errors, ours, tolerance=ERROR)]
