"""Which strategy a series of weeks amounts to: a label over a window, and the guard against using it before the window's end."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.declarations import RegimenVersion
from tendon_outcomes.declarations.regimens import StretchThenLoad
from tendon_outcomes.errors import ImmortalTimeError, WrongUse
from tendon_outcomes.vocabulary import Strategy, WeekState

_TELLING = ("stage", "first_loading_day", "first_stretching_day", "record_ids", "known_on_day")
_READ = ("state", "day_from", *_TELLING)
_EXPOSURE = ("episode_id", "strategy")
_RULES = {
    Strategy.LOADING_LED: "fits_loading_led",
    Strategy.COMBINED: "fits_combined",
    Strategy.STRETCH_THEN_LOAD: "fits_stretch_then_load",
    Strategy.STRETCHING_LED: "fits_stretching_led",
    Strategy.MODIFICATION_ONLY: "fits_modification_only",
}


@dataclass(frozen=True)
class StrategyLabels:
    """One label an episode, over the window of `window_days` days.

    `frame`: episode_id, strategy (letter A to E, X), reason (rule; or, for X: too_many_unknown, too_few_weeks, no_rule), n_weeks
    (of the window), n_known, share_unknown, first_loading_day, first_stretching_day, switch_week (k, for C), until_day (null: not
    cut off), known_on_day (the day from which all the weeks that it rests on were known; null without one), record_ids.
    `cut_off`: they were made with `until`, so that until_day tells who was still followed.
    """

    window_days: int
    frame: pl.DataFrame
    cut_off: bool

    def as_exposure(self, *, at_day: int) -> pl.DataFrame:
        """The labels as an exposure from ``at_day`` on: episode_id, strategy.

        1. Before the window's end there is no label yet: whoever has one must have stayed unrecovered until it could be given.
        2. From the window's end on, only episodes are given whose window was not cut off at or before ``at_day``: those that
           recovered, had a competing event or left are no longer at risk at the landmark. Only `until` tells who they are.
        3. A label that rests on a week which a visit note told of after ``at_day`` was not known then: who has one must have come
           back for that visit.

        Raises
        ------
        ImmortalTimeError
            ``at_day`` lies before the window's end; or the labels were made without `until`; or some of those given rest on
            weeks that were known only after ``at_day``.
        """
        if at_day < self.window_days:
            raise ImmortalTimeError(
                f"a strategy label describes days 0 to {self.window_days} and was asked for as an exposure from day {at_day} on",
                way_out=(
                    f"Take it at day {self.window_days} or later, among those still followed (landmark); or split the "
                    "person-time by week state (exposure_intervals); or clone each episode into the strategies and censor at "
                    "deviation. What was prescribed is known earlier: prescribed_exposure."
                ),
            )
        if not self.cut_off:
            raise ImmortalTimeError(
                f"nothing tells who of {self.frame.height} labelled episodes was still followed after day {at_day}",
                way_out=(
                    "Make the labels with classify_strategies(until=...), which names the last day of everybody who recovered, "
                    "had a competing event or left."
                ),
            )
        followed = self.frame.filter(pl.col("until_day").is_null() | (pl.col("until_day") > at_day))
        later = followed.filter(pl.col("known_on_day") > at_day).height
        if later:
            raise ImmortalTimeError(
                f"{later} of {followed.height} strategy labels rest on weeks that were known only after day {at_day}",
                way_out=f"Make the labels with classify_strategies(known_by_day={at_day}): weeks told of later are unknown then.",
            )
        return followed.select(_EXPOSURE)


def classify_strategies(
    weeks: PersonWeeks, *, until: pl.DataFrame | None = None, known_by_day: int | None = None
) -> StrategyLabels:
    """Label the weeks of the window by the declared rules.

    ``until`` has episode_id and until_day, the last day that may be looked at (recovery, competing event, end). An episode that
    it does not name, or names without a day, has its whole window. Of several days the earliest counts. With ``known_by_day``
    weeks that were known only later, from the note of a later visit, are U: without it who has a label may hang on who came back.

    1. The window: weeks 1 to `window_weeks` that do not end after until_day. Known weeks are those whose state is not U.
    2. X when more than `max_unknown_share` of the window is U, or when the window has fewer than `min_weeks`; in this order.
    3. The first rule of `precedence` that holds:

       - A loading_led: the first loading session of the first loading week is by `start_by_day`; L in `min_share` of the known
         weeks; no week that begins later is S or B.
       - D combined: B in `min_share` of the known weeks.
       - C stretch_then_load: for a k of `switch_weeks`, S in `min_share_before` of the known weeks before k and L in
         `min_share_after` of those from k on, each with `min_known_weeks`. Of several k the one with the most such weeks, of
         equals the earliest.
       - B stretching_led: the first stretching session of the first stretching week is by `start_by_day`; no session of
         `late_stage` or above before `late_stage_from_week`; S or B in `min_share` of the known weeks.
       - E modification_only: N in `min_share` of the known weeks.
    4. Else X.

    Raises
    ------
    WrongUse
        The person-weeks do not reach the end of the window, or ``until`` names an episode that they do not have.
    """
    regimen = weeks.regimen
    if weeks.weeks < regimen.window_weeks.value:
        raise WrongUse(
            f"a strategy label needs {regimen.window_weeks.value} weeks and the person-weeks have {weeks.weeks}",
            way_out="Make person_weeks with at least as many weeks as the regimen's window.",
        )
    window = weeks.observed(until, to_week=regimen.window_weeks.value, columns=_READ)
    if known_by_day is not None:
        window = _as_known(window, by_day=known_by_day)
    days = weeks.until_days(until)
    counted = days.join(_counts(window, regimen), on="episode_id", how="left").with_columns(
        pl.col("n_weeks", "n_known").fill_null(0), pl.col("record_ids").fill_null(pl.lit([], dtype=pl.List(pl.String())))
    )
    return StrategyLabels(regimen.window_days, _labelled(counted, regimen), cut_off=until is not None)


def _as_known(window: pl.DataFrame, *, by_day: int) -> pl.DataFrame:
    """The weeks as they were known on that day: of a week that was known only later there is nothing yet."""
    later = (pl.col("known_on_day") > by_day).fill_null(value=False)
    return window.with_columns(
        pl.when(later).then(pl.lit(WeekState.UNKNOWN.value)).otherwise("state").alias("state"),
        *(pl.when(~later).then(name).alias(name) for name in _TELLING),
    )


def _counts(window: pl.DataFrame, regimen: RegimenVersion) -> pl.DataFrame:
    """What the rules read of each episode's window."""
    rules = regimen.strategy
    state, week = pl.col("state"), pl.col("week")
    late = (pl.col("stage") >= rules.stretching_led.late_stage.value) & (week < rules.stretching_led.late_stage_from_week.value)
    stretches = state.is_in([WeekState.STRETCHING.value, WeekState.BOTH.value])
    each = [(state == word.value).sum().alias(f"n_{word.value}") for word in WeekState]
    return window.group_by("episode_id").agg(
        pl.len().cast(pl.Int64).alias("n_weeks"),
        (state != WeekState.UNKNOWN.value).sum().cast(pl.Int64).alias("n_known"),
        *each,
        pl.col("first_loading_day", "first_stretching_day").min(),
        pl.col("known_on_day").max(),
        (stretches & (pl.col("day_from") > rules.loading_led.start_by_day.value)).any().alias("stretches_later"),
        late.fill_null(value=False).any().alias("loads_early"),
        *_around_switches(rules.stretch_then_load),
        pl.col("record_ids").explode().drop_nulls().unique().sort(),
    )


