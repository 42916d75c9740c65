"""What many stories come to at once; one story at a time is a worked case of tests/spec/cases/ascertainment.toml."""

from __future__ import annotations

from typing import Any

import polars as pl
import polars.selectors as cs
import pytest

from tendon_outcomes.cohort import FollowUp, ascertain, assemble_cohort
from tendon_outcomes.declarations import EndpointAsked
from tendon_outcomes.errors import NoUsableRows
from tests.made_records import episode, records, weekly
from tests.spec.runners_endpoints import EVERYONE, asked

PAIN_FREE = asked("pain_free_running.2")
IMPROVED = asked("meaningful_improvement.1")


def followed(endpoint: EndpointAsked = PAIN_FREE, *, horizon_weeks: int = 26, **tables: Any) -> FollowUp:
    return ascertain(assemble_cohort(records(**tables), EVERYONE), endpoint, horizon_weeks=horizon_weeks)


def interval(follow_up: FollowUp, name: str = "a") -> tuple[int, int | None, int]:
    row = follow_up.episodes.row(by_predicate=pl.col("episode_id") == name, named=True)
    return row["left"], row["right"], row["code"]


def test_already_pain_free_on_day_0_is_not_eligible_and_is_counted() -> None:
    # Grade: exact, domain.md §2c: "Already pain-free at day 0 = ineligible for that tier (counted, shown)".
    result = followed(
        episode=[episode("a"), episode("b")], run_week=[*weekly("a", {0: "P", 14: "P"}), *weekly("b", {0: "F", 7: "F"})]
    )
    assert result.episodes["episode_id"].to_list() == ["b"]
    assert result.attrition.steps[-1].n_excluded == 1


def test_everybody_pain_free_on_day_0_is_refused() -> None:
    # Grade: exact.
    with pytest.raises(NoUsableRows):
        followed(episode=[episode("a")], run_week=weekly("a", {0: "P", 14: "P"}))


def test_the_result_does_not_depend_on_the_order_of_rows() -> None:
    # Grade: exact (metamorphic).
    looks = weekly("a", {0: "F", 7: "F", 14: "P", 28: "P"}) + weekly("b", {0: "F", 14: "P", 21: "F"})
    people = [episode("a"), episode("b")]
    forward = followed(episode=people, run_week=looks)
    backward = followed(episode=people[::-1], run_week=looks[::-1])
    records_aside = ~cs.ends_with("_record")
    assert forward.episodes.select(records_aside).equals(backward.episodes.select(records_aside))
