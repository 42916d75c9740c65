"""The bootstrap by cluster: blocks of weight rows, the same numbers whoever computes them and however often it was stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_level, refuse
from tendon_outcomes.estimators.resampling import intervals
from tendon_outcomes.estimators.resampling.draws import Clusters, checked_seed, clusters_of, generator_of
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor
from tendon_outcomes.estimators.resampling.jackknife import checked_numbers, estimates_of, jackknife
from tendon_outcomes.estimators.resampling.store import BlockStore

IntervalOfBootstrap = Literal["percentile", "bca", "studentised", "basic", "normal"]
KINDS = ("percentile", "bca", "studentised", "basic", "normal")


class BatchedStatistic(Protocol):
    """(b, n) weight rows to (b, k) numbers; NaN where a row of weights does not determine one."""

    def __call__(self, weights: FloatArray, /) -> FloatArray: ...


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """k estimates with their replicates (R, k). `n_failed` counts the replicates without the number, left out of its limits."""

    names: tuple[str, ...]
    estimate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    replicates: FloatArray
    n_failed: IntArray
    conf_level: float
    kind: IntervalOfBootstrap
    seed: int
    n_clusters: int
    acceleration: FloatArray | None = None
    bias_correction: FloatArray | None = None

    @property
    def std_error(self) -> FloatArray:
        """Standard deviation of the replicates."""
        return np.asarray(np.nanstd(self.replicates, axis=0, ddof=1), dtype=np.float64)

    @property
    def bias(self) -> FloatArray:
        """Mean of the replicates less the estimate."""
        return np.asarray(np.nanmean(self.replicates, axis=0) - self.estimate, dtype=np.float64)

    @property
    def covariance(self) -> FloatArray:
        """(k, k) over the replicates that have every number."""
        whole = self.replicates[~np.isnan(self.replicates).any(axis=1)]
        return np.atleast_2d(np.cov(whole, rowvar=False))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The work of one block; the number of the block is its task."""

    statistic: BatchedStatistic
    std_error: BatchedStatistic | None
    clusters: Clusters
    seed: int
    size: int

    def __call__(self, number: int) -> tuple[int, FloatArray]:
        weights = self.clusters.rows(self.clusters.drawn(generator_of(self.seed, number), self.size))
        values = checked_numbers(self.statistic(weights), self.size)
        if self.std_error is not None:
            values = np.concatenate([values, checked_numbers(self.std_error(weights), self.size)], axis=1)
        return number, values


