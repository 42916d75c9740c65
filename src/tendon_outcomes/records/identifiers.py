"""The gate for identifiers: columns named like one are not loaded, and ids that look like one are refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, reduce
from operator import or_

import polars as pl

from tendon_outcomes.declarations import shipped
from tendon_outcomes.declarations.loading import Declared, build, read_toml


class Pattern(Declared):
    """One kind of identifier, or of pseudonym, and the regular expression by which it is known."""

    kind: str
    pattern: str
    why: str


class ValuePattern(Pattern):
    """A pattern of values. `unless` takes values out of it, `not_in` columns; `in_headers`: a header that looks so is a value."""

    unless: str = ""
    not_in: tuple[str, ...] = ()
    in_headers: bool = True

    def holds(self, ids: pl.Series) -> pl.Series:
        """True where a value looks so; false where there is none."""
        found = ids.str.contains(self.pattern)
        return (found & ~ids.str.contains(self.unless) if self.unless else found).fill_null(value=False)


class Identifiers(Declared):
    """Patterns for the names of columns and for the values of id columns, and for pseudonyms, which are let through."""

    column_name: tuple[Pattern, ...]
    pseudonym: tuple[Pattern, ...]
    value: tuple[ValuePattern, ...]


@cache
def identifier_patterns() -> Identifiers:
    """data_schemas/identifiers.toml."""
    return build(Identifiers, read_toml(shipped("data_schemas") / "identifiers.toml"), origin="identifiers.toml")


def named_like(column_names: Iterable[str]) -> dict[str, str]:
    """The columns that are named like an identifier, with the kind."""
    found = {}
    for name in column_names:
        plain = re.sub(r"[^a-z0-9]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()).strip()
        for one in identifier_patterns().column_name:
            if re.search(one.pattern, plain):
                found[name] = one.kind
                break
    return found


def looks_like_value(text: str) -> bool:
    """Whether a header cell is rather a patient's value: then it is not shown in a message."""
    patterns = [one.pattern for one in identifier_patterns().value if one.in_headers]
    return any(re.search(pattern, text) for pattern in patterns) or bool(re.search(r"\d{3}", text))


def values_like(ids: pl.Series, *, column: str = "") -> dict[str, pl.Series]:
    """The rows whose id looks like an identifier, by its kind. ``column`` is the declared column that holds the ids."""
    declared = identifier_patterns()
    pseudonym = reduce(or_, (ids.str.contains(one.pattern).fill_null(value=False) for one in declared.pseudonym))
    rows = {one.kind: (one.holds(ids) & ~pseudonym).arg_true() for one in declared.value if column not in one.not_in}
    return {kind: found for kind, found in rows.items() if len(found)}
