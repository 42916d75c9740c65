"""Statistics on arrays: arrays in, small frozen fits out. Nothing here has heard of tendons, files, clocks or random numbers."""

from tendon_outcomes.estimators.curves.aalen_johansen import CumulativeIncidence, aalen_johansen
from tendon_outcomes.estimators.curves.kaplan_meier import SurvivalCurve, TimeQuantile, kaplan_meier
from tendon_outcomes.estimators.curves.restricted_mean import RestrictedMean, restricted_mean, restricted_mean_time_lost
from tendon_outcomes.estimators.interval_censored.incidence import (
    IncidenceBounds,
    IntervalIncidence,
    QuantileBracket,
    TimeLostBracket,
)
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence, turnbull
from tendon_outcomes.estimators.limits import IntervalKind, Pointwise
from tendon_outcomes.estimators.proportions import Proportion, clopper_pearson, newcombe, wilson

__all__ = [
    "CumulativeIncidence",
    "IncidenceBounds",
    "IntervalIncidence",
    "IntervalKind",
    "Pointwise",
    "Proportion",
    "QuantileBracket",
    "RestrictedMean",
    "SurvivalCurve",
    "TimeLostBracket",
    "TimeQuantile",
    "aalen_johansen",
    "clopper_pearson",
    "interval_censored_incidence",
    "kaplan_meier",
    "newcombe",
    "restricted_mean",
    "restricted_mean_time_lost",
    "turnbull",
    "wilson",
]
