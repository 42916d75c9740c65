"""Splines beside R: Hmisc's knots and basis, fits of survival, glm and rms on it, contrasts, bands, mean curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tendon_outcomes.estimators.causal.exposure.effect_by_exposure import effect_by_exposure
from tendon_outcomes.estimators.causal.exposure.exposure_curve import Link, exposure_curve
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.logistic import logistic
from tendon_outcomes.estimators.regression.natural_spline import natural_spline
from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
from tendon_outcomes.estimators.regression.parametric.error_distributions import Distribution
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog
from tendon_outcomes.estimators.regression.simultaneous import largest_t
from tendon_outcomes.estimators.regression.spline_columns import SplineColumns, harrell_knots
from tendon_outcomes.estimators.regression.spline_contrasts import spline_contrasts
from tests.reference.comparison import Comparison, columns, frozen, numbers_of, series

SCRIPTS: dict[str, str | None] = {"splines": "splines.csv"}
FITTED, CLOSED = 1e-8, 1e-10
AT = np.log2([4, 6, 8, 13, 20, 26, 39, 52, 80, 104])
REFERENCE = float(np.log2(12))
GRID = (14, 42, 84, 126, 182)
NAMES = ("duration", "age", "treated")
REASONS = {
    "knots": "the 7 quantiles of Harrell's table 2.3 have four digits, those of Hmisc more",
    "bands": "20,000 draws have a standard error of 0.15 points of the level; R integrates to 0.01",
}
Data = Mapping[str, np.ndarray]


def comparisons() -> list[Comparison]:
    """Every frozen series of splines.R beside ours."""
    numbers, data = frozen("splines")["numbers"], dict(columns("splines.csv"))
    data["duration"] = np.log2(data["weeks"])
    return [
        *_knots(numbers["knots"], data),
        *_basis(numbers["basis"], data),
        *_fits(numbers["fits"], data),
        *_bands(numbers["bands"]),
        *_curves(numbers["curves"], data),
        *_effects(numbers["effects"]["both"], data),
    ]


def _knots(numbers: Mapping[str, Any], data: Data) -> list[Comparison]:
    found = []
    for name, theirs in numbers.items():
        word, count = name.split()
        for sample, rows in (("all", data[word]), ("few", data[word][:60])):
            ours = np.array(harrell_knots(rows, int(count)))
            allowed = (1e-3, REASONS["knots"]) if count == "7" else (CLOSED, "")
            found.append(Comparison(f"knots {name}: {sample}", ours, numbers_of(theirs[sample]), *allowed))
    return found


def _basis(numbers: Mapping[str, Any], data: Data) -> list[Comparison]:
    """Our curved columns are cubes of the distance between the outer knots; Hmisc's are divided by its square (norm 2)."""
    found = []
    for name, theirs in numbers.items():
        word, _, norm = name.split()
        knots = numbers_of(theirs["knots"])
        x = np.concatenate([[data[word].min() - 2.0], data[word][:80], [data[word].max() + 3.0]])
        outer, inner = knots[-1] - knots[0], knots[-1] - knots[-2]
        unit = {"0": outer**3, "1": (outer / inner) ** 3, "2": outer}[norm]
        ours = natural_spline(x, knots)[:, 2:] * unit
        found.append(Comparison(f"basis {name}: columns", ours.ravel(), numbers_of(theirs["basis"]), CLOSED))
    return found


def _fits(numbers: Mapping[str, Any], data: Data) -> list[Comparison]:
    knots = harrell_knots(data["duration"], 4)
    spline = SplineColumns(NAMES, {"duration": knots})
    x = spline.columns(np.column_stack([data[name] for name in NAMES]))
    fits = _models(data, x, spline.column_names)
    found = []
    for name, theirs in numbers.items():
        coefficients, before, after, log_likelihood = fits[name]
        contrasts = spline_contrasts(coefficients, spline, "duration", at=AT, reference=REFERENCE)
        unit = np.ones(x.shape[1])
        unit[1:3] = knots[-1] - knots[0]
        ours = {
            "estimate": contrasts.estimate,
            "std_error": contrasts.std_error,
            "coefficient": np.concatenate([before[0], coefficients.estimate / unit, after[0]]),
            "std_error_of_it": np.concatenate([before[1], coefficients.std_error / unit, after[1]]),
            "log_likelihood": log_likelihood,
        }
        found += series(f"fits {name}", theirs, ours, tolerance=FITTED)
    return found


