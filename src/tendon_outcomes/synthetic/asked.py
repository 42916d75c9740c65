"""The uniform numbers with which each contact is answered: the same whoever asks for them."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.synthetic.draws import Draws, Floats, Integers
from tendon_outcomes.synthetic.follow_up import Contacts
from tendon_outcomes.synthetic.questionnaires import UNIFORMS as QUESTIONNAIRE
from tendon_outcomes.synthetic.running import UNIFORMS as RUNNING
from tendon_outcomes.synthetic.settings import ClinicSettings

SLOTS = 16
"""Numbers are kept for 16 visits of an episode; the rare seventeenth uses those of the first again."""

_VISIT_WIDTH = RUNNING + QUESTIONNAIRE + 3


def report_numbers(draws: Draws, reports: Contacts, settings: ClinicSettings) -> Floats:
    """Of each weekly report (rows, RUNNING)."""
    weeks = settings.report_weeks
    u = draws.coarse("report_answers", weeks * RUNNING).reshape(draws.total, weeks, RUNNING)
    return u[reports.episode, reports.day // 7 - 1]


def visit_numbers(draws: Draws, visits: Contacts) -> Floats:
    """Of each visit: those of running, of the questionnaires, and three more."""
    kept = draws.coarse("visit_answers", SLOTS * _VISIT_WIDTH).reshape(draws.total, SLOTS, _VISIT_WIDTH)
    return kept[visits.episode, visit_slot(visits)]


def visit_slot(visits: Contacts) -> Integers:
    """Number of each visit within its episode, from 0, in `SLOTS`."""
    rank: Integers = np.arange(visits.episode.size) - np.searchsorted(visits.episode, visits.episode)
    return rank % SLOTS
