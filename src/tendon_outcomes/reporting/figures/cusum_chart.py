"""Risk-adjusted sums of what was more or less than expected: better upward, worse downward, each with its limit."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures import quarter_panel as panels
from tendon_outcomes.reporting.figures.paper import BLUE, GREY, INK, Figure, grammar, needed, page
from tendon_outcomes.reporting.wording import quarter_words

CUSUM = ("stratum", "estimate", "conf_high", "warning")
SIGNAL = "signal"
_HEIGHT = 3.1


def cusum_figure(
    better: pl.DataFrame, worse: pl.DataFrame, *, what: str, sheet: panels.Sheet = panels.WIDE, name: str = "cusum"
) -> Figure:
    """Two sums in one panel, the one for worse upside down: whichever reaches its dashed limit signals.

    Parameters
    ----------
    better, worse
        `stratum` (the quarter), `estimate` (the sum after the look), `conf_high` (its limit), `warning` (`signal`, or nothing).
    what
        What is summed, in words.

    Raises
    ------
    WrongUse
        A missing column, or no quarter to draw.
    """
    p9 = grammar()
    sides = {"better": (1.0, better.to_dicts()), "worse": (-1.0, worse.to_dicts())}
    for side, table in (("better", better), ("worse", worse)):
        needed(table, CUSUM, f"the table of the sum for {side}")
    quarters = sorted({row["stratum"] for _, rows in sides.values() for row in rows})
    reach = 1.12 * max(
        (v for _, rows in sides.values() for row in rows for v in (row["estimate"], row["conf_high"]) if v), default=1
    )
    panel = panels.Panel(sheet.left, sheet.right, 0.6, _HEIGHT - 0.25, tuple(quarters), (-reach, reach), sheet.points)
    layers = panels.axes(p9, panel, _rules(reach))
    for side, (sign, rows) in sides.items():
        layers += _side(p9, panel, side, [_turned(row, sign) for row in rows], sign)
    words = f"{what}: sums after each quarter. " + " ".join(_told(side, rows) for side, (_, rows) in sides.items())
    return Figure(page(p9, layers, sheet.width, _HEIGHT), words, name)


def _turned(row: dict[str, Any], sign: float) -> dict[str, Any]:
    both = {name: None if row[name] is None else sign * row[name] for name in ("estimate", "conf_high")}
    return {**row, **both}


def _side(p9: Any, panel: panels.Panel, side: str, rows: panels.Rows, sign: float) -> list[Any]:
    signals = [row["stratum"] for row in rows if row["warning"] == SIGNAL]
    limits = [row["conf_high"] for row in rows if row["conf_high"] is not None]
    label = []
    if limits:
        y = panel.y(limits[0]) - sign * 0.11
        words = f"limit for {side}"
        label = [p9.annotate("text", x=panel.left + 0.06, y=y, label=words, ha="left", size=panel.points, color=GREY)]
    return [
        *panels.stairs(p9, panel, rows, "conf_high", color=GREY, size=0.6, linetype="dashed"),
        *label,
        *panels.line(p9, panel, rows, "estimate", color=BLUE if sign > 0 else INK, size=0.8),
        *panels.dots(p9, panel, rows, ink=BLUE if sign > 0 else INK, signals=signals),
    ]


def _rules(reach: float) -> dict[float, str]:
    step = next((one for one in (0.5, 1, 2, 5, 10, 20, 50, 100) if reach / one <= 4), 100)
    ends = int(reach // step)
    return {step * k: f"{abs(step * k):g}" for k in range(-ends, ends + 1)}


def _told(side: str, rows: panels.Rows) -> str:
    known = [row for row in rows if row["estimate"] is not None]
    if not known:
        return f"{side.capitalize()}: no value."
    signals = [quarter_words(row["stratum"]) for row in rows if row["warning"] == SIGNAL]
    limit = "" if known[-1]["conf_high"] is None else f" (limit {known[-1]['conf_high']:.2f})"
    return (
        f"{side.capitalize()}: {known[-1]['estimate']:.2f} at the last{limit}; signals in {', '.join(signals) or 'no quarter'}."
    )
