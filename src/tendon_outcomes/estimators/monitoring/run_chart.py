"""Run charts with Anhoj's two rules: an unusually long run on one side of the centre, or unusually few crossings of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, log2

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import one_dimensional, refuse

FEW = 0.05  # so seldom are there fewer crossings by chance


@dataclass(frozen=True, slots=True)
class RunChart:
    """What the rules count. `useful`: points off the centre. `shift`: the longest run is longer than `longest_limit`;
    `few_crossings`: there are fewer than `crossings_limit`.
    """

    centre: float
    useful: int
    longest_run: int
    longest_limit: int
    crossings: int
    crossings_limit: int

    @property
    def shift(self) -> bool:
        return self.longest_run > self.longest_limit

    @property
    def few_crossings(self) -> bool:
        return self.crossings < self.crossings_limit


def run_chart(values: npt.ArrayLike, *, centre: float | None = None) -> RunChart:
    """Do the points vary about their centre as by chance?

    Estimand
        Whether successive values come from one distribution.
    Estimator
        Longest run of useful points on one side of the centre; number of crossings between successive useful points.
    Interval
        Limits round(log2(n) + 3) for the longest run and the 5 % quantile of a binomial (n - 1, 1/2) for the crossings; together
        a chance signal in about one chart of twenty at 10 to 60 points.
    Conventions
        Points on the centre are not useful: they neither break nor lengthen a run. A limit that is met is no signal.
    Assumes
        Independent points; a centre that is their median, or one fixed beforehand.
    Not for
        Fewer than 10 points; saying when a change began.
    Parameters
        values: in the order of time. centre: their median when None.
    Returns
        RunChart.
    References
        Anhoj & Olesen (2014) PLoS ONE 9:e113825; Anhoj (2015) PLoS ONE 10:e0121349; Schilling (2012) Math Mag 85:141.
    Checked
        Published limits and exact counts: tests/estimators/test_run_chart.py.
    """
    points = one_dimensional("values", values)
    if points.size == 0 or not np.isfinite(points).all():
        raise refuse(f"a run chart needs values; {int((~np.isfinite(points)).sum())} of {points.size} are missing or infinite")
    middle = float(np.median(points)) if centre is None else float(centre)
    side = np.sign(points - middle)
    side = side[side != 0.0]
    turns = np.flatnonzero(np.diff(side) != 0.0)
    runs = np.diff(np.concatenate(([-1], turns, [side.size - 1]))) if side.size else np.zeros(1, dtype=np.int64)
    n = int(side.size)
    return RunChart(middle, n, int(runs.max()), longest_run_limit(n), int(turns.size), crossings_limit(n))


def longest_run_limit(useful: int) -> int:
    """The longest run that chance explains among so many useful points."""
    return round(log2(useful) + 3.0) if useful else 0


def crossings_limit(useful: int) -> int:
    """The fewest crossings that chance explains among so many useful points: the 5 % quantile of a binomial (n - 1, 1/2)."""
    gaps, below = max(useful - 1, 0), 0
    for k in range(gaps + 1):
        below += comb(gaps, k)
        if below >= FEW * 2**gaps:
            return k
    return gaps
