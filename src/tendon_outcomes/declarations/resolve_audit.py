"""An audit as written, against the endpoints, columns and instruments that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tendon_outcomes.declarations.audit import Audit, AuditEntry, DefinitionTried, Score
from tendon_outcomes.declarations.declare import Declarations
from tendon_outcomes.errors import DeclarationInvalid, Finding

if TYPE_CHECKING:
    from tendon_outcomes.declarations.study import EndpointAsked

_RULE = "D-07"


def resolve_audit(
    place: str, entry: AuditEntry | None, tendon: str, known: Declarations, endpoint: Callable[[str], EndpointAsked]
) -> Audit | None:
    """Look up the definitions with their variations, the score and the columns; None where no audit is declared.

    Raises
    ------
    DeclarationInvalid
        A name is not declared, or a definition reads the form of another tendon.
    """
    if entry is None:
        return None
    if findings := [*_mistakes(place, entry, tendon, known)]:
        raise DeclarationInvalid(
            "the audit names what cannot be asked", findings=findings, way_out="Correct [….audit] in protocol.toml."
        )
    tried = tuple(one for reference in entry.definitions for one in _tried(reference, known, endpoint))
    windows = known.visit_windows.window
    return Audit(
        entry=entry,
        definitions=tried,
        score=_score(entry, known),
        regimen=known.regimen(entry.regimen) if entry.regimen else None,
        visits=tuple((windows[name].from_day, windows[name].to_day) for name in entry.planned_visits),
    )


def _mistakes(place: str, entry: AuditEntry, tendon: str, known: Declarations) -> Iterator[Finding]:
    for reference in entry.definitions:
        if (of := known.endpoint(reference).tendons) and tendon not in of:
            yield Finding(_RULE, f"{place}.definitions", f"{reference} reads the form of {', '.join(of)}")
    if entry.reliability is not None and entry.reliability.instrument not in known.instruments:
        yield Finding(_RULE, f"{place}.reliability", f"instrument {entry.reliability.instrument} is not declared")
    for name in entry.cusum.risk_columns:
        if name not in known.tables["episode"].column and not _is_total(name, known):
            yield Finding(_RULE, f"{place}.cusum.risk_columns", f"{name} is no column of episode and no total of day 0")
    for name in entry.planned_visits:
        if name not in known.visit_windows.window:
            yield Finding(_RULE, f"{place}.planned_visits", f"{name} has no window in visit_windows.toml")
    totals = {one.total_column for one in known.instruments.values()}
    for domain in entry.core_domain:
        for name in domain.columns:
            if name not in known.tables["visit"].column and name not in totals:
                yield Finding(_RULE, f"{place}.core_domain", f"visit has no column {name}")


def _is_total(name: str, known: Declarations) -> bool:
    return name in known.tables["visit"].column or any(name == one.total_column for one in known.instruments.values())


def _tried(reference: str, known: Declarations, endpoint: Callable[[str], EndpointAsked]) -> Iterator[DefinitionTried]:
    asked = endpoint(reference)
    short = asked.version.title.partition(":")[0]
    yield DefinitionTried(short, asked)
    family, _, version = reference.partition(".")
    for one in known.endpoints[family].variation:
        if version in one.versions:
            varied = asked.version.varied(thresholds=one.thresholds, without=one.without)
            yield DefinitionTried(
                f"{short}, {one.name}", type(asked)(reference, asked.phrase, asked.not_yet, varied, asked.relapse)
            )


def _score(entry: AuditEntry, known: Declarations) -> Score | None:
    if entry.reliability is None:
        return None
    instrument = known.instruments[entry.reliability.instrument]
    low, high = instrument.range
    return Score(instrument.title, instrument.total_column, float(low), float(high))
