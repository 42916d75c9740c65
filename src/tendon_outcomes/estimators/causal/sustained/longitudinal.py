"""Rows followed week by week: when the event was seen, what was known before each week, what was done in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tendon_outcomes.estimators.observations import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class LongitudinalSample:
    """n rows over weeks 1 to K; column k - 1 of an array is week k, the days 7 (k - 1) + 1 to 7 k.

    Outcome: `left` (n,) last week by whose end the event was known not to have happened (0 from the start); `right` (n,) first
    week by whose end it was known to have happened, inf when it was not; `cause` (n,) 0 censored after `left`, 1 the event in
    (left, right], 2 and above competing causes in week `right` (left = right - 1).
    Covariates: `baseline` (n, p); `varying` (n, K, q) as known at the start of each week (week 1: on day 0).
    Treatment: `state` (n, K) codes of what was done, -1 not known.
    Clones under S strategies: `deviates` (S, n) the week in which the row first departs from the strategy, K + 1 when it never
    does; the clone is followed through the end of the week before. `phase` (S, n, K): 0 the row cannot depart in this week
    (it has departed, the week is not known, or the strategy asks for nothing), 1 it has not started and the grace period goes on,
    2 it has not started and this is the last week in which it may, 3 it has started.
    `patient` (n,) numbers 0, 1, ... of the patients.
    """

    left: IntArray
    right: FloatArray
    cause: IntArray
    baseline: FloatArray
    varying: FloatArray
    state: IntArray
    deviates: IntArray
    phase: IntArray
    patient: IntArray
    baseline_names: tuple[str, ...] = ()
    varying_names: tuple[str, ...] = ()
    strategy_names: tuple[str, ...] = field(default=())

    @property
    def n(self) -> int:
        return int(self.left.size)

    @property
    def weeks(self) -> int:
        return int(self.state.shape[1])
