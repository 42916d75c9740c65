"""From a cohort to the trial that it emulates: who was prescribed what, what ends a follow-up, weeks and clones."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis.strategies.assemble import assemble_trials, prescribed, without_hypothetical
from tendon_outcomes.analysis.strategies.by_weeks import STATES, weekly_outcome
from tendon_outcomes.analysis.strategies.design import examine, with_nodes_that_fit
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp
from tendon_outcomes.cli.publish import _asked, scripts
from tendon_outcomes.cohort import Cohort, FollowUp, ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand, Protocol, declare, load_protocol, resolve, shipped
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics
from tendon_outcomes.vocabulary import Code
from tests.simulation.clinic_records import everyone, records_of


@lru_cache(maxsize=1)
def protocol() -> Protocol:
    return resolve(load_protocol(shipped("analyses") / "protocol.toml"), declare())


def estimand() -> Estimand:
    return replace(protocol().estimand("stretching_versus_loading"), population=everyone(declare()))


@lru_cache(maxsize=1)
def clinics() -> tuple[Cohort, FollowUp]:
    drawn = simulate_clinics(2, 80, seed=4, settings=ClinicSettings())
    cohort = assemble_cohort(records_of(drawn.tables, declare()), everyone(declare()))
    return cohort, ascertain(cohort, estimand().endpoint, horizon_weeks=26)


@lru_cache(maxsize=1)
def trials() -> dict[str, Trial]:
    return assemble_trials(*clinics(), estimand(), by="site_id")


def grid(left: list[float], right: list[float], cause: list[int]) -> GriddedFollowUp:
    n = len(left)
    arrays = np.array(left, dtype=float), np.array(right, dtype=float), np.array(cause)
    return GriddedFollowUp((), *arrays, np.arange(1, n + 1), np.zeros(n, dtype=bool), ())


def test_days_on_the_grid_become_weeks() -> None:
    # Grade: exact: recovery in (21, 28] is week 4, a competing event on day 22 too; what comes after week 26 is censored at it,
    # but an interval that reaches beyond it keeps its end.
    left, right, cause = weekly_outcome(
        grid([21, 21, 70, 182, 168, 189], [28, 22, np.inf, 189, 196, 190], [1, 2, 0, 1, 1, 3]), 26
    )
    assert left.tolist() == [3, 3, 10, 26, 24, 26]
    assert right.tolist() == [4, 4, np.inf, np.inf, 28, np.inf]
    assert cause.tolist() == [1, 2, 0, 0, 1, 0]


def test_a_competing_event_on_the_last_day_of_a_week_belongs_to_it() -> None:
    # Grade: exact: day 28 ends week 4, day 29 begins week 5.
    left, right, _ = weekly_outcome(grid([27, 28], [28, 29], [2, 2]), 26)
    assert (left.tolist(), right.tolist()) == ([3, 4], [4, 5])


@pytest.mark.parametrize(
    ("strategy", "day", "treatment"),
    [
        ("stretching_led", 14, 0),
        ("loading_led", 0, 1),
        ("combined", 3, 2),
        ("loading_led", 15, 2),
        ("loading_led", None, -1),
        ("unknown", 0, -1),
        (None, None, -1),
    ],
)
def test_treatment_is_what_was_prescribed_by_the_end_of_grace(strategy: str | None, day: int | None, treatment: int) -> None:
    # Grade: exact: grace ends on day 14; what was dated later was another strategy then, and what nobody dated is not known.
    cohort, _ = clinics()
    trial = estimand().trial
    assert trial is not None
    one = cohort.episodes.head(1).with_columns(
        pl.lit(strategy, dtype=pl.String()).alias("strategy_prescribed"), pl.lit(day, dtype=pl.Int64()).alias("prescribed_day")
    )
    assert prescribed(replace(cohort, episodes=one), trial)["treatment"].to_list() == [treatment]


def test_hypothetical_events_censor_and_others_compete() -> None:
    # Grade: exact (the handling that the protocol declares, counted in the follow-up).
    follow_up = clinics()[1]
    asked = without_hypothetical(follow_up, estimand())
    before, after = follow_up.episodes.sort("episode_id"), asked.episodes
    set_aside = [Code[name.upper()].value for name in estimand().hypothetical]
    moved = before["code"].is_in(set_aside)
    assert moved.sum() > 0
    assert after.filter(moved)["code"].unique().to_list() == [Code.ADMINISTRATIVE.value]
    assert after.filter(moved)["right"].null_count() == int(moved.sum())
    assert after.filter(moved)["left"].equals(before.filter(moved)["last_failing"].alias("left"))
    assert after.filter(~moved).equals(before.filter(~moved))
    competing = after.filter(pl.col("code") >= Code.SURGERY.value)["code"].unique()
    assert set(competing) <= {code.value for code in Code if code.is_competing} - set(set_aside)


def test_arrays_stand_in_the_order_of_episodes() -> None:
    # Grade: exact (each array against its source, looked up by episode).
    for trial in trials().values():
        sample = trial.sample
        assert trial.episode_id.is_sorted()
        assert trial.n == trial.data.n == sample.n == trial.covariates.shape[0]
        codes = {state.value: code for code, state in enumerate(STATES)}
        frame = trial.weeks.frame.sort("episode_id", "week")
        expected = np.array([codes.get(state, -1) for state in frame["state"]]).reshape(trial.n, 26)
        assert np.array_equal(sample.state, expected)
        for arm, name in enumerate(sample.strategy_names):
            own = trial.clones.filter(pl.col("strategy") == name).sort("episode_id")
            assert sample.deviates[arm].tolist() == own["departs_week"].fill_null(27).to_list()
        assert sample.varying_names[0] == "pain"
        assert np.isfinite(sample.varying).all()


def test_who_has_departed_cannot_depart_again() -> None:
    # Grade: exact (the meaning of phase 0).
    for trial in trials().values():
        week = np.arange(1, 27)
        for arm in (0, 1):
            after = week[None, :] > trial.sample.deviates[arm][:, None]
            assert not trial.sample.phase[arm][after].any()
        reached = np.where(trial.sample.cause == 1, trial.sample.right, 99)
        assert not ((trial.sample.deviates > reached[None, :]) & (trial.sample.deviates <= 26)).any(), "recovery is no departure"


def test_a_clinic_cut_from_two_is_the_clinic_by_itself() -> None:
    # Grade: exact (the same records assembled alone).
    cohort, follow_up = clinics()
    site = cohort.episodes["site_id"][0]
    own = cohort.episodes.filter(pl.col("site_id") == site)
    belongs = pl.col("episode_id").is_in(own["episode_id"].implode())
    alone = replace(cohort, episodes=own, tables={name: table.filter(belongs) for name, table in cohort.tables.items()})
    part = replace(follow_up, episodes=follow_up.episodes.filter(belongs), assessments=follow_up.assessments.filter(belongs))
    one, other = assemble_trials(alone, part, estimand())["all"], trials()[site]
    assert one.covariate_names == other.covariate_names
    for mine, theirs in (
        (one.covariates, other.covariates),
        (one.treatment, other.treatment),
        (one.data.left, other.data.left),
        (one.data.right, other.data.right),
        (one.sample.deviates, other.sample.deviates),
        (one.sample.phase, other.sample.phase),
    ):
        assert np.array_equal(mine, theirs)


def test_covariates_say_something_of_their_own() -> None:
    # Grade: exact: with the intercept the columns have full rank.
    for trial in trials().values():
        with_intercept = np.column_stack([np.ones(trial.n), trial.covariates])
        assert np.linalg.matrix_rank(with_intercept) == with_intercept.shape[1]


def test_the_last_nodes_are_given_up_first() -> None:
    # Grade: exact: 30 runners bear 6 parameters, an intercept and five columns; a node goes as a whole.
    trial = next(iter(trials().values()))
    kept, dropped = with_nodes_that_fit(trial, 30)
    nodes = list(dict.fromkeys(trial.covariate_nodes))
    assert kept.covariates.shape[1] <= 5
    assert [*dict.fromkeys(kept.covariate_nodes), *dropped] == nodes
    assert kept.sample.baseline_names == kept.covariate_names
    assert with_nodes_that_fit(trial, 10_000) == (trial, ())


def test_a_trial_cannot_be_cut_by_what_is_not_there_or_made_without_a_declaration() -> None:
    # Grade: exact.
    with pytest.raises(WrongUse, match="cannot be cut by phase_of_the_moon"):
        assemble_trials(*clinics(), estimand(), by="phase_of_the_moon")
    with pytest.raises(WrongUse, match="declares no target trial"):
        assemble_trials(*clinics(), protocol().estimand("pain_free_by_26_weeks"))


def test_a_design_that_is_too_small_keeps_its_reason() -> None:
    # Grade: exact: 80 runners with four strategies leave fewer than ten events in one of the two.
    trial = next(iter(trials().values()))
    few = replace(trial, treatment=np.where(np.arange(trial.n) < 8, 0, trial.treatment))
    made = examine(replace(few, treatment=np.where((few.treatment == 0) & (np.arange(trial.n) >= 8), 2, few.treatment)))
    assert not made.compares
    assert not made.sustains
    assert next(row.term for row in made.rows if row.statistic == "refusal") == "descriptive_only"


def test_a_question_that_a_study_does_not_ask_is_left_out_of_its_report() -> None:
    # Grade: exact: the protocol without the estimand of a2.
    said: list[str] = []
    older = replace(protocol(), estimands={"pain_free_by_26_weeks": protocol().estimand("pain_free_by_26_weeks")})
    assert list(_asked(older, said.append)) == ["a1"]
    assert any("a2 left out" in one and "stretching_versus_loading" in one for one in said)
    assert list(_asked(protocol(), said.append)) == list(scripts())
