"""The claims of the clinic's article: each in its words, and how these records answer it or why they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus
from tendon_outcomes.declarations.target_trial import Assumption

if TYPE_CHECKING:
    from tendon_outcomes.declarations.dag import Dag
    from tendon_outcomes.declarations.regimens import RegimenVersion
    from tendon_outcomes.declarations.study import EndpointAsked

ClaimKind = Literal["descriptive", "prognostic", "causal", "mediation", "diagnostic", "risk_factor"]
Side = Literal["above", "below"]
Exposed = Literal["adherence", "breaches", "running", "staged", "delay"]
Amount = Literal["km_share", "loading_sessions"]
_WAYS = ("verdict_of", "index", "incidence", "prognosis", "strategies", "landmark", "session")

REGISTER = "claims_register"
"""The estimand that the register of claims stands under."""


class SharePart(Declared):
    """One share of runners, and the rule for it, if any: supported where it is certainly on that side of `threshold`.

    Counted is who meets `criterion`, or in whom `column` less `less` is `at_least` so much, among those who meet `among`.
    Who cannot be judged is left out, and counted. `exact`: Clopper and Pearson's limits in place of Wilson's.
    """

    id: str
    says: str
    criterion: tuple[Criterion, ...] = ()
    among: tuple[Criterion, ...] = ()
    column: str = ""
    less: str = ""
    at_least: float | None = None
    threshold: float | None = Field(default=None, gt=0, lt=1)
    side: Side = "above"
    exact: bool = False

    @model_validator(mode="after")
    def _one_thing_is_counted(self) -> Self:
        difference = (bool(self.column), bool(self.less), self.at_least is not None)
        if any(difference) != all(difference) or any(difference) == bool(self.criterion):
            raise ValueError("a part counts either a `criterion`, or a `column` that is `at_least` so much above another")
        return self


class IndexAnswer(Declared):
    """What was found on day 0, part by part. `selected`: who is not among these runners, in words."""

    part: tuple[SharePart, ...] = Field(min_length=1)
    selected: str = ""

    @model_validator(mode="after")
    def _a_part_has_a_rule(self) -> Self:
        if all(one.threshold is None for one in self.part):
            raise ValueError("no part of the claim has a `threshold` to be judged by")
        return self


class IncidenceAnswer(Declared):
    """The share with the endpoint by `at_week`, held against `threshold`; and what else the claim joins to it.

    `component`: shares of runners who reached each by the last look in `window_days` around the week; those with a rule decide
    with the incidence. They are told beside each other, and together only next to them.
    """

    endpoint: str
    at_week: int = Field(ge=1)
    also_weeks: tuple[int, ...] = ()
    threshold: float = Field(gt=0, lt=1)
    component: tuple[SharePart, ...] = ()
    window_days: int = Field(default=28, ge=0)


class PrognosisAnswer(Declared):
    """The incidence of those who had hurt for the longer of `compared_weeks` less that of the shorter, by the estimand's factor.

    The first of `at_weeks` decides; `side` is where the claim has the difference.
    """

    estimand: str
    compared_weeks: tuple[float, float]
    at_weeks: tuple[int, ...] = Field(min_length=1)
    side: Side

    @model_validator(mode="after")
    def _shorter_first(self) -> Self:
        if not 0 < self.compared_weeks[0] < self.compared_weeks[1]:
            raise ValueError("compared_weeks grow from the shorter duration to the longer")
        return self


class StrategiesAnswer(Declared):
    """The incidence under the second strategy less that under the first, in the target trial of the estimand."""

    estimand: str
    strategies: tuple[str, str]
    at_week: int = Field(ge=1)
    side: Side
    crossover: bool = False


class LandmarkAnswer(Declared):
    """What was done up to `landmark_week`, against what came of it afterwards, among those still followed without the endpoint.

    The first endpoint on `at_week` decides; the others, and `also_weeks`, are told beside it.

    `exposure`: `adherence` sessions done as a share of those prescribed; `breaches` runs above the pain rule; `running` within
    the rule against not running; `staged` progression by the rule against not; `delay` from onset to the first loading.
    A number is compared at two values `step` apart about its middle, or at its quartiles without one, the larger less the
    smaller. `min_share` of the known weeks makes a group, `max_breach_share` still is within tolerance, `min_known_share` of the
    weeks must be known. `beside`: amounts of the same weeks that are held equal. With `margin` the question is whether the
    difference is certainly not worse than it.
    """

    exposure: Exposed
    landmark_week: int = Field(ge=1)
    endpoint: str
    other_endpoints: tuple[str, ...] = ()
    horizon_weeks: int = Field(ge=1)
    at_week: int = Field(ge=1)
    also_weeks: tuple[int, ...] = ()
    measure: Literal["incidence", "time_lost"] = "incidence"
    step: float | None = Field(default=None, gt=0)
    side: Side
    margin: float = Field(default=0.0, ge=0, lt=1)
    min_share: float = Field(default=0.75, gt=0, le=1)
    max_breach_share: float = Field(default=0.25, ge=0, le=1)
    min_known_share: float = Field(default=0.6, gt=0, le=1)
    adjust_for: tuple[str, ...] = Field(min_length=1)
    beside: tuple[Amount, ...] = ()
    compared: tuple[str, str] | None = None

    @model_validator(mode="after")
    def _weeks_run_forward(self) -> Self:
        if not all(self.landmark_week < week <= self.horizon_weeks for week in (self.at_week, *self.also_weeks)):
            raise ValueError("landmark_week comes before at_week and also_weeks, and none of them after horizon_weeks")
        if self.is_grouped != (self.compared is not None):
            raise ValueError("`compared` names the two groups of `running` and `staged`, the reference first, and of no other")
        return self

    @property
    def is_grouped(self) -> bool:
        """Whether two groups are compared; else the exposure is a number."""
        return self.exposure in ("running", "staged")


class SessionAnswer(Declared):
    """Pain on the load test before a session less that after it: sessions of `modality`, and against the others.

    `drop` points or more count; `threshold` is the share that makes it often.
    """

    modality: tuple[str, ...] = Field(min_length=1)
    before: str
    after: str
    drop: float = Field(gt=0)
    threshold: float = Field(gt=0, lt=1)


class ClaimEntry(Declared):
    """One claim as protocol.toml writes it: one way to answer it, or `needs`, the reason why these records cannot.

    `caution` is told with the answer. A causal claim is answered only where every `assumption` has an argument; without, what
    was found is an association, and the claim stays unanswered.
    """

    says: str
    kind: ClaimKind
    source: str
    status: SourceStatus
    caution: str = ""
    needs: str = ""
    verdict_of: str = ""
    index: IndexAnswer | None = None
    incidence: IncidenceAnswer | None = None
    prognosis: PrognosisAnswer | None = None
    strategies: StrategiesAnswer | None = None
    landmark: LandmarkAnswer | None = None
    session: SessionAnswer | None = None
    assumption: tuple[Assumption, ...] = ()

    @model_validator(mode="after")
    def _answered_once_or_not_at_all(self) -> Self:
        ways = [name for name in _WAYS if getattr(self, name)]
        if len(ways) + bool(self.needs) != 1:
            raise ValueError(f"a claim is answered in one of {', '.join(_WAYS)}, or says in `needs` why it cannot be")
        if self.kind in ("mediation", "diagnostic", "risk_factor") and not self.needs:
            raise ValueError(f"a claim of kind {self.kind} needs other records than these: say which in `needs`")
        return self

    @property
    def shares(self) -> tuple[SharePart, ...]:
        """The parts that count runners."""
        return (*(self.index.part if self.index else ()), *(self.incidence.component if self.incidence else ()))

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion that the claim judges visits and episodes by."""
        return tuple(one for part in self.shares for one in (*part.criterion, *part.among))

    @property
    def columns(self) -> Iterator[tuple[str, str]]:
        """Columns that it reads beside those of its criteria: table and name."""
        for part in self.shares:
            yield from (("visit", name) for name in (part.column, part.less) if name)
        if self.session is not None:
            yield from (("session", self.session.before), ("session", self.session.after))

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Endpoint versions that it asks for."""
        found = [self.incidence.endpoint] if self.incidence else []
        found += [self.landmark.endpoint, *self.landmark.other_endpoints] if self.landmark else []
        return tuple(found)

    @property
    def estimands(self) -> tuple[str, ...]:
        """Estimands whose answer or sample it takes."""
        found = (self.verdict_of, self.prognosis and self.prognosis.estimand, self.strategies and self.strategies.estimand)
        return tuple(one for one in found if one)


class RegisterEntry(Declared):
    """What all claims share. `worth`: the difference of a share that a number of runners should be able to tell, with `power`.

    `regimen`: the rules that sort weeks. Levels and gaps of covariates as in a target trial.
    """

    worth: float = Field(gt=0, lt=1)
    power: float = Field(gt=0.5, lt=1)
    regimen: str
    small_level: int = Field(default=20, ge=1)
    missing_indicator_from: float = Field(default=0.05, gt=0, le=1)
    seed: int
    source: str
    status: SourceStatus


@dataclass(frozen=True)
class Claim:
    """One claim with its endpoints looked up, in the order in which it names them."""

    name: str
    entry: ClaimEntry
    endpoints: tuple[EndpointAsked, ...] = ()

    @property
    def stratum(self) -> str:
        """How rows of results name it."""
        return f"claim: {self.name}"


@dataclass(frozen=True)
class ClaimsRegister:
    """All claims of the protocol, in its order, with what they share. `dag`: the graph that adjustment nodes belong to."""

    claims: tuple[Claim, ...]
    rules: RegisterEntry
    regimen: RegimenVersion
    dag: Dag | None = None
