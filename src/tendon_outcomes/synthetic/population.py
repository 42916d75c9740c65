"""The true cumulative incidence in the population from which a synthetic clinic draws, by a large draw of the same generator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.random import SeedSequence

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.synthetic.draws import Draws, Floats, Integers
from tendon_outcomes.synthetic.latent import DAYS_PER_YEAR, draw_recovery, draw_runners
from tendon_outcomes.synthetic.settings import STRATEGIES, ClinicSettings

ENDPOINTS = ("pain_free_running", "meaningful_improvement")
LAST_DAY = 364
STRUCTURED = STRATEGIES[:3]
"""Strategies that are a structured plan: everything but being told to modify training."""

_SEED = 20_190_207  # of the population draw: part of the definition of the truth, not of any clinic
_BLOCKS, _BLOCK = 8, 256_000


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
    for seed in SeedSequence(_SEED).spawn(_BLOCKS):
        draws = Draws((seed,), _BLOCK)
        runners = draw_runners(draws, alone)
        size += np.bincount(runners.strategy, minlength=len(STRATEGIES))
        for number, day in enumerate(draw_recovery(draws, runners, alone)):
            _add(mass[number], square[number], day, runners.strategy, settings)
    return Population({name: _groups(mass[number], square[number], size) for number, name in enumerate(ENDPOINTS)})


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
