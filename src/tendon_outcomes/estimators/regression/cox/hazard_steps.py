"""Sums over the risk sets of a Cox model at given coefficients: what every residual, check and baseline is made of.

Only days with events matter. A step is a (stratum, day) with at least one event; a row is at risk at the steps first <= step <
last. With d events on a step, w their mean weight and f_l = l/d (Efron; 0 for Breslow), l = 0..d-1, the denominators are
D_l = S0 - f_l S0d, S0 the sum of weight times exp(x'beta) at risk and S0d the same over the events. All that a step passes on
are the sums of 1/D, f/D, 1/D^2, f/D^2 and f^2/D^2 over l, so nothing is as long as events times covariates.

The fit has sums of its own (`sorted_rows`, `likelihood`): it goes over all rows at every iteration, so it keeps them sorted and
never asks what a single row bears. What follows a fit goes over them once and needs every row, in the sample's own order. The
two are checked against a third, risk set by risk set (`scanned`): tests/failures/test_reviewed_estimators_cox.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse, summed_by
from tendon_outcomes.estimators.regression.cox.sample import CoxSample

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True, slots=True, eq=False)
class HazardSteps:
    """K steps in order of stratum, then day. Scores are exp(x'beta - shift of the row's stratum); x is centred at `centre`."""

    first: IntArray  # (n,) the row is at risk at the steps first <= step < last
    last: IntArray  # (n,)
    own: IntArray  # (n,) the step of a row's event; -1 without one
    row_stratum: IntArray  # (n,)
    late: bool  # whether somebody may enter after the first step
    day: IntArray  # (K,) number of the step's day in sample.time
    stratum: IntArray  # (K,)
    edges: IntArray  # (S + 1,) steps edges[s] <= step < edges[s + 1] belong to stratum s
    n_events: FloatArray  # (K,) rows, not weight
    mean_weight: FloatArray  # (K,) of the events
    score: FloatArray  # (n,)
    weighted_score: FloatArray  # (n,) weight times score
    shift: FloatArray  # (S,)
    x: FloatArray  # (n, p) centred
    centre: FloatArray
    sums: FloatArray  # (5, K): sums over l of 1/D, f/D, 1/D^2, f/D^2, f^2/D^2
    s1: FloatArray  # (K, p) weight times score times x over those at risk
    s1_events: FloatArray  # (K, p) the same over the events

    @property
    def hazard(self) -> FloatArray:
        """(K,) increment of the cumulative hazard of a row with score 1."""
        return np.asarray(self.mean_weight * self.sums[0])

    @property
    def spared(self) -> FloatArray:
        """(K,) the part of that increment which a row with its event on the step does not bear (0 for Breslow)."""
        return np.asarray(self.mean_weight * self.sums[1])

    def at_risk(self, values: FloatArray) -> FloatArray:
        """(K,) or (K, q): sum of `values` (n,) or (n, q) over the rows at risk at each step."""
        used = self.last > self.first
        leaving = _binned(self.last[used] - 1, values[used], self.day.size)
        if not self.late:
            return np.asarray(_falling(leaving, self.edges), dtype=np.float64)
        used &= self.first > self.edges[self.row_stratum]
        entering = _binned(self.first[used] - 1, values[used], self.day.size)
        # Late entries are taken away again: more digits, so that a small early risk set keeps its own.
        return np.asarray(_falling(leaving.astype(np.longdouble) - entering, self.edges), dtype=np.float64)

    def of_events(self, values: FloatArray) -> FloatArray:
        """(K,) or (K, q): sum of `values` over the events of each step."""
        at = self.own >= 0
        return _binned(self.own[at], values[at], self.day.size)

    def passed(self, increments: FloatArray) -> FloatArray:
        """(n,) or (n, q): sum of a step's `increments` over the steps at which each row is at risk."""
        total = accumulated(increments, self.edges)
        borne: FloatArray = total[self.last + self.row_stratum]
        if self.late:
            borne = borne - total[self.first + self.row_stratum]
        return borne


def accumulated(increments: FloatArray, edges: IntArray) -> FloatArray:
    """Running sums that start again at 0 in each stratum: entry e + s is the sum of stratum s before its step e."""
    total = np.zeros((increments.shape[0] + edges.size - 1, *increments.shape[1:]))
    for s in range(edges.size - 1):
        low, high = edges[s], edges[s + 1]
        np.cumsum(increments[low:high], axis=0, out=total[low + s + 1 : high + s + 1])
    return total


def _falling(sums: npt.NDArray[np.floating], edges: IntArray) -> npt.NDArray[np.floating]:
    """Sums from each step to the last of its stratum."""
    total = np.empty_like(sums)
    for low, high in pairwise(edges):
        np.cumsum(sums[low:high][::-1], axis=0, out=total[low:high][::-1])
    return total


def _binned(index: IntArray, values: FloatArray, size: int) -> FloatArray:
    if values.ndim == 1:
        return summed_by(index, values, size)
    return np.stack([summed_by(index, values[:, j], size) for j in range(values.shape[1])], axis=1)


