"""Permutation tests: group labels dealt anew to clusters, within strata; every deal when these are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from math import comb
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse
from tendon_outcomes.estimators.resampling.draws import (
    Clusters,
    checked_seed,
    checked_sizes,
    clusters_of,
    generator_of,
    known_labels,
)
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True, slots=True, eq=False)
class PermutationTest:
    """A p-value with the statistics that it was counted from; `exact` when these are all possible deals."""

    name: str
    statistic: float
    p_value: float
    p_std_error: float  # Monte Carlo standard error of the p-value; 0 when exact
    deals: FloatArray
    exact: bool
    alternative: Alternative
    groups: tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Dealing:
    """One block of random deals."""

    statistic: Callable[[IntArray], FloatArray]
    clusters: Clusters
    labels: IntArray  # of clusters
    seed: int
    size: int

    def __call__(self, number: int) -> tuple[int, FloatArray]:
        rng = generator_of(self.seed, number)
        dealt = np.repeat(self.labels[None, :], self.size, axis=0)
        for low, high in self.clusters.ranges:
            dealt[:, low:high] = rng.permuted(dealt[:, low:high], axis=1)
        return number, _values(self.statistic, _of_rows(self.clusters, dealt))


def permutation_test(
    statistic: Callable[[IntArray], FloatArray],
    group: npt.ArrayLike,
    *,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    replicates: int = 2000,
    seed: int,
    alternative: Alternative = "two-sided",
    name: str = "permutation",
    block: int = 16,
    executor: Executor = SERIAL,
) -> PermutationTest:
    """Whether the groups could have been dealt otherwise, by dealing them otherwise.

    Estimand
        The probability, were labels exchangeable, of a statistic as far out as the observed one.
    Estimator
        All deals of the labels to clusters within strata when there are no more than `replicates`: the share as far out.
        Otherwise random deals: (1 + number as far out) / (1 + replicates).
    Interval
        Monte Carlo standard error of p.
    Conventions
        As far out: |T*| >= |T| ("two-sided"), T* >= T, or T* <= T; equal within 1e-9 of the largest |T*|
        counts. The statistic must be 0 in the middle for "two-sided" (a difference or a signed z).
    Assumes
        Labels exchangeable within strata (randomised, or independent of everything).
    Not for
        Confounded groups. Clusters whose rows are in several groups (refused): deal within them with strata=cluster.
    Parameters
        statistic: (b, n) group numbers 0..G-1 (in sorted order of the labels) to b values. group: n labels. cluster, strata:
        labels. Others as in `bootstrap`.
    Returns
        PermutationTest.
    References
        Davison & Hinkley (1997) Bootstrap Methods and their Application, 4.3, eq. 4.11; Phipson & Smyth (2010) Stat Appl Genet
        Mol Biol 9:39 (the 1 + ...).
    Checked
        Exact (Fisher's tea: 1/70), exact against random deals: tests/estimators/test_permutation.py.
    """
    start = checked_seed(seed)
    checked_sizes(replicates, block, 1)
    if alternative not in ("two-sided", "greater", "less"):
        raise refuse("`alternative` is two-sided, greater or less")
    values, number = np.unique(known_labels("group", group), return_inverse=True)
    if values.size < 2:
        raise refuse("a test between groups needs two of them")
    clusters = clusters_of(number.size if cluster is None else cluster, strata, number.size, alone_allowed=True)
    labels = _cluster_labels(clusters, number.astype(np.int64))
    observed = float(_values(statistic, _of_rows(clusters, labels[None, :]))[0])
    exact = _n_deals(clusters, labels, replicates) <= replicates
    if exact:
        deals = np.concatenate([_values(statistic, _of_rows(clusters, part)) for part in _all_deals(clusters, labels, block)])
    else:
        work = _Dealing(statistic, clusters, labels, start, block)
        parts = dict(executor.map(work, list(range(-(-replicates // block)))))
        deals = np.concatenate([parts[one] for one in sorted(parts)])[:replicates]
    missing = int(np.count_nonzero(np.isnan(deals))) + int(np.isnan(observed))
    if missing:
        raise refuse(f"the statistic does not exist for {missing} deals of the labels")
    p, error = _p_value(deals, observed, alternative, exact)
    return PermutationTest(name, observed, p, error, deals, exact, alternative, tuple(values.tolist()))


def _p_value(deals: FloatArray, observed: float, alternative: Alternative, exact: bool) -> tuple[float, float]:
    """The p-value and its Monte Carlo standard error."""
    far = int(np.count_nonzero(_as_far(deals, observed, alternative)))
    if exact:
        return far / deals.size, 0.0
    p = (1 + far) / (1 + deals.size)
    return p, float(np.sqrt(p * (1.0 - p) / deals.size))


def _as_far(deals: FloatArray, observed: float, alternative: Alternative) -> npt.NDArray[np.bool_]:
    slack = 1e-9 * max(abs(observed), float(np.abs(deals).max()))  # rounding is that of the numbers that are summed
    if alternative == "greater":
        return deals >= observed - slack
    if alternative == "less":
        return deals <= observed + slack
    return np.asarray(np.abs(deals) >= abs(observed) - slack)


def _of_rows(clusters: Clusters, of_clusters: IntArray) -> IntArray:
    return of_clusters if clusters.member is None else np.take(of_clusters, clusters.member, axis=1)


def _values(statistic: Callable[[IntArray], FloatArray], labels: IntArray) -> FloatArray:
    values = np.asarray(statistic(labels), dtype=np.float64).reshape(-1)
    if values.size != labels.shape[0]:
        raise refuse(f"the statistic gives {values.size} values for {labels.shape[0]} deals")
    return values


def _cluster_labels(clusters: Clusters, number: IntArray) -> IntArray:
    if clusters.member is None:
        # Rows are clusters; with strata they are numbered stratum by stratum and `member` is not None.
        return number
    labels = np.zeros(clusters.count, dtype=np.int64)
    labels[clusters.member] = number
    torn = int(np.unique(clusters.member[labels[clusters.member] != number]).size)
    if torn:
        raise refuse(
            f"{torn} of {clusters.count} clusters have rows in more than one group",
            way_out="Deal the labels within clusters: strata=cluster, without cluster.",
        )
    return labels


def _n_deals(clusters: Clusters, labels: IntArray, enough: int) -> int:
    """The number of deals, or any number above `enough` when there are more."""
    total = 1
    for low, high in clusters.ranges:
        left = high - low
        for count in np.bincount(labels[low:high]).tolist():
            if 0 < count < left and left > enough:  # there are at least `left`
                return enough + 1
            total *= comb(left, count) if count < left else 1
            left -= count
            if total > enough:
                return total
    return total


def _all_deals(clusters: Clusters, labels: IntArray, block: int) -> Iterator[IntArray]:
    pieces = [list(_arrangements(np.bincount(labels[low:high]).tolist(), high - low)) for low, high in clusters.ranges]
    deals = (np.concatenate(chosen) for chosen in product(*pieces))
    while batch := list(islice(deals, block)):
        yield np.stack(batch)


def _arrangements(counts: list[int], size: int) -> Iterator[IntArray]:
    """Every order of a multiset of labels: places for the last label, then the others on the places that are left."""
    if len(counts) == 1:
        yield np.zeros(size, dtype=np.int64)
        return
    for places in combinations(range(size), counts[-1]):
        rest = np.ones(size, dtype=np.bool_)
        rest[list(places)] = False
        for others in _arrangements(counts[:-1], size - counts[-1]):
            dealt = np.full(size, len(counts) - 1, dtype=np.int64)
            dealt[rest] = others
            yield dealt
