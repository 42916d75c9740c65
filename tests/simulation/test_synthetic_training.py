"""What synthetic runners truly did, and what their clinic hears of it."""

import hashlib
import io
from dataclasses import replace
from datetime import date
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from polars.testing import assert_frame_equal

from tendon_outcomes.declarations import declare, load_column_map, shipped
from tendon_outcomes.records import ingest
from tendon_outcomes.synthetic import ClinicSettings, SyntheticClinic, clinic_seeds, simulate_clinic, simulate_clinics
from tendon_outcomes.synthetic.drawn import Drawn, draw_clinics
from tendon_outcomes.synthetic.latent import NEVER
from tendon_outcomes.vocabulary import OnReject
from tests.simulation.clinic_records import records_of

COMPLETE, NOTES = ClinicSettings.complete_log(), ClinicSettings.visit_notes()
ERRORS = 4.0  # Monte Carlo standard errors that a simulated figure may be off; the seeds are fixed

BEFORE_TRAINING = {
    "episode": "7f88f23b3f48c3eca5ae87611f60007d1a685978031d6c9d1df0ef01a91bea8d",
    "visit": "e01b7177c99d4b0f0a0d8a7aa376c00b3e68a9c12def4a3818b1d5aee8b647f9",
    "run_week": "b9241aa33c8b871a7ebede5b56fa53369efc59bb33162388088e58573d34e66a",
    "procedure": "008e222729bb8a35f6b84195a75051d0efa59b55942d4ed4aa94f4f20ded25ea",
    "event": "07555f1e90814e6a98bbffeb248a3d236780ebe429700cf6a95e649dd7225d76",
    "truth_episodes": "ea985a17df2dcf084740dd8daf278ac38f222acb8f918e2d58ddc2194de3f9bc",
}
"""sha256 of the CSV files of seed 1 with 300 episodes, as they were when training was not drawn yet."""


@pytest.fixture(scope="module")
def complete() -> SyntheticClinic:
    return simulate_clinic(600, seed=17, settings=COMPLETE)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """Many runners, with everything that the clinic does not know."""
    return draw_clinics(clinic_seeds(11, 1), 20_000, (1,), replace(ClinicSettings(), bilateral_share=0.0))


