"""What a story of assessments and events comes to: day -> look in, (left, right] and code out."""

from __future__ import annotations

from typing import Any

import polars as pl
import polars.selectors as cs
import pytest

from tendon_outcomes.cohort import FollowUp, ascertain, assemble_cohort
from tendon_outcomes.declarations import EndpointAsked, Population
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.vocabulary import Code
from tests.made_records import DECLARED, episode, records, weekly

EVERYONE = Population(
    name="everyone",
    says="every episode",
    tendon=DECLARED.tendons["proximal_hamstring"],
    instruments=tuple(DECLARED.instruments.values()),
    criteria=(),
    washout_days=0,
    washout_procedures=(),
)
PAIN_FREE = EndpointAsked(
    "pain_free_running.2", "pain-free running", "still symptomatic", DECLARED.endpoint("pain_free_running.2")
)
IMPROVED = EndpointAsked(
    "meaningful_improvement.1", "meaningful improvement", "not yet improved", DECLARED.endpoint("meaningful_improvement.1")
)


def followed(endpoint: EndpointAsked = PAIN_FREE, *, horizon_weeks: int = 26, **tables: Any) -> FollowUp:
    return ascertain(assemble_cohort(records(**tables), EVERYONE), endpoint, horizon_weeks=horizon_weeks)


def interval(follow_up: FollowUp, name: str = "a") -> tuple[int, int | None, int]:
    row = follow_up.episodes.row(by_predicate=pl.col("episode_id") == name, named=True)
    return row["left"], row["right"], row["code"]


# Grade: exact, by reading domain.md §2c and §2d against each story.
STORIES: dict[str, tuple[dict[int, str], tuple[int, int | None, int]]] = {
    "reached between day 14 and 21, confirmed on day 35": ({0: "F", 7: "F", 14: "F", 21: "P", 28: "P", 35: "P"}, (14, 21, 0)),
    "two passes 14 days apart are enough": ({0: "F", 7: "P", 21: "P"}, (0, 7, 0)),
    "13 days apart are not": ({0: "F", 7: "P", 20: "P"}, (0, None, 2)),
    "a failing look between starts the count again": ({0: "F", 7: "P", 14: "F", 21: "P", 35: "P"}, (14, 21, 0)),
    "never reached, followed to the end": ({0: "F", 90: "F", 180: "F"}, (180, None, 1)),
    "never reached, lost from sight": ({0: "F", 30: "F"}, (30, None, 2)),
    "a last pass that nobody confirmed proves nothing": ({0: "F", 30: "F", 37: "P"}, (30, None, 2)),
    "an unknown week neither fails nor passes": ({0: "F", 7: "F", 14: "U", 21: "P", 35: "P"}, (7, 21, 0)),
    "a void week does not break a run of passes": ({0: "F", 7: "P", 14: "V", 21: "P"}, (0, 7, 0)),
    "a void pass does not confirm": ({0: "F", 7: "P", 21: "V"}, (0, None, 2)),
    "without a look on day 0 the interval starts there": ({7: "P", 21: "P"}, (0, 7, 0)),
    "nothing but unknown looks": ({7: "U", 14: "U"}, (0, None, 2)),
    "a later relapse does not undo a confirmed recovery": ({0: "F", 7: "P", 21: "P", 28: "F", 35: "F"}, (0, 7, 0)),
    "first seen after the horizon, still failing at it": ({0: "F", 175: "F", 189: "F", 196: "P", 210: "P"}, (182, None, 1)),
    "first seen after the horizon, last failing before it": ({0: "F", 175: "F", 189: "P", 203: "P"}, (175, 189, 0)),
}


@pytest.mark.parametrize("story", STORIES)
def test_a_story_becomes_an_interval(story: str) -> None:
    # Grade: exact, hand-read from the declared rules.
    looks, expected = STORIES[story]
    assert interval(followed(episode=[episode("a")], run_week=weekly("a", looks))) == expected


