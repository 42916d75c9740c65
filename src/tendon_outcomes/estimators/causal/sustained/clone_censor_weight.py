"""Sustained strategies compared by cloning everybody, censoring at departure and weighting for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.causal.sustained.agreement import Resampling, WeeklyContrast, resampled_patients, weekly_contrast
from tendon_outcomes.estimators.causal.sustained.censoring_weights import (
    DepartureModel,
    Initiation,
    WeightSummary,
)
from tendon_outcomes.estimators.causal.sustained.departure_designs import PER_PARAMETER, last_weeks
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.weekly_bootstrap import StrategyCurve, clone_statistic
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_level, refuse


@dataclass(frozen=True, slots=True, eq=False)
class CloneCensorWeight:
    """Two strategies, the reference first. Arrays (2, K) hold one column a week, 1 to K.

    `contrast` has the curves, differences and restricted means with limits. `competing` (2, K) incidence of all competing causes.
    `counted`: clones that count in the week; `effective_n` (sum w)^2 / sum w^2 of their weights; `departures`: clones that depart
    in the week while still counting. `person_weeks` (2,) of clones, `compatible_with_both` (K,) rows both of whose clones count.
    `weights` and `models` describe the weights of each strategy. `residual` (2,) of the curves' equations.
    """

    contrast: WeeklyContrast
    competing: FloatArray
    counted: IntArray
    effective_n: FloatArray
    departures: IntArray
    person_weeks: FloatArray
    compatible_with_both: IntArray
    weights: tuple[WeightSummary, WeightSummary]
    models: tuple[tuple[DepartureModel, ...], tuple[DepartureModel, ...]]
    residual: FloatArray
    n_patients: int

    @property
    def incidence(self) -> FloatArray:
        """(2, K), the reference strategy first."""
        return self.contrast.incidence


def clone_censor_weight(
    sample: LongitudinalSample,
    *,
    strategies: tuple[int, int] = (0, 1),
    weeks: Sequence[int] = (8, 12, 26),
    horizon: int = 26,
    truncate: tuple[float, float] | None = (0.01, 0.99),
    loss: bool = True,
    conf_level: float = 0.95,
    std_error: Resampling = "jackknife",
    replicates: int = 500,
    seed: int,
    groups: int | None = None,
    stabilised: bool = True,
    per_parameter: float = PER_PARAMETER,
    initiation: Initiation = "together",
) -> CloneCensorWeight:
    """Incidence by week had everybody followed the one strategy or the other, recovery and loss handled as they happened.

    Estimand
        Pr(T <= k, cause 1) under each of two strategies that everybody starts within the grace period and keeps to, the compared
        strategy less the reference at the end of `weeks`; the difference of the mean time between event and end of `horizon`.
    Estimator
        Every row is cloned into both strategies; a clone counts through the week before its row departs from the strategy.
        Weights of `censoring_weights`; curves of `self_consistent_incidence` under these weights.
    Interval
        Patients left out in turn (jackknife; `groups` of them at once, t with groups - 1 degrees of freedom) or drawn again
        (bootstrap, percentiles): in each the models, weights, truncation and curves are made anew.
    Conventions
        Those of `censoring_weights` and `self_consistent_incidence`. Which covariates a model has, and which of its columns are
        constant, is decided once, in the sample. Both clones of a row share its patient, so they are resampled together.
    Assumes
        Departure and loss unrelated to the event given the covariates; positivity; consistency; right models.
    Not for
        A horizon that nobody who keeps to a strategy reaches: refused, with the last week that is known.
    Parameters
        sample. strategies: numbers, the reference first. weeks, horizon: whole weeks. std_error: "jackknife" or "bootstrap" of
        `replicates`. groups: of patients left out together; every patient alone when None. Others as in `censoring_weights`.
    Returns
        CloneCensorWeight.
    References
        Cain et al. (2010) Int J Biostat 6(2):18; Hernán et al. (2016) J Clin Epidemiol 79:70; Maringe et al. (2020) Int J
        Epidemiol 49:1719; Kott (2001) J Off Stat 17:521 (delete-a-group jackknife).
    Checked
        Exact (no departures: two-arm analysis), R (glm on the long table, weighted curves), simulation (gate row
        immortal_time_null), properties: tests/estimators/test_clone_censor_weight.py, benchmarks/clone_censor_weight.py.
    """
    checked_level(conf_level)
    _check_weeks(sample, weeks, horizon)
    statistic = clone_statistic(
        sample,
        strategies=strategies,
        loss=loss,
        truncate=truncate,
        stabilised=stabilised,
        per_parameter=per_parameter,
        initiation=initiation,
    )
    found = [statistic.of_sample(0), statistic.of_sample(1)]
    words = tuple((sample.strategy_names or tuple(map(str, range(sample.deviates.shape[0]))))[s] for s in strategies)
    _refuse_unknown(found, words, max(horizon, *weeks))
    patients = int(np.unique(sample.patient).size)
    drawn, scheme = resampled_patients(
        sample.patient, std_error, groups=patients if groups is None else groups, replicates=replicates, seed=seed
    )
    last = max(horizon, *weeks)
    curves = np.stack([one.incidence for one in found])[:, :last]
    resampled = statistic(drawn).reshape(-1, 2, sample.weeks)[:, :, :last]
    contrast = weekly_contrast(
        "clone-censor-weight",
        curves,
        resampled,
        resampling=std_error,
        scheme=scheme,
        strategy_names=words,
        weeks=weeks,
        horizon=horizon,
        effective_n=np.array([float(np.nanmin(one.summary.effective_n[:last])) for one in found]),
        conf_level=conf_level,
    )
    return CloneCensorWeight(
        contrast=contrast,
        competing=np.stack([one.competing for one in found]),
        counted=np.stack([one.summary.count for one in found]),
        effective_n=np.stack([one.summary.effective_n for one in found]),
        departures=departures_by_week(sample, strategies),
        person_weeks=np.array([float(one.summary.count.sum()) for one in found]),
        compatible_with_both=compatible_by_week(sample, strategies),
        weights=(found[0].summary, found[1].summary),
        models=(statistic.strategies[0].described(), statistic.strategies[1].described()),
        residual=np.array([float(one.hazards.residual[0]) for one in found]),
        n_patients=patients,
    )


def departures_by_week(sample: LongitudinalSample, strategies: tuple[int, int]) -> IntArray:
    """How many clones depart in each week while what they say still counts, (2, K)."""
    end, week = last_weeks(sample), np.arange(1, sample.weeks + 1)[:, None]
    return np.stack([((sample.deviates[s] == week) & (end >= week)).sum(axis=1) for s in strategies]).astype(np.int64)


def compatible_by_week(sample: LongitudinalSample, strategies: tuple[int, int]) -> IntArray:
    """How many rows count under both strategies in each week, (K,)."""
    end, week = last_weeks(sample), np.arange(1, sample.weeks + 1)[:, None]
    first = np.minimum(sample.deviates[strategies[0]], sample.deviates[strategies[1]])
    return np.asarray(((first > week) & (end >= week)).sum(axis=1), dtype=np.int64)


def _check_weeks(sample: LongitudinalSample, weeks: Sequence[int], horizon: int) -> None:
    if not weeks:
        raise refuse("no week was asked for")
    beyond = [week for week in (*weeks, horizon) if not 1 <= week <= sample.weeks]
    if beyond:
        raise refuse(
            f"week {beyond[0]} lies outside the {sample.weeks} weeks of the sample",
            way_out=f"The largest week these data allow is {sample.weeks}.",
        )


def _refuse_unknown(found: Sequence[StrategyCurve], words: Sequence[str], last: int) -> None:
    for one, word in zip(found, words, strict=True):
        if not one.hazards.converged[0]:
            raise NotConverged(
                f"{word}: the hazards by week did not settle",
                way_out="Truncate the weights, or take the looks to a coarser grid.",
            )
        empty = (one.hazards.at_risk[0, :last] <= 0.0) & (one.incidence[:last] + one.competing[:last] < 1.0 - 1e-9)
        if empty.any():
            known = int(np.flatnonzero(empty)[0])
            raise refuse(
                f"{word}: nobody who keeps to the strategy is at risk in week {known + 1}",
                way_out=f"The largest week these data allow is {known}." if known else "These data hold no such strategy.",
            )
