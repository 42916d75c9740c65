"""What every figure is made of: inks, a bare theme, and a way to bytes that are the same each time."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tendon_outcomes.errors import WrongUse

INK, BLUE, BOX, SAND, GREY, RULE = "#1b1f24", "#0b4f8a", "#b9d3ea", "#f4ead0", "#6b7280", "#dfe3e8"
# Okabe & Ito's colours in an order whose neighbours differ in lightness too; the line types tell groups apart without colour.
GROUP_INKS = ("#0b4f8a", "#d55e00", "#007a5e", "#a0527d", "#8a6d00", "#444444")
GROUP_LINES = ("solid", "dashed", "dotted", "dashdot", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
FONT = "DejaVu Sans"


@dataclass(frozen=True)
class Figure:
    """A drawing that can be written down. `words` say what it shows, for who cannot see it."""

    plot: Any
    words: str
    name: str

    def svg(self) -> str:
        """The drawing as SVG text; the same table gives the same bytes."""
        return self._saved("svg", {"Date": None, "Creator": None, "Format": None, "Type": None}).decode("utf-8")

    def png(self, *, dpi: int = 150) -> bytes:
        """The drawing as PNG bytes."""
        return self._saved("png", {"Software": None}, dpi=dpi)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _saved(self, kind: str, metadata: dict[str, None], **options: int) -> bytes:
        import matplotlib as mpl

        if "matplotlib.pyplot" not in sys.modules:
            mpl.use("agg")
        page = io.BytesIO()
        look: Any = {"svg.hashsalt": f"tendon-outcomes {self.name}", "svg.fonttype": "none", "font.family": [FONT]}
        with mpl.rc_context(look):
            self.plot.save(page, format=kind, verbose=False, metadata=metadata, **options)
        return page.getvalue()


def grammar() -> Any:
    """plotnine, loaded when something is drawn; the layers of a figure are told to it."""
    import plotnine

    return plotnine


def needed(table: pl.DataFrame, columns: Sequence[str], what: str) -> None:
    """Refuse a table without the columns that a figure draws."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise WrongUse(f"{what} has no column {', '.join(missing)}", way_out=f"It needs {', '.join(columns)}.")
    if table.is_empty():
        raise WrongUse(f"{what} has no row: there is nothing to draw")


def groups_of(table: pl.DataFrame, column: str = "stratum") -> list[str]:
    """The groups of a table in their order of appearance; more than can be told apart are refused."""
    names = [str(name) for name in table[column].unique(maintain_order=True)]
    if len(names) > len(GROUP_INKS):
        raise WrongUse(
            f"{len(names)} curves in one figure cannot be told apart", way_out=f"Draw at most {len(GROUP_INKS)} together."
        )
    return names


def bare(p9: Any, inches: tuple[float, float], points: float) -> Any:
    """No box, no grid: the layers draw what is needed."""
    return p9.theme_void() + p9.theme(
        figure_size=inches,
        text=p9.element_text(family=FONT, color=INK, size=points),
        axis_title=p9.element_blank(),
        axis_text_x=p9.element_blank(),
        axis_text_y=p9.element_text(size=points - 1, color=INK, ha="right", margin={"r": 6}),
        plot_margin=0.015,
    )


def with_axes(p9: Any, inches: tuple[float, float], points: float) -> Any:
    """Two plain axes with titles, light rules across."""
    return p9.theme_minimal() + p9.theme(
        figure_size=inches,
        text=p9.element_text(family=FONT, color=INK, size=points),
        panel_grid_minor=p9.element_blank(),
        panel_grid_major=p9.element_line(color=RULE, size=0.4),
        strip_text=p9.element_text(size=points, ha="left"),
        plot_margin=0.015,
    )


def page(p9: Any, layers: Sequence[Any], width: float, height: float) -> Any:
    """Layers on a page whose units are inches."""
    plot = p9.ggplot()
    for layer in layers:
        plot += layer
    scales = [
        p9.scale_x_continuous(limits=(0, width), expand=(0, 0)),
        p9.scale_y_continuous(limits=(0, height), breaks=[], expand=(0, 0)),
    ]
    return plot + scales + bare(p9, (width, height), 10.0)
