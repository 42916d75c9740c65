"""Survival, incidence and restricted means at asked days, for many weight rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, checked_weights, refuse
from tendon_outcomes.estimators.resampling.day_tables import DayGrid, DayTotals, day_grid


class Curves(NamedTuple):
    """Survival after (b, G, m) and before each grid day, and the hazard of every cause (b, G, K, m)."""

    survival: FloatArray
    before: FloatArray
    hazard: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class CurveStatistic:
    """Prepared by `curve_statistic`: call it with (b, n) weights for (b, k) numbers, named by `names`.

    A number that a replicate's rows do not determine (nobody followed to the day, group without rows) is NaN there.
    """

    grid: DayGrid
    names: tuple[str, ...]
    days: FloatArray
    horizons: FloatArray
    incidence: bool
    weight: FloatArray | None

    @property
    def n(self) -> int:
        return self.grid.n

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Group by group, cause by cause: the curve at `days`, then restricted means at `horizons`."""
        return self._numbers(self.grid.totals(weights if self.weight is None else weights * self.weight))

    def std_error(self, weights: FloatArray) -> FloatArray:
        """Greenwood standard errors of the same numbers, weights read as copies; Kaplan-Meier only."""
        if self.incidence:
            raise refuse("no quick standard error for incidences", way_out="Use percentile or BCa limits.")
        totals = self.grid.totals(weights if self.weight is None else weights * self.weight)
        return greenwood_errors(self.grid, totals, curves_of(totals), self.days.size, self.horizons)

    def _numbers(self, totals: DayTotals) -> FloatArray:
        curves = curves_of(totals)
        values = _incidences(curves) if self.incidence else curves.survival[:, :, None, :]
        d = self.days.size
        at_days = values[..., self.grid.asked[:d]]
        start = 0.0 if self.incidence else 1.0
        areas = areas_under(values, self.grid.time, self.horizons, start)
        known = _determined(totals, curves, self.grid)[:, :, None, :]
        numbers = np.where(known, np.concatenate([at_days, areas], axis=-1), np.nan)
        return np.asarray(numbers.reshape(numbers.shape[0], -1))


def curves_of(totals: DayTotals) -> Curves:
    """Product-limit survival and hazards from day totals; a day without anybody at risk changes nothing."""
    at_risk = totals.at_risk
    denominator = np.maximum(at_risk, 1e-300)
    hazard = totals.events / denominator[:, :, None, :]
    if hazard.shape[2] == 1:
        kept = 1.0 - hazard[:, :, 0]
    else:
        left = at_risk - totals.events.sum(axis=2)
        kept = np.where(at_risk > 0.0, np.where(left > 1e-12 * at_risk, left, 0.0) / denominator, 1.0)
    kept[kept <= 1e-12] = 0.0
    survival: FloatArray = np.cumprod(kept, axis=-1, dtype=np.float64)
    before = np.concatenate([np.ones((*survival.shape[:-1], 1)), survival[..., :-1]], axis=-1)
    return Curves(survival, before, hazard)


def _incidences(curves: Curves) -> FloatArray:
    return np.asarray(np.cumsum(curves.before[:, :, None, :] * curves.hazard, axis=-1))


def areas_under(values: FloatArray, time: FloatArray, horizons: FloatArray, start: float) -> FloatArray:
    """Area of the step curves (..., m) from 0 to each horizon; the curve is `start` before the first grid day."""
    edges = np.minimum(np.append(time, np.inf)[:, None], horizons[None, :])
    widths = np.diff(edges, axis=0)  # (m, h): time that each step lasts before the horizon
    return np.asarray(values @ widths + start * edges[0])


def _determined(totals: DayTotals, curves: Curves, grid: DayGrid) -> npt.NDArray[np.bool_]:
    """(b, G, asked): the group has rows, and somebody was followed to the day or the curve had ended by then."""
    at = grid.asked
    reached = (totals.followed[..., at] > 0.0) | (curves.survival[..., at] <= 0.0)
    return np.asarray(reached & (totals.followed[..., :1] > 0.0))


def greenwood_errors(grid: DayGrid, totals: DayTotals, curves: Curves, n_days: int, horizons: FloatArray) -> FloatArray:
    """Standard errors of survival at the asked days and of the restricted means (b, G * (days + horizons))."""
    at_risk, events, survival = totals.at_risk, totals.events[:, :, 0], curves.survival
    product = at_risk * (at_risk - events)
    term = np.divide(events, product, out=np.zeros_like(product), where=(product > 0.0) & (survival > 0.0))
    at_days = survival * np.sqrt(np.cumsum(term, axis=-1))
    means = []
    for horizon in horizons:
        widths = np.diff(np.minimum(np.append(grid.time, np.inf), horizon))
        to_come = np.cumsum((survival * widths)[..., ::-1], axis=-1)[..., ::-1]
        means.append(np.sqrt((to_come**2 * term).sum(axis=-1)))
    parts = [at_days[..., grid.asked[:n_days]], *(one[..., None] for one in means)]
    errors = np.where(_determined(totals, curves, grid), np.concatenate(parts, axis=-1), np.nan)
    return np.asarray(errors.reshape(errors.shape[0], -1))


