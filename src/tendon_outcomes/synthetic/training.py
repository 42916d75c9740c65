"""What was truly done: the plan as each runner carried it out, session by session, whether or not anybody wrote it down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.synthetic.background import Profile
from tendon_outcomes.synthetic.draws import Draws, Flags, Floats, Integers
from tendon_outcomes.synthetic.follow_up import FollowUp
from tendon_outcomes.synthetic.latent import Runners, Truth
from tendon_outcomes.synthetic.settings import STRATEGIES, ClinicSettings

ISOMETRIC, LOW_FLEXION, HIGH_FLEXION, SPRING, STRETCH, ROLL, HIP = range(7)
"""Kinds of exercise; the first four are the stages of loading."""

LOAD_TEST_SHARE = 0.5  # decision: pain on the load test as a share of pain in fast running
_PLANNED_SETS = np.array([5, 4, 4, 4, 4, 2, 3])
_SETS_CUT_SHORT = 2
_SHORT_HOLD_S, _LONG_HOLD_S, _ISOMETRIC_HOLD_S = 30, 45, 40
_UNIFORMS = 3


@dataclass(frozen=True)
class Plan:
    """What the plan asks for, by episode and plan week (from the day of prescription), as the runner took it up.

    `programme_week` counts from the start of the present programme; `switched` is the plan week in which a stretcher began
    to load, NEVER for the others.
    """

    active: Flags
    loads: Flags
    stretches: Flags
    stage: Integers
    programme_week: Integers
    switched: Integers


@dataclass(frozen=True)
class Exercises:
    """Exercises done up to the end of follow-up, and some that were skipped, sorted by episode and session.

    `slot` numbers the sessions of the plan and `second` marks the other exercise of one session. `sets` are those done: a
    skipped exercise has none. `u` are the uniform numbers of the session.
    """

    episode: Integers
    slot: Integers
    second: Flags
    day: Integers
    programme_week: Integers
    kind: Integers
    sets: Integers
    hold_s: Integers
    done: Flags
    u: Floats

    @property
    def week(self) -> Integers:
        """Week of follow-up, from 1; day 0 counts with week 1."""
        week: Integers = np.maximum((self.day + 6) // 7, 1)
        return week


def weeks_of_follow_up(settings: ClinicSettings) -> int:
    """Weeks that the longest follow-up touches."""
    return -(-settings.end_days[1] // 7)


def draw_plan(switched: Integers, runners: Runners, profile: Profile, seen: FollowUp, settings: ClinicSettings) -> Plan:
    """The prescribed strategy, with the switch of those whom stretching does not help and with progression by pain.

    In plan week ``switched`` the programme of a stretcher begins anew with loading, and stretching ends.
    """
    weeks = np.arange(weeks_of_follow_up(settings))
    day = profile.prescribed_day[:, None] + 7 * weeks
    pain = seen.pain.at(np.arange(len(day))[:, None], day)
    loading, stretching, combined = (runners.strategy[:, None] == STRATEGIES.index(name) for name in STRATEGIES[:3])
    after = weeks >= switched[:, None]
    programme_week = weeks - np.where(after, switched[:, None], 0)
    active = programme_week < settings.programme_weeks
    loads = active & (loading | combined | after)
    stretches = active & (stretching | combined) & ~after
    return Plan(active, loads, stretches, _stages(loads, LOAD_TEST_SHARE * pain, settings), programme_week, switched)


def draw_exercises(
    draws: Draws, plan: Plan, truth: Truth, profile: Profile, seen: FollowUp, settings: ClinicSettings
) -> Exercises:
    """Every session of the plan is done or not by the runner's own adherence, which falls with recovery."""
    per_week = settings.sessions_per_week
    slots = np.arange(weeks_of_follow_up(settings) * per_week)
    day = profile.prescribed_day[:, None] + 7 * (slots // per_week) + (7 * (slots % per_week)) // per_week
    u = _uniforms(draws, slots.size, settings)
    a = settings.adherence_mean * settings.adherence_concentration
    adherence = draws.beta("adherence", a, settings.adherence_concentration - a)
    recovered = day >= truth.pfr_day[:, None]
    done = u[:, :, 0] < adherence * np.where(recovered, settings.adherence_recovered_share, 1.0)
    skipped = ~done & (u[:, :, 1] < settings.skipped_written_share)
    asked = plan.active[:, slots // per_week] & (day <= seen.end_day[:, None])
    who, slot = np.nonzero((done | skipped) & asked)
    long_hold = draws.uniform("stretch_hold")[:, 0] < settings.long_stretch_share
    stray = _strays(draws, plan, slots, settings)[who, slot] & done[who, slot]
    return _exercises(plan, who, slot, day[who, slot], done[who, slot], u[who, slot], stray, long_hold, settings)


def sessions_asked_for(plan: Plan, profile: Profile, episode: Integers, week: Integers, settings: ClinicSettings) -> Integers:
    """Sessions that the plan asks for in weeks of follow-up: the same number from the first week with a session to the last."""
    first_day = profile.prescribed_day[episode]
    last_day = first_day + 7 * plan.active.sum(axis=1)[episode] + -7 // settings.sessions_per_week
    within = (7 * week >= first_day) & (7 * (week - 1) < last_day)
    return np.where(within, settings.sessions_per_week, 0)


def _strays(draws: Draws, plan: Plan, slots: Integers, settings: ClinicSettings) -> Flags:
    """Sessions of loading alone after which the runner stretches once: every other at most, too few for a stretching week."""
    week = slots // settings.sessions_per_week
    if not settings.stray_stretch_share:
        return np.zeros((draws.total, slots.size), dtype=bool)
    drawn = draws.coarse("stray_stretch", slots.size) < settings.stray_stretch_share
    stray: Flags = drawn & plan.loads[:, week] & ~plan.stretches[:, week] & (slots % 2 == 0)
    return stray


def _stages(loads: Flags, pain: Floats, settings: ClinicSettings) -> Integers:
    """Stage 0 to 3 by plan week: each lasts a quarter of the programme, and longer until the load test allows the next."""
    quarter = settings.programme_weeks / 4
    stage, weeks_in_stage = np.zeros(loads.shape, dtype=np.int64), np.zeros(len(loads), dtype=np.int64)
    for week in range(1, loads.shape[1]):
        weeks_in_stage += loads[:, week - 1]
        advances = loads[:, week] & (weeks_in_stage >= quarter) & (pain[:, week] <= settings.advance_pain_max)
        stage[:, week] = np.minimum(stage[:, week - 1] + advances, SPRING)
        weeks_in_stage[advances] = 0
    return stage


def _uniforms(draws: Draws, slots: int, settings: ClinicSettings) -> Floats:
    """Three numbers a session; those of a first programme keep their stream, so that a longer plan does not change them."""
    first = settings.programme_weeks * settings.sessions_per_week
    streams = [("sessions", first), ("sessions_later", max(slots - first, 0))]
    parts = [draws.coarse(name, number * _UNIFORMS).reshape(draws.total, number, _UNIFORMS) for name, number in streams]
    return np.concatenate(parts, axis=1)[:, :slots]


def _exercises(
    plan: Plan,
    who: Integers,
    slot: Integers,
    day: Integers,
    done: Flags,
    u: Floats,
    stray: Flags,
    long_hold: Flags,
    settings: ClinicSettings,
) -> Exercises:
    """One row an exercise: a session of the combined plan holds two, and so does a stray stretch after loading."""
    per_week = settings.sessions_per_week
    week = slot // per_week
    both = plan.loads[who, week] & plan.stretches[who, week]
    row = np.repeat(np.arange(who.size), 1 + (both | stray))
    second = np.concatenate([np.zeros(1, dtype=bool), row[1:] == row[:-1]])[: row.size]
    stray = stray[row] & second
    who, slot, day, week, done, u = who[row], slot[row], day[row], week[row], done[row], u[row]
    neither = np.where(slot % per_week % 2 == 0, HIP, ROLL)
    other = np.where(plan.stretches[who, week] | stray, STRETCH, neither)
    kind = np.where(plan.loads[who, week] & ~second, plan.stage[who, week], other)
    sets = np.where(u[:, 2] < settings.cut_short_share, _SETS_CUT_SHORT, _PLANNED_SETS[kind])
    sets = np.where(stray, 1, sets)
    hold = np.where(kind == STRETCH, np.where(long_hold[who], _LONG_HOLD_S, _SHORT_HOLD_S), 0)
    return Exercises(
        episode=who,
        slot=slot,
        second=second,
        day=day,
        programme_week=plan.programme_week[who, week],
        kind=kind,
        sets=np.where(done, sets, 0),
        hold_s=np.where(kind == ISOMETRIC, _ISOMETRIC_HOLD_S, hold),
        done=done,
        u=u,
    )
