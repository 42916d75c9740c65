"""Nothing from 1 to k - 1 is shown, and nothing that is shown gives such a count away by subtraction."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import TendonOutcomesError, WrongUse
from tendon_outcomes.results import (
    Attrition,
    Results,
    Row,
    Step,
    frame,
    suppress,
    suppress_all,
    suppress_flow,
    suppress_parts,
    tellable_totals,
)

K = 11


def small(count: int) -> bool:
    return 0 < count < K


def results(*rows: Row, flow: Attrition | None = None) -> Results:
    return Results(estimand="e", question="q", rows=frame(rows), attrition=flow or Attrition())


def flow_of(exclusions: list[int], start: int) -> Attrition:
    flow = Attrition()
    for number, excluded in enumerate(exclusions):
        flow = flow.then(f"step {number}", n_before=start, n_after=start - excluded)
        start -= excluded
    return flow


def tellable_of(flow: Attrition) -> frozenset[int]:
    """What `suppress_all` allows one flow alone: the analysed first, then from the end to the start."""
    inner = [step.n_after for step in reversed(flow.steps)] + [flow.steps[0].n_before]
    return tellable_totals([flow.n_end or 0], [n for n in inner if n is not None], K)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(0, 300))
def test_no_difference_of_two_published_totals_of_the_flow_is_small(exclusions: list[int], end: int) -> None:
    # Grade: exact (an attacker who subtracts every pair of published totals).
    flow = flow_of(exclusions, sum(exclusions) + end)
    shown = suppress_flow(flow, tellable_of(flow))
    totals = {n for step in shown.steps for n in (step.n_before, step.n_after) if n is not None}
    assert not any(small(abs(a - b)) for a, b in itertools.combinations(totals, 2))
    assert not any(small(step.n_excluded) for step in shown.steps if step.n_excluded is not None)
    assert not any(small(n) for n in totals)
    if not small(end):
        assert shown.n_end == flow.n_end, "how many were analysed is told"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=7))
def test_withheld_parts_cannot_be_had_from_the_total(parts: list[int]) -> None:
    # Grade: exact (the attacker knows the total and every published part).
    hidden = suppress_parts(parts, K)
    assert not any(small(part) for part, gone in zip(parts, hidden, strict=True) if not gone)
    rest = sum(part for part, gone in zip(parts, hidden, strict=True) if gone)
    others_left = any(part > 0 and not gone for part, gone in zip(parts, hidden, strict=True))
    if any(hidden) and others_left:
        assert rest >= K
        assert sum(hidden) > 1


def test_large_parts_are_left_alone() -> None:
    # Grade: exact.
    assert suppress_parts([20, 30, 0, 11], K) == [False] * 4


def incidence_rows(days: list[tuple[int, int, int, str]], n: int) -> list[Row]:
    rows = []
    for day, events, left, term in days:
        rows.append(
            Row(
                estimator="npmle",
                statistic="cumulative_incidence",
                term=term,
                day=day,
                estimate=events / n,
                conf_low=0.0,
                conf_high=1.0,
                n_at_risk=n - events - left,
                n_events=events,
                n_censored=left,
            )
        )
    return rows


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), min_size=26, max_size=26), st.integers(1, 400))
def test_no_two_published_days_of_a_curve_differ_by_a_small_count(steps: list[tuple[int, int]], rest: int) -> None:
    # Grade: exact (the attacker subtracts any two published days and the final counts).
    events = left = 0
    n = sum(a + b for a, b in steps) + rest
    days = []
    for week, (new_events, new_left) in enumerate(steps, start=1):
        events, left = events + new_events, left + new_left
        days.append((7 * week, events, left, "curve"))
        if week in (8, 12, 26):
            days.append((7 * week, events, left, "milestone"))
    counts = [
        Row(estimator="count", statistic="count", term="total", n_events=n),
        Row(estimator="count", statistic="count", term="event", n_events=events),
        Row(estimator="count", statistic="count", term="administrative", n_events=rest),
        Row(estimator="count", statistic="count", term="lost", n_events=left),
    ]
    shown = suppress(results(*incidence_rows(days, n), *counts), min_cell_count=K).rows
    curve = shown.filter(pl.col("statistic") == "cumulative_incidence", pl.col("estimate").is_not_null())
    for name in ("n_events", "n_censored", "n_at_risk"):
        shown_counts = set(curve[name].drop_nulls().to_list())
        published = sorted(shown_counts if name == "n_at_risk" else {0, *shown_counts})
        assert not any(small(b - a) for a, b in itertools.pairwise(published)), name
    final = dict(shown.filter(pl.col("statistic") == "count").select("term", "n_events").iter_rows())
    if final.get("event") is not None:
        assert not any(small(final["event"] - count) for count in curve.filter(term="milestone")["n_events"].to_list())
    withheld = shown.filter(pl.col("estimate").is_null() & (pl.col("term") == "milestone"))
    assert withheld["conf_low"].is_null().all()
    assert withheld["warning"].str.contains("withheld").all()


def test_a_week_is_told_without_its_departures_rather_than_not_at_all() -> None:
    # Grade: exact: 20 recovered between weeks 8 and 12, but only 7 left; both shares are told, and departures once.
    days = [(56, 51, 20, "milestone"), (84, 71, 27, "milestone"), (182, 124, 68, "milestone")]
    shown = suppress(results(*incidence_rows(days, 238)), min_cell_count=K).rows
    assert shown["n_events"].to_list() == [51, 71, 124]
    assert shown["estimate"].null_count() == 0
    assert shown["n_censored"].to_list() == [None, 27, 68]
    assert shown["n_at_risk"].to_list() == [None, 140, 46]


def test_the_week_of_the_decision_is_told_before_another() -> None:
    # Grade: exact: 5 events between weeks 8 and 12 allow only one of them; the rule asks for week 12. Without a rule too.
    days = [(56, 60, 0, "milestone"), (84, 65, 0, "milestone")]
    rule = Row(
        estimator="rule", statistic="verdict", term="refuted", day=84, conf_low=0.1, conf_high=0.3, n_at_risk=135, n_events=65
    )
    shown = suppress(results(*incidence_rows(days, 200), rule), min_cell_count=K)
    assert shown.select("cumulative_incidence")["n_events"].to_list() == [None, 65]
    assert shown.select("verdict")["conf_high"].to_list() == [0.3]


def test_a_verdict_loses_its_numbers_with_its_milestone() -> None:
    # Grade: exact: week 12 is not told, because fewer than 11 are still followed then.
    days = [(56, 60, 0, "milestone"), (84, 195, 0, "milestone")]
    rule = Row(
        estimator="rule", statistic="verdict", term="supported", day=84, estimate=0.97, conf_low=0.9, n_at_risk=20, n_events=195
    )
    shown = suppress(results(*incidence_rows(days, 200), rule), min_cell_count=K).select("verdict").row(0, named=True)
    assert shown["term"] == "supported"
    assert (shown["estimate"], shown["conf_low"], shown["n_events"]) == (None, None, None)


def test_another_reading_falls_with_the_primary_one() -> None:
    # Grade: exact.
    days = [(56, 60, 0, "milestone"), (84, 65, 0, "milestone")]
    naive = [
        Row(
            estimator="aj",
            statistic="naive_cumulative_incidence",
            term="milestone",
            day=day,
            estimate=0.3,
            n_at_risk=100,
            n_events=50,
        )
        for day in (56, 84)
    ]
    shown = suppress(results(*incidence_rows(days, 200), *naive), min_cell_count=K)
    assert shown.select("naive_cumulative_incidence")["estimate"].to_list() == [None, 0.3]


def test_an_estimate_goes_with_its_small_numerator() -> None:
    # Grade: exact: 5 of 40 is 12.5 %, and 12.5 % of 40 is 5.
    row = incidence_rows([(56, 5, 0, "milestone")], 40)[0]
    shown = suppress(results(row), min_cell_count=K).rows.row(0, named=True)
    assert shown["estimate"] is None
    assert shown["n_events"] is None
    assert "fewer than 11" in shown["warning"]


def test_a_verdict_on_small_numbers_is_not_shown() -> None:
    # Grade: exact.
    row = Row(estimator="rule", statistic="verdict", term="refuted", n_at_risk=30, n_events=4, conf_low=0.1, conf_high=0.4)
    shown = suppress(results(row), min_cell_count=K).rows.row(0, named=True)
    assert shown["term"] == "not shown"
    assert shown["conf_high"] is None


def test_a_running_count_close_to_its_final_count_is_withheld() -> None:
    # Grade: exact: 38 lost before week 12 of 45 in all tells that 7 were lost later.
    rows = [
        Row(estimator="count", statistic="count", term="total", n_events=300),
        Row(estimator="count", statistic="count", term="lost", n_events=45),
        Row(estimator="count", statistic="count", term="event", n_events=255),
        Row(estimator="Wilson", statistic="lost_share", day=84, estimate=38 / 300, n_at_risk=300, n_events=38),
    ]
    shown = suppress(results(*rows), min_cell_count=K)
    assert shown.select("lost_share")["estimate"].to_list() == [None]


def test_other_readings_of_the_cohort_lose_their_counts() -> None:
    # Grade: exact: 57 by visit date beside 60 by interval would tell of 3 runners.
    rows = [
        Row(estimator="aj", statistic=name, term="milestone", day=84, estimate=0.3, n_at_risk=100, n_events=57)
        for name in ("naive_cumulative_incidence", "sensitivity_cumulative_incidence")
    ]
    shown = suppress(results(*incidence_rows([(84, 60, 0, "milestone")], 200), *rows), min_cell_count=K).rows[1:]
    assert shown["n_events"].to_list() == [None, None]
    assert shown["estimate"].to_list() == [0.3, 0.3]


def test_flows_of_one_report_are_told_together() -> None:
    # Grade: exact: 120 analysed in one and 115 in the other would tell of 5; the second loses its counts, not its estimate.
    first = results(*incidence_rows([(84, 60, 20, "milestone")], 120), flow=flow_of([0], 120))
    second = results(*incidence_rows([(84, 58, 20, "milestone")], 115), flow=flow_of([0], 115))
    one, other = suppress_all([first, second], min_cell_count=K)
    assert one.rows["n_events"].to_list() == [60]
    assert other.attrition.n_end is None
    assert other.rows["n_events"].to_list() == [None]
    assert other.rows["estimate"].to_list() == [0.5]


def test_what_intake_tells_belongs_to_it() -> None:
    # Grade: exact: 300 accepted at intake and 295 after the first step would tell of 5 left out.
    [one] = suppress_all([results(flow=flow_of([5, 20], 300))], min_cell_count=K, totals=[300])
    assert [(step.n_before, step.n_after) for step in one.attrition.steps] == [(300, 275)]


def test_estimates_are_rounded_so_that_they_give_no_count_back() -> None:
    # Grade: exact: shares to whole percent, limits outward; 71/238 = 0.2983.
    row = Row(
        estimator="npmle",
        statistic="cumulative_incidence",
        term="milestone",
        day=84,
        estimate=71 / 238,
        std_error=0.0312,
        conf_low=0.2571,
        conf_high=0.3789,
        n_at_risk=140,
        n_events=71,
        n_censored=27,
    )
    shown = suppress(results(row), min_cell_count=K).rows.row(0, named=True)
    assert (shown["estimate"], shown["std_error"], shown["conf_low"], shown["conf_high"]) == (0.30, 0.03, 0.25, 0.38)


def test_an_unknown_statistic_is_refused() -> None:
    # Grade: exact. History: what had no rule of its own passed with its counts.
    with pytest.raises(TendonOutcomesError):
        suppress(results(Row(estimator="e", statistic="something_new")), min_cell_count=K)


def test_many_milestones_take_no_time() -> None:
    # Grade: exact. History: 26 milestones were tried in every combination.
    rows = incidence_rows([(7 * week, 12 * week, 0, "milestone") for week in range(1, 53)], 2000)
    assert suppress(results(*rows), min_cell_count=K).rows["n_events"].null_count() == 0


def test_internal_hides_nothing_and_says_so() -> None:
    # Grade: exact.
    before = results(*incidence_rows([(56, 5, 1, "milestone")], 40), flow=flow_of([3, 2], 45))
    after = suppress(before, min_cell_count=1)
    assert after.rows.equals(before.rows)
    assert after.attrition == before.attrition
    assert after.min_cell_count == 1


@pytest.mark.parametrize("change", [{"min_cell_count": 0}])
def test_a_cell_size_below_one_is_refused(change: dict[str, Any]) -> None:
    # Grade: exact.
    with pytest.raises(WrongUse):
        suppress(results(), **change)


def test_suppressing_twice_is_refused() -> None:
    # Grade: exact.
    with pytest.raises(WrongUse):
        suppress(replace(results(), min_cell_count=5), min_cell_count=K)


def test_a_flow_in_which_every_exclusion_is_small_tells_only_who_was_analysed() -> None:
    # Grade: exact.
    shown = suppress_flow(flow_of([2, 3], 105), tellable_of(flow_of([2, 3], 105)))
    assert [(step.n_before, step.n_excluded, step.n_after) for step in shown.steps] == [(None, None, 100)]
    assert isinstance(shown.steps[0], Step)