def _around_switches(rule: StretchThenLoad) -> list[pl.Expr]:
    """For every k the known weeks before and from it, and those of them in the state that the rule wants."""
    state, week = pl.col("state"), pl.col("week")
    known = state != WeekState.UNKNOWN.value
    parts: list[pl.Expr] = []
    for k in rule.switch_weeks.value:
        before, after = week < k, week >= k
        parts += [
            (known & before).sum().alias(f"known_before_{k}"),
            (known & after).sum().alias(f"known_after_{k}"),
            ((state == WeekState.STRETCHING.value) & before).sum().alias(f"fits_before_{k}"),
            ((state == WeekState.LOADING.value) & after).sum().alias(f"fits_after_{k}"),
        ]
    return parts


def _labelled(counted: pl.DataFrame, regimen: RegimenVersion) -> pl.DataFrame:
    """Steps 2 to 4 of `classify_strategies`."""
    rules = regimen.strategy
    judged = counted.with_columns(
        ((pl.col("n_weeks") - pl.col("n_known")) / pl.when(pl.col("n_weeks") > 0).then("n_weeks")).alias("share_unknown"),
        _switch_week(rules.stretch_then_load).alias("k"),
    ).with_columns(*_judgements(regimen))
    unknown = (pl.col("share_unknown") > rules.max_unknown_share.value).fill_null(value=False)
    short = pl.col("n_weeks") < rules.min_weeks.value
    refused = pl.when(unknown).then(pl.lit("too_many_unknown")).when(short).then(pl.lit("too_few_weeks"))
    chosen = pl.coalesce(pl.when(pl.col(_RULES[one]).fill_null(value=False)).then(pl.lit(one.letter)) for one in rules.precedence)
    letter = pl.when(~unknown & ~short).then(chosen)
    reason = refused.when(chosen.is_null()).then(pl.lit("no_rule")).otherwise(pl.lit("rule"))
    then_loads = letter == Strategy.STRETCH_THEN_LOAD.letter
    return judged.select(
        "episode_id",
        letter.fill_null(Strategy.UNCLASSIFIABLE.letter).alias("strategy"),
        reason.alias("reason"),
        "n_weeks",
        "n_known",
        "share_unknown",
        "first_loading_day",
        "first_stretching_day",
        pl.when(then_loads).then("k").cast(pl.Int64).alias("switch_week"),
        "until_day",
        "known_on_day",
        "record_ids",
    ).sort("episode_id")


