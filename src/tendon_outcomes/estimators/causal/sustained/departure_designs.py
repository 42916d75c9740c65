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

# Departures (or stays, if fewer) wanted for every parameter of a model; van Smeden et al. (2019) SMMR 28:2455 find 10 neither
# needed nor enough for prediction, and 5 is where coefficients begin to be of use for weights.
PER_PARAMETER = 5.0
NO_SPLINE = np.zeros((0, 0))
KNOTS = {3: (0.10, 0.5, 0.90), 4: (0.05, 0.35, 0.65, 0.95)}  # Harrell (2015), table 2.3


class Model(NamedTuple):
    """A model of departing, and the covariates that it does without."""

    kind: str
    fit: PooledLogistic
    left_out: tuple[str, ...]


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
        cls, sample: LongitudinalSample, phase: IntArray | None, phases: tuple[int, ...], departs: IntArray
    ) -> DepartureDesign:
        """Who is at risk in each week; no covariates yet. `phase` is None for loss, which ends follow-up in its week."""
        end, members = last_weeks(sample), []
        for week in range(1, sample.weeks + 1):
            at_risk = (end >= week) & (departs >= week)
            if phase is None:
                at_risk |= departs == week
            else:
                now = phase[:, week - 1]
                at_risk &= np.logical_or.reduce([now == one for one in phases])
            members.append(np.flatnonzero(at_risk).astype(np.int32))
        return cls(sample, phase, phases, departs, NO_SPLINE, (), (), interacting=False, members=tuple(members))

    def names(self) -> tuple[str, ...]:
        sample = self.sample
        base = sample.baseline_names or tuple(f"baseline {j + 1}" for j in range(sample.baseline.shape[1]))
        later = sample.varying_names or tuple(f"varying {j + 1}" for j in range(sample.varying.shape[2]))
        chosen = (*(base[j] for j in self.baseline), *(later[j] for j in self.varying))
        if self.interacting:
            chosen = (*chosen, *(f"last week to start x {name}" for name in chosen))
        return ("(intercept)", *self._of_week_names(), *chosen)

    def _of_week_names(self) -> tuple[str, ...]:
        if 2 in self.phases:
            return ("last week to start", "week before it")
        return tuple(f"week {j + 1}" for j in range(self.spline.shape[1]))

    def block(self, week: int) -> WeekBlock:
        rows = self.members[week - 1].astype(np.int64)
        columns = [np.ones((rows.size, 1))]
        last = np.zeros(rows.size)
        if self.phase is not None and 2 in self.phases:
            last = (self.phase[rows, week - 1] == 2).astype(np.float64)
            columns += [last[:, None], np.where(last > 0.0, 0.0, float(week))[:, None]]
        elif self.spline.size:
            columns.append(np.repeat(self.spline[week - 1 : week], rows.size, axis=0))
        chosen = [
            self.sample.baseline[rows][:, list(self.baseline)],
            self.sample.varying[rows, week - 1][:, list(self.varying)],
        ]
        columns += chosen
        if self.interacting:
            columns += [last[:, None] * part for part in chosen]
        return WeekBlock(rows, np.concatenate(columns, axis=1), (self.departs[rows] == week).astype(np.float64))

    def with_covariates(self, baseline: int, varying: int, *, interacting: bool) -> DepartureDesign:
        """With the first covariates of each kind."""
        return replace(self, baseline=tuple(range(baseline)), varying=tuple(range(varying)), interacting=interacting)

    def counted(self) -> tuple[IntArray, int]:
        """Rows at risk by week, and departures."""
        at_risk = np.array([rows.size for rows in self.members], dtype=np.int64)
        departures = sum(int(np.count_nonzero(self.departs[rows] == week)) for week, rows in enumerate(self.members, start=1))
        return at_risk, departures


def week_columns(at_risk: IntArray, departures: int) -> FloatArray:
    """A natural spline of the week, (K, columns), columns uncorrelated over the person-weeks; fewer knots for few departures."""
    wanted = 4 if departures >= 40 else 3 if departures >= 20 else 0
    week = np.arange(1.0, at_risk.size + 1.0)
    if not wanted:
        return NO_SPLINE
    knots = np.unique(np.quantile(np.repeat(week, at_risk), KNOTS[wanted]))
    if knots.size < 3:
        return NO_SPLINE
    basis = natural_spline(week, knots)
    gram = basis.T @ (basis * (at_risk / at_risk.sum())[:, None])
    triangle = np.linalg.cholesky(gram).T
    return np.asarray(np.linalg.solve(triangle.T, basis.T).T[:, 1:], dtype=np.float64)


def modelled_departures(kind: str, design: DepartureDesign, per_parameter: float) -> Model | None:
    """The richest model that the departures carry: without interactions, then varying, then baseline from the last on."""
    at_risk, departures = design.counted()
    person_weeks, weeks = int(at_risk.sum()), tuple(int(week) for week in np.flatnonzero(at_risk) + 1)
    if departures == 0:
        return None
    if departures == person_weeks:
        raise refuse(f"every one of {person_weeks} person-weeks of the model for {kind} is a departure: nobody can be weighted")
    starting = 2 in design.phases
    if not starting:
        design = replace(design, spline=week_columns(at_risk, departures))
    p, q = design.sample.baseline.shape[1], design.sample.varying.shape[2]
    allowed = min(departures, person_weeks - departures) / max(per_parameter, 1e-9)
    rungs = [(p, q, True)] if starting else []
    rungs += [(p, j, False) for j in range(q, -1, -1)] + [(j, 0, False) for j in range(p - 1, -1, -1)]
    full = design.with_covariates(p, q, interacting=starting)
    for base, later, interacting in rungs:
        tried = design.with_covariates(base, later, interacting=interacting)
        if len(tried.names()) <= allowed or (base, later) == (0, 0):
            break
    left_out = tuple(name for name in full.names() if name not in tried.names())
    return Model(kind, pooled_logistic(tried.block, weeks, tried.names(), design.sample.n), left_out)
