"""Variances that know of what was estimated before: influences stacked on one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse

MOST_LEVERAGE = 0.9  # A row that nearly determines a coefficient by itself is not blown up without end.


def stacked(own: FloatArray, slope: FloatArray, information: FloatArray, score: FloatArray) -> FloatArray:
    """Influence of rows (n, k) on k numbers that depend on q estimated coefficients.

    `own` (n, k) with the coefficients held, `slope` (k, q) the derivatives of the numbers with respect to the coefficients,
    `score` (n, q) and `information` (q, q) of the coefficients: own + score information^-1 slope'. Stefanski & Boos (2002) Am
    Stat 56:29, eq. 10 for block-triangular equations.
    """
    return np.asarray(own + score @ np.linalg.solve(information, slope.T))


def leverage(information: FloatArray, score: FloatArray) -> FloatArray:
    """(n,): the share s_i' I^-1 s_i by which a row pulled the estimated coefficients towards itself, at most MOST_LEVERAGE."""
    pull = np.einsum("iq,iq->i", score, np.linalg.solve(information, score.T).T)
    return np.asarray(np.clip(pull, 0.0, MOST_LEVERAGE))


def patient_numbers(cluster: npt.ArrayLike | None, n: int) -> IntArray:
    """Numbers 0, 1, ... of the patients; each row its own when no clusters are given."""
    return np.arange(n, dtype=np.int64) if cluster is None else checked_clusters(cluster, n)


def effective_patients(weight: FloatArray, cluster: IntArray) -> float:
    """(sum W_c)^2 / sum W_c^2 with W_c the weight of patient c."""
    total = np.bincount(cluster, weights=weight)
    square = float(np.dot(total, total))
    return float(total.sum()) ** 2 / square if square > 0.0 else 0.0


def treatment_codes(treatment: npt.ArrayLike, n: int, compared: tuple[int, int]) -> IntArray:
    """Codes 0, 1, ... of the treatments, with both compared ones present."""
    given = np.asarray(treatment)
    if given.shape != (n,):
        raise refuse(f"`treatment` has {given.size} values for {n} rows")
    values = np.asarray(given, dtype=np.float64)
    wrong = int(np.count_nonzero(~np.isfinite(values) | (values < 0) | (values != np.rint(values))))
    if wrong:
        raise refuse(f"{wrong} of {n} treatments are not codes 0, 1, 2, …", way_out="Leave out rows of unknown treatment.")
    code = values.astype(np.int64)
    if compared[0] == compared[1]:
        raise refuse("a treatment is compared with itself")
    for one in compared:
        if not (code == one).any():
            raise refuse(f"nobody has treatment {one}")
    return code
