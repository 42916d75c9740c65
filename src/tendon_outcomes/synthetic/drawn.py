"""Everything that is drawn of one clinic or of many, before it is written down as tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.random import SeedSequence

from tendon_outcomes.synthetic.background import Habits, Profile
from tendon_outcomes.synthetic.columns import numbered
from tendon_outcomes.synthetic.draws import Draws, Integers
from tendon_outcomes.synthetic.follow_up import FollowUp, draw_follow_up, turned
from tendon_outcomes.synthetic.latent import Runners, Truth, draw_runners, draw_truth
from tendon_outcomes.synthetic.settings import ClinicSettings
from tendon_outcomes.synthetic.switching import Course, draw_course, draw_switch, switch_day
from tendon_outcomes.synthetic.training import Exercises, Plan, draw_exercises, draw_plan, weeks_of_follow_up
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
    course: Course
    switched: Integers | None = None

    @property
    def episode_id(self) -> pl.Series:
        return self.ids["episode_id"]

    @cached_property
    def plan(self) -> Plan:
        switched = self.switched
        if switched is None:
            switched = draw_switch(self.draws, self.course, self.settings, weeks_of_follow_up(self.settings))
        return draw_plan(switched, self.runners, self.profile, self.seen, self.settings)

    def improvement_day(self, episode: Integers, day: Integers) -> Integers:
        """Day of improvement as it stands on a day: that of the course until a switch brings it forward."""
        of_truth = self.truth.mi_day[episode]
        if self.seen.pain.turn is None:
            return of_truth
        return np.where(day <= self.seen.pain.turn.day[episode], self.course.mi_day[episode], of_truth)

    @cached_property
    def exercises(self) -> Exercises:
        return draw_exercises(self.draws, self.plan, self.truth, self.profile, self.seen, self.settings)

    @cached_property
    def weeks(self) -> Weeks:
        return count_weeks(self.draws, self.truth, self.seen, self.exercises, self.settings)


def draw_clinics(seeds: tuple[SeedSequence, ...], episodes: int, sites: tuple[int, ...], settings: ClinicSettings) -> Drawn:
    """Draw clinics of equal size, one for each seed."""
    draws = Draws(seeds, episodes)
    course = draw_course(draws, draw_runners(draws, settings), settings)
    switched = None
    truth, pain = draw_truth(draws, course.runners, settings), course.pain
    if settings.effect_follows_training:
        switched = draw_switch(draws, course, settings, weeks_of_follow_up(settings))
        from_day = switch_day(course.profile, switched)
        truth = draw_truth(draws, course.runners, settings, from_day)
        pain = turned(course.pain, from_day, truth.pfr_day)
    return Drawn(
        draws=draws,
        settings=settings,
        ids=_identifiers(draws, course.runners, sites),
        runners=course.runners,
        truth=truth,
        habits=course.habits,
        profile=course.profile,
        seen=draw_follow_up(draws, course.runners, truth, pain, settings),
        course=course,
        switched=switched,
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
