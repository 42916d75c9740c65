"""Curves over an exposure, treatments along one, and contrasts of a spline: what they will not answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.estimators.causal.exposure.effect_by_exposure import effect_by_exposure
from tendon_outcomes.estimators.causal.exposure.exposure_curve import exposure_curve
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.spline_columns import SplineColumns
from tendon_outcomes.estimators.regression.spline_contrasts import spline_contrasts
from tests.refusals.refusal import Refusal

N = 40
A = 1.0 + (7.0 * np.arange(N)) % 31
X = np.cos(3.0 * np.arange(N))[:, None]
ARM = np.arange(N) % 2
Y = ((np.arange(N) * 5) % 7 < 3).astype(float)
GAP = np.where(np.arange(N) == 3, np.nan, 0.0)
FIT = Coefficients(("age", "age'"), np.zeros(2), np.eye(2), 0.95, False)
BENT = SplineColumns(("age",), {"age": (1.0, 2.0, 3.0)})


def curve(value: Any = Y, exposure: Any = A, covariates: Any = None, **options: Any) -> Any:
    return exposure_curve(value, exposure, covariates, **{"at": [9.0], "reference": 10.0, "knots": 3, "seed": 1, **options})


def effect(value: Any = Y, treatment: Any = ARM, exposure: Any = A, covariates: Any = None, **options: Any) -> Any:
    return effect_by_exposure(value, treatment, exposure, covariates, **{"at": [9.0], "seed": 1, **options})


def contrasts(fit: Coefficients = FIT, name: str = "age", at: Any = (1.0, 2.0), reference: float = 1.0) -> Any:
    return spline_contrasts(fit, BENT, name, at=at, reference=reference)


REFUSALS: tuple[Refusal, ...] = (
    Refusal("curve, no rows", lambda: curve([], []), "values have shape (0, 1)"),
    Refusal("curve, lengths", lambda: curve(exposure=A[1:]), "`exposure` has 39 values for 40 rows"),
    Refusal("curve, exposure missing", lambda: curve(exposure=A + GAP), "1 of 40 exposures are missing"),
    Refusal("curve, value missing", lambda: curve(Y + GAP), "1 of 40 values are missing"),
    Refusal("curve, one value for all", lambda: curve(np.full(N, 2.0)), "the same number in every row"),
    Refusal("curve, covariate missing", lambda: curve(covariates=X + GAP[:, None]), "missing outcome"),
    Refusal("curve, constant covariate", lambda: curve(covariates=np.ones((N, 1))), "one value in every row"),
    Refusal("curve, covariate is the exposure", lambda: curve(covariates=A[:, None]), "linear combination"),
    Refusal("curve, names", lambda: curve(covariates=X, names=("a", "b")), "2 names for 1 covariates"),
    Refusal("curve, place beyond", lambda: curve(at=[9.0, 99.0]), "1 of 3 places lie outside"),
    Refusal("curve, reference beyond", lambda: curve(reference=0.5), "1 of 2 places lie outside"),
    Refusal("curve, place missing", lambda: curve(at=[np.nan]), "places lie outside"),
    Refusal("curve, two knots", lambda: curve(knots=2), "a spline with 2 knots"),
    Refusal("curve, knots that fall", lambda: curve(knots=(9.0, 5.0, 12.0)), "three or more rising numbers"),
    Refusal("curve, exposures of two values", lambda: curve(exposure=9.0 + ARM), "linear combination"),
    Refusal("curve, one exposure", lambda: curve(exposure=0.0 * A + 9.5), "places lie outside"),
    Refusal("curve, heaped exposures", lambda: curve(exposure=np.where(A > 29, 30, 9.5), at=[9.5]), "too few different values"),
    Refusal("curve, few rows", lambda: curve(Y[:14], A[:14]), "14 rows for 3 parameters"),
    Refusal("curve, level", lambda: curve(conf_level=95), "conf_level"),
    Refusal("curve, clusters", lambda: curve(cluster=[1, 2]), "`cluster` has 2 values"),
    Refusal("treatments, lengths", lambda: effect(treatment=ARM[1:]), "`treatment` has 39 values"),
    Refusal("treatments, exposure missing", lambda: effect(exposure=A + GAP), "`exposure` needs 40 finite values"),
    Refusal("treatments, value missing", lambda: effect(Y + GAP), "have no value"),
    Refusal("treatments, nobody", lambda: effect(treatment=0 * ARM), "nobody has treatment 1"),
    Refusal("treatments, one twice", lambda: effect(compared=(1, 1)), "compared with itself"),
    Refusal("treatments, names", lambda: effect(covariates=X, names=("a", "b")), "2 names for 1 covariates"),
    Refusal(
        "treatments, few in one", lambda: effect(treatment=(np.arange(N) < 9) * 1), "treatment 1 has 9 rows for 2 parameters"
    ),
    Refusal("treatments, place of one alone", lambda: effect(exposure=A + 40.0 * ARM), "1 of 1 places lie outside"),
    Refusal("treatments, level", lambda: effect(conf_level=0.0), "conf_level"),
    Refusal("contrasts, unknown covariate", lambda: contrasts(name="sex"), "there is no covariate 'sex'"),
    Refusal("contrasts, place missing", lambda: contrasts(at=[np.inf]), "not a finite number"),
    Refusal("contrasts, reference missing", lambda: contrasts(reference=np.nan), "not a finite number"),
    Refusal(
        "contrasts, another spline",
        lambda: contrasts(Coefficients(("age",), np.zeros(1), np.eye(1), 0.95, False)),
        "no coefficient age'",
    ),
)
