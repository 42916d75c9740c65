"""Means under two treatments by standardisation of an outcome model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.cross_fitting import compared_values, covariate_table
from tendon_outcomes.estimators.causal.point_treatment.outcome_model import RIDGE, OutcomeModel, outcome_model
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, as_outcomes, value_range
from tendon_outcomes.estimators.causal.point_treatment.stacked import effective_patients, patient_numbers, treatment_codes
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, checked_level, refuse
from tendon_outcomes.estimators.regression.design_matrix import design_matrix

SINGULAR = 1e-11  # smallest eigenvalue of an information whose diagonal is 1; below, its inverse is rounding
MOST_LEVERAGE = 0.999  # A row that determines its own fit has no residual to blow up.


def g_computation(
    value: PseudoValues | npt.ArrayLike,
    treatment: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    names: Sequence[str] | None = None,
    compared: tuple[int, int] = (0, 1),
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    target: Literal["everyone", "treated"] = "everyone",
    ridge: float = RIDGE,
) -> ArmMeans:
    """Means of outcomes had everybody been given one treatment, or the other, by a model of the outcome in each arm.

    Estimand
        E[Y(a)] over everybody in the sample, or over those who had the compared treatment ("treated").
    Estimator
        The mean over the target of m_a(x_i), m_a the quasi-logistic regression of the outcome, as a share of its range, on the
        covariates among the rows of arm a; linear where that does not settle, and `method` then says so.
    Interval
        Stacked: influence (m_a(x_i) - mean) / N + slope' I^-1 score_i, I and score those of the regression; each score is divided
        by the root of 1 - its leverage (HC2), because the model has seen the row. Summed within patients; t limits as ArmMeans
        has them.
    Conventions
        The penalty `ridge` is a normal prior of sd 2 a standard deviation of the covariate within the arm (0: none); a covariate
        that is constant in an arm has no effect in it. Columns constant or collinear over all rows are refused by name.
    Assumes
        Exchangeability given the covariates, consistency, the outcome model right where the arms do not overlap as well as where
        they do. For pseudo-values, what they assume.
    Not for
        Covariates that come after the treatment. Arms with fewer rows than covariates plus two: refused.
    Parameters
        value: PseudoValues, or (n, k) numbers. treatment: n codes 0, 1, 2, ... covariates: (n, p), p may be 0. names: of the
        covariates. compared: reference and compared code. cluster: n labels of patients. target. ridge: penalty, 0 for none.
    Returns
        ArmMeans.
    References
        Robins (1986) Math Model 7:1393; Snowden, Rose & Mortimer (2011) Am J Epidemiol 173:731; Papke & Wooldridge (1996) J Appl
        Econometrics 11:619 (quasi-logistic); MacKinnon & White (1985) J Econometrics 29:305 (HC2).
    Checked
        Exact (saturated model: standardisation by strata, equal to weighting), reference (R glm with a sandwich), simulation of
        coverage: tests/estimators/test_point_treatment.py, tests/slow_reference/checks_point_treatment.py.
    """
    outcomes = as_outcomes(value)
    n = outcomes.value.shape[0]
    code = treatment_codes(treatment, n, compared)
    table, x = compared_values(outcomes, code, compared), covariate_table(covariates, n, "outcome")
    if x.shape[1]:
        design_matrix(x, names, n=n)
    if not ridge >= 0.0:
        raise refuse("`ridge` is a penalty, 0 or more")
    if target not in ("everyone", "treated"):
        raise refuse("`target` is everyone or treated")
    level, numbers = checked_level(conf_level), patient_numbers(cluster, n)
    arms = [code == one for one in compared]
    low, high = value_range(table[arms[0] | arms[1]], outcomes.largest)
    members = np.ones(n, dtype=np.bool_) if target == "everyone" else arms[1]
    mean, influence, linear = np.empty((2, table.shape[1])), np.zeros((2, *table.shape)), np.zeros(table.shape[1], dtype=np.bool_)
    for a, rows in enumerate(arms):
        if int(rows.sum()) < x.shape[1] + 2:
            raise refuse(
                f"treatment {compared[a]} has {int(rows.sum())} rows for {x.shape[1]} covariates",
                way_out=f"A model of its outcome needs at least {x.shape[1] + 2}, and many more to be of use.",
            )
        model = outcome_model(x[rows], table[rows], low=low, high=high, ridge=ridge)
        _refuse_undetermined(model, compared[a])
        mean[a], influence[a] = _standardised(model, x, rows, members)
        linear |= model.linear
    words = [name for name, straight in zip(outcomes.names, linear, strict=True) if straight]
    method = f"g-computation (linear: {', '.join(words)})" if words else "g-computation"
    size = np.array([effective_patients(rows.astype(np.float64), numbers) for rows in arms])
    kept = np.clip(mean, np.where(np.isfinite(outcomes.largest), 0.0, -np.inf), outcomes.largest)
    return ArmMeans(method, outcomes.names, kept, influence, numbers, size, level, outcomes.largest)


def _refuse_undetermined(model: OutcomeModel, treatment: int) -> None:
    """Refuse equations whose information has no inverse: without a penalty covariates may be dependent in one arm alone."""
    size = np.sqrt(np.maximum(np.diagonal(model.information, axis1=1, axis2=2), np.finfo(np.float64).tiny))
    scaled = model.information / (size[:, :, None] * size[:, None, :])
    if not np.isfinite(scaled).all() or (np.linalg.eigvalsh(scaled)[:, 0] < SINGULAR).any():
        raise refuse(
            f"the rows of treatment {treatment} do not determine the coefficients of its outcome model",
            way_out="Leave out a covariate that says the same as others there, or keep the penalty `ridge`.",
        )


def _standardised(model: OutcomeModel, x: FloatArray, rows: BoolArray, members: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Mean prediction over the members, (k,), and its influence, (n, k)."""
    predicted, share = model.predict(x), members / float(members.sum())
    mean = share @ predicted
    influence = share[:, None] * (predicted - mean)
    slope = model.mean_slope(x, share)
    along = np.linalg.solve(model.information, slope[:, :, None])[:, :, 0]
    pulled = np.einsum("mkq,kq->mk", model.row_score, along) / np.sqrt(1.0 - np.minimum(model.leverage, MOST_LEVERAGE))
    influence[rows] += pulled
    return mean, influence
