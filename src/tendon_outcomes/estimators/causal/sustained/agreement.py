"""One contrast of two strategies by several methods: what each returns, and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.contrasts import Contrast
from tendon_outcomes.estimators.limits import Pointwise, exact_limit_beside_zero, probability_limits, two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_level, refuse
from tendon_outcomes.estimators.resampling.draws import checked_seed, clusters_of, generator_of
from tendon_outcomes.estimators.special_functions import student_t_quantile

Resampling = Literal["jackknife", "bootstrap"]

DAYS_IN_WEEK = 7.0
BLOCK = 16  # replicates that one generator draws


@dataclass(frozen=True, slots=True, eq=False)
class WeeklyContrast:
    """Incidence by week under two strategies (the reference first) and what follows from it: compared less reference.

    `incidence` (2, K): column k - 1 is the end of week k; `incidence_std_error` likewise. `difference[i]` is of the incidence at
    the end of week `weeks[i]`; `restricted_mean_difference` is of the days between the event and the end of week `horizon`,
    events in the middle of their week. `effective_n` (2,) people behind each curve. `scheme` says how the samples behind the
    standard errors were drawn: two contrasts of the same scheme have `replicates` (R, len(weeks) + 1; the restricted mean last)
    of the same samples. `df` of the t quantile is inf for the bootstrap.
    """

    method: str
    strategy_names: tuple[str, ...]
    weeks: tuple[int, ...]
    horizon: int
    incidence: FloatArray
    incidence_std_error: FloatArray
    difference: tuple[Contrast, ...]
    restricted_mean_difference: Contrast
    effective_n: FloatArray
    resampling: Resampling
    scheme: str
    df: float
    conf_level: float
    replicates: FloatArray = field(repr=False)

    def at(self, week: int) -> Contrast:
        """The incidence difference at the end of a week that was asked for."""
        if week not in self.weeks:
            raise refuse(
                f"the contrast by {self.method} was not asked for at week {week}",
                way_out=f"Weeks: {', '.join(map(str, self.weeks))}.",
            )
        return self.difference[self.weeks.index(week)]

    def curve(self, strategy: int) -> Pointwise:
        """Incidence of one strategy at the ends of weeks 1 to K, with log-log limits; exact ones where nothing was seen."""
        estimate, error = self.incidence[strategy], self.incidence_std_error[strategy]
        reach = _reach(self.conf_level, self.df)
        low, high = probability_limits(estimate, error, conf_level=self.conf_level, interval="log-log", reach=reach)
        n = np.full(estimate.shape, float(self.effective_n[strategy]))
        beside = exact_limit_beside_zero(n, conf_level=self.conf_level)
        at_0, at_1 = estimate <= 0.0, estimate >= 1.0
        low = np.where(at_0, 0.0, np.where(at_1, 1.0 - beside, low))
        high = np.where(at_0, beside, np.where(at_1, 1.0, high))
        return Pointwise(estimate, error, low, high)


def time_after_event(incidence: FloatArray, horizon: int) -> FloatArray:
    """Days between the event and the end of week `horizon` from incidences by week (..., K): events in the middle of weeks."""
    whole = incidence[..., : horizon - 1].sum(axis=-1) + 0.5 * incidence[..., horizon - 1]
    return np.asarray(DAYS_IN_WEEK * whole)


def contrast_numbers(incidence: FloatArray, weeks: Sequence[int], horizon: int) -> FloatArray:
    """Differences at `weeks` and of the restricted mean, (..., len(weeks) + 1), from incidences (..., 2, K)."""
    columns = np.asarray(weeks, dtype=np.int64) - 1
    at = incidence[..., 1, :][..., columns] - incidence[..., 0, :][..., columns]
    mean = time_after_event(incidence[..., 1, :], horizon) - time_after_event(incidence[..., 0, :], horizon)
    return np.concatenate([at, mean[..., None]], axis=-1)


def leave_groups_out(patient: IntArray, *, groups: int, seed: int) -> FloatArray:
    """Weights (groups, n) of rows that leave out one random group of patients each, the groups as equal as they can be.

    With as many groups as patients, or more, every patient is left out once.
    """
    people = int(patient.max()) + 1
    if groups < 2 or people < 2:
        raise refuse(f"{people} patients in {groups} groups", way_out="The jackknife needs two groups or more.")
    used = min(groups, people)
    number = np.random.default_rng(seed).permutation(people) % used
    return np.asarray(np.arange(used)[:, None] != number[patient][None, :], dtype=np.float64)


def resampled_patients(
    patient: IntArray, resampling: Resampling, *, groups: int = 30, replicates: int = 500, seed: int
) -> tuple[FloatArray, str]:
    """Weights (R, n) of rows for the jackknife by groups of patients or the bootstrap by patient, and the name of the scheme.

    The bootstrap draws as `bootstrap` does with blocks of 16, so that whoever uses that sees the same samples.
    """
    number = checked_clusters(patient, patient.size)
    people = int(number.max()) + 1
    if resampling == "jackknife":
        weights = leave_groups_out(number, groups=groups, seed=checked_seed(seed))
        return weights, f"jackknife, {weights.shape[0]} groups of {people} patients, seed {seed}"
    if resampling != "bootstrap":
        raise refuse("the standard error is by jackknife or bootstrap")
    clusters = clusters_of(patient, None, patient.size)
    blocks = [clusters.drawn(generator_of(checked_seed(seed), i), BLOCK) for i in range(-(-replicates // BLOCK))]
    return clusters.rows(np.concatenate(blocks)[:replicates]), f"bootstrap, {replicates} draws of {people} patients, seed {seed}"


def weekly_contrast(
    method: str,
    incidence: npt.ArrayLike,
    replicates: npt.ArrayLike,
    *,
    resampling: Resampling,
    scheme: str,
    strategy_names: Sequence[str] = ("0", "1"),
    weeks: Sequence[int],
    horizon: int,
    effective_n: npt.ArrayLike,
    conf_level: float = 0.95,
) -> WeeklyContrast:
    """Put curves (2, K) and those of the resampled patients (R, 2, K) together.

    Jackknife: R groups left out in turn, variance (R - 1)/R sum (t_g - mean)^2, limits by the t quantile with R - 1 degrees of
    freedom, or with the smaller effective number less 1 where that is fewer. Bootstrap: the standard deviation of the
    replicates, and their percentiles. Limits of a difference stay in [-1, 1].
    """
    level = checked_level(conf_level)
    curves, drawn = np.asarray(incidence, dtype=np.float64), np.asarray(replicates, dtype=np.float64)
    _check(curves, drawn, weeks, horizon)
    estimate, numbers = contrast_numbers(curves, weeks, horizon), contrast_numbers(drawn, weeks, horizon)
    few = max(float(np.min(np.asarray(effective_n, dtype=np.float64))) - 1.0, 1.0)
    df = min(drawn.shape[0] - 1.0, few) if resampling == "jackknife" else np.inf
    error = resampled_std_error(numbers, resampling)
    if resampling == "jackknife":
        reach = _reach(level, df)
        low, high = estimate - reach * error, estimate + reach * error
    else:
        low, high = np.quantile(numbers, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    largest = np.append(np.ones(len(weeks)), DAYS_IN_WEEK * horizon)
    low, high = np.maximum(low, -largest), np.minimum(high, largest)
    made = [
        Contrast(float(e), float(s), float(lo), float(hi), "difference", level)
        for e, s, lo, hi in zip(estimate, error, low, high, strict=True)
    ]
    return WeeklyContrast(
        method=method,
        strategy_names=tuple(strategy_names),
        weeks=tuple(int(week) for week in weeks),
        horizon=int(horizon),
        incidence=curves,
        incidence_std_error=resampled_std_error(drawn, resampling),
        difference=tuple(made[:-1]),
        restricted_mean_difference=made[-1],
        effective_n=np.asarray(effective_n, dtype=np.float64),
        resampling=resampling,
        scheme=scheme,
        df=float(df),
        conf_level=level,
        replicates=numbers,
    )


def resampled_std_error(values: FloatArray, resampling: Resampling) -> FloatArray:
    """Standard error over the first axis."""
    count = values.shape[0]
    spread = np.sum((values - values.mean(axis=0)) ** 2, axis=0)
    factor = (count - 1.0) / count if resampling == "jackknife" else 1.0 / (count - 1.0)
    return np.asarray(np.sqrt(factor * spread))


def _reach(conf_level: float, df: float) -> float:
    return two_sided_z(conf_level) if np.isinf(df) else student_t_quantile((1.0 + conf_level) / 2.0, df)


def _check(curves: FloatArray, drawn: FloatArray, weeks: Sequence[int], horizon: int) -> None:
    if curves.ndim != 2 or curves.shape[0] != 2 or drawn.ndim != 3 or drawn.shape[1:] != curves.shape or drawn.shape[0] < 2:
        raise refuse(
            f"curves of shape {curves.shape} with replicates of shape {drawn.shape} where (2, K) and (R, 2, K) are meant"
        )
    beyond = [week for week in (*weeks, horizon) if not 1 <= week <= curves.shape[1]]
    if beyond:
        raise refuse(
            f"week {beyond[0]} lies outside the {curves.shape[1]} weeks that were followed",
            way_out=f"The largest week these data allow is {curves.shape[1]}.",
        )
    if not np.isfinite(curves).all():
        raise refuse("an incidence is missing or infinite")
    missing = int(np.count_nonzero(~np.isfinite(drawn).all(axis=(1, 2))))
    if missing:
        raise refuse(
            f"{missing} of {drawn.shape[0]} resampled sets of patients have no estimate",
            way_out="The estimate hangs on few patients; report counts.",
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two methods: the distance of their estimates (first less second) with limits; `paired` when both saw the same resamples."""

    methods: tuple[str, str]
    distance: float
    std_error: float
    conf_low: float
    conf_high: float
    paired: bool

    @property
    def within(self) -> bool:
        """Whether the limits of the distance hold no distance at all."""
        return self.conf_low <= 0.0 <= self.conf_high


