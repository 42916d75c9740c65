"""Cumulative incidence had everybody followed one strategy or the other, and how many that effectively rests on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures.paper import (
    GREY,
    GROUP_INKS,
    GROUP_LINES,
    INK,
    RULE,
    Figure,
    bare,
    grammar,
    groups_of,
    needed,
)
from tendon_outcomes.reporting.wording import NBSP, percent, readable, week_number

CURVES = ("stratum", "day", "estimate", "conf_low", "conf_high")
AT_RISK = ("stratum", "day", "estimate")
_ROW = 0.07


def strategy_curves(
    curves: pl.DataFrame, at_risk: pl.DataFrame | None, *, horizon_days: int, phrase: str, name: str = "strategy-curves"
) -> Figure:
    """Steps with limits at every week that has an estimate, boxes over weeks that have none, effective numbers at risk below.

    Parameters
    ----------
    curves
        `stratum, day, estimate, conf_low, conf_high`: rows of `strategy_incidence`, term `curve`.
    at_risk
        `stratum, day, estimate`: rows of `effective_at_risk`; without it no numbers stand under the curves.
    horizon_days
        End of the axis.
    phrase
        What is reached, for the words.

    Raises
    ------
    WrongUse
        A missing column, no row at all, or more strategies than can be told apart.
    """
    p9 = grammar()
    needed(curves, CURVES, "the table of curves")
    shown = curves.filter(pl.col("day") <= horizon_days).drop_nulls("estimate")
    needed(shown, CURVES, "the table of curves")
    groups = groups_of(shown)
    weeks = horizon_days / 7
    layers: list[Any] = [
        p9.annotate("segment", x=0, xend=weeks, y=y, yend=y, color=RULE if y else GREY, size=0.45)
        for y in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    for position, group in enumerate(groups):
        layers += _curve(p9, shown.filter(pl.col("stratum") == group).sort("day"), position, weeks)
    layers += _key(p9, groups)
    layers += _numbers(p9, at_risk, groups, weeks)
    plot = p9.ggplot()
    for layer in layers:
        plot += layer
    bottom = -0.16 - _ROW * (len(groups) + 1 if at_risk is not None else 0)
    sheet = [
        p9.scale_x_continuous(limits=(-0.24 * weeks, weeks * 1.02), expand=(0, 0)),
        p9.scale_y_continuous(limits=(bottom, 1.16), breaks=[], expand=(0, 0)),
    ]
    return Figure(plot + sheet + bare(p9, (9.2, 5.4), 10.0), _words(shown, groups, phrase), name)


def _curve(p9: Any, rows: pl.DataFrame, position: int, weeks: float) -> list[Any]:
    """Steps between weeks that follow each other; where weeks are missing between two, a box in which the curve lies."""
    ink = GROUP_INKS[position]
    days = [0.0, *(day / 7 for day in rows["day"].to_list())]
    level = [0.0, *rows["estimate"].to_list()]
    known = [b - a <= 1.0 for a, b in itertools.pairwise(days)]
    layers: list[Any] = []
    for k, x, y in _stretches(days, level, known, weeks):
        layers.append(p9.geom_path(p9.aes(x=x, y=y), color=ink, size=0.9, linetype=GROUP_LINES[position]))
        if k:
            layers.append(p9.annotate("point", x=x[0], y=y[0], color=ink, size=1.6))
    for k in (k for k, steps in enumerate(known) if not steps):
        box = {"xmin": days[k], "xmax": days[k + 1], "ymin": level[k], "ymax": level[k + 1]}
        layers.insert(0, p9.annotate("rect", **box, fill=ink, alpha=0.12))
    limits = rows.drop_nulls(["conf_low", "conf_high"])
    if limits.height:
        at = [day / 7 + 0.12 * position for day in limits["day"].to_list()]
        ends = {"x": at, "xend": at, "y": limits["conf_low"].to_list(), "yend": limits["conf_high"].to_list()}
        layers.insert(0, p9.geom_segment(p9.aes(**ends), color=ink, size=0.6, alpha=0.45))
    return layers


def _stretches(
    days: list[float], level: list[float], known: list[bool], weeks: float
) -> Iterator[tuple[int, list[float], list[float]]]:
    """Corners of each stretch of weeks that follow each other, with the place of its first week."""
    first = 0
    for k in range(len(days)):
        if k < len(known) and known[k]:
            continue
        x, y = [days[first]], [level[first]]
        for at in range(first + 1, k + 1):
            x += [days[at], days[at]]
            y += [level[at - 1], level[at]]
        if k == len(days) - 1:
            x, y = [*x, min(weeks, days[k] + 0.5)], [*y, level[k]]
        if len(x) == 1:
            x, y = [x[0], x[0] + 0.01], [y[0], y[0]]
        yield first, x, y
        first = k + 1


def _key(p9: Any, groups: list[str]) -> list[Any]:
    layers = []
    for position, group in enumerate(groups):
        x = 0.5 + 9.0 * position
        layers += [
            p9.annotate("segment", x=x, xend=x + 1.6, y=1.1, yend=1.1, color=GROUP_INKS[position], size=1.0,
                        linetype=GROUP_LINES[position]),
            p9.annotate("text", x=x + 1.9, y=1.1, label=readable(group), ha="left", size=9.5, color=INK),
        ]  # fmt: skip
    return layers


def _numbers(p9: Any, at_risk: pl.DataFrame | None, groups: list[str], weeks: float) -> list[Any]:
    """The axis in weeks, shares on the left, and under the weeks the effective numbers."""
    ticks = list(range(0, int(weeks) + 1, 4 if weeks > 14 else 2))
    layers = [p9.annotate("text", x=week, y=-0.05, label=f"{week}", size=8.5, color=INK) for week in ticks]
    layers.append(p9.annotate("text", x=weeks / 2, y=-0.12, label="Weeks since day 0", size=9, color=INK))
    layers += [
        p9.annotate("text", x=-0.4, y=share, label=percent(share), ha="right", size=8.5, color=INK)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    if at_risk is None:
        return layers
    needed(at_risk, AT_RISK, "the table of numbers at risk")
    layers.append(p9.annotate("text", x=-0.235 * weeks, y=-0.155, label="Effectively at risk", ha="left", size=8.5, color=GREY))
    for position, group in enumerate(groups):
        y = -0.16 - _ROW * (position + 1)
        layers.append(
            p9.annotate("text", x=-0.235 * weeks, y=y, label=readable(group), ha="left", size=8.5, color=GROUP_INKS[position])
        )
        told = {row["day"] / 7: row["estimate"] for row in at_risk.filter(pl.col("stratum") == group).to_dicts()}
        for week in ticks:
            if told.get(week) is not None:
                layers.append(p9.annotate("text", x=week, y=y, label=f"{told[week]:.0f}", size=8.5, color=INK))
    return layers


def _words(rows: pl.DataFrame, groups: list[str], phrase: str) -> str:
    told = []
    for group in groups:
        last = rows.filter(pl.col("stratum") == group).sort("day").row(-1, named=True)
        share = f"{percent(last['estimate'])} by week{NBSP}{week_number(last['day'])}"
        told.append(f"{readable(group)}: {share}")
    return f"Estimated cumulative incidence of {phrase} had everybody followed one strategy. " + "; ".join(told) + "."
