"""The time line of one episode: every record becomes a mark, and the drawing shows each of them by its shape and in words."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.cohort.assemble import Cohort, assemble_cohort
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks, person_weeks
from tendon_outcomes.cohort.outcome.ascertain import FollowUp, ascertain
from tendon_outcomes.cohort.patient_level.timeline import SCHEMA, timeline_marks
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.reporting.timeline import draw_timeline
from tendon_outcomes.reporting.timeline_lanes import LEGEND, Axis, lane_of
from tendon_outcomes.reporting.timeline_symbols import ENDPOINT, LANES, WEEKS, Words
from tendon_outcomes.vocabulary import Status, WeekState
from tests.made_records import DECLARED, FAILING, PASSING, VOID, episode, records
from tests.spec.runners_export import EVERYONE, asked

PLAN = {"strategy_prescribed": "loading_led", "prescribed_day": 2}


def cohort(**tables: Any) -> Cohort:
    return assemble_cohort(records(episode=[episode("a", **PLAN), episode("b")], **tables), EVERYONE)


def at(day: int, **cells: Any) -> dict[str, Any]:
    return {"episode_id": "a", "day": day, **cells}


def followed(made: Cohort, *references: str) -> list[FollowUp]:
    return [ascertain(made, asked(reference).endpoint, horizon_weeks=26) for reference in references]


@pytest.fixture(scope="module")
def busy() -> tuple[Cohort, list[FollowUp], PersonWeeks]:
    """One episode with something in every lane, and another one's records, which must not show."""
    other = {"episode_id": "b", "day": 5}
    made = cohort(
        visit=[
            at(0, visit_reason="scheduled", visa_h_total=50.0, **{**FAILING, "nprs_run_fast": 6}),
            at(20, visit_reason="flare", visa_h_total=44.0, nprs_run_easy_reason="not_attempted_pain"),
            at(56, visa_h_total=75.0, **{**PASSING, "nprs_run_fast": 0}),
            {**other, "visit_reason": "discharge", **FAILING},
        ],
        run_week=[
            at(7, week=1, **FAILING),
            at(28, week=4, **VOID),
            at(35, week=5),
            at(42, week=6, **PASSING),
            at(63, week=9, **PASSING),
            {**other, "week": 1, **PASSING},
        ],
        session=[
            at(1, session_id="1", modality="isotonic_low_flex", sets=3),
            at(1, session_id="2", modality="hamstring_stretch"),
            at(3, session_id="3", modality="isotonic_low_flex", sets=3),
            at(4, session_id="4", modality="foam_roll"),
            {**other, "session_id": "5", "modality": "gait"},
        ],
        procedure=[at(-400, procedure="corticosteroid_injection"), at(12, procedure="dry_needling", stop_day=30)],
        event=[at(190, event="administrative_end")],
    )
    return made, followed(made, "pain_free_running.2"), person_weeks(made, DECLARED.regimen("1"), weeks=2)


def rows(marks: pl.DataFrame, lane: str) -> list[tuple[Any, ...]]:
    return marks.filter(pl.col("lane") == lane).drop("lane").rows()


# --- Marks


