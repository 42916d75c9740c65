"""Kaplan-Meier with limits and a restricted mean, and Aalen-Johansen of three causes, beside peers and a plain copy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measured import Figure, Line, beside, event_days, exponent, in_turn, measured, store

SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1M": 1_000_000}
KM = ("copy_three", "copy_read", "survfit", "lifelines_km", "sksurv_km", "statsmodels_km")
AJ = ("survfit.multistate", "cuminc", "sksurv_aj", "lifelines_aj")
LARGEST = {
    "lifelines_aj": 1_000,
    "survfit.multistate": 100_000,
    "cuminc": 100_000,
}  # rows; beyond, they take minutes or gigabytes


def sample(n: int) -> dict[str, np.ndarray]:
    """Whole days 1 to 364, three causes, a quarter censored."""
    rng = np.random.default_rng([n, 3])
    day, censored = event_days(rng, n, 0.0), event_days(rng, n, -1.4)
    cause = rng.choice([1.0, 2.0, 3.0], size=n, p=[0.7, 0.2, 0.1])
    return {"day": np.minimum(day, censored), "cause": np.where((day <= censored) & (day < 364.0), cause, 0.0)}


def rows() -> Iterator[Line | Figure | str]:
    with tempfile.TemporaryDirectory() as folder:
        for kind, mine, peers in (("km", "ours_km", KM), ("aj", "ours_aj", AJ)):
            yield from _kind(kind, mine, peers, Path(folder))


def _kind(kind: str, mine: str, peers: tuple[str, ...], folder: Path) -> Iterator[Line | Figure | str]:
    seconds: dict[str, dict[int, float]] = {}
    for name, n in SIZES.items():
        store(folder, sample(n))
        ours = measured(mine, folder)
        if isinstance(ours, str):
            yield f"{kind} {name}: ours: {ours}"
            continue
        seconds.setdefault("ours", {})[n] = ours.processor
        for peer in peers:
            if n > LARGEST.get(peer, n):
                continue
            found = in_turn(mine, peer, folder)
            if isinstance(found, str):
                yield f"{kind} {name}: {peer}: {found}"
                continue
            ours, theirs = found
            seconds.setdefault(peer, {})[n] = theirs.processor
            yield f"{kind} {name}", peer, ours.seconds, theirs.seconds
            yield beside(ours, theirs)
    for who, times in seconds.items():
        large = {n: time for n, time in times.items() if n >= 10_000}
        if len(large) > 1:
            grown = exponent(list(large), list(large.values()))
            yield f"  {kind}, {who}: processor's time grows as n to the {grown:.2f}, {min(large):,} to {max(large):,} rows"