def bootstrap(
    statistic: BatchedStatistic,
    *,
    cluster: npt.ArrayLike | int | None = None,
    replicates: int = 2000,
    seed: int,
    conf_level: float = 0.95,
    kind: IntervalOfBootstrap = "percentile",
    block: int = 16,
    executor: Executor = SERIAL,
    progress: Callable[[int, int], object] | None = None,
    store: BlockStore | None = None,
    strata: npt.ArrayLike | None = None,
    std_error: BatchedStatistic | None = None,
    influence: npt.ArrayLike | None = None,
    failures_allowed: float = 0.05,
) -> Bootstrap:
    """Limits for any statistic, from drawing its clusters again with replacement.

    Estimand
        The sampling distribution of the statistic over clusters (patients) drawn like these.
    Estimator
        Replicate r draws as many clusters of every stratum as it has, with replacement; every row weighs as often as its
        cluster was drawn. Standard error: standard deviation over replicates (R - 1).
    Interval
        "percentile": quantiles at (R + 1) p, between order statistics on the normal scale. "basic": twice the estimate less the
        opposite quantile. "normal": estimate less bias, normal quantile. "studentised": (replicate - estimate) / its standard
        error, from `std_error`. "bca": percentile at Phi(z0 + (z0 + z) / (1 - a (z0 + z))), z0 from the share of replicates
        below the estimate (ties count half), a from the jackknife over clusters, or from `influence`.
    Conventions
        Block j of `block` replicates draws from child j of the seed and the last block is cut: the numbers depend on seed and
        block alone, not on workers, and more replicates go on from fewer. Replicates without the number (NaN) are left out and
        counted; more than `failures_allowed` of them refuse. Blocks go to `store` as they are finished and are not computed
        again; the key holds a digest of seed, design and full-sample numbers, so another question finds nothing.
    Assumes
        Independent clusters; a statistic smooth enough (not the NPMLE at a point with continuous visit times).
    Not for
        Extremes; a few clusters (percentile limits are then too narrow).
    Parameters
        statistic: (b, n) weights to (b, k) numbers (`one_by_one` wraps a function of one row of weights). cluster: labels of
        the n rows, or n itself when rows are independent, or None when the statistic has an `n`. strata: labels; clusters are
        drawn within. executor: Serial, Processes, DaskCluster. progress: called with (replicates done, replicates). std_error:
        like statistic. influence: (C, k) for "bca" in place of the jackknife, clusters in any order.
    Returns
        Bootstrap.
    References
        Efron & Tibshirani (1993) An Introduction to the Bootstrap, 13.3, 14.3 (eqs 14.9-14.15), 12.5; Davison & Hinkley (1997)
        Bootstrap Methods and their Application, eqs 5.6, 5.8, 5.21.
    Checked
        Exact (all draws of three rows), reference (R boot.ci on the same replicates), one and two workers the same bytes:
        tests/estimators/test_bootstrap.py, tests/properties/test_resampling_properties.py, tests/reference.
    """
    level, start = checked_level(conf_level), checked_seed(seed)
    _check_request(kind, replicates, block, std_error, failures_allowed)
    clusters = clusters_of(cluster, strata, getattr(statistic, "n", None))
    whole = estimates_of(statistic, clusters)
    own_error = np.zeros(0) if std_error is None else estimates_of(std_error, clusters)
    work = _Block(statistic, std_error, clusters, start, block)
    key = _digest(work, whole)
    table = _computed(work, -(-replicates // block), key, executor, progress, store, replicates)[:replicates]
    k = whole.size
    if table.shape[1] != k + own_error.size:
        raise refuse(f"the statistic gives {k} numbers for the sample and {table.shape[1]} for replicates")
    values = table[:, :k]
    failed = np.count_nonzero(np.isnan(table[:, :k] if std_error is None else table[:, :k] + table[:, k:]), axis=0)
    names = _names(statistic, k)
    _refuse_failures(failed, replicates, names, failures_allowed)
    moved, z0 = None, None
    if kind == "bca":
        moved = _accelerations(statistic, cluster, strata, influence, clusters, k, executor)
        z0 = np.array([intervals.bias_correction(_clean(values[:, j]), float(whole[j])) for j in range(k)])
    limits = [
        _limits(table, j, k, float(whole[j]), level, kind, None if z0 is None or moved is None else (z0[j], moved[j]), own_error)
        for j in range(k)
    ]
    return Bootstrap(
        names=names,
        estimate=whole,
        conf_low=np.array([low for low, _ in limits]),
        conf_high=np.array([high for _, high in limits]),
        replicates=values,
        n_failed=failed.astype(np.int64),
        conf_level=level,
        kind=kind,
        seed=start,
        n_clusters=clusters.count,
        acceleration=moved,
        bias_correction=z0,
    )


def _limits(
    table: FloatArray,
    j: int,
    k: int,
    estimate: float,
    level: float,
    kind: IntervalOfBootstrap,
    moved: tuple[float, float] | None,
    own_error: FloatArray,
) -> tuple[float, float]:
    """Limits of number j of k; with standard errors, these follow the numbers in `table`."""
    if kind == "studentised":
        pairs = table[~np.isnan(table[:, j] + table[:, k + j])]
        return intervals.studentised_limits(pairs[:, j], pairs[:, k + j], estimate, float(own_error[j]), level)
    sample = np.sort(_clean(table[:, j]))
    if kind == "basic":
        return intervals.basic_limits(sample, estimate, level)
    if kind == "normal":
        return intervals.normal_limits(sample, estimate, level)
    if moved is not None:
        return intervals.bca_limits(sample, float(moved[0]), float(moved[1]), level)
    return intervals.percentile_limits(sample, level)


def _check_request(kind: str, replicates: int, block: int, std_error: object, failures_allowed: float) -> None:
    if kind not in KINDS:
        raise refuse(f"`kind` is one of {', '.join(KINDS)}")
    if replicates < 2 or block < 1:
        raise refuse("`replicates` must be at least 2 and `block` at least 1")
    if (kind == "studentised") != (std_error is not None):
        raise refuse("studentised limits need `std_error`, and only they do")
    if not 0.0 <= failures_allowed < 1.0:
        raise refuse("`failures_allowed` is a share, 0 or above and below 1")


def _clean(values: FloatArray) -> FloatArray:
    return values[~np.isnan(values)]


def _names(statistic: BatchedStatistic, k: int) -> tuple[str, ...]:
    names = tuple(getattr(statistic, "names", ()))
    return names if len(names) == k else tuple(f"number {j + 1}" for j in range(k))


def _refuse_failures(failed: IntArray, replicates: int, names: tuple[str, ...], allowed: float) -> None:
    worst = int(np.argmax(failed))
    if failed[worst] > allowed * replicates:
        raise refuse(
            f"{names[worst]}: {int(failed[worst])} of {replicates} replicates have no such number",
            way_out="The sample is too small for it: ask for an earlier day or a simpler model.",
        )


def _digest(work: _Block, whole: FloatArray) -> str:
    made = hashlib.sha256(repr((work.seed, work.size, work.clusters.n, work.clusters.count, whole.size)).encode())
    for part in (work.clusters.first, work.clusters.member, whole):
        made.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
    made.update(b"with errors" if work.std_error is not None else b"")
    return made.hexdigest()[:24]


def _computed(
    work: _Block,
    n_blocks: int,
    key: str,
    executor: Executor,
    progress: Callable[[int, int], object] | None,
    store: BlockStore | None,
    replicates: int,
) -> FloatArray:
    found: dict[int, FloatArray] = {}
    _keep_freed_memory()
    for number in range(n_blocks if store is not None else 0):
        kept = store.get(f"{key}-{number:06d}") if store is not None else None
        if kept is not None and kept.ndim == 2 and kept.shape[0] == work.size:
            found[number] = kept
    if progress is not None and found:
        progress(min(len(found) * work.size, replicates), replicates)
    for number, values in executor.map(work, [number for number in range(n_blocks) if number not in found]):
        found[number] = values
        if store is not None:
            store.put(f"{key}-{number:06d}", values)
        if progress is not None:
            progress(min(len(found) * work.size, replicates), replicates)
    return np.concatenate([found[number] for number in range(n_blocks)])


def _keep_freed_memory() -> None:
    """Let the C library keep what a block frees for the next one.

    glibc gives back the top of its heap when 128 KB of it are free, until a larger piece has been freed once. Batches are just
    that large, and fetching the same pages again for every temporary doubled the time of a run.
    """
    np.empty(1 << 21)


def _accelerations(
    statistic: BatchedStatistic,
    cluster: npt.ArrayLike | int | None,
    strata: npt.ArrayLike | None,
    influence: npt.ArrayLike | None,
    clusters: Clusters,
    k: int,
    executor: Executor,
) -> FloatArray:
    if influence is None:
        values = jackknife(statistic, cluster=cluster, strata=strata, executor=executor).influence
    else:
        values = np.asarray(influence, dtype=np.float64).reshape(-1, k)
        if values.shape[0] != clusters.count or not np.isfinite(values).all():
            raise refuse(f"`influence` must hold {clusters.count} finite rows of {k} numbers")
    return np.array([intervals.acceleration(values[:, j]) for j in range(k)])
