"""Regressions of categories, propensities, weights, balance and overlap: what they will not answer."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.causal.weighting.balance import balance
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights, effective_sample_size
from tendon_outcomes.estimators.causal.weighting.overlap import overlap
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tendon_outcomes.estimators.regression.logistic import logistic
from tendon_outcomes.estimators.regression.multinomial import multinomial
from tests.refusals.refusal import Refusal

X = np.array([0.5, 0.2, 0.9, 0.4, 0.8, 0.1, 0.6, 0.3])
Y = np.array([0, 1, 0, 1, 1, 0, 1, 0])
CODES = np.array([0, 1, 2, 1, 0, 2, 1, 0])
TWO = np.column_stack([X, [1, 0, 0, 1, 1, 0, 1, 1]])


def fitted(outcome: object = Y, covariates: object = X, **how: object) -> object:
    return logistic(outcome, covariates, **how)  # type: ignore[arg-type]


def classes(outcome: object = CODES, covariates: object = X, **how: object) -> object:
    return multinomial(outcome, covariates, **how)  # type: ignore[arg-type]


def chances(treatment: object = Y, covariates: object = X, **how: object) -> object:
    return propensity(treatment, covariates, **how)  # type: ignore[arg-type]


def weights(treatment: object = Y, **how: object) -> object:
    return balancing_weights(propensity(Y, X), treatment, **how)  # type: ignore[arg-type]


def distances(covariates: object = TWO, treatment: object = Y, **how: object) -> object:
    return balance(covariates, treatment, **({"names": ["a", "b"]} | how))  # type: ignore[arg-type]


def shared(**how: object) -> object:
    return overlap(propensity(Y, X), Y, **how)  # type: ignore[arg-type]


REFUSALS: tuple[Refusal, ...] = (
    Refusal("logit: complete separation", lambda: fitted(X > 0.45, X, names=["pain"]), "covariate pain: separates"),
    Refusal("logit: quasi-complete separation", lambda: fitted([0, 0, 1, 0, 1], [1, 2, 3, 3, 4]), "covariate x1: separates"),
    Refusal("logit: one outcome", lambda: fitted(np.ones(8)), "same outcome"),
    Refusal("logit: one outcome among rows with weight", lambda: fitted(weight=Y.astype(float)), "same outcome"),
    Refusal("logit: outcome not 0 or 1", lambda: fitted(Y / 2), "4 of 8 outcomes are not 0 or 1"),
    Refusal("logit: missing outcome", lambda: fitted(np.where(Y, np.nan, 0.0)), "4 of 8 rows have an outcome"),
    Refusal("logit: missing covariate", lambda: fitted(covariates=np.where(Y, np.nan, X)), "x1: 4 of 8"),
    Refusal(
        "logit: missing covariate of a row without weight",
        lambda: fitted(covariates=np.where(X > 0.85, np.nan, X), weight=(X < 0.85).astype(float)),
        "x1: 1 of 8",
    ),
    Refusal("logit: constant column", lambda: fitted(covariates=np.ones(8), names=["sex"]), "covariate sex: one value"),
    Refusal("logit: collinear", lambda: fitted(covariates=np.column_stack([X, 1 - X])), "x2: a linear combination"),
    Refusal("logit: rows of another number", lambda: fitted(covariates=X[:5]), "for 8 rows"),
    Refusal("logit: names of another number", lambda: fitted(names=["a", "b"]), "2 names"),
    Refusal("logit: names without covariates", lambda: fitted(covariates=None, names=["a"]), "1 names for 0 covariates"),
    Refusal("logit: negative weight", lambda: fitted(weight=Y - 0.5), "4 of 8 weights"),
    Refusal("logit: missing offset", lambda: fitted(offset=np.where(Y, np.nan, 0.0)), "4 of 8 rows have an `offset`"),
    Refusal("logit: short offset", lambda: fitted(offset=[1.0]), "`offset` has 1 values"),
    Refusal("logit: two clusters", lambda: fitted(cluster=Y), "2 clusters for 2 coefficients"),
    Refusal("logit: conf_level", lambda: fitted(conf_level=95), "conf_level"),
    Refusal("logit: penalty with clusters", lambda: fitted(firth=True, cluster=np.arange(8)), "no robust variance"),
    Refusal("logit: penalty with sampling weights", lambda: fitted(firth=True, weight=X), "no robust variance"),
    Refusal("logit: mean of fractions above 1", lambda: fitted(Y + 1.0, fractional=True), "not between 0 and 1"),
    Refusal(
        "logit: fractions driven off the scale",
        lambda: fitted([0.3, 0.5, 0.2, 1.3, 1.1, 1.2], [0, 0, 0, 1, 1, 1], fractional=True),
        "driven to 0 or 1",
    ),
    Refusal("logit: prediction with other columns", lambda: logistic(Y, X).predict(TWO), "1 columns are expected"),
    Refusal("logit: prediction of missing", lambda: logistic(Y, X).predict([np.nan]), "1 of 1 rows have covariates"),
    Refusal("multinomial: separation", lambda: classes(np.digitize(X, [0.25, 0.75]), X), "covariate x1: separates"),
    Refusal("multinomial: one category", lambda: classes(np.zeros(8)), "same outcome"),
    Refusal("multinomial: gap", lambda: classes(np.where(CODES == 1, 3, CODES)), "no row with weight has category 1 of 0 to 3"),
    Refusal("multinomial: negative code", lambda: classes(CODES - 1), "outside 0 to"),
    Refusal("multinomial: fraction", lambda: classes(CODES / 2), "not whole numbers"),
    Refusal("multinomial: few clusters", lambda: classes(cluster=CODES), "3 clusters for 4 coefficients"),
    Refusal("propensity: decided treatment", lambda: chances(covariates=Y + X * (Y == 1), names=["a"]), "covariate a: separates"),
    Refusal("propensity: spline of nothing", lambda: chances(names=["a"], splines={"b": 3}), "b, which is no covariate"),
    Refusal("propensity: two knots", lambda: chances(names=["a"], splines={"a": 2}), "spline with 2 knots"),
    Refusal("propensity: heaped values", lambda: chances(covariates=Y, names=["a"], splines={"a": 3}), "distinct knots of 3"),
    Refusal("propensity: names twice", lambda: chances(covariates=TWO, names=["a", "a"]), "1 differ"),
    Refusal("propensity: no covariates", lambda: chances(covariates=np.zeros((8, 0))), "shape (8, 0)"),
    Refusal("weights: target", lambda: weights(target="untreated"), "everyone, treated, overlap or matching"),
    Refusal("weights: other treatment", lambda: weights(1 - Y), "8 of 8 rows have another treatment"),
    Refusal("weights: compared with itself", lambda: weights(compared=(1, 1)), "two different treatments"),
    Refusal("weights: treatment that is not there", lambda: weights(compared=(0, 2)), "of 0 to 1"),
    Refusal("weights: quantiles", lambda: weights(truncate=(0.99, 0.01)), "two quantiles"),
    Refusal("effective size: negative", lambda: effective_sample_size([1, -1]), "1 of 2 weights"),
    Refusal("balance: names", lambda: distances(names=["a"]), "1 names"),
    Refusal("balance: missing", lambda: distances(np.where(TWO > 0.85, np.nan, TWO)), "a: 1 of 8"),
    Refusal("balance: one row in an arm", lambda: distances(treatment=[1, 0, 0, 0, 0, 0, 0, 0]), "treatment 1 has 1 rows"),
    Refusal("balance: no weight in an arm", lambda: distances(weight=Y.astype(float)), "treatment 0 has 0 rows"),
    Refusal("balance: unknown column", lambda: distances(categories={"site": ["c"]}), "variable site: c column"),
    Refusal("balance: numbers as levels", lambda: distances(categories={"site": ["a"]}), "not of 0 and 1"),
    Refusal("overlap: bounds", lambda: shared(low=0.9, high=0.1), "0 <= low < high <= 1"),
    Refusal("overlap: one bin", lambda: shared(bins=1), "2 bins"),
    Refusal("overlap: treatment that is not there", lambda: shared(compared=(0, 3)), "of 0 to 1"),
)
