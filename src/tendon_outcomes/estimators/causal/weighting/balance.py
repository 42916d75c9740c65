"""How alike the covariates of two treatments are, before or after weighting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import BoolArray, FloatArray, checked_causes, checked_weights, refuse
from tendon_outcomes.estimators.regression.design_matrix import refuse_missing

ROUNDING = 1e-12  # A difference of means this small beside the values themselves is none.


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """Distances between two treatments, one a covariate: the compared less (or over, for ratios) the reference.

    `standardised_difference`, `variance_ratio`, `ks_distance` (p,) of the columns `names`; `mean` (2, p). Variables with several
    columns are also measured as a whole: `category_distance` of `category_names`, never negative.
    """

    names: tuple[str, ...]
    mean: FloatArray
    standardised_difference: FloatArray
    variance_ratio: FloatArray
    ks_distance: FloatArray
    category_names: tuple[str, ...]
    category_distance: FloatArray
    compared: tuple[int, int]

    @property
    def smd(self) -> FloatArray:
        """`standardised_difference` by its short name."""
        return self.standardised_difference

    @property
    def distances(self) -> dict[str, float]:
        """Absolute standardised differences of all columns, and the distances of the variables measured as a whole."""
        columns = zip(self.names, np.abs(self.standardised_difference).tolist(), strict=True)
        return dict(columns) | dict(zip(self.category_names, self.category_distance.tolist(), strict=True))

    @property
    def worst(self) -> float:
        """The largest of `distances`."""
        return max(self.distances.values(), default=0.0)

    def over(self, limit: float = 0.1) -> tuple[str, ...]:
        """Names of what is further apart than `limit`, the furthest first."""
        far = [(name, distance) for name, distance in self.distances.items() if distance > limit]
        return tuple(name for name, _ in sorted(far, key=lambda one: -one[1]))


def balance(
    covariates: npt.ArrayLike,
    treatment: npt.ArrayLike,
    *,
    names: Sequence[str],
    weight: npt.ArrayLike | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    compared: tuple[int, int] = (0, 1),
) -> Balance:
    """Standardised differences, variance ratios and Kolmogorov-Smirnov distances of two treatments' covariates.

    Estimand
        The distance between the distributions of each covariate under the compared and the reference treatment, in the population
        that the weights make.
    Estimator
        (m_1 - m_0) / sqrt((s_0² + s_1²) / 2), m weighted means, s² unweighted variances, so that weighting moves the numerator
        alone; p (1 - p) for columns of 0 and 1. Weighted variance of the compared over that of the reference. Largest distance of
        the two weighted distribution functions. Variables of several columns: sqrt(d' S^-1 d), d the differences of the shares,
        S the mean of the two unweighted multinomial covariances.
    Interval
        None: a distance describes this sample; it is no test.
    Conventions
        Where neither treatment varies and the means differ (disjoint levels) the difference is infinite, with its sign; 0 where
        they do not differ. The same for variables as a whole, in any direction of their columns. A variance ratio with 0 below
        is infinite, and 1 when both are 0. A variable with a reference level needs no column for it.
    Assumes
        Nothing.
    Not for
        Choosing covariates. Whether unmeasured covariates are alike.
    Parameters
        covariates: (n, p). treatment: n codes; others than the compared are left out. names: p words. weight: n non-negative
        numbers. categories: name of a variable to the names of its 0/1 columns. compared: (reference, compared).
    Returns
        Balance.
    References
        Austin (2009) Stat Med 28:3083, section 2; Austin & Stuart (2015) Stat Med 34:3661, section 2.2 (weighted variance, KS);
        Yang & Dalton (2012) SAS Global Forum 335, eqs 3-4 (several categories).
    Checked
        Exact (by hand), reference (formulas in R), properties: tests/estimators/test_balance.py, tests/reference/weighting.R,
        tests/properties.
    """
    x = np.asarray(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    labels = tuple(str(name) for name in names)
    if x.ndim != 2 or len(labels) != x.shape[1] or len(set(labels)) != len(labels):
        raise refuse(f"{len(labels)} names, of which {len(set(labels))} differ, for covariates of shape {x.shape}")
    refuse_missing(x, labels)
    codes = checked_causes(treatment, x.shape[0], None)
    weights = checked_weights(weight, x.shape[0])
    arms = [codes == one for one in compared]
    _refuse_empty(arms, weights, compared)
    parts = [(x[arm], weights[arm]) for arm in arms]
    mean = np.array([np.average(part, axis=0, weights=w) for part, w in parts])
    binary = np.asarray(((x == 0.0) | (x == 1.0)).all(axis=0))
    plain = np.array([_variance(part, np.ones(part.shape[0]), binary) for part, _ in parts])
    weighted = np.array([_variance(part, w, binary) for part, w in parts])
    groups = dict(categories or {})
    wholes = [_whole([part for part, _ in parts], mean, _places(name, groups[name], labels)) for name in groups]
    return Balance(
        names=labels,
        mean=mean,
        standardised_difference=_standardised(mean, plain, np.abs(x).max(axis=0)),
        variance_ratio=_ratio(weighted[1], weighted[0]),
        ks_distance=np.array([_largest_distance(parts, j) for j in range(x.shape[1])]),
        category_names=tuple(groups),
        category_distance=np.array(wholes, dtype=np.float64),
        compared=compared,
    )


def _refuse_empty(arms: list[BoolArray], weights: FloatArray, compared: tuple[int, int]) -> None:
    for arm, one in zip(arms, compared, strict=True):
        if int((arm & (weights > 0.0)).sum()) < 2:
            raise refuse(f"treatment {one} has {int((arm & (weights > 0.0)).sum())} rows with weight where 2 are needed")


def _places(variable: str, columns: Sequence[str], labels: tuple[str, ...]) -> list[int]:
    absent = [name for name in columns if name not in labels]
    if absent or not columns:
        raise refuse(f"variable {variable}: {', '.join(absent) or 'no'} column is among the covariates")
    return [labels.index(name) for name in columns]


def _variance(x: FloatArray, weight: FloatArray, binary: BoolArray) -> FloatArray:
    """Unbiased variances with weights for columns of numbers (Austin & Stuart 2015), p (1 - p) for those of 0 and 1."""
    total = float(weight.sum())
    mean = weight @ x / total
    about = weight @ (x - mean) ** 2
    lost = total - float(weight @ weight) / total
    spread = about / lost if lost > ROUNDING * total else np.zeros(mean.size)
    size = np.abs(x).max(axis=0)
    spread = np.where(spread <= (ROUNDING * size) ** 2, 0.0, spread)
    share = mean * (1.0 - mean)
    return np.where(binary, np.where(share <= ROUNDING, 0.0, share), spread)


def _standardised(mean: FloatArray, variance: FloatArray, size: FloatArray) -> FloatArray:
    difference, spread = mean[1] - mean[0], np.sqrt(variance.mean(axis=0))
    same = np.abs(difference) <= ROUNDING * size
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(same, 0.0, difference / spread)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((above == 0.0) & (below == 0.0), 1.0, above / below)


def _largest_distance(parts: list[tuple[FloatArray, FloatArray]], column: int) -> float:
    """The largest distance between the two weighted distribution functions of a column."""
    values = np.concatenate([part[:, column] for part, _ in parts])
    steps = np.concatenate([sign * w / w.sum() for sign, (_, w) in zip((-1.0, 1.0), parts, strict=True)])
    distinct, place = np.unique(values, return_inverse=True)
    jumps = np.bincount(place.ravel(), weights=steps, minlength=distinct.size)
    return float(min(np.abs(np.cumsum(jumps)).max(), 1.0))


def _whole(parts: list[FloatArray], mean: FloatArray, places: list[int]) -> float:
    """sqrt(d' S^-1 d) of the columns; infinite where d leaves the directions in which either treatment varies."""
    if not all(((part[:, places] == 0.0) | (part[:, places] == 1.0)).all() for part in parts):
        raise refuse("a variable measured as a whole has columns that are not of 0 and 1")
    difference = (mean[1] - mean[0])[places]
    shares = [part[:, places].mean(axis=0) for part in parts]
    spread = np.mean([np.diag(share) - np.outer(share, share) for share in shares], axis=0)
    size, direction = np.linalg.eigh(spread)
    along = difference @ direction
    flat = size <= ROUNDING
    if (np.abs(along[flat]) > np.sqrt(ROUNDING)).any():
        return float(np.inf)
    return float(np.sqrt(np.sum(along[~flat] ** 2 / size[~flat])))
