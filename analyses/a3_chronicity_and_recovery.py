"""A3. How does recovery go with the time it has hurt on day 0?

Estimand `chronicity_and_recovery` in protocol.toml: prognostic, so the words are "associated with". Duration stays continuous; a
curve ends where the records do. Durations are told from memory, and who recovers early is never seen with a long one: both are
allowed for beside the curve.
"""

from tendon_outcomes import Protocol, Results, ValidatedRecords, ascertain, assemble_cohort
from tendon_outcomes.analysis.chronicity import answer as chronicity

ESTIMAND = "chronicity_and_recovery"


def answer(records: ValidatedRecords, protocol: Protocol) -> Results:
    estimand = protocol.estimand(ESTIMAND)
    cohort = assemble_cohort(records, estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)

    case = chronicity.assemble(cohort, follow_up, estimand)
    examined = chronicity.examine(case)
    fitted = chronicity.fit_curves(examined)
    return Results.collect(
        estimand,
        chronicity.description(examined),
        chronicity.over_durations(fitted),
        chronicity.as_told(fitted),
        chronicity.selected(examined),
        chronicity.by_strategy(examined),
        attrition=case.attrition,
    )
