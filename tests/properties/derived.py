"""Everything that is derived from one set of records, in a form that two of them can be compared in."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.cohort.exposure.strategies import classify_strategies
from tendon_outcomes.cohort.exposure.weeks import person_weeks
from tendon_outcomes.cohort.outcome.histories import histories
from tendon_outcomes.cohort.outcome.multiverse import multiverse
from tendon_outcomes.declarations import Declarations, load_protocol, resolve, shipped
from tendon_outcomes.records import RECORD_ID, ValidatedRecords

HORIZON_WEEKS = 26


def derived(records: ValidatedRecords, declared: Declarations) -> dict[str, pl.DataFrame]:
    """Cohort, intervals, paths, weeks, labels and readings, by name and sorted; record ids replaced by what the record says.

    A record id counts rows of a file, which is what a permutation changes. Its table, episode, day and kind stay.
    """
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    found: dict[str, pl.DataFrame] = {}
    for name, estimand in protocol.estimands.items():
        cohort = assemble_cohort(records, estimand.population)
        follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=HORIZON_WEEKS)
        found |= {
            f"{name} episodes": cohort.episodes,
            f"{name} intervals": follow_up.episodes,
            f"{name} looks": follow_up.assessments,
        }
        if estimand.endpoint.relapse is not None:
            found[f"{name} paths"] = histories(cohort, follow_up).transitions
    weeks = person_weeks(cohort, declared.regimen("1"), weeks=HORIZON_WEEKS)
    found |= {"weeks": weeks.frame, "labels": classify_strategies(weeks).frame}
    every = multiverse(cohort, list(declared.endpoints.values()), horizon_weeks=HORIZON_WEEKS)
    found["readings"] = every.table
    return {name: _comparable(table, _meanings(records)) for name, table in found.items()}


def _meanings(records: ValidatedRecords) -> pl.DataFrame:
    """Each record id with the table, episode, day and kind of its row."""
    parts = []
    for name, table in records.tables.items():
        cells = [
            pl.col(one).cast(pl.String).fill_null("") for one in ("episode_id", "day", "session_id", name) if one in table.columns
        ]
        parts.append(table.select(RECORD_ID, pl.concat_str([pl.lit(name), *cells], separator="|").alias("meaning")))
    return pl.concat(parts)


def _comparable(table: pl.DataFrame, meanings: pl.DataFrame) -> pl.DataFrame:
    named = [name for name in table.columns if name == RECORD_ID or name.endswith("_record")]
    texts = table.with_columns(pl.col(named).str.split(";")) if named else table
    listed = [*named, *([name for name in table.columns if name == "record_ids"])]
    meaning = dict(meanings.iter_rows())
    for name in listed:
        spelled = texts[name].list.eval(pl.element().replace_strict(meaning, return_dtype=pl.String).sort())
        texts = texts.with_columns(spelled.list.join(";").alias(name))
    keys = [name for name in ("episode_id", "week", "number", "day") if name in texts.columns]
    return texts.sort(keys, maintain_order=True) if keys else texts
