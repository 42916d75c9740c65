"""Rows that belong together: the two sides of one patient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import IntArray, refuse


def checked_clusters(cluster: npt.ArrayLike, n: int) -> IntArray:
    """Cluster numbers 0, 1, … of `n` rows, whatever the labels are."""
    labels = np.asarray(cluster)
    if labels.shape != (n,):
        raise refuse(f"`cluster` has {labels.size} values for {n} rows")
    numbers: IntArray = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    return numbers
