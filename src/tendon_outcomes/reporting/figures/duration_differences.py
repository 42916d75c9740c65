"""What differs with how long it has hurt: absolute differences, and a change in points beside the share of responders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures import duration_panel as panels
from tendon_outcomes.reporting.figures.duration_curves import AXIS, CURVES
from tendon_outcomes.reporting.figures.paper import GREY, INK, RULE, Figure, grammar, needed, page
from tendon_outcomes.reporting.wording import duration, percent, rounded

_SIZES = (1, 2, 5, 10, 20, 25, 50)


def duration_differences(
    curve: pl.DataFrame,
    band: pl.DataFrame,
    asked: pl.DataFrame,
    *,
    above: str,
    below: str,
    what: str,
    level: str,
    reference_weeks: float | None = None,
    axis_weeks: tuple[float, float] | None = None,
    name: str = "duration-differences",
) -> Figure:
    """A difference in 100 runners over duration with both bands; it ends where the data end.

    Parameters
    ----------
    curve, band
        `at, estimate, conf_low, conf_high`: differences of shares, term `curve`, of one day, within what the records support.
    asked
        `at, estimate`: the durations that carry a number.
    above, below
        What lies on either side of no difference, in words.
    what
        What the difference is of, for who cannot see the drawing.
    reference_weeks
        The duration that all others are compared with, marked by a line, where there is one.
    axis_weeks
        Durations at the ends of the axis, where another figure of the page reaches further: then it is said where the data end.

    Raises
    ------
    WrongUse
        A missing column, or no row to draw.
    """
    p9 = grammar()
    needed(curve, CURVES, "the table of differences")
    rows, around = curve.to_dicts(), band.to_dicts()
    told = asked.drop_nulls(["at", "estimate"]).to_dicts()
    ends = panels.weeks_shown(rows, told)
    weeks = (min(ends[0], axis_weeks[0]), max(ends[1], axis_weeks[1])) if axis_weeks else ends
    rules = _rules([*rows, *around], scale=100.0)
    panel = panels.Panel(0.75, 8.95, 0.75, 3.75, weeks, (min(rules), max(rules)))
    told = [row for row in told if row["at"] != reference_weeks]
    layers = [
        *panels.axes(p9, panel, rules),
        *_reference(p9, panel, reference_weeks),
        *_too_few(p9, panel, panel.left, panel.x(ends[0])),
        *_too_few(p9, panel, panel.x(ends[1]), panel.right),
        *panels.curve(p9, panel, rows, around),
        *panels.points(p9, panel, told, [_signed(100 * row["estimate"]) for row in told]),
        *panels.key(p9, panel.left, 4.3, level),
        p9.annotate("text", x=panel.left, y=panel.top + 0.16, label=f"↑ {above}", ha="left", size=8.5, color=GREY),
        p9.annotate("text", x=panel.left + 2.6, y=panel.top + 0.16, label=f"↓ {below}", ha="left", size=8.5, color=GREY),
        p9.annotate("text", x=(panel.left + panel.right) / 2, y=0.14, label=AXIS, size=9, color=INK),
    ]
    words = f"{what}, in 100 runners, by how long it had hurt on day 0: {_told(rows, 100.0)}."
    return Figure(page(p9, layers, 9.2, 4.55), words, name)


def duration_responders(
    change: pl.DataFrame,
    responders: pl.DataFrame,
    *,
    level: str,
    points_of: str,
    threshold: float | None = None,
    name: str = "duration-responders",
) -> Figure:
    """The mean change in points beside the share above a fixed threshold: where they tell different stories, trust the first.

    Parameters
    ----------
    change, responders
        `at, estimate, conf_low, conf_high`: rows of `visa_change_by_duration` and `responder_share_by_duration` of one day.
    points_of
        The name of the score.
    threshold
        How many points make a responder, for the title.

    Raises
    ------
    WrongUse
        A missing column, or no row to draw.
    """
    p9 = grammar()
    needed(change, CURVES, "the table of changes")
    needed(responders, CURVES, "the table of responders")
    gained, shares = change.to_dicts(), responders.to_dicts()
    weeks = panels.weeks_shown(gained, shares)
    rules = _rules(gained, scale=1.0)
    left = panels.Panel(0.75, 4.6, 0.75, 3.0, weeks, (min(rules), max(rules)))
    right = panels.Panel(5.3, 9.0, 0.75, 3.0, weeks, (0.0, 1.0))
    reached = f"Share gaining at least {threshold:g} points" if threshold is not None else "Share of responders"
    quarters = {0.25 * k: percent(0.25 * k) for k in range(5)}
    layers = [
        *panels.axes(p9, left, rules, title=f"Mean change of {points_of}, points"),
        *panels.curve(p9, left, gained, ()),
        *panels.axes(p9, right, quarters, title=reached),
        *panels.curve(p9, right, shares, ()),
        p9.annotate("text", x=4.85, y=0.14, label=AXIS, size=9, color=INK),
    ]
    words = (
        f"By how long it had hurt on day 0, with {level} intervals. Mean change of {points_of}, in points: {_told(gained, 1.0)}. "
        f"Share of responders, in 100: {_told(shares, 100.0, sign=False)}."
    )
    return Figure(page(p9, layers, 9.2, 3.4), words, name)


def _rules(rows: Sequence[Mapping[str, Any]], *, scale: float) -> dict[float, str]:
    """Round steps that hold every limit and 0, in the units of the rows, with signed labels on the printed scale."""
    drawn = [scale * row[side] for row in rows for side in ("estimate", "conf_low", "conf_high") if row[side] is not None]
    low, high = min(0.0, *drawn), max(0.0, *drawn)
    step = next((size for size in _SIZES if (high - low) / size <= 6), 100)
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return {step * k / scale: _signed(step * k) for k in range(first, last + 1)}


def _reference(p9: Any, panel: panels.Panel, weeks: float | None) -> list[Any]:
    if weeks is None or not panel.weeks[0] <= weeks <= panel.weeks[1]:
        return []
    x, words = panel.x(weeks), f"compared with {duration(weeks)}"
    return [
        p9.annotate("segment", x=x, xend=x, y=panel.bottom, yend=panel.top, color=GREY, size=0.6, linetype="dotted"),
        p9.annotate("text", x=x + 0.06, y=panel.top - 0.1, label=words, ha="left", size=8.5, color=GREY),
    ]


def _too_few(p9: Any, panel: panels.Panel, left: float, right: float) -> list[Any]:
    """The part of the axis that the curve does not reach, because the data do not."""
    if right - left < 0.15:
        return []
    blank = p9.annotate("rect", xmin=left, xmax=right, ymin=panel.bottom, ymax=panel.top, fill=RULE, alpha=0.45)
    if right - left < 1.2:
        return [blank]
    middle = (left + right) / 2
    return [blank, p9.annotate("text", x=middle, y=panel.top - 0.15, label="too few runners", size=8.5, color=INK)]


def _told(rows: Sequence[Mapping[str, Any]], scale: float, *, sign: bool = True) -> str:
    told = sorted((row for row in rows if row["estimate"] is not None), key=lambda row: float(row["at"]))
    chosen = {k: told[k] for k in (0, len(told) // 2, len(told) - 1)}
    say = _signed if sign else lambda value: str(rounded(value))
    return ", ".join(f"{say(scale * row['estimate'])} at {duration(round(row['at']))}" for row in chosen.values())


def _signed(value: float) -> str:
    """A whole number with its sign, to one decimal below 1: what is not 0 does not look like it."""
    if abs(value) >= 1:
        return f"{rounded(value):+d}".replace("-", "−")
    return f"{value:+.1f}".replace("-", "−") if round(value, 1) else "0"
