"""Pointwise limits and simultaneous bands of k curves over g places, from what each row moves them by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.causal.point_treatment.mean_limits import CERTAIN, bounded_limits
from tendon_outcomes.estimators.causal.point_treatment.outcome_model import expit
from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.simultaneous import largest_t
from tendon_outcomes.estimators.special_functions import student_t_quantile

ANGLES = np.linspace(-np.pi, np.pi, 721)  # symmetric, so that exchanging the means exchanges the limits


@dataclass(frozen=True, slots=True, eq=False)
class ExposureContrast:
    """k differences, or ratios, at g places `at`, (k, g): pointwise limits, and a band for all places together.

    `std_error` of a ratio is that of its logarithm. `covariance` (k, g, g).
    """

    at: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    band_low: FloatArray
    band_high: FloatArray
    covariance: FloatArray = field(repr=False)


class CurveLimits(NamedTuple):
    """(k, g) each."""

    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    band_low: FloatArray
    band_high: FloatArray


def covariances(influence: FloatArray, cluster: IntArray) -> FloatArray:
    """(k, g, g) from influences (n, k, g), summed within patients, times m / (m - 1) for m patients."""
    summed = _summed(influence, cluster)
    return np.asarray(np.einsum("ckg,ckh->kgh", summed, summed, optimize=True))


def _summed(influence: FloatArray, cluster: IntArray) -> FloatArray:
    """Within patients (m, k, g), times the root of m / (m - 1)."""
    patients = int(cluster.max()) + 1
    summed = np.zeros((patients, *influence.shape[1:]))
    np.add.at(summed, cluster, influence)
    return np.asarray(summed * np.sqrt(patients / max(patients - 1.0, 1.0)))


def reaches(covariance: FloatArray, df: float, conf_level: float, seed: int) -> tuple[float, FloatArray]:
    """How many standard errors the limits and each of the k bands are away."""
    pointwise = student_t_quantile(0.5 + conf_level / 2.0, df)
    return pointwise, np.array([largest_t(one, df, conf_level=conf_level, seed=seed) for one in covariance])


def mean_limits(
    mean: FloatArray, covariance: FloatArray, largest: FloatArray, *, df: float, patients: float, conf_level: float, seed: int
) -> CurveLimits:
    """Of means (k, g) between 0 and `largest` (k,): on the logit scale where that is finite."""
    pointwise, bands = reaches(covariance, df, conf_level, seed)
    error = errors(covariance)
    found = np.empty((4, *mean.shape))
    for j in range(mean.shape[0]):
        top = np.full(mean.shape[1], largest[j])
        for place, critical in ((0, pointwise), (2, float(bands[j]))):
            steps = np.full(mean.shape[1], critical)
            found[place, j], found[place + 1, j] = bounded_limits(mean[j], error[j], steps, top, patients, conf_level)
    return CurveLimits(error, *found)


def differences(
    at: FloatArray,
    estimate: FloatArray,
    influence: FloatArray,
    cluster: IntArray,
    largest: FloatArray,
    *,
    df: float,
    conf_level: float,
    seed: int,
) -> ExposureContrast:
    """Differences (k, g) with influences (n, k, g), kept within what two means can differ by."""
    covariance = covariances(influence, cluster)
    return _plain(at, estimate, covariance, largest, *reaches(covariance, df, conf_level, seed))


def _plain(
    at: FloatArray, estimate: FloatArray, covariance: FloatArray, largest: FloatArray, pointwise: float, bands: FloatArray
) -> ExposureContrast:
    error, most = errors(covariance), largest[:, None]
    low, high, band_low, band_high = (
        np.clip(estimate + sign * steps * error, -most, most) for steps in (pointwise, bands[:, None]) for sign in (-1.0, 1.0)
    )
    return ExposureContrast(at, estimate, error, low, high, band_low, band_high, covariance)


def mean_differences(
    at: FloatArray,
    mean: tuple[FloatArray, FloatArray],
    influence: tuple[FloatArray, FloatArray],
    cluster: IntArray,
    largest: FloatArray,
    *,
    df: float,
    conf_level: float,
    seed: int,
) -> ExposureContrast:
    """The first of two means less the second, (k, g) each: limits from the logits of the two.

    The spread of a share goes with the share, so plain limits of a difference miss on one side where few have had the event.
    These are the smallest and the largest difference on the ellipse of the two logits that lies so many standard errors about
    them: what the profile of a normal likelihood of the logits gives, and for a share beside a fixed one its logit limits. Plain
    where no largest mean is known or a mean lies at an end.
    """
    covariance = covariances(influence[0] - influence[1], cluster)
    pointwise, bands = reaches(covariance, df, conf_level, seed)
    apart = _plain(at, mean[0] - mean[1], covariance, largest, pointwise, bands)
    summed = [_summed(one, cluster) for one in influence]
    error = [np.sqrt((one**2).sum(axis=0)) for one in summed]
    together = (summed[0] * summed[1]).sum(axis=0)
    certain = error[0] * error[1] <= 0.0
    shared = np.clip(np.divide(together, error[0] * error[1], out=np.zeros_like(together), where=~certain), -1.0, 1.0)
    inside = np.broadcast_to(np.isfinite(largest)[:, None], shared.shape) & (apart.std_error > 0.0)
    scale = np.where(np.isfinite(largest), largest, 1.0)[:, None]
    share = [one / scale for one in mean]
    for one in share:
        inside &= (one > CERTAIN) & (one < 1.0 - CERTAIN)
    middle, reach = [np.where(inside, one, 0.5) for one in share], [one / scale for one in error]
    ends = [scale * _ends(middle, reach, shared, steps) for steps in (np.full((bands.size, 1), pointwise), bands[:, None])]
    return replace(
        apart,
        conf_low=np.where(inside, ends[0][0], apart.conf_low),
        conf_high=np.where(inside, ends[0][1], apart.conf_high),
        band_low=np.where(inside, ends[1][0], apart.band_low),
        band_high=np.where(inside, ends[1][1], apart.band_high),
    )


def _ends(share: list[FloatArray], error: list[FloatArray], shared: FloatArray, steps: FloatArray) -> FloatArray:
    """(2, k, g): smallest and largest difference of two shares on the ellipse about their logits."""
    turned = 0.5 * np.arccos(shared)[..., None]
    sides = [
        expit((np.log(p / (1.0 - p)))[..., None] + (steps * e / (p * (1.0 - p)))[..., None] * np.cos(ANGLES + sign * turned))
        for p, e, sign in zip(share, error, (1.0, -1.0), strict=True)
    ]
    apart = sides[0] - sides[1]
    return np.stack([apart.min(axis=-1), apart.max(axis=-1)])


def errors(covariance: FloatArray) -> FloatArray:
    """(k, g)."""
    return np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0))
