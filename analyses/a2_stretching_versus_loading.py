"""A2. Do runners run pain-free sooner when loading leads their rehabilitation than when stretching does?

Estimand `stretching_versus_loading` in protocol.toml: the target trial that nobody ran. Procedures are handled as hypothetical,
injuries compete. What these records cannot answer, and checks whose true answer is nothing, come before any estimate.
"""

from tendon_outcomes import Protocol, Results, ValidatedRecords, ascertain, assemble_cohort
from tendon_outcomes.analysis.strategies import answer as comparison
from tendon_outcomes.analysis.strategies.assemble import assemble_trials

ESTIMAND = "stretching_versus_loading"


def answer(records: ValidatedRecords, protocol: Protocol) -> Results:
    estimand = protocol.estimand(ESTIMAND)
    cohort = assemble_cohort(records, estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)

    trial = assemble_trials(cohort, follow_up, estimand)["all"]
    design = comparison.examine(trial)
    return Results.collect(
        estimand,
        comparison.rails(design),
        comparison.claims(design),
        comparison.description(design),
        comparison.effects(design),
        comparison.robustness(design, endpoints=estimand.other_endpoints),
        attrition=follow_up.attrition,
    )
