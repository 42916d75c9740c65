"""A5. Which claims of the clinic's article do these records support, refute, or leave unanswered, and why?

Estimand `claims_register` in protocol.toml, with the nineteen claims after it. Each yields a verdict, a refusal with its reason,
or the number of runners that would do. Where another analysis of the report has answered a claim, its answer is taken.
"""

from collections.abc import Sequence

from tendon_outcomes import Protocol, Results, ValidatedRecords
from tendon_outcomes.analysis.claims import answer as register

ESTIMAND = "claims_register"


def answer(records: ValidatedRecords, protocol: Protocol, *, answers: Sequence[Results] = ()) -> Results:
    estimand = protocol.estimand(ESTIMAND)
    setting = register.setting_of(records, protocol, estimand, answers)
    found = register.findings(setting)
    return Results.collect(
        estimand,
        register.rows(found, conf_level=estimand.conf_level),
        attrition=register.attrition(setting),
    )
