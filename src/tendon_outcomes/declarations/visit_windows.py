"""Which days a planned occasion stands for. A window is for display and for flags; an assessment counts on its own day."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

from pydantic import model_validator

from tendon_outcomes.declarations.instruments import Threshold
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus


class VisitWindow(Declared):
    """One occasion: the day it is planned for, and the first and last day that are shown under it, both inside."""

    target_day: int
    from_day: int
    to_day: int
    source: str
    status: SourceStatus

    @model_validator(mode="after")
    def _holds_its_target(self) -> Self:
        if not self.from_day <= self.target_day <= self.to_day:
            raise ValueError("the target day lies outside its window")
        return self


class VisitWindows(Declared):
    """The window of every `visit_label` that has one, and how far two labels may lie from the day they speak for.

    `plan_at_baseline`: until which day a prescription counts as one of baseline. `loss_is_dated_within`: how long after the day
    of a loss a contact does not yet contradict it.
    """

    window: dict[str, VisitWindow]
    plan_at_baseline: Threshold
    loss_is_dated_within: Threshold

    @model_validator(mode="after")
    def _no_day_belongs_to_two(self) -> Self:
        ordered = sorted(self.window.items(), key=lambda item: item[1].from_day)
        for (name, one), (other, following) in pairwise(ordered):
            if following.from_day <= one.to_day:
                raise ValueError(f"the windows of {name} and {other} share days")
        return self
