"""What each row adds to the likelihood of a fitted NPMLE: its score, and its influence on a sum of masses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.interval_censored.simplex import RangeMixture
from tendon_outcomes.estimators.observations import FloatArray, IntArray, summed_by


@dataclass(frozen=True, slots=True, eq=False)
class FittedRows:
    """The rows beside the fitted masses.

    `pattern` is each row's place in `mixture`, `entered_at` that of its entry in `mixture.entered`; `masses` are P of every
    pattern, `behind` B of every entry; `held` are the cells with mass. `cluster` numbers rows that belong together; `kept` are
    the places of these rows among the `n_given` that the caller gave.
    """

    mixture: RangeMixture
    pattern: IntArray
    entered_at: IntArray | None
    masses: FloatArray
    behind: FloatArray | None
    held: IntArray
    weight: FloatArray
    cluster: IntArray | None
    kept: IntArray
    n_given: int

    @property
    def in_one_cluster(self) -> bool:
        """Whether all rows belong together: then nothing says how much a sample of such clusters varies."""
        return self.cluster is not None and bool((self.cluster == self.cluster[0]).all())

    def along(self, direction: FloatArray) -> FloatArray:
        """w_i (A_i v / P_i - B_i v / B_i) for a direction v on the cells held: the score of every row kept, projected."""
        spread = np.zeros(self.mixture.marked.size)
        spread[self.held] = direction
        value = (self.mixture.row_masses(spread) / self.masses)[self.pattern]
        if self.behind is not None and self.entered_at is not None:
            value = value - (self.mixture.still_to_come(spread) / self.behind)[self.entered_at]
        return np.asarray(self.weight * value, dtype=np.float64)

    def given(self, values: FloatArray) -> FloatArray:
        """Values of the rows kept, put at the places of all rows given; 0 for the others."""
        spread = np.zeros((self.n_given, *values.shape[1:]))
        spread[self.kept] = values
        return spread

    def information(self) -> FloatArray:
        """Minus the second derivatives of the log-likelihood on the cells held; right on directions of sum 0."""
        seen = self.mixture.information(self.held, self.mixture.weight / self.masses**2)
        if self.behind is None or self.mixture.entered_weight is None:
            return seen
        given = self.mixture.conditioning(self.held, self.mixture.entered_weight / self.behind**2)
        return seen + float(self.mixture.weight.sum()) - given

    def score_products(self) -> FloatArray:
        """sum u u' of the scores on the cells held, over rows, or over clusters with the scores of each summed first."""
        if self.behind is None:
            squared = summed_by(self.pattern, self.weight**2, self.mixture.weight.size)
            middle = self.mixture.information(self.held, squared / self.masses**2)
            return middle if self.cluster is None else middle + self._of_shared_clusters()
        scores = self._scores(np.arange(self.weight.size))
        if self.cluster is not None:
            scores = _summed(scores, self.cluster)
        products: FloatArray = scores.T @ scores
        return products

    def _of_shared_clusters(self) -> FloatArray:
        """What rows of one cluster add to the sum over single rows.

        Only rows of clusters with at least two rows are spelled out, so that a registry of mostly one-sided patients stays cheap.
        """
        assert self.cluster is not None
        together = np.flatnonzero(np.bincount(self.cluster)[self.cluster] > 1)
        if together.size == 0:
            return np.zeros((self.held.size, self.held.size))
        scores = self._scores(together)
        sums = _summed(scores, np.unique(self.cluster[together], return_inverse=True)[1])
        extra: FloatArray = sums.T @ sums - scores.T @ scores
        return extra

    def _scores(self, row: IntArray) -> FloatArray:
        """w_i (A_ij / P_i - B_ij / B_i) for the rows named, on the cells held."""
        place = self.pattern[row]
        covers = (self.mixture.first[place, None] <= self.held) & (self.held < self.mixture.last[place, None])
        covers &= ~self.mixture.restricted[place, None] | (self.mixture.marked[self.held] > 0.0)
        scores = covers / self.masses[place][:, None]
        if self.behind is not None and self.entered_at is not None and self.mixture.entered is not None:
            entry = self.entered_at[row]
            scores = scores - (self.mixture.entered[entry, None] <= self.held) / self.behind[entry][:, None]
        return np.asarray(scores * self.weight[row][:, None], dtype=np.float64)


def _summed(scores: FloatArray, member: IntArray) -> FloatArray:
    size = int(member.max()) + 1
    return np.column_stack([summed_by(member, column, size) for column in scores.T])
