"""The prognostic question of the shipped protocol, and what is refused in one."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from tendon_outcomes.declarations import Exposure, ProtocolFile, declare, load_protocol, resolve, shipped
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid

DECLARED = declare()
SHIPPED = tomllib.loads((shipped("analyses") / "protocol.toml").read_text(encoding="utf-8"))
ASKED = "chronicity_and_recovery"


def exposure() -> Exposure:
    found = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED).estimand(ASKED).exposure
    assert found is not None
    return found


def refused(change: Callable[[dict[str, Any]], object]) -> DeclarationInvalid:
    written = copy.deepcopy(SHIPPED)
    change(written["estimand"][ASKED])
    with pytest.raises(DeclarationInvalid) as refusal:
        resolve(build(ProtocolFile, written, origin="protocol.toml"), DECLARED)
    assert refusal.value.way_out
    return refusal.value


def told(refusal: DeclarationInvalid) -> str:
    return " ".join([refusal.summary, refusal.way_out, *(one.says for one in refusal.findings)])


def test_the_shipped_question_is_that_of_the_domain() -> None:
    # Grade: published, domain dossier H2 and §4d: durations, reference, frailty variances; PFR-2 by 8, 12 and 26 weeks.
    found = exposure()
    estimand = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED).estimand(ASKED)
    assert (estimand.kind, estimand.endpoint.reference, estimand.at_weeks) == ("prognostic", "pain_free_running.2", (8, 12, 26))
    assert (found.reference_weeks, found.ask_weeks, found.bands_weeks) == (12, (6, 13, 26, 52, 104), (4, 12, 26, 52))
    assert (found.knots, found.scale, found.frailty.variances) == (4, "log2", (0.0, 0.5, 1.0, 2.0))
    assert found.frailty.compared_weeks == (6, 52)
    assert found.trial is not None
    assert found.trial.contrast == "loading_led - stretching_led"


def test_severity_is_left_out_of_the_primary_set_and_tried_beside_it() -> None:
    # Grade: exact, against the shipped graph: duration brings severity about.
    found = exposure()
    assert "severity" not in found.adjustment.adjust_for
    assert found.sensitivity is not None
    assert found.sensitivity.adjust_for == ("severity", *found.adjustment.adjust_for)


def test_frailty_stays_open_in_the_graph() -> None:
    # Grade: exact: the one way between duration and recovery that no measured node closes.
    assert exposure().unmeasured == ("frailty",)


def test_the_gain_is_looked_up_in_the_instrument() -> None:
    # Grade: published, VISA-H instrument: 22 points of 100.
    gain = exposure().gain
    assert gain is not None
    assert (gain.column, gain.points, gain.low, gain.high, gain.week) == ("visa_h_total", 22.0, 0.0, 100.0, 12)


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "severity in the primary set": (lambda q: q["exposure"]["adjust_for"].append("severity"), "name twice: severity"),
    "a descendant": (
        lambda q: q["exposure"].update(adjust_for=["severity", "age"], sensitivity_adjust_for=[]),
        "is brought about by duration",
    ),
    "an observation node": (lambda q: q["exposure"]["adjust_for"].append("visit"), "looked"),
    "a confounder tried beside": (
        lambda q: q["exposure"].update(sensitivity_adjust_for=["index_year"]),
        "belongs into adjust_for",
    ),
    "an unmeasured node": (lambda q: q["exposure"].update(sensitivity_adjust_for=["frailty"]), "is not measured on day 0"),
    "an unknown node": (lambda q: q["exposure"].update(node="chronicity"), "no node chronicity"),
    "another column": (lambda q: q["exposure"].update(column="age_y"), "does not measure duration"),
    "ten years": (lambda q: q["exposure"].update(ask_weeks=[6, 520]), "520 weeks"),
    "durations backwards": (lambda q: q["exposure"].update(ask_weeks=[26, 13]), "does not grow"),
    "no strategies": (lambda q: q["exposure"].update(strategies_of="pain_free_by_26_weeks"), "no estimand with a [trial]"),
    "a descriptive kind": (lambda q: q.update(kind="descriptive"), "kind is prognostic"),
    "an unasked week": (lambda q: q["exposure"].update(compare_week=10), "at_weeks does not ask for"),
    "a forgotten precision": (lambda q: q["exposure"]["recall"]["spread_log2"].pop("year"), "precisions"),
    "windows that meet": (lambda q: q["exposure"]["recall"].update(heap_width_months=1.5), "heap_width_months"),
    "heaps that fall": (lambda q: q["exposure"]["recall"].update(heaps_months=[6, 3, 12, 24]), "heap_width_months"),
    "a negative spread": (lambda q: q["exposure"]["recall"]["spread_log2"].update(day=-0.1), "negative"),
    "no variance of 0": (lambda q: q["exposure"]["frailty"].update(variances=[0.5, 1.0]), "grow from 0"),
    "an unknown instrument": (lambda q: q["exposure"]["response"].update(instrument="visa"), "not declared"),
    "an unknown threshold": (lambda q: q["exposure"]["response"].update(threshold="big"), "no threshold big"),
    "two knots": (lambda q: q["exposure"].update(knots=2), "greater than or equal to 3"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_mistake_is_refused_by_name(name: str) -> None:
    # Grade: exact, one change of the shipped question each.
    change, words = CHANGES[name]
    assert words in told(refused(change))
