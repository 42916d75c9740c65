"""A slip in a protocol is refused with its place and a way out: a word that nobody declared would count nobody, in silence."""

from __future__ import annotations

import copy
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tendon_outcomes.declarations import ProtocolFile, declare, load_protocol, resolve, shipped
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid
from tendon_outcomes.vocabulary import Code

DECLARED = declare()
SHIPPED = tomllib.loads((shipped("analyses") / "protocol.toml").read_text(encoding="utf-8"))
CLINIC_A = tomllib.loads((shipped("analyses") / "studies" / "clinic_a" / "protocol.toml").read_text(encoding="utf-8"))

WHO = "adult_runners_probable_pht"
ASKED = "pain_free_by_26_weeks"
OWN = "weekly_any_pace"


def refused(written: dict[str, Any]) -> DeclarationInvalid:
    with pytest.raises(DeclarationInvalid) as refusal:
        DECLARED.for_study(build(ProtocolFile, written, origin="protocol.toml"))
    assert refusal.value.exit_code == 2
    assert refusal.value.way_out
    return refusal.value


def with_criterion(criterion: dict[str, Any]) -> dict[str, Any]:
    written = copy.deepcopy(SHIPPED)
    written["population"][WHO]["criterion"].append({"id": "new", "says": "x", **criterion})
    return written


def with_own(criterion: dict[str, Any], *, key: str = "criterion", asked: bool = True) -> dict[str, Any]:
    written = copy.deepcopy(CLINIC_A)
    written["endpoint"]["pain_free_running"]["version"][OWN].setdefault(key, []).append({"id": "new", "says": "x", **criterion})
    if not asked:
        written["estimand"][ASKED]["endpoint"] = "pain_free_running.2"
    return written


def with_estimand(**changes: Any) -> dict[str, Any]:
    written = copy.deepcopy(SHIPPED)
    written["estimand"][ASKED].update(changes)
    return written


@pytest.mark.parametrize(
    ("criterion", "says"),
    [
        ({"variable": "side", "equals": "lefft"}, "lefft is not a declared code; declared: left, right"),
        ({"variable": "strategy_prescribed", "one_of": ["loading_led", "loading"]}, "loading is not a declared code"),
        ({"variable": "prior_treatment", "contains": "surgeries"}, "surgeries is not a declared code"),
        ({"variable": "side", "equals": True}, "a column of type code is compared with true"),
        ({"variable": "excl_hip_oa", "equals": "no"}, "a column of type boolean is compared with text (no)"),
        ({"variable": "age_y", "one_of": ["18", "19"]}, "a column of type integer is compared with text (18, 19)"),
        ({"any": [{"variable": "age_y", "at_least": 18}, {"variable": "side", "equals": "lefft"}]}, "lefft is not"),
        ({"all": [{"all": [{"variable": "episode.side", "equals": "lefft"}]}]}, "lefft is not"),
        ({"variable": "age_y", "at_least": 18, "when": [{"variable": "side", "equals": "lefft"}]}, "lefft is not"),
    ],
)
def test_a_population_compares_with_what_its_column_can_hold(criterion: dict[str, Any], says: str) -> None:
    # Grade: exact, one wrong word each, against data_schemas/tables/episode.toml.
    (finding,) = refused(with_criterion(criterion)).findings
    assert (finding.rule, finding.place.split()[:2]) == ("D-04", [f"population.{WHO}", "new"])
    assert says in finding.says


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("key", ["criterion", "void_when"])
@pytest.mark.parametrize("variable", ["run_status", "episode.side", "nprs_run_reason"])
def test_a_studys_own_endpoint_compares_with_declared_codes(variable: str, key: str, asked: bool) -> None:
    # Grade: exact, against the tables in which the endpoint is assessed, and the episode table for episode.X.
    (finding,) = refused(with_own({"variable": variable, "equals": "fulll"}, key=key, asked=asked)).findings
    assert finding.place == f"pain_free_running.{OWN} new {variable}"
    assert finding.says.startswith("fulll is not a declared code; declared: ")


