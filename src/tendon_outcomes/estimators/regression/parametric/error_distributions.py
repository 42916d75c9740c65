"""Standard error distributions W of log T = x'b + s W: density, both tails, and the slope of the log density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.special_functions import log_normal_tail

Distribution = Literal["weibull", "exponential", "lognormal", "loglogistic"]
Curve = Callable[[FloatArray], FloatArray]
HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class ErrorDistribution:
    """log f, log Pr(W > w), log Pr(W <= w), and the first two derivatives of log f; all on arrays. `quantile` is on numbers."""

    log_density: Curve
    log_above: Curve
    log_below: Curve
    slope: Curve
    curvature: Curve
    quantile: Callable[[float], float]


def _log_of_one_minus_exp(x: FloatArray) -> FloatArray:
    """log(1 - exp(x)) for x <= 0, accurate at both ends."""
    with np.errstate(divide="ignore"):
        near = np.log(-np.expm1(np.minimum(x, -0.0)))
        far = np.log1p(-np.exp(np.minimum(x, -0.5)))
    return np.where(x > -0.6931, near, far)


EXTREME = ErrorDistribution(
    log_density=lambda w: np.asarray(w - np.exp(w)),
    log_above=lambda w: np.asarray(-np.exp(w)),
    log_below=lambda w: _log_of_one_minus_exp(-np.exp(w)),
    slope=lambda w: np.asarray(1.0 - np.exp(w)),
    curvature=lambda w: np.asarray(-np.exp(w)),
    quantile=lambda p: float(np.log(-np.log1p(-p))),
)
NORMAL = ErrorDistribution(
    log_density=lambda w: np.asarray(-0.5 * w * w - HALF_LOG_2PI),
    log_above=log_normal_tail,
    log_below=lambda w: log_normal_tail(-w),
    slope=lambda w: np.asarray(-w),
    curvature=lambda w: np.full_like(w, -1.0),
    quantile=NormalDist().inv_cdf,
)
LOGISTIC = ErrorDistribution(
    log_density=lambda w: np.asarray(-np.abs(w) - 2.0 * np.log1p(np.exp(-np.abs(w)))),
    log_above=lambda w: np.asarray(-np.logaddexp(0.0, w)),
    log_below=lambda w: np.asarray(-np.logaddexp(0.0, -w)),
    slope=lambda w: np.asarray(-np.tanh(0.5 * w)),
    curvature=lambda w: np.asarray(-0.5 / np.cosh(0.5 * np.clip(w, -700.0, 700.0)) ** 2),
    quantile=lambda p: float(np.log(p) - np.log1p(-p)),
)
ERRORS: dict[str, ErrorDistribution] = {
    "weibull": EXTREME,
    "exponential": EXTREME,
    "lognormal": NORMAL,
    "loglogistic": LOGISTIC,
}


def error_distribution(name: str) -> ErrorDistribution:
    """The error distribution of log T for T named so."""
    if name not in ERRORS:
        raise refuse(f"`distribution` is one of {', '.join(ERRORS)}")
    return ERRORS[name]


@dataclass(frozen=True, slots=True, eq=False)
class RowTerms:
    """A row's log-likelihood in the standardised ends a (lower) and b (upper), with first and second derivatives."""

    value: FloatArray
    a: FloatArray
    b: FloatArray
    aa: FloatArray
    ab: FloatArray
    bb: FloatArray


def density_terms(law: ErrorDistribution, w: FloatArray) -> RowTerms:
    """log f(w), written as a function of a = w alone."""
    zero = np.zeros_like(w)
    return RowTerms(law.log_density(w), law.slope(w), zero, law.curvature(w), zero, zero)


def interval_terms(law: ErrorDistribution, a: FloatArray, b: FloatArray) -> RowTerms:
    """log Pr(a < W <= b); a = -inf and b = inf are open ends.

    Differences are taken in the tail in which they are small, so that far intervals keep their digits.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        upper = ~np.isneginf(a) & (np.isposinf(b) | (law.log_above(a) < law.log_below(b)))
        high = np.where(np.isposinf(b), -np.inf, law.log_above(b))
        low = np.where(np.isneginf(a), -np.inf, law.log_below(a))
        from_above = np.where(np.isneginf(a), 0.0, law.log_above(a))
        from_below = np.where(np.isposinf(b), 0.0, law.log_below(b))
        big, small = np.where(upper, from_above, from_below), np.where(upper, high, low)
        value = big + _log_of_one_minus_exp(np.where(np.isneginf(small), -np.inf, np.minimum(small - big, 0.0)))
        fa = np.where(np.isfinite(a), np.exp(law.log_density(np.where(np.isfinite(a), a, 0.0)) - value), 0.0)
        fb = np.where(np.isfinite(b), np.exp(law.log_density(np.where(np.isfinite(b), b, 0.0)) - value), 0.0)
        slope_a = np.where(np.isfinite(a), law.slope(np.where(np.isfinite(a), a, 0.0)), 0.0)
        slope_b = np.where(np.isfinite(b), law.slope(np.where(np.isfinite(b), b, 0.0)), 0.0)
    return RowTerms(value, -fa, fb, -fa * slope_a - fa * fa, fa * fb, fb * slope_b - fb * fb)
