"""The rows of the synthetic clinic say what its truth says, in the clinic's own terms."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.declarations import declare, load_column_map, shipped
from tendon_outcomes.records import ingest
from tendon_outcomes.synthetic import ClinicSettings, SyntheticClinic, simulate_clinic
from tendon_outcomes.vocabulary import OnReject

NEVER = 10**7
WEEKLY, VISITS = ClinicSettings(), ClinicSettings.visits_only()
COMPLETE, NOTES = ClinicSettings.complete_log(), ClinicSettings.visit_notes()


@pytest.fixture(scope="module", params=[WEEKLY, VISITS, COMPLETE, NOTES], ids=["weekly", "visits_only", "complete_log", "notes"])
def clinic(request: pytest.FixtureRequest) -> SyntheticClinic:
    return simulate_clinic(600, seed=17, settings=request.param)


def exported(clinic: SyntheticClinic, name: str) -> pl.DataFrame:
    """What stands in the CSV file, and not in memory."""
    return pl.read_csv(io.BytesIO(clinic.files[f"{name}.csv"]), infer_schema_length=None)


def with_truth(clinic: SyntheticClinic, name: str) -> pl.DataFrame:
    return (
        exported(clinic, name)
        .join(clinic.truth_episodes, on="episode_id")
        .with_columns(pl.col("true_pfr_day", "true_mi_day", "competing_day").fill_null(NEVER))
    )


def pain_free(row: dict[str, Any]) -> bool | None:
    """Definition 2 of pain-free running on one report, written again from its sentence; None when it says nothing."""
    if row["analgesic_on_run"] or row["nprs_run_easy_reason"] in ("not_asked", "not_attempted_other"):
        return None
    scores = [row[name] for name in ("nprs_run_easy", "nprs_run_fast", "nprs_hill", "nprs_run_next_morning")]
    usual = {"nprs_run_fast": row["speed_sessions_wk_preinjury"], "nprs_hill": row["hill_sessions_wk_preinjury"]}
    return (
        row["run_attempted"]
        and (row["run_longest_min"] >= 30 or row["run_longest_km"] >= 5)
        and all(score is None or score <= 1 for score in scores)
        and row["nprs_run_easy"] is not None
        and all(row[name] is not None for name, sessions in usual.items() if sessions > 0)
        and row["wk_km"] >= 0.5 * row["wk_km_preinjury"]
    )


@pytest.mark.parametrize("name", ["visit", "run_week"])
def test_a_report_passes_if_and_only_if_the_true_day_has_come(clinic: SyntheticClinic, name: str) -> None:
    # exact: every row against the latent day, by a rule written apart from the package.
    before = exported(clinic, "episode").select(
        "episode_id", "wk_km_preinjury", "speed_sessions_wk_preinjury", "hill_sessions_wk_preinjury"
    )
    rows = with_truth(clinic, name).join(before, on="episode_id").to_dicts()
    judged = [(row, pain_free(row)) for row in rows]
    assert all(passes == (row["day"] >= row["true_pfr_day"]) for row, passes in judged if passes is not None)
    silent = sum(passes is None for _, passes in judged)
    assert silent <= 0.06 * len(rows)


def test_silent_reports_do_not_depend_on_the_state() -> None:
    # simulation: share of void and unanswered reports before and after recovery; binomial errors, 4 of them.
    rows = with_truth(simulate_clinic(6_000, seed=5), "run_week").with_columns(
        (
            pl.col("analgesic_on_run").fill_null(value=False)
            | pl.col("nprs_run_easy_reason").is_in(["not_asked", "not_attempted_other"]).fill_null(value=False)
        ).alias("silent"),
        (pl.col("day") >= pl.col("true_pfr_day")).alias("recovered"),
    )
    share = {state: (part["silent"].mean(), part.height) for (state,), part in rows.group_by("recovered")}
    error = (0.035 * 0.965 * (1 / share[True][1] + 1 / share[False][1])) ** 0.5
    assert abs(share[True][0] - share[False][0]) < 4 * error
    assert abs(share[True][0] - 0.035) < 4 * (0.035 * 0.965 / share[True][1]) ** 0.5


def test_reports_fail_in_the_ways_of_the_disease(clinic: SyntheticClinic) -> None:
    # exact: each way to fail that the definition guards against occurs before recovery.
    rows = with_truth(clinic, "visit").filter(pl.col("day") < pl.col("true_pfr_day"))
    slight = (pl.col("nprs_run_easy") <= 1) & (pl.col("nprs_run_fast").fill_null(0) <= 1)
    ways = {
        "fast hurts and easy does not": (pl.col("nprs_run_fast") > 1) & (pl.col("nprs_run_easy") <= 1),
        "the next morning hurts": slight & (pl.col("nprs_run_next_morning") > 1),
        "fast is avoided": (pl.col("nprs_run_easy") <= 1) & (pl.col("nprs_run_fast_reason") == "not_attempted_pain"),
        "nothing is run": (pl.col("nprs_run_easy_reason") == "not_attempted_pain") & pl.col("nprs_run_easy").is_null(),
        "little is run": slight & (pl.col("nprs_run_next_morning") <= 1) & pl.col("run_attempted"),
    }
    assert {name for name, way in ways.items() if rows.filter(way).is_empty()} == set()


def test_improvement_is_shown_if_and_only_if_the_true_day_has_come(clinic: SyntheticClinic) -> None:
    # exact: PGIC at least much better, or a VISA-H gain of 22 from day 0, against the latent day.
    visits = with_truth(clinic, "visit")
    index = visits.filter(pl.col("day") == 0).select("episode_id", pl.col("visa_h_total").alias("index_total"))
    later = visits.join(index, on="episode_id").filter(pl.col("day") > 0, pl.col("pgic").is_not_null())
    says = (pl.col("pgic") <= 2) | (pl.col("visa_h_total") - pl.col("index_total") >= 22)
    assert later.select((says == (pl.col("day") >= pl.col("true_mi_day"))).all()).item()
    assert later.height > 0.95 * visits.filter(pl.col("day") > 0).height
    assert not later.filter(pl.col("index_total") > 78, pl.col("day") >= pl.col("true_mi_day"), pl.col("pgic") > 2).height


def test_visa_h_items_add_up(clinic: SyntheticClinic) -> None:
    # exact: item ranges and branches as data_schemas/instruments/visa_h.toml declares them.
    rows = exported(clinic, "visit").filter(pl.col("visa_h_total").is_not_null())
    branches = [f"visa_h_8{letter}" for letter in "abc"]
    items = [f"visa_h_{number}" for number in range(1, 8)]
    assert rows.select((pl.sum_horizontal(*items, *branches) == pl.col("visa_h_total")).all()).item()
    assert rows.select((pl.sum_horizontal(pl.col(name).is_not_null() for name in branches) == 1).all()).item()
    assert rows.select(pl.all_horizontal(pl.col(name).is_between(0, 10) for name in items[:6]).all()).item()
    assert set(rows["visa_h_7"].unique()) <= {0, 4, 7, 10}
    tops = rows.select(branches).max().row(0)
    assert tops[0] <= 30
    assert tops[1] <= 20
    assert tops[2] <= 10


def test_nothing_is_recorded_after_the_end(clinic: SyntheticClinic) -> None:
    # exact: rows stop at loss, at another injury, at giving up running and at the administrative end.
    ends = exported(clinic, "event").group_by("episode_id").agg(pl.col("day").max().alias("end"))
    for name in ("visit", "run_week") if clinic.settings.weekly_reports else ("visit",):
        rows = exported(clinic, name).join(ends, on="episode_id")
        assert rows.filter(pl.col("day") > pl.col("end")).is_empty(), name


def test_a_recorded_competing_event_was_preceded_by_a_contact(clinic: SyntheticClinic) -> None:
    # exact: a visit on the day before, so that both endpoints are known up to the event.
    visits = with_truth(clinic, "visit")
    events = pl.concat(
        [
            exported(clinic, "procedure").filter(pl.col("day") > 1).select("episode_id", "day"),
            exported(clinic, "event").filter(pl.col("event").is_in(["other_injury", "stopped_running"]), pl.col("day") > 1)
            .select("episode_id", "day"),
        ]
    )  # fmt: skip
    seen = events.with_columns(pl.col("day") - 1).join(visits.select("episode_id", "day"), on=["episode_id", "day"], how="semi")
    assert events.height > 20
    assert seen.height == events.height


def test_some_of_the_lost_leave_without_a_word() -> None:
    # simulation: 40 % of the lost have no row in the event table; binomial error, 4 of them.
    clinic = simulate_clinic(6_000, seed=30)
    rows = clinic.tables["event"].group_by("event").len()
    counts = dict(rows.iter_rows())
    told = counts["lost_to_follow_up"]
    silent = 6_000 - sum(counts.values())
    assert abs(silent / (silent + told) - 0.4) < 4 * (0.24 / (silent + told)) ** 0.5


def test_visits_only_has_no_weekly_report() -> None:
    # exact: the file is there with its header and nothing else.
    files = simulate_clinic(50, seed=1, settings=VISITS).files
    assert files["run_week.csv"].count(b"\n") == 1
    assert files["run_week.csv"].startswith(b"episode_id,week,day,run_attempted,")


def test_the_front_door_takes_every_row(clinic: SyntheticClinic, tmp_path: Path) -> None:
    # exact: no rule rejects a row and the ledger balances; flagged are the plans made after day 14, and a few forms by chance.
    for name, content in clinic.files.items():
        (tmp_path / name).write_bytes(content)
    column_map = load_column_map(shipped("analyses") / "column_map.toml")
    records = ingest(tmp_path, column_map, declare(), as_of=date(2026, 1, 1), on_reject=OnReject.STOP)
    flagged = {one.rule: one.count for one in records.rule_counts}
    assert flagged.pop("E-05", 0) == clinic.tables["episode"].filter(pl.col("prescribed_day") > 14).height
    assert flagged.keys() <= {"V-27", "V-28"}  # equal answers twice, or a total that leaps and comes back
    assert sum(flagged.values()) <= 0.01 * clinic.tables["visit"].height
    assert all(line.balances and line.rejected == 0 for line in records.ledger)
    assert records.table("visit").height == clinic.tables["visit"].height
