"""The lanes of a time line: from marks to symbols, lines and words at their places, each lane with its own legend."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tendon_outcomes.reporting.timeline_symbols import (
    ENDPOINT,
    GREY,
    INK,
    LANES,
    PALE,
    SCALES,
    SMALL,
    TEAL,
    TEXT,
    WEEKS,
    Box,
    Dot,
    LaneStyle,
    Shape,
    Stroke,
    Symbol,
    Words,
)

WIDTH, UNIT, MARGIN = 720.0, 19.5, 22.0
"""In points: the whole drawing, one unit of height, and what stands left of the first day for the numbers of a scale."""
TITLES, LEGEND = 108.0, 205.0
"""In points: the lane titles on the left and their legends on the right."""
LINE, LETTER = 11.0, 4.75
"""In points at the small size: from one line to the next, and the width of a letter."""
LOOKS = ("passes", "fails", "unknown", "void")
Mark = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One line of a legend: what is drawn before the words, if anything."""

    says: str
    symbol: Symbol | None = None
    stroke: tuple[float, str, str] | None = None
    fill: str = ""


@dataclass(frozen=True)
class Axis:
    """The days that all lanes share, and how many points one of them is wide."""

    first: int
    last: int

    @property
    def points(self) -> float:
        return (WIDTH - TITLES - LEGEND - MARGIN) / max(self.last - self.first, 1)

    def shown(self, day: float) -> float:
        return max(float(day), float(self.first))

    def beside(self, day: float, points: float) -> float:
        """The place so many points right of a day."""
        return self.shown(day) + points / self.points


@dataclass(frozen=True)
class Lane:
    """One strip: what is drawn in it, and its legend. `top` is its upper edge in units, counted downwards from 0."""

    key: str
    style: LaneStyle
    marks: tuple[Mark, ...]
    legend: tuple[Entry, ...]
    height: float
    top: float = 0.0

    @property
    def middle(self) -> float:
        return self.top - self.height / 2

    def at(self, share: float) -> float:
        """A height inside the strip: 0 near its lower edge, 1 near its upper one."""
        room = min(0.28, self.height / 4)
        return self.top - self.height + room + share * (self.height - 2 * room)

    def scaled(self, value: float) -> float:
        low, high = SCALES[self.key]
        return self.at(0.16 + 0.84 * (value - low) / (high - low))


def lane_of(key: str, marks: tuple[Mark, ...], axis: Axis, top: float) -> Lane:
    style = LANES.get(key) or LaneStyle(_endpoint_title(key, marks), 2.4, ENDPOINT)
    if key == "score" and marks[0]["label"]:
        style = LaneStyle(marks[0]["label"], style.height, style.symbols)
    legend = _legend(key, style, marks)
    for_legend = len(_flowed(legend)) * LINE / UNIT + 0.4
    for_words = 0.62 * max(_levels(marks, axis)) + 1.0 if key == "events" else 0.0
    return Lane(key, style, marks, legend, max(style.height, for_legend, for_words), top)


def _endpoint_title(key: str, marks: Sequence[Mark]) -> str:
    phrase = next(one["label"] for one in marks if one["kind"] in ("horizon", "not_followed"))
    version = key.partition(".")[2].replace("_", " ")
    lines = (*textwrap.wrap(f"{phrase[:1].upper()}{phrase[1:]},", width=20), *textwrap.wrap(f"version {version}", width=20))
    return "\n".join(lines)


def _legend(key: str, style: LaneStyle, marks: tuple[Mark, ...]) -> tuple[Entry, ...]:
    """What each symbol of the lane means; only those that are in it."""
    kinds = {one["kind"] for one in marks}
    if key == "weeks":
        return tuple(Entry(f"{band.letter} {band.says}", fill=band.fill) for kind, band in WEEKS.items() if kind in kinds)
    if key.startswith("endpoint:"):
        return _endpoint_legend(style, marks)
    return tuple(Entry(symbol.says, symbol) for kind, symbol in style.symbols.items() if kind in kinds)


