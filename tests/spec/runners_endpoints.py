"""Runs the cases of endpoints and populations: looks to an interval, one look to its status, a runner to a population."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import polars as pl

from tendon_outcomes.cohort import Cohort, ascertain, assemble_cohort, assess
from tendon_outcomes.declarations import EndpointAsked, Population, load_protocol, resolve, shipped
from tendon_outcomes.declarations.protocol import PopulationEntry
from tests.made_records import DECLARED, FAILING, PASSING, VOID, episode, records

EVERYONE = Population(
    name="everyone",
    says="every episode",
    tendon=DECLARED.tendons["proximal_hamstring"],
    instruments=tuple(DECLARED.instruments.values()),
    criteria=(),
    washout_days=0,
    washout_procedures=(),
)
OTHER = "other"
"""The episode beside the one of the case: it keeps the cohort from being empty when the case's own is left out."""

NOT_RUNNING = {"run_attempted": False, "wk_km": 0.0, "run_status": "stopped", "analgesic_on_run": False}
WELL_EVERYWHERE = {
    "wk_km": 24.0,
    "nprs_run_fast": 0,
    "pain_free_runs_500m": 2,
    "any_pain_in_area": False,
    "pgic": 2,
    "visa_h_total": 62.0,
    "uwri_total": 28,
}
HURTS_EVERYWHERE = {
    "nprs_run_fast": 6,
    "pain_free_runs_500m": 0,
    "any_pain_in_area": True,
    "pgic": 4,
    "visa_h_total": 40.0,
    "uwri_total": 20,
}
LOOKS: dict[str, dict[str, Any]] = {
    "P": {**PASSING, **WELL_EVERYWHERE},
    "F": {**FAILING, **HURTS_EVERYWHERE},
    "U": {},
    "V": {**VOID, **WELL_EVERYWHERE},
    "I": {**FAILING, **HURTS_EVERYWHERE, "nprs_run_fast": 4, "pgic": 2, "visa_h_total": 62.0, "uwri_total": 28},
    "J": {**PASSING, "wk_km": 24.0, "speed_sessions_wk": 0, "hill_sessions_wk": 0, "any_pain_in_area": False},
    "R": {**NOT_RUNNING, "nprs_run_easy_reason": "not_attempted_pain", "any_pain_in_area": False},
    "Z": {**NOT_RUNNING, "nprs_run_easy": 0, "nprs_run_next_morning": 0, "any_pain_in_area": False},
}
SAID = {
    "P": "passes every definition: pain-free at every pace, at 80 % of the distance, much better by every scale",
    "F": "fails every definition",
    "U": "nothing was recorded",
    "V": "as P, but with a pain killer for the run",
    "I": "much improved by every scale, and running still hurts",
    "J": "jogs easily without pain, and tries neither speed nor hills",
    "R": "rests: does not run because of the pain, and has no pain",
    "Z": "does not run, and a pain of 0 while running is on record all the same",
}
RUNNER = {"wk_km_preinjury": 40.0, "speed_sessions_wk_preinjury": 1.0, "hill_sessions_wk_preinjury": 0.0}
WELL = {
    "run_attempted": True,
    "run_longest_min": 35.0,
    "wk_km": 20.0,
    "nprs_run_easy": 1,
    "nprs_run_fast": 0,
    "nprs_run_next_morning": 1,
    "speed_sessions_wk": 1,
    "hill_sessions_wk": 0,
    "analgesic_on_run": False,
    "run_status": "modified",
}
VISITS: dict[str, dict[str, Any]] = {"well": WELL, "usual": {**WELL, "wk_km": 32.0}, "nothing": {}}
ELIGIBLE_RUNNER: dict[str, Any] = {
    "running_years": 5.0,
    "pain_focal": True,
    "onset_mode": "gradual",
    "phenotype": "probable_pht",
    "strategy_prescribed": "loading_led",
    "prescribed_day": 0,
}
LEGENDS: dict[str, dict[str, Any]] = {
    "story": SAID,
    "assessment": {"the runner": RUNNER, **VISITS},
    "eligibility": {"the runner": {"age_y": 40, **ELIGIBLE_RUNNER}},
}
"""Kind of case to the words that its cases use, with what they stand for; the codebook prints them above the cases."""


