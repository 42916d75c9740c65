"""When an analysis refuses, and when it warns. Every rail has a code; a refusal is a row of results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.results import WOULD_DO, Row

MIN_EPISODES = 10  # statistics.md, rail "too small"
MIN_EVENTS = 5  # statistics.md, rail "too small"
MAX_SHARE_OF_ONE = 0.20  # decision: limits over patients need many; a fifth each leaves five of equal weight at the least
MIN_AT_RISK = 10  # statistics.md §1, restricted mean: max(10, 10 %) at risk
MIN_AT_RISK_SHARE = 0.10
MIN_KNOWN_SHARE = 0.50  # decision: where the state of half is known, few still at risk are no reason to refuse
MAX_LOSS_SHARE = 0.20  # statistics.md, rail "loss", before day 84
LOSS_DAY = 84


@dataclass(frozen=True, slots=True)
class Rail:
    """One refusal or caution: its code, what happened, and what would do.

    `would_do` is a number computed from these records, in words. `n_behind` is the smallest count of runners that it gives away.
    """

    code: str
    says: str
    would_do: str = ""
    n_behind: int | None = None

    @property
    def words(self) -> str:
        return f"{self.says} {WOULD_DO}{self.would_do}." if self.would_do else self.says

    def refusal(self, *, estimator: str, stratum: str = "all", day: int | None = None) -> Row:
        return self._row("refusal", estimator, stratum, day)

    def caution(self, *, estimator: str, stratum: str = "all") -> Row:
        return self._row("caution", estimator, stratum, None)

    def _row(self, statistic: str, estimator: str, stratum: str, day: int | None) -> Row:
        return Row(
            estimator=estimator,
            statistic=statistic,
            stratum=stratum,
            term=self.code,
            day=day,
            n_events=self.n_behind,
            warning=self.words,
        )


def too_small(n: int, n_events: int) -> Rail | None:
    """Fewer than 10 episodes or 5 events: counts only."""
    if n >= MIN_EPISODES and n_events >= MIN_EVENTS:
        return None
    return Rail(
        "too_small",
        f"too few for an estimate: at least {MIN_EPISODES} episodes and {MIN_EVENTS} events are needed. Only counts are given.",
    )


def too_few_patients(patient: NDArray[np.int64]) -> Rail | None:
    """Episodes of fewer than 10 patients, or more than a fifth of them of one: their limits would be of hardly anybody.

    The influences of the episodes of one patient cancel, so that standard errors over few patients come out near 0.
    """
    held = np.unique(patient, return_counts=True)[1]
    if held.size >= MIN_EPISODES and held.max() <= MAX_SHARE_OF_ONE * patient.size:
        return None
    return Rail(
        "too_small",
        f"too few for an estimate: episodes of at least {MIN_EPISODES} patients are needed, of which none has more than "
        f"{100 * MAX_SHARE_OF_ONE:.0f} in 100 of them. Only counts are given.",
    )


def at_risk_needed(n: int) -> float:
    """How many must still be followed for a statement at a day: the larger of 10 and 10 %."""
    return max(float(MIN_AT_RISK), MIN_AT_RISK_SHARE * n)


def followed_enough(n: int, n_just_before: int, n_known: int) -> bool:
    """Whether a day can be answered.

    Enough are in its risk set: the larger of 10 and 10 %. Or the state of at least half of all, and of 10, is known on it: where
    nearly everybody has recovered few are left at risk, and refusing then would refuse good results only.
    """
    enough_known = n_known >= max(float(MIN_AT_RISK), MIN_KNOWN_SHARE * n)
    return n_just_before >= at_risk_needed(n) or enough_known


def beyond_follow_up(week: float, largest_week: int) -> Rail:
    return Rail(
        "beyond_follow_up",
        f"week {week:g} is refused: too few were followed that long. "
        + (f"The latest week that can be answered is {largest_week}." if largest_week else "No week can be answered."),
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


def unseen_at_start(phrase: str) -> Rail:
    return Rail(
        "unseen_at_start",
        f"Not every runner was assessed on day 0: some may have reached {phrase} already, and count as reaching it later.",
    )


def not_robust_to_loss() -> Rail:
    return Rail(
        "not_robust_to_loss",
        "The verdict is not robust to drop-out: it would be another one if all those lost had reached the endpoint, or none.",
    )


def heavy_loss(share: float) -> Rail | None:
    """More than 20 % lost before week 12."""
    if share <= MAX_LOSS_SHARE:
        return None
    return Rail(
        "loss",
        "more than 20 % were lost to follow-up before week 12; the estimates assume that those lost fared like those who stayed.",
    )
