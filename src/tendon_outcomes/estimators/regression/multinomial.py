"""Multinomial logistic regression: the log odds of every category against the first are affine in the covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import (
    FloatArray,
    IntArray,
    are_copies,
    checked_causes,
    one_dimensional,
    refuse,
    refuse_rows,
    summed_by,
)
from tendon_outcomes.estimators.regression.categorical_firth import firth_ascend
from tendon_outcomes.estimators.regression.categorical_likelihood import CategoricalLikelihood, ascend
from tendon_outcomes.estimators.regression.categorical_rows import CategoricalRows, categorical_rows, row_scores
from tendon_outcomes.estimators.regression.categorical_separation import refuse_separated
from tendon_outcomes.estimators.regression.coefficients import Coefficients

MODEL = "multinomial regression"
WAY_OUT = "Leave it out, merge categories, or fit by penalised likelihood: firth=True."


@dataclass(frozen=True, slots=True, eq=False)
class MultinomialFit:
    """log(p_k / p_0) = b_k0 + x'b_k, k = 1 to K - 1.

    `coefficients` holds them category by category, named "k: (intercept)", "k: x1", …. `probability` (n, K) of every row, also of
    rows without weight. `score` (n, (K - 1)(p + 1)) and `information` are in the order of the coefficients, as in a LogisticFit.
    """

    coefficients: Coefficients
    probability: FloatArray = field(repr=False)
    score: FloatArray = field(repr=False)
    information: FloatArray
    log_likelihood: float
    iterations: int
    n: int
    levels: int
    penalised: bool = False

    def predict(self, covariates: npt.ArrayLike | None = None) -> FloatArray:
        """Probabilities (m, K) for m rows of the covariates that the model has."""
        slopes = self.coefficients.estimate.reshape(self.levels - 1, -1)
        x = np.zeros((1, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
        x = x[:, None] if x.ndim == 1 else x
        if x.ndim != 2 or x.shape[1] != slopes.shape[1] - 1:
            raise refuse(f"covariates have shape {x.shape} where {slopes.shape[1] - 1} columns are expected")
        refuse_rows(~np.asarray(np.isfinite(x).all(axis=1)), "have covariates that are missing or not finite")
        columns = np.column_stack([np.ones(x.shape[0]), x])
        likelihood = CategoricalLikelihood(columns, np.zeros((x.shape[0], self.levels - 1)), np.ones(x.shape[0]))
        return likelihood.every_probability(self.coefficients.estimate)


def multinomial(
    outcome: npt.ArrayLike,
    covariates: npt.ArrayLike | None,
    *,
    names: Sequence[str] | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
    firth: bool = False,
) -> MultinomialFit:
    """Log odds of each of K categories against the first, by weighted maximum likelihood.

    Estimand
        b_k in log(Pr(k | x) / Pr(0 | x)) = b_k0 + x'b_k, k = 1 to K - 1.
    Estimator
        Maximum of sum_i w_i log Pr(category of i | x_i), by Newton steps for all categories together. With `firth` the maximum of
        that and half the log determinant of the information.
    Interval
        Wald with the inverse information C; C J C, J the squared weighted scores of rows when the weights are no copies or
        `robust`, of clusters when `cluster` is given. Wald with `firth`, too.
    Conventions
        Codes 0 to K - 1, each of which some row with weight has. Whole-number weights are copies. Rows of weight 0 have
        probabilities and do not count otherwise. Two categories are logistic regression. Settling and separation as in
        `logistic`: covariates that separate some category from the others are refused by name.
    Assumes
        The form of the log odds; independent rows or clusters.
    Not for
        Ordered categories whose order should count. Categories with fewer rows than coefficients.
    Parameters
        outcome: n codes. covariates: (n, p), (n,) or None. names: p words. weight: n non-negative numbers. cluster: n labels.
        conf_level in (0, 1). robust: overrides what the weights say. firth: Firth's penalty, for copies without clusters.
    Returns
        MultinomialFit.
    References
        Agresti (2013) Categorical Data Analysis, 3rd ed., 8.1; Albert & Anderson (1984) Biometrika 71:1 (separation); Kosmidis &
        Firth (2011) Biometrika 98:755, section 3 (penalty).
    Checked
        Exact (saturated tables; two categories), reference (R nnet with a tight optimiser, Newton in R), properties, a slow
        second implementation: tests/estimators/test_logistic.py, tests/reference/weighting.R, tests/slow_reference.
    """
    codes, indicator = _categories(outcome)
    rows = categorical_rows(
        covariates,
        codes.size,
        names=names,
        weight=weight,
        cluster=cluster,
        offset=None,
        robust=robust,
        conf_level=conf_level,
    )
    _refuse_absent(codes, rows)
    rows.refuse_few_clusters(indicator.shape[1])
    likelihood = rows.likelihood(indicator)

    def look(_: FloatArray) -> None:
        refuse_separated(rows.z, codes[rows.kept], rows.names[1:], way_out=WAY_OUT)

    if not firth:
        top, penalised_score = ascend(likelihood, _start(codes, rows), look=look, what=MODEL), None
    else:
        if rows.cluster is not None or rows.robust or not are_copies(rows.weight):
            raise refuse("the penalised fit has no robust variance: not for clusters or weights that are no copies")
        top, residual = firth_ascend(likelihood, MODEL)
        whole = np.zeros(indicator.shape)
        whole[rows.kept] = residual
        penalised_score = row_scores(whole, rows.whole)
    k = indicator.shape[1]
    beta = np.concatenate([rows.back @ part for part in top.beta.reshape(k, -1)])
    probability, score, information = rows.of_all(beta, indicator)
    score = score if penalised_score is None else penalised_score
    covariance = rows.covariance(top.there.information, score, k)
    labels = tuple(f"{level}: {name}" for level in range(1, k + 1) for name in rows.names)
    return MultinomialFit(
        coefficients=Coefficients(labels, beta, covariance, rows.conf_level, rows.robust or rows.cluster is not None),
        probability=probability,
        score=score,
        information=information,
        log_likelihood=top.there.value,
        iterations=top.iterations,
        n=int(rows.kept.sum()),
        levels=k + 1,
        penalised=firth,
    )


def _categories(outcome: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
    """The codes and, for those from 1 on, a column that is 1 where a row has it."""
    n = one_dimensional("outcome", outcome).size
    if not n:
        raise refuse("there are no rows")
    codes = checked_causes(outcome, n, None)
    if not codes.any():
        raise refuse("every row has the same outcome", way_out="A regression needs at least two; report the counts.")
    return codes, (codes[:, None] == np.arange(1, int(codes.max()) + 1)).astype(np.float64)


def _refuse_absent(codes: IntArray, rows: CategoricalRows) -> None:
    counts = summed_by(codes, rows.kept.astype(np.float64), int(codes.max()) + 1)
    absent = np.flatnonzero(counts == 0.0)
    if absent.size:
        raise refuse(
            f"no row with weight has category {', '.join(map(str, absent.tolist()))} of 0 to {counts.size - 1}",
            way_out="Number the categories without gaps.",
        )


def _start(codes: IntArray, rows: CategoricalRows) -> FloatArray:
    """The fit without covariates."""
    total = summed_by(codes, rows.weight, int(codes.max()) + 1)
    start = np.zeros((total.size - 1, rows.z.shape[1]))
    start[:, 0] = np.log(total[1:] / total[0])
    return start.ravel()