def checked_ties(ties: str) -> Ties:
    """The tie rule, when it is one for which these sums exist."""
    if ties == "efron":
        return "efron"
    if ties == "breslow":
        return "breslow"
    raise refuse(
        f"residuals and baselines are defined for ties efron and breslow, not {ties}", way_out="Fit with ties='efron' for them."
    )


def checked_beta(sample: CoxSample, beta: FloatArray) -> FloatArray:
    """One finite coefficient a covariate."""
    values = np.asarray(beta, dtype=np.float64)
    if values.shape != (sample.x.shape[1],):
        raise refuse(f"{values.size} coefficients for {sample.x.shape[1]} covariates")
    if not np.isfinite(values).all():
        raise refuse("a coefficient is missing or not finite")
    return values


def hazard_steps(sample: CoxSample, beta: FloatArray, ties: str) -> HazardSteps:
    """The sums at `beta`. Refuses a sample without events and the exact tie rule."""
    rule, values = checked_ties(ties), checked_beta(sample, beta)
    if not sample.event.any():
        raise refuse("there are no events")
    first, last, own, key = _steps(sample)
    strata, stratum = len(sample.stratum_labels), key // sample.time.size
    weight, centre = sample.weights, sample.x.mean(axis=0)
    x = sample.x - centre
    eta = x @ values
    shift = np.full(strata, -np.inf)
    np.maximum.at(shift, sample.stratum, eta)
    score = np.exp(eta - shift[sample.stratum])
    at = own >= 0
    d = summed_by(own[at], None, key.size)
    steps = HazardSteps(
        first=first,
        last=last,
        own=own,
        row_stratum=sample.stratum,
        late=sample.start is not None,
        day=key % sample.time.size,
        stratum=stratum,
        edges=np.searchsorted(stratum, np.arange(strata + 1)).astype(np.int64),
        n_events=d,
        mean_weight=summed_by(own[at], weight[at], key.size) / d,
        score=score,
        weighted_score=weight * score,
        shift=shift,
        x=x,
        centre=centre,
        sums=np.zeros((5, key.size)),
        s1=np.zeros((0, values.size)),
        s1_events=np.zeros((0, values.size)),
    )
    weighted = steps.weighted_score[:, None] * x
    s1, s1_events = steps.at_risk(weighted), steps.of_events(weighted)
    return replace(steps, sums=_denominator_sums(steps, rule), s1=s1, s1_events=s1_events)


def _steps(sample: CoxSample) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """(first, last, own step of each row, stratum * m + day of each step)."""
    m = sample.time.size
    if len(sample.stratum_labels) == 1:
        happened = np.bincount(sample.stop[sample.event], minlength=m) > 0
        count = np.concatenate(([0], np.cumsum(happened)))  # steps before day 0, 1, …
        key = np.flatnonzero(happened)
        last = count[sample.stop + 1]
        first = np.zeros(sample.n, dtype=np.int64) if sample.start is None else count[sample.start + 1]
    else:
        place = sample.stratum * m
        key = np.unique((place + sample.stop)[sample.event])
        last = np.searchsorted(key, place + sample.stop, side="right")
        first = np.searchsorted(key, place if sample.start is None else place + sample.start + 1, side="left")
    own = np.where(sample.event, last - 1, -1)
    return first.astype(np.int64), last.astype(np.int64), own.astype(np.int64), key.astype(np.int64)


def _denominator_sums(steps: HazardSteps, rule: Ties) -> FloatArray:
    s0_events = steps.of_events(steps.weighted_score)
    s0 = np.maximum(steps.at_risk(steps.weighted_score), s0_events)  # rounding, after late entries were taken off
    if not (s0 > 1e-150).all() or not (s0_events > 0.0).all():
        raise refuse("the linear predictor spans more than exp() can hold", way_out="Rescale the covariates or check the fit.")
    d = steps.n_events
    sums = np.zeros((5, d.size))
    sums[0], sums[2] = d / s0, d / s0**2
    tied = np.flatnonzero(d > 1) if rule == "efron" else np.zeros(0, dtype=np.int64)
    if tied.size:
        sums[:, tied] = _efron_sums(s0[tied], s0_events[tied], d[tied].astype(np.int64))
    return sums


def _efron_sums(s0: FloatArray, s0_events: FloatArray, d: IntArray) -> FloatArray:
    """The five sums over l = 0..d-1 on steps with ties."""
    step = np.repeat(np.arange(d.size), d)
    start = np.concatenate(([0], np.cumsum(d)[:-1]))
    f = (np.arange(step.size) - start[step]) / d[step]
    inverse = 1.0 / (s0[step] - f * s0_events[step])
    once, square = f * inverse, inverse * inverse
    terms = (inverse, once, square, once * inverse, once * once)
    return np.stack([np.add.reduceat(term, start) for term in terms])
