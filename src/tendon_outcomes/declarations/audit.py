"""How a clinic looks at one claim again and again: as a protocol writes it, and with every name looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus

if TYPE_CHECKING:
    from tendon_outcomes.declarations.regimens import RegimenVersion
    from tendon_outcomes.declarations.study import EndpointAsked

Group = Literal["strategy", "duration", "clinician", "site"]


class Cusum(Declared):
    """The changes that are looked for, and how seldom a clinic that did not change may signal.

    Odds of improvement by the audit's week, and rates of improvement, as multiples of those of the baseline quarters: `worse`
    below 1, `better` above. `in_control_quarters`: quarters to a false signal, on average, that the limits are set for.
    `risk_columns`: what was known on day 0 that the expected share is adjusted for. `hazard_weeks`: where the rate may change.
    """

    odds_ratio_worse: float = Field(default=0.5, gt=0, lt=1)
    odds_ratio_better: float = Field(default=2.0, gt=1)
    hazard_ratio_worse: float = Field(default=0.5, gt=0, lt=1)
    hazard_ratio_better: float = Field(default=2.0, gt=1)
    in_control_quarters: float = Field(default=40.0, gt=1)
    replicates: int = Field(default=2000, ge=200)
    risk_columns: tuple[str, ...] = ()
    hazard_weeks: tuple[int, ...] = (4, 8, 12)
    source: str
    status: SourceStatus


class Benchmark(Declared):
    """What became of comparable patients elsewhere, as counts. It is no control group."""

    name: str
    says: str
    improved: int = Field(ge=0)
    of: int = Field(ge=1)
    day: int = Field(ge=1)
    source: str
    status: SourceStatus

    @model_validator(mode="after")
    def _no_more_improved_than_there_were(self) -> Self:
        if self.improved > self.of:
            raise ValueError("more improved than there were")
        return self


class Reliability(Declared):
    """What a score is expected to gain by being measured again: that of the first is partly bad luck.

    `population_mean` is that of the runners among whom those of the clinic are a selection, and `intraclass` the lowest and
    highest test-retest correlation on record. The gain is read at `week`, from the score nearest to it within `window_days`.
    """

    instrument: str
    week: int = Field(default=12, ge=1)
    window_days: int = Field(default=14, ge=0)
    population_mean: float
    intraclass: tuple[float, float]
    source: str
    status: SourceStatus

    @model_validator(mode="after")
    def _correlations_are_shares(self) -> Self:
        low, high = self.intraclass
        if not 0 < low <= high <= 1:
            raise ValueError("intraclass names the lowest and the highest correlation, between 0 and 1")
        return self


class CoreDomain(Declared):
    """One domain of outcome that every report should hold, and the columns of a visit that measure it here.

    `on_day_0`: the domain has a value on day 0; a rating of change has none.
    """

    name: str
    columns: tuple[str, ...] = ()
    on_day_0: bool = True


class AuditEntry(Declared):
    """The audit of one estimand as protocol.toml writes it.

    A cohort is the episodes first seen in one quarter; it is told once `mature_after_weeks` have passed since, so that the
    assessment of the decision's week has come in. `definitions` are the versions of the endpoint that are tried, each with the
    variations of the endpoint's file. `min_group`: no group with fewer mature episodes is told. `baseline_quarters`: mature
    cohorts from which chart limits are reckoned, and `chart_points`: fewer than so many make no run chart. `prior`: of the
    mixture behind the limits that hold at every look. `regimen`: the rules by which a week counts as covered, and
    `planned_visits` the labels of visits that are counted as attended or not.
    """

    mature_after_weeks: int = Field(default=16, ge=1)
    baseline_quarters: int = Field(default=8, ge=2)
    chart_points: int = Field(default=12, ge=5)
    groups: tuple[Group, ...] = ()
    duration_bands_weeks: tuple[float, ...] = ()
    min_group: int = Field(default=10, ge=1)
    definitions: tuple[str, ...] = ()
    ewma_weight: float = Field(default=0.2, gt=0, le=1)
    prior: tuple[float, float] = (0.5, 0.5)
    seed: int
    source: str
    status: SourceStatus
    cusum: Cusum
    benchmark: tuple[Benchmark, ...] = ()
    reliability: Reliability | None = None
    regimen: str = ""
    planned_visits: tuple[str, ...] = ()
    core_domain: tuple[CoreDomain, ...] = ()

    @model_validator(mode="after")
    def _the_prior_is_one(self) -> Self:
        if min(self.prior) <= 0:
            raise ValueError("both parts of `prior` are above 0")
        return self

    @model_validator(mode="after")
    def _bands_grow(self) -> Self:
        if list(self.duration_bands_weeks) != sorted(set(self.duration_bands_weeks)):
            raise ValueError("duration_bands_weeks does not grow")
        if "duration" in self.groups and not self.duration_bands_weeks:
            raise ValueError("groups by duration need duration_bands_weeks")
        return self


@dataclass(frozen=True)
class DefinitionTried:
    """One definition of the endpoint under its short name: "MI-2", or "MI-1, visa_h_gain_14"."""

    name: str
    endpoint: EndpointAsked


@dataclass(frozen=True)
class Score:
    """The column that holds an instrument's total, with its name as it is printed and its range."""

    name: str
    column: str
    low: float
    high: float


@dataclass(frozen=True)
class Audit:
    """The audit of one estimand with every name resolved; `entry` holds its numbers, `visits` the first and last day of each."""

    entry: AuditEntry
    definitions: tuple[DefinitionTried, ...] = ()
    score: Score | None = None
    regimen: RegimenVersion | None = None
    visits: tuple[tuple[int, int], ...] = ()