def curve_statistic(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    days: npt.ArrayLike = (),
    horizons: npt.ArrayLike = (),
    group: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    incidence: bool = False,
    n_causes: int | None = None,
) -> CurveStatistic:
    """Kaplan-Meier survival, or Aalen-Johansen incidence, with restricted means, as one statistic to be resampled.

    Estimand
        S(t) and E[min(T, tau)] in each group; with `incidence=True` F_k(t) and the mean time lost to cause k.
    Estimator
        The estimators of `kaplan_meier`, `restricted_mean`, `aalen_johansen` and `restricted_mean_time_lost` for the sample
        weighted by each row of (b, n) weights, which multiply `weight`.
    Interval
        None by itself; `.std_error(weights)` is Greenwood's for studentised limits.
    Conventions
        Those of the estimators. Rows are put on days once. In a replicate whose rows do not reach an asked day the number is
        NaN; the resampling functions count these.
    Assumes
        What the curves assume.
    Not for
        A day or horizon beyond the last follow-up of a group: refused.
    Parameters
        time, cause (an event is a cause above 0), entry, weight, n_causes: as in aalen_johansen. days, horizons: where the
        curve and the restricted means are wanted. group: labels; one set of numbers for each, in sorted order. incidence: F
        instead of S.
    Returns
        CurveStatistic: (b, n) weights to (b, k) numbers, groups first, then causes, then days and horizons.
    References
        As kaplan_meier, aalen_johansen.
    Checked
        Exact equality with the single estimators, with ties, entry, weights: tests/estimators/test_batched_curves.py;
        tests/slow_reference.
    """
    at, ends = (np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in (days, horizons))
    if at.size + ends.size == 0:
        raise refuse("neither days nor horizons were asked for")
    if not (ends > 0.0).all():
        raise refuse("`horizons` must be positive")
    code = np.asarray(cause)
    if not incidence:
        code = np.where(code > 0, 1, code)
    asked = np.concatenate([at, ends])
    grid = day_grid(time, code, group=group, entry=entry, asked=asked, n_causes=n_causes if incidence else 1)
    weights = None if weight is None else checked_weights(weight, grid.n)
    statistic = CurveStatistic(grid, _names(grid, at, ends, incidence), at, ends, incidence, weights)
    unknown = [name for name, value in zip(statistic.names, statistic(np.ones((1, grid.n)))[0], strict=True) if np.isnan(value)]
    if unknown:
        raise refuse(f"nobody was followed so far: {', '.join(unknown)}", way_out="Ask for earlier days.")
    return statistic


def _names(grid: DayGrid, days: FloatArray, horizons: FloatArray, incidence: bool) -> tuple[str, ...]:
    mean = "time lost" if incidence else "restricted mean"
    where = [f"{'incidence' if incidence else 'survival'} at {d:g}" for d in days] + [f"{mean} to {h:g}" for h in horizons]
    causes = [f"cause {k + 1} " for k in range(grid.n_causes)] if incidence else [""]
    groups = [f"{one}: " if len(grid.groups) > 1 else "" for one in grid.groups]
    return tuple(f"{g}{k}{w}" for g in groups for k in causes for w in where)


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """A statistic whose numbers are linear combinations of another's: differences between groups, for instance."""

    statistic: CurveStatistic
    matrix: FloatArray  # (new, old)
    names: tuple[str, ...]

    @property
    def n(self) -> int:
        return self.statistic.n

    def __call__(self, weights: FloatArray) -> FloatArray:
        values = self.statistic(weights)
        # Column by column, so that a number that one contrast does not use cannot spoil it.
        columns = [sum(c * values[:, j] for j, c in enumerate(row) if c != 0.0) for row in self.matrix]
        return np.column_stack(columns)


def between_groups(statistic: CurveStatistic, group: object, reference: object) -> Combined:
    """Each number of `group` less that of `reference`."""
    groups = list(statistic.grid.groups)
    for label in (group, reference):
        if label not in groups:
            raise refuse(f"there is no group {label}; there are {', '.join(map(str, groups))}")
    per = len(statistic.names) // len(groups)
    matrix = np.zeros((per, len(statistic.names)))
    for j in range(per):
        matrix[j, groups.index(group) * per + j] += 1.0
        matrix[j, groups.index(reference) * per + j] -= 1.0
    ends = [name.partition(": ")[2] for name in statistic.names[:per]]
    return Combined(statistic, matrix, tuple(f"{group} - {reference}: {name}" for name in ends))
