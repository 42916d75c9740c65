"""What a runner reports about running on one day. The report passes definition 2 of pain-free running if and only if recovered.

Before recovery a report fails in one of five ways, as this disease does; a few reports say nothing at all, whatever the state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.background import Habits
from tendon_outcomes.synthetic.columns import coded, decimal, whole, yes_no
from tendon_outcomes.synthetic.draws import Flags, Floats, Integers, choose
from tendon_outcomes.synthetic.latent import Runners
from tendon_outcomes.synthetic.settings import ClinicSettings

UNIFORMS = 9
"""Uniform numbers that one report uses."""

HURTS_FAST, AVOIDS_FAST, HURTS_NEXT_MORNING, RUNS_LITTLE, DOES_NOT_RUN, RECOVERED, ON_HOLIDAY, NOT_ASKED = range(8)
_WAYS_TO_FAIL_ON_DAY_0 = (0.92, 0.0, 0.0, 0.0, 0.08)  # decision: most are asked about runs that they have tried

_REASONS = ("not_attempted_pain", "not_attempted_other", "not_asked")
_PAIN, _OTHER, _UNASKED = range(3)
_STATUS = ("full", "modified", "stopped")
_MINUTES_PER_KM = 6.0
_LOWEST_SHARE = np.array([0.35, 0.35, 0.55, 0.28, 0.03, 0.55, 0.0, 0.0])  # of the weekly distance before the injury
_HIGHEST_SHARE = np.array([1.0, 0.9, 1.0, 0.45, 0.12, 0.75, 0.0, 0.0])
_MORE_A_WEEK, _MOST_MORE = 0.04, 0.35  # decision: what the recovered add to their distance each week, and in all
_USUAL_SESSIONS_AFTER_WEEKS = 6.0  # decision: from when the recovered do all their speed and hill sessions again


@dataclass(frozen=True)
class Report:
    """Who reports, on which day, in which state, with the uniform numbers of this report (rows, UNIFORMS)."""

    episode: Integers
    day: Integers
    weeks_recovered: Floats  # below 0 before recovery
    pain: Floats
    u: Floats

    @property
    def recovered(self) -> Flags:
        return self.weeks_recovered >= 0


def running_block(report: Report, runners: Runners, habits: Habits, settings: ClinicSettings) -> dict[str, pl.Series]:
    """The running questions of one report, by column."""
    way, analgesic = _way(report, habits, settings)
    asked, ran = way != NOT_ASKED, (way <= RUNS_LITTLE) | (way == RECOVERED)
    easy, fast, hill, morning = _scores(report, way, runners, habits)
    does_speed = (habits.speed_sessions > 0)[report.episode]
    does_hills = (habits.hill_sessions > 0)[report.episode]
    tried = ran & (way != AVOIDS_FAST)
    worst = np.maximum(easy, np.maximum(np.where(tried & does_speed, fast, 0), np.where(tried & does_hills, hill, 0)))
    return {
        "run_attempted": yes_no(ran, asked),
        **_volume(report, way, asked, habits),
        **_score("nprs_run_easy", easy, ran, way),
        **_score("nprs_run_fast", fast, tried & does_speed, way),
        **_score("nprs_hill", hill, tried & does_hills, way),
        "nprs_run_next_morning": whole(morning, ran),
        "speed_sessions_wk": whole(_sessions(report, habits.speed_sessions, tried), asked),
        "hill_sessions_wk": whole(_sessions(report, habits.hill_sessions, tried), asked),
        "analgesic_on_run": yes_no(analgesic, ran),
        "pain_free_runs_500m": whole(_pain_free_runs(report, easy, worst, ran), asked),
        "any_pain_in_area": yes_no((worst > 0) | (way < RECOVERED) | (morning > 0), asked & (way != ON_HOLIDAY)),
    }


def told_fast_pain(report: Report, runners: Runners, habits: Habits, settings: ClinicSettings) -> tuple[Integers, Flags]:
    """Pain in fast running as the report tells it, and whether it does."""
    way, _ = _way(report, habits, settings)
    ran = (way <= RUNS_LITTLE) | (way == RECOVERED)
    _, fast, _, _ = _scores(report, way, runners, habits)
    return fast, ran & (way != AVOIDS_FAST) & (habits.speed_sessions > 0)[report.episode]


def _way(report: Report, habits: Habits, settings: ClinicSettings) -> tuple[Integers, Flags]:
    """How each report passes or fails, and whether a pain killer voids it: the latter whatever the state of the runner."""
    u = report.u[:, 0]
    way = np.where(report.day == 0, choose(u, _WAYS_TO_FAIL_ON_DAY_0), choose(u, settings.ways_to_fail))
    way = np.where((way == AVOIDS_FAST) & (habits.speed_sessions[report.episode] == 0), HURTS_FAST, way)
    way = np.where(report.recovered, RECOVERED, way)
    noise = np.where(report.day == 0, 1.0, report.u[:, 1])  # day 0 is asked in full
    edges = np.cumsum([settings.analgesic_share, settings.not_asked_share, settings.holiday_share])
    analgesic = noise < edges[0]
    way = np.where(analgesic & (way == DOES_NOT_RUN), HURTS_FAST, way)
    way = np.where((noise >= edges[0]) & (noise < edges[1]), NOT_ASKED, way)
    return np.where((noise >= edges[1]) & (noise < edges[2]), ON_HOLIDAY, way), analgesic


def _scores(report: Report, way: Integers, runners: Runners, habits: Habits) -> tuple[Integers, Integers, Integers, Integers]:
    """Pain at easy pace, at fast pace, on hills and on the next morning. Nothing above 1 unless it is this that fails."""
    who, u = report.episode, report.u
    slight = [(u[:, number] > 0.75).astype(np.int64) for number in (2, 3, 4, 7)]
    signature = way == HURTS_FAST
    first = report.day == 0
    fast = np.where(first, runners.nprs_fast[who], np.clip(np.rint(report.pain + 2.4 * (u[:, 2] - 0.5)), 2, 10))
    fading = runners.nprs_easy[who] * report.pain / runners.nprs_fast[who]
    easy = np.where(first, runners.nprs_easy[who], np.clip(np.rint(fading + 1.6 * (u[:, 3] - 0.5)), 0, fast))
    # Who never runs fast shows the disease at easy pace, or nothing of this report would fail.
    easy = np.where(habits.speed_sessions[who] > 0, easy, np.maximum(easy, 2))
    hill = np.clip(fast - 1 + np.floor(3 * u[:, 7]), 0, 10)
    morning = np.clip(np.rint(0.5 * fast + 2 * (u[:, 4] - 0.5)), 0, 10)
    return (
        np.where(signature, easy, slight[0]).astype(np.int64),
        np.where(signature, fast, slight[1]).astype(np.int64),
        np.where(signature, hill, slight[3]).astype(np.int64),
        np.where(signature, morning, np.where(way == HURTS_NEXT_MORNING, 2 + np.floor(3 * u[:, 4]), slight[2])).astype(np.int64),
    )


def _volume(report: Report, way: Integers, asked: Flags, habits: Habits) -> dict[str, pl.Series]:
    before = habits.km[report.episode]
    share = _LOWEST_SHARE[way] + (_HIGHEST_SHARE[way] - _LOWEST_SHARE[way]) * report.u[:, 5]
    share = share + np.clip(_MORE_A_WEEK * report.weeks_recovered, 0.0, _MOST_MORE) * (way == RECOVERED)
    resting = (way == ON_HOLIDAY) | ((way == DOES_NOT_RUN) & (report.u[:, 6] < 0.5))
    km = np.where(resting, 0.0, np.round(share * before, 1))
    short = way == DOES_NOT_RUN  # what is run then stays under the qualifying length
    minutes = np.where(short, np.minimum(km * _MINUTES_PER_KM, 25.0), 30 + np.floor(50 * report.u[:, 6]))
    longest = np.where(short, minutes / _MINUTES_PER_KM, np.clip(minutes / _MINUTES_PER_KM, 5.0, np.maximum(km, 5.0)))
    status = np.where(km == 0, 2, np.where(share < 0.8, 1, 0))
    return {
        "run_longest_min": decimal(np.where(resting, 0.0, minutes), asked, places=0),
        "run_longest_km": decimal(np.where(resting, 0.0, longest), asked),
        "wk_km": decimal(km, asked),
        "run_status": coded(_STATUS, status, asked & (way != ON_HOLIDAY)),
    }


def _score(name: str, score: Integers, given: Flags, way: Integers) -> dict[str, pl.Series]:
    in_pain = (way == DOES_NOT_RUN) | ((way == AVOIDS_FAST) & (name != "nprs_run_easy"))
    reason = np.where(way == NOT_ASKED, _UNASKED, np.where(in_pain, _PAIN, _OTHER))
    return {name: whole(score, given), f"{name}_reason": coded(_REASONS, reason, ~given)}


def _sessions(report: Report, usual: Integers, tried: Flags) -> Integers:
    """One speed or hill session is tried at first; the usual number comes back some weeks after recovery."""
    before = usual[report.episode]
    full = report.weeks_recovered >= _USUAL_SESSIONS_AFTER_WEEKS
    return np.where(tried, np.where(full, before, np.minimum(before, 1)), 0)


def _pain_free_runs(report: Report, easy: Integers, worst: Integers, ran: Flags) -> Integers:
    runs = 2 + np.floor(3 * report.u[:, 8]).astype(np.int64)
    all_of_them = (worst == 0) | report.recovered
    return np.where(ran & (easy == 0), np.where(all_of_them, runs, runs - 1), 0)
