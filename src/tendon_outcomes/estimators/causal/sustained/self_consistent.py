"""Weighted cumulative incidence by week when the event is known to an interval and rows stop counting when they depart."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.causal.sustained.hazard_equations import WeekTotals, solved
from tendon_outcomes.estimators.observations import FloatArray, IntArray, one_dimensional, refuse, refuse_rows

TOLERANCE = 1e-11  # of the equations and of the last step, per unit of weight
FIRST_COLUMNS = 2  # of a week's sums: rows certainly at risk, events known to the week; then competing causes, then intervals


@dataclass(frozen=True, slots=True, eq=False)
class WeekOfRows:
    """The rows that count in one week, ordered by what they say about it, and where each of these parts begins."""

    rows: IntArray = field(repr=False)
    starts: IntArray
    codes: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class IncidenceRows:
    """n rows, each with the weeks in which it counts. Where an interval spans the end of the last week, one more
    cell holds what lies beyond.

    `spans` (P, 2) are the distinct intervals (left, right] of more than one week. Weeks of one number in `stretch` are told apart
    by no end of any row. Prepared by `incidence_rows`.
    """

    n: int
    weeks: int
    n_competing: int
    spans: IntArray
    stretch: IntArray
    by_week: tuple[WeekOfRows, ...] = field(repr=False)

    def totals(self, b: int) -> WeekTotals:
        """Sums of b weight rows, all zero yet."""
        return WeekTotals.empty(b, self.n_competing, self.spans, self.stretch)

    def add(self, totals: WeekTotals, week: int, weights: FloatArray) -> None:
        """Add what the rows of `by_week[week]` say, with their weights (b, rows), in that order."""
        part = self.by_week[week]
        if part.rows.size == 0:
            return
        sums = np.zeros((weights.shape[0], FIRST_COLUMNS + self.n_competing + self.spans.shape[0]))
        sums[:, part.codes] = np.add.reduceat(weights, part.starts, axis=1)
        last = FIRST_COLUMNS + self.n_competing
        totals.at_risk[:, week] += sums[:, :last].sum(axis=1)
        totals.events[:, week] += sums[:, 1]
        totals.competing[:, week] += sums[:, FIRST_COLUMNS:last]
        totals.spread[:, :, week] += sums[:, last:]


@dataclass(frozen=True, slots=True, eq=False)
class SelfConsistentIncidence:
    """Cumulative incidence at the end of weeks 1 to K: of cause 1, and of all competing causes together.

    `hazard`, `competing_hazard` (K) by week, `at_risk` (K) the weight expected to be at risk at the start of each week.
    `residual` is the largest of the equations that is left, per unit of weight at risk in the first week.
    """

    incidence: FloatArray
    competing: FloatArray
    hazard: FloatArray
    competing_hazard: FloatArray
    at_risk: FloatArray
    residual: float
    iterations: int

    @property
    def weeks(self) -> int:
        return int(self.incidence.size)

    def at(self, week: npt.ArrayLike) -> FloatArray:
        """Incidence of cause 1 at the end of `week`; 0 at week 0."""
        asked = np.asarray(week)
        if asked.size and not (np.equal(asked, np.rint(asked)).all() and asked.min() >= 0 and asked.max() <= self.weeks):
            raise refuse(f"the weeks asked for must be whole numbers from 0 to {self.weeks}")
        return np.concatenate(([0.0], self.incidence))[asked.astype(np.int64)]

    def time_lost(self, horizon: int) -> float:
        """Mean number of weeks after the event and before the end of week `horizon`, events in the middle of their week."""
        return float(weeks_lost(self.incidence[None, :], horizon)[0])


def weeks_lost(incidence: FloatArray, horizon: int) -> FloatArray:
    """Area under curves (..., K) known at the ends of weeks, straight between them, to the end of week `horizon`."""
    if not 1 <= horizon <= incidence.shape[-1]:
        raise refuse(f"`horizon` must be a week from 1 to {incidence.shape[-1]}")
    return np.asarray(incidence[..., : horizon - 1].sum(axis=-1) + incidence[..., horizon - 1] / 2.0)


def incidence_rows(
    left: npt.ArrayLike, right: npt.ArrayLike, cause: npt.ArrayLike, *, follow_to: npt.ArrayLike | None = None, weeks: int
) -> IncidenceRows:
    """Rows checked once and ordered by what they say about each week; see `self_consistent_incidence`."""
    low, high, code, counted = _checked(left, right, cause, follow_to, weeks)
    competing = code >= 2
    low = np.where(competing, high - 1, low)
    beyond = (low >= weeks) | (code == 0)
    low, code = np.minimum(low, weeks), np.where(beyond, 0, code)
    high = np.where(code > 0, np.minimum(high, weeks + 1), 0)
    wide = (code == 1) & (high > low + 1)
    cells = weeks + int(bool((code == 1).any() and high.max(initial=0) > weeks))
    counted = np.where(counted >= weeks, cells, counted)
    through = np.minimum(np.where(code > 0, high, low), counted)
    spans, span = np.unique(low[wide] * (weeks + 2) + high[wide], return_inverse=True)
    n_competing = int(max(code.max(initial=1) - 1, 0))
    of_span = np.zeros(low.size, dtype=np.int64)
    of_span[wide] = span + FIRST_COLUMNS + n_competing
    parts = []
    for week in range(1, cells + 1):
        rows = np.flatnonzero(through >= week)
        says = np.where(wide[rows] & (low[rows] < week), of_span[rows], 0)
        now = (code[rows] > 0) & (high[rows] == week) & ~wide[rows]
        says[now] = code[rows][now]
        order = np.argsort(says.astype(np.int16), kind="stable")
        codes, starts = np.unique(says[order], return_index=True)
        parts.append(WeekOfRows(rows[order], starts.astype(np.int64), codes.astype(np.int64)))
    pairs = np.column_stack([spans // (weeks + 2), spans % (weeks + 2)]).astype(np.int64).reshape(-1, 2)
    ends = np.zeros(cells + 1, dtype=np.int64)
    ends[low[code <= 1]], ends[high[code == 1]] = 1, 1
    stretch = np.cumsum(np.concatenate(([0], ends[1:-1]))).astype(np.int64)
    return IncidenceRows(low.size, weeks, n_competing, pairs, stretch, tuple(parts))


def _checked(
    left: npt.ArrayLike, right: npt.ArrayLike, cause: npt.ArrayLike, follow_to: npt.ArrayLike | None, weeks: int
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    if isinstance(weeks, bool) or not isinstance(weeks, (int, np.integer)) or weeks < 1:
        raise refuse("`weeks` must be a whole number, 1 or above")
    low, high, code = one_dimensional("left", left), one_dimensional("right", right), one_dimensional("cause", cause)
    n = low.size
    if n == 0:
        raise refuse("there are no rows")
    until = np.full(n, float(weeks)) if follow_to is None else one_dimensional("follow_to", follow_to)
    if not high.size == code.size == until.size == n:
        raise refuse(f"`left`, `right`, `cause` and `follow_to` have {n}, {high.size}, {code.size} and {until.size} values")
    refuse_rows(~np.isfinite(code) | (code < 0) | (code != np.rint(code)), "have a cause that is not 0, 1, 2, …")
    refuse_rows(np.isnan(until) | (until < 0), "have a missing or negative `follow_to`")
    seen = code > 0
    refuse_rows((code <= 1) & ~(np.isfinite(low) & (low >= 0)), "have a negative or missing `left`")
    refuse_rows(seen & ~np.isfinite(high), "have an event without a finite `right`")
    refuse_rows((code == 0) & np.isfinite(high), "are right-censored (cause 0) but have a finite `right`; give inf")
    refuse_rows((code == 1) & (high <= low), "have an empty interval: `left` is not below `right`")
    refuse_rows((code >= 2) & (high < 1), "have a competing event before week 1")
    whole = (np.where(code <= 1, low, 0.0) == np.rint(np.where(code <= 1, low, 0.0))) & (np.where(seen, high, 0.0) % 1.0 == 0.0)
    refuse_rows(~whole, "have an end that is no whole week")
    low, high, until = np.where(code <= 1, low, 0.0), np.where(seen, high, 0.0), np.minimum(np.floor(until), weeks)
    return low.astype(np.int64), high.astype(np.int64), code.astype(np.int64), until.astype(np.int64)


def incidences(hazard: FloatArray, competing_hazard: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cumulative incidence of cause 1 and of all others (..., K) from their hazards by week."""
    free = np.cumprod(np.maximum(1.0 - hazard - competing_hazard, 0.0), axis=-1)
    before = np.concatenate([np.ones((*hazard.shape[:-1], 1)), free[..., :-1]], axis=-1)
    return np.cumsum(before * hazard, axis=-1), np.cumsum(before * competing_hazard, axis=-1)