def test_an_endpoint_is_assessed_in_declared_tables() -> None:
    # Grade: exact, one table misspelt beside a good one.
    written = copy.deepcopy(CLINIC_A)
    written["endpoint"]["pain_free_running"]["version"][OWN]["assessed_in"] = ["run_week", "visits"]
    (finding,) = refused(written).findings
    assert (finding.place, finding.says) == (f"pain_free_running.{OWN}", "table visits is not declared")


def test_declared_codes_pass_in_every_comparison() -> None:
    # Grade: exact, one good criterion of each kind.
    for criterion in (
        {"variable": "side", "equals": "left"},
        {"variable": "side", "one_of": ["left", "right"]},
        {"variable": "prior_treatment", "contains": "surgery"},
        {"variable": "site_id", "one_of": ["C1", "C2"]},
        {"variable": "excl_hip_oa", "equals": False},
    ):
        written = build(ProtocolFile, with_criterion(criterion), origin="protocol.toml")
        assert set(DECLARED.for_study(written).endpoints) == set(DECLARED.endpoints)
    clinic_a = resolve(load_protocol(shipped("analyses") / "studies" / "clinic_a" / "protocol.toml"), DECLARED)
    assert set(clinic_a.estimands) == {"pain_free_by_26_weeks", "meaningful_improvement_by_12_weeks"}


def test_a_shipped_endpoint_compares_with_declared_codes(tmp_path: Path) -> None:
    # Grade: exact, one code misspelt in a copy of the shipped declarations.
    folder = tmp_path / "data_schemas"
    shutil.copytree(shipped("data_schemas"), folder)
    path = folder / "endpoints" / "pain_free_running.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"modified"]', '"modifed"]'), encoding="utf-8")
    with pytest.raises(DeclarationInvalid, match=r"pain_free_running\.3 runs_at_present run_status: modifed is not") as refusal:
        declare(folder)
    assert refusal.value.way_out


@pytest.mark.parametrize("key", ["washout_procedures", "excluded_procedures"])
def test_washout_and_exclusion_name_declared_procedures(key: str) -> None:
    # Grade: exact, against data_schemas/tables/procedure.toml: csi is no code there.
    written = copy.deepcopy(SHIPPED)
    written["population"][WHO][key] = ["prp", "csi"]
    (finding,) = refused(written).findings
    assert (finding.rule, finding.place) == ("D-04", f"population.{WHO}.{key}")
    assert finding.says.startswith("csi is not a declared code of procedure; declared: surgery, prp")


def test_an_intercurrent_event_that_nobody_looks_for_is_refused() -> None:
    # Grade: exact, the competing codes of vocabulary.py and the pain killer on the test are all there is.
    known = {code.name.lower(): "competing" for code in Code if code.is_competing}
    DECLARED.for_study(build(ProtocolFile, with_estimand(intercurrent=known), origin="protocol.toml"))
    for extra in ({"lost": "competing"}, {"moved": "void_assessment"}, {"Surgery": "competing"}):
        error = refused(with_estimand(intercurrent={**known, **extra}))
        assert f"estimand.{ASKED}" in str(error)
        assert f"nobody looks for: {next(iter(extra))}" in str(error)
    error = refused(with_estimand(intercurrent={**known, "analgesic_on_test": "competing"}))
    assert "analgesic_on_test can only be void_assessment" in str(error)


@pytest.mark.parametrize(
    ("weeks", "says"),
    [
        ([0, 8], "begins with week 1"),
        ([-1], "begins with week 1"),
        ([8, 12, 8], "names twice: 8"),
        ([8, 27], "beyond horizon_weeks"),
    ],
)
def test_weeks_are_asked_for_once_and_inside_the_horizon(weeks: list[int], says: str) -> None:
    # Grade: exact, the horizon is 26 weeks.
    error = refused(with_estimand(at_weeks=weeks))
    assert says in str(error)
    assert f"estimand.{ASKED}" in str(error)


@pytest.mark.parametrize(("cell", "allowed"), [(2, True), (1, False), (0, False)])
def test_a_cell_of_one_runner_is_never_shown(cell: int, allowed: bool) -> None:
    # Grade: exact, the edge of what may be called suppression.
    written = {**SHIPPED, "min_cell_count": cell}
    if allowed:
        assert build(ProtocolFile, written, origin="protocol.toml").min_cell_count == cell
    else:
        assert "min_cell_count" in str(refused(written))


