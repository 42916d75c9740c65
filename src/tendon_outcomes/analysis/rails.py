"""When an analysis refuses, and when it warns. Every rail has a code; a refusal is a row of results."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.results import Row

MIN_EPISODES = 10  # statistics.md, rail "too small"
MIN_EVENTS = 5  # statistics.md, rail "too small"
MIN_AT_RISK = 10  # statistics.md §1, restricted mean: max(10, 10 %) at risk
MIN_AT_RISK_SHARE = 0.10
MAX_LOSS_SHARE = 0.20  # statistics.md, rail "loss", before day 84
LOSS_DAY = 84


@dataclass(frozen=True, slots=True)
class Rail:
    """One refusal or caution: its code, what happened, and what would do."""

    code: str
    says: str

    def refusal(self, *, estimator: str, stratum: str = "all", day: int | None = None) -> Row:
        return Row(estimator=estimator, statistic="refusal", stratum=stratum, term=self.code, day=day, warning=self.says)


def too_small(n: int, n_events: int) -> Rail | None:
    """Fewer than 10 episodes or 5 events: counts only."""
    if n >= MIN_EPISODES and n_events >= MIN_EVENTS:
        return None
    return Rail(
        "too_small",
        f"too few for an estimate: at least {MIN_EPISODES} episodes and {MIN_EVENTS} events are needed. Only counts are given.",
    )


def at_risk_needed(n: int) -> float:
    """How many must still be followed for a statement at a day: the larger of 10 and 10 %."""
    return max(float(MIN_AT_RISK), MIN_AT_RISK_SHARE * n)


def beyond_follow_up(week: float, largest_week: int) -> Rail:
    return Rail(
        "beyond_follow_up",
        f"week {week:g} is refused: too few were followed that long. The latest week that can be answered is {largest_week}.",
    )


def undetermined(week: float) -> Rail:
    return Rail(
        "undetermined",
        f"no point estimate at week {week:g}: too few were assessed then. The bounds come from the assessments before and after.",
    )


def unconfirmed(week: float) -> Rail:
    return Rail(
        "unconfirmed",
        f"no point estimate at week {week:g}: it depends on whether last passes that nobody confirmed count as reached. "
        "The bounds are the two readings.",
    )


def heavy_loss(share: float) -> Rail | None:
    """More than 20 % lost before week 12."""
    if share <= MAX_LOSS_SHARE:
        return None
    return Rail(
        "loss",
        "more than 20 % were lost to follow-up before week 12; the estimates assume that those lost fared like those who stayed.",
    )
