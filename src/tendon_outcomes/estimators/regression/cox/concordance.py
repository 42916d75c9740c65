"""Harrell's concordance: how often the one with the higher score has the event first."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, IntArray, are_copies, checked_level, refuse, summed_by
from tendon_outcomes.estimators.regression.cox.ordered_sums import RankSums, rank_sums
from tendon_outcomes.estimators.regression.cox.sample import CoxSample, cox_sample


@dataclass(frozen=True, slots=True, eq=False)
class Concordance:
    """The share of comparable pairs that the score puts in the right order, ties of the score counting one half.

    The counts are sums over pairs of the product of their weights, all strata together. `influence` is the derivative of the
    estimate by the weight of each row of the sample (rows of weight 0 are left out of it).
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    concordant: float
    discordant: float
    tied_score: float
    tied_time: float
    tied_both: float
    influence: FloatArray = field(repr=False)
    conf_level: float
    robust: bool


def concordance(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
) -> Concordance:
    """How often, of two who can be compared, the one with the higher score has the event first.

    Estimand
        Pr(score_i > score_j | i has the event before j, both at risk then) + half the probability of a tie of the scores.
    Estimator
        (C + T/2) / (C + D + T): sums of w_i w_j over pairs of a stratum in which i has an event while j is at risk, and j's time
        is later, or is the same and censored: C score_i > score_j, D score_i < score_j, T equal.
    Interval
        Infinitesimal jackknife: sum over rows (or clusters) of (w_i dC/dw_i)^2; whole-number weights are copies (w_i instead of
        w_i^2) unless `robust=True` or clusters are given. Normal limits on the logit scale; 0 and 1 when the estimate is 0 or 1,
        where the jackknife has no spread.
    Conventions
        A score is a hazard: higher means sooner (R: reverse = TRUE). Events on the same day are not comparable (`tied_time`, or
        `tied_both` when the scores are equal too). Scores are tied when they are the same number.
    Assumes
        Nothing for the sample's own pairs; as an estimate of a population it depends on the censoring pattern.
    Not for
        Absolute accuracy (calibration). Choosing among models on the sample that they were fitted on.
    Parameters
        time, event, entry, weight, strata, cluster: as in cox. score: one number a row.
    Returns
        Concordance.
    References
        Harrell, Lee & Mark (1996) Stat Med 15:361, section 5.5; Therneau & Grambsch (2000), 7.2 (infinitesimal jackknife).
    Checked
        Exact by hand, slow definition in loops (all pairs, fractions), reference (R survival::concordance), properties.
    """
    values = np.asarray(score, dtype=np.float64)
    if values.ndim != 1:
        raise refuse(f"`score` has {values.ndim} dimensions where one number a row is expected")
    sample = cox_sample(time, event, values, names=("score",), entry=entry, weight=weight, strata=strata, cluster=cluster)
    return concordance_of(sample, sample.x[:, 0], conf_level=conf_level, robust=robust)


def concordance_of(sample: CoxSample, score: FloatArray, *, conf_level: float = 0.95, robust: bool | None = None) -> Concordance:
    """Concordance of a score with the times of a checked sample."""
    level, weight = checked_level(conf_level), sample.weights
    rank = np.unique(score, return_inverse=True)[1].astype(np.int64)
    as_event, as_other = _as_event(sample, rank), _as_other(sample, rank)
    event = np.flatnonzero(sample.event)
    right, wrong, tied = as_other.above.copy(), as_other.below.copy(), as_other.equal.copy()
    right[event] += as_event.below
    wrong[event] += as_event.above
    tied[event] += as_event.equal
    ours = weight[event]
    totals = [float(ours @ part) for part in (as_event.below, as_event.above, as_event.equal)]
    pairs = sum(totals)
    if not pairs > 0.0:
        raise refuse("no two rows can be compared: nobody is followed beyond an event of somebody else")
    estimate = (totals[0] + totals[2] / 2.0) / pairs
    influence = (right + tied / 2.0 - estimate * (right + wrong + tied)) / pairs
    sandwich = sample.cluster is not None or (not are_copies(weight) if robust is None else bool(robust))
    std_error = _jackknife(sample, influence, sandwich=sandwich)
    low, high = _limits(estimate, std_error, level)
    tied_time, tied_both = _tied_events(sample, rank)
    return Concordance(
        estimate=estimate,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        concordant=totals[0],
        discordant=totals[1],
        tied_score=totals[2],
        tied_time=tied_time,
        tied_both=tied_both,
        influence=influence,
        conf_level=level,
        robust=sandwich,
    )


