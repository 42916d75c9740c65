"""Headers that abbreviate two scales, as NPRS does, and which scale a declared column holds."""

from __future__ import annotations

import re
import unicodedata

from tendon_outcomes.declarations import Declarations, Instrument, Table

_WORDS = """
    score scores scale scales value values rating ratings total result results points pts pain phase number no index ie eval
    evaluation assessment reassessment review visit v session appointment appt follow up fu followup at of the
    today now current baseline bl initial first last final start end begin before after during pre post prior intake entry exit
    admission admit discharge dc time timepoint tp t day days d week weeks wk wks w month months mo mth mths m year years yr y
"""

_SAY_NO_SCALE = frozenset(_WORDS.split())
"""Words beside an abbreviation that tell nothing about its scale: what a score is called, and when it was asked. Numbers tell
nothing either, because they count occasions, unless they are the range of the larger scale."""


def scale_of(name: str, table: Table, declarations: Declarations) -> Instrument | None:
    """The scale with a shared abbreviation that a declared column holds, or None."""
    return next((one for one in _with_abbreviations(declarations) if _holds(one, name, table)), None)


def scales_meant(header: str, name: str, table: Table, declarations: Declarations) -> list[Instrument]:
    """Every scale that the header may abbreviate, where it is more than one and the column it fills holds one of them.

    A header that is letter for letter our own name of that column, such as nprs_pre, means what we declare.
    """
    if header == name:
        return []
    known = _with_abbreviations(declarations)
    meant = [one for one in known if any(_is_bare(header, _plain(short)) for short in one.abbreviations)]
    held = next((one for one in meant if _holds(one, name, table)), None)
    if len(meant) < 2 or held is None:
        return []
    return [] if held is largest(meant) and _says_range(header, held) else meant


def largest(scales: list[Instrument]) -> Instrument:
    """The scale that reaches furthest: a value that only it has proves it."""
    return max(scales, key=lambda one: one.range[1])


def _with_abbreviations(declarations: Declarations) -> list[Instrument]:
    return [one for one in declarations.instruments.values() if one.abbreviations]


def _holds(instrument: Instrument, name: str, table: Table) -> bool:
    prefixed = bool(instrument.column_prefix) and name.startswith(instrument.column_prefix)
    return name == instrument.total_column or (prefixed and table.column[name].type in ("integer", "number"))


def _plain(header: str) -> str:
    """Small letters and digits, every other character as one space; letters with points between are one word."""
    folded = unicodedata.normalize("NFKC", header).casefold()
    joined = re.sub(r"\b(?:[a-z]\.)+[a-z]\b", lambda found: found[0].replace(".", ""), folded)
    return re.sub(r"[\W_]+", " ", joined).strip()


def _is_bare(header: str, short: str) -> bool:
    """Whether the header is the abbreviation, once or more, with nothing beside it but numbers and words that say no scale."""
    apart = re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", " ", _plain(header))
    words = [part for word in apart.split() for part in _split_off(word, short)]
    return short in words and all(word == short or word.isdigit() or word in _SAY_NO_SCALE for word in words)


def _split_off(word: str, short: str) -> list[str]:
    """`nprsscore` as `nprs`, `score`; `painnprs` as `pain`, `nprs`."""
    if short not in word:
        return [word]
    before, _, after = word.partition(short)
    return [part for part in (before, short, after) if part]


def _says_range(header: str, scale: Instrument) -> bool:
    """Whether the header names the range of the scale: `0-10`, `0 to 10`, `/10`, `out of 10`."""
    low, high = (f"{end:g}" for end in scale.range)
    folded = unicodedata.normalize("NFKC", header).casefold()
    return bool(re.search(rf"(?<!\d)(?:{low}[\W_]*(?:to[\W_]*)?|(?<!\d)/\s*|\bof\s+){high}(?!\d|/)", folded))
