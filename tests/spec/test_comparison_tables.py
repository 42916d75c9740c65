"""Tables of a comparison whose cells are easily misread: readings by title, numbers that do not exist, who was lost."""

from __future__ import annotations

from dataclasses import replace

from tendon_outcomes.reporting import render
from tendon_outcomes.reporting.comparison import figures, tables, words
from tendon_outcomes.results import Row
from tests.spec import comparison_fixture as trial
from tests.spec.test_reporting import Page

ASKED = trial.protocol().estimand(trial.QUESTION)
REST = "strict, grace 14 days, weights cut at 1% and 99%"


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def reading(tier: int) -> Row:
    return trial.contrast(f"pain_free_running.{tier}, {REST}", trial.IPTW, 84, 0.083, -0.012, 0.178, "multiverse_difference")


def tipping(**changes: object) -> Row:
    row = next(row for row in trial.robustness() if row.statistic == "tipping_point")
    return replace(row, **changes)  # type: ignore[arg-type]


def test_readings_are_named_by_the_titles_of_their_endpoints() -> None:
    # Grade: exact: the short title in every row and in the figure, what it asks for once in the caption, tiers not tried nowhere.
    table = tables.multiverse(trial.results([reading(2), reading(0)]), ASKED, "q")
    assert table is not None
    assert [plain(row[0]) for row in table.rows] == [
        f"PFR-{tier}, strict, grace 14 days, weights cut at 1 % and 99 %" for tier in (2, 0)
    ]
    assert "PFR-0: two pain-free runs of 500 m" in table.caption
    assert "PFR-3" not in table.caption
    (drawn,) = figures.robustness_figures(trial.results([reading(2), reading(0)]), ASKED, "q")
    assert "PFR-0, strict" in "".join(drawn.drawings)
    assert "pain_free_running" not in "".join(drawn.drawings).lower().replace(" ", "_")


def test_a_reading_of_an_endpoint_that_the_question_does_not_name_keeps_its_reference() -> None:
    # Grade: exact.
    assert plain(words.reading("other.1, strict", ASKED)) == "other.1, strict"


def test_a_number_that_does_not_exist_is_a_dash_and_never_withheld() -> None:
    # Grade: exact: on the internal page nothing is withheld; outside a number that is says so.
    cannot = tipping(n_events=None, warning="even all of them do not change what the limits say")
    for cell in (1, 11):
        table = tables.tipping(trial.results([cannot], cell=cell), "q")
        assert table is not None
        assert table.rows[0][1] == "–"
    outside = tables.tipping(trial.results([tipping(n_events=4)], cell=11), "q")
    assert outside is not None
    assert outside.rows[0][1] == "withheld"


def test_who_was_lost_is_told_by_strategy_and_not_in_a_sentence_without_one() -> None:
    # Grade: exact.
    rows = [
        Row(
            estimator="Wilson",
            statistic="lost_share",
            stratum=strategy,
            day=84,
            estimate=0.2,
            conf_low=0.14,
            conf_high=0.28,
            n_at_risk=120,
            n_events=24,
        )
        for strategy in (trial.STRETCHING, trial.LOADING)
    ]
    text = plain(Page(render(trial.report([*trial.everything(), *rows])).decode()).text)
    assert "Lost to follow-up before week 12, by what was prescribed, with 95 % intervals" in text
    assert "in 100 were lost to follow-up" not in text
    assert "None" not in text
