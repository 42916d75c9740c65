"""Stories that once came out wrong, each with one line of history."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis import follow_up as conduct
from tendon_outcomes.analysis import rails, recovery, to_grid
from tendon_outcomes.cohort import FollowUp, ascertain, assemble_cohort
from tendon_outcomes.declarations import EndpointAsked, Grid
from tendon_outcomes.vocabulary import Code
from tests.made_records import DECLARED, episode, records, weekly
from tests.spec.test_ascertain import EVERYONE, IMPROVED, PAIN_FREE, followed, interval


def both(**tables: Any) -> tuple[FollowUp, FollowUp]:
    cohort = assemble_cohort(records(**tables), EVERYONE)
    return (
        ascertain(cohort, PAIN_FREE, horizon_weeks=26),
        ascertain(cohort, PAIN_FREE, horizon_weeks=26, unconfirmed="event"),
    )


def looks_of(stories: dict[str, dict[int, str]]) -> dict[str, Any]:
    return {
        "episode": [episode(name) for name in stories],
        "run_week": [row for name, story in stories.items() for row in weekly(name, story)],
    }


def test_a_group_that_is_too_small_gives_refusals_and_no_crash() -> None:
    # Grade: exact. History: the other reading of a group without a fit ended in an internal error.
    strict, generous = both(**looks_of({f"{i}": {0: "F", 7: "P"} for i in range(5)}))
    strata = recovery.fit_strata(strict, grid=Grid(), generous=generous)
    rows = [
        *recovery.cumulative_incidence(strata, at_weeks=[12]),
        *recovery.sensitivity(strata, at_weeks=[12], says="x"),
        *recovery.loss_bounds(strata, at_weeks=[12]),
        *recovery.median_time(strata),
        *conduct.visit_date_incidence(strict, strata, at_weeks=[12]),
    ]
    assert [row.term for row in rows] == ["too_small"]


def test_good_results_are_not_refused_for_being_good() -> None:
    # Grade: exact. History: with 190 of 200 recovered by week 8 few were at risk at week 12, and the week was refused.
    stories = {f"{i:03}": {7 * w: ("P" if w >= 4 and i < 190 else "F") for w in range(20)} for i in range(200)}
    strict, _ = both(**looks_of(stories))
    rows = list(recovery.cumulative_incidence(recovery.fit_strata(strict, grid=Grid()), at_weeks=[12]))
    assert [row.estimate for row in rows if row.term == "milestone"] == pytest.approx([0.95])


@pytest.mark.parametrize(
    ("n", "at_risk", "known", "answered"),
    [(100, 10, 10, True), (100, 9, 49, False), (100, 9, 50, True), (200, 19, 99, False), (12, 2, 9, False), (12, 2, 10, True)],
)
def test_the_rail_of_follow_up_trips_and_just_misses(n: int, at_risk: int, known: int, answered: bool) -> None:
    # Grade: exact: max(10, 10 %) at risk, or the state of half of all and of 10 known.
    assert rails.followed_enough(n, at_risk, known) is answered


def test_who_can_never_pass_is_left_out_and_counted() -> None:
    # Grade: exact. History: without a distance before the injury a bad week fails and a good week is unknown, never passes.
    people = [episode("a"), episode("b", wk_km_preinjury=None)]
    looks = [*weekly("a", {0: "F", 7: "P", 21: "P"}), *weekly("b", {0: "F", 7: "P", 21: "P"})]
    result = followed(episode=people, run_week=looks)
    assert result.episodes["episode_id"].to_list() == ["a"]
    step = next(step for step in result.attrition.steps if "not assessable" in step.says)
    assert step.n_excluded == 1


@pytest.mark.parametrize(("start", "kept"), [(78.0, 1), (79.0, 0), (None, 0)])
def test_no_room_for_the_gain_is_not_assessable(start: float | None, kept: int) -> None:
    # Grade: exact, domain.md §2b: above 78 a gain of 22 is impossible. History: such runners were called lost.
    asked = EndpointAsked("meaningful_improvement.2", "improvement", "not yet", DECLARED.endpoint("meaningful_improvement.2"))
    visits = [{"episode_id": name, "day": 0, "visa_h_total": value} for name, value in (("a", start), ("b", 40.0))]
    result = followed(asked, episode=[episode("a"), episode("b")], visit=visits)
    assert result.episodes.height == kept + 1


def test_a_rating_by_word_needs_no_score_on_day_0() -> None:
    # Grade: exact: MI-1 can be reached by word alone, so a missing VISA-H leaves nobody out.
    visits = [{"episode_id": "a", "day": 28, "pgic": 1}]
    assert interval(followed(IMPROVED, episode=[episode("a")], visit=visits)) == (0, 28, 0)


def test_an_end_on_paper_does_not_hide_a_loss() -> None:
    # Grade: exact, domain.md §2d code 2. History: one look on day 7 and an administrative end on day 182 counted as followed.
    end = [{"episode_id": "a", "day": 182, "event": "administrative_end"}]
    result = followed(episode=[episode("a")], run_week=weekly("a", {0: "F", 7: "F"}), event=end)
    assert interval(result) == (7, None, Code.LOST)


def test_another_contact_is_a_contact() -> None:
    # Grade: exact: sessions logged to the end show that the runner was not lost, though running was not assessed.
    end = [{"episode_id": "a", "day": 182, "event": "administrative_end"}]
    sessions = [{"session_id": "s", "episode_id": "a", "day": 170, "modality": "iso"}]
    result = followed(episode=[episode("a")], run_week=weekly("a", {0: "F", 7: "F"}), event=end, session=sessions)
    assert interval(result) == (7, None, Code.ADMINISTRATIVE)


def test_unconfirmed_passes_of_a_censored_runner_do_not_say_not_reached() -> None:
    # Grade: exact. History: failing to day 70, passing on 77 and 84 and gone: the grid took day 84 as not reached.
    stories = {"a": {**{7 * w: "F" for w in range(11)}, 77: "P", 84: "P"}, "b": {7 * w: "F" for w in range(27)}}
    strict, _ = both(**looks_of(stories))
    data = to_grid(strict, Grid())
    assert data.left.tolist() == [70.0, 182.0]


def test_an_unconfirmed_pass_before_surgery_is_part_of_the_other_reading() -> None:
    # Grade: exact: of 100, 40 recover, 20 pass once on day 56 and have surgery on day 63. One reading says 0.40, the other 0.60.
    # History: the other reading was skipped, because nobody's follow-up ended on the pass itself.
    weeks = range(27)
    stories = {f"{i:03}": {7 * w: ("P" if w >= 4 and i < 40 else "F") for w in weeks} for i in range(100)}
    stories |= {f"{i:03}": {**{7 * w: "F" for w in range(8)}, 56: "P"} for i in range(40, 60)}
    surgery = [{"episode_id": f"{i:03}", "day": 63, "procedure": "surgery"} for i in range(40, 60)]
    strict, generous = both(**looks_of(stories), procedure=surgery)
    strata = recovery.fit_strata(strict, grid=Grid(), generous=generous)
    row = next(row for row in recovery.cumulative_incidence(strata, at_weeks=[12]) if row.term == "milestone")
    assert (row.estimate, row.bound_low, row.bound_high) == (None, pytest.approx(0.40), pytest.approx(0.60))
    other = next(iter(recovery.sensitivity(strata, at_weeks=[12], says="x")))
    assert other.n_events == 60


def test_nothing_is_used_after_consent_was_withdrawn() -> None:
    # Grade: exact, domain.md §2d code 3. History: passes on days 28 and 42 counted as recovery after a withdrawal on day 14.
    gone = [{"episode_id": "a", "day": 14, "event": "withdrew"}]
    looks = weekly("a", {0: "F", 7: "F", 28: "P", 42: "P"})
    assert interval(followed(episode=[episode("a")], run_week=looks, event=gone)) == (7, None, Code.WITHDREW)


def test_who_was_not_seen_on_day_0_is_a_caution() -> None:
    # Grade: exact, domain.md §2c: "already pain-free at day 0" cannot be told for them.
    result = followed(episode=[episode("a")], run_week=weekly("a", {7: "P", 21: "P"}))
    assert [row.term for row in conduct.start(result)] == ["unseen_at_start"]
    visits = [{"episode_id": "a", "day": 28, "pgic": 1}]
    assert list(conduct.start(followed(IMPROVED, episode=[episode("a")], visit=visits))) == []


def test_a_horizon_between_visits_is_answered_by_bounds() -> None:
    # Grade: exact: visits at weeks 20 and 30 only, 20 of 60 recovered by week 20, 40 by week 30. History: week 26 was refused.
    days = (0, 140, 210, 238)
    stories = {
        f"{i:02}": {day: ("P" if day >= (140 if i < 20 else 210 if i < 40 else 999) else "F") for day in days} for i in range(60)
    }
    strict, _ = both(**looks_of(stories))
    strata = recovery.fit_strata(strict, grid=Grid())
    row = next(row for row in recovery.cumulative_incidence(strata, at_weeks=[26]) if row.term == "milestone")
    assert (row.estimate, row.bound_low, row.bound_high) == (None, pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_readings_that_part_at_the_median_give_no_single_median() -> None:
    # Grade: exact: 80 of 200 recovered in week 4; 40 passed once at week 12 and were not seen again: 0.40 or 0.60.
    stories = {f"{i:03}": {7 * w: ("P" if w >= 4 else "F") for w in range(27)} for i in range(80)}
    stories |= {f"{i:03}": {**{7 * w: "F" for w in range(12)}, 84: "P"} for i in range(80, 120)}
    stories |= {f"{i:03}": {7 * w: "F" for w in range(27)} for i in range(120, 200)}
    strict, generous = both(**looks_of(stories))
    row = next(iter(recovery.median_time(recovery.fit_strata(strict, grid=Grid(), generous=generous))))
    assert row.estimate is None
    assert row.bound_low == 77.0
    assert row.warning == ""


def test_the_extremes_about_those_lost() -> None:
    # Grade: exact: 20 of 100 recover in week 4, 30 are lost after week 5, 50 are followed: 20 of 100 or 50 of 100.
    stories = {f"{i:03}": {7 * w: ("P" if w >= 4 else "F") for w in range(27)} for i in range(20)}
    stories |= {f"{i:03}": {7 * w: "F" for w in range(6)} for i in range(20, 50)}
    stories |= {f"{i:03}": {7 * w: "F" for w in range(27)} for i in range(50, 100)}
    strict, _ = both(**looks_of(stories))
    strata = recovery.fit_strata(strict, grid=Grid())
    found = {row.term: row.estimate for row in recovery.loss_bounds(strata, at_weeks=[12])}
    assert found == {recovery.NONE_OF_THE_LOST: pytest.approx(0.20), recovery.ALL_OF_THE_LOST: pytest.approx(0.50)}


def scattered() -> dict[str, dict[int, str]]:
    """Forty runners, each assessed in weeks of their own; every second one recovers, the others are lost."""
    failing = {f"{i:02}": {0: "F", 7 * (1 + i % 9): "F"} for i in range(40)}
    passing = {name: {7 * (11 + int(name) % 9): "P", 7 * (21 + int(name) % 5): "P"} for name in failing if int(name) % 2}
    silent = {name: {7 * (11 + int(name) % 9): "F"} for name in failing if name not in passing}
    return {name: {**looks, **passing.get(name, {}), **silent.get(name, {})} for name, looks in failing.items()}


def test_without_a_day_that_counts_the_extremes_about_the_lost_are_still_there() -> None:
    # Grade: exact: every look was a flare visit, so no day counts; half is known to recover, the other half is lost.
    # History: the assessment after the last was looked up in an empty list.
    tables = looks_of(scattered())
    visits = [{**{k: v for k, v in row.items() if k != "week"}, "visit_reason": "flare"} for row in tables.pop("run_week")]
    strict, _ = both(**tables, visit=visits)
    [one] = recovery.fit_strata(strict, grid=Grid())
    assert one.data.grid_days == ()
    found = {row.term for row in recovery.loss_bounds([one], at_weeks=[12])}
    assert found == {recovery.NONE_OF_THE_LOST, recovery.ALL_OF_THE_LOST}


def test_a_mean_beyond_the_last_look_is_refused_and_nothing_else() -> None:
    # Grade: exact: the state of half is known at week 26, but nobody was looked at then. History: the whole analysis was refused.
    strict, _ = both(**looks_of(scattered()))
    strata = recovery.fit_strata(strict, grid=Grid())
    assert [row.term for row in recovery.restricted_mean_time_lost(strata, horizon_weeks=26)] == ["beyond_follow_up"]


def test_an_earlier_operation_on_record_excludes_at_any_time() -> None:
    # Grade: exact. History: the population said "without an earlier operation", and a surgery row 200 days before was ignored.
    from dataclasses import replace

    population = replace(EVERYONE, excluded_procedures=("surgery",))
    before = [{"episode_id": "a", "day": -200, "procedure": "surgery"}, {"episode_id": "b", "day": 30, "procedure": "surgery"}]
    cohort = assemble_cohort(records(episode=[episode("a"), episode("b")], procedure=before), population)
    assert cohort.episodes["episode_id"].to_list() == ["b"]


def test_grid_left_ends_never_go_beyond_the_last_failing_look() -> None:
    # Grade: exact (property over random stories with onsets up to the end of follow-up).
    rng = np.random.default_rng(9)
    stories = {}
    for number in range(120):
        onset = int(rng.integers(1, 32)) * 7
        weeks = np.flatnonzero(rng.random(32) < 0.8) * 7
        stories[f"{number:03}"] = {0: "F", **{int(day): ("P" if day >= onset else "F") for day in weeks if day > 0}}
    strict, _ = both(**looks_of(stories))
    data = to_grid(strict, Grid())
    last_failing = strict.episodes.select(pl.col("last_failing"))["last_failing"].to_numpy()
    assert np.all(data.left <= last_failing)
