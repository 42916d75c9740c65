"""The parts of the audit that one snapshot answers: the lost, groups, definitions, gain, process, the second reading."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis import recovery
from tendon_outcomes.analysis.audit.definitions import definitions
from tendon_outcomes.analysis.audit.expected import rates, risk_model, time_in_pieces
from tendon_outcomes.analysis.audit.groups import group_incidence, labelled
from tendon_outcomes.analysis.audit.lost import in_words, tipping_point, turning_point
from tendon_outcomes.analysis.audit.process import process
from tendon_outcomes.analysis.audit.regression_to_mean import benchmarks, expected_gain, gains
from tendon_outcomes.analysis.verdict import second_reading, verdict
from tendon_outcomes.cohort import Cohort, FollowUp, ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand, declare, load_protocol, resolve, shipped
from tendon_outcomes.declarations.audit import Audit, AuditEntry
from tendon_outcomes.results import Row
from tendon_outcomes.synthetic import simulate_clinic
from tendon_outcomes.vocabulary import Verdict

sys.path.append(str(Path(__file__).parents[1] / "simulation"))

from clinic_records import records_of

ORDER = (Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED)
WEEKS = (8, 12)


@cache
def asked() -> tuple[Estimand, Audit]:
    estimand = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declare()).estimand(
        "meaningful_improvement_by_12_weeks"
    )
    assert estimand.audit is not None
    return estimand, estimand.audit


@cache
def clinic() -> tuple[Cohort, FollowUp]:
    cohort = assemble_cohort(records_of(simulate_clinic(200, seed=3).tables, declare()), asked()[0].population)
    return cohort, ascertain(cohort, asked()[0].endpoint, horizon_weeks=26)


@pytest.mark.parametrize("lost", range(6))
def test_the_turning_point_is_the_one_that_trying_every_number_finds(lost: int) -> None:
    # Grade: exact: every way in which the verdict can rise with the number improved.
    for path in combinations_with_replacement(ORDER, lost + 1):
        for found in ORDER:
            turn = turning_point(found, lost, lambda number, path=path: path[number])  # type: ignore[misc]
            if found is Verdict.SUPPORTED:
                tried = [number for number in range(lost + 1) if path[number] is not found]
                expected = max(tried, default=None)
            else:
                expected = min(
                    (number for number in range(lost + 1) if ORDER.index(path[number]) > ORDER.index(found)), default=None
                )
            assert turn.improved == (expected if lost else None)


def test_the_turning_point_in_words() -> None:
    # Grade: exact.
    assert in_words(Verdict.SUPPORTED, turning_point(Verdict.SUPPORTED, 4, lambda number: ORDER[1 + (number > 1)])) == (
        "inconclusive if no more than 25 in 100 of the lost had improved"
    )
    assert "nobody was lost" in in_words(Verdict.REFUTED, turning_point(Verdict.REFUTED, 0, lambda _: Verdict.REFUTED))
    assert "whatever became" in in_words(Verdict.REFUTED, turning_point(Verdict.REFUTED, 3, lambda _: Verdict.REFUTED))


def test_the_tipping_point_counts_those_lost_before_week_12() -> None:
    # Grade: exact: lost on the grid before day 84.
    strata = recovery.fit_strata(clinic()[1], grid=asked()[0].grid)
    verdicts = tuple(verdict(tuple(recovery.cumulative_incidence(strata, at_weeks=WEEKS)), asked()[0].decision))
    (row,) = tipping_point(strata, verdicts, asked()[0].decision)
    assert row.n_events == int(np.count_nonzero(strata[0].data.lost & (strata[0].data.left < 84)))
    assert row.n_at_risk == strata[0].data.n
    assert tuple(tipping_point(strata, verdicts, None)) == ()


def test_groups_stand_in_alphabetical_order_and_durations_in_that_of_time() -> None:
    # Grade: exact: never a league table.
    rows = list(group_incidence(*clinic(), *_entry(), at_weeks=WEEKS))
    strata = list(dict.fromkeys(row.stratum for row in rows))
    clinicians = [name for name in strata if name.startswith("clinician")]
    durations = [name for name in strata if name.startswith("duration")]
    assert clinicians == sorted(clinicians)
    assert durations[-2:] == ["duration: 26-52 weeks", "duration: 52 weeks or more"]
    assert not [name for name in strata if name.startswith("site")]  # there is but one
    assert {row.statistic for row in rows} <= {"group_incidence", "refusal"}


def test_a_small_group_is_not_told_and_its_size_neither() -> None:
    # Grade: exact.
    estimand, audit = asked()
    whole = list(group_incidence(*clinic(), estimand, audit.entry.model_copy(update={"min_group": 10_000}), at_weeks=WEEKS))
    assert {row.statistic for row in whole} == {"refusal"}
    assert all(row.n_at_risk is None and row.n_events is None for row in whole)


def test_a_duration_on_an_edge_belongs_to_the_longer_band() -> None:
    # Grade: exact.
    cohort = replace(
        clinic()[0], episodes=pl.DataFrame({"episode_id": ["a", "b", "c"], "symptom_duration_wk": [12.0, 11.9, None]})
    )
    found = labelled(cohort, "duration", asked()[1].entry)
    assert found["label"].to_list() == ["duration: 12-26 weeks", "duration: 4-12 weeks"]


def test_the_primary_definition_tried_among_the_others_is_the_primary_answer() -> None:
    # Grade: exact (two ways).
    estimand, audit = asked()
    rows = list(definitions(clinic()[0], estimand, audit.definitions, at_weeks=WEEKS))
    first = next(row for row in rows if row.stratum == "definition: MI-1" and row.day == 84)
    strata = recovery.fit_strata(clinic()[1], grid=estimand.grid, conf_level=estimand.conf_level)
    primary = next(row for row in recovery.cumulative_incidence(strata, at_weeks=(12,)) if row.term == "milestone")
    assert replace(first, statistic="", stratum="") == replace(primary, statistic="", stratum="")
    unanswered = [row for row in rows if row.statistic == "definition_verdict" and row.term == Verdict.NOT_ANSWERED]
    assert [row.stratum for row in unanswered] == ["definition: MI-3", "definition: MI-3, uwri_gain_5"]  # nobody asks UWRI here


def test_regression_to_the_mean_by_hand() -> None:
    # Grade: exact: correlation 0.9, a population mean of 44 and a mean of 40 give a tenth of 4.
    assert expected_gain(40.0, population_mean=44.0, correlation=0.9) == pytest.approx(0.4)
    assert expected_gain(44.0, population_mean=44.0, correlation=0.5) == 0.0


def test_the_gain_is_that_of_runners_measured_twice() -> None:
    # Grade: exact (two ways).
    estimand, audit = asked()
    assert audit.score is not None
    assert audit.entry.reliability is not None
    observed, expected = gains(*clinic(), audit.score, audit.entry.reliability, conf_level=0.95)
    assert observed.term == "VISA-H at 12 weeks"
    assert observed.conf_low is not None
    assert observed.estimate is not None
    assert observed.conf_low < observed.estimate
    assert expected.n_at_risk == observed.n_at_risk
    assert estimand.conf_level == 0.95


def test_benchmarks_are_those_published() -> None:
    # Grade: published, LEAP (Mellor 2018): 20 of 68; Wilson limits by hand.
    leap = next(iter(benchmarks(asked()[1].entry.benchmark, conf_level=0.95)))
    assert leap.estimate == pytest.approx(20 / 68)
    assert (leap.conf_low, leap.conf_high) == (pytest.approx(0.1992, abs=1e-4), pytest.approx(0.4111, abs=1e-4))


def test_process_measures_are_shares_of_those_who_are_mature() -> None:
    # Grade: exact.
    mature = clinic()[1].episodes.select("episode_id")
    rows = {row.term: row for row in process(*clinic(), asked()[1], mature=mature, conf_level=0.95)}
    assert {"visits attended", "adherence", "onset to first loading", "completeness: disability"} <= set(rows)
    assert all(0.0 <= (row.estimate or 0.0) <= 1.0 for term, row in rows.items() if term != "onset to first loading")
    (refusal,) = process(*clinic(), asked()[1], mature=mature.head(5), conf_level=0.95)
    assert refusal.statistic == "refusal"


def test_the_second_reading_rests_on_the_limits_of_the_median() -> None:
    # Grade: exact.
    median = Row(estimator="x", statistic="median_days", estimate=84.0, conf_low=56.0, conf_high=84.0)
    (row,) = second_reading([median], asked()[0].decision)
    assert (row.statistic, row.term) == ("median_verdict", "within")
    assert tuple(second_reading([median], None)) == ()


def test_rates_of_the_baseline_expect_as_many_events_as_it_had() -> None:
    # Grade: exact: the sum of cumulative rates over those they were estimated from is their number of events.
    people = pl.DataFrame({"left": [28, 56, 0, 84], "right": [35, None, 86, None], "code": [0, 2, 0, 1]})
    found = rates(people, asked()[1].entry.cusum, day=84, window_days=3)
    assert found.expected(np.array([35.0, 56.0, 84.0, 84.0])).sum() == pytest.approx(2.0)
    assert time_in_pieces(np.array([35.0]), np.array([0.0, 28.0, 56.0, 84.0])).tolist() == [[28.0, 7.0, 0.0]]


def test_a_risk_model_gives_columns_up_before_it_overfits() -> None:
    # Grade: exact: ten improved and ten not for each column.
    rng = np.random.default_rng(1)
    n = 45
    people = pl.DataFrame(
        {
            "state": ["improved"] * 30 + ["not_improved"] * 15,
            "visa_h_total": rng.normal(40, 10, n),
            "symptom_duration_wk": rng.normal(40, 10, n),
            "age_y": rng.normal(40, 10, n),
        }
    )
    found = risk_model(people, asked()[1].entry.cusum)
    assert found.columns == ("visa_h_total",)
    assert found.risk(people).sum() == pytest.approx(30.0)
    assert risk_model(people.tail(24), asked()[1].entry.cusum).columns == ()


def _entry() -> tuple[Estimand, AuditEntry]:
    return asked()[0], asked()[1].entry
