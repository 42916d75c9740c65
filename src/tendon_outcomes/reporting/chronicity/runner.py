"""What a runner may be told: of 100 runners like these, so many, with the range, and what it is not."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.chronicity.rows import supported
from tendon_outcomes.reporting.wording import NBSP, ResultRow, duration, in_100, level, rounded
from tendon_outcomes.results import Results

NOTICE = (
    "This is no diagnosis and no forecast for one person. It says how runners of this clinic fared who had hurt for as long; "
    "yours can go either way. It does not say what made it so, nor what would help. Talk it over with your clinician."
)
PLACES = 100


@dataclass(frozen=True)
class RunnerLine:
    """One line for a runner. `sure` of 100 places count at least, `likely` by the estimate, `possible` at most."""

    hurt_for: str
    sentence: str
    sure: int
    likely: int
    possible: int


@dataclass(frozen=True)
class RunnerBox:
    """The durations that can be told, shortest first, and the notice that goes with them."""

    title: str
    lines: tuple[RunnerLine, ...]
    how: str
    notice: str = NOTICE


def runner_box(results: Results, estimand: Estimand, day: int | None) -> RunnerBox | None:
    """The box for runners, or None when no duration can be told."""
    rows = [row for row in supported(results, "duration_incidence", day) if row["conf_low"] is not None]
    if not rows:
        return None
    by, phrase = f"{rows[0]['day'] / 7:g}{NBSP}weeks", estimand.endpoint.phrase
    title = f"Of 100 runners like these, how many reached {phrase} by {by}?"
    how = (
        f"Dark: at least so many. Dark and middle: about so many, the estimate. Pale: up to so many. The range is the "
        f"{level(estimand.conf_level)} interval."
    )
    return RunnerBox(title, tuple(_line(row, estimand) for row in rows), how)


def of_hundred(count: float, low: float, high: float, *, day: int, weeks: float, phrase: str) -> str:
    """`Of 100 runners like these who had hurt for 6 months, about 34 (25 to 44) reached pain-free running by 12 weeks.`

    Counts are of 100 runners.
    """
    about, least, most = (in_100(value / PLACES) for value in (count, low, high))
    by = f"{day / 7:g}{NBSP}weeks"
    who = f"Of 100 runners like these who had hurt for {duration(weeks)}"
    return f"{who}, about {about} ({least} to {most}) reached {phrase} by {by}."


def interval_of(conf_level: float) -> str:
    """What the two numbers in brackets are."""
    return f"In brackets is the {level(conf_level)} interval."


def _line(row: ResultRow, estimand: Estimand) -> RunnerLine:
    low, about, high = (PLACES * row[name] for name in ("conf_low", "estimate", "conf_high"))
    sentence = of_hundred(about, low, high, day=row["day"], weeks=row["at"], phrase=estimand.endpoint.phrase)
    return RunnerLine(duration(row["at"]), sentence, rounded(low), rounded(about), rounded(high))
