"""A4. Do most runners on a structured plan notice meaningful improvement within 8 to 12 weeks?

Estimand `meaningful_improvement_by_12_weeks` in protocol.toml, with its decision rule and its audit. Improvement is not
pain-free running: that is A1. A single-arm change is not the effect of treatment.
"""

from tendon_outcomes import Protocol, Results, ValidatedRecords, ascertain, assemble_cohort
from tendon_outcomes.analysis import follow_up as conduct
from tendon_outcomes.analysis import recovery
from tendon_outcomes.analysis.audit import Primary, audit_rows
from tendon_outcomes.analysis.verdict import robustness, verdict
from tendon_outcomes.snapshots import History

ESTIMAND = "meaningful_improvement_by_12_weeks"


def answer(records: ValidatedRecords, protocol: Protocol, *, history: History | None = None) -> Results:
    estimand = protocol.estimand(ESTIMAND)
    cohort = assemble_cohort(records, estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)

    strata = recovery.fit_strata(follow_up, grid=estimand.grid, conf_level=estimand.conf_level)
    incidence = tuple(recovery.cumulative_incidence(strata, at_weeks=estimand.at_weeks))
    if_lost = tuple(recovery.loss_bounds(strata, at_weeks=estimand.at_weeks))
    medians = tuple(recovery.median_time(strata))
    verdicts = tuple(verdict(incidence, estimand.decision))
    return Results.collect(
        estimand,
        incidence,
        verdicts,
        robustness(verdicts, if_lost, estimand.decision),
        medians,
        recovery.restricted_mean_time_lost(strata, horizon_weeks=estimand.horizon_weeks),
        recovery.competing_incidence(strata, at_weeks=estimand.at_weeks),
        if_lost,
        conduct.visit_date_incidence(follow_up, strata, at_weeks=estimand.at_weeks),
        conduct.describe(
            follow_up, strata, horizon_weeks=estimand.horizon_weeks, grid=estimand.grid, conf_level=estimand.conf_level
        ),
        audit_rows(Primary(cohort, follow_up, strata, verdicts, medians, if_lost), protocol, estimand, history),
        attrition=follow_up.attrition,
    )
