"""How far a recalled day of onset may be from the truth."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus


class OnsetPrecision(Declared):
    """Days to both sides for each code of `onset_precision`; `unrecorded` is the code that an empty cell is read as."""

    margin_days: dict[str, int]
    unrecorded: str
    source: str
    status: SourceStatus

    @model_validator(mode="after")
    def _unrecorded_is_a_code(self) -> Self:
        if self.unrecorded not in self.margin_days:
            raise ValueError("`unrecorded` is none of the codes of margin_days")
        return self
