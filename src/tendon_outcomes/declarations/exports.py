"""What a person-level export holds: data sets, columns, parameters and the words for how follow-up ended."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import Table
from tendon_outcomes.errors import DeclarationInvalid

QUESTION = "xx"
"""Stands in the name of a column that is repeated for every question of the protocol: QxxFL is Q01FL, Q02FL, ..."""
_ADAM_NAME = re.compile(r"[A-Z][A-Z0-9]{0,7}")
_CODE_LENGTH = 8


class ExportColumn(Declared):
    """One exported column. `flag` is text that is Y or N. `codes_from` names the column of the records whose codes it holds.

    `where`: the kind of source, such as `episode.sex`; empty where the value is derived, assigned or counted.
    """

    name: str
    label: str = Field(max_length=40)
    type: Literal["text", "integer", "float", "flag"]
    derivation: str
    where: str = ""
    unit: str = ""
    codes: dict[str, str] = Field(default_factory=dict)
    codes_from: str = ""


class ExportDataset(Declared):
    """One exported table. Tables in the manner of CDISC keep its rule of names: 8 capitals and figures at most."""

    title: str
    structure: str
    manner: Literal["cdisc", "plain"]
    keys: tuple[str, ...]
    columns: tuple[ExportColumn, ...]

    @model_validator(mode="after")
    def _names_are_usable(self) -> Self:
        names = [column.name.replace(QUESTION, "01") for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"named twice: {', '.join(twice)}")
        if unknown := sorted(set(self.keys) - set(names)):
            raise ValueError(f"keys that are no column: {', '.join(unknown)}")
        if self.manner == "cdisc" and (bad := [name for name in names if not _ADAM_NAME.fullmatch(name)]):
            raise ValueError(f"longer than 8 characters, or not capitals and figures: {', '.join(bad)}")
        return self

    def expanded(self, n_questions: int) -> tuple[ExportColumn, ...]:
        """The columns in their order, those of a question once for each of them."""
        fixed = [column for column in self.columns if QUESTION not in column.name]
        repeated = [column for column in self.columns if QUESTION in column.name]
        numbers = [f"{number:02d}" for number in range(1, n_questions + 1)]
        return (*fixed, *(_numbered(column, number) for number in numbers for column in repeated))


class ExportParameter(Declared):
    """One measured variable as rows. With an `instrument`, only for tendons that name it.

    `only_where` keeps the rows in which another column holds this code.
    """

    column: str
    label: str
    instrument: str = ""
    only_where: dict[str, str] = Field(default_factory=dict)


class Outcome(Declared):
    """What one code of follow-up is called: CNSR, the kind of ending, and the words for it."""

    code: int
    kind: Literal["EVENT", "CENSORED", "COMPETING"]
    says: str


class CensorDays(Declared):
    """Words for the day that stands in a row without the event."""

    at_last_failing: str
    at_start: str
    at_horizon: str
    at_competing: str


class Exports(Declared):
    """data_schemas/exports.toml: every column that leaves as a row of a person is declared here, and no other leaves."""

    says: tuple[str, ...]
    endpoint_codes: dict[str, str]
    outcome: tuple[Outcome, ...]
    censor_day: CensorDays
    parameter: dict[str, ExportParameter]
    dataset: dict[str, ExportDataset]

    @model_validator(mode="after")
    def _codes_are_short(self) -> Self:
        codes = (*self.parameter, *self.endpoint_codes.values())
        if bad := [code for code in codes if not _ADAM_NAME.fullmatch(code)]:
            raise ValueError(f"longer than 8 characters, or not capitals and figures: {', '.join(bad)}")
        return self

    def parameter_codes(self, references: Sequence[str]) -> tuple[str, ...]:
        """A code of at most 8 characters for each endpoint `name.version`; asked for again it ends in B, C, ...

        Raises
        ------
        DeclarationInvalid
            An endpoint has no code here.
        """
        given: list[str] = []
        for reference in references:
            name, _, version = reference.partition(".")
            if name not in self.endpoint_codes:
                raise DeclarationInvalid(
                    f"endpoint {name} has no code for an export", way_out="Add it to endpoint_codes in data_schemas/exports.toml."
                )
            plain = re.sub(r"[^A-Z0-9]", "", f"{self.endpoint_codes[name]}{version}".upper())[:_CODE_LENGTH]
            again = (plain[: _CODE_LENGTH - 1] + letter for letter in ascii_uppercase[1:])
            given.append(next(code for code in (plain, *again) if code not in given))
        return tuple(given)

    def codes_of(self, column: ExportColumn, tables: Mapping[str, Table]) -> dict[str, str]:
        """What the codes of a column mean, wherever they are declared."""
        table, _, name = column.codes_from.partition(".")
        return dict(tables[table].column[name].codes) if name else dict(column.codes)

    def definitions(self, tables: Mapping[str, Table], *, n_questions: int) -> list[dict[str, str | int]]:
        """One row for every exported column: what a reader of the files needs beside them."""
        return [
            {
                "dataset": name,
                "order": place,
                "variable": column.name,
                "label": column.label,
                "type": column.type,
                "unit": column.unit,
                "codes": "; ".join(f"{code} = {says}" for code, says in self.codes_of(column, tables).items()),
                "source": column.where,
                "derivation": column.derivation,
            }
            for name, dataset in self.dataset.items()
            for place, column in enumerate(dataset.expanded(n_questions), start=1)
        ]


def _numbered(column: ExportColumn, number: str) -> ExportColumn:
    fields = ("name", "label", "derivation")
    return column.model_copy(update={field: getattr(column, field).replace(QUESTION, number) for field in fields})
