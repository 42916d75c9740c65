"""The weighted risk sets of Fine and Gray: those with a competing event stay at risk, as likely as they would be uncensored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.observations import (
    FloatArray,
    IntArray,
    checked_labels,
    one_dimensional,
    refuse,
    summed_by,
    tie_classes,
)
from tendon_outcomes.estimators.regression.cox.sample import CoxSample
from tendon_outcomes.estimators.regression.design_matrix import design_matrix


@dataclass(frozen=True, slots=True, eq=False)
class SubdistributionSample:
    """n rows over m numbered days. `kept` are the rows' places in the input (rows of weight 0 are left out).

    `code` is 0 censored, 1 the cause of interest, 2 another cause; `group` numbers the censoring groups. `uncensored` (G, m) is
    the Kaplan-Meier probability of not being censored before each day, in each group.
    """

    time: FloatArray  # (m,)
    day: IntArray
    code: IntArray
    x: FloatArray  # (n, p) centred
    centre: FloatArray
    names: tuple[str, ...]
    weight: FloatArray
    group: IntArray
    cluster: IntArray | None
    kept: IntArray
    uncensored: FloatArray
    n_at_risk: FloatArray  # (G, m)
    n_censored: FloatArray  # (G, m)
    n_events: FloatArray  # (m,) weight of events of interest

    @property
    def own_uncensored(self) -> FloatArray:
        """(n,) probability of each row's group of not being censored before the row's own day."""
        return np.asarray(self.uncensored[self.group, self.day])


def subdistribution_sample(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    covariates: npt.ArrayLike,
    names: Sequence[str] | None,
    weights: FloatArray,
    cause_of_interest: int,
    censoring_group: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
) -> SubdistributionSample:
    """Check the rows of a Fine-Gray model; `weights` are checked already, rows of weight 0 are left out."""
    exits = one_dimensional("time", time)
    code = _interest(cause, exits.size, cause_of_interest)
    wrong = int(np.count_nonzero(~np.isfinite(exits) | (exits < 0.0)))
    if wrong:
        raise refuse(f"{wrong} of {exits.size} times are negative, missing or not finite")
    kept = np.flatnonzero(weights > 0.0)
    x = np.asarray(covariates, dtype=np.float64)
    if x.shape[:1] != (exits.size,):
        raise refuse(f"covariates have {x.shape[0] if x.ndim else 0} rows for {exits.size} times")
    design = design_matrix(x if kept.size == exits.size else x[kept], names, n=kept.size)
    group = np.zeros(exits.size) if censoring_group is None else checked_labels(censoring_group, exits.size, "censoring_group")
    numbers = np.unique(group[kept], return_inverse=True)[1].astype(np.int64)
    if not (code[kept] == 1).any():
        raise refuse(f"none of {kept.size} rows has cause {cause_of_interest}")
    weight, status = weights[kept], code[kept]
    days, (day,) = tie_classes(exits[kept])
    uncensored, at_risk, censored = censoring_curves(day, status, weight, numbers, days.size)
    centre = design.x.mean(axis=0)
    clusters = None if cluster is None else checked_clusters(checked_clusters(cluster, exits.size)[kept], kept.size)
    return SubdistributionSample(
        time=days,
        day=day,
        code=status,
        x=design.x - centre,
        centre=centre,
        names=design.names,
        weight=weight,
        group=numbers,
        cluster=clusters,
        kept=kept,
        uncensored=uncensored,
        n_at_risk=at_risk,
        n_censored=censored,
        n_events=summed_by(day[status == 1], weight[status == 1], days.size),
    )


def _interest(cause: npt.ArrayLike, n: int, cause_of_interest: int) -> npt.NDArray[np.int64]:
    """0 censored, 1 the cause of interest, 2 any other."""
    if n == 0:
        raise refuse("there are no rows")
    raw = np.asarray(cause)
    if raw.shape != (n,):
        raise refuse(f"the event codes have shape {raw.shape} for {n} rows")
    values = raw.astype(np.float64)
    wrong = int(np.count_nonzero(~np.isfinite(values) | (values != np.rint(values)) | (values < 0.0)))
    if wrong:
        raise refuse(f"{wrong} of {n} event codes are missing, negative or not whole numbers")
    if cause_of_interest < 1:
        raise refuse("`cause_of_interest` is 1 or more; 0 means censored")
    return np.where(values == 0.0, 0, np.where(values == cause_of_interest, 1, 2)).astype(np.int64)


def censoring_curves(
    day: IntArray, code: IntArray, weight: FloatArray, group: IntArray, m: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(probability of no censoring before each day, weight at risk, weight censored), each (groups, days)."""
    size = int(group.max()) + 1
    leaving = summed_by(group * m + day, weight, size * m).reshape(size, m)
    censored = summed_by((group * m + day)[code == 0], weight[code == 0], size * m).reshape(size, m)
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    kept = 1.0 - np.divide(censored, at_risk, out=np.zeros_like(censored), where=at_risk > 0.0)
    curve = np.cumprod(np.hstack([np.ones((size, 1)), np.maximum(kept[:, :-1], 0.0)]), axis=1)
    curve[at_risk <= 0.0] = 0.0  # after the last day of a group nobody of it can still be followed
    return curve, at_risk, censored


