"""What was known of every episode at the start of each week, and nothing that came later."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.errors import WrongUse

NAMES = ("pain", "visa", "flare", "km_share", "adherence", "weeks_since_pain")
_KEY = ("episode_id", "week")
_MET, _NO_LOG = "met", "no_log"


def weekly_covariates(cohort: Cohort, *, weeks: int, names: Sequence[str], adherence: pl.DataFrame | None = None) -> pl.DataFrame:
    """One row for every episode and week 1 to ``weeks``, ordered by both: episode_id, week, and complete numbers.

    Week w begins after day 7(w - 1): what was recorded on that day or before is known, and for week 1 that is day 0. With
    ``pain`` asked for it comes first, the others stand in the order asked for.

    1. `pain`: the worst pain in fast running, where it was not asked in running; of visits and weekly reports the last day with
       either, and of one day the worst. Carried forward. `weeks_since_pain`: how long ago that day was; since day 0 where none.
    2. `visa`: the last total of the tendon's VISA form, carried forward.
    3. `flare`: 1 where a visit in the 7 days before the week was one of a flare.
    4. `km_share`: the last weekly distance as a share of that before the injury, carried forward from the four weeks before
       day 0.
    5. `adherence`: whether the plan was met in the last week of which it is known, as `adherence_not_met`, and
       `adherence_unknown` where there is no such week yet. It is read from ``adherence``, the frame of person-weeks.
    6. A gap before the first value is filled with the median of the values known on day 0, or of all where there is none. What
       nobody recorded, or what is the same in every cell, is left out.

    Raises
    ------
    WrongUse
        A name is none of these, no week was asked for, or adherence was asked for without the person-weeks.
    """
    _refuse_unusable(names, weeks=weeks, adherence=adherence)
    grid = _grid(cohort, weeks=weeks)
    frame = grid.drop("known_by")
    for name in sorted(dict.fromkeys(names), key=lambda one: one != "pain"):
        made = _with_adherence(grid, adherence) if name == "adherence" else _READ[name](cohort, grid)
        frame = frame.join(made, on=_KEY, how="left", maintain_order="left")
    values = [name for name in frame.columns if name not in _KEY]
    filled = _filled(frame, values)
    return filled.select(*_KEY, *(name for name in values if filled[name].n_unique() > 1))


def _refuse_unusable(names: Sequence[str], *, weeks: int, adherence: pl.DataFrame | None) -> None:
    if unknown := sorted(set(names) - set(NAMES)):
        raise WrongUse(f"there is no weekly covariate {', '.join(unknown)}", way_out=f"There are: {', '.join(NAMES)}.")
    if weeks < 1:
        raise WrongUse("weekly covariates were asked for without a week", way_out="Ask for weeks = 1 or more.")
    if "adherence" in names and adherence is None:
        raise WrongUse(
            "adherence was asked for without the person-weeks that tell it",
            way_out="Pass adherence = person_weeks(...).frame, or leave the name out.",
        )


def _grid(cohort: Cohort, *, weeks: int) -> pl.DataFrame:
    """Every episode with every week, and the last day whose records are known when it begins."""
    numbers = pl.DataFrame({"week": pl.int_range(1, weeks + 1, eager=True, dtype=pl.Int64())})
    episodes = cohort.episodes.select("episode_id").sort("episode_id")
    return episodes.join(numbers, how="cross", maintain_order="left_right").with_columns(
        (7 * (pl.col("week") - 1)).alias("known_by")
    )


def _carried(grid: pl.DataFrame, values: pl.DataFrame, name: str) -> pl.DataFrame:
    """The last of ``values`` (episode_id, day, value) known by the start of each week: episode_id, week, name, name_day."""
    recorded = values.drop_nulls("value").sort("day")
    joined = grid.sort("known_by").join_asof(
        recorded.select("episode_id", "day", pl.col("value").cast(pl.Float64).alias(name)),
        left_on="known_by",
        right_on="day",
        by="episode_id",
        strategy="backward",
        check_sortedness=False,
    )
    return joined.select(*_KEY, name, pl.col("day").alias(f"{name}_day"))


def _pains(cohort: Cohort) -> pl.DataFrame:
    """episode_id, day, value: the worst of each day."""
    pain = pl.coalesce("nprs_run_fast", "nprs_run").alias("value")
    rows = [cohort.tables[table].select("episode_id", "day", pain) for table in ("visit", "run_week")]
    return pl.concat(rows).drop_nulls("value").group_by("episode_id", "day").agg(pl.col("value").max())


def _pain(cohort: Cohort, grid: pl.DataFrame) -> pl.DataFrame:
    return _carried(grid, _pains(cohort), "pain").select(*_KEY, "pain")


def _weeks_since_pain(cohort: Cohort, grid: pl.DataFrame) -> pl.DataFrame:
    told = _carried(grid, _pains(cohort), "pain")
    since = (7 * (pl.col("week") - 1) - pl.col("pain_day").fill_null(0)) / 7
    return told.select(*_KEY, since.alias("weeks_since_pain"))


def _visa(cohort: Cohort, grid: pl.DataFrame) -> pl.DataFrame:
    forms = [one.total_column for one in cohort.population.instruments if one.instrument.startswith("visa")]
    visits = cohort.tables["visit"]
    totals = [name for name in forms if name in visits.columns]
    value = pl.coalesce(totals) if totals else pl.lit(None, dtype=pl.Float64())
    rows = visits.select("episode_id", "day", value.cast(pl.Float64).alias("value"))
    lowest = rows.drop_nulls("value").group_by("episode_id", "day").agg(pl.col("value").min())
    return _carried(grid, lowest, "visa").select(*_KEY, "visa")


def _flare(cohort: Cohort, grid: pl.DataFrame) -> pl.DataFrame:
    flares = cohort.tables["visit"].filter(pl.col("visit_reason") == "flare")
    # A flare of days 1 to 7 is known when week 2 begins.
    week = (pl.col("day") + 6) // 7 + 1
    told = flares.select("episode_id", week.cast(pl.Int64).alias("week"), pl.lit(1.0).alias("flare")).unique()
    joined = grid.join(told, on=_KEY, how="left", maintain_order="left")
    return joined.select(*_KEY, pl.col("flare").fill_null(0.0))


def _km_share(cohort: Cohort, grid: pl.DataFrame) -> pl.DataFrame:
    before = cohort.episodes.select("episode_id", "wk_km_preinjury", "wk_km_base4")
    rows = [cohort.tables[table].select("episode_id", "day", pl.col("wk_km").alias("km")) for table in ("visit", "run_week")]
    at_start = before.select("episode_id", pl.lit(0, dtype=pl.Int64()).alias("day"), pl.col("wk_km_base4").alias("km"))
    # Of one day the report of the week stands before the visit's, and both before the mean of the weeks before day 0.
    ranked = [frame.with_columns(pl.lit(rank).alias("rank")) for rank, frame in enumerate((rows[1], rows[0], at_start))]
    told = pl.concat(ranked).drop_nulls("km").sort("episode_id", "day", "rank").unique(("episode_id", "day"), keep="first")
    usual = pl.when(pl.col("wk_km_preinjury") > 0).then("wk_km_preinjury")
    shares = told.join(before, on="episode_id").select("episode_id", "day", (pl.col("km") / usual).alias("value"))
    return _carried(grid, shares, "km_share").select(*_KEY, "km_share")


def _with_adherence(grid: pl.DataFrame, adherence: pl.DataFrame | None) -> pl.DataFrame:
    assert adherence is not None  # refused before
    known = adherence.filter(pl.col("adherence") != _NO_LOG)
    not_met = (pl.col("adherence") != _MET).cast(pl.Float64)
    carried = _carried(grid, known.select("episode_id", (7 * pl.col("week")).alias("day"), not_met.alias("value")), "not_met")
    return carried.select(
        *_KEY,
        pl.col("not_met").fill_null(0.0).alias("adherence_not_met"),
        pl.col("not_met").is_null().cast(pl.Float64).alias("adherence_unknown"),
    )


def _filled(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Step 6. A column of nothing but gaps is 0 throughout, and left out with the constants."""
    at_start = frame.filter(pl.col("week") == 1)
    fills = {name: next((m for m in (at_start[name].median(), frame[name].median()) if m is not None), 0.0) for name in names}
    return frame.with_columns(pl.col(name).fill_null(pl.lit(fills[name])) for name in names)


_READ: dict[str, Callable[[Cohort, pl.DataFrame], pl.DataFrame]] = {
    "pain": _pain,
    "visa": _visa,
    "flare": _flare,
    "km_share": _km_share,
    "weeks_since_pain": _weeks_since_pain,
}
