"""Figures over how long it has hurt: drawn from rows, the same bytes each time, nothing beyond what the records support."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl
import pytest

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.reporting.chronicity.rows import drawn
from tendon_outcomes.reporting.figures import (
    Figure,
    duration_curve,
    duration_differences,
    duration_panels,
    duration_responders,
)
from tendon_outcomes.reporting.figures.duration_panel import Panel, axes, curve
from tendon_outcomes.reporting.figures.paper import grammar
from tests.spec import chronicity_fixture as clinic

MADE = clinic.results(clinic.everything())
WORDS = {"phrase": "pain-free running", "level": "95\u00a0%"}


def main_curve(table: pl.DataFrame | None = None, shares: pl.DataFrame | None = None) -> Figure:
    return duration_curve(
        drawn(MADE, "duration_incidence", 84) if table is None else table,
        drawn(MADE, "duration_incidence_band", 84),
        drawn(MADE, "duration_incidence", 84, "milestone"),
        MADE.select("duration_share") if shares is None else shares,
        by="week 12",
        **WORDS,
    )


def difference(statistic: str, axis_weeks: tuple[float, float] | None = None) -> Figure:
    return duration_differences(
        drawn(MADE, statistic, 84),
        drawn(MADE, f"{statistic}_band", 84),
        drawn(MADE, statistic, 84, "milestone"),
        above="more",
        below="fewer",
        what="Difference",
        level="95\u00a0%",
        reference_weeks=12.0,
        axis_weeks=axis_weeks,
    )


def panels() -> Figure:
    def by_day(statistic: str) -> dict[int, pl.DataFrame]:
        return {day: drawn(MADE, statistic, day) for day in clinic.DAYS}

    return duration_panels(by_day("duration_incidence"), by_day("duration_incidence_band"), **WORDS)


def responders() -> Figure:
    tables = (drawn(MADE, f"{one}_by_duration", 84) for one in ("visa_change", "responder_share"))
    return duration_responders(*tables, level="95\u00a0%", points_of="VISA-H", threshold=22.0)


FIGURES: dict[str, Callable[[], Figure]] = {
    "curve": main_curve,
    "panels": panels,
    "against": lambda: difference("duration_difference"),
    "strategies": lambda: difference("strategy_difference_by_duration", (3.0, 96.0)),
    "responders": responders,
}


def text_of(figure: Figure) -> list[str]:
    return [line.strip() for line in re.sub(r"<[^>]+>", "\n", figure.svg()).splitlines() if line.strip()]


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_rows_give_the_same_bytes(name: str) -> None:
    # Grade: exact.
    once, again = FIGURES[name]().svg(), FIGURES[name]().svg()
    assert once == again
    assert len(once) < 80_000


def test_the_axis_is_logarithmic_and_told_in_weeks_and_months() -> None:
    # Grade: exact: 3, 6, 12, 24 weeks are equally far apart; of the named durations those from 3 to 96 weeks are shown.
    panel = Panel(0.0, 5.0, 0.0, 1.0, (3.0, 96.0), (0.0, 1.0))
    assert [round(panel.x(weeks), 9) for weeks in (3, 6, 12, 24, 48, 96)] == [0, 1, 2, 3, 4, 5]
    told = text_of(main_curve())
    assert [one for one in told if one.endswith((" wk", " mo", " y"))] == ["4 wk", "6 wk", "3 mo", "6 mo", "12 mo"]
    assert axes(grammar(), panel, {}, ink_at=None)


def test_both_bands_are_drawn_and_told_apart_in_the_key() -> None:
    # Grade: exact: two ribbons; only the simultaneous one has dashed edges.
    layers = main_curve().plot.layers
    assert sum(type(layer.geom).__name__ == "geom_ribbon" for layer in layers) == 2
    dashed = [layer for layer in layers if layer.geom.aes_params.get("linetype") == "dashed"]
    assert len(dashed) == 4  # two edges, and the two of the key
    assert {"95\u00a0% interval at one duration", "95\u00a0% band for the whole curve at once"} <= set(text_of(main_curve()))


def test_a_duration_without_an_estimate_parts_the_curve() -> None:
    # Grade: exact.
    table = drawn(MADE, "duration_incidence", 84).with_row_index("k")
    gone = [pl.when(pl.col("k") == 20).then(None).otherwise(name).alias(name) for name in ("estimate", "conf_low", "conf_high")]
    panel = Panel(0.0, 5.0, 0.0, 1.0, (3.0, 96.0), (0.0, 1.0))
    layers = curve(grammar(), panel, table.with_columns(gone).to_dicts(), ())
    assert [type(layer).__name__ for layer in layers].count("geom_path") == 2
    assert [type(layer).__name__ for layer in layers].count("geom_ribbon") == 2


def test_what_is_flagged_as_outside_is_not_drawn() -> None:
    # Grade: exact, promise 5: 24 months are flagged in the rows and stand nowhere in the figure.
    asked = drawn(MADE, "duration_incidence", 84, "milestone")["at"].to_list()
    assert asked == [6.0, 13.0, 26.0, 52.0]
    flagged = MADE.select("duration_incidence", term="milestone").filter(pl.col("at") == 104, pl.col("day") == 84)
    assert flagged["estimate"].to_list() == [0.3]
    assert "24 mo" not in text_of(main_curve())


def test_a_withheld_band_says_so_and_is_no_empty_one() -> None:
    # Grade: exact: the share of one band taken away; without any share there are no bars.
    gone = pl.when(pl.col("term") == "12-26").then(None).otherwise("estimate").alias("estimate")
    shares = MADE.select("duration_share")
    assert "withheld" in text_of(main_curve(shares=shares.with_columns(gone)))
    assert "withheld" not in text_of(main_curve())
    none = shares.with_columns(pl.lit(None, dtype=pl.Float64).alias("estimate"))
    assert "withheld" not in text_of(main_curve(shares=none))


def test_durations_carry_their_share_and_the_bars_those_of_the_bands() -> None:
    # Grade: exact: 46 - 3 x 1.115 = 43 at 13 weeks; 6, 27, 31, 22 and 14 in 100 by band.
    told = text_of(main_curve())
    assert {"46\u00a0%", "43\u00a0%", "40\u00a0%", "37\u00a0%"} <= set(told)
    assert told.count("27\u00a0%") == 1
    bare = text_of(main_curve(shares=MADE.select("duration_share").head(0)))
    assert "27\u00a0%" not in bare


def test_where_a_strategy_has_too_few_the_figure_says_so_and_ends() -> None:
    # Grade: exact: the comparison ends at 12 months, the other curves at 96 weeks.
    assert "too few runners" in text_of(difference("strategy_difference_by_duration", (3.0, 96.0)))
    assert "too few runners" not in text_of(difference("strategy_difference_by_duration"))


def test_the_words_tell_the_ends_and_the_middle() -> None:
    # Grade: exact.
    assert main_curve().words.endswith("49\u00a0% at 3\u00a0weeks, 41\u00a0% at 18\u00a0weeks, 34\u00a0% at 96\u00a0weeks.")
    assert "+6 at 3\u00a0weeks" in difference("duration_difference").words
    assert "Share gaining at least 22 points" in text_of(responders())
    assert "Mean change of VISA-H, in points: +20 at 3\u00a0weeks" in responders().words


def test_a_missing_column_or_no_row_is_refused() -> None:
    # Grade: exact.
    with pytest.raises(WrongUse, match="conf_low"):
        main_curve(drawn(MADE, "duration_incidence", 84).drop("conf_low"))
    with pytest.raises(WrongUse, match="no row"):
        main_curve(drawn(MADE, "duration_incidence", 84).head(0))
