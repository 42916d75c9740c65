"""Reporting checklists: every item once, filled from what is there, gaps marked as gaps."""

from __future__ import annotations

import pytest

from tendon_outcomes.declarations.checklists import Name, load_checklist
from tendon_outcomes.reporting.checklists import CHECKLISTS, checklist_lines, checklist_table, open_items
from tests.spec import comparison_fixture as trial


@pytest.mark.parametrize(("name", "items"), [("target_2025", 21), ("strobe", 22)])
def test_a_checklist_has_all_its_items(name: Name, items: int) -> None:
    # Grade: published. TARGET 2025: 21 items in 6 sections; STROBE 2007: 22 items. Wording is our own and said to be unverified.
    made = load_checklist(name)
    assert {int("".join(c for c in one.number if c.isdigit())) for one in made.item} == set(range(1, items + 1))
    assert made.status == "unverified"
    if name == "target_2025":
        assert len({one.section for one in made.item}) == 6


@pytest.mark.parametrize("name", CHECKLISTS)
def test_what_is_not_in_the_report_is_a_gap(name: Name) -> None:
    # Grade: exact. The same checklist with all rows, and with a refusal alone: never fewer open items with less in the report.
    checklist = load_checklist(name)
    asked = trial.protocol().estimand(trial.QUESTION)
    full, bare = (
        checklist_lines(checklist, trial.results(rows), asked, trial.report(rows))
        for rows in (trial.everything(), [trial.refused()])
    )
    assert set(open_items(full)) < set(open_items(bare))
    for line in (*full, *bare):
        assert line.found or line.standing == "gap"
        assert line.missing or line.standing == "filled"


def test_the_table_says_how_many_lines_stand_open_and_that_the_wording_is_unverified() -> None:
    # Grade: exact.
    rows = trial.everything()
    asked, report = trial.protocol().estimand(trial.QUESTION), trial.report(rows)
    table = checklist_table("target_2025", trial.results(rows), asked, report, "q1")
    filled = sum(row[1] == "Filled" for row in table.rows)
    assert f"{filled} of {len(table.rows)} lines filled, {len(table.rows) - filled} open" in table.caption
    assert "unverified" in table.caption
    argument = [row for row in table.rows if "no argument for every assumption" in row[2]]
    assert argument
    assert all(row[1] != "Filled" for row in argument)
