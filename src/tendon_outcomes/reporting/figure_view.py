"""A figure as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class FigureView:
    """One figure in one or two shapes, or the sentence that stands in its place. `how` says how to read it."""

    name: str
    caption: str
    drawings: tuple[Markup, ...]
    instead: str = ""
    how: str = ""
    bounded: bool = False  # some week asked about has bounds or limits instead of a point
