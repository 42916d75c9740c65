"""One interval-censored fit a group, and what groups have in common through patients who are in more than one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import labelled_clusters
from tendon_outcomes.estimators.interval_censored.incidence import IntervalIncidence
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_labels, no_such_group, refuse, summed_by


@dataclass(frozen=True, slots=True, eq=False)
class GroupedIncidence(Mapping[object, IntervalIncidence]):
    """Fits by group label, in sorted order. `n` is the number of rows given, over all groups."""

    fits: Mapping[object, IntervalIncidence]
    n: int
    _rows: Mapping[object, IntArray] = field(repr=False)  # places of each group's rows
    _cluster: IntArray | None = field(repr=False)

    def __getitem__(self, label: object) -> IntervalIncidence:
        if label not in self.fits:
            raise no_such_group(label, self.fits)
        return self.fits[label]

    def __iter__(self) -> Iterator[object]:
        return iter(self.fits)

    def __len__(self) -> int:
        return len(self.fits)

    @property
    def groups(self) -> tuple[object, ...]:
        return tuple(self.fits)

    @property
    def shared(self) -> bool:
        """Whether rows of different groups may belong together."""
        return self._cluster is not None

    def covariance(self, one: object, influence: FloatArray, other: object, other_influence: FloatArray) -> float:
        """Covariance of an estimate in each of two groups from the influence of their rows; 0 without shared clusters."""
        if self._cluster is None:
            return 0.0
        size = int(self._cluster.max()) + 1
        first = summed_by(self._cluster[self._rows[one]], influence, size)
        second = summed_by(self._cluster[self._rows[other]], other_influence, size)
        return float(np.dot(first, second))


def interval_incidence_by_group(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    grid: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    tolerance: float = 1e-8,
    robust: bool | None = None,
) -> GroupedIncidence:
    """The nonparametric incidences of interval_censored_incidence, once for every group.

    Estimand
        F_k(t) in each group, were visits independent of T and of the cause within it.
    Estimator
        interval_censored_incidence on the rows of each group.
    Interval
        As there, in each group by itself. `covariance` joins two groups that share clusters: sum over clusters of the product of
        the summed influences.
    Conventions
        Labels are sorted. Rows of weight 0 keep their place but not their say. With weights, each group reads its own: whole
        numbers are copies in a group where all of them are whole, unless `robust` says otherwise for all.
    Assumes
        As there, in each group.
    Not for
        Adjustment: groups are compared as they are. Groups defined by what happened after day 0.
    Parameters
        group: n labels of one sortable kind, none missing. The rest as there.
    Returns
        GroupedIncidence: a mapping from label to IntervalIncidence.
    References
        As there; joint influence: Huber (1967), as for cluster-robust variances.
    Checked
        Exact (equal to separate fits; shared clusters against one row moved at a time): tests/estimators/test_interval_groups.py.
    """
    n = np.size(left)
    if n == 0:
        raise refuse("there are no rows")
    names, number = np.unique(checked_labels(group, n, "group"), return_inverse=True)
    together = None if cluster is None else labelled_clusters(cluster, n).number
    columns = [np.asarray(column) for column in (left, right, cause)]
    extra = {"entry": entry, "weight": weight, "cluster": together}
    given = {name: np.asarray(column) for name, column in extra.items() if column is not None}
    for name, column in (*zip(("left", "right", "cause"), columns, strict=True), *given.items()):
        if column.shape != (n,):
            raise refuse(f"`{name}` has {column.size} values for {n} rows")
    rows = {name: np.flatnonzero(number == i) for i, name in enumerate(names.tolist())}
    fits = {
        name: interval_censored_incidence(
            *(column[place] for column in columns),
            **{key: column[place] for key, column in given.items()},
            grid=grid,
            conf_level=conf_level,
            tolerance=tolerance,
            robust=robust,
        )
        for name, place in rows.items()
    }
    return GroupedIncidence(fits, n, rows, together)
