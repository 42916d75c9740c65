"""Time counted from the onset: people are followed from the duration on at which they were first seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import BoolArray, FloatArray, IntArray, refuse
from tendon_outcomes.estimators.regression.frailty.sample import DAYS_A_WEEK, checked_durations, followed_days
from tendon_outcomes.estimators.regression.parametric.grid_rows import checked_grid


@dataclass(frozen=True, slots=True, eq=False)
class SinceOnset:
    """Rows in whole weeks since onset, at risk from `entry` on; `kept` says which of the rows given these are.

    Left out: `n_before` whose follow-up ended before it could begin, `n_between` of whom nobody knows whether they had recovered
    when it began (a look was skipped), `n_unseen` who were not looked at afterwards, `n_after`
    who entered at `through_week` or later.
    """

    left: FloatArray = field(repr=False)
    right: FloatArray = field(repr=False)
    cause: IntArray = field(repr=False)
    entry: FloatArray = field(repr=False)
    kept: IntArray = field(repr=False)
    from_week: float
    through_week: float
    n_before: int
    n_between: int
    n_unseen: int
    n_after: int

    @property
    def time(self) -> FloatArray:
        """A time for `cox`: the look at which recovery was seen (late by up to one visit), the competing event, the last look."""
        return np.where(self.cause == 0, self.left, self.right)

    @property
    def event(self) -> BoolArray:
        """Whether `time` is a recovery."""
        return np.asarray(self.cause == 1)


def since_onset(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    duration: npt.ArrayLike,
    *,
    grid: npt.ArrayLike,
    from_week: float = 6.0,
    through_week: float | None = None,
) -> SinceOnset:
    """The sample on the time since onset, each person at risk from the first look at or after `from_week` on (delayed entry).

    Estimand
        Whatever is estimated from it is conditional on being still ill `from_week` weeks after onset.
    Estimator
        Entry at the duration on day 0, rounded to whole weeks; who came earlier than `from_week` enters at the first visit of the
        grid after it, if not recovered by then. Give `entry` to interval_censored_incidence, or to cox with `time` and `event`.
    Interval
        None here.
    Conventions
        Everything is in whole weeks since onset: `left` is rounded down, `right` up. Were entries scattered over the week, the
        likeliest curve would let everybody recover in the hours in which the first to enter was alone. `from_week` keeps the
        weeks out in which next to nobody had been seen yet, `through_week` those in which next to nobody is left: where the last
        one at risk recovers before another enters, no curve leads on. Whoever is followed beyond it is censored at the last look
        before. A competing event counts in the week in which it fell.
    Assumes
        Who comes at a duration recovers later as all do who are still ill then: coming in has nothing to do with what follows.
    Not for
        Incidence from the onset itself: who recovered before coming is not there.
    Parameters
        left, right: n days since day 0, cause: n codes, as in interval_censored_incidence. duration: n weeks on day 0. grid:
        visit days after day 0. from_week, through_week: weeks since onset; None: as long as anybody is followed.
    Returns
        SinceOnset.
    References
        Keiding (1992) in Klein & Goel (eds) Survival Analysis: State of the Art, 309 (independent delayed entry); Turnbull (1976)
        JRSS B 38:290 (truncation).
    Checked
        Exact (nine rows by hand), known truth by simulation: tests/estimators/test_frailty_since_onset.py.
    """
    low, high, _ = followed_days(left, right, cause)
    weeks = np.rint(checked_durations(duration, low.size))
    if not (np.isfinite(from_week) and from_week >= 0.0):
        raise refuse("`from_week` must be a number of weeks, 0 or more")
    last = np.inf if through_week is None else float(through_week)
    if not last > from_week:
        raise refuse("`through_week` must be later than `from_week`")
    visits = np.append(np.ceil(np.append(0.0, checked_grid(grid)) / DAYS_A_WEEK), np.inf)
    free, seen = np.floor(low / DAYS_A_WEEK), np.ceil(high / DAYS_A_WEEK)
    begin = visits[np.searchsorted(visits, from_week - weeks, side="left")]
    after = np.isfinite(begin) & (weeks + begin >= last)
    beyond = weeks + seen > last
    codes = np.where(beyond, 0, np.asarray(cause, dtype=np.int64))
    free = np.where(beyond, np.minimum(free, visits[np.searchsorted(visits, last - weeks, side="right") - 1]), free)
    before = ~after & (codes >= 1) & (seen <= begin)
    between = ~after & ~before & (codes >= 1) & (free < begin)
    unseen = ~after & (codes == 0) & (free <= begin)
    kept = np.flatnonzero(~(after | before | between | unseen))
    if not (codes[kept] == 1).any():
        raise refuse(f"none of {kept.size} rows followed from week {from_week:g} after onset on has an event of cause 1")
    return SinceOnset(
        left=(weeks + free)[kept],
        right=np.where(beyond, np.inf, weeks + seen)[kept],
        cause=codes[kept],
        entry=(weeks + begin)[kept],
        kept=kept,
        from_week=float(from_week),
        through_week=last,
        n_before=int(before.sum()),
        n_between=int(between.sum()),
        n_unseen=int(unseen.sum()),
        n_after=int(after.sum()),
    )
