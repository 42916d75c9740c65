"""When stretchers begin to load: by the pain that nobody knows exactly, or by the pain that the clinic was last told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.synthetic.asked import report_numbers, visit_numbers
from tendon_outcomes.synthetic.background import Habits, Profile, draw_habits, draw_profile
from tendon_outcomes.synthetic.draws import Draws, Flags, Floats, Integers
from tendon_outcomes.synthetic.follow_up import HIGH_PAIN, Contacts, Pain, contacts_without_end, pain_path
from tendon_outcomes.synthetic.latent import NEVER, Runners, draw_recovery
from tendon_outcomes.synthetic.running import UNIFORMS as RUNNING
from tendon_outcomes.synthetic.running import Report, told_fast_pain
from tendon_outcomes.synthetic.settings import STRATEGIES, ClinicSettings


@dataclass(frozen=True)
class Course:
    """How it goes for each runner as long as nobody switches."""

    runners: Runners
    habits: Habits
    profile: Profile
    pfr_day: Integers
    mi_day: Integers
    pain: Pain


def draw_course(draws: Draws, runners: Runners, settings: ClinicSettings) -> Course:
    """The course of these runners."""
    pfr_day, mi_day = draw_recovery(draws, runners, settings)
    pain = pain_path(runners, pfr_day)
    return Course(runners, draw_habits(draws, runners, settings), draw_profile(draws, settings), pfr_day, mi_day, pain)


def draw_switch(
    draws: Draws, course: Course, settings: ClinicSettings, weeks: int, *, sustained_weeks: int | None = None
) -> Integers:
    """The plan week in which each stretcher begins to load, NEVER for those who do not and for everybody else.

    From the week after `switch_after_weeks` on while the programme lasts, or once ``sustained_weeks`` are over, the weekly hazard
    rises with pain: in proportion to it from `HIGH_PAIN` on or, with `switch_on_told_pain`, by the log odds for each point of
    the pain in fast running that was last told by the end of the week before; who has told none does not switch.
    """
    plan_week = np.arange(weeks)
    day = course.profile.prescribed_day[:, None] + 7 * plan_week
    stretching = course.runners.strategy == STRATEGIES.index("stretching_led")
    first_day = 7 * max(settings.switch_after_weeks, sustained_weeks or 0)
    may = stretching[:, None] & (day > first_day) & (plan_week < settings.programme_weeks)
    hazard = _by_told_pain(draws, course, settings, day, may) if settings.switch_on_told_pain else _by_pain(course, settings, day)
    starts = may & (draws.coarse("switch", weeks) < hazard)
    return np.where(starts.any(axis=1), starts.argmax(axis=1), NEVER)


def switch_day(profile: Profile, plan_week: Integers) -> Integers:
    """Day of follow-up on which a plan week begins, NEVER where there is none."""
    return np.where(plan_week < NEVER, profile.prescribed_day + 7 * np.minimum(plan_week, NEVER // 7 - 10), NEVER)


def told_pain(draws: Draws, course: Course, settings: ClinicSettings, *, weeks: int, chosen: Flags) -> Floats:
    """Pain in fast running that was last told by the end of week 0 (day 0), 1, ... ``weeks``, as long as nobody switches.

    It is told at visits and in weekly reports. nan before the first time, and for episodes that are not ``chosen``.
    """
    visits, reports = contacts_without_end(draws, course.pfr_day, course.pain, settings)
    told = np.full((draws.total, weeks + 1), np.nan)
    asked = ((visits, visit_numbers(draws, visits)[:, :RUNNING]), (reports, report_numbers(draws, reports, settings)))
    wanted = [chosen[contacts.episode] & (contacts.day <= 7 * weeks) for contacts, _ in asked]
    parts = [_told_at(course, contacts, u, settings, of) for (contacts, u), of in zip(asked, wanted, strict=True)]
    episode, at_day, pain = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((pain, at_day))  # the last of a week is the one that stays, of one day the worst
    told[episode[order], (at_day[order] + 6) // 7] = pain[order]
    for week in range(1, weeks + 1):
        told[:, week] = np.where(np.isnan(told[:, week]), told[:, week - 1], told[:, week])
    return told


def _by_pain(course: Course, settings: ClinicSettings, day: Integers) -> Floats:
    pain = course.pain.at(np.arange(len(day))[:, None], day)
    hazard: Floats = np.where(pain >= HIGH_PAIN, settings.switch_per_week * pain / 5, 0.0)
    return hazard


def _by_told_pain(draws: Draws, course: Course, settings: ClinicSettings, day: Integers, may: Flags) -> Floats:
    week_before = np.where(may, day // 7, 0)
    chosen: Flags = np.any(may, axis=1)
    told = told_pain(draws, course, settings, weeks=int(week_before.max(initial=0)), chosen=chosen)
    pain = np.take_along_axis(told, week_before, axis=1)
    at_5 = settings.switch_per_week / (1 - settings.switch_per_week)
    odds = at_5 * np.exp(settings.switch_log_odds_per_pain_point * (pain - 5))
    return np.where(np.isnan(pain), 0.0, odds / (1 + odds))


def _told_at(
    course: Course, contacts: Contacts, u: Floats, settings: ClinicSettings, chosen: Flags
) -> tuple[Integers, Integers, Integers]:
    who, day = contacts.episode[chosen], contacts.day[chosen]
    report = Report(who, day, (day - course.pfr_day[who]) / 7, course.pain.at(who, day), u[chosen])
    pain, given = told_fast_pain(report, course.runners, course.habits, settings)
    return who[given], day[given], pain[given]
