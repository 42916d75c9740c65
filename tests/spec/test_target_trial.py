"""The target trial of the shipped protocol, and what is refused in one."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from tendon_outcomes.declarations import ProtocolFile, TargetTrial, declare, load_protocol, resolve, shipped
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid
from tendon_outcomes.vocabulary import WeekState

DECLARED = declare()
SHIPPED = tomllib.loads((shipped("analyses") / "protocol.toml").read_text(encoding="utf-8"))
ASKED = "stretching_versus_loading"
ALL_COMPETE = SHIPPED["estimand"]["pain_free_by_26_weeks"]["intercurrent"]


def trial() -> TargetTrial:
    found = resolve(load_protocol(shipped("analyses") / "protocol.toml"), DECLARED).estimand(ASKED).trial
    assert found is not None
    return found


def changed(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> dict[str, Any]:
    """The shipped protocol after a change of its estimand or its graph."""
    written = copy.deepcopy(SHIPPED)
    change(written["estimand"][ASKED], written["dag"])
    return written


def resolved(written: dict[str, Any]) -> TargetTrial:
    found = resolve(build(ProtocolFile, written, origin="protocol.toml"), DECLARED).estimand(ASKED).trial
    assert found is not None
    return found


def refused(written: dict[str, Any]) -> DeclarationInvalid:
    with pytest.raises(DeclarationInvalid) as refusal:
        resolved(written)
    assert refusal.value.exit_code == 2
    assert refusal.value.way_out
    return refusal.value


# --- What is shipped


def test_the_shipped_trial_is_that_of_the_domain() -> None:
    # Grade: published, domain dossier §3d: stretching-led against loading-led, 14 days of grace, 7 and 28 beside it, 12 weeks.
    found = trial()
    assert (found.reference, found.compared) == ("stretching_led", "loading_led")
    assert found.contrast == "loading_led - stretching_led"
    assert (found.grace_days, found.grace_sensitivity, found.sustain_weeks) == (14, (7, 28), 12)
    assert found.truncate == (0.01, 0.99)
    assert tuple(one.name for one in found.sustained) == found.strategies
    assert {one.not_met_weeks.value for one in (*found.sustained, *found.further)} == {2}
    assert {"combined", "stretch_then_load_4", "stretch_then_load_6", "stretch_then_load_8"} < {one.name for one in found.further}


def test_the_shipped_adjustment_set_is_the_minimal_one_of_the_domain_and_closes_every_way_back() -> None:
    # Grade: published, domain dossier §3e: severity, duration, age, sex, km, prior treatment, comorbidity, psychology, race,
    # year, clinician; last week's pain, VISA, flare, adherence and distance.
    found = trial()
    assert set(found.adjust_for) == {
        *("severity", "duration", "age", "sex", "preinjury_running", "prior_treatment"),
        *("comorbidity", "expectation", "goals", "index_year", "clinician"),
    }
    assert found.varying_names == ("pain", "visa", "flare", "km_share", "adherence")
    assert (found.open_paths, found.unmeasured) == ((), ())


@pytest.mark.parametrize("node", ["severity", "duration", "preinjury_running", "prior_treatment", "goals", "expectation"])
def test_no_node_of_a_way_back_can_be_left_out(node: str) -> None:
    # Grade: exact, against the shipped graph. Expectation acts on what is done week by week, not on what is prescribed.
    found = refused(changed(lambda asked, _: asked["trial"]["adjust_for"].remove(node)))
    assert any(f"{node}" in one.says for one in found.findings)


@pytest.mark.parametrize("node", ["mechanics", "visit", "log", "loss", "pain", "load", "frailty", "upper_limb_pain", "strategy"])
def test_mediators_observation_nodes_and_what_treatment_brings_about_are_refused_by_name(node: str) -> None:
    # Grade: published, domain dossier §3e.
    found = refused(changed(lambda asked, _: asked["trial"]["adjust_for"].append(node)))
    assert [one.place for one in found.findings] == [f"adjust_for {node}"]


@pytest.mark.parametrize("node", ["mechanics", "visit", "log", "load", "stretch", "severity"])
def test_weekly_mediators_observation_nodes_and_treatment_are_refused_by_name(node: str) -> None:
    # Grade: published, domain dossier §3e.
    found = refused(changed(lambda asked, _: asked["trial"]["adjust_for_varying"].append(node)))
    assert [one.place for one in found.findings] == [f"adjust_for_varying {node}"]


def test_pain_must_be_adjusted_for_week_by_week() -> None:
    # Grade: published, domain dossier §0.5: pain sets the load, and the load changes the pain.
    found = refused(changed(lambda asked, _: asked["trial"]["adjust_for_varying"].remove("pain")))
    assert "pain[1]" in str(found)


def test_an_unmeasured_common_cause_is_told_by_its_name() -> None:
    # Grade: exact: frailty that also moved the choice would leave a way open that nothing on record closes.
    arrow = {"from": "frailty", "to": ["strategy"]}
    found = resolved(changed(lambda _, dag: dag["edge"].append(arrow)))
    assert found.unmeasured == ("frailty",)
    assert found.check.open_paths == ("strategy ← frailty → pain_free_running",)
    assert found.check_varying.open_paths[0] == "load[1] ← strategy ← frailty → pain_free_running"


def test_an_empty_argument_is_an_unanswered_assumption() -> None:
    # Grade: exact: what a clinic has to argue itself is not argued for it.
    found = trial()
    assert {"exchangeability", "exchangeability_over_time"} <= {one.id for one in found.unanswered}
    assert "positivity" not in {one.id for one in found.unanswered}
    written = changed(lambda asked, _: [one.update(argument=" ") for one in asked["trial"]["assumption"]])
    assert len(resolved(written).unanswered) == len(found.assumptions)


def test_the_protocol_says_each_item_of_the_trial_twice() -> None:
    # Grade: exact: what the trial would do, and what the records do in its place.
    items = trial().words.items()
    assert [name for name, _ in items] == [
        *("eligibility", "strategies", "assignment", "time_zero", "follow_up", "outcome", "contrasts", "analysis")
    ]
    assert all(told.target and told.emulation for _, told in items)


def test_loading_and_stretching_never_share_a_first_week() -> None:
    # Grade: exact: a state that begins one strategy departs from the other, so no clone can be in both once either has begun.
    stretching, loading = (one.phase[0] for one in trial().sustained)
    assert set(stretching.follows) <= set(loading.departs)
    assert set(loading.follows) <= set(stretching.departs)
    assert WeekState.BOTH in set(stretching.departs) & set(loading.departs)


# --- What is refused


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda asked, _: asked.update(kind="prognostic", intercurrent=ALL_COMPETE), "kind is causal, not prognostic"),
        (lambda asked, _: asked["intercurrent"].pop("eswt"), "competing or hypothetical): eswt"),
        (lambda asked, _: asked["trial"].update(strategies=["loading_led"]), "strategies"),
        (lambda asked, _: asked["trial"].update(strategies=["loading_led", "loading_led"]), "a strategy twice"),
        (lambda asked, _: asked["trial"].update(strategies=["loading_led", "combined"]), "a strategy twice"),
        (lambda asked, _: asked["trial"].update(strategies=["loading_led", "pilates"]), "no sustained strategy pilates"),
        (
            lambda asked, _: asked["trial"].update(strategies=["loading_led", "stretch_then_load_4"], further_strategies=[]),
            "nobody can be assigned to stretch_then_load_4",
        ),
        (lambda asked, _: asked["trial"].update(regimen="9"), "regimen 9 is not declared"),
        (lambda asked, _: asked["trial"].update(grace_days=0), "grace_days"),
        (lambda asked, _: asked["trial"].update(grace_sensitivity=[7, 85]), "a grace of 85 days"),
        (lambda asked, _: asked["trial"].update(sustain_weeks=27), "beyond horizon_weeks"),
        (lambda asked, _: asked["trial"].update(truncate=[0.6, 0.99]), "a share below one half"),
        (lambda asked, _: asked["trial"]["words"].pop("time_zero"), "words.time_zero"),
        (lambda asked, _: asked["trial"]["words"]["outcome"].update(emulation=""), "outcome.emulation"),
        (lambda asked, _: asked["trial"].update(assumption=[]), "assumption"),
        (lambda asked, _: asked["trial"]["assumption"].append(asked["trial"]["assumption"][0]), "share an id: consistency"),
        (lambda asked, _: asked["trial"].update(replicate=3), "replicate"),
        (lambda asked, _: asked["trial"]["adjust_for"].append("luck"), "no node luck"),
        (lambda asked, _: asked["trial"].update(negative_control_exposure="age"), "no node of role negative_control"),
        (lambda _, dag: dag["node"]["age"].update(measured_by=[{"column": "episode.aeg"}]), "aeg is not a declared column"),
        (lambda _, dag: dag["node"]["age"].update(measured_by=[{"column": "session.sets"}]), "none of the tables of day 0"),
        (
            lambda _, dag: dag["node"]["foam_rolling"]["measured_by"][0].update(of=["foam"]),
            "foam is not a declared code of episode.prior_self_care",
        ),
        (lambda _, dag: dag["node"]["age"].update(role="outcome"), "2 nodes of role outcome"),
        (lambda _, dag: dag["edge"].append({"from": "load", "to": ["upper_limb_pain"]}), "brought about by the treatment"),
        (lambda _, dag: dag["edge"].append({"from": "foam_rolling", "to": ["severity"]}), "brings the outcome about"),
    ],
)  # fmt: skip
def test_a_trial_that_contradicts_itself_is_refused(change: Callable[..., object], says: str) -> None:
    # Grade: exact, one slip each.
    assert says in str(refused(changed(change)))


def test_a_trial_needs_a_graph() -> None:
    # Grade: exact.
    written = copy.deepcopy(SHIPPED)
    del written["dag"]
    assert "needs a graph of causes" in str(refused(written))


def test_only_a_causal_question_has_hypothetical_events() -> None:
    # Grade: published, ICH E9(R1) as in domain dossier §1e: procedures compete where the question is what happened.
    written = copy.deepcopy(SHIPPED)
    written["estimand"]["pain_free_by_26_weeks"]["intercurrent"]["surgery"] = "hypothetical"
    assert "(competing): surgery" in str(refused(written))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"phase": []}, "phase"),
        ({"phase": [{"from_week": 2, "starts": True, "follows": ["L"]}]}, "begins with week 1"),
        ({"phase": [{"from_week": 1, "follows": ["L"]}]}, "starts = true"),
        ({"phase": [{"from_week": 1, "starts": True, "follows": ["L"], "departs": ["L"]}]}, "a week state follows, departs"),
        ({"phase": [{"from_week": 1, "starts": True, "follows": ["L"], "departs": ["U"]}]}, "U does none of these"),
    ],
)
def test_a_sustained_strategy_that_contradicts_itself_is_refused(change: dict[str, Any], says: str) -> None:
    # Grade: exact, one slip each.
    regimen = DECLARED.regimen("1")
    written = regimen.model_dump()
    for phase in change["phase"]:
        phase["from_week"] = {"value": phase["from_week"], "unit": "week", "source": "x", "status": "decision"}
    written["sustained"]["loading_led"] |= change
    with pytest.raises(DeclarationInvalid) as refusal:
        build(type(regimen), written, origin="regimens.toml")
    assert says in str(refusal.value)