@pytest.mark.parametrize("key", ["summary", "strategies"])
def test_a_key_that_no_analysis_reads_is_not_accepted(key: str) -> None:
    # Grade: exact, what is written and not read would be believed.
    assert f"estimand.{ASKED}.{key}" in str(refused(with_estimand(**{key: "cumulative_incidence"})))


def test_a_version_of_an_endpoint_that_is_not_declared_is_refused() -> None:
    # Grade: exact, the endpoint's name is misspelt.
    written = copy.deepcopy(CLINIC_A)
    written["endpoint"]["painfree_running"] = written["endpoint"].pop("pain_free_running")
    error = refused(written)
    assert "endpoint.painfree_running" in error.summary
    assert "pain_free_running" in error.way_out


def saved(change: Callable[[str], bytes], folder: Path) -> Path:
    text = (shipped("analyses") / "protocol.toml").read_text(encoding="utf-8")
    path = folder / "protocol.toml"
    path.write_bytes(change(text))
    return path


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    # Grade: exact, as editors on Windows save UTF-8.
    path = saved(lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), tmp_path)
    assert load_protocol(path).title == SHIPPED["title"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_declaration_that_is_not_utf8_is_wrong_use(tmp_path: Path, encoding: str) -> None:
    # Grade: exact, exit codes of the design: 2, because the file is the study's own and not the export.
    path = saved(lambda text: text.replace("this clinic", "Caf\u00e9").encode(encoding), tmp_path)
    with pytest.raises(DeclarationInvalid, match="not UTF-8 text") as refusal:
        load_protocol(path)
    assert (refusal.value.exit_code, type(refusal.value)) == (2, DeclarationInvalid)
    assert "UTF-8" in refusal.value.way_out
    assert refusal.value.__context__ is None


# --- The diagnosis, and endpoints that read the form of one tendon


def unresolved(written: dict[str, Any]) -> DeclarationInvalid:
    with pytest.raises(DeclarationInvalid) as refusal:
        resolve(build(ProtocolFile, written, origin="protocol.toml"), DECLARED)
    assert refusal.value.way_out
    return refusal.value


def with_population(**changes: Any) -> dict[str, Any]:
    written = copy.deepcopy(SHIPPED)
    written["population"][WHO].update(changes)
    return written


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"phenotype_rule": "proximal_hamstring.9"}, "phenotype proximal_hamstring.9 is not declared"),
        ({"phenotype_rule": "gluteal.1"}, "gluteal.1 is not a rule for proximal_hamstring"),
        ({"phenotypes": ["probably"]}, "proximal_hamstring.1 has no class probably"),
    ],
)
def test_a_diagnosis_that_is_not_declared_is_refused(changes: dict[str, Any], says: str) -> None:
    # Grade: exact: a class that nobody gives would leave everybody out.
    assert says in str(unresolved(with_population(**changes)))


def test_a_rule_of_diagnosis_without_its_classes_is_refused() -> None:
    # Grade: exact.
    with pytest.raises(DeclarationInvalid, match="go together"):
        build(ProtocolFile, with_population(phenotypes=[]), origin="protocol.toml")


def test_an_endpoint_is_not_asked_of_another_tendon_than_its_form_is_for() -> None:
    # Grade: exact, domain dossier §6c fault 8: the form of one tendon is no measure of another.
    asked = with_estimand(endpoint="meaningful_improvement.2_achilles")
    assert "whose records do not hold its form" in str(unresolved(asked))


def test_a_handling_that_the_endpoint_does_not_do_is_refused() -> None:
    # Grade: exact, ICH E9(R1): a declared handling is one that happens.
    written = copy.deepcopy(SHIPPED)
    written["estimand"]["meaningful_improvement_by_12_weeks"]["intercurrent"]["analgesic_on_test"] = "void_assessment"
    assert "voids none" in str(unresolved(written))


def test_every_shipped_tendon_has_a_rule_of_diagnosis_and_a_form_that_can_improve() -> None:
    # Grade: exact: a tendon is TOML only, and its TOML is whole.
    for tendon in DECLARED.tendons:
        assert tendon in {one.tendon for one in DECLARED.phenotypes.values()}
        forms = [one for one in DECLARED.endpoints["meaningful_improvement"].version.values() if tendon in one.tendons]
        assert forms
