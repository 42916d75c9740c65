"""Every number that regimens.toml declares is the number that works, and a number that cannot be is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tendon_outcomes.declarations import RegimenVersion
from tendon_outcomes.declarations.loading import Declared, build
from tendon_outcomes.declarations.regimens import Setting
from tendon_outcomes.errors import DeclarationInvalid
from tendon_outcomes.vocabulary import Strategy, WeekState
from tests.made_records import DECLARED
from tests.spec import runners_exposure
from tests.spec.runners_exposure import RUNNERS

REGIMEN = DECLARED.regimen("1")
MODALITIES = DECLARED.tables["session"].column["modality"].codes
COMPONENTS = DECLARED.tables["visit"].column["treatment_components"].codes


def settings(one: Declared, place: str = "") -> Iterator[tuple[str, Setting[Any]]]:
    """Every number of a declaration with its place."""
    for name in type(one).model_fields:
        found, where = getattr(one, name), f"{place}.{name}".removeprefix(".")
        if isinstance(found, Setting):
            yield where, found
        elif isinstance(found, Declared):
            yield from settings(found, where)


def with_setting(place: str, value: object) -> RegimenVersion:
    """Version 1 with one number changed, checked as a file would be."""
    written = REGIMEN.model_dump()
    inner = written
    for part in place.split("."):
        inner = inner[part]
    inner["value"] = value
    return build(RegimenVersion, written, origin="test")


# --- Every number that is declared is the number that works

TWO_DAYS_OF = "1 {0} 3, 4 {0} 3"
GROWING = [
    {"day": day, "modality": "isotonic", "sets": 3, "reps": 10, "load_kg": load}
    for day, load in ((1, 20.0), (3, 20.0), (8, 21.0), (10, 21.0), (15, 22.0), (17, 22.0))
]
LATER_PAIN = [{"day": 1, "modality": "isotonic", "nprs_pre": 1, "nprs_24h": 3}]
PLAN_OF_THREE = [{"week": 1, "sessions_prescribed": 3}]

# Grade: exact by hand: place, changed value, kind of case, what is given, what is read, under version 1, after the change.
WORKS: list[tuple[str, Any, str, dict[str, Any], str, Any, Any]] = [
    ("window_weeks", 8, "strategy", {"weeks": "LLLLLLLLNNNN"}, "strategy", "X", "A"),
    ("loading.min_sessions", 1, "week", {"log": "1 isotonic 3"}, "state", "N", "L"),
    ("loading.min_sets", 2, "week", {"log": "1 isotonic 2, 4 isotonic 2"}, "state", "N", "L"),
    ("loading.min_stage", 2, "week", {"log": TWO_DAYS_OF.format("iso")}, "state", "L", "N"),
    ("stretching.min_sessions", 2, "week", {"log": "1 hamstring_stretch 1, 3 hamstring_stretch 1"}, "state", "N", "S"),
    ("stretching.min_minutes", 4.5, "week", {"log": "1 hamstring_stretch 9x30s"}, "state", "N", "S"),
    ("progression.growth_weeks", 2, "week", {"sessions": GROWING, "weeks": 3, "week": 2}, "progressed", False, True),
    ("progression.min_growth", 0.04, "week", {"sessions": GROWING, "weeks": 3, "week": 3}, "progressed", False, True),
    (
        "progression.target_rm",
        7,
        "week",
        {"sessions": [{"day": d, "modality": "iso", "load_rm": 8} for d in (1, 3)]},
        "progressed",
        True,
        False,
    ),
    (
        "visit_notes.min_days",
        5,
        "week",
        {"visits": [{"day": 11, "treatment_components": "loading"}], "weeks": 2},
        "states",
        "LL",
        "LU",
    ),
    ("adherence.covered_sessions", 1, "week", {"log": "1 isotonic 3"}, "covered", False, True),
    (
        "adherence.min_session_ratio",
        0.8,
        "week",
        {"log": TWO_DAYS_OF.format("isotonic"), "reports": PLAN_OF_THREE},
        "adherence",
        "met",
        "not_met",
    ),
    ("pain_rule.margin_24h", 2, "week", {"sessions": LATER_PAIN}, "breaches", 1, 0),
    ("strategy.max_unknown_share", 0.42, "strategy", {"weeks": "LLLLLLLUUUUU"}, "strategy", "X", "A"),
    ("strategy.min_weeks", 3, "strategy", {"weeks": "LLLLLLLLLLLL", "until_day": 27}, "strategy", "X", "A"),
    ("strategy.loading_led.start_by_day", 21, "strategy", {"weeks": "NNLLLLLLLLLL"}, "strategy", "X", "A"),
    ("strategy.loading_led.min_share", 0.66, "strategy", {"weeks": "LLLLLLLLNNNN"}, "strategy", "X", "A"),
    ("strategy.stretching_led.start_by_day", 21, "strategy", {"weeks": "NNSSSSSSSSSS"}, "strategy", "X", "B"),
    ("strategy.stretching_led.late_stage", 3, "strategy", {"weeks": "SBSBSBSSSSSS"}, "strategy", "X", "B"),
    ("strategy.stretching_led.late_stage_from_week", 5, "strategy", {"weeks": "SSSSBBSSSSSS"}, "strategy", "X", "B"),
    ("strategy.stretching_led.min_share", 0.4, "strategy", {"weeks": "SSSSSNNNNNNN"}, "strategy", "X", "B"),
    ("strategy.stretch_then_load.switch_weeks", (6, 8), "strategy", {"weeks": "SSLLLLLLLLLL"}, "strategy", "C", "X"),
    ("strategy.stretch_then_load.min_share_before", 0.7, "strategy", {"weeks": "SSLLLLLLLLLL"}, "strategy", "C", "X"),
    ("strategy.stretch_then_load.min_share_after", 0.6, "strategy", {"weeks": "SSSLLLLLNNNU"}, "strategy", "X", "C"),
    ("strategy.stretch_then_load.min_known_weeks", 1, "strategy", {"weeks": "UUSLLLLLLLLL"}, "strategy", "X", "C"),
    ("strategy.combined.min_share", 0.4, "strategy", {"weeks": "BBBBBLLLLLLL"}, "strategy", "X", "D"),
    ("strategy.modification_only.min_share", 0.66, "strategy", {"weeks": "NNNNNNNNLLLL"}, "strategy", "X", "E"),
]


@pytest.mark.parametrize(("place", "value", "kind", "given", "read", "before", "after"), WORKS, ids=[row[0] for row in WORKS])
def test_a_declared_number_is_the_one_that_works(
    place: str, value: Any, kind: str, given: dict[str, Any], read: str, before: Any, after: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Grade: exact by hand, in WORKS: the same records under version 1 and under version 1 with one other number.
    assert RUNNERS[kind](given)[read] == before
    monkeypatch.setattr(runners_exposure, "REGIMEN", with_setting(place, value))
    assert RUNNERS[kind](given)[read] == after


def test_no_declared_number_is_left_out() -> None:
    # Grade: exact: every number of the version is in WORKS once, with a source.
    declared = dict(settings(REGIMEN))
    assert sorted(row[0] for row in WORKS) == sorted(declared)
    assert all(found.source and found.unit for found in declared.values())


def test_the_order_of_the_rules_is_the_declared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: the weeks fit C (k = 8: 7 of 7 and 4 of 5) and B (8 of 12 weeks, no loading before week 6) alike.
    given = {"weeks": "SSSSSSSSLLLL"}
    assert RUNNERS["strategy"](given)["strategy"] == "C"
    order = [Strategy.STRETCHING_LED, *(one for one in REGIMEN.strategy.precedence if one != Strategy.STRETCHING_LED)]
    rules = REGIMEN.strategy.model_copy(update={"precedence": tuple(order)})
    monkeypatch.setattr(runners_exposure, "REGIMEN", REGIMEN.model_copy(update={"strategy": rules}))
    assert RUNNERS["strategy"](given)["strategy"] == "B"


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("visit_notes.min_days", 3, "greater than or equal to 4"),
        ("strategy.combined.min_share", 1.5, "less than or equal to 1"),
        ("loading.min_sessions", 0, "greater than or equal to 1"),
        ("window_weeks", 6, "looks beyond `window_weeks`"),
    ],
)
def test_a_number_that_cannot_be_is_refused(place: str, value: object, says: str) -> None:
    # Grade: exact: shares lie in 0 to 1, counts begin at 1, four days are most of a week, rules look inside the window.
    with pytest.raises(DeclarationInvalid) as refused:
        with_setting(place, value)
    assert says in str(refused.value)


def test_precedence_names_every_strategy_once() -> None:
    # Grade: exact: a rule that is left out would never be tried, and nobody would see it.
    written = REGIMEN.model_dump()
    written["strategy"]["precedence"] = written["strategy"]["precedence"][1:]
    with pytest.raises(DeclarationInvalid, match="each once"):
        build(RegimenVersion, written, origin="test")


def test_a_version_that_is_not_declared_is_refused() -> None:
    # Grade: exact: the message lists what there is.
    with pytest.raises(DeclarationInvalid, match="Declared: 1"):
        DECLARED.regimen("99")


def test_what_the_regimen_names_is_declared() -> None:
    # Grade: exact, against the code lists of the tables.
    notes = REGIMEN.visit_notes
    assert {*notes.loading, *notes.stretching, *notes.unplaced} <= set(COMPONENTS)
    assert set(REGIMEN.adherence.not_sessions) <= set(MODALITIES)
    assert [one.letter for one in Strategy] == list("ABCDEX")
    assert {one.value for one in WeekState} == set("LSBNU")
