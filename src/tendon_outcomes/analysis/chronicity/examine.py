"""Whether these records can tell a curve over durations, and by what: everything that is decided before any estimate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tendon_outcomes.analysis.chronicity import rails
from tendon_outcomes.analysis.chronicity.assemble import Chronicity, scarcer_among
from tendon_outcomes.analysis.chronicity.places import Places, places
from tendon_outcomes.analysis.rails import LOSS_DAY, Rail, beyond_follow_up, heavy_loss, too_few_patients
from tendon_outcomes.analysis.strategies.rails_causal import between_looks
from tendon_outcomes.results import Row

DESIGN = "design of the curve over durations"
G_COMPUTATION = "g-computation"


@dataclass(frozen=True)
class Examined:
    """A sample with the rails it met: covariates that its events bear, and the days that can be told. No `days`, no curve."""

    case: Chronicity
    where: Places
    days: tuple[int, ...]
    rows: tuple[Row, ...]

    @property
    def tells(self) -> bool:
        return bool(self.days)

    @property
    def lead_day(self) -> int:
        """The day of the companions, of the strategies and of the view for runners."""
        asked = 7 * self.case.exposure.compare_week
        return asked if asked in self.days else self.days[-1]


def examine(case: Chronicity) -> Examined:
    """Ask every rail that needs no estimate.

    1. Too few runners or events, or durations that hardly differ: who was there is described, and no more.
    2. Days on which too few were followed or looked at are refused.
    3. The covariates are those that the events of the leading day bear, five for each parameter; nodes of the adjustment set are
       given up from the last on, and that is said. A day that does not bear the others is refused.
    4. Durations of the protocol that the records do not reach are refused.
    """
    where = places(case)
    rows = [rail.caution(estimator=DESIGN) for rail in _cautions(case)]
    reached = case.data.cause == 1
    people = [int(np.unique(case.patient[of]).size) for of in (np.ones_like(reached), reached, ~reached)]
    small = rails.too_few(*people) or too_few_patients(case.patient)
    if small is None and where.narrow:
        small = rails.alike()
    if small is not None:
        return Examined(case, where, (), (small.refusal(estimator=DESIGN), *rows))
    rows += _unanswered(case)
    case = with_nodes_that_fit(case)
    if case.covariates.dropped and (rail := rails.given_up(case.covariates.dropped)) is not None:
        rows.append(rail.caution(estimator=DESIGN))
    told: list[int] = []
    thin: dict[float, list[int]] = {}
    for day in case.days:
        scarcer, needed = scarcer_outcome(case, day), parameters(case)
        refused = rails.few_per_parameter(day, scarcer, needed, case.n)
        if refused is not None:
            rows.append(refused.refusal(estimator=G_COMPUTATION, day=day))
            continue
        told.append(day)
        if (few := rails.thinness(scarcer, needed)) is not None:
            thin.setdefault(few, []).append(day)
    rows += [rails.thin(days, few).caution(estimator=G_COMPUTATION) for few, days in sorted(thin.items())]
    if told:
        rows += [
            rails.beyond_duration(weeks, case.quantiles[1], G_COMPUTATION, of=(case.n, case.beside(weeks)))
            for weeks in where.refused
        ]
        if not where.has_reference:
            missing = rails.no_reference(case.exposure.reference_weeks)
            rows.append(missing.refusal(estimator=G_COMPUTATION))
    return Examined(case, where, tuple(told), tuple(rows))


def with_nodes_that_fit(case: Chronicity) -> Chronicity:
    """The sample with as many nodes of its adjustment set, in the declared order, as the leading day bears."""
    lead = 7 * case.exposure.compare_week
    day = lead if lead in case.days else (case.days[-1] if case.days else lead)
    kept = tuple(dict.fromkeys(case.covariates.nodes))
    scarcer = scarcer_outcome(case, day)
    while kept:
        own = case.covariates.of_nodes(kept)
        if scarcer >= rails.REFUSE_PER_PARAMETER * _parameters(case, len(own.names)):
            break
        kept = kept[:-1]
    return replace(case, covariates=case.covariates.of_nodes(kept))


def parameters(case: Chronicity) -> int:
    """Of the model of one day: an intercept, the spline and the covariates."""
    return _parameters(case, len(case.covariates.names))


def _parameters(case: Chronicity, covariates: int) -> int:
    return case.exposure.knots + covariates


def scarcer_outcome(case: Chronicity, day: int) -> int:
    """Runners known to have reached the endpoint by the day, or known not to have, whichever are fewer."""
    return scarcer_among(case.data, day, np.ones(case.n, dtype=np.bool_))


def _cautions(case: Chronicity) -> Iterator[Rail]:
    lost = case.data.lost & (case.data.left < LOSS_DAY)
    share = float(np.count_nonzero(lost)) / max(case.n, 1)
    found = (rails.unknown_duration(case.unknown_duration), rails.not_held(case.covariates.not_recorded), heavy_loss(share))
    yield from (rail for rail in found if rail is not None)


def _unanswered(case: Chronicity) -> Iterator[Row]:
    last = max((day for day in case.data.grid_days if case.answers(day)), default=0)
    for week in case.estimand.at_weeks:
        if not case.answers(7 * week):
            yield beyond_follow_up(week, last // 7).refusal(estimator=G_COMPUTATION, day=7 * week)
        elif 7 * week not in case.data.grid_days:
            yield between_looks(week).refusal(estimator=G_COMPUTATION, day=7 * week)
