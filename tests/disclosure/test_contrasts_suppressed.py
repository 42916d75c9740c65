"""Differences of two strategies are told where enough stand behind them, and what rests on them gives no small count away."""

from __future__ import annotations

import itertools
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.analysis.strategies import loss_robustness as loss
from tendon_outcomes.analysis.strategies import sustained
from tendon_outcomes.results import Attrition, Results, Row, frame, suppress, suppress_all
from tendon_outcomes.results.disclosure_contrasts import SUSTAINED
from tendon_outcomes.results.disclosure_strategies import ABOUT_LOSS

K = 11
A, B = "loading_led", "stretching_led"
DAYS = (56, 84, 182)


def results(*rows: Row) -> Results:
    return Results(estimand="e", question="q", rows=frame(rows), attrition=Attrition())


def shown(*rows: Row) -> pl.DataFrame:
    return suppress(results(*rows), min_cell_count=K).rows


def row(statistic: str, **cells: object) -> Row:
    return Row(**{"estimator": "IPTW", "statistic": statistic, "estimate": 0.25, **cells})  # type: ignore[arg-type]


def milestones(
    strategy: str, events: list[int], at_risk: list[int], left: list[int | None], estimator: str = "IPTW"
) -> list[Row]:
    cells = zip(DAYS, at_risk, events, left, strict=True)
    curve = row("strategy_incidence", estimator=estimator, stratum=strategy, term="milestone")
    return [replace(curve, day=d, n_at_risk=r, n_events=e, n_censored=c) for d, r, e, c in cells]


def differences(estimator: str = "IPTW", term: str = "point treatment") -> list[Row]:
    made = row("incidence_difference", estimator=estimator, stratum=f"{A} - {B}", term=term, n_at_risk=144, n_events=60)
    return [replace(made, day=day) for day in DAYS]


def told(rows: pl.DataFrame, statistic: str) -> list[int]:
    return rows.filter(pl.col("statistic") == statistic, pl.col("estimate").is_not_null())["day"].unique().sort().to_list()


def test_few_still_followed_withhold_the_curve_and_not_the_difference() -> None:
    # Grade: exact: of 32 under stretching 7, 9 and 17 had reached it by weeks 8, 12 and 26; 15 had not, of whom 6 were followed.
    rows = shown(
        *milestones(A, [24, 33, 57], [77, 64, 24], [11, 15, 31]),
        *milestones(B, [7, 9, 17], [20, 17, 6], [5, 6, 9]),
        *differences(),
    )
    assert told(rows, "incidence_difference") == [182]
    assert told(rows.filter(pl.col("stratum") == B), "strategy_incidence") == []


@pytest.mark.parametrize(("reached", "others"), [(10, 30), (30, 10), (0, 40)])
def test_a_difference_with_few_behind_one_strategy_is_not_told(reached: int, others: int) -> None:
    # Grade: exact: enough are 11 with the endpoint and 11 without (reliability.md, 3.2), and nobody is not enough.
    rows = shown(
        *milestones(A, [0, 0, 50], [100, 100, 50], [0, 0, 0]),
        *milestones(B, [0, 0, reached], [40, 40, others], [0, 0, 0]),
        *differences(),
    )
    assert told(rows, "incidence_difference") == []


def test_what_was_done_and_what_was_prescribed_are_told_by_their_own_counts() -> None:
    # Grade: exact: the clones have enough by week 8 only, the prescribed by week 26 only.
    clones = [
        *milestones(A, [22, 25, 28], [65, 60, 9], [None] * 3, SUSTAINED[0]),
        *milestones(B, [14, 16, 17], [14, 9, 3], [None] * 3, SUSTAINED[0]),
    ]
    given_ = [*milestones(A, [2, 9, 57], [90, 80, 24], [0, 0, 8]), *milestones(B, [2, 9, 17], [30, 23, 6], [0, 0, 9])]
    rows = shown(*clones, *given_, *differences(), *differences("g-formula", "agreement"))
    assert told(rows.filter(pl.col("estimator") == "IPTW"), "incidence_difference") == [182]
    assert told(rows.filter(pl.col("estimator") == "g-formula"), "incidence_difference") == [56]


def test_the_estimators_of_what_was_done_are_all_named() -> None:
    # Grade: exact.
    assert set(SUSTAINED) == {sustained.CLONES, sustained.SEQUENTIAL, sustained.G_FORMULA}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(*(st.lists(st.integers(0, 30), min_size=3, max_size=3) for _ in range(2)), st.integers(0, 60))
def test_no_two_told_days_of_curves_or_differences_differ_by_a_small_count(one: list[int], other: list[int], rest: int) -> None:
    # Grade: exact: who knows one curve has the other from the difference, so that days of both count together.
    events = {A: list(itertools.accumulate(one)), B: list(itertools.accumulate(other))}
    curves = [
        row for name, of in events.items() for row in milestones(name, of, [rest + of[-1] - count for count in of], [0, 0, 0])
    ]
    rows = shown(*curves, *differences())
    both = told(rows, "incidence_difference")
    for name, of in events.items():
        days = {*both, *told(rows.filter(pl.col("stratum") == name), "strategy_incidence")}
        counts = sorted({0, *(of[DAYS.index(day)] for day in days)})
        assert not any(0 < b - a < K for a, b in itertools.pairwise(counts))