def _endpoint_legend(style: LaneStyle, marks: tuple[Mark, ...]) -> tuple[Entry, ...]:
    found = {one["kind"]: one for one in marks}
    looks = [Entry(style.symbols[kind].says, style.symbols[kind]) for kind in LOOKS if kind in found]
    if "not_followed" in found:
        return (*looks, Entry("not in the follow-up of this endpoint"))
    entries = [*looks, Entry("not yet reached", stroke=(0.6, INK, "solid"))]
    if (one := found.get("reached")) is not None:
        entries.append(Entry(f"reached after day {one['day']}, by day {one['end_day']}", stroke=(3.0, TEAL, "solid")))
    if (one := found.get("confirmed")) is not None:
        entries.append(Entry(f"confirmed on day {one['day']}", style.symbols["confirmed"]))
    if (one := found.get("competing")) is not None:
        entries.append(Entry(f"{one['label']} came first, day {one['end_day']}", style.symbols["competing"]))
    if (one := found.get("censored")) is not None:
        entries.append(Entry(f"not reached by day {one['day']}: {one['label']}", stroke=(0.6, GREY, "dotted")))
    if (one := found.get("horizon")) is not None:
        entries.append(Entry(f"horizon, day {one['day']}", stroke=(0.6, GREY, "dashed")))
    return tuple(entries)


def _flowed(entries: Iterable[Entry]) -> list[list[tuple[float, Entry]]]:
    """Legend entries in lines no wider than the legend, each with its place in points."""
    lines: list[list[tuple[float, Entry]]] = []
    used = LEGEND
    for entry in entries:
        width = 13 + LETTER * len(entry.says) + 9
        if used + width > LEGEND or not lines:
            lines.append([])
            used = 0.0
        lines[-1].append((used, entry))
        used += width
    return lines


def drawn(lane: Lane, axis: Axis) -> Iterable[Shape]:
    yield Stroke(axis.first, axis.last, lane.top, lane.top, PALE, 0.5)
    yield Words(axis.beside(axis.first, -MARGIN), lane.middle, lane.style.title, "right", TEXT)
    if lane.key == "weeks":
        yield from _bands(lane)
    elif lane.key == "events":
        yield from _named(lane, axis)
    elif lane.key in SCALES:
        yield from _scale(lane, axis)
        yield from _points(lane, axis)
    elif lane.key.startswith("endpoint:"):
        yield from _endpoint(lane, axis)
    else:
        yield from (Dot(axis.shown(one["day"]), lane.middle, lane.style.symbols[one["kind"]]) for one in lane.marks)
    yield from _legend_shapes(lane, axis)


def _scale(lane: Lane, axis: Axis) -> Iterable[Shape]:
    low, high = SCALES[lane.key]
    for value in (low, (low + high) / 2, high):
        yield Stroke(axis.first, axis.last, lane.scaled(value), lane.scaled(value), PALE, 0.4)
        yield Words(axis.beside(axis.first, -6), lane.scaled(value), f"{value:g}", "right", SMALL - 1, GREY)


def _points(lane: Lane, axis: Axis) -> Iterable[Shape]:
    for kind, symbol in lane.style.symbols.items():
        values = [(one["day"], one["value"]) for one in lane.marks if one["kind"] == kind]
        places = [(axis.shown(day), lane.at(0) if value is None else lane.scaled(value)) for day, value in sorted(values)]
        if symbol.joined:
            for (x, y), (xend, yend) in itertools.pairwise(places):
                yield Stroke(x, xend, y, yend, symbol.color, 0.5, symbol.joined)
        yield from (Dot(x, y, symbol) for x, y in dict.fromkeys(places))


def _bands(lane: Lane) -> Iterable[Shape]:
    """A band for every run of equal weeks, with its letter once."""
    low, high = lane.at(0), lane.at(1)
    ordered = sorted(lane.marks, key=lambda one: one["day"])
    runs: list[list[Mark]] = []
    for one in ordered:
        goes_on = runs and runs[-1][-1]["kind"] == one["kind"] and one["day"] - runs[-1][-1]["end_day"] <= 1
        runs[-1].append(one) if goes_on else runs.append([one])
    for run in runs:
        start, end, band = max(run[0]["day"] - 1, 0), run[-1]["end_day"], WEEKS[run[0]["kind"]]
        yield Box(start, end, low, high, band.fill)
        yield Words((start + end) / 2, lane.middle, band.letter, "center")


