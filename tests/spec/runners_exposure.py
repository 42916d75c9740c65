"""Runs the cases of exposures: logged weeks to states, series of weeks to strategies, adherence and switching histories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import polars as pl

from tendon_outcomes.cohort import Cohort, assemble_cohort
from tendon_outcomes.cohort.exposure.adherence import adherence
from tendon_outcomes.cohort.exposure.prescribed import prescribed_exposure
from tendon_outcomes.cohort.exposure.strategies import StrategyLabels, classify_strategies
from tendon_outcomes.cohort.exposure.switching import exposure_intervals, state_runs, switches
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks, person_weeks
from tendon_outcomes.declarations import Population
from tendon_outcomes.errors import ImmortalTimeError
from tests.made_records import DECLARED, episode, records

REGIMEN = DECLARED.regimen("1")
WINDOW = REGIMEN.window_weeks.value
LOADING_BY_STAGE = {1: "iso", 2: "isotonic", 3: "isotonic_high_flex", 4: "energy_storage"}
OWN_STRETCH = {name: tendon.stretch_modalities[0] for name, tendon in DECLARED.tendons.items()}
LEGENDS: dict[str, dict[str, Any]] = {
    "week": {
        "log": "day, modality and sets; 3x30s are three sets of 30 seconds; without sets: not recorded",
        "unread days": "days of session rows that intake rejected",
    },
    "strategy": {
        "L": "two days with three sets of loading",
        "S": "three days with one stretch of the injured muscle",
        "B": "both",
        "N": "foam rolling, and nothing else",
        "U": "no log, no report, no note",
        "digits": "so many loading or stretching days in that week; - is a week without a log",
        "followed no": "the label was made without saying until when anybody was followed",
    },
    "adherence": {"log": "day, modality and sets; 3x30s are three sets of 30 seconds; without sets: not recorded"},
    "switching": {"weeks": "the states of the weeks, as in the page of strategies"},
}
"""Kind of case to the words that its cases use, with what they stand for; the codebook prints them above the cases."""


@dataclass(frozen=True)
class Logged:
    """What was recorded of one episode. `log` is short for sessions: "1 isotonic 3, 3 hamstring_stretch 3x30s". `unread_days`:
    days of session rows that intake rejected."""

    tendon: str = "proximal_hamstring"
    log: str = ""
    sessions: Sequence[Mapping[str, Any]] = ()
    reports: Sequence[Mapping[str, Any]] = ()
    visits: Sequence[Mapping[str, Any]] = ()
    plan: Mapping[str, Any] = field(default_factory=dict)
    unread_days: Sequence[int] = ()
    weeks: int = 1
    week: int = 1
    from_week: int = 1
    until_day: int | None = None


@dataclass(frozen=True)
class Series:
    """Weeks as letters, or loading and stretching days as digits. `stages`: the stage of each week's loading. `followed` false:
    the labels are asked for without telling who was still followed."""

    weeks: str = ""
    loading: str = ""
    stretching: str = ""
    stages: str = ""
    tendon: str = "proximal_hamstring"
    until_day: int | None = None
    visits: Sequence[Mapping[str, Any]] = ()
    at_day: int | None = None
    known_by_day: int | None = None
    followed: bool = True
    prescribed: str = ""
    prescribed_day: int | None = None
    later: str = "refuse"
    lag_weeks: int = 0


def week(given: Logged) -> dict[str, Any]:
    """The week asked for, and the states of all."""
    made = logged(given)
    row = made.frame.row(by_predicate=pl.col("week") == given.week, named=True)
    return {**row, "states": "".join(made.frame["state"])}


def strategy(given: Series) -> dict[str, Any]:
    """The label of the series, and what comes of asking for it as an exposure."""
    until = _until(given.until_day)
    if until is None and given.followed:
        until = pl.DataFrame({"episode_id": ["a"], "until_day": [None]})
    labels = classify_strategies(series(given), until=until, known_by_day=given.known_by_day)
    got = labels.frame.row(0, named=True)
    if given.at_day is not None:
        got["exposure"] = _exposure(given, labels, given.at_day)
    return got


def followed_plan(given: Logged) -> dict[str, Any]:
    """The adherence over the weeks asked for, and that of each week."""
    made = logged(given)
    over = adherence(made, from_week=given.from_week, until=_until(given.until_day))
    return {**over.row(0, named=True), "weekly": made.frame["adherence"].to_list()}


def switching(given: Series) -> dict[str, Any]:
    """Runs as "1-4 S", intervals in days as "0-28 S", changes as "5 S>L", with the unknown weeks between as "7 S>L after 2 U"."""
    made = series(given)
    runs = [f"{one['from_week']}-{one['to_week']} {one['state']}" for one in state_runs(made).to_dicts()]
    spans = exposure_intervals(made, lag_weeks=given.lag_weeks).to_dicts()
    changes = switches(made).to_dicts()
    return {
        "runs": runs,
        "intervals": [f"{one['start_day']}-{one['stop_day']} {one['state']}" for one in spans],
        "switches": [_change(one) for one in changes],
        "first_of_their_kind": [_change(one) for one in changes if one["first_of_its_kind"]],
    }


def logged(given: Logged) -> PersonWeeks:
    """The person-weeks of the records given."""
    rows = [*_short(given.log), *given.sessions]
    tables = {
        "session": [{"session_id": f"s{number}", **row} for number, row in enumerate(rows, start=1)],
        "run_week": [{"day": 7 * one["week"], **one} for one in given.reports],
        "visit": given.visits,
    }
    unread = pl.DataFrame(
        {"episode_id": ["a"] * len(given.unread_days), "day": given.unread_days},
        schema={"episode_id": pl.String(), "day": pl.Int64()},
    )
    cohort = replace(_cohort(given.tendon, given.plan, **_of_a(tables)), unread={"session": unread})
    return person_weeks(cohort, REGIMEN, weeks=given.weeks)


def series(given: Series) -> PersonWeeks:
    """The person-weeks of sessions that were made to give the weeks asked for; unlogged up to the end of the window."""
    loading, stretching = given.loading, given.stretching
    if given.weeks:
        loading = "".join({"L": "2", "B": "2", "U": "-"}.get(letter, "0") for letter in given.weeks)
        stretching = "".join({"S": "3", "B": "3", "U": "-"}.get(letter, "0") for letter in given.weeks)
    stages = given.stages or "2" * len(loading)
    rows = []
    for number, (load, stretch, stage) in enumerate(zip(loading, stretching, stages, strict=True)):
        if "-" in (load, stretch):
            continue
        first_day = 7 * number + 1
        rows += [{"day": first_day + 1, "modality": "foam_roll"}] if load == stretch == "0" else []
        modality = LOADING_BY_STAGE[int(stage)]
        rows += [{"day": first_day + 2 * n, "modality": modality, "sets": 3} for n in range(int(load))]
        rows += [
            {"day": first_day + n, "modality": OWN_STRETCH[given.tendon], "sets": 1, "hold_s": 30.0} for n in range(int(stretch))
        ]
    sessions = [{"session_id": f"s{n}", **row} for n, row in enumerate(rows, start=1)]
    cohort = _cohort(given.tendon, {}, **_of_a({"session": sessions, "visit": given.visits}))
    return person_weeks(cohort, REGIMEN, weeks=max(WINDOW, len(loading)))


Given = TypeVar("Given")


def reading(model: Callable[..., Given], run: Callable[[Given], dict[str, Any]]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A runner that refuses a key of `given` which its model does not have."""
    return lambda given: run(model(**given))


