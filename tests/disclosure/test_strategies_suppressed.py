"""A comparison of strategies gives away no small count to readers outside the clinic."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.results import SAID, WOULD_DO, Attrition, Results, Row, frame, suppress

K = 11
CONTRAST = "loading_led - stretching_led"


def shown(*rows: Row) -> pl.DataFrame:
    whole = Results(estimand="e", question="q", rows=frame(rows), attrition=Attrition())
    return suppress(whole, min_cell_count=K).rows


def curve(strategy: str, events: list[int], n: int, estimator: str = "IPTW") -> list[Row]:
    rows = []
    for week, count in enumerate(events, start=1):
        for term in ("curve", "milestone") if week in (8, 12, 26) else ("curve",):
            rows.append(
                Row(
                    estimator=estimator,
                    statistic="strategy_incidence",
                    stratum=strategy,
                    term=term,
                    day=7 * week,
                    estimate=count / n,
                    conf_low=0.0,
                    conf_high=1.0,
                    n_at_risk=n - count,
                    n_events=count,
                )
            )
    return rows


def difference(day: int, term: str = "primary") -> Row:
    return Row(
        estimator="IPTW",
        statistic="incidence_difference",
        stratum=CONTRAST,
        term=term,
        day=day,
        estimate=0.1234,
        conf_low=-0.0512,
        conf_high=0.3049,
        n_at_risk=200,
        n_events=60,
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 6), min_size=26, max_size=26), st.integers(20, 200))
def test_no_two_told_days_of_a_strategy_differ_by_a_small_count(steps: list[int], rest: int) -> None:
    # Grade: exact (an attacker who knows the arm's size takes the events of every told day from each other).
    events = list(itertools.accumulate(steps))
    told = shown(*curve("loading_led", events, events[-1] + rest)).filter(pl.col("estimate").is_not_null())
    counts = sorted({0, *(events[day // 7 - 1] for day in told["day"].to_list())})
    assert not any(0 < b - a < K for a, b in itertools.pairwise(counts))
    assert told["n_events"].null_count() == told.height


def test_a_contrast_is_told_on_days_on_which_both_strategies_are() -> None:
    # Grade: exact: 20 and 40 events are told of one strategy; of the other 5 by week 8 and 30 by week 12.
    one = [0] * 7 + [20] * 4 + [40] * 15
    other = [0] * 7 + [5] * 4 + [30] * 15
    rows = shown(*curve("loading_led", one, 200), *curve("stretching_led", other, 200), difference(56), difference(84))
    contrasts = rows.filter(pl.col("statistic") == "incidence_difference").sort("day")
    assert contrasts["estimate"].to_list() == [None, 0.12]
    assert contrasts["conf_low"].to_list() == [None, -0.06]
    assert contrasts["conf_high"].to_list() == [None, 0.31]
    assert contrasts["n_at_risk"].to_list() == [None, None]
    assert "withheld" in contrasts["warning"][0]


def test_what_describes_single_runners_stays_in_the_clinic() -> None:
    # Grade: exact.
    rows = [
        Row(estimator="p", statistic="weight_summary", stratum="a", term=term, estimate=3.0, n_at_risk=100)
        for term in ("mean", "largest", "p99")
    ]
    rows += [
        Row(estimator="p", statistic=one, stratum="a", term="0.5", estimate=0.01) for one in ("propensity_share", "weight_share")
    ]
    assert shown(*rows)["term"].to_list() == ["mean"]


def test_effective_numbers_are_told_to_tens() -> None:
    # Grade: exact: with equal weights 57.0 is the number of runners under the strategy.
    rows = shown(Row(estimator="p", statistic="effective_sample_size", stratum="a", term="t", estimate=57.0, n_at_risk=57))
    assert rows["estimate"].to_list() == [60.0]
    assert rows["n_at_risk"].to_list() == [None]


def test_a_covariate_that_few_have_is_not_told() -> None:
    # Grade: exact: 4 of 100 have the rarer value.
    few, many = (
        Row(
            estimator="p",
            statistic="standardised_mean_difference",
            stratum="before",
            term="x",
            estimate=0.3,
            n_at_risk=100,
            n_events=n,
        )
        for n in (4, 40)
    )
    assert shown(few, many)["estimate"].to_list() == [None, 0.3]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 30), min_size=7, max_size=7), st.integers(0, 60))
def test_no_part_of_the_clones_can_be_had_from_the_others(parts: list[int], started: int) -> None:
    # Grade: exact (an attacker who subtracts what is told from the total).
    terms = ("other_regimen", "not_started", "not_met", "reached", "competing", "lost", "followed_to_end")
    total = sum(parts)
    counts = {"cloned": total, "started": min(started, total), **dict(zip(terms, parts, strict=True))}
    rows = shown(*(Row(estimator="count", statistic="clone_flow", stratum="a", term=t, n_events=n) for t, n in counts.items()))
    told = {t: n for t, n in rows.select("term", "n_events").iter_rows() if n is not None}
    assert not any(0 < n < K for n in told.values())
    if "cloned" in told:
        hidden = total - sum(told.get(term, 0) for term in terms)
        assert not 0 < hidden < K
    if "started" in told:
        assert not 0 < total - told["started"] < K


def test_the_number_that_would_do_goes_where_it_gives_a_small_count_away() -> None:
    # Grade: exact: "134 of 40" tells 3 events; "105 of 100" tells 24 runners, which may be told.
    small, enough = (
        Row(estimator="d", statistic="refusal", term="t", n_events=n, warning=f"too few. {WOULD_DO}about 134 runners.")
        for n in (3, 24)
    )
    own = Row(
        estimator="d", statistic="refusal", term="not_estimated", n_events=1, warning=f"no estimate. {SAID}3 of 40 rows differ"
    )
    rows = shown(small, enough, own)
    assert rows["warning"].to_list() == ["too few.", f"too few. {WOULD_DO}about 134 runners.", "no estimate."]
    assert rows["n_events"].null_count() == 3


def test_a_check_that_cannot_be_asked_says_what_and_not_why() -> None:
    # Grade: exact.
    row = Row(
        estimator="w", statistic="falsification", stratum="cannot be asked", term="x", n_at_risk=0, warning="pain: 3 of 40 rows"
    )
    assert shown(row)["warning"].to_list() == ["pain"]


def test_inside_the_clinic_nothing_is_hidden() -> None:
    # Grade: exact.
    rows = [*curve("loading_led", [1] * 26, 50), difference(84)]
    whole = Results(estimand="e", question="q", rows=frame(rows), attrition=Attrition())
    assert suppress(whole, min_cell_count=1).rows.equals(whole.rows)


@pytest.mark.parametrize("statistic", ["falsification_panel", "causal_wording"])
def test_words_alone_stay(statistic: str) -> None:
    # Grade: exact.
    assert shown(Row(estimator="p", statistic=statistic, term="association", warning="why"))["term"].to_list() == ["association"]
