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
    many are answered; 0 where every item is owed. `only_for` names the tendons a form was made for; left out, it suits any
    complaint, and empty, none of the declared ones. `abbreviations` are short names that other scales may bear too; then a column
    map says which one is meant by `scale`. Beside `total_column`, number columns that begin with `column_prefix` hold the scale.
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
    only_for: tuple[str, ...] | None = None
    abbreviations: tuple[str, ...] = ()
    scale: str = ""
    column_prefix: str = ""
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

    @model_validator(mode="after")
    def _a_shared_name_can_be_told_apart(self) -> Self:
        if self.abbreviations and not self.scale:
            raise ValueError("`abbreviations` need a `scale`, the word by which a column map says that this one is meant")
        return self

    def codes(self) -> tuple[str, ...]:
        """The columns of its items and, last, of its total."""
        return (*(item.code for item in self.items), self.total_column)

    def branch_items(self, branch: str) -> tuple[str, ...]:
        """The columns of the items of which exactly one is answered."""
        return tuple(item.code for item in self.items if item.branch == branch)

    def threshold_value(self, name: str) -> float | None:
        """The declared number of that name, or None where this instrument has none."""
        return next((one.value for one in self.threshold if one.name == name), None)
