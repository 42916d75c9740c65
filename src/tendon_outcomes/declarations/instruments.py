"""Questionnaires and scales: item codes, ranges, direction, the missing-item rule and thresholds. Never their wording."""

from __future__ import annotations

from typing import Literal

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
    """One instrument. Items that share a `branch` group are alternatives: exactly one of them is answered."""

    instrument: str
    title: str
    range: tuple[float, float]
    direction: Literal["higher_better", "higher_worse"]
    items: tuple[Item, ...] = ()
    total_column: str
    missing_rule: Literal["refuse_if_any_missing"] = "refuse_if_any_missing"
    branches: tuple[str, ...] = ()
    threshold: tuple[Threshold, ...] = ()
    source: str
    status: SourceStatus
    notes: str = ""


class Tendon(Declared):
    """One tendon: what defines it, which instruments serve it, what pain is accepted while loading."""

    tendon: str
    title: str
    pain_sites: tuple[str, ...]
    instruments: tuple[str, ...]
    provocation_tests: tuple[str, ...]
    exclusions: tuple[str, ...] = ()
    pain_rule: Threshold
    source: str
    status: SourceStatus
