"""Balance before and after weighting: how far two strategies are apart in every covariate."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures.paper import BLUE, GREY, INK, RULE, Figure, bare, grammar, needed
from tendon_outcomes.reporting.wording import readable

BALANCE = ("stratum", "term", "estimate")
TOLERATED = 0.1
"""Absolute standardised mean difference that is usually let pass; statistics.md, rail "balance"."""
_WIDEST = 1.0  # differences beyond this are drawn at the edge and told in figures


def love_plot(table: pl.DataFrame, *, name: str = "love-plot") -> Figure:
    """One line a covariate: the absolute standardised mean difference before weighting (ring) and after (disc).

    Parameters
    ----------
    table
        `stratum` (before, after), `term` (covariate), `estimate`: rows of `standardised_mean_difference`. A covariate keeps its
        line where one of the two is missing. A difference beyond 1 standard deviation is drawn at the edge with its number.

    Raises
    ------
    WrongUse
        A missing column, or no row at all.
    """
    p9 = grammar()
    needed(table, BALANCE, "the table of a love plot")
    lines = _lines(table)
    reach = max([TOLERATED * 1.5, *(abs(v) for _, pair in lines for v in pair.values() if abs(v) <= _WIDEST)]) * 1.1
    bottom = float(len(lines))
    layers: list[Any] = [
        p9.annotate("rect", xmin=0, xmax=TOLERATED / reach, ymin=-bottom + 0.5, ymax=0.5, fill=RULE, alpha=0.6),
        p9.annotate("segment", x=0, xend=0, y=-bottom + 0.5, yend=0.5, color=GREY, size=0.6),
    ]
    for position, (term, pair) in enumerate(lines):
        layers += _line(p9, term, pair, -float(position), reach)
    for tick in _ticks(reach):
        layers.append(p9.annotate("text", x=tick / reach, y=-bottom, label=f"{tick:g}", size=8.5, color=INK))
    title = "Absolute difference in standard deviations; shaded: at most 0.1. Ring: before weighting, disc: after"
    layers.append(p9.annotate("text", x=0.4, y=-bottom - 0.8, label=title, size=9, color=INK))
    plot = p9.ggplot()
    for layer in layers:
        plot += layer
    sheet = [
        p9.scale_x_continuous(limits=(-0.55, 1.2), expand=(0, 0)),
        p9.scale_y_continuous(limits=(-bottom - 1.3, 0.9), breaks=[], expand=(0, 0)),
    ]
    return Figure(plot + sheet + bare(p9, (8.4, 1.0 + 0.28 * len(lines)), 10.0), _words(lines), name)


def _lines(table: pl.DataFrame) -> list[tuple[str, dict[str, float]]]:
    """Covariates with their differences before and after, the largest before first."""
    found: dict[str, dict[str, float]] = {}
    for row in table.filter(pl.col("stratum").is_in(["before", "after"])).iter_rows(named=True):
        pair = found.setdefault(str(row["term"]), {})
        if row["estimate"] is not None:
            pair[row["stratum"]] = float(row["estimate"])
    return sorted(found.items(), key=lambda item: -abs(item[1].get("before", 0.0)))


def _line(p9: Any, term: str, pair: dict[str, float], y: float, reach: float) -> list[Any]:
    layers = [
        p9.annotate("segment", x=0, xend=1, y=y, yend=y, color=RULE, size=0.3),
        p9.annotate("text", x=-0.03, y=y, label=readable(term), ha="right", size=9, color=INK),
    ]
    for when, shape, ink in (("before", "o", GREY), ("after", "o", BLUE)):
        if when not in pair:
            continue
        size = abs(pair[when])
        fill = "white" if when == "before" else ink
        layers.append(p9.annotate("point", x=min(size / reach, 1.0), y=y, shape=shape, color=ink, fill=fill, size=2.6))
        if size > reach:
            layers.append(p9.annotate("text", x=1.03, y=y, label=f"{size:.2f}", ha="left", size=8.5, color=ink))
    return layers


def _ticks(reach: float) -> list[float]:
    step = 0.1 if reach <= 0.6 else 0.25
    return [round(step * k, 2) for k in range(int(reach / step) + 1)]


def _words(lines: list[tuple[str, dict[str, float]]]) -> str:
    def said(pair: dict[str, float], when: str) -> str:
        return f"{abs(pair[when]):.2f} {when}" if when in pair else f"not known {when}"

    told = "; ".join(f"{readable(term)}: {said(pair, 'before')}, {said(pair, 'after')}" for term, pair in lines)
    return f"Absolute standardised mean differences before and after weighting. {told}."
