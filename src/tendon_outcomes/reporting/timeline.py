"""The time line of one episode as a drawing: every lane with its symbols and, beside it, what they mean."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import polars as pl

from tendon_outcomes.reporting.svg import inline
from tendon_outcomes.reporting.timeline_lanes import (
    LEGEND,
    MARGIN,
    TITLES,
    UNIT,
    WIDTH,
    Axis,
    Lane,
    Mark,
    by_day,
    drawn,
    lane_of,
    said,
)
from tendon_outcomes.reporting.timeline_symbols import GREY, LANES, PALE, PAPER, TEXT, Box, Dot, Shape, Stroke, Words

ABOVE, BENEATH = 1.6, 1.9
"""In units: the room of the title, and of weeks and caption."""
TICKS = 14
EARLIEST_DAY = -28
"""Older marks stand at the left edge and say their day."""
CAPTION = "One patient's records: keep this drawing in the clinic. Day 0 is the index visit. Lanes without a record are left out."


@dataclass(frozen=True)
class Page:
    """What is drawn, lane by lane."""

    axis: Axis
    lanes: tuple[Lane, ...]
    shapes: tuple[Shape, ...]

    @property
    def height(self) -> float:
        return sum(lane.height for lane in self.lanes)


def draw_timeline(marks: pl.DataFrame, *, title: str) -> bytes:
    """The marks of one episode (`cohort.timeline_marks`) as an SVG document; the same marks give the same bytes.

    The drawing is patient-level and says so. Symbols differ by shape and bands by letter, and the description inside the
    document says in words what the lanes hold.
    """
    page = _page(marks.to_dicts(), title)
    drawn = _svg(page)
    content = inline(drawn, name="timeline", title=title, desc=_description(page), css_class="timeline")
    return str(content).replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1).encode()


def _page(marks: Sequence[Mark], title: str) -> Page:
    days = [day for one in marks for day in (one["day"], one["end_day"]) if day is not None]
    axis = Axis(first=max(min(days, default=0), EARLIEST_DAY), last=max([7, *days]))
    axis = Axis(first=min(axis.first, 0), last=axis.last)
    keys = [key for key in LANES if any(one["lane"] == key for one in marks)]
    keys += list(dict.fromkeys(one["lane"] for one in marks if one["lane"] not in LANES))
    lanes: list[Lane] = []
    top = 0.0
    for key in keys:
        lane = lane_of(key, tuple(one for one in marks if one["lane"] == key), axis, top)
        lanes.append(lane)
        top -= lane.height
    around = _around(axis, lanes, title)
    return Page(axis, tuple(lanes), (*around, *(shape for lane in lanes for shape in drawn(lane, axis))))


def _around(axis: Axis, lanes: Sequence[Lane], title: str) -> Iterable[Shape]:
    """Title, weeks, caption, and the line of every week that has a number."""
    low = -sum(lane.height for lane in lanes)
    step = next(one for one in (1, 2, 4, 8, 13, 26, 52) if axis.last / 7 / one <= TICKS or one == 52)
    weeks = range(0, axis.last // 7 + 1, step)
    for week in weeks:
        yield Stroke(7 * week, 7 * week, low, 0, PALE if week else GREY, 0.4)
        yield Words(7 * week, low - 0.45, str(week), "center")
    yield Stroke(axis.first, axis.last, low, low, GREY, 0.5)
    left = axis.beside(axis.first, -TITLES - MARGIN + 4)
    yield Words(left, low - 0.45, "Weeks since day 0")
    yield Words(left, ABOVE - 0.7, title, size=TEXT + 2, weight="bold")
    yield Words(left, low - 1.4, CAPTION, color=GREY)


def _description(page: Page) -> str:
    """The drawing in words, for who cannot see it."""
    parts = []
    for lane in page.lanes:
        kinds = [one["kind"] for one in lane.marks]
        title = lane.style.title.replace("\n", " ")
        if lane.key in ("weeks", "events") or lane.key.startswith("endpoint:"):
            legend = [entry.says for entry in lane.legend]
            words = [said(one) for one in sorted(lane.marks, key=by_day)] if lane.key == "events" else legend
            parts.append(f"{title}: {'; '.join(words)}")
        else:
            parts.append(f"{title}: {len(kinds)} marks ({'; '.join(entry.says for entry in lane.legend)})")
    return ". ".join([*parts, CAPTION])


def _svg(page: Page) -> str:
    mpl = import_module("matplotlib")
    if "matplotlib.pyplot" not in sys.modules:
        mpl.use("agg")
    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "tendon-outcomes timeline", "svg.fonttype": "none", "font.family": ["DejaVu Sans"]}):
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        _plot(page).save(content, format="svg", verbose=False, metadata=nothing)
    return content.getvalue().decode("utf-8")


def _plot(page: Page) -> Any:
    p9, axis = import_module("plotnine"), page.axis
    limits = axis.beside(axis.first, -TITLES - MARGIN), axis.beside(axis.last, LEGEND)
    plot = p9.ggplot()
    for layer in _layers(p9, page.shapes):
        plot += layer
    return (
        plot
        + p9.scale_x_continuous(limits=limits, expand=(0, 0))
        + p9.scale_y_continuous(limits=(-page.height - BENEATH, ABOVE), expand=(0, 0))
        + p9.theme_void()
        + p9.theme(
            figure_size=(WIDTH / 72, (page.height + ABOVE + BENEATH) * UNIT / 72),
            text=p9.element_text(family="DejaVu Sans"),
            axis_title=p9.element_blank(),
            axis_text=p9.element_blank(),
            axis_ticks=p9.element_blank(),
            plot_margin=0,
        )
    )


def _layers(p9: Any, shapes: Sequence[Shape]) -> Iterable[Any]:
    """One layer for all shapes of one look: the grid at the bottom, then bands, lines, symbols and words."""
    lines = [one for one in shapes if isinstance(one, Stroke)]
    yield from _strokes(p9, [one for one in lines if one.color == PALE])
    for (fill,), boxes in _alike([one for one in shapes if isinstance(one, Box)], "fill"):
        left, right = [one.x for one in boxes], [one.xend for one in boxes]
        low, high = [one.y for one in boxes], [one.yend for one in boxes]
        yield p9.geom_rect(p9.aes(xmin=left, xmax=right, ymin=low, ymax=high), fill=fill, color=GREY, size=0.25)
    yield from _strokes(p9, [one for one in lines if one.color != PALE])
    for (symbol,), dots in _alike([one for one in shapes if isinstance(one, Dot)], "symbol"):
        places = p9.aes(x=[one.x for one in dots], y=[one.y for one in dots])
        yield p9.geom_point(places, shape=symbol.shape, fill=symbol.fill, color=symbol.color, size=symbol.size, stroke=0.4)
    texts = [one for one in shapes if isinstance(one, Words)]
    for (ha, size, color, weight, backed), words in _alike(texts, "ha", "size", "color", "weight", "backed"):
        plain = [one.text.replace("$", r"\$") for one in words]  # a dollar sign would begin a formula
        places = p9.aes(x=[one.x for one in words], y=[one.y for one in words], label=plain)
        look = {"ha": ha, "size": size, "color": color, "fontweight": weight}
        yield (
            p9.geom_label(places, label_size=0, label_padding=0.03, fill=PAPER, **look)
            if backed
            else p9.geom_text(places, **look)
        )


def _strokes(p9: Any, lines: Sequence[Stroke]) -> Iterable[Any]:
    for (color, size, dashes), alike in _alike(lines, "color", "size", "dashes"):
        start, end = [one.x for one in alike], [one.xend for one in alike]
        places = p9.aes(x=start, xend=end, y=[one.y for one in alike], yend=[one.yend for one in alike])
        yield p9.geom_segment(places, color=color, size=size, linetype=dashes)


def _alike(shapes: Sequence[Any], *looks: str) -> Iterable[tuple[tuple[Any, ...], list[Any]]]:
    """Shapes by what they look like, in the order in which a look first comes."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for one in shapes:
        groups.setdefault(tuple(getattr(one, look) for look in looks), []).append(one)
    return groups.items()
