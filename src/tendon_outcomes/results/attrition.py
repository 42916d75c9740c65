"""How the cohort came about: every step with its reason, and counts that add up."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tendon_outcomes.errors import TendonOutcomesError


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the flow. A count is None only when it was withheld from a shareable result."""

    says: str
    n_before: int | None
    n_excluded: int | None
    n_after: int | None


@dataclass(frozen=True, slots=True)
class Attrition:
    """The flow from episodes on record to episodes analysed."""

    unit: str = "episodes"
    steps: tuple[Step, ...] = ()

    def then(self, says: str, *, n_before: int, n_after: int) -> Attrition:
        """This flow with one more step; its counts must continue the last one's.

        Raises
        ------
        TendonOutcomesError
            The step starts from another number than the last one ended with.
        """
        if self.steps and self.steps[-1].n_after != n_before:
            raise TendonOutcomesError("the attrition steps do not connect")
        return replace(self, steps=(*self.steps, Step(says, n_before, n_before - n_after, n_after)))

    @property
    def n_start(self) -> int | None:
        return self.steps[0].n_before if self.steps else None

    @property
    def n_end(self) -> int | None:
        return self.steps[-1].n_after if self.steps else None
