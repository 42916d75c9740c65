"""Clinics whose records cannot be compared get the right refusal from the whole comparison: no crash, and nobody's values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import polars as pl
import pytest

from tendon_outcomes.analysis.strategies.answer import answer_trial
from tendon_outcomes.analysis.strategies.assemble import assemble_trials
from tendon_outcomes.analysis.strategies.design import examine
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.weights_rows import balance_and_weights
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import declare, load_protocol, resolve, shipped
from tendon_outcomes.results import Row
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics
from tests.simulation.clinic_records import everyone, records_of

Tables = dict[str, pl.DataFrame]


@lru_cache(maxsize=2)
def clinic(n: int = 120) -> Tables:
    return dict(simulate_clinics(1, n, seed=3, settings=ClinicSettings.confounded()).tables)


def rows_of(tables: Tables) -> list[Row]:
    return list(answer_trial(trial_of(tables)))


def trial_of(tables: Tables) -> Trial:
    declared = declare()
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    estimand = replace(protocol.estimand("stretching_versus_loading"), population=everyone(declared))
    assert estimand.trial is not None
    estimand = replace(estimand, trial=replace(estimand.trial, replicates=20))
    cohort = assemble_cohort(records_of(tables, declared), estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)
    return assemble_trials(cohort, follow_up, estimand)["all"]


def episodes(**columns: pl.Expr) -> Tables:
    return {**clinic(), "episode": clinic()["episode"].with_columns(**columns)}


def until(day: int) -> Tables:
    return {name: table.filter(pl.col("day") <= day) if "day" in table.columns else table for name, table in clinic().items()}


def without(*names: str) -> Tables:
    return {name: table.clear() if name in names else table for name, table in clinic().items()}


PRESCRIBED = pl.col("strategy_prescribed")
ODD: dict[str, tuple[Callable[[], Tables], str]] = {
    "nobody was prescribed stretching": (
        lambda: episodes(strategy_prescribed=PRESCRIBED.replace({"stretching_led": "loading_led"})),
        "one_strategy_only",
    ),
    "no prescription is on record": (lambda: episodes(strategy_prescribed=pl.lit(None, pl.String())), "one_strategy_only"),
    "everybody was lost on day 0": (lambda: until(0), "too_small"),
    "everybody was lost in week 3": (lambda: until(21), "too_small"),
    "neither sessions nor visits": (lambda: without("session", "visit", "run_week", "event", "procedure"), "too_small"),
    "all episodes are one runner's": (lambda: episodes(patient_id=pl.lit("p")), "descriptive_only"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_clinic_is_refused_and_nothing_is_compared(name: str) -> None:
    # Grade: exact, statistics.md, rails: fewer than 10 events under a strategy are described and not compared.
    tables, code = ODD[name]
    rows = rows_of(tables())
    assert code in {row.term for row in rows if row.statistic == "refusal" and row.estimator == "design of the comparison"}
    assert not [
        row for row in rows if row.statistic.startswith(("incidence_d", "incidence_r", "restricted", "multiverse", "e_v"))
    ]
    names = clinic()["episode"]["episode_id"].to_list()
    assert not [row for row in rows for one in names if one in row.warning.split() or one in row.term.split()]


def test_without_sessions_only_what_was_prescribed_is_compared() -> None:
    # Grade: exact: of no week is it known what was done, but for the notes of visits.
    rows = rows_of(without("session"))
    assert "unlogged" in {row.term for row in rows if row.statistic == "refusal"}
    assert not [row for row in rows if row.estimator == "clone-censor-weight"]


def test_balance_speaks_of_the_smallest_group_of_either_strategy() -> None:
    # Grade: exact, counted in the records: sexes by strategy; the two strategies together would hide the smaller group.
    trial = trial_of(clinic(240))
    row = next(one for one in balance_and_weights(examine(trial)) if one.term == "sex_male" and one.stratum == "before")
    column = trial.covariates[:, trial.covariate_names.index("sex_male")]
    groups = [((trial.treatment == arm) & (column == value)).sum() for arm in (0, 1) for value in (0.0, 1.0)]
    assert row.n_events == min(groups)
