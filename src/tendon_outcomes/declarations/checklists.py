"""Reporting checklists: what a guideline asks for, which part of a report fills it, and what only its authors can write."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.loading import Declared, build, read_toml
from tendon_outcomes.declarations.locate import shipped
from tendon_outcomes.declarations.tables import SourceStatus

Name = Literal["target_2025", "strobe"]


class Filling(Declared):
    """One place that fills an item, and what is said when it does.

    `source`: "question", "population", "endpoint", "intercurrent", "support", "attrition", "provenance"; "trial.NAME" for a part
    of the target trial; "results.STATISTIC" for rows of that statistic.
    """

    source: str
    says: str


class Item(Declared):
    """One item. `asks` is our own short wording. `prompt` is what nobody but the authors can say; empty when nothing is left."""

    number: str
    section: str
    asks: str
    filled_by: tuple[Filling, ...] = ()
    prompt: str = ""

    @model_validator(mode="after")
    def _somebody_fills_it(self) -> Self:
        if not self.filled_by and not self.prompt:
            raise ValueError("an item that nothing fills needs a prompt")
        return self


class Checklist(Declared):
    """The items of one guideline in their order."""

    title: str
    source: str
    status: SourceStatus
    scope: str = ""
    item: tuple[Item, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _numbers_are_unique(self) -> Self:
        numbers = [one.number for one in self.item]
        if twice := sorted({one for one in numbers if numbers.count(one) > 1}):
            raise ValueError(f"items stand twice: {', '.join(twice)}")
        return self


def load_checklist(name: Name) -> Checklist:
    """One shipped checklist."""
    path = shipped("data_schemas/checklists") / f"{name}.toml"
    return build(Checklist, read_toml(path), origin=f"checklists/{path.name}")
