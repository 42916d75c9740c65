"""The log of training as a clinic exports it: some weeks whole, others not at all."""

from __future__ import annotations

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.columns import coded, decimal, whole, yes_no
from tendon_outcomes.synthetic.drawn import Drawn
from tendon_outcomes.synthetic.draws import Floats, Integers
from tendon_outcomes.synthetic.training import HIGH_FLEXION, LOAD_TEST_SHARE, LOW_FLEXION, STRETCH, weeks_of_follow_up

_MODALITY = (
    "iso",
    "isotonic_low_flex",
    "isotonic_high_flex",
    "energy_storage",
    "hamstring_stretch",
    "foam_roll",
    "hip_strength",
)
_EXERCISE = ("bridge_hold", "leg_curl", "romanian_deadlift", "bound", "standing_stretch", "other", "hip_abduction")
_REPS = np.array([0, 12, 8, 10, 0, 0, 15])
_MINUTES = np.array([10, 15, 20, 15, 8, 8, 12])


def session_table(drawn: Drawn) -> pl.DataFrame:
    """One row an exercise in the weeks in which the runner kept the log; of a skipped one only that nothing was done."""
    every = drawn.exercises
    row = np.flatnonzero(drawn.weeks.kept[every.episode, every.week - 1])
    who, day, kind, done, u = every.episode[row], every.day[row], every.kind[row], every.done[row], every.u[row]
    hurt = drawn.seen.pain.at(who, day) * LOAD_TEST_SHARE + 2 * (u[:, 1] - 0.5)
    weighted = (kind == LOW_FLEXION) | (kind == HIGH_FLEXION)
    episode_id = drawn.episode_id.gather(who)
    number = pl.Series(every.slot[row] + 1).cast(pl.String).str.zfill(2)
    return pl.DataFrame(
        {
            "session_id": episode_id + "-" + number + coded(("", "b"), every.second[row].astype(np.int64)),
            "episode_id": episode_id,
            "day": whole(day),
            "modality": coded(_MODALITY, kind),
            "exercise_code": coded(_EXERCISE, kind),
            "sets": whole(every.sets[row], done),
            "reps": whole(_REPS[kind], done & (_REPS[kind] > 0)),
            "hold_s": whole(every.hold_s[row], done & (every.hold_s[row] > 0)),
            "minutes": whole(_MINUTES[kind], done),
            "load_kg": decimal(10 + 2.5 * every.programme_week[row], done & weighted),
            "nprs_during": whole(np.clip(np.rint(hurt), 0, 10), done),
            "nprs_24h": whole(_pain_of_the_day_after(drawn)[row], done),
            "prescribed": yes_no(np.ones(who.size, dtype=bool)),
            "completed_frac": decimal(np.where(done, 0.5 + 0.5 * np.sqrt(u[:, 2]), 0.0), places=2),
            "source": coded(("app", "diary"), _keeps_a_diary(drawn)[who]),
        }
    )


def _pain_of_the_day_after(drawn: Drawn) -> Floats:
    """Worst pain within 24 hours of each exercise: one number a session, higher after stretching where the settings say so."""
    every, weeks = drawn.exercises, weeks_of_follow_up(drawn.settings)
    slots = weeks * drawn.settings.sessions_per_week
    noise = drawn.draws.coarse("pain_24h", slots)[every.episode, every.slot]
    place = every.episode * slots + every.slot
    stretched = np.bincount(place, every.done & (every.kind == STRETCH), minlength=drawn.draws.total * slots)[place] > 0
    usual = drawn.seen.pain.at(every.episode, every.day) * LOAD_TEST_SHARE + 3 * (noise - 0.5)
    told: Floats = np.clip(np.rint(usual + drawn.settings.stretching_pain_24h * stretched), 0, 10)
    return told


def _keeps_a_diary(drawn: Drawn) -> Integers:
    """Every third patient of a clinic writes a diary, the others use an app."""
    number = drawn.runners.patient % drawn.draws.episodes
    return np.where(number % 3 == 0, 1, 0)
