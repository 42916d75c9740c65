"""Numbers and codes in words: shares as so many in 100, days as weeks, codes in plain English. Nothing is estimated here."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

ResultRow = Mapping[str, Any]

NBSP = "\u00a0"
"""Keeps a number and its unit on one line."""

WEEKS_A_QUARTER = 13

ENDINGS: dict[str, str] = {
    "total": "All episodes followed",
    "event": "Reached the endpoint",
    "administrative": "Not yet, at the horizon or at the end of the records",
    "lost": "Lost to follow-up, withdrawn or gone to another clinic",
    "withdrew": "Withdrew or went to another clinic",
    "surgery": "Surgery on the tendon",
    "prp": "Platelet-rich plasma (PRP) injection",
    "corticosteroid_injection": "Corticosteroid injection",
    "eswt": "Shock-wave therapy",
    "other_injury": "Another injury that stopped running",
    "stopped_running": "Stopped running for another reason",
    "pregnancy_illness": "Pregnancy or illness",
    "rupture": "Rupture or avulsion of the tendon",
    "death": "Death",
    "any": "Any competing event",
    "competing": "A competing event came first (all kinds together)",
}
"""Plain words for every code of vocabulary.Code, in lower case, and for their sums."""

HANDLINGS: dict[str, str] = {
    "competing": "ends follow-up as a competing event",
    "void_assessment": "makes the assessment void: neither a pass nor a fail",
    "hypothetical": "is asked away: follow-up ends there, and weights stand in for what would have come without it",
}

INTERCURRENT: dict[str, str] = {
    "analgesic_on_test": "A pain killer taken for the test run",
}

STATUSES: dict[str, str] = {
    "published": "Published: stands in the named source",
    "unverified": "Unverified: in use, not checked against a publication",
    "decision": "Decision: chosen by people, a clinician may choose otherwise",
}


def ending(code: str) -> str:
    """Plain words for how follow-up ended; an unknown code is at least readable."""
    return ENDINGS.get(code, readable(code))


def intercurrent(code: str) -> str:
    """Plain words for an event that the protocol names."""
    return INTERCURRENT.get(code) or ending(code)


def readable(code: str) -> str:
    """A code without underscores, with a capital."""
    return sentence_case(code.replace("_", " "))


def sentence_case(text: str) -> str:
    """The text with a capital first letter and nothing else changed."""
    return text[:1].upper() + text[1:]


def ended(text: str) -> str:
    """The text with one full stop at its end."""
    return f"{text.strip().rstrip('.')}."


def rounded(value: float) -> int:
    """To the nearest whole number, halves upward: what a reader expects."""
    return math.floor(value + 0.5)


def in_100(share: float) -> str:
    """How many in 100. What is not 0 is never shown as 0, and what is not 100 never as 100."""
    if 0 < share < 0.005:
        return "fewer than 1"
    if 0.995 <= share < 1:
        return "more than 99"
    return str(rounded(100 * share))


def percent(share: float) -> str:
    """`32 %`, to the whole percent."""
    sign = {"fewer than 1": "< 1", "more than 99": "> 99"}.get(in_100(share), in_100(share))
    return f"{sign}{NBSP}%"


def percent_range(low: float | None, high: float | None) -> str:
    """`27 to 38 %` on one line, or a dash."""
    if low is None or high is None:
        return "–"
    return f"{percent(low).removesuffix(f'{NBSP}%')}{NBSP}to{NBSP}{percent(high)}"


def shares_apart(low: float, high: float) -> str:
    """`55–64 %` for a share that is known no more closely, `55 %` where both ends read alike."""
    if percent(low) == percent(high):
        return percent(low)
    return f"{percent(low).removesuffix(f'{NBSP}%')}–{percent(high)}"


def quarter_words(quarter: str) -> str:
    """`2026 Q3` for `2026Q3`."""
    return re.sub(r"^(\d{4})(Q[1-4])$", rf"\1{NBSP}\2", quarter)


def level(conf_level: float) -> str:
    """`95 %`."""
    return f"{100 * conf_level:g}{NBSP}%"


def week(day: float) -> str:
    """`week 12`, or `week 12.3` for a day inside a week."""
    return f"week{NBSP}{week_number(day)}"


def week_number(day: float) -> str:
    """Days as weeks with at most one decimal."""
    return f"{day / 7:.1f}".removesuffix(".0")


def duration(weeks: float) -> str:
    """`6 weeks`, `3 months` for 13 weeks, `24 months` for 104: quarters of a year in months, everything else in weeks."""
    if weeks >= WEEKS_A_QUARTER and weeks % WEEKS_A_QUARTER == 0:
        return f"{3 * weeks / WEEKS_A_QUARTER:.0f}{NBSP}months"
    number = f"{weeks:.1f}".removesuffix(".0")
    return f"{number}{NBSP}week{'' if number == '1' else 's'}"


def band_ends(term: str) -> tuple[float | None, float | None]:
    """The weeks between which a display band lies, as its term says it: `<4`, `4-12`, `>52`; None where it is open."""
    ends = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", term)]
    if len(ends) >= 2:
        return ends[0], ends[1]
    if not ends:
        return None, None
    opens_below = re.search(r"<|≤|under|below|less|fewer", term) is not None
    return (None, ends[0]) if opens_below else (ends[0], None)


def count(value: int | None) -> str:
    """A count with thousands set apart, or that it is withheld."""
    return WITHHELD if value is None else f"{value:,}".replace(",", "\u202f")


WITHHELD = "withheld"
"""What stands in a table in place of a small cell; `withheld_note` explains it under the table."""


def withheld(min_cell_count: int | None) -> str:
    """What a sentence says in place of a number. A large number goes too when a small one could be had by subtraction."""
    if min_cell_count is None or min_cell_count <= 1:
        return "not given"
    return f"withheld (fewer than {min_cell_count}, or so few could be worked out from it)"


def withheld_note(min_cell_count: int | None) -> str:
    """The line under a table with withheld cells."""
    return f"Withheld: fewer than {min_cell_count}, or a number from which so few could be worked out."


def is_withheld(row: ResultRow) -> bool:
    """Disclosure control took the numbers out of this row."""
    return str(row["warning"] or "").startswith("withheld")


def bounds_of(row: ResultRow) -> tuple[float, float] | None:
    """The least and the most that an estimate can be where the records leave it open."""
    low, high = row["bound_low"], row["bound_high"]
    return None if row["estimate"] is not None or low is None or high is None else (low, high)
