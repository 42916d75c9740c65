"""Runs the cases about who belongs and what comes after: diagnosis, recurrence, duration, relapse, clocks, other readings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.cohort.duration import with_symptom_duration
from tendon_outcomes.cohort.outcome.clocks import from_landmark, from_onset
from tendon_outcomes.cohort.outcome.histories import histories
from tendon_outcomes.cohort.outcome.multiverse import readings
from tendon_outcomes.cohort.phenotype import PHENOTYPE, with_phenotype
from tendon_outcomes.declarations import ProtocolFile, endpoint_asked, resolve, shipped
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid
from tests.made_records import DECLARED, episode, records, weekly
from tests.spec.runners_endpoints import EVERYONE, reading

PRIMARY = endpoint_asked(DECLARED, "pain_free_running.2")
LETTERS = {
    "H": {"nprs_run_easy": 5},
    "M": {"nprs_run_easy": 2},
    "S": {"run_attempted": False, "nprs_run_easy_reason": "not_attempted_pain", "wk_km": 0.0},
    "O": {"run_attempted": False, "nprs_run_easy_reason": "not_attempted_other", "wk_km": 0.0},
    "K": {"nprs_run_easy": 5, "analgesic_on_run": True},
}
SAID = {
    "P": "passes: pain-free running",
    "F": "fails with pain of 4",
    "H": "pain of 5 in running",
    "M": "pain of 2: neither pain-free nor painful",
    "S": "did not run because of the pain",
    "O": "did not run for another reason",
    "K": "pain of 5 in spite of a pain killer",
}
LEGENDS: dict[str, dict[str, Any]] = {"relapse": SAID, "landmark": SAID}


@dataclass(frozen=True)
class Diagnosis:
    """Findings of day 0 against a rule of diagnosis."""

    rule: str
    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Path:
    """Weekly reports by day as letters, procedures as "surgery 20"; `gap_days` 0: silence is not asked."""

    looks: str
    procedures: str = ""
    gap_days: int = 0


@dataclass(frozen=True)
class Earlier:
    """An episode after an earlier one of the same tendon and side, which was last heard of on `earlier_last_day` of its own.

    `named`: how the later one points to it: by "both" its id and day, by the "day" or the "id" alone, or by both while it is
    "absent" from the records.
    """

    days_before: int | None = None
    earlier_last_day: int | None = None
    gap_days: int = 90
    named: str = "both"


@dataclass(frozen=True)
class Onset:
    """What is recorded of the onset."""

    onset_day: int | None = None
    symptom_duration_wk: float | None = None
    onset_precision: str | None = None


@dataclass(frozen=True)
class Landmark:
    """Weekly reports, and the day from which the follow-up is to be counted."""

    looks: str
    day: int
    dated: str = "first_of_run"
    procedures: str = ""


@dataclass(frozen=True)
class OtherReading:
    """Weekly reports read in one way of the declared ones."""

    looks: str
    version: str
    variation: str = "as_declared"
    assessments: int = 2
    days: int = 14
    unconfirmed: str = "censor"
    runner: Mapping[str, Any] = field(default_factory=dict)
    every_look: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is claimed of the answer to a question of the protocol."""

    kind: str


def diagnosis(given: Diagnosis) -> dict[str, Any]:
    found = with_phenotype(records(episode=[episode("a", **given.found)]).table("episode"), DECLARED.phenotype(given.rule))
    return {"phenotype": found[PHENOTYPE].item()}


def path(given: Path) -> dict[str, Any]:
    """`path`: each move as "from > to (left, right]", and how it ended as "state, code c after day d"."""
    cohort = assemble_cohort(records(episode=[episode("a")], **_tables(given.looks, given.procedures)), EVERYONE)
    follow_up = ascertain(cohort, PRIMARY, horizon_weeks=52)
    moves = histories(cohort, follow_up, gap_days=given.gap_days).transitions
    told = [f"{row['to_state']} ({row['left']}, {row['right']}]" for row in moves.iter_rows(named=True) if row["to_state"]]
    last = moves.row(-1, named=True)
    return {"path": told, "ends": last["from_state"], "code": last["code"], "left": last["left"], "right": last["right"]}


def earlier(given: Earlier) -> dict[str, Any]:
    day = None if given.days_before is None else -given.days_before
    name = None if given.named == "day" else "before"
    again = episode("a", patient_id="p", previous_episode_id=name, previous_index_day=day)
    people = [again, episode("other"), *([] if given.named == "absent" else [episode("before", patient_id="p")])]
    heard = [] if given.earlier_last_day is None else [{"episode_id": "before", "day": given.earlier_last_day}]
    population = replace(EVERYONE, recurrence_gap_days=given.gap_days)
    cohort = assemble_cohort(records(episode=people, visit=heard), population)
    return {"own_episode": "a" in cohort.episodes["episode_id"].to_list()}


