"""Groups about their common share: how far from it a group of its size may lie by chance. No order by result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures import quarter_panel as panels
from tendon_outcomes.reporting.figures.paper import BLUE, GREY, INK, RULE, Figure, grammar, needed, page
from tendon_outcomes.reporting.wording import percent

FUNNEL = ("label", "estimate", "n_at_risk", "conf_low", "conf_high", "bound_low", "bound_high")
_HEIGHT = 3.6
_EDGES = (("conf_low", "conf_high", "dashed"), ("bound_low", "bound_high", "dotted"))


@dataclass(frozen=True)
class _Field:
    """Where the panel lies, in inches, and the numbers of runners it spans."""

    left: float
    right: float
    bottom: float
    top: float
    runners: tuple[float, float]

    def x(self, n: float) -> float:
        low, high = self.runners
        return self.left + (n - low) / (high - low) * (self.right - self.left)

    def y(self, share: float) -> float:
        return self.bottom + share * (self.top - self.bottom)


def funnel_figure(
    table: pl.DataFrame, *, centre: float | None, levels: tuple[str, str], sheet: panels.Sheet = panels.WIDE, name: str = "funnel"
) -> Figure:
    """The share of each group over its number of runners, between limits that a group of that number keeps by chance.

    Parameters
    ----------
    table
        `label` (the group, by its pseudonym), `estimate, n_at_risk`, `conf_low, conf_high` and `bound_low, bound_high` (the inner
        and the outer limits about the common share).
    centre
        The common share, if it is told.
    levels
        The levels of the inner and the outer limits, in words.

    Raises
    ------
    WrongUse
        A missing column, or no group to draw.
    """
    p9 = grammar()
    needed(table, FUNNEL, "the table of a funnel")
    rows = [row for row in table.sort("label").to_dicts() if row["estimate"] is not None and row["n_at_risk"]]
    needed(pl.DataFrame(rows), FUNNEL, "the table of a funnel")
    numbers = [row["n_at_risk"] for row in rows]
    field = _Field(sheet.left, sheet.right, 0.72, _HEIGHT - 0.45, (0.8 * min(numbers), 1.08 * max(numbers)))
    layers = [*_axes(p9, field, sheet), *_centre(p9, field, centre), *_limits(p9, field, rows)]
    for row, (x, y, side) in zip(rows, _labels(field, rows, sheet), strict=True):
        at = {"x": field.x(row["n_at_risk"]), "y": field.y(row["estimate"])}
        outside = _outside(row)
        ink = panels.SIGNAL_INK if outside else BLUE
        layers += [
            p9.annotate("point", color="white", fill=ink, shape="D" if outside else "o", size=3.0, stroke=0.3, **at),
            p9.annotate("text", x=x, y=y, label=row["label"], ha=side, size=sheet.points, color=INK),
        ]
    layers += _key(p9, field, sheet, levels)
    return Figure(page(p9, layers, sheet.width, _HEIGHT), _words(rows, centre), name)


def _axes(p9: Any, field: _Field, sheet: panels.Sheet) -> list[Any]:
    layers: list[Any] = []
    for share, label in panels.percents().items():
        y = field.y(share)
        layers += [
            p9.annotate("segment", x=field.left, xend=field.right, y=y, yend=y, color=GREY if share == 0 else RULE, size=0.45),
            p9.annotate("text", x=field.left - 0.08, y=y, label=label, ha="right", size=sheet.points, color=INK),
        ]
    for n in _ticks(field.runners):
        x = field.x(n)
        layers += [
            p9.annotate("segment", x=x, xend=x, y=field.bottom, yend=field.bottom - 0.06, color=GREY, size=0.45),
            p9.annotate("text", x=x, y=field.bottom - 0.17, label=f"{n:g}", size=sheet.points, color=INK),
        ]
    title = {"x": (field.left + field.right) / 2, "y": 0.2, "label": "Runners counted in the group"}
    return [*layers, p9.annotate("text", size=sheet.points + 0.5, color=INK, **title)]


def _centre(p9: Any, field: _Field, centre: float | None) -> list[Any]:
    if centre is None:
        return []
    y = field.y(centre)
    return [p9.annotate("segment", x=field.left, xend=field.right, y=y, yend=y, color=INK, size=0.6)]


def _limits(p9: Any, field: _Field, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The limits of the groups in the order of their size, joined: they are known at these sizes only."""
    layers: list[Any] = []
    for low, high, linetype in _EDGES:
        for side in (low, high):
            known = {row["n_at_risk"]: row[side] for row in rows if row[side] is not None}
            ends = [(field.x(n), field.y(value)) for n, value in sorted(known.items())]
            if len(ends) > 1:
                path = p9.aes(x=[x for x, _ in ends], y=[y for _, y in ends])
                layers.append(p9.geom_path(path, color=GREY, size=0.6, linetype=linetype))
            layers += [p9.annotate("segment", x=x - 0.06, xend=x + 0.06, y=y, yend=y, color=GREY, size=0.7) for x, y in ends]
    return layers


