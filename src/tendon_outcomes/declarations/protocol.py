"""protocol.toml as it is written: populations, estimands and decision rules of one study, as a clinician signs them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tendon_outcomes.declarations.audit import AuditEntry
from tendon_outcomes.declarations.claims import ClaimEntry, RegisterEntry
from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.dag import Dag
from tendon_outcomes.declarations.endpoints import EndpointVersion
from tendon_outcomes.declarations.loading import Declared, build, read_toml
from tendon_outcomes.declarations.prognostic import ExposureEntry
from tendon_outcomes.declarations.target_trial import TrialEntry
from tendon_outcomes.vocabulary import Code

Handling = Literal["competing", "void_assessment", "hypothetical"]
Kind = Literal["descriptive", "prognostic", "causal"]
_NEEDS_OTHER_RECORDS = {
    "risk_factor": "records of injured runners alone cannot test what causes the injury: that needs runners who did not get it",
    "diagnostic": "records of one diagnosis cannot test what tells it from others: that needs runners with other diagnoses",
}
"""Kinds of question that a registry of injured runners cannot answer, with the reason."""

_COMPETING = tuple(code.name.lower() for code in Code if code.is_competing)
ON_TEST = "analgesic_on_test"
"""The one intercurrent event that ends no follow-up: it makes the assessment void (`void_when` of the endpoint)."""


class PopulationEntry(Declared):
    """Who is in the cohort: criteria on the episode, applied in order, each with its line in the attrition table.

    `washout_procedures` exclude for `washout_days` up to day 0, `excluded_procedures` at any time up to day 0.
    `phenotype_rule` names the rule of diagnosis (`name.version`), and `phenotypes` those of its classes that belong.
    `recurrence_gap_days`: an episode that begins within so many days of the last contact of an earlier one of the same patient,
    tendon and side continues it, and is no episode of its own. 0: not asked.
    """

    says: str
    tendon: str
    phenotype_rule: str = ""
    phenotypes: tuple[str, ...] = ()
    recurrence_gap_days: int = Field(default=0, ge=0)
    criterion: tuple[Criterion, ...] = ()
    washout_days: int = 0
    washout_procedures: tuple[str, ...] = ()
    excluded_procedures: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _a_rule_and_its_classes(self) -> Self:
        if bool(self.phenotype_rule) != bool(self.phenotypes):
            raise ValueError("`phenotype_rule` and `phenotypes` go together")
        return self


class DecisionRule(Declared):
    """Supported when the lower limit is above `threshold`, refuted when the upper limit is below it, else inconclusive."""

    claim: str
    at_week: int
    threshold: float = Field(gt=0, lt=1)
    median_within_weeks: tuple[int, int] | None = None
    source: str

    @model_validator(mode="after")
    def _the_window_runs_forward(self) -> Self:
        if self.median_within_weeks is not None and self.median_within_weeks[0] > self.median_within_weeks[1]:
            raise ValueError("median_within_weeks runs backwards")
        return self


class Grid(Declared):
    """Assessment days are taken to the nearest `days`; a grid day counts when enough of those followed were assessed on it.

    `max_reading_difference`: when counting last passes that nobody confirmed as reached moves a share by more than this, the
    records do not decide it and bounds take the place of the estimate.
    """

    days: int = Field(default=7, ge=1)
    min_share_assessed: float = Field(default=0.5, gt=0, le=1)
    max_reading_difference: float = Field(default=0.01, gt=0, lt=1)


class EstimandEntry(Declared):
    """One question: population, endpoint, handling of intercurrent events, horizon.

    `kind` is what is claimed of the answer: what happened, what it is associated with, or what brought it about. A causal one
    may name the `trial` that it stands for, and handle an event as `hypothetical`: what would have come had it not happened.
    `other_endpoints` are stricter or laxer ones, under which the answer is tried. A prognostic one may name the `exposure` that
    the outcome is told by.
    """

    question: str
    kind: Kind = "descriptive"
    population: str
    endpoint: str
    other_endpoints: tuple[str, ...] = ()
    horizon_weeks: int = Field(ge=1)
    at_weeks: tuple[int, ...]
    intercurrent: dict[str, Handling] = Field(default_factory=dict)
    grid: Grid = Grid()
    decision: DecisionRule | None = None
    trial: TrialEntry | None = None
    exposure: ExposureEntry | None = None
    audit: AuditEntry | None = None

    @field_validator("kind", mode="before")
    @classmethod
    def _the_records_can_answer_it(cls, kind: object) -> object:
        if isinstance(kind, str) and kind in _NEEDS_OTHER_RECORDS:
            raise ValueError(f"kind {kind} is refused: {_NEEDS_OTHER_RECORDS[kind]}")
        return kind

    @model_validator(mode="after")
    def _weeks_can_be_asked_for(self) -> Self:
        if any(week < 1 for week in self.at_weeks):
            raise ValueError("at_weeks begins with week 1")
        if any(week > self.horizon_weeks for week in self.at_weeks):
            raise ValueError("at_weeks reaches beyond horizon_weeks")
        if twice := sorted({week for week in self.at_weeks if self.at_weeks.count(week) > 1}):
            raise ValueError(f"at_weeks names twice: {', '.join(map(str, twice))}")
        return self

    @model_validator(mode="after")
    def _the_decision_week_is_asked_for(self) -> Self:
        if self.decision is not None and self.decision.at_week not in self.at_weeks:
            raise ValueError(f"the decision rests on week {self.decision.at_week}, which at_weeks does not ask for")
        return self

    @model_validator(mode="after")
    def _every_competing_event_is_handled(self) -> Self:
        """ICH E9(R1): an event that can come first has a declared handling. A descriptive estimand lets it compete."""
        allowed = ("competing", "hypothetical") if self.kind == "causal" else ("competing",)
        handled = {name for name, handling in self.intercurrent.items() if handling in allowed}
        if unhandled := sorted(set(_COMPETING) - handled):
            raise ValueError(f"intercurrent must say how these are handled ({' or '.join(allowed)}): {', '.join(unhandled)}")
        return self

    @model_validator(mode="after")
    def _a_trial_asks_what_causes(self) -> Self:
        if self.trial is not None and self.kind != "causal":
            raise ValueError(f"a [trial] asks what a strategy brings about: kind is causal, not {self.kind}")
        if self.trial is not None and self.trial.sustain_weeks > self.horizon_weeks:
            raise ValueError("trial.sustain_weeks reaches beyond horizon_weeks")
        return self

    @model_validator(mode="after")
    def _an_exposure_asks_what_goes_with_it(self) -> Self:
        if self.exposure is None:
            return self
        if self.kind != "prognostic":
            raise ValueError(f"an [exposure] asks what goes with a prognostic factor: kind is prognostic, not {self.kind}")
        if self.exposure.strategies_of and self.exposure.compare_week not in self.at_weeks:
            raise ValueError(f"exposure.compare_week is {self.exposure.compare_week}, which at_weeks does not ask for")
        return self

    @model_validator(mode="after")
    def _every_intercurrent_event_is_known(self) -> Self:
        if unknown := sorted(set(self.intercurrent) - {*_COMPETING, ON_TEST}):
            known = ", ".join((*_COMPETING, ON_TEST))
            raise ValueError(f"intercurrent names what nobody looks for: {', '.join(unknown)}; known: {known}")
        if self.intercurrent.get(ON_TEST, "void_assessment") != "void_assessment":
            raise ValueError(f"intercurrent.{ON_TEST} can only be void_assessment")
        return self


class Support(Declared):
    """What this study's records can or cannot support, in the words of its first page."""

    supported: bool
    records: str
    cannot_show: str = ""