def test_every_record_of_the_episode_becomes_a_mark(busy: tuple[Cohort, list[FollowUp], PersonWeeks]) -> None:
    # Grade: exact, read off the records above.
    made, follow_ups, weeks = busy
    marks = timeline_marks(made, "a", follow_ups=follow_ups, weeks=weeks)
    assert dict(marks.schema) == SCHEMA
    assert rows(marks, "visits") == [
        (0, None, "scheduled", None, ""),
        (20, None, "flare", None, ""),
        (56, None, "unknown", None, ""),
    ]
    assert [row[0] for row in rows(marks, "reports")] == [7, 28, 35, 42, 63]
    assert rows(marks, "pain") == [
        (0, None, "easy", 4.0, ""),
        (0, None, "fast", 6.0, ""),
        (7, None, "easy", 4.0, ""),
        (20, None, "avoided", None, "easy"),
        (28, None, "easy", 0.0, ""),
        (42, None, "easy", 0.0, ""),
        (56, None, "easy", 0.0, ""),
        (56, None, "fast", 0.0, ""),
        (63, None, "easy", 0.0, ""),
    ]
    assert [(row[0], row[3], row[4]) for row in rows(marks, "score")] == [
        (0, 50.0, "VISA-H"),
        (20, 44.0, "VISA-H"),
        (56, 75.0, "VISA-H"),
    ]
    assert rows(marks, "loading") == [(day, None, "session", None, "isotonic_low_flex") for day in (1, 3)]
    assert rows(marks, "stretching") == [(1, None, "session", None, "hamstring_stretch")]
    assert rows(marks, "other") == [(4, None, "session", None, "foam_roll")]
    assert rows(marks, "weeks") == [(0, 7, "L", None, ""), (8, 14, "U", None, "")]
    assert rows(marks, "events") == [
        (-400, None, "procedure", None, "corticosteroid injection"),
        (2, None, "prescription", None, "loading led"),
        (12, 30, "procedure", None, "dry needling"),
        (190, None, "event", None, "administrative end"),
    ]


def test_looks_and_what_they_come_to_are_marks_of_the_endpoint(busy: tuple[Cohort, list[FollowUp], PersonWeeks]) -> None:
    # Grade: exact, domain.md §2c: reached in (20, 42], confirmed 14 days later; day 28 is void, day 35 unknown.
    made, follow_ups, _ = busy
    endpoint = rows(timeline_marks(made, "a", follow_ups=follow_ups), "endpoint:pain_free_running.2")
    looks = [(day, kind) for day, _, kind, _, _ in endpoint if kind in set(Status)]
    assert looks == [
        (0, "fails"),
        (7, "fails"),
        (20, "fails"),
        (28, "void"),
        (35, "unknown"),
        (42, "passes"),
        (56, "passes"),
        (63, "passes"),
    ]
    assert [row for row in endpoint if row[2] not in set(Status)] == [
        (20, 42, "reached", None, "event"),
        (56, None, "confirmed", None, ""),
        (182, None, "horizon", None, "pain-free running"),
    ]


