"""Headers that abbreviate two scales, as NPRS does, and which scale a declared column holds."""

from __future__ import annotations

import re
import unicodedata

from tendon_outcomes.declarations import Declarations, Instrument, Table

_SAY_NO_SCALE = (
    "score|scores|scale|value|rating|total|result|points|pts|pain|number|no|today|now|current|at|"
    "baseline|initial|index|ie|eval|evaluation|visit|follow|up|fu|week|weeks|wk|day"
)
"""Words beside an abbreviation that tell nothing about its scale. A number after one of them counts an occasion."""


def scale_of(name: str, table: Table, declarations: Declarations) -> Instrument | None:
    """The scale with a shared abbreviation that a declared column holds, or None."""
    return next((one for one in _with_abbreviations(declarations) if _holds(one, name, table)), None)


def scales_meant(header: str, name: str, table: Table, declarations: Declarations) -> list[Instrument]:
    """Every scale that the header may abbreviate, where it is more than one and the column it fills holds one of them."""
    bare = _bare(header)
    meant = [one for one in _with_abbreviations(declarations) if bare in {_plain(short) for short in one.abbreviations}]
    return meant if len(meant) > 1 and any(_holds(one, name, table) for one in meant) else []


def _with_abbreviations(declarations: Declarations) -> list[Instrument]:
    return [one for one in declarations.instruments.values() if one.abbreviations]


def _holds(instrument: Instrument, name: str, table: Table) -> bool:
    prefixed = bool(instrument.column_prefix) and name.startswith(instrument.column_prefix)
    return name == instrument.total_column or (prefixed and table.column[name].type in ("integer", "number"))


def _plain(header: str) -> str:
    """Small letters and digits, every other character as one space."""
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", header).casefold()).strip()


def _bare(header: str) -> str:
    """The header without the words that say nothing about a scale."""
    spaced = re.sub(r"(?<=[a-z])(?=\d)", " ", _plain(header))
    return re.sub(rf"\b(?:{_SAY_NO_SCALE})\b( \d+)?", "", spaced).strip()
