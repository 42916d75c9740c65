"""The estimators against the frozen numbers of R; SOURCES.md says where they come from and where they cannot agree."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tests.reference import regenerate
from tests.reference.comparison import FROZEN, HERE, Comparison, discovered, frozen

MODULES, FAULTS = sorted(path.stem.removeprefix("compare_") for path in HERE.glob("compare_*.py")), discovered()[1]
STEMS = regenerate.scripts()


@pytest.mark.parametrize("area", MODULES)
def test_meets_r(area: str) -> None:
    # Reference: frozen numbers of R; the area's script names the functions (SOURCES.md).
    assert area not in FAULTS, FAULTS.get(area)
    found = discovered()[0][area].comparisons()
    assert len({one.name for one in found}) == len(found)
    assert [one.name for one in found if one.ours.shape != one.theirs.shape] == []
    assert [one.name for one in found if not one.compared] == []
    assert [(one.name, float(one.deviations().max())) for one in found if one.off] == []
    assert [one.name for one in found if one.tolerance > regenerate.TIGHT and not one.reason] == []


def test_there_are_thousands_of_numbers() -> None:
    # Exact: the loop that the gate prints, on the area that was here first.
    area = regenerate.compared_area("one_sample", discovered()[0]["one_sample"].comparisons())
    assert area.compared > 5000
    assert area.faults == 0
    assert area.worst <= 1e-10


def test_a_number_that_is_off_is_seen() -> None:
    # Exact: planted faults. A deviation, a NaN of ours, another shape, and a loose tolerance without a reason.
    right = np.array([0.25, 0.5, np.nan])
    assert Comparison("same", right, right).off == 0
    assert Comparison("deviation", right + 1e-9, right).off == 2
    assert Comparison("not a number", np.array([np.nan, 0.5, 0.0]), right).off == 1
    assert Comparison("shape", right[:2], right).off == 2
    assert Comparison("great numbers", np.array([1e6 + 1e-5]), np.array([1e6])).off == 0
    assert Comparison("infinity", np.array([np.inf, 1.0]), np.array([np.inf, np.inf])).off == 1
    loose = Comparison("loose", right + 1e-9, right, tolerance=1e-3)
    assert regenerate.compared_area("planted", [loose]).faults == 1


@pytest.mark.parametrize("stem", list(STEMS))
def test_frozen_numbers_belong_to_their_script_and_sample(stem: str) -> None:
    # Exact: hashes; and the versions of R are on record.
    content = frozen(stem)
    for key, value in regenerate.provenance(stem, STEMS[stem]).items():
        assert content[key] == value
    assert content["versions"]["R"].startswith("R version")


def test_every_frozen_file_has_its_script_and_every_script_its_comparison() -> None:
    # Exact: names of files.
    assert {path.stem for path in FROZEN.glob("*.json")} == {path.stem for path in HERE.glob("*.R")} == set(STEMS)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_repeats_a_frozen_script() -> None:
    # Reference: R itself; the smallest script only, `make.py oracle` repeats them all.
    rscript = shutil.which("Rscript")
    assert rscript is not None
    assert regenerate.same_numbers(regenerate.run_script("proportions", rscript)["numbers"], frozen("proportions")["numbers"])


def test_samples_are_what_their_formula_makes() -> None:
    # Exact: the committed rows come from the integer formulas in samples.py.
    from tests.reference import samples

    for name, rows in (("right_censored.csv", samples.right_censored()), ("interval_censored.csv", samples.interval_censored())):
        written = (regenerate.DATA / name).read_text(encoding="utf-8").splitlines()[1:]
        assert written == [",".join(str(value) for value in row.values()) for row in rows]
