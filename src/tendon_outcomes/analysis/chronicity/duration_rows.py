"""Numbers over durations as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.chronicity.assemble import Chronicity, emptier_side
from tendon_outcomes.analysis.chronicity.places import Places
from tendon_outcomes.results import Row, finite

BAND = "_band"
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OverDurations:
    """One statistic at durations `at_weeks`: estimates with pointwise limits, and those of the band where there is one."""

    at_weeks: FloatArray = field(repr=False)
    estimate: FloatArray = field(repr=False)
    std_error: FloatArray = field(repr=False)
    conf_low: FloatArray = field(repr=False)
    conf_high: FloatArray = field(repr=False)
    band_low: FloatArray | None = field(default=None, repr=False)
    band_high: FloatArray | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """Who stands behind a curve: the weeks of the runners of each group that it rests on, and the events of its scarcer part."""

    groups: tuple[FloatArray, ...] = field(repr=False)
    n_events: int
    day: int | None = None

    def n_at_risk(self, at_weeks: float) -> int:
        """Runners of the emptiest side of a duration: who had hurt for less, or for more, in whichever group they are fewest."""
        return min(emptier_side(weeks, at_weeks) for weeks in self.groups)


def beside_of(case: Chronicity, day: int | None = None) -> Beside:
    """Everybody; events by the day, or by the end of follow-up."""
    return Beside((case.weeks,), case.events_beside(case.estimand.horizon_days if day is None else day), day)


def rows_over(
    statistic: str,
    estimator: str,
    found: OverDurations,
    where: Places,
    beside: Beside,
    *,
    stratum: str = "all",
    terms: Sequence[str] | None = None,
    warning: str = "",
) -> Iterator[Row]:
    """A row for every duration and term, and one of the band beside each."""
    for i, at_weeks in enumerate(found.at_weeks.tolist()):
        limits = _limits(found, i, found.conf_low, found.conf_high)
        band = () if found.band_low is None or found.band_high is None else _limits(found, i, found.band_low, found.band_high)
        for term in where.terms(at_weeks) if terms is None else terms:
            for kind, numbers in ((statistic, limits), (statistic + BAND, band)):
                if numbers:
                    yield Row(
                        estimator=estimator,
                        statistic=kind,
                        stratum=stratum,
                        term=term,
                        day=beside.day,
                        at=at_weeks,
                        estimate=finite(numbers[0]),
                        std_error=finite(numbers[1]),
                        conf_low=finite(numbers[2]),
                        conf_high=finite(numbers[3]),
                        n_at_risk=beside.n_at_risk(at_weeks),
                        n_events=beside.n_events,
                        warning=warning,
                    )


def _limits(found: OverDurations, i: int, low: FloatArray, high: FloatArray) -> tuple[float, ...]:
    return tuple(float(numbers[i]) for numbers in (found.estimate, found.std_error, low, high))
