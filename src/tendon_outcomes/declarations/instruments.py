"""Questionnaires and scales: item codes, ranges, direction, the missing-item rule and thresholds. Never their wording."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus


class Threshold(Declared):
    """A number that somebody decided or published, with where it comes from."""

    name: str
    value: float
    unit: str = ""
    says: str
    source: str
    status: SourceStatus


class Item(Declared):
    """One item by code. `values` are the only answers allowed; else every whole number of `range`."""

    code: str
    range: tuple[float, float]
    values: tuple[float, ...] = ()
    whole: bool = True
    branch: str = ""


class Instrument(Declared):
    """One instrument. Items that share a `branch` group are alternatives: exactly one of them is answered.

    `combine` says what the score is of the answers. `min_items`: the patient chooses how many items there are, and at least so
    many are answered; 0 where every item is owed.
    """

    instrument: str
    title: str
    range: tuple[float, float]
    direction: Literal["higher_better", "higher_worse"]
    items: tuple[Item, ...] = ()
    total_column: str
    combine: Literal["sum", "mean"] = "sum"
    missing_rule: Literal["refuse_if_any_missing", "refuse_below_min_items"] = "refuse_if_any_missing"
    min_items: int = Field(default=0, ge=0)
    branches: tuple[str, ...] = ()
    threshold: tuple[Threshold, ...] = ()
    source: str
    status: SourceStatus
    notes: str = ""

    @model_validator(mode="after")
    def _a_free_number_of_items_has_a_mean(self) -> Self:
        if (self.missing_rule == "refuse_below_min_items") != (self.min_items > 0):
            raise ValueError("`refuse_below_min_items` and `min_items` go together")
        if self.min_items and self.combine != "mean":
            raise ValueError('a sum over a number of items that varies is no score; `min_items` needs `combine = "mean"`')
        if self.min_items > len(self.items):
            raise ValueError("`min_items` is more than there are items")
        if self.min_items and any(item.branch for item in self.items):
            raise ValueError("`min_items` does not go with branches, of which exactly one is answered")
        return self


class Tendon(Declared):
    """One tendon: what defines it, which instruments serve it, what pain is accepted while loading.

    `measures` names the columns of a visit that are followed in this tendon beside its instruments and tests. `pace_gradient`:
    pain in fast running exceeds pain in easy running, so that the difference tells of the tendon.
    """

    tendon: str
    title: str
    pain_sites: tuple[str, ...]
    instruments: tuple[str, ...]
    provocation_tests: tuple[str, ...]
    exclusions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    pace_gradient: bool
    pain_rule: Threshold
    source: str
    status: SourceStatus
