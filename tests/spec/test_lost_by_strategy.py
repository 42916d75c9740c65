"""Loss to follow-up by strategy: the row, the table, the checklist, and what of it leaves the clinic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tendon_outcomes.analysis.strategies import loss_robustness as module
from tendon_outcomes.analysis.strategies.design import examine
from tendon_outcomes.analysis.strategies.loss_robustness import loss_robustness, lost_by_strategy
from tendon_outcomes.declarations.checklists import load_checklist
from tendon_outcomes.estimators.proportions import wilson
from tendon_outcomes.reporting.checklists import checklist_lines
from tendon_outcomes.reporting.comparison import diagnostics
from tendon_outcomes.results import Attrition, Results, Row, frame, suppress
from tests.spec import comparison_fixture as page
from tests.spec.test_strategies_sensitivity import found, trial

ASKED = page.protocol().estimand(page.QUESTION)


def lost(n: int, of: int, strategy: str = page.LOADING) -> Row:
    share = wilson(n, of)
    return Row(
        estimator="Wilson",
        statistic="lost_share",
        stratum=strategy,
        day=84,
        estimate=share.estimate,
        conf_low=share.conf_low,
        conf_high=share.conf_high,
        n_at_risk=of,
        n_events=n,
    )


def shown(*rows: Row, cell: int = 11) -> Results:
    return suppress(Results(estimand=page.QUESTION, question="q", rows=frame(rows), attrition=Attrition()), min_cell_count=cell)


def test_the_lost_are_those_of_the_extremes_with_wilson_limits() -> None:
    # Grade: exact: the numbers add up to those whose fate is varied; limits of statistics with their own tests.
    made = examine(trial())
    rows = list(lost_by_strategy(made))
    assert [row.stratum for row in rows] == list(made.strategies)
    assert sum(row.n_events or 0 for row in rows) == found().lost_before().size
    for row, arm in zip(rows, (0, 1), strict=True):
        assert row.n_at_risk == int(np.count_nonzero(trial().treatment == arm))
        share = wilson(row.n_events or 0, row.n_at_risk or 0)
        assert (row.estimate, row.conf_low, row.conf_high) == (share.estimate, share.conf_low, share.conf_high)


def test_a_strategy_of_fewer_than_ten_has_a_count_and_no_share() -> None:
    # Grade: exact: 9 runners of the reference, then 10.
    for size, has_share in ((9, False), (10, True)):
        own = np.flatnonzero(trial().treatment == 0)[:size]
        treatment = np.where(trial().treatment == 0, 2, trial().treatment)
        treatment[own] = 0
        row = next(iter(lost_by_strategy(replace(examine(trial()), trial=replace(trial(), treatment=treatment)))))
        assert row.n_at_risk == size
        assert (row.estimate is not None) is has_share


def test_the_table_and_the_checklist_tell_the_numbers() -> None:
    # Grade: exact: 16 of 127 and 12 of 108 lost.
    rows = [*page.everything(), lost(16, 127, page.STRETCHING), lost(12, 108)]
    table = diagnostics.lost(page.results(rows), ASKED, "q")
    assert table is not None
    assert [tuple(cell.replace("\u00a0", " ") for cell in row) for row in table.rows] == [
        ("Stretching-led", "127", "16", "13 % (8 to 19 %)"),
        ("Loading-led", "108", "12", "11 % (6 to 18 %)"),
    ]
    lines = {
        line.item.number: line
        for line in checklist_lines(load_checklist("target_2025"), page.results(rows), ASKED, page.report(rows))
    }
    for number, gap in (("7b", "how values missing on day 0 were handled"), ("11", "missing baseline values by strategy")):
        says = " ".join(lines[number].found).replace("\u00a0", " ")
        assert "stretching-led 16 of 127 (13 %, 95 % interval 8 to 19 %)" in says
        assert "loading-led 12 of 108 (11 %, 95 % interval 6 to 18 %)" in says
        assert lines[number].standing == "in part"
        assert any(one.startswith(gap) for one in lines[number].missing)


def test_without_the_row_the_checklist_keeps_its_gap() -> None:
    # Grade: exact.
    rows = page.everything()
    lines = {
        line.item.number: line
        for line in checklist_lines(load_checklist("target_2025"), page.results(rows), ASKED, page.report(rows))
    }
    assert lines["11"].standing == "gap"
    assert "no lost share in this report" in lines["11"].missing


@pytest.mark.parametrize(
    ("n", "of", "is_told"), [(5, 100, False), (16, 127, True), (0, 100, True), (0, 8, False), (95, 100, False)]
)
def test_a_share_of_few_lost_or_few_left_stays_in_the_clinic(n: int, of: int, is_told: bool) -> None:
    # Grade: exact: share and limits together tell how many there are, so 1 to 10 lost, left or asked about are withheld.
    (row,) = shown(lost(n, of)).select("lost_share").iter_rows(named=True)
    assert (row["estimate"] is not None) is is_told
    assert (row["n_events"], row["n_at_risk"]) == (None, None)


def test_a_model_of_loss_that_has_no_fit_is_refused_by_the_names_of_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: who was lost is the one kind of runner who reported the highest pain every week.
    one = found()
    gone = one.lost_before()
    varying = one.trial.sample.varying.copy()
    varying[:, :, 0] = 0.0
    varying[one.rows[gone], :, 0] = 9.0
    last = module._weeks(one, gone)
    for row, week, left in zip(*last, strict=True):
        varying[one.rows[row], int(week) - 1, 0] = 9.0 if left else 0.0
    changed = replace(one, trial=replace(one.trial, sample=replace(one.trial.sample, varying=varying)))
    (row,) = [each for each in loss_robustness(changed) if each.statistic == "refusal"]
    name = one.trial.sample.varying_names[0]
    assert row.term == "loss_weighted"
    assert row.warning.startswith(f"who was lost cannot be modelled: covariate last reported {name}: separates the outcomes")
    assert row.warning.endswith("Read the four extremes.")
    assert "firth" not in row.warning
