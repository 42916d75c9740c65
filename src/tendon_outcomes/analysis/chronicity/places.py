"""At which durations something is told, at which it is flagged, and at which it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.chronicity.assemble import LEAST_WEEKS, Chronicity
from tendon_outcomes.analysis.chronicity.rails import MIN_BEYOND

CURVE, MILESTONE = "curve", "milestone"
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Durations in weeks. `low`, `high`: whole weeks within the 5th and 95th percentile, the ends of every curve.

    `milestones`: durations of the protocol between them; `grid`: these and the places of the protocol, even on the logarithm,
    between them, so that a curve tells neither percentile; `flagged`: those outside
    beyond which there are at least MIN_BEYOND runners; `refused`: the others. `has_reference`: whether the reference lies between
    the ends.
    """

    low: float
    high: float
    grid: FloatArray = field(repr=False)
    milestones: tuple[float, ...]
    flagged: tuple[float, ...]
    refused: tuple[float, ...]
    has_reference: bool

    @property
    def narrow(self) -> bool:
        """The ends are less than a doubling apart."""
        return self.high < 2.0 * self.low

    @property
    def asked(self) -> FloatArray:
        """All places of the curve, the shortest first."""
        return self.grid

    def terms(self, at_weeks: float) -> tuple[str, ...]:
        """The terms under which a duration is told: a milestone may be a point of the curve too."""
        on_grid = bool((self.grid == at_weeks).any())
        return ((CURVE,) if on_grid else ()) + ((MILESTONE,) if at_weeks in self.milestones else ())


def places(case: Chronicity, *, within: tuple[float, float] | None = None) -> Places:
    """The durations of a sample; ``within`` narrows the ends, as where two groups are compared."""
    low, _, high = case.quantiles
    if within is not None:
        low, high = max(low, within[0]), min(high, within[1])
    exposure = case.exposure
    first, last = float(ceil(low)), float(min(floor(high), exposure.most_weeks))
    inside = tuple(weeks for weeks in exposure.ask_weeks if first <= weeks <= last)
    flagged = tuple(weeks for weeks in exposure.ask_weeks if weeks not in inside and case.beside(weeks) >= MIN_BEYOND)
    flagged = flagged if within is None else ()
    even = np.geomspace(LEAST_WEEKS, exposure.most_weeks, exposure.grid_points)
    return Places(
        low=first,
        high=last,
        grid=np.union1d(even[(even >= first) & (even <= last)], inside),
        milestones=inside,
        flagged=flagged,
        refused=tuple(weeks for weeks in exposure.ask_weeks if weeks not in (*inside, *flagged)),
        has_reference=first <= exposure.reference_weeks <= last,
    )
