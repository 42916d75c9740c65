"""Named random streams: a seed and a name give the same numbers, whatever else is drawn and for however many clinics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from tendon_outcomes.errors import WrongUse

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Draws:
    """Random numbers for several clinics of equal size, stacked clinic by clinic.

    Each clinic has its own seed, and each named stream its own child of that seed. So clinic 7 of 1,000 is the clinic that
    its seed gives alone, and a new stream does not change an old one.
    """

    seeds: tuple[SeedSequence, ...]
    episodes: int

    @property
    def total(self) -> int:
        return len(self.seeds) * self.episodes

    def uniform(self, name: str, width: int = 1) -> Floats:
        """Uniform on [0, 1), shape (total, width)."""
        return self._stacked(name, width, lambda rng, size: rng.random(size))

    def normal(self, name: str, width: int = 1) -> Floats:
        """Standard normal, shape (total, width)."""
        return self._stacked(name, width, lambda rng, size: rng.standard_normal(size))

    def coarse(self, name: str, width: int) -> Floats:
        """Uniform in single precision, for the many draws in which the last digits do not matter."""
        return self._stacked(name, width, lambda rng, size: rng.random(size, dtype=np.float32))

    def gamma(self, name: str, shape: float) -> Floats:
        """Gamma with mean 1 and variance 1/shape, shape (total, 1)."""
        return self._stacked(name, 1, lambda rng, size: rng.standard_gamma(shape, size) / shape)

    def beta(self, name: str, a: float, b: float) -> Floats:
        """Beta(a, b), shape (total, 1)."""
        return self._stacked(name, 1, lambda rng, size: rng.beta(a, b, size))

    def _stacked(self, name: str, width: int, draw: Callable[[Generator, tuple[int, int]], Floats]) -> Floats:
        size = (self.episodes, width)
        return np.concatenate([draw(_stream(seed, name), size) for seed in self.seeds])


def clinic_seeds(seed: int, clinics: int) -> tuple[SeedSequence, ...]:
    """The seeds of clinic 1, 2, ... that `simulate_clinics` uses: the spawned children of ``seed``."""
    return tuple(seed_of(seed).spawn(clinics))


def seed_of(seed: int | SeedSequence) -> SeedSequence:
    """A seed as given on a command line, or a spawned one."""
    if isinstance(seed, SeedSequence):
        return seed
    if seed < 0:
        raise WrongUse("a seed below 0 starts no random stream", way_out="Give 0 or a whole number above it.")
    return SeedSequence(seed)


def _stream(seed: SeedSequence, name: str) -> Generator:
    # A child by name and not by `spawn`, which counts its calls and would make the numbers depend on their order.
    child = SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, crc32(name.encode())), pool_size=seed.pool_size)
    return np.random.default_rng(child)


def choose(uniform: Floats, shares: tuple[float, ...]) -> Integers:
    """Index of the category into which each uniform number falls."""
    edges = np.cumsum(np.asarray(shares, dtype=float))
    return np.minimum(np.searchsorted(edges / edges[-1], uniform, side="right"), len(shares) - 1)
