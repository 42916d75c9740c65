"""Differences of two strategies in words: so many more or fewer in 100, with limits, and which way they point."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tendon_outcomes.declarations import EndpointAsked, Estimand
from tendon_outcomes.reporting.wording import NBSP, ResultRow, count, is_withheld, level, percent, percent_range, rounded

PRIMARY, AGREEMENT, POINT_TREATMENT, UNADJUSTED = "primary", "agreement", "point treatment", "unadjusted"
SENSITIVITY = "sensitivity: "
LEADING = (PRIMARY, POINT_TREATMENT)
"""Terms of a contrast that may lead the answer, the best first."""
_MINUS = "−"


def strategy_name(strategy: str) -> str:
    """`loading-led`."""
    return strategy.replace("_", "-")


def reading(term: str, estimand: Estimand) -> str:
    """The term of a reading with the short title of its endpoint in place of the reference: `PFR-1, strict, grace 14 days`."""
    reference, comma, rest = term.partition(", ")
    titles = {one.reference: one.version.title.partition(":")[0].rstrip(".") for one in endpoints(estimand)}
    return f"{titles.get(reference, reference)}{comma}{spaced(rest)}"


def endpoints(estimand: Estimand) -> tuple[EndpointAsked, ...]:
    """The endpoint of the question and the others under which it is tried."""
    return estimand.endpoint, *estimand.other_endpoints


def spaced(text: str) -> str:
    """`5 %` for `5%`."""
    return re.sub(r"(?<=\d)%", f"{NBSP}%", text)


def lost_words(row: ResultRow, conf_level: float) -> str:
    """`loading-led 12 of 108 (11 %, 95 % interval 6 to 18 %)`, without what is withheld."""
    name = strategy_name(str(row["stratum"]))
    if is_withheld(row):
        return f"{name} withheld"
    counted = (
        "" if row["n_events"] is None or row["n_at_risk"] is None else f"{count(row['n_events'])} of {count(row['n_at_risk'])}"
    )
    if row["estimate"] is None:
        return f"{name} {counted}".strip()
    share = f"{percent(row['estimate'])}, {level(conf_level)} interval {percent_range(row['conf_low'], row['conf_high'])}"
    return f"{name} {counted} ({share})" if counted else f"{name} {share}"


def in_plain_words(text: str, strategies: Iterable[str]) -> str:
    """The text of a row with the names of strategies as the page writes them, and no other code."""
    for one in strategies:
        text = text.replace(one, strategy_name(one))
    return spaced(text.replace("_", " "))


def more_or_fewer(difference: float) -> str:
    """`9 more`, `3 fewer` in 100; what is not 0 is never shown as 0."""
    way = "more" if difference > 0 else "fewer"
    if difference == 0:
        return "0"
    return f"less than 1 {way}" if abs(difference) < 0.005 else f"{rounded(100 * abs(difference))} {way}"


def in_estimate(difference: float) -> str:
    """As `more_or_fewer`, to stand before "in 100"."""
    return "no more and no fewer" if difference == 0 else more_or_fewer(difference)


def in_interval(row: ResultRow, conf_level: float) -> str:
    """`95 % interval 1 fewer to 12 more`."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return "no interval can be given"
    return f"{level(conf_level)} interval {more_or_fewer(row['conf_low'])} to {more_or_fewer(row['conf_high'])}"


def verdict_of(row: ResultRow) -> str:
    """Which way the limits point, or that they leave it open."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return "inconclusive, for want of an interval"
    if row["conf_low"] > 0:
        return "the whole interval lies above zero"
    if row["conf_high"] < 0:
        return "the whole interval lies below zero"
    return "inconclusive, the records do not tell the two apart"


def points(difference: float) -> str:
    """`+9`, `−3`, `0` in 100, to one decimal where it is less than 1."""
    return signed(100 * difference)


def points_with_limits(row: ResultRow) -> str:
    """`+9 (−1 to +18)`."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return points(row["estimate"])
    return f"{points(row['estimate'])}{NBSP}({points(row['conf_low'])}{NBSP}to{NBSP}{points(row['conf_high'])})"


def days_gained(row: ResultRow, conf_level: float) -> str:
    """`+22 days (95 % interval −1 to +43)`."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return f"{signed(row['estimate'])} days (no interval can be given)"
    return (
        f"{signed(row['estimate'])} days ({level(conf_level)} interval {signed(row['conf_low'])} to {signed(row['conf_high'])})"
    )


def signed(value: float) -> str:
    """A whole number with its sign; what is not 0 is never shown as 0."""
    if value == 0:
        return "0"
    if abs(value) >= 1:
        return f"{rounded(value):+d}".replace("-", _MINUS)
    digits = next(n for n in (1, 2, 3, 4, 17) if round(value, n) != 0 or n == 17)
    return f"{value:+.{digits}f}".replace("-", _MINUS)


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with a fixed count of decimals and a true minus, or a dash."""
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", _MINUS)
