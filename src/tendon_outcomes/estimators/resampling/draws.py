"""Which clusters a replicate draws: a matter of the seed and the number of its block, and of nothing else."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """C clusters of n rows, in strata. `member` is the cluster of every row, or None when every row is its own.

    Clusters are numbered stratum by stratum: stratum s holds the numbers from `first[s]` to `first[s + 1]`.
    """

    n: int
    count: int
    member: IntArray | None
    first: IntArray

    def rows(self, per_cluster: FloatArray) -> FloatArray:
        """Weights of clusters (b, C) as weights of rows (b, n)."""
        return per_cluster if self.member is None else np.take(per_cluster, self.member, axis=1)

    def drawn(self, rng: np.random.Generator, b: int) -> FloatArray:
        """How often each cluster is drawn, (b, C): with replacement, as many from a stratum as it has."""
        draws = np.empty((b, self.count), dtype=np.int64)
        for low, high in self.ranges:
            draws[:, low:high] = rng.integers(low, high, size=(b, high - low))
        draws += (np.arange(b) * self.count)[:, None]
        counts = np.bincount(draws.ravel(), minlength=b * self.count)
        return counts.reshape(b, self.count).astype(np.float64)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """First cluster of each stratum, and of the next."""
        return list(itertools.pairwise(self.first.tolist()))


def clusters_of(
    cluster: npt.ArrayLike | int | None, strata: npt.ArrayLike | None, n: int | None, *, alone_allowed: bool = False
) -> Clusters:
    """Labels of clusters, or the number of independent rows, as numbered clusters; strata must not cut a cluster in two."""
    rows = _number_of_rows(cluster, n)
    number = None if cluster is None or np.ndim(cluster) == 0 else checked_clusters(known_labels("cluster", cluster), rows)
    count = rows if number is None else int(number.max()) + 1
    if count < 2:
        raise refuse(f"{count} cluster to draw from", way_out="Resampling needs at least two independent units.")
    if strata is None:
        return Clusters(rows, count, number, np.array([0, count]))
    labels = known_labels("strata", strata)
    if labels.shape != (rows,):
        raise refuse(f"`strata` has shape {labels.shape} for {rows} rows")
    stratum = np.unique(labels, return_inverse=True)[1]
    own = np.arange(rows) if number is None else number
    of_cluster = np.zeros(count, dtype=np.int64)
    of_cluster[own] = stratum
    torn = int(np.unique(own[of_cluster[own] != stratum]).size)
    if torn:
        raise refuse(f"{torn} of {count} clusters have rows in more than one stratum")
    renumbered = np.empty(count, dtype=np.int64)
    renumbered[np.argsort(of_cluster, kind="stable")] = np.arange(count)
    sizes = np.bincount(of_cluster)
    if (sizes < 2).any() and not alone_allowed:
        raise refuse(f"{int((sizes < 2).sum())} strata hold one cluster, which would be drawn every time")
    return Clusters(rows, count, renumbered[own], np.concatenate(([0], np.cumsum(sizes))))


def _number_of_rows(cluster: npt.ArrayLike | int | None, n: int | None) -> int:
    if cluster is None:
        if n is None:
            raise refuse("how many rows there are is not known", way_out="Give `cluster`: the number of rows, or their labels.")
        return int(n)
    if np.ndim(cluster) == 0:
        if not isinstance(cluster, (int, np.integer)) or isinstance(cluster, bool) or cluster < 1:
            raise refuse("`cluster` as a number of rows must be a whole number, 1 or above")
        size = int(cluster)
        if n is not None and n != size:
            raise refuse(f"`cluster` says {size} rows, the statistic has {n}")
        return size
    size = int(np.asarray(cluster).size)
    if size == 0:
        raise refuse("there are no rows")
    if n is not None and n != size:
        raise refuse(f"`cluster` has {size} values, the statistic has {n} rows")
    return size


def known_labels(name: str, labels: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """Labels none of which is missing: rows without one are not rows of the same."""
    found = np.asarray(labels)
    if found.dtype.kind == "O":
        missing = sum(one is None or not np.equal(one, one) for one in found.ravel())  # NaN and NaT are not themselves
    else:
        missing = int(np.count_nonzero(np.not_equal(found, found)))
    if missing:
        raise refuse(f"{missing} of {found.size} labels of `{name}` are missing")
    return found


def generator_of(seed: int, *child: int) -> np.random.Generator:
    """The generator of one block: the child of that number of the seed, whoever computes it."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=child)))


def checked_seed(seed: int) -> int:
    """A whole number that is not negative."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise refuse("`seed` must be a whole number, 0 or above")
    return int(seed)


def checked_sizes(replicates: int, block: int, fewest: int) -> None:
    """Whole numbers of replicates and of those in a block."""
    for name, value, least in (("replicates", replicates, fewest), ("block", block, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise refuse(f"`{name}` must be a whole number and at least {least}")
