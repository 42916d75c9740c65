"""The claim under every declared definition of improvement, each read as the primary one is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tendon_outcomes.analysis import rails, recovery
from tendon_outcomes.analysis.verdict import verdict
from tendon_outcomes.cohort import Cohort, ascertain
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.audit import DefinitionTried
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.results import Row


def definitions(
    cohort: Cohort, estimand: Estimand, tried: Sequence[DefinitionTried], *, at_weeks: Sequence[int]
) -> Iterator[Row]:
    """For each definition the share that reached it by each week, and the verdict by the same rule.

    Who cannot reach a definition is left out of it: the runners are not quite the same ones under each.
    """
    for one in tried:
        yield from _read(cohort, estimand, one, at_weeks)


def _read(cohort: Cohort, estimand: Estimand, one: DefinitionTried, at_weeks: Sequence[int]) -> Iterator[Row]:
    stratum = f"definition: {one.name}"
    try:
        follow_up = ascertain(cohort, one.endpoint, horizon_weeks=estimand.horizon_weeks)
    except NoUsableRows as error:
        rail = rails.Rail("not_recorded", f"not answered: {error.summary}")
        yield rail.refusal(estimator=recovery.ESTIMATOR, stratum=stratum)
        incidence: tuple[Row, ...] = ()
    else:
        strata = recovery.fit_strata(follow_up, grid=estimand.grid, conf_level=estimand.conf_level)
        incidence = tuple(replace(row, stratum=stratum) for row in recovery.cumulative_incidence(strata, at_weeks=at_weeks))
    for row in incidence:
        if row.statistic == "refusal":
            yield row
        elif row.term == "milestone":
            yield replace(row, statistic="definition_incidence")
    of_all = incidence or (Row(estimator=recovery.ESTIMATOR, statistic="refusal", stratum=stratum),)
    yield from (replace(row, statistic="definition_verdict") for row in verdict(of_all, estimand.decision))
