"""Runs the cases of declarations: what is particular to a tendon, where a threshold comes from, what becomes of dates."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import ColumnMap, Criterion, Population, Threshold
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import TendonOutcomesError
from tendon_outcomes.vocabulary import OnReject
from tests.made_exports import as_declared, csv_text, ingested, row, rules_of, write
from tests.made_records import DECLARED, episode, records
from tests.spec.runners_endpoints import OTHER, asked, reading

BORN, SEEN = "1984-03-12", "2024-03-01"


@dataclass(frozen=True)
class OfTendon:
    """A runner of one tendon. `filled` names the questionnaire that was filled in, as :func:`_form` does it."""

    tendon: str
    runner: Mapping[str, Any] = field(default_factory=dict)
    filled: str = ""
    pain: int = 0
    modality: str = "other"
    endpoint: str = ""
    visits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """A threshold by its name; `of` is an endpoint version, an instrument or a tendon."""

    of: str
    name: str


@dataclass(frozen=True)
class FileWithDates:
    """A small export: one episode, whose day 0 is 2024-03-01, and one report. `map` is that of the clinic or of our own names."""

    day: str
    map: str = "own_names"
    index_date: bool = False
    episode_id: str = "E1"
    further_column: str = ""
    on_reject: str = "stop"


def of_tendon(given: OfTendon) -> dict[str, Any]:
    """What the declarations of the tendon make of the runner, the form, the pain and the exercise."""
    found = DECLARED.tendons[given.tendon]
    form = _form(given.filled) if given.filled else {}
    visits = given.visits or {"0": form}
    rows = [{"episode_id": "a", "day": int(day), **cells} for day, cells in visits.items()]
    people = [episode("a", **{"tendon": given.tendon, **given.runner}), episode(OTHER, tendon=given.tendon)]
    other = {"episode_id": OTHER, "day": 0, "visa_h_total": 40.0, "nprs_run_easy": 5}
    cohort = assemble_cohort(records(episode=people, visit=[*rows, other]), _population(given.tendon))
    kept = cohort.episodes.filter(pl.col("episode_id") == "a").height == 1
    steps = [step.says for step in cohort.attrition.steps if step.n_excluded]
    own = DECLARED.instruments[found.instruments[0]].total_column
    total = cohort.tables["visit"].filter(pl.col("episode_id") == "a")[own].to_list()
    followed: dict[str, Any] = {}
    if given.endpoint:
        follow_up = ascertain(cohort, asked(given.endpoint), horizon_weeks=26)
        of_case = follow_up.episodes.filter(pl.col("episode_id") == "a")
        followed = of_case.row(0, named=True) if of_case.height else dict.fromkeys(of_case.columns)
        steps = [step.says for step in follow_up.attrition.steps if step.n_excluded]
    return {
        "in_population": kept,
        "left_out": steps[0] if steps else None,
        "own_form": found.instruments[0],
        "own_score": total[0] if total else None,
        "pain_accepted": given.pain <= found.pain_rule.value,
        "pain_rule": found.pain_rule.status,
        "stage": found.exercises.stages.get(given.modality),
        "stretches_it": given.modality in found.exercises.stretch_modalities,
        "pace_gradient": found.pace_gradient,
        **followed,
    }


def provenance(given: Provenance) -> dict[str, Any]:
    """The threshold with its source, and the criteria in which it works by its name."""
    stated, works_in = _thresholds(given.of)
    found = next(one for one in stated if one.name == given.name)
    return {
        "value": found.value,
        "unit": found.unit,
        "source": found.source,
        "status": found.status,
        "works_in": works_in.get(given.name, []),
    }


def file_with_dates(given: FileWithDates) -> dict[str, Any]:
    """Whether the export is refused, which rows are rejected, and on which day the report is kept."""
    try:
        with tempfile.TemporaryDirectory() as place:
            kept = ingested(Path(place), _export(Path(place), given), on_reject=OnReject(given.on_reject))
    except TendonOutcomesError as refusal:
        return {
            "refused": type(refusal).__name__,
            "exit_code": refusal.exit_code,
            "rules": [one.rule for one in refusal.findings],
            "says": refusal.findings[0].says if refusal.findings else refusal.summary,
            "shows_a_value": any(value in str(refusal) for value in _values(given)),
        }
    dated = [name for frame in kept.tables.values() for name, kind in frame.schema.items() if kind.is_temporal()]
    return {
        "refused": None,
        "rejected": rules_of(kept, "visit.csv").get(1),
        "day": next(iter(kept.table("visit")["day"].to_list()), None),
        "date_columns_kept": len(dated),
    }


RUNNERS = {
    "tendon": reading(OfTendon, of_tendon),
    "threshold": reading(Provenance, provenance),
    "file_with_dates": reading(FileWithDates, file_with_dates),
}


def _form(scale: str) -> dict[str, Any]:
    """Items that add up to 6 x 5 + 4 + 14 = 48, and a supplied total that is another."""
    return {**{f"{scale}_{item}": 5 for item in range(1, 7)}, f"{scale}_7": 4, f"{scale}_8b": 14, f"{scale}_total": 90.0}


def _population(name: str) -> Population:
    """Everybody with the tendon and none of its exclusions."""
    found = DECLARED.tendons[name]
    ticked = (Criterion(id=one, says=one, variable=one, equals=False, unrecorded="passes") for one in found.exclusions)
    return Population(
        name=name,
        says=found.title,
        tendon=found,
        instruments=tuple(DECLARED.instruments[one] for one in found.instruments),
        criteria=tuple(ticked),
        washout_days=0,
        washout_procedures=(),
    )


def _thresholds(of: str) -> tuple[tuple[Threshold, ...], dict[str, list[str]]]:
    if of in DECLARED.instruments:
        return DECLARED.instruments[of].threshold, {}
    if of in DECLARED.tendons:
        return (DECLARED.tendons[of].pain_rule,), {}
    version = DECLARED.endpoint(of)
    works_in: dict[str, list[str]] = {}
    for criterion in version.criterion:
        for name in sorted({name for part in criterion.parts() for name in part.named.values()}):
            works_in.setdefault(name, []).append(criterion.id)
    return version.threshold, works_in


def _values(given: FileWithDates) -> tuple[str, ...]:
    """What stands in the cells and may not stand in a message; a bare number of days says nothing about anybody."""
    return tuple(value for value in (given.day, given.episode_id, BORN, SEEN) if len(value) > 4)


def _export(place: Path, given: FileWithDates) -> ColumnMap:
    """The files and the map that reads them."""
    iso = "%Y-%m-%d"
    people = row("episode", episode_id=given.episode_id) | {"seen": SEEN}
    further = {given.further_column: BORN} if given.further_column else {}
    if given.map == "own_names":
        people.pop("seen")
        visit = {"episode_id": given.episode_id, "day": given.day, **further}
        write(place, {"episode.csv": csv_text([people]), "visit.csv": csv_text([visit])})
        return as_declared("episode", "visit")
    write(place, {"episode.csv": csv_text([people]), "visit.csv": csv_text([{"who": given.episode_id, "when": given.day}])})
    own = {name: name for name in people if name != "seen"}
    left_out = {} if given.index_date else {"seen": "not needed"}
    sources = [
        {"file": "episode.csv", "table": "episode", "columns": own, "left_out": left_out},
        {"file": "visit.csv", "table": "visit", "columns": {"episode_id": "who", "day": {"from": "when", "date": iso}}},
    ]
    index = {"file": "episode.csv", "episode_id": "episode_id", "column": "seen", "date": iso}
    written = {"clinic": "test", "source": sources, **({"index_date": index} if given.index_date else {})}
    return build(ColumnMap, written, origin="column_map.toml")