RUNNERS = {
    "week": reading(Logged, week),
    "strategy": reading(Series, strategy),
    "adherence": reading(Logged, followed_plan),
    "switching": reading(Series, switching),
}


def population(tendon: str) -> Population:
    """Everybody with that tendon."""
    return Population(
        name="everyone",
        says="every episode",
        tendon=DECLARED.tendons[tendon],
        instruments=(),
        criteria=(),
        washout_days=0,
        washout_procedures=(),
    )


def _cohort(tendon: str, cells: Mapping[str, Any], **tables: Sequence[Mapping[str, Any]]) -> Cohort:
    return assemble_cohort(records(episode=[episode("a", tendon=tendon, **cells)], **tables), population(tendon))


def _of_a(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [{"episode_id": "a", **row} for row in rows] for name, rows in tables.items()}


def _short(log: str) -> list[dict[str, Any]]:
    """Session rows from their short form."""
    rows = []
    for part in filter(None, (one.strip() for one in log.split(","))):
        day, modality, *amount = part.split()
        row: dict[str, Any] = {"day": int(day), "modality": modality}
        if amount:
            sets, _, hold = amount[0].partition("x")
            row["sets"] = int(sets)
            row["hold_s"] = float(hold.removesuffix("s")) if hold else None
        rows.append(row)
    return rows


def _until(day: int | None) -> pl.DataFrame | None:
    return None if day is None else pl.DataFrame({"episode_id": ["a"], "until_day": [day]})


def _exposure(given: Series, labels: StrategyLabels, at_day: int) -> str | None:
    """The exposure at that day: a letter or a prescription, "refused", or "left out" of those still followed."""
    try:
        if given.prescribed:
            cells = {"strategy_prescribed": given.prescribed, "prescribed_day": given.prescribed_day}
            found = prescribed_exposure(_cohort(given.tendon, cells), at_day=at_day, later=given.later)  # type: ignore[arg-type]
        else:
            found = labels.as_exposure(at_day=at_day)
    except ImmortalTimeError:
        return "refused"
    return found["strategy"].item() if found.height else "left out"


def _change(one: Mapping[str, Any]) -> str:
    between = f" after {one['unknown_weeks']} U" if one["unknown_weeks"] else ""
    return f"{one['week']} {one['before']}>{one['after']}{between}"
