"""A comparison of two estimates: their difference or their ratio, with limits."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, log, sqrt
from typing import Literal

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import checked_level, refuse

Scale = Literal["difference", "ratio"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """One group against another. `std_error` is of the difference, or of the log of the ratio."""

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    scale: Scale
    conf_level: float


def contrast(
    estimate: float,
    std_error: float,
    reference: float,
    reference_std_error: float,
    *,
    scale: Scale = "difference",
    covariance: float = 0.0,
    conf_level: float = 0.95,
) -> Contrast:
    """`estimate` less, or divided by, `reference`, with normal limits (on the log scale for a ratio).

    `covariance` is that of the two estimates: 0 for groups that share no patient. A ratio with an estimate of 0 has no limits
    on its scale and is refused, as is a missing or infinite standard error.
    """
    level = checked_level(conf_level)
    if not all(isfinite(v) for v in (estimate, std_error, reference, reference_std_error, covariance)):
        raise refuse("a contrast needs two finite estimates with finite standard errors")
    reach = two_sided_z(level)
    if scale == "difference":
        variance = std_error**2 + reference_std_error**2 - 2.0 * covariance
        error, value = sqrt(max(variance, 0.0)), estimate - reference
        return Contrast(value, error, value - reach * error, value + reach * error, scale, level)
    if scale != "ratio":
        raise refuse("`scale` is difference or ratio")
    if estimate <= 0.0 or reference <= 0.0:
        raise refuse("a ratio needs two estimates above 0", way_out="Ask for the difference.")
    relative, relative_reference = std_error / estimate, reference_std_error / reference
    variance = relative**2 + relative_reference**2 - 2.0 * covariance / (estimate * reference)
    error, value = sqrt(max(variance, 0.0)), log(estimate / reference)
    return Contrast(exp(value), error, exp(value - reach * error), exp(value + reach * error), scale, level)
