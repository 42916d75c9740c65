"""The episode table: what the clinic writes down at the index visit. Who is eligible does not depend on who will recover."""

from __future__ import annotations

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.background import Habits, Profile
from tendon_outcomes.synthetic.columns import coded, decimal, numbered, whole, yes_no
from tendon_outcomes.synthetic.controls import base_distance_share, prior_self_care
from tendon_outcomes.synthetic.drawn import Drawn
from tendon_outcomes.synthetic.draws import Draws, Flags, Floats, Integers, choose
from tendon_outcomes.synthetic.latent import WEEKS_PER_MONTH, Runners
from tendon_outcomes.synthetic.settings import STRATEGIES, ClinicSettings

_TESTS = ("neg", "pos")
_RED_FLAGS = (
    "excl_avulsion_or_tear50",
    "excl_ischial_stress_injury",
    "excl_lumbar_radiculopathy",
    "excl_deep_gluteal",
    "excl_malignancy",
    "excl_hip_oa",
)
_HEAPS_MONTHS = np.array([3.0, 6.0, 12.0, 24.0])


def episode_table(drawn: Drawn) -> pl.DataFrame:
    """One row an episode."""
    draws, ids, runners, profile, settings = drawn.draws, drawn.ids, drawn.runners, drawn.profile, drawn.settings
    u = draws.uniform("index_visit", 24)
    own = u[runners.patient]  # what both sides of a patient share
    first, last = settings.index_years
    columns = {
        **ids,
        "clinician_id": ids["site_id"] + numbered("-C", 1 + np.floor(settings.clinicians * own[:, 0]), 2),
        "payer_class": coded(("commercial", "public", "self_pay"), choose(own[:, 1], (0.70, 0.15, 0.15))),
        "tendon": pl.Series(["proximal_hamstring"]).new_from_index(0, draws.total),
        "side": coded(("left", "right"), ((own[:, 2] < 0.5) ^ runners.second_side).astype(np.int64)),
        "bilateral": yes_no(_other_side_too(runners)),
        "index_year": whole(np.floor(first + (last - first + 1) * own[:, 3])),
        **_person(draws, runners, own),
        **_course(runners, profile, u, settings.duration_heaped_share),
        **_running_before(draws, runners, drawn.habits, profile, u, settings),
        **_findings(profile, u),
        **_exclusions(profile, u),
        "strategy_prescribed": coded(STRATEGIES, runners.strategy),
        "prescribed_day": whole(profile.prescribed_day),
        "pain_rule_max": whole(np.full(draws.total, 3)),
        "prior_self_care": prior_self_care(draws, runners, settings),
    }
    return pl.DataFrame(columns)


def recent_procedures(drawn: Drawn) -> pl.DataFrame:
    """Injections and shock wave therapy in the six weeks before day 0, which the wash-out excludes, and some long before it."""
    profile = drawn.profile
    u = drawn.draws.uniform("procedure_before", 3)
    long_ago = ~profile.recent_procedure & (u[:, 2] < 0.08)
    who = np.flatnonzero(profile.recent_procedure | long_ago)
    days_before = np.where(long_ago, 90 + 600 * u[:, 0], 1 + 40 * u[:, 0])[who]
    names = ("eswt", "corticosteroid_injection", "prp")
    return pl.DataFrame(
        {
            "episode_id": drawn.episode_id.gather(who),
            "day": whole(-np.floor(days_before)),
            "procedure": coded(names, choose(u[who, 1], (0.5, 0.35, 0.15))),
        }
    )


def _other_side_too(runners: Runners) -> Flags:
    both = runners.second_side.copy()
    both[runners.patient[runners.second_side]] = True
    return both


def _person(draws: Draws, runners: Runners, own: Floats) -> dict[str, pl.Series]:
    z = draws.normal("body", 2)[runners.patient]
    height = np.clip(np.where(runners.female, 166.0, 179.0) + 7 * z[:, 0], 140, 210)
    mass = np.clip(23 + 2.8 * z[:, 1], 16.5, 38) * (height / 100) ** 2
    return {
        "age_y": whole(runners.age_y),
        "sex": coded(("male", "female"), runners.female.astype(np.int64)),
        "height_cm": decimal(height, places=0),
        "mass_kg": decimal(mass),
        "competitive_level": coded(("recreational", "club", "national"), choose(own[:, 4], (0.72, 0.25, 0.03))),
        "sit_h_day": decimal(2 + 9 * own[:, 5]),
    }


