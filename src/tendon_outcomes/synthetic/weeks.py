"""What every week of follow-up truly was, and which of them the clinic hears of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.columns import coded, decimal, whole, yes_no
from tendon_outcomes.synthetic.draws import Draws, Flags, Integers
from tendon_outcomes.synthetic.follow_up import FollowUp, last_contact, told_lost
from tendon_outcomes.synthetic.latent import Truth
from tendon_outcomes.synthetic.notes import Notes, write_notes
from tendon_outcomes.synthetic.settings import ClinicSettings
from tendon_outcomes.synthetic.training import SPRING, STRETCH, Exercises, weeks_of_follow_up

STATES = ("L", "S", "B", "N")
"""Loading, stretching, both, neither: what truly happened is never unknown."""

# When a week is one of loading or of stretching, as the domain model says it. The analysis reads its thresholds elsewhere,
# and these stay apart from them, so that a slip on either side shows as a difference.
_LOADING_SESSIONS, _WORKING_SETS = 2, 3
_STRETCH_SESSIONS, _STRETCH_SECONDS = 3, 300


@dataclass(frozen=True)
class Weeks:
    """What was done and what is told of it. Arrays of episode and week; column 0 is week 1.

    `loading` counts the sessions with enough working sets, `stretching` those with a stretch of the hamstring; `stage` is the
    highest of any loading that was done, 0 without. In a week that is `kept` every session is written down. A week is `known`
    when its sessions stand in the log, a report says that nothing was done, or a visit's note speaks of it.
    """

    loading: Integers
    stretching: Integers
    stretch_seconds: Integers
    stage: Integers
    anything: Flags
    state: Integers
    kept: Flags
    known: Flags
    followed: Flags
    notes: Notes | None


def count_weeks(draws: Draws, truth: Truth, seen: FollowUp, exercises: Exercises, settings: ClinicSettings) -> Weeks:
    """Plain counts of what was done, and beside them what the clinic hears of it."""
    last_day = 7 * np.arange(1, weeks_of_follow_up(settings) + 1)
    shape = (draws.total, last_day.size)
    place = exercises.episode * last_day.size + exercises.week - 1

    def counted(chosen: Flags, weight: Integers | None = None) -> Integers:
        weights = None if weight is None else weight[chosen]
        return np.bincount(place[chosen], weights, minlength=draws.total * last_day.size).reshape(shape).astype(np.int64)

    loaded, stretched = exercises.done & (exercises.kind <= SPRING), exercises.done & (exercises.kind == STRETCH)
    loading, stretching = counted(loaded & (exercises.sets >= _WORKING_SETS)), counted(stretched)
    stretch_seconds = counted(stretched, exercises.sets * exercises.hold_s)
    stage = np.zeros(draws.total * last_day.size, dtype=np.int64)
    np.maximum.at(stage, place[loaded], exercises.kind[loaded] + 1)
    state = _state(loading, stretching, stretch_seconds)
    anything, mentioned = counted(exercises.done) > 0, counted(np.ones_like(exercises.done)) > 0
    kept = _kept(draws, truth, seen, settings, last_day)
    reported = np.zeros(shape, dtype=bool)
    reported[seen.reports.episode, seen.reports.day // 7 - 1] = settings.exercise_asked
    known = (kept & mentioned) | (reported & ~anything)
    notes = write_notes(seen.visits, state) if settings.components_noted else None
    return Weeks(
        loading=loading,
        stretching=stretching,
        stretch_seconds=stretch_seconds,
        stage=stage.reshape(shape),
        anything=anything,
        state=state,
        kept=kept,
        known=known if notes is None else known | notes.speaks_of,
        followed=last_day <= seen.end_day[:, None],
        notes=notes,
    )


def week_table(episode_id: pl.Series, weeks: Weeks) -> pl.DataFrame:
    """The truth of each whole week of follow-up, and whether the export tells it."""
    who, column = np.nonzero(weeks.followed)
    cell = who, column
    return pl.DataFrame(
        {
            "episode_id": episode_id.gather(who),
            "week": whole(column + 1),
            "true_state": coded(STATES, weeks.state[cell]),
            "logged": yes_no(weeks.known[cell]),
            "n_loading": whole(weeks.loading[cell]),
            "stage": whole(weeks.stage[cell], weeks.stage[cell] > 0),
            "n_stretching": whole(weeks.stretching[cell]),
            "stretch_minutes": decimal(weeks.stretch_seconds[cell] / 60, places=2),
        }
    )


def _state(loading: Integers, stretching: Integers, stretch_seconds: Integers) -> Integers:
    loads = loading >= _LOADING_SESSIONS
    stretches = (stretching >= _STRETCH_SESSIONS) | (stretch_seconds >= _STRETCH_SECONDS)
    return np.where(loads, np.where(stretches, 2, 0), np.where(stretches, 1, 3))


def _kept(draws: Draws, truth: Truth, seen: FollowUp, settings: ClinicSettings, last_day: Integers) -> Flags:
    """Weeks in which the runner keeps the log: fewer in pain, another share after recovery, none once the clinic closed it."""
    pain = seen.pain.at(np.arange(draws.total)[:, None], last_day)
    before = settings.weeks_logged_share - settings.weeks_logged_drop_per_pain_point * pain
    recovered = last_day >= truth.pfr_day[:, None]
    share = np.where(recovered, settings.weeks_logged_recovered_share, before)
    closed = told_lost(draws, seen, settings)[:, None] & (last_day > last_contact(seen)[:, None])
    kept: Flags = (draws.coarse("weeks_logged", last_day.size) < share) & ~closed
    return kept
