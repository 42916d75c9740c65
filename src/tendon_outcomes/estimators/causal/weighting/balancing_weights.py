"""Weights under which the covariates of two treatments are those of one population."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.weighting.propensity import Propensity
from tendon_outcomes.estimators.observations import (
    BoolArray,
    FloatArray,
    IntArray,
    are_copies,
    checked_causes,
    checked_labels,
    checked_weights,
    refuse,
)

Target = Literal["everyone", "treated", "overlap", "matching"]


@dataclass(frozen=True, slots=True, eq=False)
class BalancingWeights:
    """Weights of n rows, 0 for those of treatments that are not compared.

    `derivative` (n, q) of each weight with respect to the propensity's coefficients, 0 where the weight was truncated. Pairs are
    the reference and the compared treatment: `effective_n`, `mean_by_arm`. `mean` and `largest` are over the rows compared.
    """

    weight: FloatArray = field(repr=False)
    derivative: FloatArray = field(repr=False)
    effective_n: FloatArray
    largest: float
    mean: float
    mean_by_arm: FloatArray
    n_by_arm: IntArray
    n_truncated: int
    target: Target
    compared: tuple[int, int]
    stabilised: bool


def effective_sample_size(weight: npt.ArrayLike, group: npt.ArrayLike | None = None) -> FloatArray:
    """How many rows of equal weight would give a mean the variance that these weighted rows give it.

    Estimand
        The size of an unweighted sample of the same precision, when weights are unrelated to the values.
    Estimator
        (sum w)² / sum w².
    Interval
        None.
    Conventions
        A 0-dimensional array for all rows; one number a group, in sorted order, when groups are given. 0 for a group without
        weight. The unit of the weights does not matter.
    Assumes
        Independent rows of one variance.
    Not for
        Weights that are numbers of copies: their sum is the size. Clustered rows.
    Parameters
        weight: n non-negative numbers. group: n labels.
    Returns
        An array of shape () or (groups,).
    References
        Kish (1965) Survey Sampling, 11.7.
    Checked
        Exact (by hand), reference (R), properties: tests/estimators/test_propensity.py, tests/reference/weighting.R.
    """
    w = checked_weights(weight, int(np.size(weight)))
    if group is None:
        return np.asarray(_kish(w, np.ones(w.size)))
    labels = checked_labels(group, w.size, "group")
    return np.array([_kish(w[labels == label], np.ones(int((labels == label).sum()))) for label in np.unique(labels)])


def balancing_weights(
    propensity: Propensity,
    treatment: npt.ArrayLike,
    *,
    target: Target = "everyone",
    compared: tuple[int, int] = (0, 1),
    stabilised: bool = True,
    truncate: tuple[float, float] | None = None,
) -> BalancingWeights:
    """Weights that make each of two treatments resemble one target population.

    Estimand
        For each treatment t of the two compared, w such that the mean of w g(x) given t is the mean of g in the population with
        density proportional to h(x) f(x): everyone h = 1 (all rows, those of third treatments too); treated h = e_1 (those given
        the compared treatment); overlap h = 1 / (1/e_0 + 1/e_1); matching h = min(e_0, e_1).
    Estimator
        w = h(x) / e_t(x); stabilised: times (share of t) / (mean of h), so that the weights of each arm have mean near 1.
    Interval
        None: `derivative` carries the propensity's uncertainty on.
    Conventions
        Case weights of the propensity multiply. Truncation sets weights beyond two quantiles of those of the compared rows (of
        both treatments together) to these, and is declared. The derivative includes the mean of h and takes shares as known; at
        e_0 = e_1 matching weights take the compared treatment's side. ESS = (sum w)² / sum w², a copy counting as a row.
    Assumes
        As `propensity`.
    Not for
        A target of everyone where some have next to no chance of one treatment: see `overlap`.
    Parameters
        propensity: of the same rows. treatment: n codes. target. compared: (reference, compared). stabilised. truncate: two
        quantiles, as (0.01, 0.99).
    Returns
        BalancingWeights.
    References
        Li, Morgan & Zaslavsky (2018) JASA 113:390, table 1 and theorem 3 (exact balance of overlap weights); Li & Greene (2013)
        Int J Biostat 9:215 (matching); Robins, Hernan & Brumback (2000) Epidemiology 11:550, p. 553 (stabilised); Cole & Hernan
        (2008) Am J Epidemiol 168:656 (truncation).
    Checked
        Exact (tables, 2 x 2 strata), reference (R), derivative by differences, properties:
        tests/estimators/test_propensity.py, tests/reference/weighting.R, tests/properties.
    """
    if target not in get_args(Target):
        raise refuse(f"`target` is {target!r}", way_out="Use everyone, treated, overlap or matching.")
    codes = _same_treatment(propensity, treatment)
    arms = _arms(propensity, codes, compared)
    tilt = _tilt(propensity, target, compared)
    rows = np.flatnonzero(arms.any(axis=0))
    own = propensity.of_own[rows]
    weight = np.zeros(codes.size)
    weight[rows] = tilt.value[rows] / own
    slope = tilt.slope[rows] - _log_slopes(propensity, codes[rows], rows)
    if stabilised:
        case = propensity.weight
        mean = float(np.average(tilt.value, weights=case))
        weight *= np.where(arms[1], *(case[arm].sum() / (case.sum() * mean) for arm in arms[::-1]))
        slope = slope - ((case * tilt.value) @ tilt.slope) / (case.sum() * mean)
    derivative = np.zeros((codes.size, propensity.information.shape[0]))
    derivative[rows] = weight[rows, None] * slope
    weight, cut = _truncated(weight, arms.any(axis=0) & (propensity.weight > 0.0), truncate)
    derivative[cut] = 0.0
    return _summarised(
        propensity, arms, weight, derivative * propensity.weight[:, None], int(cut.sum()), target, compared, stabilised
    )


class _Tilt(NamedTuple):
    """h of every row and the derivatives (n, q) of its logarithm."""

    value: FloatArray
    slope: FloatArray


def _kish(weight: FloatArray, copies: FloatArray) -> float:
    total, squares = float(copies @ weight), float(copies @ (weight * weight))
    return total * total / squares if squares > 0.0 else 0.0


def _same_treatment(propensity: Propensity, treatment: npt.ArrayLike) -> IntArray:
    codes = checked_causes(treatment, propensity.treatment.size, propensity.levels - 1)
    wrong = int(np.count_nonzero(codes != propensity.treatment))
    if wrong:
        raise refuse(f"{wrong} of {codes.size} rows have another treatment than the propensity was fitted to")
    return codes


def _arms(propensity: Propensity, codes: IntArray, compared: tuple[int, int]) -> BoolArray:
    """(2, n): who has the reference, who the compared treatment."""
    if len(set(compared)) != 2 or not all(0 <= one < propensity.levels for one in compared):
        raise refuse(f"`compared` is {compared}", way_out=f"Name two different treatments of 0 to {propensity.levels - 1}.")
    return np.asarray(codes == np.array(compared)[:, None])


def _log_slopes(propensity: Propensity, codes: IntArray, rows: IntArray) -> FloatArray:
    """d log e_t(x) for the treatment `codes` of the rows: (1[t = k] - e_k) (1, x) for the coefficients of k = 1 to K - 1."""
    columns = np.column_stack([np.ones(rows.size), propensity.design[rows]])
    residual = (codes[:, None] == np.arange(1, propensity.levels)) - propensity.probability[rows, 1:]
    return np.asarray((residual[:, :, None] * columns[:, None, :]).reshape(rows.size, -1))


def _tilt(propensity: Propensity, target: Target, compared: tuple[int, int]) -> _Tilt:
    every = np.arange(propensity.treatment.size)
    e = propensity.probability[:, list(compared)]
    if target == "everyone":
        return _Tilt(np.ones(every.size), np.zeros((every.size, propensity.information.shape[0])))
    first, second = (_log_slopes(propensity, np.full(every.size, one), every) for one in compared)
    if target == "treated":
        return _Tilt(e[:, 1], second)
    if target == "matching":
        lower = e[:, 0] < e[:, 1]
        return _Tilt(e.min(axis=1), np.where(lower[:, None], first, second))
    both = e.sum(axis=1)
    return _Tilt(e[:, 0] * e[:, 1] / both, first * (e[:, 1] / both)[:, None] + second * (e[:, 0] / both)[:, None])


def _truncated(weight: FloatArray, counted: BoolArray, truncate: tuple[float, float] | None) -> tuple[FloatArray, BoolArray]:
    """Weights moved to the two quantiles of those counted, and which were moved."""
    if truncate is None:
        return weight, np.zeros(weight.size, dtype=np.bool_)
    if len(truncate) != 2 or not 0.0 <= truncate[0] < truncate[1] <= 1.0:
        raise refuse(f"`truncate` is {truncate}", way_out="Give two quantiles, as (0.01, 0.99).")
    low, high = np.quantile(weight[counted], truncate)
    moved = np.where(counted, np.clip(weight, low, high), weight)
    return moved, np.asarray(moved != weight)


def _summarised(
    propensity: Propensity,
    arms: BoolArray,
    weight: FloatArray,
    derivative: FloatArray,
    n_truncated: int,
    target: Target,
    compared: tuple[int, int],
    stabilised: bool,
) -> BalancingWeights:
    case = propensity.weight
    copies = case if are_copies(case) else np.ones(case.size)
    single = weight if are_copies(case) else weight * case
    held = arms & (case > 0.0)
    either = held.any(axis=0)
    return BalancingWeights(
        weight=weight * case,
        derivative=derivative,
        effective_n=np.array([_kish(single[arm], copies[arm]) for arm in held]),
        largest=float(weight[either].max()),
        mean=float(np.average(weight[either], weights=case[either])),
        mean_by_arm=np.array([np.average(weight[arm], weights=case[arm]) for arm in held]),
        n_by_arm=held.sum(axis=1).astype(np.int64),
        n_truncated=n_truncated,
        target=target,
        compared=compared,
        stabilised=stabilised,
    )
