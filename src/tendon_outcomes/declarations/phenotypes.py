"""How sure the diagnosis is: versioned rules that sort episodes by what was found on day 0. Rules, not a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus

UNCLASSIFIED = "unclassified"
"""Where no class's criteria hold: too little was recorded, or the findings fit none."""


class PhenotypeClass(Declared):
    """One class. It is given where every criterion holds and no class before it was given; what is unknown gives none."""

    name: str
    says: str
    criterion: tuple[Criterion, ...]
    source: str
    status: SourceStatus


class PhenotypeVersion(Declared):
    """The classes of one version, in the order in which they are tried."""

    title: str
    classes: tuple[PhenotypeClass, ...]
    cannot_show: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _each_class_once(self) -> Self:
        names = [one.name for one in self.classes]
        if len(set(names)) < len(names) or UNCLASSIFIED in names:
            raise ValueError(f"a class stands twice, or is called {UNCLASSIFIED}")
        return self


class Phenotype(Declared):
    """The rules for one tendon, asked for as `name.version`."""

    phenotype: str
    tendon: str
    version: dict[str, PhenotypeVersion]


@dataclass(frozen=True)
class PhenotypeRule:
    """One version of a tendon's rules under the name by which it is asked for."""

    reference: str
    version: PhenotypeVersion