def onset(given: Onset) -> dict[str, Any]:
    cells = {name: value for name, value in vars(given).items() if value is not None}
    row = with_symptom_duration(records(episode=[episode("a", **cells)]).table("episode"), DECLARED.onset).row(0, named=True)
    return {"days": row["duration_days"], "low": row["duration_low_days"], "high": row["duration_high_days"]}


def landmark(given: Landmark) -> dict[str, Any]:
    people = [episode("a", onset_day=-70), episode("other", onset_day=-70)]
    rows = _tables(given.looks, given.procedures)
    rows["run_week"] = [*rows["run_week"], *weekly("other", {0: "F", 28: "F", 49: "F", 364: "F"})]
    cohort = assemble_cohort(records(episode=people, **rows), replace(EVERYONE, onset=DECLARED.onset))
    follow_up = ascertain(cohort, PRIMARY, horizon_weeks=52, dated=given.dated)  # type: ignore[arg-type]
    moved = from_landmark(follow_up, day=given.day)
    row = moved.episodes.filter(pl.col("episode_id") == "a")
    since_onset = from_onset(follow_up, cohort).episodes.filter(pl.col("episode_id") == "a").row(0, named=True)
    left_out = [step.says for step in moved.attrition.steps if step.n_excluded]
    return {
        "entry": row["entry"].item() if row.height else None,
        "left_out": left_out[0] if left_out else None,
        "from_onset": [since_onset["entry"], since_onset["left"], since_onset["right"]],
    }


def other_reading(given: OtherReading) -> dict[str, Any]:
    endpoint = DECLARED.endpoints[given.version.partition(".")[0]]
    wanted = given.version, given.variation, given.assessments, given.days, given.unconfirmed
    [asked] = [
        one.endpoint
        for one in readings([endpoint], tendon="proximal_hamstring")
        if (one.version, one.variation, one.assessments, one.days, one.unconfirmed) == wanted
    ]
    people = [episode("a", **given.runner), episode("other")]
    rows = _tables(given.looks, "")
    rows["run_week"] = [*({**row, **given.every_look} for row in rows["run_week"]), *weekly("other", {0: "F"})]
    cohort = assemble_cohort(records(episode=people, **rows), EVERYONE)
    follow_up = ascertain(cohort, asked, horizon_weeks=26, unconfirmed=given.unconfirmed)  # type: ignore[arg-type]
    found = follow_up.episodes.filter(pl.col("episode_id") == "a")
    row = found.row(0, named=True) if found.height else {"left": None, "right": None, "code": None}
    return {name: row[name] for name in ("left", "right", "code")}


def question(given: Question) -> dict[str, Any]:
    """Whether a protocol may ask it, or why not."""
    written = tomllib.loads((shipped("analyses") / "protocol.toml").read_text(encoding="utf-8"))
    written["estimand"]["pain_free_by_26_weeks"]["kind"] = given.kind
    try:
        asked = resolve(build(ProtocolFile, written, origin="protocol.toml"), DECLARED)
    except DeclarationInvalid as refusal:
        return {"accepted": None, "refused": refusal.findings[0].says.removeprefix("Value error, ")}
    return {"accepted": asked.estimand("pain_free_by_26_weeks").kind, "refused": None}


def _tables(looks: str, procedures: str) -> dict[str, list[dict[str, Any]]]:
    story = {int(day): letter for day, letter in map(str.split, looks.split(","))}
    passing = {**weekly("a", {7: "P"})[0]}
    reports = [
        {**passing, **_blank(letter), **LETTERS[letter], "day": day, "week": max(1, day // 7)}
        if letter in LETTERS
        else weekly("a", {day: letter})[0]
        for day, letter in story.items()
    ]
    treated = [part.split() for part in procedures.split(",") if part.strip()]
    return {
        "run_week": reports,
        "procedure": [{"episode_id": "a", "procedure": what, "day": int(day)} for what, day in treated],
    }


def _blank(letter: str) -> dict[str, None]:
    """A week without a run has no pain of a run."""
    return (
        dict.fromkeys(("nprs_run_easy", "nprs_run_next_morning", "run_longest_min", "run_longest_km")) if letter in "SO" else {}
    )


RUNNERS = {
    "phenotype": reading(Diagnosis, diagnosis),
    "relapse": reading(Path, path),
    "recurrence": reading(Earlier, earlier),
    "duration": reading(Onset, onset),
    "landmark": reading(Landmark, landmark),
    "reading": reading(OtherReading, other_reading),
    "question": reading(Question, question),
}
