"""Claims of day 0, of incidence, of sessions, of durations and of strategies: each verdict against numbers that were put in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis.claims.finding import NEEDS_OTHER_RECORDS, NOT_ANSWERED, Judged, jointly_p, judged_by, together
from tendon_outcomes.analysis.claims.incidence import incidence_claim
from tendon_outcomes.analysis.claims.index_day import day_0, index_claim
from tendon_outcomes.analysis.claims.milestones import incidence_p
from tendon_outcomes.analysis.claims.prognosis import prognosis_claim
from tendon_outcomes.analysis.claims.question_verdict import verdict_claim
from tendon_outcomes.analysis.claims.sessions import session_claim
from tendon_outcomes.analysis.claims.shares import share_p
from tendon_outcomes.analysis.claims.strategies import strategies_claim
from tendon_outcomes.estimators.proportions import clopper_pearson, wilson
from tendon_outcomes.results import Results, Row
from tendon_outcomes.vocabulary import Verdict
from tests.spec.claims_fixture import Change, answered, argued, changed, claim, setting

MI, STRATEGIES = "meaningful_improvement_by_12_weeks", "stretching_versus_loading"
CONTRAST = "loading_led - stretching_led"


def put(**cells: object) -> dict[str, Change]:
    """A change of the episode table."""
    return {"episode": lambda table: table.with_columns(pl.lit(value).alias(name) for name, value in cells.items())}


# --- The rules


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [
        (0.51, 0.70, "supported", "refuted"),
        (0.30, 0.49, "refuted", "supported"),
        (0.50, 0.70, "inconclusive", "inconclusive"),
        (0.30, 0.50, "inconclusive", "inconclusive"),
        (0.40, 0.60, "inconclusive", "inconclusive"),
        (None, 0.60, "not answered", "not answered"),
        (0.40, None, "not answered", "not answered"),
    ],
)
def test_a_side_is_judged_by_the_whole_interval(low: float | None, high: float | None, above: str, below: str) -> None:
    # Grade: exact, the rule of claim H1 (domain dossier §1e) and its mirror.
    assert (judged_by(low, high, 0.5, "above").value, judged_by(low, high, 0.5, "below").value) == (above, below)


def test_several_things_said_together() -> None:
    # Grade: exact: all pairs of verdicts; refuted by any, then not answered, then inconclusive, supported only by all.
    order = (Verdict.REFUTED, Verdict.NOT_ANSWERED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED)
    for i, one in enumerate(order):
        for j, other in enumerate(order):
            assert together([one, other]) is order[min(i, j)]
    assert together([]) is Verdict.NOT_ANSWERED


def test_the_p_value_of_several_things_is_the_largest() -> None:
    # Grade: published, Berger (1982): intersection-union. One part without a p-value leaves the claim without.
    parts = [Judged(part="", estimator="", verdict=Verdict.SUPPORTED, p_value=p) for p in (0.01, 0.2)]
    assert jointly_p(parts) == 0.2
    assert jointly_p([*parts, Judged(part="", estimator="", verdict=Verdict.NOT_ANSWERED)]) is None
    assert jointly_p([*parts, Judged(part="", estimator="")]) == 0.2


def test_p_values_go_with_their_limits() -> None:
    # Grade: exact: a threshold on a limit has p = 0.05, by the score, by the exact tail and on the scale of the incidence.
    assert share_p(30, 50, wilson(30, 50).conf_low, exact=False) == pytest.approx(0.05)
    assert share_p(3, 50, clopper_pearson(3, 50).conf_high, exact=True) == pytest.approx(0.05)
    low, high = (1 - np.exp(-np.exp(np.log(-np.log(0.4)) + sign * 0.3)) for sign in (-1, 1))
    row = {"estimate": 0.6, "conf_low": float(low), "conf_high": float(high)}
    assert incidence_p(row, float(low), 0.95) == pytest.approx(0.05)
    assert incidence_p({**row, "conf_low": 0.0}, 0.5, 0.95) is None


# --- Day 0


def test_shares_of_day_0_are_counts_of_the_records() -> None:
    # Grade: exact, against the records: response to rest of the runners in the population, one episode a patient.
    own = setting(300)
    told = own.runners["rest_response"]
    kept = int(told.is_in(["slight", "full_then_recur"]).sum())
    found = index_claim(claim("H8"), own)
    assert found.lead is not None
    assert (found.lead.n, found.lead.n_events, found.lead.n_unknown) == (told.count(), kept, told.null_count())
    assert found.lead.estimate == pytest.approx(kept / told.count())
    assert found.term == "supported"


def test_never_is_refuted_by_full_responders() -> None:
    # Grade: exact: four in ten gone for good refute "never" whatever the other part says.
    def responds(table: pl.DataFrame) -> pl.DataFrame:
        gone = pl.int_range(pl.len()) % 10 < 4
        return table.with_columns(pl.when(gone).then(pl.lit("full")).otherwise(pl.lit("slight")).alias("rest_response"))

    found = index_claim(claim("H8"), changed(300, {"episode": responds}))
    assert found.term == "refuted"
    assert "Gone with rest and stayed away: refuted" in found.ground


def test_short_rests_are_left_out_where_their_length_is_on_record() -> None:
    # Grade: exact: of a rest of one week nothing is claimed.
    found = index_claim(claim("H8"), changed(300, put(rest_weeks=1.0)))
    assert found.term == NOT_ANSWERED
    assert found.lead is not None
    assert found.lead.n == 0


def test_the_gradient_is_paired_within_runners() -> None:
    # Grade: exact, against the records: fast less easy of the same runner, at least 2; the middle of the differences beside it.
    own = setting(300)
    entry = claim("H11").entry.index
    assert entry is not None
    read = day_0(own, entry.part[0])
    gradient = (read["nprs_run_fast"] - read["nprs_run_easy"]).drop_nulls()
    found = index_claim(claim("H11"), own)
    assert found.lead is not None
    assert (found.lead.n, found.lead.n_events) == (gradient.len(), int((gradient >= 2).sum()))
    middle = next(part for part in found.parts if part.estimator == "Hodges-Lehmann")
    assert middle.estimate is not None
    assert gradient.quantile(0.25) <= middle.estimate <= gradient.quantile(0.75)
    assert found.term == "supported"


def test_a_question_that_nobody_asked_leaves_the_claim_unanswered_and_says_which() -> None:
    # Grade: exact: the synthetic clinic asks about sitting, and neither how long pain lasts nor what it feels like.
    found = index_claim(claim("H12"), setting(300))
    assert found.term == NOT_ANSWERED
    assert "(linger_h)" in found.ground
    assert "(pain_quality)" in found.ground
    assert found.ground.endswith("It would take about 194 runners of whom it is known.")
    sitting = next(part for part in found.parts if part.part.startswith("pain when sitting"))
    assert sitting.verdict is Verdict.SUPPORTED
    assert found.p_value is None


def test_asked_in_full_the_same_claim_is_answered() -> None:
    # Grade: exact: lingering and a deep ache put in for everybody.
    asked = {
        "visit": lambda table: table.with_columns(
            pl.lit(5.0).alias("linger_h"), pl.lit("deep_ache;tightness").alias("pain_quality")
        )
    }
    found = index_claim(claim("H12"), changed(300, asked))
    assert found.term == "supported"
    assert found.p_value is not None


def test_nine_runners_have_no_share() -> None:
    # Grade: exact, statistics.md §6: fewer than 10.
    few = {"episode": lambda table: table.with_columns(pl.when(pl.int_range(pl.len()) < 9).then("self_dx").alias("self_dx"))}
    found = index_claim(claim("H14"), changed(300, few))
    assert found.term == NOT_ANSWERED
    assert found.lead is not None
    assert found.lead.estimate is None
    assert "fewer than 10" in found.ground


# --- Incidence


def verdict_row(term: str, estimate: float, low: float, high: float) -> Row:
    return Row(
        estimator="decision rule", statistic="verdict", stratum="t", term=term, day=84, estimate=estimate, conf_low=low,
        conf_high=high, n_at_risk=60, n_events=140, warning="supported if the lower limit is above 0.50",
    )  # fmt: skip


def test_the_verdict_of_the_question_is_taken_with_its_cautions() -> None:
    # Grade: exact: what the analysis of H1 found stands in the register, and so does that it hangs on those lost.
    median = Row(
        estimator="e",
        statistic="median_verdict",
        term="within",
        stratum="t",
        estimate=70.0,
        bound_low=56.0,
        bound_high=70.0,
        n_at_risk=200,
    )
    caution = Row(
        estimator="decision rule", statistic="caution", stratum="t", term="x", warning="The verdict is not robust to drop-out"
    )
    given = answered(MI, verdict_row("supported", 0.7, 0.62, 0.78), median, caution)
    found = verdict_claim(claim("H1"), replace(setting(300), answers=(given,)))
    assert found.term == "supported"
    assert found.lead is not None
    assert (found.lead.estimate, found.lead.conf_low, found.lead.day) == (0.7, 0.62, 84)
    assert "not robust to drop-out" in found.ground
    assert found.parts[0].estimate == 70.0
    assert found.parts[0].reason.startswith("within:")
    assert found.lead.n is None


def test_without_that_analysis_the_same_functions_answer() -> None:
    # Grade: exact: the register alone, and the register beside the analysis, tell the same verdict.
    from tendon_outcomes.cli.publish import answer_of

    own = setting(300)
    given: Results = answer_of("a4").answer(own.records, own.protocol)
    alone, beside = verdict_claim(claim("H1"), own), verdict_claim(claim("H1"), replace(own, answers=(given,)))
    assert (alone.term, alone.lead) == (beside.term, beside.lead)
    assert alone.lead is not None
    assert alone.lead.n is not None
    assert alone.lead.n_events is not None
    assert alone.lead.n > alone.lead.n_events > 0


def test_a_refused_verdict_is_a_refusal_with_its_reason() -> None:
    # Grade: exact: the refusal of the week of the decision, not of another week.
    refusals = [
        Row(estimator="e", statistic="refusal", stratum="t", term="beyond", day=day, warning=f"week {day // 7} is refused")
        for day in (56, 84)
    ]
    found = verdict_claim(claim("H1"), replace(setting(300), answers=(answered(MI, *refusals),)))
    assert found.term == NOT_ANSWERED
    assert found.ground.startswith("Week 12 is refused.")
    assert found.ground.endswith("It would take about 194 runners followed to the week.")


def test_components_stand_beside_the_return_and_never_alone() -> None:
    # Grade: exact: strength and confidence put in at every visit, mechanics not: the claim is not answered, its parts are told.
    columns = ("hip_abd_lsi_pct", "hip_ext_lsi_pct", "knee_flex_lsi_pct")
    strong = {
        "visit": lambda table: table.with_columns(
            *(pl.lit(95.0).alias(one) for one in columns), pl.lit(8).alias("run_confidence")
        )
    }
    own = changed(300, strong)
    found = incidence_claim(claim("H15"), own)
    assert found.term == NOT_ANSWERED
    told = {part.part: part for part in found.parts}
    strength = told["every measured strength at least 90 % of the other side"]
    assert strength.estimate == 1.0
    assert strength.verdict is Verdict.SUPPORTED
    assert "all of these together" not in told
    assert found.lead is not None
    assert found.lead.part == "pain-free running (PFR-2) by week 26"


def test_all_of_it_in_one_runner_is_told_next_to_its_parts() -> None:
    # Grade: exact: with every component held by everybody, all of it together is the share who run pain-free by week 26 among
    # those of whom everything is known.
    columns = {"hip_abd_lsi_pct": 95.0, "run_confidence": 8}
    cadence = pl.when(pl.col("day") == 0).then(160.0).otherwise(170.0).alias("cadence_spm")
    everything = {
        "visit": lambda table: table.with_columns(
            cadence, *(pl.lit(value).cast(table.schema[one]).alias(one) for one, value in columns.items())
        )
    }
    found = incidence_claim(claim("H15"), changed(300, everything))
    together_ = next(part for part in found.parts if part.part == "all of these together")
    assert together_.verdict is None
    assert together_.n is not None
    assert together_.n_events is not None
    assert 0 < together_.n_events < together_.n
    assert found.term in ("supported", "inconclusive")
    assert [part.verdict for part in found.parts[1:4]] == [Verdict.SUPPORTED] * 3


def test_a_year_is_told_as_far_as_it_was_followed() -> None:
    # Grade: exact: week 52 of a clinic whose visits end at week 26 has bounds and no point, week 26 two readings of last passes
    # that nobody confirmed; only the week of the claim is judged.
    found = incidence_claim(claim("H16"), setting(300))
    year, half = found.parts
    assert (year.day, half.day) == (364, 182)
    assert year.estimate is None
    assert "depends on whether last passes" in half.reason
    assert year.conf_low is not None
    assert half.conf_low is not None
    assert half.verdict is None
    assert found.p_value is None


# --- Sessions


def with_pain(drop_after_iso: int) -> dict[str, Change]:
    """Pain on the load test before and after each session: isometrics lower it, the others leave it."""
    fall = pl.when(pl.col("modality") == "iso").then(drop_after_iso).otherwise(0)
    return {
        "session": lambda table: table.with_columns(pl.lit(6).alias("nprs_pre"), (6 - fall).cast(pl.Int64).alias("nprs_post"))
    }


def test_pain_within_sessions_is_counted_by_runner() -> None:
    # Grade: exact: a fall of 3 after every isometric session and of 0 after every other: share 1, mean 3, 3 more than others.
    own = changed(300, with_pain(3))
    found = session_claim(argued("H9"), own)
    assert found.term == "supported"
    often, far = found.parts[:2]
    assert (often.estimate, far.estimate) == (1.0, 3.0)
    iso = own.cohort.tables["session"].filter(pl.col("modality") == "iso", pl.col("completed_frac") > 0)
    people = iso.join(own.cohort.episodes, on="episode_id")["patient_id"].n_unique()
    assert often.n == people
    assert session_claim(claim("H9"), own).term == NOT_ANSWERED


def test_a_fall_of_one_point_does_not_count() -> None:
    # Grade: exact: the smallest difference that counts is 2.
    found = session_claim(argued("H9"), changed(300, with_pain(1)))
    assert found.term == "refuted"
    assert found.parts[0].estimate == 0.0


def test_pain_that_nobody_asked_about_is_named() -> None:
    # Grade: exact: the synthetic clinic has pain during sessions only.
    found = session_claim(claim("H9"), setting(300))
    assert found.term == NOT_ANSWERED
    assert "(nprs_pre, nprs_post)" in found.ground
    assert found.lead is None


# --- Durations and strategies


def test_two_durations_are_compared_on_the_curve_over_all() -> None:
    # Grade: exact: minus the difference of the shorter from the longer; the three parts of the claim; words of association.
    found = prognosis_claim(claim("H2"), setting(300))
    assert [part.day for part in found.parts] == [84, 182, 182]
    assert found.ground.startswith("As an association:")
    assert found.lead is not None
    assert found.lead.conf_low is not None
    assert found.lead.conf_high is not None
    expected = "supported" if found.lead.conf_high < 0 else "refuted" if found.lead.conf_low > 0 else "inconclusive"
    assert found.term == expected


def test_few_runners_have_no_curve_over_durations() -> None:
    # Grade: exact, statistics.md §6: the refusal of the curve is the refusal of the claim.
    found = prognosis_claim(claim("H2"), setting(40))
    assert found.term == NOT_ANSWERED
    assert found.ground.startswith("No curve over durations")
    assert "It would take about" in found.ground


def compared(word: str, reason: str = "") -> Results:
    difference = Row(
        estimator="clone-censor-weight",
        statistic="incidence_difference",
        stratum=CONTRAST,
        term="primary",
        day=84,
        estimate=0.12,
        std_error=0.04,
        conf_low=0.03,
        conf_high=0.21,
        n_at_risk=200,
        n_events=90,
    )
    laxer = replace(difference, term="point treatment", estimator="IPTW", estimate=0.3)
    wording = Row(estimator="identification", statistic="causal_wording", stratum=CONTRAST, term=word, warning=reason)
    crossed = replace(difference, statistic="crossover_difference", stratum="days", term="nprs_24h", day=None, estimate=0.8)
    return answered(STRATEGIES, laxer, difference, wording, crossed)


def test_the_comparison_is_turned_to_the_direction_of_the_claim() -> None:
    # Grade: exact, by hand: loading less stretching 0.12 (0.03 to 0.21) is stretching less loading -0.12 (-0.21 to -0.03); the
    # sustained strategies lead; pain after stretching stands beside it.
    found = strategies_claim(claim("H3"), replace(setting(300), answers=(compared("causal"),)))
    assert found.lead is not None
    assert (found.lead.estimate, found.lead.conf_low, found.lead.conf_high) == (-0.12, -0.21, -0.03)
    assert found.lead.estimator == "clone-censor-weight"
    assert found.term == "supported"
    assert found.parts[-1].estimate == 0.8


def test_an_association_answers_no_causal_claim() -> None:
    # Grade: exact, statistics.md §6, rail "causal words": the reasons of the comparison are those of the claim.
    given = compared("association", "nobody measured frailty")
    found = strategies_claim(claim("H3"), replace(setting(300), answers=(given,)))
    assert found.term == NOT_ANSWERED
    assert found.ground.startswith("Not identified as cause and effect: nobody measured frailty. As an association: supported")


def test_small_comparisons_are_refused_with_the_number_that_would_do() -> None:
    # Grade: exact: 785 runners tell ten in a hundred; with 15 nothing is compared.
    for name in ("H3", "H4"):
        found = strategies_claim(claim(name), setting(15))
        assert found.term == NOT_ANSWERED
        assert found.ground.endswith("It would take about 785 runners, half under either strategy.")


def test_loading_against_rest_is_a_comparison_of_its_own() -> None:
    # Grade: exact: the analysis of stretching and loading answers another question; its rows do not stand for this one.
    found = strategies_claim(claim("H4"), replace(setting(300), answers=(compared("causal"),)))
    assert found.lead is not None
    assert found.lead.estimate != pytest.approx(0.12)
    assert "loading-led less modification-only" in found.lead.part


def test_claims_that_need_other_records_say_which() -> None:
    # Grade: published, domain dossier §1e H10, H13, H19.
    from tendon_outcomes.analysis.claims.finding import needs_other_records

    words = {"H10": "not identified", "H13": "runners with strains", "H19": "runners who did not get it"}
    for name, said in words.items():
        found = needs_other_records(claim(name))
        assert (found.term, found.lead) == (NEEDS_OTHER_RECORDS, None)
        assert said in found.ground
