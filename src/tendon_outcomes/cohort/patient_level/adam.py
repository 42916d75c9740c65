"""A study's questions as person-level data sets in the manner of CDISC ADaM, for the clinic's own statistician."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort, assemble_cohort
from tendon_outcomes.cohort.exposure.strategies import StrategyLabels, classify_strategies
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks, person_weeks
from tendon_outcomes.cohort.outcome.ascertain import FollowUp, Looks, from_looks, look
from tendon_outcomes.cohort.patient_level.adam_measures import measures
from tendon_outcomes.cohort.patient_level.adam_subjects import subjects
from tendon_outcomes.cohort.patient_level.adam_times import adtte
from tendon_outcomes.cohort.phenotype import PHENOTYPE
from tendon_outcomes.declarations import Declarations, Estimand, OnsetPrecision, RegimenVersion
from tendon_outcomes.declarations.exports import ExportDataset, Exports
from tendon_outcomes.declarations.visit_windows import VisitWindows
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.vocabulary import Code

_TYPES: dict[str, pl.DataType] = {"text": pl.String(), "flag": pl.String(), "integer": pl.Int64(), "float": pl.Float64()}


@dataclass(frozen=True)
class Question:
    """One estimand with those it is asked about. Without a follow-up nobody can be followed for it, and `refused` says why."""

    code: str
    estimand: Estimand
    cohort: Cohort | None = None
    looks: Looks | None = None
    follow_up: FollowUp | None = None
    refused: str = ""

    @property
    def says(self) -> str:
        """PARAM: what the time is to, for whom and how long they were followed."""
        asked = self.estimand
        return (
            f"Time to {asked.endpoint.phrase} ({asked.endpoint.reference}), {asked.population.name}, {asked.horizon_weeks} weeks"
        )


@dataclass(frozen=True)
class AnalysisData:
    """The exported tables by name (adsl, adqs, adtte, weeks), and the questions that they answer to, in their order."""

    questions: tuple[Question, ...]
    frames: dict[str, pl.DataFrame]


def analysis_data(
    records: ValidatedRecords, estimands: Sequence[Estimand], declared: Declarations, regimen: RegimenVersion, *, study: str
) -> AnalysisData:
    """Everything that the questions of a protocol are answered from, person by person. Internal tier only.

    1. Each question has its cohort and follow-up; a question that nobody can be followed for has its reason in their place.
    2. adsl, adqs and weeks hold every episode that some question is about, once; adtte has a row for each question.
    3. Weeks reach to the longest horizon. The strategy describes the regimen's window up to where question 1 was settled or its
       follow-up given up, as far as it was known at the window's end, because readers may compare by it from then on.

    Raises
    ------
    NoUsableRows
        No episode is in the population of any question.
    """
    exports = declared.exports
    questions = pose(records, estimands, exports)
    cohorts = one_cohort_a_tendon(questions)
    reach = max(regimen.window_weeks.value, *(one.estimand.horizon_weeks for one in questions))
    weeks = [person_weeks(cohort, regimen, weeks=reach) for cohort in cohorts]
    ends = settled(questions)
    labels = [
        classify_strategies(one, until=ends.join(cohort.episodes, on="episode_id", how="semi"), known_by_day=regimen.window_days)
        for cohort, one in zip(cohorts, weeks, strict=True)
    ]
    frames = {
        "adsl": adsl(cohorts, questions, labels, exports, declared.onset, study=study),
        "adqs": adqs(cohorts, declared.visit_windows, exports, study=study),
        "adtte": times(questions, exports, study=study),
        "weeks": person_week_rows(weeks, exports),
    }
    return AnalysisData(questions, frames)


def pose(records: ValidatedRecords, estimands: Sequence[Estimand], exports: Exports) -> tuple[Question, ...]:
    """Every estimand with its cohort and follow-up.

    Raises
    ------
    NoUsableRows
        No episode is in the population of any of them.
    """
    codes = exports.parameter_codes([one.endpoint.reference for one in estimands])
    posed = tuple(_posed(records, estimand, code) for estimand, code in zip(estimands, codes, strict=True))
    if all(one.cohort is None for one in posed):
        raise NoUsableRows(
            "no episode is in the population of any question; there is nothing to export",
            way_out="Look at the populations in protocol.toml against what the clinic records.",
        )
    return posed


def _posed(records: ValidatedRecords, estimand: Estimand, code: str) -> Question:
    cohort: Cohort | None = None
    looks: Looks | None = None
    refused = ""
    try:
        cohort = assemble_cohort(records, estimand.population)
        looks = look(cohort, estimand.endpoint)
        return Question(code, estimand, cohort, looks, from_looks(looks, horizon_weeks=estimand.horizon_weeks))
    except NoUsableRows as error:
        refused = error.summary
    return Question(code, estimand, cohort, looks, None, refused)


def one_cohort_a_tendon(questions: Sequence[Question]) -> tuple[Cohort, ...]:
    """Every episode that some question is about, once: the cohorts of one tendon become one."""
    cohorts = [one.cohort for one in questions if one.cohort is not None]
    tendons = dict.fromkeys(one.population.tendon.tendon for one in cohorts)
    return tuple(_joined([one for one in cohorts if one.population.tendon.tendon == tendon]) for tendon in tendons)


def _joined(cohorts: list[Cohort]) -> Cohort:
    # Those with a derived phenotype first, so that an episode in several populations keeps it.
    cohorts = sorted(cohorts, key=lambda one: PHENOTYPE not in one.episodes.columns)
    episodes = pl.concat([one.episodes for one in cohorts], how="diagonal").unique(
        "episode_id", keep="first", maintain_order=True
    )
    tables = {
        name: pl.concat([one.tables[name] for one in cohorts]).unique("record_id", keep="first", maintain_order=True)
        for name in cohorts[0].tables
    }
    unread = {name: pl.concat([one.unread[name] for one in cohorts]).unique() for name in cohorts[0].unread}
    return Cohort(cohorts[0].population, episodes.sort("episode_id"), tables, cohorts[0].attrition, unread)


def settled(questions: Sequence[Question]) -> pl.DataFrame:
    """When the first question with a follow-up was settled, or its follow-up was given up: episode_id, until_day.

    1. Settled: the day of the event or the competing event.
    2. Given up, of those who were lost or withdrew: the last day on which something was heard of them. What they did until then
       is on record; the weeks after it are not unknown weeks of somebody who was followed.
    """
    follow_up = next((one.follow_up for one in questions if one.follow_up is not None), None)
    if follow_up is None:
        return pl.DataFrame(schema={"episode_id": pl.String(), "until_day": pl.Int64()})
    gone = pl.col("code").is_in([Code.LOST.value, Code.WITHDREW.value])
    until = pl.when(gone).then(pl.max_horizontal("left", "last_contact")).otherwise("right")
    return follow_up.episodes.select("episode_id", until_day=until).drop_nulls("until_day")


def adsl(
    cohorts: Sequence[Cohort],
    questions: Sequence[Question],
    labels: Sequence[StrategyLabels],
    exports: Exports,
    onset: OnsetPrecision,
    *,
    study: str,
) -> pl.DataFrame:
    """One row an episode, with the strategy as a description and with its place in every question."""
    rows = pl.concat([subjects(cohort, onset) for cohort in cohorts])
    described = pl.concat([_described(one) for one in labels])
    rows = rows.join(described, on="USUBJID", how="left")
    for number, question in enumerate(questions, start=1):
        rows = rows.join(_place(question, f"Q{number:02d}"), on="USUBJID", how="left").with_columns(
            pl.col(f"Q{number:02d}POPFL", f"Q{number:02d}FL").fill_null("N")
        )
    return as_declared(rows, exports.dataset["adsl"], n_questions=len(questions), study=study)


def adqs(cohorts: Sequence[Cohort], windows: VisitWindows, exports: Exports, *, study: str) -> pl.DataFrame:
    """One row an episode, parameter and assessment."""
    rows = pl.concat([measures(cohort, exports, windows) for cohort in cohorts])
    return as_declared(rows, exports.dataset["adqs"], study=study)


def times(questions: Sequence[Question], exports: Exports, *, study: str) -> pl.DataFrame:
    """One row an episode and question in whose follow-up it is."""
    rows = [
        adtte(one.follow_up, one.cohort.episodes.select("episode_id", "record_id"), exports, code=one.code, says=one.says)
        for one in questions
        if one.follow_up is not None and one.cohort is not None
    ]
    declared = exports.dataset["adtte"]
    empty = pl.DataFrame(schema={column.name: _TYPES[column.type] for column in declared.columns if column.name != "STUDYID"})
    return as_declared(pl.concat([empty, *rows], how="diagonal_relaxed"), declared, study=study)


def person_week_rows(weeks: Sequence[PersonWeeks], exports: Exports) -> pl.DataFrame:
    """One row an episode and week."""
    rows = pl.concat([one.frame for one in weeks])
    as_text = [
        pl.col(name).list.join(";") if dtype == pl.List(pl.String()) else pl.col(name).cast(pl.String())
        for name, dtype in rows.schema.items()
        if dtype == pl.List(pl.String()) or dtype == pl.Boolean()
    ]
    return as_declared(rows.with_columns(as_text), exports.dataset["weeks"])


def as_declared(frame: pl.DataFrame, dataset: ExportDataset, *, n_questions: int = 0, study: str = "") -> pl.DataFrame:
    """Exactly the declared columns, in their order and types, sorted by the keys."""
    if dataset.manner == "cdisc":
        frame = frame.with_columns(STUDYID=pl.lit(study))
    declared = dataset.expanded(n_questions)
    return frame.select(pl.col(one.name).cast(_TYPES[one.type]) for one in declared).sort(dataset.keys)


def _described(labels: StrategyLabels) -> pl.DataFrame:
    return labels.frame.select(
        USUBJID="episode_id",
        STRATA="strategy",
        STRATARS="reason",
        STRATAWD=pl.lit(labels.window_days, dtype=pl.Int64()),
    )


def _place(question: Question, prefix: str) -> pl.DataFrame:
    """Which episodes a question is about, who of them can be assessed, had reached it on day 0, and is followed."""
    schema = {name: pl.String() for name in ("USUBJID", *(f"{prefix}{flag}" for flag in ("POPFL", "ASFL", "D0FL", "FL")))}
    if question.cohort is None or question.looks is None:
        return pl.DataFrame(schema=schema)
    on_day_zero = question.looks.days.filter(pl.col("day") == 0, "passes")
    followed = question.looks.could.clear() if question.follow_up is None else question.follow_up.episodes
    return question.cohort.episodes.select(
        pl.col("episode_id").alias("USUBJID"),
        pl.lit("Y").alias(f"{prefix}POPFL"),
        *(
            _yes_no(pl.col("episode_id").is_in(found["episode_id"].implode())).alias(f"{prefix}{flag}")
            for flag, found in (("ASFL", question.looks.could), ("D0FL", on_day_zero), ("FL", followed))
        ),
    )


def _yes_no(condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(pl.lit("Y")).otherwise(pl.lit("N"))
