"""All that is on record of one episode as marks on a time line: what was seen, done and reported, and what was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.cohort.outcome.ascertain import FollowUp
from tendon_outcomes.cohort.outcome.assessments import assess
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.vocabulary import Code

SCHEMA: dict[str, pl.DataType] = {
    "lane": pl.String(),
    "day": pl.Int64(),
    "end_day": pl.Int64(),
    "kind": pl.String(),
    "value": pl.Float64(),
    "label": pl.String(),
}
PACES = {"nprs_run_easy": "easy", "nprs_run_fast": "fast", "nprs_run": "any_pace"}
AVOIDED = ("not_attempted_pain", "not_attempted_advice")


def timeline_marks(
    cohort: Cohort, episode_id: str, *, follow_ups: Sequence[FollowUp] = (), weeks: PersonWeeks | None = None
) -> pl.DataFrame:
    """The marks of one episode: lane, day, end_day (null: a point, or open to the right), kind, value, label.

    Lanes: visits (kind: the reason), reports, pain (kind: easy, fast, any_pace, avoided), score, loading, stretching, other
    (sessions), weeks (kind: the state), events (kind: prescription, procedure, event), and for each follow-up one named
    `endpoint:` and its reference, with its assessments (kind: the status), the interval (kind: reached, competing, censored),
    the confirming day and the horizon.

    Raises
    ------
    WrongUse
        The episode is not in the cohort.
    """
    alone = _one_episode(cohort, episode_id)
    parts = [
        _visits(alone),
        _mark(alone.tables["run_week"], "reports", pl.lit("report")),
        *_pain(alone),
        _score(alone),
        _sessions(alone),
        *_events(alone),
        *([] if weeks is None else [_weeks(weeks.frame.filter(pl.col("episode_id") == episode_id))]),
        *(part for one in follow_ups for part in _endpoint(alone, one)),
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *parts]).sort("lane", "day", "kind", "label", maintain_order=True)


def _one_episode(cohort: Cohort, episode_id: str) -> Cohort:
    wanted = pl.col("episode_id") == episode_id
    episodes = cohort.episodes.filter(wanted)
    if episodes.is_empty():
        raise WrongUse(
            f"the episode asked for is not in population {cohort.population.name}",
            way_out="Ask for an episode of the cohort, or assemble the cohort that it belongs to.",
        )
    tables = {name: table.filter(wanted) for name, table in cohort.tables.items()}
    return replace(cohort, episodes=episodes, tables=tables)


def _mark(
    rows: pl.DataFrame, lane: str | pl.Expr, kind: pl.Expr, *, value: pl.Expr | None = None, label: pl.Expr | None = None
) -> pl.DataFrame:
    return rows.select(
        lane=pl.lit(lane) if isinstance(lane, str) else lane,
        day=pl.col("day").cast(pl.Int64),
        end_day=pl.col("end_day").cast(pl.Int64) if "end_day" in rows.columns else pl.lit(None, dtype=pl.Int64()),
        kind=kind.cast(pl.String),
        value=pl.lit(None, dtype=pl.Float64()) if value is None else value.cast(pl.Float64),
        label=pl.lit("") if label is None else label.fill_null(""),
    )


def _visits(alone: Cohort) -> pl.DataFrame:
    return _mark(alone.tables["visit"], "visits", pl.col("visit_reason").fill_null("unknown"))


def _pain(alone: Cohort) -> Iterable[pl.DataFrame]:
    """Pain at each pace; a run that was avoided because of pain or on advice has no score, and is a mark of its own."""
    for table in ("visit", "run_week"):
        rows = alone.tables[table]
        for column, pace in PACES.items():
            yield _mark(rows.filter(pl.col(column).is_not_null()), "pain", pl.lit(pace), value=pl.col(column))
            avoided = rows.filter(pl.col(column).is_null(), pl.col(f"{column}_reason").is_in(AVOIDED))
            yield _mark(avoided, "pain", pl.lit("avoided"), label=pl.lit(pace))


def _score(alone: Cohort) -> pl.DataFrame:
    """The tendon's own score: the first instrument that it declares."""
    first = alone.population.tendon.instruments[0]
    own = [one for one in alone.population.instruments if one.instrument == first]
    if not own:
        return pl.DataFrame(schema=SCHEMA)
    total = pl.col(own[0].total_column)
    rows = alone.tables["visit"].filter(total.is_not_null())
    return _mark(rows, "score", pl.lit("score"), value=total, label=pl.lit(own[0].title))


def _sessions(alone: Cohort) -> pl.DataFrame:
    tendon, modality = alone.population.tendon, pl.col("modality")
    lane = (
        pl.when(modality.is_in(list(tendon.stages)))
        .then(pl.lit("loading"))
        .when(modality.is_in(list(tendon.stretch_modalities)))
        .then(pl.lit("stretching"))
        .otherwise(pl.lit("other"))
    )
    return _mark(alone.tables["session"].sort("day"), lane, pl.lit("session"), label=modality)


def _events(alone: Cohort) -> Iterable[pl.DataFrame]:
    """What was prescribed, done and happened. A prescription without a day has no place on a time line."""
    written = pl.col("strategy_prescribed").is_not_null() & pl.col("prescribed_day").is_not_null()
    prescribed = alone.episodes.filter(written).with_columns(day=pl.col("prescribed_day"))
    yield _mark(prescribed, "events", pl.lit("prescription"), label=_words("strategy_prescribed"))
    procedures = alone.tables["procedure"].rename({"stop_day": "end_day"})
    yield _mark(procedures, "events", pl.lit("procedure"), label=_words("procedure"))
    yield _mark(alone.tables["event"], "events", pl.lit("event"), label=_words("event"))


def _words(code: str) -> pl.Expr:
    return pl.col(code).str.replace_all("_", " ")


def _weeks(frame: pl.DataFrame) -> pl.DataFrame:
    return _mark(frame.rename({"day_from": "day", "day_to": "end_day"}), "weeks", pl.col("state"))


def _endpoint(alone: Cohort, follow_up: FollowUp) -> Iterable[pl.DataFrame]:
    """Every look with what it says, then what they come to; an episode that is not followed has looks only."""
    lane = f"endpoint:{follow_up.endpoint.reference}"
    yield _mark(assess(alone, follow_up.endpoint.version), lane, pl.col("status"))
    known = follow_up.episodes.join(alone.episodes.select("episode_id"), on="episode_id", how="semi")
    code = pl.col("code")
    kind = (
        pl.when(code == Code.EVENT.value)
        .then(pl.lit("reached"))
        .when(code >= Code.SURGERY.value)
        .then(pl.lit("competing"))
        .otherwise(pl.lit("censored"))
    )
    names = {one.value: one.name.lower().replace("_", " ") for one in Code}
    interval = known.with_columns(day="left", end_day="right")
    yield _mark(interval, lane, kind, label=code.replace_strict(names, return_dtype=pl.String()))
    confirmed = known.filter(code == Code.EVENT.value, pl.col("confirmed_day").is_not_null())
    yield _mark(confirmed.with_columns(day="confirmed_day"), lane, pl.lit("confirmed"))
    phrase = pl.lit(follow_up.endpoint.phrase)
    yield _mark(known.with_columns(day=pl.lit(follow_up.horizon_days)), lane, pl.lit("horizon"), label=phrase)
    unfollowed = alone.episodes.join(known, on="episode_id", how="anti").with_columns(day=pl.lit(0))
    yield _mark(unfollowed, lane, pl.lit("not_followed"), label=phrase)
