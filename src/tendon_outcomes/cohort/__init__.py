"""Who, from when, until what: cohorts, scores, assessments and intervals."""

from tendon_outcomes.cohort.ascertain import FollowUp, ascertain
from tendon_outcomes.cohort.assemble import Cohort, assemble_cohort
from tendon_outcomes.cohort.assessments import assess, one_a_day
from tendon_outcomes.cohort.scores import score, score_expression

__all__ = ["Cohort", "FollowUp", "ascertain", "assemble_cohort", "assess", "one_a_day", "score", "score_expression"]
