"""What every episode did for its tendon, week by week: loading, stretching, both, neither, or nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.exposure.logged_weeks import (
    ENGINE,
    accepted_pain,
    cell_of,
    counted_sessions,
    logged_weeks,
    of_the_plan,
    session_rows,
    week_of,
)
from tendon_outcomes.cohort.exposure.noted_weeks import noted_weeks
from tendon_outcomes.cohort.exposure.week_measures import with_adherence, with_amounts, with_progress, with_running
from tendon_outcomes.declarations import RegimenVersion
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.vocabulary import WeekState

_EPISODES_AT_ONCE = 20_000
_COLUMNS = (
    "episode_id",
    "week",
    "day_from",
    "day_to",
    "state",
    "known_from",
    "known_on_day",
    "n_sessions",
    "n_loading",
    "n_stretching",
    "stretch_minutes",
    "loading_sets",
    "dose_kg",
    "dose_prescribed_kg",
    "stage",
    "progressed",
    "first_loading_day",
    "first_stretching_day",
    "sessions_prescribed",
    "sessions_done",
    "session_ratio",
    "session_ratio_capped",
    "dose_ratio",
    "covered",
    "adherence",
    "breaches",
    "run_breaches",
    "km",
    "km_share",
    "run_pain_max",
    "record_ids",
)

_OF_A_WHOLE_LOG = (
    "n_sessions",
    "n_loading",
    "n_stretching",
    "stretch_minutes",
    "loading_sets",
    "dose_kg",
    "dose_prescribed_kg",
    "sessions_done",
    "sessions_logged_prescribed",
)


@dataclass(frozen=True)
class PersonWeeks:
    """Episodes by week. `frame` has one row for every episode and week 1 to `weeks`, ordered by both.

    - `state`: vocabulary.WeekState. `known_from`: log, report, note, or null where the state is U. `known_on_day`: the day from
      which the state was known: the week's last day, or the day of the visit whose note tells it.
    - `day_from`, `day_to`: the week's days; week 1 begins with day 0.
    - `n_sessions`, `n_loading`, `n_stretching` (days), `stretch_minutes`, `loading_sets`, `dose_kg`, `stage` (highest),
      `progressed`, `first_loading_day` and `first_stretching_day` (in weeks that load or stretch). Null without a log, never 0;
      counts and sums are null too where a session row of the week could not be read.
    - `sessions_prescribed`, `sessions_done`, `session_ratio`, `session_ratio_capped`, `dose_ratio`, `covered`, `adherence`.
    - `breaches` of the pain rule, of which `run_breaches` while running; `km`, `km_share` of the distance before the injury,
      `run_pain_max`.
    - `record_ids`: the rows that the week was made from, sorted.
    """

    regimen: RegimenVersion
    weeks: int
    frame: pl.DataFrame

    def until_days(self, until: pl.DataFrame | None) -> pl.DataFrame:
        """Every episode with its until_day, the earliest where ``until`` has several, null where it has none.

        Raises
        ------
        WrongUse
            ``until`` names an episode that has no weeks here.
        """
        episodes = self.frame.filter(pl.col("week") == 1).select("episode_id")
        if until is None:
            return episodes.with_columns(pl.lit(None, dtype=pl.Int64()).alias("until_day"))
        strangers = until.join(episodes, on="episode_id", how="anti")["episode_id"].n_unique()
        if strangers:
            raise WrongUse(
                f"until names {strangers} episodes that have no person-weeks",
                way_out="Make it from the follow-up of the same cohort, or keep the rows of the cohort's episodes.",
            )
        earliest = until.group_by("episode_id").agg(pl.col("until_day").min().cast(pl.Int64))
        return episodes.join(earliest, on="episode_id", how="left")

    def observed(self, until: pl.DataFrame | None, *, from_week: int = 1, to_week: int, columns: Sequence[str]) -> pl.DataFrame:
        """Weeks ``from_week`` to ``to_week`` that do not end after the episode's until_day: episode_id, week and ``columns``.

        Every week of an episode that has no until_day is observed.
        """
        wanted = (
            self.frame.lazy()
            .filter(pl.col("week").is_between(from_week, to_week))
            .select("episode_id", "week", "day_to", *columns)
        )
        if until is not None:
            days = self.until_days(until).lazy()
            wanted = wanted.join(days, on="episode_id", maintain_order="left").filter(
                pl.col("until_day").is_null() | (pl.col("day_to") <= pl.col("until_day"))
            )
        return wanted.select("episode_id", "week", *columns).collect()


def person_weeks(cohort: Cohort, regimen: RegimenVersion, *, weeks: int) -> PersonWeeks:
    """Sort the first ``weeks`` weeks of every episode by what was done.

    1. Every episode has every week. Nothing is cut off at recovery, a competing event or the end: whoever uses the weeks says
       until when (`until`).
    2. A week with a session row is known from the log: L when it loads, S when it stretches, B when both, else N. Rows of
       `not_sessions`, such as runs, are no log of exercise and make no week known.
    3. Else a week whose report says that no exercise was done (`exercise_done` false) is N.
    4. Else the visit note that speaks for the week gives L, S, B or N. A note without loading and stretching does not overrule a
       report that exercise was done: that week is U.
    5. Every other week is U, also one whose report says that something was done and not what. U is never N.
    6. A week with a session row that intake rejected (`Cohort.unread`) is U unless it is B already: the row may have been loading
       or stretching. Its counts and sums are null.
    7. Counts and sums come from the log, and are 0 in a week known from a report; in every other week they are null.

    Raises
    ------
    WrongUse
        ``weeks`` is less than 1.
    """
    if weeks < 1:
        raise WrongUse("person-weeks were asked for without a week", way_out="Ask for weeks = 1 or more.")
    episodes = _episodes(cohort)
    parts, sources = _parts(cohort, episodes, regimen, weeks=weeks), _sources(cohort, episodes, regimen, weeks=weeks)
    # Block by block: columns that only lead to others never stand in memory for all weeks of a registry at once.
    blocks = [_measured(_grid(block, weeks=weeks), parts, sources, regimen) for block in episodes.iter_slices(_EPISODES_AT_ONCE)]
    return PersonWeeks(regimen, weeks, pl.concat(blocks))


def _measured(grid: pl.DataFrame, parts: list[pl.DataFrame], sources: pl.DataFrame, regimen: RegimenVersion) -> pl.DataFrame:
    """The weeks of a block of episodes with everything that is told of them."""
    own = pl.col("cell").is_between(grid["cell"].min(), grid["cell"].max())
    frame = grid
    for part in parts:
        frame = frame.join(part.filter(own), on="cell", how="left", maintain_order="left")
    frame = with_progress(with_amounts(_with_states(_without_part_logs(frame))), regimen.progression)
    frame = frame.with_columns(accepted_pain().alias("limit"))
    frame = with_running(with_adherence(frame, regimen.adherence))
    noted = frame.filter(pl.col("known_from") == "note").select("cell", pl.col("note_record").alias("record_id"))
    rows = pl.concat([sources.filter(own), noted])
    # Sorting once before grouping is several times faster than sorting within every group.
    listed = rows.sort("cell", "record_id").group_by("cell", maintain_order=True).agg(pl.col("record_id").alias("record_ids"))
    none = pl.lit([], dtype=pl.List(pl.String()))
    with_ids = frame.join(listed, on="cell", how="left", maintain_order="left").with_columns(pl.col("record_ids").fill_null(none))
    return with_ids.select(_COLUMNS)


def _episodes(cohort: Cohort) -> pl.DataFrame:
    """What of an episode its weeks need. `who` is a short key: joins and groups over millions of rows are quick by it."""
    limit = pl.coalesce(pl.col("pain_rule_max").cast(pl.Float64), pl.lit(cohort.population.tendon.pain_rule.value))
    return (
        cohort.episodes.sort("episode_id")
        .select("episode_id", "mass_kg", "wk_km_preinjury", limit.alias("plan_limit"))
        .with_row_index("who")
    )


def _grid(episodes: pl.DataFrame, *, weeks: int) -> pl.DataFrame:
    """Every episode with every week, in order."""
    numbers = pl.DataFrame({"week": pl.int_range(1, weeks + 1, eager=True)})
    last = 7 * pl.col("week")
    first = pl.when(pl.col("week") == 1).then(0).otherwise(last - 6)
    grid = episodes.join(numbers, how="cross", maintain_order="left_right")
    return grid.with_columns(first.alias("day_from"), last.alias("day_to"), cell_of(pl.col("week"), weeks=weeks))


def _parts(cohort: Cohort, episodes: pl.DataFrame, regimen: RegimenVersion, *, weeks: int) -> list[pl.DataFrame]:
    """The reports, the log, its sessions, the notes and the rows that could not be read: each one row a cell."""
    tendon = cohort.population.tendon
    reports = _reported_weeks(cohort.tables["run_week"], episodes, weeks=weeks)
    rows = session_rows(cohort.tables["session"], episodes, tendon, regimen, weeks=weeks)
    return [
        reports,
        logged_weeks(rows, reports.select("cell", "week_limit"), regimen),
        counted_sessions(rows),
        noted_weeks(cohort.tables["visit"], episodes, tendon, regimen, weeks=weeks),
        _unread_weeks(cohort, episodes, weeks=weeks),
    ]


def _unread_weeks(cohort: Cohort, episodes: pl.DataFrame, *, weeks: int) -> pl.DataFrame:
    """The cells with a session row that intake rejected: cell, unread (true)."""
    none = pl.DataFrame(schema={"episode_id": pl.String(), "day": pl.Int64()})
    rows = cohort.unread.get("session", none).filter(pl.col("day").is_between(0, 7 * weeks))
    cells = rows.join(episodes.select("who", "episode_id"), on="episode_id").select(cell_of(week_of(pl.col("day")), weeks=weeks))
    return cells.unique().with_columns(pl.lit(value=True).alias("unread"))


def _reported_weeks(run_weeks: pl.DataFrame, episodes: pl.DataFrame, *, weeks: int) -> pl.DataFrame:
    """The weekly reports. A running pain of 0 in a week in which nobody ran is no pain on record."""
    nobody_ran = (pl.col("wk_km") == 0) | (pl.col("run_status") == "stopped")
    nobody_ran = nobody_ran.fill_null(value=False) & ~pl.col("run_attempted").fill_null(value=False)
    pain = pl.max_horizontal("nprs_run", "nprs_run_easy", "nprs_run_fast", "nprs_hill")
    return (
        run_weeks.join(episodes.select("who", "episode_id"), on="episode_id")
        .filter(pl.col("week").is_between(1, weeks))
        .select(
            cell_of(pl.col("week"), weeks=weeks),
            "exercise_done",
            pl.col("sessions_prescribed").alias("plan_sessions"),
            pl.col("stage").alias("plan_stage"),
            pl.col("pain_rule_max").cast(pl.Float64).alias("week_limit"),
            pl.col("rule_breaches").alias("run_breaches"),
            pl.col("wk_km").alias("km"),
            pl.when(~nobody_ran | (pain > 0)).then(pain).alias("run_pain_max"),
        )
    )


def _without_part_logs(frame: pl.DataFrame) -> pl.DataFrame:
    """No counts and sums in weeks whose log has a row that could not be read: they would say less than was done."""
    read = pl.col("unread").is_null()
    return frame.with_columns(pl.when(read).then(name).alias(name) for name in _OF_A_WHOLE_LOG)


def _with_states(frame: pl.DataFrame) -> pl.DataFrame:
    """Steps 2 to 6 of `person_weeks`."""
    logged = pl.col("loads").is_not_null()
    nothing_done = (~pl.col("exercise_done")).fill_null(value=False)
    noted = _state(pl.col("note_loads"), pl.col("note_stretches"))
    contradicted = (noted == WeekState.NEITHER) & pl.col("exercise_done").fill_null(value=False)
    note_tells = noted.is_not_null() & ~contradicted
    state = (
        pl.when(logged)
        .then(_state(pl.col("loads"), pl.col("stretches")))
        .when(nothing_done)
        .then(pl.lit(WeekState.NEITHER.value))
        .when(note_tells)
        .then(noted)
        .otherwise(pl.lit(WeekState.UNKNOWN.value))
    )
    known_from = (
        pl.when(logged).then(pl.lit("log")).when(nothing_done).then(pl.lit("report")).when(note_tells).then(pl.lit("note"))
    )
    hidden = pl.col("unread").is_not_null() & (state != WeekState.BOTH.value)
    known_on = pl.when(logged | nothing_done).then("day_to").when(note_tells).then("note_day")
    whole = ("stage", "rm", "first_loading_day", "first_stretching_day")
    return frame.with_columns(
        pl.when(hidden).then(pl.lit(WeekState.UNKNOWN.value)).otherwise(state).alias("state"),
        pl.when(~hidden).then(known_from).alias("known_from"),
        pl.when(~hidden).then(known_on).cast(pl.Int64).alias("known_on_day"),
        *(pl.when(~hidden).then(name).alias(name) for name in whole),
    )


def _state(loads: pl.Expr, stretches: pl.Expr) -> pl.Expr:
    """L, S, B or N from two truths; null when one of them is not known."""
    return (
        pl.when(loads.is_null() | stretches.is_null())
        .then(pl.lit(None, dtype=pl.String()))
        .when(loads & stretches)
        .then(pl.lit(WeekState.BOTH.value))
        .when(loads)
        .then(pl.lit(WeekState.LOADING.value))
        .when(stretches)
        .then(pl.lit(WeekState.STRETCHING.value))
        .otherwise(pl.lit(WeekState.NEITHER.value))
    )


def _sources(cohort: Cohort, episodes: pl.DataFrame, regimen: RegimenVersion, *, weeks: int) -> pl.DataFrame:
    """Which session rows and reports belong to each cell: cell, record_id."""
    key = episodes.lazy().select("who", "episode_id")
    logged = cohort.tables["session"].lazy().filter(pl.col("day").is_between(0, 7 * weeks), of_the_plan(regimen))
    logged = logged.join(key, on="episode_id").select(cell_of(week_of(pl.col("day")), weeks=weeks), "record_id")
    reported = cohort.tables["run_week"].lazy().filter(pl.col("week").is_between(1, weeks))
    reported = reported.join(key, on="episode_id").select(cell_of(pl.col("week"), weeks=weeks), "record_id")
    return pl.concat([logged, reported]).collect(engine=ENGINE)
