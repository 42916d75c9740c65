"""An answer over durations gives away no small count to readers outside the clinic."""

from __future__ import annotations

from itertools import combinations, pairwise
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.analysis.chronicity.assemble import emptier_side, scarcer_among
from tendon_outcomes.analysis.chronicity.places import places
from tendon_outcomes.declarations import declare, load_protocol, resolve, shipped
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


def test_a_curve_tells_no_percentile_that_is_withheld() -> None:
    # Grade: exact: the places of a curve are the same whatever the durations are, so its ends lie on neither percentile. Places
    # spread between the percentiles would give them away by the ratio of neighbours.
    few, many = (places_of(np.geomspace(low, high, 150)) for low, high in ((3.0, 90.0), (5.3, 141.0)))
    both = set(few) & set(many)
    assert both == {at for at in few if at >= min(many)} == {at for at in many if at <= max(few)}
    assert not {3.0, 4.0, 5.0, 6.0} & {few[0], many[0]}


def places_of(weeks: np.ndarray) -> list[float]:
    """The curve over these durations."""
    estimand = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declare()).estimand("chronicity_and_recovery")
    low, middle, high = np.quantile(np.log2(weeks), (0.05, 0.5, 0.95))
    stands_in = SimpleNamespace(
        quantiles=(2.0**low, 2.0**middle, 2.0**high),
        exposure=estimand.exposure,
        beside=lambda at: emptier_side(weeks, at),
    )
    return list(places(stands_in).grid)  # type: ignore[arg-type]


@ALWAYS
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 80)), min_size=1, max_size=6))
def test_steps_of_the_share_since_onset_are_none_or_enough(rows: list[tuple[int, int]]) -> None:
    # Grade: exact property: events between any two durations told, and up to the first one, are 0 or K at least.
    reached = np.cumsum([step for step, _ in rows]).tolist()
    made = [
        point("since_onset_incidence", 6.0 + i, at_risk, n, "milestone")
        for i, (n, (_, at_risk)) in enumerate(zip(reached, rows, strict=True))
    ]
    shown_rows = shown(*made)
    told = [n for n, kept in zip(reached, shown_rows["estimate"].is_not_null(), strict=True) if kept]
    for one, other in combinations([0, *told], 2):
        assert other - one == 0 or other - one >= K


def test_strategies_and_curves_count_who_did_not_recover_too() -> None:
    # Grade: exact, by hand: on the short side 2 reached it by day 84, 3 are known not to have, 1 was lost before.
    data = SimpleNamespace(
        cause=np.array([1, 1, 0, 0, 2, 0]),
        left=np.array([0.0, 0.0, 182.0, 182.0, 50.0, 20.0]),
        right=np.array([28.0, 84.0, np.inf, np.inf, 51.0, np.inf]),
        patient=np.arange(6),
    )
    everybody = np.ones(6, dtype=bool)
    assert scarcer_among(data, 84, everybody) == 2  # type: ignore[arg-type]
    assert scarcer_among(data, 27, everybody) == 0  # type: ignore[arg-type]
    assert scarcer_among(data, 84, data.cause != 0) == 1  # type: ignore[arg-type]


def test_the_word_stays() -> None:
    # Grade: exact.
    row = Row(estimator="identification", statistic="duration_wording", term="associated", warning="nobody measured frailty")
    assert shown(row).select("term", "warning").row(0) == ("associated", "nobody measured frailty")
