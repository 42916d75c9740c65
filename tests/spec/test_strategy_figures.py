"""Figures of a comparison: drawn from rows, the same bytes each time, nothing between weeks that are not told."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import polars as pl
import pytest

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.reporting.figures import (
    Figure,
    clone_flow,
    contrast_by_week,
    definitions_figure,
    love_plot,
    shares_figure,
    strategy_curves,
)
from tests.spec import comparison_fixture as trial

MADE = trial.results(trial.everything())
SIDES = {"compared": "loading-led", "reference": "stretching-led"}


def curves(table: pl.DataFrame | None = None) -> Figure:
    shown = MADE.select("strategy_incidence", term="curve") if table is None else table
    shown = shown.filter(pl.col("estimator") == trial.IPTW)
    at_risk = MADE.select("effective_at_risk").filter(pl.col("estimator") == trial.IPTW)
    return strategy_curves(shown, at_risk, horizon_days=182, phrase="pain-free running")


FIGURES: dict[str, Callable[[], Figure]] = {
    "curves": curves,
    "flow": lambda: clone_flow(MADE.select("clone_flow")),
    "love": lambda: love_plot(MADE.select("standardised_mean_difference")),
    "shares": lambda: shares_figure(MADE.select("weight_share"), axis_title="Weight"),
    "contrasts": lambda: contrast_by_week(MADE.select("incidence_difference", term="point treatment"), **SIDES),
    "definitions": lambda: definitions_figure(MADE.select("multiverse_difference"), **SIDES),
}


def text_of(figure: Figure) -> list[str]:
    return [line.strip() for line in re.sub(r"<[^>]+>", "\n", figure.svg()).splitlines() if line.strip()]


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_rows_give_the_same_bytes(name: str) -> None:
    # Grade: exact.
    once, again = FIGURES[name]().svg(), FIGURES[name]().svg()
    assert once == again
    assert len(once) < 80_000


def test_nothing_is_drawn_between_weeks_that_are_not_told() -> None:
    # Grade: exact: weeks 3 to 7 and 9 to 25 withheld: two boxes a strategy, and no step across them.
    told = MADE.select("strategy_incidence", term="curve").filter(pl.col("day").is_in([7, 14, 56, 182]))
    figure = curves(told)
    boxes = [layer for layer in figure.plot.layers if type(layer.geom).__name__ == "geom_rect"]
    assert len(boxes) == 4
    paths = [layer.mapping["x"] for layer in figure.plot.layers if type(layer.geom).__name__ == "geom_path"]
    assert [x[0] for x in paths] == [0.0, 8.0, 26.0] * 2
    assert all(b - a <= 1.0 for x in paths for a, b in itertools.pairwise(x))
    assert [layer for layer in curves().plot.layers if type(layer.geom).__name__ == "geom_rect"] == []


def test_curves_print_the_effective_numbers_and_say_the_last_share() -> None:
    # Grade: exact: 200 - 6 x 12 = 128 at week 12.
    assert "128" in text_of(curves())
    assert "by week\u00a026" in curves().words


def test_a_withheld_part_of_the_flow_leaves_its_place_white() -> None:
    # Grade: exact.
    table = MADE.select("clone_flow").with_columns(
        pl.when(pl.col("term") == "competing").then(None).otherwise(pl.col("n_events")).alias("n_events")
    )
    assert "20" not in text_of(clone_flow(table))
    assert "50" in text_of(clone_flow(table))
    assert "competing event came first withheld" in clone_flow(table).words


def test_a_difference_beyond_the_edge_is_told_in_figures() -> None:
    # Grade: exact: 1.7 standard deviations before.
    assert "1.70" in text_of(love_plot(MADE.select("standardised_mean_difference")))


def test_bins_of_unequal_width_stand_side_by_side() -> None:
    # Grade: exact: edges 0, 0.25, 0.5 and 2 at 0, 1, 2 and 3.
    bars = [layer.mapping for layer in FIGURES["shares"]().plot.layers if type(layer.geom).__name__ == "geom_rect"]
    assert bars[0]["xmin"] == pytest.approx([0.04, 1.04, 2.04, 3.04])
    assert bars[0]["ymax"] == [1.0] * 4
    assert bars[1]["ymax"] == [-1.0] * 4


def test_contrasts_stand_by_week_and_readings_by_endpoint() -> None:
    # Grade: exact.
    contrasts = text_of(FIGURES["contrasts"]())
    assert [one for one in contrasts if one.startswith("By")] == ["By week\u00a08", "By week\u00a012", "By week\u00a026"]
    readings = text_of(FIGURES["definitions"]())
    assert readings.index("Pain free running.2, strict") < readings.index("Pain free running.2, generous")
    assert "Pain free running.2, strict, grace 14 days, weights as they are: +8.3" in FIGURES["definitions"]().words


@pytest.mark.parametrize("make", [clone_flow, love_plot])
def test_an_empty_table_is_refused(make: Callable[[pl.DataFrame], Figure]) -> None:
    # Grade: exact.
    with pytest.raises(WrongUse, match="nothing to draw"):
        make(MADE.select("no such statistic"))
