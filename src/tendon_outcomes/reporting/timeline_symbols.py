"""The symbols of a time line: each differs from its neighbours by its shape, so that nothing hangs on a colour."""

from __future__ import annotations

from dataclasses import dataclass

INK, GREY, PALE, PAPER = "#1b1f24", "#6b7280", "#e5e8ec", "#ffffff"
BLUE, ORANGE, TEAL = "#0b4f8a", "#b45309", "#0f766e"
TEXT, SMALL = 9.0, 8.0
"""Sizes of letters in points."""


@dataclass(frozen=True)
class Symbol:
    """One mark on a day, what it means, and the line that joins marks of its kind (none where empty)."""

    says: str
    shape: str
    fill: str
    size: float = 2.0
    color: str = INK
    joined: str = ""


@dataclass(frozen=True)
class Dot:
    """A symbol at a place."""

    x: float
    y: float
    symbol: Symbol


@dataclass(frozen=True)
class Stroke:
    """A line between two places."""

    x: float
    xend: float
    y: float
    yend: float
    color: str = INK
    size: float = 0.5
    dashes: str = "solid"


@dataclass(frozen=True)
class Box:
    """A filled strip."""

    x: float
    xend: float
    y: float
    yend: float
    fill: str


@dataclass(frozen=True)
class Words:
    """Text beside, before or around a place. `backed`: the grid does not show through it."""

    x: float
    y: float
    text: str
    ha: str = "left"
    size: float = SMALL
    color: str = INK
    weight: str = "normal"
    backed: bool = False


Shape = Dot | Stroke | Box | Words


@dataclass(frozen=True)
class Band:
    """One mark over days: its filling and the letter in it."""

    says: str
    letter: str
    fill: str


@dataclass(frozen=True)
class LaneStyle:
    """One lane: its title, its least height in units, and its symbols by kind."""

    title: str
    height: float
    symbols: dict[str, Symbol]


VISITS = {
    "scheduled": Symbol("planned visit", "o", BLUE),
    "flare": Symbol("visit for a flare", "^", ORANGE, 2.4),
    "discharge": Symbol("discharge", "s", GREY),
    "remote_prompt": Symbol("asked from afar", "D", PAPER, 1.8),
    "unknown": Symbol("reason not recorded", "o", PAPER),
}
PAIN = {
    "easy": Symbol("easy", "o", PAPER, 2.3, BLUE, "dashed"),
    "fast": Symbol("fast", "^", ORANGE, 1.8, ORANGE, "solid"),
    "any_pace": Symbol("any pace", "s", PAPER, 1.9, TEAL, "solid"),
    "avoided": Symbol("not run: pain or advice", "x", INK, 1.6),
}
EVENTS = {
    "prescription": Symbol("prescribed", ">", PAPER, 2.2),
    "procedure": Symbol("procedure", "P", ORANGE, 2.4),
    "event": Symbol("event", "v", GREY, 2.2),
}
ENDPOINT = {
    "passes": Symbol("passes", "^", TEAL, 2.2),
    "fails": Symbol("fails", "v", PAPER, 2.2),
    "unknown": Symbol("not known", "$?$", INK, 2.4),
    "void": Symbol("void", "x", INK, 1.6),
    "confirmed": Symbol("confirmed", "D", INK, 1.9),
    "competing": Symbol("competing event", "*", ORANGE, 3.2),
}
LANES = {
    "visits": LaneStyle("Visits", 1.0, VISITS),
    "reports": LaneStyle("Weekly reports", 0.9, {"report": Symbol("report", "|", INK, 2.0)}),
    "pain": LaneStyle("Pain in running", 3.2, PAIN),
    "score": LaneStyle("Score", 2.6, {"score": Symbol("total", "o", BLUE, 2.0, BLUE, "solid")}),
    "loading": LaneStyle("Loading", 0.9, {"session": Symbol("session", "s", BLUE, 1.4, BLUE)}),
    "stretching": LaneStyle("Stretching", 0.9, {"session": Symbol("session", "D", PAPER, 1.4, ORANGE)}),
    "other": LaneStyle("Other exercise", 0.9, {"session": Symbol("session", "o", PAPER, 1.4, GREY)}),
    "weeks": LaneStyle("State of the week", 1.1, {}),
    "events": LaneStyle("Plan, procedures,\nevents", 1.4, EVENTS),
}
"""In their order from top to bottom; the endpoints follow."""

WEEKS = {
    "L": Band("loading", "L", "#9cc3e4"),
    "S": Band("stretching", "S", "#f3d3a4"),
    "B": Band("both", "B", "#c9c0e3"),
    "N": Band("neither", "N", PALE),
    "U": Band("not known", "U", PAPER),
}
SCALES = {"pain": (0.0, 10.0), "score": (0.0, 100.0)}
"""Least and greatest value of the lanes that have a height scale."""