@dataclass(frozen=True, slots=True)
class Agreement:
    """Estimates of one difference side by side, in the order given; `largest` distance of any two; `pairs` of methods."""

    week: int
    methods: tuple[str, ...]
    estimates: tuple[Contrast, ...]
    largest: float
    pairs: tuple[Pair, ...]

    @property
    def agree(self) -> bool:
        """Whether every pair lies within its joint uncertainty."""
        return all(pair.within for pair in self.pairs)


def agreement(contrasts: Sequence[WeeklyContrast], *, week: int, conf_level: float = 0.95) -> Agreement:
    """Whether several methods give the same incidence difference at a week, beyond what sampling explains.

    Estimand
        The distance between what two methods estimate.
    Estimator
        The distance of their estimates.
    Interval
        Distance -/+ t x its standard error, t Bonferroni-corrected for the number of pairs and with the smaller degrees of
        freedom. Methods that saw the same resampled patients: the standard error of the distance over these (the methods share
        the patients, so their errors mostly cancel). Others: root of the sum of their variances, which is too wide.
    Conventions
        Two methods that give the same number in every resample are 0 apart with a standard error of 0, and agree.
    Assumes
        The contrasts are of the same patients, strategies and horizon.
    Not for
        Choosing a method. Agreement shows that the methods' different models do not drive the answer, not that either is right:
        all share the measured confounders.
    Parameters
        contrasts: two or more of different methods. week: one at which all were asked.
    Returns
        Agreement.
    References
        Hernán & Robins (2020) Causal Inference: What If, ch. 21, for the methods; Davison & Hinkley (1997), 2.4, for the paired
        distance.
    Checked
        Exact: tests/estimators/test_agreement.py.
    """
    if len(contrasts) < 2:
        raise refuse(f"{len(contrasts)} method to compare", way_out="Give two or more.")
    methods = tuple(one.method for one in contrasts)
    if len(set(methods)) < len(methods):
        raise refuse("two contrasts carry the same method's name")
    strategies = {one.strategy_names for one in contrasts}
    if len(strategies) > 1:
        raise refuse(
            "the contrasts are of different strategies: " + "; ".join(sorted(" and ".join(names) for names in strategies))
        )
    estimates = tuple(one.at(week) for one in contrasts)
    both = list(combinations(contrasts, 2))
    corrected = 1.0 - (1.0 - checked_level(conf_level)) / len(both)
    values = [found.estimate for found in estimates]
    pairs = tuple(_pair(one, other, week, corrected) for one, other in both)
    return Agreement(week, methods, estimates, max(values) - min(values), pairs)


def _pair(one: WeeklyContrast, other: WeeklyContrast, week: int, conf_level: float) -> Pair:
    first, second = one.at(week), other.at(week)
    distance = first.estimate - second.estimate
    same = one.scheme == other.scheme and one.resampling == other.resampling
    paired = same and one.replicates.shape[0] == other.replicates.shape[0]
    if paired:
        apart = one.replicates[:, one.weeks.index(week)] - other.replicates[:, other.weeks.index(week)]
        error = float(resampled_std_error(apart, one.resampling))
    else:
        error = float(np.hypot(first.std_error, second.std_error))
    reach = _reach(conf_level, min(one.df, other.df)) * error
    return Pair((one.method, other.method), distance, error, distance - reach, distance + reach, paired)
