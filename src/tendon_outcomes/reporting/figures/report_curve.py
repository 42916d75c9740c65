"""The curve of one question, drawn from published rows only: what is not in the table is not in the drawing either."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tendon_outcomes.reporting.figures.paper import BLUE, BOX, GREY, INK, RULE, SAND, Figure
from tendon_outcomes.reporting.wording import NBSP, ResultRow, bounds_of, percent, week_number

_WEEK_LABELS, _AXIS_TITLE = -0.065, -0.15
_COUNT_ROWS = ((-0.27, "n_at_risk", "Still followed"), (-0.355, "n_events", "Reached"), (-0.44, "n_censored", "Left"))


@dataclass(frozen=True)
class Shape:
    """How large a drawing is and how close its weeks may stand: one for screens and paper, one for phones."""

    name: str
    inches: tuple[float, float]
    points: float
    columns: int
    ticks: tuple[int, ...]


WIDE = Shape("wide", (10.0, 5.6), 10.5, 15, (1, 2, 4, 8, 13, 26))
NARROW = Shape("narrow", (4.7, 5.3), 11.5, 7, (2, 4, 8, 13, 26, 52))
SHAPES = (WIDE, NARROW)


@dataclass(frozen=True)
class Curve:
    """What one drawing shows. `steps` are rows of term `curve`, `milestones` rows of term `milestone`, none withheld."""

    steps: tuple[ResultRow, ...]
    milestones: tuple[ResultRow, ...]
    n_start: int | None
    horizon_days: int
    window_weeks: tuple[int, int] | None = None
    threshold: float | None = None

    @property
    def drawable(self) -> bool:
        """There is at least one day with an estimate or with limits."""
        return any(row["estimate"] is not None or _limits(row) for row in self.steps)


def draw(curve: Curve, shape: Shape) -> str:
    """The SVG text of one curve: points with intervals, what lies between two assessments as boxes, counts underneath.

    Everything is in weeks on one scale, so the counts stand exactly under the weeks they belong to.
    """
    return Figure(_plot(curve, shape), curve_words(curve), shape.name).svg()


def _plot(curve: Curve, shape: Shape) -> Any:
    import plotnine as p9

    layers = (
        *_window(p9, curve, shape),
        *_frame(p9, curve),
        *_between(p9, curve),
        *_threshold(p9, curve, shape),
        *_points(p9, curve),
        *_milestones(p9, curve, shape),
        *_weeks(p9, curve, shape),
        *_counts(p9, curve, shape),
    )
    plot = p9.ggplot()
    for layer in layers:
        plot += layer
    return plot + _scales(p9, curve, shape) + _theme(p9, shape)


def _window(p9: Any, curve: Curve, shape: Shape) -> list[Any]:
    if curve.window_weeks is None:
        return []
    first, last = curve.window_weeks
    label = f"{first}–{last}" if shape is NARROW else f"weeks {first}–{last}"
    return [
        p9.annotate("rect", xmin=first, xmax=last, ymin=0, ymax=1, fill=SAND),
        p9.annotate("text", x=(first + last) / 2, y=1.04, label=label, size=shape.points - 1, color=INK),
    ]


def _frame(p9: Any, curve: Curve) -> list[Any]:
    lines = [0.0, 0.25, 0.5, 0.75, 1.0]
    across = {"x": 0, "xend": curve.horizon_days / 7}
    return [
        p9.annotate("segment", y=y, yend=y, color=GREY if y == 0 else RULE, size=0.6 if y == 0 else 0.4, **across) for y in lines
    ]


def _threshold(p9: Any, curve: Curve, shape: Shape) -> list[Any]:
    if curve.threshold is None:
        return []
    ends = {"x": 0, "xend": curve.horizon_days / 7, "y": curve.threshold, "yend": curve.threshold}
    line = p9.annotate("segment", linetype="dashed", color=INK, size=0.7, **ends)
    if shape is NARROW:  # no room beside the milestone labels; the caption names the line
        return [line]
    label = {"x": 0.2, "y": curve.threshold + 0.035, "label": f"threshold {percent(curve.threshold)}", "ha": "left"}
    return [line, p9.annotate("text", size=shape.points - 1, color=INK, **label)]


def _between(p9: Any, curve: Curve) -> list[Any]:
    """Between two days the incidence lies somewhere in the box from the earlier value to the later one."""
    known = [(0.0, 0.0), *((row["day"] / 7, row["estimate"]) for row in curve.steps if row["estimate"] is not None)]
    pairs = list(itertools.pairwise(known))
    if not pairs:
        return []
    corners = {
        "xmin": [a[0] for a, _ in pairs],
        "xmax": [b[0] for _, b in pairs],
        "ymin": [a[1] for a, _ in pairs],
        "ymax": [b[1] for _, b in pairs],
    }
    return [p9.geom_rect(p9.aes(**corners), fill=BOX, color="#8fb4d6", size=0.25)]


def _points(p9: Any, curve: Curve) -> list[Any]:
    shown = [row for row in curve.steps if row["estimate"] is not None]
    sure = [(row["day"] / 7, limits) for row in curve.steps if (limits := _limits(row))]
    layers = []
    if sure:
        bars = {"x": [week for week, _ in sure], "ymin": [low for _, (low, _) in sure], "ymax": [high for _, (_, high) in sure]}
        layers.append(p9.geom_linerange(p9.aes(**bars), color=BLUE, size=0.45))
    if shown:
        at = p9.aes(x=[r["day"] / 7 for r in shown], y=[r["estimate"] for r in shown])
        layers.append(p9.geom_point(at, color=BLUE, fill="white", size=1.7, stroke=0.5))
    return layers


def _milestones(p9: Any, curve: Curve, shape: Shape) -> list[Any]:
    layers = []
    for row in curve.milestones:
        week, bounds, limits = row["day"] / 7, bounds_of(row), _limits(row)
        if row["estimate"] is None and bounds is None and limits is None:
            continue
        top = row["conf_high"] if row["conf_high"] is not None else row["estimate"]
        label = ""
        if limits is not None:
            ends = {"x": week, "xend": week, "y": limits[0], "yend": limits[1]}
            label = _from_to(limits)
            layers.append(p9.annotate("segment", color=BLUE, size=1.1, **ends))
        if row["estimate"] is not None:
            layers.append(p9.annotate("point", x=week, y=row["estimate"], color=BLUE, size=3.4))
            label = percent(row["estimate"])
        elif bounds is not None:
            layers.append(p9.annotate("segment", x=week, xend=week, y=bounds[0], yend=bounds[1], color=BLUE, size=3))
            label = _from_to(bounds)
        place = {"x": week, "y": min((top or 0) + 0.045, 0.97), "label": label, "ha": "right" if week > 2 else "left"}
        look = {"fontweight": "bold", "size": shape.points, "color": INK, "fill": "white", "alpha": 0.85}
        layers.append(p9.annotate("label", label_size=0, label_padding=0.12, **look, **place))
    return layers


def _limits(row: ResultRow) -> tuple[float, float] | None:
    return None if row["conf_low"] is None or row["conf_high"] is None else (row["conf_low"], row["conf_high"])


def _from_to(ends: tuple[float, float]) -> str:
    return f"{percent(ends[0]).removesuffix(f'{NBSP}%')}–{percent(ends[1])}"


def _weeks(p9: Any, curve: Curve, shape: Shape) -> list[Any]:
    weeks = ticks(curve, shape)
    marks = p9.aes(x=weeks, xend=weeks, y=[0] * len(weeks), yend=[-0.015] * len(weeks))
    numbers = p9.aes(x=weeks, y=[_WEEK_LABELS] * len(weeks), label=[f"{week:g}" for week in weeks])
    title = {"x": curve.horizon_days / 14, "y": _AXIS_TITLE, "label": "Weeks since day 0"}
    return [
        p9.geom_segment(marks, color=GREY, size=0.5),
        p9.geom_text(numbers, size=shape.points - 1, color=INK),
        p9.annotate("text", size=shape.points - 0.5, color=INK, **title),
    ]


def _counts(p9: Any, curve: Curve, shape: Shape) -> list[Any]:
    columns = count_columns(curve, shape)
    layers = []
    for y, column, _ in _COUNT_ROWS:
        cells = [(week, cell[column]) for week, cell in columns if cell[column] is not None]
        if cells:
            where = {"x": [week for week, _ in cells], "y": [y] * len(cells), "label": [str(number) for _, number in cells]}
            layers.append(p9.geom_text(p9.aes(**where), size=shape.points - 1.5, color=INK))
    return layers


def ticks(curve: Curve, shape: Shape) -> list[float]:
    """Weeks on the axis: an even step that fits the shape."""
    horizon = curve.horizon_days / 7
    step = next((one for one in shape.ticks if horizon / one < shape.columns), shape.ticks[-1])
    even = [float(week) for week in range(0, int(horizon) + 1, step)]
    if horizon == even[-1]:
        return even
    return [*(week for week in even if horizon - week >= 0.75 * step), horizon]


def count_columns(curve: Curve, shape: Shape) -> list[tuple[float, ResultRow]]:
    """Which weeks have their counts printed: milestones first, then others as far as they stand apart."""
    apart = curve.horizon_days / 7 / shape.columns
    start = [] if curve.n_start is None else [(0.0, {"n_at_risk": curve.n_start, "n_events": 0, "n_censored": 0})]
    chosen: list[tuple[float, ResultRow]] = list(start)
    rows: Sequence[ResultRow] = [row for row in (*curve.milestones, *curve.steps) if row["n_at_risk"] is not None]
    on_tick = set(ticks(curve, shape))
    for row in sorted(rows, key=lambda r: (r["term"] != "milestone", r["day"] / 7 not in on_tick, r["day"])):
        if all(abs(row["day"] / 7 - week) >= apart for week, _ in chosen):
            chosen.append((row["day"] / 7, row))
    return sorted(chosen, key=lambda one: one[0])


def _scales(p9: Any, curve: Curve, shape: Shape) -> list[Any]:
    axis = [(0.0, f"0{NBSP}%"), (0.25, f"25{NBSP}%"), (0.5, f"50{NBSP}%"), (0.75, f"75{NBSP}%"), (1.0, f"100{NBSP}%")]
    breaks = [*axis, *((y, label) for y, _, label in _COUNT_ROWS)]
    margin = curve.horizon_days / 7 * (0.02 if shape is WIDE else 0.06)
    return [
        p9.scale_y_continuous(
            breaks=[y for y, _ in breaks], labels=[label for _, label in breaks], limits=(-0.48, 1.07), expand=(0, 0)
        ),
        p9.scale_x_continuous(limits=(-margin, curve.horizon_days / 7 + margin), expand=(0, 0)),
    ]


def _theme(p9: Any, shape: Shape) -> Any:
    return p9.theme_void() + p9.theme(
        figure_size=shape.inches,
        text=p9.element_text(family="DejaVu Sans"),
        axis_title=p9.element_blank(),
        axis_text_x=p9.element_blank(),
        axis_text_y=p9.element_text(size=shape.points - 1, color=INK, ha="right", margin={"r": 6}),
        plot_margin=0.01,
    )


def curve_words(curve: Curve) -> str:
    """What the drawing shows, for who cannot see it: every point, and the limits of every day that has no point."""
    told = []
    for row in curve.steps:
        limits = _limits(row)
        if row["estimate"] is not None:
            told.append(f"week {week_number(row['day'])}: {percent(row['estimate'])}")
        elif limits is not None:
            told.append(f"week {week_number(row['day'])}: {_from_to(limits)} (limits)")
    return "Share that had reached the endpoint by " + "; ".join(told) + "."
