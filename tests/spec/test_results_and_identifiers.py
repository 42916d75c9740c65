"""results.toml and identifiers.toml say what the program does with them."""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
import uuid
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.declarations import declare, package_sources, shipped
from tendon_outcomes.records.identifiers import looks_like_value, values_like
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


EVERY = [(one["kind"], one["pattern"]) for group in ("column_name", "pseudonym", "value") for one in patterns(group)]
EVERY += [(one["kind"], one["unless"]) for one in patterns("value") if "unless" in one]


@pytest.mark.parametrize(("kind", "pattern"), EVERY)
def test_a_pattern_takes_linear_time(kind: str, pattern: str) -> None:
    # Grade: exact: the engine of polars refuses look-around and back-references, and it is linear by construction.
    re.compile(pattern)
    assert pl.Series(["x"]).str.contains(pattern, strict=True).to_list() in ([True], [False])
    assert "(?=" not in pattern, kind
    assert "(?<" not in pattern, kind


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
        ("Jane Roe", "A"),
        ("Zoë O'Neil", "A"),
        ("Jane Roe-Doe", "A"),
        ("JD_840312", "C"),
        ("JD-120384", "C"),
        ("19840312JD", "C"),
        ("site 3 12 Mar 1984", "C"),
        ("14045550123", "D"),
        ("+1 404 555 0123", "D"),
        ("1984-03-12-0001-000", "C"),
    ],
)
def test_an_id_that_is_no_pseudonym_is_known(text: str, kind: str) -> None:
    # Grade: exact, numbers and addresses reserved for examples.
    assert {one[0] for one in values_like(pl.Series([text]), column="patient_id")} >= {kind}


PSEUDONYMS = """E0001 p-17 site_2 S0000123 a3f9c2 1 99999999 ep-12-03 2024-017 7f3e-91ab PT_000101 PT_004512 EP-120001 a12mar84b
    1e2feb89-414c-443c-9027-c4d1c386bbc4 1E2FEB89-414C-443C-9027-C4D1C386BBC4 a198403120000001"""


@pytest.mark.parametrize("text", PSEUDONYMS.split())
def test_a_pseudonym_is_left_alone(text: str) -> None:
    # Grade: exact, decision.
    assert values_like(pl.Series([text])) == {}


@pytest.mark.parametrize("kind", ["uuid4", "sha256", "sixteen digits of sha256"])
def test_no_random_pseudonym_is_taken_for_an_identifier(kind: str) -> None:
    # Grade: exact, 20,000 of each kind from a fixed seed: a clinic that does what it should is never locked out.
    rng = random.Random(20251122)
    made = {
        "uuid4": lambda: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "sha256": lambda: hashlib.sha256(rng.randbytes(8)).hexdigest(),
        "sixteen digits of sha256": lambda: hashlib.sha256(rng.randbytes(8)).hexdigest()[:16],
    }[kind]
    assert values_like(pl.Series([made() for _ in range(20_000)]), column="patient_id") == {}


@pytest.mark.parametrize("number", ["100000001", "1000000001"])
def test_the_number_of_a_row_is_nobodys(number: str) -> None:
    # Grade: exact, decision: nine and ten digits number the rows of a session table; of a patient they may be the state's number.
    assert values_like(pl.Series([number]), column="session_id") == {}
    assert values_like(pl.Series([number]), column="patient_id") != {}
    assert values_like(pl.Series(["404-555-0123"]), column="session_id") != {}


def test_a_header_of_two_words_is_still_named() -> None:
    # Grade: exact: a message may name the column Pain Score; what holds three digits or a date may be a value and is not shown.
    assert not looks_like_value("Pain Score")
    assert looks_like_value("Doe, Jane")
    assert looks_like_value("12Mar84")
