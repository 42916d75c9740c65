"""What a comparison with frozen numbers of R is made of; every `compare_*.py` beside this file builds on it.

A `compare_<area>.py` holds `SCRIPTS: dict[str, str | None]` (stem of an R script here, and the sample in data/ that it reads) and
`comparisons() -> list[Comparison]`. `discovered()` finds them all.
"""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
DATA, FROZEN = HERE / "data", HERE / "frozen"
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Comparison:
    """One frozen series of numbers and ours; NaN marks numbers that R does not give.

    Parameters
    ----------
    name
        What is compared; unique among all comparisons.
    ours, theirs
        The numbers, of one shape.
    tolerance
        The largest deviation allowed: 1e-10 for closed forms, 1e-8 for iterated coefficients, 1e-7 for their standard errors.
        A looser one needs a reason.
    reason
        Why R cannot be met more closely, where `tolerance` is looser than 1e-7.
    """

    name: str
    ours: np.ndarray
    theirs: np.ndarray
    tolerance: float = TOLERANCE
    reason: str = ""

    @property
    def compared(self) -> int:
        return int(np.count_nonzero(~np.isnan(self.theirs)))

    def deviations(self) -> np.ndarray:
        """|ours - theirs| / max(1, |theirs|) where R has a number; two infinities agree; a NaN of ours is infinitely far off."""
        known = ~np.isnan(self.theirs)
        ours, theirs = self.ours[known], self.theirs[known]
        with np.errstate(invalid="ignore"):
            difference = np.where(ours == theirs, 0.0, np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs)))
        return np.where(np.isnan(difference), np.inf, difference)

    @property
    def off(self) -> int:
        """How many numbers are off by more than the tolerance; all of them when the shapes differ."""
        if self.ours.shape != self.theirs.shape:
            return max(1, self.compared)
        return int(np.count_nonzero(self.deviations() > self.tolerance))


def frozen(stem: str) -> dict[str, Any]:
    """The frozen numbers of one script, with the versions and hashes that they belong to."""
    content: dict[str, Any] = json.loads((FROZEN / f"{stem}.json").read_text(encoding="utf-8"))
    return content


def columns(name: str) -> dict[str, np.ndarray]:
    """A sample in data/ as columns; an empty cell is infinity (an open right end)."""
    with (DATA / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([float(row[key]) if row[key] else np.inf for row in rows]) for key in rows[0]}


def series(
    name: str, theirs: Mapping[str, Any], ours: Mapping[str, Any], missing: float = np.nan, tolerance: float = TOLERANCE
) -> list[Comparison]:
    """Pairs by key; null in the frozen file is `missing`. Keys `day` and `gap` may stay without a counterpart, no other may."""
    pairs = []
    for key, values in theirs.items():
        if key in ours:
            numbers = numbers_of(values, missing)
            pairs.append(Comparison(f"{name}: {key}", np.atleast_1d(np.asarray(ours[key], dtype=np.float64)), numbers, tolerance))
    unmet = set(theirs) - set(ours) - {"gap", "day"}
    if unmet:
        raise KeyError(f"{name}: frozen series without a counterpart: {sorted(unmet)}")
    return pairs


def numbers_of(values: Any, missing: float = np.nan) -> np.ndarray:
    """A frozen series as floats, a matrix as a matrix; R's null, "NA" and "NaN" are `missing`, "Inf" is infinity."""
    words = {"NA": missing, "NaN": missing, "Inf": np.inf, "-Inf": -np.inf}
    if not isinstance(values, list):
        number = missing if values is None else words[values] if isinstance(values, str) else float(values)
        return np.atleast_1d(np.array(number, dtype=np.float64))
    if values and isinstance(values[0], list):
        return np.array([numbers_of(row, missing) for row in values])
    return np.array([numbers_of(value, missing)[0] for value in values], dtype=np.float64)


def discovered() -> tuple[dict[str, ModuleType], dict[str, str]]:
    """The module of every `compare_<area>.py` by area, and what stops the others from being read."""
    modules, faults = {}, {}
    for stem in sorted(path.stem for path in HERE.glob("compare_*.py")):
        area = stem.removeprefix("compare_")
        try:
            modules[area] = importlib.import_module(f"tests.reference.{stem}")
        except Exception as error:  # one area that cannot be read is a line of the table, not the end of it
            faults[area] = f"{type(error).__name__}: {error}"
    return modules, faults