def _course(runners: Runners, profile: Profile, u: Floats, heaped_share: float) -> dict[str, pl.Series]:
    """Who is not probable has no course of the disease either, so that eligibility never hangs on the duration of symptoms."""
    onset, precision = _told_onset(runners.duration_weeks, u[:, 6], u[:, 7], heaped_share)
    mode = np.where(profile.probable, choose(u[:, 8], (0.86, 0.10, 0.04)), 1 + (u[:, 8] < 0.5))
    stretch = np.where(profile.probable, choose(u[:, 11], (0.40, 0.25, 0.25, 0.10)), 3)
    return {
        "onset_mode": coded(("gradual", "unsure", "sudden_event"), mode),
        "onset_day": whole(onset),
        "onset_precision": coded(("day", "week", "month"), precision),
        "symptom_duration_wk": decimal(-onset / 7),
        "rest_response": coded(("slight", "full_then_recur", "none", "worse"), choose(u[:, 9], (0.55, 0.25, 0.12, 0.08))),
        "self_dx": coded(
            ("glute", "strain", "hamstring_tendon", "sciatica", "none"), choose(u[:, 10], (0.45, 0.2, 0.15, 0.1, 0.1))
        ),
        "stretch_response": coded(("worse", "none", "not_tried", "better"), stretch),
        "recurrence_n": whole(np.floor(4 * u[:, 12] ** 2)),
    }


def _told_onset(weeks: Floats, u_heap: Floats, u_precision: Floats, heaped_share: float) -> tuple[Integers, Integers]:
    """Onset as told: rounded to 3, 6, 12 or 24 months by many who are within a quarter of it; the process knows the true one."""
    months = weeks / WEEKS_PER_MONTH
    nearest = np.abs(np.log(months[:, None] / _HEAPS_MONTHS)).argmin(axis=1)
    heap = _HEAPS_MONTHS[nearest]
    heaped = (np.abs(months / heap - 1) < 0.25) & (u_heap < heaped_share)
    told = np.where(heaped, heap, months) * WEEKS_PER_MONTH
    precision = np.where(heaped | (weeks > 26), 2, np.where((weeks > 8) | (u_precision < 0.5), 1, 0))
    return -np.rint(7 * told).astype(np.int64), precision


def _running_before(
    draws: Draws, runners: Runners, habits: Habits, profile: Profile, u: Floats, settings: ClinicSettings
) -> dict[str, pl.Series]:
    years = runners.duration_weeks / 52 + 0.5 + 25 * u[:, 13] ** 2
    return {
        "wk_km_preinjury": decimal(habits.km),
        "wk_km_preinjury_recalled": yes_no(u[:, 14] < 0.6),
        "wk_km_base4": decimal(habits.km * base_distance_share(draws, runners, u[:, 15], settings)),
        "speed_sessions_wk_preinjury": whole(habits.speed_sessions),
        "hill_sessions_wk_preinjury": whole(habits.hill_sessions),
        "running_years": decimal(np.where(profile.new_runner, 0.2, years)),
    }


def _findings(profile: Profile, u: Floats) -> dict[str, pl.Series]:
    """Of the four findings of the case definition the probable have three or four, the others at most two."""
    one_negative = profile.sits_under_30 & (u[:, 16] < 0.4)
    which = np.floor(3 * u[:, 17])
    positive = [np.where(profile.probable, ~(one_negative & (which == number)), (which == number)) for number in range(3)]
    names = ("test_arabesque", "test_bent_knee_bridge", "test_mod_bent_knee_stretch")
    return {
        "pain_focal": yes_no(profile.probable | (u[:, 18] < 0.4)),
        **{name: coded(_TESTS, found.astype(np.int64)) for name, found in zip(names, positive, strict=True)},
        "sit_under_30min": yes_no(profile.sits_under_30),
        "phenotype": coded(("probable_pht", "possible_pht", "strain_like"), np.where(profile.probable, 0, 1 + (u[:, 19] < 0.3))),
        "imaging": coded(("none", "us", "mri"), choose(u[:, 20], (0.6, 0.15, 0.25))),
    }


def _exclusions(profile: Profile, u: Floats) -> dict[str, pl.Series]:
    which = np.floor(len(_RED_FLAGS) * u[:, 21])
    flags = {name: yes_no(profile.red_flag & (which == number)) for number, name in enumerate(_RED_FLAGS)}
    return {**flags, "excl_pht_surgery": yes_no(profile.prior_surgery)}
