"""Anhoj's rules."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.run_chart import crossings_limit, longest_run_limit, run_chart


def test_limits_are_the_published_ones() -> None:
    # Published: Anhoj, vignette of R's qicharts2, appendix 2, critical values for 10 to 60 (of 100) useful points.
    assert [longest_run_limit(n) for n in range(10, 61)] == [6] * 2 + [7] * 11 + [8] * 23 + [9] * 15
    crossings = [2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8, 9, 9, 10, 10, 11, 11, 11, 12, 12, 13, 13, 14, 14, 14]
    crossings += [15, 15, 16, 16, 17, 17, 17, 18, 18, 19, 19, 20, 20, 21, 21, 21, 22, 22, 23, 23]
    assert [crossings_limit(n) for n in range(10, 61)] == crossings
    assert (longest_run_limit(100), crossings_limit(100)) == (10, 41)


def test_points_on_the_centre_neither_break_nor_lengthen_a_run() -> None:
    # Exact: above, above, (on), above, below, above: longest run 3, two crossings, five useful points.
    found = run_chart([2, 3, 1, 2, 0, 2], centre=1)
    assert (found.useful, found.longest_run, found.crossings) == (5, 3, 2)


def test_a_lasting_change_is_a_shift_and_a_steady_alternation_is_none() -> None:
    # Exact: 12 low then 12 high points: runs of 12 (limit 8) and one crossing (limit 8); alternating: runs of 1, 23 crossings.
    shifted = run_chart(np.repeat([1.0, 2.0], 12))
    assert (shifted.longest_run, shifted.crossings, shifted.shift, shifted.few_crossings) == (12, 1, True, True)
    steady = run_chart(np.tile([1.0, 2.0], 12))
    assert (steady.longest_run, steady.crossings, steady.shift, steady.few_crossings) == (1, 23, False, False)


def test_all_points_alike_are_no_signal() -> None:
    # Exact: nothing is useful.
    found = run_chart([3, 3, 3])
    assert (found.useful, found.longest_run, found.shift, found.few_crossings) == (0, 0, False, False)


def test_chance_signals_in_about_one_chart_of_twenty() -> None:
    # Simulation: 4,000 charts of 24 normal points; Anhoj & Olesen (2014) hold it near 5 % (Monte-Carlo error 0.35 points).
    rng = np.random.default_rng(24)
    charts = [run_chart(rng.normal(size=24)) for _ in range(4_000)]
    share = np.mean([one.shift or one.few_crossings for one in charts])
    assert 0.02 < share < 0.09


def test_missing_values_are_refused() -> None:
    with pytest.raises(EstimationRefused, match="1 of 3"):
        run_chart([1.0, np.nan, 2.0])
