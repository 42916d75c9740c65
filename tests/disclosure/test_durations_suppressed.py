"""An answer over durations gives away no small count to readers outside the clinic."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.results import Attrition, Results, Row, frame, suppress
from tendon_outcomes.results.disclosure_durations import DURATIONS, OVER_DURATIONS

K = 11
ALWAYS = settings(max_examples=200, deadline=None, derandomize=True)


def shown(*rows: Row) -> pl.DataFrame:
    return suppress(Results(estimand="e", question="q", rows=frame(rows), attrition=Attrition()), min_cell_count=K).rows


def point(statistic: str, at: float, beside: int, events: int, term: str = "curve") -> Row:
    return Row(
        estimator="g-computation",
        statistic=statistic,
        term=term,
        day=84,
        at=at,
        estimate=0.3456,
        conf_low=0.2512,
        conf_high=0.4549,
        n_at_risk=beside,
        n_events=events,
    )


@pytest.mark.parametrize("statistic", OVER_DURATIONS)
def test_a_point_needs_enough_runners_and_events_on_either_side(statistic: str) -> None:
    # Grade: exact, by hand: 10 on the emptier side go, 11 stay; a curve's point goes, a milestone keeps its place.
    rows = shown(
        point(statistic, 4.0, 10, 40),
        point(statistic, 5.0, 11, 40),
        point(statistic, 104.0, 10, 40, "milestone"),
        point(statistic, 52.0, 30, 10, "milestone"),
        point(statistic, 600.0, 0, 40, "milestone"),
    )
    assert rows["at"].to_list() == [5.0, 104.0, 52.0, 600.0]
    assert rows["estimate"].to_list() == [pytest.approx(0.35), None, None, None]
    assert rows["warning"].str.starts_with("withheld").to_list() == [False, True, True, True]


@pytest.mark.parametrize("statistic", DURATIONS)
def test_no_row_keeps_a_count(statistic: str) -> None:
    # Grade: exact: counts of this answer stand in the flow alone.
    rows = shown(point(statistic, 13.0, 60, 40), point(statistic, 26.0, 60, 40))
    assert rows.height == 2
    assert rows.select("n_at_risk", "n_events", "n_censored").null_count().row(0) == (2, 2, 2)


@ALWAYS
@given(st.lists(st.integers(0, 60), min_size=5, max_size=5))
def test_shares_of_bands_cannot_be_had_by_subtraction(counts: list[int]) -> None:
    # Grade: exact property: what is withheld is nothing, or two bands and K runners at least, or everything.
    total = sum(counts)
    rows = shown(
        *(
            Row(estimator="share", statistic="duration_share", term=str(i), estimate=n / max(total, 1), n_at_risk=n)
            for i, n in enumerate(counts)
        )
    )
    kept = rows["estimate"].is_not_null().to_list()
    hidden = [n for n, told in zip(counts, kept, strict=True) if not told]
    assert all(n == 0 or n >= K for n, told in zip(counts, kept, strict=True) if told)
    assert not hidden or len(hidden) == 5 or (sum(hidden) >= K and len(hidden) > 1)


@ALWAYS
@given(st.lists(st.integers(1, 400), min_size=40, max_size=200))
def test_the_ends_of_a_curve_are_never_those_of_few(durations: list[int]) -> None:
    # Grade: exact property: on both sides of every point told there are K runners, whatever the durations are.
    places = sorted({*durations, 3, 30, 300})
    rows = shown(
        *(
            point("duration_incidence", float(w), min(sum(d < w for d in durations), sum(d > w for d in durations)), 50)
            for w in places
        )
    )
    for at in rows["at"].to_list():
        assert min(sum(d < at for d in durations), sum(d > at for d in durations)) >= K
    assert all(a < b for a, b in pairwise(rows["at"].to_list()))


def test_a_quantile_of_few_is_withheld_and_whole_weeks_stay_whole() -> None:
    # Grade: exact, by hand.
    made = [
        Row(estimator="quantile", statistic="duration_quantile", term=term, estimate=weeks, n_at_risk=n)
        for term, weeks, n in (("p5", 5.0, 10), ("p50", 20.0, 100), ("p95", 104.0, 11))
    ]
    assert shown(*made)["estimate"].to_list() == [None, 20.0, 104.0]


def test_few_near_a_round_number_are_withheld() -> None:
    # Grade: exact: the ratio and its limits would tell how many.
    made = [
        Row(estimator="h", statistic="duration_heaping", term=term, estimate=2.5, conf_low=1.2, n_at_risk=90, n_events=n)
        for term, n in (("3 months", 11), ("24 months", 3))
    ]
    assert shown(*made)["conf_low"].to_list() == [1.2, None]


def test_the_word_stays() -> None:
    # Grade: exact.
    row = Row(estimator="identification", statistic="duration_wording", term="associated", warning="nobody measured frailty")
    assert shown(row).select("term", "warning").row(0) == ("associated", "nobody measured frailty")
