"""Two treatments compared along a numeric exposure: by how much, and by what factor, at each of its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.exposure.curve_limits import (
    ExposureContrast,
    covariances,
    differences,
    mean_differences,
    mean_limits,
)
from tendon_outcomes.estimators.causal.exposure.exposure_model import (
    PER_PARAMETER,
    SUPPORTED,
    ExposureModel,
    checked_places,
    exposure_model,
    knots_of,
)
from tendon_outcomes.estimators.causal.point_treatment.cross_fitting import compared_values, covariate_table
from tendon_outcomes.estimators.causal.point_treatment.outcome_model import RIDGE
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, as_outcomes, value_range
from tendon_outcomes.estimators.causal.point_treatment.stacked import effective_patients, patient_numbers, treatment_codes
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, IntArray, checked_level, one_dimensional, refuse
from tendon_outcomes.estimators.special_functions import student_t_quantile


@dataclass(frozen=True, slots=True, eq=False)
class EffectByExposure:
    """Of k outcomes at g places. `mean` (2, k, g), the reference treatment first; `difference` and `ratio` of the compared to it.

    `trend` (k, 4): estimate, standard error and limits of the difference at the last
    supported place less that at the first; NaN with fewer than two. `supported`: between the larger of the two treatments' 5 %
    quantiles and the smaller of their 95 % quantiles of the exposure; `outside` (g) the places beyond.
    """

    at: FloatArray
    names: tuple[str, ...]
    mean: FloatArray
    mean_low: FloatArray
    mean_high: FloatArray
    difference: ExposureContrast
    ratio: ExposureContrast
    trend: FloatArray
    supported: tuple[float, float]
    outside: BoolArray
    n: IntArray
    df: float
    conf_level: float


def effect_by_exposure(
    value: PseudoValues | npt.ArrayLike,
    treatment: npt.ArrayLike,
    exposure: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    compared: tuple[int, int] = (0, 1),
    at: npt.ArrayLike,
    knots: int | Sequence[float] = 0,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    ridge: float = RIDGE,
    seed: int,
) -> EffectByExposure:
    """Effect of a treatment at values of a numeric modifier, on the additive and on the multiplicative scale.

    Estimand
        E[Y(1) - Y(0) | A = a] and E[Y(1) | A = a] / E[Y(0) | A = a], averaged over everybody's other covariates X.
    Estimator
        In each arm the quasi-logistic regression of the outcome on the exposure (straight, or bent at knots) and the covariates,
        standardised over everybody at exposure a; their difference and ratio. No interaction is tested: the curve is told.
    Interval
        As exposure_curve has it, influences of both arms summed within patients; t with the smaller arm's patients less
        parameters degrees of freedom. Ratios on the log scale.
    Conventions
        `knots` are placed over the exposures of all compared rows. Places outside the exposures of either arm are refused, those
        beyond the quantiles of `supported` flagged. A ratio with a mean of 0 is NaN with NaN limits.
    Assumes
        Exchangeability given exposure and covariates, positivity along the exposure, the outcome models right.
    Not for
        Subgroup p-values; fewer than 5 rows a parameter in an arm: refused with the number that would do.
    Parameters
        value: PseudoValues by treatment group, or (n, k). treatment: n codes. exposure: n numbers. covariates: (n, p) or None.
        at: g places. seed: of the bands.
    Returns
        EffectByExposure.
    References
        VanderWeele & Knol (2014) Epidemiol Methods 3:33 (both scales); Kent et al. (2020) Ann Intern Med 172:35 (absolute scale).
    Checked
        Exact (linear outcomes with known difference; curves of their own), label swap: tests/estimators/test_exposure_curve.py,
        test_effect_by_exposure.py; slow reference: tests/slow_reference/checks_exposure.py.
    """
    outcomes, level = as_outcomes(value), checked_level(conf_level)
    n = outcomes.value.shape[0]
    code, a = treatment_codes(treatment, n, compared), one_dimensional("exposure", exposure)
    if a.size != n or not np.isfinite(a).all():
        raise refuse(f"`exposure` needs {n} finite values", way_out="Leave rows of unknown exposure out.")
    table = compared_values(outcomes, code, compared)
    x = np.zeros((n, 0)) if covariates is None else covariate_table(covariates, n, "outcome")
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(x.shape[1]))
    if len(labels) != x.shape[1]:
        raise refuse(f"{len(labels)} names for {x.shape[1]} covariates")
    places, patient = one_dimensional("at", at), patient_numbers(cluster, n)
    arms = [np.flatnonzero(code == one) for one in compared]
    either = np.concatenate(arms)
    placed = knots_of(a[either], knots)
    low, high = value_range(table[either], outcomes.largest)
    _refuse_small(arms, compared, len(labels) + max(1, len(placed) - 1) + 1, n)
    found, models = [], []
    for rows, word in zip(arms, compared, strict=True):
        checked_places(places, a[rows])
        fit = exposure_model(
            np.nan_to_num(table), a, x, rows=rows, names=labels, knots=placed, low=low, high=high, ridge=ridge, linear=False,
            of=f" of treatment {word}",
        )  # fmt: skip
        models.append(fit)
        found.append([fit.at(float(place), x) for place in places])
    mean = np.stack([np.stack([one.mean for one in arm], axis=1) for arm in found])
    influence = np.stack([np.stack([one.influence for one in arm], axis=2) for arm in found])
    return _compared(outcomes, places, mean, influence, patient, a, arms, models, level, seed)


def _compared(
    outcomes: PseudoValues,
    at: FloatArray,
    mean: FloatArray,
    influence: FloatArray,
    patient: IntArray,
    exposure: FloatArray,
    arms: Sequence[IntArray],
    models: Sequence[ExposureModel],
    conf_level: float,
    seed: int,
) -> EffectByExposure:
    sizes = [effective_patients(np.ones(rows.size), np.unique(patient[rows], return_inverse=True)[1]) for rows in arms]
    df = max(min(size - model.parameters for size, model in zip(sizes, models, strict=True)), 1.0)
    largest = outcomes.largest
    kept = np.clip(mean, np.where(np.isfinite(largest), 0.0, -np.inf)[:, None], largest[:, None])
    own = [
        mean_limits(
            kept[arm], covariances(influence[arm], patient), largest, df=df, patients=sizes[arm], conf_level=conf_level, seed=seed
        )
        for arm in (0, 1)
    ]
    low = max(float(np.quantile(exposure[rows], SUPPORTED[0])) for rows in arms)
    high = min(float(np.quantile(exposure[rows], SUPPORTED[1])) for rows in arms)
    outside = (at < low - 1e-9) | (at > high + 1e-9)
    difference = mean_differences(
        at, (kept[1], kept[0]), (influence[1], influence[0]), patient, largest, df=df, conf_level=conf_level, seed=seed
    )
    return EffectByExposure(
        at=at,
        names=outcomes.names,
        mean=kept,
        mean_low=np.stack([one.conf_low for one in own]),
        mean_high=np.stack([one.conf_high for one in own]),
        difference=difference,
        ratio=_ratio(at, kept, influence, patient, df, conf_level, seed),
        trend=_trend(difference, outside, df, conf_level),
        supported=(low, high),
        outside=outside,
        n=np.array([rows.size for rows in arms]),
        df=df,
        conf_level=conf_level,
    )


def _ratio(
    at: FloatArray, mean: FloatArray, influence: FloatArray, patient: IntArray, df: float, conf_level: float, seed: int
) -> ExposureContrast:
    """Made on the log scale; NaN where a mean is 0."""
    positive = (mean > 0.0).all(axis=0)
    safe = np.where(positive, mean, 1.0)
    unbounded = np.full(mean.shape[1], np.inf)
    moved = influence[1] / safe[1] - influence[0] / safe[0]
    logs = differences(at, np.log(safe[1] / safe[0]), moved, patient, unbounded, df=df, conf_level=conf_level, seed=seed)
    numbers = (logs.estimate, logs.conf_low, logs.conf_high, logs.band_low, logs.band_high)
    ratio, low, high, band_low, band_high = (np.where(positive, np.exp(np.minimum(one, 700.0)), np.nan) for one in numbers)
    return ExposureContrast(
        at, ratio, np.where(positive, logs.std_error, np.nan), low, high, band_low, band_high, logs.covariance
    )


def _trend(difference: ExposureContrast, outside: BoolArray, df: float, conf_level: float) -> FloatArray:
    inside, at, covariance = np.flatnonzero(~outside), difference.at, difference.covariance
    if inside.size < 2:
        return np.full((difference.estimate.shape[0], 4), np.nan)
    first, last = inside[np.argmin(at[inside])], inside[np.argmax(at[inside])]
    change = difference.estimate[:, last] - difference.estimate[:, first]
    variance = covariance[:, last, last] + covariance[:, first, first] - 2.0 * covariance[:, first, last]
    error = np.sqrt(np.maximum(variance, 0.0))
    reach = student_t_quantile(0.5 + conf_level / 2.0, df) * error
    return np.stack([change, error, change - reach, change + reach], axis=1)


def _refuse_small(arms: Sequence[IntArray], compared: tuple[int, int], parameters: int, n: int) -> None:
    smallest = min(rows.size for rows in arms)
    if smallest < PER_PARAMETER * parameters:
        word = compared[int(np.argmin([rows.size for rows in arms]))]
        raise refuse(
            f"treatment {word} has {smallest} rows for {parameters} parameters",
            way_out=f"About {ceil(n * PER_PARAMETER * parameters / max(smallest, 1))} rows with the same shares would do.",
        )
