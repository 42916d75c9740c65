"""Shares under one another with their limits, from none to all: groups, definitions, other cohorts. Refusals keep their line."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.reporting.figures import quarter_panel as panels
from tendon_outcomes.reporting.figures.paper import BLUE, BOX, GREY, INK, RULE, Figure, grammar, needed, page
from tendon_outcomes.reporting.wording import percent, percent_range, shares_apart

SHARES = ("group", "label", "estimate", "bound_low", "bound_high", "conf_low", "conf_high", "note")
_LINE = {"wide": 0.3, "narrow": 0.56}
_FITS = 40  # letters of a label and its number in one line on a phone


def share_forest_figure(
    table: pl.DataFrame,
    *,
    axis_title: str,
    threshold: float | None = None,
    sheet: panels.Sheet = panels.WIDE,
    name: str = "shares-forest",
) -> Figure:
    """One line a share in the order given, headings between groups; a share that is open is a bar from bound to bound.

    Parameters
    ----------
    table
        `group` (the heading, or empty), `label`, `estimate` or `bound_low, bound_high`, `conf_low, conf_high`, `note` (printed
        behind the numbers; alone where there is no share).
    axis_title
        Of what the shares are.
    threshold
        A share that is marked by a dashed line.

    Raises
    ------
    WrongUse
        A missing column, or no row at all.
    """
    p9 = grammar()
    needed(table, SHARES, "the table of shares")
    rows = _lines(table)
    narrow = sheet is panels.NARROW
    left, right = (0.3, sheet.width - 0.35) if narrow else (3.15, 6.15)
    step = _LINE[sheet.name]
    height = 1.0 + sum(_height(row, step, narrow=narrow) for row in rows)

    def place(share: float) -> float:
        return left + min(max(share, 0.0), 1.0) * (right - left)

    layers: list[Any] = []
    bottom = 0.62
    for share, label in panels.percents().items():
        x = place(share)
        layers += [
            p9.annotate("segment", x=x, xend=x, y=bottom, yend=height - 0.3, color=RULE, size=0.45),
            p9.annotate("text", x=x, y=bottom - 0.16, label=label, size=sheet.points, color=INK),
        ]
    layers.append(p9.annotate("text", x=(left + right) / 2, y=0.16, label=axis_title, size=sheet.points + 0.5, color=INK))
    if threshold is not None:
        ends = {"x": place(threshold), "xend": place(threshold), "y": bottom, "yend": height - 0.3}
        layers.append(p9.annotate("segment", color=INK, size=0.7, linetype="dashed", **ends))
    y = height - 0.2
    for row in rows:
        y -= _height(row, step, narrow=narrow)
        layers += _line(p9, row, y, place, sheet, right)
    return Figure(page(p9, layers, sheet.width, height), _words(rows, axis_title), name)


def _lines(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows with a heading before the first of each group."""
    rows: list[dict[str, Any]] = []
    heading = ""
    for row in table.to_dicts():
        if row["group"] and row["group"] != heading:
            heading = row["group"]
            rows.append({"heading": heading})
        rows.append(row)
    return rows


def _height(row: dict[str, Any], step: float, *, narrow: bool) -> float:
    """A heading is one line; a share whose label is long takes a line more on a phone."""
    if "heading" in row:
        return 0.3
    return step + 0.24 if narrow and _long(row) else step


def _long(row: dict[str, Any]) -> bool:
    return len(str(row["label"])) + len(_told_number(row)) > _FITS


def _line(p9: Any, row: dict[str, Any], y: float, place: Any, sheet: panels.Sheet, right: float) -> list[Any]:
    narrow, size = sheet is panels.NARROW, sheet.points
    if "heading" in row:
        look = {"ha": "left", "size": size + 0.5, "fontweight": "bold", "color": INK}
        return [p9.annotate("text", x=0.05, y=y, label=row["heading"], **look)]
    open_, told = _is_open(row), _told_number(row)
    words_y = y + 0.24 if narrow else y
    label_y = words_y + 0.24 if narrow and _long(row) else words_y
    layers = [p9.annotate("text", x=0.15, y=label_y, label=row["label"], ha="left", size=size, color=INK)]
    if told:
        at = {"x": sheet.width - 0.1, "ha": "right"} if narrow else {"x": right + 0.25, "ha": "left"}
        layers.append(p9.annotate("text", y=words_y, label=told, size=size, color=INK, **at))
    if row["note"]:
        if not told:
            at = {"x": 0.3 if narrow else place(0) + 0.05, "ha": "left"}
        elif narrow:
            at = {}
        else:
            at = {"x": sheet.width - 0.05, "ha": "right"}
        if at:
            style = {} if told else {"fontstyle": "italic"}
            layers.append(p9.annotate("text", y=y, label=row["note"], size=size - 0.5, color=GREY, **style, **at))
    if row["conf_low"] is not None and row["conf_high"] is not None:
        ends = {"x": place(row["conf_low"]), "xend": place(row["conf_high"]), "y": y, "yend": y}
        layers.append(p9.annotate("segment", color=BLUE, size=0.9, **ends))
    if open_:
        corners = {"xmin": place(row["bound_low"]), "xmax": place(row["bound_high"]), "ymin": y - 0.07, "ymax": y + 0.07}
        layers.append(p9.annotate("rect", fill=BOX, color=BLUE, size=0.5, **corners))
    elif row["estimate"] is not None:
        layers.append(
            p9.annotate("point", x=place(row["estimate"]), y=y, color="white", fill=BLUE, shape="s", size=3, stroke=0.2)
        )
    return layers


def _is_open(row: dict[str, Any]) -> bool:
    return row["estimate"] is None and row["bound_low"] is not None and row["bound_high"] is not None


def _told_number(row: dict[str, Any]) -> str:
    return "" if row["estimate"] is None and not _is_open(row) else _number(row)


def _number(row: dict[str, Any]) -> str:
    share = percent(row["estimate"]) if row["estimate"] is not None else shares_apart(row["bound_low"], row["bound_high"])
    if row["conf_low"] is None or row["conf_high"] is None:
        return share
    return f"{share} ({percent_range(row['conf_low'], row['conf_high'])})"


def _words(rows: list[dict[str, Any]], axis_title: str) -> str:
    told, group = [], ""
    for row in rows:
        if "heading" in row:
            group = f"{row['heading']}, "
            continue
        parts = [part for part in (_told_number(row), row["note"]) if part]
        told.append(f"{group}{row['label']}: {' – '.join(parts) or 'not told'}")
    return f"{axis_title}. " + "; ".join(told) + "."
