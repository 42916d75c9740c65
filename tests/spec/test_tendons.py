"""A tendon is a file: everything that it names exists, and a population of it is assembled without code of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tendon_outcomes.cohort import assemble_cohort
from tendon_outcomes.declarations import Criterion, Population, Tendon, load_protocol, resolve, shipped
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid
from tests.made_exports import EPISODE, export_of, ingested, row, rules_of
from tests.made_records import DECLARED, episode, records

TENDONS = DECLARED.tendons
EPISODES, VISITS = (DECLARED.tables[name].column for name in ("episode", "visit"))
OWN_SCALE = {
    "proximal_hamstring": "visa_h",
    "gluteal": "visa_g",
    "achilles_mid": "visa_a",
    "achilles_insertional": "visa_a",
    "patellar": "visa_p",
}
SIGN = {
    "proximal_hamstring": "test_mod_bent_knee_stretch",
    "gluteal": "test_trochanter_palpation",
    "achilles_mid": "test_achilles_palpation",
    "achilles_insertional": "test_achilles_palpation",
    "patellar": "test_decline_squat",
}

# --- What is declared


def test_every_tendon_that_an_episode_can_have_is_declared() -> None:
    # Grade: published, domain dossier §1a: the five tendons.
    assert TENDONS.keys() == set(EPISODES["tendon"].codes) == OWN_SCALE.keys()


@pytest.mark.parametrize(
    ("tendon", "pain_rule_max", "status", "pace_gradient", "measures"),
    [
        ("proximal_hamstring", 3, "published", True, {"nprs_sit_hard", "sit_tolerance_min", "linger_h"}),
        ("gluteal", 3, "decision", False, set()),
        ("achilles_mid", 5, "unverified", True, {"morning_stiffness_min", "heel_rise_n"}),
        ("achilles_insertional", 5, "unverified", True, {"morning_stiffness_min", "heel_rise_n"}),
        ("patellar", 3, "decision", True, set()),
    ],
)
def test_what_is_particular_to_a_tendon_is_that_of_the_domain(
    tendon: str, pain_rule_max: float, status: str, pace_gradient: bool, measures: set[str]
) -> None:
    # Grade: published for the hamstring, unverified for Achilles (domain dossier §3a, §7 item 12); the others are decisions.
    found = TENDONS[tendon]
    assert (found.pain_rule.value, found.pain_rule.status) == (pain_rule_max, status)
    assert (found.pace_gradient, set(found.measures)) == (pace_gradient, measures)


@pytest.mark.parametrize("tendon", TENDONS)
def test_everything_that_a_tendon_names_exists(tendon: str) -> None:
    # Grade: exact, against the tables and the instruments.
    found = TENDONS[tendon]
    assert found.instruments[0] == OWN_SCALE[tendon]
    assert set(found.instruments) <= DECLARED.instruments.keys()
    assert set(found.pain_sites) <= set(VISITS["pain_site"].codes)
    assert {VISITS[name].type for name in found.provocation_tests} == {"code"}
    assert {EPISODES[name].type for name in found.exclusions} == {"boolean"}
    assert {VISITS[name].type for name in found.measures} <= {"integer", "number"}
    assert found.source
    assert found.pain_rule.source


@pytest.mark.parametrize("tendon", TENDONS)
def test_a_test_has_three_results_and_the_same_ones_at_index_and_later(tendon: str) -> None:
    # Grade: published, domain dossier §1c: negative, positive or not done, with the pain from 0 to 10.
    for name in TENDONS[tendon].provocation_tests:
        assert set(VISITS[name].codes) == {"neg", "pos", "not_done"}
        if name in EPISODES:
            assert EPISODES[name].model_copy(update={"when": "each visit"}) == VISITS[name]
        # The arc sign is a movement that is seen; it has no pain of its own.
        assert (f"nprs_{name.removeprefix('test_')}" in VISITS) == (name != "test_arc_sign")


def test_pain_sites_tell_the_tendons_apart() -> None:
    # Grade: exact, no two tendons share where it hurts.
    sites = [site for found in TENDONS.values() for site in found.pain_sites]
    assert len(sites) == len(set(sites)) == len(TENDONS)


# --- What its exercises count as

MODALITIES = DECLARED.tables["session"].column["modality"].codes
OWN_STRETCH = {
    "proximal_hamstring": "hamstring_stretch",
    "gluteal": "gluteal_stretch",
    "achilles_mid": "calf_stretch",
    "achilles_insertional": "calf_stretch",
    "patellar": "quadriceps_stretch",
}


@pytest.mark.parametrize("tendon", TENDONS)
def test_stages_and_stretching_are_modalities_of_a_session(tendon: str) -> None:
    # Grade: published for the order of the stages, domain dossier §3a; exact against the codes of a session.
    found = TENDONS[tendon]
    assert {*found.stages, *found.stretch_modalities} <= set(MODALITIES)
    assert found.stages["iso"] == found.stages["loading_unspecified"] == 1
    assert found.stages["isotonic"] == 2 <= found.stages["isotonic_high_flex"] < found.stages["energy_storage"] == 4


@pytest.mark.parametrize("tendon", TENDONS)
def test_only_stretching_of_the_injured_muscle_counts(tendon: str) -> None:
    # Grade: published, domain dossier §3a: only the target muscle; foam rolling and other stretching are the negative controls.
    found = TENDONS[tendon]
    assert set(found.stretch_modalities) == {OWN_STRETCH[tendon], "stretch_unspecified"}
    neither = {"foam_roll", "other_stretch", "hip_strength", "gait", "run", "other"}
    assert neither.isdisjoint({*found.stages, *found.stretch_modalities})


def test_stages_are_those_of_the_hamstring_programme() -> None:
    # Grade: published, domain dossier §3a (Goom 2016): isometric, little hip flexion, 70 to 90 degrees, energy storage.
    stages = TENDONS["proximal_hamstring"].stages
    named = ("iso", "isotonic_low_flex", "isotonic_high_flex", "energy_storage")
    assert [stages[name] for name in named] == [1, 2, 3, 4]


@pytest.mark.parametrize("tendon", TENDONS)
def test_diagnosis_codes_are_marked_as_unverified(tendon: str) -> None:
    # Grade: exact: the form of an ICD-10 code; the codes themselves are on the list of what to verify (domain dossier §8).
    found = TENDONS[tendon].icd10
    assert found.status == "unverified"
    assert all(re.fullmatch(r"[A-Z]\d\d(\.\d{1,3})?", code) for code in found.codes)


def test_a_modality_is_not_loading_and_stretching_at_once() -> None:
    # Grade: exact: the week would be both by one exercise.
    written = TENDONS["patellar"].model_dump()
    written["exercises"]["stages"]["quadriceps_stretch"] = 1
    with pytest.raises(DeclarationInvalid, match="not both: quadriceps_stretch"):
        build(Tendon, written, origin="test")


# --- Intake


@pytest.mark.parametrize(
    ("column", "accepted", "refused"),
    [
        ("morning_stiffness_min", ("0", "12.5", "180"), ("-1", "181")),
        ("heel_rise_n", ("0", "25", "100"), ("-1", "101")),
        ("pain_site", ("achilles_insertion", "achilles_midportion;patella_lower_pole"), ("achilles",)),
        ("test_decline_squat", ("pos", "neg", "not_done"), ("painful",)),
    ],
)
def test_what_these_tendons_add_to_a_visit_is_read_in_its_range(
    column: str, accepted: tuple[str, ...], refused: tuple[str, ...], tmp_path: Path
) -> None:
    # Grade: exact, the ends of the declared ranges and one step beyond.
    cells = (*accepted, *refused)
    visits = [row("visit", day=str(day), **{column: cell}) for day, cell in enumerate(cells)]
    read = ingested(tmp_path, export_of(tmp_path, episode=[EPISODE], visit=visits))
    rule = "code" if VISITS[column].codes else "range"
    assert rules_of(read, "visit.csv") == {len(accepted) + n: f"visit.{column}.{rule}" for n in range(1, len(refused) + 1)}
    assert read.table("visit").height == len(accepted)


# --- A population of each tendon


def population(tendon: str) -> Population:
    """Runners with the main sign of the tendon and none of its exclusions, as a protocol would declare them."""
    found = TENDONS[tendon]
    sign = Criterion(id="sign", says="the main sign", variable=SIGN[tendon], equals="pos")
    others = tuple(Criterion(id=name, says=name, variable=name, equals=False, unrecorded="passes") for name in found.exclusions)
    return Population(
        name=tendon,
        says=found.title,
        tendon=found,
        instruments=tuple(DECLARED.instruments[name] for name in found.instruments),
        criteria=(sign, *others),
        washout_days=42,
        washout_procedures=("eswt",),
    )


def form(scale: str) -> dict[str, Any]:
    """Six items of 5, item 7 of 4, branch B of 14, and a supplied total that is wrong: 6 x 5 + 4 + 14 = 48."""
    return {**{f"{scale}_{item}": 5 for item in range(1, 7)}, f"{scale}_7": 4, f"{scale}_8b": 14, f"{scale}_total": 90.0}


@pytest.mark.parametrize("tendon", TENDONS)
def test_a_population_of_the_tendon_is_assembled_and_scored(tendon: str) -> None:
    # Grade: exact by hand: of the tendon's three one lacks the sign and one has an exclusion; the form adds up to 48.
    found = TENDONS[tendon]
    people = [episode(name, tendon=name, **{SIGN[name]: "pos"}) for name in TENDONS]
    people += [episode("no_sign", tendon=tendon, **{SIGN[tendon]: "neg"})]
    people += [episode("excluded", tendon=tendon, **{SIGN[tendon]: "pos", found.exclusions[-1]: True})]
    visits = [{"episode_id": tendon, "day": 0, **form(OWN_SCALE[tendon])}, {"episode_id": "no_sign", "day": 0}]
    cohort = assemble_cohort(records(episode=people, visit=visits), population(tendon))
    assert cohort.episodes["episode_id"].to_list() == [tendon]
    assert [step.n_excluded for step in cohort.attrition.steps if step.n_excluded] == [4, 1, 1]
    assert cohort.attrition.steps[0].says == f"another tendon than {found.title}"
    assert cohort.tables["visit"][f"{OWN_SCALE[tendon]}_total"].to_list() == [48.0]


@pytest.mark.parametrize("tendon", TENDONS)
def test_the_form_of_another_tendon_is_not_scored(tendon: str) -> None:
    # Grade: published, domain dossier §6c fault 8: a form of another tendon stays apart, as the clinic supplied it.
    foreign = sorted(set(OWN_SCALE.values()) - {OWN_SCALE[tendon]})
    people = [episode("a", tendon=tendon, **{SIGN[tendon]: "pos"})]
    visits = [{"episode_id": "a", "day": 0, **{cell: value for scale in foreign for cell, value in form(scale).items()}}]
    cohort = assemble_cohort(records(episode=people, visit=visits), population(tendon))
    assert {cohort.tables["visit"][f"{scale}_total"][0] for scale in foreign} == {90.0}
    assert cohort.tables["visit"][f"{OWN_SCALE[tendon]}_total"][0] is None


@pytest.mark.parametrize("tendon", TENDONS)
def test_a_study_asks_for_a_tendon_in_its_protocol(tendon: str, tmp_path: Path) -> None:
    # Grade: exact: the shipped protocol with another tendon, its rule of diagnosis and its improvement by its own form.
    written = (shipped("analyses") / "protocol.toml").read_text(encoding="utf-8")
    asked = written.replace('"proximal_hamstring"', f'"{tendon}"').replace('"proximal_hamstring.1"', f'"{tendon}.1"')
    versions = DECLARED.endpoints["meaningful_improvement"].version.items()
    own_form = next(key for key, version in versions if tendon in version.tendons)
    asked = asked.replace('"meaningful_improvement.1", "meaningful_improvement.2"', f'"meaningful_improvement.{own_form}"')
    asked = asked.replace('"meaningful_improvement.1"', f'"meaningful_improvement.{own_form}"')
    (tmp_path / "protocol.toml").write_text(asked, encoding="utf-8")
    study = resolve(load_protocol(tmp_path / "protocol.toml"), DECLARED)
    for estimand in study.estimands.values():
        assert estimand.population.tendon == TENDONS[tendon]
        assert [one.instrument for one in estimand.population.instruments] == list(TENDONS[tendon].instruments)
