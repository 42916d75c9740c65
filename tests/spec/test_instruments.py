"""Questionnaires and scales: answers in, scores out; what is declared of each, with its sources."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tendon_outcomes.cohort import score
from tendon_outcomes.declarations import Instrument
from tests.made_exports import EPISODE, export_of, ingested, row, rules_of
from tests.made_records import DECLARED

INSTRUMENTS = DECLARED.instruments
VISIT = DECLARED.tables["visit"].column


def answers(instrument: str, *points: float) -> dict[str, float]:
    """Answers to the plain items in their order."""
    plain = [item.code for item in INSTRUMENTS[instrument].items if not item.branch]
    return dict(zip(plain, points, strict=False))


# One form filled in completely, and its score added up by hand.
WORKED: dict[str, tuple[dict[str, float], float]] = {
    # 7 + 6 + 8 + 5 + 6 + 4 = 36, item 7 gives 4, branch B gives 14.
    "visa_a": ({**answers("visa_a", 7, 6, 8, 5, 6, 4, 4), "visa_a_8b": 14}, 54),
    # 5 + 5 + 7 + 2 + 8 + 3 = 30, item 7 gives 7, branch C gives 5.
    "visa_g": ({**answers("visa_g", 5, 5, 7, 2, 8, 3, 7), "visa_g_8c": 5}, 42),
    # 9.5 + 8 + 7.5 + 10 + 6 + 9 = 50, item 7 gives 10, branch A gives 21.
    "visa_p": ({**answers("visa_p", 9.5, 8, 7.5, 10, 6, 9, 10), "visa_p_8a": 21}, 81),
    # 10 + 9 + 8 + 7 + 6 + 5 = 45, item 7 gives 0, branch A gives 0.
    "visa_h": ({**answers("visa_h", 10, 9, 8, 7, 6, 5, 0), "visa_h_8a": 0}, 45),
    # 4 + 3 + 2 + 1 + 0 + 4 + 3 + 2 + 1.
    "uwri": (answers("uwri", 4, 3, 2, 1, 0, 4, 3, 2, 1), 20),
    # Ten answers of 3, nine of 2 and one of 0.
    "lefs": (answers("lefs", *[3] * 10, *[2] * 9, 0), 48),
    # 1 + 2 + 3 + 4 + 1 + 2 + 3 + 4 + 1 + 2 + 3; no item is turned round.
    "tsk11": (answers("tsk11", 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3), 26),
    # (2 + 3 + 4 + 6) / 4; the patient named four activities.
    "psfs": (answers("psfs", 2, 3, 4, 6), 3.75),
}
ALL_OWED = sorted(WORKED.keys() - {"psfs"})
BRANCHED = ["visa_a", "visa_g", "visa_h", "visa_p"]


def scored(instrument: str, cells: dict[str, float | None], *, total: float | None = None) -> float | None:
    declared = INSTRUMENTS[instrument]
    empty: dict[str, float | None] = dict.fromkeys(item.code for item in declared.items)
    values = {**empty, declared.total_column: total, **cells}
    visits = pl.DataFrame({name: pl.Series([value], dtype=pl.Float64) for name, value in values.items()})
    result: float | None = score(visits, [declared])[declared.total_column][0]
    return result


# --- Scores


def test_every_instrument_with_items_has_a_worked_example() -> None:
    # Grade: exact, every member of the family is tested below.
    assert {name for name, one in INSTRUMENTS.items() if one.items} == WORKED.keys()


@pytest.mark.parametrize("instrument", WORKED)
def test_a_complete_form_is_scored(instrument: str) -> None:
    # Grade: exact, by hand; the additions stand beside the answers.
    cells, expected = WORKED[instrument]
    assert scored(instrument, cells) == expected


@pytest.mark.parametrize("instrument", WORKED)
def test_items_come_before_a_supplied_total_which_stands_alone(instrument: str) -> None:
    # Grade: exact, domain dossier §6c fault 6: the item sum wins; without items there is only the total.
    cells, expected = WORKED[instrument]
    supplied = INSTRUMENTS[instrument].range[1]
    assert scored(instrument, cells, total=supplied) == expected
    assert scored(instrument, {}, total=supplied) == supplied
    assert scored(instrument, {}) is None


@pytest.mark.parametrize("instrument", ALL_OWED)
def test_one_missing_item_leaves_no_score(instrument: str) -> None:
    # Grade: published, domain dossier §2a: no pro-rating has been validated, so any missing item refuses.
    cells, _ = WORKED[instrument]
    assert {scored(instrument, {**cells, code: None}, total=20) for code in cells} == {None}


@pytest.mark.parametrize("instrument", BRANCHED)
def test_two_branches_leave_no_score(instrument: str) -> None:
    # Grade: published, domain dossier §2a and §6c fault 7: exactly one branch is answered.
    cells, _ = WORKED[instrument]
    others = [f"{instrument}_8{branch}" for branch in "abc" if f"{instrument}_8{branch}" not in cells]
    assert [scored(instrument, {**cells, other: 0}, total=20) for other in others] == [None, None]


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ((6, 7, 8), 7.0),
        ((2, 3, 4, 6), 3.75),
        ((1, 2, 3, 4, 10), 4.0),
        ((0, 0, 0), 0.0),
        ((5, 0.5, 3.5), 3.0),
        ((6, 7), None),
        ((6,), None),
    ],
)
def test_psfs_is_the_mean_of_three_to_five_activities(ratings: tuple[float, ...], expected: float | None) -> None:
    # Grade: exact by hand; three to five activities by domain dossier §2a.
    assert scored("psfs", {**answers("psfs", *ratings)}, total=9) == expected


def test_an_activity_that_was_skipped_does_not_count_as_0() -> None:
    # Grade: exact by hand: (6 + 7 + 8) / 3, whichever three of the five lines were used.
    assert scored("psfs", {"psfs_1": 6, "psfs_3": 7, "psfs_5": 8}) == 7.0


# --- Intake


@pytest.mark.parametrize("instrument", WORKED)
def test_an_item_or_total_outside_its_range_is_refused_at_intake(instrument: str, tmp_path: Path) -> None:
    # Grade: exact, one step beyond each end of the ranges of domain dossier §2a.
    declared = INSTRUMENTS[instrument]
    ends = {**{item.code: item.range for item in declared.items}, declared.total_column: declared.range}
    wrong = [(code, value) for code, (low, high) in ends.items() for value in (low - 1, high + 1)]
    good = {code: f"{value:g}" for code, value in WORKED[instrument][0].items()}
    visits = [row("visit", day="0", **good)]
    visits += [row("visit", day=str(day), **{code: f"{value:g}"}) for day, (code, value) in enumerate(wrong, start=1)]
    records = ingested(tmp_path, export_of(tmp_path, episode=[EPISODE], visit=visits))
    assert rules_of(records, "visit.csv") == {number: f"visit.{code}.range" for number, (code, _) in enumerate(wrong, start=2)}
    assert records.table("visit").height == 1


# --- What is declared


@pytest.mark.parametrize(
    ("instrument", "bounds", "direction", "items", "status"),
    [
        ("visa_a", (0, 100), "higher_better", 10, "unverified"),
        ("visa_g", (0, 100), "higher_better", 10, "unverified"),
        ("visa_p", (0, 100), "higher_better", 10, "unverified"),
        ("tendins_a", (0, 100), "higher_worse", 0, "unverified"),
        ("lefs", (0, 80), "higher_better", 20, "published"),
        ("psfs", (0, 10), "higher_better", 5, "published"),
        ("tsk11", (11, 44), "higher_worse", 11, "unverified"),
        ("pass", (0, 1), "higher_better", 0, "published"),
        ("sane", (0, 100), "higher_better", 0, "unverified"),
        ("nirschl_phase", (0, 7), "higher_worse", 0, "published"),
        ("fash", (0, 100), "higher_better", 0, "unverified"),
    ],
)
def test_ranges_and_directions_are_those_of_the_domain(
    instrument: str, bounds: tuple[float, float], direction: str, items: int, status: str
) -> None:
    # Grade: published where the status says so, domain dossier §2a; the others are unverified there and here.
    found = INSTRUMENTS[instrument]
    assert (found.range, found.direction, len(found.items), found.status) == (bounds, direction, items, status)


F, K, OURS = "published", "unverified", "decision"
# Domain dossier §2a, with its marks: F was seen in the named source, K is customary; a decision is ours.
THRESHOLDS: dict[str, dict[str, tuple[float, str, str]]] = {
    "visa_a": {
        "mic": (14, "Lagas 2021", K),
        "mic_low": (6.5, "McCormack", K),
        "mean_non_surgical": (64, "Robinson 2001", F),
        "mean_controls": (96, "Robinson 2001", F),
        "implausible_spike": (50, "half the scale", OURS),
    },
    "visa_g": {
        "change_low": (22, "to be verified", K),
        "change_high": (29, "to be verified", K),
        "implausible_spike": (50, "half the scale", OURS),
    },
    "visa_p": {
        "mcid": (13, "Hernandez-Sanchez", F),
        "mcid_share_low": (0.154, "Hernandez-Sanchez", F),
        "mcid_share_high": (0.27, "Hernandez-Sanchez", F),
        "half_sd": (7.3, "BMC Musculoskeletal Disorders 2023", F),
        "one_sem": (6.6, "BMC Musculoskeletal Disorders 2023", F),
        "implausible_spike": (50, "half the scale", OURS),
    },
    "tendins_a": {"mdc": (12, "medRxiv 2023", F)},
    "lefs": {
        "mid_low": (9, "JOSPT 2014", F),
        "mid_high": (16, "JOSPT 2014", F),
        "ceiling_share_low": (0.12, "UWRI", F),
        "ceiling_share_high": (0.25, "UWRI", F),
    },
    "psfs": {
        "mid_small": (1.3, "JOSPT 2014", F),
        "mid_medium": (2.3, "JOSPT 2014", F),
        "mid_large": (2.7, "JOSPT 2014", F),
    },
    "tsk11": {},
    "pass": {},
    "sane": {},
    "nirschl_phase": {},
    "fash": {},
}


@pytest.mark.parametrize("instrument", THRESHOLDS)
def test_thresholds_are_the_numbers_of_the_domain_with_their_sources(instrument: str) -> None:
    # Grade: published or unverified as each line says, domain dossier §2a.
    expected = THRESHOLDS[instrument]
    found = {one.name: (one.value, one.source, one.status) for one in INSTRUMENTS[instrument].threshold}
    assert found.keys() == expected.keys()
    assert {name: (value, status) for name, (value, _, status) in found.items()} == {
        name: (value, status) for name, (value, _, status) in expected.items()
    }
    assert [name for name, (_, source, _) in expected.items() if source not in found[name][1]] == []


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_items_and_total_are_columns_of_the_visit_with_the_same_range(instrument: str) -> None:
    # Grade: exact, one range may not stand twice with two values.
    declared = INSTRUMENTS[instrument]
    assert {item.code: VISIT[item.code].range for item in declared.items} == {item.code: item.range for item in declared.items}
    assert [item.code for item in declared.items if (VISIT[item.code].type == "integer") != item.whole and not item.values] == []
    total = VISIT[declared.total_column]
    assert total.range == declared.range or total.type == "boolean"


@pytest.mark.parametrize("instrument", WORKED)
def test_the_items_reach_exactly_the_ends_of_the_scale(instrument: str) -> None:
    # Grade: exact by hand: every item at its end, of branches the one that reaches farthest; a mean has the ends of its items.
    declared = INSTRUMENTS[instrument]
    plain, branched = ([item for item in declared.items if bool(item.branch) == which] for which in (False, True))
    count = 1 if declared.combine == "sum" else len(plain)
    lowest = sum(item.range[0] for item in plain) + min((item.range[0] for item in branched), default=0)
    highest = sum(item.range[1] for item in plain) + max((item.range[1] for item in branched), default=0)
    assert (lowest / count, highest / count) == declared.range


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_branches_and_allowed_answers_fit_the_items(instrument: str) -> None:
    # Grade: exact, the grammar of declarations/instruments.py.
    declared = INSTRUMENTS[instrument]
    assert set(declared.branches) == {item.branch for item in declared.items} - {""}
    ends = [
        (item.values[0], item.values[-1]) == item.range and sorted(item.values) == [*item.values]
        for item in declared.items
        if item.values
    ]
    assert all(ends)


def test_a_form_for_some_tendons_is_listed_by_these_and_by_no_other() -> None:
    # Grade: exact, one fact stands in two files and may not differ: whose form it is.
    listed = {name: {one.tendon for one in DECLARED.tendons.values() if name in one.instruments} for name in INSTRUMENTS}
    made_for = {name: set(one.only_for) for name, one in INSTRUMENTS.items() if one.only_for is not None}
    assert made_for.keys() == {"visa_a", "visa_g", "visa_h", "visa_p", "tendins_a", "fash"}
    assert {name: listed[name] for name in made_for} == made_for


def test_a_shared_abbreviation_needs_the_word_that_tells_its_scales_apart() -> None:
    # Grade: published, domain dossier §2a: the Nirschl phase is also abbreviated NPRS (Cacchio 2011).
    assert {name: one.scale for name, one in INSTRUMENTS.items() if "NPRS" in one.abbreviations} == {
        "nprs": "numeric_pain_rating",
        "nirschl_phase": "nirschl_phase",
    }
    with pytest.raises(ValueError, match="need a `scale`"):
        Instrument.model_validate({**LIST_OF_TWO, "abbreviations": ["X"]})


@pytest.mark.parametrize("instrument", ["visa_a", "visa_p"])
def test_item_7_and_8_have_the_points_of_the_domain(instrument: str) -> None:
    # Grade: unverified, domain dossier §2a: customary points.
    allowed = {item.code.removeprefix(f"{instrument}_"): item.values for item in INSTRUMENTS[instrument].items if item.values}
    assert allowed == {"7": (0, 4, 7, 10), "8a": (0, 7, 14, 21, 30), "8b": (0, 4, 10, 14, 20), "8c": (0, 2, 5, 7, 10)}


def test_no_item_carries_its_wording() -> None:
    # Grade: exact, copyright: a code and a number, nothing that a patient reads.
    codes = [item.code for name in THRESHOLDS for item in INSTRUMENTS[name].items]
    forms = (r"VISA-[AGP] item \d( in points.*)?", r"LEFS item \d+", r"TSK-11 item \d+ in its own numbering, 4 is most fear")
    allowed = "|".join([*forms, r"PSFS, rating of the patient's activity \d, 10 is best"])
    assert len(codes) == 30 + 20 + 5 + 11
    assert [code for code in codes if not re.fullmatch(allowed, VISIT[code].meaning)] == []


# --- The grammar

LIST_OF_TWO: dict[str, Any] = {
    "instrument": "x",
    "title": "X",
    "range": (0, 10),
    "direction": "higher_better",
    "total_column": "x",
    "source": "x",
    "status": "decision",
    "items": [{"code": "x_1", "range": (0, 10)}, {"code": "x_2", "range": (0, 10)}],
}
FREE = {"combine": "mean", "missing_rule": "refuse_below_min_items", "min_items": 1}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"min_items": 1, "combine": "mean"}, "go together"),
        ({"missing_rule": "refuse_below_min_items", "combine": "mean"}, "go together"),
        ({**FREE, "combine": "sum"}, "no score"),
        ({**FREE, "min_items": 3}, "more than there are items"),
        ({**FREE, "items": [{"code": "x_1", "range": (0, 10), "branch": "x"}]}, "branches"),
    ],
)
def test_a_rule_for_missing_items_that_makes_no_sense_is_refused(changes: dict[str, Any], says: str) -> None:
    # Grade: exact, decision: a sum over fewer items is smaller for that reason alone.
    assert Instrument.model_validate({**LIST_OF_TWO, **FREE}).min_items == 1
    with pytest.raises(ValueError, match=says):
        Instrument.model_validate({**LIST_OF_TWO, **changes})


def test_a_mean_of_items_that_are_all_owed_refuses_a_missing_one() -> None:
    # Grade: exact by hand: (4 + 7) / 2; without one of the two there is no score.
    owed = Instrument.model_validate({**LIST_OF_TWO, "combine": "mean"})
    visits = pl.DataFrame({"x_1": [4.0, 4.0], "x_2": [7.0, None], "x": [None, 9.0]})
    assert score(visits, [owed])["x"].to_list() == [5.5, None]
