"""A1. How soon do runners with proximal hamstring tendinopathy run pain-free?

Estimand `pain_free_by_26_weeks` in protocol.toml. Surgery, injections and other injuries compete; they do not censor.
Recovery is known only between two assessments, so its incidence is the interval-censored NPMLE.
"""

from tendon_outcomes import Protocol, Results, ValidatedRecords, ascertain, assemble_cohort
from tendon_outcomes.analysis import follow_up as conduct
from tendon_outcomes.analysis import recovery

ESTIMAND = "pain_free_by_26_weeks"


def answer(records: ValidatedRecords, protocol: Protocol) -> Results:
    estimand = protocol.estimand(ESTIMAND)
    cohort = assemble_cohort(records, estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)
    generous = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks, unconfirmed="event")

    strata = recovery.fit_strata(follow_up, grid=estimand.grid, conf_level=estimand.conf_level, generous=generous)
    return Results.collect(
        estimand,
        recovery.cumulative_incidence(strata, at_weeks=estimand.at_weeks),
        recovery.median_time(strata),
        recovery.restricted_mean_time_lost(strata, horizon_weeks=estimand.horizon_weeks),
        recovery.competing_incidence(strata, at_weeks=estimand.at_weeks),
        recovery.sensitivity(strata, at_weeks=estimand.at_weeks, says="last passes that nobody confirmed count as reached"),
        recovery.loss_bounds(strata, at_weeks=estimand.at_weeks),
        conduct.visit_date_incidence(follow_up, strata, at_weeks=estimand.at_weeks),
        conduct.describe(
            follow_up, strata, horizon_weeks=estimand.horizon_weeks, grid=estimand.grid, conf_level=estimand.conf_level
        ),
        attrition=follow_up.attrition,
    )
