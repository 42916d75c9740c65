"""A difference of means between two groups after adjustment, with limits that hold in small samples and with few clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.observations import (
    FloatArray,
    IntArray,
    checked_level,
    checked_weights,
    one_dimensional,
    refuse,
)
from tendon_outcomes.estimators.special_functions import student_t_quantile, student_t_two_sided_p

MOST_CLUSTERS = 2000  # above, Satterthwaite's degrees of freedom are too many to matter
EXPLAINED = 1e-8  # share of the exposure's variance that the covariates must leave


@dataclass(frozen=True, slots=True)
class AdjustedDifference:
    """Exposed less not exposed, with t limits of `df` degrees of freedom; `n` rows of `clusters` with a weight above 0."""

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    p_value: float
    df: float
    n: int
    n_exposed: int
    clusters: int
    conf_level: float


def adjusted_difference(
    value: npt.ArrayLike,
    exposed: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> AdjustedDifference:
    """The mean difference between exposed and not exposed at equal covariates, by weighted least squares.

    Estimand
        The coefficient of the exposure in the linear projection of the value on exposure and covariates, in the weighted
        population.
    Estimator
        Least squares with the weights, an intercept and the covariates.
    Interval
        CR3: the variance of leaving each cluster out (HC3 for single rows), (G - 1)/G sum of squared changes of the estimate.
        Student's t with Satterthwaite's degrees of freedom for that variance under equal variances of the rows.
    Conventions
        Rows of weight 0 do not count. Covariates that depend on others, or are constant, add nothing and are no fault.
    Assumes
        Weights as given: that they were estimated makes limits a little too wide, not too narrow. Clusters are independent.
    Not for
        An exposure that the covariates explain entirely, or that one cluster alone carries (refused).
    Parameters
        value, exposed (0 or 1): n rows. covariates: (n, p), p may be 0. weight, cluster: n.
    Returns
        AdjustedDifference.
    References
        Bell & McCaffrey (2002) Surv Methodol 28:169 (CR3, degrees of freedom); MacKinnon & White (1985) J Econometrics 29:305
        (HC3); Imbens & Kolesar (2016) Rev Econ Stat 98:701.
    Checked
        Exact (Welch's and Student's t, every cluster left out in a loop), simulation of size with uneven weights:
        tests/estimators/test_adjusted_difference.py.
    """
    y, x, design, w, number = _checked(value, exposed, covariates, weight, cluster)
    level, count = checked_level(conf_level), int(number.max()) + 1
    root = np.sqrt(w)
    basis = _basis(design * root[:, None])
    z = root * x
    left = z - basis @ (basis.T @ z)
    strength = float(left @ left)
    if strength <= EXPLAINED * float(z @ z):
        raise refuse("the covariates explain the exposure entirely", way_out="Leave out the covariate that stands for it.")
    basis = np.column_stack([basis, left / np.sqrt(strength)])
    if count - basis.shape[1] < 1:
        raise refuse(f"{count} clusters for {basis.shape[1]} coefficients", way_out="Adjust for fewer covariates.")
    residual = root * y - basis @ (basis.T @ (root * y))
    estimate = float(left @ (root * y)) / strength
    parts = _left_out(basis, left / strength, number, count)
    error = float(np.sqrt((count - 1) / count * np.sum((parts.T @ residual) ** 2)))
    df = _degrees_of_freedom(parts, basis, count)
    reach = student_t_quantile(0.5 + level / 2.0, df) * error
    p = float(student_t_two_sided_p(estimate / error, df)) if error > 0.0 else float(estimate == 0.0)
    return AdjustedDifference(
        estimate, error, estimate - reach, estimate + reach, p, df, y.size, int(np.count_nonzero(x)), count, level
    )


def _checked(
    value: npt.ArrayLike,
    exposed: npt.ArrayLike,
    covariates: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, IntArray]:
    """Value, exposure, design without it, weights and cluster numbers of the rows with a weight above 0."""
    y, x = one_dimensional("value", value), one_dimensional("exposed", exposed)
    if y.size == 0 or x.size != y.size:
        raise refuse(f"`exposed` has {x.size} values for {y.size} rows")
    given = np.asarray(covariates, dtype=np.float64)
    given = given[:, None] if given.ndim == 1 else given
    if given.ndim != 2 or given.shape[0] != y.size:
        raise refuse(f"covariates have shape {given.shape} for {y.size} rows")
    w = checked_weights(weight, y.size)
    kept = w > 0.0
    wrong = ~(np.isfinite(y) & np.isfinite(given).all(axis=1)) & kept
    if wrong.any():
        raise refuse(f"{int(wrong.sum())} of {y.size} rows have a missing value or covariate")
    if ((x != 0.0) & (x != 1.0) & kept).any() or np.unique(x[kept]).size < 2:
        raise refuse("`exposed` must be 0 and 1, and hold both")
    number = checked_clusters(np.arange(y.size) if cluster is None else cluster, y.size)[kept]
    design = np.column_stack([np.ones(int(kept.sum())), given[kept]])
    return y[kept], x[kept], design, w[kept], np.unique(number, return_inverse=True)[1].astype(np.int64)


def _basis(design: FloatArray) -> FloatArray:
    """Orthonormal columns that span the design; columns without length and dependent ones add none."""
    length = np.linalg.norm(design, axis=0)
    u, singular, _ = np.linalg.svd(design[:, length > 0.0] / length[length > 0.0], full_matrices=False)
    return np.asarray(u[:, singular > 1e-9 * singular[0]])


def _left_out(basis: FloatArray, direction: FloatArray, number: IntArray, count: int) -> FloatArray:
    """(n, G): column g has what to multiply the residuals by for the change of the estimate when cluster g is left out."""
    parts = np.zeros((number.size, count))
    order = np.argsort(number, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        own = basis[rows]
        rest = np.eye(rows.size) - own @ own.T
        try:
            parts[rows, number[rows[0]]] = np.linalg.solve(rest, direction[rows])
        except np.linalg.LinAlgError:
            parts[rows, number[rows[0]]] = np.inf
        if not np.abs(parts[rows, number[rows[0]]]).max() < 1e9 * np.abs(direction).max():
            raise refuse("a coefficient rests on one cluster alone", way_out="Adjust for fewer or coarser covariates.")
    return parts


def _degrees_of_freedom(parts: FloatArray, basis: FloatArray, count: int) -> float:
    """Satterthwaite's, (sum of eigenvalues)^2 / sum of their squares, of the quadratic form of the variance."""
    most = float(count - basis.shape[1])
    if count > MOST_CLUSTERS:
        return most
    shadow = basis.T @ parts
    form = parts.T @ parts - shadow.T @ shadow
    return float(np.clip(np.trace(form) ** 2 / np.sum(form * form), 1.0, max(most, 1.0)))
