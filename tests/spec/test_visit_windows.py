"""The days that planned occasions stand for."""

from __future__ import annotations

from typing import Any

import pytest

from tendon_outcomes.declarations.visit_windows import VisitWindows
from tests.made_records import DECLARED

WINDOWS = DECLARED.visit_windows


def test_every_planned_occasion_has_its_window() -> None:
    # Exact: the labels of tables/visit.toml; an unplanned visit has none.
    assert WINDOWS.window.keys() == DECLARED.tables["visit"].column["visit_label"].codes.keys() - {"unscheduled"}


def test_the_windows_are_those_that_were_decided() -> None:
    # Exact, decision: day of the plan, first and last day; week n is day 7 n.
    assert {name: (one.target_day, one.from_day, one.to_day) for name, one in WINDOWS.window.items()} == {
        "baseline": (0, 0, 0),
        "wk_2": (14, 8, 21),
        "wk_4": (28, 22, 42),
        "wk_8": (56, 43, 70),
        "wk_12": (84, 71, 133),
        "wk_26": (182, 134, 273),
        "wk_52": (364, 274, 455),
    }
    assert {one.status for one in WINDOWS.window.values()} == {"decision"}
    assert (WINDOWS.plan_at_baseline.value, WINDOWS.loss_is_dated_within.value) == (14, 14)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"wk_4": {"target_day": 28, "from_day": 21, "to_day": 42}}, "wk_2 and wk_4 share days"),
        ({"wk_4": {"target_day": 43, "from_day": 22, "to_day": 42}}, "outside its window"),
    ],
)
def test_windows_that_cannot_be_meant_are_refused(changes: dict[str, Any], says: str) -> None:
    # Exact: one day in two windows, one target outside its own.
    written = WINDOWS.model_dump()
    for name, days in changes.items():
        written["window"][name].update(days)
    with pytest.raises(ValueError, match=says):
        VisitWindows.model_validate(written)
