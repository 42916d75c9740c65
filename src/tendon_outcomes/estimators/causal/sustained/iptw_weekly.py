"""Inverse probability weighting of interval-censored outcomes as one statistic of weights of rows, for the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.sustained.hazard_equations import WeekTotals, solved
from tendon_outcomes.estimators.causal.sustained.self_consistent import incidences
from tendon_outcomes.estimators.observations import FloatArray, IntArray, one_dimensional, refuse, refuse_rows
from tendon_outcomes.estimators.resampling.blocks import Progress
from tendon_outcomes.estimators.resampling.bootstrap import Bootstrap, IntervalOfBootstrap, bootstrap
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor
from tendon_outcomes.estimators.resampling.logistic import BatchedLogistic, batched_logistic
from tendon_outcomes.estimators.resampling.store import BlockStore
from tendon_outcomes.estimators.resampling.sums import ColumnSums, times_columns

WeeklyTarget = Literal["everyone", "treated", "overlap"]

RESAMPLED = 1e-8  # of the equations
BLOCK = 200  # replicates whose equations are solved at once: half the time of 32; 1 MB of weights for 600 rows


@dataclass(frozen=True, slots=True, eq=False)
class _ArmRows:
    """Rows of one arm by what is seen of them: sums of their weights become the sums of every cell by a small product."""

    sums: ColumnSums
    at_risk: FloatArray  # (patterns, cells)
    events: FloatArray
    competing: FloatArray
    wide: IntArray  # patterns that span several cells
    spans: IntArray
    stretch: IntArray

    @classmethod
    def of(cls, left: IntArray, right: IntArray, cause: IntArray, member: npt.NDArray[np.bool_], cells: int) -> _ArmRows:
        kind = np.minimum(cause, 2)
        key = (left * (cells + 2) + right) * 3 + kind
        seen = np.unique(key[member])
        number = np.where(member, np.searchsorted(seen, key), -1)
        code, low, high = seen % 3, (seen // 3) // (cells + 2), (seen // 3) % (cells + 2)
        cell = np.arange(1, cells + 1)
        certain = np.where(code == 0, low, np.where((code == 1) & (high > low + 1), low, high))
        exact = (code > 0) & ((code == 2) | (high == low + 1))
        wide = np.flatnonzero((code == 1) & ~exact)
        ends = np.zeros(cells + 1, dtype=np.int64)
        ends[low[code <= 1]], ends[high[code == 1]] = 1, 1
        return cls(
            ColumnSums.by(number.astype(np.int64), seen.size),
            (cell <= certain[:, None]).astype(np.float64),
            ((cell == high[:, None]) & (exact & (code == 1))[:, None]).astype(np.float64),
            ((cell == high[:, None]) & (code == 2)[:, None]).astype(np.float64),
            wide,
            np.column_stack([low[wide], high[wide]]).astype(np.int64),
            np.cumsum(np.concatenate(([0], ends[1:-1]))).astype(np.int64),
        )

    def totals(self, weights: FloatArray) -> WeekTotals:
        """Sums by cell for weights (b, n)."""
        sums = self.sums(weights)
        empty = WeekTotals.empty(1, 1, self.spans, self.stretch)
        spread = sums[:, self.wide][:, :, None] * empty.inside
        competing = times_columns(sums, self.competing)[:, :, None]
        at_risk, events = times_columns(sums, self.at_risk), times_columns(sums, self.events)
        return WeekTotals(at_risk, events, competing, spread, empty.inside, empty.stretch, empty.passed)


@dataclass(frozen=True, slots=True, eq=False)
class IptwWeekly:
    """Prepared by `iptw_weekly`: (b, n) weights of rows to numbers: by arm the incidences and the time lost, then differences.

    Where the propensity has no fit or a curve is not known so far, NaN.
    """

    names: tuple[str, ...]
    n: int
    arms: tuple[_ArmRows, _ArmRows] = field(repr=False)
    propensities: tuple[BatchedLogistic, ...] = field(repr=False)
    treated: FloatArray = field(repr=False)
    target: WeeklyTarget
    at: IntArray  # cell that ends on each asked day
    area: FloatArray  # (cells,) days that an incidence at the end of a cell counts in the time lost
    needed: int  # cells that must be known

    def __call__(self, weights: FloatArray) -> FloatArray:
        """The numbers for each row of weights, the propensity fitted anew."""
        numbers = []
        for rows, (weighted, settled) in zip(self.arms, self._weighted(weights), strict=True):
            fit = solved(rows.totals(weighted), tolerance=RESAMPLED)
            curve, other = incidences(fit.hazard, fit.competing_hazard)
            unknown = (fit.at_risk <= 0.0) & (curve + other < 1.0 - 1e-9)
            bad = unknown[:, : self.needed].any(axis=1) | ~fit.converged | ~settled
            columns = [curve[:, self.at], *([(curve @ self.area)[:, None]] if self.area.any() else [])]
            numbers.append(np.where(bad[:, None], np.nan, np.concatenate(columns, axis=1)))
        return np.concatenate([*numbers, numbers[1] - numbers[0]], axis=1)

    def _weighted(self, weights: FloatArray) -> list[tuple[FloatArray, npt.NDArray[np.bool_]]]:
        """For each arm the weights of all rows, and which fits of the propensity settled."""
        found = []
        for propensity in self.propensities:
            beta, settled, _ = propensity.standardised(weights)
            odds = propensity.odds_against(np.where(settled[:, None], beta, 0.0))
            if self.target == "everyone":
                odds += 1.0
            elif self.target == "treated":
                odds[:, self.treated > 0.0] = 1.0
            else:
                odds /= 1.0 + odds
            odds *= weights
            found.append((odds, settled))
        return found if len(found) == 2 else found * 2


def iptw_weekly(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    treatment: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    days: Sequence[float],
    horizon: float | None = None,
    target: WeeklyTarget = "everyone",
    names: Sequence[str] | None = None,
) -> IptwWeekly:
    """The statistic that `iptw_weekly_bootstrap` resamples; see there."""
    low, high, code = one_dimensional("left", left), one_dimensional("right", right), one_dimensional("cause", cause)
    arm = one_dimensional("treatment", treatment)
    _check(low, high, code, arm, target)
    ends = np.unique(np.concatenate([[0.0], low[code <= 1], high[code == 1]]))
    last_event = float(high[code >= 2].max(initial=0.0))
    ends = ends if last_event <= ends[-1] else np.append(ends, last_event)
    cells = ends.size - 1
    if cells < 1:
        raise refuse("nobody was followed beyond day 0")
    first = np.where(code <= 1, np.searchsorted(ends, np.where(code <= 1, low, 0.0)), 0).astype(np.int64)
    after = np.where(code > 0, np.searchsorted(ends, np.where(code > 0, high, 0.0)), 0).astype(np.int64)
    at = _cells_of(ends, np.asarray(days, dtype=np.float64))
    area, last = _area(ends, horizon)
    arms = tuple(_ArmRows.of(first, after, code.astype(np.int64), arm == a, cells) for a in (0, 1))
    x = np.asarray(covariates, dtype=np.float64)
    labels = None if names is None else list(names)
    outcomes = [arm] if not (arm > 1).any() else [(arm == a).astype(np.float64) for a in (0, 1)]
    statistic = IptwWeekly(
        names=_names(days, horizon),
        n=low.size,
        arms=(arms[0], arms[1]),
        propensities=tuple(batched_logistic(outcome, x, names=labels) for outcome in outcomes),
        treated=(arm == 1).astype(np.float64),
        target=target,
        at=at,
        area=area,
        needed=max(int(at.max(initial=-1)) + 1, last),
    )
    if np.isnan(statistic(np.ones((1, low.size)))).any():
        raise refuse("an arm has nobody who was followed so far", way_out="Ask for earlier days.")
    return statistic


def _check(low: FloatArray, high: FloatArray, code: FloatArray, arm: FloatArray, target: str) -> None:
    if not low.size == high.size == code.size == arm.size:
        raise refuse(f"`left`, `right`, `cause`, `treatment` have {low.size}, {high.size}, {code.size} and {arm.size} values")
    refuse_rows((arm != 0.0) & (arm != 1.0) & (arm != 2.0), "have a `treatment` that is not 0, 1 or 2")
    refuse_rows((code == 0) & np.isfinite(high), "are right-censored (cause 0) but have a finite `right`; give inf")
    refuse_rows((code > 0) & ~np.isfinite(high), "have an event without a finite `right`")
    refuse_rows((code == 1) & ~(low < high), "have an empty interval: `left` is not below `right`")
    refuse_rows((code <= 1) & ~(np.isfinite(low) & (low >= 0.0)), "have a negative or missing `left`")
    if target not in ("everyone", "treated", "overlap"):
        raise refuse("`target` is everyone, treated or overlap")
    if (arm > 1.0).any() and target != "everyone":
        raise refuse("with a third treatment the target is everyone", way_out="Leave the rows of the third treatment out.")
    if not ((arm == 0.0).any() and (arm == 1.0).any()):
        raise refuse("an arm is empty", way_out="A comparison needs two arms.")


def _cells_of(ends: FloatArray, days: FloatArray) -> IntArray:
    place = np.searchsorted(ends, days)
    wrong = [day for day, k in zip(days.tolist(), place.tolist(), strict=True) if k in (0, ends.size) or ends[k] != day]
    if wrong:
        known = ", ".join(f"{end:g}" for end in ends[1:])
        raise refuse(f"day {wrong[0]:g} is no end of an interval, so the data leave it open", way_out=f"Days: {known}.")
    return place.astype(np.int64) - 1


def _area(ends: FloatArray, horizon: float | None) -> tuple[FloatArray, int]:
    """What the incidences at the ends of cells add to the days between event and horizon, curves straight between."""
    area = np.zeros(ends.size - 1)
    if horizon is None:
        return area, 0
    if not 0.0 < horizon <= ends[-1]:
        raise refuse(
            f"the horizon {horizon:g} lies beyond the last follow-up",
            way_out=f"The largest horizon these data allow is {ends[-1]:g}.",
        )
    for k in range(ends.size - 1):
        start, end = ends[k], ends[k + 1]
        if start >= horizon:
            break
        width, within = end - start, min(end, horizon) - start
        area[k] += within**2 / (2.0 * width)
        if k > 0:
            area[k - 1] += within - within**2 / (2.0 * width)
    return area, int(np.searchsorted(ends, horizon))


def _names(days: Sequence[float], horizon: float | None) -> tuple[str, ...]:
    what = [f"incidence at {day:g}" for day in days] + ([] if horizon is None else [f"time lost to {horizon:g}"])
    return tuple([f"treatment {a}: {one}" for a in (0, 1) for one in what] + [f"difference: {one}" for one in what])


def iptw_weekly_bootstrap(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    treatment: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    days: Sequence[float],
    horizon: float | None = None,
    target: WeeklyTarget = "everyone",
    names: Sequence[str] | None = None,
    cluster: npt.ArrayLike | None = None,
    replicates: int = 2000,
    seed: int,
    conf_level: float = 0.95,
    kind: IntervalOfBootstrap = "percentile",
    block: int = BLOCK,
    executor: Executor = SERIAL,
    progress: Progress | None = None,
    store: BlockStore | None = None,
) -> Bootstrap:
    """Treatment 1 against treatment 0 after inverse probability weighting of interval-censored outcomes with competing events.

    Estimand
        Incidence of cause 1 at `days` had everybody (the treated; the overlap population) had treatment 1, less the same under
        treatment 0; the difference of the mean days between event and `horizon`.
    Estimator
        Logistic propensity, weights 1/e and 1/(1 - e) (or those of the other targets); in each arm the weighted self-consistent
        (NPMLE) incidence on the cells between the ends of the intervals. Curves rise evenly within a cell.
    Interval
        Bootstrap of rows (or of `cluster`s), the propensity fitted anew in every replicate.
    Conventions
        (left, right] in days. With rows of a third treatment (2) each arm has its own logistic propensity against all others, and
        the target is everyone, these rows included. A competing event counts in the cell in which its day lies. Weights are not
        truncated.
    Assumes
        Exchangeability given the covariates, positivity, a right propensity, looks unrelated to the outcome; a shared grid of
        looks.
    Not for
        Scattered looks (the bootstrap of the NPMLE is then not consistent); a day that is no end of an interval (refused).
    Parameters
        As `interval_censored_incidence` and `bootstrap`. treatment: 0, 1, 2. covariates: (n, p) without intercept.
    Returns
        Bootstrap: for treatment 0, then 1, incidence at every day and time lost; then the differences.
    References
        Turnbull (1976) JRSS B 38:290; Austin (2016) Stat Med 35:5642; Li, Morgan & Zaslavsky (2018) JASA 113:390.
    Checked
        Exact (the weighted NPMLE of each arm; `iptw_contrasts` on dated data): tests/estimators/test_clone_iptw_weekly.py.
    """
    statistic = iptw_weekly(left, right, cause, treatment, covariates, days=days, horizon=horizon, target=target, names=names)
    return bootstrap(
        statistic,
        cluster=statistic.n if cluster is None else cluster,
        replicates=replicates,
        seed=seed,
        conf_level=conf_level,
        kind=kind,
        block=block,
        executor=executor,
        progress=progress,
        store=store,
    )
