"""Estimates in a column with their intervals, and what was refused in the same place with its reason."""

from __future__ import annotations

import math
from typing import Any, Literal

import polars as pl

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.reporting.figures.paper import BLUE, GREY, INK, RULE, Figure, bare, grammar, needed

FOREST = ("label", "estimate", "conf_low", "conf_high")
_WIDTH = 0.42  # share of the sheet that the axis takes


def forest_figure(
    table: pl.DataFrame,
    *,
    scale: Literal["ratio", "difference"],
    axis_title: str,
    left_words: str = "",
    right_words: str = "",
    name: str = "forest",
) -> Figure:
    """A forest plot: one line a row, ratios on a logarithmic axis around 1, differences on a plain one around 0.

    Parameters
    ----------
    table
        `label, estimate, conf_low, conf_high`; optional `group` (a heading), `n` (printed), `warning` (printed where the
        estimate is missing: a refusal keeps its line). Differences of shares are given as shares and printed in points.
    axis_title
        What is compared with what, and in which unit.
    left_words, right_words
        What lies on either side of no difference, for instance "slower" and "faster".

    Raises
    ------
    WrongUse
        A ratio that is not above 0, a missing column, or no row at all.
    """
    p9 = grammar()

    needed(table, FOREST, "the table of a forest plot")
    rows = _lines(table)
    ratio = scale == "ratio"
    numbers = [v for r in rows for v in (r.get("conf_low"), r.get("estimate"), r.get("conf_high")) if v is not None]
    if ratio and any(v <= 0 for v in numbers):
        raise WrongUse("a ratio of 0 or less has no place on a logarithmic axis")
    null = 0.0
    values = [math.log(v) if ratio else v for v in numbers] or [-1.0, 1.0]
    reach = max(abs(v - null) for v in values) * 1.08 or 1.0
    ends = _ends(values, reach)

    def place(value: float) -> float:
        v = math.log(value) if ratio else value
        return (min(max(v, ends[0]), ends[1]) - ends[0]) / (ends[1] - ends[0])

    bottom = float(len(rows))
    middle = (null - ends[0]) / (ends[1] - ends[0])
    layers: list[Any] = [
        p9.annotate("segment", x=middle, xend=middle, y=-bottom + 0.4, yend=0.5, color=GREY, size=0.6),
        p9.annotate("segment", x=0, xend=1, y=-bottom + 0.4, yend=-bottom + 0.4, color=GREY, size=0.5),
    ]
    for line, row in enumerate(rows):
        layers += _line(p9, row, -float(line), place, ratio=ratio)
    for tick in _ticks(ends, ratio=ratio):
        x = place(tick)
        layers += [
            p9.annotate("segment", x=x, xend=x, y=-bottom + 0.4, yend=-bottom + 0.3, color=GREY, size=0.5),
            p9.annotate("text", x=x, y=-bottom, label=f"{tick:g}" if ratio else _points(tick), size=8.5, color=INK),
        ]
    layers.append(p9.annotate("text", x=0.5, y=-bottom - 0.75, label=axis_title, size=9, color=INK))
    for x, words, side in ((middle - 0.02, left_words, "right"), (middle + 0.02, right_words, "left")):
        if words:
            arrow = f"← {words}" if side == "right" else f"{words} →"
            layers.append(p9.annotate("text", x=x, y=0.85, label=arrow, ha=side, size=8.5, color=GREY))
    plot = p9.ggplot()
    for layer in layers:
        plot += layer
    sheet = [
        p9.scale_x_continuous(limits=(-0.95, 1.72), expand=(0, 0)),
        p9.scale_y_continuous(limits=(-bottom - 1.2, 1.3), breaks=[], expand=(0, 0)),
    ]
    return Figure(plot + sheet + bare(p9, (9.2, 1.2 + 0.3 * len(rows)), 10.0), _words(rows, axis_title, ratio=ratio), name)


