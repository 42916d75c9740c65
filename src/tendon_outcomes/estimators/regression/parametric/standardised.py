"""Covariates less their means over their standard deviations, so that neither unit nor origin matters to Newton's method."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray


def standardised(x: FloatArray, weight: FloatArray, *, intercept: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(columns, centre, size): x = centre + size * columns. With `intercept` the first column is left as it is."""
    centre = np.average(x, axis=0, weights=weight)
    size: FloatArray = np.sqrt(np.average((x - centre) ** 2, axis=0, weights=weight))
    if intercept:
        centre[0], size[0] = 0.0, 1.0
    return np.asarray((x - centre) / size), centre, size


def way_back(centre: FloatArray, size: FloatArray) -> FloatArray:
    """The matrix that takes coefficients of standardised columns, the first the intercept, to those of the columns given."""
    matrix = np.diag(1.0 / size)
    matrix[0, 1:] = -centre[1:] / size[1:]
    return matrix


def block_diagonal(*blocks: FloatArray) -> FloatArray:
    """The blocks along the diagonal, 0 elsewhere."""
    ends = np.cumsum([0, *(block.shape[0] for block in blocks)])
    matrix = np.zeros((int(ends[-1]), int(ends[-1])))
    for start, block in zip(ends.tolist(), blocks, strict=False):
        matrix[start : start + block.shape[0], start : start + block.shape[0]] = block
    return matrix