class SpreadTooWide(EstimationRefused):
    """Scores of one sample are so far apart that some vanish beside others."""


@dataclass(frozen=True, slots=True, eq=False)
class SubdistributionSums:
    """Sums over the weighted risk sets at given coefficients; (m,) and (m, p), 0 on days without an event of interest."""

    log_likelihood: float
    gradient: FloatArray
    information: FloatArray
    score: FloatArray  # (n,) exp(x'beta - shift)
    shift: float
    s0: FloatArray
    mean: FloatArray  # (m, p)
    hazard: FloatArray  # (m,)
    borne: FloatArray  # (n,) hazard over a row's time in the risk sets, times its weight there


def evaluated(sample: SubdistributionSample, beta: FloatArray) -> SubdistributionSums:
    """Log partial likelihood (Breslow's for ties), its derivatives, and the sums that residuals need."""
    eta = sample.x @ beta
    shift = float(eta.max())
    score = np.exp(eta - shift)
    weighted = sample.weight * score
    s0, s1 = risk_set_sums(sample, weighted), risk_set_sums(sample, weighted[:, None] * sample.x)
    happened = sample.n_events > 0.0
    if not (s0[happened] > 1e-150).all():  # its square is needed, too
        raise SpreadTooWide("the linear predictor spans more than exp() can hold", way_out="Rescale the covariates.")
    safe = np.where(happened, s0, 1.0)
    mean = np.where(happened[:, None], s1 / safe[:, None], 0.0)
    hazard = np.where(happened, sample.n_events / safe, 0.0)
    borne = borne_by_rows(sample, hazard)
    event = sample.code == 1
    total = sample.weight[event] @ (eta[event] - shift) - sample.n_events[happened] @ np.log(safe[happened])
    gradient = sample.weight[event] @ (sample.x[event] - mean[sample.day[event]])
    information = sample.x.T @ ((weighted * borne)[:, None] * sample.x) - (sample.n_events[:, None] * mean).T @ mean
    return SubdistributionSums(
        log_likelihood=float(total),
        gradient=np.asarray(gradient),
        information=np.asarray((information + information.T) / 2.0),
        score=score,
        shift=shift,
        s0=s0,
        mean=mean,
        hazard=hazard,
        borne=borne,
    )


def as_cox_sample(sample: SubdistributionSample) -> CoxSample:
    """The same rows with everybody in the risk sets for as long as they have weight there: who is compared with whom."""
    last = sample.time.size - 1 - np.argmax(sample.uncensored[:, ::-1] > 0.0, axis=1)
    stays = np.where(sample.code == 2, np.maximum(sample.day, last[sample.group]), sample.day)
    return CoxSample(
        time=sample.time,
        stop=stays,
        start=None,
        event=sample.code == 1,
        x=sample.x,
        names=sample.names,
        weight=sample.weight,
        stratum=np.zeros(sample.day.size, dtype=np.int64),
        stratum_labels=(0,),
        cluster=None,
        kept=sample.kept,
    )


def risk_set_sums(sample: SubdistributionSample, values: FloatArray) -> FloatArray:
    """Sum on each day of `values` (n,) or (n, q) over those not gone, and over those gone by another cause at their weight."""
    m, groups = sample.time.size, sample.uncensored.shape[0]
    total = _by_day(sample.day, values, m)[::-1].cumsum(axis=0)[::-1]
    other = np.flatnonzero(sample.code == 2)
    share = sample.own_uncensored[other].reshape(-1, *(1,) * (values.ndim - 1))
    for g in range(groups):
        mine = sample.group[other] == g
        if mine.any():
            gone = _by_day(sample.day[other][mine], (values[other] / share)[mine], m)
            before = np.cumsum(gone, axis=0) - gone
            total = total + sample.uncensored[g].reshape(-1, *(1,) * (values.ndim - 1)) * before
    return np.asarray(total)


def borne_by_rows(sample: SubdistributionSample, increments: FloatArray) -> FloatArray:
    """(n,) or (n, q): increments (m,) or (m, q) summed over the days a row is in the risk sets, times its weight there."""
    borne: FloatArray = np.cumsum(increments, axis=0)[sample.day]
    other = np.flatnonzero(sample.code == 2)
    tail = (1,) * (increments.ndim - 1)
    for g in range(sample.uncensored.shape[0]):
        mine = other[sample.group[other] == g]
        if mine.size:
            seen = sample.uncensored[g].reshape(-1, *tail) * increments
            later = _after(seen)
            borne[mine] += later[sample.day[mine]] / sample.own_uncensored[mine].reshape(-1, *tail)
    return borne


def _after(increments: FloatArray) -> FloatArray:
    """Sums over the later days."""
    return np.asarray(increments[::-1].cumsum(axis=0)[::-1] - increments)


def _by_day(day: IntArray, values: FloatArray, m: int) -> FloatArray:
    if values.ndim == 1:
        return summed_by(day, values, m)
    return np.stack([summed_by(day, values[:, j], m) for j in range(values.shape[1])], axis=1)
