"""How many of those lost would have to have improved before the verdict turned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.recovery import Stratum
from tendon_outcomes.analysis.verdict import decide
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp, next_day
from tendon_outcomes.declarations import DecisionRule
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import interval_censored_incidence
from tendon_outcomes.results import Row
from tendon_outcomes.vocabulary import Verdict

_ORDER = (Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED)


@dataclass(frozen=True, slots=True)
class Turn:
    """Of `lost` runners `improved` are the turning point, at which the verdict `becomes` another one; None where none is."""

    lost: int
    improved: int | None
    becomes: Verdict | None

    @property
    def share(self) -> float | None:
        return self.improved / self.lost if self.improved is not None and self.lost else None


def turning_point(found: Verdict, lost: int, verdict_if: Callable[[int], Verdict]) -> Turn:
    """The number of the lost, improved, at which the verdict becomes another one.

    ``verdict_if`` gives the verdict had so many of them improved and the others not; it rises from refuted to supported.
    Supported turns when no more than that many improved; refuted or inconclusive turns when at least that many did. Bisection.
    """
    if found not in _ORDER or not lost:
        return Turn(lost, None, None)

    def first(least: Verdict) -> int:
        """The smallest number with which the verdict is at least ``least``; lost + 1 where none is."""
        low, high = 0, lost + 1
        while low < high:
            middle = (low + high) // 2
            if _ORDER.index(verdict_if(middle)) >= _ORDER.index(least):
                high = middle
            else:
                low = middle + 1
        return low

    if found is Verdict.SUPPORTED:
        number = first(found) - 1
        return Turn(lost, number, verdict_if(number)) if number >= 0 else Turn(lost, None, None)
    number = first(_ORDER[_ORDER.index(found) + 1])
    return Turn(lost, number, verdict_if(number)) if number <= lost else Turn(lost, None, None)


def tipping_point(strata: Sequence[Stratum], verdicts: Sequence[Row], rule: DecisionRule | None) -> Iterator[Row]:
    """One row for each verdict: what share of those lost before the rule's week would have to have improved for it to turn.

    Those said to have improved did so by the assessment after the last that they came to, the last seen first; the others had
    not by the week.
    """
    if rule is None:
        return
    day = 7 * rule.at_week
    words = {row.stratum: Verdict(row.term) for row in verdicts}
    for one in strata:
        found = words.get(one.name, Verdict.NOT_ANSWERED)
        if one.fit is None or found is Verdict.NOT_ANSWERED:
            continue
        gone = np.flatnonzero(one.data.lost & (one.data.left < day))
        gone = gone[np.argsort(-one.data.left[gone], kind="stable")]

        def verdict_if(improved: int, one: Stratum = one, gone: NDArray[np.int64] = gone) -> Verdict:
            return _verdict(had_improved(one, gone, improved, day), one, day, rule)

        try:
            turn = turning_point(found, gone.size, verdict_if)
        except EstimationRefused:
            continue
        yield Row(
            estimator="decision rule",
            statistic="tipping_point",
            term="verdict turns",
            day=day,
            estimate=turn.share,
            n_at_risk=one.data.n,
            n_events=int(gone.size),
            warning=in_words(found, turn),
        )


def had_improved(one: Stratum, gone: NDArray[np.int64], improved: int, day: int) -> GriddedFollowUp:
    """The records had the first ``improved`` of ``gone`` improved by their next assessment, and the others not by ``day``."""
    data = one.data
    left, right, cause = data.left.copy(), data.right.copy(), data.cause.copy()
    yes, no = gone[:improved], gone[improved:]
    right[yes] = np.minimum(next_day(left[yes] + 0.5, data.grid_days, one.grid.days), max(day, 1))
    cause[yes] = 1
    left[no] = np.maximum(left[no], max([day, *data.grid_days]))
    return replace(data, left=left, right=right, cause=cause)


def _verdict(data: GriddedFollowUp, one: Stratum, day: int, rule: DecisionRule) -> Verdict:
    assert one.fit is not None
    level = one.fit.conf_level
    fit = interval_censored_incidence(data.left, data.right, data.cause, cluster=data.patient, conf_level=level)
    low, high = fit.lower(1, [day]), fit.upper(1, [day])
    return decide(float(low.conf_low[0]), float(high.conf_high[0]), rule.threshold)


def in_words(found: Verdict, turn: Turn) -> str:
    """What would have to be true of the lost for the verdict to be another one."""
    if not turn.lost:
        return "nobody was lost before that week"
    if turn.share is None or turn.becomes is None:
        return f"{found.value} whatever became of the lost"
    share = f"{100 * turn.share:.0f} in 100 of the lost"
    how = f"no more than {share}" if found is Verdict.SUPPORTED else f"at least {share}"
    return f"{turn.becomes.value} if {how} had improved"