def _labels(field: _Field, rows: Sequence[Mapping[str, Any]], sheet: panels.Sheet) -> list[tuple[float, float, str]]:
    """Right or left of its point, or a little above or below, where neither a point nor a label stands already."""
    points = [(field.x(row["n_at_risk"]), field.y(row["estimate"])) for row in rows]
    high = 0.0165 * sheet.points
    taken = [(x - 0.06, x + 0.06, y) for x, y in points]
    places = []
    for row, (x, y) in zip(rows, points, strict=True):
        wide = 0.0095 * sheet.points * len(str(row["label"]))
        tries = [(side, shift * high) for shift in (0, 1, -1, 2, -2) for side in ("left", "right")]
        side, shift = next((one for one in tries if _free(_box(x, y, wide, *one), taken, field, high)), tries[0])
        taken.append(_box(x, y, wide, side, shift))
        places.append((x + 0.1 if side == "left" else x - 0.1, y + shift, side))
    return places


def _box(x: float, y: float, wide: float, side: str, shift: float) -> tuple[float, float, float]:
    begin = x + 0.1 if side == "left" else x - 0.1 - wide
    return begin, begin + wide, y + shift


def _free(box: tuple[float, float, float], taken: Sequence[tuple[float, float, float]], field: _Field, high: float) -> bool:
    begin, end, y = box
    inside = begin > field.left and end < field.right + 0.15
    return inside and all(abs(y - other) >= high or begin > right or end < left for left, right, other in taken)


def _key(p9: Any, field: _Field, sheet: panels.Sheet, levels: tuple[str, str]) -> list[Any]:
    layers: list[Any] = []
    for position, (words, (_, _, linetype)) in enumerate(zip(levels, _EDGES, strict=True)):
        x, y = field.left + position * (0.02 * len(words) + 0.14 * sheet.points), _HEIGHT - 0.2
        layers += [
            p9.annotate("segment", x=x, xend=x + 0.3, y=y, yend=y, color=GREY, size=0.7, linetype=linetype),
            p9.annotate("text", x=x + 0.37, y=y, label=f"{words} limits", ha="left", size=sheet.points, color=INK),
        ]
    return layers


def _ticks(runners: tuple[float, float]) -> list[float]:
    low, high = runners
    step = next((one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500) if (high - low) / one <= 6), 1000)
    return [float(step * k) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _outside(row: Mapping[str, Any]) -> bool:
    """Beyond the outer limits."""
    low, high = row["bound_low"], row["bound_high"]
    return (low is not None and row["estimate"] < low) or (high is not None and row["estimate"] > high)


def _words(rows: Sequence[Mapping[str, Any]], centre: float | None) -> str:
    told = "; ".join(f"{row['label']}: {percent(row['estimate'])} of {row['n_at_risk']}" for row in rows)
    about = "" if centre is None else f" about a common share of {percent(centre)}"
    return f"Share improved by week 12 by group{about}, in alphabetical order. {told}."
