"""What changed of a cohort since it was first reported, split into definitions, corrections and late data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.analysis.audit.restatement import STEPS, corrected, restated
from tendon_outcomes.declarations import Protocol
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import Row
from tendon_outcomes.snapshots import History, Look
from tests.made_records import episode, records

TODAY = cast("Protocol", None)
DATES = {"2025Q4": date(2025, 12, 31), "2026Q1": date(2026, 3, 31), "2026Q2": date(2026, 6, 30)}


@dataclass(frozen=True)
class Counted:
    n: int
    improved: int
    unknown: int


def visits(story: Mapping[str, int | None]) -> ValidatedRecords:
    """Episodes with one visit on day 84 that holds a rating of change; None: the visit is not there."""
    made = [{"episode_id": name, "day": 84, "pgic": pgic} for name, pgic in story.items() if pgic is not None]
    return records(episode=[episode(name) for name in story], visit=made)


def by_rating(found: ValidatedRecords, _: Protocol, quarters: Sequence[str]) -> dict[str, Counted]:
    """Ratings of 6 and 7 improved; who was not rated is unknown. Everybody is of the first quarter."""
    rated = found.table("episode").join(found.table("visit"), on="episode_id", how="left")["pgic"]
    return {one: Counted(len(rated), int((rated >= 6).sum()), rated.null_count()) for one in quarters}


def looked(*stories: Mapping[str, int | None], told: Mapping[str, tuple[int, int, int]] | None = None) -> History:
    """Looks at the end of quarters; `told` is what the report of the middle one said."""
    looks = [
        Look(
            quarter,
            day,
            "s",
            visits(story),
            "p" if told and quarter == "2026Q2" else "",
            told or {} if quarter == "2026Q2" else {},
        )
        for (quarter, day), story in zip(DATES.items(), stories[:2] + stories[1:2], strict=True)
    ]
    looks.append(Look("2026Q3", date(2026, 9, 30), "s", visits(stories[-1]), ""))
    entered = pl.DataFrame([(name, "2025Q4", DATES["2025Q4"]) for name in stories[0]], schema=ENTERED, orient="row")
    return History(tuple(looks), entered, first_is_open=False)


ENTERED: dict[str, Any] = {"episode_id": pl.String(), "quarter": pl.String(), "first_seen": pl.Date()}


def rows(history: History) -> dict[str, Row]:
    return {row.term: row for row in restated(history, TODAY, by_rating, mature_after_weeks=16) if row.statistic == "restatement"}


def counts(row: Row) -> tuple[int | None, ...]:
    return row.n_at_risk, row.n_events, row.n_censored


def test_each_step_holds_what_belongs_to_it() -> None:
    # Grade: exact, by hand. The report said 5, 3 improved, 0 unknown. The records of that day by today's definitions: 5, 2, 1.
    # b was then corrected from 6 to 4 and e was deleted: 4, 1, 1. c came late, improved: 4, 2, 0.
    then = {"a": 7, "b": 6, "c": None, "d": 3, "e": 5}
    now = {"a": 7, "b": 4, "c": 7, "d": 3}
    found = rows(looked(then, then, now, told={"2025Q4": (5, 3, 0)}))
    assert [counts(found[step]) for step in (*STEPS, "total")] == [(0, -1, 1), (-1, -1, 0), (0, 1, -1), (-1, -1, 0)]
    assert abs((found["total"].estimate or 0) - (2 / 4 - 3 / 5)) < 1e-12


def test_a_cohort_that_nobody_reported_is_compared_with_its_records_and_says_so() -> None:
    # Grade: exact: mature at the look of 2026Q2, 26 weeks on; 13 weeks on, at that of 2026Q1, it was not.
    then = {"a": 7, "b": None}
    made = list(restated(looked({"a": None, "b": None}, then, {"a": 7, "b": 7}), TODAY, by_rating, mature_after_weeks=16))
    assert [(row.term, counts(row)) for row in made if row.statistic == "restatement"] == [
        ("changed definitions", (0, 0, 0)),
        ("corrections", (0, 0, 0)),
        ("late data", (0, 1, -1)),
        ("total", (0, 1, -1)),
    ]
    assert [(row.statistic, "2025Q4" in row.warning) for row in made[-1:]] == [("caution", True)]


def test_a_cohort_that_matures_at_the_look_reported_is_not_restated() -> None:
    # Grade: exact.
    history = looked({"a": 7}, {"a": 7}, {"a": 7})
    assert list(restated(history, TODAY, by_rating, mature_after_weeks=30)) == []


def test_a_moved_end_of_follow_up_is_a_correction_and_no_new_row() -> None:
    # Grade: exact: the end of those still followed moves on with every export; a second event of its kind is new.
    def of(*events: tuple[int, str]) -> ValidatedRecords:
        return records(episode=[episode("a")], event=[{"episode_id": "a", "day": day, "event": event} for day, event in events])

    then = of((120, "administrative_end"), (30, "other_injury"))
    kept = corrected(then, of((211, "administrative_end"), (31, "other_injury"), (90, "other_injury")))
    assert sorted(kept.table("event").select("day", "event").rows()) == [(31, "other_injury"), (211, "administrative_end")]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    then=st.dictionaries(st.sampled_from("abcdefgh"), st.none() | st.integers(1, 7), min_size=1),
    now=st.dictionaries(st.sampled_from("abcdefgh"), st.none() | st.integers(1, 7), min_size=1),
    told=st.none() | st.tuples(st.integers(4, 9), st.integers(0, 2), st.integers(0, 2)),
)
def test_the_steps_add_up(then: dict[str, int | None], now: dict[str, int | None], told: tuple[int, int, int] | None) -> None:
    # Grade: exact: in every count, and in the share wherever each step has one.
    found = rows(looked(then, then, now, told={"2025Q4": told} if told else None))
    steps = [found[step] for step in STEPS]
    for name in ("n_at_risk", "n_events", "n_censored"):
        assert sum(getattr(step, name) for step in steps) == getattr(found["total"], name)
    shares = [step.estimate for step in steps]
    if None not in shares:
        assert abs(sum(share or 0 for share in shares) - (found["total"].estimate or 0)) < 1e-12
