"""The audit of an estimand as protocol.toml writes it: what is looked up, and which mistakes are named."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tendon_outcomes.declarations import EndpointAsked, declare, endpoint_asked, load_protocol, shipped
from tendon_outcomes.declarations.audit import Audit, AuditEntry, Benchmark, Reliability
from tendon_outcomes.declarations.resolve_audit import resolve_audit
from tendon_outcomes.errors import DeclarationInvalid

KNOWN = declare()


def entry(**changes: Any) -> AuditEntry:
    found = load_protocol(shipped("analyses") / "protocol.toml").estimand["meaningful_improvement_by_12_weeks"].audit
    assert found is not None
    return found.model_copy(update=changes)


def resolved(**changes: Any) -> Audit:
    def endpoint(reference: str) -> EndpointAsked:
        return endpoint_asked(KNOWN, reference)

    found = resolve_audit("audit", entry(**changes), "proximal_hamstring", KNOWN, endpoint)
    assert found is not None
    return found


def test_every_definition_is_tried_with_the_variations_of_its_file() -> None:
    # Grade: exact, statistics.md §4: MCID 14, 18, 22, 26 and every definition.
    names = [one.name for one in resolved().definitions]
    assert names[:4] == ["MI-1", "MI-1, visa_h_gain_14", "MI-1, visa_h_gain_18", "MI-1, visa_h_gain_26"]
    assert {"MI-2", "MI-3", "MI-4"} <= set(names)
    assert len(names) == len(set(names))
    assert resolved().visits[-1] == (71, 133)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"definitions": ("meaningful_improvement.2_patellar",)}, "reads the form of patellar"),
        ({"planned_visits": ("wk_11",)}, "wk_11 has no window"),
        ({"core_domain": ({"name": "x", "columns": ("nonsense",)},)}, "visit has no column nonsense"),
        ({"reliability": {"instrument": "sf36", "population_mean": 1, "intraclass": (0.5, 0.6)}}, "instrument sf36"),
        ({"cusum": {"risk_columns": ("nonsense",)}}, "nonsense is no column of episode"),
    ],
)
def test_what_is_not_declared_is_named(changes: dict[str, Any], says: str) -> None:
    # Grade: exact.
    told = {"source": "a test", "status": "decision"}
    raw = entry().model_dump()
    for key, value in changes.items():
        raw[key] = {**raw[key], **told, **value} if isinstance(value, dict) else value
    changed = AuditEntry.model_validate(raw)
    with pytest.raises(DeclarationInvalid) as refused:
        resolve_audit("audit", changed, "proximal_hamstring", KNOWN, lambda reference: endpoint_asked(KNOWN, reference))
    assert says in str([finding.says for finding in refused.value.findings])


def test_an_estimand_without_an_audit_has_none() -> None:
    # Grade: exact.
    assert resolve_audit("audit", None, "patellar", KNOWN, lambda reference: endpoint_asked(KNOWN, reference)) is None


def test_impossible_numbers_are_refused() -> None:
    # Grade: exact.
    told = {"source": "a test", "status": "decision"}
    with pytest.raises(ValidationError, match="more improved"):
        Benchmark.model_validate({"name": "x", "says": "x", "improved": 3, "of": 2, "day": 84, **told})
    with pytest.raises(ValidationError, match="correlation"):
        Reliability.model_validate({"instrument": "visa_h", "population_mean": 40, "intraclass": (0.9, 0.8), **told})
    with pytest.raises(ValidationError, match="does not grow"):
        AuditEntry.model_validate({**entry().model_dump(), "duration_bands_weeks": (12, 4)})
    with pytest.raises(ValidationError, match="prior"):
        AuditEntry.model_validate({**entry().model_dump(), "prior": (0, 1)})
