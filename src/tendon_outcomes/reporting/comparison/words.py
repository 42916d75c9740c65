"""Differences of two strategies in words: so many more or fewer in 100, with limits, and which way they point."""

from __future__ import annotations

from collections.abc import Iterable

from tendon_outcomes.reporting.wording import NBSP, ResultRow, level, rounded

PRIMARY, AGREEMENT, POINT_TREATMENT, UNADJUSTED = "primary", "agreement", "point treatment", "unadjusted"
SENSITIVITY = "sensitivity: "
LEADING = (PRIMARY, POINT_TREATMENT)
"""Terms of a contrast that may lead the answer, the best first."""
_MINUS = "−"


def strategy_name(strategy: str) -> str:
    """`loading-led`."""
    return strategy.replace("_", "-")


def in_plain_words(text: str, strategies: Iterable[str]) -> str:
    """The text of a row with the names of strategies as the page writes them, and no other code."""
    for one in strategies:
        text = text.replace(one, strategy_name(one))
    return text.replace("_", " ")


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
