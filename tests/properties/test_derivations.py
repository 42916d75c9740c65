"""What must hold of every derivation, whatever the records: order, files, dates, readings and paths."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.cohort.outcome.histories import histories
from tendon_outcomes.cohort.outcome.multiverse import multiverse
from tendon_outcomes.cohort.patient_level.explain import explain
from tendon_outcomes.declarations import declare, endpoint_asked, load_protocol, resolve, shipped
from tendon_outcomes.synthetic import simulate_clinic
from tests.properties.derived import derived
from tests.properties.multiverse_equals_single_runs import fresh_run, same
from tests.properties.permutation_invariance import CHANGES, dated, differing, ingested, wrong_by_a_day
from tests.simulation.clinic_records import everyone, records_of

DECLARED = declare()
CLINIC = simulate_clinic(60, seed=9)


def test_order_files_and_dates_change_nothing(tmp_path: Path) -> None:
    # Grade: exact (metamorphic); the gate row of the same name does it at length.
    rng = np.random.default_rng(1)
    base = dict.fromkeys(CLINIC.tables["episode"]["episode_id"], dt.date(2022, 5, 1))
    export = dated(CLINIC.tables, base)

    def of(name: str, change: object) -> dict[str, pl.DataFrame]:
        folder = tmp_path / name
        folder.mkdir()
        return derived(ingested(change(export, rng), folder, DECLARED), DECLARED)  # type: ignore[operator]

    plain = of("plain", lambda tables, _: tables)
    assert differing(plain, of("all", CHANGES["all of them"])) == []
    assert differing(plain, of("wrong", wrong_by_a_day)) != []


def test_each_reading_is_its_single_run() -> None:
    # Grade: exact (metamorphic), on the definition read anew from changed TOML.
    records, population = records_of(CLINIC.tables, DECLARED), everyone(DECLARED)
    table = multiverse(assemble_cohort(records, population), [DECLARED.endpoints["pain_free_running"]], horizon_weeks=26)
    assert len(table.cells) > 40
    assert all(same(cell.follow_up, fresh_run(records, population, cell)) for cell in table.cells)


@pytest.mark.parametrize("version", ["0", "1", "2", "3"])
def test_paths_begin_as_the_endpoint_was_ascertained(version: str) -> None:
    # Grade: exact: the first move of a path is the event of the follow-up, in every tier.
    cohort = assemble_cohort(records_of(CLINIC.tables, DECLARED), everyone(DECLARED))
    follow_up = ascertain(cohort, endpoint_asked(DECLARED, f"pain_free_running.{version}"), horizon_weeks=52)
    moves = histories(cohort, follow_up, gap_days=0).transitions
    first = moves.filter(pl.col("number") == 1, pl.col("to_state").is_not_null())
    events = follow_up.episodes.filter(pl.col("code") == 0)
    kept = ["episode_id", "left", "right", "right_record"]
    assert first.select(kept).sort("episode_id").equals(events.select(kept).sort("episode_id"))


def test_paths_run_forward_and_end_once() -> None:
    # Grade: exact: a move begins where the last one ended, states take turns, and one last row closes each path.
    cohort = assemble_cohort(records_of(CLINIC.tables, DECLARED), everyone(DECLARED))
    follow_up = ascertain(cohort, endpoint_asked(DECLARED, "pain_free_running.0"), horizon_weeks=52)
    moves = histories(cohort, follow_up).transitions.sort("episode_id", "number")
    assert moves.filter(pl.col("to_state").is_null())["episode_id"].to_list() == sorted(follow_up.episodes["episode_id"])
    after = moves.with_columns(
        pl.col("right").shift(1).over("episode_id").alias("before"), pl.col("to_state").shift(1).over("episode_id").alias("was")
    ).filter(pl.col("number") > 1)
    assert after.height > 20
    assert (after["left"] >= after["before"]).all()
    assert (after["from_state"] == after["was"]).all()


def test_every_story_says_what_was_derived_for_everybody() -> None:
    # Grade: exact: the interval of each story is that of the bulk derivation, and the reasons add up to the flow.
    records = records_of(CLINIC.tables, DECLARED)
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED)
    estimand = protocol.estimand("pain_free_by_26_weeks")
    cohort = assemble_cohort(records, estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=26)
    reasons: Counter[str] = Counter()
    for row in records.table("episode").select("episode_id").iter_rows():
        story = explain(records, estimand.population, estimand.endpoint, episode_id=row[0], horizon_weeks=26)
        known = follow_up.episodes.filter(pl.col("episode_id") == row[0])
        if known.is_empty():
            reasons[story.steps[-1].says.partition(": ")[2]] += 1
            continue
        left, right, code = known.select("left", "right", "code").row(0)
        said = [int(number) for number in re.findall(r"(?:day|code) (\d+)", story.answer)]
        assert said == ([left, right, code] if code == 0 else [right, code] if code > 10 else [left, code]), story.answer
    assert reasons == {step.says: step.n_excluded for step in follow_up.attrition.steps if step.n_excluded}
