"""Looks, charts and the whole answer over a history: nothing that was told is moved by what comes later."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis.audit.charts import charts
from tendon_outcomes.analysis.audit.cohorts import CohortCounts
from tendon_outcomes.analysis.audit.cusums import sum_distribution
from tendon_outcomes.analysis.audit.looks import Told, cohort_rows, first_told, look_rows, read_looks
from tendon_outcomes.analysis.audit.spread import funnel
from tendon_outcomes.cli.publish import answer_of
from tendon_outcomes.cohort import assemble_cohort
from tendon_outcomes.declarations import Protocol, declare, load_protocol, resolve, shipped
from tendon_outcomes.results import Results, Row, frame
from tendon_outcomes.snapshots import History, Look
from tendon_outcomes.snapshots.history import entered
from tendon_outcomes.synthetic.quarters import quarterly_exports

sys.path.append(str(Path(__file__).parents[1] / "simulation"))

from clinic_records import records_of

NAME = "meaningful_improvement_by_12_weeks"
OLD = ("cumulative_incidence", "verdict", "median_days", "restricted_mean_time_lost", "count", "lost_share")


@cache
def protocol() -> Protocol:
    """The shipped one, with fewer simulated series."""
    found = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declare())
    estimand = found.estimand(NAME)
    assert estimand.audit is not None
    quick = estimand.audit.entry.cusum.model_copy(update={"replicates": 200})
    entry = estimand.audit.entry.model_copy(update={"cusum": quick})
    return replace(found, estimands={**found.estimands, NAME: replace(estimand, audit=replace(estimand.audit, entry=entry))})


@cache
def whole() -> History:
    exports, _ = quarterly_exports(240, 13, seed=11)
    looks = [Look(one.quarter, one.as_of, f"s{i}", records_of(one.tables, declare()), "") for i, one in enumerate(exports)]
    return of(looks)


def of(looks: Sequence[Look]) -> History:
    names = [sorted(one.records.table("episode")["episode_id"].to_list()) for one in looks]
    return History(tuple(looks), entered(tuple(looks), names), first_is_open=bool(names[0]))


@cache
def told(quarters: int = 13) -> tuple[Told, ...]:
    return read_looks(of(whole().looks[:quarters]), protocol().estimand(NAME))


def rows(found: Sequence[Row], *statistics: str) -> list[Row]:
    return [row for row in found if row.statistic in statistics]


@cache
def answered(*, with_history: bool) -> Results:
    last = whole().looks[-1].records
    return answer_of("a4").answer(last, protocol(), history=whole() if with_history else None)  # type: ignore[no-any-return]


def test_a_later_look_moves_no_earlier_row() -> None:
    # Grade: exact (metamorphic), statistics.md §8: a later quarter never moves an earlier frozen limit.
    estimand = protocol().estimand(NAME)
    for make in (look_rows, charts):
        before, after = (
            {
                (row.statistic, row.stratum, row.term): row
                for row in make(told(quarters), estimand)
                if row.stratum.startswith("20")
            }
            for quarters in (12, 13)
        )
        assert before
        assert {key: after[key] for key in before} == before


def test_every_point_of_a_chart_is_the_cohort_as_it_was_first_told() -> None:
    # Grade: exact (two ways).
    first = first_told(told())
    points = {row.stratum: row for row in rows(list(charts(told(), protocol().estimand(NAME))), "p_chart")}
    assert {name: row.n_events for name, row in points.items()} == {name: one.improved for name, one in first.items()}
    for row in points.values():
        assert row.n_at_risk == first[row.stratum].improved + first[row.stratum].not_improved


def test_the_running_share_adds_the_mature_cohorts_up() -> None:
    # Grade: exact (two ways).
    last = next(row for row in reversed(list(look_rows(told(), protocol().estimand(NAME)))) if row.statistic == "look_share")
    total = told()[-1].total
    assert (last.n_at_risk, last.n_events, last.n_censored) == (total.n, total.improved, total.unknown)
    assert last.stratum == told()[-1].look.quarter


def test_limits_that_hold_at_every_look_are_the_wider_ones() -> None:
    # Grade: exact.
    found = list(look_rows(told(), protocol().estimand(NAME)))
    for sure, naive in zip(rows(found, "look_share"), rows(found, "look_share_naive"), strict=True):
        assert sure.stratum == naive.stratum
        assert (sure.conf_low or 0.0) <= (naive.conf_low or 0.0)
        assert (sure.conf_high or 0.0) >= (naive.conf_high or 0.0)


def test_cohorts_are_told_as_reported_and_as_known_now() -> None:
    # Grade: exact: what a report printed comes before what the records of that day would say today.
    looks = list(whole().looks)
    looks[3] = Look(looks[3].quarter, looks[3].as_of, "s3", looks[3].records, "x", reported={"2022Q1": (9, 4, 2)})
    found = list(cohort_rows(read_looks(of(looks), protocol().estimand(NAME)), protocol().estimand(NAME)))
    printed = next(row for row in found if row.stratum == "2022Q1" and row.term == "as reported")
    assert (printed.n_at_risk, printed.n_events, printed.n_censored) == (9, 4, 2)
    assert printed.estimate == pytest.approx(4 / 7)
    assert (printed.bound_low, printed.bound_high) == (pytest.approx(4 / 9), pytest.approx(6 / 9))
    immature = {row.stratum for row in found if row.statistic == "cohort_immature"}
    assert immature == {look.quarter for look in whole().looks[-2:]}
    assert not immature & {row.stratum for row in found if row.statistic == "cohort_share"}


def test_a_verdict_at_a_look_stands_until_the_contrary() -> None:
    # Grade: exact.
    estimand = protocol().estimand(NAME)
    look = whole().looks[0]
    people = told()[0].people

    def at(quarter: str, improved: int, n: int) -> Told:
        counts = CohortCounts(n, improved, n - improved, 0)
        return Told(Look(quarter, date(2030, 1, 1), "s", look.records, ""), people, {"2029Q1": counts}, {})

    found = rows(list(look_rows([at("2030Q1", 80, 100), at("2030Q2", 110, 200)], estimand)), "look_verdict")
    assert [row.term for row in found] == ["supported", "supported"]
    assert [bool(row.warning) for row in found] == [False, True]


def test_too_few_quarters_are_refused_with_the_number_that_would_do() -> None:
    # Grade: exact.
    found = list(charts(told(4), protocol().estimand(NAME)))
    assert {row.statistic for row in found} == {"refusal"}
    assert all("mature cohorts" in row.warning for row in found)
    assert rows(list(charts(told(10), protocol().estimand(NAME))), "p_chart")


def test_clinicians_stand_in_alphabetical_order_and_small_ones_are_not_told() -> None:
    # Grade: exact.
    estimand = protocol().estimand(NAME)
    cohort = assemble_cohort(whole().looks[-1].records, estimand.population)
    found = rows(list(funnel(cohort, told(), estimand)), "funnel")
    names = list(dict.fromkeys(row.stratum for row in found))
    assert names == sorted(names)
    assert all((row.n_at_risk or 0) >= 10 for row in found)


def test_a_sum_of_chances_has_the_distribution_of_all_its_outcomes() -> None:
    # Grade: exact: 0.2 and 0.5 by hand.
    assert sum_distribution(np.array([0.2, 0.5])).tolist() == pytest.approx([0.4, 0.5, 0.1])


def test_without_an_audit_the_answer_is_what_it_was() -> None:
    # Grade: exact (metamorphic): a protocol without an audit behaves as before, and one with it adds rows only.
    bare = replace(protocol(), estimands={**protocol().estimands, NAME: replace(protocol().estimand(NAME), audit=None)})
    before = answer_of("a4").answer(whole().looks[-1].records, bare)
    assert set(OLD) <= set(before.rows["statistic"])
    for with_history in (False, True):
        assert answered(with_history=with_history).rows.head(before.rows.height).equals(before.rows)


def test_one_snapshot_refuses_in_words_what_needs_a_history() -> None:
    # Grade: exact.
    found = answered(with_history=False).rows
    over_time = ("cohort_share", "look_share", "restatement", "run_chart", "p_chart", "cusum", "funnel")
    assert found.filter(pl.col("statistic").is_in(over_time)).is_empty()
    (refusal,) = found.filter(pl.col("stratum") == "history")["warning"].to_list()
    assert "two quarters" in refusal
    assert {"definition_verdict", "group_incidence", "tipping_point", "gain", "benchmark", "process"} <= set(found["statistic"])


def test_a_history_answers_everything() -> None:
    # Grade: exact: every kind of row of the audit.
    found = answered(with_history=True).rows
    everything = {
        "group_incidence", "definition_incidence", "definition_verdict", "median_verdict", "tipping_point", "cohort_share",
        "cohort_immature", "restatement", "look_share", "look_share_naive", "look_verdict", "p_chart", "ewma", "cusum",
        "cusum_run_length", "funnel", "shrunken_share", "gain", "benchmark", "process", "caution",
    }  # fmt: skip
    assert everything <= set(found["statistic"])


def test_restatement_adds_up_in_every_count() -> None:
    # Grade: exact.
    found = answered(with_history=True).rows.filter(pl.col("statistic") == "restatement")
    counts = ["n_at_risk", "n_events", "n_censored"]
    steps = found.filter(pl.col("term") != "total").group_by("stratum").agg(pl.col(counts).sum()).sort("stratum")
    assert steps.equals(found.filter(pl.col("term") == "total").select("stratum", *counts).sort("stratum"))


def test_the_whole_answer_is_the_same_twice() -> None:
    # Grade: exact.
    again = answer_of("a4").answer(whole().looks[-1].records, protocol(), history=whole())
    assert again.rows.equals(answered(with_history=True).rows)


def test_rows_of_the_audit_fit_the_columns_of_results() -> None:
    # Grade: exact.
    assert frame(look_rows(told(), protocol().estimand(NAME))).columns == answered(with_history=True).rows.columns