def _extent(one: Mark, axis: Axis) -> tuple[float, float]:
    """From where to where a mark and its words reach, in points; words that would run into the legend stand to the left."""
    place, width = axis.shown(one["day"]) * axis.points, 10 + LETTER * len(said(one))
    return (place - width, place + 4) if place + width > axis.last * axis.points else (place - 4, place + width)


def _levels(marks: Sequence[Mark], axis: Axis) -> list[int]:
    """For each mark in order of its day the first line on which its words have room."""
    lines: list[list[tuple[float, float]]] = []
    levels = []
    for one in sorted(marks, key=by_day):
        start, end = _extent(one, axis)
        free = (number for number, line in enumerate(lines) if all(end + 6 < low or high + 6 < start for low, high in line))
        level = next(free, len(lines))
        if level == len(lines):
            lines.append([])
        lines[level].append((start, end))
        levels.append(level)
    return levels


def by_day(one: Mark) -> tuple[int, str, str]:
    return one["day"], one["kind"], one["label"]


def said(one: Mark) -> str:
    until = f" to {one['end_day']}" if one["end_day"] is not None and one["end_day"] != one["day"] else ""
    return f"{one['label']}, day {one['day']}{until}"


def _named(lane: Lane, axis: Axis) -> Iterable[Shape]:
    """Events with their words beside them, each on a line where it has room."""
    for one, level in zip(sorted(lane.marks, key=by_day), _levels(lane.marks, axis), strict=True):
        x, y = axis.shown(one["day"]), lane.top - 0.5 - 0.62 * level
        to_the_left = _extent(one, axis)[0] < x * axis.points - 4
        yield Dot(x, y, lane.style.symbols[one["kind"]])
        yield Words(x + (-7 if to_the_left else 7) / axis.points, y, said(one), "right" if to_the_left else "left", backed=True)


def _endpoint(lane: Lane, axis: Axis) -> Iterable[Shape]:
    """Looks above; below what they come to: not yet, the interval, its confirmation, what came instead, and the horizon."""
    symbols, upper, lower = lane.style.symbols, lane.at(0.9), lane.at(0.62)
    for one in lane.marks:
        if one["kind"] in LOOKS:
            yield Dot(axis.shown(one["day"]), upper if one["kind"] in ("passes", "fails") else lower, symbols[one["kind"]])
    found = {one["kind"]: one for one in lane.marks}
    if "horizon" in found:
        day = found["horizon"]["day"]
        yield Stroke(day, day, lane.at(0), lane.at(1), GREY, 0.6, "dashed")
    below = lane.at(0.2)
    for kind in ("reached", "competing", "censored"):
        if kind in found:
            yield Stroke(0, found[kind]["day"], below, below, INK, 0.6)
    if "reached" in found:
        yield Stroke(found["reached"]["day"], found["reached"]["end_day"], below, below, TEAL, 3.0)
    if "competing" in found:
        yield Dot(found["competing"]["end_day"], below, symbols["competing"])
    if "confirmed" in found:
        yield Dot(found["confirmed"]["day"], below, symbols["confirmed"])
    if "censored" in found:
        day = found["censored"]["day"]
        yield Stroke(day, day, below - 0.2, below + 0.2, INK, 0.6)
        yield Stroke(day, max(found["horizon"]["day"], day), below, below, GREY, 0.6, "dotted")


def _legend_shapes(lane: Lane, axis: Axis) -> Iterable[Shape]:
    lines = _flowed(lane.legend)
    for number, line in enumerate(lines):
        y = lane.middle + ((len(lines) - 1) / 2 - number) * LINE / UNIT
        for offset, entry in line:
            x = axis.beside(axis.last, 16 + offset)
            yield from _legend_symbol(entry, x, y, axis)
            yield Words(axis.beside(axis.last, 24 + offset), y, entry.says)


def _legend_symbol(entry: Entry, x: float, y: float, axis: Axis) -> Iterable[Shape]:
    half = 5 / axis.points
    if entry.symbol is not None:
        if entry.symbol.joined:
            yield Stroke(x - half, x + half, y, y, entry.symbol.color, 0.5, entry.symbol.joined)
        yield Dot(x, y, entry.symbol)
    if entry.stroke is not None:
        size, color, dashes = entry.stroke
        yield Stroke(x - half, x + half, y, y, color, size, dashes)
    if entry.fill:
        yield Box(x - half, x + half, y - 0.2, y + 0.2, entry.fill)
