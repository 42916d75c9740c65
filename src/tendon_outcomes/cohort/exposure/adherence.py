"""How far episodes followed their plan: by sessions, by dose, by weeks covered. A week without a log says nothing."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.errors import WrongUse

_READ = (
    "adherence",
    "sessions_prescribed",
    "sessions_done",
    "dose_ratio",
    "dose_kg",
    "dose_prescribed_kg",
    "covered",
    "breaches",
)


def adherence(
    weeks: PersonWeeks, *, from_week: int = 1, to_week: int | None = None, until: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One row an episode over ``from_week`` to ``to_week`` (the last one), both included.

    ``until`` (episode_id, until_day) leaves out weeks that end after until_day, as in `classify_strategies`.

    1. n_weeks, and of these n_met, n_not_met and n_no_log; n_logged = n_met + n_not_met. share_logged = n_logged / n_weeks.
    2. By sessions: session_ratio = sessions done / sessions prescribed, summed over the logged weeks with a plan, as it is;
       session_ratio_capped takes at most the week's plan from each week, so that one week does not make up for another.
    3. By dose: dose_ratio = kilograms moved / kilograms prescribed, over the weeks in which both are known: none with a
       prescribed loading row that was skipped, because nobody knows what it would have been.
    4. By weeks: share_covered = covered weeks / logged weeks.
    5. A ratio with nothing to divide by is null. Weeks without a log are in no numerator and no denominator but share_logged's:
       unlogged is not not-done.

    A number over weeks 1 to k is known at the end of week k: as an exposure it belongs to those still followed then.

    Raises
    ------
    WrongUse
        ``from_week`` comes after ``to_week``, or ``until`` names an episode that has no person-weeks.
    """
    last = weeks.weeks if to_week is None else to_week
    if from_week > last:
        raise WrongUse(
            f"adherence was asked for from week {from_week} to week {last}",
            way_out="Ask for a last week that is not before the first.",
        )
    frame = weeks.observed(until, from_week=from_week, to_week=last, columns=_READ)
    episodes = weeks.frame.select("episode_id").unique()
    planned = (pl.col("sessions_prescribed") > 0) & pl.col("sessions_done").is_not_null()
    done, prescribed = (pl.when(planned).then(name) for name in ("sessions_done", "sessions_prescribed"))
    dosed = pl.col("dose_ratio").is_not_null()
    moved, asked = (pl.when(dosed).then(name) for name in ("dose_kg", "dose_prescribed_kg"))
    sums = frame.group_by("episode_id").agg(
        pl.len().cast(pl.Int64).alias("n_weeks"),
        *((pl.col("adherence") == word).sum().cast(pl.Int64).alias(f"n_{word}") for word in ("met", "not_met", "no_log")),
        _ratio(done.sum(), prescribed.sum()).alias("session_ratio"),
        _ratio(pl.min_horizontal(done, prescribed).sum(), prescribed.sum()).alias("session_ratio_capped"),
        _ratio(moved.sum(), asked.sum()).alias("dose_ratio"),
        pl.col("covered").mean().alias("share_covered"),
        pl.col("breaches").sum().alias("breaches_sum"),
        pl.col("breaches").count().cast(pl.Int64).alias("n_weeks_with_pain"),
    )
    counts = ("n_weeks", "n_met", "n_not_met", "n_no_log", "n_weeks_with_pain")
    logged = pl.col("n_met") + pl.col("n_not_met")
    return (
        episodes.join(sums, on="episode_id", how="left")
        .with_columns(pl.col(counts).fill_null(0))
        .select(
            "episode_id",
            "n_weeks",
            logged.alias("n_logged"),
            "n_met",
            "n_not_met",
            "n_no_log",
            _ratio(logged, pl.col("n_weeks")).alias("share_logged"),
            "session_ratio",
            "session_ratio_capped",
            "dose_ratio",
            "share_covered",
            pl.when(pl.col("n_weeks_with_pain") > 0).then("breaches_sum").alias("breaches"),
            "n_weeks_with_pain",
        )
        .sort("episode_id")
    )


def _ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return pl.when(denominator > 0).then(numerator / denominator)
