"""Control charts of shares: a p-chart with limits as wide as the quarter is small, or a weighted mean of past and present."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures import quarter_panel as panels
from tendon_outcomes.reporting.figures.paper import BLUE, GREY, INK, Figure, grammar, needed, page

CHART = ("stratum", "term", "estimate", "bound_low", "conf_low", "conf_high", "warning")
BASELINE, OUTSIDE = "baseline", "outside"
_HEIGHT = 3.2


def control_chart_figure(
    table: pl.DataFrame, *, what: str, joined: bool = False, sheet: panels.Sheet = panels.WIDE, name: str = "control-chart"
) -> Figure:
    """Points, the centre and control limits as steps, the quarters that made the centre shaded, signals ringed.

    Parameters
    ----------
    table
        `stratum` (the quarter), `term` (`baseline` or `watched`), `estimate`, `bound_low` (centre), `conf_low, conf_high` (the
        control limits), `warning` (`outside`, or nothing), and optionally `n_at_risk`, printed below.
    what
        What the points are, in words.
    joined
        Points follow from each other and are joined.

    Raises
    ------
    WrongUse
        A missing column, or no quarter to draw.
    """
    p9 = grammar()
    needed(table, CHART, "the table of a control chart")
    rows = table.to_dicts()
    numbers = {row["stratum"]: row.get("n_at_risk") for row in rows}
    counted = any(number is not None for number in numbers.values())
    panel = panels.shares_panel(sheet, 1.05 if counted else 0.6, _HEIGHT - 0.25, [row["stratum"] for row in rows])
    outside = [row["stratum"] for row in rows if row["warning"] == OUTSIDE]
    layers = [
        *_shaded(p9, panel, rows),
        *panels.axes(p9, panel, panels.percents()),
        *panels.stairs(p9, panel, rows, "bound_low", color=INK, size=0.6),
        *(
            layer
            for side in ("conf_low", "conf_high")
            for layer in panels.stairs(p9, panel, rows, side, color=GREY, size=0.6, linetype="dashed")
        ),
        *(panels.line(p9, panel, rows, "estimate", color=BLUE, size=0.7) if joined else []),
        *panels.dots(p9, panel, rows, ink=BLUE, signals=outside),
        *(panels.counts(p9, panel, numbers, 0.2, "Runners of the quarter") if counted else []),
    ]
    found = ", ".join(outside) or "none"
    words = f"{what}, quarter by quarter, with control limits; outside them: {found}. {panels.told_shares(rows)}."
    return Figure(page(p9, layers, sheet.width, _HEIGHT), words, name)


def _shaded(p9: Any, panel: panels.Panel, rows: panels.Rows) -> list[Any]:
    """The quarters from which the centre was taken."""
    learned = [row["stratum"] for row in rows if row["term"] == BASELINE]
    if not learned:
        return []
    left, right = panel.x(learned[0], -0.5), panel.x(learned[-1], 0.5)
    label = {"x": left + 0.06, "y": panel.top + 0.1, "label": "baseline", "ha": "left", "size": panel.points, "color": GREY}
    return [
        p9.annotate("rect", xmin=left, xmax=right, ymin=panel.bottom, ymax=panel.top, fill=panels.PALE),
        p9.annotate("text", **label),
    ]
