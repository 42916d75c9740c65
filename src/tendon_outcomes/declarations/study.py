"""A protocol with every name looked up: what an analysis script is given."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations.audit import Audit
from tendon_outcomes.declarations.claims import REGISTER, ClaimsRegister
from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.declare import Declarations
from tendon_outcomes.declarations.endpoints import EndpointVersion, Relapse
from tendon_outcomes.declarations.instruments import Instrument
from tendon_outcomes.declarations.onset import OnsetPrecision
from tendon_outcomes.declarations.phenotypes import PhenotypeRule
from tendon_outcomes.declarations.prognostic import Exposure
from tendon_outcomes.declarations.protocol import (
    ON_TEST,
    DecisionRule,
    EstimandEntry,
    Grid,
    Kind,
    PopulationEntry,
    ProtocolFile,
    Support,
)
from tendon_outcomes.declarations.resolve_audit import resolve_audit
from tendon_outcomes.declarations.resolve_claims import resolve_claims
from tendon_outcomes.declarations.resolve_exposure import resolve_exposure
from tendon_outcomes.declarations.resolve_trial import resolve_trial
from tendon_outcomes.declarations.target_trial import TargetTrial
from tendon_outcomes.declarations.tendons import Tendon
from tendon_outcomes.errors import DeclarationInvalid


@dataclass(frozen=True)
class Population:
    """Who is asked about, with the tendon and the instruments that serve it."""

    name: str
    says: str
    tendon: Tendon
    instruments: tuple[Instrument, ...]
    criteria: tuple[Criterion, ...]
    washout_days: int
    washout_procedures: tuple[str, ...]
    excluded_procedures: tuple[str, ...] = ()
    phenotype: PhenotypeRule | None = None
    phenotypes: tuple[str, ...] = ()
    recurrence_gap_days: int = 0
    onset: OnsetPrecision | None = None


@dataclass(frozen=True)
class EndpointAsked:
    """One endpoint version under the name by which it is asked for."""

    reference: str
    phrase: str
    not_yet: str
    version: EndpointVersion
    relapse: Relapse | None = None


@dataclass(frozen=True)
class Estimand:
    """One question with every name resolved."""

    name: str
    question: str
    kind: Kind
    population: Population
    endpoint: EndpointAsked
    horizon_weeks: int
    at_weeks: tuple[int, ...]
    intercurrent: dict[str, str]
    grid: Grid
    decision: DecisionRule | None
    conf_level: float
    trial: TargetTrial | None = None
    other_endpoints: tuple[EndpointAsked, ...] = ()
    exposure: Exposure | None = None
    audit: Audit | None = None

    @property
    def hypothetical(self) -> tuple[str, ...]:
        """The events in whose absence the answer is asked for."""
        return tuple(name for name, handling in self.intercurrent.items() if handling == "hypothetical")

    @property
    def horizon_days(self) -> int:
        return 7 * self.horizon_weeks


@dataclass(frozen=True)
class Protocol:
    """One study's questions, resolved against the declarations."""

    title: str
    version: str
    clinic: str
    conf_level: float
    min_cell_count: int
    estimands: dict[str, Estimand]
    support: dict[str, Support]
    claims: ClaimsRegister | None = None

    def estimand(self, name: str) -> Estimand:
        """The estimand of that name, or a refusal that lists the ones there are."""
        if name not in self.estimands:
            known = ", ".join(sorted(self.estimands))
            raise DeclarationInvalid(f"the protocol has no estimand {name}", way_out=f"It declares: {known}.")
        return self.estimands[name]

    @property
    def questions(self) -> tuple[Estimand, ...]:
        """The estimands that follow runners to an endpoint: all but that of the register, which asks through its claims."""
        return tuple(one for name, one in self.estimands.items() if self.claims is None or name != REGISTER)


def resolve(written: ProtocolFile, declarations: Declarations) -> Protocol:
    """Look up every population, endpoint and tendon that the protocol names.

    Raises
    ------
    DeclarationInvalid
        A name is not declared.
    """
    known = declarations.for_study(written)
    return Protocol(
        title=written.title,
        version=written.version,
        clinic=written.clinic,
        conf_level=written.conf_level,
        min_cell_count=written.min_cell_count,
        estimands={name: _estimand(name, entry, written, known) for name, entry in written.estimand.items()},
        support=written.support,
        claims=resolve_claims(written, known, lambda reference: endpoint_asked(known, reference)),
    )


