"""The whole register: nineteen rows whatever the records, the same bytes twice, and Holm over the claims that have a p-value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import polars as pl
import pytest

from tendon_outcomes.analysis.claims import answer as register
from tendon_outcomes.analysis.claims.finding import CLAIM, NEEDS_OTHER_RECORDS, NOT_ANSWERED, PART, Finding, Judged
from tendon_outcomes.cli.publish import answer_of
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import WOULD_DO, Results, frame
from tests.spec.claims_fixture import NAMES, claim, protocol, records

TERMS = {"supported", "refuted", "inconclusive", NOT_ANSWERED, NEEDS_OTHER_RECORDS}


@cache
def results(n: int) -> Results:
    found: Results = answer_of("a5").answer(records(n), protocol())
    return found


@pytest.mark.parametrize("n", [15, 40, 300])
def test_every_claim_has_one_row_with_a_word_and_a_ground(n: int) -> None:
    # Grade: exact: nineteen claims, each a verdict, a refusal with its reason, or records that it needs.
    claims = results(n).select(CLAIM)
    assert claims["stratum"].to_list() == [f"claim: {name}" for name in NAMES]
    assert set(claims["term"]) <= TERMS
    assert claims["warning"].str.len_chars().min() > 20
    others = claims.filter(pl.col("term") == NEEDS_OTHER_RECORDS)["stratum"].to_list()
    assert others == ["claim: H10", "claim: H13", "claim: H19"]
    assert results(n).estimand == "claims_register"


@pytest.mark.parametrize("n", [15, 40, 300])
def test_a_verdict_has_a_number_with_limits_and_a_refusal_has_none_that_decides(n: int) -> None:
    # Grade: exact: an interval with every verdict.
    judged = results(n).select(CLAIM).filter(pl.col("term").is_in(["supported", "refuted", "inconclusive"]))
    assert judged["conf_low"].null_count() == judged["conf_high"].null_count() == 0
    assert (judged["conf_low"] <= judged["conf_high"]).all()
    assert not judged.filter(pl.col("estimate").is_not_null() & ~pl.col("estimate").is_between("conf_low", "conf_high")).height


def test_fifteen_runners_are_refused_with_what_would_do() -> None:
    # Grade: exact: no causal or prognostic claim has a number, and each says how many or which records would do.
    claims = results(15).select(CLAIM)
    asked = [f"claim: {name}" for name in ("H1", "H2", "H3", "H4", "H5", "H6", "H7", "H9", "H17", "H18")]
    own = claims.filter(pl.col("stratum").is_in(asked))
    assert set(own["term"]) == {NOT_ANSWERED}
    assert own["estimate"].null_count() == own.height
    assert own["warning"].str.contains(WOULD_DO, literal=True).all()


def test_p_values_are_told_as_they_are_and_after_holm() -> None:
    # Grade: published, Holm (1979): adjusted values are at least the plain ones, keep their order, and at most m times them.
    rows = results(300).select("p_value")
    plain = rows.filter(pl.col("term") == "unadjusted").sort("stratum")
    holm = rows.filter(pl.col("term") == "Holm").sort("stratum")
    assert plain["stratum"].to_list() == holm["stratum"].to_list()
    assert (holm["estimate"] >= plain["estimate"] - 1e-15).all()
    assert (holm["estimate"] <= plain.height * plain["estimate"] + 1e-15).all()
    assert holm["estimate"].min() == pytest.approx(plain.height * plain["estimate"].min())
    with_p = {one.removeprefix("claim: ") for one in plain["stratum"]}
    assert with_p == {"H1", "H2", "H3", "H4", "H7", "H8", "H11", "H14", "H17", "H18"}


def test_a_verdict_that_does_not_outlive_holm_says_so() -> None:
    # Grade: exact: 0.03 among three claims is 0.06 after Holm; the word of the claim's own rule stays.
    found = [
        Finding(claim(name), term, "Because.", Judged(part="x", estimator="e"), (), p)
        for name, term, p in (("H8", "supported", 0.03), ("H11", "supported", 0.001), ("H14", "inconclusive", 0.5))
    ]
    rows = frame(register.rows(found, conf_level=0.95)).filter(pl.col("statistic") == CLAIM)
    said = dict(rows.select("stratum", "warning").iter_rows())
    assert register.NOT_AFTER_HOLM[1:] in said["claim: H8"]
    assert said["claim: H11"] == said["claim: H14"] == "Because."
    assert rows["term"].to_list() == ["supported", "supported", "inconclusive"]


def test_the_rider_stands_before_the_number_that_would_do() -> None:
    # Grade: exact: what may be cut for disclosure stays at the end.
    one = Finding(claim("H8"), "supported", f"Because. {WOULD_DO}about 10 runners.").with_rider("but")
    assert one.ground == f"Because. But. {WOULD_DO}about 10 runners."


def test_the_same_records_give_the_same_rows() -> None:
    # Grade: exact: no clock, no global state.
    again: Results = answer_of("a5").answer(records(300), protocol())
    assert again.rows.equals(results(300).rows)


def test_order_of_rows_changes_nothing() -> None:
    # Grade: exact: a shuffled export is the same clinic.
    shuffled = {name: table.sample(fraction=1.0, shuffle=True, seed=5) for name, table in records(300).tables.items()}
    again: Results = answer_of("a5").answer(ValidatedRecords(tables=shuffled, ledger=()), protocol())
    numbers = ["estimate", "conf_low", "conf_high"]
    for name in numbers:
        differs = (again.rows[name] - results(300).rows[name]).abs().max()
        assert differs is None or float(differs) < 1e-9  # type: ignore[arg-type]
    assert again.rows.drop(*numbers, "std_error").equals(results(300).rows.drop(*numbers, "std_error"))


def test_nobody_in_the_population_is_nineteen_rows_still() -> None:
    # Grade: exact: a clinic of another tendon: each claim says that nobody is there.
    others = {
        name: table.with_columns(pl.lit("patellar").alias("tendon")) if name == "episode" else table
        for name, table in records(40).tables.items()
    }
    found: Results = answer_of("a5").answer(ValidatedRecords(tables=others, ledger=()), protocol())
    claims = found.select(CLAIM)
    assert claims.height == 19
    assert set(claims["term"]) == {NOT_ANSWERED, NEEDS_OTHER_RECORDS}
    assert found.attrition.steps == ()


def test_parts_are_told_under_their_claim() -> None:
    # Grade: exact: composite claims show what they are made of.
    parts = results(300).select(PART)
    of = {name: parts.filter(pl.col("stratum") == f"claim: {name}").height for name in ("H8", "H11", "H12", "H15", "H16", "H2")}
    assert of == {"H8": 2, "H11": 2, "H12": 3, "H15": 4, "H16": 2, "H2": 3}


def test_answers_of_other_analyses_are_used() -> None:
    # Grade: exact: with the answer of a4 at hand the verdict of H1 is that answer's.
    given: Results = answer_of("a4").answer(records(300), protocol())
    turned = given.rows.with_columns(
        pl.when(pl.col("statistic") == "verdict").then(pl.lit("refuted")).otherwise("term").alias("term")
    )
    found: Results = answer_of("a5").answer(records(300), protocol(), answers=(replace(given, rows=turned),))
    assert found.select(CLAIM)["term"][0] == "refuted"


def emptied(*names: str) -> dict[str, pl.DataFrame]:
    return {name: table.clear() if name in names else table for name, table in records(40).tables.items()}


def known_until(day: int) -> dict[str, pl.DataFrame]:
    tables = records(300).tables
    return {name: table.filter(pl.col("day") <= day) if "day" in table.columns else table for name, table in tables.items()}


def told_alike(**cells: object) -> dict[str, pl.DataFrame]:
    same = [pl.lit(value).alias(name) for name, value in cells.items()]
    return {name: table.with_columns(same) if name == "episode" else table for name, table in records(300).tables.items()}


ODD: dict[str, Callable[[], dict[str, pl.DataFrame]]] = {
    "no log": lambda: emptied("session"),
    "no weekly reports": lambda: emptied("run_week"),
    "no visits": lambda: emptied("visit"),
    "neither log nor reports": lambda: emptied("session", "run_week"),
    "no endings": lambda: emptied("event", "procedure"),
    "nothing after day 20": lambda: known_until(20),
    "nothing after day 60": lambda: known_until(60),
    "all prescribed loading": lambda: told_alike(strategy_prescribed="loading_led"),
    "one duration": lambda: told_alike(onset_day=-70, symptom_duration_wk=10.0),
    "one patient": lambda: told_alike(patient_id="p"),
    "one clinician of one age": lambda: told_alike(clinician_id="c", age_y=40),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_clinics_get_nineteen_rows_and_no_crash(name: str) -> None:
    # Grade: exact: whatever is missing, every claim has a word, a ground, and no number without limits.
    found: Results = answer_of("a5").answer(ValidatedRecords(tables=ODD[name](), ledger=()), protocol())
    claims = found.select(CLAIM)
    assert claims.height == 19
    assert set(claims["term"]) <= TERMS
    assert claims["warning"].str.len_chars().min() > 0  # type: ignore[operator]
    assert not found.select(CLAIM).filter(pl.col("estimate").is_not_null() & pl.col("conf_low").is_null()).height
    assert not found.rows.filter(pl.col("estimate").is_nan()).height


def test_many_episodes_of_one_patient_are_one_person() -> None:
    # Grade: exact: between persons nothing can be compared, however many episodes one of them has.
    found: Results = answer_of("a5").answer(ValidatedRecords(tables=ODD["one patient"](), ledger=()), protocol())
    asked = found.select(CLAIM).filter(
        pl.col("stratum").is_in([f"claim: {one}" for one in ("H2", "H3", "H4", "H7", "H8", "H17", "H18")])
    )
    assert set(asked["term"]) == {NOT_ANSWERED}
    assert asked["estimate"].null_count() == asked.height
