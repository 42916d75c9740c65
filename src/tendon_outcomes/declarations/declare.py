"""TOML folders into one frozen `Declarations`, with the hash that goes into every result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.endpoints import Endpoint, EndpointVersion
from tendon_outcomes.declarations.instruments import Instrument, Tendon
from tendon_outcomes.declarations.loading import Declared, build, read_toml
from tendon_outcomes.declarations.locate import shipped
from tendon_outcomes.declarations.protocol import EstimandEntry, ProtocolFile
from tendon_outcomes.declarations.tables import Table
from tendon_outcomes.errors import DeclarationInvalid, Finding

Model = TypeVar("Model", bound=Declared)


@dataclass(frozen=True)
class Declarations:
    """Everything data_schemas says, by name."""

    tables: dict[str, Table]
    instruments: dict[str, Instrument]
    tendons: dict[str, Tendon]
    endpoints: dict[str, Endpoint]
    sha256: str

    def endpoint(self, reference: str) -> EndpointVersion:
        """The definition that `name.version` asks for."""
        name, _, version = reference.partition(".")
        found = self.endpoints.get(name)
        if found is None or version not in found.version:
            known = [f"{one.endpoint}.{key}" for one in self.endpoints.values() for key in one.version]
            raise DeclarationInvalid(f"endpoint {reference} is not declared", way_out=f"Declared: {', '.join(sorted(known))}.")
        return found.version[version]

    def for_study(self, protocol: ProtocolFile) -> Declarations:
        """These declarations with the endpoint versions of the study's protocol, and its questions checked against them."""
        endpoints = dict(self.endpoints)
        for name, own in protocol.endpoint.items():
            if name not in endpoints:
                raise DeclarationInvalid(f"the protocol adds a version to endpoint {name}, which is not declared")
            taken = set(own.version) & set(endpoints[name].version)
            if taken:
                raise DeclarationInvalid(
                    f"the protocol redefines {name}.{min(taken)}", way_out="Give the study's own definition a new version name."
                )
            merged = {**endpoints[name].version, **own.version}
            endpoints[name] = endpoints[name].model_copy(update={"version": merged})
        study = replace(self, endpoints=endpoints)
        findings = [finding for one in protocol.estimand.values() for finding in study._mistakes(one)]
        findings += [
            finding
            for name, population in protocol.population.items()
            for finding in study._unknown_variables(f"population.{name}", population.criterion, ("episode",))
        ]
        if findings:
            raise DeclarationInvalid(
                "the protocol names what is not declared", findings=findings, way_out="Correct protocol.toml."
            )
        return study

    def _mistakes(self, estimand: EstimandEntry) -> list[Finding]:
        version = self.endpoint(estimand.endpoint)
        return self._unknown_variables(estimand.endpoint, (*version.criterion, *version.void_when), version.assessed_in)

    def _unknown_variables(self, place: str, criteria: Iterable[Criterion], tables: tuple[str, ...]) -> list[Finding]:
        known = {f"episode.{name}" for name in self.tables["episode"].column}
        known |= {name for table in tables if table in self.tables for name in self.tables[table].column}
        named = frozenset[str]().union(*(criterion.variables() for criterion in criteria))
        return [Finding("D-02", place, f"variable {name} is in none of its tables") for name in sorted(named - known)]


def declare(folder: Path | None = None) -> Declarations:
    """Read data_schemas (the shipped ones unless ``folder`` is given) into frozen declarations.

    Raises
    ------
    DeclarationInvalid
        A file misses a key, has one nobody knows, or names a variable that no table declares.
    """
    root = folder or shipped("data_schemas")
    tables = {one.table: one for one in _every(Table, root / "tables")}
    endpoints = {one.endpoint: one for one in _every(Endpoint, root / "endpoints")}
    declarations = Declarations(
        tables=tables,
        instruments={one.instrument: one for one in _every(Instrument, root / "instruments")},
        tendons={one.tendon: one for one in _every(Tendon, root / "tendons")},
        endpoints=endpoints,
        sha256=_folder_hash(root),
    )
    findings = [
        finding
        for endpoint in endpoints.values()
        for key, version in endpoint.version.items()
        for finding in declarations._unknown_variables(
            f"{endpoint.endpoint}.{key}", (*version.criterion, *version.void_when), version.assessed_in
        )
    ]
    if findings:
        raise DeclarationInvalid("endpoints name variables that no table declares", findings=findings)
    return declarations


def _every(model: type[Model], folder: Path) -> list[Model]:
    return [build(model, read_toml(path), origin=f"{folder.name}/{path.name}") for path in sorted(folder.glob("*.toml"))]


def _folder_hash(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.toml")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()
