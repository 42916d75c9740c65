"""What must hold of the middle of pairs and of means over patients on every sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.estimators.patient_means import mean_over_patients
from tendon_outcomes.estimators.sample_size import share_sample_size
from tendon_outcomes.estimators.signed_rank import paired_median

every = settings(max_examples=200, deadline=None, derandomize=True)
points = st.lists(st.integers(-10, 10), min_size=6, max_size=40)


@every
@given(points, st.integers(-5, 5), st.sampled_from([-2.0, -1.0, 0.5, 3.0]))
def test_the_middle_moves_and_stretches_with_the_pairs(values: list[int], shift: int, scale: float) -> None:
    # Grade: exact: an affine map of the pairs is one of estimate and limits; a negative one exchanges the limits.
    plain, moved = paired_median(values), paired_median(scale * np.array(values) + shift)
    ends = sorted([scale * plain.conf_low + shift, scale * plain.conf_high + shift])
    assert moved.estimate == pytest.approx(scale * plain.estimate + shift)
    assert [moved.conf_low, moved.conf_high] == pytest.approx(ends)


@every
@given(points)
def test_the_middle_lies_in_its_limits_and_limits_are_nested(values: list[int]) -> None:
    # Grade: exact.
    wide, narrow = paired_median(values, conf_level=0.95), paired_median(values, conf_level=0.8)
    assert min(values) <= wide.conf_low <= narrow.conf_low <= narrow.estimate <= narrow.conf_high <= wide.conf_high <= max(values)


@every
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1)), min_size=8, max_size=60))
def test_repeating_every_row_changes_no_mean_over_patients(rows: list[tuple[int, int]]) -> None:
    # Grade: exact: a patient's mean is the same however often the same rows stand there, in whatever order.
    patients, values = zip(*rows, strict=True)
    if len(set(patients)) < 2:
        return
    once = mean_over_patients(values, patients, share=True)
    thrice = mean_over_patients(values[::-1] * 3, patients[::-1] * 3, share=True)
    assert (thrice.estimate, thrice.conf_low, thrice.conf_high) == (
        pytest.approx(once.estimate),
        pytest.approx(once.conf_low),
        pytest.approx(once.conf_high),
    )
    assert 0.0 <= once.conf_low <= once.estimate <= once.conf_high <= 1.0


@every
@given(st.floats(0.05, 0.6), st.floats(0.02, 0.3), st.floats(0.55, 0.95))
def test_more_power_and_smaller_differences_need_more(threshold: float, worth: float, power: float) -> None:
    # Grade: exact.
    n = share_sample_size(threshold, worth=worth, power=power)
    assert n <= share_sample_size(threshold, worth=worth, power=power + 0.04)
    assert n <= share_sample_size(threshold, worth=worth / 2, power=power)
