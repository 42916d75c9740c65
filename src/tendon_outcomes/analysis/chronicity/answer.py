"""The whole answer over durations, step by step, as rows of results."""

from __future__ import annotations

from collections.abc import Iterator

from tendon_outcomes.analysis.chronicity.assemble import Chronicity, assemble
from tendon_outcomes.analysis.chronicity.companions import companions
from tendon_outcomes.analysis.chronicity.curves import Fitted, curves, fit_curves
from tendon_outcomes.analysis.chronicity.examine import Examined, examine
from tendon_outcomes.analysis.chronicity.frailty import frailty
from tendon_outcomes.analysis.chronicity.modification import modification
from tendon_outcomes.analysis.chronicity.responders import responders
from tendon_outcomes.analysis.chronicity.since_onset import since_onset_curve
from tendon_outcomes.analysis.chronicity.told_duration import heaps, over_imputed
from tendon_outcomes.analysis.chronicity.who import who
from tendon_outcomes.analysis.chronicity.wording import wording
from tendon_outcomes.results import Row


def description(examined: Examined) -> Iterator[Row]:
    """Who was there, what was refused before any estimate, and what the text may say."""
    yield from who(examined.case)
    yield from examined.rows
    yield from wording(examined)


def over_durations(fitted: Fitted) -> Iterator[Row]:
    """The curves with their sensitivity analyses, and the models beside them."""
    if not fitted.examined.tells:
        return
    yield from curves(fitted)
    yield from companions(fitted)


def as_told(fitted: Fitted) -> Iterator[Row]:
    """Round numbers among the durations, and the curve when their imprecision is allowed for."""
    if not fitted.examined.tells:
        return
    yield from heaps(fitted.case)
    yield from over_imputed(fitted)


def selected(examined: Examined) -> Iterator[Row]:
    """Recovery since the onset, with everybody entering when first seen, and what selection by frailty leaves."""
    yield from since_onset_curve(examined)
    yield from frailty(examined)


def by_strategy(examined: Examined) -> Iterator[Row]:
    """Strategies by duration, and the score by duration."""
    yield from modification(examined)
    yield from responders(examined)


__all__ = [
    "Chronicity",
    "Fitted",
    "as_told",
    "assemble",
    "by_strategy",
    "description",
    "examine",
    "fit_curves",
    "over_durations",
    "selected",
]
