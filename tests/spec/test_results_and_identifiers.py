"""results.toml and identifiers.toml say what the program does with them."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.declarations import declare, package_sources, shipped
from tendon_outcomes.results import SCHEMA


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((shipped("data_schemas") / name).read_text(encoding="utf-8"))


def test_results_have_the_declared_columns_in_their_order() -> None:
    # Grade: exact, the list of the design.
    declared = read("results.toml")["column"]
    types = {"text": pl.String(), "integer": pl.Int64(), "number": pl.Float64()}
    assert [(name, types[one["type"]]) for name, one in declared.items()] == list(SCHEMA.items())
    assert all(one["meaning"] for one in declared.values())


def test_every_kind_of_number_has_a_meaning() -> None:
    # Grade: exact, the kinds the design names.
    kinds = read("results.toml")["statistic"]
    named = "cumulative_incidence median_days restricted_mean_time_lost verdict refusal count lost_share"
    assert set(named.split()) <= set(kinds)
    assert all(one["meaning"].strip() for one in kinds.values())


def test_the_code_makes_no_undeclared_kind_of_number() -> None:
    # Grade: exact, every literal `statistic="..."` of the package.
    made = {kind for path in package_sources() for kind in re.findall(r'statistic="([a-z_]+)"', path.read_text(encoding="utf-8"))}
    assert made - set(read("results.toml")["statistic"]) == set()
    assert "cumulative_incidence" in made


def patterns(group: str) -> list[dict[str, str]]:
    return list(read("identifiers.toml")[group])


@pytest.mark.parametrize("one", [*patterns("column_name"), *patterns("value")], ids=lambda one: one["kind"])
def test_a_pattern_takes_linear_time(one: dict[str, str]) -> None:
    # Grade: exact: the engine of polars refuses look-around and back-references, and it is linear by construction.
    re.compile(one["pattern"])
    assert pl.Series(["x"]).str.contains(one["pattern"], strict=True).to_list() in ([True], [False])
    assert "(?=" not in one["pattern"]
    assert "(?<" not in one["pattern"]


def kinds_of(text: str, group: str) -> set[str]:
    return {one["kind"][0] for one in patterns(group) if re.search(one["pattern"], text)}


PLANTED = {
    "A": "patient name",
    "B": "zip code",
    "C": "date of birth",
    "D": "cell phone",
    "E": "fax",
    "F": "e mail",
    "G": "ssn",
    "H": "mrn",
    "I": "insurance id",
    "J": "account no",
    "K": "license number",
    "L": "vehicle",
    "M": "device serial",
    "N": "strava url",
    "O": "ip address",
    "P": "fingerprint",
    "Q": "photo",
    "R": "comments",
}


@pytest.mark.parametrize(("kind", "column"), PLANTED.items())
def test_each_of_the_18_kinds_is_known_by_a_column_name(kind: str, column: str) -> None:
    # Grade: published, 45 CFR 164.514(b)(2)(i)(A) to (R).
    assert kind in kinds_of(column, "column_name")


def test_no_declared_column_is_taken_for_an_identifier() -> None:
    # Grade: exact: a false alarm on our own names would lock every clinic out.
    names = {name for table in declare().tables.values() for name in table.column}
    assert {name for name in names if kinds_of(name.replace("_", " "), "column_name")} == set()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("jd@clinic.example", "F"),
        ("JD_19840312", "C"),
        ("1984-03-12", "C"),
        ("12.03.1984", "C"),
        ("3/12/1984", "C"),
        ("JD12031984", "C"),
        ("12Mar84", "C"),
        ("078-05-1120", "G"),
        ("078051120", "G"),
        ("(404) 555-0123", "D"),
        ("4045550123", "D"),
        ("+44 20 7946 0123", "D"),
        ("192.0.2.17", "O"),
        ("https://example.org/athletes/1", "N"),
        ("Doe, Jane", "A"),
    ],
)
def test_an_id_that_is_no_pseudonym_is_known(text: str, kind: str) -> None:
    # Grade: exact, numbers and addresses reserved for examples.
    assert kind in kinds_of(text, "value")


@pytest.mark.parametrize(
    "text", ["E0001", "p-17", "site_2", "S0000123", "a3f9c2", "1", "99999999", "ep-12-03", "2024-017", "7f3e-91ab"]
)
def test_a_pseudonym_is_left_alone(text: str) -> None:
    # Grade: exact, decision.
    assert kinds_of(text, "value") == set()