Pair = tuple[np.ndarray, np.ndarray]
Fitted = tuple[Coefficients, Pair, Pair, float]
NONE: Pair = (np.empty(0), np.empty(0))


def _models(data: Data, x: np.ndarray, names: tuple[str, ...]) -> dict[str, Fitted]:
    """By the name of R's fit: coefficients of the columns, those before and after them, log-likelihood."""
    plain, clustered = (cox(data["day"], data["event"], x, names=names, cluster=one) for one in (None, data["patient"]))
    found: dict[str, Fitted] = {
        "cox": (plain.coefficients, NONE, NONE, plain.log_likelihood),
        "cox clustered": (clustered.coefficients, NONE, NONE, clustered.log_likelihood),
        "rms cph": (plain.coefficients, NONE, NONE, plain.log_likelihood),
    }
    laws: tuple[Distribution, ...] = ("weibull", "lognormal", "loglogistic")
    for law in laws:
        fit = accelerated_failure_time(data["left"], data["right"], x, distribution=law, names=names)
        found[f"time {law}"] = _inner(fit.coefficients, names, fit.log_likelihood)
    seen = np.where(data["event"] == 1, data["day"], np.inf)
    exact = accelerated_failure_time(data["day"], seen, x, names=names)
    found["rms psm"] = _inner(exact.coefficients, names, exact.log_likelihood)
    odds = logistic(data["reached"], x, names=names)
    found["odds"] = _inner(odds.coefficients, names, odds.log_likelihood)
    rows = (data["step_left"], data["step_right"], np.isfinite(data["step_right"]))
    grouped = pooled_cloglog(*rows, x, grid=GRID, names=names)
    steps = (grouped.baseline, np.sqrt(np.diagonal(grouped.covariance))[: len(GRID)])
    found["grouped"] = (grouped.coefficients, steps, NONE, grouped.log_likelihood)
    return found


def _inner(whole: Coefficients, names: tuple[str, ...], log_likelihood: float) -> Fitted:
    """The coefficients of the columns apart from an intercept before and a scale after them."""
    at = np.array([whole.names.index(name) for name in names])
    before, after = slice(0, at[0]), slice(at[-1] + 1, None)
    own = Coefficients(names, whole.estimate[at], whole.covariance[np.ix_(at, at)])
    pairs = [(whole.estimate[part], whole.std_error[part]) for part in (before, after)]
    return own, pairs[0], pairs[1], log_likelihood


def _bands(numbers: Mapping[str, Any]) -> list[Comparison]:
    found = []
    for name, theirs in numbers.items():
        many, df = (int(word) for word in name.split())
        correlation = numbers_of(theirs["correlation"]).reshape(many, many)
        ours = np.array([largest_t(correlation, df or np.inf, conf_level=0.95, seed=1)])
        found.append(Comparison(f"bands {name}: critical", ours, numbers_of(theirs["critical"]), 0.02, REASONS["bands"]))
    return found


def _curves(numbers: Mapping[str, Any], data: Data) -> list[Comparison]:
    found = []
    for name, theirs in numbers.items():
        word, who = name.split()
        link: Link = "logit" if word == "logit" else "linear"
        x, cluster = np.column_stack([data["age"], data["treated"]]), data["patient"] if who == "patients" else None
        ours = exposure_curve(
            data["share"], data["duration"], x, at=AT, reference=REFERENCE, link=link, cluster=cluster, ridge=0.0, seed=1
        )
        numbers_there = {
            "estimate": ours.estimate[0],
            "std_error": ours.std_error[0],
            "difference": ours.difference.estimate[0],
            "difference_std_error": ours.difference.std_error[0],
        }
        found += series(f"curves {name}", theirs, numbers_there, tolerance=FITTED)
    return found


def _effects(theirs: Mapping[str, Any], data: Data) -> list[Comparison]:
    found = effect_by_exposure(
        data["share"], data["treated"], data["duration"], data["age"], at=AT, cluster=data["patient"], ridge=0.0, seed=1
    )
    ours = {
        "reference_mean": found.mean[0, 0],
        "compared_mean": found.mean[1, 0],
        "difference": found.difference.estimate[0],
        "difference_std_error": found.difference.std_error[0],
        "ratio": found.ratio.estimate[0],
        "ratio_std_error": found.ratio.std_error[0],
    }
    return series("effects by exposure", theirs, ours, tolerance=FITTED)
