"""Runs the cases of the person-level export: one runner's records to a row of adtte, adqs or adsl."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import polars as pl

from tendon_outcomes.cohort.patient_level.adam import AnalysisData, analysis_data
from tendon_outcomes.declarations import Estimand, Population, endpoint_asked, load_protocol, resolve, shipped
from tests.made_records import DECLARED, FAILING, REPORTS, episode, records

NAME, OTHER = "a", "other"
TENDON = DECLARED.tendons["proximal_hamstring"]
EVERYONE = Population(
    name="everyone",
    says="every episode",
    tendon=TENDON,
    instruments=tuple(DECLARED.instruments[one] for one in TENDON.instruments),
    criteria=(),
    washout_days=0,
    washout_procedures=(),
)


@cache
def asked(reference: str) -> Estimand:
    """A question about everyone, to a horizon of 26 weeks."""
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED)
    shipped_one = next(iter(protocol.estimands.values()))
    return replace(shipped_one, population=EVERYONE, endpoint=endpoint_asked(DECLARED, reference), horizon_weeks=26)


def exported(given: Mapping[str, Any]) -> AnalysisData:
    """The export of the case's episode and of another one, which keeps the cohort from being empty.

    `looks`: weekly reports by day as "0 F, 7 P". `visits`, `reports`: cells by day. `procedures`, `events`: "surgery 20".
    """
    known = {"looks", "visits", "reports", "procedures", "events", "runner", "endpoint", "param", "at", "from"}
    if unknown := sorted(set(given) - known):
        raise KeyError(f"a case of an export knows no {', '.join(unknown)}")
    looks = [_row(int(day), REPORTS[letter]) for day, letter in map(str.split, _parts(given.get("looks", "")))]
    reports = [_row(int(day), cells) for day, cells in given.get("reports", {}).items()]
    other = {**_row(0, {**FAILING, "visa_h_total": 40.0}), "episode_id": OTHER}
    made = records(
        episode=[episode(NAME, **given.get("runner", {})), episode(OTHER)],
        visit=[*(_row(int(day), cells) for day, cells in given.get("visits", {}).items()), other],
        run_week=[{"week": number, **row} for number, row in enumerate(looks + reports, start=1)],
        procedure=[_row(day, {"procedure": what}) for what, day in _dated(given.get("procedures", ""))],
        event=[_row(day, {"event": what}) for what, day in _dated(given.get("events", ""))],
    )
    question = asked(given.get("endpoint", "pain_free_running.2"))
    return analysis_data(made, [question], DECLARED, DECLARED.regimen("1"), study="cases")


def adtte(given: Mapping[str, Any]) -> dict[str, Any]:
    """The row of time to the endpoint, how many rows there are, and the flags of the episode."""
    data = exported(given)
    return {**_only(data.frames["adtte"]), **_flags(data)}


def bds(given: Mapping[str, Any]) -> dict[str, Any]:
    """The row of one parameter on one day, and how many rows of the parameter there are; `from` is the table."""
    of_parameter = _own(exported(given).frames["adqs"]).filter(pl.col("PARAMCD") == given["param"])
    on_day = of_parameter.filter(pl.col("ADY") == given.get("at", 0), pl.col("SRCDOM") == given.get("from", "visit"))
    return {**_only(on_day), "rows": of_parameter.height}


def adsl(given: Mapping[str, Any]) -> dict[str, Any]:
    """The row of the episode."""
    return _only(exported(given).frames["adsl"])


RUNNERS = {"adtte": adtte, "bds": bds, "adsl": adsl}
LEGENDS: dict[str, dict[str, Any]] = {
    "adtte": {
        "P": "a weekly report that passes pain-free running, version 2",
        "F": "the same with pain of 4 in easy running: it fails",
        "U": "nothing was recorded",
        "V": "as P, but with a pain killer for the run: void",
    }
}
"""Kind of case to the words that its cases use, for the codebook."""


def _own(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("USUBJID") == NAME)


def _only(frame: pl.DataFrame) -> dict[str, Any]:
    own = _own(frame)
    if own.height > 1:
        raise AssertionError(f"{own.height} rows where one was expected")
    return {**(own.row(0, named=True) if own.height else dict.fromkeys(own.columns)), "rows": own.height}


def _flags(data: AnalysisData) -> dict[str, Any]:
    row = _only(data.frames["adsl"])
    return {name: value for name, value in row.items() if name.startswith("Q01")}


def _row(day: int, cells: Mapping[str, Any]) -> dict[str, Any]:
    return {"episode_id": NAME, "day": day, **cells}


def _dated(written: str) -> list[tuple[str, int]]:
    return [(what, int(day)) for what, day in map(str.split, _parts(written))]


def _parts(written: str) -> list[str]:
    return [part for part in written.split(",") if part.strip()]
