"""Sessions, competing procedures and endings as a clinic exports them."""

from __future__ import annotations

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.columns import coded, decimal, whole, yes_no
from tendon_outcomes.synthetic.drawn import Drawn
from tendon_outcomes.synthetic.draws import Flags, Integers
from tendon_outcomes.synthetic.settings import ENDINGS, PROCEDURES

_ISO, _LOW, _HIGH, _SPRING, _STRETCH, _ROLL, _HIP = range(7)
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
_SETS = np.array([5, 4, 4, 4, 4, 2, 3])
_REPS = np.array([0, 12, 8, 10, 0, 0, 15])
_HOLD = np.array([40, 0, 0, 0, 30, 0, 0])
_MINUTES = np.array([10, 15, 20, 15, 8, 8, 12])


def session_table(drawn: Drawn) -> pl.DataFrame:
    """One row a logged session of the programme; the log ends with recovery, with loss or with the programme."""
    settings = drawn.settings
    slots = settings.programme_weeks * settings.sessions_per_week
    a = settings.adherence_mean * settings.adherence_concentration
    adherence = drawn.draws.beta("adherence", a, settings.adherence_concentration - a)
    u = drawn.draws.coarse("sessions", slots * 3).reshape(drawn.draws.total, slots, 3)
    week, number = np.divmod(np.arange(slots), settings.sessions_per_week)
    day = drawn.profile.prescribed_day[:, None] + 7 * week + (7 * number) // settings.sessions_per_week
    last_day = np.minimum(drawn.seen.end_day, drawn.truth.pfr_day - 1)
    who, slot = np.nonzero((u[:, :, 0] < adherence) & (day <= last_day[:, None]))
    day = day[who, slot]
    kind = _kind(drawn.runners.strategy[who], week[slot] * 4 // settings.programme_weeks, number[slot])
    hurt = drawn.seen.pain.at(who, day) * 0.5 + 2 * (u[who, slot, 1] - 0.5)
    episode_id = drawn.episode_id.gather(who)
    return pl.DataFrame(
        {
            "session_id": episode_id + "-" + pl.Series(slot + 1).cast(pl.String).str.zfill(2),
            "episode_id": episode_id,
            "day": whole(day),
            **_dose(kind, week[slot]),
            "nprs_during": whole(np.clip(np.rint(hurt), 0, 10)),
            "prescribed": yes_no(np.ones(who.size, dtype=bool)),
            "completed_frac": decimal(0.5 + 0.5 * np.sqrt(u[who, slot, 2]), places=2),
            "source": coded(("app", "diary"), _keeps_a_diary(drawn)[who]),
        }
    )


def _keeps_a_diary(drawn: Drawn) -> Integers:
    """Every third patient of a clinic writes a diary, the others use an app."""
    number = drawn.runners.patient % drawn.draws.episodes
    return np.where(number % 3 == 0, 1, 0)


def procedure_table(drawn: Drawn) -> pl.DataFrame:
    """Competing procedures on their exact days."""
    return _competing(drawn, "procedure", {int(code): name for code, name in PROCEDURES.items()})


def event_table(drawn: Drawn) -> pl.DataFrame:
    """Endings. Some of the lost leave no row: only the silence after their last contact shows it."""
    seen = drawn.seen
    told = seen.lost & (drawn.draws.uniform("lost_told")[:, 0] >= drawn.settings.lost_without_a_word)
    parts = [
        _competing(drawn, "event", {int(code): name for code, name in ENDINGS.items()}),
        _event(drawn, told, _last_contact(drawn), "lost_to_follow_up"),
        _event(drawn, seen.end_day == seen.admin_day, seen.admin_day, "administrative_end"),
    ]
    return pl.concat(parts).sort("episode_id", "day", "event")


def _competing(drawn: Drawn, column: str, names: dict[int, str]) -> pl.DataFrame:
    code, day = drawn.truth.competing_code, drawn.truth.competing_day
    who = np.flatnonzero(drawn.seen.competing_seen & np.isin(code, list(names)))
    name = pl.Series(code[who]).replace_strict(names, return_dtype=pl.String)
    return pl.DataFrame({"episode_id": drawn.episode_id.gather(who), "day": whole(day[who]), column: name})


def _event(drawn: Drawn, chosen: Flags, day: Integers, name: str) -> pl.DataFrame:
    who = np.flatnonzero(chosen)
    event = pl.Series([name], dtype=pl.String).new_from_index(0, who.size)
    return pl.DataFrame({"episode_id": drawn.episode_id.gather(who), "day": whole(day[who]), "event": event})


def _last_contact(drawn: Drawn) -> Integers:
    last = np.zeros(drawn.draws.total, dtype=np.int64)
    for contacts in (drawn.seen.visits, drawn.seen.reports):
        np.maximum.at(last, contacts.episode, contacts.day)
    return last


def _kind(strategy: Integers, phase: Integers, number: Integers) -> Integers:
    """What a session holds: stages 1 to 4 of loading, stretching, both in turn, or neither."""
    stretching = (strategy == 1) | ((strategy == 2) & (number % 3 == 1))
    neither = np.where(number % 2 == 0, _HIP, _ROLL)
    return np.where(strategy == 3, neither, np.where(stretching, _STRETCH, np.minimum(phase, _SPRING)))


def _dose(kind: Integers, week: Integers) -> dict[str, pl.Series]:
    weighted = (kind == _LOW) | (kind == _HIGH)
    return {
        "modality": coded(_MODALITY, kind),
        "exercise_code": coded(_EXERCISE, kind),
        "sets": whole(_SETS[kind]),
        "reps": whole(_REPS[kind], _REPS[kind] > 0),
        "hold_s": whole(_HOLD[kind], _HOLD[kind] > 0),
        "minutes": whole(_MINUTES[kind]),
        "load_kg": decimal(10 + 2.5 * week, weighted),
    }
