"""The register on the page: every claim once, in the order of its number, with its verdict, its number and its ground."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tendon_outcomes.reporting import render
from tendon_outcomes.reporting.claims.view import Claims, claims, holds_claims
from tendon_outcomes.reporting.claims.words import number
from tendon_outcomes.results import Row
from tests.spec import audit_fixture as clinic
from tests.spec import report_fixture as shipped

REGISTER = shipped.protocol().claims


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def made(rows: list[Row]) -> Claims:
    return claims(clinic.results(rows, name=clinic.REGISTER), REGISTER, "q")


def test_verdicts_are_counted_and_no_claim_is_left_out() -> None:
    # Grade: exact: the register of the fixture.
    shown = made(clinic.claims())
    assert shown.headline == (
        "Of 19 claims of the article: 3 supported, 1 refuted, 2 inconclusive, 10 not answered, 3 need other records."
    )
    assert [line.name for line in shown.lines] == [f"H{n}" for n in range(1, 20)]
    assert [line.name for line in made(list(reversed(clinic.claims()))).lines] == [f"H{n}" for n in range(1, 20)]


def test_a_claim_stands_in_the_words_of_the_protocol() -> None:
    # Grade: exact: protocol.toml.
    assert REGISTER is not None
    by_name = {claim.name: claim.entry for claim in REGISTER.claims}
    for line in made(clinic.claims()).lines:
        assert line.says == by_name[line.name].says
    lines = {line.name: line for line in made(clinic.claims()).lines}
    assert lines["H19"].verdict == "needs other records"
    assert lines["H19"].number == "–"
    assert lines["H3"].ground == "The assumption exchangeability has no argument: what was found is an association."


def test_numbers_stand_in_the_unit_of_their_claim() -> None:
    # Grade: exact: a share, a difference in 100, days, weeks, points.
    assert REGISTER is not None
    entries = {claim.name: claim.entry for claim in REGISTER.claims}
    lines = {line.name: plain(line.number) for line in made(clinic.claims()).lines}
    assert lines["H1"] == "62 % (55 to 69 %), by week 12, 188 runners"
    assert lines["H2"] == "−6 (−17 to +5) in 100, by week 12, 188 runners"
    row = {"warning": "", "bound_low": None, "bound_high": None, "estimate": 12.4, "conf_low": -3.2, "conf_high": 28.0}
    assert plain(number(row, entries["H17"], "days after pain-free running up to week 26")) == "+12 (−3 to +28) days"
    assert plain(number(row, entries["H11"], "middle difference, points")) == "12.4 (−3.2 to 28.0) points"
    weeks = {**row, "estimate": 84.0, "conf_low": 70.0, "conf_high": 98.0}
    assert plain(number(weeks, entries["H1"], "day by which one half had reached it")) == "week 12 (week 10 to week 14)"


def test_withheld_numbers_say_so() -> None:
    # Grade: exact.
    gone: dict[str, Any] = {
        "estimate": None,
        "conf_low": None,
        "conf_high": None,
        "n_at_risk": None,
        "warning": "withheld: fewer than 11 runners",
    }
    rows = [replace(one, term="not shown", **gone) if one.stratum == "claim: H8" else one for one in clinic.claims()]
    line = next(one for one in made(rows).lines if one.name == "H8")
    assert (line.verdict, line.number, line.ground) == ("not shown", "withheld", "")


def test_parts_and_chance_have_tables_where_they_have_rows() -> None:
    # Grade: exact.
    part = Row(
        estimator="Wilson", statistic="claim_part", stratum="claim: H12", term="pain when sitting", estimate=0.6, conf_low=0.52,
        conf_high=0.67, n_at_risk=160, warning="supported",
    )  # fmt: skip
    shown = made([*clinic.claims(), part])
    parts, chance = shown.tables
    assert plain(parts.rows[0][2]) == "60 % (52 to 67 %)"
    assert [row[0] for row in chance.rows] == ["H2", "H11", "H12"]
    assert chance.rows[1][1:] == ("< 0.001", "< 0.001")
    assert made([one for one in clinic.claims() if one.statistic == "claim"]).tables == ()


def test_only_a_register_is_taken_for_one() -> None:
    # Grade: exact.
    assert holds_claims(clinic.results(clinic.claims(), name=clinic.REGISTER))
    assert not holds_claims(clinic.results(clinic.everything()))


def test_what_a_row_says_is_escaped() -> None:
    # Grade: exact.
    rows = [replace(one, warning="<script>alert(1)</script>") if one.stratum == "claim: H5" else one for one in clinic.claims()]
    content = render(clinic.report(clinic.usual()[:4], register=rows)).decode().lower()
    assert "<script" not in content
    assert "&lt;script&gt;" in content
