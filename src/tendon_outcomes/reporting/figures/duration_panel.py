"""A panel over how long it has hurt: a logarithmic axis told in weeks and months, a curve, and two bands told apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tendon_outcomes.reporting.figures.paper import BLUE, BOX, GREY, INK, RULE

TICKS = {1: "1 wk", 2: "2 wk", 4: "4 wk", 6: "6 wk", 13: "3 mo", 26: "6 mo", 52: "12 mo", 104: "24 mo", 208: "4 y"}
"""Durations that an axis names, in weeks."""
SIMULTANEOUS_EDGE = "#5b87ae"
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Panel:
    """A rectangle of the sheet, in inches, with durations (weeks, logarithmic) along it and values up it."""

    left: float
    right: float
    bottom: float
    top: float
    weeks: tuple[float, float]
    values: tuple[float, float]

    def x(self, weeks: float) -> float:
        """The place of a duration; what lies beyond an end is set to the end."""
        low, high = self.weeks
        share = (math.log2(min(max(weeks, low), high)) - math.log2(low)) / (math.log2(high) - math.log2(low))
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        """The place of a value; what lies beyond an end is set to the end."""
        low, high = self.values
        return self.bottom + (min(max(value, low), high) - low) / (high - low) * (self.top - self.bottom)


def weeks_shown(*tables: Rows) -> tuple[float, float]:
    """From the shortest to the longest duration that any of the tables tells, a little wider than one point."""
    told = [row["at"] for rows in tables for row in rows if row["at"] is not None and row["estimate"] is not None]
    low, high = min(told), max(told)
    return (low, high) if high > low else (low / 1.2, high * 1.2)


def axes(p9: Any, panel: Panel, rules: Mapping[float, str], *, title: str = "", ink_at: float | None = 0.0) -> list[Any]:
    """Rules across with their labels, durations below with short ticks, a title above."""
    layers: list[Any] = []
    for value, label in rules.items():
        y, ink = panel.y(value), GREY if value == ink_at else RULE
        layers.append(p9.annotate("segment", x=panel.left, xend=panel.right, y=y, yend=y, color=ink, size=0.45))
        if label:
            layers.append(p9.annotate("text", x=panel.left - 0.08, y=y, label=label, ha="right", size=8.5, color=INK))
    for weeks, label in _ticks(panel).items():
        x = panel.x(weeks)
        layers += [
            p9.annotate("segment", x=x, xend=x, y=panel.bottom, yend=panel.bottom - 0.06, color=GREY, size=0.45),
            p9.annotate("text", x=x, y=panel.bottom - 0.16, label=label, size=8.5, color=INK),
        ]
    if title:
        layers.append(p9.annotate("text", x=panel.left, y=panel.top + 0.16, label=title, ha="left", size=9.5, color=INK))
    return layers


def curve(p9: Any, panel: Panel, rows: Rows, band: Rows, *, ink: str = BLUE) -> list[Any]:
    """The simultaneous band behind, the pointwise one before it, the estimate on top.

    What lies beyond the panel's values is cut at its edge. A duration without an estimate parts the curve.
    """
    layers: list[Any] = []
    for stretch in _stretches(band, ("conf_low", "conf_high")):
        layers.append(_ribbon(p9, panel, stretch, fill=BOX, alpha=0.45))
        layers += [
            p9.geom_path(_aes(p9, panel, stretch, side), color=SIMULTANEOUS_EDGE, size=0.45, linetype="dashed")
            for side in ("conf_low", "conf_high")
        ]
    layers += [_ribbon(p9, panel, one, fill=ink, alpha=0.28) for one in _stretches(rows, ("conf_low", "conf_high"))]
    layers += [p9.geom_path(_aes(p9, panel, one, "estimate"), color=ink, size=1.0) for one in _stretches(rows, ("estimate",))]
    return layers


def points(p9: Any, panel: Panel, rows: Rows, labels: Sequence[str], *, ink: str = BLUE) -> list[Any]:
    """The durations that were asked about, each with its number above."""
    layers: list[Any] = []
    for row, label in zip(rows, labels, strict=True):
        x, y = panel.x(row["at"]), panel.y(row["estimate"])
        layers += [
            p9.annotate("point", x=x, y=y, color="white", fill=ink, size=2.6, shape="o", stroke=0.5),
            p9.annotate("text", x=x, y=y + 0.17, label=label, size=8.5, color=INK, fontweight="bold"),
        ]
    return layers


def key(p9: Any, x: float, y: float, level: str) -> list[Any]:
    """What the line and the two bands stand for."""
    parts = (
        (0.0, "estimate", None),
        (1.05, f"{level} interval at one duration", {"fill": BLUE, "alpha": 0.28}),
        (3.45, f"{level} band for the whole curve at once", {"fill": BOX, "alpha": 0.45}),
    )
    layers: list[Any] = []
    for shift, words, look in parts:
        at = x + shift
        if look:
            layers.append(p9.annotate("rect", xmin=at, xmax=at + 0.28, ymin=y - 0.07, ymax=y + 0.07, **look))
        else:
            layers.append(p9.annotate("segment", x=at, xend=at + 0.28, y=y, yend=y, color=BLUE, size=1.0))
        if look and look["fill"] == BOX:
            layers += [
                p9.annotate("segment", x=at, xend=at + 0.28, y=edge, yend=edge, color=SIMULTANEOUS_EDGE, size=0.45,
                            linetype="dashed")
                for edge in (y - 0.07, y + 0.07)
            ]  # fmt: skip
        layers.append(p9.annotate("text", x=at + 0.35, y=y, label=words, ha="left", size=8.5, color=INK))
    return layers


def _ticks(panel: Panel) -> dict[float, str]:
    """Named durations in the panel, none so close to the one before that their words would touch."""
    low, high = panel.weeks
    shown: dict[float, str] = {}
    for weeks, label in TICKS.items():
        x = panel.x(weeks)
        if low * 0.999 <= weeks <= high * 1.001 and all(abs(x - panel.x(other)) >= 0.42 for other in shown):
            shown[float(weeks)] = label
    return shown


def _stretches(rows: Rows, columns: tuple[str, ...]) -> Iterator[list[Mapping[str, Any]]]:
    """Neighbouring rows that have all of the columns; one without parts them."""
    stretch: list[Mapping[str, Any]] = []
    for row in sorted(rows, key=lambda one: float(one["at"])):
        if all(row[name] is not None for name in columns):
            stretch.append(row)
            continue
        if len(stretch) > 1:
            yield stretch
        stretch = []
    if len(stretch) > 1:
        yield stretch


def _aes(p9: Any, panel: Panel, rows: Rows, column: str) -> Any:
    return p9.aes(x=[panel.x(row["at"]) for row in rows], y=[panel.y(row[column]) for row in rows])


def _ribbon(p9: Any, panel: Panel, rows: Rows, **look: Any) -> Any:
    corners = {
        "x": [panel.x(row["at"]) for row in rows],
        "ymin": [panel.y(row["conf_low"]) for row in rows],
        "ymax": [panel.y(row["conf_high"]) for row in rows],
    }
    return p9.geom_ribbon(p9.aes(**corners), **look)