class OwnEndpoint(Declared):
    """Versions that a study defines for itself, under an endpoint that is declared in data_schemas."""

    version: dict[str, EndpointVersion]


class ProtocolFile(Declared):
    """The whole of one study's questions."""

    title: str
    version: str
    clinic: str
    conf_level: float = Field(default=0.95, gt=0.5, lt=1)
    min_cell_count: int = Field(default=11, ge=2)
    population: dict[str, PopulationEntry]
    estimand: dict[str, EstimandEntry]
    support: dict[str, Support] = Field(default_factory=dict)
    endpoint: dict[str, OwnEndpoint] = Field(default_factory=dict)
    dag: Dag | None = None
    claims_register: RegisterEntry | None = None
    claim: dict[str, ClaimEntry] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _claims_are_of_a_register(self) -> Self:
        if self.claim and self.claims_register is None:
            raise ValueError("claims share what [claims_register] says, which is missing")
        return self

    @model_validator(mode="after")
    def _populations_exist(self) -> Self:
        for name, estimand in self.estimand.items():
            if estimand.population not in self.population:
                raise ValueError(f"estimand {name} asks for population {estimand.population}, which is not declared")
        return self

    @model_validator(mode="after")
    def _strategies_are_those_of_a_trial(self) -> Self:
        for name, estimand in self.estimand.items():
            other = estimand.exposure.strategies_of if estimand.exposure is not None else ""
            if other and (other not in self.estimand or self.estimand[other].trial is None):
                raise ValueError(f"estimand {name} takes its strategies from {other}, which is no estimand with a [trial]")
        return self


def load_protocol(path: Path) -> ProtocolFile:
    """Read and check one protocol.toml."""
    return build(ProtocolFile, read_toml(path), origin=path.name)
