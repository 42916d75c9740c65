"""Verdicts of claims that could be wrong: p-values of refuted claims, verdicts without one, runners not on record."""

from __future__ import annotations

import polars as pl
import pytest

from tendon_outcomes.analysis.claims.answer import NO_P_VALUE, NOT_AFTER_HOLM, rows
from tendon_outcomes.analysis.claims.finding import Finding, Judged, jointly_p
from tendon_outcomes.analysis.claims.incidence import TOGETHER, incidence_claim
from tendon_outcomes.analysis.claims.index_day import index_claim
from tendon_outcomes.analysis.claims.shares import NOT_ROBUST
from tendon_outcomes.vocabulary import Verdict
from tests.spec.claims_fixture import changed, claim


def part(verdict: Verdict, p: float | None) -> Judged:
    return Judged(part="", estimator="", verdict=verdict, p_value=p)


def test_a_claim_that_one_part_refutes_has_the_p_value_of_that_part() -> None:
    # Grade: exact: Bonferroni over the parts, any of which may refute; the part that agrees with the claim has no say.
    parts = [part(Verdict.REFUTED, 1e-6), part(Verdict.INCONCLUSIVE, 0.6), part(Verdict.NOT_ANSWERED, None)]
    assert jointly_p(parts) == pytest.approx(3e-6)
    assert jointly_p([part(Verdict.REFUTED, None), part(Verdict.SUPPORTED, 0.01)]) is None
    assert jointly_p([part(Verdict.SUPPORTED, 0.01), part(Verdict.INCONCLUSIVE, 0.6)]) == 0.6


def test_a_verdict_that_could_not_be_counted_says_so() -> None:
    # Grade: exact: limits without a p-value escape Holm; an undecided or unanswered claim has nothing to be counted.
    found = [
        Finding(claim("H8"), "supported", "A.", part(Verdict.SUPPORTED, None)),
        Finding(claim("H11"), "inconclusive", "B.", part(Verdict.INCONCLUSIVE, None)),
        Finding(claim("H14"), "supported", "C.", part(Verdict.SUPPORTED, 0.04), p_value=0.04),
        Finding(claim("H12"), "refuted", "D.", part(Verdict.REFUTED, 0.03), p_value=0.03),
    ]
    ground = {row.stratum: row.warning.lower() for row in rows(found, conf_level=0.95) if row.statistic == "claim"}
    assert NO_P_VALUE.lower() in ground["claim: H8"]
    assert ground["claim: H11"] == "b."
    assert NOT_AFTER_HOLM.lower() in ground["claim: H14"]
    assert NOT_AFTER_HOLM.lower() in ground["claim: H12"]


@pytest.mark.parametrize(("known", "says"), [(60, True), (300, False)])
def test_a_share_says_whether_those_not_on_record_could_turn_it(known: int, says: bool) -> None:
    # Grade: exact: 9 in 10 of 60 known support the claim, and with everybody else counted against it they would not.
    def told(table: pl.DataFrame) -> pl.DataFrame:
        number = pl.int_range(pl.len())
        answer = pl.when(number >= known).then(None).when(number % 10 == 0).then(pl.lit("hamstring")).otherwise(pl.lit("glute"))
        return table.with_columns(answer.cast(table.schema["self_dx"]).alias("self_dx"))

    found = index_claim(claim("H14"), changed(300, {"episode": told}))
    assert found.term == "supported"
    assert (NOT_ROBUST.lower() in found.ground.lower()) is says


def test_all_of_it_together_leaves_nobody_out_for_not_having_reached_it() -> None:
    # Grade: exact: with a look on the day itself asked of those who did not return, and of no others, the share would be that of
    # those who did. Looks four weeks around the week speak for it, as they do for every component.
    columns = {"hip_abd_lsi_pct": 95.0, "run_confidence": 8}
    cadence = pl.when(pl.col("day") == 0).then(160.0).otherwise(170.0).alias("cadence_spm")
    everything = {
        "visit": lambda table: table.with_columns(
            cadence, *(pl.lit(value).cast(table.schema[one]).alias(one) for one, value in columns.items())
        ).with_columns(pl.when(pl.col("day") > 170).then(pl.col("day") - 8).otherwise("day").alias("day")),
        "run_week": lambda table: table.filter(pl.col("day") < 175),
    }
    found = incidence_claim(claim("H15"), changed(300, everything))
    all_of_it = next(one for one in found.parts if one.part == TOGETHER)
    returned = found.parts[0]
    assert all_of_it.estimate is not None
    high = returned.bound_high if returned.estimate is None else returned.estimate
    assert high is not None
    assert all_of_it.estimate <= high + 0.05
