"""Derivations that a review found wrong, in their smallest form; each was a silent wrong number before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.analysis.visit_grid import to_grid
from tendon_outcomes.cohort import (
    FollowUp,
    ascertain,
    assemble_cohort,
    from_landmark,
    from_onset,
    histories,
    multiverse,
    one_a_day,
)
from tendon_outcomes.cohort.patient_level.adam import analysis_data
from tendon_outcomes.declarations import ColumnMap, Criterion, Grid, endpoint_asked, load_protocol, resolve, shipped
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid, WrongUse
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinic
from tests.made_exports import ingested, write
from tests.made_records import DECLARED, episode, records, weekly
from tests.simulation.clinic_records import everyone, records_of
from tests.spec.runners_endpoints import EVERYONE

PAIN_FREE = endpoint_asked(DECLARED, "pain_free_running.2")
DATED = replace(EVERYONE, onset=DECLARED.onset)


def followed(looks: dict[int, str], *, dated: Any = "first_of_run", **tables: Any) -> tuple[Any, FollowUp]:
    cohort = assemble_cohort(
        records(episode=[episode("a", onset_day=-70, onset_precision="day")], run_week=weekly("a", looks), **tables), DATED
    )
    return cohort, ascertain(cohort, PAIN_FREE, horizon_weeks=26, dated=dated)


def test_paths_of_a_clinic_with_visits_only_hold_every_ascertained_recovery() -> None:
    # Grade: exact. The gap from week 12 to week 26 once counted as silence and cut the paths of a fifth of the recovered.
    clinic = simulate_clinic(200, seed=4, settings=ClinicSettings.visits_only())
    cohort = assemble_cohort(records_of(clinic.tables, DECLARED), everyone(DECLARED))
    for version in ("2", "3"):
        follow_up = ascertain(cohort, endpoint_asked(DECLARED, f"pain_free_running.{version}"), horizon_weeks=52)
        moves = histories(cohort, follow_up, gap_days=90).transitions
        first = moves.filter(pl.col("number") == 1, pl.col("to_state").is_not_null())
        events = follow_up.episodes.filter(pl.col("code") == 0)
        assert events.height > 20
        keys = ["episode_id", "left", "right"]
        assert first.select(keys).sort(keys).equals(events.select(keys).sort(keys))


def test_rows_of_one_record_of_a_wide_sheet_are_rows_of_their_own(tmp_path: Path) -> None:
    # Grade: exact. Both visits of a wide sheet had the record's id, and the export kept one of them.
    write(
        tmp_path,
        {
            "wide.csv": "episode_id,patient_id,tendon,side,index_year,age_y,visa0,visa4\n"
            "E1,P1,proximal_hamstring,left,2024,40,40,70\n"
        },
    )
    ids = {"episode_id": "episode_id"}
    told = {name: name for name in ("patient_id", "tendon", "side", "index_year", "age_y")}
    rest = dict.fromkeys(("patient_id", "tendon", "side", "index_year", "age_y", "visa0", "visa4"), "read for another table")

    def visit(day: int, column: str) -> dict[str, Any]:
        columns = {**ids, "day": {"constant": day}, "visa_h_total": column}
        return {
            "file": "wide.csv",
            "table": "visit",
            "columns": columns,
            "left_out": {k: v for k, v in rest.items() if k != column},
        }

    sources = [
        {"file": "wide.csv", "table": "episode", "columns": {**ids, **told}, "left_out": {"visa0": "below", "visa4": "below"}},
        visit(0, "visa0"),
        visit(28, "visa4"),
    ]
    made = ingested(tmp_path, ColumnMap.model_validate({"clinic": "test", "source": sources}))
    assert sorted(made.table("visit")["record_id"]) == ["wide.csv#1", "wide.csv#1/2"]
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED)
    asked = replace(protocol.estimand("meaningful_improvement_by_12_weeks"), population=DATED)
    rows = analysis_data(made, [asked], DECLARED, DECLARED.regimen("1"), study="s").frames["adqs"]
    assert sorted(rows.filter(pl.col("SRCVAR") == "visa_h_total")["AVAL"]) == [40.0, 70.0]


def test_a_landmark_needs_days_that_were_known_then() -> None:
    # Grade: exact. Kept by first passes, everybody had a failing look after the landmark: nobody could recover just after it.
    _, follow_up = followed({0: "F", 28: "F", 56: "P", 84: "P"})
    with pytest.raises(WrongUse, match="dated by its confirmations"):
        from_landmark(follow_up, day=40)


def test_late_entries_add_up_and_reach_no_estimator_that_knows_none() -> None:
    # Grade: exact: a landmark on day 56 in a runner with 70 days of symptoms is an entry on day 126 since onset.
    cohort, follow_up = followed({0: "F", 28: "F", 56: "F", 84: "F"}, dated="confirmed_on")
    late = from_landmark(follow_up, day=56)
    assert from_onset(late, cohort).episodes["entry"].item() == 126
    for moved in (late, from_onset(follow_up, cohort)):
        with pytest.raises(WrongUse, match="begins later"):
            to_grid(moved, Grid())
        with pytest.raises(WrongUse, match="begins on day 0"):
            histories(cohort, moved)
    with pytest.raises(WrongUse):
        from_landmark(from_onset(follow_up, cohort), day=56)
    with pytest.raises(WrongUse):
        from_onset(from_onset(follow_up, cohort), cohort)


def test_nothing_of_a_patient_who_withdrew_is_kept_after_that_day() -> None:
    # Grade: exact. Later visits stood in the exports, and a later contact could hide the loss.
    cohort, _ = followed({0: "F", 7: "F", 28: "P"}, event=[{"episode_id": "a", "day": 14, "event": "withdrew"}])
    assert cohort.tables["run_week"]["day"].to_list() == [0, 7]


def test_other_tendons_forms_are_no_reading_of_this_one() -> None:
    # Grade: exact. VISA-A of a hamstring episode once counted as improvement in the table of readings.
    visits = [{"episode_id": "a", "day": day, "visa_a_total": total} for day, total in ((0, 50.0), (28, 70.0))]
    cohort = assemble_cohort(records(episode=[episode("a")], visit=visits), EVERYONE)
    table = multiverse(cohort, [DECLARED.endpoints["meaningful_improvement"]], horizon_weeks=26).table
    assert not [name for name in table["version"] if "achilles" in name]
    assert table.filter(pl.col("version") == "meaningful_improvement.2")["n_not_assessable"].to_list()[0] == 1


def test_the_declared_reading_is_known_in_any_order_of_readings() -> None:
    # Grade: exact.
    cohort, _ = followed({0: "F", 7: "P", 21: "P"})
    table = multiverse(cohort, [DECLARED.endpoints["pain_free_running"]], horizon_weeks=26, unconfirmed=("event", "censor")).table
    assert table.filter("is_declared")["version"].to_list() == [f"pain_free_running.{tier}" for tier in "0123"]


def test_a_failing_flare_on_the_day_of_a_passing_report_is_unplanned() -> None:
    # Grade: exact: the flare decided the day, so the day is no planned look.
    looks = pl.DataFrame(
        {
            "episode_id": ["a", "a"],
            "day": [7, 7],
            "status": ["passes", "fails"],
            "scheduled": [True, False],
            "record_id": ["r#1", "v#1"],
        }
    )
    assert one_a_day(looks).row(0) == ("a", 7, False, False, "v#1")


@pytest.mark.parametrize("group", ["any", "all"])
def test_a_comparison_beside_a_group_is_refused(group: str) -> None:
    # Grade: exact. `at_least` beside `any` was ignored without a word.
    written = {group: [{"variable": "age_y", "at_least": 18}], "at_least": 2}
    with pytest.raises(DeclarationInvalid, match="a group of criteria is compared with nothing"):
        build(Criterion, written, origin="here")
