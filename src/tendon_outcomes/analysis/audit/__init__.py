"""The audit: do the clinic's runners improve in time, quarter by quarter, and would it notice if that changed?"""

from tendon_outcomes.analysis.audit.answer import Primary, audit_rows
from tendon_outcomes.analysis.audit.cohorts import CohortCounts, cohort_counts, counter

__all__ = ["CohortCounts", "Primary", "audit_rows", "cohort_counts", "counter"]
