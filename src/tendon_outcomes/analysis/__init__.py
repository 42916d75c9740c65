"""Joins an estimand to estimators; the only room that knows both."""

from tendon_outcomes.analysis import follow_up, recovery
from tendon_outcomes.analysis.verdict import decide, verdict
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp, to_grid

__all__ = ["GriddedFollowUp", "decide", "follow_up", "recovery", "to_grid", "verdict"]
