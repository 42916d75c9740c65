"""The claims as written, against the estimands, endpoints, tables and the graph that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tendon_outcomes.declarations.claims import Claim, ClaimEntry, ClaimsRegister
from tendon_outcomes.declarations.dag import Dag
from tendon_outcomes.declarations.declare import Declarations
from tendon_outcomes.declarations.protocol import ProtocolFile
from tendon_outcomes.errors import DeclarationInvalid, Finding

if TYPE_CHECKING:
    from tendon_outcomes.declarations.study import EndpointAsked

_RULE = "D-06"
_ADJUSTABLE = ("confounder", "prognostic")


def resolve_claims(written: ProtocolFile, known: Declarations, endpoint: Callable[[str], EndpointAsked]) -> ClaimsRegister | None:
    """Look up every name of the claims; None where the protocol has no register.

    Raises
    ------
    DeclarationInvalid
        A name is not declared, or an adjustment set names what cannot be adjusted for.
    """
    if written.claims_register is None:
        return None
    findings = [one for name, entry in written.claim.items() for one in _mistakes(f"claim.{name}", entry, written, known)]
    if findings:
        raise DeclarationInvalid(
            "the claims name what is not declared", findings=findings, way_out="Correct the claims of protocol.toml."
        )
    claims = tuple(
        Claim(name, entry, tuple(endpoint(reference) for reference in entry.endpoints)) for name, entry in written.claim.items()
    )
    regimen = known.regimen(written.claims_register.regimen)
    return ClaimsRegister(claims, written.claims_register, regimen, written.dag)


def _mistakes(place: str, entry: ClaimEntry, written: ProtocolFile, known: Declarations) -> Iterator[Finding]:
    for name in entry.estimands:
        if name not in written.estimand:
            yield Finding(_RULE, place, f"estimand {name} is not declared")
    if entry.verdict_of in written.estimand and written.estimand[entry.verdict_of].decision is None:
        yield Finding(_RULE, place, f"estimand {entry.verdict_of} has no decision rule")
    if entry.prognosis is not None and not _has(written, entry.prognosis.estimand, "exposure"):
        yield Finding(_RULE, place, f"estimand {entry.prognosis.estimand} has no [exposure]")
    if entry.strategies is not None:
        yield from _of_trial(place, entry, written, known)
    yield from known.criteria_mistakes(place, entry.criteria, ("visit",))
    for table, column in entry.columns:
        if column not in known.tables[table].column:
            yield Finding(_RULE, place, f"table {table} has no column {column}")
    if entry.session is not None:
        codes = known.tables["session"].column["modality"].codes
        for name in entry.session.modality:
            if name not in codes:
                yield Finding(_RULE, place, f"{name} is no declared code of modality")
    if entry.landmark is not None:
        yield from (found for name in entry.landmark.adjust_for if (found := _unfit(place, name, written.dag)))


def _has(written: ProtocolFile, estimand: str, part: str) -> bool:
    return estimand in written.estimand and getattr(written.estimand[estimand], part) is not None


def _of_trial(place: str, entry: ClaimEntry, written: ProtocolFile, known: Declarations) -> Iterator[Finding]:
    """The strategies are codes of a prescription, and the estimand has a trial that tells how they are compared."""
    assert entry.strategies is not None
    if not _has(written, entry.strategies.estimand, "trial"):
        yield Finding(_RULE, place, f"estimand {entry.strategies.estimand} has no [trial]")
    codes = known.tables["episode"].column["strategy_prescribed"].codes
    for name in entry.strategies.strategies:
        if name not in codes:
            yield Finding(_RULE, place, f"{name} is no declared code of strategy_prescribed")


def _unfit(place: str, name: str, dag: Dag | None) -> Finding | None:
    """Why a node of day 0 cannot be adjusted for; None where it can."""
    if dag is None or name not in dag.node:
        return Finding(_RULE, f"{place} adjust_for", f"the graph has no node {name}")
    node = dag.node[name]
    if node.varies or node.role not in _ADJUSTABLE or not node.measured_by:
        return Finding(_RULE, f"{place} adjust_for", f"{name} is no confounder that is measured on day 0")
    return None
