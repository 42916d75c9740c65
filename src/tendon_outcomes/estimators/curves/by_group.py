"""One curve for each group of a sample, from one pass over its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import Clusters, labelled_clusters
from tendon_outcomes.estimators.curves.aalen_johansen import CumulativeIncidence, VarianceKind, cumulative_incidence
from tendon_outcomes.estimators.curves.kaplan_meier import SurvivalCurve, is_robust, survival_curve
from tendon_outcomes.estimators.limits import SurvivalInterval
from tendon_outcomes.estimators.observations import IntArray, checked_labels, checked_level, no_such_group, refuse
from tendon_outcomes.estimators.risk_table import RiskTable, risk_tables

Fit = TypeVar("Fit", SurvivalCurve, CumulativeIncidence)


@dataclass(frozen=True, slots=True, eq=False)
class GroupedCurves(Mapping[object, Fit], Generic[Fit]):
    """The curves of the groups, by label; labels in sorted order.

    The influence functions of each curve have a row for every row of the whole sample, 0 for those of other groups.
    """

    labels: tuple[object, ...]
    curves: tuple[Fit, ...]

    def __getitem__(self, label: object) -> Fit:
        if label not in self.labels:
            raise no_such_group(label, self.labels)
        return self.curves[self.labels.index(label)]

    def __iter__(self) -> Iterator[object]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def largest_horizon(self, *, at_least: float = 10.0, share: float = 0.1) -> float:
        """The last day on which every group still has max(`at_least`, `share` of its size) at risk; 0 when there is none."""
        return min(comparable_until(curve._table, at_least=at_least, share=share) for curve in self.curves)


def comparable_until(table: RiskTable, *, at_least: float = 10.0, share: float = 0.1) -> float:
    """The last day with max(`at_least`, `share` of the largest risk set) at risk, in effective numbers; 0 when there is none.

    Weights that are not copies count as (sum w)^2 / sum w^2 people, taken over the whole sample.
    """
    effective = 1.0
    if table.robust:
        effective = float(table.pattern_weight.sum() / max(float(table.pattern_square.sum()), 1e-300))
    people = table.n_at_risk * effective
    enough = np.flatnonzero(people >= max(at_least, share * float(people.max())) * (1.0 - 1e-12))
    return float(table.time[enough[-1]]) if enough.size else 0.0


def survival_by_group(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    interval: SurvivalInterval | None = None,
    robust: bool | None = None,
) -> GroupedCurves[SurvivalCurve]:
    """A Kaplan-Meier curve for each group.

    Estimand
        S_g(t) = Pr(T > t | group g).
    Estimator
        kaplan_meier on the rows of each group.
    Interval
        As kaplan_meier. With `cluster` the groups may share clusters (two sides of a patient treated differently): comparisons
        of these curves take their covariance from the shared clusters.
    Conventions
        Labels in sorted order. Weights are read once for the whole sample: copies only when all are whole numbers.
    Assumes
        As kaplan_meier within each group.
    Not for
        Adjusted comparisons: give weights, or use a regression.
    Parameters
        group: n labels of one kind (numbers, text, booleans), none missing. Otherwise as kaplan_meier.
    Returns
        GroupedCurves, a mapping from label to SurvivalCurve.
    References
        As kaplan_meier.
    Checked
        Exact (equals separate fits), reference (R survfit with strata and cluster): tests/estimators/test_by_group.py,
        tests/reference, tests/properties/test_curves_properties.py.
    """
    level = checked_level(conf_level)
    labels, number, clusters = _groups_and_clusters(group, cluster)
    tables = risk_tables(
        number,
        len(labels),
        time=time,
        cause=event,
        n_causes=1,
        entry=entry,
        weight=weight,
        robust=is_robust(robust, cluster),
    )
    curves = tuple(survival_curve(table, clusters, conf_level=level, interval=interval) for table in tables)
    return GroupedCurves(labels, curves)


def incidence_by_group(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    n_causes: int | None = None,
    robust: bool | None = None,
    variance: VarianceKind = "jackknife",
) -> GroupedCurves[CumulativeIncidence]:
    """Aalen-Johansen curves for each group.

    Estimand
        F_kg(t) = Pr(T <= t, cause k | group g).
    Estimator
        aalen_johansen on the rows of each group.
    Interval
        As aalen_johansen; shared clusters as in survival_by_group.
    Conventions
        As survival_by_group. Every group has the causes of the whole sample, with a row of zeros for one that it never had.
    Assumes
        As aalen_johansen within each group.
    Not for
        As survival_by_group.
    Parameters
        group: n labels of one kind, none missing. Otherwise as aalen_johansen.
    Returns
        GroupedCurves, a mapping from label to CumulativeIncidence.
    References
        As aalen_johansen.
    Checked
        Exact (equals separate fits), reference (R survfit with strata): tests/estimators/test_by_group.py, tests/reference,
        tests/properties/test_curves_properties.py.
    """
    level = checked_level(conf_level)
    labels, number, clusters = _groups_and_clusters(group, cluster)
    tables = risk_tables(
        number,
        len(labels),
        time=time,
        cause=cause,
        n_causes=n_causes,
        entry=entry,
        weight=weight,
        robust=is_robust(robust, cluster),
    )
    curves = tuple(cumulative_incidence(table, clusters, conf_level=level, variance=variance) for table in tables)
    return GroupedCurves(labels, curves)


def _groups_and_clusters(
    group: npt.ArrayLike, cluster: npt.ArrayLike | None
) -> tuple[tuple[object, ...], IntArray, Clusters | None]:
    labels, number = numbered_groups(group)
    return labels, number, None if cluster is None else labelled_clusters(cluster, number.size)


def numbered_groups(group: npt.ArrayLike) -> tuple[tuple[object, ...], IntArray]:
    """The distinct labels in sorted order, and the number of each row's label among them."""
    values = checked_labels(group, np.size(np.asarray(group, dtype=object)), "group")
    if values.size == 0:
        raise refuse("there are no rows")
    if values.dtype.kind in "iub":
        return _numbered_integers(values.astype(np.int64), as_bool=values.dtype.kind == "b")
    distinct, number = np.unique(values, return_inverse=True)
    return tuple(distinct.tolist()), number.astype(np.int64)


def _numbered_integers(values: IntArray, *, as_bool: bool) -> tuple[tuple[object, ...], IntArray]:
    """Whole-number labels of a small range need no sorting."""
    lowest, span = int(values.min()), int(values.max()) - int(values.min())
    if span > values.size + 1024:
        distinct, number = np.unique(values, return_inverse=True)
        return tuple(distinct.tolist()), number.astype(np.int64)
    offset = values - lowest
    seen = np.bincount(offset, minlength=span + 1) > 0
    labels = (np.flatnonzero(seen) + lowest).tolist()
    number = offset if span + 1 == len(labels) else (np.cumsum(seen) - 1)[offset]
    return tuple(bool(label) for label in labels) if as_bool else tuple(labels), number
