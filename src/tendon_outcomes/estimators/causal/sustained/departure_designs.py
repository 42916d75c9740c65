"""Which person-weeks a model of departing is about, which columns it has, and how many the departures carry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.sustained.departure_models import PooledLogistic, WeekBlock, pooled_logistic
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse
from tendon_outcomes.estimators.regression.natural_spline import natural_spline

# Departures (or stays, if fewer) wanted for every parameter of a model. Few, because a confounder that is left out biases the
# weights for certain, while a slope that is badly known makes them vary: over clinics of 300 (gate row strategies_bias_coverage)
# 3 halves the bias that 5 leaves in the small strategy, and 2 takes off no more. van Smeden et al. (2019) SMMR 28:2455.
PER_PARAMETER = 3.0
NO_SPLINE = np.zeros((0, 0))
KNOTS = {2: (0.10, 0.90), 3: (0.10, 0.5, 0.90), 4: (0.05, 0.35, 0.65, 0.95)}  # Harrell (2015), table 2.3


class Model(NamedTuple):
    """A model of departing, and the covariates that it does without.

    `through`: the model is of having departed by the end of that week, and not of departing in a week.
    """

    kind: str
    fit: PooledLogistic
    left_out: tuple[str, ...]
    through: int | None = None


def last_weeks(sample: LongitudinalSample) -> IntArray:
    """The last week about which a row says something: of its event, or through which it was followed without one."""
    seen = np.where(sample.cause > 0, np.where(np.isfinite(sample.right), sample.right, 0.0), sample.left)
    return np.asarray(np.minimum(seen, sample.weeks), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class DepartureDesign:
    """Which person-weeks a model is about, and its columns: of the week, then of the baseline, then varying ones."""

    sample: LongitudinalSample = field(repr=False)
    phase: IntArray | None = field(repr=False)  # (n, K) of the strategy; None for loss
    phases: tuple[int, ...]
    departs: IntArray = field(repr=False)  # (n,) week of departing or loss
    spline: FloatArray  # (K, columns) of the week
    baseline: tuple[int, ...]
    varying: tuple[int, ...]
    interacting: bool
    members: tuple[npt.NDArray[np.int32], ...] = field(repr=False)  # rows at risk by week

    @classmethod
    def of(
        cls,
        sample: LongitudinalSample,
        phase: IntArray | None,
        phases: tuple[int, ...],
        departs: IntArray,
        *,
        after: int = 0,
    ) -> DepartureDesign:
        """Who is at risk in each week after `after`; no covariates yet. No `phase`: of loss, which ends follow-up in its week."""
        end = last_weeks(sample)
        last = np.where((phase is None) & (departs == end + 1), departs, np.minimum(end, departs))
        rows, members = np.arange(sample.n, dtype=np.int32), []
        for week in range(1, sample.weeks + 1):
            rows = rows[last[rows] >= week]
            if week <= after:
                members.append(rows[:0])
            elif phase is None:
                members.append(rows)
            else:
                now = phase[rows, week - 1]
                members.append(rows[np.logical_or.reduce([now == one for one in phases])])
        return cls(sample, phase, phases, departs, NO_SPLINE, (), (), interacting=False, members=tuple(members))

    def names(self) -> tuple[str, ...]:
        sample = self.sample
        base = sample.baseline_names or tuple(f"baseline {j + 1}" for j in range(sample.baseline.shape[1]))
        later = sample.varying_names or tuple(f"varying {j + 1}" for j in range(sample.varying.shape[2]))
        chosen = (*(base[j] for j in self.baseline), *(later[j] for j in self.varying))
        if self.interacting:
            chosen = (*chosen, *(f"last week to start x {name}" for name in chosen))
        return ("(intercept)", *self._of_week_names(), *chosen)

    @property
    def starting(self) -> bool:
        """Whether all of the person-weeks lie before the start."""
        return 2 in self.phases and 3 not in self.phases

    def _of_week_names(self) -> tuple[str, ...]:
        if self.starting:
            return ("last week to start", "week before it")
        late = ("start not known yet",) if 2 in self.phases else ()
        return (*late, *(f"week {j + 1}" for j in range(self.spline.shape[1])))

    def block(self, week: int) -> WeekBlock:
        rows = self.members[week - 1].astype(np.int64)
        columns = np.empty((len(self.names()), rows.size))  # one after the other: the sums over rows run along them
        columns[0] = 1.0
        last = np.zeros(rows.size)
        own = 1
        if self.phase is not None and self.starting:
            last = (self.phase[rows, week - 1] == 2).astype(np.float64)
            columns[1], columns[2] = last, np.where(last > 0.0, 0.0, float(week))
            own = 3
        elif self.phase is not None and 2 in self.phases:
            columns[1] = self.phase[rows, week - 1] < 3
            own = 2
        if not self.starting and self.spline.size:
            columns[own : own + self.spline.shape[1]] = self.spline[week - 1][:, None]
            own += self.spline.shape[1]
        first = own
        for j in self.baseline:
            np.take(self.sample.baseline[:, j], rows, out=columns[own])
            own += 1
        for j in self.varying:
            np.take(self.sample.varying[:, week - 1, j], rows, out=columns[own])
            own += 1
        if self.interacting:
            columns[own:] = last * columns[first:own]
        return WeekBlock(rows, columns.T, (self.departs[rows] == week).astype(np.float64))

    def with_covariates(self, baseline: int, varying: int, *, interacting: bool) -> DepartureDesign:
        """With the first covariates of each kind."""
        return replace(self, baseline=tuple(range(baseline)), varying=tuple(range(varying)), interacting=interacting)

    def counted(self) -> tuple[IntArray, int]:
        """Rows at risk by week, and departures."""
        at_risk = np.array([rows.size for rows in self.members], dtype=np.int64)
        departures = sum(int(np.count_nonzero(self.departs[rows] == week)) for week, rows in enumerate(self.members, start=1))
        return at_risk, departures


def week_columns(at_risk: IntArray, departures: int) -> FloatArray:
    """A natural spline of the week, (K, columns), columns uncorrelated over the person-weeks; fewer knots for few departures.

    With two knots it is a straight line, kept down to 10 departures: pain falls with the weeks, so where departures begin late a
    model without the week takes away from the slope of pain.
    """
    wanted = 4 if departures >= 100 else 3 if departures >= 40 else 2 if departures >= 10 else 0
    week = np.arange(1.0, at_risk.size + 1.0)
    if not wanted:
        return NO_SPLINE
    knots = np.unique(np.quantile(np.repeat(week, at_risk), KNOTS[wanted]))
    if knots.size < 2:
        return NO_SPLINE
    basis = natural_spline(week, knots)
    gram = basis.T @ (basis * (at_risk / at_risk.sum())[:, None])
    triangle = np.linalg.cholesky(gram).T
    return np.asarray(np.linalg.solve(triangle.T, basis.T).T[:, 1:], dtype=np.float64)


def _rungs(p: int, q: int) -> list[tuple[int, int]]:
    """Numbers of baseline and varying covariates, the richest first; the first varying one drives departures and stays."""
    first = min(q, 1)
    return [(p, j) for j in range(q, first - 1, -1)] + [(j, first) for j in range(p - 1, -1, -1)] + [(0, 0)]


def modelled_departures(kind: str, design: DepartureDesign, per_parameter: float) -> Model | None:
    """The richest model that the departures carry.

    Given up first are the interactions, then the varying covariates but the first, then the baseline ones, each from the last on.
    """
    at_risk, departures = design.counted()
    person_weeks, weeks = int(at_risk.sum()), tuple(int(week) for week in np.flatnonzero(at_risk) + 1)
    if departures == 0:
        return None
    if departures == person_weeks:
        raise refuse(f"every one of {person_weeks} person-weeks of the model for {kind} is a departure: nobody can be weighted")
    starting = design.starting
    if not starting:
        design = replace(design, spline=week_columns(at_risk, departures))
    p, q = design.sample.baseline.shape[1], design.sample.varying.shape[2]
    allowed = min(departures, person_weeks - departures) / max(per_parameter, 1e-9)
    rungs = [(p, q, True)] if starting else []
    rungs += [(base, later, False) for base, later in _rungs(p, q)]
    full = design.with_covariates(p, q, interacting=starting)
    for base, later, interacting in rungs:
        tried = design.with_covariates(base, later, interacting=interacting)
        if len(tried.names()) <= allowed or (base, later) == (0, 0):
            break
    left_out = tuple(name for name in full.names() if name not in tried.names())
    return Model(kind, pooled_logistic(tried.block, weeks, tried.names(), design.sample.n), left_out)


@dataclass(frozen=True, slots=True, eq=False)
class ThroughDesign:
    """Having departed by the end of one week, among the rows of which that week is known, given what was known on the first day.

    In a week that is not known nobody is seen to depart: the log of many ends with the event, and to take them for faithful
    would count every early event under both strategies.
    """

    sample: LongitudinalSample = field(repr=False)
    departs: IntArray = field(repr=False)
    week: int
    rows: IntArray = field(repr=False)
    baseline: int
    varying: int

    def names(self) -> tuple[str, ...]:
        sample = self.sample
        base = sample.baseline_names or tuple(f"baseline {j + 1}" for j in range(sample.baseline.shape[1]))
        later = sample.varying_names or tuple(f"varying {j + 1}" for j in range(sample.varying.shape[2]))
        return ("(intercept)", *base[: self.baseline], *later[: self.varying])

    def block(self, week: int) -> WeekBlock:
        at = self.rows
        chosen = [self.sample.baseline[at][:, : self.baseline], self.sample.varying[at, 0][:, : self.varying]]
        columns = np.concatenate([np.ones((at.size, 1)), *chosen], axis=1)
        return WeekBlock(at, columns, (self.departs[at] <= week).astype(np.float64))


def departed_through(sample: LongitudinalSample, departs: IntArray, week: int, per_parameter: float) -> Model | None:
    """The richest model of having departed by the end of `week`; covariates are given up as in `modelled_departures`."""
    known = (last_weeks(sample) >= week) & (sample.state[:, week - 1] >= 0)
    rows = np.flatnonzero(known).astype(np.int64)
    gone = int(np.count_nonzero(departs[rows] <= week))
    if gone == 0:
        return None
    if gone == rows.size:
        raise refuse(f"all {gone} rows followed through week {week} have departed by then: nobody can be weighted")
    p, q = sample.baseline.shape[1], sample.varying.shape[2]
    allowed = min(gone, rows.size - gone) / max(per_parameter, 1e-9)
    full = ThroughDesign(sample, departs, week, rows, p, q)
    for base, later in _rungs(p, q):
        tried = replace(full, baseline=base, varying=later)
        if len(tried.names()) <= allowed:
            break
    left_out = tuple(name for name in full.names() if name not in tried.names())
    fit = pooled_logistic(tried.block, (week,), tried.names(), sample.n)
    return Model(f"initiation through week {week}", fit, left_out, through=week)
