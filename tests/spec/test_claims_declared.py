"""The register as it is written: nineteen claims, each answered in one way or not at all, and no name that is not declared."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tendon_outcomes.declarations import declare, load_protocol, resolve, shipped
from tendon_outcomes.declarations.claims import ClaimEntry
from tendon_outcomes.errors import DeclarationInvalid
from tests.spec.claims_fixture import NAMES, claim, protocol

SAID = {"says": "it helps", "source": "article", "status": "published"}


def test_the_protocol_holds_every_claim_of_the_article_in_order() -> None:
    # Grade: published, domain dossier §1e: H1 to H19, their kinds, and which of them need other records.
    register = protocol().claims
    assert register is not None
    assert tuple(one.name for one in register.claims) == NAMES
    kinds = {one.name: one.entry.kind for one in register.claims}
    assert {name for name, kind in kinds.items() if kind == "causal"} == {"H3", "H4", "H5", "H6", "H7", "H9", "H18"}
    assert {name for name, kind in kinds.items() if kind == "prognostic"} == {"H2", "H17"}
    assert {one.name for one in register.claims if one.entry.needs} == {"H10", "H13", "H19"}
    assert (kinds["H10"], kinds["H13"], kinds["H19"]) == ("mediation", "diagnostic", "risk_factor")


def test_numbers_of_the_dossier_stand_in_the_claims() -> None:
    # Grade: published, domain dossier §1e: weeks, steps, margin, thresholds.
    prognosis, margin, dose = claim("H2").entry.prognosis, claim("H6").entry.landmark, claim("H7").entry.landmark
    assert prognosis is not None
    assert margin is not None
    assert dose is not None
    assert (prognosis.compared_weeks, prognosis.at_weeks, prognosis.side) == ((6, 52), (12, 26), "below")
    assert (margin.margin, margin.landmark_week, margin.endpoint) == (0.10, 6, "meaningful_improvement.1")
    assert (dose.landmark_week, dose.side, dose.step) == (4, "below", None)
    adherence, gradient = claim("H17").entry.landmark, claim("H11").entry.index
    assert adherence is not None
    assert gradient is not None
    assert (adherence.landmark_week, adherence.step, adherence.measure) == (6, 0.25, "time_lost")
    assert (gradient.part[0].column, gradient.part[0].less, gradient.part[0].at_least) == ("nprs_run_fast", "nprs_run_easy", 2)
    returned, speed = claim("H15").entry.incidence, claim("H16").entry.incidence
    assert returned is not None
    assert speed is not None
    assert (returned.endpoint, [one.id for one in returned.component]) == (
        "pain_free_running.2",
        ["strength", "mechanics", "confidence"],
    )
    assert (speed.endpoint, speed.at_week) == ("pain_free_running.3", 52)


def test_no_causal_claim_is_shipped_as_argued() -> None:
    # Grade: exact: arguments are the clinic's, and none of a landmark or session claim stands in the shipped protocol.
    register = protocol().claims
    assert register is not None
    own = [one for one in register.claims if one.entry.kind == "causal" and not one.entry.strategies]
    assert own
    assert all(one.entry.assumption and not any(part.answered for part in one.entry.assumption) for one in own)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"kind": "causal"}, "answered in one of"),
        ({"kind": "descriptive", "needs": "more", "verdict_of": "x"}, "answered in one of"),
        ({"kind": "risk_factor", "verdict_of": "x"}, "needs other records"),
        ({"kind": "descriptive", "index": {"part": [{"id": "a", "says": "a", "threshold": 0.5}]}}, "a part counts either"),
        (
            {"kind": "descriptive", "index": {"part": [{"id": "a", "says": "a", "column": "x", "less": "y", "at_least": 2}]}},
            "no part of the claim has a `threshold`",
        ),
        (
            {
                "kind": "causal",
                "landmark": {
                    "exposure": "adherence",
                    "landmark_week": 12,
                    "endpoint": "meaningful_improvement.1",
                    "horizon_weeks": 26,
                    "at_week": 12,
                    "side": "above",
                    "adjust_for": ["age"],
                },
            },
            "landmark_week comes before at_week",
        ),
    ],
)
def test_a_claim_that_cannot_be_meant_is_refused(written: dict[str, object], says: str) -> None:
    # Grade: exact: one way to answer, other records for other kinds, one thing counted, weeks in order.
    with pytest.raises(ValidationError, match=says):
        ClaimEntry.model_validate({**SAID, **written})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('verdict_of = "meaningful_improvement_by_12_weeks"', 'verdict_of = "recovery"', "estimand recovery is not declared"),
        ('verdict_of = "meaningful_improvement_by_12_weeks"', 'verdict_of = "pain_free_by_26_weeks"', "has no decision rule"),
        ('column = "nprs_run_fast"', 'column = "nprs_sprint"', "has no column nprs_sprint"),
        ('variable = "linger_h"', 'variable = "lingers"', "variable lingers is in none of its tables"),
        ('equals = "glute" }]', 'equals = "gluteus" }]', "gluteus is not a declared code"),
        ('modality = ["iso"]', 'modality = ["isometric"]', "isometric is no declared code of modality"),
        ('"modification_only", "loading_led"]', '"rest", "loading_led"]', "rest is no declared code of strategy_prescribed"),
        (
            'adjust_for = ["age", "sex", "comorbidity", "preinjury_running", "goals"]\n\n[[claim.H18',
            'adjust_for = ["age", "pain"]\n\n[[claim.H18',
            "pain is no confounder that is measured on day 0",
        ),
    ],
)
def test_a_name_that_nobody_declared_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    # Grade: exact: each claim is checked against estimands, tables, codes and graph before any record is read.
    text = (shipped("analyses") / "protocol.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "protocol.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DeclarationInvalid, match=says):
        resolve(load_protocol(tmp_path / "protocol.toml"), declare())


def test_claims_without_a_register_are_refused(tmp_path: Path) -> None:
    # Grade: exact: what all claims share is missing.
    text = (shipped("analyses") / "protocol.toml").read_text(encoding="utf-8")
    start, end = text.index("[claims_register]"), text.index("[claim.H1]")
    (tmp_path / "protocol.toml").write_text(text[:start] + text[end:], encoding="utf-8")
    with pytest.raises(DeclarationInvalid, match="claims_register"):
        load_protocol(tmp_path / "protocol.toml")


def test_a_protocol_without_claims_has_no_register(tmp_path: Path) -> None:
    # Grade: exact: older protocols stay as they were.
    text = (shipped("analyses") / "protocol.toml").read_text(encoding="utf-8")
    end = text.index("# --- The register: every claim")
    (tmp_path / "protocol.toml").write_text(text[:end], encoding="utf-8")
    older = resolve(load_protocol(tmp_path / "protocol.toml"), declare())
    assert older.claims is None
    assert "claims_register" not in older.estimands