ENDINGS: dict[str, tuple[dict[str, Any], dict[int, str], tuple[int, int | None, int]]] = {
    "surgery on day 20 is exact": ({"procedure": [("surgery", 20)]}, {0: "F", 7: "F", 14: "F"}, (19, 20, 11)),
    "recovery comes before surgery": ({"procedure": [("surgery", 60)]}, {0: "F", 7: "P", 21: "P"}, (0, 7, 0)),
    "an injection before the confirming look wins": (
        {"procedure": [("corticosteroid_injection", 15)]},
        {0: "F", 7: "P", 21: "P"},
        (14, 15, 13),
    ),
    "a look on the day of the event is not used": ({"procedure": [("eswt", 21)]}, {0: "F", 7: "P", 21: "P"}, (20, 21, 14)),
    "a procedure on day 0 or before does not end follow-up": ({"procedure": [("prp", 0)]}, {0: "F", 7: "P", 21: "P"}, (0, 7, 0)),
    "dry needling is not a competing event": ({"procedure": [("dry_needling", 3)]}, {0: "F", 7: "P", 21: "P"}, (0, 7, 0)),
    "the earlier of two events counts": (
        {"procedure": [("surgery", 50)], "event": [("other_injury", 30)]},
        {0: "F", 14: "F"},
        (29, 30, 15),
    ),
    "of two on one day the smaller code": (
        {"procedure": [("surgery", 30)], "event": [("other_injury", 30)]},
        {0: "F"},
        (29, 30, 11),
    ),
    "stopping running competes": ({"event": [("stopped_running", 40)]}, {0: "F", 14: "F"}, (39, 40, 16)),
    "rupture competes": ({"event": [("rupture", 40)]}, {0: "F"}, (39, 40, 18)),
    "illness competes": ({"event": [("pregnancy_illness", 40)]}, {0: "F"}, (39, 40, 17)),
    "death competes": ({"event": [("death", 40)]}, {0: "F"}, (39, 40, 19)),
    "prp competes": ({"procedure": [("prp", 40)]}, {0: "F"}, (39, 40, 12)),
    "loss is on record": ({"event": [("lost_to_follow_up", 170)]}, {0: "F", 168: "F"}, (168, None, 2)),
    "withdrawal censors": ({"event": [("withdrew", 20)]}, {0: "F", 14: "F"}, (14, None, 3)),
    "transfer censors": ({"event": [("transferred", 20)]}, {0: "F", 14: "F"}, (14, None, 3)),
    "the administrative end censors": ({"event": [("administrative_end", 60)]}, {0: "F", 56: "F"}, (56, None, 1)),
    "a competing event after the horizon": ({"procedure": [("surgery", 200)]}, {0: "F", 180: "F"}, (182, None, 1)),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending_becomes_a_code(ending: str) -> None:
    # Grade: exact, the code list of domain.md §2d.
    happened, looks, expected = ENDINGS[ending]
    tables = {name: [{"episode_id": "a", "day": day, name: what} for what, day in rows] for name, rows in happened.items()}
    assert interval(followed(episode=[episode("a")], run_week=weekly("a", looks), **tables)) == expected


def test_a_failing_visit_on_the_day_of_a_passing_report_stands() -> None:
    # Grade: exact: when two looks of one day disagree, the failing one is believed.
    visit = {
        "episode_id": "a",
        "day": 7,
        "run_attempted": True,
        "run_longest_min": 40.0,
        "wk_km": 20.0,
        "nprs_run_easy": 5,
        "nprs_run_next_morning": 0,
    }
    result = followed(episode=[episode("a")], run_week=weekly("a", {0: "F", 7: "P", 14: "P", 28: "P"}), visit=[visit])
    assert interval(result) == (7, 14, Code.EVENT)


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


def test_the_generous_reading_takes_an_unconfirmed_last_pass_as_the_event() -> None:
    # Grade: exact, domain.md §2c: "event in sensitivity".
    cohort = assemble_cohort(records(episode=[episode("a")], run_week=weekly("a", {0: "F", 30: "F", 37: "P"})), EVERYONE)
    assert interval(ascertain(cohort, PAIN_FREE, horizon_weeks=26, unconfirmed="event")) == (30, 37, 0)


def visit(day: int, **cells: Any) -> dict[str, Any]:
    return {"episode_id": "a", "day": day, **cells}


IMPROVEMENT: dict[str, tuple[list[dict[str, Any]], tuple[int, int | None, int]]] = {
    "a gain of 22 points": (
        [visit(0, visa_h_total=40.0), visit(28, visa_h_total=61.0), visit(56, visa_h_total=62.0)],
        (28, 56, 0),
    ),
    "a gain of 21 is not enough": ([visit(0, visa_h_total=40.0), visit(180, visa_h_total=61.0)], (180, None, 1)),
    "much better by word, without a score": ([visit(0, visa_h_total=40.0), visit(28, pgic=2)], (0, 28, 0)),
    "a little better by word": ([visit(0, visa_h_total=40.0), visit(170, pgic=3)], (170, None, 1)),
    "word and score disagree: either is enough": (
        [visit(0, visa_h_total=40.0), visit(28, pgic=5, visa_h_total=70.0)],
        (0, 28, 0),
    ),
    "no day-0 score: the gain is unknown, the word decides": ([visit(28, visa_h_total=70.0), visit(56, pgic=1)], (0, 56, 0)),
    "15-point scale: +5 is the cut": (
        [visit(28, groc=4, groc_scale="groc_15"), visit(56, groc=5, groc_scale="groc_15")],
        (28, 56, 0),
    ),
    "nothing was asked": ([visit(0, visa_h_total=40.0), visit(28)], (0, None, 2)),
}


@pytest.mark.parametrize("case", IMPROVEMENT)
def test_meaningful_improvement(case: str) -> None:
    # Grade: exact, MI-1 of domain.md §2b; the cut of the 15-point scale is a decision declared in the endpoint.
    visits, expected = IMPROVEMENT[case]
    assert interval(followed(IMPROVED, episode=[episode("a")], visit=visits)) == expected


def test_the_result_does_not_depend_on_the_order_of_rows() -> None:
    # Grade: exact (metamorphic).
    looks = weekly("a", {0: "F", 7: "F", 14: "P", 28: "P"}) + weekly("b", {0: "F", 14: "P", 21: "F"})
    people = [episode("a"), episode("b")]
    forward = followed(episode=people, run_week=looks)
    backward = followed(episode=people[::-1], run_week=looks[::-1])
    records_aside = ~cs.ends_with("_record")
    assert forward.episodes.select(records_aside).equals(backward.episodes.select(records_aside))
