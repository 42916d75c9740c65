"""Sums over columns of many weight rows at once: the arithmetic under every batched estimator.

A batch is a (b, n) array: one row of weights a replicate, one column an observation. Products are cut into pieces below the
size at which OpenBLAS starts threads: on small products its threads cost more than they bring, and a sum that is always cut
the same way has the same last bit on every machine load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray

# OpenBLAS keeps a product on one thread up to 4 * 65536 multiply-adds.
_SERIAL_WORK = 1 << 18


def times_columns(rows: FloatArray, table: FloatArray) -> FloatArray:
    """`rows` (b, n) @ `table` (n, q)."""
    n = rows.shape[1]
    piece = max(1, _SERIAL_WORK // max(1, rows.shape[0] * table.shape[1]))
    if n <= piece:
        return np.asarray(rows @ table)
    total = rows[:, :piece] @ table[:piece]
    for start in range(piece, n, piece):
        total += rows[:, start : start + piece] @ table[start : start + piece]
    return np.asarray(total)


def linear_predictors(coefficients: FloatArray, x_columns: FloatArray) -> FloatArray:
    """`coefficients` (b, p) @ `x_columns` (p, n)."""
    b, n = coefficients.shape[0], x_columns.shape[1]
    result = np.empty((b, n))
    piece = max(1, _SERIAL_WORK // max(1, b * coefficients.shape[1]))
    for start in range(0, n, piece):
        np.matmul(coefficients, x_columns[:, start : start + piece], out=result[:, start : start + piece])
    return result


@dataclass(frozen=True, slots=True, eq=False)
class ColumnSums:
    """Sums of the columns of a batch by a number that each column carries; columns with a negative number are left out.

    `order` puts columns of one number beside each other, `starts` are the first of each, `filled` the numbers that occur.
    """

    order: IntArray
    starts: IntArray
    filled: IntArray
    size: int

    @classmethod
    def by(cls, number: IntArray, size: int) -> ColumnSums:
        """Prepare sums for `number` (n,), each below `size`."""
        order = np.argsort(number, kind="stable")
        order = order[np.searchsorted(number[order], 0) :].astype(np.intp)
        filled, starts = np.unique(number[order], return_index=True)
        return cls(order, starts.astype(np.intp), filled.astype(np.intp), size)

    def __call__(self, rows: FloatArray) -> FloatArray:
        """(b, n) in the order of the observations to (b, size)."""
        return self.of_ordered(np.take(rows, self.order, axis=1))

    def of_ordered(self, rows: FloatArray) -> FloatArray:
        """The same for columns that are in `order` already."""
        result = np.zeros((rows.shape[0], self.size))
        if self.starts.size:
            result[:, self.filled] = np.add.reduceat(rows, self.starts, axis=1)
        return result


def sums_from_the_end(values: FloatArray) -> FloatArray:
    """For each place along the last axis, the sum of the values there and beyond."""
    result: FloatArray = np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]
    return result


def solve_each(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    """Solutions of b small systems; NaN for a singular one instead of an error for all."""
    try:
        return np.asarray(np.linalg.solve(matrices, vectors[..., None])[..., 0])
    except np.linalg.LinAlgError:
        result = np.full_like(vectors, np.nan)
        for i in range(vectors.shape[0]):
            try:
                result[i] = np.linalg.solve(matrices[i], vectors[i])
            except np.linalg.LinAlgError:
                continue
        return result


def triangle_places(p: int) -> IntArray:
    """(p, p): where in an upper triangle, row by row, each entry of the symmetric matrix stands; `packed[:, places]` unfolds."""
    place = np.zeros((p, p), dtype=np.int64)
    above = np.triu_indices(p)
    place[above] = np.arange(above[0].size)
    return np.maximum(place, place.T)


def cross_products(x: FloatArray) -> FloatArray:
    """For each row of `x` (n, p) the upper triangle of its outer square, (n, p (p + 1) / 2)."""
    first, second = np.triu_indices(x.shape[1])
    return np.ascontiguousarray(x[:, first] * x[:, second])


def independent_columns(gram: FloatArray, tolerance: float) -> IntArray:
    """Columns, in order, whose squared length beside the kept ones before them is above `tolerance` of their own."""
    kept: list[int] = []
    for j in range(gram.shape[0]):
        beside = gram[j, j]
        if kept:
            beside = beside - gram[j, kept] @ np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept, j])
        if gram[j, j] > 0.0 and beside > tolerance * gram[j, j]:
            kept.append(j)
    return np.array(kept, dtype=np.int64)
