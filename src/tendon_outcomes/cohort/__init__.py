"""Who, from when, doing what, until what.

Who and from when: cohorts, diagnosis, recurrence, duration and scores stand in this folder. Doing what: `exposure`. Until what:
`outcome`. One runner at a time, for the clinic alone: `patient_level`.
"""

from tendon_outcomes.cohort.assemble import Cohort, assemble_cohort
from tendon_outcomes.cohort.exposure.adherence import adherence
from tendon_outcomes.cohort.exposure.prescribed import prescribed_exposure
from tendon_outcomes.cohort.exposure.strategies import StrategyLabels, classify_strategies
from tendon_outcomes.cohort.exposure.switching import exposure_intervals, state_runs, switches
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks, person_weeks
from tendon_outcomes.cohort.outcome.ascertain import FollowUp, ascertain
from tendon_outcomes.cohort.outcome.assessments import assess, one_a_day
from tendon_outcomes.cohort.outcome.clocks import from_landmark, from_onset
from tendon_outcomes.cohort.outcome.histories import Histories, histories
from tendon_outcomes.cohort.outcome.multiverse import Multiverse, multiverse
from tendon_outcomes.cohort.scores import score, score_expression

__all__ = [
    "Cohort",
    "FollowUp",
    "Histories",
    "Multiverse",
    "PersonWeeks",
    "StrategyLabels",
    "adherence",
    "ascertain",
    "assemble_cohort",
    "assess",
    "classify_strategies",
    "exposure_intervals",
    "from_landmark",
    "from_onset",
    "histories",
    "multiverse",
    "one_a_day",
    "person_weeks",
    "prescribed_exposure",
    "score",
    "score_expression",
    "state_runs",
    "switches",
]
