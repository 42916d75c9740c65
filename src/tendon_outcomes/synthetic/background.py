"""What a runner brings along that bears neither on recovery nor on its timing: running habits and who is eligible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.synthetic.draws import Draws, Flags, Floats, Integers, choose
from tendon_outcomes.synthetic.latent import Runners
from tendon_outcomes.synthetic.settings import ClinicSettings

LATEST_PLAN_DAY = 42


@dataclass(frozen=True)
class Habits:
    """How the runner ran before the injury; at least 20 km a week, so that half of it still holds a run of 5 km."""

    km: Floats
    speed_sessions: Integers
    hill_sessions: Integers


@dataclass(frozen=True)
class Profile:
    """What decides eligibility, and when the plan was prescribed."""

    probable: Flags
    red_flag: Flags
    prior_surgery: Flags
    recent_procedure: Flags
    new_runner: Flags
    prescribed_day: Integers
    sits_under_30: Flags


def draw_profile(draws: Draws, settings: ClinicSettings) -> Profile:
    """Who falls outside the usual population, drawn apart from everything that bears on recovery."""
    u = draws.uniform("profile", 8)
    late = u[:, 5] < settings.late_plan_share
    soon = np.where(u[:, 5] > 0.85, np.floor(1 + 14 * u[:, 6]), 0)
    probable = u[:, 0] >= settings.not_probable_share
    return Profile(
        probable=probable,
        red_flag=u[:, 1] < settings.red_flag_share,
        prior_surgery=u[:, 2] < settings.prior_surgery_share,
        recent_procedure=u[:, 3] < settings.recent_procedure_share,
        new_runner=u[:, 4] < settings.new_runner_share,
        prescribed_day=np.where(late, np.floor(15 + (LATEST_PLAN_DAY - 14) * u[:, 6]), soon).astype(np.int64),
        sits_under_30=np.where(probable, u[:, 7] < 0.8, u[:, 7] < 0.3),
    )


def draw_habits(draws: Draws, runners: Runners, settings: ClinicSettings) -> Habits:
    """Weekly distance, speed and hill sessions before the injury; most runners did speed work, one in four did not."""
    km = np.clip(38.0 * np.exp(0.45 * draws.normal("km")[:, 0]), 20.0, 130.0)
    sessions = draws.uniform("sessions_before", 2)
    speed = choose(sessions[:, 0], settings.speed_session_shares)
    hills = choose(sessions[:, 1], (0.40, 0.40, 0.20))
    return Habits(np.round(km, 1)[runners.patient], speed[runners.patient], hills[runners.patient])
