"""Words for numbers over how long it has hurt: display bands, limits, ratios, and what lies where the records are thin."""

from __future__ import annotations

from tendon_outcomes.reporting.wording import NBSP, ResultRow, band_ends, in_100, level, sentence_case

OUTSIDE_MARK = "†"
OUTSIDE = "outside the 5th"
"""What the warning of such a row begins with."""


def is_outside(row: ResultRow) -> bool:
    """Few runners had hurt for so short or so long: the row carries the flag."""
    return OUTSIDE in str(row["warning"] or "")


def band(term: str) -> str:
    """`Under 4 weeks`, `4 to 12 weeks`, `over 52 weeks`."""
    low, high = band_ends(term)
    if low is None and high is None:
        return sentence_case(term)
    if low is None:
        return f"Under {high:g}{NBSP}weeks"
    return f"Over {low:g}{NBSP}weeks" if high is None else f"{low:g} to {high:g}{NBSP}weeks"


def share_limits(row: ResultRow, conf_level: float) -> str:
    """`95 % interval 36 to 53 in 100`."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return "no interval can be given"
    return f"{level(conf_level)} interval {in_100(row['conf_low'])} to {in_100(row['conf_high'])} in 100"


def ratio_verdict(row: ResultRow) -> str:
    """Where the limits of a ratio lie against 1."""
    low, high = row["conf_low"], row["conf_high"]
    if low is None and high is None:
        return "inconclusive, for want of an interval"
    if holds_one(row):
        return "inconclusive: the interval holds 1"
    return "the whole interval lies below 1" if low is None or low < 1 else "the whole interval lies above 1"


def holds_one(row: ResultRow) -> bool:
    """The limits of a ratio leave no association open; a limit that does not exist is open."""
    low, high = row["conf_low"], row["conf_high"]
    return not (low is None and high is None) and (low is None or low <= 1) and (high is None or high >= 1)
