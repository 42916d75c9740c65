"""Events and risk sets on a grid of days for many weight rows at once: sorted once, summed for every replicate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import (
    EMPTY_SHARE,
    TIE_TOLERANCE,
    FloatArray,
    IntArray,
    one_dimensional,
    refuse,
    tie_classes,
)
from tendon_outcomes.estimators.resampling.draws import known_labels
from tendon_outcomes.estimators.resampling.sums import ColumnSums, sums_from_the_end
from tendon_outcomes.estimators.risk_table import risk_table


class DayTotals(NamedTuple):
    """b replicates, G groups, K causes, m grid days: `events` (b, G, K, m), `at_risk` (b, G, m), `followed` (b, G, m).

    `followed` is the weight of those who leave on the day or later, whenever they entered: 0 means that nobody was followed so
    far. Without delayed entry it is `at_risk`.
    """

    events: FloatArray
    at_risk: FloatArray
    followed: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class DayGrid:
    """Days on which something happens or is asked for, and the sums that place every row on them.

    Rows that leave between two grid days leave at the earlier of them, after its events: nobody counts the difference.
    """

    time: FloatArray
    groups: tuple[object, ...]
    n_causes: int
    n: int
    exits: ColumnSums  # onto (G, K + 1, m); cause 0 is censoring
    entries: ColumnSums | None  # onto (G, m + 1): the first grid day on which the row is at risk
    asked: IntArray  # grid number of every asked day

    def last_days(self) -> IntArray:
        """The grid day on which each row is counted out; -1 for a row that leaves before the first."""
        place = np.full(self.n, -1, dtype=np.int64)
        ends = np.append(self.exits.starts, self.exits.order.size)
        place[self.exits.order] = np.repeat(self.exits.filled % self.time.size, np.diff(ends))
        return place

    def totals(self, weights: FloatArray) -> DayTotals:
        """Sums for the weight rows (b, n)."""
        return self.totals_of_ordered(np.take(weights, self.exits.order, axis=1), weights)

    def totals_of_ordered(self, ordered: FloatArray, weights: FloatArray | None = None) -> DayTotals:
        """The same from weights whose columns are in `exits.order`; `weights` are needed only with delayed entry."""
        b, g, k, m = ordered.shape[0], len(self.groups), self.n_causes, self.time.size
        counts = self.exits.of_ordered(ordered).reshape(b, g, k + 1, m)
        followed = sums_from_the_end(counts.sum(axis=2))
        if self.entries is None or weights is None:
            return DayTotals(counts[:, :, 1:], followed, followed)
        later = sums_from_the_end(self.entries(weights).reshape(b, g, m + 1))
        at_risk = followed - later[..., 1:]
        at_risk[at_risk < EMPTY_SHARE * np.maximum(followed[..., :1], 1e-300)] = 0.0
        return DayTotals(counts[:, :, 1:], at_risk, followed)


def day_grid(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    group: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
    asked: npt.ArrayLike = (),
    n_causes: int | None = None,
) -> DayGrid:
    """Check a right-censored sample as Kaplan-Meier does and put it on the days with an event or a question.

    time, cause, entry: as in `aalen_johansen`. group: labels of the rows, sorted into groups. asked: days whose risk sets are
    wanted besides those with an event; n_causes: K when the largest may be absent.
    """
    cause = np.asarray(cause).astype(np.int64) if np.asarray(cause).dtype == np.bool_ else cause
    table = risk_table(time=time, cause=cause, n_causes=n_causes, entry=entry, weight=None, robust=None)
    exits, code = one_dimensional("time", time), np.asarray(cause).astype(np.int64)
    labels, member = _groups(group, exits.size)
    questions = np.atleast_1d(one_dimensional("asked", np.atleast_1d(asked)))
    if not (np.isfinite(questions).all() and (questions >= 0.0).all()):
        raise refuse("a day that is asked for is negative, missing or not finite")
    days, exit_class, entry_class = _classes(exits, entry)
    slack = TIE_TOLERANCE * max(1.0, float(days.mean()))
    grid = _grid(days, exit_class[code > 0], questions, slack)
    place = np.searchsorted(grid, days + slack, side="right") - 1  # -1: leaves before the first grid day
    k, m = table.n_events.shape[0], grid.size
    number = np.where(place[exit_class] >= 0, (member * (k + 1) + code) * m + place[exit_class], -1)
    entries = None
    if entry_class is not None:
        first = np.searchsorted(grid, days[entry_class] + slack, side="right")  # the first grid day after the entry
        # Who passes between two grid days is at risk on none: it comes only after the grid day that it is counted out on.
        first = np.minimum(first, place[exit_class] + 1)
        entries = ColumnSums.by(np.where(number < 0, -1, member * (m + 1) + first), len(labels) * (m + 1))
    return DayGrid(
        time=grid,
        groups=labels,
        n_causes=k,
        n=exits.size,
        exits=ColumnSums.by(number, len(labels) * (k + 1) * m),
        entries=entries,
        asked=np.searchsorted(grid, questions + slack, side="right") - 1,
    )


def _groups(group: npt.ArrayLike | None, n: int) -> tuple[tuple[object, ...], IntArray]:
    if group is None:
        return ("all",), np.zeros(n, dtype=np.int64)
    labels = known_labels("group", group)
    if labels.shape != (n,):
        raise refuse(f"`group` has shape {labels.shape} for {n} rows")
    values, member = np.unique(labels, return_inverse=True)
    return tuple(values.tolist()), member.astype(np.int64)


def _classes(exits: FloatArray, entry: npt.ArrayLike | None) -> tuple[FloatArray, IntArray, IntArray | None]:
    start = None if entry is None else one_dimensional("entry", entry)
    if start is None or not start.any():
        days, (exit_class,) = tie_classes(exits)
        return days, exit_class, None
    days, (exit_class, entry_class) = tie_classes(exits, start)
    return days, exit_class, entry_class


def _grid(days: FloatArray, event_class: IntArray, asked: FloatArray, slack: float) -> FloatArray:
    """Event days, and asked days that are none of them; never empty."""
    happened = days[np.unique(event_class)]
    if happened.size == 0:
        return np.unique(asked) if asked.size else days[-1:]
    nearest = np.searchsorted(happened, asked + slack, side="right") - 1
    new = (nearest < 0) | (np.abs(happened[np.maximum(nearest, 0)] - asked) > slack)
    return np.unique(np.concatenate([happened, asked[new]]))
