"""From replicates to limits: percentile, basic, bias-corrected and accelerated, studentised, normal."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, refuse

_NORMAL = NormalDist()


def quantile_of_replicates(values: FloatArray, p: float) -> float:
    """The p-quantile of sorted replicates: order statistic (R + 1) p, between two of them on the normal scale.

    Davison & Hinkley (1997), eq. 5.8. A p that lies outside 1/(R + 1) to R/(R + 1) has no such quantile and is refused.
    """
    r = values.size
    position = (r + 1) * p
    k = int(np.floor(position + 1e-9))
    if k < 1 or position > r + 1e-9:
        needed = int(np.ceil(1.0 / max(min(p, 1.0 - p), 1e-9))) - 1
        raise refuse(
            f"{r} replicates have no {100 * p:.3g} % quantile",
            way_out=f"Use at least {needed} replicates." if needed <= 100_000 else "Use percentile limits.",
        )
    if abs(position - k) <= 1e-9 or k >= r:
        return float(values[min(k, r) - 1])
    low, high = values[k - 1], values[k]
    z_low, z_high = _NORMAL.inv_cdf(k / (r + 1)), _NORMAL.inv_cdf((k + 1) / (r + 1))
    return float(low + (_NORMAL.inv_cdf(p) - z_low) / (z_high - z_low) * (high - low))


def percentile_limits(values: FloatArray, conf_level: float) -> tuple[float, float]:
    """Quantiles of the replicates."""
    half = (1.0 - conf_level) / 2.0
    return quantile_of_replicates(values, half), quantile_of_replicates(values, 1.0 - half)


def basic_limits(values: FloatArray, estimate: float, conf_level: float) -> tuple[float, float]:
    """Twice the estimate less the opposite quantile."""
    low, high = percentile_limits(values, conf_level)
    return 2.0 * estimate - high, 2.0 * estimate - low


def normal_limits(values: FloatArray, estimate: float, conf_level: float) -> tuple[float, float]:
    """Estimate less its bias, and the normal quantile times the replicates' standard deviation."""
    centre, reach = 2.0 * estimate - float(values.mean()), two_sided_z(conf_level) * float(values.std(ddof=1))
    return centre - reach, centre + reach


def bias_correction(values: FloatArray, estimate: float) -> float:
    """The normal quantile of the share of replicates below the estimate; half of those equal to it count as below."""
    slack = 1e-12 * max(1.0, abs(estimate))
    below = np.count_nonzero(values < estimate - slack) + 0.5 * np.count_nonzero(np.abs(values - estimate) <= slack)
    if not 0.0 < below < values.size:
        raise refuse(
            "every replicate lies on one side of the estimate, so its bias cannot be corrected",
            way_out="Use percentile limits, and find out why.",
        )
    return _NORMAL.inv_cdf(float(below) / values.size)


def acceleration(influence: FloatArray) -> float:
    """Skewness of the influence values over 6: sum l^3 / (6 (sum l^2)^(3/2)); 0 when they are all alike."""
    centred = influence - influence.mean()
    square = float(np.sum(centred**2))
    return float(np.sum(centred**3)) / (6.0 * square**1.5) if square > 0.0 else 0.0


def bca_limits(values: FloatArray, correction: float, accelerated: float, conf_level: float) -> tuple[float, float]:
    """Quantiles of the replicates at levels moved by bias and acceleration."""
    half = (1.0 - conf_level) / 2.0
    levels = []
    for p in (half, 1.0 - half):
        z = correction + _NORMAL.inv_cdf(p)
        if accelerated * z >= 1.0:
            raise refuse("the acceleration is too large for this level", way_out="Use percentile limits, and find out why.")
        levels.append(_NORMAL.cdf(correction + z / (1.0 - accelerated * z)))
    return quantile_of_replicates(values, levels[0]), quantile_of_replicates(values, levels[1])


def studentised_limits(
    values: FloatArray, errors: FloatArray, estimate: float, std_error: float, conf_level: float
) -> tuple[float, float]:
    """Estimate less its own standard error times the opposite quantile of (replicate - estimate) / replicate's error."""
    usable = errors > 0.0
    if not (usable.all() and std_error > 0.0):
        raise refuse(
            f"{int(np.count_nonzero(~usable))} of {values.size} replicates have a standard error of 0",
            way_out="Use percentile or BCa limits.",
        )
    pivot = np.sort((values - estimate) / errors)
    low, high = percentile_limits(pivot, conf_level)
    return estimate - high * std_error, estimate - low * std_error
