"""What is particular to one tendon: its instruments, tests and exclusions, the pain accepted, which exercise counts as what."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.instruments import Threshold
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus

Stage = Annotated[int, Field(ge=1, le=4)]


class CodeList(Declared):
    """Codes of another system for one of our words, each with all that begin with it. They find records and decide nothing."""

    codes: tuple[str, ...] = Field(min_length=1)
    says: str
    source: str
    status: SourceStatus


class Exercises(Declared):
    """Which modality of a session counts as what in this tendon.

    `stages`: modality to stage of the loading programme; a modality that stands here is loading. `stretch_modalities`: stretching
    of the injured muscle, and no other. A modality that stands in neither is neither.
    """

    stages: dict[str, Stage] = Field(min_length=1)
    stretch_modalities: tuple[str, ...] = Field(min_length=1)
    says: str
    source: str
    status: SourceStatus

    @model_validator(mode="after")
    def _loading_or_stretching(self) -> Self:
        if both := sorted(set(self.stages) & set(self.stretch_modalities)):
            raise ValueError(f"a modality is loading or stretching, not both: {', '.join(both)}")
        return self


class Tendon(Declared):
    """One tendon: what defines it, which instruments serve it, what pain is accepted while loading.

    `measures` names the columns of a visit that are followed in this tendon beside its instruments and tests. `pace_gradient`:
    pain in fast running exceeds pain in easy running, so that the difference tells of the tendon.
    """

    tendon: str
    title: str
    pain_sites: tuple[str, ...]
    instruments: tuple[str, ...]
    provocation_tests: tuple[str, ...]
    exclusions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    pace_gradient: bool
    pain_rule: Threshold
    exercises: Exercises
    icd10: CodeList
    source: str
    status: SourceStatus

    @property
    def stages(self) -> dict[str, int]:
        return self.exercises.stages

    @property
    def stretch_modalities(self) -> tuple[str, ...]:
        return self.exercises.stretch_modalities
