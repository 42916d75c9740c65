"""A quarterly audit gives away no small count to readers outside the clinic, alone or beside the reports before it."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from tendon_outcomes.results import WOULD_DO, Attrition, Results, Row, ToldBefore, frame, gathered_before, suppress_all, told_by
from tendon_outcomes.results.disclosure_audit import AUDIT

K = 5
ALWAYS = settings(max_examples=200, deadline=None, derandomize=True)
COUNTS = ("n_at_risk", "n_events", "n_censored")
Triple = tuple[int, int, int]
TRIPLES = st.tuples(st.integers(0, 14), st.integers(0, 14), st.integers(0, 9))


def results(*rows: Row, n: int | None = None) -> Results:
    flow = Attrition() if n is None else Attrition().then("all", n_before=n, n_after=n)
    return Results(estimand="e", question="q", rows=frame(rows).with_columns(pl.lit("e").alias("estimand")), attrition=flow)


def shown(*rows: Row, before: ToldBefore | None = None, cell: int = K) -> pl.DataFrame:
    return suppress_all([results(*rows)], min_cell_count=cell, before=before or ToldBefore())[0].rows


def quarter(number: int) -> str:
    return f"{2022 + number // 4}Q{number % 4 + 1}"


def counted(statistic: str, stratum: str, cells: Triple, term: str = "") -> Row:
    improved, other, unknown = cells
    n = improved + other + unknown
    return Row(
        estimator="counted",
        statistic=statistic,
        stratum=stratum,
        term=term,
        day=84,
        estimate=improved / max(improved + other, 1),
        bound_low=improved / max(n, 1),
        bound_high=(improved + unknown) / max(n, 1),
        conf_low=0.1,
        conf_high=0.9,
        n_at_risk=n,
        n_events=improved,
        n_censored=unknown,
    )


def report(cohorts: list[Triple]) -> list[Row]:
    """Cohorts, each mature at the look after it, and the running sums of the looks."""
    sums = accumulate(cohorts, lambda a, b: tuple(x + y for x, y in zip(a, b, strict=True)))
    return [
        *(counted("cohort_share", quarter(i), cells, "as known now") for i, cells in enumerate(cohorts)),
        *(counted("look_share", quarter(i + 1), cells) for i, cells in enumerate(sums)),
    ]


def told_equations(rows: pl.DataFrame, width: int) -> tuple[list[np.ndarray], list[int]]:
    """What the told counts say of the cells of every cohort, three a cohort."""
    equations, values = [], []
    for row in rows.filter(pl.col("n_at_risk").is_not_null()).iter_rows(named=True):
        number = 4 * (int(row["stratum"][:4]) - 2022) + int(row["stratum"][-1]) - 1
        held = [number] if row["statistic"] == "cohort_share" else range(number)
        cells = (row["n_events"], row["n_at_risk"] - row["n_events"] - row["n_censored"], row["n_censored"])
        for kind, value in enumerate(cells):
            equation = np.zeros(3 * width)
            equation[[3 * one + kind for one in held]] = 1
            equations.append(equation)
            values.append(value)
    return equations, values


def leaks(rows: pl.DataFrame, width: int) -> list[tuple[int, int, int, float, float]]:
    """Cells, of one cohort or of adjacent ones together, that the told counts confine to 1 to K - 1."""
    equations, values = told_equations(rows, width)
    if not equations:
        return []
    found = []
    for kind in range(3):
        for start in range(width):
            for end in range(start, width):
                aim = np.zeros(3 * width)
                aim[[3 * one + kind for one in range(start, end + 1)]] = 1
                solved = [linprog(sign * aim, A_eq=np.array(equations), b_eq=values) for sign in (1, -1)]
                low, high = solved[0].fun, -solved[1].fun if solved[1].status == 0 else np.inf
                if low > 0.5 and high < K - 0.5:
                    found.append((kind, start, end, low, high))
    return found


@ALWAYS
@given(cohorts=st.lists(TRIPLES, min_size=1, max_size=5))
def test_a_linear_programme_finds_no_small_cell_of_a_cohort(cohorts: list[Triple]) -> None:
    # Grade: exact: cohorts and running sums of them, of one report.
    assert not leaks(shown(*report(cohorts)), len(cohorts))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cohorts=st.lists(TRIPLES, min_size=2, max_size=4))
def test_nor_in_the_reports_of_all_quarters_together(cohorts: list[Triple]) -> None:
    # Grade: exact: each quarter's report knows what those before it told.
    told: list[dict[str, object]] = []
    together = []
    for now in range(1, len(cohorts) + 1):
        made = suppress_all([results(*report(cohorts[:now]))], min_cell_count=K, before=gathered_before(told))
        told.append(told_by(made).to_dict())
        together.append(made[0].rows)
    assert not leaks(pl.concat(together).unique(subset=["statistic", "stratum", *COUNTS]), len(cohorts))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(TRIPLES, min_size=2, max_size=4), st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=12, max_size=12))
def test_no_two_reports_tell_counts_of_one_thing_that_differ_by_few(cohorts: list[Triple], changes: list[Triple]) -> None:
    # Grade: exact: every report knows each cohort a little otherwise, as late data and corrections have it.
    told: list[dict[str, object]] = []
    for now in range(1, len(cohorts) + 1):
        moved = [
            tuple(max(a + b, 0) for a, b in zip(cells, changes[(3 * now + i) % 12], strict=True))
            for i, cells in enumerate(cohorts[:now])
        ]
        made = suppress_all([results(*report(moved))], min_cell_count=K, before=gathered_before(told))
        told.append(told_by(made).to_dict())
    rows = gathered_before(told).counts
    for same in rows.partition_by("statistic", "stratum", "term"):
        for name in COUNTS:
            assert not [one for one in combinations(same[name].drop_nulls(), 2) if 0 < abs(one[0] - one[1]) < K]


def test_a_cohort_needs_enough_in_every_cell_and_never_hides_alone() -> None:
    # Grade: exact, by hand: 4 unknown go; the smallest others go with it until 5 or more unknown are hidden.
    cohorts = [(20, 10, 4), (20, 10, 5), (20, 10, 0), (30, 15, 5)]
    rows = shown(*(counted("cohort_share", quarter(i), one, "as known now") for i, one in enumerate(cohorts)))
    assert rows["n_at_risk"].to_list() == [None, None, None, 50]
    assert rows["warning"].str.starts_with("withheld").to_list() == [True, True, True, False]


def test_a_small_cohort_that_is_immature_cannot_be_had_from_everybody() -> None:
    # Grade: exact: everybody less the mature and the other immature is 3; the smallest of them goes with it.
    def young(stratum: str, n: int) -> Row:
        return Row(estimator="counted", statistic="cohort_immature", stratum=stratum, n_at_risk=n)

    rows = shown(counted("cohort_share", quarter(0), (20, 10, 5), "as known now"), young(quarter(1), 12), young(quarter(2), 3))
    assert rows["n_at_risk"].to_list() == [35, None, None]
    alone = shown(counted("cohort_share", quarter(0), (20, 10, 5), "as known now"), young(quarter(1), 3))
    assert alone["n_at_risk"].to_list() == [None, None]


def test_what_was_first_reported_is_told_where_it_differs_by_none_or_enough() -> None:
    # Grade: exact: 1 late improved is a small count by subtraction; 6 are not.
    def pair(then: Triple) -> list[int | None]:
        rows = shown(
            counted("cohort_share", quarter(0), then, "as reported"),
            counted("cohort_share", quarter(0), (26, 14, 10), "as known now"),
        )
        return rows["n_at_risk"].to_list()

    assert pair((25, 14, 11)) == [None, 50]
    assert pair((20, 14, 16)) == [50, 50]
    assert pair((26, 14, 10)) == [50, 50]


def test_a_count_close_to_one_told_before_is_not_told_again() -> None:
    # Grade: exact: one more improved than the report of last quarter said.
    def cohort(improved: int) -> Row:
        return counted("cohort_share", quarter(0), (improved, 20, 10), "as known now")

    first = suppress_all([results(cohort(30))], min_cell_count=K)
    before = gathered_before([told_by(first).to_dict()])
    assert shown(cohort(31), before=before)["n_at_risk"].to_list() == [None]
    assert shown(cohort(30), before=before)["n_at_risk"].to_list() == [60]
    assert shown(cohort(36), before=before)["n_at_risk"].to_list() == [66]


def test_flow_totals_keep_their_distance_from_earlier_reports() -> None:
    # Grade: exact: 103 beside 100 told before would tell of 3 newcomers; 108 is far enough.
    before = ToldBefore(totals=frozenset({100}))
    told = {n: suppress_all([results(n=n)], min_cell_count=K, before=before)[0].attrition.n_end for n in (100, 103, 108)}
    assert told == {100: 100, 103: None, 108: 108}


def test_counts_of_other_rows_go_beside_an_earlier_report_and_shares_stay() -> None:
    # Grade: exact: how follow-up ended is a total with parts, so that all of it goes.
    def made(lost: int) -> Results:
        parts = {"total": 100 + lost, "event": 60, "competing": 20, "lost": lost, "followed_to_end": 20}
        rows = [Row(estimator="count", statistic="count", term=term, n_events=count) for term, count in parts.items()]
        return results(*rows, n=100 + lost)

    first = suppress_all([made(10)], min_cell_count=K)
    before = gathered_before([told_by(first).to_dict()])
    later = suppress_all([made(12)], min_cell_count=K, before=replace(before, totals=frozenset()))[0].rows
    assert later["n_events"].to_list() == [None] * 5
    assert suppress_all([made(16)], min_cell_count=K, before=before)[0].rows["n_events"].to_list() == [116, 60, 20, 16, 20]


def test_clinicians_paths_and_restatement_stay_in_the_clinic() -> None:
    # Grade: exact: of the CUSUM its signal stays, of a restatement that there was one.
    rows = shown(
        counted("funnel", "clinician: c01", (40, 40, 0), "exact"),
        Row(estimator="x", statistic="refusal", stratum="clinician: c02", term="too_small", warning="6 runners"),
        Row(estimator="x", statistic="cusum", stratum="2022Q1", term="share worse", estimate=3.3, n_events=9, warning="signal"),
        Row(estimator="x", statistic="cusum", stratum="2022Q2", term="share worse", estimate=1.3, n_events=9),
        Row(estimator="x", statistic="restatement", stratum="2022Q1", term="late data", estimate=0.1, n_events=2),
        Row(estimator="x", statistic="restatement", stratum="2022Q1", term="total", estimate=0.1, n_events=2),
        Row(estimator="x", statistic="restatement", stratum="2022Q2", term="total", estimate=0.0, n_events=0, n_at_risk=0),
    )
    assert rows.select("statistic", "stratum", "warning", "estimate", "n_events").rows() == [
        ("cusum", "2022Q1", "signal", None, None),
        ("cusum", "2022Q2", "", None, None),
        ("restatement", "2022Q1", "restated", None, None),
        ("restatement", "2022Q2", "", None, None),
    ]


def test_charts_are_told_where_their_cohorts_are() -> None:
    # Grade: exact: the third cohort has 2 unknown. The weighted mean would give its share, and so would the centre.
    cohorts = [(20, 10, 5), (20, 15, 5), (20, 10, 2), (30, 15, 6)]
    rows = [counted("cohort_share", quarter(i), one, "as known now") for i, one in enumerate(cohorts)]
    for i in range(4):
        term = "baseline" if i < 1 else "watched"
        told_of = counted("p_chart", quarter(i), (20, 10, 0), term)
        rows += [told_of, replace(told_of, statistic="ewma")]
    rows.append(
        Row(estimator="x", statistic="run_chart", term="longest run", estimate=3.0, bound_low=0.62, conf_high=5.0, n_at_risk=4)
    )
    told = shown(*rows)
    shares = {name: told.filter(pl.col("statistic") == name)["estimate"].to_list() for name in ("p_chart", "ewma")}
    assert told.filter(pl.col("statistic") == "cohort_share")["n_at_risk"].to_list() == [None, 40, None, 51]
    assert shares == {"p_chart": [None] * 4, "ewma": [None] * 4}
    assert told.filter(pl.col("statistic") == "run_chart").select("estimate", "bound_low").row(0) == (3.0, None)


def test_groups_are_parts_of_everybody() -> None:
    # Grade: exact: site s1 has 3 lost; of two sites the other goes with it, of strategies nothing is small.
    def of(statistic: str, stratum: str, events: int, followed: int, gone: int) -> Row:
        return Row(
            estimator="x", statistic=statistic, stratum=stratum, term="milestone", day=84, estimate=0.5,
            n_events=events, n_at_risk=followed, n_censored=gone,
        )  # fmt: skip

    rows = shown(
        of("cumulative_incidence", "all", 60, 30, 16),
        of("group_incidence", "site: s1", 30, 15, 3),
        of("group_incidence", "site: s2", 30, 15, 13),
        of("group_incidence", "strategy: combined", 20, 10, 6),
        of("group_incidence", "strategy: loading_led", 40, 20, 10),
    ).filter(pl.col("statistic") == "group_incidence")
    assert rows["estimate"].to_list() == [None, None, 0.5, 0.5]
    assert rows.select(COUNTS).null_count().row(0) == (4, 4, 4)


def test_a_definition_next_to_the_primary_one_is_not_told() -> None:
    # Grade: exact: 2 runners more reach it; the word stays.
    def of(statistic: str, stratum: str, events: int, term: str = "milestone") -> Row:
        return Row(
            estimator="x", statistic=statistic, stratum=stratum, term=term, day=84, estimate=0.5,
            n_events=events, n_at_risk=100 - events, n_censored=0,
        )  # fmt: skip

    rows = shown(
        of("cumulative_incidence", "all", 60),
        of("definition_incidence", "definition: near", 62),
        of("definition_incidence", "definition: far", 50),
        of("definition_verdict", "definition: near", 62, "inconclusive"),
    )
    assert rows["estimate"].to_list() == [0.5, None, 0.5, None]
    assert rows["term"].to_list()[-1] == "inconclusive"


def test_a_claim_keeps_its_reason_and_loses_a_number_that_tells_of_few() -> None:
    # Grade: exact.
    says = f"too few runners were seen. {WOULD_DO}90 runners."
    rows = shown(
        Row(estimator="x", statistic="claim", stratum="claim: H1", term="supported", estimate=0.7, n_at_risk=100, n_events=70),
        Row(estimator="x", statistic="claim", stratum="claim: H2", term="refuted", estimate=0.97, n_at_risk=100, n_events=97),
        Row(estimator="x", statistic="claim", stratum="claim: H3", term="not_answered", n_at_risk=3, warning=says),
        Row(estimator="x", statistic="p_value", stratum="claim: H1", term="Holm", estimate=0.0004),
        Row(estimator="x", statistic="p_value", stratum="claim: H2", term="Holm", estimate=0.0123),
    )
    assert rows["term"].to_list() == ["supported", "not shown", "not_answered", "Holm", "Holm"]
    assert rows["estimate"].to_list() == [pytest.approx(0.7), None, None, 0.01, None]
    assert rows["warning"][2] == "too few runners were seen."


@pytest.mark.parametrize(
    "statistic", sorted(set(AUDIT) - {"cohort_share", "cohort_immature", "look_share", "look_share_naive", "run_chart"})
)
def test_every_other_statistic_loses_its_counts(statistic: str) -> None:
    # Grade: exact: counts stand with the cohorts and the looks alone; a run chart counts quarters.
    rows = shown(counted(statistic, "site: s1", (40, 40, 20), "total"))
    assert rows.select(COUNTS).null_count().row(0) == (rows.height,) * 3


@pytest.mark.parametrize("statistic", AUDIT)
def test_inside_the_clinic_nothing_is_hidden(statistic: str) -> None:
    # Grade: exact.
    row = counted(statistic, "clinician: c01", (1, 2, 3))
    assert shown(row, cell=1).equals(results(row).rows)
