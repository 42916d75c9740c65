"""Subjects with several rows each: pieces (start, stop] of follow-up, checked to fit together and put on one set of days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.curves.influence import effective_units
from tendon_outcomes.estimators.observations import (
    BoolArray,
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
class Histories:
    """n rows in order of subject and start, over the m distinct days on which rows end.

    A row is at risk on the days number `enter` to `leave`. `unit` is what the variance sums within: the subject, or its
    cluster. `per_unit` is what the squared influence of a unit is multiplied by: 1 / w where whole-number weights are copies
    of the subject, 1 where they are sampling weights. Rows of weight 0 are left out; `kept` are the places of the others in
    the input, in this order.
    """

    time: FloatArray  # (m,)
    origin: float
    kept: IntArray
    subject: IntArray
    enter: IntArray
    leave: IntArray
    first: BoolArray  # the subject's first row
    last: BoolArray
    touches: BoolArray  # starts on the day on which the subject's row before it ended
    from_origin: BoolArray  # starts at the earliest start of all
    weight: FloatArray
    unit: IntArray
    per_unit: FloatArray
    robust: bool
    clustered: bool

    @property
    def n_subjects(self) -> int:
        return int(np.count_nonzero(self.first))

    def at_risk(self, value: FloatArray) -> FloatArray:
        """For each day, the sum of `value` over the rows at risk."""
        m = self.time.size
        came, went = summed_by(self.enter, value, m), summed_by(self.leave, value, m)
        present = at_risk_between(came, went)
        present[np.abs(present) < 1e-12 * float(np.abs(value).sum())] = 0.0
        return present

    def followed_from_origin(self, *, settled: BoolArray) -> FloatArray:
        """Effective number of subjects (clusters) seen from the origin and not lost before a day; `settled` rows are not."""
        m = self.time.size
        seen = np.zeros(self.n_subjects, dtype=np.bool_)
        seen[self.subject[self.first & self.from_origin]] = True
        counted, begun = self.last & ~settled & seen[self.subject], self.first & self.from_origin
        if self.clustered:
            gone = np.full(self.n_subjects, m)
            gone[self.subject[counted]] = self.leave[counted] + 1
            of = self.subject[begun]
            return effective_units(self.unit[begun], self.weight[begun], gone[of], m)
        weight, square = self.weight, self.weight**2 if self.robust else self.weight
        total, total_square = (float(x[self.first & self.from_origin].sum()) for x in (weight, square))
        lost, lost_square = (np.cumsum(summed_by(self.leave[counted] + 1, x[counted], m + 1))[:m] for x in (weight, square))
        left, left_square = total - lost, total_square - lost_square
        some = left_square > 1e-12 * max(total_square, 1e-300)
        return np.divide(left**2, left_square, out=np.zeros(m), where=some)


def histories(
    *,
    subject: npt.ArrayLike,
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
    robust: bool | None,
) -> Histories:
    """Check rows (start, stop] of subjects; refuses pieces of one subject that overlap."""
    ends = one_dimensional("stop", stop, truth_values=False)
    n = ends.size
    if n == 0:
        raise refuse("there are no rows")
    begins = one_dimensional("start", start, truth_values=False)
    if begins.size != n:
        raise refuse(f"`start` has {begins.size} values for {n} rows")
    refuse_rows(~np.isfinite(ends) | ~np.isfinite(begins) | (begins < 0.0), "have a negative, missing or infinite start or stop")
    refuse_rows(begins >= ends, "start at or after their stop")
    labels = checked_labels(subject, n, "subject")
    weights = checked_weights(weight, n)
    clusters = None if cluster is None else checked_clusters(cluster, n)
    kept = np.flatnonzero(weights > 0.0)
    person = np.unique(labels[kept], return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((begins[kept], person))
    kept, person = kept[order], person[order]
    return _placed(begins[kept], ends[kept], person, weights[kept], None if clusters is None else clusters[kept], kept, robust)


def _placed(
    begins: FloatArray,
    ends: FloatArray,
    person: IntArray,
    weight: FloatArray,
    cluster: IntArray | None,
    kept: IntArray,
    robust: bool | None,
) -> Histories:
    days, (end_class, begin_class) = tie_classes(ends, begins)
    refuse_rows(end_class <= begin_class, "start and stop at what the tie rule takes for the same time")
    first = np.concatenate(([True], person[1:] != person[:-1]))
    last = np.concatenate((first[1:], [True]))
    ended = np.concatenate(([-1], end_class[:-1]))
    refuse_rows(~first & (begin_class < ended), "start before the same subject's row before them has ended")
    is_end = np.zeros(days.size, dtype=np.bool_)
    is_end[end_class] = True
    rank = np.cumsum(is_end) - 1
    unit = person if cluster is None else np.unique(cluster, return_inverse=True)[1].astype(np.int64)
    if cluster is not None:
        refuse_rows(
            ~first & (cluster != np.concatenate((cluster[:1], cluster[:-1]))), "belong to another cluster than their subject"
        )
    if cluster is not None and robust is False:
        raise refuse("`cluster` asks for the robust variance and `robust=False` forbids it")
    constant = bool(np.array_equal(weight, weight[first][person]))
    copies = cluster is None and constant and (are_copies(weight) if robust is None else not robust)
    per_unit = 1.0 / weight[first] if copies else np.ones(int(unit.max()) + 1)
    return Histories(
        time=days[is_end],
        origin=float(days[begin_class.min()]),
        kept=kept,
        subject=person,
        enter=rank[begin_class] + 1,
        leave=rank[end_class],
        first=first,
        last=last,
        touches=~first & (begin_class == ended),
        from_origin=begin_class == begin_class.min(),
        weight=weight,
        unit=unit,
        per_unit=per_unit,
        robust=not copies,
        clustered=cluster is not None,
    )
