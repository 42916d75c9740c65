"""Sums over tied events, with few terms: Efron's d denominators a day, or the nodes that stand for them.

Efron's likelihood has for d tied events a sum over l = 0..d-1 of a smooth function of l/d. A Gauss rule for the d equally
weighted points gives the sum of any polynomial of degree 2q - 1 exactly from q nodes; for a function whose nearest pole lies
outside the points by a factor R (semi-axes of the ellipse through it) the error falls as R^(-2q).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray

# (nodes, at risk as a multiple of the day's events from which they do). The pole of 1 / (S - l/d E) lies at l/d = S/E, so
# R >= 4 S/E - 2: 30 and 5 nodes leave 2e-15, 8 and 8 nodes 4e-15. Closer to the pole, and up to q events, every l is a term.
RULES = ((5, 8.0), (8, 2.5))
EXACT = len(RULES)


def gauss_for_points(d: int, q: int) -> tuple[FloatArray, FloatArray]:
    """Nodes l/d in (0, 1) and weights (sum d) of the q-point rule for the points 0..d-1, q < d.

    Golub-Welsch on the recurrence of the discrete Chebyshev (Gram) polynomials: centre (d - 1)/2, squared off-diagonals
    k^2 (d^2 - k^2) / (4 (4 k^2 - 1)).
    """
    k = np.arange(1.0, q)
    off = np.sqrt(k**2 * (d**2 - k**2) / (4.0 * (4.0 * k**2 - 1.0)))
    jacobi = np.diag(off, 1) + np.diag(off, -1) + np.eye(q) * (d - 1) / 2.0
    node, vector = np.linalg.eigh(jacobi)
    return node / d, d * vector[0] ** 2


@dataclass(slots=True, eq=False)
class TieNodes:
    """A growing table of the terms for d events under each rule, filled when a d first occurs."""

    fraction: FloatArray = field(default_factory=lambda: np.zeros(0))
    share: FloatArray = field(default_factory=lambda: np.zeros(0))
    offset: IntArray = field(default_factory=lambda: np.full((EXACT + 1, 1), -1))
    count: IntArray = field(default_factory=lambda: np.zeros((EXACT + 1, 1), dtype=np.int64))

    def places(self, d: IntArray, rule: IntArray) -> tuple[IntArray, IntArray]:
        """First term and number of terms in `fraction` and `share` for each of the numbers of events `d`."""
        largest = int(d.max(initial=0))
        if largest >= self.offset.shape[1]:
            more = largest + 1 - self.offset.shape[1]
            self.offset = np.pad(self.offset, ((0, 0), (0, more)), constant_values=-1)
            self.count = np.pad(self.count, ((0, 0), (0, more)))
        offset = self.offset[rule, d]
        if (offset < 0).any():
            missing = offset < 0
            for r, events in np.unique(np.column_stack([rule[missing], d[missing]]), axis=0).tolist():
                self._add(r, events)
            offset = self.offset[rule, d]
        return offset, self.count[rule, d]

    def _add(self, rule: int, d: int) -> None:
        if rule < EXACT and d > RULES[rule][0]:
            fraction, share = gauss_for_points(d, RULES[rule][0])
        else:
            fraction, share = np.arange(d) / max(d, 1), np.ones(d)
        self.offset[rule, d], self.count[rule, d] = self.fraction.size, fraction.size
        self.fraction, self.share = np.concatenate([self.fraction, fraction]), np.concatenate([self.share, share])


class TieTerms(NamedTuple):
    """Efron's terms as dense (b, T) arrays; a replicate with fewer terms is filled up with terms of share 0."""

    day: IntArray  # into (b * (m + 1)): the last day of each replicate is an empty one
    fraction: FloatArray
    share: FloatArray


def tie_terms(n_events: FloatArray, close: IntArray, nodes: TieNodes) -> TieTerms:
    """Terms for `n_events` (b, m) tied events, each day under the rule `close` allows."""
    b, m = n_events.shape
    offset, count = nodes.places(n_events.astype(np.int64), close)
    total = count.sum(axis=1)
    widest = int(total.max(initial=0))
    counts = np.concatenate([count, (widest - total)[:, None]], axis=1).ravel()
    day = np.repeat(np.arange(b * (m + 1)), counts)
    first = np.concatenate([offset, np.zeros((b, 1), dtype=np.int64)], axis=1).ravel() - (np.cumsum(counts) - counts)
    place = np.arange(day.size) + first[day]
    filler = np.arange(widest)[None, :] >= total[:, None]
    place = np.where(filler, 0, place.reshape(b, widest))
    fraction, share = np.take(nodes.fraction, place), np.take(nodes.share, place)
    share[filler] = 0.0
    return TieTerms(day.reshape(b, widest), fraction, share)


def rules_that_hold(at_risk: FloatArray, events: FloatArray) -> IntArray:
    """Which Gauss rule serves each day, from the least ratio of risk set to events over the groups (b, G, m)."""
    rule = np.full((at_risk.shape[0], at_risk.shape[2]), EXACT, dtype=np.int64)
    for r in range(EXACT - 1, -1, -1):
        rule[(at_risk >= RULES[r][1] * events).all(axis=1)] = r
    return rule
