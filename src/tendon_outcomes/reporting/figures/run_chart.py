"""The shares of the quarters about their median: runs on one side of it, and crossings."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures import quarter_panel as panels
from tendon_outcomes.reporting.figures.paper import BLUE, INK, Figure, grammar, needed, page
from tendon_outcomes.reporting.wording import percent

POINTS = ("stratum", "estimate")
_HEIGHT = 2.9


def run_chart_figure(
    points: pl.DataFrame, *, centre: float, signal: bool = False, sheet: panels.Sheet = panels.WIDE, name: str = "run-chart"
) -> Figure:
    """Shares in their order with the median. Which runs are too long or crossings too few is told beside it, not drawn.

    Parameters
    ----------
    points
        `stratum` (the quarter), `estimate`.
    centre
        The median.
    signal
        A shift was found: the median is drawn dashed and in the colour of signals.

    Raises
    ------
    WrongUse
        A missing column, or no quarter to draw.
    """
    p9 = grammar()
    needed(points, POINTS, "the table of quarters")
    rows = points.to_dicts()
    panel = panels.shares_panel(sheet, 0.6, _HEIGHT - 0.2, [row["stratum"] for row in rows])
    y = panel.y(centre)
    look: dict[str, Any] = (
        {"color": panels.SIGNAL_INK, "linetype": "dashed", "size": 0.9} if signal else {"color": INK, "size": 0.7}
    )
    layers = [
        *panels.axes(p9, panel, panels.percents()),
        p9.annotate("segment", x=panel.left, xend=panel.right, y=y, yend=y, **look),
        *panels.line(p9, panel, rows, "estimate", color=BLUE, size=0.8),
        *panels.dots(p9, panel, rows, ink=BLUE),
        p9.annotate(
            "text",
            x=panel.right,
            y=panel.top + 0.1,
            ha="right",
            size=sheet.points,
            color=INK,
            label=f"line across: median {percent(centre)}",
        ),
    ]
    words = f"Share improved by week 12, quarter by quarter, about a median of {percent(centre)}. {panels.told_shares(rows)}."
    return Figure(page(p9, layers, sheet.width, _HEIGHT), words, name)
