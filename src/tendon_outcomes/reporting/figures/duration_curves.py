"""The share that recovered over how long it had hurt: one week in full with who was there, or several weeks side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures import duration_panel as panels
from tendon_outcomes.reporting.figures.paper import BLUE, GREY, INK, Figure, grammar, needed, page
from tendon_outcomes.reporting.wording import WITHHELD, band_ends, duration, percent, week

CURVES = ("at", "estimate", "conf_low", "conf_high")
BANDS = ("at", "conf_low", "conf_high")
SHARES = ("term", "estimate")
AXIS = "How long it had hurt on day 0 (every doubling is the same distance)"
_STEP = 0.25
_GAP = 0.5  # inches between panels: the last duration of one does not touch the first of the next


def duration_curve(
    curve: pl.DataFrame,
    band: pl.DataFrame,
    asked: pl.DataFrame,
    shares: pl.DataFrame,
    *,
    phrase: str,
    by: str,
    level: str,
    name: str = "duration-curve",
) -> Figure:
    """The curve of one week with both bands, the durations asked about, and below how many runners had hurt for how long.

    Parameters
    ----------
    curve, band
        `at` (weeks), `estimate, conf_low, conf_high`: rows of `duration_incidence` and `duration_incidence_band`, term `curve`,
        of one day, none of them outside what the records support.
    asked
        `at, estimate`: the durations that carry a number.
    shares
        `term, estimate`: rows of `duration_share`, the bars below. Single runners are never drawn.
    phrase, by, level
        What is reached, by when, and the level of the intervals, in words.

    Raises
    ------
    WrongUse
        A missing column, or no row to draw.
    """
    p9 = grammar()
    needed(curve, CURVES, "the table of the curve")
    if shares.height:
        needed(shares, SHARES, "the table of durations")
    rows, around = curve.to_dicts(), band.to_dicts()
    weeks = panels.weeks_shown(rows, asked.to_dicts())
    bars = _bars(shares)
    panel = panels.Panel(0.75, 8.95, 1.62 if bars else 0.75, 4.55, weeks, (0.0, _highest(rows, around)))
    told = asked.drop_nulls(["at", "estimate"]).to_dicts()
    layers = [
        *panels.axes(p9, panel, _percents(panel)),
        *panels.curve(p9, panel, rows, around),
        *panels.points(p9, panel, told, [percent(row["estimate"]) for row in told]),
        *panels.key(p9, panel.left, 4.85, level),
        *_rug(p9, panel, bars),
        p9.annotate("text", x=(panel.left + panel.right) / 2, y=0.14, label=AXIS, size=9, color=INK),
    ]
    words = f"Estimated share reaching {phrase} by {by}, by how long it had hurt on day 0. {_told(rows)}."
    return Figure(page(p9, layers, 9.2, 5.1), words, name)


def duration_panels(
    curves: Mapping[int, pl.DataFrame],
    bands: Mapping[int, pl.DataFrame],
    *,
    phrase: str,
    level: str,
    name: str = "duration-panels",
) -> Figure:
    """The same curve by several weeks since day 0, side by side on one scale.

    Parameters
    ----------
    curves, bands
        As for `duration_curve`, by day.
    phrase, level
        What is reached, and the level of the intervals.

    Raises
    ------
    WrongUse
        A missing column, or a day without a row to draw.
    """
    p9 = grammar()
    for table in curves.values():
        needed(table, CURVES, "the table of the curve")
    rows = {day: table.to_dicts() for day, table in curves.items()}
    around = {day: table.to_dicts() for day, table in bands.items()}
    top = max(_highest(rows[day], around.get(day, ())) for day in rows)
    weeks = panels.weeks_shown(*rows.values())
    wide = (8.95 - 0.75 - _GAP * (len(rows) - 1)) / len(rows)
    layers: list[Any] = list(panels.key(p9, 0.75, 3.55, level))
    for position, (day, mine) in enumerate(rows.items()):
        left = 0.75 + position * (wide + _GAP)
        panel = panels.Panel(left, left + wide, 0.7, 2.95, weeks, (0.0, top))
        rules = {value: label if position == 0 else "" for value, label in _percents(panel).items()}
        layers += [
            *panels.axes(p9, panel, rules, title=f"By {week(day)}"),
            *panels.curve(p9, panel, mine, around.get(day, ())),
        ]
    layers.append(p9.annotate("text", x=4.85, y=0.14, label=AXIS, size=9, color=INK))
    told = "; ".join(f"by {week(day)}: {_told(mine)}" for day, mine in rows.items())
    words = f"Estimated share reaching {phrase}, by how long it had hurt on day 0: {told}."
    return Figure(page(p9, layers, 9.2, 3.75), words, name)


def _highest(rows: Sequence[Mapping[str, Any]], band: Sequence[Mapping[str, Any]]) -> float:
    """The end of the axis: a quarter above everything that is drawn, at least one half, at most all."""
    reached = [float(row["conf_high"]) for row in (*rows, *band) if row["conf_high"] is not None] or [1.0]
    return min(max(math.ceil(max(reached) / _STEP) * _STEP, 0.5), 1.0)


def _percents(panel: panels.Panel) -> dict[float, str]:
    return {_STEP * k: percent(_STEP * k) for k in range(round(panel.values[1] / _STEP) + 1)}


def _told(rows: Sequence[Mapping[str, Any]]) -> str:
    """The ends and the middle of a curve."""
    told = sorted((row for row in rows if row["estimate"] is not None), key=lambda row: float(row["at"]))
    chosen = {k: told[k] for k in (0, len(told) // 2, len(told) - 1)}
    return ", ".join(f"{percent(row['estimate'])} at {duration(round(row['at']))}" for row in chosen.values())


def _bars(shares: pl.DataFrame) -> list[tuple[float | None, float | None, float | None]]:
    """Ends and share of every display band; none where no share is told."""
    told = shares.drop_nulls("estimate").height > 0
    return [(*band_ends(row["term"]), row["estimate"]) for row in shares.to_dicts()] if told else []


def _rug(p9: Any, panel: panels.Panel, bars: Sequence[tuple[float | None, float | None, float | None]]) -> list[Any]:
    """Bars as wide as their band within the axis and as high as the share of its runners; a withheld one is no empty one."""
    if not bars:
        return []
    base, tallest = 0.48, max(share or 0.0 for *_, share in bars) or 1.0
    layers: list[Any] = [
        p9.annotate(
            "text", x=panel.left, y=1.14, label="Share of the runners, by how long it had hurt", ha="left", size=8.5, color=GREY
        )
    ]
    for low, high, share in bars:
        left, right = panel.x(low or panel.weeks[0]), panel.x(high or panel.weeks[1])
        if right - left < 0.05:
            continue
        if share is None:
            layers.append(p9.annotate("text", x=(left + right) / 2, y=base - 0.1, label=WITHHELD, size=8, color=GREY))
            continue
        top = base + 0.5 * share / tallest
        layers += [
            p9.annotate("rect", xmin=left + 0.02, xmax=right - 0.02, ymin=base, ymax=top, fill=BLUE, alpha=0.35),
            p9.annotate("text", x=(left + right) / 2, y=base - 0.1, label=percent(share), size=8, color=INK),
        ]
    return layers
