"""The share so far, look by look, with limits that hold at every look at once."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures import quarter_panel as panels
from tendon_outcomes.reporting.figures.paper import BLUE, BOX, GREY, INK, Figure, grammar, needed, page
from tendon_outcomes.reporting.wording import percent, quarter_words, shares_apart

LOOKS = ("stratum", "bound_low", "bound_high", "conf_low", "conf_high", "n_at_risk")
_HEIGHT = 3.9


def looks_figure(
    looks: pl.DataFrame,
    naive: pl.DataFrame,
    *,
    threshold: float | None,
    level: str,
    sheet: panels.Sheet = panels.WIDE,
    name: str = "looks",
) -> Figure:
    """The running share with the limits that are valid at every look, and beside them those that are valid once only.

    Parameters
    ----------
    looks, naive
        `stratum` (the quarter of the look), `bound_low, bound_high` (the share if nobody of the unknown, and if all of them, had
        improved), `conf_low, conf_high, n_at_risk`: rows of `look_share` and `look_share_naive`.
    threshold
        The share at which a claim is judged.
    level
        The level of the limits, in words.

    Raises
    ------
    WrongUse
        A missing column, or no look to draw.
    """
    p9 = grammar()
    needed(looks, LOOKS, "the table of looks")
    rows, once = looks.to_dicts(), naive.to_dicts()
    panel = panels.shares_panel(sheet, 1.05, _HEIGHT - (0.55 if sheet is panels.WIDE else 0.8), [row["stratum"] for row in rows])
    layers = [
        *panels.axes(p9, panel, panels.percents()),
        *_band(p9, panel, rows),
        *_threshold(p9, panel, threshold),
        *_once(p9, panel, once),
        *_shares(p9, panel, rows),
        *panels.counts(p9, panel, {row["stratum"]: row["n_at_risk"] for row in rows}, 0.2, "Runners counted so far"),
        *_key(p9, sheet, level, threshold),
    ]
    words = f"Share improved by week 12, over all runners counted so far, with {level} limits valid at every look. {_told(rows)}."
    return Figure(page(p9, layers, sheet.width, _HEIGHT), words, name)


def _band(p9: Any, panel: panels.Panel, rows: panels.Rows) -> list[Any]:
    layers: list[Any] = []
    for one in panels.stretches(panel, rows, ("conf_low", "conf_high")):
        x = [panel.x(row["stratum"], shift) for row in one for shift in (-0.5, 0.5)]
        low, high = ([panel.y(row[side]) for row in one for _ in range(2)] for side in ("conf_low", "conf_high"))
        layers.append(p9.geom_ribbon(p9.aes(x=x, ymin=low, ymax=high), fill=BOX, alpha=0.75))
    return layers


def _threshold(p9: Any, panel: panels.Panel, threshold: float | None) -> list[Any]:
    if threshold is None:
        return []
    y = panel.y(threshold)
    return [p9.annotate("segment", x=panel.left, xend=panel.right, y=y, yend=y, color=INK, size=0.7, linetype="dashed")]


def _once(p9: Any, panel: panels.Panel, rows: panels.Rows) -> list[Any]:
    layers: list[Any] = []
    for row in rows:
        if row["conf_low"] is None or row["conf_high"] is None or row["stratum"] not in panel.quarters:
            continue
        x, ends = panel.x(row["stratum"]), (panel.y(row["conf_low"]), panel.y(row["conf_high"]))
        layers.append(p9.annotate("segment", x=x, xend=x, y=ends[0], yend=ends[1], color=GREY, size=0.5))
        layers += [p9.annotate("segment", x=x - 0.04, xend=x + 0.04, y=end, yend=end, color=GREY, size=0.5) for end in ends]
    return layers


def _shares(p9: Any, panel: panels.Panel, rows: panels.Rows) -> list[Any]:
    """A dot where everybody is known, else a bar from none to all of the unknown; the last one with its number."""
    layers: list[Any] = []
    for row in rows:
        low, high = row["bound_low"], row["bound_high"]
        if low is None or high is None:
            continue
        x = panel.x(row["stratum"])
        if panel.y(high) - panel.y(low) > 0.07:
            layers.append(p9.annotate("segment", x=x, xend=x, y=panel.y(low), yend=panel.y(high), color=BLUE, size=2.4))
        else:
            layers.append(p9.annotate("point", x=x, y=panel.y((low + high) / 2), color="white", fill=BLUE, size=2.6, stroke=0.3))
    last = next((row for row in reversed(rows) if row["bound_low"] is not None and row["bound_high"] is not None), None)
    if last is None:
        return layers
    top = last["conf_high"] if last["conf_high"] is not None else last["bound_high"]
    place = {"x": panel.x(last["stratum"], 0.45), "y": min(panel.y(top) + 0.16, panel.top + 0.1), "ha": "right"}
    look = {"label": shares_apart(last["bound_low"], last["bound_high"]), "size": panel.points + 1, "fontweight": "bold"}
    return [*layers, p9.annotate("text", color=INK, **look, **place)]


def _key(p9: Any, sheet: panels.Sheet, level: str, threshold: float | None) -> list[Any]:
    """What a bar, the band, the whisker and the dashes stand for: in one line, or two on a phone."""
    phone = sheet is panels.NARROW
    places = ((0.1, 0), (2.3, 0), (0.1, 1), (2.3, 1)) if phone else ((0.8, 0), (2.75, 0), (4.9, 0), (7.05, 0))
    words = ["share, unknown open", f"{level} limits, any look", f"{level} limits, one look"]
    words += [] if threshold is None else [f"threshold {percent(threshold)}"]
    layers: list[Any] = []
    for kind, ((x, line), said) in enumerate(zip(places, words, strict=False)):
        y = _HEIGHT - 0.17 - 0.26 * line
        layers += [
            _mark(p9, kind, x, y),
            p9.annotate("text", x=x + 0.27, y=y, label=said, ha="left", size=sheet.points, color=INK),
        ]
    return layers


def _mark(p9: Any, kind: int, x: float, y: float) -> Any:
    match kind:
        case 0:
            return p9.annotate("segment", x=x + 0.1, xend=x + 0.1, y=y - 0.07, yend=y + 0.07, color=BLUE, size=2.4)
        case 1:
            return p9.annotate("rect", xmin=x, xmax=x + 0.2, ymin=y - 0.07, ymax=y + 0.07, fill=BOX, alpha=0.75)
        case 2:
            return p9.annotate("segment", x=x + 0.1, xend=x + 0.1, y=y - 0.08, yend=y + 0.08, color=GREY, size=0.5)
        case _:
            return p9.annotate("segment", x=x, xend=x + 0.2, y=y, yend=y, color=INK, size=0.7, linetype="dashed")


def _told(rows: panels.Rows) -> str:
    told = []
    for row in rows:
        if row["bound_low"] is None or row["bound_high"] is None:
            continue
        limits = "" if row["conf_low"] is None else f" (limits {percent(row['conf_low'])} to {percent(row['conf_high'])})"
        told.append(f"{quarter_words(row['stratum'])}: {shares_apart(row['bound_low'], row['bound_high'])}{limits}")
    return "; ".join(told)
