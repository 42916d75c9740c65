"""What was done up to a landmark, and what came of it: who is at risk, which weeks count, and the difference by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis.claims.finding import NOT_ANSWERED
from tendon_outcomes.analysis.claims.landmark import landmark_claim, places
from tendon_outcomes.analysis.claims.landmark_exposures import EXPOSURE, landmark_exposure
from tendon_outcomes.analysis.claims.landmark_follow_up import at_landmark
from tendon_outcomes.analysis.claims.setting import Setting, setting_of
from tendon_outcomes.declarations.claims import Claim, LandmarkAnswer
from tests.made_records import DECLARED, PASSING, episode, records
from tests.simulation.clinic_records import everyone
from tests.spec.claims_fixture import ASKED, argued, changed, claim, protocol, setting

RUNS: dict[str, Any] = {**PASSING, "nprs_run_easy": 2}
RESTS: dict[str, Any] = {
    "run_attempted": False,
    "wk_km": 0.0,
    "run_status": "stopped",
    "nprs_run_easy_reason": "not_attempted_pain",
}
BREAKS: dict[str, Any] = {**PASSING, "nprs_run_easy": 6}
WEEKS = range(1, 27)


def told(name: str, early: dict[str, Any], from_week: int | None, *, until: int = 26) -> list[dict[str, Any]]:
    """Weekly reports: as told up to week 6, then failing, and passing from a week on."""
    rows = []
    for week in (week for week in WEEKS if week <= until):
        later = PASSING if from_week is not None and week >= from_week else RUNS
        cells = PASSING if from_week is not None and week >= from_week else (early if week <= 6 else later)
        rows.append({"episode_id": name, "week": week, "day": 7 * week, **cells})
    return rows


def clinic(reached: tuple[int, int], n: int = 40, more: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])) -> Setting:
    """n runners who rest and n who run for six weeks; of them `reached` are pain-free in week 12, all others never."""
    episodes, weeks = list(more[0]), list(more[1])
    for group, early in enumerate((RESTS, RUNS)):
        for number in range(n):
            name = f"{'abc'[group]}{number:03d}"
            episodes.append(episode(name, onset_day=-70, onset_precision="week"))
            weeks += told(name, early, 8 if number < reached[group] else None)
    made = records(episode=episodes, run_week=weeks)
    asked = replace(protocol().estimand(ASKED), population=everyone(DECLARED))
    return setting_of(made, protocol(), asked)


def with_answer(own: Claim, **changes: object) -> Claim:
    """The claim of running, asked of pain-free running."""
    assert own.entry.landmark is not None
    fields = {"endpoint": "pain_free_running.2", "other_endpoints": (), "adjust_for": ("age",), **changes}
    entry = own.entry.model_copy(update={"landmark": own.entry.landmark.model_copy(update=fields)})
    return replace(own, entry=entry, endpoints=(protocol().estimand("pain_free_by_26_weeks").endpoint,))


def answer_of(own: Claim) -> LandmarkAnswer:
    assert own.entry.landmark is not None
    return own.entry.landmark


def test_the_difference_is_that_of_the_shares_where_everybody_is_followed() -> None:
    # Grade: exact, by hand: 26 of 40 who ran and 14 of 40 who rested are known to be pain-free by week 12: 12 of 40 more.
    found = landmark_claim(with_answer(argued("H6")), clinic((14, 26)))
    assert found.lead is not None
    assert found.lead.estimate == pytest.approx(12 / 40)
    assert (found.lead.n, found.lead.n_events, found.lead.day) == (80, 40, 84)
    assert found.term == "supported"


def test_not_worse_is_judged_against_the_margin() -> None:
    # Grade: exact: no difference at all is inconclusive with 80 runners (its lower limit lies below -0.10) and tells how many.
    found = landmark_claim(with_answer(argued("H6")), clinic((20, 20)))
    assert found.lead is not None
    assert found.lead.estimate == pytest.approx(0.0, abs=1e-9)
    assert found.lead.conf_low is not None
    assert found.lead.conf_low < -0.10
    assert found.term == "inconclusive"
    assert "It would take about" in found.ground


def test_a_causal_claim_that_nobody_argues_stays_unanswered_and_tells_the_association() -> None:
    # Grade: exact, statistics.md §6, rail "causal words".
    found = landmark_claim(with_answer(claim("H6")), clinic((14, 26)))
    assert found.term == NOT_ANSWERED
    assert found.ground.startswith("Not identified as cause and effect: nobody has argued")
    assert "As an association: supported" in found.ground
    assert found.lead is not None
    assert found.lead.estimate == pytest.approx(12 / 40)


def test_who_had_recovered_by_the_landmark_is_not_at_risk() -> None:
    # Grade: exact: pain-free from week 2 on and confirmed by week 4: in no group, whatever was done; from week 5 on: at risk,
    # because nobody knew by week 6 that it would be confirmed.
    more = [episode("x"), episode("y")]
    weeks = [*told("x", RUNS, 2), *told("y", RUNS, 5)]
    sample = at_landmark(
        clinic((14, 26), more=(more, weeks)), answer_of(with_answer(claim("H6"))), with_answer(claim("H6")).endpoints[0]
    )
    assert sample.n == 81
    assert sample.n_events(12) == 41


def test_days_count_from_the_landmark() -> None:
    # Grade: exact: confirmed in week 10, that is 28 days after week 6; the others are followed 140 days.
    sample = at_landmark(clinic((14, 26)), answer_of(with_answer(claim("H6"))), with_answer(claim("H6")).endpoints[0])
    assert set(sample.data.right[sample.data.cause == 1]) == {28.0}
    assert set(sample.data.left[sample.data.cause == 0]) == {140.0}
    assert (sample.answers(12), sample.answers(26)) == (True, True)


def test_runs_above_the_rule_are_not_running_within_tolerance() -> None:
    # Grade: exact: pain of 6 in every run is above the rule of 3: neither group. Three of twelve weeks is the most.
    more = [episode("x")]
    own = clinic((14, 26), more=(more, told("x", BREAKS, None)))
    groups = dict(landmark_exposure(own.cohort, own.weeks, answer_of(with_answer(claim("H6")))).iter_rows())
    assert groups["x"] is None
    assert (groups["a000"], groups["b000"]) == (0.0, 1.0)


def test_weeks_that_nobody_reported_make_no_exposure() -> None:
    # Grade: exact: 3 of 6 weeks are fewer than the 60 % that must be known.
    more = [episode("x")]
    weeks = [row for row in told("x", RUNS, None) if row["week"] not in (2, 4, 6)]
    own = clinic((14, 26), more=(more, weeks))
    groups = dict(landmark_exposure(own.cohort, own.weeks, answer_of(with_answer(claim("H6")))).iter_rows())
    assert groups["x"] is None


def test_an_empty_group_is_refused_with_the_number_that_would_do() -> None:
    # Grade: exact: nobody rested; 785 is ((1.96 + 0.84) / 0.10)^2 of two halves.
    found = landmark_claim(claim("H6"), setting(300))
    assert found.term == NOT_ANSWERED
    assert 'was in the group "not running"' in found.ground
    assert found.ground.endswith("It would take about 785 runners of whom it is known at week 6, in both groups.")


@pytest.mark.parametrize("name", ["H7", "H17", "H18"])
def test_nothing_after_the_landmark_moves_an_exposure(name: str) -> None:
    # Grade: exact: without sessions, reports and visits after the landmark every exposure is the same number.
    answer = answer_of(claim(name))
    last = 7 * answer.landmark_week
    early = {one: (lambda table: table.filter(pl.col("day") <= last)) for one in ("session", "run_week", "visit")}
    whole, cut = setting(300), changed(300, early)
    assert landmark_exposure(whole.cohort, whole.weeks, answer).equals(landmark_exposure(cut.cohort, cut.weeks, answer))


def test_delay_runs_from_onset_to_the_first_loading_before_or_after_day_0() -> None:
    # Grade: exact, by hand: onset 70 days before; loading 28 days before: 42 days, 6 weeks. Undated loading before: unknown.
    loads = [
        {"session_id": f"s{day}", "episode_id": name, "day": day, "modality": "iso", "sets": 3, "prescribed": True}
        for name in ("x", "y", "z")
        for day in (8, 10, 12)
    ]
    episodes = [
        episode("x", onset_day=-70),
        episode("y", onset_day=-70, prior_treatment="pt_loading", prior_pt_loading_day=-28),
        episode("z", onset_day=-70, prior_treatment="pt_loading"),
    ]
    made = records(episode=episodes, session=[{**row, "session_id": f"{row['episode_id']}{row['day']}"} for row in loads])
    own = setting_of(made, protocol(), replace(protocol().estimand(ASKED), population=everyone(DECLARED)))
    doublings = dict(landmark_exposure(own.cohort, own.weeks, answer_of(claim("H18"))).select("episode_id", EXPOSURE).iter_rows())
    assert doublings["x"] == pytest.approx(np.log2(78 / 7))
    assert doublings["y"] == pytest.approx(np.log2(6.0))
    assert doublings["z"] is None


def test_two_values_a_step_apart_both_lie_where_runners_are() -> None:
    # Grade: exact: adherence crowds below 1; 25 points about the middle are moved down so that the larger is no more than the
    # 95th percentile. Without a step the quartiles are compared.
    answer = answer_of(claim("H17"))
    sample = at_landmark(setting(300), answer, claim("H17").endpoints[0])
    crowded = replace(sample, exposure=np.linspace(0.55, 1.0, sample.n) ** 0.25)
    with pytest.raises(Exception, match="hardly differs"):
        places(crowded)
    low, high = places(replace(sample, exposure=np.r_[np.linspace(0.2, 0.9, sample.n - 100), np.full(100, 1.0)]))
    assert high - low == pytest.approx(0.25)
    assert high <= 1.0
    quartered = replace(sample, answer=answer.model_copy(update={"step": None}), exposure=np.arange(sample.n, dtype=float))
    assert places(quartered) == pytest.approx(np.quantile(np.arange(sample.n), (0.25, 0.75)))


def test_a_number_is_told_as_associated_and_adjusted() -> None:
    # Grade: exact: what the prognostic claim of adherence says, and that its limits decide.
    found = landmark_claim(claim("H17"), setting(300))
    assert found.lead is not None
    assert found.lead.conf_low is not None
    assert found.lead.conf_high is not None
    assert found.term == "inconclusive"
    assert found.lead.conf_low < 0.0 < found.lead.conf_high
    assert found.ground.startswith("As an association: inconclusive")
    assert found.p_value == pytest.approx(found.lead.p_value)


def test_progression_by_the_rule_is_compared_at_equal_volume_where_it_is_on_record() -> None:
    # Grade: exact: with the rule followed by every second runner both groups are there; weekly loading sessions stand first
    # among what is adjusted for.
    def followed(table: pl.DataFrame) -> pl.DataFrame:
        even = pl.col("episode_id").str.tail(1).is_in(list("02468"))
        return table.with_columns(even.alias("progression_rule_followed"))

    own = changed(300, {"run_week": followed})
    sample = at_landmark(own, answer_of(claim("H5")), claim("H5").endpoints[0])
    assert set(sample.exposure) == {0.0, 1.0}
    assert sample.covariates.names[0] == "loading_sessions"
    found = landmark_claim(claim("H5"), own)
    assert found.lead is not None
    assert found.lead.estimate is not None
    assert found.term == NOT_ANSWERED
