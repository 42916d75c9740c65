"""A panel with quarters along it: the sheets it is drawn on, its axes, stretches of a line, and a mark for a signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tendon_outcomes.reporting.figures.paper import GREY, INK, RULE
from tendon_outcomes.reporting.wording import percent, quarter_words

SIGNAL_INK = "#c2410c"
"""Beside the colour a signal always has a shape of its own."""
PALE = "#eef1f4"
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Sheet:
    """How wide a drawing is, in inches, and how large its smallest words are: one for screens and paper, one for phones."""

    name: str
    width: float
    points: float
    left: float

    @property
    def right(self) -> float:
        """Where panels end."""
        return self.width - 0.2


WIDE = Sheet("wide", 9.2, 9.0, 0.8)
NARROW = Sheet("narrow", 4.6, 10.5, 0.72)
SHEETS = (WIDE, NARROW)


@dataclass(frozen=True)
class Panel:
    """A rectangle of the sheet, in inches, with quarters evenly along it and values up it."""

    left: float
    right: float
    bottom: float
    top: float
    quarters: tuple[str, ...]
    values: tuple[float, float]
    points: float = 8.5

    @property
    def step(self) -> float:
        """From one quarter to the next."""
        return (self.right - self.left) / max(len(self.quarters), 1)

    def x(self, quarter: str, shift: float = 0.0) -> float:
        """The middle of a quarter, or so much of a step beside it."""
        return self.left + (self.quarters.index(quarter) + 0.5 + shift) * self.step

    def y(self, value: float) -> float:
        """The place of a value; what lies beyond an end is set to the end."""
        low, high = self.values
        return self.bottom + (min(max(value, low), high) - low) / (high - low) * (self.top - self.bottom)


def shares_panel(sheet: Sheet, bottom: float, top: float, quarters: Sequence[str]) -> Panel:
    """A panel for shares, from none to all."""
    return Panel(sheet.left, sheet.right, bottom, top, tuple(quarters), (0.0, 1.0), sheet.points)


def percents(step: float = 0.25) -> dict[float, str]:
    """Rules across a panel of shares."""
    return {step * k: percent(step * k) for k in range(round(1 / step) + 1)}


def axes(p9: Any, panel: Panel, rules: Mapping[float, str], *, ink_at: float = 0.0) -> list[Any]:
    """Rules across with their labels, and the quarters below: each where there is room, else the years alone."""
    layers: list[Any] = []
    for value, label in rules.items():
        y, ink = panel.y(value), GREY if value == ink_at else RULE
        layers += [
            p9.annotate("segment", x=panel.left, xend=panel.right, y=y, yend=y, color=ink, size=0.45),
            p9.annotate("text", x=panel.left - 0.08, y=y, label=label, ha="right", size=panel.points, color=INK),
        ]
    for quarter in panel.quarters:
        x = panel.x(quarter)
        layers.append(p9.annotate("segment", x=x, xend=x, y=panel.bottom, yend=panel.bottom - 0.06, color=GREY, size=0.45))
    for quarter, label, line in _labels(panel):
        y = panel.bottom - 0.17 - 0.02 * panel.points * line
        layers.append(p9.annotate("text", x=panel.x(quarter), y=y, label=label, size=panel.points, color=INK))
    return layers


def counts(p9: Any, panel: Panel, numbers: Mapping[str, int | None], y: float, title: str) -> list[Any]:
    """A number under every quarter that has room for it, the last one always."""
    layers: list[Any] = [p9.annotate("text", x=panel.left, y=y + 0.17, label=title, ha="left", size=panel.points, color=GREY)]
    widest = max((len(str(number)) for number in numbers.values() if number is not None), default=1)
    apart = 0.0105 * panel.points * (widest + 1)
    last: float | None = None
    for quarter in reversed(panel.quarters):
        x, number = panel.x(quarter), numbers.get(quarter)
        if number is None or (last is not None and last - x < apart):
            continue
        last = x
        layers.append(p9.annotate("text", x=x, y=y, label=str(number), size=panel.points, color=INK))
    return layers


def stretches(panel: Panel, rows: Rows, columns: tuple[str, ...]) -> Iterator[list[Mapping[str, Any]]]:
    """Neighbouring quarters whose rows have all of the columns; a quarter without parts them."""
    known = {row["stratum"]: row for row in rows if all(row[name] is not None for name in columns)}
    stretch: list[Mapping[str, Any]] = []
    for quarter in panel.quarters:
        if quarter in known:
            stretch.append(known[quarter])
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def line(p9: Any, panel: Panel, rows: Rows, column: str, **look: Any) -> list[Any]:
    """The values of a column from quarter to quarter, parted where one is missing."""
    return [
        p9.geom_path(p9.aes(x=[panel.x(row["stratum"]) for row in one], y=[panel.y(row[column]) for row in one]), **look)
        for one in stretches(panel, rows, (column,))
        if len(one) > 1
    ]


def stairs(p9: Any, panel: Panel, rows: Rows, column: str, **look: Any) -> list[Any]:
    """The values of a column as steps, each as wide as its quarter."""
    layers = []
    for one in stretches(panel, rows, (column,)):
        x = [panel.x(row["stratum"], shift) for row in one for shift in (-0.5, 0.5)]
        layers.append(p9.geom_path(p9.aes(x=x, y=[panel.y(row[column]) for row in one for _ in range(2)]), **look))
    return layers


def dots(p9: Any, panel: Panel, rows: Rows, *, ink: str, signals: Sequence[str] = ()) -> list[Any]:
    """One point a quarter; a signal is a diamond of another colour with a ring."""
    layers: list[Any] = []
    for row in rows:
        if row["estimate"] is None:
            continue
        at = {"x": panel.x(row["stratum"]), "y": panel.y(row["estimate"])}
        if row["stratum"] in signals:
            layers += [
                p9.annotate("point", color=SIGNAL_INK, fill="white", shape="o", size=5.2, stroke=0.8, **at),
                p9.annotate("point", color=SIGNAL_INK, fill=SIGNAL_INK, shape="D", size=2.2, **at),
            ]
        else:
            layers.append(p9.annotate("point", color="white", fill=ink, shape="o", size=2.3, stroke=0.3, **at))
    return layers


def told_shares(rows: Rows) -> str:
    """Every quarter with its share, for who cannot see the drawing."""
    told = [f"{quarter_words(row['stratum'])}: {percent(row['estimate'])}" for row in rows if row["estimate"] is not None]
    return "; ".join(told)


def _labels(panel: Panel) -> Iterator[tuple[str, str, int]]:
    """Quarter, words and line of every label below: `Q3`, and under it the year where it begins."""
    roomy = panel.step >= 0.034 * panel.points
    last_year_at = -1.0
    for position, quarter in enumerate(panel.quarters):
        year, _, number = quarter.partition("Q")
        if roomy:
            yield quarter, f"Q{number}", 0
        begins = number == "1" or position == 0
        x = panel.x(quarter)
        if begins and x - last_year_at >= 0.055 * panel.points:
            last_year_at = x
            yield quarter, year, 1 if roomy else 0