def _lines(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows with a heading before the first of each group."""
    rows: list[dict[str, Any]] = []
    heading = None
    for row in table.to_dicts():
        if row.get("group") is not None and row["group"] != heading:
            heading = row["group"]
            rows.append({"heading": heading})
        rows.append(row)
    return rows


def _line(p9: Any, row: dict[str, Any], y: float, place: Any, *, ratio: bool) -> list[Any]:
    if "heading" in row:
        return [p9.annotate("text", x=-0.93, y=y, label=row["heading"], ha="left", fontweight="bold", size=9.5, color=INK)]
    n = row.get("n")
    layers = [
        p9.annotate("segment", x=-0.93, xend=1.7, y=y - 0.5, yend=y - 0.5, color=RULE, size=0.3),
        p9.annotate("text", x=-0.9, y=y, label=str(row["label"]), ha="left", size=9.5, color=INK),
    ]
    if n is not None:
        layers.append(
            p9.annotate("text", x=-0.08, y=y, label=f"n = {n:,}".replace(",", "\u202f"), ha="right", size=8.5, color=GREY)
        )
    if row["estimate"] is None:
        reason = row.get("warning") or "not estimated"
        return [*layers, p9.annotate("text", x=0.02, y=y, label=reason, ha="left", size=8.5, color=GREY, fontstyle="italic")]
    at = place(row["estimate"])
    if row["conf_low"] is not None and row["conf_high"] is not None:
        low, high = place(row["conf_low"]), place(row["conf_high"])
        layers.append(p9.annotate("segment", x=low, xend=high, y=y, yend=y, color=BLUE, size=0.9))
    layers.append(p9.annotate("point", x=at, y=y, color=BLUE, shape="s", size=2.8))
    return [*layers, p9.annotate("text", x=1.05, y=y, label=_number(row, ratio=ratio), ha="left", size=9.5, color=INK)]


def _number(row: dict[str, Any], *, ratio: bool) -> str:
    def said(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f}" if ratio else _points(value)

    return f"{said(row['estimate'])}  ({said(row['conf_low'])} to {said(row['conf_high'])})"


def _in_words(row: dict[str, Any], *, ratio: bool) -> str:
    """Estimate and limits; without limits the estimate alone."""

    def said(value: float) -> str:
        return f"{value:.3g}" if ratio else _points(value)

    if row["conf_low"] is None or row["conf_high"] is None:
        return said(row["estimate"])
    return f"{said(row['estimate'])} ({said(row['conf_low'])} to {said(row['conf_high'])})"


def _points(value: float) -> str:
    """A difference of shares in points, with its sign."""
    rounded = round(100 * value, 1)
    return "0" if rounded == 0 else f"{rounded:+.3g}".replace("-", "−")


def _ends(values: list[float], reach: float) -> tuple[float, float]:
    """The axis: symmetric around no difference when estimates lie on both sides, else from just beyond it."""
    low, high = min([*values, 0.0]), max([*values, 0.0])
    slack = 0.08 * reach
    return low - slack, high + slack


def _ticks(ends: tuple[float, float], *, ratio: bool) -> list[float]:
    if ratio:
        at = (0.1, 0.2, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0)
        inside = [v for v in at if ends[0] <= math.log(v) <= ends[1]]
        return inside if len(inside) <= 7 else [v for v in inside if v in (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)]
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 1e9) if (ends[1] - ends[0]) / s <= 7)
    first = math.ceil(ends[0] / step)
    return [step * k for k in range(first, math.floor(ends[1] / step) + 1)]


def _words(rows: list[dict[str, Any]], axis_title: str, *, ratio: bool) -> str:
    told, group = [], ""
    for row in rows:
        if "heading" in row:
            group = f"{row['heading']}, " if row["heading"] else ""
        elif row["estimate"] is None:
            told.append(f"{group}{row['label']}: {row.get('warning') or 'not estimated'}")
        else:
            told.append(f"{group}{row['label']}: {_in_words(row, ratio=ratio)}")
    return f"{axis_title}. " + "; ".join(told) + "."
