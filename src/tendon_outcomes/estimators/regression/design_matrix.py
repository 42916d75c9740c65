"""Covariates checked once, at the door of every regression: a column that cannot have a coefficient is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, refuse

# A column is a combination of those before it when its part beside them is below this share of its own length. R's coxph
# and glm use pivot tolerances of 1e-9 and 1e-7 on squared lengths and lengths.
COLLINEAR = 1e-9


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
    for j, name in enumerate(labels):
        wrong = int(np.count_nonzero(~np.isfinite(x[:, j])))
        if wrong:
            raise refuse(
                f"covariate {name}: {wrong} of {x.shape[0]} values are missing or not finite",
                way_out="Impute them, or leave these rows out and count them.",
            )
    refuse_constant(x, labels)
    refuse_collinear(x, labels)
    if intercept:
        x, labels = np.column_stack([np.ones(x.shape[0]), x]), ("(intercept)", *labels)
    return DesignMatrix(x=np.ascontiguousarray(x), names=labels)


def refuse_constant(x: FloatArray, names: Sequence[str]) -> None:
    """Refuse columns that have one value only."""
    constant = [name for j, name in enumerate(names) if x.shape[0] == 0 or not (x[:, j] != x[0, j]).any()]
    if constant:
        raise refuse(f"covariate {', '.join(constant)}: one value in every row", way_out="Leave it out of the model.")


def refuse_collinear(x: FloatArray, names: Sequence[str]) -> None:
    """Refuse columns that are (nearly) linear combinations of an intercept and the columns before them."""
    centred = x - x.mean(axis=0)
    length = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    scaled = centred / np.where(length > 0.0, length, 1.0)
    gram = scaled.T @ scaled
    redundant = [names[j] for j in _dependent(gram)]
    if redundant:
        raise refuse(
            f"covariate {', '.join(redundant)}: a linear combination of the others",
            way_out="Leave out one of the covariates that say the same.",
        )


def _dependent(gram: FloatArray) -> list[int]:
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
