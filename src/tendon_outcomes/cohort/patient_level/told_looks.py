"""Each look at an endpoint in words: what was asked, what was recorded, and which of the two decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.logic import BASELINE, truth
from tendon_outcomes.cohort.outcome.assessments import assess_table, with_context
from tendon_outcomes.declarations import Criterion, EndpointVersion
from tendon_outcomes.records import RECORD_ID
from tendon_outcomes.vocabulary import Status

_DECIDES = {Status.PASSES: True, Status.FAILS: False, Status.UNKNOWN: None, Status.VOID: True}
"""The truth value of the criteria that made a row what it is."""


@dataclass(frozen=True)
class Step:
    """One statement of a story: what it says, the day it is about, and the records that say so."""

    says: str
    day: int | None = None
    records: tuple[str, ...] = ()


def asked(version: EndpointVersion) -> Step:
    """What the definition asks, in one sentence."""
    confirmed = version.confirmation
    twice = f"it must hold on two looks {confirmed.days} or more days apart, with no failing one between"
    how = "one look is enough" if confirmed.assessments == 1 else twice
    return Step(f"asked is {version.title}; {how}")


def words(version: EndpointVersion, steps: Sequence[Step]) -> dict[str, str]:
    """What the criteria say that the steps refer to by their ids."""
    said = {one.id: one.says for one in version.criterion} | {one.id: f"{one.says} (void)" for one in version.void_when}
    told = " ".join(step.says for step in steps)
    return {name: says for name, says in said.items() if f"{name} (" in told}


def told_looks(cohort: Cohort, version: EndpointVersion, *, in_full_until: int | None = None) -> Iterator[Step]:
    """The looks of a cohort of one episode by day. Those after ``in_full_until`` are counted in one step."""
    later: list[tuple[str, Status]] = []
    for table, row in _by_day(cohort, version):
        record, status = row[RECORD_ID], Status(row["status"])
        if in_full_until is not None and row["day"] > in_full_until:
            later.append((record, status))
            continue
        yield Step(f"{table.replace('_', ' ')} {_because(row, status, version)}", row["day"], (record,))
    if later:
        counts = {kind: sum(status is kind for _, status in later) for kind in Status}
        says = ", ".join(f"{kind.value} {n}" for kind, n in counts.items() if n)
        yield Step(f"looks after that: {says}", None, tuple(record for record, _ in later))


def _by_day(cohort: Cohort, version: EndpointVersion) -> list[tuple[str, dict[str, Any]]]:
    """Each row with what the criteria read of it, and under `criterion N` whether the N-th of criteria and voids holds."""
    criteria = (*version.criterion, *version.void_when)
    held = [truth(one).alias(f"criterion {number}") for number, one in enumerate(criteria)]
    rows = [
        (table, row)
        for table in version.assessed_in
        for row in with_context(cohort, cohort.tables[table], criteria)
        .with_columns(*held, assess_table(cohort, version, table)["status"])
        .iter_rows(named=True)
    ]
    return sorted(rows, key=lambda one: (one[1]["day"], one[0], one[1][RECORD_ID]))


def _because(row: dict[str, Any], status: Status, version: EndpointVersion) -> str:
    """`fails: pain_easy (nprs_run_easy = 2), ...`: the criteria that decided, with what was recorded."""
    if status is Status.PASSES:
        return f"{status.value} ({_values(version.criterion, row)})"
    numbered = list(enumerate((*version.criterion, *version.void_when)))
    first_void = len(version.criterion)
    deciding = numbered[first_void:] if status is Status.VOID else numbered[:first_void]
    reasons = [_with_values(one, row) for number, one in deciding if row[f"criterion {number}"] is _DECIDES[status]]
    return f"{status.value}: {', '.join(reasons)}"


def _with_values(criterion: Criterion, row: dict[str, Any]) -> str:
    return f"{criterion.id} ({_values((criterion,), row)})"


def _values(criteria: Sequence[Criterion], row: dict[str, Any]) -> str:
    """What was recorded of the variables that the criteria measure, and of the day-0 values they are measured against."""
    names = _own_variables(criteria)
    recorded = [f"{name} = {row[name]}" for name in names if row.get(name) is not None]
    day_0 = [f"{name} on day 0 = {row[BASELINE + name]}" for name in names if row.get(BASELINE + name) is not None]
    return ", ".join(recorded + day_0) or "nothing recorded"


def _own_variables(criteria: Sequence[Criterion]) -> list[str]:
    """What the criteria measure, without the conditions under which they apply."""
    found: dict[str, None] = {}
    for one in criteria:
        if one.variable:
            found[one.variable] = None
        if one.index_variable:
            found[f"episode.{one.index_variable}"] = None
        found |= dict.fromkeys(_own_variables((*one.any, *one.all, *one.of)))
    return list(found)
