"""Criteria, scores and eligibility: rows in, decisions out."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tendon_outcomes.cohort import assemble_cohort, score
from tendon_outcomes.cohort.logic import every, truth
from tendon_outcomes.declarations import Criterion, Population
from tendon_outcomes.errors import DeclarationInvalid, NoUsableRows
from tests.made_records import DECLARED, episode, records

TRUE, FALSE, UNKNOWN = True, False, None


def judged(criterion: Criterion, **cells: Any) -> bool | None:
    return pl.DataFrame({name: [value] for name, value in cells.items()}).select(truth(criterion).alias("t"))["t"][0]


@pytest.mark.parametrize(
    ("criterion", "cells", "expected"),
    [
        (Criterion(variable="x", at_most=1), {"x": 1.0}, TRUE),
        (Criterion(variable="x", at_most=1), {"x": 1.5}, FALSE),
        (Criterion(variable="x", above=1), {"x": 1.0}, FALSE),
        (Criterion(variable="x", at_least=1, at_most=3), {"x": 4.0}, FALSE),
        (Criterion(variable="x", equals=True), {"x": True}, TRUE),
        (Criterion(variable="x", equals="a"), {"x": "b"}, FALSE),
        (Criterion(variable="x", one_of=("a", "b")), {"x": "b"}, TRUE),
        (Criterion(variable="x", contains="b"), {"x": "a;b"}, TRUE),
        (Criterion(variable="x", contains="b"), {"x": "a;bc"}, FALSE),
        (Criterion(variable="x", measure="gain", at_least=22), {"x": 62.0, "baseline.x": 40.0}, TRUE),
        (Criterion(variable="x", measure="drop", at_least=2), {"x": 5.0, "baseline.x": 6.0}, FALSE),
        (Criterion(variable="x", measure="drop_share", at_least=0.3), {"x": 4.0, "baseline.x": 6.0}, TRUE),
        (
            Criterion(variable="x", measure="share_of_index", index_variable="k", at_least=0.5),
            {"x": 5.0, "episode.k": 10.0},
            TRUE,
        ),
    ],
)
def test_comparisons(criterion: Criterion, cells: dict[str, Any], expected: bool | None) -> None:
    # Grade: exact, the meaning of each comparison in declarations/criteria.py.
    assert judged(criterion, **cells) is expected


@pytest.mark.parametrize(
    ("criterion", "cells"),
    [
        (Criterion(variable="x", at_most=1), {"x": pl.Series([None], dtype=pl.Float64)[0]}),
        (Criterion(variable="x", measure="gain", at_least=22), {"x": 62.0, "baseline.x": None}),
        (Criterion(variable="x", measure="drop_share", at_least=0.3), {"x": 0.0, "baseline.x": 0.0}),
        (Criterion(variable="x", measure="share_of_index", index_variable="k", at_least=0.5), {"x": 5.0, "episode.k": 0.0}),
        (Criterion(variable="x", measure="gain", at_least=22, not_assessable_above=78), {"x": 100.0, "baseline.x": 79.0}),
    ],
)
def test_what_cannot_be_judged_is_unknown(criterion: Criterion, cells: dict[str, Any]) -> None:
    # Grade: exact: a missing cell, no baseline, a share of zero, a gain that cannot be reached.
    typed = {name: pl.Series([value], dtype=pl.Float64) for name, value in cells.items()}
    assert pl.DataFrame(typed).select(truth(criterion).alias("t"))["t"][0] is None


P, F, U = (Criterion(variable=name, equals=True) for name in ("p", "f", "u"))
CELLS = pl.DataFrame({"p": [True], "f": [False], "u": pl.Series([None], dtype=pl.Boolean)})
# `ignore` on parts that were and were not recorded.
PI, FI, UI = (Criterion(variable=name, equals=True, unrecorded="ignore") for name in ("p", "f", "u"))


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (Criterion(all=(P, U)), UNKNOWN),
        (Criterion(all=(F, U)), FALSE),
        (Criterion(any=(P, U)), TRUE),
        (Criterion(any=(F, U)), UNKNOWN),
        (Criterion(any=(FI, UI)), FALSE),
        (Criterion(any=(PI, UI)), TRUE),
        (Criterion(any=(UI,)), UNKNOWN),
        (Criterion(all=(PI, UI)), TRUE),
        (Criterion(all=(FI, UI)), FALSE),
        (Criterion(variable="f", equals=True, when=(F,)), TRUE),
        (Criterion(variable="f", equals=True, when=(P,)), FALSE),
        (Criterion(variable="f", equals=True, when=(U,)), UNKNOWN),
        (Criterion(variable="u", equals=True, unrecorded="fails"), FALSE),
        (Criterion(variable="u", equals=True, unrecorded="passes"), TRUE),
    ],
)
def test_three_valued_logic(criterion: Criterion, expected: bool | None) -> None:
    # Grade: exact, Kleene's tables.
    assert CELLS.select(truth(criterion).alias("t"))["t"][0] is expected


def test_no_criteria_hold_for_everyone() -> None:
    # Grade: exact.
    assert CELLS.select(every(()).alias("t"))["t"].all()


def visa(**cells: float | None) -> pl.DataFrame:
    names = [item.code for item in DECLARED.instruments["visa_h"].items]
    values = {**dict.fromkeys(names), "visa_h_total": None, **cells}
    return pl.DataFrame({name: pl.Series([value], dtype=pl.Float64) for name, value in values.items()})


FULL = {f"visa_h_{number}": 5.0 for number in range(1, 7)} | {"visa_h_7": 4.0, "visa_h_8b": 14.0}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"visa_h_total": 61.0}, 61.0),
        (FULL, 48.0),
        ({**FULL, "visa_h_total": 61.0}, 48.0),
        ({**FULL, "visa_h_3": None, "visa_h_total": 61.0}, None),
        ({**FULL, "visa_h_8a": 21.0}, None),
        ({**FULL, "visa_h_8b": None}, None),
        ({}, None),
    ],
    ids=["total only", "items", "items before total", "one item missing", "two branches", "no branch", "nothing"],
)
def test_visa_h_is_scored_from_its_items(cells: dict[str, float], expected: float | None) -> None:
    # Grade: exact, 6 x 5 + 4 + 14 = 48; faults 6 and 7 of domain.md §6c.
    assert score(visa(**cells), [DECLARED.instruments["visa_h"]])["visa_h_total"][0] == expected


def population(*criteria: Criterion, **washout: Any) -> Population:
    return Population(
        name="p",
        says="p",
        tendon=DECLARED.tendons["proximal_hamstring"],
        instruments=(),
        criteria=criteria,
        washout_days=washout.get("days", 0),
        washout_procedures=washout.get("procedures", ()),
    )


ADULT = Criterion(id="adult", says="18 years or older", variable="age_y", at_least=18)


def test_each_step_of_the_flow_is_counted_with_its_reason() -> None:
    # Grade: exact: of five, one has another tendon, one has no age on record, one had shock waves before, two stay.
    people = [
        episode("a"),
        episode("b"),
        episode("c", tendon="gluteal"),
        episode("d", age_y=None),
        episode("e"),
    ]
    treated = [{"episode_id": "e", "day": -10, "procedure": "eswt"}, {"episode_id": "b", "day": -60, "procedure": "eswt"}]
    cohort = assemble_cohort(records(episode=people, procedure=treated), population(ADULT, days=42, procedures=("eswt",)))
    assert cohort.episodes["episode_id"].to_list() == ["a", "b"]
    assert [(step.n_excluded, step.says.split(":")[0]) for step in cohort.attrition.steps if step.n_excluded] == [
        (1, "another tendon than proximal hamstring tendinopathy"),
        (1, "not recorded"),
        (1, "an injection or shock-wave treatment in the 42 days up to day 0"),
    ]


def test_only_rows_of_the_cohort_remain() -> None:
    # Grade: exact.
    people = [episode("a"), episode("b", age_y=17)]
    visits = [{"episode_id": name, "day": 0} for name in ("a", "b")]
    cohort = assemble_cohort(records(episode=people, visit=visits), population(ADULT))
    assert cohort.tables["visit"]["episode_id"].to_list() == ["a"]


def test_an_empty_cohort_is_refused() -> None:
    # Grade: exact.
    with pytest.raises(NoUsableRows):
        assemble_cohort(records(episode=[episode("a", age_y=12)]), population(ADULT))


def test_a_criterion_without_a_comparison_is_refused() -> None:
    # Grade: exact.
    with pytest.raises(ValueError, match="compares it with nothing"):
        Criterion(variable="x")
    with pytest.raises(DeclarationInvalid):
        DECLARED.endpoint("pain_free_running.99")
