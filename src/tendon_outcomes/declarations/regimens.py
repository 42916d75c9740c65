"""What is loading, stretching or neither in one week, and which strategy a series of weeks is. Every number has its source."""

from __future__ import annotations

from typing import Annotated, Generic, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus
from tendon_outcomes.vocabulary import Strategy, WeekState

Value = TypeVar("Value")
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]


class Setting(Declared, Generic[Value]):
    """One number that somebody decided or published, with where it comes from."""

    value: Value
    unit: str
    says: str = ""
    source: str
    status: SourceStatus


class LoadingRule(Declared):
    """A week of loading: `min_sessions` on different days, each with `min_sets`, in a modality of stage `min_stage` or above."""

    min_sessions: Setting[Count]
    min_sets: Setting[Count]
    min_stage: Setting[Count]


class StretchingRule(Declared):
    """A week of stretching: `min_sessions` on different days, or `min_minutes` at end range (sets x hold_s) in the whole week."""

    min_sessions: Setting[Count]
    min_minutes: Setting[Amount]


class ProgressionRule(Declared):
    """A week of loading that progressed: a higher stage, or the load has grown, or the target load is reached."""

    growth_weeks: Setting[Annotated[int, Field(ge=2)]]
    min_growth: Setting[Amount]
    target_rm: Setting[Count]


class VisitNoteRule(Declared):
    """What the components of a visit say of the weeks since the visit before, where those weeks have no log of their own.

    `unplaced`: stretching that the note places outside the hamstring and nowhere else. In a tendon whose own muscle has no
    component among `stretching`, such a note leaves open whether that muscle was stretched.
    """

    loading: tuple[str, ...]
    stretching: tuple[str, ...]
    unplaced: tuple[str, ...]
    min_days: Setting[Annotated[int, Field(ge=4, le=7)]]


class AdherenceRule(Declared):
    """When a logged week is met, and which modalities are no exercise of the plan, so that they log no week and count nowhere."""

    covered_sessions: Setting[Count]
    min_session_ratio: Setting[Share]
    not_sessions: tuple[str, ...] = ()


class PainRule(Declared):
    """How far pain after 24 hours may exceed the pain before the session."""

    margin_24h: Setting[Amount]


class LoadingLed(Declared):
    """A: loading from the start, and no stretching after the start."""

    says: str
    start_by_day: Setting[Count]
    min_share: Setting[Share]


class StretchingLed(Declared):
    """B: stretching from the start, and no loading of `late_stage` or above before `late_stage_from_week`."""

    says: str
    start_by_day: Setting[Count]
    late_stage: Setting[Count]
    late_stage_from_week: Setting[Count]
    min_share: Setting[Share]


class StretchThenLoad(Declared):
    """C: stretching before week k and loading from week k on."""

    says: str
    switch_weeks: Setting[Annotated[tuple[Count, ...], Field(min_length=1)]]
    min_share_before: Setting[Share]
    min_share_after: Setting[Share]
    min_known_weeks: Setting[Count]


class ByShare(Declared):
    """D and E: one week state in at least a share of the known weeks."""

    says: str
    min_share: Setting[Share]


class StrategyRules(Declared):
    """The rules of the strategies. The first of `precedence` that holds gives the label, and X where none does."""

    precedence: tuple[Strategy, ...]
    max_unknown_share: Setting[Share]
    min_weeks: Setting[Count]
    loading_led: LoadingLed
    stretching_led: StretchingLed
    stretch_then_load: StretchThenLoad
    combined: ByShare
    modification_only: ByShare

    @model_validator(mode="after")
    def _each_rule_stands_once(self) -> Self:
        if sorted(self.precedence) != sorted(set(Strategy) - {Strategy.UNCLASSIFIABLE}):
            raise ValueError("`precedence` names every strategy but unclassifiable, each once")
        return self


class StrategyPhase(Declared):
    """What a sustained strategy asks of the weeks from `from_week` on, until its next phase or the end.

    `follows`: the week states that follow it. `departs`: those that leave it at once. `departs_once_started`: those that leave it
    after it has begun. `starts`: it has to begin within the grace period, counted from the first day of `from_week`; a phase
    without goes on from the one before. A known state in none of the lists is a lapse, and a U week says nothing.
    """

    from_week: Setting[Count]
    starts: bool = False
    follows: tuple[WeekState, ...] = Field(min_length=1)
    departs: tuple[WeekState, ...] = ()
    departs_once_started: tuple[WeekState, ...] = ()

    @model_validator(mode="after")
    def _a_state_stands_in_one_list(self) -> Self:
        named = (*self.follows, *self.departs, *self.departs_once_started)
        if len(named) != len(set(named)) or WeekState.UNKNOWN in named:
            raise ValueError("a week state follows, departs or departs once started, and U does none of these")
        return self


class SustainedStrategy(Declared):
    """A strategy as weeks have to show it, for a trial that follows what is done. `name` is its key.

    So many known weeks in a row that lapse (`not_met_weeks`) leave it. A lapse is a known week that neither follows nor departs,
    unless it is N and what was prescribed for it was done.
    """

    name: str
    says: str
    not_met_weeks: Setting[Count]
    phase: tuple[StrategyPhase, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _the_phases_follow_each_other(self) -> Self:
        weeks = [one.from_week.value for one in self.phase]
        if weeks[0] != 1 or weeks != sorted(set(weeks)):
            raise ValueError("the first phase begins with week 1, and each later one after the one before")
        if not self.phase[0].starts:
            raise ValueError("the first phase has to begin within the grace period: starts = true")
        return self


class RegimenVersion(Declared):
    """One version: from session rows to week states, from week states to a strategy over `window_weeks`."""

    title: str
    says: str
    window_weeks: Setting[Count]
    loading: LoadingRule
    stretching: StretchingRule
    progression: ProgressionRule
    visit_notes: VisitNoteRule
    adherence: AdherenceRule
    pain_rule: PainRule
    strategy: StrategyRules
    sustained: dict[str, SustainedStrategy] = Field(default_factory=dict)
    cannot_show: tuple[str, ...] = ()

    @field_validator("sustained", mode="before")
    @classmethod
    def _named_by_their_keys(cls, written: object) -> object:
        if not isinstance(written, dict):
            return written
        return {name: {**one, "name": name} if isinstance(one, dict) else one for name, one in written.items()}

    @property
    def window_days(self) -> int:
        return 7 * self.window_weeks.value

    @model_validator(mode="after")
    def _rules_fit_the_window(self) -> Self:
        weeks = (
            *self.strategy.stretch_then_load.switch_weeks.value,
            self.strategy.stretching_led.late_stage_from_week.value,
            self.strategy.min_weeks.value,
        )
        if max(weeks) > self.window_weeks.value:
            raise ValueError("a rule of the strategies looks beyond `window_weeks`")
        return self


class Regimens(Declared):
    """The versions, asked for by number. A version that has been used is never edited: labels would change their meaning."""

    version: dict[str, RegimenVersion]