@dataclass(frozen=True)
class Story:
    """Looks by day as "0 F, 7 P": `looks` are weekly reports, `visits` clinic visits. Procedures and events as "surgery 20"."""

    endpoint: str
    looks: str = ""
    visits: str = ""
    procedures: str = ""
    events: str = ""
    sessions: str = ""
    runner: Mapping[str, Any] = field(default_factory=dict)
    runner_without: tuple[str, ...] = ()
    horizon_weeks: int = 26
    unconfirmed: str = ""
    dated: str = ""


@dataclass(frozen=True)
class Assessment:
    """One look on day 30: a visit of VISITS with some cells changed or empty, of a runner changed likewise."""

    endpoint: str
    visit: str = "well"
    but: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    runner: Mapping[str, Any] = field(default_factory=dict)
    runner_without: tuple[str, ...] = ()
    day_0: Mapping[str, Any] = field(default_factory=dict)
    table: str = "visit"


@dataclass(frozen=True)
class Improvement:
    """Visits by day with their cells; the status is that of the last one."""

    endpoint: str
    visits: Mapping[str, Mapping[str, Any]]
    runner: Mapping[str, Any] = field(default_factory=dict)
    horizon_weeks: int = 26


@dataclass(frozen=True)
class Eligibility:
    """A runner against a population of the shipped protocol by name, or one written out as in a protocol.

    Procedures as "prp -1", a series as "eswt -60..-10".
    """

    population: str | Mapping[str, Any]
    runner: Mapping[str, Any] = field(default_factory=dict)
    runner_without: tuple[str, ...] = ()
    procedures: str = ""


def asked(reference: str) -> EndpointAsked:
    """An endpoint version as a protocol would ask for it."""
    found = DECLARED.endpoints[reference.partition(".")[0]]
    return EndpointAsked(reference, found.phrase, found.not_yet, DECLARED.endpoint(reference))


def story(given: Story) -> dict[str, Any]:
    """What the looks and events come to."""
    tables: dict[str, list[dict[str, Any]]] = {
        "run_week": _looks("run_week", given.looks),
        "visit": _looks("visit", given.visits),
        "procedure": [_row(day, procedure=what) for what, day in _dated(given.procedures)],
        "event": [_row(day, event=what) for what, day in _dated(given.events)],
        "session": [_row(day, session_id=f"s{day}", modality=what) for what, day in _dated(given.sessions)],
    }
    readings = {name: value for name in ("unconfirmed", "dated") if (value := getattr(given, name))}
    runner = {**given.runner, **dict.fromkeys(given.runner_without)}
    return _followed(given.endpoint, runner, given.horizon_weeks, tables, **readings)


def assessment(given: Assessment) -> dict[str, Any]:
    """What one look says."""
    cells = {name: value for name, value in {**VISITS[given.visit], **given.but}.items() if name not in given.without}
    runner = {**RUNNER, **given.runner, **dict.fromkeys(given.runner_without)}
    look = _row(30, **cells) | ({"week": 4} if given.table == "run_week" else {})
    tables: dict[str, list[dict[str, Any]]] = {"visit": [_row(0, **given.day_0)]}
    tables[given.table] = [*tables.get(given.table, []), look]
    return {"status": _status(_cohort(runner, tables), given.endpoint, day=30)}


def improvement(given: Improvement) -> dict[str, Any]:
    """What the last visit says, and what all of them come to."""
    rows = [_row(int(day), **cells) for day, cells in given.visits.items()]
    status = _status(_cohort(given.runner, {"visit": rows}), given.endpoint, day=max(row["day"] for row in rows))
    return {"status": status, **_followed(given.endpoint, given.runner, given.horizon_weeks, {"visit": rows})}


