"""What worked cases cannot show of exposures: every tendon classifies, episodes stay apart, misuse is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tendon_outcomes.cohort import assemble_cohort
from tendon_outcomes.cohort.exposure.adherence import adherence
from tendon_outcomes.cohort.exposure.prescribed import prescribed_exposure
from tendon_outcomes.cohort.exposure.strategies import classify_strategies
from tendon_outcomes.cohort.exposure.switching import exposure_intervals, state_runs, switches
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks, person_weeks
from tendon_outcomes.errors import ImmortalTimeError, WrongUse
from tests.made_records import DECLARED, episode, records
from tests.spec.runners_exposure import LOADING_BY_STAGE, RUNNERS, WINDOW, population

REGIMEN = DECLARED.regimen("1")
TENDONS = DECLARED.tendons
MODALITIES = DECLARED.tables["session"].column["modality"].codes

# --- Every tendon


@pytest.mark.parametrize("tendon", TENDONS)
@pytest.mark.parametrize(
    ("weeks", "letter"), [("SSSSSSSSSSSS", "B"), ("SSSSSLLLLLLL", "C"), ("LLLLLLLLLLLL", "A"), ("BBBBBBBBBBBB", "D")]
)
def test_every_tendon_classifies_by_its_own_stretching(tendon: str, weeks: str, letter: str) -> None:
    # Grade: exact: the weeks are made of the first modality of the tendon's own list; no code knows of a muscle.
    assert RUNNERS["strategy"]({"tendon": tendon, "weeks": weeks})["strategy"] == letter


@pytest.mark.parametrize("tendon", TENDONS)
@pytest.mark.parametrize("modality", MODALITIES)
def test_every_modality_is_loading_stretching_or_neither(tendon: str, modality: str) -> None:
    # Grade: exact: three days with ten sets of 30 seconds meet either rule, so the state tells what the modality counts as. What
    # is no exercise of the plan makes no week known.
    log = ", ".join(f"{day} {modality} 10x30s" for day in (1, 3, 5))
    found = TENDONS[tendon]
    neither = "U" if modality in REGIMEN.adherence.not_sessions else "N"
    expected = "L" if modality in found.stages else "S" if modality in found.stretch_modalities else neither
    got = RUNNERS["week"]({"tendon": tendon, "log": log})
    assert (got["state"], got["stage"]) == (expected, found.stages.get(modality))


def test_stages_give_the_stage_of_the_week() -> None:
    # Grade: exact: the modality that the runner of cases uses for each stage.
    for stage, modality in LOADING_BY_STAGE.items():
        assert RUNNERS["week"]({"log": f"1 {modality} 3"})["stage"] == stage


# --- The frame


def many() -> dict[str, list[dict[str, Any]]]:
    """Three episodes that differ in every table, and a fourth of which nothing is on record."""
    people = [episode(name) for name in "abcd"]
    days = random.Random(20240501)
    modalities = sorted(MODALITIES)
    sessions = [
        {
            "session_id": f"{name}{number}",
            "episode_id": name,
            "day": days.randrange(0, 90),
            "modality": days.choice(modalities),
            "sets": days.choice([None, 1, 2, 3, 4]),
            "reps": days.choice([None, 8, 12]),
            "hold_s": days.choice([None, 30.0, 41.7]),
            "load_kg": days.choice([None, 10.1, 22.7]),
            "completed_frac": days.choice([None, 0.0, 0.3, 1.0]),
            "prescribed": days.choice([None, True, False]),
            "nprs_pre": days.choice([None, 1, 3]),
            "nprs_during": days.choice([None, 2, 6]),
            "nprs_24h": days.choice([None, 2, 6]),
            "record_id": f"session.csv#{name}{number}",
        }
        for name in "abc"
        for number in range(120)
    ]
    reports = [
        {
            "episode_id": name,
            "week": week,
            "day": 7 * week,
            "exercise_done": days.choice([None, True, False]),
            "sessions_prescribed": 3,
        }
        for name in "ab"
        for week in range(1, 13)
    ]
    visits = [{"episode_id": name, "day": day, "treatment_components": "loading"} for name in "abc" for day in (0, 14, 60)]
    return {"episode": people, "session": sessions, "run_week": reports, "visit": visits}


def weeks_of(tables: dict[str, list[dict[str, Any]]], *, weeks: int = WINDOW) -> PersonWeeks:
    return person_weeks(assemble_cohort(records(**tables), population("proximal_hamstring")), REGIMEN, weeks=weeks)


def test_every_episode_has_every_week_in_order() -> None:
    # Grade: exact: four episodes of twelve weeks, one of them without a record.
    frame = weeks_of(many()).frame
    assert frame.select("episode_id", "week").rows() == [(name, week) for name in "abcd" for week in range(1, 13)]
    assert frame.filter(pl.col("episode_id") == "d")["state"].to_list() == ["U"] * 12
    assert frame["record_ids"].null_count() == 0


def test_weeks_beyond_the_end_are_there_too() -> None:
    # Grade: exact: nothing is cut off; of records after the last week asked for nothing is used.
    assert weeks_of(many(), weeks=30).frame.height == 4 * 30
    short = weeks_of(many(), weeks=2).frame
    assert_frame_equal(short, weeks_of(many()).frame.filter(pl.col("week") <= 2))


def test_the_order_of_rows_does_not_matter() -> None:
    # Grade: exact: the same rows shuffled, with sums of decimals among them.
    shuffled = many()
    for rows in shuffled.values():
        random.Random(7).shuffle(rows)
    drop = "record_ids"  # the rows of the other tables are numbered as they come
    assert_frame_equal(weeks_of(shuffled).frame.drop(drop), weeks_of(many()).frame.drop(drop))


def test_an_episode_is_the_same_alone_and_among_others() -> None:
    # Grade: exact: nothing runs over from one episode to the next: progression, notes, runs, switches.
    tables = many()
    alone = {name: [row for row in rows if row["episode_id"] == "b"] for name, rows in tables.items()}
    one, all_of_them = weeks_of(alone), weeks_of(tables)
    drop = "record_ids"
    assert_frame_equal(one.frame.drop(drop), all_of_them.frame.filter(pl.col("episode_id") == "b").drop(drop))
    for derived in (lambda w: classify_strategies(w).frame, state_runs, adherence):
        got, wanted = derived(all_of_them).filter(pl.col("episode_id") == "b"), derived(one)
        assert_frame_equal(got.drop(drop, strict=False), wanted.drop(drop, strict=False))
    for plain in (lambda w: exposure_intervals(w, lag_weeks=1), switches):
        assert_frame_equal(plain(all_of_them).filter(pl.col("episode_id") == "b"), plain(one))


def test_every_session_row_is_in_one_week_and_in_the_label() -> None:
    # Grade: exact: 120 session rows an episode, all before day 90; those of days 0 to 84 are in the twelve weeks, runs in none.
    tables = many()
    inside = {row["record_id"] for row in tables["session"] if row["day"] <= 84 and row["modality"] != "run"}
    frame = weeks_of(tables).frame
    listed = [one for one in frame["record_ids"].explode().to_list() if one and one.startswith("session")]
    assert sorted(listed) == sorted(inside)
    assert all(ids == sorted(ids) for ids in frame["record_ids"].to_list())
    labelled = classify_strategies(weeks_of(tables)).frame["record_ids"].explode().drop_nulls().to_list()
    assert inside <= set(labelled)


def test_records_without_any_session_report_or_visit() -> None:
    # Grade: exact: empty tables give unknown weeks, no error and no zero.
    made = weeks_of({"episode": [episode("a")]})
    assert made.frame["state"].to_list() == ["U"] * 12
    assert classify_strategies(made).frame["reason"].to_list() == ["too_many_unknown"]
    assert adherence(made).row(0, named=True) == {
        "episode_id": "a",
        **{"n_weeks": 12, "n_logged": 0, "n_met": 0, "n_not_met": 0, "n_no_log": 12, "share_logged": 0.0, "n_weeks_with_pain": 0},
        **dict.fromkeys(("session_ratio", "session_ratio_capped", "dose_ratio", "share_covered", "breaches")),
    }


def test_intervals_fill_the_time_without_gap_or_overlap() -> None:
    # Grade: exact: the stop of one interval is the start of the next, from day 0 to day 84.
    for name, one in exposure_intervals(weeks_of(many()), lag_weeks=0).group_by("episode_id"):
        starts, stops = one["start_day"].to_list(), one["stop_day"].to_list()
        assert (starts[0], stops[-1], starts[1:]) == (0, 84, stops[:-1]), name


# --- Misuse


def test_person_weeks_without_a_week_are_refused() -> None:
    # Grade: exact.
    with pytest.raises(WrongUse, match="without a week"):
        weeks_of(many(), weeks=0)


def test_a_label_needs_its_whole_window() -> None:
    # Grade: exact: eleven weeks of twelve.
    with pytest.raises(WrongUse, match="needs 12 weeks and the person-weeks have 11"):
        classify_strategies(weeks_of(many(), weeks=11))


def test_an_exposure_does_not_come_after_its_outcome() -> None:
    # Grade: exact.
    with pytest.raises(WrongUse, match="later weeks"):
        exposure_intervals(weeks_of(many()), lag_weeks=-1)


@pytest.mark.parametrize(("from_week", "to_week"), [(1, 0), (5, 4), (13, None)])
def test_adherence_over_no_week_is_refused(from_week: int, to_week: int | None) -> None:
    # Grade: exact: to_week = 0 is not "to the last week", and week 13 comes after the twelfth, which is the last.
    with pytest.raises(WrongUse, match=f"from week {from_week} to week {to_week if to_week is not None else 12}"):
        adherence(weeks_of(many()), from_week=from_week, to_week=to_week)


def test_adherence_to_a_week_has_the_weeks_up_to_it() -> None:
    # Grade: exact: one week, and three, of twelve.
    for to_week, n_weeks in ((1, 1), (3, 3)):
        assert adherence(weeks_of(many()), to_week=to_week)["n_weeks"].to_list() == [n_weeks] * 4


@pytest.mark.parametrize("derived", [classify_strategies, adherence])
def test_until_of_another_cohort_is_refused_and_names_nobody(derived: Any) -> None:
    # Grade: exact: two of the three episodes named have no weeks; one of them stands twice.
    until = pl.DataFrame({"episode_id": ["a", "stranger", "stranger", "other"], "until_day": [28, 28, 30, None]})
    with pytest.raises(WrongUse, match="until names 2 episodes") as refused:
        derived(weeks_of(many()), until=until)
    assert "stranger" not in str(refused.value)


def test_a_label_at_day_0_is_refused_with_a_way_out() -> None:
    # Grade: exact, domain dossier §0.4 and §3c: the message says which days the label looks at and what to do instead.
    with pytest.raises(ImmortalTimeError) as refused:
        classify_strategies(weeks_of(many())).as_exposure(at_day=0)
    message = str(refused.value)
    assert isinstance(refused.value, WrongUse)
    assert refused.value.exit_code == 2
    for part in ("days 0 to 84", "day 0 on", "landmark", "exposure_intervals", "clone", "prescribed_exposure"):
        assert part in message


def test_a_label_without_until_is_refused_as_an_exposure() -> None:
    # Grade: exact: four labels, and nothing tells who of them was still followed; with an until that ends nobody they are given.
    made = weeks_of(many())
    with pytest.raises(ImmortalTimeError, match="who of 4 labelled episodes was still followed after day 84") as refused:
        classify_strategies(made).as_exposure(at_day=84)
    assert "until=" in str(refused.value)
    nobody = pl.DataFrame(schema={"episode_id": pl.String(), "until_day": pl.Int64()})
    assert classify_strategies(made, until=nobody).as_exposure(at_day=84).height == 4


def test_labels_that_rest_on_later_notes_are_counted_and_not_given() -> None:
    # Grade: exact: a and b come back on day 100 and 120, c leaves on day 90 and has a note of day 120, d is unknown. At day 84
    # three labels rest on later weeks, at day 95 two (c is left out), at day 100 one; as known on day 100 nobody's does.
    visits = [
        {"episode_id": name, "day": day, "treatment_components": "loading"} for name, day in (("a", 100), ("b", 120), ("c", 120))
    ]
    made = weeks_of({"episode": [episode(name) for name in "abcd"], "visit": visits})
    until = pl.DataFrame({"episode_id": ["c"], "until_day": [90]})
    labels = classify_strategies(made, until=until)
    assert labels.frame["strategy"].to_list() == ["A", "A", "A", "X"]
    for at_day, count, of in ((84, 3, 4), (95, 2, 3), (100, 1, 3)):
        with pytest.raises(ImmortalTimeError, match=f"{count} of {of} strategy labels") as refused:
            labels.as_exposure(at_day=at_day)
        assert f"known_by_day={at_day}" in str(refused.value)
    as_known = classify_strategies(made, until=until, known_by_day=100)
    assert as_known.as_exposure(at_day=100).rows() == [("a", "A"), ("b", "X"), ("d", "X")]
    assert labels.as_exposure(at_day=120).rows() == [("a", "A"), ("b", "A"), ("d", "X")]


def test_rows_that_could_not_be_read_are_of_their_own_episode() -> None:
    # Grade: exact: only week 2 of episode b changes, and its neighbours keep their counts.
    made = assemble_cohort(records(**many()), population("proximal_hamstring"))
    unread = pl.DataFrame({"episode_id": ["b"], "day": [10]})
    read, hidden = (person_weeks(one, REGIMEN, weeks=WINDOW).frame for one in (made, replace(made, unread={"session": unread})))
    of_b = (pl.col("episode_id") == "b") & (pl.col("week") == 2)
    assert read.filter(of_b)["state"].item() not in ("U", "B")
    assert hidden.filter(of_b)["state"].item() == "U"
    assert_frame_equal(hidden.filter(~of_b).drop("progressed"), read.filter(~of_b).drop("progressed"))


def test_until_has_the_earliest_of_several_days_and_names_only_some() -> None:
    # Grade: exact: a is looked at until day 28 (4 weeks), b has no day and c is not named: 12 weeks each.
    until = pl.DataFrame({"episode_id": ["a", "a", "b"], "until_day": [70, 28, None]})
    labels = classify_strategies(weeks_of(many()), until=until)
    assert labels.frame.select("episode_id", "n_weeks", "until_day").rows() == [
        ("a", 4, 28),
        ("b", 12, None),
        ("c", 12, None),
        ("d", 12, None),
    ]
    assert labels.as_exposure(at_day=84)["episode_id"].to_list() == ["b", "c", "d"]


PRESCRIBED = {
    "a": ("loading_led", 0),
    "b": ("stretching_led", 9),
    "c": ("combined", None),
    "d": ("unknown", None),
    "e": (None, None),
}


def prescribed_cohort() -> Any:
    people = [episode(name, strategy_prescribed=what, prescribed_day=day) for name, (what, day) in PRESCRIBED.items()]
    return assemble_cohort(records(episode=people), population("proximal_hamstring"))


def test_late_prescriptions_are_counted_and_not_named() -> None:
    # Grade: exact: of three prescriptions one is dated after day 0 and one has no day.
    with pytest.raises(ImmortalTimeError) as refused:
        prescribed_exposure(prescribed_cohort(), at_day=0)
    message = str(refused.value)
    assert "2 of 3 prescriptions" in message
    assert [(one.says, one.count) for one in refused.value.findings] == [
        ("written after day 0", 1),
        ("written on a day that was not recorded", 1),
    ]
    assert not [word for word in ("stretching_led", "combined", " 9") if word in message]


def test_late_prescriptions_may_be_unknown() -> None:
    # Grade: exact: known by day 0, by day 8 and by day 9.
    for at_day, second in ((0, None), (8, None), (9, "stretching_led")):
        found = prescribed_exposure(prescribed_cohort(), at_day=at_day, later="unknown")
        assert found.rows() == [("a", "loading_led"), ("b", second), ("c", None), ("d", None), ("e", None)]
