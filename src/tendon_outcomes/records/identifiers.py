"""The gate for identifiers: columns named like one are not loaded, and ids that look like one are refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import polars as pl

from tendon_outcomes.declarations import shipped
from tendon_outcomes.declarations.loading import Declared, build, read_toml


class Pattern(Declared):
    """One kind of identifier and the regular expression by which it is known."""

    kind: str
    pattern: str
    why: str


class Identifiers(Declared):
    """Patterns for the names of columns and for the values of id columns."""

    column_name: tuple[Pattern, ...]
    value: tuple[Pattern, ...]


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
    return any(re.search(one.pattern, text) for one in identifier_patterns().value) or bool(re.search(r"\d{3}", text))


def values_like(ids: pl.Series) -> dict[str, pl.Series]:
    """The rows whose id looks like an identifier, by its kind."""
    rows = {one.kind: ids.str.contains(one.pattern).fill_null(value=False).arg_true() for one in identifier_patterns().value}
    return {kind: found for kind, found in rows.items() if len(found)}
