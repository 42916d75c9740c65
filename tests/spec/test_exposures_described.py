"""What the export calls the strategy of an episode: the weeks in which it was followed, as known at their end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.made_records import FAILING
from tests.spec.runners_export import RUNNERS

LOADING = {**FAILING, "treatment_components": "education;loading"}
DESCRIBED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "lost after week 4": ({"visits": {"0": FAILING, "28": LOADING}, "events": "lost_to_follow_up 40"}, ("A", "rule")),
    "withdrew after week 4": ({"visits": {"0": FAILING, "28": LOADING}, "events": "withdrew 30"}, ("A", "rule")),
    "lost after week 3": ({"visits": {"0": FAILING, "21": LOADING}, "events": "lost_to_follow_up 40"}, ("X", "too_few_weeks")),
    "heard of after the last look": (
        {"visits": {"0": FAILING, "28": LOADING, "56": {"treatment_components": "hamstring_stretch"}}, "events": "withdrew 60"},
        ("X", "no_rule"),
    ),
    "came back on the last day": ({"visits": {"0": FAILING, "84": LOADING, "182": FAILING}}, ("A", "rule")),
    "came back a day later": ({"visits": {"0": FAILING, "85": LOADING, "182": FAILING}}, ("X", "too_many_unknown")),
}


@pytest.mark.parametrize("story", DESCRIBED)
def test_the_description_ends_with_the_follow_up_and_knows_nothing_later(story: str) -> None:
    # Grade: exact, regimens.toml version 1 by hand: 4 of 4 weeks loading are A, 3 weeks are too few; 4 weeks of loading and 4 of
    # stretching fit no rule; a note of day 85 tells of weeks 1 to 12 a day after the label was due: 12 of 12 weeks are unknown.
    given, described = DESCRIBED[story]
    row = RUNNERS["adsl"](given)
    assert (row["STRATA"], row["STRATARS"], row["STRATAWD"]) == (*described, 84)