def _judgements(regimen: RegimenVersion) -> list[pl.Expr]:
    """Whether each rule of step 3 holds."""
    rules = regimen.strategy
    share = {word: pl.col(f"n_{word.value}") / pl.when(pl.col("n_known") > 0).then("n_known") for word in WeekState}
    stretching = (pl.col("n_S") + pl.col("n_B")) / pl.when(pl.col("n_known") > 0).then("n_known")
    loading_led = (
        (pl.col("first_loading_day") <= rules.loading_led.start_by_day.value)
        & (share[WeekState.LOADING] >= rules.loading_led.min_share.value)
        & ~pl.col("stretches_later")
    )
    stretching_led = (
        (pl.col("first_stretching_day") <= rules.stretching_led.start_by_day.value)
        & ~pl.col("loads_early")
        & (stretching >= rules.stretching_led.min_share.value)
    )
    return [
        loading_led.alias(_RULES[Strategy.LOADING_LED]),
        (share[WeekState.BOTH] >= rules.combined.min_share.value).alias(_RULES[Strategy.COMBINED]),
        pl.col("k").is_not_null().alias(_RULES[Strategy.STRETCH_THEN_LOAD]),
        stretching_led.alias(_RULES[Strategy.STRETCHING_LED]),
        (share[WeekState.NEITHER] >= rules.modification_only.min_share.value).alias(_RULES[Strategy.MODIFICATION_ONLY]),
    ]


def _switch_week(rule: StretchThenLoad) -> pl.Expr:
    """The k that fits best; null where none does."""
    fits = {}
    for k in rule.switch_weeks.value:
        known_before, known_after = pl.col(f"known_before_{k}"), pl.col(f"known_after_{k}")
        before, after = pl.col(f"fits_before_{k}"), pl.col(f"fits_after_{k}")
        enough = pl.min_horizontal(known_before, known_after) >= rule.min_known_weeks.value
        held = (before / known_before >= rule.min_share_before.value) & (after / known_after >= rule.min_share_after.value)
        fits[k] = pl.when(enough & held).then(before + after)
    best = pl.max_horizontal(*fits.values())
    return pl.coalesce(pl.when(fitting == best).then(pl.lit(k)) for k, fitting in sorted(fits.items()))
