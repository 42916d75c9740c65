"""Why a runner counts as he does: the story of one episode, line by line, with the records behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tendon_outcomes.cohort.patient_level.explain import Story, explain
from tendon_outcomes.declarations import Criterion, Population, endpoint_asked
from tendon_outcomes.errors import WrongUse
from tests.made_records import DECLARED, episode, records, weekly
from tests.spec.runners_endpoints import EVERYONE

PAIN_FREE = endpoint_asked(DECLARED, "pain_free_running.2")
ADULTS = replace(EVERYONE, name="adults", criteria=(Criterion(id="adult", says="18 or older", variable="age_y", at_least=18),))


def told(population: Population = EVERYONE, *, episodes: list[dict[str, Any]] | None = None, **tables: Any) -> Story:
    on_record = records(episode=episodes or [episode("a")], **tables)
    return explain(on_record, population, PAIN_FREE, episode_id="a", horizon_weeks=26)


def lines(story: Story) -> list[tuple[int | None, str, tuple[str, ...]]]:
    return [(step.day, step.says, step.records) for step in story.steps]


def test_why_this_runner_counts_as_recovered_on_day_41() -> None:
    # Grade: exact, by reading PFR-2 against the reports: fails on day 34, passes on 41 and 55.
    story = told(run_week=weekly("a", {0: "F", 34: "F", 41: "P", 48: "V", 55: "P", 62: "P"}))
    assert story.answer == "pain-free running reached after day 34 and no later than day 41 (code 0)"
    assert (34, "run week fails: pain_easy (nprs_run_easy = 4)", ("run_week.csv#2",)) in lines(story)
    assert (48, "run week void: analgesic (analgesic_on_run = True)", ("run_week.csv#4",)) in lines(story)
    assert lines(story)[-3:] == [
        (34, "the last assessment that fails before the run that counts", ("run_week.csv#2",)),
        (41, "the first pass of the run that counts", ("run_week.csv#3",)),
        (55, "confirmed: 14 days or more after the first pass, with no failing assessment between", ("run_week.csv#5",)),
    ]
    assert (None, "looks after that: passes 1", ("run_week.csv#6",)) in lines(story)
    assert story.words["pain_easy"].startswith("pain during easy running at most 1")


def test_the_text_is_numbered_and_names_its_records() -> None:
    # Grade: exact.
    text = told(run_week=weekly("a", {0: "F", 7: "P", 21: "P"})).text().splitlines()
    assert text[0] == "a, pain_free_running.2: pain-free running reached after day 0 and no later than day 7 (code 0)"
    assert text[1] == "  1. day 0: proximal hamstring, left side  [episode.csv#1]"
    assert [line.split(".")[0].strip() for line in text[1:9]] == [str(number) for number in range(1, 9)]


def test_a_competing_event_is_told_with_its_record() -> None:
    # Grade: exact.
    story = told(
        run_week=weekly("a", {0: "F", 7: "P"}),
        procedure=[{"episode_id": "a", "day": 15, "procedure": "corticosteroid_injection"}],
    )
    assert story.answer == "pain-free running not reached before a corticosteroid injection on day 15 (code 13)"
    assert lines(story)[-1] == (
        15,
        "a corticosteroid injection comes before the endpoint, on its exact day",
        ("procedure.csv#1",),
    )


def test_loss_and_an_unconfirmed_last_pass_are_told() -> None:
    # Grade: exact.
    story = told(run_week=weekly("a", {0: "F", 7: "F", 14: "P"}))
    assert story.answer == "pain-free running not reached up to day 7; then censored: lost to follow-up (code 2)"
    assert [step.says for step in story.steps[-3:]] == [
        "the last assessments pass, and none 14 days after their first one confirms them: they prove nothing yet",
        "the last assessment that fails",
        "no end is on record by the horizon (day 182), and nothing was heard in the 42 days before it",
    ]


ENDS: dict[str, tuple[dict[int, str], tuple[str, int] | None, int, tuple[int, str, tuple[str, ...]]]] = {
    "no end on record, in sight at the horizon": (
        {0: "F", 168: "F"},
        None,
        1,
        (168, "no end is on record by the horizon (day 182), and something was heard in the 42 days before it", ()),
    ),
    "as planned": (
        {0: "F", 56: "F"},
        ("administrative_end", 60),
        1,
        (60, "on record is the end of follow-up: follow-up ended as planned", ("event.csv#1",)),
    ),
    "as planned, after a long silence": (
        {0: "F", 14: "F"},
        ("administrative_end", 100),
        2,
        (
            100,
            "on record is the end of follow-up: follow-up ended as planned; nothing was heard in the 42 days before it, so it "
            "counts as lost",
            ("event.csv#1",),
        ),
    ),
    "withdrawn": (
        {0: "F", 14: "F"},
        ("withdrew", 20),
        3,
        (20, "on record is the end of follow-up: withdrew or went elsewhere", ("event.csv#1",)),
    ),
    "lost": (
        {0: "F", 168: "F"},
        ("lost_to_follow_up", 170),
        2,
        (170, "on record is the end of follow-up: lost to follow-up", ("event.csv#1",)),
    ),
    "called lost and heard of again": (
        {0: "F", 7: "F", 90: "F", 181: "F"},
        ("lost_to_follow_up", 50),
        1,
        (
            50,
            "on record is the end of follow-up: lost to follow-up; but something was heard on day 181, so that it is not lost",
            ("event.csv#1",),
        ),
    ),
    "a later end is none": (
        {0: "F", 168: "F"},
        ("withdrew", 250),
        1,
        (168, "no end is on record by the horizon (day 182), and something was heard in the 42 days before it", ()),
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_follow_up_is_told_as_it_counts(end: str) -> None:
    # Grade: exact, `why_censored`.
    looks, event, code, last = ENDS[end]
    events = [{"episode_id": "a", "day": event[1], "event": event[0]}] if event else []
    story = told(run_week=weekly("a", looks), event=events)
    assert f"(code {code})" in story.answer
    assert lines(story)[-1] == last


def test_who_continues_an_earlier_episode_is_told_this_before_anything_else() -> None:
    # Grade: exact: the flow asks it first.
    again = episode("a", patient_id="p", age_y=17, previous_episode_id="before", previous_index_day=-100)
    heard = [{"episode_id": "before", "day": 50}]
    story = told(replace(ADULTS, recurrence_gap_days=90), episodes=[again, episode("before", patient_id="p")], visit=heard)
    assert story.steps[-1].says.startswith("left out of population adults: continues an earlier episode")


def test_pain_after_a_long_silence_is_no_relapse_of_the_story_either() -> None:
    # Grade: exact: the story uses the population's gap, as the paths of everybody do.
    story = told(replace(EVERYONE, recurrence_gap_days=90), run_week=weekly("a", {0: "F", 7: "P", 21: "P", 150: "F", 157: "F"}))
    assert not [step.says for step in story.steps if "relapse" in step.says]


def test_looks_of_two_tables_with_one_record_are_told_apart() -> None:
    # Grade: exact: a wide file may feed visits and weekly reports from the same record.
    report = {**weekly("a", {7: "P"})[0], "record_id": "wide.csv#1"}
    visit = {"episode_id": "a", "day": 7, "record_id": "wide.csv#1", "run_attempted": True, "nprs_run_easy": 6}
    story = told(run_week=[report], visit=[visit])
    says = [step.says.split(":")[0].split(" (")[0] for step in story.steps if step.records == ("wide.csv#1",)]
    assert says[:2] == ["run week passes", "visit fails"]


def test_a_relapse_is_told_after_the_recovery() -> None:
    # Grade: exact, the relapse rule of the endpoint.
    story = told(run_week=weekly("a", {0: "F", 7: "P", 21: "P", 28: "F", 35: "F"}))
    assert lines(story)[-1] == (
        28,
        "relapse: symptomatic again, after day 21 and no later than day 28",
        ("run_week.csv#3", "run_week.csv#4"),
    )


def test_who_is_not_in_the_population_is_told_why() -> None:
    # Grade: exact.
    story = told(ADULTS, episodes=[episode("a", age_y=17)], run_week=weekly("a", {0: "F"}))
    assert story.answer == "not in the population"
    assert story.steps[-1].says == "left out of population adults: not met: 18 or older"


def test_another_tendon_is_told_as_that() -> None:
    # Grade: exact: the flow asks for the tendon first.
    story = told(replace(EVERYONE, recurrence_gap_days=90), episodes=[episode("a", tendon="gluteal")])
    assert story.steps[-1].says == ("left out of population everyone: another tendon than proximal hamstring tendinopathy")


def test_who_continues_an_earlier_episode_is_told_so() -> None:
    # Grade: exact, the gap rule.
    again = episode("a", patient_id="p", previous_episode_id="before", previous_index_day=-100)
    earlier = episode("before", patient_id="p")
    heard = [{"episode_id": "before", "day": 50}]
    story = told(replace(EVERYONE, recurrence_gap_days=90), episodes=[again, earlier], visit=heard)
    assert story.answer == "not in the population"
    assert "continues an earlier episode" in story.steps[-1].says


def test_who_had_reached_it_on_day_0_is_told_so() -> None:
    # Grade: exact.
    story = told(run_week=weekly("a", {0: "P", 14: "P"}))
    assert story.answer == "not followed to this endpoint"
    assert "had been reached on day 0" in story.steps[-1].says


def test_an_unknown_look_says_what_was_not_recorded() -> None:
    # Grade: exact: nothing was recorded, so every criterion that asks for something is named.
    story = told(run_week=weekly("a", {0: "F", 7: "U"}))
    [unknown] = [step.says for step in story.steps if step.day == 7 and "unknown" in step.says]
    assert unknown.startswith("run week unknown: run_length (nothing recorded), pain_easy (nothing recorded)")


def test_an_episode_that_is_not_there_is_refused() -> None:
    # Grade: exact; the message does not repeat what was typed, which may be another patient's name.
    with pytest.raises(WrongUse) as refusal:
        explain(records(episode=[episode("a")]), EVERYONE, PAIN_FREE, episode_id="Smith", horizon_weeks=26)
    assert "Smith" not in str(refusal.value)
