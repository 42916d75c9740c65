"""The loop over random samples sees what it is there to see; a few samples of every check run with the tests."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tests.slow_reference import run
from tests.slow_reference.check import Check, Deviation, both_refuse, deviations


@pytest.mark.parametrize("stem", run.modules())
def test_every_check_agrees_on_a_few_samples(stem: str) -> None:
    # Slow reference: the implementations beside this file; the gate runs thousands of samples.
    for check in run.checks_of(stem):
        assert run.ran(check, range(5), seed=20).shown == ()


def test_names_of_checks_are_unique_and_every_module_is_read() -> None:
    # Exact: names.
    assert run.all_checks()[1] == {}


def test_a_planted_difference_and_an_exception_are_seen() -> None:
    # Exact: planted faults.
    def number(rng: np.random.Generator) -> int:
        return int(rng.integers(0, 10))

    honest = Check("honest", number, lambda one: deviations("value", one, float(one)))
    off = Check("off", number, lambda one: deviations("value", one + 1e-6 * (one == 3), one))
    broken = Check("broken", number, lambda one: [Deviation("never", 1 / 0, 0.0)])
    assert run.ran(honest, range(100), seed=1).wrong == ()
    assert run.ran(honest, range(100), seed=1).numbers == 100
    assert run.ran(Check("nothing to compare", number, lambda one: []), range(7), seed=1).idle == 7
    wrong = run.ran(off, range(100), seed=1).wrong
    assert wrong == tuple(n for n in range(100) if number(run.rng_of("off", n, 1)) == 3)
    assert len(wrong) > 3
    assert len(run.ran(broken, range(3), seed=1).wrong) == 3
    assert "ZeroDivisionError" in run.ran(broken, range(1), seed=1).shown[0]


def test_a_sample_comes_from_its_name_number_and_seed_alone() -> None:
    # Exact: the same three give the same sample, any other gives another.
    def first(*which: object) -> float:
        return float(run.rng_of(*which).random())  # type: ignore[arg-type]

    assert first("a", 1, 2) == first("a", 1, 2)
    assert len({first("a", 1, 2), first("b", 1, 2), first("a", 2, 2), first("a", 1, 3)}) == 4


def test_deviations_by_hand() -> None:
    # Exact: by hand.
    assert deviations("x", [0.5, np.nan, np.inf], [Fraction(1, 2), None, np.inf]) == []
    assert deviations("x", 1e6 + 1e-4, 10**6) == []
    assert deviations("x", np.zeros((2, 2)), [[0, 0], [0, 1]]) == [Deviation("x[1, 1]", 0.0, 1.0)]
    assert deviations("x", np.inf, -np.inf) == [Deviation("x", np.inf, -np.inf)]
    assert len(deviations("x", np.nan, 0.0)) == len(deviations("x", 0.0, np.nan)) == 1
    assert len(deviations("x", 0.0, np.inf)) == len(deviations("x", np.zeros(2), np.zeros(3))) == 1
    assert deviations("x", 0.1, 0.2, tolerance=0.2) == []


def test_both_must_refuse() -> None:
    # Exact: by hand.
    def refuse() -> None:
        raise EstimationRefused("no events")

    assert both_refuse("x", refuse, refuse) == []
    assert both_refuse("x", lambda: 1, lambda: 2) == []
    assert both_refuse("x", refuse, lambda: 2) == [Deviation("x: refused", 1.0, 0.0)]