def test_a_tipping_point_goes_with_the_difference_that_it_starts_from() -> None:
    # Grade: exact: with nobody to change it repeats the difference of its day.
    point = row("tipping_point", stratum=A, term="t", day=84, n_at_risk=71, n_events=0)
    few = [*milestones(A, [24, 33, 57], [77, 64, 24], [0, 0, 0]), *milestones(B, [7, 9, 17], [20, 17, 6], [0, 0, 9])]
    enough = [*milestones(A, [24, 33, 57], [77, 64, 24], [0, 0, 0]), *milestones(B, [2, 20, 40], [80, 60, 40], [0, 0, 0])]
    assert told(shown(point, *few, *differences()), "tipping_point") == []
    assert told(shown(point, *enough, *differences()), "tipping_point") == [84]


@pytest.mark.parametrize(("lost", "days"), [(3, []), (0, [84]), (12, [84]), (88, [])])
def test_what_those_lost_could_change_is_told_where_how_many_they_are_is(lost: int, days: list[int]) -> None:
    # Grade: exact: the four extremes give the sum and the difference of the shares lost: 3 of 90, or the 2 kept of 90, are few.
    rows = [
        *milestones(A, [24, 40, 57], [77, 64, 24], [0, 0, 0]),
        *milestones(B, [2, 20, 40], [80, 60, 40], [0, 0, 0]),
        *(row("lost_share", stratum=one, day=84, n_at_risk=90, n_events=n) for one, n in ((A, 20), (B, lost))),
    ]
    for term in (loss.LOSS_WEIGHTED, loss.ALL_REACHED, loss.NONE_REACHED, loss.FAVOURING.format(A)):
        part = shown(*rows, replace(differences(term=term)[1]))
        assert told(part, "incidence_difference") == days, term
    other = shown(*rows, replace(differences(term="sensitivity: overlap population")[1]))
    assert told(other, "incidence_difference") == [84]
    assert pl.Series([loss.FAVOURING.format(B)]).str.contains(ABOUT_LOSS).all()


def test_the_strength_of_a_covariate_that_few_have_is_not_told() -> None:
    # Grade: exact: 4 runners of one strategy have the rarer value.
    rows = [*milestones(A, [24, 40, 57], [77, 64, 24], [0, 0, 0]), *milestones(B, [2, 20, 40], [80, 60, 40], [0, 0, 0])]
    strength = row("e_value", estimator="E-value", stratum=f"{A} - {B}", day=84, n_at_risk=144, n_events=60)
    balance = row("standardised_mean_difference", estimator="p", stratum="before", n_at_risk=144)
    made = [
        row
        for term, n in (("few", 4), ("many", 40))
        for row in (replace(strength, term=term), replace(balance, term=term, n_events=n))
    ]
    found = shown(*rows, *differences(), *made).filter(pl.col("statistic") == "e_value")
    assert found["estimate"].to_list() == [None, 0.25]


def test_clones_that_fit_both_strategies_are_told_while_these_and_the_others_are_enough() -> None:
    # Grade: exact: 236 of 240 leaves 4; 76; 8 is few; nobody; and 70 of 72 leaves 2.
    weeks = zip((7, 14, 21, 28), (236, 76, 8, 0), (240, 237, 234, 222), strict=True)
    part = [row("clone_overlap", estimator="count", day=d, n_events=n, n_at_risk=of, estimate=n / of) for d, n, of in weeks]
    assert shown(*part)["estimate"].to_list() == [None, 0.32, None, 0.0]


def test_an_effective_number_that_is_small_is_not_told() -> None:
    # Grade: exact: with equal weights 4.2 and 10.4 are counts; 11.6 is told as 10.
    part = [row("effective_sample_size", stratum=A, term=f"week {n}", estimate=n, n_at_risk=40) for n in (4.2, 10.4, 11.6)]
    assert shown(*part)["estimate"].to_list() == [None, None, 10.0]


def test_clones_that_reached_it_are_not_told_beside_nearly_as_many_of_all() -> None:
    # Grade: exact: 107 reached it, 102 of them as clones of a strategy: 5 had departed before. 46 may stand beside 107.
    whole = [
        row("count", estimator="count", term=term, n_events=n) for term, n in (("total", 240), ("event", 107), ("lost", 133))
    ]
    for reached, hidden in ((102, True), (46, False)):
        flow = {"cloned": 240, "other_regimen": 240 - reached - 40, "not_met": 40, "reached": reached}
        clones = [row("clone_flow", estimator="count", stratum=A, term=term, n_events=n) for term, n in flow.items()]
        rows = suppress_all([results(*whole), results(*clones)], min_cell_count=K)[1].rows
        assert (rows.filter(pl.col("term") == "reached")["n_events"][0] is None) == hidden
