"""Rows in groups and strata, reduced to who is at risk and who has an event on each day: what the tests between groups share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.observations import (
    EMPTY_SHARE,
    MOST_CAUSES,
    FloatArray,
    IntArray,
    are_copies,
    checked_labels,
    checked_weights,
    one_dimensional,
    refuse,
    refuse_rows,
    summed_by,
    tie_classes,
)
from tendon_outcomes.estimators.risk_table import at_risk_between


@dataclass(frozen=True, slots=True, eq=False)
class RiskSets:
    """n rows in G groups over C cells. A cell is a distinct exit day of one stratum; cells are in order of stratum, then day.

    A row is at risk in the cells `first_cell` to `exit_cell` and leaves by `cause` (0 = censored). `stratum_start` holds the
    first cell of each stratum, and C at its end. Rows of weight 0 are left out. `robust` says that weights are not copies.
    """

    groups: tuple[object, ...]
    stratum_start: IntArray  # (S + 1,)
    n_at_risk: FloatArray  # (G, C)
    n_events: FloatArray  # (K, G, C)
    n: FloatArray  # (G,) weight of each group
    group: IntArray
    cause: IntArray
    first_cell: IntArray
    exit_cell: IntArray
    weight: FloatArray
    cluster: IntArray | None
    robust: bool

    @property
    def n_strata(self) -> int:
        return self.stratum_start.size - 1

    def left_limit(self, step: FloatArray) -> FloatArray:
        """Value just before each cell of the product of `step` within its stratum: 1 in the first cell."""
        before = np.ones_like(step)
        for first, end in zip(self.stratum_start[:-1], self.stratum_start[1:], strict=True):
            before[..., first + 1 : end] = np.cumprod(step[..., first : end - 1], axis=-1)
        return before


def risk_sets(
    *,
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    n_causes: int | None,
    group: npt.ArrayLike,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    robust: bool | None = None,
    code_name: str = "cause",
) -> RiskSets:
    """Check the rows of a test between groups and reduce them to cells. Refuses a sample with fewer than two groups."""
    exit_time = one_dimensional("time", time, truth_values=False)
    n = exit_time.size
    if n == 0:
        raise refuse("there are no rows")
    refuse_rows(~np.isfinite(exit_time) | (exit_time < 0.0), "have a negative, missing or infinite time")
    code = checked_codes(cause, n, code_name, n_causes)
    entry_time = None if entry is None else _checked_entry(entry, exit_time)
    weights = checked_weights(weight, n)
    labels, layers = checked_labels(group, n, "group"), None if strata is None else checked_labels(strata, n, "strata")
    unit = None if cluster is None else checked_clusters(cluster, n)
    by_weight = _variance_rule(weights, robust, clustered=unit is not None)
    kept = weights > 0.0
    if not kept.all():
        exit_time, code, weights, labels = exit_time[kept], code[kept], weights[kept], labels[kept]
        entry_time = None if entry_time is None else entry_time[kept]
        layers = None if layers is None else layers[kept]
        unit = None if unit is None else unit[kept]
    groups, member = np.unique(labels, return_inverse=True)
    if groups.size < 2:
        raise refuse("all rows with a weight above 0 are in one group", way_out="A test between groups needs two.")
    first_cell, exit_cell, stratum_start = _cells(exit_time, entry_time, layers)
    n_cells, n_groups, k = int(stratum_start[-1]), groups.size, int(code.max(initial=0)) if n_causes is None else n_causes
    leaving = summed_by((code * n_groups + member) * n_cells + exit_cell, weights, (k + 1) * n_groups * n_cells)
    leaving = leaving.reshape(k + 1, n_groups, n_cells)
    return RiskSets(
        groups=tuple(groups.tolist()),
        stratum_start=stratum_start,
        n_at_risk=_at_risk(member * n_cells + first_cell, weights, leaving.sum(axis=0)),
        n_events=leaving[1:],
        n=summed_by(member, weights, n_groups),
        group=member.astype(np.int64),
        cause=code,
        first_cell=first_cell,
        exit_cell=exit_cell,
        weight=weights,
        cluster=unit,
        robust=by_weight,
    )


def checked_codes(codes: npt.ArrayLike, n: int, name: str, largest: int | None) -> IntArray:
    """One whole number a row, 0 up to `largest`."""
    values = one_dimensional(name, codes)
    if values.size != n:
        raise refuse(f"`{name}` has {values.size} values for {n} rows")
    bound = MOST_CAUSES if largest is None else largest
    wrong = ~np.isfinite(values) | (values != np.rint(values)) | (values < 0.0) | (values > bound)
    allowed = f"the whole numbers 0 to {bound}"
    refuse_rows(wrong, f"have a wrong `{name}`: not one of {allowed}")
    return values.astype(np.int64)


def _checked_entry(entry: npt.ArrayLike, exit_time: FloatArray) -> FloatArray:
    array = one_dimensional("entry", entry, truth_values=False)
    if array.size != exit_time.size:
        raise refuse(f"`entry` has {array.size} values for {exit_time.size} rows")
    refuse_rows(
        ~np.isfinite(array) | (array < 0.0) | (array >= exit_time), "enter at or after their exit, or have no valid entry"
    )
    return array


def _variance_rule(weight: FloatArray, robust: bool | None, *, clustered: bool) -> bool:
    whole = are_copies(weight)
    if robust is None:
        return clustered or not whole
    if not robust and clustered:
        raise refuse("with `cluster` the variance is summed within clusters", way_out="Leave `robust` out.")
    if not robust and not whole:
        raise refuse("weights that are not whole numbers are no copies of rows", way_out="Leave `robust` out.")
    return robust


def _cells(
    exit_time: FloatArray, entry_time: FloatArray | None, layers: npt.NDArray[np.generic] | None
) -> tuple[IntArray, IntArray, IntArray]:
    """First and last cell of every row, and the first cell of every stratum."""
    n = exit_time.size
    stratum = np.zeros(n, dtype=np.int64) if layers is None else np.unique(layers, return_inverse=True)[1].astype(np.int64)
    if entry_time is None:
        days, (exit_day,) = tie_classes(exit_time)
    else:
        days, (exit_day, entry_day) = tie_classes(exit_time, entry_time)
        refuse_rows(exit_day <= entry_day, "enter and leave at what the tie rule takes for the same time")
    key = stratum * days.size + exit_day
    cells, exit_cell = np.unique(key, return_inverse=True)
    start = np.searchsorted(cells, np.arange(int(stratum.max()) + 2) * days.size).astype(np.int64)
    first = start[stratum] if entry_time is None else np.searchsorted(cells, stratum * days.size + entry_day, side="right")
    return first.astype(np.int64), exit_cell.astype(np.int64), start


def _at_risk(entered: IntArray, weight: FloatArray, leaving: FloatArray) -> FloatArray:
    """Weight at risk in every (group, cell): come by then and not gone before. All of a stratum are gone at its end."""
    came = summed_by(entered, weight, leaving.size).reshape(leaving.shape)
    present = at_risk_between(came, leaving)
    present[present <= EMPTY_SHARE * float(weight.sum())] = 0.0
    return present
