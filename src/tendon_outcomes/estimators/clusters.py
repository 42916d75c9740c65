"""Rows that belong together: the two sides of one patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import IntArray, checked_labels, refuse


def checked_clusters(cluster: npt.ArrayLike, n: int) -> IntArray:
    """Cluster numbers 0, 1, … of `n` rows, whatever the labels are."""
    numbers: IntArray = np.unique(checked_labels(cluster, n, "cluster"), return_inverse=True)[1].astype(np.int64)
    return numbers


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Which cluster each of n rows belongs to: its number among the sorted `labels`."""

    labels: npt.NDArray[np.generic]
    number: IntArray


def labelled_clusters(cluster: npt.ArrayLike, n: int) -> Clusters:
    """The clusters of `n` rows with their labels, so that fits on different rows can tell which patients they share."""
    distinct, number = np.unique(checked_labels(cluster, n, "cluster"), return_inverse=True)
    return Clusters(distinct, number.astype(np.int64))


def in_common(one: Clusters, other: Clusters) -> tuple[IntArray, IntArray, int]:
    """The cluster numbers of two sets of rows under one numbering by label, and how many clusters there are."""
    if one is other:
        return one.number, other.number, one.labels.size
    if (one.labels.dtype.kind in "US") != (other.labels.dtype.kind in "US"):
        raise refuse("the clusters of the two fits have labels of different kinds: text and numbers")
    labels = np.union1d(one.labels, other.labels)
    first, second = np.searchsorted(labels, one.labels), np.searchsorted(labels, other.labels)
    return first[one.number].astype(np.int64), second[other.number].astype(np.int64), labels.size
