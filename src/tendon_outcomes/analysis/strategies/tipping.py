"""In how many runners the result would have to be other than it is before the difference could not be told from none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.strategies.week_twelve import (
    DAY,
    ESTIMATOR,
    Compared,
    Outcome,
    limits,
    refused,
    strategies,
)
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sensitivity.tipping_point import TippingPoint, tipping_point
from tendon_outcomes.results import Row

IntArray = NDArray[np.int64]

LOST_REACHED = "lost who would have reached it"
LOST_NOT_REACHED = "lost who would not have reached it"
OTHERS_REACHED = "not known to have reached it, and did"
ALREADY_OPEN = "the limits hold no difference already"
CANNOT = "even all of them do not change what the limits say"


def tipping_points(found: Compared) -> Iterator[Row]:
    """How many runners, of those lost and of all without the endpoint, would have to have had another result at week 12.

    Where the compared strategy is ahead: those lost under the reference who would have reached it; those lost under the compared
    strategy who would not; and all of the reference without it. Where it is behind, the two strategies change places. The runners
    with the largest weights come first, so that the number is the fewest that would do. Propensity and weights stay.
    """
    try:
        ahead = limits(found.means())[0] > 0.0
        behind, front = (0, 1) if ahead else (1, 0)
        lost, others = found.lost_before(), found.without_event()
        for arm, rows, term in (
            (behind, lost, LOST_REACHED),
            (front, lost, LOST_NOT_REACHED),
            (behind, others, OTHERS_REACHED),
        ):
            own = rows[found.treatment[rows] == arm]
            yield _row(found, arm, term, _tipped(found, own, reached=term != LOST_NOT_REACHED))
    except EstimationRefused as why:
        yield refused("tipping_point", why, found.stratum)


def _tipped(found: Compared, rows: IntArray, *, reached: bool) -> TippingPoint:
    def changed(chosen: IntArray) -> tuple[float, float, float]:
        return limits(found.means(_with(found.outcome, chosen, reached=reached)))

    return tipping_point(changed, rows[np.argsort(-found.weights.weight[rows], kind="stable")])


def _with(outcome: Outcome, rows: IntArray, *, reached: bool) -> Outcome:
    return outcome.reached(rows, DAY) if reached else outcome.not_reached(rows, DAY)


def _row(found: Compared, arm: int, term: str, point: TippingPoint) -> Row:
    says = CANNOT if point.patients is None else ALREADY_OPEN if point.patients == 0 else ""
    return Row(
        estimator=ESTIMATOR,
        statistic="tipping_point",
        stratum=strategies(found.trial)[arm],
        term=term,
        day=DAY,
        estimate=point.estimate,
        conf_low=point.conf_low,
        conf_high=point.conf_high,
        n_at_risk=point.of,
        n_events=point.patients,
        warning=says,
    )
