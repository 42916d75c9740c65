"""From scattered assessment days to a shared grid: intervals in, grid intervals out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.analysis import GriddedFollowUp, to_grid
from tendon_outcomes.declarations import Grid
from tests.made_records import episode, weekly
from tests.spec.test_ascertain import followed

WEEKLY = Grid(days=7, min_share_assessed=0.5)


def gridded(stories: dict[str, dict[int, str]], **tables: Any) -> GriddedFollowUp:
    looks = [row for name, story in stories.items() for row in weekly(name, story)]
    return to_grid(followed(episode=[episode(name) for name in stories], run_week=looks, **tables), WEEKLY)


def test_days_near_a_week_speak_for_it() -> None:
    # Grade: exact: 6 and 8 are nearest to 7, 20 and 22 to 21.
    data = gridded({"a": {0: "F", 6: "F", 13: "F", 20: "P", 35: "P"}, "b": {0: "F", 8: "F", 15: "F", 22: "P", 36: "P"}})
    assert data.grid_days == (7, 14, 21)
    assert data.left.tolist() == [14.0, 14.0]
    assert data.right.tolist() == [21.0, 21.0]


def test_the_nearest_of_two_looks_speaks_for_the_week() -> None:
    # Grade: exact: failing on day 56 and passing on day 58 leaves week 8 failing; the event lies in (56, 63].
    data = gridded({"a": {0: "F", 49: "F", 56: "F", 58: "P", 63: "P", 77: "P"}})
    assert (data.left[0], data.right[0]) == (56.0, 63.0)


def test_a_week_on_which_few_were_assessed_is_not_counted() -> None:
    # Grade: exact: one of three looked at on day 7; its look becomes part of a wider interval.
    regular = {0: "F", 14: "F", 28: "P", 42: "P"}
    data = gridded({"a": regular, "b": regular, "c": {0: "F", 7: "F", 14: "P", 28: "P"}})
    assert 7 not in data.grid_days
    assert (data.left[2], data.right[2]) == (0.0, 14.0)


def test_competing_events_keep_their_day() -> None:
    # Grade: exact.
    data = gridded({"a": {0: "F", 7: "F"}}, procedure=[{"episode_id": "a", "day": 11, "procedure": "surgery"}])
    assert (data.left[0], data.right[0], data.cause[0]) == (10.0, 11.0, 2)


def test_flare_visits_are_set_aside() -> None:
    # Grade: exact: a visit made because of a flare looks only at the unwell; it moves no interval.
    flare = {
        "episode_id": "a",
        "day": 11,
        "visit_reason": "flare",
        "run_attempted": True,
        "run_longest_min": 40.0,
        "wk_km": 20.0,
        "nprs_run_easy": 6,
        "nprs_run_next_morning": 4,
    }
    with_flare = gridded({"a": {0: "F", 7: "F", 21: "P", 35: "P"}}, visit=[flare])
    without = gridded({"a": {0: "F", 7: "F", 21: "P", 35: "P"}})
    assert with_flare.left.tolist() == without.left.tolist() == [7.0]
    assert with_flare.grid_days == without.grid_days


def test_the_interval_always_contains_the_ascertained_one_on_a_common_week_grid() -> None:
    # Grade: exact (property over random stories on whole weeks): coarsening only widens.
    rng = np.random.default_rng(5)
    stories = {}
    for number in range(60):
        onset = int(rng.integers(1, 24)) * 7
        weeks = np.flatnonzero(rng.random(30) < 0.8) * 7
        stories[f"{number:02}"] = {0: "F", **{int(day): ("P" if day >= onset else "F") for day in weeks if day > 0}}
    looks = [row for name, story in stories.items() for row in weekly(name, story)]
    follow_up = followed(episode=[episode(name) for name in stories], run_week=looks)
    data = to_grid(follow_up, WEEKLY)
    left = follow_up.episodes["left"].to_numpy()
    right = np.where(data.cause == 1, follow_up.episodes["right"].fill_null(0).to_numpy(), np.inf)
    assert np.all(data.left <= left)
    assert np.all(data.right >= right)