def eligibility(given: Eligibility) -> dict[str, Any]:
    """Whether the runner is in the population, or which line of the flow tells why not."""
    runner = {**ELIGIBLE_RUNNER, **given.runner, **dict.fromkeys(given.runner_without)}
    people = [episode("a", **runner), episode(OTHER, **ELIGIBLE_RUNNER)]
    treated = [_treated(part) for part in _parts(given.procedures)]
    cohort = assemble_cohort(records(episode=people, procedure=treated), _population(given.population))
    return {"in_population": "a" in cohort.episodes["episode_id"].to_list(), "left_out": _left_out(cohort.attrition.steps)}


Given = TypeVar("Given")


def reading(model: Callable[..., Given], run: Callable[[Given], dict[str, Any]]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A runner that refuses a key of `given` which its model does not have."""
    return lambda given: run(model(**given))


RUNNERS = {
    "story": reading(Story, story),
    "assessment": reading(Assessment, assessment),
    "improvement": reading(Improvement, improvement),
    "eligibility": reading(Eligibility, eligibility),
}


def _cohort(runner: Mapping[str, Any], tables: Mapping[str, list[dict[str, Any]]]) -> Cohort:
    other = {"episode_id": OTHER, "day": 0, **_cells("visit", LOOKS["F"])}
    rows = {**tables, "visit": [*tables.get("visit", []), other]}
    return assemble_cohort(records(episode=[episode("a", **runner), episode(OTHER)], **rows), EVERYONE)


def _status(cohort: Cohort, reference: str, *, day: int) -> str:
    looks = assess(cohort, DECLARED.endpoint(reference)).filter(pl.col("episode_id") == "a", pl.col("day") == day)
    return str(looks["status"].item())


def _followed(
    reference: str, runner: Mapping[str, Any], weeks: int, tables: Mapping[str, list[dict[str, Any]]], **readings: Any
) -> dict[str, Any]:
    follow_up = ascertain(_cohort(runner, tables), asked(reference), horizon_weeks=weeks, **readings)
    found = follow_up.episodes.filter(pl.col("episode_id") == "a")
    row = found.row(0, named=True) if found.height else dict.fromkeys(found.columns)
    return {**row, "left_out": _left_out(follow_up.attrition.steps)}


def _left_out(steps: Any) -> str | None:
    """The line of the flow that excluded the case's episode; the other one is never excluded."""
    return next((step.says for step in steps if step.n_excluded), None)


def _looks(table: str, written: str) -> list[dict[str, Any]]:
    rows = [_row(int(day), **_cells(table, LOOKS[letter])) for day, letter in map(str.split, _parts(written))]
    return [row | {"week": max(1, row["day"] // 7)} for row in rows] if table == "run_week" else rows


def _cells(table: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the cells that the table has a column for."""
    return {name: value for name, value in cells.items() if name in DECLARED.tables[table].column}


def _dated(written: str) -> list[tuple[str, int]]:
    return [(what, int(day)) for what, day in map(str.split, _parts(written))]


def _treated(written: str) -> dict[str, Any]:
    """A procedure on a day, "eswt -60", or over several, "eswt -60..-10"."""
    what, days = written.split()
    first, _, last = days.partition("..")
    return _row(int(first), procedure=what, stop_day=int(last) if last else None)


def _parts(written: str) -> list[str]:
    return [part for part in written.split(",") if part.strip()]


def _row(day: int, **cells: Any) -> dict[str, Any]:
    return {"episode_id": "a", "day": day, **cells}


@cache
def _shipped_populations() -> dict[str, Population]:
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED)
    return {one.population.name: one.population for one in protocol.estimands.values()}


def _population(written: str | Mapping[str, Any]) -> Population:
    if isinstance(written, str):
        return _shipped_populations()[written]
    entry = PopulationEntry.model_validate({"says": "of the case", "tendon": "proximal_hamstring", **written})
    tendon = DECLARED.tendons[entry.tendon]
    return Population(
        name="of the case",
        says=entry.says,
        tendon=tendon,
        instruments=(),
        criteria=entry.criterion,
        washout_days=entry.washout_days,
        washout_procedures=entry.washout_procedures,
        excluded_procedures=entry.excluded_procedures,
    )