def self_consistent_incidence(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    follow_to: npt.ArrayLike | None = None,
    weeks: int,
) -> SelfConsistentIncidence:
    """Cumulative incidence by week from rows whose weights change from week to week and whose events are known to intervals.

    Estimand
        Pr(T <= k, cause 1) at the end of week k, had nobody departed, when the weights undo what made rows depart.
    Estimator
        Discrete cause-specific hazards h_k that solve sum_i w_ik 1(k <= follow_to_i) E[dN_ik - Y_ik h_k | what is seen of row i]
        = 0 in every week k. An event in (left, right] is spread over its weeks in proportion to the current masses
        f_k = S_(k-1) h_k (an E-step), and counts in the weeks up to `follow_to` only; a censored row is at risk through `left`
        and says nothing later; competing events stand in their week. F_k = sum f_j, S_k = prod (1 - h_j - competing h_j).
        Solved by sweeps of EM, then Newton steps on log h; a step that does not lower the residual is replaced by a sweep.
    Interval
        None by itself: resample whatever made the weights (`clone_censor_weight`, `bootstrap`, `jackknife`).
    Conventions
        Week k is (k - 1, k]. Multiplying all weights of a week that rows tell from its neighbours changes nothing. Intervals that
        span the end of the last week share one cell beyond it, weighted as the last week. Between two weeks at which the interval
        of some row begins or ends the incidence rises evenly. A week with nobody at risk has hazard 0. Of a row that departs
        inside its interval the share of the event before the departure is that of the current masses, as if the hazard had not
        changed after it.
    Assumes
        Looks unrelated to the outcome given what was seen before; right weights.
    Not for
        Relapse; late entry; weights that depend on what came later than the week.
    Parameters
        left, right: n whole weeks, 0 <= left < right, right inf when censored after `left`. cause: 0 censored, 1 the event in
        (left, right], 2 and above a competing cause in week `right`. weight: (n, weeks) or (n,). follow_to: n last weeks that
        count (all by default). weeks: how many.
    Returns
        SelfConsistentIncidence, weeks 1 to `weeks`.
    References
        Turnbull (1976) JRSS B 38:290, eqs 3.3-3.4 (self-consistency); Dempster, Laird & Rubin (1977) JRSS B 39:1; Robins &
        Finkelstein (2000) Biometrics 56:779 (weights by time); Hudgens, Satten & Longini (2001) Biometrics 57:74.
    Checked
        Exact (weighted Aalen-Johansen on dated data; the NPMLE at grid days under constant weights), a plain EM on small samples,
        properties: tests/estimators/test_self_consistent.py, tests/properties, tests/slow_reference/checks_clones.py.
    """
    rows = incidence_rows(left, right, cause, follow_to=follow_to, weeks=weeks)
    table = _weights(weight, rows.n, rows.weeks)
    totals = rows.totals(1)
    for week, part in enumerate(rows.by_week):
        rows.add(totals, week, table[part.rows, min(week, table.shape[1] - 1)][None, :])
    if not totals.at_risk[0].any() and not totals.spread.any():
        raise refuse("no row counts in any week, or all that do have weight 0")
    fit = solved(totals, tolerance=TOLERANCE)
    if not fit.converged[0]:
        raise NotConverged(
            f"the hazards by week did not settle: {fit.residual[0]:.1e} is left after {fit.iterations} steps",
            way_out="Truncate the weights, or take the looks to a coarser grid.",
        )
    curve, other = incidences(fit.hazard[0, :weeks], fit.competing_hazard[0, :weeks])
    return SelfConsistentIncidence(
        incidence=curve,
        competing=other,
        hazard=fit.hazard[0, :weeks],
        competing_hazard=fit.competing_hazard[0, :weeks],
        at_risk=fit.at_risk[0, :weeks],
        residual=float(fit.residual[0]),
        iterations=fit.iterations,
    )


def _weights(weight: npt.ArrayLike | None, n: int, weeks: int) -> FloatArray:
    table = np.ones((n, 1)) if weight is None else np.asarray(weight, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.shape not in ((n, 1), (n, weeks)):
        raise refuse(f"`weight` has shape {table.shape} for {n} rows and {weeks} weeks")
    wrong = int(np.count_nonzero(~np.isfinite(table) | (table < 0.0)))
    if wrong:
        raise refuse(f"{wrong} of {table.size} weights are negative, missing or not finite")
    return table
