"""Covariates checked once, at the door of every regression: a column that cannot have a coefficient is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.regression.blocks import block_rows, column_means, weighted_sum

# A column is a combination of those before it when its part beside them is below this share of its own length. R's coxph
# and glm use pivot tolerances of 1e-9 and 1e-7 on squared lengths and lengths.
COLLINEAR = 1e-9

# A spread beyond these bounds, and a sum of squares below TINY, have lost digits when squared.
LARGEST, TINY = 1e140, 1e-280


@dataclass(frozen=True, slots=True, eq=False)
class DesignMatrix:
    """n rows of p named covariates, finite, none constant (unless an intercept is meant), none a combination of others."""

    x: FloatArray  # (n, p), C order
    names: tuple[str, ...]


def design_matrix(
    covariates: npt.ArrayLike, names: Sequence[str] | None = None, *, intercept: bool = False, n: int | None = None
) -> DesignMatrix:
    """Covariates (n, p) or (n,) as a checked design; names default to x1, x2, ….

    With `intercept=True` a column of ones named "(intercept)" is put in front; constants are refused either way, because they
    carry no information about differences in time. n: the number of rows expected.
    """
    x = np.asarray(covariates, dtype=np.float64)
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2 or x.shape[0] == 0:
        raise refuse(f"covariates have shape {x.shape} where (rows, columns) is expected")
    if n is not None and x.shape[0] != n:
        raise refuse(f"covariates have {x.shape[0]} rows for {n} times")
    labels = tuple(f"x{j + 1}" for j in range(x.shape[1])) if names is None else tuple(str(name) for name in names)
    if len(labels) != x.shape[1] or len(set(labels)) != len(labels):
        raise refuse(f"{len(labels)} names, of which {len(set(labels))} differ, for {x.shape[1]} covariates")
    if not _plainly_sound(x):
        refuse_missing(x, labels)
        refuse_constant(x, labels)
        refuse_unit(x, labels)
        refuse_collinear(x, labels)
    if intercept:
        x, labels = np.column_stack([np.ones(x.shape[0]), x]), ("(intercept)", *labels)
    return DesignMatrix(x=np.ascontiguousarray(x), names=labels)


def _plainly_sound(x: FloatArray) -> bool:
    """Whether one pass over the rows shows that every value is finite and no column is near a combination of others.

    A missing or infinite value makes its column's sum of squares so, too. False when in doubt: the checks by name decide.
    """
    n = x.shape[0]
    with np.errstate(over="ignore", invalid="ignore"):
        about = column_means(x[:: max(1, n // 256)])  # near the mean, so that nothing cancels
        if not np.isfinite(about).all():
            return False
        total, gram = _sums_about(x, about)
        gram -= np.outer(total, total) / n
        squares = np.diagonal(gram)
        if not (np.isfinite(squares).all() and (squares > 1e-12 * n * about * about).all() and (squares > TINY).all()):
            return False
        scale = 1.0 / np.sqrt(squares)
    try:
        factor = np.linalg.cholesky(gram * scale[:, None] * scale)
    except np.linalg.LinAlgError:
        return False
    return bool((np.diagonal(factor) ** 2 > 100.0 * COLLINEAR).all())


def _sums_about(x: FloatArray, about: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sums and sums of products of the columns about a vector, block by block without a copy of the whole."""
    n, p = x.shape
    block = block_rows(p)
    if n <= block:
        part = x - about
        return np.add.reduce(part, axis=0), part.T @ part
    ones, buffer = np.ones(block), np.empty((block, p))
    total, gram = np.zeros(p), np.zeros((p, p))
    for begin in range(0, n, block):
        rows = x[begin : begin + block]
        part = np.subtract(rows, about, out=buffer[: rows.shape[0]])
        total += weighted_sum(ones[: rows.shape[0]], part)
        gram += part.T @ part
    return total, gram


def refuse_missing(x: FloatArray, names: Sequence[str]) -> None:
    """Refuse columns with values that are missing or not finite."""
    for j, name in enumerate(names):
        wrong = int(np.count_nonzero(~np.isfinite(x[:, j])))
        if wrong:
            raise refuse(
                f"covariate {name}: {wrong} of {x.shape[0]} values are missing or not finite",
                way_out="Impute them, or leave these rows out and count them.",
            )


def refuse_constant(x: FloatArray, names: Sequence[str]) -> None:
    """Refuse columns that have one value only."""
    constant = [name for j, name in enumerate(names) if x.shape[0] == 0 or not (x[:, j] != x[0, j]).any()]
    if constant:
        raise refuse(f"covariate {', '.join(constant)}: one value in every row", way_out="Leave it out of the model.")


def refuse_unit(x: FloatArray, names: Sequence[str]) -> None:
    """Refuse columns whose squares cannot be held."""
    with np.errstate(over="ignore"):
        spread = np.ptp(x, axis=0)
    extreme = [name for name, s in zip(names, spread, strict=True) if not 1.0 / LARGEST < s < LARGEST]
    if extreme:
        raise refuse(f"covariate {', '.join(extreme)}: too large or too small for its square", way_out="Use another unit.")


def refuse_collinear(x: FloatArray, names: Sequence[str]) -> None:
    """Refuse columns that are (nearly) linear combinations of an intercept and the columns before them."""
    centred = x - x.mean(axis=0)
    length = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    scaled = centred / np.where(length > 0.0, length, 1.0)
    gram = scaled.T @ scaled
    redundant = [names[j] for j in dependent_columns(gram)]
    if redundant:
        raise refuse(
            f"covariate {', '.join(redundant)}: a linear combination of the others",
            way_out="Leave out one of the covariates that say the same.",
        )


def dependent_columns(gram: FloatArray) -> list[int]:
    """Columns whose squared length beside the columns before them falls below the tolerance (Cholesky without pivoting)."""
    p = gram.shape[0]
    factor, dependent = np.zeros((p, p)), []
    for j in range(p):
        row = np.zeros(j)
        for k in range(j):
            row[k] = (gram[j, k] - row[:k] @ factor[k, :k]) / factor[k, k] if factor[k, k] > 0.0 else 0.0
        left = float(gram[j, j] - row @ row)
        if left <= COLLINEAR:
            dependent.append(j)
            continue
        factor[j, :j] = row
        factor[j, j] = np.sqrt(left)
    return dependent
