"""Samples that every peer reads from the same files, and measurements of peers in fresh processes, in turn."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
R_TASKS = ("coxph", "coxph.fit", "survfit", "survfit.multistate", "cuminc", "survfit.interval")
SECONDS = 5.0  # a peer whose call takes longer is measured in one round
LONG = 900.0  # seconds after which a peer is stopped


Line = tuple[str, str, float, float]


@dataclass(frozen=True)
class Figure:
    """A row in another unit than time: smaller is better here too."""

    row: str
    peer: str
    ours: float
    theirs: float
    unit: str


@dataclass(frozen=True)
class Measured:
    """Median seconds of a call by the clock and of the processor, MB added to the process at its peak, numbers found."""

    seconds: float
    processor: float
    added_mb: float
    numbers: np.ndarray


def store(folder: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Columns as doubles in files of their own; a matrix column by column."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in columns.items():
        np.asfortranarray(values, dtype=np.float64).ravel(order="F").tofile(folder / name)
    sizes = {name: int(values.size) for name, values in columns.items()}
    (folder / "sample.json").write_text(json.dumps({"columns": sizes}), encoding="utf-8")


def measured(task: str, folder: Path, allowed: float = 2.0) -> Measured | str:
    """One task in a process of its own, repeated for about `allowed` seconds; a sentence where the peer cannot be measured."""
    if task in R_TASKS:
        rscript = shutil.which("Rscript")
        if rscript is None:
            return "R is not installed"
        command = [rscript, str(HERE / "peers.R")]
    else:
        command = [sys.executable, str(HERE / "peers.py")]
    try:
        done = subprocess.run(
            [*command, task, str(folder), str(allowed)], capture_output=True, text=True, check=False, timeout=LONG
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {LONG:.0f} s"
    if done.returncode:
        told = [line for line in done.stderr.strip().splitlines() if "Error" in line] or ["ended without a word"]
        return told[-1].strip()[:150]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    numbers = np.atleast_1d(np.array(told["numbers"], dtype=np.float64))
    seconds, processor, added = (float(np.ravel(told[name])[0]) for name in ("seconds", "processor", "added_mb"))
    return Measured(seconds, processor, added, numbers)


def in_turn(mine: str, peer: str, folder: Path, *, rounds: int = 3, allowed: float = 1.0) -> tuple[Measured, Measured] | str:
    """Ours and a peer's in turn, medians over `rounds`, so that a busy moment meets both; one round for calls of seconds."""
    ours: list[Measured] = []
    theirs: list[Measured] = []
    for _ in range(rounds):
        pair = [measured(mine, folder, allowed), measured(peer, folder, allowed)]
        for who, one in zip((mine, peer), pair, strict=True):
            if isinstance(one, str):
                return f"{who}: {one}"
        ours += [one for one in pair[:1] if isinstance(one, Measured)]
        theirs += [one for one in pair[1:] if isinstance(one, Measured)]
        if theirs[-1].seconds > SECONDS:
            break
    return _median(ours), _median(theirs)


def beside(ours: Measured, theirs: Measured) -> str:
    """What a row's time does not tell: the ratio of the processor's times, how far the numbers are apart, memory."""
    times = f"processor {theirs.processor / max(ours.processor, 1e-9):.2f}"
    memory = f"added MB {ours.added_mb:.1f} and {theirs.added_mb:.1f}"
    return f"    {times}; {memory}" + (
        f"; numbers {apart(ours.numbers, theirs.numbers):.1e} apart" if theirs.numbers.size else ""
    )


def _median(found: Sequence[Measured]) -> Measured:
    middle = [float(np.median([getattr(one, name) for one in found])) for name in ("seconds", "processor", "added_mb")]
    return Measured(*middle, numbers=found[0].numbers)


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference between the numbers that both give."""
    n = min(ours.size, theirs.size)
    return float(np.abs(ours[:n] - theirs[:n]).max()) if n else math.nan


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log seconds on log size."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def event_days(rng: np.random.Generator, n: int, log_hazard: np.ndarray | float, *, whole: bool = True) -> np.ndarray:
    """Weibull times (shape 1.3) under proportional hazards, whole days 1 to 364 where `whole`."""
    time = 150.0 * (rng.exponential(size=n) / np.exp(log_hazard)) ** (1 / 1.3)
    return np.clip(np.ceil(time), 1.0, 364.0) if whole else np.maximum(time, 1e-9)
