"""What counts as recovery: versioned definitions made of criteria, confirmation and voids, and what counts as its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.criteria import Criterion, numbers_for_names
from tendon_outcomes.declarations.instruments import Threshold
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus
from tendon_outcomes.errors import DeclarationInvalid


class Confirmation(Declared):
    """How often and how far apart the definition must hold, with no failing assessment between. `assessments = 1`: once."""

    assessments: int = Field(default=1, ge=1, le=2)
    days: int = Field(default=0, ge=0)


class Variation(Declared):
    """Another reading of a definition: other numbers for named thresholds, or criteria left out, for the versions it names."""

    name: str
    says: str
    versions: tuple[str, ...]
    thresholds: dict[str, float] = Field(default_factory=dict)
    without: tuple[str, ...] = ()
    source: str
    status: SourceStatus


class EndpointVersion(Declared):
    """One definition. `assessed_in` names the tables whose rows are assessments.

    A number in a criterion may be the name of one of the version's thresholds, so that it stands once and has a source.
    `tendons`: those whose records it can be asked of, because it reads their own form; none named: all of them.
    `change_since_day_0`: nobody has reached it on day 0, by its very meaning, so that day 0 need not be assessed.
    """

    title: str
    says: str
    assessed_in: tuple[str, ...]
    criterion: tuple[Criterion, ...]
    void_when: tuple[Criterion, ...] = ()
    confirmation: Confirmation = Confirmation()
    tendons: tuple[str, ...] = ()
    change_since_day_0: bool = False
    max_gap_days: int = Field(default=42, ge=1)
    threshold: tuple[Threshold, ...] = ()
    cannot_show: tuple[str, ...] = ()
    source: str
    status: SourceStatus

    @model_validator(mode="before")
    @classmethod
    def _thresholds_by_name(cls, written: Any) -> Any:
        return _with_numbers(written, ("criterion", "void_when"))

    def varied(
        self,
        *,
        thresholds: Mapping[str, float] | None = None,
        without: tuple[str, ...] = (),
        confirmation: Confirmation | None = None,
    ) -> EndpointVersion:
        """This definition with other thresholds, without some criteria, or confirmed in another way.

        Raises
        ------
        DeclarationInvalid
            A threshold works in no criterion, or a criterion to be left out is not there.
        """
        wanted = dict(thresholds or {})
        parts = [part for one in (*self.criterion, *self.void_when) for part in one.parts()]
        working = {name for part in parts for name in part.named.values()}
        absent = sorted((set(wanted) - working) | (set(without) - {one.id for one in self.criterion}))
        if absent:
            raise DeclarationInvalid(
                f"{self.title} cannot be varied in {', '.join(absent)}",
                way_out=f"Thresholds that work in it: {', '.join(sorted(working))}.",
            )
        return self.model_copy(
            update={
                "criterion": tuple(one.with_thresholds(wanted) for one in self.criterion if one.id not in without),
                "void_when": tuple(one.with_thresholds(wanted) for one in self.void_when),
                "confirmation": confirmation or self.confirmation,
            }
        )


class Relapse(Declared):
    """When a runner who had reached the endpoint counts as symptomatic again.

    A look is painful when one of `painful_when` holds; `occasions` painful looks, with no passing one between, are a relapse from
    the first of them. One look on which one of `at_once_when` holds is a relapse by itself.
    """

    says: str
    painful_when: tuple[Criterion, ...]
    occasions: int = Field(ge=1)
    at_once_when: tuple[Criterion, ...] = ()
    threshold: tuple[Threshold, ...] = ()
    source: str
    status: SourceStatus

    @model_validator(mode="before")
    @classmethod
    def _thresholds_by_name(cls, written: Any) -> Any:
        return _with_numbers(written, ("painful_when", "at_once_when"))


class Endpoint(Declared):
    """An endpoint and its versions, which are asked for as `name.version`, and other readings of them."""

    endpoint: str
    phrase: str
    not_yet: str
    version: dict[str, EndpointVersion]
    relapse: Relapse | None = None
    confirmations: tuple[Confirmation, ...] = ()
    variation: tuple[Variation, ...] = ()

    @model_validator(mode="after")
    def _variations_fit_their_versions(self) -> Self:
        for one in self.variation:
            for name in one.versions:
                if name not in self.version:
                    raise ValueError(f"variation {one.name} names version {name}, which is not declared")
                self.version[name].varied(thresholds=one.thresholds, without=one.without)
        return self


def _with_numbers(written: Any, places: tuple[str, ...]) -> Any:
    """Raw TOML in which the criteria at ``places`` have numbers where they named a threshold."""
    if not isinstance(written, dict):
        return written
    stated = [one for one in written.get("threshold", ()) if isinstance(one, dict)]
    values = {one["name"]: one["value"] for one in stated if "name" in one and "value" in one}
    return {**written, **{place: numbers_for_names(written[place], values) for place in places if place in written}}
