"""What the falsification checks compare: a number an episode that no strategy can have changed, null where not recorded."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.week_twelve import DAY
from tendon_outcomes.declarations.dag import Measure

PLACEBO_FROM_DAY = 8
"""Who began on this day or later had not begun for a week: there is a week's change that no exercise made."""

_PAIN = ("nprs_run_fast", "nprs_run")
_SEPARATOR = ";"


def of_episodes(trial: Trial, values: pl.DataFrame) -> pl.Series:
    """The column `value` of ``values`` in the order of the trial's episodes, null for those who have none."""
    placed = trial.episode_id.to_frame("episode_id").join(values, on="episode_id", how="left", maintain_order="left")
    return placed["value"].cast(pl.Float64)


def change_of_running(trial: Trial) -> pl.Series:
    """Distance a week in the four weeks before day 0, as a share of that before the injury, less 1."""
    before = pl.col("wk_km_preinjury")
    change = pl.when(before > 0).then(pl.col("wk_km_base4") / before - 1)
    return of_episodes(trial, trial.cohort.episodes.select("episode_id", change.alias("value")))


def measured(trial: Trial, measure: Measure) -> pl.Series:
    """What measures a node of the graph: of the episode; or of its visits, their mean from day 0 to week 12.

    Codes and levels become 1 where one of `of` is recorded and 0 where others are.
    """
    table, _, column = measure.column.partition(".")
    if table == "episode":
        rows, number = trial.cohort.episodes, _number(column, measure)
        return of_episodes(trial, rows.select("episode_id", number.alias("value")))
    rows = trial.cohort.tables[table].filter(pl.col("day").is_between(0, DAY))
    told = rows.select("episode_id", _number(column, measure).alias("value")).drop_nulls()
    return of_episodes(trial, told.group_by("episode_id").agg(pl.col("value").mean()))


def _number(column: str, measure: Measure) -> pl.Expr:
    if measure.reading == "any_of":
        codes = pl.col(column).str.split(_SEPARATOR)
        return codes.list.set_intersection(list(measure.of)).list.len().gt(0).cast(pl.Float64)
    if measure.reading == "recorded":
        return pl.col(column).is_not_null().cast(pl.Float64)
    number = pl.col(column).cast(pl.Float64)
    return number.clip(lower_bound=1).log(2) if measure.reading == "log2" else number


def pain_before_start(trial: Trial) -> pl.DataFrame:
    """Of those who began in their second week or later: episode_id, pain on day 0, and `value`, its change up to the last report
    before the first day of loading or stretching.
    """
    starts = (
        trial.weeks.frame.group_by("episode_id")
        .agg(pl.min_horizontal(pl.col("first_loading_day").min(), pl.col("first_stretching_day").min()).alias("start"))
        .filter(pl.col("start") >= PLACEBO_FROM_DAY)
    )
    told = _told_pain(trial).join(starts, on="episode_id").filter(pl.col("day") < pl.col("start"))
    told = told.sort("episode_id", "day", "order")
    first = told.filter(pl.col("day") == 0).group_by("episode_id").agg(pl.col("pain").first().alias("pain_0"))
    last = told.filter(pl.col("day") > 0).group_by("episode_id").agg(pl.col("pain").last().alias("pain_1"))
    joined = first.join(last, on="episode_id").with_columns((pl.col("pain_1") - pl.col("pain_0")).alias("value"))
    return trial.episode_id.to_frame("episode_id").join(joined, on="episode_id", how="left", maintain_order="left")


def _told_pain(trial: Trial) -> pl.DataFrame:
    """Pain in running as told: episode_id, day, pain, and `order`, by which a visit comes after the weekly report of its day."""
    parts = []
    for order, name in enumerate(("run_week", "visit")):
        pain = pl.coalesce(pl.col(one).cast(pl.Float64) for one in _PAIN)
        day = pl.col("day").cast(pl.Int64)
        parts.append(trial.cohort.tables[name].select("episode_id", day, pain.alias("pain"), pl.lit(order).alias("order")))
    return pl.concat(parts).drop_nulls()
