"""A condition on recorded variables, written in TOML and read the same way for endpoints, voids and eligibility.

Truth is three-valued. What was not recorded is unknown, unless the declaration says in `unrecorded` how it counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import model_validator

from tendon_outcomes.declarations.loading import Declared

Measure = Literal["value", "gain", "drop", "drop_share", "share_of_index"]
Unrecorded = Literal["unknown", "ignore", "fails", "passes"]


class Criterion(Declared):
    """One condition, or a group of them (`any` or `all`).

    `variable` names a column of the table that is being read; `episode.NAME` names a column of the episode.
    `measure` says what is compared: the value itself, its gain or drop since day 0, the drop as a share of the
    value on day 0, or the value as a share of the episode's `index_variable`.
    `when` lists conditions without which this criterion does not apply (it then passes).
    `not_assessable_above` makes the criterion unknown for everyone whose day-0 value exceeds it: the gain cannot be reached.
    `unrecorded = "ignore"` leaves an unrecorded part out of its group; a group with nothing recorded is unknown.
    """

    id: str = ""
    says: str = ""
    variable: str = ""
    measure: Measure = "value"
    index_variable: str = ""
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    equals: bool | str | None = None
    one_of: tuple[str, ...] = ()
    contains: str = ""
    when: tuple[Criterion, ...] = ()
    any: tuple[Criterion, ...] = ()
    all: tuple[Criterion, ...] = ()
    not_assessable_above: float | None = None
    unrecorded: Unrecorded = "unknown"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        groups = bool(self.any) + bool(self.all)
        tests = sum(
            (
                self.at_least is not None,
                self.at_most is not None,
                self.above is not None,
                self.equals is not None,
                bool(self.one_of),
                bool(self.contains),
            )
        )
        if groups + bool(self.variable) != 1:
            raise ValueError("a criterion has either a variable, or `any`, or `all`")
        if self.variable and tests == 0:
            raise ValueError(f"the criterion on {self.variable} compares it with nothing")
        if (self.measure == "share_of_index") != bool(self.index_variable):
            raise ValueError("`share_of_index` and `index_variable` go together")
        return self

    def parts(self) -> Iterator[Criterion]:
        """This criterion and every one inside it."""
        yield self
        for part in (*self.when, *self.any, *self.all):
            yield from part.parts()

    def variables(self) -> frozenset[str]:
        """Every column this criterion reads, the episode's ones with their `episode.` prefix."""
        own = {self.variable} if self.variable else set()
        if self.index_variable:
            own.add(f"episode.{self.index_variable}")
        for part in (*self.when, *self.any, *self.all):
            own |= part.variables()
        return frozenset(own)
