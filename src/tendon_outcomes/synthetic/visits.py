"""Visits and weekly reports as a clinic exports them."""

from __future__ import annotations

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.asked import report_numbers, visit_numbers
from tendon_outcomes.synthetic.columns import coded, decimal, whole, yes_no
from tendon_outcomes.synthetic.controls import upper_limb_pain
from tendon_outcomes.synthetic.drawn import Drawn
from tendon_outcomes.synthetic.draws import Flags, Floats, Integers
from tendon_outcomes.synthetic.follow_up import SCHEDULED, VISIT_REASONS, Contacts
from tendon_outcomes.synthetic.latent import Runners
from tendon_outcomes.synthetic.notes import components
from tendon_outcomes.synthetic.questionnaires import UNIFORMS as QUESTIONNAIRE
from tendon_outcomes.synthetic.questionnaires import Answers, impression_of_change, visa_h_columns, visa_h_total
from tendon_outcomes.synthetic.running import UNIFORMS as RUNNING
from tendon_outcomes.synthetic.running import Report, running_block
from tendon_outcomes.synthetic.settings import ClinicSettings
from tendon_outcomes.synthetic.training import sessions_asked_for

_PLANNED_LABELS = {0: "baseline", 2: "wk_2", 4: "wk_4", 8: "wk_8", 12: "wk_12", 26: "wk_26", 52: "wk_52"}


def run_week_table(drawn: Drawn) -> pl.DataFrame:
    """One row a weekly report; the day is the last of its week."""
    who, day = drawn.seen.reports.episode, drawn.seen.reports.day
    report = _report(drawn, drawn.seen.reports, report_numbers(drawn.draws, drawn.seen.reports, drawn.settings))
    return pl.DataFrame(
        {
            "episode_id": drawn.episode_id.gather(who),
            "week": whole(day // 7),
            "day": whole(day),
            **running_block(report, drawn.runners, drawn.habits, drawn.settings),
            **_exercise_question(drawn, who, day // 7),
        }
    )


def _exercise_question(drawn: Drawn, who: Integers, week: Integers) -> dict[str, pl.Series]:
    """Whether anything was done in the week, and the sessions that the plan asked for."""
    asked = np.full(who.size, drawn.settings.exercise_asked)
    return {
        "exercise_done": yes_no(drawn.weeks.anything[who, week - 1], asked),
        "sessions_prescribed": whole(sessions_asked_for(drawn.plan, drawn.profile, who, week, drawn.settings), asked),
    }


def visit_table(drawn: Drawn) -> pl.DataFrame:
    """One row a visit: running, sitting, VISA-H and the impression of change."""
    who, day = drawn.seen.visits.episode, drawn.seen.visits.day
    u = visit_numbers(drawn.draws, drawn.seen.visits)
    report = _report(drawn, drawn.seen.visits, u[:, :RUNNING])
    answers = _answers(drawn, report, u[:, RUNNING:])
    total, shown = visa_h_total(answers)
    notes = drawn.weeks.notes
    return pl.DataFrame(
        {
            "episode_id": drawn.episode_id.gather(who),
            "day": whole(day),
            "visit_reason": coded(VISIT_REASONS, drawn.seen.visits.kind),
            "visit_label": _labels(drawn.seen.visits, drawn.settings),
            **running_block(report, drawn.runners, drawn.habits, drawn.settings),
            **_sitting(report, drawn.runners, drawn.profile.sits_under_30, u[:, -3:-1]),
            **visa_h_columns(answers, total),
            "pgic": impression_of_change(answers, shown),
            **({} if notes is None else {"treatment_components": components(notes)}),
            "nprs_upper_limb": upper_limb_pain(drawn.draws, drawn.runners, drawn.seen.visits, drawn.settings),
        }
    )


def _report(drawn: Drawn, contacts: Contacts, u: Floats) -> Report:
    who, day = contacts.episode, contacts.day
    return Report(who, day, (day - drawn.truth.pfr_day[who]) / 7, drawn.seen.pain.at(who, day), u)


def _answers(drawn: Drawn, report: Report, u: Floats) -> Answers:
    return Answers(
        day=report.day,
        improved=report.day >= drawn.truth.mi_day[report.episode],
        pain_free=report.recovered,
        improvement_day=drawn.improvement_day(report.episode, report.day),
        index_total=drawn.runners.visa[report.episode],
        answered=(report.day == 0) | (u[:, -1] >= drawn.settings.questionnaire_missed_share),
        u=u[:, :QUESTIONNAIRE],
    )


def _labels(visits: Contacts, settings: ClinicSettings) -> pl.Series:
    planned = np.asarray(settings.visit_weeks)
    nearest = planned[np.abs(visits.day[:, None] - 7 * planned).argmin(axis=1)]
    allowed = np.where(nearest > 0, settings.visit_jitter_days, 0)
    on_plan = (np.abs(visits.day - 7 * nearest) <= allowed) & (visits.kind == SCHEDULED)
    names = ("unscheduled", *_PLANNED_LABELS.values())
    place = {week: number + 1 for number, week in enumerate(_PLANNED_LABELS)}
    number = np.array([place.get(week, 0) for week in range(planned.max() + 1)])
    return coded(names, np.where(on_plan, number[nearest], 0))


def _sitting(report: Report, runners: Runners, under_30: Flags, u: Floats) -> dict[str, pl.Series]:
    who, first = report.episode, report.day == 0
    eased = report.pain / runners.nprs_fast[who]
    score = np.where(first, runners.nprs_sit[who], np.clip(np.rint(runners.nprs_sit[who] * eased + u[:, 0] - 0.5), 0, 10))
    on_day_0 = np.where(under_30[who], 5 + 24 * u[:, 1], 31 + 60 * u[:, 1])
    later = np.where(report.recovered, 180.0, 15 + 90 * (1 - eased) + 40 * u[:, 1])
    return {
        "nprs_sit_hard": whole(score),
        "sit_tolerance_min": decimal(np.minimum(np.where(first, on_day_0, later), 180.0), places=0),
    }
