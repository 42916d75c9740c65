"""Long matrices block by block: each block stays in the cache and below the size at which the library starts threads."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray

# Measured with the bundled OpenBLAS on two cores: blocks of 160 KB are fastest, and a product of more than about 500,000
# multiplications is split over threads, which at this size costs three to ten times what it saves.
BLOCK_NUMBERS = 20_000
THREADED_PRODUCT = 400_000
THREADED_VECTOR = 9_000  # and a matrix times a vector from about so many numbers on


def block_rows(p: int) -> int:
    """Rows of p columns to take at a time."""
    return max(64, min(BLOCK_NUMBERS // max(p, 1), THREADED_PRODUCT // max((p + 1) * (p + 1), 1)))


def times(x: FloatArray, slope: FloatArray) -> FloatArray:
    """x @ slope, never over threads: waiting for a second core that is busy costs more than it saves."""
    return np.asarray(x @ slope if x.size <= THREADED_VECTOR else np.einsum("ij,j->i", x, slope))


def weighted_sum(weight: FloatArray, x: FloatArray) -> FloatArray:
    """weight @ x, never over threads."""
    return np.asarray(weight @ x if x.size <= THREADED_VECTOR else np.einsum("i,ij->j", weight, x))


def column_means(x: FloatArray) -> FloatArray:
    """Means of the columns, summed block by block."""
    n, p = x.shape
    block = block_rows(p)
    if n <= block:
        return np.asarray(np.add.reduce(x, axis=0) / n)
    ones = np.ones(block)
    total: FloatArray = np.zeros(p)
    for begin in range(0, n, block):
        part = x[begin : begin + block]
        total += weighted_sum(ones[: part.shape[0]], part)
    return np.asarray(total / n)


def weighted_cross(a: FloatArray, weight: FloatArray, b: FloatArray) -> FloatArray:
    """a' diag(weight) b for long a (rows, p) and b (rows, q)."""
    rows, p = a.shape
    block = block_rows(max(p, b.shape[1]))
    if rows <= block:
        return np.asarray(a.T @ (weight[:, None] * b))
    total, buffer = np.zeros((p, b.shape[1])), np.empty((block, b.shape[1]))
    for begin in range(0, rows, block):
        part = b[begin : begin + block]
        scaled = np.multiply(part, weight[begin : begin + block, None], out=buffer[: part.shape[0]])
        total += a[begin : begin + block].T @ scaled
    return total
