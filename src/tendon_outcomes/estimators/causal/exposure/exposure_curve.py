"""Means of outcomes as a curve over a numeric exposure, standardised over everybody's covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.exposure.curve_limits import ExposureContrast, covariances, mean_differences, mean_limits
from tendon_outcomes.estimators.causal.exposure.exposure_model import SUPPORTED, checked_places, exposure_model, knots_of
from tendon_outcomes.estimators.causal.point_treatment.cross_fitting import covariate_table
from tendon_outcomes.estimators.causal.point_treatment.outcome_model import RIDGE
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, as_outcomes, value_range
from tendon_outcomes.estimators.causal.point_treatment.stacked import effective_patients, patient_numbers
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, IntArray, checked_level, one_dimensional, refuse

Link = Literal["logit", "linear"]


@dataclass(frozen=True, slots=True, eq=False)
class ExposureCurve:
    """k curves over g places of an exposure: (k, g) arrays with pointwise limits, and a band for all places together.

    `names` (k) of the outcomes, `at` (g), `reference` and the `difference` from it, `knots` as they were used, `supported` the
    5 % and 95 % quantile of the exposure and `outside` (g) the places beyond them, `linear` (k) where the model is straight.
    `covariance` (k, g, g) of each curve, `df` of its t limits, `n` rows.
    """

    at: FloatArray
    reference: float
    knots: tuple[float, ...]
    names: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    band_low: FloatArray
    band_high: FloatArray
    difference: ExposureContrast
    supported: tuple[float, float]
    outside: BoolArray
    linear: BoolArray
    n: int
    n_patients: int
    df: float
    conf_level: float
    covariance: FloatArray = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    outcomes: PseudoValues
    exposure: FloatArray
    covariates: FloatArray
    names: tuple[str, ...]
    patient: IntArray

    @property
    def n(self) -> int:
        return int(self.exposure.size)


def exposure_curve(
    value: PseudoValues | npt.ArrayLike,
    exposure: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    at: npt.ArrayLike,
    reference: float,
    knots: int | Sequence[float] = 4,
    link: Link = "logit",
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    ridge: float = RIDGE,
    seed: int,
) -> ExposureCurve:
    """Mean outcomes were everybody at one value of a numeric exposure, as a curve over its values.

    Estimand
        F(a) = E[E[Y | A = a, X]] over everybody's covariates X, and F(a) - F(reference). With an exposure that nobody can set,
        such as how long it has hurt, it is a description: the mean among people alike in X.
    Estimator
        F(a) = mean_i m(a, x_i), m the quasi-logistic (or linear) regression of the outcome on a restricted cubic spline of the
        exposure, straight beyond its outer knots, and on the covariates.
    Interval
        Influence (m(a, x_i) - F(a)) / n + slope' I^-1 score_i, scores divided by the root of 1 - their leverage (HC2),
        summed within patients; t with patients less parameters degrees of freedom. Limits of means between 0 and their largest
        value on the logit scale, of their differences from the ellipse of the two logits (profile of a normal likelihood); plain
        where no largest value is known. The band takes the critical value of the largest of the correlated t.
    Conventions
        Harrell's knots, or those given; 0 for a straight exposure. `ridge` as in g_computation, on uncorrelated
        columns of the bent exposure: on the correlated ones it would flatten every bend. Places beyond the 5 % and 95 %
        quantiles are flagged in `outside`; beyond the smallest or largest exposure they are refused. Outcomes of which the
        logistic model does not settle have a straight one, and `linear` says so.
    Assumes
        The model right where it is asked; for a causal reading no confounding given X. For pseudo-values, what they assume.
    Not for
        Extrapolation; covariates that the exposure changes, when the whole association is asked for.
    Parameters
        value: PseudoValues of one group (`compared=None`), or (n, k) numbers. exposure: n numbers, on the scale to be bent.
        covariates: (n, p) or None, with names. at: g places. reference: the place of the differences. knots: 0, 3 to 7, or rising
        numbers. link: of the model. cluster: n labels of patients. seed: of the band.
    Returns
        ExposureCurve.
    References
        Harrell (2015) Regression Modeling Strategies, 2.4.5; Andersen & Perme (2010) SMMR 19:71 (regression on pseudo-values);
        Snowden, Rose & Mortimer (2011) Am J Epidemiol 173:731 (standardisation); MacKinnon & White (1985) J Econometrics 29:305;
        Venzon & Moolgavkar (1988) Appl Stat 37:87 (profile limits).
    Checked
        Exact (least squares, straight and bent), slow reference (tests/slow_reference/checks_exposure.py), simulation of
        pointwise and simultaneous coverage: tests/estimators/test_exposure_curve.py, tests/simulation/chronicity_coverage.py.
    """
    sample, level = _checked(value, exposure, covariates, names, cluster), checked_level(conf_level)
    places = one_dimensional("at", at)
    checked_places(np.append(places, reference), sample.exposure)
    placed = knots_of(sample.exposure, knots)
    largest = sample.outcomes.largest
    low, high = value_range(sample.outcomes.value, largest)
    fit = exposure_model(
        sample.outcomes.value,
        sample.exposure,
        sample.covariates,
        rows=np.arange(sample.n),
        names=sample.names,
        knots=placed,
        low=low,
        high=high,
        ridge=ridge,
        linear=link == "linear",
    )
    found = [fit.at(float(place), sample.covariates) for place in np.append(places, reference)]
    mean = np.stack([one.mean for one in found], axis=1)
    influence = np.stack([one.influence for one in found], axis=2)
    patients = effective_patients(np.ones(sample.n), sample.patient)
    df = max(patients - fit.parameters, 1.0)
    covariance = covariances(influence[:, :, :-1], sample.patient)
    kept = np.clip(mean, np.where(np.isfinite(largest), 0.0, -np.inf)[:, None], largest[:, None])
    limits = mean_limits(kept[:, :-1], covariance, largest, df=df, patients=patients, conf_level=level, seed=seed)
    supported = tuple(np.quantile(sample.exposure, SUPPORTED).tolist())
    return ExposureCurve(
        at=places,
        reference=float(reference),
        knots=placed,
        names=sample.outcomes.names,
        estimate=kept[:, :-1],
        **limits._asdict(),
        difference=mean_differences(
            places,
            (kept[:, :-1], np.broadcast_to(kept[:, -1:], kept[:, :-1].shape)),
            (influence[:, :, :-1], np.broadcast_to(influence[:, :, -1:], influence[:, :, :-1].shape)),
            sample.patient,
            largest,
            df=df,
            conf_level=level,
            seed=seed,
        ),
        supported=(supported[0], supported[1]),
        outside=(places < supported[0] - 1e-9) | (places > supported[1] + 1e-9),
        linear=fit.model.linear,
        n=sample.n,
        n_patients=int(sample.patient.max()) + 1,
        df=df,
        conf_level=level,
        covariance=covariance,
    )


def _checked(
    value: PseudoValues | npt.ArrayLike,
    exposure: npt.ArrayLike,
    covariates: npt.ArrayLike | None,
    names: Sequence[str] | None,
    cluster: npt.ArrayLike | None,
) -> _Sample:
    outcomes, a = as_outcomes(value), one_dimensional("exposure", exposure)
    n = outcomes.value.shape[0]
    if a.size != n:
        raise refuse(f"`exposure` has {a.size} values for {n} rows")
    for word, numbers in (("exposures", a), ("values", outcomes.value)):
        wrong = int(np.count_nonzero(~np.isfinite(numbers)))
        if wrong:
            raise refuse(f"{wrong} of {numbers.size} {word} are missing or not finite", way_out="Leave these rows out.")
    x = np.zeros((n, 0)) if covariates is None else covariate_table(covariates, n, "outcome")
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(x.shape[1]))
    if len(labels) != x.shape[1]:
        raise refuse(f"{len(labels)} names for {x.shape[1]} covariates")
    return _Sample(outcomes, a, x, labels, patient_numbers(cluster, n))


__all__ = ["ExposureContrast", "ExposureCurve", "exposure_curve"]
