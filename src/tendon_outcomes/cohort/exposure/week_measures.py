"""What the weeks amount to beside their state: amounts, progression, adherence, breaches of the pain rule, running."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.declarations.regimens import AdherenceRule, ProgressionRule
from tendon_outcomes.vocabulary import WeekState

_LOADING = (WeekState.LOADING.value, WeekState.BOTH.value)
_STRETCHING = (WeekState.STRETCHING.value, WeekState.BOTH.value)


def with_amounts(frame: pl.DataFrame) -> pl.DataFrame:
    """Counts and sums of each week.

    1. They come from the log. In a week whose report says that nothing was done they are 0, in weeks without a log null.
    2. A loading week that only a note tells of has the stage of the weekly report, if any.
    3. A week that only a note tells of is dated by its last day: nobody knows when in it the loading or stretching was.
    """
    reported = pl.col("known_from") == "report"
    noted = pl.col("known_from") == "note"
    counts = ("n_sessions", "n_loading", "n_stretching", "loading_sets", "stretch_minutes", "dose_kg", "sessions_done")
    loading, stretching = (noted & pl.col("state").is_in(words) for words in (_LOADING, _STRETCHING))
    return frame.with_columns(
        *(pl.when(reported).then(0).otherwise(name).cast(frame.schema[name]).alias(name) for name in counts),
        pl.when(loading).then("plan_stage").otherwise("stage").cast(pl.Int64).alias("stage"),
        pl.when(loading).then("day_to").otherwise("first_loading_day").alias("first_loading_day"),
        pl.when(stretching).then("day_to").otherwise("first_stretching_day").alias("first_stretching_day"),
    )


def with_progress(frame: pl.DataFrame, rule: ProgressionRule) -> pl.DataFrame:
    """`progressed` of every week that loads; the weeks of each episode are in order.

    1. A higher stage than that of the last loading week before it with a stage.
    2. Or the dose has grown by `min_growth` a week over `growth_weeks` weeks in a row, each with a dose: the mean on the ratio
       scale, which over three weeks is the least-squares slope of the logarithm.
    3. Or the heaviest load of the week is the `target_rm` or heavier.
    4. True when one holds, false when at least one can be judged and none holds, else null. A known week that does not load is
       false, U is null.
    """
    loads = pl.col("state").is_in(_LOADING)
    told = loads & pl.col("stage").is_not_null()
    # The frame is in order, so a week looks back by rows, as far as its own episode goes: much quicker than by groups.
    last_told = pl.when(told).then(pl.col("cell").cast(pl.Int64)).forward_fill().shift(1)
    of_the_episode = last_told >= pl.col("cell").cast(pl.Int64) - pl.col("week") + 1
    before = pl.when(of_the_episode).then(pl.when(told).then("stage").forward_fill().shift(1))
    span = rule.growth_weeks.value - 1
    each = [pl.when(pl.col("week") > lag).then(pl.col("dose_kg").shift(lag)) for lag in range(span + 1)]
    ratio = pl.when(pl.all_horizontal(dose > 0 for dose in each)).then(each[0] / each[-1])
    grown = (ratio ** (1 / span) - 1).round(9) >= rule.min_growth.value
    judged = pl.max_horizontal(pl.col("stage") > before, grown, pl.col("rm") <= rule.target_rm.value)
    known = pl.col("state") != WeekState.UNKNOWN
    return frame.with_columns(pl.when(loads).then(judged).when(known).then(pl.lit(value=False)).alias("progressed"))


def with_adherence(frame: pl.DataFrame, rule: AdherenceRule) -> pl.DataFrame:
    """Adherence of the week.

    1. sessions_prescribed: the plan's number in the weekly report, else the sessions that the log marks as prescribed.
    2. session_ratio = sessions_done / sessions_prescribed, as it is; session_ratio_capped at 1. Null without a log, or a plan.
    3. dose_ratio = dose_kg / dose of the prescribed rows; null where the dose of one of these cannot be told.
    4. covered: at least `covered_sessions` loading days. Null without a log.
    5. adherence: no_log without log or report; else met when the ratio reaches `min_session_ratio` or nothing was prescribed for
       the week; where it is not known what was prescribed, met when covered; else not_met.
    """
    prescribed, done = pl.coalesce("plan_sessions", "sessions_logged_prescribed"), pl.col("sessions_done")
    ratio = pl.when(prescribed > 0).then(done / prescribed)
    covered = pl.col("n_loading") >= rule.covered_sessions.value
    met = pl.when(prescribed.is_null()).then(covered).otherwise((prescribed == 0) | (ratio >= rule.min_session_ratio.value))
    word = pl.when(done.is_null()).then(pl.lit("no_log")).when(met).then(pl.lit("met")).otherwise(pl.lit("not_met"))
    return frame.with_columns(
        prescribed.alias("sessions_prescribed"),
        ratio.alias("session_ratio"),
        ratio.clip(upper_bound=1).alias("session_ratio_capped"),
        pl.when(pl.col("dose_prescribed_kg") > 0).then(pl.col("dose_kg") / pl.col("dose_prescribed_kg")).alias("dose_ratio"),
        covered.alias("covered"),
        word.alias("adherence"),
    )


def with_running(frame: pl.DataFrame) -> pl.DataFrame:
    """Running of the week, and breaches of the pain rule.

    1. run_breaches: the runs above the rule as the report counts them; else 1 or 0, as the worst running pain is above the limit
       of the week or not.
    2. breaches: these and the days on which a session broke the rule. What was not recorded adds nothing; null when neither was.
    """
    running = pl.coalesce("run_breaches", (pl.col("run_pain_max") > pl.col("limit")).cast(pl.Int64))
    parts = (running, pl.col("session_breaches"))
    before = pl.when(pl.col("wk_km_preinjury") > 0).then("wk_km_preinjury")
    return frame.with_columns(
        running.alias("run_breaches"),
        pl.when(pl.any_horizontal(part.is_not_null() for part in parts)).then(pl.sum_horizontal(parts)).alias("breaches"),
        (pl.col("km") / before).alias("km_share"),
    )