def _estimand(name: str, entry: EstimandEntry, written: ProtocolFile, known: Declarations) -> Estimand:
    population = written.population[entry.population]
    version = known.endpoint(entry.endpoint)
    for reference in (entry.endpoint, *entry.other_endpoints):
        _refuse_other_tendon(name, reference, population.tendon, known)
    if ON_TEST in entry.intercurrent and not version.void_when:
        raise DeclarationInvalid(
            f"estimand {name} says that a pain killer voids an assessment, and {entry.endpoint} voids none",
            way_out=f"Leave {ON_TEST} out of its intercurrent events, or give the definition a void_when.",
        )
    return Estimand(
        name=name,
        question=entry.question,
        kind=entry.kind,
        population=_population(entry.population, population, known),
        endpoint=endpoint_asked(known, entry.endpoint),
        horizon_weeks=entry.horizon_weeks,
        at_weeks=entry.at_weeks,
        intercurrent=dict(entry.intercurrent),
        grid=entry.grid,
        decision=entry.decision,
        conf_level=written.conf_level,
        trial=resolve_trial(entry.trial, written.dag, known) if entry.trial is not None else None,
        other_endpoints=tuple(endpoint_asked(known, one) for one in entry.other_endpoints),
        exposure=_exposure(entry, written, known),
        audit=resolve_audit(
            f"estimand.{name}.audit", entry.audit, population.tendon, known, lambda reference: endpoint_asked(known, reference)
        ),
    )


def _exposure(entry: EstimandEntry, written: ProtocolFile, known: Declarations) -> Exposure | None:
    if entry.exposure is None:
        return None
    other = written.estimand.get(entry.exposure.strategies_of)
    trial = resolve_trial(other.trial, written.dag, known) if other is not None and other.trial is not None else None
    return resolve_exposure(entry.exposure, written.dag, trial, known)


def _refuse_other_tendon(name: str, reference: str, tendon: str, known: Declarations) -> None:
    asked_of = known.endpoint(reference).tendons
    if asked_of and tendon not in asked_of:
        raise DeclarationInvalid(
            f"estimand {name} asks for {reference} of tendon {tendon}, whose records do not hold its form",
            way_out=f"It can be asked of {', '.join(asked_of)}.",
        )


def endpoint_asked(known: Declarations, reference: str) -> EndpointAsked:
    """One endpoint version with its words, as `name.version` asks for it."""
    version = known.endpoint(reference)
    endpoint = known.endpoints[reference.partition(".")[0]]
    return EndpointAsked(reference, endpoint.phrase, endpoint.not_yet, version, endpoint.relapse)


def _population(name: str, entry: PopulationEntry, known: Declarations) -> Population:
    if entry.tendon not in known.tendons:
        raise DeclarationInvalid(
            f"population {name} asks for tendon {entry.tendon}, which is not declared",
            way_out=f"Declared: {', '.join(sorted(known.tendons))}.",
        )
    tendon = known.tendons[entry.tendon]
    missing = [one for one in tendon.instruments if one not in known.instruments]
    if missing:
        raise DeclarationInvalid(
            f"tendon {entry.tendon} names instruments that are not declared: {', '.join(missing)}",
            way_out="Correct data_schemas/tendons or add the instrument.",
        )
    rule = known.phenotype(entry.phenotype_rule) if entry.phenotype_rule else None
    if rule is not None:
        _refuse_other_classes(name, entry, rule, known)
    return Population(
        name=name,
        says=entry.says,
        tendon=tendon,
        instruments=tuple(known.instruments[one] for one in tendon.instruments),
        criteria=entry.criterion,
        washout_days=entry.washout_days,
        washout_procedures=entry.washout_procedures,
        excluded_procedures=entry.excluded_procedures,
        phenotype=rule,
        phenotypes=entry.phenotypes,
        recurrence_gap_days=entry.recurrence_gap_days,
        onset=known.onset,
    )


def _refuse_other_classes(name: str, entry: PopulationEntry, rule: PhenotypeRule, known: Declarations) -> None:
    """The rule is one for the population's tendon, and the classes asked for are its own."""
    classes = [one.name for one in rule.version.classes]
    says = []
    if known.phenotypes[entry.phenotype_rule.partition(".")[0]].tendon != entry.tendon:
        says.append(f"{rule.reference} is not a rule for {entry.tendon}")
    if unknown := sorted(set(entry.phenotypes) - set(classes)):
        says.append(f"{rule.reference} has no class {', '.join(unknown)}")
    if says:
        raise DeclarationInvalid(
            f"population {name} asks for a phenotype that is not there: {'; '.join(says)}",
            way_out=f"Classes of {rule.reference}: {', '.join(classes)}.",
        )
