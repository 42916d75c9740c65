"""Limits of a mean that lies between 0 and a largest value, and of the contrast of two."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np

from tendon_outcomes.estimators.contrasts import Scale, square_and_add
from tendon_outcomes.estimators.limits import Pointwise, exact_limit_beside_zero
from tendon_outcomes.estimators.observations import FloatArray

CANCELLED = 1e-13  # Share of two variances below which what their covariance leaves is rounding.
CERTAIN = 1e-12  # A share this close to 0 or 1 is 0 or 1.
LARGEST_EXPONENT = 700.0

ArmValue = tuple[float, float, float, float]
"""Estimate, standard error, lower and upper limit."""


def bounded_limits(
    mean: FloatArray, std_error: FloatArray, reach: FloatArray, largest: FloatArray, effective_n: float, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """`reach` standard errors about the logit of mean / largest, back on [0, largest]; plain where `largest` is inf.

    At 0 and at `largest` the limit on the other side is Clopper and Pearson's for none of `effective_n`.
    """
    bounded = np.isfinite(largest)
    scale = np.where(bounded, largest, 1.0)
    share, error = mean / scale, std_error / scale
    inside = bounded & (share > CERTAIN) & (share < 1.0 - CERTAIN)
    p = np.where(inside, share, 0.5)
    centre, step = np.log(p / (1.0 - p)), reach * error / (p * (1.0 - p))
    low = np.where(inside, _expit(centre - step), share - reach * error)
    high = np.where(inside, _expit(centre + step), share + reach * error)
    beside = float(exact_limit_beside_zero(np.array([effective_n]), conf_level=conf_level)[0])
    nobody, all_ = bounded & (share <= CERTAIN), bounded & (share >= 1.0 - CERTAIN)
    low = np.where(nobody, 0.0, np.where(all_, 1.0 - beside, low))
    high = np.where(nobody, beside, np.where(all_, 1.0, high))
    return low * scale, high * scale


def bounded_contrast(
    one: ArmValue, reference: ArmValue, covariance: float, scale: Scale, bounded: bool, reach: float
) -> tuple[float, float, float, float]:
    """Estimate, standard error and limits of `one` less, or over, `reference`.

    Square-and-add of their limits where both are bounded; otherwise `reach` standard errors of the difference.
    """
    if not bounded:
        value, error = one[0] - reference[0], _joint(one[1] ** 2 + reference[1] ** 2, covariance)
        return value, error, value - reach * error, value + reach * error
    arms = [Pointwise(*(np.asarray(number) for number in arm)) for arm in (one, reference)]
    # The limits of the arms are at the level asked for; the level that square_and_add takes only touches limits not used here.
    found = square_and_add(arms[0], arms[1], scale=scale, covariance=covariance, conf_level=0.95)
    return found.estimate, found.std_error, found.conf_low, found.conf_high


def log_ratio(one: ArmValue, reference: ArmValue, covariance: float, reach: float) -> tuple[float, float, float, float]:
    """Ratio, standard error of its logarithm, and limits `reach` of them away on the log scale."""
    relative = (one[1] / one[0]) ** 2 + (reference[1] / reference[0]) ** 2
    error = _joint(relative, covariance / (one[0] * reference[0]))
    value = log(one[0] / reference[0])
    return exp(value), error, exp(value - reach * error), exp(min(value + reach * error, LARGEST_EXPONENT))


def _joint(total: float, covariance: float) -> float:
    variance = total - 2.0 * covariance
    return sqrt(variance) if variance > CANCELLED * total else 0.0


def _expit(x: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))
