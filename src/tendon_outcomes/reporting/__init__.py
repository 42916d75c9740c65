"""Results to a page for people: sentences, tables and figures. It computes no statistic."""

from tendon_outcomes.reporting.page import render
from tendon_outcomes.reporting.report import LedgerView, ReportInput, RuleView

__all__ = ["LedgerView", "ReportInput", "RuleView", "render"]
