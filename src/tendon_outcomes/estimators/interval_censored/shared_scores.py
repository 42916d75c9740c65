"""What rows of one cluster add to the cluster-robust sandwich of the NPMLE."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.interval_censored.simplex import RangeMixture
from tendon_outcomes.estimators.observations import FloatArray, IntArray, summed_by


def shared_scores(
    mixture: RangeMixture, held: IntArray, rows: FloatArray, *, pattern: IntArray, weight: FloatArray, cluster: IntArray
) -> FloatArray:
    """sum over clusters of u u' less the same sum over their rows, u the summed scores w_i A_i / P_i on the cells held.

    Added to the sum over single rows it gives the middle of the cluster-robust sandwich. Only rows of clusters with at least
    two rows are spelled out, so that a registry of mostly one-sided patients stays cheap. `pattern` is each row's place in
    `mixture`.
    """
    size = np.bincount(cluster)
    together = np.flatnonzero(size[cluster] > 1)
    if together.size == 0:
        return np.zeros((held.size, held.size))
    place = pattern[together]
    covers = (mixture.first[place, None] <= held) & (held < mixture.last[place, None])
    covers &= ~mixture.restricted[place, None] | (mixture.marked[held] > 0.0)
    scores = covers * (weight[together] / rows[place])[:, None]
    _, member = np.unique(cluster[together], return_inverse=True)
    sums = np.column_stack([summed_by(member, column, int(member.max()) + 1) for column in scores.T])
    extra: FloatArray = sums.T @ sums - scores.T @ scores
    return extra
