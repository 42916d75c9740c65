"""The bootstrap by cluster: blocks of weight rows, the same numbers whoever computes them and however often it was stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_level, refuse
from tendon_outcomes.estimators.resampling import intervals
from tendon_outcomes.estimators.resampling.blocks import BatchedStatistic, Block, Progress, computed
from tendon_outcomes.estimators.resampling.draws import Clusters, checked_seed, checked_sizes, clusters_of
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor
from tendon_outcomes.estimators.resampling.jackknife import estimates_of, jackknife
from tendon_outcomes.estimators.resampling.store import BlockStore

IntervalOfBootstrap = Literal["percentile", "bca", "studentised", "basic", "normal"]
KINDS = ("percentile", "bca", "studentised", "basic", "normal")


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """k estimates with their replicates (R, k). `n_failed` counts the replicates without the number, left out of its limits."""

    names: tuple[str, ...]
    estimate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    replicates: FloatArray = field(repr=False)
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
class _Number:
    """What the limits of one number are made from: replicates that have it, with their standard errors for studentised ones."""

    values: FloatArray
    estimate: float
    errors: FloatArray | None = None
    own_error: float = 0.0
    moved: tuple[float, float] | None = None  # bias correction and acceleration

    def limits(self, kind: IntervalOfBootstrap, level: float) -> tuple[float, float]:
        if self.errors is not None:
            return intervals.studentised_limits(self.values, self.errors, self.estimate, self.own_error, level)
        ordered = np.sort(self.values)
        if kind == "basic":
            return intervals.basic_limits(ordered, self.estimate, level)
        if kind == "normal":
            return intervals.normal_limits(ordered, self.estimate, level)
        if self.moved is not None:
            return intervals.bca_limits(ordered, *self.moved, level)
        return intervals.percentile_limits(ordered, level)


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
    progress: Progress | None = None,
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
        below the estimate (ties count half), a = sum l^3 / (6 (sum l^2)^1.5) over clusters, l the jackknife's influence (or
        `influence`) less its stratum's mean, over the number of clusters in the stratum.
    Conventions
        Block j of `block` replicates draws from child j of the seed and the last block is cut: the numbers depend on seed and
        block alone, not on workers, and more replicates go on from fewer. Replicates without the number (NaN) are left out and
        counted; more than `failures_allowed` of them refuse. Rows that are their own clusters are drawn by their place, labelled
        clusters by the order of their labels, so that then the order of rows is nothing to the draws.
        Blocks go to `store` as they arrive and are not computed again. A key is a digest of seed, block, design, and the
        numbers of the sample and of 16 replicates. It does not hold the statistic's code: two statistics that agree on all of
        these share blocks, so give every analysis a folder of its own.
    Assumes
        Independent clusters; a statistic smooth enough (not the NPMLE at a point with continuous visit times).
    Not for
        Extremes; a few clusters (percentile limits are then too narrow).
    Parameters
        statistic: (b, n) weights to (b, k) numbers (`one_by_one` wraps a function of one row of weights). cluster: labels of
        the n rows, or n itself when rows are independent, or None when the statistic has an `n`. strata: labels; clusters are
        drawn within. executor: Serial, Processes, DaskCluster. progress: called with (replicates done, replicates), never with
        fewer than before; the jackknife of "bca" is not counted. std_error: like statistic. influence: (C, k) for "bca" in
        place of the jackknife, stratum by stratum, in a stratum in any order.
    Returns
        Bootstrap.
    References
        Efron & Tibshirani (1993) An Introduction to the Bootstrap, 13.3, 14.3 (eqs 14.9-14.15), 12.5; Davison & Hinkley (1997)
        Bootstrap Methods and their Application, eqs 5.6, 5.8, 5.21; for strata the third moments of sum_s mean(l), 3.2.
    Checked
        Exact (all draws of three rows), reference (R boot.ci on the same replicates), limits by plain loops from the formulas,
        one and two workers the same bytes: tests/estimators/test_bootstrap.py, tests/failures/test_reviewed_resampling.py,
        tests/properties/test_resampling_properties.py, tests/reference.
    """
    level, start = checked_level(conf_level), checked_seed(seed)
    _check_request(kind, replicates, block, std_error, failures_allowed)
    clusters = clusters_of(cluster, strata, getattr(statistic, "n", None))
    whole = estimates_of(statistic, clusters)
    k, errors = whole.size, std_error is not None
    own = whole if std_error is None else np.concatenate([whole, estimates_of(std_error, clusters)])
    if own.size != k * (1 + errors):
        raise refuse(f"`std_error` gives {own.size - k} numbers for {k} of the statistic")
    table = computed(Block(statistic, std_error, clusters, start, block, k), replicates, own, executor, progress, store)
    usable = ~np.isnan(table[:, :k] + table[:, k:]) if errors else ~np.isnan(table)
    names = _names(statistic, k)
    failed = np.count_nonzero(~usable, axis=0)
    _refuse_failures(failed, replicates, names, failures_allowed)
    z0 = moved = None
    if kind == "bca":
        moved = _accelerations(statistic, cluster, strata, influence, clusters, k, executor)
        z0 = np.array([intervals.bias_correction(table[usable[:, j], j], float(whole[j])) for j in range(k)])
    numbers = [
        _Number(
            values=table[usable[:, j], j],
            estimate=float(whole[j]),
            errors=table[usable[:, j], k + j] if errors else None,
            own_error=float(own[k + j]) if errors else 0.0,
            moved=None if z0 is None or moved is None else (float(z0[j]), float(moved[j])),
        )
        for j in range(k)
    ]
    limits = np.array([one.limits(kind, level) for one in numbers])
    return Bootstrap(
        names=names,
        estimate=whole,
        conf_low=limits[:, 0],
        conf_high=limits[:, 1],
        replicates=table[:, :k],
        n_failed=failed.astype(np.int64),
        conf_level=level,
        kind=kind,
        seed=start,
        n_clusters=clusters.count,
        acceleration=moved,
        bias_correction=z0,
    )


def _check_request(kind: str, replicates: int, block: int, std_error: object, failures_allowed: float) -> None:
    if kind not in KINDS:
        raise refuse(f"`kind` is one of {', '.join(KINDS)}")
    checked_sizes(replicates, block, 2)
    if (kind == "studentised") != (std_error is not None):
        raise refuse("studentised limits need `std_error`, and only they do")
    if not 0.0 <= failures_allowed < 1.0:
        raise refuse("`failures_allowed` is a share, 0 or above and below 1")


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
    scaled = np.empty_like(values)
    for low, high in clusters.ranges:  # a stratum's clusters move its mean, each by a share of its size
        scaled[low:high] = (values[low:high] - values[low:high].mean(axis=0)) / (high - low)
    return np.array([intervals.acceleration(scaled[:, j]) for j in range(k)])
