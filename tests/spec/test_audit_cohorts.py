"""Quarterly cohorts: who is mature, what is known of each, and how looks are told one after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.analysis.audit.cohorts import CohortCounts, cohort_counts, counter, is_mature, known_states, states
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import Protocol, endpoint_asked, load_protocol, resolve, shipped
from tendon_outcomes.records import ValidatedRecords
from tests.made_records import DECLARED, episode, records
from tests.spec.test_ascertain import EVERYONE

NAME = "meaningful_improvement_by_12_weeks"
MI = endpoint_asked(DECLARED, "meaningful_improvement.1")
LETTERS: Mapping[str, dict[str, Any]] = {"I": {"pgic": 2}, "F": {"pgic": 4}}


def protocol() -> Protocol:
    """The shipped one, asked of every episode."""
    shipped_one = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED)
    estimand = replace(shipped_one.estimand(NAME), population=EVERYONE)
    return replace(shipped_one, estimands={**shipped_one.estimands, NAME: estimand})


def visits(name: str, story: Mapping[int, str]) -> list[dict[str, Any]]:
    """Visits by day: I improved, F not."""
    return [{"episode_id": name, "day": day, "visit_reason": "scheduled", **LETTERS[one]} for day, one in story.items()]


def made(stories: Mapping[str, Mapping[int, str]], **tables: Any) -> ValidatedRecords:
    return records(
        episode=[episode(name) for name in stories],
        visit=[row for name, story in stories.items() for row in visits(name, story)],
        **tables,
    )


def entered(**quarters: tuple[str, date]) -> pl.DataFrame:
    rows = [(name, quarter, seen) for name, (quarter, seen) in quarters.items()]
    return pl.DataFrame(rows, schema={"episode_id": pl.String(), "quarter": pl.String(), "first_seen": pl.Date()}, orient="row")


def state_of(story: Mapping[int, str], **tables: Any) -> str:
    follow_up = ascertain(assemble_cohort(made({"a": story}, **tables), EVERYONE), MI, horizon_weeks=26)
    return str(states(follow_up, day=84, window_days=3)["state"][0])


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ({28: "F", 56: "I"}, "improved"),
        ({56: "F", 84: "I"}, "improved"),
        ({56: "F", 87: "I"}, "improved"),
        ({56: "F", 88: "I"}, "unknown"),
        ({81: "F", 88: "I"}, "not_improved"),
        ({84: "F", 182: "I"}, "not_improved"),
        ({81: "F"}, "not_improved"),
        ({80: "F"}, "unknown"),
        ({80: "F", 182: "I"}, "unknown"),
        ({28: "F"}, "unknown"),
        ({56: "I", 84: "F"}, "improved"),
    ],
)
def test_the_state_at_week_12(story: Mapping[int, str], expected: str) -> None:
    # Grade: exact; a look within half a grid step (3 days) of day 84 speaks for it, improvement once seen has been noticed.
    assert state_of({0: "F", **story}) == expected


def test_another_event_that_comes_first_is_no_improvement_by_week_12() -> None:
    # Grade: exact, domain.md §2d: competing events; no failure is made of those who were never seen again.
    procedure = [{"procedure_id": "x", "episode_id": "a", "day": 40, "procedure": "eswt"}]
    assert state_of({0: "F", 28: "F"}, procedure=procedure) == "not_improved"
    assert state_of({0: "F", 28: "I"}, procedure=procedure) == "improved"


def test_maturity_is_reckoned_from_the_look_that_first_held_an_episode() -> None:
    # Grade: exact: 16 weeks are 112 days.
    assert is_mature(date(2026, 3, 31), date(2026, 7, 21), mature_after_weeks=16)
    assert not is_mature(date(2026, 3, 31), date(2026, 7, 20), mature_after_weeks=16)


def test_a_cohort_that_is_not_mature_is_counted_and_is_no_failure() -> None:
    # Grade: exact, statistics.md §4.
    given = made({"a": {0: "F", 56: "I"}, "b": {0: "F", 28: "F"}, "c": {0: "F"}, "d": {0: "F", 84: "F"}})
    seen = entered(
        a=("2026Q1", date(2026, 3, 31)),
        b=("2026Q1", date(2026, 3, 31)),
        c=("2026Q2", date(2026, 6, 30)),
        d=("2026Q1", date(2026, 3, 31)),
    )
    found = cohort_counts(given, protocol(), seen, as_of=date(2026, 9, 30))
    assert found == {"2026Q1": CohortCounts(3, 1, 1, 1), "2026Q2": CohortCounts(immature=1)}


def test_counts_do_not_depend_on_other_cohorts() -> None:
    # Grade: exact (metamorphic): a later cohort moves no earlier one.
    early = {"a": {0: "F", 56: "I"}, "b": {0: "F", 83: "F"}}
    late = {f"z{i}": {0: "F", 30 + i: "F", 91: "I"} for i in range(20)}
    seen = entered(
        a=("2025Q1", date(2025, 3, 31)),
        b=("2025Q1", date(2025, 3, 31)),
        **{name: ("2026Q1", date(2026, 3, 31)) for name in late},
    )
    alone = counter(seen)(made(early), protocol(), ["2025Q1"])
    together = counter(seen)(made({**early, **late}), protocol(), ["2025Q1"])
    assert alone == together == {"2025Q1": CohortCounts(2, 1, 1, 0)}


def test_a_quarter_of_which_nobody_is_asked_about_counts_nobody() -> None:
    # Grade: exact.
    seen = entered(a=("2025Q1", date(2025, 3, 31)))
    assert counter(seen)(made({"a": {0: "F", 84: "F"}}), protocol(), ["2025Q1", "2025Q2"])["2025Q2"] == CohortCounts()


def test_nobody_in_the_population_gives_no_states() -> None:
    # Grade: exact.
    nobody = records(episode=[episode("a", tendon="patellar")])
    assert known_states(nobody, protocol().estimand(NAME), also=("age_y",)).height == 0
