"""What a table of records holds: its columns, key and rules, as data_schemas/tables declares them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.loading import Declared

Kind = Literal["id", "integer", "number", "boolean", "code", "codes", "day"]
SourceStatus = Literal["published", "unverified", "decision"]


class Column(Declared):
    """One variable. `codes` (several of the codes at once) are stored as text, sorted and joined by `;`."""

    meaning: str
    type: Kind
    unit: str = ""
    range: tuple[float, float] | None = None
    codes: dict[str, str] = Field(default_factory=dict)
    required: bool = False
    null_means: str = ""
    when: str = ""
    source: str = ""
    status: SourceStatus = "decision"

    @model_validator(mode="after")
    def _codes_fit_the_type(self) -> Self:
        if (self.type in ("code", "codes")) != bool(self.codes):
            raise ValueError("`codes` belong to columns of type code or codes, and only to them")
        if self.range and self.range[0] > self.range[1]:
            raise ValueError("the range is upside down")
        return self


class Rule(Declared):
    """A rule across columns or tables. Its check is the function of the same id in records/checks.py."""

    id: str
    says: str
    why: str
    place: str
    action: Literal["reject", "flag"] = "reject"


class Table(Declared):
    """One table of the records."""

    table: str
    meaning: str
    key: tuple[str, ...]
    column: dict[str, Column]
    rule: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _key_is_required(self) -> Self:
        for name in self.key:
            if name not in self.column or not self.column[name].required:
                raise ValueError(f"key column {name} must be declared and required")
        return self