def sha256(table: pl.DataFrame) -> str:
    buffer = io.BytesIO()
    table.write_csv(buffer)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def done_of(clinic: SyntheticClinic) -> pl.DataFrame:
    """Session rows of exercises that were done, with their week."""
    week = pl.max_horizontal((pl.col("day") + 6) // 7, 1).alias("week")
    return clinic.tables["session"].filter(pl.col("completed_frac") > 0).with_columns(week)


class TestOldStreams:
    def test_what_was_drawn_before_keeps_its_bytes(self) -> None:
        # snapshot: hashes taken from the code before training was drawn.
        clinic = simulate_clinic(300, seed=1)
        tables = {**clinic.tables, "truth_episodes": clinic.truth_episodes}
        later = {
            "run_week": ("exercise_done", "sessions_prescribed"),
            "episode": ("prior_self_care",),
            "visit": ("nprs_upper_limb",),
        }
        tables |= {name: tables[name].drop(columns) for name, columns in later.items()}
        assert {name: sha256(tables[name]) for name in BEFORE_TRAINING} == BEFORE_TRAINING

    def test_training_changes_nothing_but_its_own_columns(self) -> None:
        # exact: the truth of recovery and every other table, under the laziest and the most diligent runners.
        lazy, diligent = (
            simulate_clinic(200, seed=5, settings=replace(ClinicSettings(), adherence_mean=mean, switch_per_week=5 * mean))
            for mean in (0.1, 0.9)
        )
        assert lazy.truth_episodes.equals(diligent.truth_episodes)
        for name in ("episode", "visit", "procedure", "event"):
            assert lazy.tables[name].equals(diligent.tables[name]), name
        assert lazy.tables["run_week"].drop("exercise_done").shape == diligent.tables["run_week"].drop("exercise_done").shape
        assert not lazy.truth_weeks.equals(diligent.truth_weeks)

    def test_the_truth_of_one_clinic_of_many_is_that_of_its_own_seed(self) -> None:
        # exact: clinic 3 of 5 row by row.
        many = simulate_clinics(5, 40, seed=9, settings=COMPLETE)
        alone = simulate_clinic(40, seed=clinic_seeds(9, 5)[2], settings=COMPLETE, site=3)
        assert many.truth_weeks.filter(pl.col("episode_id").str.starts_with("S0003-")).equals(alone.truth_weeks)


RUNNER_NAME = "S0001-E00016"
RUNNER_KINDS = {"iso": "L", "isotonic_low_flex": "L", "isotonic_high_flex": "L", "energy_storage": "L", "hamstring_stretch": "S"}
RUNNER_DONE = (
    "0S4 4S4 7S4 9S4 14S4 16S4 21S4 23S4 25S4 28S4 30S4 32S4 35L5 39L2 42L5 44L5 49L5 51L5 56L4 67L4 70L4 74L4 77L4 "
    "86L4 91L4 93L4 95L4 98L4"
)
"""Day, loading or stretching (holds of 30 s), sets. On day 39 the session was cut short."""
RUNNER_COUNTED = {  # week: state, loading sessions of 3 sets or more, stretching sessions, minutes
    1: ("S", 0, 3, 6.0),  # days 0, 4, 7
    2: ("N", 0, 2, 4.0),  # days 9, 14
    3: ("N", 0, 2, 4.0),  # days 16, 21
    4: ("S", 0, 3, 6.0),  # days 23, 25, 28
    5: ("N", 1, 2, 4.0),  # days 30, 32; she begins to load on day 35
    6: ("N", 1, 0, 0.0),  # day 39 has two sets, day 42 five
    7: ("L", 2, 0, 0.0),
    8: ("L", 2, 0, 0.0),  # days 51, 56
    9: ("N", 0, 0, 0.0),
    10: ("L", 2, 0, 0.0),  # days 67, 70
    11: ("L", 2, 0, 0.0),  # days 74, 77
    12: ("N", 0, 0, 0.0),
    13: ("L", 2, 0, 0.0),  # days 86, 91
    14: ("L", 3, 0, 0.0),
}


class TestOneRunner:
    def test_her_weeks_are_counted_from_what_she_did(self) -> None:
        # exact: counted by hand from the list above; week 1 holds day 0.
        clinic = simulate_clinic(60, seed=3, settings=COMPLETE)
        rows = done_of(clinic).filter(pl.col("episode_id") == RUNNER_NAME, pl.col("week") <= 14)
        done = [f"{day}{RUNNER_KINDS[kind]}{sets}" for day, kind, sets in rows.select("day", "modality", "sets").iter_rows()]
        assert " ".join(done) == RUNNER_DONE
        assert set(rows.filter(pl.col("modality") == "hamstring_stretch")["hold_s"]) == {30}
        weeks = clinic.truth_weeks.filter(pl.col("episode_id") == RUNNER_NAME, pl.col("week") <= 14)
        counted = weeks.select("week", "true_state", "n_loading", "n_stretching", "stretch_minutes")
        assert {week: rest for week, *rest in counted.iter_rows()} == {week: list(of) for week, of in RUNNER_COUNTED.items()}

    def test_a_skipped_session_is_written_with_nothing_done(self) -> None:
        # exact: the session of day 2 was prescribed and is not among those done.
        clinic = simulate_clinic(60, seed=3, settings=COMPLETE)
        row = clinic.tables["session"].row(by_predicate=(pl.col("episode_id") == RUNNER_NAME) & (pl.col("day") == 2), named=True)
        assert row["completed_frac"] == 0
        assert row["prescribed"]
        assert all(row[name] is None for name in ("sets", "reps", "hold_s", "minutes", "load_kg", "nprs_during"))


class TestPlan:
    def test_only_stretchers_in_high_pain_switch_and_not_before_week_5(self, drawn: Drawn) -> None:
        # exact: strategy 1 is stretching-led; a plan week begins on the day of prescription and every seven days after it.
        switched = np.flatnonzero(drawn.plan.switched < NEVER)
        day = drawn.profile.prescribed_day[switched] + 7 * drawn.plan.switched[switched]
        assert switched.size > 500
        assert set(drawn.runners.strategy[switched]) == {1}
        assert day.min() > 28
        assert drawn.seen.pain.at(switched, day).min() >= 5
        never = replace(drawn, settings=replace(drawn.settings, switch_per_week=0.0))
        assert (never.plan.switched == NEVER).all()

    def test_switches_come_at_their_hazard(self, drawn: Drawn) -> None:
        # simulation against exact: 0.15 a week at pain 5, in proportion to pain; binomial errors, at lower and at higher pain.
        stretchers = np.flatnonzero(drawn.runners.strategy == 1)
        expected, seen = {"lower": 0.0, "higher": 0.0}, {"lower": 0, "higher": 0}
        for week in range(drawn.settings.programme_weeks):
            day = drawn.profile.prescribed_day[stretchers] + 7 * week
            pain = drawn.seen.pain.at(stretchers, day)
            at_risk = (drawn.plan.switched[stretchers] >= week) & (day > 28) & (pain >= 5)
            for name, level in (("lower", pain < 6), ("higher", pain >= 6)):
                expected[name] += (0.15 * pain / 5)[at_risk & level].sum()
                seen[name] += int((at_risk & level & (drawn.plan.switched[stretchers] == week)).sum())
        for name, number in expected.items():
            assert abs(seen[name] - number) < ERRORS * sqrt(number), name

    def test_who_switched_loads_for_a_whole_programme_and_stretches_no_more(self, drawn: Drawn) -> None:
        # exact: plan weeks from the switch on, up to the longest follow-up.
        weeks = np.arange(drawn.plan.loads.shape[1])
        for who in np.flatnonzero(drawn.plan.switched < NEVER)[:200]:
            after = (weeks >= drawn.plan.switched[who]) & (weeks < drawn.plan.switched[who] + 12)
            assert (drawn.plan.loads[who] == after).all()
            assert (drawn.plan.stretches[who] == (weeks < drawn.plan.switched[who])).all()

    def test_a_stage_waits_for_its_quarter_and_for_the_pain(self, drawn: Drawn) -> None:
        # exact: one stage at a time, three loading weeks each at least, and no step at load-test pain above 3 (half of running).
        stage, loads = drawn.plan.stage, drawn.plan.loads
        who, week = np.nonzero(np.diff(stage, axis=1))
        day = drawn.profile.prescribed_day[who] + 7 * (week + 1)
        assert who.size > 1_000
        assert set(np.unique(np.diff(stage, axis=1))) == {0, 1}
        assert drawn.seen.pain.at(who, day).max() <= 6
        held_back = loads[:, 3] & (drawn.seen.pain.at(np.arange(len(stage)), drawn.profile.prescribed_day + 21) > 6)
        assert held_back.sum() > 500
        assert (stage[held_back, 3] == 0).all()
        assert (stage[loads[:, 0], 2] == 0).all()
        on_time = loads[:, 11] & loads[:, 0] & (drawn.runners.nprs_fast <= 6)
        assert (stage[on_time][:, [3, 6, 9, 11]] == [1, 2, 3, 3]).all()

    def test_adherence_is_that_of_the_settings_and_falls_with_recovery(self, drawn: Drawn) -> None:
        # simulation: share of planned sessions done, 0.7 before and 0.35 after recovery; runners differ (beta with 8 points).
        exercises = drawn.exercises
        slots = np.arange(36)
        day = drawn.profile.prescribed_day[:, None] + 7 * (slots // 3) + np.array([0, 2, 4])[slots % 3]
        done = np.zeros(day.shape, dtype=bool)
        first = exercises.done & (exercises.slot < 36)
        done[exercises.episode[first], exercises.slot[first]] = True
        followed = day <= drawn.seen.end_day[:, None]
        for recovered, share in ((False, 0.7), (True, 0.35)):
            chosen = followed & ((day >= drawn.truth.pfr_day[:, None]) == recovered)
            runners = chosen.any(axis=1).sum()
            error = sqrt(0.7 * 0.3 / 9 / runners + share * (1 - share) / chosen.sum())
            assert abs(done[chosen].mean() - share) < ERRORS * error, recovered


class TestLog:
    def test_a_complete_log_knows_every_week(self, complete: SyntheticClinic) -> None:
        # exact: every whole week of follow-up has its report; it says whether anything was done, and then the sessions are there.
        weeks = complete.truth_weeks
        assert weeks["logged"].all()
        reports = complete.tables["run_week"].select("episode_id", "week", "exercise_done", "sessions_prescribed")
        both = weeks.join(reports, on=["episode_id", "week"], how="full", coalesce=True)
        assert both.height == weeks.height == reports.height
        rows = done_of(complete).group_by("episode_id", "week").agg(pl.len().alias("rows"))
        both = both.join(rows, on=["episode_id", "week"], how="left").with_columns(pl.col("rows").fill_null(0))
        assert both.select((pl.col("exercise_done") == (pl.col("rows") > 0)).all()).item()
        assert both.filter(~pl.col("exercise_done")).height > 1_000
        assert set(both["sessions_prescribed"]) == {0, 3}

    def test_sessions_are_asked_for_in_the_weeks_of_the_programme(self, complete: SyntheticClinic) -> None:
        # exact: prescribed on day 0, sessions lie on days 0 to 81, which are weeks 1 to 12; a switch begins the programme anew.
        prescribed = complete.tables["episode"].filter(pl.col("prescribed_day") == 0).select("episode_id")
        reports = complete.tables["run_week"].join(prescribed, on="episode_id")
        loaders = complete.truth_episodes.filter(pl.col("strategy") != "stretching_led").select("episode_id")
        asked = reports.join(loaders, on="episode_id").filter(pl.col("sessions_prescribed") > 0)["week"]
        assert (asked.min(), asked.max()) == (1, 12)
        done = reports.filter(pl.col("exercise_done"))
        assert done.filter(pl.col("sessions_prescribed") == 0).is_empty()
        assert reports.filter(pl.col("sessions_prescribed") > 0)["week"].max() > 12

    def test_a_week_is_logged_whole_or_not_at_all(self) -> None:
        # exact: the usual log against the complete one of the same runners, week by week.
        usual, whole = (
            simulate_clinic(300, seed=8, settings=one) for one in (replace(ClinicSettings(), report_weeks=34), COMPLETE)
        )
        in_both = done_of(whole).join(done_of(usual).select("session_id"), on="session_id", how="semi")
        assert in_both.height == done_of(usual).height < done_of(whole).height
        per_week = [
            rows.group_by("episode_id", "week").len().sort("episode_id", "week") for rows in (done_of(usual), done_of(whole))
        ]
        assert per_week[0].join(per_week[1], on=["episode_id", "week", "len"], how="anti").is_empty()
        shared = ["episode_id", "week", "true_state"]
        assert usual.truth_weeks.select(shared).equals(whole.truth_weeks.select(shared))

    def test_the_usual_log_thins_out_in_pain_and_stops_at_recovery(self, drawn: Drawn) -> None:
        # simulation against exact: 0.85 less 0.012 a point of pain before recovery, nothing in weeks that end after it; of those
        # who were not lost, because the clinic closes the log of the lost.
        kept, last_day = drawn.weeks.kept, 7 * np.arange(1, drawn.weeks.kept.shape[1] + 1)
        recovered = last_day >= drawn.truth.pfr_day[:, None]
        assert not kept[recovered].any()
        pain = drawn.seen.pain.at(np.arange(len(kept))[:, None], last_day)
        for low, high in ((2, 4), (4, 6), (6, 10.1)):
            chosen = ~recovered & (pain >= low) & (pain < high) & ~drawn.seen.lost[:, None]
            expected = 0.85 - 0.012 * pain[chosen].mean()
            assert abs(kept[chosen].mean() - expected) < ERRORS * sqrt(expected * (1 - expected) / chosen.sum())

    def test_the_log_of_the_lost_ends_where_the_clinic_closed_it(self) -> None:
        # exact: no session after a recorded loss; those who leave without a word may log on.
        clinic = simulate_clinic(600, seed=17, settings=replace(ClinicSettings.visits_only(), lost_by_week_12=0.55))
        events = clinic.tables["event"]
        closed = events.filter(pl.col("event") == "lost_to_follow_up").select("episode_id", pl.col("day").alias("closed"))
        assert closed.height > 100
        assert clinic.tables["session"].join(closed, on="episode_id").filter(pl.col("day") > pl.col("closed")).is_empty()
        silent = clinic.tables["session"].join(events, on="episode_id", how="anti")
        visits = clinic.tables["visit"].group_by("episode_id").agg(pl.col("day").max().alias("last_visit"))
        assert not silent.join(visits, on="episode_id").filter(pl.col("day") > pl.col("last_visit")).is_empty()

    def test_without_the_question_an_empty_week_is_not_known(self) -> None:
        # exact: no report says anything of exercise, so only weeks with a row are logged.
        clinic = simulate_clinic(300, seed=8, settings=replace(ClinicSettings(), exercise_asked=False))
        assert (
            clinic.tables["run_week"].select(pl.all_horizontal(cs.matches("exercise_done|sessions_pre").is_null().all())).item()
        )
        rows = clinic.tables["session"].select("episode_id", pl.max_horizontal((pl.col("day") + 6) // 7, 1).alias("week"))
        assert clinic.truth_weeks.filter("logged").join(rows, on=["episode_id", "week"], how="anti").is_empty()
        assert clinic.truth_weeks.filter(~pl.col("logged")).join(rows, on=["episode_id", "week"], how="semi").is_empty()

    def test_a_note_is_true_of_every_week_it_speaks_for(self) -> None:
        # exact: spans and states read again in plain Python; a week belongs to a span with four of its days or more.
        clinic = simulate_clinic(300, seed=4, settings=replace(NOTES, visit_weeks=tuple(range(0, 35, 2))))
        assert clinic.tables["session"].is_empty()
        state: dict[tuple[str, int], str] = {}
        for row in clinic.truth_weeks.iter_rows(named=True):
            state[row["episode_id"], row["week"]] = row["true_state"]
        logged = {(row[0], row[1]) for row in clinic.truth_weeks.filter("logged").select("episode_id", "week").iter_rows()}
        says = {"loading": "L", "hamstring_stretch": "S", "hamstring_stretch;loading": "B", "education;modification": "N"}
        spoken_for: set[tuple[str, int]] = set()
        for of_episode in clinic.tables["visit"].partition_by("episode_id"):
            rows: list[dict[str, Any]] = of_episode.to_dicts()
            for before, row in pairwise(rows):
                days = range(before["day"] + 1, row["day"] + 1)
                weeks = [week for week in range(1, 35) if sum((day + 6) // 7 == week for day in days) >= 4]
                found = {state[row["episode_id"], week] for week in weeks if (row["episode_id"], week) in state}
                note = row["treatment_components"]
                if note is not None:
                    assert found <= {says[note]}
                    spoken_for |= {(row["episode_id"], week) for week in weeks}
        assert logged == spoken_for & state.keys()
        assert {state[one] for one in logged} == set("LSBN")

    def test_the_truth_of_weeks_is_a_file(self, complete: SyntheticClinic) -> None:
        # exact: beside truth_episodes.csv, with the columns of the frame.
        told = pl.read_csv(io.BytesIO(complete.truth["truth_weeks.csv"]), infer_schema_length=None)
        assert_frame_equal(told, complete.truth_weeks)


@pytest.mark.parametrize("settings", [ClinicSettings(), COMPLETE, NOTES], ids=["usual", "complete", "notes"])
def test_tables_handed_over_in_memory_are_those_that_come_out_of_the_files(settings: ClinicSettings, tmp_path: Path) -> None:
    # exact: what the gate scripts read of a clinic is what `ingest` accepts of its export.
    clinic = simulate_clinic(150, seed=2, settings=settings)
    for name, content in clinic.files.items():
        (tmp_path / name).write_bytes(content)
    column_map = load_column_map(shipped("analyses") / "column_map.toml")
    ingested = ingest(tmp_path, column_map, declare(), as_of=date(2026, 1, 1), on_reject=OnReject.STOP)
    for name, rows in records_of(clinic.tables, declare()).tables.items():
        assert_frame_equal(ingested.table(name), rows, check_row_order=False)
