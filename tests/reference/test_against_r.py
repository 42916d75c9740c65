"""The estimators against the frozen numbers of R; SOURCES.md says where they come from and where they cannot agree."""

from __future__ import annotations

import pytest

from tests.reference import regenerate

COMPARISONS = regenerate.comparisons()


@pytest.mark.parametrize("comparison", COMPARISONS, ids=[one.name for one in COMPARISONS])
def test_meets_r(comparison: regenerate.Comparison) -> None:
    # Reference: R survival, cmprsk, prop.test, binom.test; an EM in base R for interval-censored causes (SOURCES.md).
    assert comparison.ours.shape == comparison.theirs.shape
    assert comparison.compared > 0
    assert comparison.deviations().max() <= regenerate.TOLERANCE


def test_meets_survfit_interval2_as_far_as_it_converges() -> None:
    # Reference: survfit(type = "interval2"), which stops when the curve moves by less than 5e-5.
    assert regenerate.survfit_interval2().deviations().max() <= 5e-4


def test_there_are_thousands_of_numbers() -> None:
    # Exact: the loop that the gate prints is the loop tested here.
    compared, off, worst = regenerate.compare_frozen()
    assert compared == sum(one.compared for one in COMPARISONS) > 5000
    assert off == 0
    assert worst <= regenerate.TOLERANCE


@pytest.mark.parametrize("name", list(regenerate.SCRIPTS))
def test_frozen_numbers_belong_to_their_script_and_sample(name: str) -> None:
    # Exact: hashes; and the versions of R are on record.
    content = regenerate.frozen(name)
    for key, value in regenerate.provenance(name).items():
        assert content[key] == value
    assert content["versions"]["R"].startswith("R version")


def test_samples_are_what_their_formula_makes() -> None:
    # Exact: the committed rows come from the integer formulas in samples.py.
    from tests.reference import samples

    for name, rows in (("right_censored.csv", samples.right_censored()), ("interval_censored.csv", samples.interval_censored())):
        written = (regenerate.DATA / name).read_text(encoding="utf-8").splitlines()[1:]
        assert written == [",".join(str(value) for value in row.values()) for row in rows]
