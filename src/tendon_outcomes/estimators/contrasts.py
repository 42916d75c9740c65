"""A comparison of two estimates: their difference or their ratio, with limits."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, log, sqrt
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import Pointwise, two_sided_z
from tendon_outcomes.estimators.observations import checked_level, refuse

CANCELLED = 1e-13  # Share of two variances below which what their covariance leaves is rounding.

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
    if std_error < 0.0 or reference_std_error < 0.0:
        raise refuse("a standard error is negative")
    reach = two_sided_z(level)
    if scale == "difference":
        error, value = _joint_error(std_error**2 + reference_std_error**2, covariance), estimate - reference
        return Contrast(value, error, value - reach * error, value + reach * error, scale, level)
    if scale != "ratio":
        raise refuse("`scale` is difference or ratio")
    if estimate <= 0.0 or reference <= 0.0:
        raise refuse("a ratio needs two estimates above 0", way_out="Ask for the difference.")
    relative, relative_reference = std_error / estimate, reference_std_error / reference
    error = _joint_error(relative**2 + relative_reference**2, covariance / (estimate * reference))
    value = log(estimate / reference)
    return Contrast(exp(value), error, exp(value - reach * error), _exp(value + reach * error), scale, level)


def _joint_error(total: float, covariance: float) -> float:
    """sqrt(total - 2 covariance); 0 where what is left of the two variances is rounding: the same patients, the same outcome."""
    variance = total - 2.0 * covariance
    return sqrt(variance) if variance > CANCELLED * total else 0.0


def square_and_add(one: Pointwise, other: Pointwise, *, scale: Scale, covariance: float = 0.0, conf_level: float) -> Contrast:
    """A contrast of two probabilities whose limits are put together from the limits of each (method of variance recovery).

    With limits (l, u) of each p: low = d - sqrt((p_1 - l_1)^2 + (u_2 - p_2)^2 - 2 r (p_1 - l_1)(u_2 - p_2)) and high with the
    other two distances, r the correlation of the two estimates; for a ratio the same with logarithms. Where an estimate is 0 or 1
    its standard error is 0 but its limits are not, so the contrast does not look more certain than it is. A probability of 0 has
    no ratio; a lower limit of 0 in the denominator leaves the ratio without an upper limit (inf). Zou & Donner (2008) Stat Med
    27:1693; Newcombe (1998) Stat Med 17:873 is the case of Wilson limits.
    """
    numbers = [[float(value) for value in part] for part in (one, other)]
    if not all(isfinite(value) for part in numbers for value in part):
        raise refuse("a contrast needs two finite estimates with finite limits")
    (p1, se1, low1, high1), (p2, se2, low2, high2) = numbers
    plain = contrast(p1, se1, p2, se2, scale=scale, covariance=covariance, conf_level=conf_level)
    shared = max(-1.0, min(1.0, covariance / (se1 * se2))) if se1 > 0.0 and se2 > 0.0 else 0.0
    if scale == "ratio":
        p1, low1, high1, p2, low2, high2 = (log(v) if v > 0.0 else -inf for v in (p1, low1, high1, p2, low2, high2))
    down = _joined(p1 - low1, high2 - p2, shared)
    up = _joined(high1 - p1, p2 - low2, shared)
    low, high = (p1 - p2) - down, (p1 - p2) + up
    if scale == "ratio":
        low, high = exp(low), _exp(high)
    return Contrast(plain.estimate, plain.std_error, low, high, scale, plain.conf_level)


class Estimated(Protocol):
    """Anything with an estimate, its standard error and its limits: Pointwise values at days, a RestrictedMean."""

    @property
    def estimate(self) -> npt.ArrayLike: ...
    @property
    def std_error(self) -> npt.ArrayLike: ...
    @property
    def conf_low(self) -> npt.ArrayLike: ...
    @property
    def conf_high(self) -> npt.ArrayLike: ...


def independent_contrasts(
    one: Estimated,
    reference: Estimated,
    *,
    scale: Scale = "difference",
    limits: Literal["square-and-add", "normal"] = "square-and-add",
    conf_level: float = 0.95,
) -> tuple[Contrast, ...]:
    """`one` less, or divided by, `reference`, day by day, for two fits that share no patient.

    For every fit that has values with limits: states occupied, mean counts, smooth and parametric incidences, predictions. Where
    patients are in both groups their estimates are correlated: milestone_difference and its kin know that, this does not.
    "square-and-add" puts the limits together from those of the two, which must be at `conf_level`; "normal" uses the standard
    errors alone. Refused when the two do not speak of the same number of days.
    """
    level = checked_level(conf_level)
    parts = [[np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in _values(fit)] for fit in (one, reference)]
    if parts[0][0].shape != parts[1][0].shape or parts[0][0].ndim != 1:
        raise refuse(f"{parts[0][0].size} values are compared with {parts[1][0].size}")
    pairs = zip(*(zip(*part, strict=True) for part in parts), strict=True)
    if limits == "square-and-add":
        return tuple(square_and_add(Pointwise(*a), Pointwise(*b), scale=scale, conf_level=level) for a, b in pairs)
    if limits != "normal":
        raise refuse("`limits` is square-and-add or normal")
    return tuple(contrast(float(a[0]), float(a[1]), float(b[0]), float(b[1]), scale=scale, conf_level=level) for a, b in pairs)


def _values(fit: Estimated) -> tuple[npt.ArrayLike, ...]:
    return fit.estimate, fit.std_error, fit.conf_low, fit.conf_high


def _exp(value: float) -> float:
    """exp, and inf where it is larger than a number can be."""
    return exp(value) if value < 709.0 else inf


def _joined(one: float, other: float, shared: float) -> float:
    """The distance of a difference from its limit, given those of its two parts and their correlation."""
    if not (isfinite(one) and isfinite(other)):
        return inf
    return sqrt(max(one * one + other * other - 2.0 * shared * one * other, 0.0))
