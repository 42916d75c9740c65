"""A condition on recorded variables, written in TOML and read the same way for endpoints, voids and eligibility.

Truth is three-valued. What was not recorded is unknown, unless the declaration says in `unrecorded` how it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.loading import Declared

Measure = Literal["value", "gain", "drop", "drop_share", "share_of_index"]
Unrecorded = Literal["unknown", "ignore", "fails", "passes"]

_NUMBERS = ("at_least", "at_most", "above", "not_assessable_above")
"""Where the name of a declared threshold may stand in place of a number."""
_GROUPS = ("when", "any", "all", "of")


class Criterion(Declared):
    """One condition, or a group of them (`any`, `all`, or at least `n` of those in `of`).

    `variable` names a column of the table that is being read; `episode.NAME` names a column of the episode.
    `measure` says what is compared: the value itself, its gain or drop since day 0, the drop as a share of the
    value on day 0, or the value as a share of the episode's `index_variable`.
    `when` lists conditions without which this criterion does not apply (it then passes).
    `not_assessable_above` makes the criterion unknown for everyone whose day-0 value exceeds it: the gain cannot be reached.
    `unrecorded = "ignore"` leaves an unrecorded part out of its group; a group with nothing recorded is unknown.
    `named` keeps which numbers were given by the name of a threshold (see :func:`numbers_for_names`).
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
    of: tuple[Criterion, ...] = ()
    n: int = 0
    not_assessable_above: float | None = None
    unrecorded: Unrecorded = "unknown"
    named: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        groups = bool(self.any) + bool(self.all) + bool(self.of)
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
            raise ValueError("a criterion has either a variable, or `any`, or `all`, or `of`")
        if bool(self.of) != bool(self.n) or not 0 <= self.n <= len(self.of):
            raise ValueError("`of` lists conditions, and `n` says how many of them must hold")
        if groups and tests:
            raise ValueError("a group of criteria is compared with nothing: put the comparison into its parts")
        if self.variable and tests == 0:
            raise ValueError(f"the criterion on {self.variable} compares it with nothing")
        if (self.measure == "share_of_index") != bool(self.index_variable):
            raise ValueError("`share_of_index` and `index_variable` go together")
        return self

    def parts(self) -> Iterator[Criterion]:
        """This criterion and every one inside it."""
        yield self
        for part in (*self.when, *self.any, *self.all, *self.of):
            yield from part.parts()

    def with_thresholds(self, values: Mapping[str, float]) -> Criterion:
        """This criterion with other numbers in the places that were given by the names in ``values``."""
        numbers = {place: values[name] for place, name in self.named.items() if name in values}
        groups = {group: tuple(part.with_thresholds(values) for part in getattr(self, group)) for group in _GROUPS}
        return self.model_copy(update={**numbers, **groups})

    def variables(self) -> frozenset[str]:
        """Every column this criterion reads, the episode's ones with their `episode.` prefix."""
        own = {self.variable} if self.variable else set()
        if self.index_variable:
            own.add(f"episode.{self.index_variable}")
        for part in (*self.when, *self.any, *self.all, *self.of):
            own |= part.variables()
        return frozenset(own)


def numbers_for_names(written: Any, values: Mapping[str, Any]) -> Any:
    """A criterion as TOML holds it, with every name of a threshold replaced by its number and remembered in `named`.

    Raises
    ------
    ValueError
        A name stands for no declared threshold.
    """
    if isinstance(written, list):
        return [numbers_for_names(one, values) for one in written]
    if not isinstance(written, dict):
        return written
    named = {place: written[place] for place in _NUMBERS if isinstance(written.get(place), str)}
    if unknown := sorted(set(named.values()) - set(values)):
        raise ValueError(f"threshold {', '.join(unknown)} is named in a criterion and not declared")
    groups = {group: numbers_for_names(written[group], values) for group in _GROUPS if group in written}
    return {**written, **groups, **{place: values[name] for place, name in named.items()}, **({"named": named} if named else {})}
