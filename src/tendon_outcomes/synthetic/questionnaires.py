"""VISA-H by item and the patient's impression of change: they say "improved" if and only if the true day has come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.columns import whole
from tendon_outcomes.synthetic.draws import Flags, Floats, Integers

UNIFORMS = 16
"""Uniform numbers that one set of questionnaires uses."""

MEANINGFUL_GAIN = 22  # VISA-H points, as meaningful_improvement.1 declares; the generator must stay on the right side of it
_ITEM_7 = (0, 4, 7, 10)
_ITEM_8 = {"a": (7, 14, 21, 30), "b": (4, 10, 14, 20), "c": (0, 2, 5, 7, 10)}  # the answers of VISA-A; VISA-H's are not verified
_COMBINATIONS = [(seven, branch, eight) for seven in _ITEM_7 for branch in "abc" for eight in _ITEM_8[branch]]
_SLOW_WEEKS = 40.0  # those who do not improve creep up over this time


@dataclass(frozen=True)
class Answers:
    """Who answers on which day, in which state. `index_total` is the VISA-H of day 0."""

    day: Integers
    improved: Flags
    pain_free: Flags
    improvement_day: Integers
    index_total: Integers
    answered: Flags
    u: Floats


def visa_h_total(answers: Answers) -> tuple[Integers, Flags]:
    """VISA-H total, and whether it shows the improvement; where it does not, the impression of change does.

    Below 22 points of gain before the improvement. After it, four in five totals show it, unless the ceiling forbids it.
    """
    room = 100 - answers.index_total
    shows = answers.improved & (answers.u[:, 0] < 0.8) & (room >= MEANINGFUL_GAIN)
    progress = np.minimum(answers.day / np.minimum(answers.improvement_day, 7 * _SLOW_WEEKS), 1.0)
    before = np.clip(np.rint(15 * progress + 12 * (answers.u[:, 1] - 0.5)), -answers.index_total, MEANINGFUL_GAIN - 1)
    least = MEANINGFUL_GAIN + np.where(answers.pain_free, 0.5, 0.0) * np.maximum(room - MEANINGFUL_GAIN, 0)
    after = np.rint(least + (room - least) * 0.8 * answers.u[:, 1])
    gain = np.where(answers.day == 0, 0, np.where(shows, after, np.minimum(before, room)))
    return (answers.index_total + gain).astype(np.int64), shows


def visa_h_columns(answers: Answers, total: Integers) -> dict[str, pl.Series]:
    """The eight items and their total. Exactly one branch of item 8 is answered; the items add up to the total."""
    which = _combination(answers, total)
    seven = np.array([one[0] for one in _COMBINATIONS])[which]
    branch = np.array(["abc".index(one[1]) for one in _COMBINATIONS])[which]
    eight = np.array([one[2] for one in _COMBINATIONS])[which]
    items = _spread(total - seven - eight, answers.u)
    columns = {f"visa_h_{number + 1}": whole(items[:, number], answers.answered) for number in range(6)}
    columns["visa_h_7"] = whole(seven, answers.answered)
    for number, letter in enumerate("abc"):
        columns[f"visa_h_8{letter}"] = whole(eight, answers.answered & (branch == number))
    columns["visa_h_total"] = whole(total, answers.answered)
    return columns


def impression_of_change(answers: Answers, shown_by_visa: Flags) -> pl.Series:
    """PGIC: 1 or 2 once improved (always where VISA-H cannot show it), 3 to 5 before. Not asked on day 0."""
    u = answers.u[:, 2]
    better = np.where(answers.pain_free & (u < 0.6), 1, np.where(u < 0.2, 1, 2))
    modest = answers.improved & shown_by_visa & (answers.u[:, 3] < 0.25)  # VISA-H alone says so
    unchanged = 3 + (u > 0.45).astype(np.int64) + (u > 0.9)
    value = np.where(answers.improved & ~modest, better, np.where(modest, 3, unchanged))
    return whole(value, answers.answered & (answers.day > 0))


def _combination(answers: Answers, total: Integers) -> Integers:
    """Items 7 and 8 drawn among the answers that leave 0-60 points to the other six."""
    table = _cumulative_weights()
    row = answers.pain_free * 101 + total
    # Row r of the table lies on [r, r + 1], so one search finds the place in every row at once.
    stacked = (table.reshape(-1, table.shape[2]) + np.arange(202)[:, None]).ravel()
    place: Integers = np.searchsorted(stacked, row + answers.u[:, 4], side="right") - row * table.shape[2]
    return place


@lru_cache(maxsize=1)
def _cumulative_weights() -> Floats:
    """Cumulative probability of each combination, by pain-free or not and by total (2, 101, combinations).

    The nearer to the share that items 7 and 8 have of the total, the likelier; branch A is for running without pain.
    """
    seven = np.array([one[0] for one in _COMBINATIONS], dtype=float)
    eight = np.array([one[2] for one in _COMBINATIONS], dtype=float)
    painless = np.array([one[1] == "a" for one in _COMBINATIONS])
    total = np.arange(101.0)[:, None]
    rest = total - seven - eight
    fits = (rest >= 0) & (rest <= 60)
    weight = fits * np.exp(-(((rest - 0.6 * total) / 8) ** 2)) + fits * 1e-9
    both = np.stack([weight * np.where(painless, 1e-6, 1.0), weight * np.where(painless, 1.0, 1e-6)])
    cumulative: Floats = both.cumsum(axis=2) / both.sum(axis=2, keepdims=True)
    return cumulative


def _spread(points: Integers, u: Floats) -> Integers:
    """Six items of 0-10 that add up to ``points``: evenly first, then points are moved within three pairs."""
    even, left = np.divmod(points, 6)
    rank = u[:, 5:11].argsort(axis=1).argsort(axis=1)
    items = even[:, None] + (rank < left[:, None])
    for pair in range(3):
        one, other = items[:, 2 * pair], items[:, 2 * pair + 1]
        most, least = np.minimum(10 - one, other), -np.minimum(one, 10 - other)
        moved = np.clip(np.floor(7 * u[:, 11 + pair]).astype(np.int64) - 3, least, most)
        items[:, 2 * pair], items[:, 2 * pair + 1] = one + moved, other - moved
    return items
