"""Everything that is drawn of one clinic or of many, before it is written down as tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.random import SeedSequence

from tendon_outcomes.synthetic.background import Habits, Profile, draw_habits, draw_profile
from tendon_outcomes.synthetic.columns import numbered
from tendon_outcomes.synthetic.draws import Draws
from tendon_outcomes.synthetic.follow_up import FollowUp, draw_follow_up
from tendon_outcomes.synthetic.latent import Runners, Truth, draw_runners, draw_truth
from tendon_outcomes.synthetic.settings import ClinicSettings
from tendon_outcomes.synthetic.training import Exercises, Plan, draw_exercises, draw_plan
from tendon_outcomes.synthetic.weeks import Weeks, count_weeks


@dataclass(frozen=True)
class Drawn:
    """Runners, their truth, and what the clinic gets to see of it. Arrays have one entry an episode.

    What was done in training is drawn when first asked for: nothing of the rest depends on it.
    """

    draws: Draws
    settings: ClinicSettings
    ids: dict[str, pl.Series]
    runners: Runners
    truth: Truth
    habits: Habits
    profile: Profile
    seen: FollowUp

    @property
    def episode_id(self) -> pl.Series:
        return self.ids["episode_id"]

    @cached_property
    def plan(self) -> Plan:
        return draw_plan(self.draws, self.runners, self.profile, self.seen, self.settings)

    @cached_property
    def exercises(self) -> Exercises:
        return draw_exercises(self.draws, self.plan, self.truth, self.profile, self.seen, self.settings)

    @cached_property
    def weeks(self) -> Weeks:
        return count_weeks(self.draws, self.truth, self.seen, self.exercises, self.settings)


def draw_clinics(seeds: tuple[SeedSequence, ...], episodes: int, sites: tuple[int, ...], settings: ClinicSettings) -> Drawn:
    """Draw clinics of equal size, one for each seed."""
    draws = Draws(seeds, episodes)
    runners = draw_runners(draws, settings)
    truth = draw_truth(draws, runners, settings)
    return Drawn(
        draws=draws,
        settings=settings,
        ids=_identifiers(draws, runners, sites),
        runners=runners,
        truth=truth,
        habits=draw_habits(draws, runners),
        profile=draw_profile(draws, settings),
        seen=draw_follow_up(draws, runners, truth, settings),
    )


def _identifiers(draws: Draws, runners: Runners, sites: tuple[int, ...]) -> dict[str, pl.Series]:
    """Pseudonyms of episode, patient and site; they begin with the number of the clinic, so many clinics fit in one file."""
    position = np.arange(draws.total)
    site = numbered("S", np.repeat(np.asarray(sites), draws.episodes), 4)
    within = position % draws.episodes + 1
    patient = runners.patient % draws.episodes + 1
    return {
        "episode_id": site + numbered("-E", within, 5),
        "patient_id": site + numbered("-P", patient, 5),
        "site_id": site,
    }
