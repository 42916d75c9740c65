"""Confidence limits of a probability: on a transformed scale inside (0, 1), exact binomial at 0 and 1. Never missing."""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.special_functions import beta_quantile

IntervalKind = Literal["plain", "log", "log-log", "logit"]
# What a Kaplan-Meier curve may carry besides: beta-product limits on every day, or only where few are at risk ("mixed").
SurvivalInterval = Literal["plain", "log", "log-log", "logit", "beta-product", "mixed"]


class Pointwise(NamedTuple):
    """Estimates at the asked days: four arrays of the shape of those days (0-dimensional for a single day)."""

    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray


def two_sided_z(conf_level: float) -> float:
    """The standard normal quantile that leaves (1 - conf_level)/2 above it."""
    return NormalDist().inv_cdf(min(0.5 + conf_level / 2.0, 1.0 - 2.0**-53))


def probability_limits(
    probability: FloatArray,
    std_error: FloatArray,
    *,
    conf_level: float,
    interval: IntervalKind,
    reach: float | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Normal limits on the scale named by `interval`, back on [0, 1]; NaN where that scale has none (at 0, and at 1 on two).

    plain p, log log(p), log-log log(-log(p)), logit log(p/(1-p)), as `survfit_confint` of R's survival has them. The callers
    replace the NaN at 0 and 1 by limits that hold. `reach` is how many standard errors to go, in place of the normal quantile
    (bands).
    """
    z = two_sided_z(conf_level) if reach is None else reach
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # a huge error leads to the limits 0 and 1
        relative = std_error / probability  # standard error of log(p)
        if interval == "plain":
            low, high = probability - z * std_error, probability + z * std_error
        elif interval == "log":
            low, high = probability * np.exp(-z * relative), probability * np.exp(z * relative)
        elif interval == "log-log":
            log_p = np.log(probability)
            shift = z * relative / log_p
            low, high = np.exp(log_p * np.exp(-shift)), np.exp(log_p * np.exp(shift))
        else:
            odds = probability / (1.0 - probability)
            shift = z * relative * (1.0 + odds)
            low, high = 1.0 - 1.0 / (1.0 + odds * np.exp(-shift)), 1.0 - 1.0 / (1.0 + odds * np.exp(shift))
    low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    undefined = (probability <= 0.0) | ((probability >= 1.0) & (interval in ("log-log", "logit")))
    low[undefined], high[undefined] = np.nan, np.nan
    return low, high


def exact_limit_beside_zero(n: FloatArray, *, conf_level: float) -> FloatArray:
    """Clopper-Pearson upper limit of a probability of which 0 of n were seen: 1 - (alpha/2)^(1/n); 1 when n is 0."""
    half = (1.0 - conf_level) / 2.0
    with np.errstate(divide="ignore"):
        limit: FloatArray = np.where(n > 0.0, -np.expm1(np.log(half) / np.maximum(n, 1e-300)), 1.0)
    return limit


def exact_where_cancelled(
    limits: tuple[FloatArray, FloatArray], probability: FloatArray, std_error: FloatArray, n: FloatArray, *, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """The limits, replaced by exact binomial ones of n where a probability strictly inside (0, 1) has a standard error of 0.

    That is no certainty: the influences of the rows cancelled within every cluster, as they always do when there is only one.
    The exact limits are Clopper and Pearson's for n p of n, whole or not; (0, 1) where n is 0.
    """
    low, high = limits
    cancelled = (
        (std_error <= 1e-7 * np.minimum(probability, 1.0 - probability)) & (probability > 1e-12) & (probability < 1 - 1e-12)
    )
    if cancelled.any():
        half, trials = (1.0 - conf_level) / 2.0, np.maximum(np.broadcast_to(n, probability.shape)[cancelled], 1e-9)
        seen = trials * probability[cancelled]
        low[cancelled] = beta_quantile(half, seen, trials - seen + 1.0)
        high[cancelled] = beta_quantile(1.0 - half, seen + 1.0, trials - seen)
    return low, high