ENDINGS: dict[str, tuple[dict[str, Any], tuple[int, int | None, str, str]]] = {
    "surgery competes": ({"procedure": [at(40, procedure="surgery")]}, (39, 40, "competing", "surgery")),
    "lost": ({}, (7, None, "censored", "lost")),
    "withdrew": ({"event": [at(20, event="withdrew")]}, (7, None, "censored", "withdrew")),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_episode_without_the_event_shows_why(ending: str) -> None:
    # Grade: exact, domain.md §2d.
    tables, expected = ENDINGS[ending]
    looks = [at(0, week=1, **FAILING), at(7, week=2, **FAILING)]
    made = cohort(run_week=looks, **tables)
    marks = timeline_marks(made, "a", follow_ups=followed(made, "pain_free_running.2"))
    found = [
        (day, end, kind, label)
        for day, end, kind, _, label in rows(marks, "endpoint:pain_free_running.2")
        if kind not in {*Status, "horizon"}
    ]
    assert found == [expected]


def test_an_episode_that_is_not_followed_has_its_looks_only() -> None:
    # Grade: exact: reached on day 0 already.
    made = cohort(visit=[at(0, **PASSING), {"episode_id": "b", "day": 0, **FAILING}])
    marks = timeline_marks(made, "a", follow_ups=followed(made, "pain_free_running.2"))
    assert [(row[0], row[2]) for row in rows(marks, "endpoint:pain_free_running.2")] == [(0, "not_followed"), (0, "passes")]


def test_an_episode_of_somebody_else_is_refused_without_a_word_about_it() -> None:
    # Grade: exact: a message holds no value of a patient, and so no id.
    with pytest.raises(WrongUse, match="not in population everyone") as refused:
        timeline_marks(cohort(), "SECRET-17")
    assert "SECRET-17" not in str(refused.value)


def test_an_episode_without_records_has_a_plan_at_most() -> None:
    # Grade: exact.
    assert timeline_marks(cohort(), "a").rows() == [("events", 2, None, "prescription", None, "loading led")]
    assert timeline_marks(cohort(), "b").is_empty()


# --- The drawing


def test_every_kind_of_mark_has_a_symbol(busy: tuple[Cohort, list[FollowUp], PersonWeeks]) -> None:
    # Grade: exact: kinds come from the codes of visits, the statuses of looks and the states of weeks; each has its symbol.
    reasons = set(DECLARED.tables["visit"].column["visit_reason"].codes)
    assert set(LANES["visits"].symbols) == reasons
    assert set(WEEKS) == {state.value for state in WeekState}
    assert {status.value for status in Status} <= set(ENDPOINT)


@pytest.mark.parametrize("lane", [*LANES, "endpoint"])
def test_symbols_of_a_lane_differ_by_more_than_colour(lane: str) -> None:
    # Grade: published, WCAG 2.2, success criterion 1.4.1: shape, or full against hollow, tells them apart.
    symbols = (ENDPOINT if lane == "endpoint" else LANES[lane].symbols).values()
    looks = [(one.shape, one.fill == "#ffffff") for one in symbols]
    assert len(set(looks)) == len(looks)
    assert len({band.letter for band in WEEKS.values()}) == len(WEEKS)


def test_the_same_marks_give_the_same_bytes(busy: tuple[Cohort, list[FollowUp], PersonWeeks]) -> None:
    # Grade: exact.
    made, follow_ups, weeks = busy
    marks = timeline_marks(made, "a", follow_ups=follow_ups, weeks=weeks)
    assert draw_timeline(marks, title="Episode a") == draw_timeline(marks, title="Episode a")


def test_the_drawing_says_in_words_what_it_shows(busy: tuple[Cohort, list[FollowUp], PersonWeeks]) -> None:
    # Grade: exact: a title, a description, the legend of every lane, and that it is one patient's.
    made, follow_ups, weeks = busy
    drawn = draw_timeline(timeline_marks(made, "a", follow_ups=follow_ups, weeks=weeks), title="Episode <a> & $x$").decode()
    assert drawn.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "<title" in drawn
    assert "Episode &lt;a&gt; &amp; $x$" in drawn
    description = re.search(r"<desc[^>]*>(.*?)</desc>", drawn)
    assert description is not None
    assert "Visits: 3 marks (planned visit; visit for a flare; reason not recorded)" in description[1]
    assert "reached after day 20, by day 42; confirmed on day 56" in description[1]
    assert "dry needling, day 12 to 30" in description[1]
    texts = set(re.findall(r"<text[^>]*>([^<]*)</text>", drawn))
    assert {"Visits", "VISA-H", "L loading", "U not known", "not run: pain or advice", "horizon, day 182", "session"} <= texts
    assert any(text.startswith("One patient's records: keep this drawing in the clinic.") for text in texts)
    assert "Weeks since day 0" in texts


def test_an_episode_without_records_can_be_drawn() -> None:
    # Grade: exact.
    assert b"One patient" in draw_timeline(timeline_marks(cohort(), "b"), title="Episode b")


def test_words_of_events_do_not_overlap() -> None:
    # Grade: exact: twelve events on twelve days in a row, told with words of the width that the layout reckons with.
    marks = [
        {"lane": "events", "day": day, "end_day": None, "kind": "procedure", "value": None, "label": "manual therapy"}
        for day in (*range(1, 7), *range(175, 181))
    ]
    axis = Axis(0, 182)
    from tendon_outcomes.reporting.timeline_lanes import LETTER, drawn

    lane = lane_of("events", tuple(marks), axis, 0.0)
    words = [one for one in drawn(lane, axis) if isinstance(one, Words) and "day" in one.text]
    assert len(words) == len(marks)
    spans = []
    for one in words:
        width = LETTER * len(one.text) / axis.points
        spans.append((one.y, one.x - (width if one.ha == "right" else 0), one.x + (0 if one.ha == "right" else width)))
    for place, (y, start, end) in enumerate(spans):
        assert -lane.height <= y <= 0
        assert end * axis.points <= axis.last * axis.points + LEGEND
        for other, low, high in spans[place + 1 :]:
            assert abs(other - y) > 0.5 or end < low or high < start
