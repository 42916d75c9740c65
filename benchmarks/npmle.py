"""Turnbull's estimate on visits 10 to 40 days apart, beside lifelines and R's survfit, with the optimality residual reached."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measured import Figure, Line, apart, exponent, measured, store

SIZES = {"300": 300, "1k": 1_000, "10k": 10_000, "100k": 100_000}
LARGEST = {"lifelines_npmle": 10_000, "survfit.interval": 1_000}  # rows; R takes more than minutes at 10,000


def sample(n: int, *, continuous: bool) -> dict[str, np.ndarray]:
    """The interval between two visits in which a Weibull onset falls."""
    rng = np.random.default_rng([n, int(continuous)])
    gaps = rng.uniform(10.0, 40.0, size=(n, 12)) if continuous else rng.integers(10, 41, size=(n, 12)).astype(float)
    visits = np.cumsum(gaps, axis=1)
    onset = 150.0 * rng.weibull(1.3, n)
    edges = np.column_stack([np.zeros(n), visits, np.full(n, np.inf)])
    after = (visits < onset[:, None]).sum(axis=1)
    return {"left": edges[np.arange(n), after], "right": edges[np.arange(n), after + 1]}


def rows() -> Iterator[Line | Figure | str]:
    with tempfile.TemporaryDirectory() as folder:
        for continuous in (True, False):
            yield from _kind(Path(folder), continuous=continuous)


def _kind(folder: Path, *, continuous: bool) -> Iterator[Line | Figure | str]:
    times: dict[int, float] = {}
    kind = "continuous" if continuous else "whole days"
    for name, n in SIZES.items():
        if continuous and n > 10_000:
            continue
        store(folder, sample(n, continuous=continuous))
        ours = measured("ours_npmle", folder)
        row = f"npmle {name} {kind}"
        if isinstance(ours, str):
            yield f"{row}: ours: {ours}"
            continue
        times[n] = ours.seconds
        reached = f"KKT residual {ours.numbers[2]:.1e}, log-likelihood {ours.numbers[1]:.6f}"
        yield f"  {row}: {reached}, added memory {ours.added_mb:.0f} MB"
        if n == 10_000:
            yield Figure(f"npmle {name} KKT {kind}", "1e-6", max(float(ours.numbers[2]), 1e-16), 1e-6, "")
        for peer in ("lifelines_npmle", "survfit.interval"):
            if n > LARGEST[peer] or (not continuous and n > 1_000):
                continue
            theirs = measured(peer, folder, allowed=0.5)
            if isinstance(theirs, str):
                yield f"{row}: {peer}: {theirs}"
                continue
            yield row, peer, ours.seconds, theirs.seconds
            yield f"  {row}: incidence at day 84 is {apart(ours.numbers[:1], theirs.numbers):.1e} from {peer}"
    if len(times) > 1:
        grown = exponent(list(times), list(times.values()))
        yield f"  npmle {kind}: time grows as n to the {grown:.2f}, {min(times):,} to {max(times):,} rows"
