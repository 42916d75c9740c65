"""The decision rule, and every rail: what trips it and what just misses it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis import follow_up as conduct
from tendon_outcomes.analysis import rails, recovery
from tendon_outcomes.analysis.verdict import decide, verdict
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import DecisionRule, Grid
from tendon_outcomes.results import Row
from tendon_outcomes.vocabulary import Verdict
from tests.made_records import episode, records, weekly
from tests.spec.test_ascertain import EVERYONE, PAIN_FREE, followed

RULE = DecisionRule(claim="most improve", at_week=12, threshold=0.5, source="a test")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.51, 0.70, Verdict.SUPPORTED),
        (0.50, 0.70, Verdict.INCONCLUSIVE),
        (0.30, 0.50, Verdict.INCONCLUSIVE),
        (0.30, 0.49, Verdict.REFUTED),
        (0.40, 0.60, Verdict.INCONCLUSIVE),
        (None, 0.40, Verdict.NOT_ANSWERED),
        (0.60, None, Verdict.NOT_ANSWERED),
    ],
)
def test_the_decision_rule(low: float | None, high: float | None, expected: Verdict) -> None:
    # Grade: exact, claim H1 of domain.md §1e.
    assert decide(low, high, 0.5) is expected


def test_a_verdict_rests_on_the_week_of_the_rule() -> None:
    # Grade: exact.
    rows = [
        Row(estimator="x", statistic="cumulative_incidence", term="milestone", day=day, estimate=0.6, conf_low=low, conf_high=0.9)
        for day, low in ((56, 0.2), (84, 0.55), (182, 0.1))
    ]
    assert [row.term for row in verdict(rows, RULE)] == ["supported"]


def test_without_an_answer_at_that_week_there_is_no_verdict() -> None:
    # Grade: exact.
    refusal = rails.beyond_follow_up(12, 8).refusal(estimator="x", day=84)
    assert [row.term for row in verdict([refusal], RULE)] == ["not answered"]


@pytest.mark.parametrize(("n", "events", "refused"), [(9, 9, True), (10, 5, False), (10, 4, True), (100, 5, False)])
def test_too_small(n: int, events: int, refused: bool) -> None:
    # Grade: exact, statistics.md §6: n < 10 or events < 5.
    assert (rails.too_small(n, events) is not None) is refused


@pytest.mark.parametrize(("share", "warned"), [(0.20, False), (0.2001, True)])
def test_heavy_loss(share: float, warned: bool) -> None:
    # Grade: exact, statistics.md §6: more than 20 % before day 84.
    assert (rails.heavy_loss(share) is not None) is warned


def test_at_risk_needed() -> None:
    # Grade: exact, statistics.md §1: the larger of 10 and 10 %.
    assert rails.at_risk_needed(60) == 10
    assert rails.at_risk_needed(300) == 30


def clinic(n: int, last_week: int, *, skip: tuple[int, ...] = ()) -> dict[str, dict[int, str]]:
    """n runners with weekly reports to `last_week`; runner i is pain-free from week 2 + i mod 30 on."""
    weeks = [week for week in range(last_week + 1) if week not in skip]
    return {f"{i:03}": {7 * week: ("P" if week >= 2 + i % 30 else "F") for week in weeks} for i in range(n)}


def rows_of(stories: dict[str, dict[int, str]], **grid: float) -> pl.DataFrame:
    looks = [row for name, story in stories.items() for row in weekly(name, story)]
    follow_up = followed(PAIN_FREE, episode=[episode(name) for name in stories], run_week=looks)
    strata = recovery.fit_strata(follow_up, grid=Grid(days=7, min_share_assessed=0.5, **grid))
    rows = [
        *recovery.cumulative_incidence(strata, at_weeks=[8, 12, 26]),
        *recovery.restricted_mean_time_lost(strata, horizon_weeks=26),
    ]
    return pl.DataFrame(
        [
            {
                "statistic": r.statistic,
                "term": r.term,
                "day": r.day,
                "estimate": r.estimate,
                "low": r.bound_low,
                "high": r.bound_high,
                "warning": r.warning,
            }
            for r in rows
        ],
        infer_schema_length=None,
    )


def test_complete_weekly_reports_give_the_share_seen_to_have_recovered() -> None:
    # Grade: exact: with everybody seen every week the NPMLE is the proportion: weeks 2 to 8 of 30, 2 to 12, 2 to 26.
    milestones = rows_of(clinic(300, 34)).filter(term="milestone", statistic="cumulative_incidence")
    np.testing.assert_allclose(milestones["estimate"].to_numpy(), [7 / 30, 11 / 30, 25 / 30], atol=1e-9)


def test_the_restricted_mean_is_the_area_under_it() -> None:
    # Grade: exact: recovery in week w counts from the middle of (7(w-1), 7w]: mean of max(0, 182 - 7w + 3.5) over w = 2..31.
    expected = np.mean([max(0.0, 182 - 7 * w + 3.5) for w in range(2, 32)])
    mean = rows_of(clinic(300, 34)).filter(statistic="restricted_mean_time_lost")["estimate"][0]
    assert mean == pytest.approx(expected, abs=1e-7)


def test_a_week_nobody_was_assessed_on_gets_bounds_and_a_refusal_of_the_point() -> None:
    # Grade: exact: without week 8 its share lies between weeks 7 and 9: 6/30 and 8/30.
    rows = rows_of(clinic(300, 34, skip=(8,)))
    week_8 = rows.filter(term="milestone", day=56).row(0, named=True)
    assert week_8["estimate"] is None
    assert (week_8["low"], week_8["high"]) == pytest.approx((6 / 30, 8 / 30), abs=1e-9)
    assert rows.filter(term="undetermined")["day"].to_list() == [56]


def test_beyond_follow_up_is_refused_with_the_latest_week_that_can_be_answered() -> None:
    # Grade: exact.
    rows = rows_of(clinic(300, 14)).filter(term="beyond_follow_up")
    assert rows["day"].to_list() == [182, 182]
    assert rows["warning"].str.contains("latest week that can be answered is").all()


def test_a_small_group_gets_counts_only() -> None:
    # Grade: exact.
    rows = rows_of(clinic(9, 34))
    assert rows["term"].to_list() == ["too_small"]


def unconfirmed_share(share: float) -> pl.DataFrame:
    """Everybody is followed to week 12; the given share pass for the first time then and are never seen again."""
    n = 200
    stories = {}
    for i in range(n):
        last = "P" if i < share * n else "F"
        stories[f"{i:03}"] = {
            **{7 * w: "F" for w in range(12)},
            84: last,
            **({} if last == "P" else {91: "F", 98: "F", 105: "F"}),
        }
        if i >= 0.6 * n:
            stories[f"{i:03}"] = {7 * w: ("P" if w >= 4 else "F") for w in range(16)}
    looks = [row for name, story in stories.items() for row in weekly(name, story)]
    tables = {"episode": [episode(name) for name in stories], "run_week": looks}
    cohort = assemble_cohort(records(**tables), EVERYONE)
    strict = ascertain(cohort, PAIN_FREE, horizon_weeks=26)
    generous = ascertain(cohort, PAIN_FREE, horizon_weeks=26, unconfirmed="event")
    strata = recovery.fit_strata(strict, grid=Grid(days=7), generous=generous)
    rows = list(recovery.cumulative_incidence(strata, at_weeks=[12]))
    return pl.DataFrame(
        [{"term": r.term, "day": r.day, "estimate": r.estimate, "low": r.bound_low, "high": r.bound_high} for r in rows]
    )


def test_readings_that_part_give_bounds() -> None:
    # Grade: exact: 80 of 200 recovered in week 4; of the other 120, 20 passed once at week 12: at least 0.40, at most 0.50.
    rows = unconfirmed_share(0.10)
    week_12 = rows.filter(term="milestone").row(0, named=True)
    assert week_12["estimate"] is None
    assert (week_12["low"], week_12["high"]) == pytest.approx((0.40, 0.50), abs=1e-9)
    assert "unconfirmed" in rows["term"].to_list()


def test_readings_that_hardly_part_give_the_estimate() -> None:
    # Grade: exact: 2 of 200 is one in a hundred, the most that the protocol lets pass.
    rows = unconfirmed_share(0.01)
    assert rows.filter(term="milestone")["estimate"][0] == pytest.approx(0.40, abs=1e-9)
    assert "unconfirmed" not in rows["term"].to_list()


def test_loss_and_endings_add_up() -> None:
    # Grade: exact.
    stories = {**clinic(30, 34), "lost": {0: "F", 7: "F"}}
    looks = [row for name, story in stories.items() for row in weekly(name, story)]
    follow_up = followed(PAIN_FREE, episode=[episode(name) for name in stories], run_week=looks)
    strata = recovery.fit_strata(follow_up, grid=Grid())
    counts = {row.term: row.n_events for row in conduct.how_it_ended(strata, horizon_weeks=26)}
    total = counts.pop("total")
    assert total == 31
    assert sum(count or 0 for count in counts.values()) == total
    assert counts["event"] == strata[0].data.n_events(182)
    share = next(iter(conduct.loss(follow_up, grid=Grid())))
    assert share.n_events == 1
    assert share.estimate == pytest.approx(1 / 31)
