"""The jackknife by cluster: every cluster left out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.resampling.draws import Clusters, clusters_of
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor

Statistic = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Jackknife:
    """k estimates with the C values that leave one cluster out; `influence` (C, k) is what each cluster adds."""

    estimate: FloatArray
    left_out: FloatArray = field(repr=False)
    influence: FloatArray = field(repr=False)
    std_error: FloatArray
    bias: FloatArray


def checked_numbers(values: FloatArray, b: int) -> FloatArray:
    """The (b, k) numbers of a statistic; infinite ones are no estimates and refuse."""
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[0] != b or table.shape[1] == 0:
        raise refuse(f"the statistic gives an array of shape {table.shape} for {b} rows of weights")
    if np.isinf(table).any():
        raise refuse("the statistic gives infinite numbers", way_out="Return NaN where a sample has no estimate.")
    return table


def estimates_of(statistic: Statistic, clusters: Clusters) -> FloatArray:
    """The statistic of the sample as it is; refuses when it has none."""
    numbers = checked_numbers(statistic(np.ones((1, clusters.n))), 1)[0]
    missing = int(np.count_nonzero(np.isnan(numbers)))
    if missing:
        raise refuse(f"{missing} of {numbers.size} numbers of the statistic do not exist in the sample itself")
    return np.asarray(numbers)


@dataclass(frozen=True, slots=True, eq=False)
class _Leaving:
    statistic: Statistic
    clusters: Clusters
    block: int

    def __call__(self, number: int) -> tuple[int, FloatArray]:
        out = np.arange(number * self.block, min((number + 1) * self.block, self.clusters.count))
        weights = np.ones((out.size, self.clusters.count))
        weights[np.arange(out.size), out] = 0.0
        return number, checked_numbers(self.statistic(self.clusters.rows(weights)), out.size)


def jackknife(
    statistic: Statistic,
    *,
    cluster: npt.ArrayLike | int | None = None,
    strata: npt.ArrayLike | None = None,
    block: int = 16,
    executor: Executor = SERIAL,
) -> Jackknife:
    """Standard error and bias of any smooth statistic from leaving out one cluster at a time.

    Estimand
        The variance and the bias of the statistic over clusters drawn like these.
    Estimator
        Var = sum_s (C_s - 1)/C_s sum_{c in s} (t_(-c) - mean_s)^2; bias = sum_s (C_s - 1)(mean_s - t). Influence of a cluster:
        (C_s - 1)(mean_s - t_(-c)).
    Interval
        None; it serves BCa limits, and standard errors.
    Conventions
        A statistic that is missing without one of the clusters is refused: it hangs on that cluster.
    Assumes
        Independent clusters; a smooth statistic.
    Not for
        Quantiles of the sample, extremes.
    Parameters
        As in `bootstrap`.
    Returns
        Jackknife; clusters stratum by stratum in sorted order of their labels.
    References
        Efron & Tibshirani (1993) An Introduction to the Bootstrap, eqs 11.4-11.5; Davison & Hinkley (1997), eqs 2.42-2.44.
    Checked
        Exact (the mean: its standard error is s / sqrt(n)), reference (R, plain loops): tests/estimators/test_bootstrap.py.
    """
    clusters = clusters_of(cluster, strata, getattr(statistic, "n", None))
    whole = estimates_of(statistic, clusters)
    work = _Leaving(statistic, clusters, block)
    parts = dict(executor.map(work, list(range(-(-clusters.count // block)))))
    left_out = np.concatenate([parts[number] for number in sorted(parts)])
    missing = int(np.count_nonzero(np.isnan(left_out).any(axis=1)))
    if missing:
        raise refuse(
            f"without {missing} of the {clusters.count} clusters, one at a time, the statistic does not exist",
            way_out="The estimate hangs on single patients; report counts.",
        )
    influence, variance, bias = np.empty_like(left_out), np.zeros(whole.size), np.zeros(whole.size)
    for low, high in clusters.ranges:
        size, mean = high - low, left_out[low:high].mean(axis=0)
        influence[low:high] = (size - 1) * (mean - left_out[low:high])
        variance += np.sum(influence[low:high] ** 2, axis=0) / (size * (size - 1))
        bias += (size - 1) * (mean - whole)
    return Jackknife(whole, left_out, influence, np.sqrt(variance), bias)
