"""What the claims share: the records, the runners, their weeks, and what other analyses have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from tendon_outcomes.cohort import Cohort, PersonWeeks, assemble_cohort, person_weeks
from tendon_outcomes.declarations import Estimand, Protocol
from tendon_outcomes.declarations.claims import ClaimsRegister
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import Results


@dataclass(frozen=True)
class Setting:
    """The records and the register. `answers` are the results of other analyses of the same report, as they were computed."""

    records: ValidatedRecords = field(repr=False)
    protocol: Protocol = field(repr=False)
    estimand: Estimand = field(repr=False)
    answers: tuple[Results, ...] = field(default=(), repr=False)

    @cached_property
    def register(self) -> ClaimsRegister:
        if self.protocol.claims is None:
            raise WrongUse(
                "the protocol has no register of claims",
                way_out="Declare [claims_register] and the claims in protocol.toml.",
            )
        return self.protocol.claims

    @property
    def conf_level(self) -> float:
        return self.estimand.conf_level

    @cached_property
    def cohort(self) -> Cohort:
        return assemble_cohort(self.records, self.estimand.population)

    @cached_property
    def runners(self) -> pl.DataFrame:
        """One episode of each patient, the first by its id: shares are of independent runners."""
        return self.cohort.episodes.sort("episode_id").unique("patient_id", keep="first", maintain_order=True)

    @cached_property
    def weeks(self) -> PersonWeeks:
        weeks = max((one.entry.landmark.landmark_week for one in self.register.claims if one.entry.landmark), default=1)
        return person_weeks(self.cohort, self.register.regimen, weeks=weeks)

    def answer_to(self, estimand: str) -> Results | None:
        """What another analysis of the report found, where it is at hand."""
        return next((one for one in self.answers if one.estimand == estimand), None)


def setting_of(records: ValidatedRecords, protocol: Protocol, estimand: Estimand, answers: Sequence[Results] = ()) -> Setting:
    """The setting of one report."""
    return Setting(records, protocol, estimand, tuple(answers))
