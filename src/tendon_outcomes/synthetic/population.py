"""The true cumulative incidence in the population from which a synthetic clinic draws, by a large draw of the same generator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.random import SeedSequence

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.synthetic.background import LATEST_PLAN_DAY
from tendon_outcomes.synthetic.draws import Draws, Floats, Integers
from tendon_outcomes.synthetic.latent import DAYS_PER_YEAR, Runners, draw_recovery, draw_runners
from tendon_outcomes.synthetic.settings import STRATEGIES, ClinicSettings
from tendon_outcomes.synthetic.switching import draw_course, draw_switch, switch_day
from tendon_outcomes.synthetic.training import weeks_of_follow_up

ENDPOINTS = ("pain_free_running", "meaningful_improvement")
LAST_DAY = 364
STRUCTURED = STRATEGIES[:3]
"""Strategies that are a structured plan: everything but being told to modify training."""

_SEED = 20_190_207  # of the population draw: part of the definition of the truth, not of any clinic
_BLOCKS, _BLOCK = 8, 256_000
_SWITCHING = 16, 32_000
"""Blocks and their size where switches are drawn, which takes every report of every runner."""


@dataclass(frozen=True)
class TrueIncidence:
    """Cumulative incidence by day of one endpoint in one group, with competing events.

    `by_day[d]` is the probability that the endpoint is reached on or before day d and before any competing event. `square` is
    the mean of the squared contributions, from which the Monte Carlo standard errors follow. `episodes` is the size of the draw.
    """

    by_day: Floats
    square: Floats
    episodes: int

    def at_week(self, week: float) -> float:
        return float(self.by_day[round(7 * week)])

    def error_at_week(self, week: float) -> float:
        """Monte Carlo standard error of `at_week`."""
        return self._error(round(7 * week))

    def restricted_mean_time(self, weeks: int) -> float:
        """Area under the curve to ``weeks``, in weeks: the mean time spent after the endpoint. It is a step function of days."""
        return float(self.by_day[: 7 * weeks].sum() / 7)

    def restricted_mean_error(self, weeks: int) -> float:
        """Monte Carlo standard error of `restricted_mean_time`."""
        days = 7 * weeks - np.arange(LAST_DAY + 1)
        second_moment = float((np.diff(self.square, prepend=0.0) * np.maximum(days, 0) ** 2).sum()) / 49
        return float(np.sqrt((second_moment - self.restricted_mean_time(weeks) ** 2) / self.episodes))

    def median_weeks(self) -> float | None:
        """First day on which one half is reached, in weeks; None when that is not within a year."""
        reached = np.flatnonzero(self.by_day >= 0.5)
        return float(reached[0] / 7) if reached.size else None

    def median_error(self) -> float | None:
        """Monte Carlo standard error of `median_weeks`: that of the incidence over its slope, and half a day for the grid."""
        weeks = self.median_weeks()
        if weeks is None:
            return None
        day = round(7 * weeks)
        low, high = max(day - 7, 0), min(day + 7, LAST_DAY)
        slope = (self.by_day[high] - self.by_day[low]) / (high - low)
        return float(np.hypot(self._error(day) / slope, 0.5) / 7)

    def _error(self, day: int) -> float:
        return float(np.sqrt((self.square[day] - self.by_day[day] ** 2) / self.episodes))


@dataclass(frozen=True)
class Population:
    """True incidence by endpoint and group: `all`, `structured_plan` and each prescribed strategy."""

    incidence: Mapping[str, Mapping[str, TrueIncidence]]

    def of(self, endpoint: str, group: str = "all") -> TrueIncidence:
        return self.incidence[endpoint][group]


def true_incidence(settings: ClinicSettings, at_weeks: Iterable[int] = (8, 12, 26)) -> dict[str, dict[str, dict[str, float]]]:
    """True cumulative incidence and its Monte Carlo error: endpoint → group → {"8": ..., "8_error": ...}.

    Estimand: probability of reaching the endpoint by the week and before any competing event, in the eligible population;
    eligibility does not depend on the outcome, so it is that of every runner. Estimator: mean over 2,048,000 latent episodes
    at a fixed seed; given the day of recovery the chance of no earlier competing event is known, exp(-rate (day - 1)), so
    that competing events add no error. Not for: what an estimator does with visits and reports, which see less.

    Checked: tests/simulation/test_synthetic_clinic.py, against the closed form where the effects are switched off.
    """
    weeks = tuple(at_weeks)
    if any(not 0 <= 7 * week <= LAST_DAY for week in weeks):
        raise WrongUse("the true incidence is known from day 0 to week 52", way_out="Ask for weeks 0 to 52.")
    population = population_truth(settings)
    return {
        endpoint: {group: _at(curve, weeks) for group, curve in groups.items()}
        for endpoint, groups in population.incidence.items()
    }


@lru_cache(maxsize=8)
def population_truth(settings: ClinicSettings) -> Population:
    """Every true curve of these settings; drawn once and kept."""
    alone = replace(settings, bilateral_share=0.0)  # one side per patient: the same margins, and independent episodes
    shape = (len(ENDPOINTS), len(STRATEGIES), LAST_DAY + 1)
    mass, square = np.zeros(shape), np.zeros(shape)
    size = np.zeros(len(STRATEGIES), dtype=np.int64)
    blocks, block = _SWITCHING if settings.effect_follows_training else (_BLOCKS, _BLOCK)
    for seed in SeedSequence(_SEED).spawn(blocks):
        draws = Draws((seed,), block)
        runners = draw_runners(draws, alone)
        size += np.bincount(runners.strategy, minlength=len(STRATEGIES))
        for number, day in enumerate(_recovery_days(draws, runners, alone)):
            _add(mass[number], square[number], day, runners.strategy, settings)
    return Population({name: _groups(mass[number], square[number], size) for number, name in enumerate(ENDPOINTS)})


@lru_cache(maxsize=64)
def strategy_truth(settings: ClinicSettings, strategy: str, *, sustained_weeks: int | None) -> TrueIncidence:
    """True incidence of pain-free running, had every runner of the population been prescribed ``strategy``.

    Estimand: probability of pain-free running by a day and before any competing event under the strategy, with the competing
    events of the settings. ``sustained_weeks`` None: whoever would switch to loading does (as prescribed); 12: nobody switches
    before the end of week 12, and then as they would. Estimator: mean over latent episodes at a fixed seed, 2,048,000 of them,
    or 512,000 where the effect follows training; the same runners under every strategy, so that a difference is surer than its
    parts. Not for: what became of those who were prescribed it, which `population_truth` tells by group.

    Checked: tests/simulation/test_synthetic_confounded.py, against the closed form and against weights made of the true hazard.
    """
    if strategy not in STRATEGIES:
        raise WrongUse(f"no strategy {strategy} is prescribed", way_out=f"Strategies: {', '.join(STRATEGIES)}.")
    if sustained_weeks is not None and sustained_weeks < 0:
        raise WrongUse(f"a strategy is not sustained for {sustained_weeks} weeks", way_out="Give 0 or more, or None.")
    alone, number = replace(settings, bilateral_share=0.0), STRATEGIES.index(strategy)
    mass, square = (np.zeros((len(STRATEGIES), LAST_DAY + 1)) for _ in range(2))
    blocks, block = _SWITCHING if settings.effect_follows_training else (_BLOCKS, _BLOCK)
    switches = _switches(settings, strategy, sustained_weeks)
    for seed in SeedSequence(_SEED).spawn(blocks):
        draws = Draws((seed,), block)
        runners = draw_runners(draws, alone)
        runners = replace(runners, strategy=np.full_like(runners.strategy, number))
        if switches:
            day, _ = _recovery_days(draws, runners, alone, sustained_weeks=sustained_weeks)
        else:
            day, _ = draw_recovery(draws, runners, alone)
        _add(mass, square, day, runners.strategy, settings)
    episodes = blocks * block
    return TrueIncidence(mass[number].cumsum() / episodes, square[number].cumsum() / episodes, episodes)


def _switches(settings: ClinicSettings, strategy: str, sustained_weeks: int | None) -> bool:
    """Whether the rate of anybody can change: of stretchers, after the sustained weeks only of those with a late plan."""
    last_start = 7 * (settings.programme_weeks - 1) + LATEST_PLAN_DAY
    changes = settings.effect_follows_training and settings.stretching_hazard_ratio != settings.loading_hazard_ratio
    return changes and strategy == STRATEGIES[1] and last_start > 7 * (sustained_weeks or 0)


def _recovery_days(
    draws: Draws, runners: Runners, settings: ClinicSettings, *, sustained_weeks: int | None = None
) -> tuple[Integers, Integers]:
    """True days of both endpoints, with the switches that change them."""
    if not settings.effect_follows_training:
        return draw_recovery(draws, runners, settings)
    course = draw_course(draws, runners, settings)
    switched = draw_switch(draws, course, settings, weeks_of_follow_up(settings), sustained_weeks=sustained_weeks)
    return draw_recovery(draws, runners, settings, switch_day(course.profile, switched))


def _add(mass: Floats, square: Floats, day: Integers, strategy: Integers, settings: ClinicSettings) -> None:
    per_day = sum(settings.competing_per_year) / DAYS_PER_YEAR
    seen = day <= LAST_DAY
    cell = (strategy * (LAST_DAY + 1) + day)[seen]
    count = np.bincount(cell, minlength=mass.size).reshape(mass.shape)
    untouched = np.exp(-per_day * np.maximum(np.arange(LAST_DAY + 1) - 1, 0))
    mass += count * untouched
    square += count * untouched**2


def _groups(mass: Floats, square: Floats, size: Integers) -> dict[str, TrueIncidence]:
    members = {"all": STRATEGIES, "structured_plan": STRUCTURED, **{one: (one,) for one in STRATEGIES}}
    curves: dict[str, TrueIncidence] = {}
    for group, names in members.items():
        chosen = [STRATEGIES.index(name) for name in names]
        episodes = int(size[chosen].sum())
        if episodes:
            by_day = mass[chosen].sum(axis=0).cumsum() / episodes
            curves[group] = TrueIncidence(by_day, square[chosen].sum(axis=0).cumsum() / episodes, episodes)
    return curves


def _at(curve: TrueIncidence, weeks: Iterable[int]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for week in weeks:
        numbers[f"{week}"] = curve.at_week(week)
        numbers[f"{week}_error"] = curve.error_at_week(week)
    return numbers
