"""Results, the flow that led to them, where they come from, and disclosure control."""

from tendon_outcomes.results.attrition import Attrition, Step
from tendon_outcomes.results.disclosure import suppress, suppress_all
from tendon_outcomes.results.disclosure_strategies import SAID, WOULD_DO
from tendon_outcomes.results.provenance import Provenance, hash_files, stamp
from tendon_outcomes.results.results import Results, interval_text, results_json
from tendon_outcomes.results.rows import SCHEMA, Row, finite, frame
from tendon_outcomes.results.small_counts import is_small, suppress_flow, suppress_parts, tellable_totals
from tendon_outcomes.results.told_before import ToldBefore, gathered_before, told_by

__all__ = [
    "SAID",
    "SCHEMA",
    "WOULD_DO",
    "Attrition",
    "Provenance",
    "Results",
    "Row",
    "Step",
    "ToldBefore",
    "finite",
    "frame",
    "gathered_before",
    "hash_files",
    "interval_text",
    "is_small",
    "results_json",
    "stamp",
    "suppress",
    "suppress_all",
    "suppress_flow",
    "suppress_parts",
    "tellable_totals",
    "told_by",
]
