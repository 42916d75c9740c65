"""Distributions by strategy as bars of shares, back to back: propensities and weights."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures.paper import GREY, GROUP_INKS, INK, Figure, bare, grammar, groups_of, needed
from tendon_outcomes.reporting.wording import percent, readable

SHARES = ("stratum", "term", "estimate")


def shares_figure(table: pl.DataFrame, *, axis_title: str, name: str = "shares") -> Figure:
    """Two groups in one picture, the second upside down: where only one of them has bars, nothing can be compared.

    Parameters
    ----------
    table
        `stratum` (group), `term` (lower edge of the bin, as text), `estimate` (share of the group in the bin): rows of
        `propensity_share` or `weight_share`.
    axis_title
        What the bins are of. Bins stand side by side as wide as each other, whatever they span.

    Raises
    ------
    WrongUse
        A missing column, no row at all, or more groups than can be told apart.
    """
    p9 = grammar()
    needed(table, SHARES, f"the table of {name}")
    groups = groups_of(table)
    edges = sorted({float(edge) for edge in table["term"]})
    place = {edge: float(position) for position, edge in enumerate(edges)}
    bins = table.with_columns(pl.col("term").cast(pl.Float64).alias("from")).drop_nulls("estimate").sort("from")
    needed(bins, SHARES, f"the table of {name}")
    highest = float(bins["estimate"].max() or 1.0)  # type: ignore[arg-type]
    layers: list[Any] = []
    for position, group in enumerate(groups):
        sign = 1.0 if position % 2 == 0 else -1.0
        mine = bins.filter(pl.col("stratum") == group).to_dicts()
        if not mine:
            continue
        corners = {
            "xmin": [place[row["from"]] + 0.04 for row in mine],
            "xmax": [place[row["from"]] + 0.96 for row in mine],
            "ymin": [0.0] * len(mine),
            "ymax": [sign * row["estimate"] / highest for row in mine],
        }
        layers.append(p9.geom_rect(p9.aes(**corners), fill=GROUP_INKS[position], alpha=0.75))
        words = readable(group)
        layers.append(p9.annotate("text", x=0.0, y=sign * 1.12, label=words, ha="left", size=9.5, color=GROUP_INKS[position]))
    low, high = 0.0, float(len(edges))
    layers.append(p9.annotate("segment", x=low, xend=high, y=0, yend=0, color=GREY, size=0.6))
    for edge in edges[:: max(len(edges) // 10, 1)]:
        layers.append(p9.annotate("text", x=place[edge], y=-1.32, label=f"{edge:g}", size=8.5, color=INK))
    layers.append(p9.annotate("text", x=(low + high) / 2, y=-1.6, label=axis_title, size=9, color=INK))
    plot = p9.ggplot()
    for layer in layers:
        plot += layer
    slack = 0.02 * (high - low)
    sheet = [
        p9.scale_x_continuous(limits=(low - slack, high + slack), expand=(0, 0)),
        p9.scale_y_continuous(limits=(-1.75, 1.3), breaks=[], expand=(0, 0)),
    ]
    return Figure(plot + sheet + bare(p9, (8.4, 3.4), 10.0), _words(bins, groups, axis_title), name)


def _words(bins: pl.DataFrame, groups: list[str], axis_title: str) -> str:
    told = []
    for group in groups:
        mine = bins.filter(pl.col("stratum") == group)
        cells = ", ".join(f"from {edge:g}: {percent(share)}" for edge, share in mine.select("from", "estimate").iter_rows())
        told.append(f"{readable(group)}: {cells}")
    return f"{axis_title}. " + "; ".join(told) + "."
