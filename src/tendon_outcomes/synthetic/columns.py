"""NumPy arrays into polars columns, with what was not recorded left empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.synthetic.draws import Flags, Floats, Integers


def whole(values: Integers | Floats, present: Flags | None = None) -> pl.Series:
    """Integers, empty where not present."""
    return _with_gaps(pl.Series(np.asarray(values).astype(np.int64, copy=False)), present)


def decimal(values: Floats, present: Flags | None = None, *, places: int = 1) -> pl.Series:
    """Numbers as a form keeps them, rounded to ``places``."""
    return _with_gaps(pl.Series(np.round(np.asarray(values, dtype=float), places)), present)


def yes_no(values: Flags, present: Flags | None = None) -> pl.Series:
    """Booleans, empty where not asked."""
    return _with_gaps(pl.Series(values), present)


def coded(labels: tuple[str, ...], index: Integers, present: Flags | None = None) -> pl.Series:
    """One of ``labels`` by its index, empty where not present."""
    return _with_gaps(pl.Series(labels).gather(pl.Series(index.astype(np.uint32))), present)


def numbered(prefix: str, number: NDArray[Any], digits: int) -> pl.Series:
    """Pseudonyms such as E0001."""
    return prefix + pl.Series(np.asarray(number).astype(np.int64)).cast(pl.String).str.zfill(digits)


def _with_gaps(series: pl.Series, present: Flags | None) -> pl.Series:
    if present is None:
        return series
    return series.zip_with(pl.Series(present), pl.Series([None], dtype=series.dtype).new_from_index(0, len(series)))
