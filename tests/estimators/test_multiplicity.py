"""Holm's rule."""

from __future__ import annotations

import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.multiplicity import holm


def test_adjusted_values_are_those_of_r() -> None:
    # Reference: R 4.2 p.adjust(c(.01, .04, .03, .005, .5), "holm").
    assert holm([0.01, 0.04, 0.03, 0.005, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.5], abs=1e-15)


def test_one_value_stays_and_none_stay_none() -> None:
    # Exact.
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).size == 0


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(EstimationRefused, match="no probability"):
        holm([0.1, 1.2])
