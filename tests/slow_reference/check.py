"""What a comparison with a slow, obvious second implementation is made of; run.py runs all that `checks_*.py` declare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from tendon_outcomes.errors import EstimationRefused, NotConverged

S = TypeVar("S")
REFUSALS = (EstimationRefused, NotConverged)


@dataclass(frozen=True)
class Deviation:
    """One number that the estimator and the slow reference do not share."""

    what: str
    ours: float
    slow: float


@dataclass
class Tally:
    """How many numbers `deviations` has compared in this process: a check that compares nothing must be seen to."""

    numbers: int = 0


TALLY = Tally()


@dataclass(frozen=True)
class Check(Generic[S]):
    """An estimator beside its slow reference: how a small sample is drawn, and what differs on it.

    Parameters
    ----------
    name
        What is compared; unique among all checks.
    draw
        A small sample, heavy with ties and edge cases, made from the generator alone.
    compare
        The deviations found on a sample; empty when all numbers agree, and when both refuse.
    share
        How many samples this check gets beside the others; below 1 for a slow one.
    """

    name: str
    draw: Callable[[np.random.Generator], S]
    compare: Callable[[S], list[Deviation]]
    share: float = field(default=1.0)


def deviations(what: str, ours: Any, slow: Any, tolerance: float = 1e-9) -> list[Deviation]:
    """Numbers that differ by more than `tolerance` times max(1, |slow|); NaN agrees with NaN and an infinity with the same one.

    Scalars or arrays (booleans, integers, fractions and None for NaN too). Different shapes are one deviation.
    """
    mine, theirs = _numbers(ours), _numbers(slow)
    TALLY.numbers += theirs.size
    if mine.shape != theirs.shape:
        return [Deviation(f"{what}: shape {mine.shape} against {theirs.shape}", float(mine.size), float(theirs.size))]
    with np.errstate(invalid="ignore"):
        close = np.abs(mine - theirs) <= tolerance * np.maximum(1.0, np.abs(theirs))
    same = close & np.isfinite(mine) & np.isfinite(theirs) | (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
    return [
        Deviation(f"{what}{list(map(int, place)) if place else ''}", float(mine[place]), float(theirs[place]))
        for place in map(tuple, np.argwhere(~same))
    ]


def refused(work: Callable[[], object]) -> bool:
    """Whether a call is refused (or does not converge); anything else that it raises is raised."""
    try:
        work()
    except REFUSALS:
        return True
    return False


def both_refuse(what: str, ours: Callable[[], object], slow: Callable[[], object]) -> list[Deviation]:
    """A deviation when one of the two refuses and the other does not."""
    mine, theirs = refused(ours), refused(slow)
    return [] if mine == theirs else [Deviation(f"{what}: refused", float(mine), float(theirs))]


def _numbers(values: Any) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)
    if isinstance(values, Sequence) and not isinstance(values, str):
        return np.array([_numbers(value) for value in values], dtype=np.float64)
    return np.asarray(np.nan if values is None else float(values), dtype=np.float64)
