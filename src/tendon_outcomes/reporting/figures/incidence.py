"""Cumulative incidence of one or several groups, with what is not known between two looks drawn as not known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.reporting.figures.paper import (
    GREY,
    GROUP_INKS,
    GROUP_LINES,
    INK,
    RULE,
    SAND,
    Figure,
    bare,
    grammar,
    groups_of,
    needed,
)
from tendon_outcomes.reporting.wording import NBSP, percent, week_number

STRETCH = ("stratum", "day", "until", "estimate", "conf_low", "conf_high")
COUNTS = ("stratum", "day", "n_at_risk", "n_events", "n_censored")
MILESTONE = ("stratum", "day", "estimate", "conf_low", "conf_high")
MEAN = ("stratum", "horizon", "estimate", "conf_low", "conf_high")
_COUNT_NAMES = (("n_at_risk", "Still followed"), ("n_events", "Reached"), ("n_censored", "Left"))
_ROW = 0.062  # height of a line of counts, as a share of the height from 0 to 100 %
_STRIP = 0.075  # height of a line above 100 %


@dataclass(frozen=True)
class _Sheet:
    """What the layers of one drawing share."""

    stretches: pl.DataFrame
    counts: pl.DataFrame
    milestones: pl.DataFrame | None
    means: pl.DataFrame | None
    smooth: pl.DataFrame | None
    groups: tuple[str, ...]
    weeks: float
    ticks: tuple[float, ...]
    points: float

    def ink(self, group: str) -> str:
        return GROUP_INKS[self.groups.index(group)]

    def of(self, table: pl.DataFrame, group: str) -> list[dict[str, Any]]:
        return table.filter(pl.col("stratum") == group).sort(table.columns[1]).to_dicts()


def incidence_figure(
    stretches: pl.DataFrame,
    counts: pl.DataFrame,
    *,
    horizon_days: float,
    milestones: pl.DataFrame | None = None,
    means: pl.DataFrame | None = None,
    smooth: pl.DataFrame | None = None,
    window_weeks: tuple[float, float] | None = None,
    inches: tuple[float, float] | None = None,
    name: str = "incidence",
) -> Figure:
    """Step curves with ribbons, counts underneath, milestones and restricted means marked.

    Parameters
    ----------
    stretches
        One row for each stretch of days on which a curve is known and flat: `stratum, day, until` (days), `estimate`,
        `conf_low`, `conf_high`. Where one stretch ends before the next begins, nothing but a rise is known: that region is
        drawn as a box from the earlier value to the later one, never as a line. Dated events leave no such gap.
    counts
        `stratum, day, n_at_risk, n_events, n_censored`, one row for each day under which counts are printed.
    milestones
        `stratum, day, estimate, conf_low, conf_high`: points to be read off, labelled.
    means
        `stratum, horizon, estimate, conf_low, conf_high`, days: restricted mean time without the event, as a diamond above.
    smooth
        `stratum, day, estimate, conf_low, conf_high` of a smooth companion, drawn as a thin line over the steps.

    Raises
    ------
    WrongUse
        A table lacks a column or is empty, or there are more groups than can be told apart.
    """
    p9 = grammar()

    needed(stretches, STRETCH, "the table of stretches")
    needed(counts, COUNTS, "the table of counts")
    groups = tuple(groups_of(stretches))
    for table, columns, what in ((milestones, MILESTONE, "milestones"), (means, MEAN, "means"), (smooth, MILESTONE, "smooth")):
        if table is not None:
            needed(table, columns, f"the table of {what}")
    if horizon_days <= 0:
        raise WrongUse("the horizon of a figure is a positive number of days")
    weeks = horizon_days / 7
    sheet = _Sheet(
        stretches.filter(pl.col("day") <= horizon_days).with_columns(pl.col("until").clip(upper_bound=horizon_days)),
        counts.filter(pl.col("day") <= horizon_days),
        None if milestones is None else milestones.filter(pl.col("day") <= horizon_days),
        means,
        smooth,
        groups,
        weeks,
        tuple(_ticks(weeks)),
        10.0,
    )
    plot = p9.ggplot()
    for layer in _layers(p9, sheet, window_weeks):
        plot += layer
    size = inches or (9.6, 5.0 + 0.19 * 3 * len(groups) + (0.3 * len(groups) if means is not None else 0.0))
    plot = plot + _scales(p9, sheet) + bare(p9, size, sheet.points)
    return Figure(plot, _words(sheet), name)


def _layers(p9: Any, sheet: _Sheet, window: tuple[float, float] | None) -> list[Any]:
    layers = [] if window is None else [p9.annotate("rect", xmin=window[0], xmax=window[1], ymin=0, ymax=1, fill=SAND)]
    for y in (0.0, 0.25, 0.5, 0.75, 1.0):
        layers.append(p9.annotate("segment", x=0, xend=sheet.weeks, y=y, yend=y, color=RULE if y else GREY, size=0.45))
    for group in sheet.groups:
        layers += _ribbon(p9, sheet, group)
    for group in sheet.groups:
        layers += [*_unknown(p9, sheet, group), *_steps(p9, sheet, group), *_smooth(p9, sheet, group)]
    return [*layers, *_milestones(p9, sheet), *_means(p9, sheet), *_axis(p9, sheet), *_counts(p9, sheet), *_key(p9, sheet)]


def _corners(pairs: list[tuple[float, float, float, float]]) -> dict[str, list[float]]:
    return {key: [pair[i] for pair in pairs] for i, key in enumerate(("xmin", "xmax", "ymin", "ymax"))}


def _ribbon(p9: Any, sheet: _Sheet, group: str) -> list[Any]:
    """Limits as steps over the known stretches; a sloped ribbon would claim knowledge between two days."""
    rows = [r for r in sheet.of(sheet.stretches, group) if r["conf_low"] is not None and r["until"] > r["day"]]
    if not rows:
        return []
    pairs = [(r["day"] / 7, r["until"] / 7, r["conf_low"], r["conf_high"]) for r in rows]
    return [p9.geom_rect(p9.aes(**_corners(pairs)), fill=sheet.ink(group), alpha=0.13)]


def _unknown(p9: Any, sheet: _Sheet, group: str) -> list[Any]:
    """Between two stretches the curve rises somewhere in the box; with dated events the box is a vertical line."""
    rows = sheet.of(sheet.stretches, group)
    pairs = [
        (a["until"] / 7, b["day"] / 7, a["estimate"], b["estimate"])
        for a, b in itertools.pairwise(rows)
        if b["estimate"] is not None and a["estimate"] is not None
    ]
    wide = [pair for pair in pairs if pair[1] > pair[0] and pair[3] > pair[2]]
    flat = [pair for pair in pairs if pair[1] > pair[0] and pair[3] <= pair[2]]
    upright = [pair for pair in pairs if pair[1] <= pair[0]]
    ink, layers = sheet.ink(group), []
    if wide:
        layers.append(p9.geom_rect(p9.aes(**_corners(wide)), fill=ink, alpha=0.25, color=ink, size=0.3))
    for found in (flat, upright):
        if found:
            ends = {"x": [p[0] for p in found], "xend": [p[1] for p in found], "y": [p[2] for p in found]}
            layers.append(p9.geom_segment(p9.aes(yend=[p[3] for p in found], **ends), color=ink, size=0.75))
    return layers


def _steps(p9: Any, sheet: _Sheet, group: str) -> list[Any]:
    rows = [r for r in sheet.of(sheet.stretches, group) if r["estimate"] is not None]
    style, ink = GROUP_LINES[sheet.groups.index(group)], sheet.ink(group)
    lines = [r for r in rows if r["until"] > r["day"]]
    ends_at = {r["until"] for r in lines}
    spots = [r for r in rows if r["until"] <= r["day"] and r["day"] not in ends_at]
    layers = []
    if lines:
        ends = {"x": [r["day"] / 7 for r in lines], "xend": [r["until"] / 7 for r in lines]}
        heights = [r["estimate"] for r in lines]
        layers.append(p9.geom_segment(p9.aes(y=heights, yend=heights, **ends), color=ink, size=0.9, linetype=style))
    if spots:  # known on that day alone: a point with its limits
        x, y = [r["day"] / 7 for r in spots], [r["estimate"] for r in spots]
        sure = [r for r in spots if r["conf_low"] is not None]
        bars = {"x": [r["day"] / 7 for r in sure], "ymin": [r["conf_low"] for r in sure], "ymax": [r["conf_high"] for r in sure]}
        layers += [
            p9.geom_linerange(p9.aes(**bars), color=ink, size=0.45),
            p9.geom_point(p9.aes(x=x, y=y), color=ink, fill="white", size=1.5, stroke=0.5),
        ]
    return layers


def _smooth(p9: Any, sheet: _Sheet, group: str) -> list[Any]:
    if sheet.smooth is None:
        return []
    rows = [r for r in sheet.of(sheet.smooth, group) if r["estimate"] is not None and r["day"] <= 7 * sheet.weeks]
    if not rows:
        return []
    where = p9.aes(x=[r["day"] / 7 for r in rows], y=[r["estimate"] for r in rows])
    return [p9.geom_line(where, color=sheet.ink(group), size=0.5, linetype="dashed")]


def _milestones(p9: Any, sheet: _Sheet) -> list[Any]:
    if sheet.milestones is None:
        return []
    layers, count = [], len(sheet.groups)
    for place, group in enumerate(sheet.groups):
        aside = (place - (count - 1) / 2) * sheet.weeks * 0.012
        for row in sheet.of(sheet.milestones, group):
            bounds = (row.get("bound_low"), row.get("bound_high"))
            if row["estimate"] is None and None in bounds:
                continue
            week, ink = row["day"] / 7 + aside, sheet.ink(group)
            if row["conf_low"] is not None:
                ends = {"x": week, "xend": week, "y": row["conf_low"], "yend": row["conf_high"]}
                layers.append(p9.annotate("segment", color=ink, size=1.1, **ends))
            if row["estimate"] is None:  # the data leave the day open: everything between the bounds
                ends = {"x": week, "xend": week, "y": bounds[0], "yend": bounds[1]}
                layers.append(p9.annotate("segment", color=ink, size=3.0, **ends))
            else:
                layers.append(p9.annotate("point", x=week, y=row["estimate"], color=ink, size=3.0))
            # One curve: the label stands above its limits. Several: beside the point, on alternating sides.
            top = row["conf_high"] if row["conf_high"] is not None else row["estimate"] or 0.0
            middle = row["estimate"] if row["estimate"] is not None else ((bounds[0] or 0.0) + (bounds[1] or 0.0)) / 2
            side = (place % 2) * 2 - 1
            where = {"x": week + 0.012 * sheet.weeks * side, "y": middle, "ha": "left" if side > 0 else "right"}
            if count == 1:
                where = {"x": week, "y": min(top + 0.035, 0.97), "ha": "center"}
            look = {"size": sheet.points - 1, "color": ink, "fill": "white", "alpha": 0.85, "fontweight": "bold"}
            layers.append(p9.annotate("label", label=_share(row), label_size=0, label_padding=0.1, **look, **where))
    return layers


def _means(p9: Any, sheet: _Sheet) -> list[Any]:
    if sheet.means is None:
        return []
    layers = []
    for place, group in enumerate(sheet.groups):
        y, ink = 1.0 + _STRIP * (len(sheet.groups) - place), sheet.ink(group)
        for row in sheet.of(sheet.means, group):
            if row["estimate"] is None:
                continue
            low, at, high = (row[key] / 7 for key in ("conf_low", "estimate", "conf_high"))
            layers += [
                p9.annotate("segment", x=low, xend=high, y=y, yend=y, color=ink, size=0.8),
                p9.annotate("point", x=at, y=y, color=ink, shape="D", size=2.6),
            ]
            words = f"mean time without it {at:.1f} ({low:.1f}–{high:.1f}) of {week_number(row['horizon'])} weeks"
            right = high < 0.58 * sheet.weeks
            where = {"x": high + 0.012 * sheet.weeks if right else low - 0.012 * sheet.weeks, "ha": "left" if right else "right"}
            layers.append(p9.annotate("text", y=y, label=words, size=sheet.points - 1.5, color=ink, **where))
    return layers


def _axis(p9: Any, sheet: _Sheet) -> list[Any]:
    weeks = list(sheet.ticks)
    marks = p9.aes(x=weeks, xend=weeks, y=[0.0] * len(weeks), yend=[-0.013] * len(weeks))
    numbers = p9.aes(x=weeks, y=[-0.045] * len(weeks), label=[f"{week:g}" for week in weeks])
    title = {"x": sheet.weeks / 2, "y": -0.1, "label": "Weeks since day 0"}
    return [
        p9.geom_segment(marks, color=GREY, size=0.5),
        p9.geom_text(numbers, size=sheet.points - 1, color=INK),
        p9.annotate("text", size=sheet.points - 0.5, color=INK, **title),
    ]


def _count_rows(sheet: _Sheet) -> list[tuple[float, str, str, str]]:
    """(height, column, group, label) of every line of counts, from the top."""
    rows, y = [], -0.17
    for column, label in _COUNT_NAMES:
        for group in sheet.groups:
            rows.append((y, column, group, label if len(sheet.groups) == 1 else f"{label}, {group}"))
            y -= _ROW
        y -= 0.25 * _ROW
    return rows


def _counts(p9: Any, sheet: _Sheet) -> list[Any]:
    layers = []
    for y, column, group, _ in _count_rows(sheet):
        cells = [(r["day"] / 7, r[column]) for r in sheet.of(sheet.counts, group) if r[column] is not None]
        if cells:
            labels = [f"{value:g}" if float(value).is_integer() else f"{value:.1f}" for _, value in cells]
            where = p9.aes(x=[x for x, _ in cells], y=[y] * len(cells), label=labels)
            layers.append(p9.geom_text(where, size=sheet.points - 1.5, color=sheet.ink(group) if len(sheet.groups) > 1 else INK))
    return layers


def _key(p9: Any, sheet: _Sheet) -> list[Any]:
    """Each curve named at its end, moved apart where two ends are close."""
    if len(sheet.groups) == 1:
        return []
    ends = [(sheet.of(sheet.stretches, group)[-1], group) for group in sheet.groups]
    placed: list[tuple[float, float, str]] = []
    for row, group in sorted(ends, key=lambda one: one[0]["estimate"] or 0.0):
        y = row["estimate"] or 0.0
        placed.append((max(y, placed[-1][1] + 0.05) if placed else y, max(y, placed[-1][1] + 0.05) if placed else y, group))
    x = sheet.weeks * 1.012
    return [
        p9.annotate("text", x=x, y=y, label=group, ha="left", size=sheet.points - 0.5, color=sheet.ink(group))
        for y, _, group in placed
    ]


def _scales(p9: Any, sheet: _Sheet) -> list[Any]:
    axis = [(0.0, f"0{NBSP}%"), (0.25, f"25{NBSP}%"), (0.5, f"50{NBSP}%"), (0.75, f"75{NBSP}%"), (1.0, f"100{NBSP}%")]
    rows = _count_rows(sheet)
    breaks = [*axis, *((y, label) for y, _, _, label in rows)]
    top = 1.04 + (_STRIP * len(sheet.groups) if sheet.means is not None else 0.0)
    room = max((len(group) for group in sheet.groups), default=0) * 0.0105 if len(sheet.groups) > 1 else 0.0
    return [
        p9.scale_y_continuous(
            breaks=[y for y, _ in breaks], labels=[label for _, label in breaks], limits=(rows[-1][0] - 0.04, top), expand=(0, 0)
        ),
        p9.scale_x_continuous(limits=(-0.02 * sheet.weeks, sheet.weeks * (1.03 + room)), expand=(0, 0)),
    ]


def _ticks(weeks: float) -> Sequence[float]:
    step = next((one for one in (1, 2, 4, 8, 13, 26, 52) if weeks / one <= 14), 104)
    even = [float(week) for week in range(0, int(weeks) + 1, step)]
    return even if weeks - even[-1] < 0.6 * step else [*even, float(round(weeks, 1))]


def _share(row: dict[str, Any]) -> str:
    """The estimate, or what it lies between."""
    if row["estimate"] is not None:
        return percent(row["estimate"])
    return f"{percent(row['bound_low']).removesuffix(f'{NBSP}%')}–{percent(row['bound_high'])}"


def _words(sheet: _Sheet) -> str:
    """Every curve at its milestones, or at the end of its last stretch."""
    told = []
    for group in sheet.groups:
        last = sheet.of(sheet.stretches, group)[-1:]
        chosen = last if sheet.milestones is None else sheet.of(sheet.milestones, group)
        said = [row for row in chosen if row["estimate"] is not None or row.get("bound_low") is not None]
        shares = "; ".join(
            f"{_share(r)} by week {week_number(r['day'])}"
            + (f" ({percent(r['conf_low'])} to {percent(r['conf_high'])})" if r["conf_low"] is not None else "")
            for r in said
        )
        told.append(shares if len(sheet.groups) == 1 else f"{group}: {shares}")
    return "Cumulative incidence. " + ". ".join(told) + "."
