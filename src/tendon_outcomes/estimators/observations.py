"""Rows at the door: checked once, refused with a count, and never with a value.

Whatever is read here comes out as plain arrays: times, weights, codes and labels, and the classes of times that are one day.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import EstimationRefused

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# Two times are one day when they differ by no more than this, absolutely or as a share of the mean time: the rule (and the
# number) of aeqSurv in R's survival, so that days, days/7 and days/365.25 have the same ties.
TIE_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))

# A risk set or a remainder below this share of all weight is rounding left by fractional weights, not people.
EMPTY_SHARE = 1e-12

# Codes above this are no numbering of causes but a code for "missing", or a column in the wrong place.
MOST_CAUSES = 1000


class NoSuchGroup(EstimationRefused, KeyError):
    """A group that was not fitted; a KeyError too, so that `in` and `get` of the fits by group answer as those of a dict."""


def no_such_group(label: object, labels: Iterable[object]) -> NoSuchGroup:
    """The exception for a label that no fit has."""
    return NoSuchGroup(f"there is no group {label!r}", way_out=f"Groups: {', '.join(map(str, labels))}.")


def refuse(reason: str, way_out: str = "") -> EstimationRefused:
    """The exception for an input that has no estimate."""
    return EstimationRefused(reason, way_out=way_out)


def refuse_rows(wrong: BoolArray, what: str) -> None:
    """Refuse with the number of rows that are wrong, if any is."""
    count = int(np.count_nonzero(wrong))
    if count:
        raise refuse(f"{count} of {wrong.size} rows {what}")


def one_dimensional(name: str, values: npt.ArrayLike, *, truth_values: bool = True) -> FloatArray:
    """The values as a float vector; refuses another shape, and what is not numbers (or, on demand, truth values)."""
    array = _numbers(name, values, truth_values=truth_values)
    if array.ndim != 1:
        raise refuse(f"`{name}` has {array.ndim} dimensions where one number a row is expected")
    return array


def _numbers(name: str, values: npt.ArrayLike, *, truth_values: bool = True) -> FloatArray:
    """The values as floats, None as NaN. Text and dates are refused: that "7" can be read as 7 does not make it a number."""
    try:
        raw = np.asarray(values)
    except ValueError:
        raise refuse(f"`{name}` has rows of different lengths") from None
    if raw.dtype.kind == "O" and all(value is None or isinstance(value, (int, float, np.number)) for value in raw.flat):
        raw = raw.astype(np.float64)
    if raw.dtype.kind not in "biuf":
        raise refuse(f"`{name}` is not made of numbers")
    if raw.dtype.kind == "b" and not truth_values:
        raise refuse(f"`{name}` is made of truth values where times are expected", way_out="Is it in the place of the event?")
    return np.asarray(raw, dtype=np.float64)


def checked_weights(weight: npt.ArrayLike | None, n: int) -> FloatArray:
    """Finite, non-negative weights, one a row, not all zero; ones when none are given."""
    if weight is None:
        return np.ones(n)
    array = one_dimensional("weight", weight)
    if array.size != n:
        raise refuse(f"`weight` has {array.size} values for {n} rows")
    wrong = int(np.count_nonzero(~np.isfinite(array) | (array < 0.0)))
    if wrong:
        raise refuse(f"{wrong} of {n} weights are negative, missing or not finite")
    largest = float(array.max(initial=0.0))
    if largest == 0.0:
        raise refuse("every weight is zero")
    if not 1e-100 < largest < 1e100:
        raise refuse("the weights are too large or too small to be squared and summed", way_out="Divide them by their mean.")
    return array


def checked_labels(labels: npt.ArrayLike, n: int, name: str) -> npt.NDArray[np.generic]:
    """One label a row, none missing, all of one kind (numbers, text, truth values, dates) so that they can be sorted."""
    try:
        array = np.asarray(labels)
    except ValueError:
        raise refuse(f"`{name}` has rows of different lengths") from None
    if array.ndim != 1:
        raise refuse(f"`{name}` has {array.ndim} dimensions where one label a row is expected")
    if array.size != n:
        raise refuse(f"`{name}` has {array.size} values for {n} rows")
    if array.dtype.kind == "O":
        values = array.tolist()
        refuse_rows(
            np.array([value is None or (isinstance(value, float) and isnan(value)) for value in values], dtype=np.bool_),
            f"have no `{name}`",
        )
        if len({float if isinstance(value, (int, float, np.number)) else type(value) for value in values}) > 1:
            raise refuse(f"the values of `{name}` are of more than one kind, and cannot be sorted")
        array = np.asarray(values)
    if array.dtype.kind in "fcmM":
        refuse_rows(np.isnan(array), f"have no `{name}`")
    return array


def checked_level(conf_level: float) -> float:
    """A confidence level strictly between 0 and 1."""
    if not 0.0 < conf_level < 1.0:
        raise refuse("`conf_level` must lie strictly between 0 and 1, for instance 0.95")
    return float(conf_level)


def checked_days(days: npt.ArrayLike) -> FloatArray:
    """Days asked for, of any shape; refuses missing ones."""
    day = _numbers("days", days)
    if np.isnan(day).any():
        raise refuse(f"{int(np.count_nonzero(np.isnan(day)))} of {day.size} days are missing")
    return day


def are_copies(weight: FloatArray) -> bool:
    """Whether every weight is a whole number, hence read as that many copies of the row."""
    return bool(np.array_equal(weight, np.rint(weight)))


def summed_by(index: IntArray, values: FloatArray | None, size: int) -> FloatArray:
    """Sum of `values` (or the count) for each of the indices 0 to size - 1."""
    return np.asarray(np.bincount(index, weights=values, minlength=size)[:size], dtype=np.float64)


def tie_classes(*times: FloatArray) -> tuple[FloatArray, tuple[IntArray, ...]]:
    """Distinct times under the tie rule, and for each vector the position of its times among them.

    A run of times each within the tolerance of the one before is one time, named by its smallest member (aeqSurv in R).
    """
    distinct = np.unique(np.concatenate(times)) if len(times) > 1 else np.unique(times[0])
    if distinct.size > 1:
        step = np.diff(distinct)
        mean = float(np.mean(np.abs(distinct)))
        apart = (step > TIE_TOLERANCE) & (step > TIE_TOLERANCE * mean)
        if not apart.all():
            distinct = distinct[np.concatenate(([True], apart))]
    return distinct, tuple(np.searchsorted(distinct, t, side="right").astype(np.int64) - 1 for t in times)


def checked_causes(cause: npt.ArrayLike, n: int, n_causes: int | None) -> IntArray:
    """Event codes, 0 for censored and 1, 2, … for the causes, no more of them than `n_causes`."""
    raw = np.asarray(cause)
    if raw.dtype.kind not in "bi":
        raw = _numbers("the event codes", cause)
    if raw.shape != (n,):
        raise refuse(f"the event codes have shape {raw.shape} for {n} rows")
    if raw.dtype.kind == "f":
        broken = int(np.count_nonzero(~np.isfinite(raw) | (raw != np.rint(raw))))
        if broken:
            raise refuse(f"{broken} of {n} event codes are missing or not whole numbers")
    largest = MOST_CAUSES if n_causes is None else n_causes
    if int(raw.min()) < 0 or int(raw.max()) > largest:
        wrong = int(np.count_nonzero((raw < 0) | (raw > largest)))
        raise refuse(f"{wrong} of {n} event codes are outside 0 to {largest}")
    return np.asarray(raw, dtype=np.int64)


def checked_times(exit_time: FloatArray, entry: npt.ArrayLike | None) -> FloatArray | None:
    """The entry times, or None when nobody enters late; refuses impossible times and rows without any time at risk."""
    n = exit_time.size
    # One pass each for the usual case; a NaN comes through min and fails the comparison.
    if not (float(exit_time.min()) >= 0.0 and float(exit_time.max()) < np.inf):
        wrong = int(np.count_nonzero(~np.isfinite(exit_time) | (exit_time < 0.0)))
        raise refuse(f"{wrong} of {n} times are negative, missing or not finite")
    if entry is None:
        return None
    entry_time = one_dimensional("entry", entry, truth_values=False)
    if entry_time.size != n:
        raise refuse(f"`entry` has {entry_time.size} values for {n} rows")
    wrong = int(np.count_nonzero(~np.isfinite(entry_time) | (entry_time < 0.0) | (entry_time >= exit_time)))
    if wrong:
        raise refuse(f"{wrong} of {n} rows enter at or after their exit, or have a negative or missing entry")
    return entry_time if entry_time.any() else None
