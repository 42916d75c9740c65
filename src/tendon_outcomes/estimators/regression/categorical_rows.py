"""The front door of logistic and multinomial regression: rows with weight, standardised, and the way back from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.observations import (
    BoolArray,
    FloatArray,
    IntArray,
    are_copies,
    checked_level,
    checked_weights,
    one_dimensional,
    refuse,
    refuse_rows,
    summed_by,
)
from tendon_outcomes.estimators.regression.categorical_likelihood import CategoricalLikelihood
from tendon_outcomes.estimators.regression.design_matrix import dependent_columns, design_matrix, refuse_missing
from tendon_outcomes.estimators.regression.parametric.standardised import standardised, way_back

INTERCEPT = "(intercept)"


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalRows:
    """n rows as given (`whole`, with the intercept), and those with weight (`kept`) on standardised columns `z`."""

    whole: FloatArray  # (n, q)
    z: FloatArray
    kept: BoolArray
    weight: FloatArray  # of all rows
    offset: FloatArray | None
    names: tuple[str, ...]  # intercept first
    back: FloatArray  # (q, q): coefficients of z to coefficients of the columns given
    cluster: IntArray | None
    robust: bool
    conf_level: float

    def likelihood(self, y: FloatArray) -> CategoricalLikelihood:
        """The likelihood of the kept rows for the outcomes y (n, K - 1) of all rows."""
        offset = None if self.offset is None else self.offset[self.kept]
        return CategoricalLikelihood(self.z, y[self.kept], self.weight[self.kept], offset)

    def of_all(self, beta: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(probabilities (n, K), scores (n, size), information) at coefficients of the columns given, for every row."""
        likelihood = CategoricalLikelihood(self.whole, y, self.weight, self.offset)
        every = likelihood.every_probability(beta)
        p = every[:, 1:]
        return every, row_scores(self.weight[:, None] * (y - p), self.whole), likelihood.information(p, self.whole)

    def covariance(self, information: FloatArray, score: FloatArray, k: int) -> FloatArray:
        """The inverse information (of z) brought back, or the sandwich with the squared scores of rows or clusters."""
        back = np.kron(np.eye(k), self.back)
        inverse = np.asarray(back @ np.linalg.inv(information) @ back.T)
        if not self.robust and self.cluster is None:
            return np.asarray((inverse + inverse.T) / 2.0)
        summed = score if self.cluster is None else cluster_sums(self.cluster, score)
        moved = summed @ inverse
        return np.asarray(moved.T @ moved)

    def refuse_few_clusters(self, k: int) -> None:
        """Refuse a sandwich with no more clusters than coefficients: some combination of them would have no variance at all."""
        if self.cluster is not None and (clusters := np.unique(self.cluster[self.kept]).size) <= k * len(self.names):
            raise refuse(
                f"{clusters} clusters for {k * len(self.names)} coefficients",
                way_out="A robust covariance needs more clusters than coefficients.",
            )


def row_scores(residual: FloatArray, columns: FloatArray) -> FloatArray:
    """(n, (K - 1) q): each row's residual of each category times its columns, category by category."""
    return np.asarray((residual[:, :, None] * columns[:, None, :]).reshape(columns.shape[0], -1))


def cluster_sums(cluster: IntArray, rows: FloatArray) -> FloatArray:
    """Sums of the rows of each cluster."""
    return np.column_stack([summed_by(cluster, column, int(cluster.max()) + 1) for column in rows.T])


def categorical_rows(
    covariates: npt.ArrayLike | None,
    n: int,
    *,
    names: Sequence[str] | None,
    weight: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
    offset: npt.ArrayLike | None,
    robust: bool | None,
    conf_level: float,
) -> CategoricalRows:
    """Everything but the outcome, checked. Rows without weight need finite covariates, and tell nothing about their spread."""
    level, weights = checked_level(conf_level), checked_weights(weight, n)
    kept = weights > 0.0
    x = np.zeros((n, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != n:
        raise refuse(f"covariates have shape {x.shape} for {n} rows")
    labels: tuple[str, ...] = ()
    if x.shape[1]:
        labels = design_matrix(x[kept], names).names
        refuse_missing(x, labels)
    elif names:
        raise refuse(f"{len(names)} names for 0 covariates")
    whole = np.column_stack([np.ones(n), x])
    z, centre, size = standardised(whole[kept], weights[kept], intercept=True)
    _refuse_dependent(z, weights[kept], labels)
    shift = None
    if offset is not None:
        shift = one_dimensional("offset", offset)
        if shift.size != n:
            raise refuse(f"`offset` has {shift.size} values for {n} rows")
        refuse_rows(~np.isfinite(shift), "have an `offset` that is missing or not finite")
    return CategoricalRows(
        whole=whole,
        z=z,
        kept=kept,
        weight=weights,
        offset=shift,
        names=(INTERCEPT, *labels),
        back=way_back(centre, size),
        cluster=None if cluster is None else checked_clusters(cluster, n),
        robust=not are_copies(weights) if robust is None else bool(robust),
        conf_level=level,
    )


def _refuse_dependent(z: FloatArray, weight: FloatArray, names: tuple[str, ...]) -> None:
    """Refuse columns that are combinations of others once rows count by their weight."""
    gram = z.T @ (z * (weight / weight.sum())[:, None])
    redundant = [names[j - 1] for j in dependent_columns(gram) if j]
    if redundant:
        raise refuse(
            f"covariate {', '.join(redundant)}: among the rows with weight a linear combination of the others",
            way_out="Leave out one of the covariates that say the same.",
        )
