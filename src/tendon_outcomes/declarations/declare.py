"""TOML folders into one frozen `Declarations`, with the hash that goes into every result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.endpoints import Endpoint, EndpointVersion
from tendon_outcomes.declarations.exports import Exports
from tendon_outcomes.declarations.instruments import Instrument
from tendon_outcomes.declarations.loading import Declared, build, read_toml
from tendon_outcomes.declarations.locate import shipped
from tendon_outcomes.declarations.onset import OnsetPrecision
from tendon_outcomes.declarations.phenotypes import Phenotype, PhenotypeRule
from tendon_outcomes.declarations.protocol import PopulationEntry, ProtocolFile
from tendon_outcomes.declarations.regimens import Regimens, RegimenVersion
from tendon_outcomes.declarations.tables import Column, Table
from tendon_outcomes.declarations.tendons import Tendon
from tendon_outcomes.declarations.visit_windows import VisitWindows
from tendon_outcomes.errors import DeclarationInvalid, Finding

Model = TypeVar("Model", bound=Declared)


@dataclass(frozen=True)
class Declarations:
    """Everything data_schemas says, by name."""

    tables: dict[str, Table]
    instruments: dict[str, Instrument]
    tendons: dict[str, Tendon]
    endpoints: dict[str, Endpoint]
    phenotypes: dict[str, Phenotype]
    onset: OnsetPrecision
    exports: Exports
    visit_windows: VisitWindows
    regimens: Regimens
    sha256: str

    def endpoint(self, reference: str) -> EndpointVersion:
        """The definition that `name.version` asks for."""
        name, _, version = reference.partition(".")
        found = self.endpoints.get(name)
        if found is None or version not in found.version:
            known = [f"{one.endpoint}.{key}" for one in self.endpoints.values() for key in one.version]
            raise DeclarationInvalid(f"endpoint {reference} is not declared", way_out=f"Declared: {', '.join(sorted(known))}.")
        return found.version[version]

    def phenotype(self, reference: str) -> PhenotypeRule:
        """The rules of diagnosis that `name.version` asks for."""
        name, _, version = reference.partition(".")
        found = self.phenotypes.get(name)
        if found is None or version not in found.version:
            known = [f"{one.phenotype}.{key}" for one in self.phenotypes.values() for key in one.version]
            raise DeclarationInvalid(f"phenotype {reference} is not declared", way_out=f"Declared: {', '.join(sorted(known))}.")
        return PhenotypeRule(reference, found.version[version])

    def regimen(self, version: str) -> RegimenVersion:
        """The rules of exposure of that version."""
        if version not in self.regimens.version:
            known = ", ".join(sorted(self.regimens.version))
            raise DeclarationInvalid(f"regimen {version} is not declared", way_out=f"Declared: {known}.")
        return self.regimens.version[version]

    def for_study(self, protocol: ProtocolFile) -> Declarations:
        """These declarations with the endpoint versions of the study's protocol, and its questions checked against them."""
        endpoints = dict(self.endpoints)
        for name, own in protocol.endpoint.items():
            if name not in endpoints:
                raise DeclarationInvalid(
                    f"the protocol adds a version to endpoint.{name}, which is not declared",
                    way_out=f"Declared: {', '.join(sorted(endpoints))}.",
                )
            taken = set(own.version) & set(endpoints[name].version)
            if taken:
                raise DeclarationInvalid(
                    f"the protocol redefines {name}.{min(taken)}", way_out="Give the study's own definition a new version name."
                )
            merged = {**endpoints[name].version, **own.version}
            endpoints[name] = endpoints[name].model_copy(update={"version": merged})
        study = replace(self, endpoints=endpoints)
        asked = [one.endpoint for one in protocol.estimand.values()]
        asked += [f"{name}.{key}" for name, own in protocol.endpoint.items() for key in own.version]
        findings = [finding for name in dict.fromkeys(asked) for finding in study._endpoint_mistakes(name, study.endpoint(name))]
        for name, population in protocol.population.items():
            findings += study._population_mistakes(f"population.{name}", population)
        if findings:
            raise DeclarationInvalid(
                "the protocol names what is not declared", findings=findings, way_out="Correct protocol.toml."
            )
        return study

    def _own_mistakes(self) -> list[Finding]:
        """What endpoints and phenotypes name although no table declares it."""
        findings: list[Finding] = []
        for endpoint in self.endpoints.values():
            for key, version in endpoint.version.items():
                findings += self._endpoint_mistakes(f"{endpoint.endpoint}.{key}", version)
            if endpoint.relapse is not None:
                tables = tuple({table: None for version in endpoint.version.values() for table in version.assessed_in})
                criteria = (*endpoint.relapse.painful_when, *endpoint.relapse.at_once_when)
                findings += self.criteria_mistakes(f"{endpoint.endpoint}.relapse", criteria, tables)
        for phenotype in self.phenotypes.values():
            for key, rules in phenotype.version.items():
                criteria = tuple(criterion for one in rules.classes for criterion in one.criterion)
                findings += self.criteria_mistakes(f"phenotype {phenotype.phenotype}.{key}", criteria, ("episode",))
        return findings

    def _endpoint_mistakes(self, place: str, version: EndpointVersion) -> list[Finding]:
        criteria = (*version.criterion, *version.void_when)
        absent = [
            Finding("D-02", place, f"table {name} is not declared") for name in version.assessed_in if name not in self.tables
        ]
        strangers = sorted(set(version.tendons) - set(self.tendons))
        absent += [Finding("D-02", place, f"tendon {name} is not declared") for name in strangers]
        return absent + self.criteria_mistakes(place, criteria, version.assessed_in)

    def criteria_mistakes(self, place: str, criteria: tuple[Criterion, ...], tables: tuple[str, ...]) -> list[Finding]:
        """What criteria name although none of ``tables`` declares it, and values that a column cannot hold."""
        return self._unknown_variables(place, criteria, tables) + self._impossible_literals(place, criteria, tables)

    def _population_mistakes(self, place: str, population: PopulationEntry) -> list[Finding]:
        codes = self.tables["procedure"].column["procedure"].codes
        named = {"washout_procedures": population.washout_procedures, "excluded_procedures": population.excluded_procedures}
        findings = [
            Finding("D-04", f"{place}.{key}", f"{name} is not a declared code of procedure; declared: {', '.join(codes)}")
            for key, procedures in named.items()
            for name in procedures
            if name not in codes
        ]
        return findings + self.criteria_mistakes(place, population.criterion, ("episode",))

    def _unknown_variables(self, place: str, criteria: Iterable[Criterion], tables: tuple[str, ...]) -> list[Finding]:
        known = {f"episode.{name}" for name in self.tables["episode"].column}
        known |= {name for table in tables if table in self.tables for name in self.tables[table].column}
        named = frozenset[str]().union(*(criterion.variables() for criterion in criteria))
        return [Finding("D-02", place, f"variable {name} is in none of its tables") for name in sorted(named - known)]

    def _impossible_literals(self, place: str, criteria: Iterable[Criterion], tables: tuple[str, ...]) -> list[Finding]:
        """Values that a column cannot hold: the comparison would be false for everybody, without a word."""
        findings: list[Finding] = []
        for top in criteria:
            for one in top.parts():
                name = one.variable.removeprefix("episode.")
                homes = ("episode",) if name != one.variable else tables
                columns = [self.tables[table].column[name] for table in homes if name in self._columns(table)]
                said = dict.fromkeys(says for column in columns for says in _impossible(one, column))
                where = " ".join(part for part in (place, top.id, one.variable) if part)
                findings += [Finding("D-04", where, says) for says in said]
        return findings

    def _columns(self, table: str) -> dict[str, Column]:
        return self.tables[table].column if table in self.tables else {}


