"""How an outcome goes with something that was there on day 0: as a protocol writes it, and with every name looked up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.adjustment import AdjustmentCheck
from tendon_outcomes.declarations.dag import Dag, Measure
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus
from tendon_outcomes.declarations.target_trial import TargetTrial


class Recall(Declared):
    """How duration is told. `spread_log2`: standard error of what is told, in doublings, by the precision of the onset.

    Heaps are round numbers of months that are told too often; a duration within `heap_width_months` is near one. Who remembers
    by the month or the year may have rounded to it: `heap_spread_log2` is added there, the errors taken as independent.
    """

    heaps_months: tuple[float, ...] = Field(min_length=1)
    heap_width_months: float = Field(gt=0)
    heap_spread_log2: float = Field(default=0.0, ge=0)
    spread_log2: dict[str, float]
    imputations: int = Field(default=20, ge=2)
    source: str
    status: SourceStatus

    @model_validator(mode="after")
    def _spreads_are_sizes(self) -> Self:
        if bad := sorted(name for name, spread in self.spread_log2.items() if spread < 0):
            raise ValueError(f"spread_log2 is negative for {', '.join(bad)}")
        return self

    @model_validator(mode="after")
    def _windows_lie_apart(self) -> Self:
        heaps, width = self.heaps_months, self.heap_width_months
        if any(b - a <= 2 * width for a, b in pairwise((-width, *heaps))):
            raise ValueError("heaps_months do not grow by more than two heap_width_months")
        return self


class Frailty(Declared):
    """How unlike runners may be in how readily they recover. `variances` of a gamma of mean 1 that are tried, 0 for none.

    `pieces_weeks`: where the rate of recovery may change. `compared_weeks`: the durations whose rates are compared.
    `before`: the rate before day 0 as a multiple of that after it. `since_onset_from_week`: from when on the time since onset
    is told. The variances up to `plausible` are taken as possible when the text says whether selection alone could do it.
    """

    variances: tuple[float, ...] = Field(min_length=1)
    plausible: float = Field(gt=0)
    pieces_weeks: tuple[float, ...]
    compared_weeks: tuple[float, float]
    before: float = Field(default=1.0, gt=0)
    since_onset_from_week: float = Field(gt=0)
    source: str
    status: SourceStatus

    @model_validator(mode="after")
    def _variances_grow_from_none(self) -> Self:
        if self.variances[0] != 0 or list(self.variances) != sorted(set(self.variances)):
            raise ValueError("`variances` grow from 0, no frailty at all")
        return self


class Response(Declared):
    """Gain of a score from day 0 to `week`: the first column recorded nearest to it, at most `window_days` away.

    The threshold is looked up in the instrument, so that it stands once.
    """

    instrument: str
    threshold: str
    week: int = Field(ge=1)
    window_days: int = Field(ge=0)


class ExposureEntry(Declared):
    """The prognostic factor as protocol.toml writes it.

    `node` of the graph that it measures and the `column` that holds it, in weeks. `knots`: how many the spline on its logarithm
    has. Durations are compared with `reference_weeks`; `ask_weeks` are told where the records hold them, and beyond
    `most_weeks` nothing is. `grid_points`: how many there are from one week to `most_weeks`, of which a curve has those that the
    records hold; places that the records do not set tell nothing of them. `adjust_for` names nodes of the graph,
    `sensitivity_adjust_for` those that the factor may itself bring about, with which the answer is tried. `strategies_of`: the
    estimand whose target trial names the strategies that are compared by duration, at week `compare_week`. `bands_weeks` are for
    display only.
    """

    node: str
    column: str
    scale: Literal["log2"] = "log2"
    knots: int = Field(default=4, ge=3, le=7)
    reference_weeks: float = Field(gt=0)
    ask_weeks: tuple[float, ...] = Field(min_length=1)
    most_weeks: float = Field(gt=0)
    grid_points: int = Field(default=40, ge=10, le=200)
    bands_weeks: tuple[float, ...] = ()
    adjust_for: tuple[str, ...] = Field(min_length=1)
    sensitivity_adjust_for: tuple[str, ...] = ()
    strategies_of: str = ""
    compare_week: int = Field(default=12, ge=1)
    small_level: int = Field(default=20, ge=1)
    missing_indicator_from: float = Field(default=0.05, gt=0, le=1)
    seed: int
    recall: Recall
    frailty: Frailty
    response: Response | None = None

    @model_validator(mode="after")
    def _durations_can_be_asked_for(self) -> Self:
        asked = (self.reference_weeks, *self.ask_weeks)
        if bad := [weeks for weeks in asked if not 0 < weeks <= self.most_weeks]:
            raise ValueError(f"a duration of {bad[0]:g} weeks does not lie between 0 and most_weeks")
        for name in ("ask_weeks", "bands_weeks"):
            weeks = getattr(self, name)
            if list(weeks) != sorted(set(weeks)):
                raise ValueError(f"{name} does not grow")
        return self

    @model_validator(mode="after")
    def _a_node_is_adjusted_for_once(self) -> Self:
        named = (*self.adjust_for, *self.sensitivity_adjust_for)
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"adjust_for and sensitivity_adjust_for name twice: {', '.join(twice)}")
        return self


@dataclass(frozen=True)
class Gain:
    """A gain that counts: `points` of the score in `column`, from day 0 to `week`."""

    instrument: str
    column: str
    points: float
    low: float
    high: float
    week: int
    window_days: int


@dataclass(frozen=True)
class AdjustmentSet:
    """Nodes of a graph to adjust for, and how their columns become covariates; fields as in `ExposureEntry`."""

    dag: Dag
    adjust_for: tuple[str, ...]
    small_level: int
    missing_indicator_from: float

    def measures(self, node: str) -> tuple[Measure, ...]:
        """The columns that measure one node of the graph."""
        return self.dag.node[node].measured_by


@dataclass(frozen=True)
class Exposure:
    """One prognostic factor with every name resolved. Fields as in `ExposureEntry`.

    `check` tells what the adjustment set leaves open in the graph; `trial` names the strategies compared by duration.
    """

    node: str
    says: str
    column: str
    scale: Literal["log2"]
    knots: int
    reference_weeks: float
    ask_weeks: tuple[float, ...]
    most_weeks: float
    grid_points: int
    bands_weeks: tuple[float, ...]
    adjustment: AdjustmentSet
    sensitivity: AdjustmentSet | None
    trial: TargetTrial | None
    compare_week: int
    seed: int
    recall: Recall
    frailty: Frailty
    gain: Gain | None
    check: AdjustmentCheck

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Unmeasured nodes of the graph through which factor and outcome go together."""
        return self.check.unmeasured
