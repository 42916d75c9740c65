"""What a clinician writes at a visit of the weeks since the visit before, in a clinic that keeps no log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.columns import coded
from tendon_outcomes.synthetic.draws import Flags, Integers
from tendon_outcomes.synthetic.follow_up import Contacts

_COMPONENTS = ("loading", "hamstring_stretch", "hamstring_stretch;loading", "education;modification")
"""In the order of the week states L, S, B, N."""
_MOST_DAYS = 4  # more than half of a week


@dataclass(frozen=True)
class Notes:
    """By visit, the state that the note tells and whether there is one; by episode and week, whether some note speaks of it."""

    state: Integers
    written: Flags
    speaks_of: Flags


def write_notes(visits: Contacts, state: Integers) -> Notes:
    """A note is written where it is true of every week since the visit before; a week belongs where most of its days lie."""
    first = np.concatenate([np.ones(1, dtype=bool), visits.episode[1:] != visits.episode[:-1]])[: visits.episode.size]
    before = np.where(first, visits.day, np.concatenate([np.zeros(1, dtype=np.int64), visits.day[:-1]])[: first.size])
    end = 7 * np.arange(1, state.shape[1] + 1)
    days = np.minimum(end, visits.day[:, None]) - np.maximum(end - 7, before[:, None])
    within = days >= _MOST_DAYS
    told = state[visits.episode]
    lowest = np.where(within, told, len(_COMPONENTS)).min(axis=1)
    written = within.any(axis=1) & (lowest == np.where(within, told, -1).max(axis=1))
    speaks_of = np.zeros(state.shape, dtype=bool)
    row, week = np.nonzero(within & written[:, None])
    speaks_of[visits.episode[row], week] = True
    return Notes(np.where(written, lowest, 0), written, speaks_of)


def components(notes: Notes) -> pl.Series:
    """The column `treatment_components` of the visits."""
    return coded(_COMPONENTS, notes.state, notes.written)
