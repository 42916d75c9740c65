"""Words for claims: their kinds, their verdicts, and numbers in the unit of each."""

from __future__ import annotations

import re

from tendon_outcomes.declarations.claims import ClaimEntry
from tendon_outcomes.reporting.comparison.words import decimal, points_with_limits, signed
from tendon_outcomes.reporting.tables import share_with_interval
from tendon_outcomes.reporting.wording import NBSP, WITHHELD, ResultRow, is_withheld, week
from tendon_outcomes.vocabulary import Verdict

KINDS = {
    "descriptive": "description",
    "prognostic": "prognosis",
    "causal": "cause and effect",
    "mediation": "mechanism",
    "diagnostic": "diagnosis",
    "risk_factor": "risk factor",
}
NOT_ANSWERED, NEEDS = "not_answered", "needs_other_records"
VERDICTS: dict[str, str] = {
    Verdict.SUPPORTED: "supported",
    Verdict.REFUTED: "refuted",
    Verdict.INCONCLUSIVE: "inconclusive",
    NOT_ANSWERED: "not answered",
    NEEDS: "needs other records",
}
"""Every verdict of a claim in the order in which they are counted."""
NONE = "–"


def claim_name(stratum: str) -> str:
    """`H1` of `claim: H1`."""
    return stratum.partition(": ")[2] or stratum


def claim_order(stratum: str) -> tuple[int, str]:
    """H2 before H10."""
    number = re.search(r"\d+", claim_name(stratum))
    return int(number[0]) if number else 0, stratum


def verdict_of(row: ResultRow) -> str:
    """The verdict in words; another term readable."""
    term = str(row["term"])
    return VERDICTS.get(term, VERDICTS.get(term.replace(" ", "_"), term.replace("_", " ")))


def number(row: ResultRow, entry: ClaimEntry | None, part: str = "") -> str:
    """The number with its limits in the unit of the claim: a share, a difference in 100 runners, days, weeks or points."""
    if is_withheld(row):
        return WITHHELD
    if row["estimate"] is None:
        return share_with_interval(row)
    if ", points" in part:
        return _ranged(row, "points")
    if part.startswith("day by which"):
        return _weeks(row)
    if "days after" in part or _in_days(entry):
        return _ranged(row, "days", whole=True)
    return f"{points_with_limits(row)}{NBSP}in{NBSP}100" if _is_difference(entry) else share_with_interval(row)


def _is_difference(entry: ClaimEntry | None) -> bool:
    return entry is not None and bool(entry.prognosis or entry.strategies or entry.landmark)


def _in_days(entry: ClaimEntry | None) -> bool:
    return entry is not None and entry.landmark is not None and entry.landmark.measure == "time_lost"


def _ranged(row: ResultRow, unit: str, *, whole: bool = False) -> str:
    def said(value: float | None) -> str:
        if value is None:
            return NONE
        return signed(value) if whole else decimal(value, 1)

    if row["conf_low"] is None and row["conf_high"] is None:
        return f"{said(row['estimate'])}{NBSP}{unit}"
    return f"{said(row['estimate'])}{NBSP}({said(row['conf_low'])}{NBSP}to{NBSP}{said(row['conf_high'])}) {unit}"


def _weeks(row: ResultRow) -> str:
    if row["conf_low"] is None or row["conf_high"] is None:
        return week(row["estimate"])
    return f"{week(row['estimate'])} ({week(row['conf_low'])} to {week(row['conf_high'])})"
