"""The rules across rows and tables that data_schemas/tables declare, by id, and the proof that every rule has its check."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from tendon_outcomes.declarations import Declarations
from tendon_outcomes.errors import DeclarationInvalid, Finding
from tendon_outcomes.records.checks import ROW_CHECKS
from tendon_outcomes.records.evidence import Evidence
from tendon_outcomes.records.forms import FORM_CHECKS
from tendon_outcomes.records.mapping import INDEX_DATE
from tendon_outcomes.records.occasions import OCCASION_CHECKS
from tendon_outcomes.records.persons import PERSON_CHECKS
from tendon_outcomes.records.rules import Breach, breach


def _orphan(evidence: Evidence) -> pl.Series:
    return ~_has_episode_in(evidence, evidence.episodes["episode_id"])


def _episode_was_rejected(evidence: Evidence) -> pl.Series:
    known = _has_episode_in(evidence, evidence.episodes["episode_id"])
    return known & ~_has_episode_in(evidence, evidence.accepted_episodes)


def _has_episode_in(evidence: Evidence, episodes: pl.Series) -> pl.Series:
    if evidence.table.table == "episode":
        return pl.Series([True]).new_from_index(0, len(evidence.frame))
    # A row without an episode_id breaks another rule already: the cell is required.
    return evidence.frame["episode_id"].is_in(episodes.drop_nulls().unique().implode()).fill_null(value=True)


def _copy(evidence: Evidence) -> pl.Series:
    same = _rows_of_the_same_key(evidence)
    return (same["n_different"] == 1) & (same["position"] > 0)


def _contradiction(evidence: Evidence) -> pl.Series:
    return _rows_of_the_same_key(evidence)["n_different"] > 1


def _rows_of_the_same_key(evidence: Evidence) -> pl.DataFrame:
    """For each row, how many different rows share its key and how many stand before it.

    A row without a complete key shares it with nobody. A row of no episode cannot contradict one that has an episode. A row
    with an unread cell differs from every other: what it said is not known.
    """
    key = list(evidence.table.key)
    numbered = evidence.frame.select(*evidence.table.column).with_columns(pl.int_range(pl.len()).alias("row"))
    rows = numbered.filter(~_orphan(evidence)).drop_nulls(key)
    repeated = rows.filter(pl.struct(key).is_duplicated())
    itself = pl.when(pl.col("row").is_in(evidence.unread.implode())).then("row").alias("itself")
    counted = repeated.select(
        "row",
        pl.struct(*evidence.table.column, itself).n_unique().over(key).cast(pl.Int64).alias("n_different"),
        pl.int_range(pl.len()).over(key).alias("position"),
    )
    every = evidence.frame.select(pl.int_range(pl.len()).alias("row"))
    joined = every.join(counted, on="row", how="left", maintain_order="left")
    return joined.with_columns(pl.col("n_different").fill_null(1), pl.col("position").fill_null(0))


def _after_as_of(evidence: Evidence) -> pl.Series:
    """By its date where the export keeps dates; else only what is certain from the year of the index visit."""
    frame, as_of = evidence.frame, pl.lit(evidence.as_of)
    if evidence.table.table == "episode":
        late = (pl.col(INDEX_DATE) > as_of).fill_null(value=False) | (pl.col("index_year") > evidence.as_of.year).fill_null(
            value=False
        )
        return frame.select(late.alias("late"))["late"]
    years = evidence.episodes.drop_nulls(["episode_id", "index_year"]).group_by("episode_id").agg(pl.col("index_year").min())
    dated = frame.select("episode_id", "day", INDEX_DATE).join(years, on="episode_id", how="left", maintain_order="left")
    earliest_index = pl.coalesce(INDEX_DATE, pl.date(pl.col("index_year"), 1, 1))
    return dated.select((pl.col("day") > (as_of - earliest_index).dt.total_days()).alias("late"))["late"]


CROSS_CHECKS: dict[str, Callable[[Evidence], pl.Series]] = {
    "X-01": _orphan,
    "X-02": _copy,
    "X-03": _contradiction,
    "X-04": _after_as_of,
    "X-05": _episode_was_rejected,
}
"""Rules of every table; the episode table declares them."""

STORY_CHECKS: dict[str, Callable[[Evidence], Iterator[tuple[str, pl.Series]]]] = {
    **FORM_CHECKS,
    **OCCASION_CHECKS,
    **PERSON_CHECKS,
}
"""Rules that look beyond one row of one table, or at every questionnaire: each gives places and masks."""

_OF_EVERY_TABLE = ("X-09",)


def cross_breaches(evidence: Evidence, rules: tuple[str, ...]) -> list[Breach]:
    """The rows of one table that break the named rules across rows and tables."""
    declared = {rule.id: rule for table in evidence.declarations.tables.values() for rule in table.rule}
    key = ", ".join(evidence.table.key)
    day = "index_year" if evidence.table.table == "episode" else "day"
    place = {"X-01": "episode_id", "X-02": key, "X-03": key, "X-04": day, "X-05": "episode_id"}
    return [
        found
        for name in rules
        for found in breach(name, place[name], declared[name].says, CROSS_CHECKS[name](evidence), declared[name].action)
    ]


def story_breaches(evidence: Evidence) -> list[Breach]:
    """The rows of one table that break its rules about forms, occasions and persons."""
    own = [rule for rule in evidence.table.rule if rule.id in STORY_CHECKS and rule.id not in _OF_EVERY_TABLE]
    shared = [rule for table in evidence.declarations.tables.values() for rule in table.rule if rule.id in _OF_EVERY_TABLE]
    return [
        found
        for rule in (*own, *shared)
        for place, broken in STORY_CHECKS[rule.id](evidence)
        for found in breach(rule.id, place, rule.says, broken, rule.action)
    ]


def refuse_unchecked_rules(declarations: Declarations) -> None:
    """Every declared rule has its check and every check its rule.

    Raises
    ------
    DeclarationInvalid
        A rule is declared that nothing checks, or the other way round.
    """
    declared = [rule.id for table in declarations.tables.values() for rule in table.rule]
    checks = {*ROW_CHECKS, *CROSS_CHECKS, *STORY_CHECKS}
    findings = [Finding("D-03", rule, "declared, but nothing checks it") for rule in sorted(set(declared) - checks)]
    findings += [Finding("D-03", rule, "checked, but no table declares it") for rule in sorted(checks - set(declared))]
    findings += [Finding("D-03", rule, "declared twice") for rule in sorted(set(declared)) if declared.count(rule) > 1]
    if findings:
        raise DeclarationInvalid(
            "rules and checks differ", findings=findings, way_out="Correct data_schemas/tables or the checks in records."
        )
