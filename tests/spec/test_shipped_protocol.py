"""The shipped protocol asks the questions of the domain, of the runners of the domain, in declared words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tendon_outcomes.declarations import Criterion, ProtocolFile, declare, load_protocol, resolve, shipped
from tendon_outcomes.errors import DeclarationInvalid

DECLARED = declare()
COMPETING = "surgery prp corticosteroid_injection eswt other_injury stopped_running pregnancy_illness rupture death"
PROCEDURES = {"surgery", "prp", "corticosteroid_injection", "eswt"}


def protocol() -> ProtocolFile:
    return load_protocol(shipped("analyses") / "protocol.toml")


def parts(criteria: tuple[Criterion, ...]) -> Iterator[Criterion]:
    for one in criteria:
        yield one
        yield from parts((*one.when, *one.any, *one.all))


def test_a_protocol_key_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    # Grade: exact, exit codes of the design.
    text = (shipped("analyses") / "protocol.toml").read_text(encoding="utf-8")
    (tmp_path / "protocol.toml").write_text(text.replace("at_week = 12", "at_weak = 12"), encoding="utf-8")
    with pytest.raises(DeclarationInvalid, match="at_weak") as refusal:
        load_protocol(tmp_path / "protocol.toml")
    assert refusal.value.exit_code == 2


def test_the_protocol_asks_only_what_is_declared() -> None:
    # Grade: published, domain dossier §1e H1 and P0.
    written = protocol()
    study = resolve(written, DECLARED)
    assert DECLARED.for_study(written).sha256 == DECLARED.sha256
    assert set(study.estimands) == {
        "pain_free_by_26_weeks",
        "meaningful_improvement_by_12_weeks",
        "stretching_versus_loading",
        "chronicity_and_recovery",
        "claims_register",
    }
    claim = study.estimand("meaningful_improvement_by_12_weeks")
    assert claim.decision is not None
    assert (claim.decision.threshold, claim.decision.at_week) == (0.50, 12)
    assert claim.decision.median_within_weeks == (8, 12)
    assert (study.conf_level, study.min_cell_count) == (0.95, 11)
    assert {one.horizon_weeks for one in study.estimands.values()} == {26}


def test_every_event_that_can_intervene_has_its_handling() -> None:
    # Grade: published, domain dossier §1e and §2d: each event code of 11 and above competes; procedures are hypothetical where
    # the question is causal.
    competing = set(COMPETING.split())
    for estimand in resolve(protocol(), DECLARED).estimands.values():
        hypothetical = PROCEDURES if estimand.kind == "causal" else set()
        assert set(estimand.hypothetical) == hypothetical
        assert {name for name, handling in estimand.intercurrent.items() if handling == "competing"} == competing - hypothetical
        assert ("analgesic_on_test" in estimand.intercurrent) == bool(estimand.endpoint.version.void_when)


def test_the_structured_plan_is_the_same_population_and_the_plan() -> None:
    # Grade: exact: the second population repeats the criteria of the first, which the grammar cannot inherit.
    first, second = (protocol().population[f"adult_runners_{name}"] for name in ("probable_pht", "structured_plan"))
    assert second.criterion[: len(first.criterion)] == first.criterion
    assert [one.id for one in second.criterion[len(first.criterion) :]] == ["structured_plan", "prescribed_early"]
    assert (first.washout_days, set(first.washout_procedures)) == (42, {"eswt", "corticosteroid_injection", "prp"})
    assert (second.washout_days, second.washout_procedures) == (first.washout_days, first.washout_procedures)


def test_population_criteria_use_declared_codes() -> None:
    # Grade: exact, against the episode table.
    columns = DECLARED.tables["episode"].column
    for population in protocol().population.values():
        for one in parts(population.criterion):
            wanted = {*one.one_of, *((one.equals,) if isinstance(one.equals, str) else ())}
            assert not one.variable or wanted <= set(columns[one.variable].codes)
