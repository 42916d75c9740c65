"""Cox's model, exact Efron, beside R's coxph() and its core coxph.fit, lifelines, scikit-survival and statsmodels.

Whole days (many ties) from 300 to 1,000,000 rows with 5 and 20 covariates, and continuous times; time, added memory,
agreement, and how time grows with rows. Each peer runs in a fresh process on the same stored sample.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measured import Figure, Line, beside, event_days, exponent, in_turn, store

SIZES = {"300": 300, "10k": 10_000, "100k": 100_000, "1M": 1_000_000}
SLOW = ("lifelines_cox", "sksurv_cox", "statsmodels_cox")
PEERS = ("coxph", "coxph.fit", *SLOW)


def sample(n: int, p: int, *, whole: bool = True) -> dict[str, np.ndarray]:
    """Proportional hazards: about a quarter censored, half of the covariates binary."""
    rng = np.random.default_rng([n, p, int(whole)])
    x = rng.normal(size=(n, p))
    x[:, ::2] = x[:, ::2] > 0.3
    day = event_days(rng, n, x @ np.linspace(0.4, -0.4, p), whole=whole)
    censored = event_days(rng, n, -2.0, whole=whole)
    return {"day": np.minimum(day, censored), "event": (day <= censored) & (day < 364.0), "x": x}


def rows() -> Iterator[Line | Figure | str]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _whole_days(Path(folder))
        yield from _continuous(Path(folder))


def _whole_days(folder: Path) -> Iterator[Line | Figure | str]:
    seconds: dict[tuple[str, int], dict[int, float]] = {}
    for p in (5, 20):
        for name, n in SIZES.items():
            store(folder, sample(n, p))
            peers = PEERS if n < 1_000_000 else (*PEERS[:2], *(("lifelines_cox",) if p == 20 else ()))
            for peer, line in _compared(f"cox {name} x {p}", folder, peers):
                yield line
                if isinstance(line, tuple):
                    seconds.setdefault(("ours", p), {})[n] = line[2]
                    seconds.setdefault((peer, p), {})[n] = line[3]
    for (who, p), times in seconds.items():
        large = {n: time for n, time in times.items() if n >= 10_000}
        if len(large) > 1:
            yield f"  {who}, p={p}: time grows as n to the {exponent(list(large), list(large.values())):.2f}, {_span(large)}"


def _continuous(folder: Path) -> Iterator[Line | Figure | str]:
    store(folder, sample(100_000, 20, whole=False))
    for _, line in _compared("cox continuous 100k x 20", folder, PEERS[:2]):
        yield line


def _compared(row: str, folder: Path, peers: tuple[str, ...]) -> Iterator[tuple[str, Line | Figure | str]]:
    for peer in peers:
        found = in_turn("ours_cox", peer, folder)
        if isinstance(found, str):
            yield peer, f"{row}: {peer}: {found}"
            continue
        ours, theirs = found
        if row == "cox 300 x 5" and peer == peers[0]:
            yield "1 ms", (row, "1 ms", ours.seconds, 1e-3)
        yield peer, (row, peer, ours.seconds, theirs.seconds)
        yield peer, beside(ours, theirs)
        if row == "cox 1M x 20" and peer == "coxph":
            yield peer, Figure(row.replace("cox", "cox memory"), peer, ours.added_mb, theirs.added_mb, "MB")


def _span(times: dict[int, float]) -> str:
    return f"{min(times):,} to {max(times):,} rows"
