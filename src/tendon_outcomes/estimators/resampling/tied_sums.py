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


class NodeTable(NamedTuple):
    """Terms for numbers of events d under each rule: `number[rule, d]` of them from place `offset[rule, d]` on, -1 = not yet."""

    fraction: FloatArray
    share: FloatArray
    offset: IntArray
    number: IntArray

    def holds(self, rule: IntArray, d: IntArray) -> bool:
        return int(d.max(initial=0)) < self.offset.shape[1] and bool((self.offset[rule, d] >= 0).all())

    def grown(self, rule: IntArray, d: IntArray) -> NodeTable:
        """A table that has the terms of all these d as well."""
        more = max(0, int(d.max(initial=0)) + 1 - self.offset.shape[1])
        offset = np.pad(self.offset, ((0, 0), (0, more)), constant_values=-1)
        number = np.pad(self.number, ((0, 0), (0, more)))
        missing = offset[rule, d] < 0
        fractions, shares, size = [self.fraction], [self.share], self.fraction.size
        for r, events in np.unique(np.column_stack([rule[missing], d[missing]]), axis=0).tolist():
            fraction, share = _terms_of(r, events)
            offset[r, events], number[r, events] = size, fraction.size
            size += fraction.size
            fractions.append(fraction)
            shares.append(share)
        return NodeTable(np.concatenate(fractions), np.concatenate(shares), offset, number)


def _terms_of(rule: int, d: int) -> tuple[FloatArray, FloatArray]:
    if rule < EXACT and d > RULES[rule][0]:
        return gauss_for_points(d, RULES[rule][0])
    return np.arange(d) / max(d, 1), np.ones(d)


def _no_terms() -> NodeTable:
    return NodeTable(np.zeros(0), np.zeros(0), np.full((EXACT + 1, 1), -1), np.zeros((EXACT + 1, 1), dtype=np.int64))


@dataclass(slots=True, eq=False)
class TieNodes:
    """The table of terms met so far. A table is replaced and never changed: threads that share it can at worst fill it twice."""

    table: NodeTable = field(default_factory=_no_terms)

    def holding(self, rule: IntArray, d: IntArray) -> NodeTable:
        """A table with the terms of all these numbers of events."""
        table = self.table
        if not table.holds(rule, d):
            table = table.grown(rule, d)
            self.table = table
        return table


class TieTerms(NamedTuple):
    """Efron's terms as dense (b, T) arrays; a replicate with fewer terms is filled up with terms of share 0."""

    day: IntArray  # into (b * (m + 1)): the last day of each replicate is an empty one
    fraction: FloatArray
    share: FloatArray


def tie_terms(n_events: FloatArray, close: IntArray, nodes: TieNodes) -> TieTerms:
    """Terms for `n_events` (b, m) tied events, each day under the rule `close` allows."""
    b, m = n_events.shape
    d = n_events.astype(np.int64)
    table = nodes.holding(close, d)
    offset, count = table.offset[close, d], table.number[close, d]
    total = count.sum(axis=1)
    widest = int(total.max(initial=0))
    counts = np.concatenate([count, (widest - total)[:, None]], axis=1).ravel()
    day = np.repeat(np.arange(b * (m + 1)), counts)
    first = np.concatenate([offset, np.zeros((b, 1), dtype=np.int64)], axis=1).ravel() - (np.cumsum(counts) - counts)
    place = np.arange(day.size) + first[day]
    filler = np.arange(widest)[None, :] >= total[:, None]
    place = np.where(filler, 0, place.reshape(b, widest))
    fraction, share = np.take(table.fraction, place), np.take(table.share, place)
    share[filler] = 0.0
    return TieTerms(day.reshape(b, widest), fraction, share)


def rules_that_hold(at_risk: FloatArray, events: FloatArray) -> IntArray:
    """Which Gauss rule serves each day, from the least ratio of risk set to events over the groups (b, G, m)."""
    rule = np.full((at_risk.shape[0], at_risk.shape[2]), EXACT, dtype=np.int64)
    for r in range(EXACT - 1, -1, -1):
        rule[(at_risk >= RULES[r][1] * events).all(axis=1)] = r
    return rule