def declare(folder: Path | None = None) -> Declarations:
    """Read data_schemas (the shipped ones unless ``folder`` is given) into frozen declarations.

    Raises
    ------
    DeclarationInvalid
        A file misses a key, has one nobody knows, or names a variable or a code that no table declares.
    """
    root = folder or shipped("data_schemas")
    tables = {one.table: one for one in _every(Table, root / "tables")}
    endpoints = {one.endpoint: one for one in _every(Endpoint, root / "endpoints")}
    declarations = Declarations(
        tables=tables,
        instruments={one.instrument: one for one in _every(Instrument, root / "instruments")},
        tendons={one.tendon: one for one in _every(Tendon, root / "tendons")},
        endpoints=endpoints,
        onset=build(OnsetPrecision, read_toml(root / "onset.toml"), origin="onset.toml"),
        phenotypes={one.phenotype: one for one in _every(Phenotype, root / "phenotypes")},
        exports=build(Exports, read_toml(root / "exports.toml"), origin="exports.toml"),
        visit_windows=build(VisitWindows, read_toml(root / "visit_windows.toml"), origin="visit_windows.toml"),
        regimens=build(Regimens, read_toml(root / "regimens.toml"), origin="regimens.toml"),
        sha256=_folder_hash(root),
    )
    if findings := declarations._own_mistakes():
        raise DeclarationInvalid(
            "endpoints or phenotypes name what no table declares",
            findings=findings,
            way_out="Correct data_schemas/endpoints, data_schemas/phenotypes or data_schemas/tables.",
        )
    return declarations


def _impossible(criterion: Criterion, column: Column) -> list[str]:
    """What a criterion compares a column with although the column cannot hold it."""
    texts = [criterion.equals] if isinstance(criterion.equals, str) else []
    texts += [*criterion.one_of, *([criterion.contains] if criterion.contains else [])]
    says = []
    if column.type in ("code", "codes"):
        says += [
            f"{text} is not a declared code; declared: {', '.join(column.codes)}" for text in texts if text not in column.codes
        ]
    elif texts and column.type != "id":
        says.append(f"a column of type {column.type} is compared with text ({', '.join(texts)})")
    if isinstance(criterion.equals, bool) and column.type != "boolean":
        says.append(f"a column of type {column.type} is compared with {str(criterion.equals).lower()}")
    return says


def _every(model: type[Model], folder: Path) -> list[Model]:
    return [build(model, read_toml(path), origin=f"{folder.name}/{path.name}") for path in sorted(folder.glob("*.toml"))]


def _folder_hash(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.toml")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()
