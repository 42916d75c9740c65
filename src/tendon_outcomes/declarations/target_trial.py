"""The trial that a comparison of strategies stands for: as a protocol writes it, and with every name looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.adjustment import AdjustmentCheck
from tendon_outcomes.declarations.dag import Dag, Measure, Weekly
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.regimens import RegimenVersion, SustainedStrategy


class Told(Declared):
    """One item of the trial's protocol: what the trial would do, and what these records do in its place."""

    target: str = Field(min_length=1)
    emulation: str = Field(min_length=1)


class Words(Declared):
    """The trial's protocol in words, item by item, for the table of two columns."""

    eligibility: Told
    strategies: Told
    assignment: Told
    time_zero: Told
    follow_up: Told
    outcome: Told
    contrasts: Told
    analysis: Told

    def items(self) -> tuple[tuple[str, Told], ...]:
        """Every item with its name, in the order of a trial's protocol."""
        return tuple((name, getattr(self, name)) for name in type(self).model_fields)


class Assumption(Declared):
    """Something without which the answer is no effect of treatment. An empty `argument` leaves it unanswered."""

    id: str
    says: str
    argument: str = ""

    @property
    def answered(self) -> bool:
        return bool(self.argument.strip())


class TrialEntry(Declared):
    """The trial as protocol.toml writes it. Of `strategies` the first is the reference.

    `grace_days`: until when a strategy may begin, `grace_sensitivity` the other such days that are tried. `sustain_weeks`: how
    long it has to go on. `further_strategies` are followed by clones too. `adjust_for`, `adjust_for_varying` and the negative
    controls name nodes of the graph. `truncate`: the shares of weights below and above which they are cut. Levels of a
    covariate with fewer than `small_level` episodes are taken together, and a covariate of which `missing_indicator_from` or
    more is missing has an indicator for it.
    """

    strategies: tuple[str, str]
    regimen: str
    grace_days: int = Field(ge=1)
    grace_sensitivity: tuple[int, ...] = ()
    sustain_weeks: int = Field(ge=1)
    further_strategies: tuple[str, ...] = ()
    words: Words
    adjust_for: tuple[str, ...] = Field(min_length=1)
    adjust_for_varying: tuple[str, ...] = ()
    negative_control_outcomes: tuple[str, ...] = ()
    negative_control_exposure: str = ""
    truncate: tuple[float, float] = (0.01, 0.99)
    folds: int = Field(default=5, ge=2)
    replicates: int = Field(default=500, ge=100)
    jackknife_groups: int = Field(default=30, ge=10)
    seed: int
    small_level: int = Field(default=20, ge=1)
    missing_indicator_from: float = Field(default=0.05, gt=0, le=1)
    assumption: tuple[Assumption, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _two_strategies(self) -> Self:
        named = (*self.strategies, *self.further_strategies)
        if len(set(named)) != len(named):
            raise ValueError("`strategies` and `further_strategies` name a strategy twice")
        return self

    @model_validator(mode="after")
    def _the_weights_keep_their_middle(self) -> Self:
        low, high = self.truncate
        if not 0 <= low < 0.5 < high <= 1:
            raise ValueError("`truncate` is a share below one half and one above")
        return self

    @model_validator(mode="after")
    def _the_grace_ends_within_the_strategy(self) -> Self:
        if bad := [days for days in (self.grace_days, *self.grace_sensitivity) if not 1 <= days <= 7 * self.sustain_weeks]:
            raise ValueError(f"a grace of {bad[0]} days does not end within the {self.sustain_weeks} weeks of the strategy")
        return self

    @model_validator(mode="after")
    def _every_assumption_has_an_id_of_its_own(self) -> Self:
        ids = [one.id for one in self.assumption]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"assumptions share an id: {', '.join(twice)}")
        return self


@dataclass(frozen=True)
class TargetTrial:
    """One target trial with every name resolved. Fields as in `TrialEntry`.

    `sustained` are the two strategies as weeks have to show them, reference first, `further` those followed beside them.
    `check` and `check_varying` tell what the adjustment sets leave open in the graph.
    """

    strategies: tuple[str, str]
    regimen: RegimenVersion
    grace_days: int
    grace_sensitivity: tuple[int, ...]
    sustain_weeks: int
    words: Words
    adjust_for: tuple[str, ...]
    adjust_for_varying: tuple[str, ...]
    negative_control_outcomes: tuple[str, ...]
    negative_control_exposure: str
    truncate: tuple[float, float]
    folds: int
    replicates: int
    jackknife_groups: int
    seed: int
    small_level: int
    missing_indicator_from: float
    assumptions: tuple[Assumption, ...]
    dag: Dag
    sustained: tuple[SustainedStrategy, SustainedStrategy]
    further: tuple[SustainedStrategy, ...]
    check: AdjustmentCheck
    check_varying: AdjustmentCheck

    @property
    def reference(self) -> str:
        return self.strategies[0]

    @property
    def compared(self) -> str:
        return self.strategies[1]

    @property
    def contrast(self) -> str:
        """The contrast as rows name it."""
        return f"{self.compared} - {self.reference}"

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Unmeasured nodes of the graph through which a way back from the exposure stays open."""
        return tuple(dict.fromkeys((*self.check.unmeasured, *self.check_varying.unmeasured)))

    @property
    def open_paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.check.open_paths, *self.check_varying.open_paths)))

    @property
    def unanswered(self) -> tuple[Assumption, ...]:
        """The assumptions for which nobody has given an argument."""
        return tuple(one for one in self.assumptions if not one.answered)

    @property
    def varying_names(self) -> tuple[Weekly, ...]:
        """The weekly covariates that measure `adjust_for_varying`, in its order."""
        names = (name for node in self.adjust_for_varying for name in self.dag.node[node].weekly)
        return tuple(dict.fromkeys(names))

    def measures(self, node: str) -> tuple[Measure, ...]:
        """The columns that measure one node of the graph."""
        return self.dag.node[node].measured_by
