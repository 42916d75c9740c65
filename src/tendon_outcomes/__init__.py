"""From a clinic's records of tendon pain in runners to an honest answer about recovery.

Names are looked up on first use, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tendon_outcomes.cohort import Cohort, FollowUp, ascertain, assemble_cohort
    from tendon_outcomes.declarations import Declarations, Estimand, Protocol, declare
    from tendon_outcomes.records import ValidatedRecords
    from tendon_outcomes.results import Results

_ROOMS = {
    "Cohort": "cohort",
    "FollowUp": "cohort",
    "ascertain": "cohort",
    "assemble_cohort": "cohort",
    "Declarations": "declarations",
    "Estimand": "declarations",
    "Protocol": "declarations",
    "declare": "declarations",
    "ValidatedRecords": "records",
    "Results": "results",
}

__all__ = [
    "Cohort",
    "Declarations",
    "Estimand",
    "FollowUp",
    "Protocol",
    "Results",
    "ValidatedRecords",
    "ascertain",
    "assemble_cohort",
    "declare",
]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