def _as_event(sample: CoxSample, rank: IntArray) -> RankSums:
    """For each event (in sample order): the weights of those at risk who stay longer, by rank beside the event's."""
    span, weight = 2 * sample.time.size + 2, sample.weights
    event = np.flatnonzero(sample.event)
    # Of the rows of a day those with events leave first, so a row censored on the day of an event stays longer.
    leaving = sample.stratum * span + 2 * sample.stop + ~sample.event
    order = np.argsort(leaving, kind="stable")
    low = np.searchsorted(leaving[order], leaving[event], side="right")
    end = np.searchsorted(sample.stratum[order], sample.stratum[event], side="right")
    later = rank_sums(rank[order], weight[order], low=low, high=end, query_rank=rank[event])
    if sample.start is None:
        return later
    # Rows that enter on the day of the event or after it are among those who leave later: take them off.
    entering = sample.stratum * span + 2 * (sample.start + 1)
    order = np.argsort(entering, kind="stable")
    low = np.searchsorted(entering[order], (sample.stratum * span + 2 * (sample.stop + 1))[event], side="left")
    absent = rank_sums(rank[order], weight[order], low=low, high=end, query_rank=rank[event])
    return RankSums(*(_difference(a, b) for a, b in zip(later, absent, strict=True)))


def _difference(whole: FloatArray, part: FloatArray) -> FloatArray:
    left = whole - part
    return np.asarray(np.where(left <= 1e-12 * whole, 0.0, left), dtype=np.float64)


def _as_other(sample: CoxSample, rank: IntArray) -> RankSums:
    """For each row: the weights of the events that it outlasts while at risk, by rank beside the row's."""
    span = 2 * sample.time.size + 2
    event = np.flatnonzero(sample.event)
    key = sample.stratum * span + 2 * sample.stop
    order = event[np.argsort(key[event], kind="stable")]
    entered = sample.stratum * span if sample.start is None else sample.stratum * span + 2 * (sample.start + 1)
    low = np.searchsorted(key[order], entered, side="left")
    high = np.searchsorted(key[order], key + ~sample.event, side="left")
    return rank_sums(rank[order], sample.weights[order], low=low, high=high, query_rank=rank)


def _tied_events(sample: CoxSample, rank: IntArray) -> tuple[float, float]:
    """Pairs of events on one day of a stratum: with different scores, and with the same."""
    event = np.flatnonzero(sample.event)
    day = np.unique((sample.stratum * sample.time.size + sample.stop)[event], return_inverse=True)[1].astype(np.int64)
    both = np.unique(day * (int(rank.max()) + 1) + rank[event], return_inverse=True)[1].astype(np.int64)
    weight = sample.weights[event]
    same_day, same_both = (_pairs(group, weight) for group in (day, both))
    return max(same_day - same_both, 0.0), same_both


def _pairs(group: IntArray, weight: FloatArray) -> float:
    size = int(group.max(initial=-1)) + 1
    return float(((summed_by(group, weight, size) ** 2) - summed_by(group, weight**2, size)).sum() / 2.0)


def _jackknife(sample: CoxSample, influence: FloatArray, *, sandwich: bool) -> float:
    moved = sample.weights * influence
    if sample.cluster is not None:
        moved = summed_by(sample.cluster, moved, int(sample.cluster.max()) + 1)
    return float(np.sqrt(moved @ moved if sandwich else moved @ influence))


def _limits(estimate: float, std_error: float, level: float) -> tuple[float, float]:
    spread = estimate * (1.0 - estimate)
    if spread <= 1e-12 or std_error <= 0.0:
        return 0.0, 1.0
    shift = two_sided_z(level) * std_error / spread
    odds = estimate / (1.0 - estimate)
    return float(1.0 - 1.0 / (1.0 + odds * np.exp(-shift))), float(1.0 - 1.0 / (1.0 + odds * np.exp(shift)))
