"""Every episode as a clone in each sustained strategy: when it begins, and the week in which it departs. Knows no outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.declarations.regimens import StrategyPhase, SustainedStrategy
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.vocabulary import WeekState

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

CANNOT, MAY_START, MUST_START, STARTED = range(4)
"""Phases of a week of a clone, as `LongitudinalSample.phase` has them."""

_REASONS = ("", "other_regimen", "not_started", "not_met")
_NUMBERS = {state.value: number for number, state in enumerate(WeekState) if state is not WeekState.UNKNOWN}
_UNKNOWN = -1


@dataclass(frozen=True)
class Clones:
    """One clone of every episode in each strategy, strategies in the order asked for, episodes in order within each.

    `frame`: episode_id, strategy, start_week (first week that follows the strategy; null without one), departs_week (the week in
    which it departs; null: never; it is followed through the end of the week before), reason (other_regimen, not_started,
    not_met; null for who never departs). `weeks`: episode_id, strategy, week, phase: 0 it cannot depart in this week (it has
    departed, the week is not known or not judged, or the strategy asks for nothing more), 1 it has not begun and may, 2 it has
    not begun and this week decides, 3 it has begun.
    """

    strategies: tuple[str, ...]
    grace_days: int
    sustain_weeks: int
    frame: pl.DataFrame
    weeks: pl.DataFrame

    def flow(self) -> pl.DataFrame:
        """What became of the clones: strategy, cloned, started, other_regimen, not_started, not_met, never_departs."""
        departs = [(pl.col("reason") == name).sum().cast(pl.Int64).alias(name) for name in _REASONS[1:]]
        return self.frame.group_by("strategy", maintain_order=True).agg(
            pl.len().cast(pl.Int64).alias("cloned"),
            pl.col("start_week").count().cast(pl.Int64).alias("started"),
            *departs,
            pl.col("reason").null_count().cast(pl.Int64).alias("never_departs"),
        )


def clone(
    weeks: PersonWeeks,
    strategies: Sequence[SustainedStrategy],
    *,
    grace_days: int,
    sustain_weeks: int,
    until: pl.DataFrame | None = None,
) -> Clones:
    """Follow every episode in every strategy until its weeks depart from it.

    ``until`` has episode_id and until_day, as in `classify_strategies`: a week that ends after that day is not judged, because
    recovery, discharge or a competing event is no departure, and exercise ends with it. An episode that it does not name, or
    names without a day, is judged in every week.

    1. The last week in which a strategy may begin is the one in which day ``grace_days`` falls: of 14 days the second.
    2. A strategy begins in the first known week whose state follows it.
    3. It departs in the first known week whose state is that of another regimen (`departs`, and once begun
       `departs_once_started`), also within the grace period: reason other_regimen.
    4. It departs when it has not begun in the week that decides: not_started. That is the last week of the grace period, or,
       where this week is unknown, the first known week after it: what it shows was most likely done in the unknown weeks too.
    5. Once begun, it departs in the last of `not_met_weeks` lapses in a row: not_met. A lapse is a known week that neither
       follows nor departs; not one of N in which what was prescribed was done (`adherence` met), as with a plan that has ended.
    6. An unknown week is no departure, no start and no lapse, and it ends a row of lapses: nobody saw two together.
    7. A later phase of a strategy takes the place of the one before from its `from_week` on. One that `starts` begins anew, with
       the same grace; until it has begun only its `departs` leave it. The lapses of the phase before are then forgotten.
    8. After week ``sustain_weeks`` nothing is asked for.

    The departure is dated by the week in which it happened, although its last session tells it: a clone is followed through the
    week before, so that nothing which came of a departure is counted for the strategy.

    Raises
    ------
    WrongUse
        No strategy was given, or one twice; the person-weeks do not reach ``sustain_weeks``; the grace period does not end
        within it; or ``until`` names an episode that they do not have.
    """
    names = tuple(one.name for one in strategies)
    _refuse_unusable(weeks, names, grace_days=grace_days, sustain_weeks=sustain_weeks)
    days = weeks.until_days(until).sort("episode_id")
    seen = _seen(weeks, days, sustain_weeks=sustain_weeks)
    followed = [_followed(seen, one, last_start=-(-grace_days // 7)) for one in strategies]
    episodes = days["episode_id"]
    frames = [one.frame(episodes, name) for one, name in zip(followed, names, strict=True)]
    phases = [_phases(episodes, name, one.phase, weeks.weeks) for one, name in zip(followed, names, strict=True)]
    return Clones(names, grace_days, sustain_weeks, pl.concat(frames), pl.concat(phases))


@dataclass(frozen=True)
class _Seen:
    """Episodes by week: the number of the state, -1 where it is unknown or not judged, and whether the plan was met."""

    state: Integers
    met: Flags


@dataclass(frozen=True)
class _Followed:
    """One strategy: week of start and of departure (0: none), number of the reason, phase of every week."""

    start: Integers
    departs: Integers
    reason: Integers
    phase: Integers

    def frame(self, episodes: pl.Series, strategy: str) -> pl.DataFrame:
        reasons = np.array([name or None for name in _REASONS], dtype=object)
        return pl.DataFrame(
            {
                "episode_id": episodes,
                "strategy": pl.Series([strategy], dtype=pl.String()).new_from_index(0, episodes.len()),
                "start_week": pl.Series(self.start).replace({0: None}),
                "departs_week": pl.Series(self.departs).replace({0: None}),
                "reason": pl.Series(reasons[self.reason].tolist(), dtype=pl.String()),
            }
        )


def _refuse_unusable(weeks: PersonWeeks, names: tuple[str, ...], *, grace_days: int, sustain_weeks: int) -> None:
    if not names or len(set(names)) != len(names):
        raise WrongUse("clones were asked for in no strategy, or twice in one", way_out="Name each strategy once.")
    if weeks.weeks < sustain_weeks:
        raise WrongUse(
            f"a strategy of {sustain_weeks} weeks was asked for and the person-weeks have {weeks.weeks}",
            way_out="Make person_weeks with at least as many weeks.",
        )
    if not 1 <= grace_days <= 7 * sustain_weeks:
        raise WrongUse(
            f"a grace period of {grace_days} days does not end within the {sustain_weeks} weeks of the strategy",
            way_out="Ask for a grace period of at least one day that ends before the strategy does.",
        )


def _seen(weeks: PersonWeeks, days: pl.DataFrame, *, sustain_weeks: int) -> _Seen:
    """The judged weeks as arrays, episodes as in ``days``."""
    read = weeks.frame.select("episode_id", "week", "day_to", "state", "adherence").filter(pl.col("week") <= sustain_weeks)
    ordered = read.sort("episode_id", "week").join(days, on="episode_id", maintain_order="left")
    judged = pl.col("until_day").is_null() | (pl.col("day_to") <= pl.col("until_day"))
    number = pl.col("state").replace_strict(_NUMBERS, default=_UNKNOWN, return_dtype=pl.Int64())
    arrays = ordered.select(
        pl.when(judged).then(number).otherwise(_UNKNOWN).alias("state"),
        (pl.col("adherence") == "met").fill_null(value=False).alias("met"),
    )
    shape = (days.height, sustain_weeks)
    return _Seen(arrays["state"].to_numpy().reshape(shape), arrays["met"].to_numpy().reshape(shape))


def _followed(seen: _Seen, strategy: SustainedStrategy, *, last_start: int) -> _Followed:
    """Steps 2 to 7 of :func:`clone`, week by week for all episodes at once."""
    n, weeks = seen.state.shape
    start, departs, reason, lapses = (np.zeros(n, dtype=np.int64) for _ in range(4))
    begun = np.zeros(n, dtype=bool)
    phases = np.zeros((n, weeks), dtype=np.int64)
    number = -1
    for week in range(1, weeks + 1):
        if number + 1 < len(strategy.phase) and week == strategy.phase[number + 1].from_week.value:
            number += 1
            if strategy.phase[number].starts:
                begun, lapses = np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64)
        phase = strategy.phase[number]
        since = next(one.from_week.value for one in reversed(strategy.phase[: number + 1]) if one.starts)
        state, met = seen.state[:, week - 1], seen.met[:, week - 1]
        there = (departs == 0) & (state != _UNKNOWN)
        deciding = week >= since - 1 + last_start
        phases[:, week - 1] = np.where(there, np.where(begun, STARTED, MUST_START if deciding else MAY_START), CANNOT)
        follows, other = _of(state, phase.follows), _other(state, phase, begun)
        excused = met & _of(state, (WeekState.NEITHER,))
        lapses = np.where(there & begun & ~follows & ~other & ~excused, lapses + 1, 0)
        left = np.select(
            [there & other, there & ~begun & ~follows & deciding, lapses >= strategy.not_met_weeks.value], [1, 2, 3], default=0
        )
        reason = np.where(left > 0, left, reason)
        departs = np.where(left > 0, week, departs)
        begins = there & ~begun & follows
        start = np.where(begins & (start == 0), week, start)
        begun = begun | begins
    return _Followed(start, departs, reason, phases)


def _other(state: Integers, phase: StrategyPhase, begun: Flags) -> Flags:
    """Step 3: the week is one of another regimen."""
    return np.asarray(_of(state, phase.departs) | (begun & _of(state, phase.departs_once_started)))


def _of(state: Integers, words: Sequence[WeekState]) -> Flags:
    return np.isin(state, [_NUMBERS[word.value] for word in words])


def _phases(episodes: pl.Series, strategy: str, phase: Integers, weeks: int) -> pl.DataFrame:
    """The phases as rows; in weeks after the strategy has ended nothing is asked for."""
    n = episodes.len()
    whole = np.zeros((n, weeks), dtype=np.int64)
    whole[:, : phase.shape[1]] = phase
    return pl.DataFrame(
        {
            "episode_id": episodes.gather(np.repeat(np.arange(n), weeks)),
            "strategy": pl.Series([strategy], dtype=pl.String()).new_from_index(0, n * weeks),
            "week": np.tile(np.arange(1, weeks + 1), n),
            "phase": whole.ravel(),
        }
    )
