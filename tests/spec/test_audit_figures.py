"""Figures of an audit: drawn from rows, the same bytes each time, signals by shape too, nobody in the order of results."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl
import pytest

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.reporting.figures import (
    Figure,
    control_chart_figure,
    cusum_figure,
    funnel_figure,
    looks_figure,
    run_chart_figure,
    share_forest_figure,
)
from tendon_outcomes.reporting.figures.quarter_panel import NARROW, SHEETS, SIGNAL_INK, WIDE, Panel, Sheet, stretches
from tendon_outcomes.results import frame
from tests.spec import audit_fixture as clinic

MADE = frame(clinic.everything())
LOUD = frame(clinic.charts(outside="2026Q1", falling=True))


def rows(statistic: str, term: str | None = None, table: pl.DataFrame = MADE) -> pl.DataFrame:
    mine = table.filter(pl.col("statistic") == statistic)
    return mine if term is None else mine.filter(pl.col("term") == term)


def groups() -> pl.DataFrame:
    mine = rows("group_incidence").filter(pl.col("day") == 84)
    kind, name = (pl.col("stratum").str.split(": ").list.get(position) for position in (0, 1))
    return mine.with_columns(kind.alias("group"), name.alias("label"), pl.lit("").alias("note"))


def of_groups() -> pl.DataFrame:
    return rows("funnel", "exact").with_columns(pl.col("stratum").str.split(": ").list.get(1).alias("label"))


DRAWN: dict[str, Callable[[Sheet], Figure]] = {
    "looks": lambda sheet: looks_figure(rows("look_share"), rows("look_share_naive"), threshold=0.5, level="95 %", sheet=sheet),
    "run chart": lambda sheet: run_chart_figure(rows("p_chart"), centre=0.64, sheet=sheet),
    "p-chart": lambda sheet: control_chart_figure(rows("p_chart", table=LOUD), what="Share", sheet=sheet),
    "ewma": lambda sheet: control_chart_figure(rows("ewma"), what="Share", joined=True, sheet=sheet),
    "cusum": lambda sheet: cusum_figure(
        rows("cusum", "share better", LOUD), rows("cusum", "share worse", LOUD), what="Share", sheet=sheet
    ),
    "funnel": lambda sheet: funnel_figure(of_groups(), centre=0.63, levels=("95 %", "99.8 %"), sheet=sheet),
    "groups": lambda sheet: share_forest_figure(groups(), axis_title="Share", threshold=0.5, sheet=sheet),
}


def texts(figure: Figure) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", figure.svg())


@pytest.mark.parametrize("sheet", SHEETS, ids=[one.name for one in SHEETS])
@pytest.mark.parametrize("name", DRAWN)
def test_the_same_rows_give_the_same_bytes(name: str, sheet: Sheet) -> None:
    # Grade: exact.
    made = DRAWN[name](sheet)
    assert made.svg() == DRAWN[name](sheet).svg()
    assert re.fullmatch(r"(?!.*(None|nan)).*\.", made.words)


@pytest.mark.parametrize("sheet", SHEETS, ids=[one.name for one in SHEETS])
@pytest.mark.parametrize("name", DRAWN)
def test_every_word_stands_on_the_sheet(name: str, sheet: Sheet) -> None:
    # Grade: exact: the places of the words lie within the view box.
    svg = DRAWN[name](sheet).svg()
    _, _, width, height = (float(one) for one in re.search(r'viewBox="([\d. ]+)"', svg)[1].split())  # type: ignore[index]
    for x, y in re.findall(r'<text[^>]*transform="[^"]*?translate\(([-\d.]+) ([-\d.]+)\)', svg):
        assert 0 <= float(x) <= width
        assert 0 <= float(y) <= height


def test_a_table_without_a_column_or_a_row_is_refused() -> None:
    # Grade: exact.
    for make in (
        lambda table: looks_figure(table, table, threshold=0.5, level="95 %"),
        lambda table: run_chart_figure(table, centre=0.5),
        lambda table: control_chart_figure(table, what="Share"),
        lambda table: cusum_figure(table, table, what="Share"),
        lambda table: funnel_figure(table, centre=0.5, levels=("95 %", "99.8 %")),
        lambda table: share_forest_figure(table, axis_title="Share"),
    ):
        with pytest.raises(WrongUse):
            make(MADE.drop("stratum", "estimate"))
        with pytest.raises(WrongUse):
            make(groups().head(0))


def test_limits_that_are_withheld_part_the_band() -> None:
    # Grade: exact: a quarter without limits is not drawn through.
    panel = Panel(0, 10, 0, 1, clinic.QUARTERS, (0.0, 1.0))
    gap = rows("look_share").with_columns(
        pl.when(pl.col("stratum") == "2024Q2").then(None).otherwise(pl.col("conf_low")).alias("conf_low")
    )
    parts = list(stretches(panel, gap.to_dicts(), ("conf_low", "conf_high")))
    assert [len(part) for part in parts] == [4, 9]
    assert looks_figure(gap, rows("look_share_naive"), threshold=None, level="95 %").svg()


def test_a_signal_is_told_and_has_a_shape_of_its_own() -> None:
    # Grade: exact: not by colour alone.
    assert "outside them: 2026Q1" in DRAWN["p-chart"](WIDE).words
    assert "signals in 2026 Q1, 2026 Q2" in DRAWN["cusum"](WIDE).words.replace("\u00a0", " ")
    loud, quiet = DRAWN["p-chart"](WIDE).svg(), control_chart_figure(rows("p_chart"), what="Share").svg()
    assert SIGNAL_INK in loud
    assert SIGNAL_INK not in quiet


def test_groups_in_a_funnel_are_told_by_name_not_by_share() -> None:
    # Grade: exact: never a league table.
    told = re.findall(r"\b([cs]\d+): ", DRAWN["funnel"](WIDE).words)
    assert told == sorted(told)
    assert (
        funnel_figure(of_groups().reverse(), centre=None, levels=("95 %", "99.8 %")).words
        == funnel_figure(of_groups(), centre=None, levels=("95 %", "99.8 %")).words
    )


def test_a_share_that_was_refused_keeps_its_line() -> None:
    # Grade: exact.
    numbers = ("estimate", "bound_low", "bound_high", "conf_low", "conf_high")
    refused = groups().head(1).with_columns(
        *(pl.lit(None, dtype=pl.Float64).alias(name) for name in numbers),
        pl.lit("refused").alias("note"), pl.lit("c99").alias("label"),
    )  # fmt: skip
    made = share_forest_figure(pl.concat([groups(), refused]), axis_title="Share")
    assert {"c99", "refused"} <= set(texts(made))
    assert "c99: refused" in made.words


def test_years_stand_alone_where_quarters_have_no_room() -> None:
    # Grade: exact: words do not touch.
    crowded = tuple(f"{year}Q{number}" for year in range(2015, 2027) for number in (1, 2, 3, 4))
    few = looks_figure(rows("look_share").tail(4), rows("look_share_naive"), threshold=0.5, level="95 %")
    assert {"Q4", "Q1", "Q2", "Q3", "2026"} <= set(texts(few))
    many = rows("look_share").head(1)
    many = pl.concat([many.with_columns(pl.lit(quarter).alias("stratum")) for quarter in crowded])
    made = looks_figure(many, many, threshold=0.5, level="95 %", sheet=NARROW)
    told = [one for one in texts(made) if re.match(r"Q\d|20\d\d", one)]
    assert told == sorted(told)
    assert not any(one.startswith("Q") for one in told)
    assert len(told) <= 8
