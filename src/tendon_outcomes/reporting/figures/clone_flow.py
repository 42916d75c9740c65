"""What became of the clones of each strategy: who kept to it, who departed and why, who reached the endpoint."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures.paper import GREY, INK, RULE, Figure, bare, grammar, groups_of, needed
from tendon_outcomes.reporting.wording import count, readable

FLOW = ("stratum", "term", "n_events")
ENDS: dict[str, tuple[str, str]] = {
    "reached": ("Reached the endpoint while following", "#007a5e"),
    "followed_to_end": ("Followed to the horizon", "#0b4f8a"),
    "competing": ("A competing event came first", "#8a6d00"),
    "lost": ("Lost to follow-up", "#a0527d"),
    "other_regimen": ("Departed: took up another regimen", "#d55e00"),
    "not_started": ("Departed: did not start within the grace period", "#e69f00"),
    "not_met": ("Departed: two weeks or more not met", "#c9b26b"),
}
"""How a clone's follow-up ends, in the order drawn, with its ink."""
_LIGHT = ("not_started", "not_met")


def clone_flow(table: pl.DataFrame, *, name: str = "clone-flow") -> Figure:
    """One bar a strategy, cut by how follow-up of its clones ended; withheld parts are left white.

    Parameters
    ----------
    table
        `stratum` (strategy), `term` (cloned, started and the ends of `ENDS`), `n_events`: rows of `clone_flow`.

    Raises
    ------
    WrongUse
        A missing column, no row at all, or more strategies than can be told apart.
    """
    p9 = grammar()
    needed(table, FLOW, "the table of the clone flow")
    groups = groups_of(table)
    layers: list[Any] = []
    for position, group in enumerate(groups):
        layers += _bar(p9, table.filter(pl.col("stratum") == group), group, -2.0 * position)
    bottom = -2.0 * len(groups) + 0.4
    present = [term for term in ENDS if (table["term"] == term).any()]
    for position, term in enumerate(present):
        x, y = 0.5 * (position % 2), bottom - 0.55 * (position // 2)
        layers += [
            p9.annotate("rect", xmin=x, xmax=x + 0.02, ymin=y - 0.17, ymax=y + 0.17, fill=ENDS[term][1]),
            p9.annotate("text", x=x + 0.03, y=y, label=ENDS[term][0], ha="left", size=9, color=INK),
        ]
    plot = p9.ggplot()
    for layer in layers:
        plot += layer
    lowest = bottom - 0.55 * ((len(present) + 1) // 2) - 0.1
    sheet = [
        p9.scale_x_continuous(limits=(-0.02, 1.02), expand=(0, 0)),
        p9.scale_y_continuous(limits=(lowest, 1.25), breaks=[], expand=(0, 0)),
    ]
    return Figure(plot + sheet + bare(p9, (9.2, 1.1 + 0.42 * (1.25 - lowest)), 10.0), _words(table, groups), name)


def _bar(p9: Any, rows: pl.DataFrame, group: str, y: float) -> list[Any]:
    told = {row["term"]: row["n_events"] for row in rows.to_dicts()}
    cloned = told.get("cloned")
    words = f"{readable(group)}: {count(cloned)} clones, {count(told.get('started'))} started"
    layers = [
        p9.annotate("text", x=0.0, y=y + 0.85, label=words, ha="left", size=9.5, color=INK),
        p9.annotate("rect", xmin=0, xmax=1, ymin=y - 0.4, ymax=y + 0.4, fill="white", color=RULE, size=0.4),
    ]
    if not cloned:
        return layers
    start = 0.0
    for term, (_, ink) in ENDS.items():
        number = told.get(term)
        if not number:
            continue
        end = start + number / cloned
        layers.append(p9.annotate("rect", xmin=start, xmax=end, ymin=y - 0.4, ymax=y + 0.4, fill=ink))
        if end - start > 0.035:
            on = INK if term in _LIGHT else "white"
            layers.append(p9.annotate("text", x=(start + end) / 2, y=y, label=f"{number}", size=9, color=on))
        start = end
    return [*layers, p9.annotate("segment", x=0, xend=0, y=y - 0.45, yend=y + 0.45, color=GREY, size=0.5)]


def _words(table: pl.DataFrame, groups: list[str]) -> str:
    told = []
    for group in groups:
        rows = {row["term"]: row["n_events"] for row in table.filter(pl.col("stratum") == group).to_dicts()}
        ends = ", ".join(f"{ENDS[term][0].lower()} {count(rows[term])}" for term in ENDS if term in rows)
        told.append(f"{readable(group)}, {count(rows.get('cloned'))} clones: {ends}")
    return "How the follow-up of clones ended. " + "; ".join(told) + "."
