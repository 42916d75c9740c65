"""Do hazards stay proportional? Two drawings to look at beside the test."""

from __future__ import annotations

import math
from functools import reduce
from operator import truediv
from typing import Any

import polars as pl

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.reporting.figures.incidence import STRETCH
from tendon_outcomes.reporting.figures.paper import (
    BLUE,
    BOX,
    GREY,
    GROUP_INKS,
    GROUP_LINES,
    INK,
    Figure,
    grammar,
    groups_of,
    needed,
    with_axes,
)

RESIDUALS = ("term", "day", "residual")
SMOOTH = ("term", "day", "estimate", "conf_low", "conf_high")
TEST = ("term", "statistic", "df", "p_value")


def log_minus_log_figure(stretches: pl.DataFrame, *, name: str = "log-minus-log") -> Figure:
    """log(-log(share without the event)) against the logarithm of time: parallel curves are proportional hazards.

    Parameters
    ----------
    stretches
        As for `incidence_figure`; `estimate` is the cumulative incidence. Days at 0 and shares of 0 or 1 have no place here.
    """
    p9 = grammar()

    needed(stretches, STRETCH, "the table of stretches")
    groups = groups_of(stretches)
    shown = stretches.filter((pl.col("day") > 0) & (pl.col("estimate") > 0) & (pl.col("estimate") < 1)).sort("stratum", "day")
    if shown.is_empty():
        raise WrongUse("no day has a share between 0 and 1: there is nothing to draw")
    plot = p9.ggplot()
    for position, group in enumerate(groups):
        rows = shown.filter(pl.col("stratum") == group).to_dicts()
        if not rows:
            continue
        x = [day for row in rows for day in (row["day"], max(row["until"], row["day"]))]
        y = [math.log(-math.log1p(-row["estimate"])) for row in rows for _ in range(2)]
        ink = GROUP_INKS[position]
        plot += p9.geom_step(p9.aes(x=x, y=y), color=ink, size=0.9, linetype=GROUP_LINES[position])
        if len(groups) > 1:
            plot += p9.annotate("text", x=x[-1] * 1.03, y=y[-1], label=group, ha="left", color=ink, size=9)
    first, last = float(shown["day"].min() or 1.0), float(shown["until"].max() or 1.0)  # type: ignore[arg-type]
    weeks = [week for week in (1, 2, 4, 8, 12, 26, 52, 104) if first <= 7 * week <= last]
    scales = [
        p9.scale_x_log10(
            breaks=[7 * week for week in weeks],
            labels=[str(week) for week in weeks],
            limits=(first, last * (2.2 if len(groups) > 1 else 1.1)),
        ),
        p9.labs(x="Weeks since day 0 (logarithmic)", y="log(−log(share without the event))"),
    ]
    words = "Parallel curves speak for proportional hazards; curves that meet or cross speak against. Groups: "
    return Figure(plot + scales + with_axes(p9, (7.6, 4.8), 10.0), words + ", ".join(groups) + ".", name)


def schoenfeld_figure(
    residuals: pl.DataFrame, smooth: pl.DataFrame, tests: pl.DataFrame, *, internal: bool = False, name: str = "schoenfeld"
) -> Figure:
    """How each coefficient moves over time: scaled Schoenfeld residuals with a smooth and its limits, the test in the title.

    Parameters
    ----------
    residuals
        `term, day, residual`: one row for each event, so a figure with points is patient-level; they are drawn only with
        `internal=True`, and the figure then says so.
    smooth
        `term, day, estimate, conf_low, conf_high`: the smooth over time. tests: `term, statistic, df, p_value` of each term.
    """
    p9 = grammar()
    needed(smooth, SMOOTH, "the table of the smooth")
    needed(tests, TEST, "the table of tests")
    if internal:
        needed(residuals, RESIDUALS, "the table of residuals")
    terms = [str(term) for term in smooth["term"].unique(maintain_order=True)]
    titles = {row["term"]: _title(row) for row in tests.to_dicts()}
    panels = []
    for term in terms:
        layers = _points(p9, residuals.filter(pl.col("term") == term)) if internal else []
        plot = p9.ggplot()
        for layer in (*layers, *_smooth(p9, smooth.filter(pl.col("term") == term))):
            plot += layer
        labels = p9.labs(x="Weeks since day 0", y="Log hazard ratio", title=titles.get(term, term))
        panels.append(plot + labels + with_axes(p9, (7.6, 2.7 * len(terms)), 10.0) + p9.theme(plot_title=_size(p9, 10)))
    if internal:
        stamp = p9.labs(caption="internal: every point is one patient's event")
        panels[-1] = panels[-1] + stamp + p9.theme(plot_caption=_size(p9, 8))
    words = "A level line speaks for a constant hazard ratio. " + "; ".join(titles.get(term, term) for term in terms) + "."
    return Figure(reduce(truediv, panels), words, name)


def _title(row: dict[str, Any]) -> str:
    return f"{row['term']}: χ² {row['statistic']:.2f} on {row['df']:g} df, p {_p(row['p_value'])}"


def _points(p9: Any, residuals: pl.DataFrame) -> list[Any]:
    where = p9.aes(x=(residuals["day"] / 7).to_list(), y=residuals["residual"].to_list())
    return [p9.geom_point(where, color=GREY, size=0.8, alpha=0.6)]


def _smooth(p9: Any, smooth: pl.DataFrame) -> list[Any]:
    weeks = (smooth["day"] / 7).to_list()
    ends = {"ymin": smooth["conf_low"].to_list(), "ymax": smooth["conf_high"].to_list()}
    return [
        p9.geom_ribbon(p9.aes(x=weeks, **ends), fill=BOX, alpha=0.6),
        p9.geom_line(p9.aes(x=weeks, y=smooth["estimate"].to_list()), color=BLUE, size=0.9),
    ]


def _size(p9: Any, points: float) -> Any:
    return p9.element_text(size=points, color=INK, ha="left")


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
