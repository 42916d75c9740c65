"""Whether weighted clones stand for everybody: which clones count, with which weight, against whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis.strategies import clone_balance as module
from tendon_outcomes.analysis.strategies.clone_balance import WEEKS, clone_balance, still_counting
from tendon_outcomes.analysis.strategies.design import Design, examine
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sustained.censoring_weights import censoring_weights
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.reporting.comparison import diagnostics
from tendon_outcomes.results import Attrition, Results, Row, frame, suppress
from tests.spec.test_strategies_sensitivity import trial


def design() -> Design:
    return examine(trial())


def kept(sample: LongitudinalSample) -> LongitudinalSample:
    """The same runners, none of whom departs or is lost."""
    stays = np.full_like(sample.deviates, sample.weeks + 1)
    left = np.where(sample.cause == 0, sample.weeks, sample.left)
    return replace(sample, deviates=stays, phase=np.zeros_like(sample.phase), left=left)


def shown(rows: list[Row], cell: int) -> Results:
    return suppress(Results(estimand="e", question="q", rows=frame(rows), attrition=Attrition()), min_cell_count=cell)


def test_which_clones_count_and_with_which_weight_by_hand() -> None:
    # Grade: exact. Through week 4: 0 follows; 1 departs in week 4; 2 departs in week 5; 3 is lost after week 2; 4 reached it in
    # week 3 and keeps the weight of week 3; 5 departs in week 2, before it was reached in week 3; 6 has a competing event in
    # week 2; 7 reached it between weeks 2 and 6 and still counts in week 4.
    left, right = [9, 9, 9, 2, 2, 2, 1, 2], [np.inf] * 4 + [3, 3, 2, 6]
    sample = LongitudinalSample(
        left=np.array(left),
        right=np.array(right),
        cause=np.array([0, 0, 0, 0, 1, 1, 2, 1]),
        baseline=np.zeros((8, 1)),
        varying=np.zeros((8, 9, 1)),
        state=np.zeros((8, 9), dtype=np.int64),
        deviates=np.array([[10, 4, 5, 10, 10, 2, 10, 10]]),
        phase=np.zeros((1, 8, 9), dtype=np.int64),
        patient=np.arange(8),
    )
    table = 10.0 * np.arange(1, 9)[:, None] + np.arange(1, 10)[None, :]
    rows, weight = still_counting(sample, table, 0, 4)
    assert dict(zip(rows.tolist(), weight.tolist(), strict=True)) == {0: 14, 2: 34, 4: 53, 6: 72, 7: 84}


def test_where_nobody_departs_or_is_lost_the_clones_are_everybody() -> None:
    # Grade: exact: all weights are 1 and all clones count, so every difference is 0.
    made = design()
    rows = list(clone_balance(replace(made, trial=replace(made.trial, sample=kept(made.trial.sample)))))
    assert [row.estimate for row in rows] == [0.0] * len(rows)
    assert {row.n_at_risk for row in rows} == {made.trial.n}
    assert len(rows) == 2 * len(WEEKS) * len(made.trial.covariate_names)


def test_a_row_is_the_weighted_mean_less_that_of_everybody_in_standard_deviations() -> None:
    # Grade: reference: the formula of Austin (2009) Stat Med 28:3083, section 2, written out for one number and one yes or no.
    made = design()
    rows = {(row.stratum, row.term, row.day): row for row in clone_balance(made)}
    table = censoring_weights(made.trial.sample, 1, truncate=made.declared.truncate, stabilised=False).weight
    who, weight = still_counting(made.trial.sample, table, 1, 8)
    for name, binary in (("visa_h_total", False), ("sex_male", True)):
        x = made.trial.covariates[:, made.trial.covariate_names.index(name)]
        mean = float(weight @ x[who] / weight.sum())
        spread = [mean * (1 - mean), x.mean() * (1 - x.mean())] if binary else [x[who].var(ddof=1), x.var(ddof=1)]
        if binary:
            spread[0] = x[who].mean() * (1 - x[who].mean())
        expected = (mean - x.mean()) / np.sqrt(np.mean(spread))
        row = rows[made.strategies[1], name, 56]
        assert row.estimate == pytest.approx(expected, abs=1e-12)
        assert row.n_at_risk == who.size


def test_weights_bring_the_strongest_confounder_back() -> None:
    # Grade: simulation: the clinic gives stretching to the mild; without weights its clones score higher, with them less so.
    made = design()
    weighted = [row.estimate for row in clone_balance(made) if row.stratum == "stretching_led" and row.term == "visa_h_total"]
    x = made.trial.covariates[:, made.trial.covariate_names.index("visa_h_total")]
    for week, value in zip(WEEKS, weighted, strict=True):
        who, _ = still_counting(made.trial.sample, np.ones((made.trial.n, 26)), 0, week)
        assert abs(value or 0.0) < abs(x[who].mean() - x.mean()) / x.std()


def test_nothing_where_what_was_done_is_not_compared_or_cannot_be_weighted(monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact.
    assert not list(clone_balance(replace(design(), sustains=False)))

    def refuses(*_: object, **__: object) -> None:
        raise EstimationRefused("nobody can be weighted")

    monkeypatch.setattr(module, "censoring_weights", refuses)
    assert not list(clone_balance(design()))


def test_the_table_has_a_column_for_each_strategy_and_week_and_hides_rare_covariates() -> None:
    # Grade: exact: as for balance before and after, a covariate that 1 to 10 runners have or lack is withheld outside.
    rows = list(clone_balance(design()))
    inside, outside = (diagnostics.clone_balance(shown(rows, cell), "q") for cell in (1, 11))
    assert inside is not None
    assert outside is not None
    assert [head.replace("\u00a0", " ") for head in inside.head[1:4]] == [f"Stretching-led, week {week}" for week in WEEKS]
    assert "withheld" not in str(inside.rows)
    rare = {row.term for row in rows if row.n_events is not None and row.n_events < 11}
    hidden = {line[0] for line in outside.rows if "withheld" in line}
    assert {term.replace("_", " ").capitalize() for term in rare} == hidden
    counts = shown(rows, 11).rows.select(pl.col("n_at_risk").null_count(), pl.col("n_events").null_count()).row(0)
    assert counts == (len(rows), len(rows))
