"""data_schemas holds what the domain names, with its sources, in a form that the program understands."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tendon_outcomes.declarations import Criterion, EndpointVersion, Threshold, declare, shipped
from tendon_outcomes.errors import DeclarationInvalid

DECLARED = declare()
VERSIONS = [f"{one.endpoint}.{key}" for one in DECLARED.endpoints.values() for key in one.version]

RUNNING = """run_attempted run_longest_min run_longest_km wk_km nprs_run nprs_run_reason nprs_run_easy nprs_run_easy_reason
nprs_run_fast nprs_run_fast_reason nprs_hill nprs_hill_reason nprs_run_next_morning nprs_longrun_24h speed_sessions_wk
hill_sessions_wk analgesic_on_run run_status pain_free_runs_500m any_pain_in_area"""

# Domain dossier §1a to §1d and §3a, in its order; `episode` holds what its column "when" calls index.
NAMED: dict[str, str] = {
    "episode": """episode_id patient_id site_id clinician_id payer_class index_year
        tendon side pain_focal rest_response rest_weeks recurrence_n self_dx train_through prior_self_care
        self_care_rest_wk self_care_stretch_wk self_care_foam_roll_wk self_care_ease_back_wk self_care_nsaid_wk self_care_other_wk
        onset_mode onset_day onset_precision symptom_duration_wk
        referral_trigger_month referral_trigger_flares referral_trigger_sitting referral_trigger_rest_failed
        wk_km_preinjury wk_km_base4 speed_sessions_wk_preinjury tempo_sessions_wk_preinjury fast_km_pct_preinjury
        hill_sessions_wk_preinjury elev_gain_m_wk_preinjury treadmill_incline_pct_preinjury ramp_pct
        age_y sex height_cm mass_kg menopause_status comorbid meds activity_level running_years competitive_level goal_race_day
        sit_h_day tsk11 pcs expectation_0_10 prior_treatment prior_csi_day prior_prp_day prior_eswt_day prior_surgery_day
        prior_pt_loading_day prior_pt_passive_day prior_dry_needling_day
        stretch_response phenotype phenotype_rule imaging imaging_grade imaging_confirmed
        test_puranen_orava test_bent_knee_stretch test_mod_bent_knee_stretch test_shoe_off test_bent_knee_bridge test_arabesque
        sit_under_30min excl_avulsion_or_tear50 excl_ischial_stress_injury excl_lumbar_radiculopathy excl_deep_gluteal
        excl_ischiofemoral excl_apophysitis excl_inflammatory_back excl_malignancy excl_hip_oa excl_pht_surgery
        strategy_prescribed prescribed_day pain_rule_max""",
    "visit": f"""{RUNNING}
        episode_id day visit_reason pain_site pain_quality linger_h nprs_sit_hard sit_tolerance_min sit_worse_hard
        cadence_spm overstride_cm overstride_flag overstride_method hip_abd_n_kg hip_ext_n_kg knee_flex_n_kg
        hip_abd_lsi_pct hip_ext_lsi_pct knee_flex_lsi_pct strength_device lever_arm_cm pelvic_drop_deg pelvic_control pelvic_state
        meds sit_h_day tsk11 pcs expectation_0_10
        test_puranen_orava nprs_puranen_orava test_bent_knee_stretch nprs_bent_knee_stretch test_mod_bent_knee_stretch
        nprs_mod_bent_knee_stretch test_shoe_off nprs_shoe_off test_bent_knee_bridge nprs_bent_knee_bridge
        test_arabesque nprs_arabesque test_supine_plank nprs_supine_plank test_single_leg_deadlift nprs_single_leg_deadlift
        gait_retrain gait_cue cadence_delta_pct gait_sessions_n treatment_components rtr_ready
        visa_h_1 visa_h_2 visa_h_3 visa_h_4 visa_h_5 visa_h_6 visa_h_7 visa_h_8a visa_h_8b visa_h_8c visa_h_total
        uwri_1 uwri_2 uwri_3 uwri_4 uwri_5 uwri_6 uwri_7 uwri_8 uwri_9 uwri_total
        groc groc_scale pgic pass_acceptable sane nirschl_phase lefs_total psfs""",
    "run_week": f"""{RUNNING} episode_id week day train_through tempo_sessions_wk fast_km_pct elev_gain_m_wk treadmill_incline_pct
        mod_speed mod_hills mod_pace stage rtr_level pain_rule_max progression_rule_followed rule_breaches""",
    "session": """session_id episode_id day modality exercise_code sets reps hold_s minutes load_kg load_pct_bw load_rm
        hip_flex_deg tempo_s rpe nprs_pre nprs_during nprs_24h prescribed supervised completed_frac source stretch_kind""",
    "procedure": "episode_id day procedure",
    "event": "episode_id day event",
}

RULES = """E-02 E-03 E-04 E-05 P-02 S-02 S-03 V-03 V-04 V-05 V-06 V-11 V-21 V-22 V-23 V-24 V-25 V-26 V-27 V-28 V-29
    W-03 W-04 W-11 W-12 X-01 X-02 X-03 X-04 X-05 X-06 X-07 X-08 X-09 X-10 X-11"""
FLAGS = "E-03 E-04 E-05 S-02 S-03 V-04 V-05 V-21 V-22 V-23 V-24 V-25 V-27 V-28 V-29 W-04 W-12 X-08 X-09 X-11"

# Domain dossier §2b and §2c; where it says only [D], the number is the decision written there.
NUMBERS: dict[str, dict[str, float]] = {
    "pain_free_running.0": {"min_runs": 2, "min_length": 500},
    "pain_free_running.1": {},
    "pain_free_running.2": {
        "nprs_max": 1,
        "min_minutes": 30,
        "min_km": 5,
        "rel_volume": 0.5,
        "fast_required": 1,
        "confirm_n": 2,
        "confirm_days": 14,
        "max_gap_days": 42,
    },
    "pain_free_running.3": {"nprs_max": 1, "rel_volume": 0.8, "confirm_n": 2, "confirm_days": 28, "max_gap_days": 42},
    "meaningful_improvement.1": {"visa_h_gain": 22, "pgic_max": 2},
    "meaningful_improvement.2": {"visa_h_gain": 22, "not_assessable_above": 78},
    "meaningful_improvement.3": {"uwri_gain": 8},
    "meaningful_improvement.4": {"nprs_drop": 2, "nprs_drop_share": 0.30},
    "meaningful_improvement.2_achilles": {"visa_a_gain": 14, "not_assessable_above": 86},
    "meaningful_improvement.2_gluteal": {"visa_g_gain": 22, "not_assessable_above": 78},
    "meaningful_improvement.2_patellar": {"visa_p_gain": 13, "not_assessable_above": 87},
}

# The criterion in which a threshold of that name works: its variable and the comparison.
AT_WORK: dict[str, tuple[str, str]] = {
    "min_runs": ("pain_free_runs_500m", "at_least"),
    "nprs_max": ("nprs_run_next_morning", "at_most"),
    "min_minutes": ("run_longest_min", "at_least"),
    "min_km": ("run_longest_km", "at_least"),
    "rel_volume": ("wk_km", "at_least"),
    "rel_sessions": ("speed_sessions_wk", "at_least"),
    "visa_h_gain": ("visa_h_total", "at_least"),
    "visa_a_gain": ("visa_a_total", "at_least"),
    "visa_g_gain": ("visa_g_total", "at_least"),
    "visa_p_gain": ("visa_p_total", "at_least"),
    "uwri_gain": ("uwri_total", "at_least"),
    "pgic_max": ("pgic", "at_most"),
    "nprs_drop": ("nprs_run_fast", "at_least"),
    "nprs_drop_share": ("nprs_run_fast", "at_least"),
}


def parts(criteria: tuple[Criterion, ...]) -> Iterator[Criterion]:
    for one in criteria:
        yield one
        yield from parts((*one.when, *one.any, *one.all, *one.of))


def all_parts(version: EndpointVersion) -> list[Criterion]:
    return list(parts((*version.criterion, *version.void_when)))


def thresholds() -> list[tuple[str, Threshold]]:
    of_endpoints = [(name, one) for name in VERSIONS for one in DECLARED.endpoint(name).threshold]
    of_instruments = [(name, one) for name, found in DECLARED.instruments.items() for one in found.threshold]
    return [*of_endpoints, *of_instruments, *((name, found.pain_rule) for name, found in DECLARED.tendons.items())]


def test_every_shipped_file_is_read() -> None:
    # Grade: exact, the list of rooms in the design.
    root = shipped("data_schemas")
    counts = {name: len(list((root / name).glob("*.toml"))) for name in ("tables", "instruments", "tendons", "endpoints")}
    assert set(DECLARED.tables) == {"episode", "visit", "run_week", "session", "procedure", "event"}
    named = "visa_h visa_a visa_g visa_p uwri nprs groc pgic lefs psfs tsk11 pass sane tendins_a nirschl_phase fash"
    assert set(DECLARED.instruments) == set(named.split())
    named = "proximal_hamstring gluteal achilles_mid achilles_insertional patellar"
    assert set(DECLARED.tendons) == set(named.split())
    assert set(DECLARED.endpoints) == {"pain_free_running", "meaningful_improvement"}
    assert counts == {"tables": 6, "instruments": 16, "tendons": 5, "endpoints": 2}


@pytest.mark.parametrize(
    "file",
    ["tables/event.toml", "instruments/uwri.toml", "tendons/proximal_hamstring.toml", "endpoints/meaningful_improvement.toml"],
)
def test_a_key_that_nobody_knows_is_refused(file: str, tmp_path: Path) -> None:
    # Grade: exact, exit codes of the design: 2 is wrong use.
    copy = tmp_path / "data_schemas"
    shutil.copytree(shipped("data_schemas"), copy)
    (copy / file).write_text("nobody_knows_this = 1\n" + (copy / file).read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DeclarationInvalid, match="nobody_knows_this") as refusal:
        declare(copy)
    assert refusal.value.exit_code == 2
    assert Path(file).name in refusal.value.summary


@pytest.mark.parametrize("table", NAMED)
def test_every_variable_of_the_domain_has_its_column(table: str) -> None:
    # Grade: published, domain dossier §1a-1d and §3a.
    assert set(NAMED[table].split()) <= set(DECLARED.tables[table].column)


def test_the_running_questions_are_the_same_in_both_tables() -> None:
    # Grade: exact, one question has one declaration wherever it is asked.
    visit, week = DECLARED.tables["visit"].column, DECLARED.tables["run_week"].column
    assert [name for name in RUNNING.split() if visit[name] != week[name]] == []


def test_only_keys_and_what_a_row_cannot_do_without_are_required() -> None:
    # Grade: exact, decision of the design: a clinic that does not ask is not a clinic in error.
    required = {name: [key for key, one in table.column.items() if one.required] for name, table in DECLARED.tables.items()}
    assert required == {
        "episode": ["episode_id", "patient_id", "tendon", "side"],
        "visit": ["episode_id", "day"],
        "run_week": ["episode_id", "week", "day"],
        "session": ["session_id", "episode_id", "day", "modality"],
        "procedure": ["episode_id", "day", "procedure"],
        "event": ["episode_id", "day", "event"],
    }


def test_every_optional_column_says_what_an_empty_cell_means() -> None:
    # Grade: exact, rule of data_schemas/README.md.
    silent = [
        f"{table.table}.{name}"
        for table in DECLARED.tables.values()
        for name, column in table.column.items()
        if not column.required and not column.null_means
    ]
    assert silent == []


def test_a_published_column_names_its_source() -> None:
    # Grade: exact, rule of data_schemas/README.md.
    nameless = [
        f"{table.table}.{name}"
        for table in DECLARED.tables.values()
        for name, column in table.column.items()
        if column.status != "decision" and not column.source
    ]
    assert nameless == []


def test_pain_scores_run_from_0_to_10_in_whole_numbers() -> None:
    # Grade: published, domain dossier §2a.
    scores = {
        f"{table.table}.{name}": (column.type, column.range)
        for table in DECLARED.tables.values()
        for name, column in table.column.items()
        if name.startswith("nprs_") and not name.endswith("_reason")
    }
    assert len(scores) > 20
    assert set(scores.values()) == {("integer", (0, 10))}


def test_rules_have_unique_ids_under_the_letter_of_their_table() -> None:
    # Grade: exact, the list of rules; domain dossier §6c for what they catch.
    letters = {"episode": "EX", "visit": "V", "run_week": "W", "session": "S", "procedure": "P", "event": ""}
    found = [(rule.id, table.table) for table in DECLARED.tables.values() for rule in table.rule]
    assert sorted(rule for rule, _ in found) == RULES.split()
    assert all(rule[0] in letters[table] for rule, table in found)
    assert all(rule.says and rule.why and rule.place for table in DECLARED.tables.values() for rule in table.rule)


def test_what_may_be_right_is_flagged_and_stays() -> None:
    # Grade: exact, decision; every other rule rejects.
    actions = {one.id: one.action for table in DECLARED.tables.values() for one in table.rule}
    assert sorted(rule for rule, action in actions.items() if action == "flag") == FLAGS.split()


def test_every_threshold_has_a_source_and_a_status() -> None:
    # Grade: exact, domain dossier §0.10: thresholds are configuration with provenance.
    assert len(thresholds()) > 50
    assert [(place, one.name) for place, one in thresholds() if not one.source.strip() or not one.says.strip()] == []
    assert {one.status for _, one in thresholds()} <= {"published", "unverified", "decision"}


@pytest.mark.parametrize("reference", VERSIONS)
def test_thresholds_are_the_numbers_of_the_domain(reference: str) -> None:
    # Grade: published where the domain dossier §2b-2c names a study, else its decision.
    stated = {one.name: one.value for one in DECLARED.endpoint(reference).threshold}
    assert NUMBERS[reference].items() <= stated.items()


@pytest.mark.parametrize("reference", VERSIONS)
def test_a_threshold_is_the_number_that_its_criterion_works_with(reference: str) -> None:
    # Grade: exact, one number may not stand twice with two values.
    version = DECLARED.endpoint(reference)
    stated = {one.name: one.value for one in version.threshold}
    for name in stated.keys() & AT_WORK.keys():
        variable, comparison = AT_WORK[name]
        used = {getattr(one, comparison) for one in all_parts(version) if one.variable == variable}
        assert stated[name] in used, f"{reference} {name}"
    unreachable = {one.not_assessable_above for one in all_parts(version)} - {None}
    assert unreachable == ({stated["not_assessable_above"]} if "not_assessable_above" in stated else set())
    assert stated.get("confirm_n", version.confirmation.assessments) == version.confirmation.assessments
    assert stated.get("confirm_days", version.confirmation.days) == version.confirmation.days
    assert stated.get("max_gap_days", version.max_gap_days) == version.max_gap_days


def test_every_recorded_pain_of_running_has_the_same_limit() -> None:
    # Grade: published, domain dossier §2c: pain during and next morning at most 1.
    for reference in ("pain_free_running.2", "pain_free_running.3"):
        limits = {one.at_most for one in all_parts(DECLARED.endpoint(reference)) if one.at_most is not None}
        assert limits == {1}


@pytest.mark.parametrize("reference", VERSIONS)
def test_criteria_name_columns_and_codes_that_exist(reference: str) -> None:
    # Grade: exact, against the tables.
    version = DECLARED.endpoint(reference)
    for one in all_parts(version):
        if not one.variable:
            continue
        table, name = ("episode", one.variable[8:]) if one.variable.startswith("episode.") else (None, one.variable)
        for place in [table] if table else version.assessed_in:
            column = DECLARED.tables[place].column[name]
            wanted = {*one.one_of, *((one.equals,) if isinstance(one.equals, str) else ())}
            assert wanted <= set(column.codes)
            assert isinstance(one.equals, bool) == (column.type == "boolean")


def test_an_endpoint_says_what_it_cannot_show() -> None:
    # Grade: exact, decision of the design: limits are declared beside the definition.
    assert [name for name in VERSIONS if not DECLARED.endpoint(name).cannot_show] == []


@pytest.mark.parametrize(
    ("instrument", "bounds", "direction", "items"),
    [
        ("visa_h", (0, 100), "higher_better", 10),
        ("uwri", (0, 36), "higher_better", 9),
        ("nprs", (0, 10), "higher_worse", 0),
        ("groc", (-7, 7), "higher_better", 0),
        ("pgic", (1, 7), "higher_worse", 0),
    ],
)
def test_instruments_are_those_of_the_domain(instrument: str, bounds: tuple[float, float], direction: str, items: int) -> None:
    # Grade: published, domain dossier §2a; the direction of PGIC is unverified there and here.
    found = DECLARED.instruments[instrument]
    assert (found.range, found.direction, len(found.items)) == (bounds, direction, items)
    assert {item.code for item in found.items} | {found.total_column} <= set(DECLARED.tables["visit"].column)


@pytest.mark.parametrize(("instrument", "top"), [("visa_h", 100), ("uwri", 36)])
def test_the_tops_of_the_items_add_up_to_the_top_of_the_scale(instrument: str, top: float) -> None:
    # Grade: exact by hand: VISA-H 6 x 10 + 10 + 30 with the highest branch; UWRI 9 x 4.
    items = DECLARED.instruments[instrument].items
    plain = sum(item.range[1] for item in items if not item.branch)
    assert plain + max((item.range[1] for item in items if item.branch), default=0) == top


def test_no_questionnaire_wording_is_kept() -> None:
    # Grade: exact, copyright: item codes and topics only. A question ends in a question mark and a stem is long.
    files = [*shipped("data_schemas").glob("tables/*.toml"), *shipped("data_schemas").glob("instruments/*.toml")]
    assert [path.name for path in files if "?" in path.read_text(encoding="utf-8")] == []
    meanings = {name: one.meaning for name, one in DECLARED.tables["visit"].column.items() if re.match(r"(visa_h|uwri)_\d", name)}
    assert len(meanings) == 19
    assert all(re.fullmatch(r"VISA-H item \d( in points.*)?|UWRI item \d: [a-z ]{1,20}", text) for text in meanings.values())


def test_an_endpoint_takes_its_cuts_from_the_instrument() -> None:
    # Grade: exact, one number may not stand twice with two values.
    of = {name: {one.name: one.value for one in found.threshold} for name, found in DECLARED.instruments.items()}
    improved = {one.name: one.value for one in DECLARED.endpoint("meaningful_improvement.1").threshold}
    assert improved["visa_h_gain"] == of["visa_h"]["mcid"]
    assert improved["pgic_max"] == of["pgic"]["much_better"]
    scales = {
        group.all[0].equals: group.all[1].at_least
        for group in all_parts(DECLARED.endpoint("meaningful_improvement.1"))
        if group.all and group.all[0].variable == "groc_scale"
    }
    assert scales == {scale: of["groc"][f"{scale}_success"] for scale in ("groc_7", "groc_11", "groc_15")}
    assert scales == {scale: improved[f"{scale}_min"] for scale in scales}
    assert DECLARED.endpoint("meaningful_improvement.3").threshold[0].value == of["uwri"]["mcid"]
