"""Checks whose true answer is nothing: what they compare, when they cannot be asked, and what the panel makes of them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis.strategies.assemble import assemble_trials, declared_trial
from tendon_outcomes.analysis.strategies.falsification import Check, falsification, panel, rows
from tendon_outcomes.analysis.strategies.falsification_records import (
    PLACEBO_FROM_DAY,
    change_of_running,
    measured,
    pain_before_start,
)
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.week_twelve import compare
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand, declare, load_protocol, resolve, shipped
from tendon_outcomes.declarations.dag import Measure
from tendon_outcomes.results import frame
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics
from tests.simulation.clinic_records import everyone, records_of

IDS = ("pre_period_trend", "negative_control_outcome", "negative_control_exposure", "placebo_start", "permuted_strategy")


@lru_cache(maxsize=1)
def asked() -> Estimand:
    declared = declare()
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    return replace(protocol.estimand("stretching_versus_loading"), population=everyone(declared))


@lru_cache(maxsize=4)
def trial(*, planted: bool = False, n: int = 250) -> Trial:
    settings = ClinicSettings.confounded()
    drawn = simulate_clinics(1, n, seed=31, settings=settings.with_unmeasured() if planted else settings)
    cohort = assemble_cohort(records_of(drawn.tables, declare()), asked().population)
    return assemble_trials(cohort, ascertain(cohort, asked().endpoint, horizon_weeks=26), asked())["all"]


@lru_cache(maxsize=4)
def checks(*, planted: bool = False) -> tuple[Check, ...]:
    return falsification(trial(planted=planted), seed=3)


def without(column: str, table: str = "episode") -> Trial:
    """The trial of a clinic that did not record a column."""
    cohort = trial().cohort
    if table == "episode":
        blank = cohort.episodes.with_columns(pl.lit(None, dtype=cohort.episodes.schema[column]).alias(column))
        return replace(trial(), cohort=replace(cohort, episodes=blank))
    rows = cohort.tables[table].with_columns(pl.lit(None, dtype=cohort.tables[table].schema[column]).alias(column))
    return replace(trial(), cohort=replace(cohort, tables={**cohort.tables, table: rows}))


def test_every_check_is_asked_once_and_has_limits() -> None:
    # Exact: names and order; a fail is a limit beyond no difference, and nothing else (the dealt strategies have a share).
    found = checks()
    assert tuple(one.id for one in found) == IDS
    for one in found[:-1]:
        assert one.conf_low is not None
        assert one.conf_high is not None
        assert one.p_value is not None
        assert (one.verdict == "fails") == (one.conf_low > 0.0 or one.conf_high < 0.0) == (one.p_value < 0.05)
        assert one.n >= 20
    assert 0.0 <= found[-1].estimate <= 1.0


def test_a_planted_cause_is_seen_and_a_clean_clinic_is_not_accused() -> None:
    # Simulation: known truth of two clinics with one seed; the gate row falsification_power asks hundreds.
    assert panel(checks(planted=True)) == "fails"
    assert {one.id for one in checks(planted=True) if one.verdict == "fails"} >= {"pre_period_trend", "negative_control_outcome"}
    assert panel(checks()) == "passes"


def test_the_same_seed_gives_the_same_verdicts() -> None:
    # Exact.
    assert falsification(trial(), seed=3, found=compare(trial())) == checks()


def test_the_change_of_running_by_hand() -> None:
    # Exact: base / before - 1, null without one of them and where nothing was run before.
    one = trial()
    episodes = one.cohort.episodes.sort("episode_id").with_row_index("i")
    known = episodes.with_columns(
        pl.when(pl.col("i") == 0).then(None).otherwise(10.0).alias("wk_km_base4"),
        pl.when(pl.col("i") == 1).then(0.0).otherwise(40.0).alias("wk_km_preinjury"),
    ).drop("i")
    values = change_of_running(replace(one, cohort=replace(one.cohort, episodes=known)))
    assert values[:4].to_list() == [None, None, -0.75, -0.75]


def test_a_control_is_read_from_its_table() -> None:
    # Reference: plain loops over the records.
    one = trial()
    rolled = measured(one, Measure.model_validate({"column": "episode.prior_self_care", "as": "any_of", "of": ["foam_roll"]}))
    recorded = dict(one.cohort.episodes.select("episode_id", "prior_self_care").iter_rows())
    for episode, value in zip(one.episode_id, rolled, strict=True):
        text = recorded[episode]
        assert value == (None if text is None else float("foam_roll" in text.split(";")))
    ache = measured(one, Measure.model_validate({"column": "visit.nprs_upper_limb"}))
    visits = one.cohort.tables["visit"].select("episode_id", "day", "nprs_upper_limb").rows()
    for episode, value in list(zip(one.episode_id, ache, strict=True))[:40]:
        told = [pain for who, day, pain in visits if who == episode and 0 <= day <= 84 and pain is not None]
        assert value == (pytest.approx(np.mean(told)) if told else None)


def test_pain_before_the_start_stops_at_the_start() -> None:
    # Reference: plain loops; nothing of the day on which exercise began or of later days.
    one = trial()
    told = pain_before_start(one)
    assert told["episode_id"].equals(one.episode_id)
    starts: dict[str, int] = {}
    for episode, *days in one.weeks.frame.select("episode_id", "first_loading_day", "first_stretching_day").iter_rows():
        known = [day for day in days if day is not None]
        if known:
            starts[episode] = min(*known, starts.get(episode, 10_000))
    seen = 0
    for episode, value in told.select("episode_id", "value").iter_rows():
        start = starts.get(episode, 0)
        pains = _pains(one, episode) if start >= PLACEBO_FROM_DAY else []
        first = [pain for day, pain in pains if day == 0]
        later = [pain for day, pain in pains if 0 < day < start]
        assert value == (later[-1] - first[0] if first and later else None)
        seen += value is not None
    assert seen >= 20


def _pains(one: Trial, episode: str) -> list[tuple[int, float]]:
    """In the order of days; a visit after the weekly report of its day."""
    found = []
    for order, name in enumerate(("run_week", "visit")):
        own = one.cohort.tables[name].filter(pl.col("episode_id") == episode)
        for day, fast, run in own.select("day", "nprs_run_fast", "nprs_run").iter_rows():
            pain = fast if fast is not None else run
            if pain is not None:
                found.append((day, order, float(pain)))
    return [(day, pain) for day, _, pain in sorted(found)]


@pytest.mark.parametrize(
    ("column", "table", "check"),
    [
        ("wk_km_base4", "episode", "pre_period_trend"),
        ("nprs_upper_limb", "visit", "negative_control_outcome"),
        ("prior_self_care", "episode", "negative_control_exposure"),
    ],
)
def test_what_nobody_recorded_cannot_be_asked(column: str, table: str, check: str) -> None:
    # Exact: the others are asked as before; the reason says what would do; the panel is incomplete and not passed.
    found = falsification(without(column, table), seed=3)
    by_id = {one.id: one for one in found}
    assert by_id[check].verdict == "cannot be asked"
    assert "at least 10" in by_id[check].reason
    assert by_id[check].estimate is None
    assert sum(one.verdict == "cannot be asked" for one in found) == 1
    assert panel(found) == "incomplete"


def test_what_the_protocol_does_not_declare_cannot_be_asked() -> None:
    # Exact.
    declared = replace(declared_trial(asked()), negative_control_outcomes=(), negative_control_exposure="")
    bare = replace(trial(), estimand=replace(trial().estimand, trial=declared))
    verdicts = {one.id: one for one in falsification(bare, seed=3)}
    for name in ("negative_control_outcome", "negative_control_exposure"):
        assert verdicts[name].reason == "the protocol declares none that is measured"


def test_an_empty_arm_is_no_panel() -> None:
    # Exact: with nobody under one strategy there is one line, and the panel is incomplete.
    one = trial()
    nobody = replace(one, treatment=np.where(one.treatment == 0, 2, one.treatment))
    found = falsification(nobody, seed=3)
    assert [check.verdict for check in found] == ["cannot be asked"]
    assert panel(found) == "incomplete"


def test_the_panel_counts_verdicts() -> None:
    # Exact: one failure fails; one that cannot be asked leaves it incomplete; nothing asked proves nothing.
    passes, fails = Check("a", "a", "passes", 30), Check("b", "b", "fails", 30)
    unasked = Check("c", "c", "cannot be asked", 0)
    for given, verdict in (
        ((passes, passes), "passes"),
        ((passes, fails, unasked), "fails"),
        ((passes, unasked), "incomplete"),
        ((), "incomplete"),
    ):
        assert panel(given) == verdict


def test_rows_have_the_names_that_reports_read() -> None:
    # Exact: one row a check with verdict, id, numbers and words, then the panel.
    table = frame(rows(checks()))
    assert table["statistic"].to_list() == ["falsification"] * 5 + ["falsification_panel"]
    assert table["term"].to_list() == [*IDS, "passes"]
    assert set(table["stratum"][:5].to_list()) == {"passes"}
    assert table["n_at_risk"][:5].null_count() == 0
    assert "arm or shoulder" in table["warning"][1]


def test_a_check_tells_how_many_the_smaller_group_has() -> None:
    # Grade: exact: means of a strategy are statistics of its own runners (reliability.md, 3.2), and not of both together.
    one = next(check for check in checks() if check.id == "pre_period_trend")
    arms = [int(np.count_nonzero(trial().treatment == arm)) for arm in (0, 1)]
    assert one.fewest is not None
    assert one.fewest <= min(arms) < one.n
    assert next(row for row in rows([one]) if row.term == one.id).n_events == one.fewest
