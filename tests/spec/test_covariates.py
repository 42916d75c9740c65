"""Covariates: what was known on day 0 and at the start of each week, complete, and nothing that came later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.cohort import Cohort, assemble_cohort
from tendon_outcomes.cohort.covariates import baseline_covariates, day_0_values, weekly_covariates
from tendon_outcomes.cohort.exposure.weeks import person_weeks
from tendon_outcomes.declarations import Measure, TargetTrial, load_protocol, resolve, shipped
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.synthetic import simulate_clinic
from tests.made_records import DECLARED, episode, records
from tests.simulation.clinic_records import records_of
from tests.spec.runners_exposure import population

ESTIMAND = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED).estimand("stretching_versus_loading")
assert ESTIMAND.trial is not None
TRIAL: TargetTrial = ESTIMAND.trial
EVERYONE = replace(population("proximal_hamstring"), instruments=ESTIMAND.population.instruments)


def cohort(*episodes: Mapping[str, Any], **tables: Sequence[Mapping[str, Any]]) -> Cohort:
    return assemble_cohort(records(episode=episodes, **tables), EVERYONE)


def adjusting_for(*nodes: str, **changes: Any) -> TargetTrial:
    return replace(TRIAL, adjust_for=nodes, **{"small_level": 1, **changes})


def measured(node: str, *measures: dict[str, Any]) -> TargetTrial:
    """The trial in which one node is measured so, and is all that is adjusted for."""
    nodes = {
        **TRIAL.dag.node,
        node: TRIAL.dag.node[node].model_copy(update={"measured_by": tuple(map(Measure.model_validate, measures))}),
    }
    return adjusting_for(node, dag=TRIAL.dag.model_copy(update={"node": nodes}))


# --- Day 0


def test_values_of_day_0_are_read_and_no_later_ones() -> None:
    # Grade: exact by hand: two visits of day 0 give the first value on record, the visit of day 14 none.
    made = cohort(
        episode("a"),
        episode("b"),
        visit=[
            {"episode_id": "a", "day": 0, "nprs_sit_hard": 4},
            {"episode_id": "a", "day": 0, "nprs_sit_hard": 5, "nprs_run_fast": 6},
            {"episode_id": "a", "day": 14, "visa_h_total": 70},
            {"episode_id": "b", "day": 0, "nprs_sit_hard": 2, "nprs_run": 3},
        ],
    )
    found = baseline_covariates(made, adjusting_for("severity"))
    assert found.names == ("nprs_run_fast", "nprs_sit_hard")
    assert found.nodes == ("severity", "severity")
    assert found.frame.rows() == [("a", 6.0, 4.0), ("b", 3.0, 2.0)]


def test_nothing_after_day_0_moves_a_baseline_covariate() -> None:
    # Grade: exact: the same clinic with every later record taken away.
    made = assemble_cohort(records_of(simulate_clinic(80, seed=4).tables, DECLARED), ESTIMAND.population)
    early = {name: table.filter(pl.col("day") <= 0) for name, table in made.tables.items()}
    whole, cut = (baseline_covariates(one, TRIAL) for one in (made, replace(made, tables=early)))
    assert whole.frame.equals(cut.frame)
    assert whole.frame["episode_id"].to_list() == made.episodes["episode_id"].to_list()
    assert whole.frame.null_count().sum_horizontal().item() == 0


def test_the_duration_is_that_of_the_onset_on_a_ratio_scale() -> None:
    # Grade: exact by hand: 112 days are 16 weeks, log2 is 4; 8 weeks as told are 3; less than a week counts as one.
    made = cohort(
        episode("a", onset_day=-112, symptom_duration_wk=4.0), episode("b", symptom_duration_wk=8.0), episode("c", onset_day=-2)
    )
    found = baseline_covariates(made, adjusting_for("duration"))
    assert found.frame["log2_duration_wk"].to_list() == pytest.approx([4.0, 3.0, 0.0], abs=1e-12)


def test_a_gap_is_filled_with_the_median_and_told() -> None:
    # Grade: exact by hand: the median of 30, 40 and 60 is 40; one of four is missing, which is 5 % or more.
    made = cohort(*(episode(name, age_y=age) for name, age in zip("abcd", (30, 40, 60, None), strict=True)))
    found = baseline_covariates(made, adjusting_for("age"))
    assert found.frame.rows() == [("a", 30.0, 0.0), ("b", 40.0, 0.0), ("c", 60.0, 0.0), ("d", 40.0, 1.0)]
    assert (found.names, found.nodes) == (("age_y", "age_y_missing"), ("age", "age"))
    assert found.missing == {"age_y": 1}


@pytest.mark.parametrize(("n", "names"), [(20, ("age_y", "age_y_missing")), (21, ("age_y",))])
def test_an_indicator_of_missing_stands_from_5_percent_on(n: int, names: tuple[str, ...]) -> None:
    # Grade: exact: 1 of 20 is 5 %, 1 of 21 is less.
    made = cohort(*(episode(f"e{number:02}", age_y=20 + number if number else None) for number in range(n)))
    assert baseline_covariates(made, adjusting_for("age")).names == names


def test_gaps_of_one_form_are_one_indicator() -> None:
    # Grade: exact: two scores that the same episodes lack would give the same column twice.
    made = cohort(
        *(
            episode(name, tsk11=score, expectation_0_10=hope)
            for name, score, hope in (("a", 20, 4), ("b", 30, 7), ("c", None, None))
        )
    )
    found = baseline_covariates(made, adjusting_for("expectation"))
    assert found.names == ("tsk11", "tsk11_missing", "expectation_0_10")
    assert found.missing == {"tsk11": 1, "expectation_0_10": 1}


def test_a_node_of_which_nothing_is_recorded_is_named() -> None:
    # Grade: exact: it is not filled, and not forgotten.
    found = baseline_covariates(
        cohort(episode("a", age_y=30), episode("b", age_y=50)), adjusting_for("age", "expectation", "sex")
    )
    assert found.not_recorded == ("expectation", "sex")
    assert found.names == ("age_y",)


def test_the_code_unknown_is_as_much_as_an_empty_cell() -> None:
    # Grade: exact.
    found = baseline_covariates(cohort(episode("a", sex="unknown"), episode("b")), adjusting_for("sex"))
    assert found.not_recorded == ("sex",)


def test_levels_are_held_against_the_most_frequent() -> None:
    # Grade: exact by hand: three women, two men; nobody is asked twice.
    made = cohort(
        *(episode(name, sex=sex) for name, sex in zip("abcde", ("female", "male", "female", "male", "female"), strict=True))
    )
    found = baseline_covariates(made, adjusting_for("sex"))
    assert found.names == ("sex_male",)
    assert found.frame["sex_male"].to_list() == [0.0, 1.0, 0.0, 1.0, 0.0]


def test_clinicians_are_numbered_and_small_ones_are_together() -> None:
    # Grade: exact by hand: 4 + 3 + 2 + 1 + 1 episodes, small is below 3: 2, 1 and 1 are one level of 4.
    who = "AAAABBBCCDE"
    made = cohort(*(episode(f"e{number:02}", clinician_id=name) for number, name in enumerate(who)))
    found = baseline_covariates(made, adjusting_for("clinician", small_level=3))
    assert found.names == ("clinician_2", "clinician_other")
    assert found.frame["clinician_2"].to_list() == [float(name == "B") for name in who]
    assert found.frame["clinician_other"].to_list() == [float(name in "CDE") for name in who]
    assert not any(name in "".join(found.names) for name in "ABCDE")


def test_small_levels_that_are_too_few_together_count_with_the_most_frequent() -> None:
    # Grade: exact by hand: 1 + 1 episodes are fewer than 3.
    made = cohort(*(episode(f"e{number:02}", clinician_id=name) for number, name in enumerate("AAAABBBDE")))
    assert baseline_covariates(made, adjusting_for("clinician", small_level=3)).names == ("clinician_2",)


def test_the_site_stands_in_where_nobody_wrote_the_clinician_down() -> None:
    # Grade: exact.
    made = cohort(episode("a", site_id="S1"), episode("b", site_id="S2"), episode("c", site_id="S2"))
    assert baseline_covariates(made, adjusting_for("clinician")).frame["clinician_2"].to_list() == [1.0, 0.0, 0.0]


def test_any_of_several_codes_is_one_indicator() -> None:
    # Grade: exact by hand: none is an answer, an empty cell is a gap.
    told = ("csi;pt_loading", "none", "dry_needling", None)
    made = cohort(*(episode(name, prior_treatment=one) for name, one in zip("abcd", told, strict=True)))
    found = baseline_covariates(made, adjusting_for("prior_treatment"))
    assert found.names == ("prior_loading", "prior_loading_missing", "prior_other_treatment")
    assert found.frame["prior_loading"].to_list() == [1.0, 0.0, 0.0, 0.0]
    assert found.frame["prior_other_treatment"].to_list() == [1.0, 0.0, 1.0, 0.0]
    assert found.frame["prior_loading_missing"].to_list() == [0.0, 0.0, 0.0, 1.0]


def test_a_race_ahead_is_known_where_anybody_was_asked() -> None:
    # Grade: exact by hand: an empty cell is no such race, as the column says.
    made = cohort(episode("a", goal_race_day=60), episode("b"))
    assert baseline_covariates(made, adjusting_for("goals")).frame["race_ahead"].to_list() == [1.0, 0.0]


def test_what_is_the_same_for_all_is_left_out_and_told() -> None:
    # Grade: exact: also among some of the episodes only.
    made = cohort(
        episode("a", index_year=2023, age_y=30), episode("b", index_year=2023, age_y=40), episode("c", index_year=2023, age_y=40)
    )
    found = baseline_covariates(made, adjusting_for("age", "index_year"))
    assert (found.names, found.nodes, found.constant) == (("age_y",), ("age",), ("index_year",))
    among = found.among(["b", "c"])
    assert (among.names, among.constant, among.frame.rows()) == ((), ("index_year", "age_y"), [("b",), ("c",)])


def test_a_declared_measure_is_the_one_that_is_read() -> None:
    # Grade: exact: another column and another reading of it.
    made = cohort(episode("a", running_years=8.0), episode("b", running_years=0.25))
    found = baseline_covariates(made, measured("age", {"column": "episode.running_years", "as": "log2", "name": "log2_years"}))
    assert found.frame.rows() == [("a", 3.0), ("b", 0.0)]


def test_a_negative_control_is_read_with_its_gaps() -> None:
    # Grade: exact.
    made = cohort(episode("a"), episode("b"), visit=[{"episode_id": "b", "day": 0, "nprs_upper_limb": 3}])
    [measure] = TRIAL.measures(TRIAL.negative_control_outcomes[0])
    assert day_0_values(made, measure).rows() == [("a", None), ("b", 3)]


# --- Week by week


def week(number: int, **cells: Any) -> dict[str, Any]:
    return {"episode_id": "a", "week": number, "day": 7 * number, **cells}


def test_pain_is_what_was_known_when_the_week_began() -> None:
    # Grade: exact by hand: the report of week 1 (day 7) is known in week 2; week 3 has none and is carried into week 4.
    made = cohort(
        episode("a"),
        visit=[{"episode_id": "a", "day": 0, "nprs_run_fast": 6}],
        run_week=[week(1, nprs_run_fast=5), week(2, nprs_run=3), week(4, nprs_run_fast=1)],
    )
    found = weekly_covariates(made, weeks=5, names=["weeks_since_pain", "pain"])
    assert found.columns == ["episode_id", "week", "pain", "weeks_since_pain"]
    assert found["pain"].to_list() == [6.0, 5.0, 3.0, 3.0, 1.0]
    assert found["weeks_since_pain"].to_list() == [0.0, 0.0, 0.0, 1.0, 0.0]


def test_the_worst_pain_of_a_day_counts() -> None:
    # Grade: exact: visit and report of day 7.
    made = cohort(
        episode("a"),
        visit=[{"episode_id": "a", "day": day, "nprs_run_fast": pain} for day, pain in ((0, 6), (7, 2))],
        run_week=[week(1, nprs_run_fast=4)],
    )
    assert weekly_covariates(made, weeks=2, names=["pain"])["pain"].to_list() == [6.0, 4.0]


def test_a_visit_on_the_first_day_of_a_week_is_not_known_before_it() -> None:
    # Grade: exact: week 2 holds days 8 to 14.
    made = cohort(
        episode("a"),
        visit=[{"episode_id": "a", "day": day, "nprs_run_fast": pain} for day, pain in ((0, 6), (8, 2))],
    )
    assert weekly_covariates(made, weeks=3, names=["pain"])["pain"].to_list() == [6.0, 6.0, 2.0]


def test_nothing_later_moves_a_weekly_covariate() -> None:
    # Grade: exact: a clinic cut at the start of week 6 has the first six weeks of the whole one.
    made = assemble_cohort(records_of(simulate_clinic(80, seed=4).tables, DECLARED), ESTIMAND.population)
    early = replace(made, tables={name: table.filter(pl.col("day") <= 35) for name, table in made.tables.items()})
    whole, cut = (
        weekly_covariates(one, weeks=6, names=TRIAL.varying_names, adherence=person_weeks(one, TRIAL.regimen, weeks=6).frame)
        for one in (made, early)
    )
    assert whole.equals(cut)
    assert whole.null_count().sum_horizontal().item() == 0
    assert whole.height == 6 * made.episodes.height


def test_a_flare_is_known_in_the_week_after_it() -> None:
    # Grade: exact by hand: days 7 and 8 belong to weeks 1 and 2; a scheduled visit is no flare.
    made = cohort(
        episode("a"),
        visit=[
            {"episode_id": "a", "day": day, "visit_reason": why} for day, why in ((0, "scheduled"), (7, "flare"), (15, "flare"))
        ],
    )
    assert weekly_covariates(made, weeks=5, names=["flare"])["flare"].to_list() == [0.0, 1.0, 0.0, 1.0, 0.0]


def test_distance_is_a_share_of_that_before_the_injury() -> None:
    # Grade: exact by hand: 30 km before the injury, 15 in the four weeks before day 0, 12 in week 1, 24 in week 3.
    made = cohort(episode("a", wk_km_preinjury=30.0, wk_km_base4=15.0), run_week=[week(1, wk_km=12.0), week(3, wk_km=24.0)])
    found = weekly_covariates(made, weeks=4, names=["km_share"])["km_share"].to_list()
    assert found == pytest.approx([0.5, 0.4, 0.4, 0.8], abs=1e-12)


def test_visa_is_the_last_total() -> None:
    # Grade: exact by hand.
    made = cohort(
        episode("a"),
        visit=[{"episode_id": "a", "day": day, "visa_h_total": total} for day, total in ((0, 40), (14, 55))],
    )
    assert weekly_covariates(made, weeks=4, names=["visa"])["visa"].to_list() == [40.0, 40.0, 55.0, 55.0]


def test_adherence_is_that_of_the_last_week_of_which_it_is_known() -> None:
    # Grade: exact by hand: met, then a week without a log, then not met.
    told = pl.DataFrame({"episode_id": ["a"] * 3, "week": [1, 2, 3], "adherence": ["met", "no_log", "not_met"]})
    found = weekly_covariates(cohort(episode("a")), weeks=4, names=["adherence"], adherence=told)
    assert found["adherence_not_met"].to_list() == [0.0, 0.0, 0.0, 1.0]
    assert found["adherence_unknown"].to_list() == [1.0, 0.0, 0.0, 0.0]


def test_a_gap_before_the_first_value_is_filled_with_the_median_of_day_0() -> None:
    # Grade: exact by hand: b has no pain on record until day 14.
    made = cohort(
        episode("a"),
        episode("b"),
        visit=[
            {"episode_id": "a", "day": 0, "nprs_run_fast": 6},
            {"episode_id": "b", "day": 14, "nprs_run_fast": 2},
        ],
    )
    assert weekly_covariates(made, weeks=3, names=["pain"])["pain"].to_list() == [6.0, 6.0, 6.0, 6.0, 6.0, 2.0]


def test_what_nobody_recorded_is_left_out() -> None:
    # Grade: exact: a column of one value would be no covariate.
    made = cohort(episode("a"), visit=[{"episode_id": "a", "day": 0, "nprs_run_fast": 6}], run_week=[week(1, nprs_run_fast=5)])
    assert weekly_covariates(made, weeks=2, names=["visa", "flare", "pain"]).columns == ["episode_id", "week", "pain"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"names": ["mood"]}, "no weekly covariate mood"),
        ({"weeks": 0}, "without a week"),
        ({"names": ["adherence"]}, "without the person-weeks"),
    ],
)
def test_weekly_covariates_that_cannot_be_are_refused(asked: dict[str, Any], says: str) -> None:
    # Grade: exact.
    with pytest.raises(WrongUse) as refusal:
        weekly_covariates(cohort(episode("a")), **{"weeks": 2, "names": ["pain"], **asked})
    assert says in str(refusal.value)
    assert refusal.value.way_out
