"""Logistic regression: the log odds of a yes are affine in the covariates; with fractions as outcomes a quasi-likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, are_copies, one_dimensional, refuse, refuse_rows
from tendon_outcomes.estimators.regression.categorical_firth import firth_ascend, firth_limits
from tendon_outcomes.estimators.regression.categorical_likelihood import CategoricalLikelihood, Optimum, ascend
from tendon_outcomes.estimators.regression.categorical_rows import CategoricalRows, categorical_rows, row_scores
from tendon_outcomes.estimators.regression.categorical_separation import SeparatedOutcomes, refuse_separated
from tendon_outcomes.estimators.regression.coefficients import Coefficients

MODEL = "logistic regression"
WAY_OUT = "Leave it out, merge its categories, or fit by penalised likelihood: firth=True."


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """log(p / (1 - p)) = offset + b0 + x'b. `coefficients` holds b0, named "(intercept)", then b.

    `probability` (n,) of every row, also of rows without weight. `score` (n, p + 1) is the weighted score of each row; its
    columns sum to 0. `information` (p + 1, p + 1) is minus the derivative of their sum, so that solve(information, score') is
    what each row moves the coefficients by. With `penalised` the scores are those of the penalised likelihood.
    """

    coefficients: Coefficients
    probability: FloatArray = field(repr=False)
    score: FloatArray = field(repr=False)
    information: FloatArray
    log_likelihood: float
    iterations: int
    n: int
    penalised: bool = False

    def predict(self, covariates: npt.ArrayLike | None = None, *, offset: npt.ArrayLike | None = None) -> FloatArray:
        """Probabilities (m,) for m rows of the covariates that the model has; a model without covariates needs none."""
        slopes = self.coefficients.estimate[1:]
        x = np.zeros((1, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
        x = x[:, None] if x.ndim == 1 else x
        if x.ndim != 2 or x.shape[1] != slopes.size:
            raise refuse(f"covariates have shape {x.shape} where {slopes.size} columns are expected")
        refuse_rows(~np.asarray(np.isfinite(x).all(axis=1)), "have covariates that are missing or not finite")
        eta = self.coefficients.estimate[0] + x @ slopes
        if offset is not None:
            eta = eta + np.asarray(offset, dtype=np.float64)
        return np.asarray(expit(eta), dtype=np.float64)

    def odds_ratios(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(estimate, conf_low, conf_high) of exp(coefficients), the intercept first."""
        c = self.coefficients
        return np.exp(c.estimate), np.exp(c.conf_low), np.exp(c.conf_high)


def expit(eta: FloatArray) -> FloatArray:
    """1 / (1 + exp(-eta)) without overflow."""
    odds = np.exp(-np.abs(eta))
    return np.asarray(np.where(eta >= 0.0, 1.0, odds) / (1.0 + odds))


def logistic(
    outcome: npt.ArrayLike,
    covariates: npt.ArrayLike | None,
    *,
    names: Sequence[str] | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
    fractional: bool = False,
    firth: bool = False,
) -> LogisticFit:
    """Log odds of a yes, or of the mean of a fraction, by weighted maximum (quasi-)likelihood.

    Estimand
        b in log(m / (1 - m)) = offset + b0 + x'b, m the mean of the outcome given x: the probability of a 1.
    Estimator
        Root of sum_i w_i (y_i - m_i) (1, x_i)' = 0. With `firth` the root of the penalised score: y_i - m_i is replaced by
        y_i - m_i + h_i (1/2 - m_i) / w_i, h_i the leverage of the row; the maximum of l(b) + 1/2 log det I(b).
    Interval
        Wald with the inverse information C; C J C, J the squared weighted scores of rows when the weights are no copies, when the
        outcome is `fractional` or `robust`, of clusters when `cluster` is given, without factors for few of them. With `firth`
        profile penalised likelihood, and p-values of the same test.
    Conventions
        Whole-number weights are copies; `robust` overrides. Rows of weight 0 have probabilities and do not count otherwise. A
        fit has settled when a step moves no row's log odds by more than 1e-8, which proves that there is a maximum. One that
        takes long is examined: covariates that separate the outcomes, wholly or not, are found by linear programmes, refused by
        name. `log_likelihood` is without the penalty.
    Assumes
        The form of the mean; independent rows or clusters. For the model-based variance that the outcome is 0 or 1.
    Not for
        Risk differences read from b. Limits with fewer than about 30 clusters. Fractions whose mean leaves (0, 1) somewhere.
    Parameters
        outcome: n values 0 or 1; any finite number when `fractional` (pseudo-values). covariates: (n, p), (n,) or None for the
        intercept alone. names: p words. weight: n non-negative numbers. cluster: n labels. offset: n numbers added to the log
        odds. conf_level in (0, 1). robust: overrides what the weights say. firth: Firth's penalty; without fractions, clusters or
        weights that are no copies.
    Returns
        LogisticFit.
    References
        McCullagh & Nelder (1989) Generalized Linear Models, 2nd ed., 4.4; Albert & Anderson (1984) Biometrika 71:1 (separation);
        Konis (2007) DPhil thesis, Oxford, ch. 4 (linear programmes); Papke & Wooldridge (1996) J Appl Econometrics 11:619, eq. 5
        (fractions); Firth (1993) Biometrika 80:27, section 3; Heinze & Schemper (2002) Stat Med 21:2409, section 2.
    Checked
        Exact (2 x 2 tables), reference (R glm, sandwich, svyglm, penalised likelihood by optim), properties, a slow second
        implementation: tests/estimators/test_logistic.py, tests/reference/weighting.R, tests/properties, tests/slow_reference.
    """
    y = one_dimensional("outcome", outcome)
    refuse_rows(~np.isfinite(y), "have an outcome that is missing or not finite")
    rows = categorical_rows(
        covariates,
        y.size,
        names=names,
        weight=weight,
        cluster=cluster,
        offset=offset,
        robust=True if fractional and robust is None else robust,
        conf_level=conf_level,
    )
    _refuse_outcome(y, rows, fractional=fractional)
    rows.refuse_few_clusters(1)
    if firth:
        return _penalised(y, rows, fractional=fractional)
    likelihood = rows.likelihood(y[:, None])
    top = ascend(likelihood, _start(y, rows), look=lambda step: _look(y, rows, likelihood, step, fractional), what=MODEL)
    return _fitted(y, rows, top)


def _refuse_outcome(y: FloatArray, rows: CategoricalRows, *, fractional: bool) -> None:
    counted = y[rows.kept]
    if not fractional:
        wrong = int(np.count_nonzero((y != 0.0) & (y != 1.0)))
        if wrong:
            raise refuse(f"{wrong} of {y.size} outcomes are not 0 or 1", way_out="Fractions are fitted by fractional=True.")
        if counted.min() == counted.max():
            raise refuse("every row has the same outcome", way_out="A regression needs both; report the counts.")
    elif rows.offset is None and not 0.0 < float(np.average(counted, weights=rows.weight[rows.kept])) < 1.0:
        raise refuse("the mean of the outcomes is not between 0 and 1", way_out="Fit a mean on its own scale.")


def _start(y: FloatArray, rows: CategoricalRows) -> FloatArray:
    """The fit without covariates, or 0 where an offset makes it no fit."""
    start = np.zeros(rows.z.shape[1])
    if rows.offset is None:
        mean = float(np.average(y[rows.kept], weights=rows.weight[rows.kept]))
        start[0] = np.log(mean / (1.0 - mean))
    return start


def _look(y: FloatArray, rows: CategoricalRows, likelihood: CategoricalLikelihood, step: FloatArray, fractional: bool) -> None:
    """Raise when the likelihood has no maximum: separation is searched for; with fractions the step itself is examined."""
    if not fractional:
        refuse_separated(rows.z, y[rows.kept].astype(np.int64), rows.names[1:], way_out=WAY_OUT)
    elif np.isfinite(step).all() and likelihood.recedes(step):
        size = np.abs(step[1:])
        named = [name for name, s in zip(rows.names[1:], size, strict=True) if s > 0.1 * float(size.max(initial=0.0))]
        raise SeparatedOutcomes(
            f"covariate {', '.join(named) or rows.names[0]}: the mean of the outcomes is driven to 0 or 1",
            way_out="Leave it out, or fit the mean on its own scale.",
        )


def _fitted(y: FloatArray, rows: CategoricalRows, top: Optimum) -> LogisticFit:
    beta = rows.back @ top.beta
    probability, score, information = rows.of_all(beta, y[:, None])
    covariance = rows.covariance(top.there.information, score, 1)
    sandwiched = rows.robust or rows.cluster is not None
    return LogisticFit(
        coefficients=Coefficients(rows.names, beta, covariance, rows.conf_level, sandwiched),
        probability=probability[:, 1],
        score=score,
        information=information,
        log_likelihood=top.there.value,
        iterations=top.iterations,
        n=int(rows.kept.sum()),
    )


def _penalised(y: FloatArray, rows: CategoricalRows, *, fractional: bool) -> LogisticFit:
    if fractional or rows.cluster is not None or rows.robust or not are_copies(rows.weight):
        raise refuse(
            "the penalised fit has no robust variance: not for fractions, clusters or weights that are no copies",
            way_out="Bootstrap whole patients, or analyse one row a patient.",
        )
    likelihood = rows.likelihood(y[:, None])
    top, residual = firth_ascend(likelihood, MODEL)
    beta = rows.back @ top.beta
    probability, _, information = rows.of_all(beta, y[:, None])
    whole = np.zeros((y.size, 1))
    whole[rows.kept] = residual
    limits, p_values = firth_limits(rows, likelihood, top)
    return LogisticFit(
        coefficients=Coefficients(
            rows.names,
            beta,
            rows.covariance(top.there.information, np.empty((0, 0)), 1),
            conf_level=rows.conf_level,
            interval="profile",
            profile=limits,
            profile_p=p_values,
        ),
        probability=probability[:, 1],
        score=row_scores(whole, rows.whole),
        information=information,
        log_likelihood=top.there.value,
        iterations=top.iterations,
        n=int(rows.kept.sum()),
        penalised=True,
    )
