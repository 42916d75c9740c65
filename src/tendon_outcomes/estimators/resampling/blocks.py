"""Blocks of replicates: computed by whoever is free, kept where a store is given, put together in their order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.resampling.draws import Clusters, generator_of
from tendon_outcomes.estimators.resampling.executors import Executor
from tendon_outcomes.estimators.resampling.jackknife import checked_numbers
from tendon_outcomes.estimators.resampling.store import BlockStore

Progress = Callable[[int, int], object]
PROBE = 16  # replicates by which a store tells two statistics apart


class BatchedStatistic(Protocol):
    """(b, n) weight rows to (b, k) numbers; NaN where a row of weights does not determine one."""

    def __call__(self, weights: FloatArray, /) -> FloatArray: ...


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The work of one block, whose number is its task: (size, k) numbers, beside them their standard errors if there are any."""

    statistic: BatchedStatistic
    std_error: BatchedStatistic | None
    clusters: Clusters
    seed: int
    size: int
    k: int

    def __call__(self, number: int) -> tuple[int, FloatArray]:
        return number, self.values(self.clusters.drawn(generator_of(self.seed, number), self.size))

    def values(self, counts: FloatArray) -> FloatArray:
        """The numbers for the counts of clusters (b, C)."""
        weights, found = self.clusters.rows(counts), []
        for name, one in (("statistic", self.statistic), ("standard error", self.std_error)):
            if one is not None:
                table = checked_numbers(one(weights), counts.shape[0])
                if table.shape[1] != self.k:
                    raise refuse(f"the {name} gives {table.shape[1]} numbers for replicates, {self.k} for the sample")
                found.append(table)
        return np.concatenate(found, axis=1)

    def key(self, whole: FloatArray) -> str:
        """Digest of the seed, the design, the sample's own numbers and those of a few replicates drawn for nothing else.

        Of the statistic's code and data it knows only what these numbers tell.
        """
        made = hashlib.sha256(repr((self.seed, self.size, self.k, self.clusters.n, self.clusters.count)).encode())
        probe = self.values(self.clusters.drawn(generator_of(self.seed, 0, 0), min(self.size, PROBE)))
        for part in (self.clusters.first, self.clusters.member, whole, probe):
            made.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
        made.update(b"with errors" if self.std_error is not None else b"")
        return made.hexdigest()[:24]


def computed(
    work: Block, replicates: int, whole: FloatArray, executor: Executor, progress: Progress | None, store: BlockStore | None
) -> FloatArray:
    """All replicates, (replicates, k) or (replicates, 2k)."""
    n_blocks = -(-replicates // work.size)
    keys = [] if store is None else [f"{work.key(whole)}-{number:06d}" for number in range(n_blocks)]
    found = {} if store is None else _kept(store, keys, work)
    done = sum(_counted(number, work.size, replicates) for number in found)
    if progress is not None and found:
        progress(done, replicates)
    _keep_freed_memory()
    for number, values in executor.map(work, [number for number in range(n_blocks) if number not in found]):
        found[number] = values
        done += _counted(number, work.size, replicates)
        if store is not None:
            store.put(keys[number], values)
        if progress is not None:
            progress(done, replicates)
    return np.concatenate([found[number] for number in range(n_blocks)])[:replicates]


def _counted(number: int, size: int, replicates: int) -> int:
    """How many of the asked replicates a block holds."""
    return min(size, replicates - number * size)


def _kept(store: BlockStore, keys: list[str], work: Block) -> dict[int, FloatArray]:
    shape = (work.size, work.k * (1 if work.std_error is None else 2))
    blocks = {number: store.get(key) for number, key in enumerate(keys)}
    return {number: values for number, values in blocks.items() if values is not None and values.shape == shape}


def _keep_freed_memory() -> None:
    """Let the C library keep what a block frees for the next one.

    glibc gives back the top of its heap when 128 KB of it are free, until a larger piece has been freed once. Batches are just
    that large, and fetching the same pages again for every temporary doubled the time of a run.
    """
    np.empty(1 << 21)
