"""The probability of every treatment given what was known before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_weights, refuse
from tendon_outcomes.estimators.regression.design_matrix import refuse_missing
from tendon_outcomes.estimators.regression.multinomial import MultinomialFit, multinomial
from tendon_outcomes.estimators.regression.spline_columns import SplineColumns, spline_columns


@dataclass(frozen=True, slots=True, eq=False)
class Propensity:
    """Probabilities of K treatments for n rows, with what is needed to carry their uncertainty on.

    `probability` (n, K); `of_own` (n,) of the treatment that the row had. `score` (n, q) and `information` (q, q): what each row
    moves the q = (K - 1)(p' + 1) coefficients by is solve(information, score'). `design` (n, p') holds the covariates with their
    spline columns, without intercept, named `design_names`; `covariates` (n, p) and `names` are as given.
    """

    fit: MultinomialFit = field(repr=False)
    treatment: IntArray = field(repr=False)
    weight: FloatArray = field(repr=False)
    covariates: FloatArray = field(repr=False)
    design: FloatArray = field(repr=False)
    splines: SplineColumns

    @property
    def levels(self) -> int:
        return self.fit.levels

    @property
    def names(self) -> tuple[str, ...]:
        return self.splines.names

    @property
    def design_names(self) -> tuple[str, ...]:
        return self.splines.column_names

    @property
    def probability(self) -> FloatArray:
        return self.fit.probability

    @property
    def of_own(self) -> FloatArray:
        return np.asarray(self.probability[np.arange(self.treatment.size), self.treatment])

    @property
    def score(self) -> FloatArray:
        return self.fit.score

    @property
    def information(self) -> FloatArray:
        return self.fit.information

    def influence(self) -> FloatArray:
        """(n, q): what each row moves the coefficients by."""
        return np.asarray(np.linalg.solve(self.information, self.score.T).T)

    def predict(self, covariates: npt.ArrayLike) -> FloatArray:
        """(m, K) probabilities for other rows of the same covariates, with the knots of this fit."""
        x = _matrix(covariates)
        refuse_missing(x, self.names)
        return self.fit.predict(self.splines.columns(x))


def propensity(
    treatment: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    names: Sequence[str] | None = None,
    weight: npt.ArrayLike | None = None,
    splines: Mapping[str, int] | None = None,
    firth: bool = False,
) -> Propensity:
    """Probabilities of K treatments given covariates known before the treatment.

    Estimand
        e_k(x) = Pr(treatment k | x), k = 0 to K - 1, in the population of the rows.
    Estimator
        Logistic regression for two treatments, multinomial for more (maximum likelihood, both), on the covariates and the curved
        columns of natural cubic splines with Harrell's knots.
    Interval
        None: scores and information go into the variance of what is weighted (stacked estimating equations).
    Conventions
        Codes 0 to K - 1, the reference 0. Knots at Harrell's quantiles of the rows with weight, the fifth smallest and largest
        value at the ends from 20 to 99 rows; knots that fall together are one; they count as fixed. Rows of weight 0 (of other
        folds) have probabilities and do not count otherwise. Covariates that separate a treatment are refused by name.
    Assumes
        For causal use: no unmeasured confounding given x, every treatment possible at every x, and the form of the model.
    Not for
        Covariates that the treatment can change. Choosing covariates by how well they predict the treatment.
    Parameters
        treatment: n codes. covariates: (n, p) or (n,). names: p words. weight: n non-negative case weights. splines: how many
        knots (3 to 7) by name of covariate. firth: Firth's penalty, where a treatment has few rows for the coefficients.
    Returns
        Propensity.
    References
        Rosenbaum & Rubin (1983) Biometrika 70:41; Imbens (2000) Biometrika 87:706, def. 1 (several treatments); Harrell (2015)
        Regression Modeling Strategies, 2nd ed., table 2.3.
    Checked
        Exact (saturated tables), reference (R glm, nnet, splines written out), properties: tests/estimators/test_propensity.py,
        tests/reference/weighting.R, tests/properties.
    """
    x = _matrix(covariates)
    labels = tuple(f"x{j + 1}" for j in range(x.shape[1])) if names is None else tuple(str(name) for name in names)
    if len(labels) != x.shape[1] or len(set(labels)) != len(labels):
        raise refuse(f"{len(labels)} names, of which {len(set(labels))} differ, for {x.shape[1]} covariates")
    refuse_missing(x, labels)
    weights = checked_weights(weight, x.shape[0])
    bent = spline_columns(x[weights > 0.0], labels, splines or {})
    design = bent.columns(x)
    fit = multinomial(treatment, design, names=bent.column_names, weight=weights, firth=firth)
    return Propensity(
        fit=fit,
        treatment=np.asarray(treatment).astype(np.int64),
        weight=weights,
        covariates=x,
        design=design,
        splines=bent,
    )


def _matrix(covariates: npt.ArrayLike) -> FloatArray:
    x = np.asarray(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or not x.size:
        raise refuse(f"covariates have shape {x.shape} where (rows, columns) is expected")
    return x
